# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Chooses a font for a text: each family as often as signs show fonts like it."""

from __future__ import annotations

import math
from bisect import bisect
from collections import Counter

import numpy as np

from ._chance import pick
from .fonts import Font


__all__ = ["FontChooser"]

# Fonts, and the upper bounds in [0, 1] with which each is drawn.
_Pool = tuple[list[Font], list[float]]


class FontChooser:
    """Chooses among fonts.

    Args:
        fonts: in an order that the choice depends on.
    """

    def __init__(self, fonts: list[Font]):
        self.fonts = fonts
        self._pools: dict[str, _Pool] = {}
        self._weighed: dict[tuple[int, ...], _Pool] = {}

    def choose(self, rng: np.random.Generator, text: str, strength: float) -> Font | None:
        """A font that spells `text`, plain where `strength` is low; `None` when there is none."""
        fonts, bounds = self._pool(text)
        shouted = len(text) > 1 and text.isupper()
        for _ in range(25 if fonts else 0):
            font = fonts[bisect(bounds, rng.random())]
            if shouted and font.connected and rng.random() < 0.85:
                continue  # nobody sets capitals in joined handwriting
            if font.plainness >= 0.7 * (1 - strength) and font.can_spell(text):
                return font
        able = [font for font in fonts if font.can_spell(text)]
        return pick(rng, able) if able else None

    def _pool(self, text: str) -> _Pool:
        """The fonts that know the text's first character beyond ASCII.

        Among 1,300 fonts of which 50 are Korean, drawing at random until one knows Hangul would take long.
        """
        rare = next((character for character in text if not character.isascii()), "")
        pool = self._pools.get(rare)
        if pool is None:
            able = tuple(n for n, font in enumerate(self.fonts) if not rare or rare in font.characters)
            if able not in self._weighed:
                self._weighed[able] = _weigh([self.fonts[n] for n in able])
            pool = self._pools[rare] = self._weighed[able]
        return pool


def _weigh(fonts: list[Font]) -> _Pool:
    """The fonts, family by family, and their bounds.

    A family counts once, however many weights it comes in. Signs are mostly set in plain, rather bold print, seldom in
    typewriter fonts. Families whose makers gave us many count less: a hundred fancy ones, all called "Something BRK",
    count as ten.
    """
    families: dict[str, list[Font]] = {}
    for font in fonts:
        families.setdefault(font.family, []).append(font)
    makers = Counter(maker for family in families for maker in _makers(family))
    weighed, weights = [], []
    for family, members in families.items():
        boldness = [min(1.5, max(0.15, 2.5 * font.stroke)) for font in members]
        # Joined handwriting is common on shop fronts, and hard to read: it needs more than its plainness gives it.
        plainness = sum(font.plainness for font in members) / len(members)
        plainness = max(plainness, 0.65) if members[0].connected else plainness
        share = (0.05 + plainness**3) / math.sqrt(max(makers[maker] for maker in _makers(family)))
        share *= (sum(boldness) / len(members)) * (0.4 if members[0].monospaced else 1.0)
        weighed.extend(members)
        weights.extend(share * bold / sum(boldness) for bold in boldness)
    bounds = np.cumsum(weights) / sum(weights) if weights else np.zeros(0)
    return weighed, [*bounds[:-1].tolist(), 1.0]  # the sum may end a little below 1


def _makers(family: str) -> tuple[str, str]:
    """Makers put their mark first ("Noto Sans") or last ("Gyrose BRK")."""
    words = family.split()
    return "^" + words[0], words[-1] + "$"
