# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Sets words: glyphs from fonts, side by side in one mask, and the geometry that carries the mask into a picture."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import ImageFont

from ..data.bending import Bend, project, word_edge
from ..utils.optional import require
from .fonts import Font, draw_glyph
from .shaping import needs_shaping, shape_word


__all__ = [
    "Glyph",
    "GlyphAtlas",
    "Placement",
    "Setting",
    "height_of",
    "place",
    "set_word",
    "stack_word",
    "surround",
]

cv2 = require("cv2", "synthesis")

# Ems at which glyphs are drawn and kept, pixels. Drawing is dear and shrinking cheap, so few sizes are drawn.
_EMS = (64, 128)
# A mask that shrinks by more than this on its way into the picture is halved first: linear interpolation leaves steps.
_STEEPEST_SHRINK = 1.7


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


class _Face:
    """One face at one size: what was drawn of it so far."""

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
    """Draws each (font, size, character) once and keeps the faces used last, up to `capacity` glyphs (2 kB each)."""

    def __init__(self, capacity: int = 60_000, faces: int = 1500):
        self.capacity = capacity
        self.max_faces = faces
        self._count = 0
        self._faces: OrderedDict[tuple, _Face] = OrderedDict()

    def __len__(self) -> int:
        return self._count

    def __getstate__(self) -> dict:
        # FreeType faces cannot be pickled, and a worker process draws what it needs soon enough.
        return {"capacity": self.capacity, "faces": self.max_faces}

    def __setstate__(self, state: dict) -> None:
        self.__init__(**state)

    def em_for(self, em: float) -> int:
        """The kept size to use for letters that shall come out at `em` pixels."""
        return next((size for size in _EMS if size >= em), _EMS[-1])

    def face(self, font: Font, em: int, text: str) -> _Face:
        """The face with all glyphs of `text` drawn."""
        key = (font.path, font.index, em)
        face = self._faces.get(key)
        if face is None:
            face = self._faces[key] = _Face(font, em)
        else:
            self._faces.move_to_end(key)
        for character in text:
            if character not in face.glyphs:
                face.draw(character)
                self._count += 1
        while len(self._faces) > 1 and (self._count > self.capacity or len(self._faces) > self.max_faces):
            _, oldest = self._faces.popitem(last=False)
            self._count -= len(oldest.glyphs)
        return face


@dataclass
class Setting:
    """A word set flat.

    Args:
        mask: coverage, uint8 (height, width), the word's ink with whatever stands around it.
        box: the word's own place in the mask: (left, top, right, bottom), pixels. That of a mere dash or dot reaches
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
        font: the face.
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
    face = atlas.face(font, em, text)
    pieces, pen, previous = [], 0.0, ""
    for position, character in enumerate(text):
        glyph = face.glyphs[character]
        size = big_first if position == 0 else 1.0
        rise = 0.0
        if jitter is not None:
            rise = jitter[position, 0] * em
            size *= 1.0 + jitter[position, 1]
        if previous:
            pen += face.kerning(previous + character)
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
    """Sets one word with its letters upright, one below the other, as on narrow signs.

    Args:
        atlas: where drawn glyphs are kept.
        font: the face.
        em: the glyphs' size, pixels.
        text: the characters.
        spacing: added between characters, ems.

    Returns:
        The setting, cut to the word's ink; `None` when nothing of it has any ink.
    """
    face = atlas.face(font, em, text)
    pieces, y = [], 0
    for character in text:
        mask = face.glyphs[character].mask
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


# ---------------------------------------------------------------------------------------------------------------------
# From the flat word to the picture
# ---------------------------------------------------------------------------------------------------------------------


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
    warp: Callable[[np.ndarray], np.ndarray]
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
        setting: the flat word. Points are measured from the centre of its box in units of half the box's height.
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
    centre_x, centre_y = (left + right) / 2, (top + bottom) / 2
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
    off_line = None
    if curve.kind == "none":
        flat = np.array([[1 / unit, 0, -centre_x / unit], [0, 1 / unit, -centre_y / unit], [0, 0, 1]])
        full = to_picture @ flat

        def warp(mask: np.ndarray) -> np.ndarray:
            mask, x_factor, y_factor = _shrink(mask, halvings)
            matrix = full * (x_factor, y_factor, 1) if halvings else full
            return cv2.warpPerspective(mask, matrix, (width, height), flags=cv2.INTER_LINEAR)
    else:
        rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
        points = project(np.linalg.inv(to_picture), np.stack([columns.ravel(), rows.ravel()], axis=1))
        points = curve.backward(points)
        off_line = points[:, 1].reshape(height, width).astype(np.float32)
        map_x = (points[:, 0] * unit + centre_x).reshape(height, width).astype(np.float32)
        map_y = (points[:, 1] * unit + centre_y).reshape(height, width).astype(np.float32)

        def warp(mask: np.ndarray) -> np.ndarray:
            mask, x_factor, y_factor = _shrink(mask, halvings)
            x, y = map_x / np.float32(x_factor), map_y / np.float32(y_factor)
            return cv2.remap(mask, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)

    return Placement(height, width, warp, scale / unit, off_line)


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


def surround(setting: Setting, neighbours: list[tuple[Setting, int, int]]) -> Setting:
    """Puts other words around a word, as in a text that the word is cut from.

    Args:
        setting: the word.
        neighbours: (other word, x, y) with the place of the other word's top left corner, pixels of `setting.mask`.

    Returns:
        A larger mask in which `box` and `letters` still point at the word.
    """
    height, width = setting.mask.shape
    left = min([0] + [x for _, x, _ in neighbours])
    top = min([0] + [y for _, _, y in neighbours])
    right = max([width] + [x + other.mask.shape[1] for other, x, _ in neighbours])
    bottom = max([height] + [y + other.mask.shape[0] for other, _, y in neighbours])
    canvas = np.zeros((bottom - top, right - left), np.uint8)
    for other, x, y in [(setting, 0, 0), *neighbours]:
        rows, columns = other.mask.shape
        region = canvas[y - top : y - top + rows, x - left : x - left + columns]
        np.maximum(region, other.mask, out=region)
    x0, y0, x1, y1 = setting.box
    letters = [(start - left, end - left) for start, end in setting.letters]
    return Setting(canvas, (x0 - left, y0 - top, x1 - left, y1 - top), setting.em, letters)
