# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Sizes of word images and of their batch, normalization and padding, for both backends of the image processor."""

import math
from typing import Any

import numpy as np
from transformers.utils import logging


__all__ = [
    "ROUNDINGS",
    "common_shape",
    "next_multiple",
    "normalization_terms",
    "pad_words",
    "per_channel",
    "warn_of_squeezed",
    "word_size",
    "word_width",
]

logger = logging.get_logger(__name__)

#: Letters that are narrower than by this factor are hard to read for a network that has not seen such.
SQUEEZE_LIMIT = 2.0

ROUNDINGS = {"nearest": round, "up": math.ceil, "down": math.floor}


def word_width(
    height: float,
    width: float,
    target_height: int,
    min_width: int,
    max_width: int,
    rounding: str = "nearest",
    multiple_of: int = 1,
) -> int:
    """The width at `target_height`, clamped. A 20 x 70 word is 32 x 112; a 1 x 500 line would be 16,000 wide."""
    clamped = min(max(ROUNDINGS[rounding](target_height * width / height), min_width), max_width)
    return clamped if multiple_of == 1 else max(round(clamped / multiple_of), 1) * multiple_of


def word_size(
    height: float,
    width: float,
    target_height: int,
    min_width: int,
    max_width: int,
    rounding: str,
    multiple_of: int,
    shrinks: bool,
    width_factor: float = 1.0,
) -> tuple[int, int]:
    """`(height, width)` of a word: `target_height` and its `word_width`, but lower if it shrinks to `max_width`."""
    wanted = width if width_factor == 1 else width * width_factor
    if shrinks and target_height * wanted > max_width * height:
        return max(ROUNDINGS[rounding](max_width * height / wanted), 1), max_width
    return target_height, word_width(height, wanted, target_height, min_width, max_width, rounding, multiple_of)


def warn_of_squeezed(shapes: list[tuple[int, int]], sizes: list[tuple[int, int]], width_factor: float):
    """Says which images, of `(height, width)` in `shapes`, are squeezed a lot to their `sizes`: strips of lines."""
    factors = [
        width_factor * width * new_height / (height * new_width)
        for (height, width), (new_height, new_width) in zip(shapes, sizes, strict=True)
    ]
    squeezed = [index for index, factor in enumerate(factors) if factor > SQUEEZE_LIMIT]
    if squeezed:
        worst = max(squeezed, key=factors.__getitem__)
        height, width = shapes[worst]
        message = (
            f"{len(squeezed)} of {len(shapes)} images are too wide for this processor and are squeezed, number "
            f"{worst} ({width} x {height} pixels) by a factor of {factors[worst]:.1f}: their letters may be misread. "
            "Cut them into pieces, or raise max_width"
        )
        logger.warning(message)


def next_multiple(number: int, of: int) -> int:
    """The smallest multiple of `of` that is not below `number`."""
    return -(-number // of) * of


def normalization_terms(
    rescale_factor: float, mean: float | tuple[float, ...], std: float | tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """`(x * rescale_factor - mean) / std` as `x * scale - offset`: one multiplication for each of the many pixels."""
    means, stds = (np.atleast_1d(np.asarray(each, dtype=np.float64)) for each in (mean, std))
    return (rescale_factor / stds).astype(np.float32), (means / stds).astype(np.float32)


def per_channel(values: float | tuple[float, ...] | np.ndarray, channels: int) -> np.ndarray:
    """float32 of shape `(1 or channels, 1, 1)`, to go with `(batch, channels, height, width)`."""
    values = np.atleast_1d(np.asarray(values, dtype=np.float32))
    if len(values) not in (1, channels):
        raise ValueError(f"image_mean, image_std and padding_value: {len(values)} values for {channels} channels")
    return values.reshape(-1, 1, 1)


def pad_words(batch: Any, sizes: list[tuple[int, int]], mode: str, value: float | tuple[float, ...]) -> None:
    """Fills image i of a batch `(batch, channels, height, width)`, in place, right of `sizes[i]` and below."""
    channels, height, width = batch.shape[1:]
    constants = np.broadcast_to(per_channel(value, channels), (channels, 1, 1)).ravel().tolist()
    for image, (bottom, right) in zip(batch, sizes, strict=True):
        for channel, constant in zip(image, constants, strict=True) if (bottom, right) != (height, width) else ():
            channel[:, right:] = channel[:, right - 1 : right] if mode == "replicate" else constant
            channel[bottom:] = channel[bottom - 1 : bottom] if mode == "replicate" else constant


def common_shape(shapes: list[tuple[int, int, int]], equal: str) -> tuple[int, int, int]:
    """The largest shape; channels, height and width have to be `equal` among all, "chw", or only the first of them."""
    if len({shape[: len(equal)] for shape in shapes}) > 1:
        raise ValueError(
            f"images of different (channels, height, width) cannot be one batch: {sorted(set(shapes))[:5]}."
            " Use do_resize=True, and do_grayscale=True or do_convert_rgb=True."
        )
    channels, heights, widths = zip(*shapes, strict=True)
    return channels[0], max(heights), max(widths)
