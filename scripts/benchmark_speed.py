# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str"]
# ///
"""Measures what hf_str adds to the time that cannot be saved.

    python scripts/benchmark_speed.py pipeline --images iiit5k/images --num_images 1000
    python scripts/benchmark_speed.py import

`pipeline`: seconds from image files to text through `pipeline("image-to-text")`, over seconds of the bare forward pass
at the same batch size. `import`: seconds of `import hf_str` over those of `import torch; from transformers import
AutoModelForCTC, pipeline`. The two sides of a ratio take turns in one run; medians are compared, the range is shown.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import torch
from tqdm import tqdm
from transformers import pipeline
from transformers.utils import logging

import hf_str


def take_turns(ours: Callable[[], object], bare: Callable[[], object], rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of each call of both, called in turn; a first round warms up and is not counted."""
    seconds = ([], [])
    for round_number in tqdm(range(rounds + 1), desc="rounds", leave=False):
        for side, call in zip(seconds, (ours, bare), strict=True):
            started = time.perf_counter()
            call()
            if round_number:
                side.append(time.perf_counter() - started)
    return seconds


def report(name: str, ours: list[float], bare: list[float], unit: float = 1.0):
    medians = [statistics.median(seconds) for seconds in (ours, bare)]
    for label, seconds, median in zip((name, "bare"), (ours, bare), medians, strict=True):
        low, high = min(seconds) * unit, max(seconds) * unit
        print(f"{label:<22}{median * unit:>10.3f}  ({low:.3f} to {high:.3f})")
    print(f"{'ratio':<22}{medians[0] / medians[1]:>10.3f}")


def benchmark_pipeline(args: argparse.Namespace):
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    files = sorted(str(path) for path in args.images.iterdir() if path.is_file())
    files = list(islice(cycle(files), args.num_images))
    reader = pipeline(hf_str.TASK, model=args.model, device="cpu")
    batches = [
        reader.processor.image_processor(files[start : start + args.batch_size], return_tensors="pt")
        for start in range(0, len(files), args.batch_size)
    ]

    @torch.no_grad()
    def forward():
        for batch in batches:
            reader.model(**batch)

    print(f"{len(files)} files, batches of {args.batch_size}, {torch.get_num_threads()} threads; ms an image")
    through_pipeline, bare = take_turns(lambda: reader(files, batch_size=args.batch_size), forward, args.rounds)
    report("pipeline", through_pipeline, bare, unit=1000 / len(files))


def benchmark_import(args: argparse.Namespace):
    def run(code: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    print("seconds of a fresh process")
    baseline = run("import torch; from transformers import AutoModelForCTC, pipeline")
    report("import hf_str", *take_turns(run("import hf_str"), baseline, args.rounds))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("pipeline", help="files to text, over the forward pass")
    command.add_argument("--images", type=Path, required=True, help="folder of word images")
    command.add_argument("--num_images", type=int, default=1000, help="files to read; repeated where there are fewer")
    command.add_argument("--model", default=hf_str.DEFAULT_CHECKPOINT)
    command.add_argument("--batch_size", type=int, default=64)
    command.add_argument("--rounds", type=int, default=5)
    command.set_defaults(run=benchmark_pipeline)
    command = commands.add_parser("import", help="import hf_str, over import transformers")
    command.add_argument("--rounds", type=int, default=5)
    command.set_defaults(run=benchmark_import)
    return parser.parse_args()


if __name__ == "__main__":
    arguments = parse_args()
    arguments.run(arguments)
