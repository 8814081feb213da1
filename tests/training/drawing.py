# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Small drawn words for the tests of training."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import draw_word


#: Fields of CRNNConfig for a network that trains in no time.
TINY = {"conv_channels": [4, 4, 8, 8, 16, 16, 16], "hidden_size": 16}


def as_row(image: Image.Image, format: str = "PNG") -> dict:
    file = io.BytesIO()
    image.save(file, format)
    return {"bytes": file.getvalue(), "path": None}


def drawn_words(count: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list("abcdefgh0123"), rng.integers(2, 7))) for _ in range(count)]


def as_dataset(texts, images=None):
    datasets = pytest.importorskip("datasets")
    images = [as_row(draw_word(text, 20)) for text in texts] if images is None else images
    features = datasets.Features({"image": datasets.Image(decode=False), "text": datasets.Value("string")})
    return datasets.Dataset.from_dict({"image": images, "text": list(texts)}, features=features)


def font_folder() -> str:
    """A folder with a few Latin fonts, so that tests need not look at all of this machine's."""
    for folder in ("/usr/share/fonts/truetype/dejavu", "/usr/share/fonts"):
        if Path(folder).is_dir():
            return folder
    pytest.skip("this machine has no fonts")
