# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""PP-LCNetV3 and PP-LCNetV4: the convolutions of PaddlePaddle's recognizers PP-OCRv4, v5 and v6.

Cui et al.: "PP-LCNet: A Lightweight CPU Convolutional Neural Network" (2021), and its successors as PaddleOCR has them
in `rec_lcnetv3.py` and `rec_lcnetv4.py`. The branches with which PaddleOCR trains (several convolutions beside each
other, added up) are one convolution here, as at inference.
"""

from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from huggingface_hub.dataclasses import strict
from torch import nn

from .convolution_crnn import CRNNConvNormActivation
from .featurizer_blocks_crnn import DepthwiseStage
from .featurizer_mbconv_crnn import CRNNSqueezeExcitation
from .pooling_crnn import CRNNAveragePool, CRNNMaxPool
from .stage_crnn import as_pair, own_field


__all__ = ["CRNNLCNetV3Block", "CRNNLCNetV4Block", "CRNNLCNetV4Stem", "LCNetV3Stage", "LCNetV4Stage"]

#: Squeeze-and-excitation goes through a quarter of the channels.
_REDUCTION = 4


@strict
@dataclass(kw_only=True)
class LCNetStage(DepthwiseStage):
    """The fields of both: a stem, stages of blocks, and an average pool where it has a size."""

    folded_batch_norms: bool = own_field(False, elsewhere="default")

    def stem(self) -> list[nn.Module]:
        """The convolutions before the first stage, all of them with the stem's stride."""
        channels = [self.num_channels, *self.stem_channels]
        activations = ["gelu"] * (len(self.stem_channels) - 1) + [None]
        eps, folded, stride = self.batch_norm_eps, self.folded_batch_norms, as_pair(self.stem_stride)
        return [
            CRNNConvNormActivation(before, after, 3, eps=eps, stride=stride, activation=activation, folded=folded)
            for before, after, activation in zip(channels, channels[1:], activations, strict=False)
        ]

    def block(self, stage: int, in_channels: int, stride: tuple[int, int]) -> nn.Module:
        """A block of a stage."""
        raise NotImplementedError

    def layers(self) -> list[nn.Module]:
        layers = self.stem() + [self.block(*block) for block in self.blocks()]
        if self.head_pool_kernel_size is not None:
            layers.append(CRNNAveragePool(as_pair(self.head_pool_kernel_size)))
        return layers


@strict
@dataclass(kw_only=True)
class LCNetV3Stage(LCNetStage, name="pp_lcnet_v3"):
    """`featurizer="pp_lcnet_v3"`: that of PP-OCRv4 and v5 mobile by default."""

    no_split_modules = ("CRNNLCNetV3Block",)
    defaults = {
        "stem_channels": [16],
        "stage_depths": [1] * 14,
        "stage_channels": [32, 64, 64, 128, 128] + [240] * 5 + [480] * 4,
        "stage_strides": [[1, 1]] * 3 + [[2, 1], [1, 1], [1, 2]] + [[1, 1]] * 4 + [[2, 1], [1, 1], [2, 1], [1, 1]],
        "stage_kernel_sizes": [3] * 6 + [5] * 8,
        "stage_squeezes": [False] * 10 + [True, True, False, False],
        "stage_activations": "hardswish",
        "head_pool_kernel_size": [3, 2],
    }

    def check(self):
        if len(self.stem_channels) != 1:
            raise ValueError(f"stem_channels of pp_lcnet_v3 is one number, not {self.stem_channels}")
        super().check()

    def block(self, stage: int, in_channels: int, stride: tuple[int, int]) -> nn.Module:
        return CRNNLCNetV3Block(self, stage, in_channels, stride)


@strict
@dataclass(kw_only=True)
class LCNetV4Stage(LCNetStage, name="pp_lcnet_v4"):
    """`featurizer="pp_lcnet_v4"`: that of PP-OCRv6 small by default."""

    no_split_modules = ("CRNNLCNetV4Block", "CRNNLCNetV4Stem")
    defaults = {
        "stem_channels": [48, 96],
        "stage_depths": [1] * 13,
        "stage_channels": [96] * 3 + [192] * 7 + [384] * 3,
        "stage_strides": [[1, 1]] * 3 + [[2, 1]] + [[1, 1]] * 6 + [[2, 1]] + [[1, 1]] * 2,
        "stage_kernel_sizes": 3,
        "stage_squeezes": [True, False, False, False, True, False, True, False, True, False, False, True, False],
        "stage_activations": "gelu",
        "head_pool_kernel_size": [3, 2],
    }

    stem_type: Literal["large", "small"] = own_field("large")

    def check(self):
        if len(self.stem_channels) != 2:
            raise ValueError(f"stem_channels of pp_lcnet_v4 are two numbers, not {self.stem_channels}")
        super().check()

    @property
    def stem_strides(self) -> list[tuple[int, int]]:
        return [as_pair(self.stem_stride)] * 2

    def stem(self) -> list[nn.Module]:
        return [CRNNLCNetV4Stem(self)] if self.stem_type == "large" else super().stem()

    def block(self, stage: int, in_channels: int, stride: tuple[int, int]) -> nn.Module:
        return CRNNLCNetV4Block(self, stage, in_channels, stride)


