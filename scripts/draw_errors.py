# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[evaluation,synthesis]"]
# ///
"""Shows where a recognizer fails: its accuracy by difficulty on rendered words, and a picture of its errors.

    python scripts/draw_errors.py --output errors.png
    python scripts/draw_errors.py --model runs/mine --lexicon words.txt --backgrounds photos/ --output errors.png

Rendered words are free of rights, so the picture may be part of a model card, where images of academic test sets may
not. The same --seed always renders the same words; use a seed that the training has not used. Below each image are its
text and the prediction. --protocol decides what is an error; the picture shows the first errors on words of the
highest --difficulty.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm
from transformers.utils import logging

import hf_str
from hf_str.evaluation import PROTOCOLS, default_protocols
from hf_str.evaluation.recognizers import open_recognizer
from hf_str.models.crnn.tokenization_crnn import resolve_charset
from hf_str.synthesis import WordRenderer, WordSampler, find_fonts
from hf_str.synthesis.contact_sheet import contact_sheet
from hf_str.utils.options import OptionParser, add_rendering_options, positive


def main():
    args = parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    recognizer = open_recognizer(args.model, args.device)
    characters = resolve_charset(args.charset)
    same = PROTOCOLS[args.protocol or default_protocols(characters)[0]].same
    sampler = WordSampler(characters, lexicons=args.lexicon)
    fonts = find_fonts(characters, args.fonts, progress=True)
    renderer = WordRenderer(sampler, fonts, backgrounds=args.backgrounds, seed=args.seed)

    errors: list[tuple[np.ndarray, str]] = []
    print("| difficulty | samples | accuracy |")
    print("|---|---|---|")
    for renderer.difficulty in sorted(args.difficulty):
        errors.clear()
        for start in tqdm(range(0, args.num_samples, args.batch_size), unit="batch", leave=False):
            indices = range(start, min(start + args.batch_size, args.num_samples))
            samples = [renderer.render(index) for index in indices]
            predictions = recognizer.recognize([Image.fromarray(picture) for picture, _ in samples])
            errors += [
                (picture, f"{text}: {prediction}")
                for (picture, text), (prediction, _) in zip(samples, predictions, strict=True)
                if not same(prediction, text)
            ]
        accuracy = 1 - len(errors) / args.num_samples
        print(f"| {renderer.difficulty:g} | {args.num_samples:,} | {100 * accuracy:.2f} |", flush=True)
    if not errors:
        raise SystemExit("There are no errors to draw.")
    shown = errors[: args.num_errors]
    Image.fromarray(contact_sheet(shown, args.columns, cell_width=180)).save(args.output)
    print(f"{args.output} shows {len(shown)} of {len(errors)} errors.")


def parse_args() -> argparse.Namespace:
    parser = OptionParser(__doc__, {"num_words": "num_samples"})
    add = parser.add_argument
    add(
        "--model",
        default=hf_str.DEFAULT_CHECKPOINT,
        help="any recognizer that evaluate_str.py takes (default: that of hf_str)",
    )
    add("--output", type=Path, required=True, help="the picture to write (.png, .webp)")
    add("--num_samples", type=positive, default=1000, help="number of words of each difficulty")
    add("--difficulty", type=float, nargs="+", default=[0.0, 0.25, 0.5, 0.75, 1.0], help="difficulties to measure")
    add("--num_errors", type=int, default=40, help="number of errors in the picture")
    add("--columns", type=int, default=5, help="number of columns of the picture")
    add("--protocol", choices=PROTOCOLS, help="which characters are compared (default: by the charset)")
    add_rendering_options(parser)
    add("--batch_size", type=positive, default=64, help="images per forward pass")
    add("--device", default="cpu", help="cpu or cuda")
    add("--seed", type=int, default=1 << 20, help="seed of the words; the default is far from those of training")
    return parser.parse_args()


if __name__ == "__main__":
    main()
