# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str"]
# ///
"""Measures what hf_str adds to the time that cannot be saved.

    python scripts/benchmark_speed.py pipeline --images iiit5k/images --num_images 1000
    python scripts/benchmark_speed.py import
    python scripts/benchmark_speed.py onnx --images iiit5k/images --folders crnn-onnx crnn-int8
    python scripts/benchmark_speed.py synthesis --lexicon words.txt --backgrounds photos/ --peer_python trdg/bin/python

`pipeline`: seconds from image files to text through `pipeline("image-to-text")`, over seconds of the bare forward pass
at the same batch size. `import`: seconds of `import hf_str` over those of `import torch; from transformers import
AutoModelForCTC, pipeline`. `onnx`: milliseconds of one core's time an image, forward only, of graphs that
`export_onnx.py` wrote, over those of PyTorch in float32. `synthesis`: rendered words a second of one core's time, by
difficulty and mode, over those of TextRecognitionDataGenerator where a Python that has it is given. The two sides of a
ratio take turns in one run; medians are compared, the range is shown.
"""

import argparse
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm
from transformers import pipeline
from transformers.utils import logging

import hf_str


def take_turns(
    ours: Callable[[], object],
    bare: Callable[[], object],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[list[float], list[float]]:
    """Seconds of each call of both, called in turn; a first round warms up and is not counted."""
    seconds = ([], [])
    for round_number in tqdm(range(rounds + 1), desc="rounds", leave=False):
        for side, call in zip(seconds, (ours, bare), strict=True):
            started = clock()
            call()
            if round_number:
                side.append(clock() - started)
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


def benchmark_onnx(args: argparse.Namespace):
    from hf_str.onnx import ORTCRNNForCTC

    torch.set_num_threads(1)
    files = sorted(str(path) for path in args.images.iterdir() if path.is_file())
    files = list(islice(cycle(files), args.num_images))
    image_processor = hf_str.CRNNProcessor.from_pretrained(args.model).image_processor
    batches = [
        image_processor(files[start : start + args.batch_size], return_tensors="pt")
        for start in range(0, len(files), args.batch_size)
    ]

    def forward(model) -> Callable[[], object]:
        return lambda: [model(**batch) for batch in batches]

    bare = forward(hf_str.CRNNForCTC.from_pretrained(args.model).eval())
    print(f"{len(files)} images, batches of {args.batch_size}, one thread; ms of its own time an image, forward only")
    with torch.inference_mode():
        for folder in args.folders:
            graph = forward(ORTCRNNForCTC.from_pretrained(folder, num_threads=1))
            report(folder.name, *take_turns(graph, bare, args.rounds, time.process_time), unit=1000 / len(files))


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


def benchmark_synthesis(args: argparse.Namespace):
    from hf_str.models.crnn.tokenization_crnn import resolve_charset
    from hf_str.synthesis import WordRenderer, WordSampler, find_fonts

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
    command = commands.add_parser("onnx", help="exported graphs, over PyTorch")
    command.add_argument("--images", type=Path, required=True, help="folder of word images")
    command.add_argument("--folders", type=Path, nargs="+", required=True, help="what export_onnx.py wrote")
    command.add_argument("--model", default=hf_str.DEFAULT_CHECKPOINT, help="the checkpoint that was exported")
    command.add_argument("--num_images", type=int, default=200)
    command.add_argument("--batch_size", type=int, default=32)
    command.add_argument("--rounds", type=int, default=5)
    command.set_defaults(run=benchmark_onnx)
    command = commands.add_parser("synthesis", help="rendered words a second of one core's time")
    command.add_argument("--charset", default="94")
    command.add_argument("--lexicon", type=Path, nargs="*", default=[], help="word lists; without: invented words")
    command.add_argument("--backgrounds", type=Path, help="folder of photos; without: painted backgrounds")
    command.add_argument("--fonts", type=Path, nargs="*", help="folders of fonts; without: those of this system")
    command.add_argument("--difficulty", type=float, nargs="+", default=[0.0, 0.5, 1.0])
    command.add_argument("--mode", choices=("L", "RGB"), nargs="+", default=["L", "RGB"])
    command.add_argument("--num_words", type=int, default=2000, help="words in one measurement")
    command.add_argument("--warm_up", type=int, default=10_000, help="words rendered before the warm measurements")
    command.add_argument("--rounds", type=int, default=3, help="warm measurements, of which the median is shown")
    command.add_argument("--peer_python", help="Python of an environment in which trdg runs")
    command.add_argument("--peer_words", type=int, default=500)
    command.set_defaults(run=benchmark_synthesis)
    return parser.parse_args()


if __name__ == "__main__":
    arguments = parse_args()
    arguments.run(arguments)
