# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Sets words flat: glyphs from fonts, side by side or one below the other, in one mask."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from PIL import ImageFont

from ..utils.optional import require
from .font_inspection import draw_glyph
from .fonts import Font
from .shaping import needs_shaping, shape_word


__all__ = [
    "Glyph",
    "GlyphAtlas",
    "Setting",
    "set_word",
    "stack_word",
    "surround",
]

cv2 = require("cv2", "synthesis")

# Ems at which glyphs are drawn and kept, pixels. Drawing is dear and shrinking cheap, so few sizes are drawn.
_EMS = (64, 128)


@dataclass(frozen=True)
class Glyph:
    """One drawn character.

    Args:
        mask: coverage, uint8 (height, width), cut to its ink; empty for a space.
        left: from the pen to the mask's left edge, pixels.
        top: from the baseline up to the mask's top edge, pixels.
        advance: from this pen position to the next, pixels.
    """

    mask: np.ndarray
    left: int
    top: int
    advance: float


class _DrawnFont:
    """One font at one size: what was drawn of it so far."""

    def __init__(self, font: Font, em: int):
        self.em = em
        self.glyphs: dict[str, Glyph] = {}
        self._kernings: dict[str, float] = {}
        # The basic layout is ten times as fast as the shaping one, and characters are drawn one by one anyway.
        self._pen = ImageFont.truetype(font.path, em, index=font.index, layout_engine=ImageFont.Layout.BASIC)

    def draw(self, character: str) -> Glyph:
        mask, left, top = draw_glyph(self._pen, character)
        if mask.size:  # Pillow leaves empty edges at some glyphs
            x, y, width, height = cv2.boundingRect(mask)
            left, top, mask = left + x, top + y, mask[y : y + height, x : x + width].copy()
        glyph = self.glyphs[character] = Glyph(mask, int(left), -int(top), float(self._pen.getlength(character)))
        return glyph

    def kerning(self, pair: str) -> float:
        """By how many pixels the second character of `pair` moves to the first one (mostly negative)."""
        shift = self._kernings.get(pair)
        if shift is None:
            shift = self._pen.getlength(pair) - self.glyphs[pair[0]].advance - self.glyphs[pair[1]].advance
            shift = self._kernings[pair] = shift if abs(shift) < 0.3 * self.em else 0.0
        return shift


class GlyphAtlas:
    """Draws each (font, size, character) once and keeps the fonts used last, up to `capacity` glyphs (2 kB each)."""

    def __init__(self, capacity: int = 60_000, max_fonts: int = 1500):
        self.capacity = capacity
        self.max_fonts = max_fonts
        self._count = 0
        self._fonts: OrderedDict[tuple[str, int, int], _DrawnFont] = OrderedDict()

    def __len__(self) -> int:
        return self._count

    def __getstate__(self) -> dict:
        # Open fonts cannot be pickled, and a worker process draws what it needs soon enough.
        return {"capacity": self.capacity, "max_fonts": self.max_fonts}

    def __setstate__(self, state: dict) -> None:
        self.__init__(**state)

    def em_for(self, em: float) -> int:
        """The kept size to use for letters that shall come out at `em` pixels."""
        return next((size for size in _EMS if size >= em), _EMS[-1])

    def draw(self, font: Font, em: int, text: str) -> _DrawnFont:
        """The font with all glyphs of `text` drawn."""
        key = (font.path, font.index, em)
        drawn = self._fonts.get(key)
        if drawn is None:
            drawn = self._fonts[key] = _DrawnFont(font, em)
        else:
            self._fonts.move_to_end(key)
        for character in text:
            if character not in drawn.glyphs:
                drawn.draw(character)
                self._count += 1
        while len(self._fonts) > 1 and (self._count > self.capacity or len(self._fonts) > self.max_fonts):
            _, oldest = self._fonts.popitem(last=False)
            self._count -= len(oldest.glyphs)
        return drawn


@dataclass
class Setting:
    """A word set flat.

    Args:
        mask: coverage, uint8 (height, width), the word's ink with whatever stands around it.
        box: the word's own box in the mask: (left, top, right, bottom), pixels. That of a mere dash or dot reaches
            beyond its ink, so that it is not enlarged to the height of a letter.
        em: the size the glyphs were drawn at, pixels.
        letters: for each character of the word, from left to right, its (left, right) inside the mask, pixels.
    """

    mask: np.ndarray
    box: tuple[int, int, int, int]
    em: int
    letters: list[tuple[int, int]]

    @property
    def half_length(self) -> float:
        """Half the word's length, in units of half its height."""
        left, top, right, bottom = self.box
        return max(0.05, (right - left) / max(2, bottom - top))


