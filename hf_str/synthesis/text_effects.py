# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The ways in which letters stand out from their background: shadow, depth, border, light and relief.

Pictures are float32 arrays of 0 to 255, (height, width, channels) with 1 or 3 channels; coverages are uint8 arrays
(height, width) of 0 to 255. Colors are float32 arrays (channels,).
"""

from __future__ import annotations

import numpy as np

from ..utils.optional import require
from ._chance import one_of
from .colors import blend, luminance


__all__ = ["dot_matrix", "draw_text"]

cv2 = require("cv2", "synthesis")


def draw_text(
    rng: np.random.Generator,
    picture: np.ndarray,
    coverage: np.ndarray,
    fill: np.ndarray,
    ground: np.ndarray,
    strength: float,
) -> float:
    """Draws letters into `picture`, in place, with shadow, depth, border, light or relief as chance has it.

    Args:
        rng: where chance comes from.
        picture: float32 (height, width, channels).
        coverage: the letters, uint8 (height, width).
        fill: the letters' color (channels,), or a picture of it (height, width, channels).
        ground: the background's color (channels,).
        strength: 0 plain letters to 1 everything.

    Returns:
        What is left of the difference between the letters and the background, 0 to 1.
    """
    effect = one_of(rng, _EFFECTS, strength)
    ink = fill if effect is None or fill.ndim == 1 else fill.mean(axis=(0, 1))
    if effect is not None:
        changed = effect(rng, picture, coverage, ink, ground)
        fill = fill if changed is None else changed
    blend(picture, coverage, fill)
    if effect is _emboss:
        _relief(rng, picture, coverage, (0.3 + 0.4 * rng.random()) * max(0.4, _difference(ink, ground) / 255))
        return 0.5
    if effect is None and rng.random() < 0.13 * strength:
        _relief(rng, picture, coverage, 0.1 + 0.4 * rng.random())
    return 1.0


def _difference(ink: np.ndarray, ground: np.ndarray) -> float:
    return abs(luminance(ink) - luminance(ground))


def _border_color(rng: np.random.Generator, ink: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Black or white, whichever stands out from the letters; sometimes a shade of the background."""
    bright = luminance(ink)
    if rng.random() < 0.25 and abs(luminance(ground) - bright) > 60:
        return np.clip(ground * np.float32(0.5 + rng.random()), 0, 255)
    shade = 15 + 30 * rng.random() if bright > 110 else 255 - 40 * rng.random()
    return np.full(ink.size, shade, np.float32)


