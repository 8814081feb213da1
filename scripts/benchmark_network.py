# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[onnx]"]
# ///
"""Measures the speed of the network in each of its modes, without files, preprocessing and decoding.

    python scripts/benchmark_network.py peak
    python scripts/benchmark_network.py peak --device cuda --batch_size 512
    python scripts/benchmark_network.py cost --output cost.html

`peak`: multiply-accumulates per second of the convolutions and of the whole network, as a share of the fastest matrix
product of this machine in the same data type; for the checkpoint and for the network of the paper. `--profile` adds
the slowest operators of the paper's network in its optimized mode.

`cost`: milliseconds per image by batch size, by image width and by number of threads, as tables and, with `--output`,
as charts.

The modes are PyTorch in float32, PyTorch optimized for inference and, on a CPU where they are installed, ONNX Runtime
in float32 and OpenVINO in its own choice of data type; the graph is exported first. Images are noise. All rows of a
table take turns; the tables show medians.
"""

import argparse
import statistics
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile
from transformers.utils import logging

import hf_str
from hf_str import CRNNConfig, CRNNForCTC, CRNNProcessor
from hf_str.evaluation.speed import (
    count_multiply_accumulates,
    describe_device,
    make_clock,
    matmul_peak,
    stopwatch,
    take_turns,
)
from hf_str.onnx import ORTCRNNForCTC, OVCRNNForCTC, export_onnx
from hf_str.utils.html_page import chart, page, polyline
from hf_str.utils.options import OptionParser


class Mode:
    """One way to run a network, on images (batch, channels, height, width) of float32.

    Args:
        network: a [`CRNNForCTC`], or a graph that is called in the same way.
        dtype: data type of its convolutions.
        convolutions: its convolutions alone, if they can be called.
    """

    def __init__(self, network: Any, dtype: torch.dtype = torch.float32, convolutions: Callable | None = None):
        self.network, self.dtype, self.convolutions = network, dtype, convolutions


def open_modes(checkpoint: str | Path, args: argparse.Namespace, scratch: Path) -> dict[str, Mode]:
    """The modes of a checkpoint that can run here; graphs are exported to folders in `scratch`."""
    modes = {}
    load = partial(CRNNForCTC.from_pretrained, checkpoint, dtype=torch.float32)
    for name in ("float32", "optimized", *["compiled"] * args.compile):
        model = load().to(args.device).eval()
        if name != "float32":
            model.optimize_for_inference(compile=name == "compiled")
        featurizer = model.crnn.featurizer
        modes[name] = Mode(model, featurizer.dtype, lambda x, f=featurizer: f(x.to(f.dtype)))
    if args.device != "cpu":
        return modes
    folder = scratch / f"{Path(checkpoint).name}-onnx"
    for name, runtime in (("ONNX", ORTCRNNForCTC), ("OpenVINO", OVCRNNForCTC)):
        try:
            if not folder.exists():
                export_onnx(checkpoint, folder)
            model = runtime.from_pretrained(folder, num_threads=args.num_threads)
        except ImportError as error:
            print(f"{name} is left out: {error}")
        else:
            modes[name] = Mode(model, getattr(model, "compute_dtype", torch.float32))
    return modes


def noise(config: CRNNConfig, batch_size: int, width: int, device: str) -> torch.Tensor:
    return torch.randn(batch_size, config.num_channels, config.image_height, width, device=device)


def measure(call: Callable[[], object], count: int, args: argparse.Namespace) -> Callable[[], float]:
    """Measures the seconds per image of a call with `count` images, repeated for about `--seconds`."""
    watch = stopwatch(call, make_clock(args.device, args.cpu_time))
    watch()  # warms up
    repeats = max(1, round(args.seconds / watch()))
    return lambda: sum(watch() for _ in range(repeats)) / repeats / count


# ---------------------------------------------------------------------------------------------------------------------
# Share of the peak


