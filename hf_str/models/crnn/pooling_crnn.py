# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Pooling as a layer of a featurizer."""

import torch
from torch import nn

from .convolution_crnn import Window, mask_columns


__all__ = ["CRNNAveragePool", "CRNNMaxPool"]


class CRNNMaxPool(nn.Module):
    """Max pooling that carries each image's own width along; its sizes are `(height, width)` pairs.

    Where windows reach past an image, what they see there in a batch are zeros and not nothing: with a padding, pool
    what is not negative.
    """

    def __init__(
        self,
        kernel_size: tuple[int, int],
        stride: tuple[int, int] | None = None,
        padding: tuple[int, int] = (0, 0),
    ):
        super().__init__()
        self.window = Window(kernel_size, stride or kernel_size, padding)

    def forward(
        self, features: torch.Tensor, widths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Features (batch, channels, height, width), zero past `widths` (batch,), to the same of the next layer."""
        widths = self.window.output_widths(widths)
        return mask_columns(nn.functional.max_pool2d(features, *self.window), widths), widths


class CRNNAveragePool(nn.Module):
    """Average over windows that lie side by side; columns of an image that do not fill a window are left out."""

    def __init__(self, kernel_size: tuple[int, int]):
        super().__init__()
        self.window = Window(kernel_size, kernel_size)

    def forward(
        self, features: torch.Tensor, widths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Features (batch, channels, height, width), zero past `widths` (batch,), to the same of the next layer."""
        widths = self.window.output_widths(widths)
        return mask_columns(nn.functional.avg_pool2d(features, *self.window), widths), widths
