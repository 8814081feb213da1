# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Cuts words out of scenes: boxes as they are, quadrilaterals rectified, curved outlines straightened."""

from collections.abc import Sequence

import numpy as np

from ..utils.optional import require


__all__ = ["DegenerateBoxError", "box_outline", "crop_word", "is_irregular"]

MAX_CROP_PIXELS = 64_000_000


class DegenerateBoxError(ValueError):
    """A box that holds no pixels. The message says why."""


def box_outline(left: float, top: float, right: float, bottom: float) -> tuple[float, ...]:
    """The outline (8 numbers) of an axis-aligned box, clockwise from its top left corner, in pixels.

    A box whose right is left of its left has no area: as corners, it would be a word that is turned round.
    """
    right, bottom = max(left, right), max(top, bottom)
    return left, top, right, top, right, bottom, left, bottom


def crop_word(image: np.ndarray, outline: Sequence[float]) -> np.ndarray:
    """Cuts one word out of a scene.

    An axis-aligned box is copied. Any other quadrilateral is rectified by a perspective warp. An outline of more
    points is straightened: its two ends are found, and what lies between its upper and its lower side becomes a
    rectangle. An outline that crosses itself is cut out as the smallest rectangle around it, at any angle.

    Args:
        image: uint8, (height, width) or (height, width, channels).
        outline: `x1, y1, x2, y2, ...` in pixels, 4 points or more, from the beginning of the word's upper side on.
            Outlines that run anticlockwise are turned round, as they would mirror the word.

    Returns:
        The word, uint8, of its own size.

    Raises:
        DegenerateBoxError: the outline has no area, is outside of the image or absurdly large.
    """
    points = np.asarray(outline, np.float64).reshape(-1, 2)
    if len(points) < 4 or not np.isfinite(points).all():
        raise DegenerateBoxError("it needs 4 points or more, all finite")
    if _is_axis_aligned(points):
        return _copy_box(image, points)
    if is_irregular(points):
        points = _smallest_rectangle(points)
    elif _signed_area(points) < 0:
        points = np.roll(points[::-1], 1, axis=0)
    _check_inside(image, points)
    return _rectify(image, points) if len(points) == 4 else _straighten(image, *_sides(points))


def is_irregular(outline: Sequence[float] | np.ndarray) -> bool:
    """Whether an outline crosses itself or, as a quadrilateral, is not convex."""
    points = np.asarray(outline, np.float64).reshape(-1, 2)
    if len(points) == 4:
        turns = [_cross(points[i] - points[i - 1], points[(i + 1) % 4] - points[i]) for i in range(4)]
        return min(turns) <= 0 <= max(turns)
    count = len(points)
    edges = [(points[i], points[(i + 1) % count]) for i in range(count)]
    neighbors = {(0, count - 1)}
    return any(
        _intersect(*edges[i], *edges[j]) for i in range(count) for j in range(i + 2, count) if (i, j) not in neighbors
    )


def _is_axis_aligned(points: np.ndarray) -> bool:
    # in this order: another one is a word that is turned by a right angle
    return len(points) == 4 and np.array_equal(points.ravel(), box_outline(*points[0], *points[2]))


