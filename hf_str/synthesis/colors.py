# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Colors of signs, how bright they look, and painting with them.

Pictures are float32 arrays of 0 to 255, (height, width, channels) with 1 or 3 channels; coverages are uint8 arrays
(height, width) of 0 to 255. Colors are float32 arrays (channels,).
"""

from __future__ import annotations

import numpy as np


__all__ = ["blend", "choose_colors", "luminance"]

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

# Colors that signs are painted in, RGB, the usual ones first.
_PAINTS = (
    (255, 255, 255), (245, 240, 220), (12, 12, 14), (40, 38, 36), (200, 24, 30), (150, 20, 30), (230, 90, 20),
    (250, 205, 30), (20, 70, 160), (15, 40, 95), (40, 140, 200), (20, 110, 60), (90, 160, 60), (90, 60, 35),
    (190, 160, 110), (120, 120, 120), (180, 180, 182), (120, 40, 110), (220, 70, 130), (30, 130, 130),
)  # fmt: skip


def luminance(color: np.ndarray) -> float:
    """How bright a color looks, 0 to 255."""
    return float(color[0]) if color.size == 1 else float(color @ _LUMA)


def choose_colors(rng: np.random.Generator, contrast: float) -> tuple[np.ndarray, np.ndarray]:
    """Draws the letters' and the background's color, RGB.

    Args:
        rng: where chance comes from.
        contrast: least difference in luminance, 0 to 255.

    Returns:
        Two colors (3,), the letters' first.
    """
    ground, ink = _paint(rng), _paint(rng)
    for _ in range(7):
        if abs(_luma(ink) - _luma(ground)) >= contrast:
            break
        ground, ink = _paint(rng), _paint(rng)
    if abs(_luma(ink) - _luma(ground)) >= contrast:
        return np.array(ink, np.float32), np.array(ground, np.float32)
    return np.full(3, 12 if _luma(ground) > 115 else 245, np.float32), np.array(ground, np.float32)


# Plain numbers: for three of them, numpy takes several times as long.
_Color = tuple[float, float, float]


def _luma(color: _Color) -> float:
    return 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]


def _paint(rng: np.random.Generator) -> _Color:
    draw = rng.random()
    if draw < 0.42:  # black and white in all their shades, seldom quite neutral
        shade = 255 * rng.random() ** 0.7 if draw < 0.26 else 60 * rng.random()
        warmth = 14 * rng.standard_normal()
        return _clipped(shade + warmth), _clipped(shade + 0.3 * warmth), _clipped(shade - warmth)
    if draw < 0.95:
        red, green, blue = _PAINTS[int(rng.random() ** 1.25 * len(_PAINTS))]
    else:
        red, green, blue = (255 * rng.random(3)).tolist()
    # Weather, shade and cheap cameras take the purity out of paint.
    change = rng.random(3).tolist()
    red, green, blue = red + 30 * (change[0] - 0.5), green + 30 * (change[1] - 0.5), blue + 30 * (change[2] - 0.5)
    dullness = 0.55 * rng.random() ** 1.5
    gray = dullness * _luma((red, green, blue))
    purity = 1 - dullness
    return _clipped(red * purity + gray), _clipped(green * purity + gray), _clipped(blue * purity + gray)


def _clipped(value: float) -> float:
    return 0.0 if value < 0 else 255.0 if value > 255 else value


def blend(picture: np.ndarray, coverage: np.ndarray, fill: np.ndarray, opacity: float = 1.0) -> None:
    """Paints `fill` where `coverage` is: picture * (1 - coverage) + fill * coverage, in place."""
    alpha = coverage.astype(np.float32)[..., None] * np.float32(opacity / 255)
    picture += alpha * (fill - picture)
