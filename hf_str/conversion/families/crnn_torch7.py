# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""bgshih/crnn: the paper's own code, in Torch7. A snapshot is two tables of tensors without names."""

import torch

from ...models.crnn.tokenization_crnn import CHARSETS
from ..family import CheckpointFamily, ConversionError, Weights
from .crnn_pytorch import CONFIG, STRETCH, names_of


__all__ = ["FAMILIES"]

_LSTM = ("weight_ih_l0", "bias_ih_l0", "weight_hh_l0", "bias_hh_l0")


def _names_in_order() -> list[str]:
    """What `model:parameters()` lists, in the names of crnn.pytorch.

    The linear layer after an LSTM is two here, "embedding.forward" and "embedding.backward", whose outputs are added.
    """
    modules = []
    for index in range(7):
        modules += [f"cnn.conv{index}"] + [f"cnn.batchnorm{index}"] * (index in (2, 4, 6))
    names = [f"{module}.{weight}" for module in modules for weight in ("weight", "bias")]
    for layer in range(2):
        names += [f"rnn.{layer}.rnn.{weight}{direction}" for direction in ("", "_reverse") for weight in _LSTM]
        directions = ("forward", "backward")
        names += [f"rnn.{layer}.embedding.{way}.{weight}" for way in directions for weight in ("weight", "bias")]
    return names


def _name_and_reorder(weights: Weights) -> Weights:
    """The two tables in the layout of crnn.pytorch."""
    tables = {
        "parameters": _names_in_order(),
        "bnVars": [f"cnn.batchnorm{i}.{name}" for i in (2, 4, 6) for name in ("running_mean", "running_var")],
    }
    expected = {f"{table}.{i}": name for table, names in tables.items() for i, name in enumerate(names, start=1)}
    if expected.keys() != weights.keys():
        raise ConversionError(
            "it is another network: a snapshot of bgshih/crnn has "
            + " and ".join(f"{len(names)} {table}" for table, names in tables.items())
            + ", this file has "
            + " and ".join(f"{sum(key.startswith(table) for key in weights)}" for table in tables)
        )
    named = {name: weights[position] for position, name in expected.items()}
    for name in [name for name in named if ".rnn." in name]:
        # The gates are in order input, forget, output, cell (LstmLayer.lua); PyTorch has the cell before the output.
        in_gate, forget_gate, out_gate, cell = named[name].chunk(4)
        named[name] = torch.cat([in_gate, forget_gate, cell, out_gate])
    for layer in range(2):
        module = f"rnn.{layer}.embedding"
        ways = [f"{module}.{way}" for way in ("forward", "backward")]
        named[f"{module}.weight"] = torch.cat([named.pop(f"{way}.weight") for way in ways], dim=1)
        named[f"{module}.bias"] = torch.stack([named.pop(f"{way}.bias") for way in ways]).sum(0)
    return named


FAMILIES = (
    CheckpointFamily(
        name="crnn-torch7",
        title="CRNN of the paper's code, bgshih/crnn (Torch7)",
        source="https://github.com/bgshih/crnn",
        files="crnn_demo_model.t7, or a snapshot_*.t7 of main_train.lua",
        config=CONFIG,
        names=names_of("cnn", "rnn", "embedding"),
        # Pixels become (pixel - 128) / 128.
        preprocessing={"stretch": STRETCH | {"image_mean": 128 / 255, "image_std": 128 / 255}},
        charsets={"36": CHARSETS["36"]},
        adapt=_name_and_reorder,
        remarks="Torch7 aligns the corners of images when it resizes; here edges are aligned, as in crnn-pytorch.",
    ),
)
