# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The necks of PaddlePaddle's recognizers around the transformer layers.

Du et al.: "SVTR: Scene Text Recognition with a Single Visual Model" (2022), as PP-OCRv3 to v6 have it: two transformer
layers on a few features, with the convolutional features led around them. PaddleOCR has them in `rnn.py`.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from huggingface_hub.dataclasses import strict
from torch import nn
from transformers import PreTrainedConfig

from .sequentializer_convolution_crnn import ConvolutionsStage, as_row
from .sequentializer_transformer_crnn import CRNNFrameEmbedding, TransformerStage
from .stage_crnn import own_field


__all__ = ["CRNNSVTREntrance", "CRNNSVTRExit", "SVTRStage"]


@strict
@dataclass(kw_only=True)
class SVTRStage(ConvolutionsStage, TransformerStage, name="svtr"):
    """`sequentializer="svtr"`: a transformer encoder between convolutions, with the features led around it."""

    no_split_modules = (*TransformerStage.no_split_modules, "CRNNSVTREntrance", "CRNNSVTRExit")

    neck_fusion: Literal["concatenate", "add"] = own_field("concatenate")

    def check(self):
        super().check()
        if self.neck_fusion == "concatenate" and self.feature_size < 8:
            raise ValueError(
                f'neck_fusion "concatenate" goes through an eighth of the features, which are {self.feature_size}: '
                'take a wider featurizer or neck_fusion "add"'
            )

    def entrance(self) -> nn.Module | None:
        return CRNNSVTREntrance(self)

    def embedding(self, config: PreTrainedConfig) -> nn.Module | None:
        return CRNNFrameEmbedding(self, config, self.hidden_size)

    def exit(self) -> nn.Module | None:
        return CRNNSVTRExit(self)


class CRNNSVTREntrance(nn.Module):
    """Before the transformer layers: convolutions along the width bring the features to `hidden_size`."""

    def __init__(self, stage: SVTRStage):
        super().__init__()
        size, features, width = stage.hidden_size, stage.feature_size, stage.mixing_kernel_size
        convolution, self.fusion = stage.convolution, stage.neck_fusion
        if self.fusion == "add":  # PP-OCRv6
            self.shortcut = convolution(features, size)
            self.reduction = convolution(features, size)
            self.local = convolution(size, size, width, groups=size)
        else:  # PP-OCRv3 to v5
            self.local = convolution(features, features // 8, width)
            self.reduction = convolution(features // 8, size)

    def forward(self, frames: torch.Tensor, num_frames: torch.Tensor | None = None):
        """(batch, time, features) to (batch, time, hidden), and what [`CRNNSVTRExit`] joins to it again."""
        features = as_row(frames)
        if self.fusion == "add":
            shortcut, _ = self.shortcut(features, num_frames)
            features, _ = self.reduction(features, num_frames)
            features = features + self.local(features, num_frames)[0]
        else:
            shortcut = features
            features, _ = self.reduction(*self.local(features, num_frames))
        return features[:, :, 0].transpose(1, 2), shortcut


class CRNNSVTRExit(nn.Module):
    """After the transformer layers: what was led around them is added, or joined and convolved."""

    def __init__(self, stage: SVTRStage):
        super().__init__()
        size, features, width = stage.hidden_size, stage.feature_size, stage.mixing_kernel_size
        convolution, self.fusion = stage.convolution, stage.neck_fusion
        if self.fusion == "concatenate":
            self.expansion = convolution(size, features)
            self.local = convolution(2 * features, features // 8, width)
            self.reduction = convolution(features // 8, size)

    def forward(self, frames: torch.Tensor, shortcut: torch.Tensor, num_frames: torch.Tensor | None = None):
        """(batch, time, hidden) and the entrance's shortcut (batch, channels, 1, time) to (batch, time, hidden)."""
        if self.fusion == "add":
            return frames + shortcut[:, :, 0].transpose(1, 2)
        features, _ = self.expansion(as_row(frames), num_frames)
        features, _ = self.reduction(*self.local(torch.cat([shortcut, features], dim=1), num_frames))
        return features[:, :, 0].transpose(1, 2)
