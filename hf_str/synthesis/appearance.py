# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Colours, backgrounds and the ways in which letters stand out from them.

Pictures are float32 arrays of 0 to 255, (height, width, channels) with 1 or 3 channels; coverages are uint8 arrays
(height, width) of 0 to 255. Colours are float32 arrays (channels,).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from ..utils.optional import require
from ._chance import one_of


__all__ = [
    "Backgrounds",
    "Noise",
    "choose_colours",
    "dot_matrix",
    "draw_text",
    "luminance",
    "paint_background",
    "paint_ring",
]

cv2 = require("cv2", "synthesis")

_logger = logging.getLogger(__name__)

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

# Colours that signs are painted in, RGB, the usual ones first.
_PAINTS = (
    (255, 255, 255), (245, 240, 220), (12, 12, 14), (40, 38, 36), (200, 24, 30), (150, 20, 30), (230, 90, 20),
    (250, 205, 30), (20, 70, 160), (15, 40, 95), (40, 140, 200), (20, 110, 60), (90, 160, 60), (90, 60, 35),
    (190, 160, 110), (120, 120, 120), (180, 180, 182), (120, 40, 110), (220, 70, 130), (30, 130, 130),
)  # fmt: skip


def luminance(colour: np.ndarray) -> float:
    """How bright a colour looks, 0 to 255."""
    return float(colour[0]) if colour.size == 1 else float(colour @ _LUMA)


def choose_colours(rng: np.random.Generator, contrast: float) -> tuple[np.ndarray, np.ndarray]:
    """Draws the letters' and the background's colour, RGB.

    Args:
        rng: where chance comes from.
        contrast: least difference in luminance, 0 to 255.

    Returns:
        Two colours (3,), the letters' first.
    """
    for _ in range(8):
        ground, ink = _paint(rng), _paint(rng)
        if abs(_luma(ink) - _luma(ground)) >= contrast:
            return np.array(ink, np.float32), np.array(ground, np.float32)
    return np.full(3, 12 if _luma(ground) > 115 else 245, np.float32), np.array(ground, np.float32)


# Plain numbers: for three of them, numpy takes several times as long.
_Colour = tuple[float, float, float]


def _luma(colour: _Colour) -> float:
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def _paint(rng: np.random.Generator) -> _Colour:
    draw = rng.random()
    if draw < 0.42:  # black and white in all their shades, seldom quite neutral
        shade = 255 * rng.random() ** 0.7 if draw < 0.26 else 60 * rng.random()
        warmth = 14 * rng.standard_normal()
        return _clipped(shade + warmth), _clipped(shade + 0.3 * warmth), _clipped(shade - warmth)
    if draw < 0.95:
        red, green, blue = _PAINTS[int(rng.random() ** 1.25 * len(_PAINTS))]
    else:
        red, green, blue = (255 * rng.random(3)).tolist()
    # Weather, shade and cheap cameras take the purity out of paint.
    change = rng.random(3).tolist()
    red, green, blue = (value + 30 * (shift - 0.5) for value, shift in zip((red, green, blue), change, strict=True))
    dullness = 0.55 * rng.random() ** 1.5
    grey = dullness * _luma((red, green, blue))
    return tuple(_clipped(value * (1 - dullness) + grey) for value in (red, green, blue))


def _clipped(value: float) -> float:
    return 0.0 if value < 0 else 255.0 if value > 255 else value


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


