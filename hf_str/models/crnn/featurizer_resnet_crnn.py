# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The text ResNets: residual blocks whose strides lower the height and keep the width."""

from dataclasses import dataclass
from typing import Literal

import torch
from huggingface_hub.dataclasses import strict
from torch import nn
from transformers import initialization as init

from .convolution_crnn import Window, mask_columns
from .featurizer_blocks_crnn import BlocksStage
from .pooling_crnn import CRNNMaxPool
from .stage_crnn import as_pair, own_field


__all__ = ["CRNNResidualBlock", "CRNNZeroBatchNorm2d", "ResNetStage"]


@strict
@dataclass(kw_only=True)
class ResNetStage(BlocksStage, name="resnet"):
    """`featurizer="resnet"`: a stem, then stages of blocks; pools where asked.

    Shi et al., "ASTER: An Attentional Scene Text Recognizer with Flexible Rectification" (2018), table 1, by default;
    a stem with a pool is that of He et al. (2016), table 1.
    """

    no_split_modules = ("CRNNResidualBlock",)
    defaults = {
        "stem_channels": [32],
        "stem_stride": [1, 1],
        "stage_depths": [3, 4, 6, 6, 3],
        "stage_channels": [32, 64, 128, 256, 512],
        "stage_strides": [[2, 2], [2, 2], [2, 1], [2, 1], [2, 1]],
    }

    stem_pool_stride: list[int] | None = own_field(None, form="pair", highest=4_096)
    block_kernel_sizes: list[int] = own_field([1, 3], form="numbers", highest=255)
    block_stride_at: Literal["first", "second"] = own_field("first")
    block_shortcut: Literal["convolution", "pooled"] = own_field("convolution")

    def check(self):
        if len(self.block_kernel_sizes) != 2:
            raise ValueError(
                f"block_kernel_sizes must be two numbers of integers from 1 on, not {self.block_kernel_sizes}"
            )
        for index, size in enumerate(self.block_kernel_sizes):
            self._check_odd(f"block_kernel_sizes[{index}]", size)
        super().check()

    @property
    def stem_strides(self) -> list[tuple[int, int]]:
        return [as_pair(stride) for stride in (self.stem_stride, self.stem_pool_stride) if stride is not None]

    def layers(self) -> list[nn.Module]:
        layers = self.stem_layers("relu")
        if self.stem_pool_stride is not None:
            layers.append(CRNNMaxPool((3, 3), as_pair(self.stem_pool_stride), (1, 1)))
        previous = None
        for stage, channels, stride in self.blocks():
            block = CRNNResidualBlock(
                channels,
                self.stage_channels[stage],
                eps=self.batch_norm_eps,
                kernel_sizes=as_pair(self.block_kernel_sizes),
                stride=stride,
                stride_at=self.block_stride_at,
                pooled_shortcut=self.block_shortcut == "pooled" and stage != previous,
            )
            layers.append(block)
            previous = stage
        if self.head_pool_kernel_size is not None:
            layers.append(CRNNMaxPool(as_pair(self.head_pool_kernel_size)))
        return layers


class CRNNZeroBatchNorm2d(nn.BatchNorm2d):
    """Batch normalization whose scale starts at zero (Goyal et al. 2017, section 5.1)."""

    def init_own_weights(self):
        """Weights at the start, as [`CRNNPreTrainedModel`] asks modules for them."""
        init.zeros_(self.weight)


class CRNNResidualBlock(nn.Module):
    """Two convolutions with batch normalization beside a shortcut (He et al. 2016, figure 2).

    The scale of the last normalization starts at zero, so a new block passes on what it is given: a trained network
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
        self.windows = Window((1, 1), strides[0]), Window((1, 1), strides[1])  # odd kernels, padded by half of them
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
        widths = self.windows[0].output_widths(widths)
        residual = mask_columns(self.activation(self.normalization1(self.convolution1(features))), widths)
        widths = self.windows[1].output_widths(widths)
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
