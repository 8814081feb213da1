# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[evaluation]"]
# ///
"""Measures what a recognizer predicts for images without text: crops of photos.

    python scripts/measure_textless.py --photos photos/ --num_crops 1000
    python scripts/measure_textless.py --photos photos/ --decoder best_path --model runs/mine

The crops have the aspect ratio of words, one to six times as wide as high, and are random parts of photos that should
contain no text, like the false alarms of a detector. The table shows how many predictions are empty, and how many have
a score below 0.3, below 0.5, and above: a threshold on the score removes those below it.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm
from transformers.utils import logging

import hf_str
from hf_str.evaluation.recognizers import open_recognizer
from hf_str.utils.image_files import find_images
from hf_str.utils.options import OptionParser, positive


def main():
    args = parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        files = find_images(args.photos)
    except FileNotFoundError as error:
        raise SystemExit(f"error: {error}") from error
    recognizer = open_recognizer(args.model, args.device, {"decoder": args.decoder} if args.decoder else None)
    rng = np.random.default_rng(args.seed)
    crops = [crop(files[rng.integers(len(files))], rng) for _ in tqdm(range(args.num_crops), "cropping")]
    predictions = []
    for start in tqdm(range(0, len(crops), 64), "reading"):
        predictions += recognizer.recognize(crops[start : start + 64])
    scores = np.array([score for text, score in predictions if text])
    empty = len(predictions) - len(scores)
    counts = {
        "empty": empty,
        "score below 0.3": (scores < 0.3).sum(),
        "0.3 to 0.5": ((scores >= 0.3) & (scores < 0.5)).sum(),
        "0.5 and more": (scores >= 0.5).sum(),
        "empty or below 0.3": empty + (scores < 0.3).sum(),
    }
    print(f"| {' | '.join(counts)} |")
    print("|---" * len(counts) + "|")
    print(f"| {' | '.join(f'{100 * count / len(predictions):.1f}' for count in counts.values())} |")
    best = sorted((one for one in predictions if one[0]), key=lambda one: -one[1])[:5]
    print("\nHighest scores: " + ", ".join(f"{text!r} {score:.2f}" for text, score in best))


def crop(path: Path, rng: np.random.Generator) -> Image.Image:
    """A part of a photo with the aspect ratio of a word; its height is 16 pixels to a third of the photo's height."""
    with Image.open(path) as file:
        photo = file.convert("RGB")
    height = int(rng.integers(min(16, photo.height), max(photo.height // 3, 17)))
    width = min(int(height * rng.uniform(1, 6)), photo.width)
    left, top = rng.integers(photo.width - width + 1), rng.integers(photo.height - height + 1)
    return photo.crop((int(left), int(top), int(left) + width, int(top) + height))


def parse_args() -> argparse.Namespace:
    parser = OptionParser(__doc__)
    add = parser.add_argument
    add("--photos", type=Path, required=True, help="folder of photos without text, searched recursively")
    add(
        "--model",
        default=hf_str.DEFAULT_CHECKPOINT,
        help="any recognizer that evaluate_str.py takes (default: that of hf_str)",
    )
    add("--decoder", help="such as best_path (default: the default decoder of the model)")
    add("--num_crops", type=positive, default=1000, help="number of crops")
    add("--device", default="cpu", help="cpu or cuda")
    add("--seed", type=int, default=0, help="seed of the crops")
    return parser.parse_args()


if __name__ == "__main__":
    main()
