# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Small archives, made here, of exactly the layouts that data sets come in."""

import io
from pathlib import Path

import numpy as np
from PIL import Image


COLORS = {"red": (220, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 220)}


def word_bytes(color: str = "red", width: int = 30, height: int = 12, suffix: str = "PNG") -> bytes:
    """An encoded picture of one color: enough of a word for a dataset format."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), COLORS[color]).save(buffer, suffix)
    return buffer.getvalue()


def save_word(path: Path, color: str = "red", **kwargs) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = word_bytes(color, suffix="JPEG" if path.suffix.lower() in (".jpg", ".jpeg") else "PNG", **kwargs)
    path.write_bytes(data)
    return data


def save_scene(path: Path, size: tuple[int, int] = (200, 100)) -> Path:
    """A white scene with a red box at (10, 20)-(70, 40), a green one at (100, 20)-(150, 50), a blue one at
    (10, 60)-(110, 90)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((size[1], size[0], 3), 255, np.uint8)
    for (left, top, right, bottom), color in zip(BOXES, COLORS.values(), strict=True):
        pixels[top:bottom, left:right] = color
    Image.fromarray(pixels).save(path, quality=95)
    return path


BOXES = ((10, 20, 70, 40), (100, 20, 150, 50), (10, 60, 110, 90))


def quad(box: tuple[int, int, int, int]) -> list[int]:
    left, top, right, bottom = box
    return [left, top, right, top, right, bottom, left, bottom]


def points(box: tuple[int, int, int, int]) -> list[list[int]]:
    numbers = quad(box)
    return [[x, y] for x, y in zip(numbers[::2], numbers[1::2], strict=True)]


def colors_of(words) -> list[str]:
    """What the pictures of some rows show, by the name of their color."""
    return [color_of(row["image"]) for row in words]


def color_of(image: dict) -> str:
    source = io.BytesIO(image["bytes"]) if image["bytes"] is not None else image["path"]
    with Image.open(source) as opened:
        mean = np.asarray(opened.convert("RGB"), float).mean((0, 1))
    return min(COLORS, key=lambda name: np.abs(mean - COLORS[name]).sum())


def size_of(image: dict) -> tuple[int, int]:
    with Image.open(io.BytesIO(image["bytes"]) if image["bytes"] is not None else image["path"]) as opened:
        return opened.size
