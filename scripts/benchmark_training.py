# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train,synthesis]"]
# ///
"""Measures how fast training samples are rendered and loaded, and how fast the network is trained on them.

    python scripts/benchmark_training.py --dataset my_words/ --lexicon words.txt --num_threads 1
    python scripts/benchmark_training.py --dataset my_words/ --device cuda --batch_size 512 --num_workers 15

The script prints three tables:

- loading: images per second of CPU time, from the source to a normalized batch: decode (or render), gray, resize,
  normalize, labels; with and without augmentation. The baseline is Pillow, which only decodes the same files to gray.
- training: images per second of forward, backward and optimizer step on a batch in memory, for each network and each
  precision. The baseline is the network of the paper in float32.
- the whole loop: images per second when the workers of the data loader feed the network, and the share of the time in
  which the device waits for them.

The rows of a table take turns; the tables show medians and ranges.
"""

import argparse
import io
import json
import statistics
import time
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import count

import torch
from accelerate.utils import send_to_device
from PIL import Image
from torch.nn.utils import convert_conv2d_weight_memory_format
from tqdm import tqdm

from hf_str import CRNNConfig, CRNNForCTC
from hf_str.evaluation.speed import describe_device, take_turns
from hf_str.training import TrainingSamples, WordCollator
from hf_str.training.arguments import DataArguments, ModelArguments, SynthesisArguments
from hf_str.training.data_setup import load_training_samples, make_loader
from hf_str.training.setup import load_recognizer
from hf_str.utils.options import OptionParser, positive


def print_table(title: str, figures: Mapping[str, list[float]], baseline: str):
    base = statistics.median(figures[baseline])
    print(f"\n| {title} | images/s | range | ratio |\n|---|---|---|---|")
    for name, values in figures.items():
        median = statistics.median(values)
        print(f"| {name} | {median:,.0f} | {min(values):,.0f} to {max(values):,.0f} | {median / base:.2f} |")


def loading_rate(
    words: TrainingSamples, augmentation: float, rounds: Iterator[int], args: argparse.Namespace
) -> float:
    """Images per second of the CPU time of this process, which does not depend on other programs."""
    words.augmentation, round_number = augmentation, next(rounds)  # other samples in each round
    numbers = range(round_number * args.num_images, (round_number + 1) * args.num_images)
    started = time.process_time()
    for first in range(0, args.num_images, args.batch_size):
        words.collator(words.__getitems__(numbers[first : first + args.batch_size]))
    return args.num_images / (time.process_time() - started)


def decoding_rate(words: TrainingSamples, rounds: Iterator[int], args: argparse.Namespace) -> float:
    """The same for Pillow, which only decodes the files of these samples to gray."""
    files, round_number = [], next(rounds)
    for number in range(round_number * args.num_images, (round_number + 1) * args.num_images):
        source, position = words.place(number)
        image = words.sources[source].words([position])[0].image
        files.append(io.BytesIO(image["bytes"]) if image.get("bytes") else image["path"])
    started = time.process_time()
    for file in files:
        Image.open(file).convert("L")
    return args.num_images / (time.process_time() - started)


