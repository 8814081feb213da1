# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Descriptions of the checkpoints of other projects."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch


__all__ = ["CheckpointFamily", "ConversionError", "ReadCheckpoint", "Weights", "stacked_lstm"]

#: Names to tensors, as a state dict has them.
Weights = dict[str, torch.Tensor]


class ConversionError(ValueError):
    """A checkpoint cannot be converted. The message says what is wrong and what to do."""


def _unchanged(weights: Weights) -> Weights:
    return weights


@dataclass(frozen=True)
class ReadCheckpoint:
    """A checkpoint of a project whose files describe themselves.

    Attributes:
        weights: the weights under our names.
        config: the fields of `CRNNConfig` that the file decides.
        symbols: the text of each class but the blank, which is the first.
    """

    weights: Weights
    config: Mapping[str, Any]
    symbols: list[str]


@dataclass(frozen=True)
class CheckpointFamily:
    """The networks of one project: their graph, the names of their weights, their charsets and their images.

    Sizes are not part of a description. The image's channels, the convolutions' channels, the LSTMs' units and the
    number of classes are taken from the weights, so that narrower and wider networks of a family convert as well.

    Attributes:
        name: key in [`FAMILIES`].
        title: name of the network in its project.
        source: address of the project.
        files: the files that can be converted, and where they come from.
        config: fields of `CRNNConfig` that make the graph. The others are those of the paper's network.
        names: names of the project's modules, or of single weights, and ours:
            `{"cnn.conv0": "crnn.featurizer.layers.0.convolution"}`.
        preprocessing: options of the image processor, by a name for each way in which the project prepares images.
            The first is the usual one.
        charsets: the project's charsets by name, each a string with one character for each class but the blank.
        blank: whether the blank is the first or the last class.
        prefixes: prefixes of all names that cannot be found by what remains, names of the family.
        activation_varies: whether the project has an option for leaky ReLU, which leaves no trace in the weights.
        leaky_slope: slope of the project's leaky ReLU below zero.
        has_one_row: whether the project's code refuses images so high that more than one row is left of them.
        height_multiple_of: the project's code needs images whose height is a multiple of this, in pixels.
        not_needed: patterns (as of `fnmatch`) of weights that the converted model does not need.
        adapt: changes the weights before they are renamed.
        remarks: what else a user should know, for the table of families and the model card.
        read: opens a file or folder whose weights are not found by `names` and which brings its dictionary along. It
            takes the path and that of a dictionary, or `None`. A charset then keeps some of the classes, and there
            are no `charsets`.
        authors: authors in the NOTICE of the converted checkpoint. Without them there is no NOTICE.
        license: license of the weights, as the Hub calls it.
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
        """Our name of a weight of the family; `None` if the family has no such weight."""
        if name in self.names:
            return self.names[name]
        module, _, weight = name.rpartition(".")
        return f"{self.names[module]}.{weight}" if module in self.names else None

    def their_name(self, name: str) -> str:
        """The family's name of one of our weights; our own name if the family has no such weight."""
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
