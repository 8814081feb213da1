# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Convolutions along the width as a sequentializer, as the smallest of PaddlePaddle's recognizers has them."""

from dataclasses import dataclass

import torch
from huggingface_hub.dataclasses import strict
from torch import nn
from transformers import PreTrainedConfig

from .convolution_crnn import CRNNConvNormActivation
from .sequentializer_crnn import CRNNSequentializerLayer, CRNNSequentializerStage
from .stage_crnn import own_field


__all__ = ["CRNNConvolutionLayer", "ConvolutionStage", "ConvolutionsStage", "as_row"]


@strict
@dataclass(kw_only=True)
class ConvolutionsStage(CRNNSequentializerStage):
    """The fields of sequentializers with convolutions along the width."""

    batch_norm_eps: float
    hidden_act: str = own_field("gelu", elsewhere="ignored")
    mixing_kernel_size: int = own_field(11, form="number", highest=1_023, elsewhere="ignored")
    folded_batch_norms: bool = own_field(False, elsewhere="default")

    def check(self):
        self._check_odd("mixing_kernel_size", self.mixing_kernel_size)
        self._check_activation("hidden_act", self.hidden_act)
        super().check()

    def convolution(
        self, in_channels: int, out_channels: int, width: int = 1, groups: int = 1
    ) -> CRNNConvNormActivation:
        """A convolution along the width, over features of shape (batch, channels, 1, time)."""
        return CRNNConvNormActivation(
            *(in_channels, out_channels, (1, width)),
            eps=self.batch_norm_eps,
            groups=groups,
            activation=self.hidden_act,
            folded=self.folded_batch_norms,
        )


@strict
@dataclass(kw_only=True)
class ConvolutionStage(ConvolutionsStage, name="convolution"):
    """`sequentializer="convolution"`: depthwise convolutions; the last layer ends in `hidden_size` features."""

    no_split_modules = ("CRNNConvolutionLayer",)

    @property
    def hidden_sizes(self) -> list[int]:
        sizes = [self.feature_size] * (self.num_hidden_layers + 1)
        return [*sizes[:-1], self.hidden_size] if self.num_hidden_layers else sizes

    def layer(self, index: int, config: PreTrainedConfig) -> CRNNSequentializerLayer:
        return CRNNConvolutionLayer(self, index)


class CRNNConvolutionLayer(CRNNSequentializerLayer):
    """Depthwise convolution along the width, then one that mixes the features; the last layer ends in `hidden_size`.

    PP-OCRv6 tiny has one such layer in the place of a neck; the narrow projection at its end makes the head small.
    """

    def __init__(self, stage: ConvolutionStage, index: int):
        super().__init__()
        size, out_size = stage.hidden_sizes[index : index + 2]
        convolution = stage.convolution
        self.local = convolution(size, size, stage.mixing_kernel_size, groups=size)
        self.mixing = convolution(size, size)
        self.dropout = nn.Dropout(stage.dropout)
        is_last = index == stage.num_hidden_layers - 1
        self.projection = nn.Linear(size, out_size) if is_last else nn.Identity()

    def forward(self, frames: torch.Tensor, num_frames: torch.Tensor | None = None) -> torch.Tensor:
        """(batch, time, features) to (batch, time, features), or (batch, time, hidden) of the last layer."""
        features, _ = self.mixing(*self.local(as_row(frames), num_frames))
        return self.projection(self.dropout(features[:, :, 0].transpose(1, 2)))


def as_row(frames: torch.Tensor) -> torch.Tensor:
    """Frames (batch, time, features) as features (batch, features, 1, time) of an image one pixel high."""
    # A view's strides would be taken for fixed by torch.export.
    return frames.transpose(1, 2).clone(memory_format=torch.contiguous_format)[:, :, None]
