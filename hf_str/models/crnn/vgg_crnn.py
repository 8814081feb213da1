# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The paper's featurizer and its kin: convolutions and pools, with residual blocks in between where asked."""

import torch
from torch import nn

from .configuration_crnn import CRNNConfig
from .convolution_crnn import mask_columns, output_widths
from .resnet_crnn import CRNNResidualBlock


__all__ = ["CRNNConvLayer", "vgg_layers"]


class CRNNConvLayer(nn.Module):
    """Convolution, (leaky) ReLU, and residual blocks before, normalisation, max-pooling where the config has them."""

    def __init__(self, config: CRNNConfig, index: int):
        super().__init__()
        in_channels = config.conv_channels[index - 1] if index else config.num_channels
        out_channels = config.conv_channels[index]
        num_blocks = config.residual_blocks[index]
        self.residual_blocks = nn.ModuleList(
            CRNNResidualBlock(out_channels if later else in_channels, out_channels, eps=config.batch_norm_eps)
            for later in range(num_blocks)
        )
        self.convolution = nn.Conv2d(
            out_channels if num_blocks else in_channels,
            out_channels,
            _as_tuple(config.conv_kernel_sizes[index]),
            _as_tuple(config.conv_strides[index]),
            padding=_as_tuple(config.conv_paddings[index]),
            bias=config.conv_biases[index],
        )
        norm = config.batch_norms[index]
        self.normalization = nn.BatchNorm2d(out_channels, eps=config.batch_norm_eps) if norm else nn.Identity()
        is_leaky = config.conv_activation == "leaky_relu"
        self.activation = nn.LeakyReLU(config.leaky_relu_slope) if is_leaky else nn.ReLU()
        window = config.pool_kernel_sizes[index]
        self.pooling = nn.Identity()
        if window is not None:
            stride, padding = tuple(config.pool_strides[index]), tuple(config.pool_paddings[index])
            self.pooling = nn.MaxPool2d(tuple(window), stride=stride, padding=padding)

    def forward(self, features: torch.Tensor, widths: torch.Tensor | None = None):
        """(batch, channels, height, width) and each image's own width, or `None` where all columns are real."""
        for block in self.residual_blocks:
            features, widths = block(features, widths)
        features = self.normalization(self.convolution(features))
        widths = output_widths(self.convolution, widths)
        # (Leaky) ReLU of the maximum is the maximum of the (leaky) ReLUs, and has fewer pixels to do.
        if isinstance(self.pooling, nn.MaxPool2d):
            if self.pooling.padding[1] > 0:  # without, no window of an image reaches past its own width
                # An image alone has nothing there, which a ReLU cannot tell from zeros, but a leaky one can.
                is_leaky = isinstance(self.activation, nn.LeakyReLU)
                features = mask_columns(features, widths, torch.finfo(features.dtype).min if is_leaky else 0)
            features, widths = self.pooling(features), output_widths(self.pooling, widths)
        features = mask_columns(self.activation(features), widths)
        return features, widths


def vgg_layers(config: CRNNConfig) -> list[nn.Module]:
    """One layer for each convolution of the config (Shi et al. 2015, table 1; Baek et al. 2019 with blocks)."""
    return [CRNNConvLayer(config, index) for index in range(len(config.conv_channels))]


def _as_tuple(size: int | list[int]) -> int | tuple[int, int]:
    return size if isinstance(size, int) else tuple(size)
