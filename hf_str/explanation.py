# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The picture of a prediction: how CTC came from frames to text.

From top to bottom: the image with the frames of each character; the probability of each character and of the blank
over time; a heat map of the characters that matter; the most probable class of each frame, whose repeats and blanks
fall away. All of it shares one x axis, which is the image's.
"""

import math
import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageColor, ImageDraw, ImageFont

from .models.crnn.image_batching_crnn import keep_most_confident, make_batches
from .utils.renaming import renamed_arguments, renamed_function


__all__ = ["draw_prediction", "explain_image", "recognize_and_explain"]

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

#: A character matters where it has this probability in some frame.
MATTERS, MAX_ROWS = 0.05, 14

# In pixels of the drawing, which is twice as large as the picture: the lines of Pillow have no soft edges.
SCALE = 2
WIDTH, MARGIN, LEFT = 2800, 76, 230
TITLE, GAP, FOOT = 190, 84, 170
IMAGE_HEIGHTS = 120, 640
CURVES, ROW = 300, 62
SMALL, NORMAL, LARGE = 34, 44, 84

INK, SOFT, LINE, PAPER, CELL, BLANK = "#1c2330", "#5d6879", "#dfe4ec", "#ffffff", "#f3f5f9", "#8a94a6"
#: Told apart by most eyes, dark enough for text on white (after Okabe and Ito 2008).
COLORS = ("#0072b2", "#d55e00", "#00795a", "#a8457f", "#7a5c00", "#3b4cc0", "#9c1c1c", "#0a7d8c")


def explain_image(
    image: Image.Image, model: Any, processor: Any, font: str | os.PathLike | None = None, **options: Any
) -> Image.Image:
    """Recognizes an image and draws how that came about.

    Args:
        image: of mode L or RGB, as viewers show it.
        model: a [`CRNNForCTC`].
        processor: its [`CRNNProcessor`].
        font: a font file; see [`draw_prediction`].
        options: of `post_process_text_recognition`, such as `decoder`.

    Example:
        ```python
        >>> recognizer = pipeline("scene-text-recognition", model=hf_str.DEFAULT_CHECKPOINT)
        >>> image = hf_str.load_word_image("word.png")
        >>> explain_image(image, recognizer.model, recognizer.processor).save("out.png")
        ```
    """
    return recognize_and_explain(image, model, processor, font, **options)[1]


def recognize_and_explain(
    image: Image.Image, model: Any, processor: Any, font: str | os.PathLike | None = None, **options: Any
) -> tuple[dict[str, Any], Image.Image]:
    """The prediction, as `post_process_text_recognition` gives it, and the picture; see [`explain_image`].

    A tall crop of vertical text is turned as the pipeline turns it, and drawn as it was recognized; the prediction
    then has its `rotation`.
    """
    views = []
    for view in make_batches([image], processor.image_processor, batch_size=1):
        inputs = {name: tensor.to(model.device) for name, tensor in view.inputs.items()}
        with torch.inference_mode():
            outputs = model(**inputs | {"pixel_values": inputs["pixel_values"].to(model.dtype)})
        (prediction,) = processor.post_process_text_recognition(outputs, target_sizes=view.sizes, **options)
        views.append((view, [prediction | {"logits": outputs.logits[0]}]))
    prediction = keep_most_confident(views)[0]
    logits, image = prediction.pop("logits"), image.rotate(prediction.get("rotation", 0), expand=True)
    symbols = processor.tokenizer.convert_ids_to_tokens(range(len(processor.tokenizer)))
    return prediction, draw_prediction(image, logits, prediction, symbols, font)


def draw_prediction(
    image: Image.Image,
    logits: torch.Tensor,
    prediction: Mapping[str, Any],
    symbols: Sequence[str],
    font: str | os.PathLike | None = None,
) -> Image.Image:
    """Draws how a prediction came about.

    Args:
        image: what was recognized.
        logits: raw, (time, vocab), class 0 is the blank. The frames cover the image from edge to edge.
        prediction: `text`, `score` and `characters`, what `post_process_text_recognition` gives with the image's
            `target_sizes`.
        symbols: the text of each class, (vocab,).
        font: a font file with the characters; Pillow's own has those of ASCII. A character that the font lacks is
            shown by its code point, as U+AC00.

    Returns:
        RGB, 1,400 pixels wide.

    Raises:
        ValueError: no frames, or not as many symbols as classes.
    """
    if logits.ndim != 2 or len(logits) == 0 or logits.shape[1] != len(symbols):
        raise ValueError(f"logits must have shape (time, {len(symbols)}) with a frame at least, not {logits.shape}")
    probabilities = logits.detach().float().softmax(-1).cpu().numpy()
    return _Drawing(image, probabilities, prediction, list(symbols), font).draw()


class _Drawing:
    """One picture while it is drawn; `top` is always the upper edge of a panel in pixels of the drawing."""

    def __init__(
        self,
        image: Image.Image,
        probabilities: np.ndarray,
        prediction: Mapping[str, Any],
        symbols: list[str],
        font: str | os.PathLike | None,
    ):
        self.image, self.probabilities, self.prediction, self.symbols = image, probabilities, prediction, symbols
        self.font_file = font
        self.small, self.normal, self.large = map(self._font, (SMALL, NORMAL, LARGE))
        self.frame = (WIDTH - LEFT - MARGIN) / len(probabilities)
        self.classes = {symbol: index for index, symbol in enumerate(symbols)}
        self.recognized = [c["text"] for c in prediction["characters"] if c["text"] in self.classes]
        self.rows = self._classes_that_matter()
        distinct = dict.fromkeys([*self.recognized, *(symbols[row] for row in self.rows[:-1])])
        self.colors = {symbol: COLORS[index % len(COLORS)] for index, symbol in enumerate(distinct)}

    def draw(self) -> Image.Image:
        low, high = IMAGE_HEIGHTS
        picture = round(min(max((WIDTH - LEFT - MARGIN) * self.image.height / self.image.width, low), high))
        heights = [TITLE, picture + 120 + GAP, CURVES + GAP, len(self.rows) * ROW + GAP, FOOT]
        tops = np.cumsum(heights).tolist()
        self.canvas = Image.new("RGB", (WIDTH, tops[-1]), PAPER)
        self.pen = ImageDraw.Draw(self.canvas, "RGBA")
        self._draw_title()
        self._draw_image(tops[0], picture)
        self._draw_curves(tops[1])
        self._draw_heat_map(tops[2])
        self._draw_path(tops[3])
        return self.canvas.reduce(SCALE)

    def _draw_title(self):
        text = self._shown(self.prediction["text"], self.large) or "(nothing)"
        self.pen.text((MARGIN, TITLE / 2), text, INK, self.large, "lm")
        left = MARGIN + self.pen.textlength(text, self.large) + 48
        self.pen.text((left, TITLE / 2 + 8), f"score {self.prediction['score']:.3f}", SOFT, self.normal, "lm")

    def _draw_image(self, top: int, height: int):
        """The image, stretched over the frames, with the span of each character and its width in pixels."""
        area = (WIDTH - LEFT - MARGIN, height)
        self.canvas.paste(self.image.convert("RGB").resize(area, Image.Resampling.BICUBIC), (LEFT, top))
        self._label(top + height / 2, "image,", f"{self.image.width} px")
        bottom = top + height
        for character in self.prediction["characters"]:
            color = self.colors.get(character["text"], INK)
            left, right = (LEFT + edge / self.image.width * area[0] for edge in character["span"])
            self.pen.rectangle((left, top, right, bottom), (*ImageColor.getrgb(color), 60))
            self.pen.rectangle((left, bottom, right, bottom + 14), color)
            for edge in (left, right):
                self.pen.line([(edge, top), (edge, bottom + 14)], color, 4)
            said = f"{self._shown(character['text'], self.normal)} {character['probability']:.2f}"
            pixels = "{:.0f}-{:.0f}".format(*character["span"])
            self.pen.text(((left + right) / 2, bottom + 24), said, color, self.normal, "ma")
            self.pen.text(((left + right) / 2, bottom + 80), pixels, SOFT, self.small, "ma")

    def _draw_curves(self, top: int):
        """The probability over time of each recognized character, and of the blank."""
        bottom = top + CURVES
        self._label(top + CURVES / 2, "probability")
        for share, text in ((0, "0"), (0.5, "0.5"), (1, "1")):
            y = bottom - share * CURVES
            self.pen.line([(LEFT, y), (WIDTH - MARGIN, y)], LINE, 2)
            self.pen.text((WIDTH - MARGIN + 12, y), text, SOFT, self._font(26), "lm")
        self._curve(self.probabilities[:, 0], bottom, BLANK)
        for symbol in dict.fromkeys(self.recognized):
            self._curve(self.probabilities[:, self.classes[symbol]], bottom, self.colors[symbol])

    def _curve(self, heights: np.ndarray, bottom: int, color: str):
        points = [(self._x(index + 0.5), bottom - float(height) * CURVES) for index, height in enumerate(heights)]
        self.pen.polygon([(points[0][0], bottom), *points, (points[-1][0], bottom)], (*ImageColor.getrgb(color), 50))
        for (start, end), (low, high) in zip(pairwise(points), pairwise(heights.tolist()), strict=True):
            if max(low, high) > 0.005:  # many characters at zero would hide each other there
                self.pen.line([start, end], color, 6)

    def _draw_heat_map(self, top: int):
        """A row each class that matters, a column each frame; the blank's row is the last."""
        for index, row in enumerate(self.rows):
            upper, is_blank = top + index * ROW, row == 0
            color = BLANK if is_blank else self.colors[self.symbols[row]]
            label = "blank" if is_blank else self._shown(self.symbols[row], self.normal)
            self.pen.text((LEFT - 28, upper + ROW / 2), label, color, self.small if is_blank else self.normal, "rm")
            for frame, probability in enumerate(self.probabilities[:, row]):
                strength = round(255 * float(probability) ** 0.7)  # so that what is improbable can be seen, too
                box = (self._x(frame) + 1, upper + 1, self._x(frame + 1) - 1, upper + ROW - 2)
                self.pen.rectangle(box, CELL)
                self.pen.rectangle(box, (*ImageColor.getrgb(color), strength))

    def _draw_path(self, top: int):
        """The most probable class of each frame; the first frame of each character in color."""
        self._label(top + 30, "best path")
        path = self.probabilities.argmax(-1).tolist()
        font = self._font(round(min(NORMAL, max(16, self.frame * 0.8))))
        for frame, index in enumerate(path):
            is_new = frame == 0 or path[frame - 1] != index
            middle = (self._x(frame + 0.5), top + 30)
            if index == 0:
                self.pen.text(middle, "-", BLANK, font, "mm")
                continue
            color = self.colors.get(self.symbols[index], INK)
            if is_new:
                box = (self._x(frame) + 2, top, self._x(frame + 1) - 2, top + 62)
                self.pen.rounded_rectangle(box, 10, (*ImageColor.getrgb(color), 40))
            self.pen.text(middle, self._shown(self.symbols[index], font), color, font, "mm")
        note = "-  blank.   Repeats are merged, then blanks are dropped: what is left is the text."
        self.pen.text((LEFT, top + 112), note, SOFT, self.small, "lm")

    def _classes_that_matter(self) -> list[int]:
        """Recognized classes in their order, then those that nearly were, the most probable first; the blank."""
        peaks = self.probabilities.max(0)
        nearly = [index for index in np.argsort(-peaks, kind="stable").tolist() if peaks[index] >= MATTERS]
        recognized = [self.classes[symbol] for symbol in self.recognized]
        wanted = [index for index in dict.fromkeys([*recognized, *nearly]) if index > 0]
        return [*wanted[: MAX_ROWS - 1], 0]

    def _label(self, y: float, *lines: str):
        for index, text in enumerate(lines):
            shift = (index - (len(lines) - 1) / 2) * 44
            self.pen.text((LEFT - 28, y + shift), text, SOFT, self.small, "rm")

    def _x(self, frames: float) -> float:
        return LEFT + frames * self.frame

    def _font(self, size: int) -> Font:
        return ImageFont.truetype(self.font_file, size) if self.font_file else ImageFont.load_default(size)

    def _shown(self, text: str, font: Font) -> str:
        """A text with the code points of what the font lacks, and of what nobody sees."""
        missing = _glyph(font, "\uffff")
        lacks = (not c.isprintable() or c.isspace() or _glyph(font, c) == missing for c in text)
        return "".join(f"U+{ord(c):04X}" if is_lacking else c for c, is_lacking in zip(text, lacks, strict=True))


def _glyph(font: Font, character: str) -> tuple[tuple[int, int], bytes]:
    """Size and pixels of a character, or of the box that stands for one that the font lacks."""
    image = Image.new("L", [max(1, math.ceil(edge)) for edge in font.getbbox(character)[2:]])
    ImageDraw.Draw(image).text((0, 0), character, 255, font)
    return image.size, image.tobytes()


# Old names, for one version.
draw_reading = renamed_arguments(reading="prediction")(renamed_function("draw_reading", draw_prediction))
read_and_explain = renamed_function("read_and_explain", recognize_and_explain)
