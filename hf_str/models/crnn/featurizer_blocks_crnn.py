# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What featurizers of blocks share: a stem, stages whose first block has the stage's stride, a last pool."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from huggingface_hub.dataclasses import strict
from torch import nn

from .convolution_crnn import CRNNConvNormActivation, Window
from .featurizer_crnn import CRNNFeaturizerStage
from .stage_crnn import Each, as_pair, own_field


__all__ = ["EACH_STAGE", "BlocksStage", "DepthwiseStage"]

EACH_STAGE = Each("stage_depths", "stage")


@strict
@dataclass(kw_only=True)
class BlocksStage(CRNNFeaturizerStage):
    """The fields of all featurizers of blocks. What they are by default is up to each."""

    stem_channels: list[int] = own_field(None, form="numbers", highest=16_384)
    stem_stride: list[int] = own_field([2, 2], form="pair", highest=4_096)
    stage_depths: list[int] = own_field(None, form="numbers", highest=512)
    stage_channels: list[int] = own_field(None, each=EACH_STAGE, form="numbers", highest=16_384)
    stage_strides: list[list[int]] = own_field(None, each=EACH_STAGE, form="pairs", highest=4_096)
    head_pool_kernel_size: list[int] | None = own_field(None, form="pair", highest=4_096)

    @classmethod
    def fill(cls, values: dict[str, Any]):
        if isinstance(values["stem_channels"], int):
            values["stem_channels"] = [values["stem_channels"]]

    def check(self):
        if not self.stem_channels:
            raise ValueError("stem_channels is empty: at least one convolution is needed")
        super().check()

    @property
    def feature_size(self) -> int:
        return self.stage_channels[-1]

    @property
    def stem_strides(self) -> list[tuple[int, int]]:
        """The strides before the first stage."""
        return [as_pair(self.stem_stride)]

    def windows(self) -> list[Window]:
        # All kernels but the last are odd and padded by half of themselves, so only strides count.
        strides = [*self.stem_strides, *(as_pair(stride) for stride in self.stage_strides)]
        windows = [Window((1, 1), stride) for stride in strides]
        if self.head_pool_kernel_size is not None:
            size = as_pair(self.head_pool_kernel_size)
            windows.append(Window(size, size))
        return windows

    def blocks(self) -> Iterator[tuple[int, int, tuple[int, int]]]:
        """The stage, the channels that go in and the stride of each block."""
        channels = self.stem_channels[-1]
        for stage, depth in enumerate(self.stage_depths):
            for block in range(depth):
                yield stage, channels, (1, 1) if block else as_pair(self.stage_strides[stage])
                channels = self.stage_channels[stage]

    def stem_layers(self, activation: str) -> list[nn.Module]:
        """The 3x3 convolutions before the first stage, the first of them with the stem's stride."""
        channels = [self.num_channels, *self.stem_channels]
        strides = [as_pair(self.stem_stride)] + [(1, 1)] * (len(self.stem_channels) - 1)
        return [
            CRNNConvNormActivation(before, after, 3, eps=self.batch_norm_eps, stride=stride, activation=activation)
            for before, after, stride in zip(channels, channels[1:], strides, strict=False)
        ]


@strict
@dataclass(kw_only=True)
class DepthwiseStage(BlocksStage):
    """The same where a block convolves each channel by itself."""

    stage_kernel_sizes: list[int] = own_field(None, each=EACH_STAGE, form="numbers", highest=255)
    stage_squeezes: list[bool] = own_field(None, each=EACH_STAGE)
    stage_activations: list[str] = own_field(None, each=EACH_STAGE)

    def check(self):
        for index, size in enumerate(self.stage_kernel_sizes):
            self._check_odd(f"stage_kernel_sizes[{index}]", size)
        for index, activation in enumerate(self.stage_activations):
            self._check_activation(f"stage_activations[{index}]", activation)
        super().check()
