# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What light, lens, sensor and compression do to a picture of a word.

Pictures are float32 (height, width, channels), 0 to 255. `strength` runs from 0 (nothing) to 1 (everything).
"""

from __future__ import annotations

import numpy as np

from ..utils.optional import require
from .noise import Noise


__all__ = ["compress", "dim", "dusk", "harsh", "light", "occlude", "photograph", "reduce_resolution", "sharpen"]

cv2 = require("cv2", "synthesis")


def light(rng: np.random.Generator, noise: Noise, picture: np.ndarray, strength: float) -> np.ndarray:
    """Uneven illumination, highlights, exposure and color cast."""
    height, width, channels = picture.shape
    if rng.random() < 0.4 * strength:
        cells = 1.0 + 1.5 * rng.random()
        field = 1.0 + noise.smooth(rng, height, width, cells) * np.float32(0.22 * rng.random())
        picture = picture * np.clip(field, 0.4, 1.6)[..., None]
    draw = rng.random()
    if draw < 0.05 * strength:
        picture = picture * _cast_shadow(rng, height, width)[..., None]
    elif draw > 1 - 0.06 * strength:
        picture = picture + _highlight(rng, height, width)[..., None]
    if channels == 3 and rng.random() < 0.5 * strength:
        warmth = 0.09 * strength * float(rng.standard_normal())
        picture = picture * np.array((1 + warmth, 1, 1 - warmth), np.float32)
    return picture


def _cast_shadow(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A roof's or a post's shadow over a part of the word: factors, float32 (height, width)."""
    shadow = np.ones((height, width), np.float32)
    slope = 2 * height * float(rng.standard_normal())
    x = width * rng.random()
    edge = [(round(x - slope / 2), 0), (round(x + slope / 2), height)]
    far = 20 * width if rng.random() < 0.5 else -20 * width
    corners = [*edge, (far, height), (far, 0)]
    cv2.fillPoly(shadow, [np.array(corners, np.int32)], 0.5 + 0.35 * rng.random(), lineType=cv2.LINE_AA)
    return cv2.GaussianBlur(shadow, (0, 0), 0.5 + 0.05 * height * rng.random())


