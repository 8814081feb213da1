# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Lists the networks that `CRNNConfig.from_preset` knows, as a Markdown table.

Parameters count the whole network with its vocabulary, multiply-accumulates one 32 x 128 image (convolutions, matrix
products and LSTMs), and time is that of one image on one thread, relative to the paper's network timed in turn with
each.

    python scripts/list_presets.py
    python scripts/list_presets.py --presets vgg-bilstm efficientnet-b0-none --repeats 50
"""

import argparse
import statistics
from functools import partial

import torch

from hf_str import CRNNConfig, CRNNForCTC
from hf_str.evaluation.speed import count_multiply_accumulates, make_clock, stopwatch, take_turns


PAPER = "vgg-bilstm"
HEIGHT, WIDTH = 32, 128


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--presets", nargs="+", default=CRNNConfig.presets(), choices=CRNNConfig.presets())
    parser.add_argument("--vocab_size", type=int, default=95, help="characters and the blank")
    parser.add_argument("--repeats", type=int, default=20, help="timed passes, of which the median counts; 0 for none")
    return parser.parse_args(arguments)


@torch.inference_mode()
def measure_ratio(model: CRNNForCTC, paper: CRNNForCTC, repeats: int) -> float:
    """How many times longer `model` takes than `paper`: the median over passes in turn, so that both see one load."""
    measures = {}
    for name, network in (("model", model), ("paper", paper)):
        image = torch.randn(1, network.config.num_channels, HEIGHT, WIDTH)
        measures[name] = stopwatch(partial(network, image), make_clock())
    seconds = take_turns(measures, repeats)
    return statistics.median(own / of_paper for own, of_paper in zip(*seconds.values(), strict=True))


def main(arguments: list[str] | None = None):
    options = parse_arguments(arguments)
    torch.set_num_threads(1)
    paper = CRNNForCTC(CRNNConfig.from_preset(PAPER, vocab_size=options.vocab_size)).eval()
    print("| preset | parameters (M) | GMAC | time, paper's = 1 | frames |")
    print("|---|---|---|---|---|")
    for name in options.presets:
        config = CRNNConfig.from_preset(name, vocab_size=options.vocab_size)
        model = CRNNForCTC(config).eval()
        parameters = sum(parameter.numel() for parameter in model.parameters())
        multiply_accumulates = count_multiply_accumulates(model, torch.zeros(1, config.num_channels, HEIGHT, WIDTH))
        ratio = f"{measure_ratio(model, paper, options.repeats):.2f}" if options.repeats else ""
        cells = [f"{parameters / 1e6:.2f}", f"{multiply_accumulates / 1e9:.3f}", ratio, str(config.num_frames(WIDTH))]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