class CRNNLCNetV3Block(nn.Module):
    """Convolve each channel by itself, squeeze and excite, mix the channels; activations have a scale and a shift."""

    def __init__(self, config: LCNetV3Stage, stage: int, in_channels: int, stride: tuple[int, int]):
        super().__init__()
        convolution = partial(
            CRNNConvNormActivation,
            eps=config.batch_norm_eps,
            folded=config.folded_batch_norms,
            activation=config.stage_activations[stage],
            affine=True,
        )
        self.depthwise = convolution(
            in_channels, in_channels, config.stage_kernel_sizes[stage], stride=stride, groups=in_channels
        )
        self.squeeze = _squeeze(in_channels) if config.stage_squeezes[stage] else None
        self.pointwise = convolution(in_channels, config.stage_channels[stage], 1)

    def forward(self, features: torch.Tensor, widths: torch.Tensor | None = None):
        """Features (batch, channels, height, width), zero past `widths` (batch,), to the same of the next layer."""
        features, widths = self.depthwise(features, widths)
        if self.squeeze is not None:
            features = self.squeeze(features, widths)
        return self.pointwise(features, widths)


class CRNNLCNetV4Block(nn.Module):
    """Convolve each channel by itself, squeeze and excite, then widen and narrow with a shortcut around the two."""

    def __init__(self, config: LCNetV4Stage, stage: int, in_channels: int, stride: tuple[int, int]):
        super().__init__()
        eps, folded, out_channels = config.batch_norm_eps, config.folded_batch_norms, config.stage_channels[stage]
        self.has_shortcut = in_channels == out_channels and stride == (1, 1)
        self.depthwise = CRNNConvNormActivation(
            *(in_channels, in_channels, config.stage_kernel_sizes[stage]),
            eps=eps,
            stride=stride,
            groups=in_channels,
            activation=None,
            # PaddleOCR makes these of several branches, in whose sum no batch normalization is left.
            folded=folded or self.has_shortcut,
        )
        self.squeeze = _squeeze(in_channels) if config.stage_squeezes[stage] else None
        activation, inside = config.stage_activations[stage], 2 * in_channels
        self.expansion = CRNNConvNormActivation(in_channels, inside, 1, eps=eps, activation=activation, folded=folded)
        self.projection = CRNNConvNormActivation(inside, out_channels, 1, eps=eps, activation=None, folded=folded)

    def forward(self, features: torch.Tensor, widths: torch.Tensor | None = None):
        """Features (batch, channels, height, width), zero past `widths` (batch,), to the same of the next layer."""
        features, widths = self.depthwise(features, widths)
        if self.squeeze is not None:
            features = self.squeeze(features, widths)
        mixed, widths = self.projection(*self.expansion(features, widths))
        return features + mixed if self.has_shortcut else mixed, widths


class CRNNLCNetV4Stem(nn.Module):
    """The large stem: two 2x2 convolutions beside a 2x2 max pool, between convolutions that halve the image."""

    def __init__(self, config: LCNetV4Stage):
        super().__init__()
        channels, out_channels = config.stem_channels
        convolution = partial(CRNNConvNormActivation, eps=config.batch_norm_eps, folded=config.folded_batch_norms)
        stride = as_pair(config.stem_stride)
        self.first = convolution(config.num_channels, channels, 3, stride=stride)
        self.narrowing = convolution(channels, channels // 2, 2, padding=0)
        self.widening = convolution(channels // 2, channels, 2, padding=0)
        self.pool = CRNNMaxPool((2, 2), stride=(1, 1))
        self.joined = convolution(2 * channels, channels, 3, stride=stride)
        self.last = convolution(channels, out_channels, 1)

    def forward(self, features: torch.Tensor, widths: torch.Tensor | None = None):
        """Images (batch, channels, height, width), zero past `widths` (batch,), to features and their widths."""
        features, widths = self.first(features, widths)
        pooled, _ = _extended(self.pool, features, widths)
        convolved, _ = _extended(self.widening, *_extended(self.narrowing, features, widths))
        return self.last(*self.joined(torch.cat([pooled, convolved], dim=1), widths))


def _extended(layer: nn.Module, features: torch.Tensor, widths: torch.Tensor | None):
    """A layer with 2x2 windows that keeps the size: a row below and a column on the right are zeros."""
    return layer(nn.functional.pad(features, (0, 1, 0, 1)), None if widths is None else widths + 1)


def _squeeze(channels: int) -> CRNNSqueezeExcitation:
    return CRNNSqueezeExcitation(channels, channels // _REDUCTION, nn.ReLU(), nn.Hardsigmoid())