class Backgrounds:
    """Photographs to put behind letters, decoded when first needed.

    A file that cannot be read is named once in the log, and the next readable one stands in for it.

    Args:
        source: a folder of photos (looked through recursively), or a list of uint8 arrays (H, W) or (H, W, 3).
        channels: 1 or 3.
        count: how many of a folder's photos are used, evenly spread over its sorted names.
        side: photos are shrunk until their shorter side has about this many pixels.

    Raises:
        FileNotFoundError: there is no such folder, or it holds no photo.
        ValueError: the list is empty, or (at the first use) no photo can be read.
    """

    def __init__(
        self,
        source: str | os.PathLike | Iterable[np.ndarray] | None,
        channels: int,
        count: int = 600,
        side: int = 200,
    ):
        self.channels = channels
        self.side = side
        self._pictures: dict[int, np.ndarray] = {}
        if source is None:
            self._sources: list = []
        elif isinstance(source, (str, os.PathLike)):
            self._sources = _evenly_spread(_photos_in(Path(source)), count)
        else:
            self._sources = list(source)
            if not self._sources:
                raise ValueError("The list of backgrounds is empty; pass None to paint them instead.")

    def __len__(self) -> int:
        return len(self._sources)

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_pictures": {}}

    def crop(self, rng: np.random.Generator, height: int, width: int) -> np.ndarray:
        """A random piece of a random photo, float32 (height, width, channels)."""
        picture = self._picture(int(rng.random() * len(self._sources)))
        rows, columns = picture.shape[:2]
        # From an eighth of the photo (a surface) to all of it (clutter).
        share = 0.12 + 0.88 * rng.random() ** 2
        piece_height = max(2.0, min(rows, columns * height / width) * share)
        piece_width = max(2.0, piece_height * width / height)
        top, left = int(rng.random() * (rows - piece_height)), int(rng.random() * (columns - piece_width))
        piece = picture[top : top + max(2, int(piece_height)), left : left + max(2, int(piece_width))]
        shrinks = piece.shape[0] > 1.5 * height
        piece = cv2.resize(piece, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        if rng.random() < 0.5:
            piece = piece[:, ::-1]
        return piece.reshape(height, width, self.channels).astype(np.float32)

    def _picture(self, index: int) -> np.ndarray:
        """Photo number `index`, or the next one that can be read."""
        picture = self._pictures.get(index)
        if picture is not None:
            return picture
        tried = []
        for number in (*range(index, len(self._sources)), *range(index)):
            tried.append(number)
            picture = self._pictures.get(number)
            if picture is None:
                picture = self._load(self._sources[number])
            if picture is not None:
                self._pictures.update(dict.fromkeys(tried, picture))
                return picture
        raise ValueError(f"None of the {len(self._sources)} background photos can be read; the log names them.")

    def _load(self, source: str | np.ndarray) -> np.ndarray | None:
        mode = "L" if self.channels == 1 else "RGB"
        try:
            with Image.open(source) if isinstance(source, str) else Image.fromarray(source) as image:
                image.draft(mode, (self.side, self.side))  # decodes large JPEGs at a fraction of their size
                picture = np.asarray(image.convert(mode))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            if not isinstance(source, str):
                raise
            _logger.warning("The background %s cannot be read (%s) and is left out.", source, error)
            return None
        shorter = min(picture.shape[:2])
        if shorter > self.side:
            factor = self.side / shorter
            picture = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        return picture


def _photos_in(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise FileNotFoundError(f"The folder of backgrounds {str(folder)!r} does not exist.")
    suffixes = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
    files = sorted(str(path) for path in folder.rglob("*") if path.suffix.lower() in suffixes)
    if not files:
        raise FileNotFoundError(f"No photo (.jpg, .png, .bmp, .webp) was found in {str(folder)!r}.")
    return files


def _evenly_spread(files: list[str], count: int) -> list[str]:
    count = min(count, len(files))
    return [files[index * len(files) // count] for index in range(count)]


# ---------------------------------------------------------------------------------------------------------------------
# Backgrounds
# ---------------------------------------------------------------------------------------------------------------------


def paint_background(
    rng: np.random.Generator,
    noise: Noise,
    backgrounds: Backgrounds,
    colour: np.ndarray,
    room: float,
    height: int,
    width: int,
    strength: float,
) -> np.ndarray:
    """A background around one colour.

    Args:
        rng: where chance comes from.
        noise: the noise store.
        backgrounds: photos; may be empty.
        colour: the background's colour, (channels,).
        room: the letters' difference in luminance: the background's own ups and downs stay well below it.
        height: of the picture, pixels.
        width: of the picture, pixels.
        strength: 0 flat to 1 everything.

    Returns:
        float32 (height, width, channels).
    """
    picture = np.empty((height, width, colour.size), np.float32)
    picture[:] = colour
    if strength <= 0:
        return picture
    if len(backgrounds) and rng.random() < 0.4 * strength:
        piece = backgrounds.crop(rng, height, width)
        centre, spread = cv2.meanStdDev(piece)
        # Clutter as strong as the letters hides them; most backgrounds are surfaces with a little texture.
        amount = min(1.0, 0.3 * room / (float(spread.max()) + 1.0)) * (0.15 + 0.85 * rng.random())
        picture += (piece - centre.ravel().astype(np.float32)) * np.float32(amount)
    draw = rng.random()
    if draw < 0.2 * strength:
        _add_gradient(rng, picture, room)
    elif draw < 0.4 * strength:
        cells = 2 + 14 * rng.random() ** 2
        picture += (noise.smooth(rng, height, width, cells) * (0.13 * room * rng.random()))[..., None]
    if rng.random() < 0.16 * strength:
        _add_panels(rng, picture, colour)
    return picture


def _add_gradient(rng: np.random.Generator, picture: np.ndarray, room: float) -> None:
    height, width, channels = picture.shape
    ramp = np.linspace(-0.5, 0.5, height if rng.random() < 0.6 else width, dtype=np.float32)
    ramp = ramp[:, None, None] if ramp.size == height else ramp[None, :, None]
    tint = (rng.random(channels).astype(np.float32) + 0.3) * np.float32(room * 0.8 * (rng.random() - 0.5))
    picture += ramp * tint


def _add_panels(rng: np.random.Generator, picture: np.ndarray, colour: np.ndarray) -> None:
    """A sign's edge, a seam or a frame line: mostly level, near the picture's border."""
    height, width, channels = picture.shape
    for _ in range(1 + int(rng.random() < 0.3)):
        paint = colour + np.float32(200 * (rng.random() - 0.5)) + 40 * (rng.random(channels).astype(np.float32) - 0.5)
        paint = tuple(float(value) for value in np.clip(paint, 0, 255))
        if rng.random() < 0.2:  # a ring or a disc around the word, as on badges, or one that ends beside it
            centre = (round(width * rng.random()), round(height * (2.6 * rng.random() - 0.8)))
            radius = round(max(width, height) * (0.4 + 0.5 * rng.random()))
            cv2.circle(picture, centre, radius, paint, 1 + int(rng.random() * height / 12), lineType=cv2.LINE_AA)
            continue
        tilt = 0.12 * height * (rng.random() - 0.5)
        reach = height * 0.16 * rng.random()
        if rng.random() < 0.8:
            y = reach if rng.random() < 0.5 else height - 1 - reach
            start, end = (0, round(y - tilt)), (width, round(y + tilt))
        else:
            x = reach if rng.random() < 0.5 else width - 1 - reach
            start, end = (round(x - tilt), 0), (round(x + tilt), height)
        if rng.random() < 0.5:  # the panel ends here
            beyond = _beyond(start, end, height, width)
            cv2.fillPoly(picture, [beyond], paint, lineType=cv2.LINE_AA)
        else:
            cv2.line(picture, start, end, paint, 1 + int(rng.random() * height / 20), lineType=cv2.LINE_AA)


def paint_ring(
    rng: np.random.Generator, backgrounds: Backgrounds, picture: np.ndarray, off_line: np.ndarray, ink: np.ndarray
) -> None:
    """The band that a bent word stands on, as on seals, badges and tyres: what lies outside it, and its edges.

    Args:
        rng: where chance comes from.
        backgrounds: photos; may be empty.
        picture: float32 (height, width, channels), changed.
        off_line: each pixel's distance from the middle of the letters, half text heights, below positive.
        ink: the letters' colour, (channels,).
    """
    height, width, channels = picture.shape
    for outside in (-off_line, off_line):
        draw, edge = rng.random(), 1.12 + 0.5 * rng.random()
        if draw < 0.3:
            continue
        beyond = _beyond_edge(outside, edge)
        if draw < 0.8:  # another ground; seldom a photo
            paint = 255 * rng.random() + 50 * (rng.random(channels).astype(np.float32) - 0.5)
            paint = np.clip(paint, 0, 255)
            if len(backgrounds) and rng.random() < 0.4:
                paint = backgrounds.crop(rng, height, width)
            _blend(picture, beyond, paint)
        if draw > 0.55:  # a line, often in the colour of the letters
            paint = ink if rng.random() < 0.7 else np.full(channels, 255 * rng.random(), np.float32)
            thick = 0.06 + 0.2 * rng.random()
            _blend(picture, cv2.subtract(beyond, _beyond_edge(outside, edge + thick)), paint)


def _beyond_edge(distance: np.ndarray, edge: float) -> np.ndarray:
    """Where a distance is beyond an edge, with a soft border a tenth of a half text height wide: uint8."""
    return np.clip((distance - edge) * 2550, 0, 255).astype(np.uint8)


def _beyond(start: tuple[int, int], end: tuple[int, int], height: int, width: int) -> np.ndarray:
    """The strip between a line and the border that it is nearest to, as a polygon."""
    if start[0] == 0:
        border = 0 if start[1] < height / 2 else height
        corners = [start, end, (width, border), (0, border)]
    else:
        border = 0 if start[0] < width / 2 else width
        corners = [start, end, (border, height), (border, 0)]
    return np.array(corners, np.int32)


# ---------------------------------------------------------------------------------------------------------------------
# Letters
# ---------------------------------------------------------------------------------------------------------------------


def draw_text(
    rng: np.random.Generator,
    picture: np.ndarray,
    coverage: np.ndarray,
    fill: np.ndarray,
    ground: np.ndarray,
    strength: float,
) -> float:
    """Draws letters into `picture`, in place, with shadow, depth, border, light or relief as chance has it.

    Args:
        rng: where chance comes from.
        picture: float32 (height, width, channels).
        coverage: the letters, uint8 (height, width).
        fill: the letters' colour (channels,), or a picture of it (height, width, channels).
        ground: the background's colour (channels,).
        strength: 0 plain letters to 1 everything.

    Returns:
        What is left of the difference between the letters and the background, 0 to 1.
    """
    effect = one_of(rng, _EFFECTS, strength)
    if effect is not None:
        ink = fill if fill.ndim == 1 else fill.mean(axis=(0, 1))
        changed = effect(rng, picture, coverage, ink, ground)
        fill = fill if changed is None else changed
    _blend(picture, coverage, fill)
    if effect is _emboss:
        _relief(rng, picture, coverage, (0.3 + 0.4 * rng.random()) * max(0.4, _difference(ink, ground) / 255))
        return 0.5
    if effect is None and rng.random() < 0.13 * strength:
        _relief(rng, picture, coverage, 0.1 + 0.4 * rng.random())
    return 1.0


def _difference(ink: np.ndarray, ground: np.ndarray) -> float:
    return abs(luminance(ink) - luminance(ground))


def _blend(picture: np.ndarray, coverage: np.ndarray, fill: np.ndarray, opacity: float = 1.0) -> None:
    """picture = picture * (1 - coverage) + fill * coverage, in place."""
    alpha = coverage.astype(np.float32)[..., None] * np.float32(opacity / 255)
    picture += alpha * (fill - picture)


def _border_colour(rng: np.random.Generator, ink: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Black or white, whichever stands out from the letters; sometimes a shade of the background."""
    bright = luminance(ink)
    if rng.random() < 0.25 and abs(luminance(ground) - bright) > 60:
        return np.clip(ground * np.float32(0.5 + rng.random()), 0, 255)
    shade = 15 + 30 * rng.random() if bright > 110 else 255 - 40 * rng.random()
    return np.full(ink.size, shade, np.float32)


def _soft(coverage: np.ndarray, sigma: float) -> np.ndarray:
    """A blurred coverage; wide blurs are made at a quarter of the size."""
    if sigma < 4:
        return cv2.GaussianBlur(coverage, (0, 0), max(0.3, sigma))
    height, width = coverage.shape
    small = cv2.resize(coverage, (max(2, width // 4), max(2, height // 4)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / 4, borderType=cv2.BORDER_CONSTANT)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


# What is done behind the letters before they are drawn: (rng, picture, coverage, ink, ground) -> another fill or None.


def _shadow(rng: np.random.Generator, picture: np.ndarray, coverage: np.ndarray, *_) -> None:
    height = coverage.shape[0]
    x, y = ((rng.random() - 0.35) * 0.16 * height, (0.02 + 0.08 * rng.random()) * height)
    moved = cv2.warpAffine(coverage, np.float32([[1, 0, x], [0, 1, y]]), coverage.shape[::-1])
    if rng.random() < 0.7:
        moved = _soft(moved, 0.3 + 0.06 * height * rng.random())
    _blend(picture, moved, np.full(1, 10 + 20 * rng.random(), np.float32), 0.3 + 0.6 * rng.random())


def _depth(rng: np.random.Generator, picture: np.ndarray, coverage: np.ndarray, ink: np.ndarray, *_) -> None:
    """The sides of solid letters: the letters smeared along one direction, in a darker shade."""
    length = max(2, int((0.03 + 0.1 * rng.random()) * coverage.shape[0]))
    angle = 2 * np.pi * rng.random()
    kernel = np.zeros((2 * length + 1,) * 2, np.uint8)
    end = (round(length + length * np.cos(angle)), round(length + length * np.sin(angle)))
    cv2.line(kernel, (length, length), end, 1)
    sides = ink * np.float32(0.25 + 0.45 * rng.random())
    if luminance(ink) < 60:
        sides = ink + np.float32(60 + 60 * rng.random())
    _blend(picture, cv2.dilate(coverage, kernel), sides)


def _border(
    rng: np.random.Generator, picture: np.ndarray, coverage: np.ndarray, ink: np.ndarray, ground: np.ndarray
) -> None:
    reach = 1 + int(rng.random() * 0.07 * coverage.shape[0])
    wide = cv2.dilate(coverage, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2))
    _blend(picture, wide, _border_colour(rng, ink, ground))


def _glow(
    rng: np.random.Generator, picture: np.ndarray, coverage: np.ndarray, ink: np.ndarray, ground: np.ndarray
) -> None:
    """Light around lit letters, or from behind dark ones."""
    lit = luminance(ink) > luminance(ground)
    light = ink * np.float32(1.2) if lit else ground + np.float32(60 + 120 * rng.random())
    halo = _soft(coverage, (0.06 + 0.14 * rng.random()) * coverage.shape[0])
    _blend(picture, halo, np.minimum(light, 255), 0.3 + 0.6 * rng.random())


def _neon(
    rng: np.random.Generator, picture: np.ndarray, coverage: np.ndarray, ink: np.ndarray, ground: np.ndarray
) -> np.ndarray | None:
    """Tubes so bright that they are white inside, in a wide halo of their colour; dark letters are lit from behind."""
    if luminance(ink) < luminance(ground) + 40:
        return _glow(rng, picture, coverage, ink, ground)
    height = coverage.shape[0]
    _blend(picture, _soft(coverage, (0.15 + 0.2 * rng.random()) * height), ink, 0.4 + 0.5 * rng.random())
    _blend(picture, _soft(cv2.dilate(coverage, np.ones((3, 3), np.uint8)), 0.03 * height), ink, 0.9)
    return ink + (255 - ink) * np.float32(0.3 + 0.6 * rng.random())


def _emboss(rng: np.random.Generator, _picture, _coverage, ink: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Letters of the ground's own metal or stone: only the light on their edges tells them from it."""
    return ground + (ink - ground) * np.float32(0.15 + 0.35 * rng.random())


_EFFECTS = ((0.09, _shadow), (0.06, _depth), (0.08, _border), (0.04, _glow), (0.03, _neon), (0.035, _emboss))


def _relief(rng: np.random.Generator, picture: np.ndarray, coverage: np.ndarray, amount: float) -> None:
    """Bright and dark edges, as on raised or carved letters lit from one side; `amount` 1 is 255 at either edge."""
    reach = max(0.6, 0.03 * coverage.shape[0])
    angle = 2 * np.pi * rng.random()
    x, y = reach * np.cos(angle), reach * np.sin(angle)
    size = coverage.shape[::-1]
    soft = cv2.GaussianBlur(coverage, (3, 3), 0)
    here = cv2.warpAffine(soft, np.float32([[1, 0, x], [0, 1, y]]), size)
    there = cv2.warpAffine(soft, np.float32([[1, 0, -x], [0, 1, -y]]), size)
    picture += (cv2.subtract(here, there, dtype=cv2.CV_32F) * np.float32(amount))[..., None]


def dot_matrix(mask: np.ndarray, box: tuple[int, int, int, int], rows: int) -> np.ndarray:
    """Letters made of lamps: `rows` dots in the height of `box`. Same shape as `mask`, uint8."""
    height, width = mask.shape
    pitch = max(2.0, (box[3] - box[1]) / rows)
    grid = cv2.resize(
        mask, (max(1, round(width / pitch)), max(1, round(height / pitch))), interpolation=cv2.INTER_AREA
    )
    lit = np.where(grid > 90, 255, 0).astype(np.uint8)
    lit = cv2.resize(lit, (width, height), interpolation=cv2.INTER_NEAREST)
    y = np.abs(np.modf((np.arange(height) + 0.5) * grid.shape[0] / height)[0] - 0.5)
    x = np.abs(np.modf((np.arange(width) + 0.5) * grid.shape[1] / width)[0] - 0.5)
    dots = np.clip(1.9 - 3.4 * np.sqrt(y[:, None] ** 2 + x[None, :] ** 2), 0, 1)
    return (lit * dots).astype(np.uint8)