def benchmark_peak(args: argparse.Namespace, scratch: Path):
    processor = CRNNProcessor.from_pretrained(args.model)
    paper = CRNNForCTC(CRNNConfig(vocab_size=len(processor.tokenizer)))
    for part in (paper, processor):
        part.save_pretrained(scratch / "paper")
    checkpoints = {Path(args.model).name: args.model, "the paper's": scratch / "paper"}
    networks = {name: open_modes(checkpoint, args, scratch) for name, checkpoint in checkpoints.items()}
    modes_in_use = [mode for modes in networks.values() for mode in modes.values()]
    dtypes = dict.fromkeys([torch.float32, torch.bfloat16, *(mode.dtype for mode in modes_in_use)])
    peaks = {dtype: matmul_peak(dtype, args.device, args.matmul_sizes, args.cpu_time) for dtype in dtypes}

    measures, work, peak_of = {}, {}, {}
    for name, modes in networks.items():
        model = modes["float32"].network
        images = noise(model.config, args.batch_size, args.width, args.device)
        for label, mode in modes.items():
            parts = {"convolutions": (mode.convolutions, model.crnn.featurizer), "whole": (mode.network, model)}
            for part, (call, module) in parts.items():
                if call is None:
                    continue
                row = f"{name}, {label} | {part}"
                measures[row] = measure(partial(call, images), args.batch_size, args)
                work[row], peak_of[row] = count_multiply_accumulates(module, images[:1]), peaks[mode.dtype]
    seconds = take_turns(measures, args.rounds)

    where = describe_device(args.device, args.num_threads)
    print("\n| data type | fastest matrix product, GMAC/s |\n|---|---|")
    for dtype, peak in peaks.items():
        print(f"| {str(dtype).removeprefix('torch.')} | {peak / 1e9:,.0f} |")
    print(f"\nBatches of {args.batch_size} images of {args.width} pixels, {where}:\n")
    print("| network, mode | part | GMAC per image | images/s | range | GMAC/s | share of the peak |")
    print("|---|---|---|---|---|---|---|")
    for row, values in seconds.items():
        rate, gmacs = 1 / statistics.median(values), work[row] / 1e9
        spread = f"{1 / max(values):,.0f} to {1 / min(values):,.0f}"
        share = work[row] * rate / peak_of[row]
        print(f"| {row} | {gmacs:.3f} | {rate:,.0f} | {spread} | {gmacs * rate:,.0f} | {share:.0%} |")
    if args.profile:
        print_profile(networks["the paper's"]["optimized"], args)


def print_profile(mode: Mode, args: argparse.Namespace):
    images = noise(mode.network.config, args.batch_size, args.width, args.device)
    kinds = [ProfilerActivity.CPU, *[ProfilerActivity.CUDA] * (args.device != "cpu")]
    with profile(activities=kinds) as profiler:
        for _ in range(10):
            mode.network(images)
    side = "cpu" if args.device == "cpu" else "device"
    print(profiler.key_averages().table(sort_by=f"self_{side}_time_total", row_limit=15, max_name_column_width=40))


# ---------------------------------------------------------------------------------------------------------------------
# Cost by batch size, width and threads


def benchmark_cost(args: argparse.Namespace, scratch: Path):
    modes = open_modes(args.model, args, scratch)
    config = modes["float32"].network.config
    sides = {"batch size": args.batch_sizes, "width": args.widths}
    if args.device == "cpu":
        sides["threads"] = range(1, args.num_threads + 1)
    costs, where = {}, describe_device(args.device, args.num_threads)
    for side, values in sides.items():
        measures = {}
        for value in values:
            batch_size = value if side == "batch size" else args.batch_size
            images = noise(config, batch_size, value if side == "width" else args.width, args.device)
            for label, mode in modes.items():
                network = with_threads(mode.network, value) if side == "threads" else mode.network
                measures[label, value] = measure(partial(network, images), batch_size, args)
        costs[side] = {
            key: 1000 * statistics.median(taken) for key, taken in take_turns(measures, args.rounds).items()
        }
        print(f"\n| ms per image, by {side} | {' | '.join(map(str, values))} |\n|{'---|' * (len(values) + 1)}")
        for label in modes:
            print(f"| {label} | {' | '.join(f'{costs[side][label, value]:.2f}' for value in values)} |", flush=True)
    print(f"\nUnless stated otherwise: batches of {args.batch_size}, {args.width} pixels, {where}")
    if args.output is not None:
        args.output.write_text(cost_page(Path(args.model).name, costs, where), encoding="utf-8")