def _soft(coverage: np.ndarray, sigma: float) -> np.ndarray:
    """A blurred coverage; wide blurs are made at a quarter of the size."""
    if sigma < 4:
        return cv2.GaussianBlur(coverage, (0, 0), max(0.3, sigma))
    height, width = coverage.shape
    small = cv2.resize(coverage, (max(2, width // 4), max(2, height // 4)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / 4, borderType=cv2.BORDER_CONSTANT)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


# What is done behind the letters before they are drawn: (rng, picture, coverage, ink, ground) -> another fill or None.


def _shadow(rng: np.random.Generator, picture: np.ndarray, coverage: np.ndarray, *_) -> None:
    height = coverage.shape[0]
    x, y = ((rng.random() - 0.35) * 0.16 * height, (0.02 + 0.08 * rng.random()) * height)
    moved = cv2.warpAffine(coverage, np.array([[1, 0, x], [0, 1, y]], np.float32), coverage.shape[::-1])
    if rng.random() < 0.7:
        moved = _soft(moved, 0.3 + 0.06 * height * rng.random())
    blend(picture, moved, np.full(1, 10 + 20 * rng.random(), np.float32), 0.3 + 0.6 * rng.random())


def _depth(rng: np.random.Generator, picture: np.ndarray, coverage: np.ndarray, ink: np.ndarray, *_) -> None:
    """The sides of solid letters: the letters smeared along one direction, in a darker shade."""
    length = max(2, int((0.03 + 0.1 * rng.random()) * coverage.shape[0]))
    angle = 2 * np.pi * rng.random()
    kernel = np.zeros((2 * length + 1,) * 2, np.uint8)
    end = (round(length + length * np.cos(angle)), round(length + length * np.sin(angle)))
    cv2.line(kernel, (length, length), end, 1)
    sides = ink * np.float32(0.25 + 0.45 * rng.random())
    if luminance(ink) < 60:
        sides = ink + np.float32(60 + 60 * rng.random())
    blend(picture, cv2.dilate(coverage, kernel), sides)


def _border(
    rng: np.random.Generator, picture: np.ndarray, coverage: np.ndarray, ink: np.ndarray, ground: np.ndarray
) -> None:
    reach = 1 + int(rng.random() * 0.07 * coverage.shape[0])
    wide = cv2.dilate(coverage, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2))
    blend(picture, wide, _border_color(rng, ink, ground))


def _glow(
    rng: np.random.Generator, picture: np.ndarray, coverage: np.ndarray, ink: np.ndarray, ground: np.ndarray
) -> None:
    """Light around lit letters, or from behind dark ones."""
    lit = luminance(ink) > luminance(ground)
    light = ink * np.float32(1.2) if lit else ground + np.float32(60 + 120 * rng.random())
    halo = _soft(coverage, (0.06 + 0.14 * rng.random()) * coverage.shape[0])
    blend(picture, halo, np.minimum(light, 255), 0.3 + 0.6 * rng.random())


def _neon(
    rng: np.random.Generator, picture: np.ndarray, coverage: np.ndarray, ink: np.ndarray, ground: np.ndarray
) -> np.ndarray | None:
    """Tubes so bright that they are white inside, in a wide halo of their color; dark letters are lit from behind."""
    if luminance(ink) < luminance(ground) + 40:
        return _glow(rng, picture, coverage, ink, ground)
    height = coverage.shape[0]
    blend(picture, _soft(coverage, (0.15 + 0.2 * rng.random()) * height), ink, 0.4 + 0.5 * rng.random())
    blend(picture, _soft(cv2.dilate(coverage, np.ones((3, 3), np.uint8)), 0.03 * height), ink, 0.9)
    return ink + (255 - ink) * np.float32(0.3 + 0.6 * rng.random())


def _emboss(rng: np.random.Generator, _picture, _coverage, ink: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Letters of the ground's own metal or stone: only the light on their edges tells them from it."""
    return ground + (ink - ground) * np.float32(0.15 + 0.35 * rng.random())


_EFFECTS = ((0.09, _shadow), (0.06, _depth), (0.08, _border), (0.04, _glow), (0.03, _neon), (0.035, _emboss))


def _relief(rng: np.random.Generator, picture: np.ndarray, coverage: np.ndarray, amount: float) -> None:
    """Bright and dark edges, as on raised or carved letters lit from one side; `amount` 1 is 255 at either edge."""
    reach = max(0.6, 0.03 * coverage.shape[0])
    angle = 2 * np.pi * rng.random()
    x, y = reach * np.cos(angle), reach * np.sin(angle)
    size = coverage.shape[::-1]
    soft = cv2.GaussianBlur(coverage, (3, 3), 0)
    here = cv2.warpAffine(soft, np.array([[1, 0, x], [0, 1, y]], np.float32), size)
    there = cv2.warpAffine(soft, np.array([[1, 0, -x], [0, 1, -y]], np.float32), size)
    picture += (cv2.subtract(here, there, dtype=cv2.CV_32F) * np.float32(amount))[..., None]


def dot_matrix(mask: np.ndarray, box: tuple[int, int, int, int], rows: int) -> np.ndarray:
    """Letters made of lamps: `rows` dots in the height of `box`. Same shape as `mask`, uint8."""
    height, width = mask.shape
    pitch = max(2.0, (box[3] - box[1]) / rows)
    grid = cv2.resize(
        mask, (max(1, round(width / pitch)), max(1, round(height / pitch))), interpolation=cv2.INTER_AREA
    )
    lit = np.where(grid > 90, 255, 0).astype(np.uint8)
    lit = cv2.resize(lit, (width, height), interpolation=cv2.INTER_NEAREST)
    y = np.abs(np.modf((np.arange(height) + 0.5) * grid.shape[0] / height)[0] - 0.5)
    x = np.abs(np.modf((np.arange(width) + 0.5) * grid.shape[1] / width)[0] - 0.5)
    dots = np.clip(1.9 - 3.4 * np.sqrt(y[:, None] ** 2 + x[None, :] ** 2), 0, 1)
    return (lit * dots).astype(np.uint8)
