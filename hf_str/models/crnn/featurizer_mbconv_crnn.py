# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""EfficientNet and MobileNetV3 with text strides: inverted residual blocks with squeeze-and-excitation.

Tan, Le: "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (2019), table 1.
Howard et al.: "Searching for MobileNetV3" (2019), tables 1 and 2.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from huggingface_hub.dataclasses import strict
from torch import nn

from .convolution_crnn import CRNNConvNormActivation, masked_mean
from .featurizer_blocks_crnn import EACH_STAGE, DepthwiseStage
from .pooling_crnn import CRNNMaxPool
from .presets_crnn import nearest_multiple
from .stage_crnn import as_pair, own_field


__all__ = ["CRNNInvertedResidual", "CRNNSqueezeExcitation", "EfficientNetStage", "MobileNetV3Stage"]


@strict
@dataclass(kw_only=True)
class MBConvStage(DepthwiseStage):
    """The fields of both: inverted residual blocks, and a last 1x1 convolution where it has channels."""

    activation: ClassVar[str]
    no_split_modules = ("CRNNInvertedResidual",)

    stage_expansions: list[float | int] = own_field(None, each=EACH_STAGE, highest=256)
    head_channels: int | None = own_field(None, form="number", highest=16_384)

    def check(self):
        for index, expansion in enumerate(self.stage_expansions):
            if expansion <= 0:
                raise ValueError(f"stage_expansions[{index}] must be above 0, not {expansion}")
        super().check()

    @property
    def feature_size(self) -> int:
        return self.head_channels or self.stage_channels[-1]

    def squeeze(self, in_channels: int, channels: int) -> "CRNNSqueezeExcitation":
        """Squeeze-and-excitation for the `channels` inside of a block."""
        raise NotImplementedError

    def expands(self, in_channels: int, channels: int) -> bool:
        """Whether a block has its first 1x1 convolution."""
        return channels != in_channels

    def layers(self) -> list[nn.Module]:
        eps, activation = self.batch_norm_eps, self.activation
        layers = self.stem_layers(activation)
        layers += [CRNNInvertedResidual(self, *block) for block in self.blocks()]
        if self.head_channels is not None:
            channels = self.stage_channels[-1]
            layers.append(CRNNConvNormActivation(channels, self.head_channels, 1, eps=eps, activation=activation))
        if self.head_pool_kernel_size is not None:
            layers.append(CRNNMaxPool(as_pair(self.head_pool_kernel_size)))
        return layers


@strict
@dataclass(kw_only=True)
class EfficientNetStage(MBConvStage, name="efficientnet"):
    """`featurizer="efficientnet"`: EfficientNet-B0 by default, with strides that keep the width."""

    activation = "silu"
    defaults = {
        "stem_channels": [32],
        "stage_depths": [1, 2, 2, 3, 3, 4, 1],
        "stage_channels": [16, 24, 40, 80, 112, 192, 320],
        "stage_strides": [[1, 1], [2, 2], [2, 1], [2, 1], [1, 1], [2, 1], [1, 1]],
        "stage_kernel_sizes": [3, 3, 5, 3, 5, 5, 3],
        "stage_expansions": [1, 6, 6, 6, 6, 6, 6],
        "stage_squeezes": True,
        "stage_activations": "silu",
    }

    def squeeze(self, in_channels: int, channels: int) -> "CRNNSqueezeExcitation":
        return CRNNSqueezeExcitation(channels, max(1, in_channels // 4), nn.SiLU(), nn.Sigmoid())


@strict
@dataclass(kw_only=True)
class MobileNetV3Stage(MBConvStage, name="mobilenet_v3"):
    """`featurizer="mobilenet_v3"`: the small MobileNetV3 by default, with strides that keep the width."""

    activation = "hardswish"
    defaults = {
        "stem_channels": [16],
        "stage_depths": [1] * 11,
        "stage_channels": [16, 24, 24, 40, 40, 40, 48, 48, 96, 96, 96],
        "stage_strides": [[2, 2], [2, 1], [1, 1], [2, 1], [1, 1], [1, 1], [1, 1], [1, 1], [2, 1], [1, 1], [1, 1]],
        "stage_kernel_sizes": [3, 3, 3, 5, 5, 5, 5, 5, 5, 5, 5],
        "stage_expansions": [1, 72 / 16, 88 / 24, 96 / 24, 6, 6, 3, 3, 6, 6, 6],
        "stage_squeezes": [True, False, False, True, True, True, True, True, True, True, True],
        "stage_activations": ["relu"] * 3 + ["hardswish"] * 8,
    }

    squeeze_divisor: int = own_field(8, form="number", highest=16_384)
    always_expand: bool = own_field(False)

    def squeeze(self, in_channels: int, channels: int) -> "CRNNSqueezeExcitation":
        reduced = nearest_multiple(channels / 4, self.squeeze_divisor)
        return CRNNSqueezeExcitation(channels, reduced, nn.ReLU(), nn.Hardsigmoid())

    def expands(self, in_channels: int, channels: int) -> bool:
        return self.always_expand or super().expands(in_channels, channels)


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

    def __init__(self, config: MBConvStage, stage: int, in_channels: int, stride: tuple[int, int]):
        super().__init__()
        eps, activation = config.batch_norm_eps, config.stage_activations[stage]
        out_channels, kernel_size = config.stage_channels[stage], config.stage_kernel_sizes[stage]
        channels = round(in_channels * config.stage_expansions[stage])
        self.expansion = None
        if config.expands(in_channels, channels):
            self.expansion = CRNNConvNormActivation(in_channels, channels, 1, eps=eps, activation=activation)
        self.depthwise = CRNNConvNormActivation(
            channels, channels, kernel_size, eps=eps, stride=stride, groups=channels, activation=activation
        )
        self.squeeze = config.squeeze(in_channels, channels) if config.stage_squeezes[stage] else None
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
