# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""EfficientNet and MobileNetV3 with text strides: inverted residual blocks with squeeze-and-excitation.

Tan, Le: "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (2019), table 1.
Howard et al.: "Searching for MobileNetV3" (2019), tables 1 and 2.
"""

import torch
from torch import nn

from .configuration_crnn import CRNNConfig
from .convolution_crnn import CRNNConvNormActivation, masked_mean
from .pooling_crnn import CRNNMaxPool
from .presets_crnn import nearest_multiple
from .resnet_crnn import stem_layers


__all__ = ["CRNNInvertedResidual", "mbconv_layers"]


class CRNNSqueezeExcitation(nn.Module):
    """Scales each channel by what the whole image says (Hu et al. 2018, figure 2); padding has no say."""

    def __init__(self, channels: int, reduced_channels: int, activation: nn.Module, gate: nn.Module):
        super().__init__()
        self.reduction = nn.Conv2d(channels, reduced_channels, 1)
        self.expansion = nn.Conv2d(reduced_channels, channels, 1)
        self.activation, self.gate = activation, gate

    def forward(self, features: torch.Tensor, widths: torch.Tensor | None = None) -> torch.Tensor:
        """Features (batch, channels, height, width), zero past `widths` (batch,), to the same."""
        squeezed = self.activation(self.reduction(masked_mean(features, widths)))
        return features * self.gate(self.expansion(squeezed))


class CRNNInvertedResidual(nn.Module):
    """Widen, convolve each channel by itself, squeeze and excite, narrow; with a shortcut where the shape stays."""

    def __init__(self, config: CRNNConfig, stage: int, in_channels: int, stride: tuple[int, int]):
        super().__init__()
        eps, activation = config.batch_norm_eps, config.stage_activations[stage]
        out_channels, kernel_size = config.stage_channels[stage], config.stage_kernel_sizes[stage]
        channels = round(in_channels * config.stage_expansions[stage])
        self.expansion = None
        if channels != in_channels or config.always_expand:
            self.expansion = CRNNConvNormActivation(in_channels, channels, 1, eps=eps, activation=activation)
        self.depthwise = CRNNConvNormActivation(
            channels, channels, kernel_size, eps=eps, stride=stride, groups=channels, activation=activation
        )
        self.squeeze = None
        if config.stage_squeezes[stage] and config.featurizer == "efficientnet":
            self.squeeze = CRNNSqueezeExcitation(channels, max(1, in_channels // 4), nn.SiLU(), nn.Sigmoid())
        elif config.stage_squeezes[stage]:
            reduced = nearest_multiple(channels / 4, config.squeeze_divisor)
            self.squeeze = CRNNSqueezeExcitation(channels, reduced, nn.ReLU(), nn.Hardsigmoid())
        self.projection = CRNNConvNormActivation(channels, out_channels, 1, eps=eps, activation=None)
        self.has_shortcut = in_channels == out_channels and stride == (1, 1)

    def forward(self, features: torch.Tensor, widths: torch.Tensor | None = None):
        """Features (batch, channels, height, width), zero past `widths` (batch,), to the same of the next layer."""
        residual = features
        if self.expansion is not None:
            residual, widths = self.expansion(residual, widths)
        residual, widths = self.depthwise(residual, widths)
        if self.squeeze is not None:
            residual = self.squeeze(residual, widths)
        residual, widths = self.projection(residual, widths)
        return features + residual if self.has_shortcut else residual, widths


def mbconv_layers(config: CRNNConfig) -> list[nn.Module]:
    """The stem, stages of blocks, a last 1x1 convolution and a pool where the config has `head_*` for them."""
    eps = config.batch_norm_eps
    activation = "silu" if config.featurizer == "efficientnet" else "hardswish"
    layers, channels = stem_layers(config, activation), config.stem_channels[-1]
    for stage, depth in enumerate(config.stage_depths):
        for block in range(depth):
            stride = (1, 1) if block else tuple(config.stage_strides[stage])
            layers.append(CRNNInvertedResidual(config, stage, channels, stride))
            channels = config.stage_channels[stage]
    if config.head_channels is not None:
        layers.append(CRNNConvNormActivation(channels, config.head_channels, 1, eps=eps, activation=activation))
    if config.head_pool_kernel_size is not None:
        layers.append(CRNNMaxPool(tuple(config.head_pool_kernel_size)))
    return layers
