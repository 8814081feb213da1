# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What every convolutional stage needs to respect padding: columns past an image's own width count as zeros.

An image alone ends in the zeros of a convolution's padding. In a batch its padding goes on to the right, with biases
and shifts of normalization in it. So the stages carry each image's own width along, and zero what lies past it before
anything looks beyond its own column.
"""

from typing import Any, NamedTuple

import torch
from torch import nn
from transformers import initialization as init
from transformers.activations import ACT2FN


__all__ = ["CRNNAffine", "CRNNConvNormActivation", "Window", "mask_columns", "masked_mean"]


class Window(NamedTuple):
    """A convolution or a pool as far as it changes the size of an image; all are `(height, width)` in pixels."""

    kernel_size: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)

    def output_length(self, length: Any, axis: int) -> Any:
        """What is left of a length (`int` or integer tensor) along `axis`, 0 for the height and 1 for the width."""
        return (length + 2 * self.padding[axis] - self.kernel_size[axis]) // self.stride[axis] + 1

    def output_widths(self, widths: torch.Tensor | None) -> torch.Tensor | None:
        """What is left of each image's own width (batch,)."""
        return None if widths is None else self.output_length(widths, axis=1)


def mask_columns(features: torch.Tensor, widths: torch.Tensor | None, value: float = 0) -> torch.Tensor:
    """Sets what lies right of each image's width to `value`: `features` is (batch, ..., width), `widths` (batch,)."""
    if widths is None:
        return features
    columns = torch.arange(features.shape[-1], device=features.device)
    inside = columns < widths.view(-1, *[1] * (features.ndim - 1))
    return torch.where(inside, features, features.new_full((), value))


def masked_mean(features: torch.Tensor, widths: torch.Tensor | None) -> torch.Tensor:
    """Mean over the pixels of each image, (batch, channels, 1, 1); what is padding in `features` must be zero."""
    mean = features.mean((2, 3), keepdim=True)
    if widths is None:
        return mean
    return mean * (features.shape[-1] / widths.clamp(min=1)).to(mean.dtype).view(-1, 1, 1, 1)


class CRNNAffine(nn.Module):
    """One scale and one shift for all features, both learned: what PP-LCNetV3 has behind its activations."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.bias = nn.Parameter(torch.zeros(1))

    def init_own_weights(self):
        """Weights at the start, as [`CRNNPreTrainedModel`] asks modules for them."""
        init.ones_(self.scale)
        init.zeros_(self.bias)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Features of any shape to the same."""
        return self.scale * features + self.bias


class CRNNConvNormActivation(nn.Module):
    """Convolution that keeps the size but for its stride, batch normalization, activation.

    Args:
        in_channels: channels that go in.
        out_channels: channels that come out.
        kernel_size: side of the kernel, odd, or its (height, width).
        eps: added to the variance in batch normalization.
        stride: (height, width) of the stride.
        groups: groups of channels that are convolved by themselves.
        activation: name of the activation; without one there is none.
        padding: zeros on each side; half of the kernel by default.
        folded: a bias stands in the place of batch normalization, as in networks whose normalization was folded into
            their convolutions.
        affine: whether a learned scale and shift follow the activation.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        *,
        eps: float,
        stride: tuple[int, int] = (1, 1),
        groups: int = 1,
        activation: str | None = "relu",
        padding: int | None = None,
        folded: bool = False,
        affine: bool = False,
    ):
        super().__init__()
        height, width = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
        paddings = (height // 2, width // 2) if padding is None else (padding, padding)
        self.window = Window((height, width), stride, paddings)
        self.convolution = nn.Conv2d(
            in_channels, out_channels, (height, width), stride, padding=paddings, groups=groups, bias=folded
        )
        self.normalization = nn.Identity() if folded else nn.BatchNorm2d(out_channels, eps=eps)
        self.activation = nn.Identity() if activation is None else ACT2FN[activation]
        self.affine = CRNNAffine() if affine else nn.Identity()

    def forward(self, features: torch.Tensor, widths: torch.Tensor | None = None):
        """Features (batch, channels, height, width), zero past `widths` (batch,), to the same of the next layer."""
        widths = self.window.output_widths(widths)
        features = self.affine(self.activation(self.normalization(self.convolution(features))))
        return mask_columns(features, widths), widths
