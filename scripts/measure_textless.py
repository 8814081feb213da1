# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[evaluation]"]
# ///
"""Measures what a recognizer reads where there is nothing to read: crops of photos without text.

    python scripts/measure_textless.py --photos photos/ --num_crops 1000
    python scripts/measure_textless.py --photos photos/ --decoder best_path --model runs/mine

Crops have the shape of words, one to six times as wide as high, and are cut at random from photos that should hold no
text, as a detector's false alarms are. The table says how many are read as empty, and how many get a text whose score
is below 0.3, below 0.5, and above: whoever drops predictions below such a score is rid of them.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm
from transformers.utils import logging

import hf_str
from hf_str.evaluation.recognizers import open_recognizer


SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def main():
    args = parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    files = sorted(path for path in args.photos.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise SystemExit(f"there are no photos ({', '.join(SUFFIXES)}) in {args.photos}")
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
    surest = sorted((one for one in predictions if one[0]), key=lambda one: -one[1])[:5]
    print("\nHighest scores: " + ", ".join(f"{text!r} {score:.2f}" for text, score in surest))


def crop(path: Path, rng: np.random.Generator) -> Image.Image:
    """A part of a photo in the shape of a word, from a third of the photo's height down to 16 pixels."""
    with Image.open(path) as photo:
        photo = photo.convert("RGB")
    height = int(rng.integers(min(16, photo.height), max(photo.height // 3, 17)))
    width = min(int(height * rng.uniform(1, 6)), photo.width)
    left, top = rng.integers(photo.width - width + 1), rng.integers(photo.height - height + 1)
    return photo.crop((int(left), int(top), int(left) + width, int(top) + height))


def parse_args() -> argparse.Namespace:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    add = parser.add_argument
    add("--photos", type=Path, required=True, help="folder of photos without text, searched with its subfolders")
    add("--model", default=hf_str.DEFAULT_CHECKPOINT, help="any recognizer that evaluate_str.py takes")
    add("--decoder", help="such as best_path (default: what the model is read with)")
    add("--num_crops", type=int, default=1000)
    add("--device", default="cpu")
    add("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
