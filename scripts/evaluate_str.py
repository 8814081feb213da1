# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str"]
# ///
"""Measures how many words a recogniser reads without a mistake.

    python scripts/evaluate_str.py --data iiit5k/ cute80/
    python scripts/evaluate_str.py --data my_photos/ --model my-checkpoint --protocol 94 --errors 20

A data set is a folder with a `labels.tsv` of lines `image path<TAB>text`. Prints, for each, the number of images, the
word accuracy under each protocol (36: letters and digits without case, as papers report; 62: with case; 94: with
punctuation) and the images read a second, from file to text.
"""

import argparse
import time
from pathlib import Path

from tqdm import tqdm
from transformers import pipeline
from transformers.utils import logging

import hf_str
from hf_str.data import read_word_folder
from hf_str.evaluation import PROTOCOLS


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of words with a labels.tsv")
    parser.add_argument("--model", default=hf_str.DEFAULT_CHECKPOINT, help="checkpoint folder or Hub repository")
    parser.add_argument("--protocol", nargs="+", choices=PROTOCOLS, default=["36", "94"], help="what is compared")
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--device", default=None, help='such as "cpu" or "cuda" (default: a GPU if there is one)')
    parser.add_argument("--errors", type=int, default=0, metavar="N", help="show the first N words that are misread")
    return parser.parse_args()


def main():
    args = parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    reader = pipeline(hf_str.TASK, model=args.model, device=args.device)
    columns = "".join(f"{'acc ' + name:>9}" for name in args.protocol)
    print(f"{'data':<20}{'images':>8}{columns}{'images/s':>10}")
    for folder in args.data:
        boxes = read_word_folder(folder)
        started = time.perf_counter()
        readings = []
        for start in tqdm(range(0, len(boxes), args.batch_size), desc=folder.name, leave=False):
            paths = [str(box.path) for box in boxes[start : start + args.batch_size]]
            readings += [result["generated_text"] for (result,) in reader(paths, batch_size=args.batch_size)]
        seconds = time.perf_counter() - started
        labels = [box.text for box in boxes]
        accuracies = [100 * PROTOCOLS[name].word_accuracy(readings, labels) for name in args.protocol]
        cells = "".join(f"{accuracy:>9.2f}" for accuracy in accuracies)
        print(f"{folder.name:<20}{len(boxes):>8}{cells}{len(boxes) / seconds:>10.0f}")
        protocol = PROTOCOLS[args.protocol[0]]
        wrong = [
            f"  {box.path.name}: {box.text!r} was read as {reading!r}"
            for box, reading in zip(boxes, readings, strict=True)
            if not protocol.same(reading, box.text)
        ]
        print("\n".join(wrong[: args.errors]), end="\n" if args.errors else "")


if __name__ == "__main__":
    main()
