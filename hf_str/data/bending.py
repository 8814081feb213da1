# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The geometry of bent words: arcs, waves and projections."""

import math
from functools import lru_cache

import numpy as np


__all__ = ["Bend", "project", "word_edge"]


class Bend:
    """Bends the plane; points are (n, 2), in half heights of the word around its center.

    Args:
        kind: "arc", "wave" or "none".
        strength: of an arc the angle that the word spans, radians, positive where its middle is the highest; of a wave
            its amplitude.
        half: half the word's length.
    """

    def __init__(self, kind: str, strength: float, half: float):
        self.kind = kind if abs(strength) > 1e-3 else "none"
        self.strength = strength
        self.half = half
        # An arc must stay well outside its own center, or short words would fold.
        self.radius = math.copysign(max(abs(2 * half / strength), 2.2), strength) if self.kind == "arc" else 0.0

    def forward(self, points: np.ndarray) -> np.ndarray:
        """From the flat word to the bent one."""
        x, y = points[:, 0], points[:, 1]
        if self.kind == "arc":
            radius = self.radius
            angle = x / radius
            return np.stack([(radius - y) * np.sin(angle), radius - (radius - y) * np.cos(angle)], axis=1)
        if self.kind == "wave":
            return np.stack([x, y + self.strength * np.sin(x * math.pi / self.half)], axis=1)
        return points

    def backward(self, points: np.ndarray) -> np.ndarray:
        """From the bent word to the flat one."""
        x, y = points[:, 0], points[:, 1]
        if self.kind == "arc":
            radius = self.radius
            sign = math.copysign(1.0, radius)
            down = (radius - y) * sign
            distance = np.sqrt(x * x + down * down)
            return np.stack([np.arctan2(x, down) * abs(radius), radius - sign * distance], axis=1)
        if self.kind == "wave":
            return np.stack([x, y - self.strength * np.sin(x * math.pi / self.half)], axis=1)
        return points


def project(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Applies a 3 x 3 projection to points (n, 2)."""
    x, y = points[:, 0], points[:, 1]
    m = matrix
    w = m[2, 0] * x + m[2, 1] * y + m[2, 2]
    return np.stack([(m[0, 0] * x + m[0, 1] * y + m[0, 2]) / w, (m[1, 0] * x + m[1, 1] * y + m[1, 2]) / w], axis=1)


@lru_cache(maxsize=16)
def _unit_edge(steps: int) -> np.ndarray:
    """`steps` points along the upper and the lower edge of a square of side 2 around the origin, (2 * steps, 2)."""
    along = np.linspace(-1.0, 1.0, steps)
    return np.stack([np.concatenate([along, along]), np.repeat((-1.0, 1.0), steps)], axis=1)


def word_edge(half: float, steps: int) -> np.ndarray:
    """Points along the upper and the lower edge of a flat word of half length `half`, (2 * steps, 2)."""
    return _unit_edge(steps) * (half, 1.0)
