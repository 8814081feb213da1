# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Pixels against the other projects' own code, where it is installed: what README says of them, in gray levels."""

import numpy as np
import pytest
from PIL import Image

from hf_str import CRNNImageProcessorPil
from hf_str.conversion import FAMILIES
from tests.conversion.peers import narrow_pictures, pictures


def image_processor(family: str) -> CRNNImageProcessorPil:
    options = next(iter(FAMILIES[family].preprocessing.values()))
    return CRNNImageProcessorPil(do_grayscale=not family.startswith("doctr"), **options)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_easyocr(suffix, tmp_path):
    """It reads files with OpenCV, which has its own way to make them gray."""
    utils, recognition = (
        pytest.importorskip(f"easyocr.{name}", exc_type=ImportError) for name in ("utils", "recognition")
    )
    ours = image_processor("easyocr-generation2")
    for number, image in enumerate(image for image in pictures() if image.width >= image.height):
        path = tmp_path / f"{number}.{suffix}"
        image.save(path)
        _, gray = utils.reformat_input(str(path))
        crops, width = utils.get_image_list([[0, image.width, 0, image.height]], [], gray, 64)
        collate = recognition.AlignCollate(imgH=64, imgW=width, keep_ratio_with_pad=True)
        expected = collate([Image.fromarray(crops[0][1])])[0].numpy()
        pixels = ours(Image.open(path), return_tensors="np").pixel_values[0]
        assert pixels.shape == expected.shape
        assert np.abs(pixels - expected).max() * 127.5 < 3.01


def test_doctr():
    """It resizes with torchvision, which rounds another way than Pillow."""
    preprocessor = pytest.importorskip("doctr.models.preprocessor", exc_type=ImportError)
    mean, std = (0.694, 0.695, 0.693), (0.299, 0.296, 0.301)
    theirs = preprocessor.PreProcessor((32, 128), batch_size=1, mean=mean, std=std, preserve_aspect_ratio=True)
    for image in pictures() + narrow_pictures():
        (expected,) = theirs([np.asarray(image.convert("RGB"))])
        pixels = image_processor("doctr-vgg16-bn")(image, return_tensors="np").pixel_values[0]
        assert np.abs(pixels - expected[0].numpy()).max() * 0.301 * 255 < 1.1
