# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Judges the fonts of a file by their glyphs: which characters they draw, and what they are good for."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import string
import struct
from collections.abc import Container, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypedDict

import numpy as np
from PIL import Image, ImageFont

from ..utils.optional import require


__all__ = ["ENOUGH", "FontRecord", "draw_glyph", "inspect_font_file", "is_east_asian", "is_southern"]

_LOOK_SIZE = 40  # pixels per em at which glyphs are looked at
_CELL = 12  # glyphs are compared as _CELL x _CELL pictures of their ink
# Letters whose two cases differ in shape, not only in size ("c" and "C" do not tell small caps from lower case).
_CASE_LETTERS = "abdefghimnqrt"
_SLANTS = (0.0, 0.2, 0.4)  # by how much of their height letters lean that are still letters
ENOUGH = 0.9  # share of a large script that a font must draw
# Scripts of thousands of signs are not drawn sign by sign: where these few are drawn, what the font's table of
# characters lists is believed.
_EAST_ASIAN_SAMPLE = 24
# What parsers of damaged font files raise, fontTools' own error aside.
_DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, AssertionError, ArithmeticError, struct.error)
_NEVER_ASSIGNED = "\U0010fffe"  # a noncharacter: drawing it shows the font's .notdef box


class FontRecord(TypedDict):
    """What was seen of one font of a file; [`Font`] says what most of it means.

    `readable`: its letters are letters; `look`: a key that is equal for fonts that draw letters alike.
    """

    index: int
    family: str
    style: str
    supported: str
    case: str
    readable: bool
    plainness: float
    stroke: float
    monospaced: bool
    connected: bool
    look: str


class _DamagedFontError(Exception):
    """FreeType cannot draw with a font."""


def inspect_font_file(path: Path, characters: list[str]) -> Iterator[FontRecord]:
    """Draws every character of each font in a file and judges what is seen.

    Args:
        path: a font file; may be damaged, or none at all.
        characters: those to look for, sorted.

    Yields:
        A record for each font that is whole and has a table of characters.
    """
    for tables in _read_tables(path):
        try:
            pen = ImageFont.truetype(str(path), _LOOK_SIZE, index=tables.number, layout_engine=ImageFont.Layout.BASIC)
        except OSError:  # FreeType cannot open it
            continue
        with contextlib.suppress(_DamagedFontError):
            yield _judge(tables, pen, characters)


class _Tables(NamedTuple):
    """What the tables of a font say: which of a file it is, its names, and the code points that it has glyphs for."""

    number: int
    family: str
    style: str
    code_points: Container[int]


def _read_tables(path: Path) -> Iterator[_Tables]:
    """Nothing for a file that is no font; a damaged font, and one without a table of characters, is left out.

    Parsers of damaged tables raise nearly anything, so only calls of fontTools stand where all of that is caught.
    """
    font_tools = require("fontTools.ttLib", "synthesis")
    damage = (font_tools.TTLibError, *_DAMAGE)
    try:
        if path.suffix.lower() == ".ttc":
            fonts = font_tools.TTCollection(str(path), lazy=True).fonts
        else:
            fonts = [font_tools.TTFont(str(path), lazy=True)]
    except damage:
        return
    for index, font in enumerate(fonts):
        try:
            code_points = font.getBestCmap()
            # Ids 16 and 17 are the typographic family and style, 1 and 2 the plain ones.
            names = {number: font["name"].getDebugName(number) for number in (16, 1, 17, 2)}
        except damage:
            continue
        if code_points:
            family, style = names[16] or names[1] or path.stem, names[17] or names[2] or ""
            yield _Tables(index, family.strip(), style.strip(), code_points)


