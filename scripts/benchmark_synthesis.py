# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[synthesis]"]
# ///
"""Measures how fast words are rendered: words per second of CPU time, by mode and difficulty.

    python scripts/benchmark_synthesis.py --lexicon words.txt --backgrounds photos/ --baseline_python trdg/bin/python

"cold" is without cached glyphs, "warm" after `--warm_up` words. The baseline is TextRecognitionDataGenerator, if you
give a Python that has it; it takes turns with the renderer. The table shows medians.
"""

import argparse
import math
import statistics
import subprocess
import time

import numpy as np

from hf_str.models.crnn.tokenization_crnn import resolve_charset
from hf_str.synthesis import WordRenderer, WordSampler, find_fonts
from hf_str.utils.options import OptionParser, add_rendering_options, positive


RENAMED = {"num_words": "num_samples", "peer_python": "baseline_python", "peer_words": "baseline_samples"}


# TextRecognitionDataGenerator needs older versions of Pillow and numpy, so it runs in its own environment
# (pip install trdg "pillow<10" "numpy<2"). It renders words of the same sampler with blur, skew and noise.
BASELINE = """
import sys, time
from trdg.generators import GeneratorFromStrings
words = sys.stdin.read().split()
words = GeneratorFromStrings(words, count=len(words), size=48, blur=1, random_blur=True, skewing_angle=5,
                             random_skew=True, background_type=0)
next(words)
started, count = time.process_time(), sum(1 for _ in words)
print(count / (time.process_time() - started))
"""


def words_per_second(renderer: WordRenderer, indices: range) -> float:
    """Words per second of CPU time, which does not depend on other programs."""
    started = time.process_time()
    for index in indices:
        renderer.render(index)
    return len(indices) / (time.process_time() - started) if indices else 0.0


def baseline_words_per_second(args: argparse.Namespace, sampler: WordSampler) -> float:
    """The same for TextRecognitionDataGenerator; NaN, with a message, if it does not run."""
    rng = np.random.default_rng(0)
    words = "\n".join(sampler.sample(rng) for _ in range(args.baseline_samples))
    done = subprocess.run(
        [args.baseline_python, "-c", BASELINE], input=words, capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode:
        print(f"trdg does not run in {args.baseline_python}: {done.stderr.strip().splitlines()[-1]}")
        return math.nan
    return float(done.stdout.split()[-1])


def parse_args() -> argparse.Namespace:
    parser = OptionParser(__doc__, RENAMED)
    add = parser.add_argument
    add_rendering_options(parser)
    add(
        "--difficulty", type=float, nargs="+", default=[0.0, 0.5, 1.0], help="from 0, clean print, to 1, street photos"
    )
    add("--mode", choices=("L", "RGB"), nargs="+", default=["L", "RGB"], help="gray (L) or color (RGB)")
    add("--num_samples", type=positive, default=2000, help="words in one measurement")
    add("--warm_up", type=int, default=10_000, help="words rendered before the warm measurements")
    add("--rounds", type=positive, default=3, help="number of warm measurements")
    add("--baseline_python", help="Python of an environment that has trdg (default: no baseline)")
    add("--baseline_samples", type=positive, default=500, help="words in one measurement of the baseline")
    return parser.parse_args()


def main():
    args = parse_args()
    characters = resolve_charset(args.charset)
    sampler = WordSampler(characters, lexicons=args.lexicon)
    fonts = find_fonts(characters, args.fonts, progress=True)
    started = time.process_time()
    find_fonts(characters, args.fonts)
    print(f"{len(fonts)} fonts, found again in {time.process_time() - started:.2f} s; words per second of CPU time")
    if args.baseline_python is None:
        print("No baseline: give --baseline_python, a Python that has trdg.")
    baseline_runs = args.baseline_python is not None and not math.isnan(baseline_words_per_second(args, sampler))
    print(f"{'mode':<6}{'difficulty':>10}{'cold':>8}{'warm':>8}{'trdg':>8}{'warm / trdg':>13}")
    for mode in args.mode:
        for difficulty in args.difficulty:
            renderer = WordRenderer(sampler, fonts, difficulty, mode, backgrounds=args.backgrounds)
            cold = words_per_second(renderer, range(args.num_samples))
            words_per_second(renderer, range(args.num_samples, args.warm_up))
            ours, baselines = [], []
            for start in range(args.warm_up, args.warm_up + args.rounds * args.num_samples, args.num_samples):
                ours.append(words_per_second(renderer, range(start, start + args.num_samples)))
                if baseline_runs:
                    baselines.append(baseline_words_per_second(args, sampler))
            warm, baseline = statistics.median(ours), statistics.median(baselines) if baselines else math.nan
            print(
                f"{mode:<6}{difficulty:>10}{cold:>8.0f}{warm:>8.0f}{baseline:>8.0f}{warm / baseline:>13.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
