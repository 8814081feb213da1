# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""mindee/doctr: VGG-16 and MobileNetV3 of torchvision with rectangular strides, and an LSTM of two layers."""

import string
from collections.abc import Mapping
from typing import Any

from PIL import Image

from ...models.crnn.configuration_crnn import CRNNConfig
from ...models.crnn.presets_crnn import PRESETS
from ..family import CheckpointFamily, stacked_lstm


__all__ = ["FAMILIES"]

_SOURCE = "https://github.com/mindee/doctr"
_MEAN, _STD = (0.694, 0.695, 0.693), (0.299, 0.296, 0.301)
_PREPROCESSING = {
    "pad": {
        "size": {"height": 32, "width": 128},
        "resample": Image.Resampling.BILINEAR,
        "image_mean": list(_MEAN),
        "image_std": list(_STD),
        "keep_aspect_ratio": True,
        "min_width": 1,
        "width_rounding": "down",
        "wide_words": "shrink",
        "padding": "max_length",
        # It pads with black before it normalizes, and reads the padding like any other pixel.
        "padding_value": [-mean / std for mean, std in zip(_MEAN, _STD, strict=True)],
        "return_pixel_mask": False,
    }
}
_LATIN = string.digits + string.ascii_letters + string.punctuation + "°"
_CURRENCY = "£€¥¢฿"
_CHARSETS = {
    "french": _LATIN + _CURRENCY + "àâéèêëîïôùûüçÀÂÉÈÊËÎÏÔÙÛÜÇ",
    # What crnn_vgg16_bn knew until version 0.12.
    "legacy_french": _LATIN + "àâéèêëîïôùûçÀÂÉÈËÎÏÔÙÛÇ" + _CURRENCY,
    "english": _LATIN + _CURRENCY,
}
_REMARKS = (
    "docTR itself cuts words that are more than eight times as wide as high into pieces before it reads them; "
    "its authors' models for other languages need --charset."
)
_LSTM_NAMES = stacked_lstm("decoder") | {"linear": "ctc_head"}

#: Positions of the convolutions in `torchvision.models.vgg16_bn().features`; normalization is one further.
_VGG16_CONVOLUTIONS = (0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40)
_VGG16_CONFIG = {
    "num_channels": 3,
    "hidden_size": 128,
    "lstm_projection": "none",
    "conv_channels": [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6,
    "conv_kernel_sizes": 3,
    "conv_paddings": 1,
    "batch_norms": True,
    "pool_kernel_sizes": [None, [2, 2]] * 2 + [None, None, [2, 1]] * 3,
}
_VGG16_NAMES = {}
for _ours, _theirs in enumerate(_VGG16_CONVOLUTIONS):
    _VGG16_NAMES[f"feat_extractor.{_theirs}"] = f"crnn.featurizer.layers.{_ours}.convolution"
    _VGG16_NAMES[f"feat_extractor.{_theirs + 1}"] = f"crnn.featurizer.layers.{_ours}.normalization"


def _mobilenet_names(preset: Mapping[str, Any]) -> dict[str, str]:
    """Names of torchvision's MobileNetV3, which numbers the parts that a block has.

    They are expansion, depthwise, squeeze and excitation, and projection.
    """
    config = CRNNConfig(**preset)
    last = len(config.stage_depths) + 1
    convolutions, names = {"0": "0", f"{last}": f"{last}"}, {}  # stem and head
    blocks = zip(config.stage_expansions, config.stage_squeezes, strict=True)
    for index, (expansion, squeezes) in enumerate(blocks, start=1):
        parts = ["expansion"] * (expansion != 1) + ["depthwise"] + ["squeeze"] * squeezes + ["projection"]
        for position, part in enumerate(parts):
            theirs, ours = f"{index}.block.{position}", f"{index}.{part}"
            if part == "squeeze":
                names |= {f"{theirs}.fc1": f"{ours}.reduction", f"{theirs}.fc2": f"{ours}.expansion"}
            else:
                convolutions[theirs] = ours
    for theirs, ours in convolutions.items():
        names |= {f"{theirs}.0": f"{ours}.convolution", f"{theirs}.1": f"{ours}.normalization"}
    return {f"feat_extractor.{theirs}": f"crnn.featurizer.layers.{ours}" for theirs, ours in names.items()}


_MOBILENET_V3_SMALL = PRESETS["mobilenet-v3-small-bilstm"]
_MOBILENET_V3_LARGE = PRESETS["mobilenet-v3-large-bilstm"]

FAMILIES = (
    CheckpointFamily(
        name="doctr-vgg16-bn",
        title="crnn_vgg16_bn of mindee/doctr",
        source=_SOURCE,
        files="crnn_vgg16_bn-*.pt, or a .pt of references/recognition",
        config=_VGG16_CONFIG,
        names=_VGG16_NAMES | _LSTM_NAMES,
        preprocessing=_PREPROCESSING,
        charsets=_CHARSETS,
        blank="last",
        remarks=_REMARKS,
    ),
    CheckpointFamily(
        name="doctr-mobilenet-v3-small",
        title="crnn_mobilenet_v3_small of mindee/doctr",
        source=_SOURCE,
        files="crnn_mobilenet_v3_small_pt-*.pt, or a .pt of references/recognition",
        config=_MOBILENET_V3_SMALL,
        names=_mobilenet_names(_MOBILENET_V3_SMALL) | _LSTM_NAMES,
        preprocessing=_PREPROCESSING,
        charsets=_CHARSETS,
        blank="last",
        remarks=_REMARKS,
    ),
    CheckpointFamily(
        name="doctr-mobilenet-v3-large",
        title="crnn_mobilenet_v3_large of mindee/doctr",
        source=_SOURCE,
        files="crnn_mobilenet_v3_large_pt-*.pt, or a .pt of references/recognition",
        config=_MOBILENET_V3_LARGE,
        names=_mobilenet_names(_MOBILENET_V3_LARGE) | _LSTM_NAMES,
        preprocessing=_PREPROCESSING,
        charsets=_CHARSETS,
        blank="last",
        remarks=_REMARKS,
    ),
)
