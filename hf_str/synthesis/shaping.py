# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Scripts whose letters cannot be set one by one: they join, stack, change places, or run from right to left."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import numpy as np
from PIL import ImageFont, features

from ..models.crnn.text_crnn import runs_from_right
from .font_inspection import draw_glyph
from .fonts import Font


__all__ = ["needs_shaping", "require_shaping", "shape_word"]


@lru_cache(maxsize=20_000)
def _is_shaped(character: str) -> bool:
    is_joiner = character in "\u200c\u200d"
    return is_joiner or unicodedata.category(character)[0] == "M" or runs_from_right(character)


def needs_shaping(text: str) -> bool:
    """Whether a word must be set as a whole: it has marks on or around its letters, or runs from right to left.

    Example:
        >>> [needs_shaping(text) for text in ("Exit", "출구", "ทางออก", "ทั้ง", "خروج", "निकास")]
        [False, False, False, True, True, True]
    """
    return not text.isascii() and any(map(_is_shaped, text))


def require_shaping() -> None:
    """Checks that Pillow joins and orders letters.

    Raises:
        ImportError: Pillow was built without libraqm, which joins letters and orders them.
    """
    if not features.check("raqm"):
        raise ImportError(
            "Arabic, Hebrew, Indic scripts and letters with combining marks are drawn with libraqm, which this Pillow "
            "was built without. Its wheels on PyPI bring it: pip install --force-reinstall pillow"
        )


def shape_word(font: Font, em: int, text: str) -> tuple[np.ndarray, int, int, list[tuple[int, int]]]:
    """Draws a whole word as text editors do: letters joined and in the order of their script.

    Args:
        font: the font.
        em: its size, pixels.
        text: the word in logical order, as it is typed and spoken.

    Returns:
        Coverage, uint8 (height, width), maybe empty; x of its left edge from the pen; y of its top edge from the
        baseline, negative upwards; (left, right) of each character from the pen, from left to right, pixels, about.

    Raises:
        ImportError: Pillow was built without libraqm.
    """
    require_shaping()
    pen = _pen(font.path, font.index, em)
    mask, left, top = draw_glyph(pen, text)
    edges = [pen.getlength(text[:end]) for end in range(len(text) + 1)]
    if runs_from_right(text):
        edges = [edges[-1] - edge for edge in reversed(edges)]
    spans = [(round(min(pair)), round(max(pair))) for pair in zip(edges[:-1], edges[1:], strict=True)]
    return mask, left, top, spans


@lru_cache(maxsize=256)
def _pen(path: str, index: int, em: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, em, index=index, layout_engine=ImageFont.Layout.RAQM)
