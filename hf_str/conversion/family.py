# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What is known of one kind of foreign checkpoint."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch


__all__ = ["CheckpointFamily", "ConversionError", "ReadCheckpoint", "Weights", "stacked_lstm"]

#: Names to tensors, as a state dict has them.
Weights = dict[str, torch.Tensor]


class ConversionError(ValueError):
    """A checkpoint that is not what it was said to be. The message says what is wrong and what to do."""


def _unchanged(weights: Weights) -> Weights:
    return weights


@dataclass(frozen=True)
class ReadCheckpoint:
    """A checkpoint that says itself what it is, as far as it does.

    Attributes:
        weights: under our names.
        config: fields of `CRNNConfig`.
        symbols: the text of each class but the blank, which is the first.
    """

    weights: Weights
    config: Mapping[str, Any]
    symbols: list[str]


@dataclass(frozen=True)
class CheckpointFamily:
    """The networks of one project: what they look like, what their weights are called, what they read and how.

    Sizes are not part of it. The image's channels, the convolutions' channels, the LSTMs' units and the number of
    classes are read from the weights, so that narrower and wider networks of a family convert as well.

    Attributes:
        name: how a user asks for it.
        title: what it is called in its project.
        source: address of the project.
        files: the files that it takes, and where they come from.
        config: fields of `CRNNConfig` that make its graph; the paper's network where they say nothing.
        names: its modules, or single weights, and ours: `{"cnn.conv0": "crnn.featurizer.layers.0.convolution"}`.
        preprocessing: options of the image processor, by a name for each way in which the family prepares images; the
            first is the usual one.
        charsets: its charsets by name, each a string with one character for each class but the blank.
        blank: whether the blank is its first or its last class.
        prefixes: what may stand before all its names and is not found by what remains, names of the family.
        activation_varies: whether its code has an option for leaky ReLU, which leaves no trace in the weights.
        leaky_slope: by what its leaky ReLU multiplies what is below zero.
        has_one_row: whether its own code refuses images so high that more than one row is left of them.
        height_multiple_of: of what its own code wants the image's height to be a multiple.
        not_needed: patterns (as of `fnmatch`) of weights that have no place in the converted model.
        adapt: what has to be done to its weights, before they are renamed.
        remarks: what else a user should know, for the table and the model card.
        read: opens a file or folder whose weights are found in another way than by `names`, and which brings its
            dictionary along; takes its path and that of a dictionary, or `None`. Of such a checkpoint a charset keeps
            some of the classes; there are no `charsets` then.
        authors: who is named in the NOTICE of what was converted; without a name there is none.
        license: of the weights, as the Hub calls it.
    """

    name: str
    title: str
    source: str
    files: str
    config: Mapping[str, Any]
    names: Mapping[str, str]
    preprocessing: Mapping[str, Mapping[str, Any]]
    charsets: Mapping[str, str]
    blank: Literal["first", "last"] = "first"
    prefixes: tuple[str, ...] = ()
    activation_varies: bool = False
    leaky_slope: float = 0.2
    has_one_row: bool = True
    height_multiple_of: int = 1
    not_needed: tuple[str, ...] = ()
    adapt: Callable[[Weights], Weights] = _unchanged
    remarks: str = ""
    read: Callable[[Path, Path | None], ReadCheckpoint] | None = None
    authors: str = ""
    license: str = ""

    @property
    def featurizer(self) -> str:
        """The config's featurizer: "vgg" where `config` does not say."""
        return self.config.get("featurizer", "vgg")

    def our_name(self, name: str) -> str | None:
        """What a weight of the family is called here; `None` if the family has no such weight."""
        if name in self.names:
            return self.names[name]
        module, _, weight = name.rpartition(".")
        return f"{self.names[module]}.{weight}" if module in self.names else None

    def their_name(self, name: str) -> str:
        """What one of our weights is called in the family; its own name where the family has no such weight."""
        theirs = {ours: theirs for theirs, ours in self.names.items()}
        module, _, weight = name.rpartition(".")
        return theirs.get(name) or (f"{theirs[module]}.{weight}" if module in theirs else name)


def stacked_lstm(module: str, num_layers: int = 2) -> dict[str, str]:
    """Names for an `nn.LSTM` of several bidirectional layers: each layer is one of ours."""
    return {
        f"{module}.{weight}_l{layer}{direction}": f"crnn.layers.{layer}.lstm.{weight}_l0{direction}"
        for layer in range(num_layers)
        for weight in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        for direction in ("", "_reverse")
    }
