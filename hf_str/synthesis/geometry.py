# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Draws the geometry of a word: how it is turned and seen, how its baseline is bent, and the margins of its box.

Poses return rotation, shear, stretch and perspective, 3 x 3, for points in half text heights around the word's center;
the word reaches `half_length` such units to either side.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ._chance import below, one_of
from .layout import Setting


__all__ = ["Pose", "choose_bend", "choose_margins", "choose_pose", "choose_sector", "tilted"]

Pose = Callable[[np.random.Generator, float, float], np.ndarray]


def choose_pose(rng: np.random.Generator, strength: float) -> Pose:
    """How a word is turned and seen: mostly a little, seldom a lot, and not at all where `strength` is 0."""
    if strength <= 0:
        return level
    return one_of(rng, ((0.07, tilted), (0.04, receding)), strength) or slightly_turned


def level(rng: np.random.Generator, strength: float, half_length: float) -> np.ndarray:
    """As it is set."""
    return np.eye(3)


def slightly_turned(rng: np.random.Generator, strength: float, half_length: float) -> np.ndarray:
    """Nearly level, as most boxes are; seen a little from one side."""
    angle = shear = 0.0
    if rng.random() < 0.6:
        spread = 3.5 if rng.random() < 0.8 else 9
        angle = math.radians(spread * strength) * rng.standard_normal()
    if rng.random() < 0.25:
        shear = 0.22 * strength * rng.standard_normal()
    # Signs are seen from the side, which narrows them, more often than they are stretched.
    stretch = math.exp(strength * (0.2 * rng.standard_normal() - 0.16)) if rng.random() < 0.7 else 1.0
    across = down = 0.0
    if rng.random() < 0.35 * strength:
        # 0.04 makes one end of a word that reaches 5 units half as high again as the other. Nowhere may the divisor
        # come near 0, or the end of a long word would lie at infinity.
        steepest = min(0.04, 0.4 / half_length)
        across = min(steepest, max(-steepest, 0.018 * rng.standard_normal()))
        down = min(0.08, max(-0.08, 0.03 * rng.standard_normal()))
    return _pose(angle, shear, stretch, across, down)


def tilted(rng: np.random.Generator, strength: float, half_length: float) -> np.ndarray:
    """A word that climbs or falls by 10 to 30 degrees in a level box, its letters turned with it or (on walls) not."""
    steepest = math.asin(min(0.5, 2.2 / half_length))  # longer words would shrink to nothing in their box
    angle = max(math.radians(7), steepest * (0.33 + 0.67 * rng.random())) * (1 if rng.random() < 0.5 else -1)
    stretch = math.exp(-0.25 * rng.random())
    if rng.random() < 0.6:
        return _pose(angle, 0.15 * rng.standard_normal(), stretch)
    return np.array([[math.cos(angle) * stretch, 0, 0], [math.sin(angle) * stretch, 1, 0], [0, 0, 1]])


def receding(rng: np.random.Generator, strength: float, half_length: float) -> np.ndarray:
    """Seen sharply from one side: one end two to three times as high as the other."""
    across = (0.25 + 0.2 * rng.random()) / max(1.5, half_length) * (1 if rng.random() < 0.5 else -1)
    return _pose(math.radians(4) * rng.standard_normal(), 0.0, 0.55 + 0.4 * rng.random(), across)


def _pose(angle: float, shear: float, stretch: float, across: float = 0.0, down: float = 0.0) -> np.ndarray:
    """Shear and stretch, then the turn by `angle` radians, with a perspective along and across the line."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array(
        [[cos * stretch, cos * shear - sin, 0], [sin * stretch, sin * shear + cos, 0], [across, down, 1]], np.float64
    )


def choose_bend(rng: np.random.Generator, strength: float, length: int) -> tuple[str, float]:
    """How the baseline of a word of `length` characters is bent, as `place` takes it: mostly not at all."""
    draw = rng.random()
    if length >= 3 and draw < 0.26 * strength:
        sign = 1 if rng.random() < 0.7 else -1
        return "arc", sign * (0.25 + 2.1 * rng.random() ** 1.3) * min(1.0, length / 6)
    if length >= 4 and draw < 0.28 * strength:
        return "wave", 0.4 * (rng.random() - 0.5)
    return "none", 0.0


def choose_sector(rng: np.random.Generator, strength: float, angle: float) -> np.ndarray:
    """A turn about the word's middle: around a seal, a word that spans `angle` radians may begin anywhere."""
    room = math.radians(80) - abs(angle) / 2  # beyond it, letters would follow each other from right to left
    turn = room * (2 * rng.random() - 1) if rng.random() < 0.5 * strength else 0.0
    return _pose(turn, 0.0, 1.0)


def choose_margins(rng: np.random.Generator, strength: float, setting: Setting) -> tuple[float, float, float, float]:
    """Left, top, right, bottom in text heights: boxes of real sets are rarely even, and sometimes clip a little."""
    if strength <= 0:
        return 0.12, 0.12, 0.12, 0.12
    loose = 0.03 + 0.22 * rng.random() ** 1.6
    # At the sides a whole "i" is lost sooner than above or below the letters' upper or lower edge.
    least = (-0.02, -0.05, -0.02, -0.05)
    draws = rng.standard_normal(4).tolist()
    margins = [max(low, loose + 0.07 * strength * draw) for low, draw in zip(least, draws, strict=True)]
    if rng.random() < 0.08 * strength:  # too tight at one side, as drawn in a hurry
        side = below(rng, 4)
        margins[side] = -0.12 * rng.random() if side % 2 else -_bearable_cut(setting, side) * rng.random()
    left, top, right, bottom = margins
    return left, top, right, bottom


def _bearable_cut(setting: Setting, side: int) -> float:
    """What may be cut off the first (`side` 0) or last letter so that it stays legible, in text heights."""
    left, right = setting.letters[0 if side == 0 else -1]
    _, top, _, bottom = setting.box
    height = max(1, bottom - top)
    width = (right - left) / height
    return 0.22 * width if width > 0.4 else 0.02  # of an "i" or a "1" nothing can be spared
