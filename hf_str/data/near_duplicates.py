# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds pictures of words that are the same but for scale, compression or brightness: a perceptual hash of 64 bits."""

from functools import lru_cache

import numpy as np
from PIL import Image


__all__ = ["near_pairs", "perceptual_hash", "similarity", "thumbnail"]

WIDTH, HEIGHT = 64, 16
#: Bits of a hash that may differ. A copy of other size and quality differs in 4 at most, one that was cut out anew in
#: more: 10 still tell few words apart wrongly, as the pictures themselves are compared next.
RADIUS = 10
#: Where there are too many pairs to compare them all, fewer bits may differ: pairs within this distance agree in one
#: of five bands of bits.
BANDED_RADIUS = 4
MAX_COMPARISONS = 3_000_000_000
_BANDS = ((0, 13), (13, 13), (26, 13), (39, 13), (52, 12))
_CHUNK = 2048


def thumbnail(image: Image.Image) -> np.ndarray:
    """A word as float32 (16, 64), gray, of zero mean and unit length; zeros for a picture of one tone."""
    small = image.convert("L").resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR, reducing_gap=2.0)
    pixels = np.asarray(small, np.float32)
    pixels = pixels - pixels.mean()
    length = float(np.linalg.norm(pixels))
    return pixels / length if length > 1 else np.zeros_like(pixels)


def perceptual_hash(small: np.ndarray) -> int:
    """64 bits of a [`thumbnail`]: which of its 4 x 16 lowest frequencies are above their median.

    As words are wide, most of the bits tell frequencies along the line.
    """
    rows, columns = _cosines(HEIGHT, 4), _cosines(WIDTH, 17)
    frequencies = (rows @ small @ columns.T)[:, 1:]  # without the column of constants
    bits = frequencies > np.median(frequencies)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two thumbnails in [-1, 1]; the same picture in another size or quality has 0.95 and more."""
    return float((one * other).sum())


def near_pairs(hashes: np.ndarray, others: np.ndarray | None = None) -> np.ndarray:
    """Pairs whose hashes differ in at most `RADIUS` bits; in large sets, in at most `BANDED_RADIUS`.

    Args:
        hashes: uint64, (n,).
        others: uint64, (m,), or `None` for pairs within `hashes`.

    Returns:
        int64, (pairs, 2): indices into `hashes` and `others`; within `hashes` the first is the smaller one. Of more
        than two equal hashes within `hashes`, each is paired with the first only.
    """
    unique, first, members = np.unique(hashes, return_index=True, return_inverse=True)
    if others is None:
        same = np.stack([first[members], np.arange(len(hashes))], axis=1)
        found = [same[same[:, 0] != same[:, 1]], first[_near(unique, unique)]]
        pairs = np.concatenate([np.sort(part.reshape(-1, 2), axis=1) for part in found])
        return np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)
    other_unique, other_members = np.unique(others, return_inverse=True)
    pairs = _near(unique, other_unique)
    expanded = [
        (first[one], index) for one, other in pairs for index in np.flatnonzero(other_members == other).tolist()
    ]
    return np.unique(np.array(expanded, np.int64).reshape(-1, 2), axis=0)


def _near(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Pairs of near hashes, (pairs, 2)."""
    if len(one) * len(other) > MAX_COMPARISONS:
        return _banded(one, other)
    found = [np.zeros((0, 2), np.int64)]
    step = max(1, 4_000_000 // max(1, len(other)))
    for start in range(0, len(one), step):
        near = _distance(one[start : start + step, None], other[None]) <= RADIUS
        found.append(np.argwhere(near) + np.array([start, 0]))
    return np.concatenate(found)


def _banded(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Pairs of near hashes, (pairs, 2), each a few times perhaps: only those are compared that share a band."""
    found = [np.zeros((0, 2), np.int64)]
    for shift, width in _BANDS:
        mask = np.uint64(2**width - 1)
        keys, other_keys = (one >> np.uint64(shift)) & mask, (other >> np.uint64(shift)) & mask
        order, other_order = np.argsort(keys, kind="stable"), np.argsort(other_keys, kind="stable")
        for key in np.intersect1d(keys, other_keys):
            left = order[slice(*np.searchsorted(keys[order], [key, key + np.uint64(1)]))]
            right = other_order[slice(*np.searchsorted(other_keys[other_order], [key, key + np.uint64(1)]))]
            for start in range(0, len(left), _CHUNK):
                part = left[start : start + _CHUNK]
                near = _distance(one[part][:, None], other[right][None]) <= BANDED_RADIUS
                rows, columns = np.nonzero(near)
                found.append(np.stack([part[rows], right[columns]], axis=1))
    return np.unique(np.concatenate(found), axis=0)


def _distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Number of bits that differ."""
    differing = np.ascontiguousarray(one ^ other)
    if hasattr(np, "bitwise_count"):  # numpy 2
        return np.bitwise_count(differing)
    return _bit_counts()[differing.view(np.uint8)].reshape(*differing.shape, 8).sum(-1)


@lru_cache(maxsize=1)
def _bit_counts() -> np.ndarray:
    return np.array([bin(byte).count("1") for byte in range(256)], np.uint8)


@lru_cache(maxsize=4)
def _cosines(size: int, count: int) -> np.ndarray:
    """The first `count` waves of the discrete cosine transform, (count, size)."""
    positions = np.arange(size) + 0.5
    return np.cos(np.pi / size * np.arange(count)[:, None] * positions).astype(np.float32)
