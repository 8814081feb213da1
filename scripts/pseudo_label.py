# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train]"]
# ///
"""Labels word images with a recognizer and keeps the most confident labels: pseudo-labels for training.

    python scripts/pseudo_label.py --images unlabeled/ --output labels.tsv --model runs/mine
    python scripts/pseudo_label.py --images my_words/ --check

A label is kept if the image and some augmented views of it (moved corners, other tones, blur, noise) all have the same
prediction, and the lowest of their scores is at least `--min_score`. The output has one line `path<TAB>text` for each
label, with paths relative to the folder of the output; `load_word_boxes` and the run scripts read it. A
`--language_model` (see `train_character_lm.py`) makes the labels more accurate, and a model that is trained on them
learns a part of what it knows. `--check` writes nothing: on a folder that has labels, it prints for several thresholds
how many labels would be kept and how many of them are right, to help you choose `--min_score`.
"""

import argparse
import os
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm
from transformers import AutoModelForCTC
from transformers.utils import logging

import hf_str
from hf_str import CRNNForCTC, CRNNProcessor
from hf_str.data import read_word_folder
from hf_str.data.augmentation import augment_word
from hf_str.evaluation import PROTOCOLS, Protocol
from hf_str.models.crnn.ctc_decoders_crnn import CTCDecoder, make_decoder
from hf_str.models.crnn.image_batching_crnn import make_batches, recognize_batches
from hf_str.models.crnn.image_loading_crnn import UnreadableImageError, load_word_image
from hf_str.utils.atomic_writes import atomic_write
from hf_str.utils.image_files import find_images
from hf_str.utils.options import OptionParser, positive


def views_of(path: Path, args: argparse.Namespace, seed: list[int]) -> list[Image.Image]:
    """The image and `args.views` augmented views of it; none if it cannot be read or is a tall crop."""
    try:
        image = load_word_image(path).convert("L")
    except UnreadableImageError as error:
        tqdm.write(f"left out: {error}")
        return []
    if image.height > args.vertical_aspect_ratio * image.width:
        return []
    rng, pixels = np.random.default_rng(seed), np.asarray(image)
    return [image] + [Image.fromarray(augment_word(pixels, rng, args.augmentation, 0.0)) for _ in range(args.views)]


@torch.inference_mode()
def read(model: CRNNForCTC, processor: CRNNProcessor, images: list[Image.Image], decoder: CTCDecoder) -> list[dict]:
    batches = make_batches(images, processor.image_processor, len(images))
    predictions = recognize_batches(batches, model, processor, decoder=decoder)
    return [predictions[index] for index in range(len(images))]


def label(paths: list[Path], args: argparse.Namespace) -> list[tuple[str, float]]:
    """The text of each image and its lowest score over all views, which is 0 if their texts differ."""
    processor = CRNNProcessor.from_pretrained(args.model)
    model = AutoModelForCTC.from_pretrained(args.model).to(args.device).eval()
    decoder = make_decoder(None, processor.tokenizer, language_model=args.language_model)
    found = []
    for first in tqdm(range(0, len(paths), args.batch_size), desc="labeling", unit="batch"):
        batch = paths[first : first + args.batch_size]
        views = [views_of(path, args, [args.seed, first + index]) for index, path in enumerate(batch)]
        images = list(chain.from_iterable(views))
        predictions = iter(read(model, processor, images, decoder) if images else [])
        for own_views in views:
            own = [next(predictions) for _ in own_views]
            texts = {prediction["text"] for prediction in own}
            agree = len(texts) == 1 and texts != {""}
            found.append((own[0]["text"], min(prediction["score"] for prediction in own)) if agree else ("", 0.0))
    return found


def check(args: argparse.Namespace):
    """Prints how accurate the labels would be, on images whose labels are known."""
    boxes = list(read_word_folder(args.images))
    found = label([box.path for box in boxes], args)
    print(f"{len(boxes)} words\n\n| min_score | kept | right of these | right, 36 characters |\n|---|---|---|---|")
    for bound in (0.0, 0.2, 0.4, 0.6, 0.8, 0.9):
        kept = [(box.text, text) for box, (text, score) in zip(boxes, found, strict=True) if text and score >= bound]
        right = [_accuracy(PROTOCOLS[name], kept) for name in ("exact", "36")]
        print(f"| {bound} | {len(kept) / len(boxes):.1%} | {' | '.join(right)} |")


def _accuracy(protocol: Protocol, kept: list[tuple[str, str]]) -> str:
    """Word accuracy over the labels that have a character of the protocol."""
    compared = [(text, wanted) for wanted, text in kept if protocol.normalize(wanted)]
    return f"{protocol.word_accuracy(*zip(*compared, strict=True)):.1%}" if compared else "-"


def parse_args() -> argparse.Namespace:
    parser = OptionParser(__doc__, {"strength": "augmentation", "max_height": "vertical_aspect_ratio"})
    add = parser.add_argument
    add("--images", type=Path, required=True, help="folder of word images, searched recursively")
    add("--output", type=Path, help="file of labels to write")
    add("--check", action="store_true", help="instead: measure the labels on a folder that has a labels.tsv")
    add(
        "--model",
        default=hf_str.DEFAULT_CHECKPOINT,
        help="checkpoint folder or Hub repository (default: that of hf_str)",
    )
    add(
        "--language_model",
        type=Path,
        metavar="FILE",
        help="of train_character_lm.py, or ARPA (default: the model's own)",
    )
    add("--views", type=int, default=4, help="number of augmented views of each image")
    add("--augmentation", type=float, default=1.0, help="strength of the augmentation; 1 as in training")
    add("--min_score", type=float, default=0.4, help="confidence threshold: lowest score over all views")
    add("--vertical_aspect_ratio", type=float, default=1.5, help="leave out images with a larger height / width")
    add("--batch_size", type=positive, default=64, help="images per batch, each with its views")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu or cuda")
    add("--seed", type=int, default=0, help="seed of the augmentation")
    args = parser.parse_args()
    if args.check == (args.output is not None):
        parser.error("give either --output or --check")
    return args


def main():
    args = parse_args()
    logging.disable_progress_bar()
    if args.check:
        check(args)
        return
    try:
        paths = find_images(args.images)
    except FileNotFoundError as error:
        raise SystemExit(f"error: {error}") from error
    found = label(paths, args)
    kept = [(path, text) for path, (text, score) in zip(paths, found, strict=True) if text and score >= args.min_score]
    folder = args.output.resolve().parent
    lines = [f"{os.path.relpath(path.resolve(), folder)}\t{text}\n" for path, text in kept]
    with atomic_write(args.output) as file:
        file.write("".join(lines).encode())
    print(f"{args.output} has labels for {len(kept)} of {len(paths)} images ({len(kept) / len(paths):.1%})")


if __name__ == "__main__":
    main()
