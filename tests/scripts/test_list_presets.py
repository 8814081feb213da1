# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The table of presets: one row each, with counts that can be checked by hand."""

import torch

from hf_str import CRNNConfig, CRNNForCTC
from scripts.list_presets import count_multiply_accumulates, main


def test_the_table_has_a_row_for_each_preset(capsys):
    main(["--presets", "vgg-bilstm", "vgg-none", "--rounds", "0", "--vocab_size", "37"])
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].startswith("| preset | parameters (M) | GMAC |")
    assert rows[2].startswith("| vgg-bilstm | 8.33 | ")
    assert rows[3].startswith("| vgg-none | 5.57 | ")
    assert len(rows) == 4


def test_the_counts_are_those_of_the_layers():
    config = CRNNConfig(
        vocab_size=5,
        conv_channels=[2],
        conv_kernel_sizes=3,
        conv_paddings=1,
        batch_norms=False,
        pool_kernel_sizes=[[2, 2]],
        hidden_size=4,
        num_hidden_layers=1,
    )
    convolution = 32 * 128 * 2 * 9
    lstm = 64 * 2 * 4 * 4 * (2 + 4)  # frames, directions, gates, units, inputs and states
    head = 64 * 8 * 5
    image = torch.zeros(1, 1, 32, 128)
    assert count_multiply_accumulates(CRNNForCTC(config).eval(), image) == convolution + lstm + head
