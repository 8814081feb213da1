# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""A sheet of word pictures with their labels beneath, to look at before training on them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..utils.optional import require
from .fonts import Font


__all__ = ["contact_sheet"]


def contact_sheet(
    words: Sequence[tuple[np.ndarray, str]],
    columns: int = 12,
    cell_width: int = 132,
    cell_height: int = 40,
    fonts: Sequence[Font] = (),
) -> np.ndarray:
    """Lays out pictures in rows, each with its label under it.

    Args:
        words: (uint8 picture (H, W) or (H, W, 3), label) pairs.
        columns: pictures in a row.
        cell_width: room for each picture, pixels; pictures are scaled to fit.
        cell_height: the same, without the label.
        fonts: the renderer's, for labels of characters that Pillow's own font (Latin only) lacks. Taken is, of those
            with the most characters, the plainest, which reads best when it is small.

    Returns:
        uint8 (height, width, 3).

    Raises:
        ValueError: there are no words.
    """
    if not words:
        raise ValueError("A contact sheet needs at least one word.")
    cv2 = require("cv2", "synthesis")
    font = ImageFont.load_default(11)
    if fonts:
        plainest = max(fonts, key=lambda font: (len(font.characters), font.plainness))
        font = ImageFont.truetype(plainest.path, 11, index=plainest.index)
    gap, label_height = 4, 15
    rows = math.ceil(len(words) / columns)
    step_x, step_y = cell_width + gap, cell_height + label_height + gap
    sheet = np.full((rows * step_y + gap, columns * step_x + gap, 3), 255, np.uint8)
    corners = [(gap + (n % columns) * step_x, gap + (n // columns) * step_y) for n in range(len(words))]
    for (picture, _), (x, y) in zip(words, corners, strict=True):
        scale = min(cell_width / picture.shape[1], cell_height / picture.shape[0])
        size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
        shown = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        sheet[y : y + size[1], x : x + size[0]] = shown if shown.ndim == 3 else shown[..., None]
    canvas = Image.fromarray(sheet)
    pen = ImageDraw.Draw(canvas)
    for (_, label), (x, y) in zip(words, corners, strict=True):
        pen.text((x, y + cell_height), label[: cell_width // 6], fill=(60, 60, 60), font=font)
    return np.asarray(canvas)