def _judge(tables: _Tables, pen: ImageFont.FreeTypeFont, characters: list[str]) -> FontRecord:
    """Draws the characters and judges what is seen.

    Raises:
        _DamagedFontError: a glyph cannot be drawn.
    """
    box = _ink(pen, _NEVER_ASSIGNED)
    listed = {character for character in characters if ord(character) in tables.code_points}
    large = sorted(filter(is_east_asian, listed))
    sample = large[:: max(1, len(large) // _EAST_ASIAN_SAMPLE)]
    latin = {character for character in string.ascii_letters + string.digits if ord(character) in tables.code_points}
    glyphs = {}
    for character in sorted((listed - set(large)).union(sample, latin)):
        ink = _ink(pen, character)
        if ink is not None and not _same(ink, box):
            glyphs[character] = ink
    drawn_sample = {glyphs[character].tobytes() for character in sample if character in glyphs}
    believed = set(large) if len(drawn_sample) > ENOUGH * len(sample) else set()
    supported = believed.union(character for character in glyphs if not is_east_asian(character))
    shown = [c for c in string.ascii_letters + string.digits if c in glyphs] or sorted(glyphs)[:60]
    cells = {character: _cell(glyphs[character]) for character in shown}
    return FontRecord(
        index=tables.number,
        family=tables.family,
        style=tables.style,
        supported="".join(character for character in characters if character in supported),
        case=_case(cells),
        readable=_readable(glyphs, cells) and not _seven_segments(pen, glyphs),
        plainness=round(_plainness(cells), 3),
        stroke=round(float(np.mean([ink.mean() / 255 for ink in glyphs.values()] or [0])), 3),
        monospaced=abs(_length(pen, "i") - _length(pen, "W")) < 0.01 * _LOOK_SIZE,
        connected=_connected(pen, glyphs),
        look=_look(cells | {character: _cell(glyphs[character]) for character in sample if character in glyphs}),
    )


def is_east_asian(character: str) -> bool:
    """Whether a character is of a script with hundreds or thousands of signs: Hangul, kana, Chinese."""
    return "\u2e80" <= character <= "\ud7ff" or "\uf900" <= character <= "\ufaff" or character >= "\U00020000"


def is_southern(character: str) -> bool:
    """Whether a character is of a script from Hebrew and Arabic over those of India to Thai, Burmese and Khmer."""
    return "\u0590" <= character <= "\u109f" or "\u1780" <= character <= "\u17ff" or "\ufb1d" <= character <= "\ufefc"


def draw_glyph(font: ImageFont.FreeTypeFont, character: str) -> tuple[np.ndarray, int, int]:
    """Draws one character with a Pillow font.

    Returns:
        (coverage, uint8 (height, width), maybe empty; x of its left edge from the pen; y of its top edge from the
        baseline, negative upwards), pixels.
    """
    mask, (left, top) = font.getmask2(character, mode="L", anchor="ls")
    width, height = mask.size
    if width == 0 or height == 0:
        return np.zeros((0, 0), np.uint8), left, top
    image = Image.new("L", (width, height))
    image.im.paste(mask, (0, 0, width, height))  # np.asarray(mask) goes pixel by pixel: ten times as slow
    return np.frombuffer(image.tobytes(), np.uint8).reshape(height, width), left, top


def _draw(pen: ImageFont.FreeTypeFont, character: str) -> tuple[np.ndarray, int, int]:
    """As [`draw_glyph`], of a font that may be damaged."""
    try:
        return draw_glyph(pen, character)
    except OSError as error:  # of FreeType
        raise _DamagedFontError from error


def _length(pen: ImageFont.FreeTypeFont, character: str) -> float:
    try:
        return pen.getlength(character)
    except OSError as error:
        raise _DamagedFontError from error


def _ink(pen: ImageFont.FreeTypeFont, character: str) -> np.ndarray | None:
    """The glyph's picture cut to its ink, uint8 (height, width); `None` when there is no ink."""
    return _cut(_draw(pen, character)[0])


def _cut(picture: np.ndarray) -> np.ndarray | None:
    if picture.size == 0:
        return None
    rows, columns = np.flatnonzero(picture.max(axis=1) > 63), np.flatnonzero(picture.max(axis=0) > 63)
    if rows.size == 0 or columns.size == 0:
        return None
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _same(first: np.ndarray, second: np.ndarray | None) -> bool:
    return second is not None and first.shape == second.shape and np.array_equal(first, second)


def _cell(ink: np.ndarray) -> np.ndarray:
    """A unit vector of _CELL * _CELL numbers that describes a glyph's shape whatever its size."""
    cv2 = require("cv2", "synthesis")
    height, width = ink.shape
    side = max(height, width)
    # Narrow glyphs keep their narrowness ("l" must not be stretched to a full square), in a mild way.
    shown_width = max(2, round(_CELL * (width / side) ** 0.7))
    shown_height = max(2, round(_CELL * (height / side) ** 0.7))
    cell = np.zeros((_CELL, _CELL), np.float32)
    left, top = (_CELL - shown_width) // 2, (_CELL - shown_height) // 2
    cell[top : top + shown_height, left : left + shown_width] = cv2.resize(
        ink.astype(np.float32), (shown_width, shown_height), interpolation=cv2.INTER_AREA
    )
    cell = cv2.GaussianBlur(cell, (3, 3), 0).ravel()
    cell -= cell.mean()
    return cell / max(float(np.linalg.norm(cell)), 1e-6)


@lru_cache(maxsize=4)
def _plain_print(slant: float = 0.0) -> tuple[str, np.ndarray]:
    """The letters of Pillow's own font, a plain grotesque: (characters, cells of shape (characters, _CELL ** 2)).

    Args:
        slant: by how much of their height the letters lean to the right.
    """
    pen = ImageFont.load_default(_LOOK_SIZE)
    if isinstance(pen, ImageFont.FreeTypeFont):
        characters = string.ascii_letters + string.digits
        inks = [ink for character in characters if (ink := _ink(pen, character)) is not None]
        return characters, np.stack([_cell(_lean(ink, slant)) for ink in inks])
    raise ImportError("Fonts are looked at with FreeType, which this Pillow was built without.")


def _lean(ink: np.ndarray, slant: float) -> np.ndarray:
    height, width = ink.shape
    wider = round(height * slant)
    matrix = np.array([[1, -slant, wider], [0, 1, 0]], np.float32)
    return require("cv2", "synthesis").warpAffine(ink, matrix, (width + wider, height)) if wider else ink


def _plainness(cells: dict[str, np.ndarray]) -> float:
    """Mean similarity of a font's letters and digits to plain print, 0 to 1."""
    characters, plain = _plain_print()
    similarity = [float(cells[c] @ plain[i]) for i, c in enumerate(characters) if c in cells]
    return max(0.0, float(np.mean(similarity))) if similarity else 0.0


def _readable(glyphs: dict[str, np.ndarray], cells: dict[str, np.ndarray]) -> bool:
    """Whether the letters are letters: distinct from each other, and mostly nearest to what they should be.

    Pictures of flowers hit their own letter once in thirty times; the wildest handwriting does so far more often.
    """
    characters, _ = _plain_print()
    probes = [character for character in characters if character in cells]
    if not probes:
        return bool(glyphs)  # another script: there is no plain print to compare it with
    if len({glyphs[c].tobytes() for c in probes}) < 0.4 * len(probes):
        return False
    capitals = np.stack([cells[c] for c in probes])[[c.isupper() for c in probes]]
    if np.sum(np.triu(_products(capitals, capitals), 1) > 0.98) > 6:  # blocks with a nick here and there
        return False
    # Italics and handwriting lean: against vertical strokes alone, the best script fonts would all fall through.
    shown = np.stack([cells[c] for c in probes])
    similarity = np.max([_products(shown, _plain_print(slant)[1]) for slant in _SLANTS], axis=0)
    nearest = np.argsort(-similarity, axis=1)[:, :3]
    hits = [c.lower() in {characters[i].lower() for i in row} for c, row in zip(probes, nearest, strict=True)]
    return float(np.mean(hits)) >= 0.5


def _products(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Computes first @ second.T in one thread: for matrices this small, a thread pool costs far more than it saves."""
    return np.einsum("ik,jk->ij", first, second)


def _connected(pen: ImageFont.FreeTypeFont, glyphs: dict[str, np.ndarray]) -> bool:
    """Whether "anum" is drawn in one stroke."""
    if not glyphs.keys() >= set("anum"):
        return False
    ink, _, _ = _draw(pen, "anum")
    _, _, statistics, _ = require("cv2", "synthesis").connectedComponentsWithStats((ink > 60).astype(np.uint8))
    areas = statistics[1:, 4]  # the first is the background
    return areas.size > 0 and bool(areas.max() > 0.8 * areas.sum())


def _seven_segments(pen: ImageFont.FreeTypeFont, glyphs: dict[str, np.ndarray]) -> bool:
    """Whether the letters are those of a pocket calculator, which has no way to show K, M, V, W or X.

    They are found by their ink: whatever such a display shows lies within its 8, where all segments are lit.
    """
    if not glyphs.keys() >= set("8KMVWX"):
        return False

    def drawn(character: str) -> np.ndarray:
        canvas = np.zeros((3 * _LOOK_SIZE, 3 * _LOOK_SIZE), bool)
        picture, left, top = _draw(pen, character)
        height, width = picture.shape
        y, x = 2 * _LOOK_SIZE + top, _LOOK_SIZE // 2 + left
        if y >= 0 and x >= 0 and y + height <= canvas.shape[0] and x + width <= canvas.shape[1]:
            canvas[y : y + height, x : x + width] = picture > 127
        return canvas

    eight = drawn("8")
    return all(np.sum(drawn(c) & ~eight) < 0.2 * np.sum(eight) for c in "KMVWX")


def _case(cells: dict[str, np.ndarray]) -> str:
    """Which case the letters show: "upper", "lower" or "both"."""
    pairs = [(c, c.upper()) for c in _CASE_LETTERS if c in cells and c.upper() in cells]
    if len(pairs) < len(_CASE_LETTERS) // 2:
        return "both"
    characters, plain = _plain_print()
    shape = dict(zip(characters, plain, strict=True))
    small_as_capital = [float(cells[low] @ (shape[up] - shape[low])) for low, up in pairs]
    similarity = [float(cells[low] @ cells[up]) for low, up in pairs]
    if np.median(similarity) > 0.8:
        capital_as_small = [float(cells[up] @ (shape[low] - shape[up])) for low, up in pairs]
        return "lower" if np.mean(capital_as_small) > 0.15 else "upper"
    # Capitals written by hand twice, as in comics, differ from each other but from small letters even more.
    return "upper" if np.mean([better > 0.03 for better in small_as_capital]) > 0.65 else "both"


def _look(cells: dict[str, np.ndarray]) -> str:
    """A key that is equal for fonts that draw letters alike (the same Latin is shipped under many names)."""
    probes = [cells[character] for character in "RQGSagkey2478" if character in cells]
    probes += [cell for character, cell in cells.items() if is_east_asian(character)]
    probes = probes or list(cells.values())
    if not probes:
        return ""
    coarse = np.round(np.stack(probes) * 30).astype(np.int8)
    return base64.b64encode(hashlib.blake2b(coarse.tobytes(), digest_size=12).digest()).decode("ascii")
