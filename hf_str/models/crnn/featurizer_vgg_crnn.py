# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The paper's featurizer and its kin: convolutions and pools, with residual blocks in between where asked."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from huggingface_hub.dataclasses import strict
from torch import nn

from .convolution_crnn import Window, mask_columns
from .featurizer_crnn import CRNNFeaturizerStage
from .featurizer_resnet_crnn import CRNNResidualBlock
from .stage_crnn import Each, as_pair, own_field


__all__ = ["CRNNConvLayer", "VGGStage"]

_EACH = Each("conv_channels", "convolution")
#: config.json has these fields from the start, with the paper's values where another featurizer is chosen.
_field = partial(own_field, elsewhere="default")


@strict
@dataclass(kw_only=True)
class VGGStage(CRNNFeaturizerStage, name="vgg"):
    """`featurizer="vgg"`: one layer for each convolution (Shi et al. 2015, table 1; Baek et al. 2019 with blocks)."""

    no_split_modules = ("CRNNConvLayer", "CRNNResidualBlock")

    conv_channels: list[int] = _field([64, 128, 256, 256, 512, 512, 512], form="numbers", highest=16_384)
    conv_kernel_sizes: list[int | list[int]] = _field(
        [3, 3, 3, 3, 3, 3, 2], each=_EACH, form="numbers or pairs", highest=255
    )
    conv_strides: list[int | list[int]] = _field(1, each=_EACH, form="numbers or pairs", highest=4_096)
    conv_paddings: list[int | list[int]] = _field(
        [1, 1, 1, 1, 1, 1, 0], each=_EACH, form="numbers or pairs", lowest=0, highest=4_096
    )
    conv_biases: list[bool] = _field(True, each=_EACH)
    batch_norms: list[bool] = _field([False, False, False, False, True, True, False], each=_EACH)
    conv_activation: Literal["relu", "leaky_relu"] = _field("relu")
    leaky_relu_slope: float = _field(0.2)
    pool_kernel_sizes: list[list[int] | None] = _field(
        [[2, 2], [2, 2], None, [2, 1], None, [2, 1], None],
        each=_EACH,
        form="pairs",
        highest=4_096,
    )
    pool_strides: list[list[int] | None] = _field(None, each=_EACH, form="pairs", highest=4_096)
    pool_paddings: list[list[int] | None] = _field(None, each=_EACH, form="pairs", lowest=0, highest=4_096)
    residual_blocks: list[int] = _field(0, each=_EACH, form="numbers", lowest=0, highest=512)

    @classmethod
    def fill(cls, values: dict[str, Any]):
        pools = values["pool_kernel_sizes"]
        if values["pool_strides"] is None:
            values["pool_strides"] = pools
        if values["pool_paddings"] is None and isinstance(pools, (list, tuple)):
            values["pool_paddings"] = [window and [0, 0] for window in pools]

    def check(self):
        if not 0 < self.leaky_relu_slope < 1:
            raise ValueError(f"leaky_relu_slope must lie between 0 and 1, not {self.leaky_relu_slope}")
        for name, values in (("pool_strides", self.pool_strides), ("pool_paddings", self.pool_paddings)):
            for index, (window, value) in enumerate(zip(self.pool_kernel_sizes, values, strict=True)):
                if (window is None) != (value is None):
                    raise ValueError(
                        f"{name}[{index}] is {value} where pool_kernel_sizes[{index}] is {window}: "
                        "give a [height, width] pair where there is pooling and None where there is none"
                    )
        for index, (window, padding) in enumerate(zip(self.pool_kernel_sizes, self.pool_paddings, strict=True)):
            if window and padding and any(2 * pad > side for pad, side in zip(padding, window, strict=True)):
                raise ValueError(
                    f"pool_paddings[{index}] is {padding} for a window of {window}: at most half of it is allowed"
                )
        super().check()

    @property
    def feature_size(self) -> int:
        return self.conv_channels[-1]

    def windows(self) -> list[Window]:
        windows = []
        for index in range(len(self.conv_channels)):
            windows.append(self.convolution(index))
            if (pool := self.pool(index)) is not None:
                windows.append(pool)
        return windows

    def convolution(self, index: int) -> Window:
        """The sizes of convolution `index`."""
        sizes = (self.conv_kernel_sizes, self.conv_strides, self.conv_paddings)
        return Window(*(as_pair(each[index]) for each in sizes))

    def pool(self, index: int) -> Window | None:
        """The sizes of the pool after convolution `index`, where there is one."""
        sizes = (self.pool_kernel_sizes[index], self.pool_strides[index], self.pool_paddings[index])
        pairs = [as_pair(size) for size in sizes if size is not None]
        return Window(*pairs) if pairs else None

    def layers(self) -> list[nn.Module]:
        return [CRNNConvLayer(self, index) for index in range(len(self.conv_channels))]


class CRNNConvLayer(nn.Module):
    """Convolution, (leaky) ReLU, and residual blocks before, normalization, max-pooling where the stage has them."""

    def __init__(self, stage: VGGStage, index: int):
        super().__init__()
        in_channels = stage.conv_channels[index - 1] if index else stage.num_channels
        out_channels = stage.conv_channels[index]
        num_blocks = stage.residual_blocks[index]
        self.residual_blocks = nn.ModuleList(
            CRNNResidualBlock(out_channels if later else in_channels, out_channels, eps=stage.batch_norm_eps)
            for later in range(num_blocks)
        )
        window, pool = stage.convolution(index), stage.pool(index)
        self.convolution = nn.Conv2d(
            out_channels if num_blocks else in_channels,
            out_channels,
            window.kernel_size,
            window.stride,
            padding=window.padding,
            bias=stage.conv_biases[index],
        )
        norm = stage.batch_norms[index]
        self.normalization = nn.BatchNorm2d(out_channels, eps=stage.batch_norm_eps) if norm else nn.Identity()
        self.activation = nn.ReLU()
        if stage.conv_activation == "leaky_relu":
            self.activation = nn.LeakyReLU(stage.leaky_relu_slope)
        self.pooling = nn.Identity() if pool is None else nn.MaxPool2d(*pool)
        self.windows = window, pool

    def forward(self, features: torch.Tensor, widths: torch.Tensor | None = None):
        """(batch, channels, height, width) and each image's own width, or `None` where all columns are real."""
        for block in self.residual_blocks:
            features, widths = block(features, widths)
        window, pool = self.windows
        features = self.normalization(self.convolution(features))
        widths = window.output_widths(widths)
        # (Leaky) ReLU of the maximum is the maximum of the (leaky) ReLUs, and has fewer pixels to do.
        if pool is not None:
            if pool.padding[1] > 0:  # without, no window of an image reaches past its own width
                # An image alone has nothing there, which a ReLU cannot tell from zeros, but a leaky one can.
                is_leaky = isinstance(self.activation, nn.LeakyReLU)
                features = mask_columns(features, widths, torch.finfo(features.dtype).min if is_leaky else 0)
            features, widths = self.pooling(features), pool.output_widths(widths)
        features = mask_columns(self.activation(features), widths)
        return features, widths