def _highlight(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A bright spot or streak, float32 (height, width)."""
    x = (np.arange(width, dtype=np.float32) - width * rng.random()) / height
    y = (np.arange(height, dtype=np.float32) - height * rng.random()) / height
    slant = np.float32(3 * (rng.random() - 0.5))
    size = 0.15 + 0.6 * rng.random()
    distance = (x[None, :] + slant * y[:, None]) ** 2
    if rng.random() < 0.5:
        distance = distance + y[:, None] ** 2
    return np.exp(-distance / np.float32(size * size)) * np.float32(30 + 90 * rng.random())


def dim(rng: np.random.Generator, picture: np.ndarray, room: float) -> tuple[np.ndarray, float]:
    """Dim or hazy, but never so much that the letters drown.

    Args:
        rng: where chance comes from.
        picture: float32 (height, width, channels).
        room: the letters' difference in luminance, 0 to 255.

    Returns:
        The picture, and what is left of `room`.
    """
    contrast = max(1 - 0.75 * rng.random(), min(1.0, (40 + 40 * rng.random()) / max(room, 1.0)))
    haze = 255 * rng.random() * (1 - contrast)
    return picture * np.float32(contrast) + np.float32(haze), room * contrast


def dusk(rng: np.random.Generator, picture: np.ndarray, room: float) -> tuple[np.ndarray, float]:
    """Too little light: faint, mostly dark, and blurred by the long exposure; otherwise as [`dim`]."""
    left = 30 + 35 * rng.random()
    contrast = min(1.0, left / max(room, 1.0))
    haze = 90 * rng.random() ** 1.5 * (1 - contrast)
    shape = picture.shape
    picture = cv2.GaussianBlur(picture, (0, 0), 0.4 + 0.018 * shape[0] * rng.random()).reshape(shape)
    return picture * np.float32(contrast) + np.float32(haze), room * contrast


def harsh(rng: np.random.Generator, picture: np.ndarray, room: float) -> tuple[np.ndarray, float]:
    """Lit signs at night and skies behind signs: brights bleed, then burn out to white; otherwise as [`dim`]."""
    shape = picture.shape
    if rng.random() < 0.6:
        bleed = cv2.GaussianBlur(picture, (0, 0), 0.5 + 0.03 * shape[0] * rng.random()).reshape(shape)
        picture = np.maximum(picture, bleed)
    gain = 1.1 + 0.8 * rng.random()
    middle = np.float32(cv2.mean(picture)[0])
    return (picture - middle) * np.float32(gain) + middle * np.float32(0.9 + 0.3 * rng.random()), room


def sharpen(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """What cameras and phones do to every picture: bright and dark seams along edges."""
    soft = cv2.GaussianBlur(picture, (0, 0), 0.8 + 0.8 * rng.random()).reshape(picture.shape)
    return picture + (picture - soft) * np.float32(0.4 + 1.2 * rng.random())


def occlude(rng: np.random.Generator, picture: np.ndarray, strength: float) -> None:
    """A wire, twig or blob across the word, in place: seldom, and never wide enough to hide a letter."""
    if rng.random() >= 0.04 * strength:
        return
    height, width, channels = picture.shape
    color = tuple(float(value) for value in 255 * rng.random(channels))
    start = (int(width * rng.random()), int(height * (1.4 * rng.random() - 0.2)))
    if rng.random() < 0.7:
        end = (int(width * rng.random()), int(height * (1.4 * rng.random() - 0.2)))
        cv2.line(picture, start, end, color, 1 + int(0.04 * height * rng.random()), lineType=cv2.LINE_AA)
    else:
        cv2.circle(picture, start, 1 + int(0.1 * height * rng.random()), color, -1, lineType=cv2.LINE_AA)


def photograph(
    rng: np.random.Generator, noise: Noise, picture: np.ndarray, room: float, strength: float, fineness: float = 1.0
) -> np.ndarray:
    """Lens blur or shake, then the sensor's noise, which stays below the letters' difference in luminance `room`.

    Letters of twice the `fineness` bear half the blur.
    """
    height, width, channels = picture.shape
    draw = rng.random()
    bearable = min(1.0, 0.3 + room / 130) / fineness  # faint letters drown in blur that strong ones bear
    if draw < 0.42 * strength:
        sigma = 0.3 + height * 0.038 * bearable * rng.random() ** 1.8
        picture = cv2.GaussianBlur(picture, (0, 0), sigma)
    elif draw < 0.52 * strength:
        picture = cv2.filter2D(picture, -1, _shake(rng, bearable * height))
    elif draw < 0.58 * strength:
        reach = 1 + int(0.045 * bearable * height * rng.random())
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2).astype(np.float32)
        picture = cv2.filter2D(picture, -1, disc / disc.sum())
    picture = picture.reshape(height, width, channels)
    if rng.random() < 0.55 * strength:
        deviation = min(14.0, 0.16 * room) * rng.random() ** 2.5
        grain = noise.white(rng, height, width)[..., None] * np.float32(deviation)
        if channels == 3 and rng.random() < 0.5:
            colored = np.stack([noise.white(rng, height, width) for _ in range(3)], axis=-1)
            grain = grain * np.float32(0.6) + colored * np.float32(0.6 * deviation)
        picture = picture + grain
    return picture


def _shake(rng: np.random.Generator, height: float) -> np.ndarray:
    """A motion blur kernel: a line of up to a sixth of the picture's height."""
    reach = max(1, int(height * 0.08 * (0.2 + 0.8 * rng.random())))
    kernel = np.zeros((2 * reach + 1,) * 2, np.float32)
    angle = np.pi * rng.random()
    x, y = reach * np.cos(angle), reach * np.sin(angle)
    cv2.line(
        kernel, (round(reach - x), round(reach - y)), (round(reach + x), round(reach + y)), 1, lineType=cv2.LINE_8
    )
    return kernel / kernel.sum()


def reduce_resolution(rng: np.random.Generator, picture: np.ndarray, lowest: int) -> np.ndarray:
    """Shrinks the picture to a random height of at least `lowest` pixels and enlarges it again."""
    height, width = picture.shape[:2]
    if height <= lowest:
        return picture
    small_height = int(lowest + (height - lowest) * rng.random() ** 0.8)
    size = (max(4, round(width * small_height / height)), small_height)
    down = cv2.INTER_AREA if rng.random() < 0.8 else cv2.INTER_LINEAR
    up = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LINEAR, cv2.INTER_NEAREST)[int(rng.random() * 3.3)]
    small = cv2.resize(picture, size, interpolation=down)
    return cv2.resize(small, (width, height), interpolation=up).reshape(picture.shape)


def compress(rng: np.random.Generator, picture: np.ndarray, quality: tuple[int, int]) -> np.ndarray:
    """Packs and unpacks a uint8 picture as JPEG of a random quality."""
    chosen = int(quality[0] + (quality[1] - quality[0]) * rng.random())
    _, packed = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, chosen))
    return cv2.imdecode(packed, cv2.IMREAD_UNCHANGED).reshape(picture.shape)
