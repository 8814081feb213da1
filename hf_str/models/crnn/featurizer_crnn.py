# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Featurization: an image becomes a sequence of frames. The height is pooled away, the width becomes time."""

import torch
from torch import nn

from .backbone_crnn import CRNNBackbone
from .configuration_crnn import CRNNConfig
from .convolution_crnn import mask_columns
from .lcnet_crnn import lcnet_layers
from .mbconv_crnn import mbconv_layers
from .resnet_crnn import resnet_layers
from .vgg_crnn import vgg_layers


__all__ = ["CRNNFeaturizer", "CRNNRowScore"]

_LAYERS = {
    "vgg": vgg_layers,
    "resnet": resnet_layers,
    "efficientnet": mbconv_layers,
    "mobilenet_v3": mbconv_layers,
    "pp_lcnet_v3": lcnet_layers,
    "pp_lcnet_v4": lcnet_layers,
    "backbone": lambda config: [CRNNBackbone(config)],
}


class CRNNRowScore(nn.Conv2d):
    """A score for each row of each column; all are zero at the start."""


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

    def __init__(self, config: CRNNConfig):
        super().__init__()
        self.layers = nn.ModuleList(_LAYERS[config.featurizer](config))
        self.height_pooling = config.height_pooling
        self.height_attention = None
        if config.height_pooling == "learned":
            self.height_attention = CRNNHeightAttention(config.feature_size)

    @property
    def dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype

    def forward(self, pixel_values: torch.Tensor, widths: torch.Tensor | None = None):
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