def _copy_box(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    left, top = np.floor(points[0]).astype(int).clip(0)
    right, bottom = np.ceil(points[2]).astype(int).clip(None, (width, height))
    if right <= left or bottom <= top:
        raise DegenerateBoxError(f"it has no area within the image of {width} x {height} pixels")
    return image[top:bottom, left:right].copy()


def _check_inside(image: np.ndarray, points: np.ndarray):
    height, width = image.shape[:2]
    if _signed_area(points) < max(1.0, 0.5 * np.ptp(points, 0).max()):
        raise DegenerateBoxError("it is thinner than a pixel")
    if (points.max(0) <= 0).any() or (points.min(0) >= (width, height)).any():
        raise DegenerateBoxError(f"it has no area within the image of {width} x {height} pixels")
    if np.ptp(points, 0).prod() > MAX_CROP_PIXELS:
        raise DegenerateBoxError(f"it is larger than {MAX_CROP_PIXELS:,} pixels")


def _rectify(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Perspective warp of a convex quadrilateral (4, 2), clockwise from the word's upper left corner."""
    cv2 = require("cv2")
    top, right, bottom, left = np.linalg.norm(np.roll(points, -1, axis=0) - points, axis=1)
    width, height = max(1, round(max(top, bottom))), max(1, round(max(left, right)))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    # corners lie between pixels, while OpenCV counts from the middle of the first: hence the halves
    matrix = cv2.getPerspectiveTransform(points.astype(np.float32) - 0.5, corners - 0.5)
    return cv2.warpPerspective(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _straighten(image: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Maps the band between two curves, (n, 2) and (m, 2), both in reading direction, to a rectangle."""
    cv2 = require("cv2")
    width = max(1, round(max(_length(upper), _length(lower))))
    upper, lower = _resample(upper, width), _resample(lower, width)
    height = max(1, round(float(np.median(np.linalg.norm(upper - lower, axis=1)))))
    down = ((np.arange(height) + 0.5) / height)[:, None, None]
    sources = (upper * (1 - down) + lower * down - 0.5).astype(np.float32)
    return cv2.remap(image, sources[..., 0], sources[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _sides(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Splits a clockwise outline of 5 points or more into its upper and lower side, both in reading direction.

    The ends of the word are the two edges at which the outline turns back, the edge before running opposite to the
    edge after, that are short and leave equally many points on both sides. By convention the first half of the points
    is the upper side, so in doubt that split wins.
    """
    count = len(points)
    edges = np.roll(points, -1, axis=0) - points  # edge i runs from point i to the next
    lengths = np.linalg.norm(edges, axis=1)
    directions = edges / np.maximum(lengths, 1e-9)[:, None]
    turning = (np.roll(directions, 1, axis=0) * np.roll(directions, -1, axis=0)).sum(1) + lengths / lengths.sum()

    def score(ends: tuple[int, int]) -> float:
        first, second = ends
        balance = abs(count - 2 * (second - first)) / count
        conventional = second == count - 1 and first == count // 2 - 1
        return turning[first] + turning[second] + balance - 0.1 * conventional

    pairs = ((one, other) for one in range(count) for other in range(one + 2, min(count, one + count - 1)))
    first, second = min(pairs, key=score)
    chain = points[first + 1 : second + 1]
    rest = np.concatenate([points[second + 1 :], points[: first + 1]])
    # both run clockwise: the upper side is the one that runs to the right, as far as the two differ in that
    upper, lower = (chain, rest) if _run(chain) > _run(rest) + 1e-6 else (rest, chain)
    return upper, lower[::-1]


def _smallest_rectangle(points: np.ndarray) -> np.ndarray:
    """The rectangle of least area around the points, (4, 2), its most horizontal side first."""
    cv2 = require("cv2")
    corners = cv2.boxPoints(cv2.minAreaRect(points.astype(np.float32))).astype(np.float64)
    if _signed_area(corners) < 0:
        corners = corners[::-1]
    directions = np.roll(corners, -1, axis=0) - corners
    angles = np.abs(np.arctan2(directions[:, 1], directions[:, 0]))
    return np.roll(corners, -int(angles.argmin()), axis=0)


def _resample(curve: np.ndarray, count: int) -> np.ndarray:
    """`count` points at the middles of as many equal pieces of a curve."""
    steps = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    wanted = (np.arange(count) + 0.5) / count * steps[-1]
    return np.stack([np.interp(wanted, steps, curve[:, axis]) for axis in range(2)], axis=1)


def _length(curve: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(curve, axis=0), axis=1).sum())


def _run(curve: np.ndarray) -> float:
    """How far a curve leads to the right, in [-1, 1] of its length."""
    return float((curve[-1, 0] - curve[0, 0]) / max(_length(curve), 1e-9))


def _signed_area(points: np.ndarray) -> float:
    """Positive for outlines that run clockwise as one sees them (the y axis points down)."""
    x, y = points.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def _cross(a: np.ndarray, b: np.ndarray) -> float:
    return float(a[0] * b[1] - a[1] * b[0])


def _intersect(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> bool:
    """Whether the segments ab and cd cross."""
    return _cross(b - a, c - a) * _cross(b - a, d - a) < 0 and _cross(d - c, a - c) * _cross(d - c, b - c) < 0
