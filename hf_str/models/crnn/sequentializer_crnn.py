# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Sequentialization: layers that give the frames of an image context. No image's frames see padding.

All take frames (batch, time, hidden) and the number of each image's own frames (batch,), or `None` where all are real.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from huggingface_hub.dataclasses import strict
from torch import nn
from transformers import PreTrainedConfig
from transformers.modeling_layers import GradientCheckpointingLayer

from .stage_crnn import CRNNStage


__all__ = ["CRNNSequentializerLayer", "CRNNSequentializerStage", "NoSequentializerStage"]


class CRNNSequentializerLayer(GradientCheckpointingLayer):
    """What the layers of all sequentializers are: their outputs are the model's hidden states."""


@strict
@dataclass(kw_only=True)
class CRNNSequentializerStage(CRNNStage):
    """What a sequentializer is: layers, and what stands before and after them where something does.

    [`CRNNModel`] runs an entrance, an embedding, the layers, a norm and an exit, in this order. Most have layers only.
    """

    kind: ClassVar[str] = "sequentializer"
    table: ClassVar[dict[str, type["CRNNSequentializerStage"]]] = {}

    feature_size: int
    hidden_size: int
    num_hidden_layers: int
    dropout: float | int

    @property
    def hidden_sizes(self) -> list[int]:
        """Features of a frame before the first layer and after each: `num_hidden_layers + 1` numbers."""
        raise NotImplementedError

    def layer(self, index: int, config: PreTrainedConfig) -> CRNNSequentializerLayer:
        """Layer `index`, counted from 0.

        It takes frames (batch, time, `hidden_sizes[index]`), their number and what the embedding gave for all layers,
        and gives frames (batch, time, `hidden_sizes[index + 1]`). `config` says how attention is computed.
        """
        raise NotImplementedError

    def entrance(self) -> nn.Module | None:
        """From frames and their number to frames, and something that the exit gets."""
        return None

    def embedding(self, config: PreTrainedConfig) -> nn.Module | None:
        """From frames and their number to frames, and keyword arguments of all layers."""
        return None

    def norm(self) -> nn.Module:
        """From frames to frames, after the last layer."""
        return nn.Identity()

    def exit(self) -> nn.Module | None:
        """From frames, what the entrance gave, and the number of frames to frames."""
        return None


@strict
@dataclass(kw_only=True)
class NoSequentializerStage(CRNNSequentializerStage, name="none"):
    """`sequentializer="none"`: the head sees the frames as they are."""

    @classmethod
    def fill(cls, values: dict[str, Any]):
        values["num_hidden_layers"] = 0

    @property
    def hidden_sizes(self) -> list[int]:
        return [self.feature_size]
