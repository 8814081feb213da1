# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Featurization: an image becomes a sequence of frames. The height is pooled away, the width becomes time."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from huggingface_hub.dataclasses import strict
from torch import nn
from transformers import initialization as init

from .convolution_crnn import Window, mask_columns
from .stage_crnn import CRNNStage


__all__ = ["CRNNFeaturizer", "CRNNFeaturizerStage", "CRNNRowScore"]


@strict
@dataclass(kw_only=True)
class CRNNFeaturizerStage(CRNNStage):
    """What a featurizer is: layers from images to feature maps, and what those layers make of the size of an image.

    A layer takes features (batch, channels, height, width) and the images' own widths (batch,), or `None` where no
    column is padding, and gives both for the next layer. Its features are zero past the widths.
    """

    kind: ClassVar[str] = "featurizer"
    table: ClassVar[dict[str, type["CRNNFeaturizerStage"]]] = {}

    num_channels: int
    image_height: int
    batch_norm_eps: float
    height_pooling: str

    def layers(self) -> list[nn.Module]:
        """The layers, in order."""
        raise NotImplementedError

    def windows(self) -> list[Window]:
        """What changes the size of an image, in order."""
        raise NotImplementedError

    @property
    def feature_size(self) -> int:
        """Features of a frame."""
        raise NotImplementedError

    @property
    def num_rows(self) -> int:
        """Rows of an image that are left, 0 where none is."""
        return self._output_length(self.image_height, axis=0)

    def num_frames(self, width: Any) -> Any:
        """Frames of an image `width` pixels wide (`int` or integer tensor), 0 where it is too narrow for one."""
        return self._output_length(width, axis=1)

    def check(self):
        rows = self.num_rows
        if rows < 1:
            raise ValueError(
                f"image_height {self.image_height} is pooled away before the last convolution: "
                "use a larger image_height or fewer pools"
            )
        if self.height_pooling == "learned" and rows == 1:
            raise ValueError(
                'height_pooling "learned" has nothing to choose: one row is left of image_height '
                f"{self.image_height}; "
                'use a larger image_height or fewer pools along the height, or height_pooling "average"'
            )

    def _output_length(self, length: Any, axis: int) -> Any:
        """`length` pixels along `axis` (0 height, 1 width) after all windows, 0 if none is left."""
        is_left = True  # padding makes something of nothing, so it is not enough to look at the end
        for window in self.windows():
            length = window.output_length(length, axis)
            is_left = is_left & (length > 0)
        return length * is_left


class CRNNRowScore(nn.Conv2d):
    """A score for each row of each column; all are zero at the start."""

    def init_own_weights(self):
        """Weights at the start, as [`CRNNPreTrainedModel`] asks modules for them."""
        init.zeros_(self.weight)


class CRNNHeightAttention(nn.Module):
    """Each column chooses the rows that it looks at: the sum of its rows, weighted by a softmax over learned scores.

    After the feature rearranging of Du et al., "SVTRv2: CTC Beats Encoder-Decoder Models in Scene Text Recognition"
    (2024), section 3.2. The scores start at zero, so it starts as the average.
    """

    def __init__(self, num_features: int):
        super().__init__()
        self.score = CRNNRowScore(num_features, 1, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(batch, features, height, width) to (batch, features, width)."""
        return (features * self.score(features).softmax(2)).sum(2)


class CRNNFeaturizer(nn.Module):
    """The convolutional stage: layers of one kind, then the rows that are left become one."""

    def __init__(self, stage: CRNNFeaturizerStage):
        super().__init__()
        self.num_frames = stage.num_frames
        self.layers = nn.ModuleList(stage.layers())
        self.height_pooling = stage.height_pooling
        self.height_attention = None
        if stage.height_pooling == "learned":
            self.height_attention = CRNNHeightAttention(stage.feature_size)

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the weights."""
        return next(self.parameters()).dtype

    def forward(
        self, pixel_values: torch.Tensor, widths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Makes frames of images.

        Args:
            pixel_values: (batch, channels, height, width).
            widths: (batch,), each image's own width in pixels, or `None` where nothing is padding.

        Returns:
            The frames (batch, time, features), zero where they are padding, and each image's own number of frames
            (batch,), or `None`.
        """
        features = mask_columns(pixel_values, widths)
        for layer in self.layers:
            features, widths = layer(features, widths)
        if self.height_attention is not None:
            features = self.height_attention(features)
        else:
            features = features.mean(2) if self.height_pooling == "average" else features.amax(2)
        return features.transpose(1, 2), widths
