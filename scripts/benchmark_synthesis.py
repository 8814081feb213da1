# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[synthesis]"]
# ///
"""Measures how fast words are rendered: words a second of one core's time, by mode and difficulty.

    python scripts/benchmark_synthesis.py --lexicon words.txt --backgrounds photos/ --peer_python trdg/bin/python

Cold is with no glyph drawn yet, warm after `--warm_up` words. The peer is TextRecognitionDataGenerator, where a Python
that has it is given; it takes its turn in each round, and medians are shown.
"""

import argparse
import math
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np

from hf_str.models.crnn.tokenization_crnn import resolve_charset
from hf_str.synthesis import WordRenderer, WordSampler, find_fonts


# TextRecognitionDataGenerator needs a Pillow and a numpy older than ours, so it runs in an environment of its own
# (pip install trdg "pillow<10" "numpy<2"). It gets words of the same sampler and a usual mix: blur, skew and noise.
PEER = """
import sys, time
from trdg.generators import GeneratorFromStrings
words = sys.stdin.read().split()
words = GeneratorFromStrings(words, count=len(words), size=48, blur=1, random_blur=True, skewing_angle=5,
                             random_skew=True, background_type=0)
next(words)
started, count = time.process_time(), sum(1 for _ in words)
print(count / (time.process_time() - started))
"""


def words_per_second(renderer, indices: range) -> float:
    """Of CPU time, whatever else the machine does."""
    started = time.process_time()
    for index in indices:
        renderer.render(index)
    return len(indices) / (time.process_time() - started) if indices else 0.0


def peer_words_per_second(args: argparse.Namespace, sampler) -> float:
    """The same of TextRecognitionDataGenerator; nan, with a message, where it does not run."""
    rng = np.random.default_rng(0)
    words = "\n".join(sampler.sample(rng) for _ in range(args.peer_words))
    done = subprocess.run(
        [args.peer_python, "-c", PEER], input=words, capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode:
        print(f"trdg does not run in {args.peer_python}: {done.stderr.strip().splitlines()[-1]}")
        return math.nan
    return float(done.stdout.split()[-1])


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--charset", default="94")
    add("--lexicon", type=Path, nargs="*", default=[], help="word lists; without: invented words")
    add("--backgrounds", type=Path, help="folder of photos; without: painted backgrounds")
    add("--fonts", type=Path, nargs="*", help="folders of fonts; without: those of this system")
    add("--difficulty", type=float, nargs="+", default=[0.0, 0.5, 1.0])
    add("--mode", choices=("L", "RGB"), nargs="+", default=["L", "RGB"])
    add("--num_words", type=int, default=2000, help="words in one measurement")
    add("--warm_up", type=int, default=10_000, help="words rendered before the warm measurements")
    add("--rounds", type=int, default=3, help="warm measurements, of which the median is shown")
    add("--peer_python", help="Python of an environment in which trdg runs")
    add("--peer_words", type=int, default=500)
    return parser.parse_args()


def main():
    args = parse_args()
    characters = resolve_charset(args.charset)
    sampler = WordSampler(characters, lexicons=args.lexicon)
    fonts = find_fonts(characters, args.fonts, progress=True)
    started = time.process_time()
    find_fonts(characters, args.fonts)
    print(
        f"{len(fonts)} fonts, found again in {time.process_time() - started:.2f} s; words a second of one core's time"
    )
    if args.peer_python is None:
        print("No peer: give --peer_python, a Python that has trdg installed.")
    peer_runs = args.peer_python is not None and not math.isnan(peer_words_per_second(args, sampler))
    print(f"{'mode':<6}{'difficulty':>10}{'cold':>8}{'warm':>8}{'trdg':>8}{'warm / trdg':>13}")
    for mode in args.mode:
        for difficulty in args.difficulty:
            renderer = WordRenderer(sampler, fonts, difficulty, mode, backgrounds=args.backgrounds)
            cold = words_per_second(renderer, range(args.num_words))
            words_per_second(renderer, range(args.num_words, args.warm_up))
            ours, peers = [], []
            for start in range(args.warm_up, args.warm_up + args.rounds * args.num_words, args.num_words):
                ours.append(words_per_second(renderer, range(start, start + args.num_words)))
                if peer_runs:
                    peers.append(peer_words_per_second(args, sampler))
            warm, peer = statistics.median(ours), statistics.median(peers) if peers else math.nan
            print(f"{mode:<6}{difficulty:>10}{cold:>8.0f}{warm:>8.0f}{peer:>8.0f}{warm / peer:>13.1f}", flush=True)


if __name__ == "__main__":
    main()
