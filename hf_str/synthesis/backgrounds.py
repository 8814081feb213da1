# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What lies behind letters: photographs, surfaces, panels and rings.

Pictures are float32 arrays of 0 to 255, (height, width, channels) with 1 or 3 channels.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from ..utils.optional import require
from .colors import blend
from .noise import Noise


__all__ = ["Backgrounds", "paint_background", "paint_ring"]

cv2 = require("cv2", "synthesis")

_logger = logging.getLogger(__name__)


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


def paint_background(
    rng: np.random.Generator,
    noise: Noise,
    backgrounds: Backgrounds,
    color: np.ndarray,
    room: float,
    height: int,
    width: int,
    strength: float,
) -> np.ndarray:
    """A background around one color.

    Args:
        rng: where chance comes from.
        noise: the noise store.
        backgrounds: photos; may be empty.
        color: the background's color, (channels,).
        room: the letters' difference in luminance: the background's own ups and downs stay well below it.
        height: of the picture, pixels.
        width: of the picture, pixels.
        strength: 0 flat to 1 everything.

    Returns:
        float32 (height, width, channels).
    """
    picture = np.empty((height, width, color.size), np.float32)
    picture[:] = color
    if strength <= 0:
        return picture
    if len(backgrounds) and rng.random() < 0.4 * strength:
        piece = backgrounds.crop(rng, height, width)
        center, spread = cv2.meanStdDev(piece)
        # Clutter as strong as the letters hides them; most backgrounds are surfaces with a little texture.
        amount = min(1.0, 0.3 * room / (float(spread.max()) + 1.0)) * (0.15 + 0.85 * rng.random())
        picture += (piece - center.ravel().astype(np.float32)) * np.float32(amount)
    draw = rng.random()
    if draw < 0.2 * strength:
        _add_gradient(rng, picture, room)
    elif draw < 0.4 * strength:
        cells = 2 + 14 * rng.random() ** 2
        picture += (noise.smooth(rng, height, width, cells) * (0.13 * room * rng.random()))[..., None]
    if rng.random() < 0.16 * strength:
        _add_panels(rng, picture, color)
    return picture


def _add_gradient(rng: np.random.Generator, picture: np.ndarray, room: float) -> None:
    height, width, channels = picture.shape
    ramp = np.linspace(-0.5, 0.5, height if rng.random() < 0.6 else width, dtype=np.float32)
    ramp = ramp[:, None, None] if ramp.size == height else ramp[None, :, None]
    tint = (rng.random(channels).astype(np.float32) + 0.3) * np.float32(room * 0.8 * (rng.random() - 0.5))
    picture += ramp * tint


def _add_panels(rng: np.random.Generator, picture: np.ndarray, color: np.ndarray) -> None:
    """A sign's edge, a seam or a frame line: mostly level, near the picture's border."""
    height, width, channels = picture.shape
    for _ in range(1 + int(rng.random() < 0.3)):
        paint = color + np.float32(200 * (rng.random() - 0.5)) + 40 * (rng.random(channels).astype(np.float32) - 0.5)
        paint = tuple(float(value) for value in np.clip(paint, 0, 255))
        if rng.random() < 0.2:  # a ring or a disc around the word, as on badges, or one that ends beside it
            center = (round(width * rng.random()), round(height * (2.6 * rng.random() - 0.8)))
            radius = round(max(width, height) * (0.4 + 0.5 * rng.random()))
            cv2.circle(picture, center, radius, paint, 1 + int(rng.random() * height / 12), lineType=cv2.LINE_AA)
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
    """The band that a bent word stands on, as on seals, badges and tires: what lies outside it, and its edges.

    Args:
        rng: where chance comes from.
        backgrounds: photos; may be empty.
        picture: float32 (height, width, channels), changed.
        off_line: each pixel's distance from the middle of the letters, half text heights, below positive.
        ink: the letters' color, (channels,).
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
            blend(picture, beyond, paint)
        if draw > 0.55:  # a line, often in the color of the letters
            paint = ink if rng.random() < 0.7 else np.full(channels, 255 * rng.random(), np.float32)
            thick = 0.06 + 0.2 * rng.random()
            blend(picture, cv2.subtract(beyond, _beyond_edge(outside, edge + thick)), paint)


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