def with_threads(network: Callable, threads: int) -> Callable:
    """The network of a mode on another number of threads."""
    if isinstance(network, ORTCRNNForCTC):
        return type(network)(network.file, network.config, num_threads=threads)

    def run(images: torch.Tensor):
        torch.set_num_threads(threads)
        network(images)

    return run


def cost_page(model: str, costs: Mapping[str, Mapping[tuple[str, int], float]], machine: str) -> str:
    """Charts of milliseconds per image: one row for each side with one chart for each mode, on the same axes."""
    body = [f"<h1>{model}</h1><p class='soft'>Milliseconds per image, {machine}</p>"]
    for side, cost in costs.items():
        highest, furthest = max(cost.values()), max(value for _, value in cost)
        charts = []
        for label in dict.fromkeys(label for label, _ in cost):
            points = [(value / furthest, cost[label, value] / highest) for name, value in cost if name == label]
            x_ticks, y_ticks = [(0, "0"), (1, f"{furthest} {side}")], [(0, "0"), (1, f"{highest:.3g}")]
            least = min(taken for (name, _), taken in cost.items() if name == label)
            charts.append(
                chart(f"{label}, by {side}", [polyline(points)], x_ticks, y_ticks, f"minimum {least:.3g} ms")
            )
        body.append(f"<div class='grid'>{''.join(charts)}</div>")
    return page("Cost of an image", body)


def parse_args(arguments: list[str] | None) -> argparse.Namespace:
    parser = OptionParser(__doc__, {"threads": "num_threads"})
    commands = parser.add_subparsers(dest="command", required=True)
    common = OptionParser(add_help=False)
    add = common.add_argument
    add(
        "--model",
        default=hf_str.DEFAULT_CHECKPOINT,
        help="checkpoint folder or Hub repository (default: that of hf_str)",
    )
    add("--device", default="cpu", help="cpu or cuda")
    add("--num_threads", type=int, default=torch.get_num_threads(), help="threads of a CPU")
    add("--compile", action="store_true", help="also measure the compiled mode, which takes minutes")
    add("--batch_size", type=int, default=64, help="images per forward pass")
    add("--width", type=int, default=128, help="width of the images, in pixels")
    add("--seconds", type=float, default=0.5, help="duration of a turn of one row")
    add("--rounds", type=int, default=5, help="rounds in which all rows take turns")
    add("--cpu_time", action="store_true", help="measure CPU time instead of wall-clock time")
    command = commands.add_parser("peak", parents=[common], help="share of the machine's peak")
    command.add_argument("--matmul_sizes", type=int, nargs="+", help="sizes of the matrices that measure the peak")
    command.add_argument(
        "--profile", action="store_true", help="also print the slowest operators of the paper's network"
    )
    command.set_defaults(run=benchmark_peak)
    command = commands.add_parser("cost", parents=[common], help="by batch size, width and threads")
    add = command.add_argument
    add(
        "--batch_sizes", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64, 128, 256], help="batch sizes to measure"
    )
    add("--widths", type=int, nargs="+", default=[32, 64, 128, 256, 512], help="widths of the images, in pixels")
    add("--output", type=Path, help="HTML page of charts to write")
    command.set_defaults(run=benchmark_cost)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None):
    args = parse_args(arguments)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(args.num_threads)
    torch.manual_seed(0)
    if args.device != "cpu":
        torch.set_float32_matmul_precision("high")  # matrix products in TF32, the default of cuDNN's convolutions
    with torch.inference_mode(), TemporaryDirectory() as scratch:
        args.run(args, Path(scratch))


if __name__ == "__main__":
    main()
