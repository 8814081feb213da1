# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The geometry that carries a flat word into a picture: bending, projection and margins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..data.bending import Bend, project, word_edge
from ..utils.optional import require
from .layout import Setting


__all__ = ["Placement", "height_of", "place"]

cv2 = require("cv2", "synthesis")

# A mask that shrinks by more than this on its way into the picture is halved first: linear interpolation leaves steps.
_STEEPEST_SHRINK = 1.7

_Warp = Callable[[np.ndarray], np.ndarray]


@dataclass
class Placement:
    """Where the flat word lies in the picture.

    Args:
        height: of the picture, pixels.
        width: of the picture, pixels.
        warp: carries a flat mask, any float or uint8 array (mask height, mask width), into the picture.
        scale: picture pixels per flat pixel, about.
        off_line: of a bent word, each pixel's distance from the line through the middle of its letters in half box
            heights, below it positive, (height, width); `None` of a straight one.
    """

    height: int
    width: int
    warp: _Warp
    scale: float
    off_line: np.ndarray | None = None


def place(
    setting: Setting,
    height: int,
    matrix: np.ndarray,
    bend: tuple[str, float],
    margins: tuple[float, float, float, float],
    max_width: int,
) -> Placement:
    """Fits the bent and projected word into a picture `height` pixels high.

    Args:
        setting: the flat word. Points are measured from the center of its box in units of half the box's height.
        height: of the picture, pixels.
        matrix: 3 x 3, the projection (rotation, shear, perspective) applied after bending.
        bend: ("none", 0), ("arc", angle) or ("wave", amplitude). An arc spans `angle` radians over the word's width,
            upwards in the middle where positive; a wave has one period and an amplitude in half box heights.
        margins: left, top, right, bottom, in box heights; negative ones clip.
        max_width: of the picture, pixels; a wider one becomes less high instead.

    Returns:
        The placement.
    """
    left, top, right, bottom = setting.box
    unit = max(1.0, (bottom - top) / 2)
    center_x, center_y = (left + right) / 2, (top + bottom) / 2
    half = setting.half_length
    curve = Bend(bend[0], bend[1], half)

    outline = _outline(matrix, curve)
    (low_x, low_y), (high_x, high_y) = outline.min(axis=0).tolist(), outline.max(axis=0).tolist()
    x0, y0 = low_x - 2 * margins[0], low_y - 2 * margins[1]
    x1, y1 = high_x + 2 * margins[2], high_y + 2 * margins[3]
    scale = height / (y1 - y0)
    width = max(4, round((x1 - x0) * scale))
    if width > max_width:
        scale *= max_width / width
        width, height = max_width, max(4, round(height * max_width / width))
    to_picture = np.array([[scale, 0, -x0 * scale], [0, scale, -y0 * scale], [0, 0, 1]]) @ matrix
    halvings = 0 if unit <= _STEEPEST_SHRINK * scale else 1 if unit <= 2 * _STEEPEST_SHRINK * scale else 2
    if curve.kind == "none":
        flat = np.array([[1 / unit, 0, -center_x / unit], [0, 1 / unit, -center_y / unit], [0, 0, 1]])
        warp, off_line = _straight_warp(to_picture @ flat, height, width, halvings), None
    else:
        points = curve.backward(project(np.linalg.inv(to_picture), _pixels(height, width)))
        off_line = points[:, 1].reshape(height, width).astype(np.float32)
        map_x = (points[:, 0] * unit + center_x).reshape(height, width).astype(np.float32)
        map_y = (points[:, 1] * unit + center_y).reshape(height, width).astype(np.float32)
        warp = _bent_warp(map_x, map_y, halvings)
    return Placement(height, width, warp, scale / unit, off_line)


def _straight_warp(to_picture: np.ndarray, height: int, width: int, halvings: int) -> _Warp:
    """The [`Placement.warp`] of a 3 x 3 projection from pixels of the mask to those of the picture."""

    def warp(mask: np.ndarray) -> np.ndarray:
        mask, x_factor, y_factor = _shrink(mask, halvings)
        matrix = to_picture * (x_factor, y_factor, 1) if halvings else to_picture
        return cv2.warpPerspective(mask, matrix, (width, height), flags=cv2.INTER_LINEAR)

    return warp


def _bent_warp(map_x: np.ndarray, map_y: np.ndarray, halvings: int) -> _Warp:
    """The [`Placement.warp`] that takes each pixel of the picture from a point of the mask, (height, width) each."""

    def warp(mask: np.ndarray) -> np.ndarray:
        mask, x_factor, y_factor = _shrink(mask, halvings)
        x, y = map_x / np.float32(x_factor), map_y / np.float32(y_factor)
        return cv2.remap(mask, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)

    return warp


def _pixels(height: int, width: int) -> np.ndarray:
    """The points of a picture, (height * width, 2), row by row."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    return np.stack([columns.ravel(), rows.ravel()], axis=1)


def height_of(matrix: np.ndarray, bend: tuple[str, float], half_length: float) -> float:
    """How many times as high as the level word's box that of the bent and projected word is, at least 1."""
    outline = _outline(matrix, Bend(bend[0], bend[1], half_length))
    return max(1.0, float(np.ptp(outline[:, 1])) / 2)


def _outline(matrix: np.ndarray, curve: Bend) -> np.ndarray:
    """Points (n, 2) along a word's edge: a straight one is known by its corners, a bent one by more of them."""
    return project(matrix, curve.forward(word_edge(curve.half, 2 if curve.kind == "none" else 9)))


def _shrink(mask: np.ndarray, halvings: int) -> tuple[np.ndarray, float, float]:
    """The mask at a half or a quarter of its size, and by how much it became narrower and lower."""
    if not halvings:
        return mask, 1.0, 1.0
    height, width = mask.shape[:2]
    size = (max(1, width >> halvings), max(1, height >> halvings))
    return cv2.resize(mask, size, interpolation=cv2.INTER_AREA), width / size[0], height / size[1]
