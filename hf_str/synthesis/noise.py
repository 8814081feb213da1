# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Noise, white or smooth, that is cheap to draw."""

from __future__ import annotations

import numpy as np

from ..utils.optional import require


__all__ = ["Noise"]

cv2 = require("cv2", "synthesis")


class Noise:
    """A store of normal noise, drawn once: cutting a piece out of it is far cheaper than drawing numbers."""

    HEIGHT, WIDTH = 400, 1600  # pixels; no picture may be larger

    def __init__(self):
        self._store = np.random.default_rng(0).standard_normal((self.HEIGHT, self.WIDTH), dtype=np.float32)

    def white(self, rng: np.random.Generator, height: int, width: int) -> np.ndarray:
        """Noise of mean 0 and deviation 1, (height, width); a view, not to be written to."""
        rows, columns = self._store.shape
        top, left = int(rng.random() * (rows - height)), int(rng.random() * (columns - width))
        return self._store[top : top + height, left : left + width]

    def smooth(self, rng: np.random.Generator, height: int, width: int, cells: float) -> np.ndarray:
        """Noise whose patches are about `height / cells` pixels large, (height, width), deviation about 0.8."""
        rows = max(2, min(height, round(cells)))
        columns = max(2, min(width, round(cells * width / height)))
        return cv2.resize(self.white(rng, rows, columns), (width, height), interpolation=cv2.INTER_CUBIC)
