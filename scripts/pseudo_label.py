# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train]"]
# ///
"""Labels word images with a recogniser, and keeps the labels that it is sure of: more real words to train on.

    python scripts/pseudo_label.py --images unlabelled/ --output labels.tsv --model runs/mine
    python scripts/pseudo_label.py --images my_words/ --check

A reading is kept where the image as it is and some augmented views of it (moved corners, other tones, blur, noise) are
all read alike, and the least score of all is at least `--min_score`. The output has a line `path<TAB>text` for each,
with paths relative to the output's folder, as `load_word_boxes` and the run scripts take it. With `--language_model`
(`train_character_lm.py` makes one) more is read right, and who trains on the labels learns some of what it knows.
`--check` writes nothing: it reads a folder that has labels, and says for several bounds how many words would be kept
and how many of these are read right, which tells what bound to take.
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


SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}


def find_images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def views_of(path: Path, args: argparse.Namespace, seed: list[int]) -> list[Image.Image]:
    """The image and `args.views` augmented views; nothing where it cannot be read or is a tall crop."""
    try:
        image = load_word_image(path).convert("L")
    except UnreadableImageError as error:
        tqdm.write(f"left out: {error}")
        return []
    if image.height > args.max_height * image.width:
        return []
    rng, pixels = np.random.default_rng(seed), np.asarray(image)
    return [image] + [Image.fromarray(augment_word(pixels, rng, args.strength, 0.0)) for _ in range(args.views)]


@torch.inference_mode()
def read(model: CRNNForCTC, processor: CRNNProcessor, images: list[Image.Image], decoder: CTCDecoder) -> list[dict]:
    batches = make_batches(images, processor.image_processor, len(images))
    readings = recognize_batches(batches, model, processor, decoder=decoder)
    return [readings[place] for place in range(len(images))]


def label(paths: list[Path], args: argparse.Namespace) -> list[tuple[str, float]]:
    """The reading of each image, and its least score over all views: 0 where they are not read alike."""
    processor = CRNNProcessor.from_pretrained(args.model)
    model = AutoModelForCTC.from_pretrained(args.model).to(args.device).eval()
    decoder = make_decoder(None, processor.tokenizer, language_model=args.language_model)
    found = []
    for first in tqdm(range(0, len(paths), args.batch_size), desc="labelling", unit="batch"):
        batch = paths[first : first + args.batch_size]
        views = [views_of(path, args, [args.seed, first + place]) for place, path in enumerate(batch)]
        images = list(chain.from_iterable(views))
        readings = iter(read(model, processor, images, decoder) if images else [])
        for own_views in views:
            own = [next(readings) for _ in own_views]
            texts = {reading["text"] for reading in own}
            agree = len(texts) == 1 and texts != {""}
            found.append((own[0]["text"], min(reading["score"] for reading in own)) if agree else ("", 0.0))
    return found


def check(args: argparse.Namespace):
    """How good the labels would be, on words whose labels are known."""
    boxes = list(read_word_folder(args.images))
    found = label([box.path for box in boxes], args)
    print(f"{len(boxes)} words\n\n| min_score | kept | right of these | right, 36 characters |\n|---|---|---|---|")
    for bound in (0.0, 0.2, 0.4, 0.6, 0.8, 0.9):
        kept = [(box.text, text) for box, (text, score) in zip(boxes, found, strict=True) if text and score >= bound]
        right = [_accuracy(PROTOCOLS[name], kept) for name in ("exact", "36")]
        print(f"| {bound} | {len(kept) / len(boxes):.1%} | {' | '.join(right)} |")


def _accuracy(protocol: Protocol, kept: list[tuple[str, str]]) -> str:
    """Of the labels that have a character of the protocol; of others nothing can be said."""
    compared = [(text, wanted) for wanted, text in kept if protocol.normalize(wanted)]
    return f"{protocol.word_accuracy(*zip(*compared, strict=True)):.1%}" if compared else "-"


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--images", type=Path, required=True, help="folder of word images, searched with all its folders")
    add("--output", type=Path, help="the file of labels")
    add("--check", action="store_true", help="instead: try it on a folder that has a labels.tsv")
    add("--model", default=hf_str.DEFAULT_CHECKPOINT)
    add("--language_model", type=Path, help="of characters (the model's own, if any)")
    add("--views", type=int, default=4, help="augmented views of each image")
    add("--strength", type=float, default=1.0, help="of the augmentation; 1 is that of training")
    add("--min_score", type=float, default=0.4, help="least probability of the word over all views")
    add("--max_height", type=float, default=1.5, help="leave out images that are higher than so many widths")
    add("--batch_size", type=int, default=64, help="images read at once, each with its views")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.check == (args.output is not None):
        parser.error("say where to --output the labels, or --check")
    return args


def main():
    args = parse_args()
    logging.disable_progress_bar()
    if args.check:
        return check(args)
    paths = find_images(args.images)
    if not paths:
        raise SystemExit(f"error: there are no images in {args.images}")
    found = label(paths, args)
    kept = [(path, text) for path, (text, score) in zip(paths, found, strict=True) if text and score >= args.min_score]
    folder = args.output.resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{os.path.relpath(path.resolve(), folder)}\t{text}\n" for path, text in kept]
    part = args.output.with_name(args.output.name + ".part")
    part.write_text("".join(lines), encoding="utf-8")
    os.replace(part, args.output)
    print(f"{args.output} has labels for {len(kept)} of {len(paths)} images ({len(kept) / len(paths):.1%})")


if __name__ == "__main__":
    main()
