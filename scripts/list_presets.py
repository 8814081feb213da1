# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str"]
# ///
"""Lists the networks of `CRNNConfig.from_preset`, as a Markdown table.

    python scripts/list_presets.py
    python scripts/list_presets.py --presets vgg-bilstm efficientnet-b0-none --rounds 50

The table has the parameters of the whole network with its vocabulary, the multiply-accumulates of one 32 x 128 image
(convolutions, matrix products and LSTMs), and the time of that image on one thread, relative to the network of the
paper, which takes turns with each.
"""

import argparse
import statistics
from functools import partial

import torch

from hf_str import CRNNConfig, CRNNForCTC
from hf_str.evaluation.speed import count_multiply_accumulates, make_clock, stopwatch, take_turns
from hf_str.utils.options import OptionParser


PAPER = "vgg-bilstm"
HEIGHT, WIDTH = 32, 128


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = OptionParser(__doc__, {"repeats": "rounds"})
    add = parser.add_argument
    presets = CRNNConfig.presets()
    add(
        "--presets",
        nargs="+",
        default=presets,
        choices=presets,
        metavar="NAME",
        help="some of the presets (default: all)",
    )
    add("--vocab_size", type=int, default=95, help="number of characters, and the blank")
    add("--rounds", type=int, default=20, help="rounds of timing, of which the median is shown; 0 for no timing")
    return parser.parse_args(arguments)


@torch.inference_mode()
def measure_ratio(model: CRNNForCTC, paper: CRNNForCTC, rounds: int) -> float:
    """How many times longer `model` takes than `paper`: the median over rounds, in which both see the same load."""
    measures = {}
    for name, network in (("model", model), ("paper", paper)):
        image = torch.randn(1, network.config.num_channels, HEIGHT, WIDTH)
        measures[name] = stopwatch(partial(network, image), make_clock())
    seconds = take_turns(measures, rounds)
    return statistics.median(own / of_paper for own, of_paper in zip(*seconds.values(), strict=True))


def main(arguments: list[str] | None = None):
    args = parse_args(arguments)
    torch.set_num_threads(1)
    paper = CRNNForCTC(CRNNConfig.from_preset(PAPER, vocab_size=args.vocab_size)).eval()
    print("| preset | parameters (M) | GMAC | time, paper's = 1 | frames |")
    print("|---|---|---|---|---|")
    for name in args.presets:
        config = CRNNConfig.from_preset(name, vocab_size=args.vocab_size)
        model = CRNNForCTC(config).eval()
        parameters = sum(parameter.numel() for parameter in model.parameters())
        multiply_accumulates = count_multiply_accumulates(model, torch.zeros(1, config.num_channels, HEIGHT, WIDTH))
        ratio = f"{measure_ratio(model, paper, args.rounds):.2f}" if args.rounds else ""
        cells = [f"{parameters / 1e6:.2f}", f"{multiply_accumulates / 1e9:.3f}", ratio, str(config.num_frames(WIDTH))]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
