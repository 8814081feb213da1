# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""JaidedAI/EasyOCR: clovaai's networks on images 64 pixels high, one for each script.

`easyocr_charsets.json` has the charset of each of its models, in the order of their classes (easyocr/config.py).
"""

import json
from pathlib import Path

from PIL import Image

from ..family import CheckpointFamily
from .clovaai import RESNET_CONFIG, RESNET_NAMES, VGG_CONFIG, VGG_NAMES


__all__ = ["FAMILIES"]

_SOURCE = "https://github.com/JaidedAI/EasyOCR"
_CHARSETS = json.loads(Path(__file__).with_name("easyocr_charsets.json").read_text(encoding="utf-8"))
_PREPROCESSING = {
    "pad": {
        "size": {"height": 64, "width": 256},
        # OpenCV is given Pillow's number for LANCZOS, which OpenCV takes for bilinear.
        "resample": Image.Resampling.BILINEAR,
        "antialias": False,
        "keep_aspect_ratio": True,
        "min_width": 1,
        "max_width": 8192,
        "width_rounding": "down",
        # The padding is read like any other pixel.
        "pad_to_multiple_of": 64,
        "padding_mode": "replicate",
        "return_pixel_mask": False,
    }
}
_REMARKS = (
    "EasyOCR pads to ceil(width / height) x 64 pixels, which is one step more where a word is up to 1/64 wider than a "
    "multiple of its height; it resizes words that are higher than wide twice; and it tries words with low confidence "
    "again with more contrast. A custom model needs --charset with the character_list of its yaml file."
)

FAMILIES = (
    CheckpointFamily(
        name="easyocr-generation1",
        title="first generation of JaidedAI/EasyOCR",
        source=_SOURCE,
        files="latin.pth, chinese.pth, chinese_sim.pth, japanese.pth, korean.pth, thai.pth, devanagari.pth, "
        "cyrillic.pth, arabic.pth, tamil.pth, bengali.pth",
        config=RESNET_CONFIG,
        names=RESNET_NAMES,
        preprocessing=_PREPROCESSING,
        has_one_row=False,
        charsets=_CHARSETS["generation1"],
        remarks=_REMARKS,
    ),
    CheckpointFamily(
        name="easyocr-generation2",
        title="second generation of JaidedAI/EasyOCR",
        source=_SOURCE,
        files="english_g2.pth, latin_g2.pth, zh_sim_g2.pth, japanese_g2.pth, korean_g2.pth, telugu.pth, kannada.pth, "
        "cyrillic_g2.pth, or a custom model with the network of easyocr/model/vgg_model.py",
        config=VGG_CONFIG,
        names=VGG_NAMES,
        preprocessing=_PREPROCESSING,
        has_one_row=False,
        charsets=_CHARSETS["generation2"],
        remarks=_REMARKS,
    ),
)
