# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Drawing one of several things; a few times as fast as numpy's own ways for a single draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np


__all__ = ["below", "one_of", "pick"]

T = TypeVar("T")


def below(rng: np.random.Generator, count: int) -> int:
    """A whole number from 0 to `count` - 1."""
    return int(rng.random() * count)


def pick(rng: np.random.Generator, choices: Sequence[T]) -> T:
    """One of `choices`, all equally likely."""
    return choices[int(rng.random() * len(choices))]


def one_of(rng: np.random.Generator, shares: Sequence[tuple[float, T]], strength: float = 1.0) -> T | None:
    """One of (share, choice) pairs, each as often as `share * strength` says; `None` in all other cases."""
    draw = rng.random()
    for share, choice in shares:
        draw -= share * strength
        if draw < 0:
            return choice
    return None
