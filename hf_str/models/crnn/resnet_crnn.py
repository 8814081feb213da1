# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The text ResNets: residual blocks whose strides lower the height and keep the width."""

import torch
from torch import nn

from .configuration_crnn import CRNNConfig
from .convolution_crnn import CRNNConvNormActivation, mask_columns, output_widths
from .pooling_crnn import CRNNMaxPool


__all__ = ["CRNNResidualBlock", "CRNNZeroBatchNorm2d", "resnet_layers", "stem_layers"]


class CRNNZeroBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation whose scale starts at zero (Goyal et al. 2017, section 5.1)."""


class CRNNResidualBlock(nn.Module):
    """Two convolutions with batch normalisation beside a shortcut (He et al. 2016, figure 2).

    The scale of the last normalisation starts at zero, so a new block passes on what it is given: a trained network
    that gets more blocks reads as it did before.

    A shortcut that changes the shape is a 1x1 convolution with the block's stride. With `pooled_shortcut` it averages
    what the stride would skip and then has a convolution without stride, in every block (ResNet-D of He et al., "Bag
    of Tricks for Image Classification with Convolutional Neural Networks", 2019, figure 2c).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        eps: float,
        kernel_sizes: tuple[int, int] = (3, 3),
        stride: tuple[int, int] = (1, 1),
        stride_at: str = "first",
        pooled_shortcut: bool = False,
    ):
        super().__init__()
        strides = (stride, (1, 1)) if stride_at == "first" else ((1, 1), stride)
        paddings = [kernel_size // 2 for kernel_size in kernel_sizes]
        self.convolution1 = nn.Conv2d(
            in_channels, out_channels, kernel_sizes[0], strides[0], padding=paddings[0], bias=False
        )
        self.normalization1 = nn.BatchNorm2d(out_channels, eps=eps)
        self.convolution2 = nn.Conv2d(
            out_channels, out_channels, kernel_sizes[1], strides[1], padding=paddings[1], bias=False
        )
        self.normalization2 = CRNNZeroBatchNorm2d(out_channels, eps=eps)
        self.shortcut, self.pooled_stride = nn.Identity(), stride if pooled_shortcut else (1, 1)
        if pooled_shortcut or in_channels != out_channels or stride != (1, 1):
            projection = nn.Conv2d(in_channels, out_channels, 1, (1, 1) if pooled_shortcut else stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(out_channels, eps=eps))
        self.activation = nn.ReLU()

    def forward(self, features: torch.Tensor, widths: torch.Tensor | None = None):
        """Features (batch, channels, height, width), zero past `widths` (batch,), to the same of the next layer."""
        shortcut = self.shortcut(_averaged(features, widths, self.pooled_stride))
        widths = output_widths(self.convolution1, widths)
        residual = mask_columns(self.activation(self.normalization1(self.convolution1(features))), widths)
        widths = output_widths(self.convolution2, widths)
        residual = self.normalization2(self.convolution2(residual))
        return mask_columns(self.activation(residual + shortcut), widths), widths


def _averaged(features: torch.Tensor, widths: torch.Tensor | None, size: tuple[int, int]) -> torch.Tensor:
    """Means over windows of `size` side by side; what lies past an image's edge or its own width does not count."""
    if size == (1, 1):
        return features
    means = nn.functional.avg_pool2d(features, size, ceil_mode=True)
    if widths is None or size[1] == 1:
        return means
    inside = mask_columns(features.new_ones(len(features), 1, 1, features.shape[-1]), widths)
    shares = nn.functional.avg_pool2d(inside, (1, size[1]), ceil_mode=True)
    return means / shares.clamp(min=1 / size[1])


def stem_layers(config: CRNNConfig, activation: str = "relu") -> list[nn.Module]:
    """The 3x3 convolutions before the first stage, the first of them with the stem's stride."""
    channels = [config.num_channels, *config.stem_channels]
    strides = [tuple(config.stem_stride)] + [(1, 1)] * (len(config.stem_channels) - 1)
    return [
        CRNNConvNormActivation(before, after, 3, eps=config.batch_norm_eps, stride=stride, activation=activation)
        for before, after, stride in zip(channels, channels[1:], strides, strict=False)
    ]


def resnet_layers(config: CRNNConfig) -> list[nn.Module]:
    """The stem, then stages of blocks, the first block of each with the stage's stride; pools where asked.

    Shi et al., "ASTER: An Attentional Scene Text Recognizer with Flexible Rectification" (2018), table 1; a stem with
    a pool is that of He et al. (2016), table 1.
    """
    eps = config.batch_norm_eps
    layers, channels = stem_layers(config), config.stem_channels[-1]
    if config.stem_pool_stride is not None:
        layers.append(CRNNMaxPool((3, 3), tuple(config.stem_pool_stride), (1, 1)))
    for index, depth in enumerate(config.stage_depths):
        for block in range(depth):
            stride = (1, 1) if block else tuple(config.stage_strides[index])
            layers.append(
                CRNNResidualBlock(
                    channels,
                    config.stage_channels[index],
                    eps=eps,
                    kernel_sizes=tuple(config.block_kernel_sizes),
                    stride=stride,
                    stride_at=config.block_stride_at,
                    pooled_shortcut=config.block_shortcut == "pooled" and block == 0,
                )
            )
            channels = config.stage_channels[index]
    if config.head_pool_kernel_size is not None:
        layers.append(CRNNMaxPool(tuple(config.head_pool_kernel_size)))
    return layers
