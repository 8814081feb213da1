# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[evaluation,synthesis]"]
# ///
"""Shows where a recogniser fails, on words rendered for it: accuracy by difficulty, and a picture of its errors.

    python scripts/draw_errors.py --output errors.png
    python scripts/draw_errors.py --model runs/mine --lexicon words.txt --backgrounds photos/ --output errors.png

Rendered words belong to nobody, so that the picture may stand in a model card, where academic test images may not. The
same --seed always renders the same words; with that of the training it shows words that were trained on. Under each
picture stands what it says, and what was read. Right and wrong are those of --protocol; the picture has the errors on
words of the highest --difficulty, the first ones that come.
"""

import argparse
from pathlib import Path

from PIL import Image
from tqdm import tqdm
from transformers.utils import logging

import hf_str
from hf_str.evaluation import PROTOCOLS, default_protocols
from hf_str.evaluation.recognizers import open_recognizer
from hf_str.models.crnn.tokenization_crnn import resolve_charset
from hf_str.synthesis import WordRenderer, WordSampler, find_fonts
from hf_str.synthesis.contact_sheet import contact_sheet


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

    errors = []
    print("| difficulty | words | accuracy |")
    print("|---|---|---|")
    for renderer.difficulty in sorted(args.difficulty):
        errors.clear()
        for start in tqdm(range(0, args.num_words, args.batch_size), unit="batch", leave=False):
            indices = range(start, min(start + args.batch_size, args.num_words))
            words = [renderer.render(index) for index in indices]
            readings = recognizer.recognize([Image.fromarray(picture) for picture, _ in words])
            errors += [
                (picture, f"{text}: {reading}")
                for (picture, text), (reading, _) in zip(words, readings, strict=True)
                if not same(reading, text)
            ]
        accuracy = 1 - len(errors) / args.num_words
        print(f"| {renderer.difficulty:g} | {args.num_words:,} | {100 * accuracy:.2f} |", flush=True)
    if not errors:
        raise SystemExit("Everything was read right: there is nothing to draw.")
    shown = errors[: args.num_errors]
    Image.fromarray(contact_sheet(shown, args.columns, cell_width=180)).save(args.output)
    print(f"{args.output} shows {len(shown)} of {len(errors)} errors.")


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--model", default=hf_str.DEFAULT_CHECKPOINT, help="any recogniser that evaluate_str.py takes")
    add("--output", type=Path, required=True, help="the picture to write (.png, .webp)")
    add("--num_words", type=int, default=1000, help="words of each difficulty")
    add("--difficulty", type=float, nargs="+", default=[0.0, 0.25, 0.5, 0.75, 1.0])
    add("--num_errors", type=int, default=40, help="errors in the picture")
    add("--columns", type=int, default=5, help="errors side by side")
    add("--protocol", choices=PROTOCOLS, help="what counts as the same word (default: by the charset)")
    add("--charset", default="94", help="the characters of the words")
    add("--lexicon", type=Path, nargs="*", default=[], help="word lists; without: invented words")
    add("--fonts", type=Path, nargs="*", help="folders of fonts; without: those of this system")
    add("--backgrounds", type=Path, help="a folder of photos; without: painted backgrounds")
    add("--batch_size", type=int, default=64)
    add("--device", default="cpu")
    add("--seed", type=int, default=1 << 20, help="of the words; far from those that training uses")
    args = parser.parse_args()
    if args.num_words < 1 or not args.difficulty:
        parser.error("there must be words to read")
    return args


if __name__ == "__main__":
    main()