class TrainingStep:
    """Forward, backward and optimizer step of one network in one precision."""

    def __init__(self, model: torch.nn.Module, precision: str, device: str):
        self.device, self.dtype = torch.device(device), {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
        self.model = convert_conv2d_weight_memory_format(model.to(self.device), torch.channels_last).train()
        self.optimizer = torch.optim.AdamW(self.model.parameters())

    def __call__(self, batch: Mapping[str, torch.Tensor]):
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not None):
            loss = self.model(**batch).loss
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()

    def synchronize(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def rate(self, batch: Mapping[str, torch.Tensor], steps: int) -> float:
        """Images per second on a batch that is on the device."""
        self.synchronize()
        started = time.perf_counter()
        for _ in range(steps):
            self(batch)
        self.synchronize()
        return steps * len(batch["labels"]) / (time.perf_counter() - started)


def run_loop(step: TrainingStep, words: TrainingSamples, args: argparse.Namespace) -> tuple[float, float]:
    """Images per second of the whole loop, and the share of its time in which it waits for batches.

    The device finishes each step before the loop asks for the next batch, so that queued work does not hide the wait.
    """
    warm_up = 5
    loader = make_loader(words, args.batch_size, args.steps + warm_up, num_workers=args.num_workers)
    waited, started = 0.0, time.perf_counter()
    batches = iter(loader)
    for number in tqdm(range(args.steps + warm_up), desc="loop", leave=False):
        if number == warm_up:
            waited, started = 0.0, time.perf_counter()
        asked = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - asked
        step(send_to_device(batch, step.device, non_blocking=True))
        step.synchronize()
    seconds = time.perf_counter() - started
    return args.steps * args.batch_size / seconds, waited / seconds


def parse_args() -> argparse.Namespace:
    parser = OptionParser(__doc__)
    add = parser.add_argument
    add("--dataset", nargs="+", required=True, help="real words: anything that hf_str.data.load_word_boxes reads")
    add(
        "--lexicon",
        nargs="*",
        default=[],
        help="text files of words to render, one per line (default: invented words)",
    )
    add("--backgrounds", help="folder of photos to render on (default: painted backgrounds)")
    add(
        "--config_overrides", type=json.loads, help="another network as JSON (default: that of the default checkpoint)"
    )
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu or cuda")
    add("--precision", nargs="+", default=["no", "bf16"], choices=["no", "bf16", "fp16"], help="mixed precision")
    add("--batch_size", type=positive, default=64, help="samples per step")
    add("--num_images", type=positive, default=2048, help="images in one measurement of loading")
    add("--steps", type=positive, default=10, help="optimizer steps in one measurement of training")
    add("--rounds", type=positive, default=3, help="rounds in which the rows of a table take turns")
    add("--num_workers", type=int, default=1, help="processes that load samples in the whole loop")
    add("--num_threads", type=positive, default=torch.get_num_threads(), help="threads that train")
    return parser.parse_args()


def main():
    args = parse_args()
    torch.set_num_threads(args.num_threads)
    torch.manual_seed(0)

    overrides = args.config_overrides
    model, processor = load_recognizer(ModelArguments(config_overrides=overrides and json.dumps(overrides)))
    collator = WordCollator(processor, model.config, one_width=True)
    synthesis = SynthesisArguments(args.lexicon, backgrounds=args.backgrounds)
    real = load_training_samples(DataArguments(dataset=args.dataset, bad_labels="drop"), synthesis, collator)
    rendered = load_training_samples(DataArguments(dataset=["synth"]), synthesis, collator)

    rows = {
        "Pillow, decoding only": partial(decoding_rate, real, count(), args),
        "real words": partial(loading_rate, real, 0.0, count(), args),
        "real words, augmented": partial(loading_rate, real, 1.0, count(), args),
        "rendered words": partial(loading_rate, rendered, 0.0, count(), args),
    }
    print_table("loading, one core", take_turns(rows, args.rounds), "Pillow, decoding only")

    real.augmentation = 1.0
    batch = send_to_device(collator(real.__getitems__(range(args.batch_size))), args.device)
    networks = {"the paper's network": lambda: CRNNForCTC(CRNNConfig(vocab_size=model.config.vocab_size))}
    networks["this network"] = lambda: CRNNForCTC(model.config)
    steps = {
        f"{name}, {'float32' if precision == 'no' else precision}": TrainingStep(make(), precision, args.device)
        for name, make in networks.items()
        for precision in args.precision
    }
    rows = {name: partial(step.rate, batch, args.steps) for name, step in steps.items()}
    where = describe_device(args.device, args.num_threads)
    print_table(f"training, batches of {args.batch_size}, {where}", take_turns(rows, args.rounds), next(iter(steps)))

    print(f"\n| the whole loop, {args.num_workers} workers | images/s | waiting |\n|---|---|---|")
    name, step = list(steps.items())[-1]
    for source, words in (("real words, augmented", real), ("rendered words", rendered)):
        rate, waiting = run_loop(step, words, args)
        print(f"| {name}, {source} | {rate:,.0f} | {waiting:.1%} |", flush=True)


if __name__ == "__main__":
    main()
