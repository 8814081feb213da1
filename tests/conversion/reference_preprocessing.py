# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""How other projects prepare a picture of a word, written again step by step: (channels, height, width), float."""

import math

import numpy as np
import pytest
from PIL import Image


DOCTR_MEAN = np.array([0.694, 0.695, 0.693]).reshape(3, 1, 1)
DOCTR_STD = np.array([0.299, 0.296, 0.301]).reshape(3, 1, 1)


def planes(pixels: np.ndarray) -> np.ndarray:
    """(height, width[, channels]) to (channels, height, width), from 0 to 1."""
    pixels = pixels.astype(np.float64) / 255
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def signed(pixels: np.ndarray) -> np.ndarray:
    return (planes(pixels) - 0.5) / 0.5


def stretched(image: Image.Image, width: int, mode: str, resample: int) -> np.ndarray:
    return np.asarray(image.convert(mode).resize((width, 32), resample))


def crnn_pytorch(image):
    return signed(stretched(image, 100, "L", Image.BILINEAR))


def crnn_torch7(image):
    return (planes(stretched(image, 100, "L", Image.BILINEAR)) * 255 - 128) / 128


def clovaai(image):
    return signed(stretched(image, 100, "L", Image.BICUBIC))


def clovaai_pad(image):
    """Keeps the shape, rounds the width up, repeats the last column up to 100."""
    width = min(math.ceil(32 * (image.width / image.height)), 100)
    pixels = signed(stretched(image, width, "L", Image.BICUBIC))
    return np.concatenate([pixels, np.repeat(pixels[..., -1:], 100 - width, axis=2)], axis=2)


def strhub(image):
    return signed(stretched(image, 128, "RGB", Image.BICUBIC))


def doctr(image):
    """Shrinks into 32 x 128, pads with black on the right or below, then normalizes."""
    width, height = image.size
    if height / width > 32 / 128:
        size = (max(int(32 * width / height), 1), 32)
    elif height / width < 32 / 128:
        size = (128, max(int(128 * height / width), 1))
    else:
        size = (128, 32)
    canvas = np.zeros((3, 32, 128))
    canvas[:, : size[1], : size[0]] = planes(np.asarray(image.convert("RGB").resize(size, Image.BILINEAR)))
    return (canvas - DOCTR_MEAN) / DOCTR_STD


def gray_resized(image: Image.Image, width: int, height: int) -> np.ndarray:
    """By OpenCV. The gray is Pillow's: OpenCV's differs by one level in one pixel of a thousand."""
    cv2 = pytest.importorskip("cv2")
    return cv2.resize(np.asarray(image.convert("L")), (width, height), interpolation=cv2.INTER_LINEAR)


def easyocr(image):
    """For words at least as wide as high: 64 pixels high by OpenCV, the last column repeated to a multiple of 64."""
    ratio = image.width / image.height
    pixels = signed(gray_resized(image, int(64 * ratio), 64))
    padding = math.ceil(ratio) * 64 - pixels.shape[2]
    return np.concatenate([pixels, np.repeat(pixels[..., -1:], padding, axis=2)], axis=2)


def mmocr_rescale(image):
    width = max(math.ceil(32.0 / image.height * image.width), 32)
    if width % 16:
        width = round(width / 16) * 16
    return (planes(gray_resized(image, width, 32)) * 255 - 127) / 127


def mmocr_stretch(image):
    return (planes(gray_resized(image, 100, 32)) * 255 - 127) / 127


def openocr(image):
    return signed(stretched(image, 128, "RGB", Image.BICUBIC))


def paddleocr(image):
    """Channels are blue, green, red; zeros after normalization on the right."""
    cv2 = pytest.importorskip("cv2")
    bgr = np.ascontiguousarray(np.asarray(image.convert("RGB"))[..., ::-1])
    width = min(math.ceil(32 * image.width / image.height), 100)
    canvas = np.zeros((3, 32, 100))
    canvas[..., :width] = signed(cv2.resize(bgr, (width, 32)))
    return canvas
