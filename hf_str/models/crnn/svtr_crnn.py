# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The necks of PaddlePaddle's recognizers around the transformer layers, and the convolutional neck of the smallest.

Du et al.: "SVTR: Scene Text Recognition with a Single Visual Model" (2022), as PP-OCRv3 to v6 have it: two transformer
layers on a few features, with the convolutional features led around them. PaddleOCR has them in `rnn.py`.
"""

import torch
from torch import nn

from .configuration_crnn import CRNNConfig
from .convolution_crnn import CRNNConvNormActivation
from .sequentializers_crnn import CRNNSequentializerLayer


__all__ = ["CRNNConvolutionLayer", "CRNNSVTREntrance", "CRNNSVTRExit"]


class CRNNSVTREntrance(nn.Module):
    """Before the transformer layers: convolutions along the width bring the features to `hidden_size`."""

    def __init__(self, config: CRNNConfig):
        super().__init__()
        size, features = config.hidden_size, config.feature_size
        self.fusion = config.neck_fusion
        if self.fusion == "add":  # PP-OCRv6
            self.shortcut = _convolution(config, features, size)
            self.reduction = _convolution(config, features, size)
            self.local = _convolution(config, size, size, config.mixing_kernel_size, groups=size)
        else:  # PP-OCRv3 to v5
            self.local = _convolution(config, features, features // 8, config.mixing_kernel_size)
            self.reduction = _convolution(config, features // 8, size)

    def forward(self, frames: torch.Tensor, num_frames: torch.Tensor | None = None):
        """(batch, time, features) to (batch, time, hidden), and what [`CRNNSVTRExit`] joins to it again."""
        features = _row(frames)
        if self.fusion == "add":
            shortcut, _ = self.shortcut(features, num_frames)
            features, _ = self.reduction(features, num_frames)
            features = features + self.local(features, num_frames)[0]
        else:
            shortcut = features
            features, _ = self.reduction(*self.local(features, num_frames))
        return features[:, :, 0].transpose(1, 2), shortcut


class CRNNSVTRExit(nn.Module):
    """After the transformer layers: what was led around them is added, or joined and convolved."""

    def __init__(self, config: CRNNConfig):
        super().__init__()
        size, features = config.hidden_size, config.feature_size
        self.fusion = config.neck_fusion
        if self.fusion == "concatenate":
            self.expansion = _convolution(config, size, features)
            self.local = _convolution(config, 2 * features, features // 8, config.mixing_kernel_size)
            self.reduction = _convolution(config, features // 8, size)

    def forward(self, frames: torch.Tensor, shortcut: torch.Tensor, num_frames: torch.Tensor | None = None):
        """(batch, time, hidden) and the entrance's shortcut (batch, channels, 1, time) to (batch, time, hidden)."""
        if self.fusion == "add":
            return frames + shortcut[:, :, 0].transpose(1, 2)
        features, _ = self.expansion(_row(frames), num_frames)
        features, _ = self.reduction(*self.local(torch.cat([shortcut, features], dim=1), num_frames))
        return features[:, :, 0].transpose(1, 2)


class CRNNConvolutionLayer(CRNNSequentializerLayer):
    """Depthwise convolution along the width, then one that mixes the features; the last layer ends in `hidden_size`.

    PP-OCRv6 tiny has one such layer in the place of a neck; the narrow projection at its end makes the head small.
    """

    def __init__(self, config: CRNNConfig, index: int):
        super().__init__()
        size = config.feature_size
        self.local = _convolution(config, size, size, config.mixing_kernel_size, groups=size)
        self.mixing = _convolution(config, size, size)
        self.dropout = nn.Dropout(config.dropout)
        self.projection = nn.Identity()
        if index == config.num_hidden_layers - 1:
            self.projection = nn.Linear(size, config.hidden_size)

    def forward(self, frames: torch.Tensor, num_frames: torch.Tensor | None = None) -> torch.Tensor:
        """(batch, time, features) to (batch, time, features), or (batch, time, hidden) of the last layer."""
        features, _ = self.mixing(*self.local(_row(frames), num_frames))
        return self.projection(self.dropout(features[:, :, 0].transpose(1, 2)))


def _row(frames: torch.Tensor) -> torch.Tensor:
    """Frames (batch, time, features) as features (batch, features, 1, time) of an image one pixel high."""
    # A view's strides would be taken for fixed by torch.export.
    return frames.transpose(1, 2).clone(memory_format=torch.contiguous_format)[:, :, None]


def _convolution(
    config: CRNNConfig, in_channels: int, out_channels: int, width: int = 1, groups: int = 1
) -> CRNNConvNormActivation:
    """A convolution along the width, over features of shape (batch, channels, 1, time)."""
    return CRNNConvNormActivation(
        *(in_channels, out_channels, (1, width)),
        eps=config.batch_norm_eps,
        groups=groups,
        activation=config.hidden_act,
        folded=config.folded_batch_norms,
    )
