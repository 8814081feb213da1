# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""PP-LCNetV3 and PP-LCNetV4: the convolutions of PaddlePaddle's recognizers PP-OCRv4, v5 and v6.

Cui et al.: "PP-LCNet: A Lightweight CPU Convolutional Neural Network" (2021), and its successors as PaddleOCR has them
in `rec_lcnetv3.py` and `rec_lcnetv4.py`. The branches with which PaddleOCR trains (several convolutions beside each
other, added up) are one convolution here, as at inference.
"""

import torch
from torch import nn

from .configuration_crnn import CRNNConfig
from .convolution_crnn import CRNNConvNormActivation
from .mbconv_crnn import CRNNSqueezeExcitation
from .pooling_crnn import CRNNAveragePool, CRNNMaxPool


__all__ = ["CRNNLCNetV3Block", "CRNNLCNetV4Block", "CRNNLCNetV4Stem", "lcnet_layers"]

#: Squeeze-and-excitation goes through a quarter of the channels.
_REDUCTION = 4


class CRNNLCNetV3Block(nn.Module):
    """Convolve each channel by itself, squeeze and excite, mix the channels; activations have a scale and a shift."""

    def __init__(self, config: CRNNConfig, stage: int, in_channels: int, stride: tuple[int, int]):
        super().__init__()
        options = {
            "eps": config.batch_norm_eps,
            "folded": config.folded_batch_norms,
            "activation": config.stage_activations[stage],
            "affine": True,
        }
        self.depthwise = CRNNConvNormActivation(
            in_channels, in_channels, config.stage_kernel_sizes[stage], stride=stride, groups=in_channels, **options
        )
        self.squeeze = _squeeze(in_channels) if config.stage_squeezes[stage] else None
        self.pointwise = CRNNConvNormActivation(in_channels, config.stage_channels[stage], 1, **options)

    def forward(self, features: torch.Tensor, widths: torch.Tensor | None = None):
        """Features (batch, channels, height, width), zero past `widths` (batch,), to the same of the next layer."""
        features, widths = self.depthwise(features, widths)
        if self.squeeze is not None:
            features = self.squeeze(features, widths)
        return self.pointwise(features, widths)


class CRNNLCNetV4Block(nn.Module):
    """Convolve each channel by itself, squeeze and excite, then widen and narrow with a shortcut around the two."""

    def __init__(self, config: CRNNConfig, stage: int, in_channels: int, stride: tuple[int, int]):
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

    def __init__(self, config: CRNNConfig):
        super().__init__()
        channels, out_channels = config.stem_channels
        options = {"eps": config.batch_norm_eps, "folded": config.folded_batch_norms}
        stride = tuple(config.stem_stride)
        self.first = CRNNConvNormActivation(config.num_channels, channels, 3, stride=stride, **options)
        self.narrowing = CRNNConvNormActivation(channels, channels // 2, 2, padding=0, **options)
        self.widening = CRNNConvNormActivation(channels // 2, channels, 2, padding=0, **options)
        self.pool = CRNNMaxPool((2, 2), stride=(1, 1))
        self.joined = CRNNConvNormActivation(2 * channels, channels, 3, stride=stride, **options)
        self.last = CRNNConvNormActivation(channels, out_channels, 1, **options)

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


def _stem(config: CRNNConfig) -> list[nn.Module]:
    if config.featurizer == "pp_lcnet_v4" and config.stem_type == "large":
        return [CRNNLCNetV4Stem(config)]
    channels = [config.num_channels, *config.stem_channels]
    activations = ["gelu"] * (len(config.stem_channels) - 1) + [None]
    options = {"eps": config.batch_norm_eps, "folded": config.folded_batch_norms, "stride": tuple(config.stem_stride)}
    return [
        CRNNConvNormActivation(before, after, 3, activation=activation, **options)
        for before, after, activation in zip(channels, channels[1:], activations, strict=False)
    ]


def lcnet_layers(config: CRNNConfig) -> list[nn.Module]:
    """The stem, stages of blocks, and the average pool where the config has `head_pool_kernel_size` for it."""
    block_class = CRNNLCNetV3Block if config.featurizer == "pp_lcnet_v3" else CRNNLCNetV4Block
    layers, channels = _stem(config), config.stem_channels[-1]
    for stage, depth in enumerate(config.stage_depths):
        for block in range(depth):
            stride = (1, 1) if block else tuple(config.stage_strides[stage])
            layers.append(block_class(config, stage, channels, stride))
            channels = config.stage_channels[stage]
    if config.head_pool_kernel_size is not None:
        layers.append(CRNNAveragePool(tuple(config.head_pool_kernel_size)))
    return layers
