# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""open-mmlab/mmocr: its CRNN is that of crnn.pytorch under other names, with the blank as the last class."""

from PIL import Image

from ...models.crnn.tokenization_crnn import CHARSETS
from ..family import CheckpointFamily
from .crnn_pytorch import CONFIG, names_of


__all__ = ["FAMILIES"]

#: OpenCV resizes without antialiasing, and pixels become (pixel - 127) / 127.
_STRETCH = {"size": {"height": 32, "width": 100}, "resample": Image.Resampling.BILINEAR, "antialias": False}
_STRETCH |= {"image_mean": 127 / 255, "image_std": 127 / 255}
_SYMBOLS = "!\"#$%&'()*+,-./:;<=>?@[\\]_`~"

FAMILIES = (
    CheckpointFamily(
        name="mmocr",
        title="CRNN of open-mmlab/mmocr",
        source="https://github.com/open-mmlab/mmocr",
        files="crnn_mini-vgg_5e_mj_*.pth of the model zoo, or epoch_*.pth of tools/train.py",
        config=CONFIG,
        names=names_of("backbone.cnn", "decoder.decoder", "embedding"),
        preprocessing={
            # The pipeline for testing: the width is free, but a multiple of 16.
            "rescale": _STRETCH
            | {"keep_aspect_ratio": True, "min_width": 32, "max_width": 8192}
            | {"width_rounding": "up", "resize_to_multiple_of": 16},
            # The pipeline for training.
            "stretch": _STRETCH,
        },
        charsets={
            "lower_english_digits": CHARSETS["36"],
            "english_digits_symbols": CHARSETS["62"] + _SYMBOLS,
            "english_digits_symbols_space": CHARSETS["62"] + _SYMBOLS + " ",
        },
        blank="last",
        activation_varies=True,
        not_needed=("data_preprocessor.*",),
    ),
)