def set_word(
    atlas: GlyphAtlas,
    font: Font,
    em: int,
    text: str,
    spacing: float = 0.0,
    jitter: np.ndarray | None = None,
    big_first: float = 1.0,
) -> Setting | None:
    """Sets one word on a straight baseline.

    A word that [`needs_shaping`] is drawn as a whole: its letters join or stand on each other, so that they are
    neither spaced, shifted nor enlarged.

    Args:
        atlas: where drawn glyphs are kept.
        font: the font.
        em: the glyphs' size, pixels.
        text: the characters.
        spacing: added between characters, ems.
        jitter: (characters, 2): for each character its shift upwards, ems, and its relative size minus 1.
        big_first: relative size of the first character (a drop capital as on shop signs).

    Returns:
        The setting, cut to the word's ink; `None` when nothing of it has any ink.
    """
    if needs_shaping(text):
        return _set_shaped(font, em, text)
    drawn = atlas.draw(font, em, text)
    pieces, pen, previous = [], 0.0, ""
    for position, character in enumerate(text):
        glyph = drawn.glyphs[character]
        size = big_first if position == 0 else 1.0
        rise = 0.0
        if jitter is not None:
            rise = jitter[position, 0] * em
            size *= 1.0 + jitter[position, 1]
        if previous:
            pen += drawn.kerning(previous + character)
        mask, left, top, advance = glyph.mask, glyph.left, glyph.top, glyph.advance
        if size != 1.0 and mask.size:
            mask = cv2.resize(mask, None, fx=size, fy=size, interpolation=cv2.INTER_LINEAR)
            left, top, advance = left * size, top * size, advance * size
        pieces.append((mask, round(pen + left), round(-top - rise)))
        pen += advance + spacing * em
        previous = character
    return _compose(pieces, em)


def _set_shaped(font: Font, em: int, text: str) -> Setting | None:
    mask, left, top, spans = shape_word(font, em, text)
    if mask.size:
        x, y, width, height = cv2.boundingRect(mask)
        left, top, mask = left + x, top + y, mask[y : y + height, x : x + width]
    setting = _compose([(mask, left, top)], em)
    if setting is not None:
        setting.letters = [(first - left, last - left) for first, last in spans]
    return setting


def stack_word(atlas: GlyphAtlas, font: Font, em: int, text: str, spacing: float = 0.0) -> Setting | None:
    """Sets one word vertically, its letters one below the other, as on narrow signs.

    Args:
        atlas: where drawn glyphs are kept.
        font: the font.
        em: the glyphs' size, pixels.
        text: the characters.
        spacing: added between characters, ems.

    Returns:
        The setting, cut to the word's ink; `None` when nothing of it has any ink.
    """
    drawn = atlas.draw(font, em, text)
    pieces, y = [], 0
    for character in text:
        mask = drawn.glyphs[character].mask
        pieces.append((mask, -mask.shape[1] // 2, y))
        y += mask.shape[0] + round((0.12 + spacing) * em)
    return _compose(pieces, em)


def _compose(pieces: list[tuple[np.ndarray, int, int]], em: int) -> Setting | None:
    """One setting out of (mask, x, y) for each character; y is measured downwards from the baseline."""
    inked = [(mask, x, y) for mask, x, y in pieces if mask.size]
    if not inked:
        return None
    left = min(x for _, x, _ in inked)
    top = min(y for _, _, y in inked)
    width = max(x + mask.shape[1] for mask, x, _ in inked) - left
    height = max(y + mask.shape[0] for mask, _, y in inked) - top
    if width > 60 * em or height > 6 * em:  # a broken font
        return None
    canvas = np.zeros((height, width), np.uint8)
    letters = []
    for mask, x, y in pieces:
        rows, columns = mask.shape
        if mask.size:
            region = canvas[y - top : y - top + rows, x - left : x - left + columns]
            np.maximum(region, mask, out=region)
        letters.append((x - left, x - left + columns))
    x_grow, y_above, y_below = (max(0, round(grow)) for grow in _room_for_signs(em, width, top, height))
    return Setting(canvas, (-x_grow, -y_above, width + x_grow, height + y_below), em, letters)


def _room_for_signs(em: int, width: int, top: int, height: int) -> tuple[float, float, float]:
    """By how much the box of a low or narrow sign grows: at each side, above and below, pixels.

    Args:
        em: the glyphs' size, pixels.
        width: of the ink, pixels.
        top: of the ink, pixels below the baseline (mostly negative).
        height: of the ink, pixels.
    """
    if height >= 0.4 * em:
        return 0.0, 0.0, 0.0
    return (0.25 * em - width) / 2, top + 0.5 * em, -top - height


def surround(setting: Setting, neighbors: list[tuple[Setting, int, int]]) -> Setting:
    """Puts other words around a word, as in a text that the word is cut from.

    Args:
        setting: the word.
        neighbors: (other word, x, y) with the position of the other word's top left corner, pixels of `setting.mask`.

    Returns:
        A larger mask in which `box` and `letters` still point at the word.
    """
    height, width = setting.mask.shape
    left = min([0] + [x for _, x, _ in neighbors])
    top = min([0] + [y for _, _, y in neighbors])
    right = max([width] + [x + other.mask.shape[1] for other, x, _ in neighbors])
    bottom = max([height] + [y + other.mask.shape[0] for other, _, y in neighbors])
    canvas = np.zeros((bottom - top, right - left), np.uint8)
    for other, x, y in [(setting, 0, 0), *neighbors]:
        rows, columns = other.mask.shape
        region = canvas[y - top : y - top + rows, x - left : x - left + columns]
        np.maximum(region, other.mask, out=region)
    x0, y0, x1, y1 = setting.box
    letters = [(start - left, end - left) for start, end in setting.letters]
    return Setting(canvas, (x0 - left, y0 - top, x1 - left, y1 - top), setting.em, letters)
