# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What measurements of speed share: a clock, sides that take turns, the work of a network, the machine's peak."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm


__all__ = ["count_multiply_accumulates", "describe_device", "make_clock", "matmul_peak", "stopwatch", "take_turns"]

Figure = TypeVar("Figure")


def make_clock(device: torch.device | str = "cpu", cpu_time: bool = False) -> Callable[[], float]:
    """A clock in seconds that waits until `device` has done its work before it tells the time.

    Args:
        device: where the work is done.
        cpu_time: tell the seconds that this process has computed, summed over its threads, instead of those that
            passed: for work on one thread of a machine that is busy with other things.
    """
    tell = time.process_time if cpu_time else time.perf_counter
    device = torch.device(device)
    if device.type != "cuda":
        return tell

    def tell_after_device() -> float:
        torch.cuda.synchronize(device)
        return tell()

    return tell_after_device


def describe_device(device: torch.device | str, num_threads: int) -> str:
    """What a table says of the device: its name, or the number of threads of a CPU."""
    device = torch.device(device)
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{num_threads} threads"


def stopwatch(call: Callable[[], object], clock: Callable[[], float]) -> Callable[[], float]:
    """`call` as a measure for [`take_turns`]: its seconds."""

    def measure() -> float:
        started = clock()
        call()
        return clock() - started

    return measure


def take_turns(measures: Mapping[str, Callable[[], Figure]], rounds: int) -> dict[str, list[Figure]]:
    """What each measure gives in each round. Each takes its turn in every round, so that all see the same load.

    A first round warms up and is not counted.
    """
    figures: dict[str, list[Figure]] = {name: [] for name in measures}
    for number in tqdm(range(rounds + 1), desc="rounds", leave=False):
        for name, measure in measures.items():
            figure = measure()
            if number:
                figures[name].append(figure)
    return figures


@torch.no_grad()
def count_multiply_accumulates(module: nn.Module, *inputs: Any) -> int:
    """Multiply-accumulates of one pass over `inputs`: convolutions, matrix products and LSTMs.

    torch's counter knows no LSTM, so those are counted from their sizes: each frame meets each weight once.
    """
    of_lstms = 0

    def count_lstm(lstm: nn.LSTM, arguments: tuple, _):
        nonlocal of_lstms
        frames = arguments[0]
        weights = sum(weight.numel() for weight in lstm.parameters() if weight.ndim == 2)
        of_lstms += frames.numel() // frames.shape[-1] * weights

    hooks = [part.register_forward_hook(count_lstm) for part in module.modules() if isinstance(part, nn.LSTM)]
    counter = FlopCounterMode(display=False)
    try:
        with counter:
            module(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return counter.get_total_flops() // 2 + of_lstms


def matmul_peak(
    dtype: torch.dtype,
    device: torch.device | str = "cpu",
    sizes: Sequence[int] | None = None,
    cpu_time: bool = False,
    repeats: int = 10,
) -> float:
    """Multiply-accumulates a second of the fastest square matrix product that this machine does in `dtype`.

    What a data sheet promises is more: this is what the same library reaches where nothing else stands in its way.

    Args:
        dtype: of both matrices and of the product.
        device: where to multiply, with as many threads as torch uses.
        sizes: rows of the matrices to try (default: what fits `device`).
        cpu_time: see [`make_clock`].
        repeats: products of each size, of which the median counts.
    """
    device = torch.device(device)
    clock, best = make_clock(device, cpu_time), 0.0
    for size in sizes or ((4096, 8192, 16384) if device.type == "cuda" else (512, 1024, 2048, 4096)):
        left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        measure = stopwatch(lambda a=left, b=right: a @ b, clock)
        measure()
        best = max(best, size**3 / statistics.median(measure() for _ in range(repeats)))
    return best
