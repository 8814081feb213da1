# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Random changes to word images that leave the word readable."""

import math

import numpy as np

from ..utils.optional import require
from .bending import Bend, project, word_edge


__all__ = ["augment_word"]

cv2 = require("cv2")


def augment_word(
    image: np.ndarray, rng: np.random.Generator, strength: float = 1.0, bend_share: float = 0.15
) -> np.ndarray:
    """Moves, bends and degrades a word image a little, as another photograph of the word would.

    Args:
        image: uint8, (height, width) or (height, width, channels).
        rng: the source of chance.
        strength: 0 changes nothing, 1 is what training uses.
        bend_share: how often the line of text becomes an arc, in a higher image, as around seals and on caps.

    Returns:
        A new uint8 image of about the same size, but for bent words.
    """
    if strength <= 0:
        return image
    if rng.random() < bend_share and image.shape[1] > 1.2 * image.shape[0]:
        image = _bend(image, rng, strength)
    if rng.random() < 0.7:
        image = _jitter_corners(image, rng, 0.09 * strength)
    if rng.random() < 0.5:
        image = _change_tone(image, rng, strength)
    if rng.random() < 0.1:
        image = 255 - image
    if rng.random() < 0.25:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.025 * strength * image.shape[0] + 0.4))
    if rng.random() < 0.15:
        small = rng.uniform(0.35, 0.8)
        size = max(4, int(image.shape[1] * small)), max(8, int(image.shape[0] * small))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    if rng.random() < 0.25:
        noise = rng.normal(0, rng.uniform(2, 14) * strength, image.shape)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return image


def _jitter_corners(image: np.ndarray, rng: np.random.Generator, amount: float) -> np.ndarray:
    """Moves each corner by up to `amount` of the height: crop, shift, rotation, shear and perspective in one."""
    height, width = image.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = corners + rng.uniform(-amount, amount, (4, 2)).astype(np.float32) * height
    matrix = cv2.getPerspectiveTransform(moved.astype(np.float32), corners)
    return cv2.warpPerspective(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _bend(image: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Bends the word into an arc of up to 86 degrees, and turns the arc; the image becomes as high as that needs."""
    height, width = image.shape[:2]
    half = width / height
    angle = (0.2 + 1.3 * rng.random() ** 1.3) * strength * min(1.0, half / 2.5)
    curve = Bend("arc", angle if rng.random() < 0.7 else -angle, half)
    turn = 0.5 * strength * (2 * rng.random() - 1)
    cos, sin = math.cos(turn), math.sin(turn)
    matrix = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    outline = project(matrix, curve.forward(word_edge(half, 9)))  # in half heights of the image
    low, high = outline.min(0), outline.max(0)
    columns, rows = np.ceil((high - low) * height / 2).astype(int)
    x, y = np.meshgrid(np.linspace(low[0], high[0], columns), np.linspace(low[1], high[1], rows))
    points = curve.backward(project(matrix.T, np.stack([x.ravel(), y.ravel()], 1)))
    points = (points + np.array([half, 1.0])) * height / 2 - 0.5
    sources = points.astype(np.float32).reshape(rows, columns, 2)
    return cv2.remap(image, sources[..., 0], sources[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _change_tone(image: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Contrast, brightness and gamma through one table of 256 values."""
    levels = np.arange(256) / 255.0
    levels = levels ** np.exp(rng.uniform(-0.5, 0.5) * strength)
    levels = (levels - 0.5) * np.exp(rng.uniform(-0.6, 0.4) * strength) + 0.5 + rng.uniform(-0.15, 0.15) * strength
    return cv2.LUT(image, np.clip(levels * 255, 0, 255).astype(np.uint8))
