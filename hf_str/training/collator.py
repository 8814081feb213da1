# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Samples -> batches for the model."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

from ..data.augmentation import augment_word
from ..data.frames import frames_needed, seen_size
from ..models.crnn.configuration_crnn import CRNNConfig
from ..models.crnn.image_loading_crnn import UnreadableImageError, load_word_image
from ..models.crnn.image_processing_base_crnn import with_channels
from ..models.crnn.image_processing_pil_crnn import CRNNImageProcessorPil
from ..models.crnn.processing_crnn import CRNNProcessor


__all__ = ["InvalidSampleError", "PreparedSample", "WordCollator", "frames_needed"]


class InvalidSampleError(ValueError):
    """A sample that cannot be trained on.

    Attributes:
        reason: why, in two words; the message says more.
    """

    def __init__(self, message: str, reason: str):
        super().__init__(message)
        self.reason = reason


class PreparedSample(NamedTuple):
    """A sample that is ready to be stacked.

    Attributes:
        image: 8-bit, gray or RGB, of the model's height.
        ids: the class of each character.
    """

    image: Image.Image
    ids: list[int]


class WordCollator:
    """Makes `pixel_values`, `pixel_mask` (with `keep_aspect_ratio`) and `labels` padded with -100.

    The expensive part, everything about a single sample, is [`prepare`]; it runs in the workers of a data loader. What
    an image becomes is exactly what the image processor makes of it, without its argument checks at each call.

    Args:
        processor: image processor and tokenizer. A torchvision image processor is replaced by its Pillow twin, whose
            pixels differ from it by resampling only.
        config: of the model; it knows how many frames an image gives.
        one_width: stretch or squeeze the images of a batch to their median width where the image processor knows few
            widths (`resize_to_multiple_of`), so that nothing is padding and no mask is needed: batch normalization
            would count it. Batches should hold images of like width, see [`WordBatchSampler`].

    Example:

    ```python
    >>> collator = WordCollator(processor, model.config)
    >>> batch = collator([{"image": "word.png", "text": "word"}])
    >>> model(**batch).loss
    ```
    """

    def __init__(self, processor: CRNNProcessor, config: CRNNConfig, one_width: bool = False):
        self.image_processor = _with_pillow(processor.image_processor)
        self.one_width = one_width and (self.image_processor.resize_to_multiple_of or 1) > 1
        self.processor, self.tokenizer = processor, processor.tokenizer
        self.config = config
        # Words and widths come again and again; unremembered, they would cost as much as decoding the image.
        self._known_ids: dict[str, list[int]] = {}
        self._known_frames: dict[int, int] = {}

    def __call__(self, samples: Sequence[PreparedSample | Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Makes a batch.

        Args:
            samples: prepared samples, or mappings with `image` (anything that `load_word_image` takes) and `text`.

        Returns:
            `pixel_values` (batch, channels, height, width) float32, `pixel_mask` (batch, height, width) int64 where
            images keep their aspect ratio and are padded, `labels` (batch, longest) int64.

        Raises:
            InvalidSampleError: a mapping cannot be trained on.
        """
        prepared = [self.prepare(one["image"], one["text"]) if isinstance(one, Mapping) else one for one in samples]
        batch = self.stack(self.of_one_width(prepared) if self.one_width else [one.image for one in prepared])
        if self.one_width:
            batch.pop("pixel_mask", None)
        return {**batch, "labels": _padded([one.ids for one in prepared])}

    def prepare(
        self, image: Any, text: str, rng: np.random.Generator | None = None, augmentation: float = 0.0
    ) -> PreparedSample:
        """Decodes, grays, augments and resizes one image, and encodes its label.

        Args:
            image: anything that `load_word_image` takes.
            text: its label.
            rng: the source of chance of the augmentation.
            augmentation: its strength; 0 for none, 1 for that of [`augment_word`].

        Raises:
            InvalidSampleError: the image cannot be opened; the label is empty, has characters outside the charset, or
                needs more frames than the image gives.
        """
        ids = self.encode(text)
        image = self.load(image)
        if augmentation > 0:
            if rng is None:
                raise ValueError("augmentation needs rng, its source of chance")
            image = Image.fromarray(augment_word(np.asarray(image), rng, augmentation))
        image = self.resize(image)
        self.check_length(text, ids, image.width)
        return PreparedSample(image, ids)

    def encode(self, text: str) -> list[int]:
        """The classes of a label's characters.

        Raises:
            InvalidSampleError: it is empty or has characters outside the charset.
        """
        if text in self._known_ids:
            return self._known_ids[text]
        if self.tokenizer.unknown_characters == "error" and (unknown := self.tokenizer.unknown_in(text)):
            named = " ".join(f"{character!r} (U+{ord(character):04X})" for character in unknown)
            raise InvalidSampleError(
                f"the label {text!r} has characters outside the charset: {named}", "outside charset"
            )
        ids = self.tokenizer(text).input_ids
        if not ids:
            raise InvalidSampleError(f"the label {text!r} has no characters to learn", "empty label")
        if len(self._known_ids) < 100_000:
            self._known_ids[text] = ids
        return ids

    def num_frames(self, width: int) -> int:
        """Frames that an image of `width` pixels gives."""
        if width not in self._known_frames:
            self._known_frames[width] = self.config.num_frames(width)
        return self._known_frames[width]

    def load(self, image: Any) -> Image.Image:
        """Any image, 8-bit, with the model's channels and its own size.

        Raises:
            InvalidSampleError: it cannot be opened.
        """
        try:
            image = load_word_image(image)
        except UnreadableImageError as error:
            raise InvalidSampleError(str(error), "unreadable image") from error
        return with_channels(image, self.image_processor.do_convert_rgb, self.image_processor.do_grayscale)

    def resize(self, image: Image.Image) -> Image.Image:
        """What the image processor does, at the size and with the filter that it would take."""
        options = self.image_processor
        sizes = [self.size_of(image.height, image.width)]
        return options._resize([image], sizes, options.resample, options.antialias is not False)[0]

    def size_of(self, height: float, width: float) -> tuple[int, int]:
        """`(height, width)` in pixels at which the model sees an image of this shape."""
        return seen_size(self.image_processor, height, width)

    def width_of(self, aspect_ratio: float) -> int:
        """Pixels that the model sees of an image whose width is `aspect_ratio` times its height."""
        return self.size_of(1, aspect_ratio)[1]

    def check_length(self, text: str, ids: list[int], width: int) -> None:
        """Raises an `InvalidSampleError` where a label needs more frames than an image of `width` pixels gives."""
        needed, frames = frames_needed(ids), self.num_frames(width)
        if needed > frames:
            raise InvalidSampleError(
                f"the label {text!r} needs {needed} frames ({len(ids)} characters, {needed - len(ids)} repeated "
                f"neighbors), but its image, {width} pixels wide, gives {frames}",
                "too long",
            )

    def of_one_width(self, samples: Sequence[PreparedSample]) -> list[Image.Image]:
        """The images of samples at their median width, or at the next that gives the longest label its frames."""
        widths = [sample.image.width for sample in samples]
        median, needed = statistics.median_low(widths), max(frames_needed(sample.ids) for sample in samples)
        width = next(w for w in sorted(set(widths)) if w >= median and self.num_frames(w) >= needed)
        resample = self.image_processor.resample
        return [
            image if image.width == width else image.resize((width, image.height), resample) for image, _ in samples
        ]

    def stack(self, images: Sequence[Image.Image]) -> dict[str, torch.Tensor]:
        """Resized images as `pixel_values` and, where their widths differ, `pixel_mask`."""
        return dict(self.image_processor(list(images), do_resize=False, return_tensors="pt"))


def _with_pillow(image_processor: Any) -> CRNNImageProcessorPil:
    if isinstance(image_processor, CRNNImageProcessorPil):
        return image_processor
    return CRNNImageProcessorPil.from_dict(image_processor.to_dict())


def _padded(labels: Sequence[list[int]]) -> torch.Tensor:
    """(batch, longest) of int64, -100 after each label's end."""
    padded = torch.full((len(labels), max(map(len, labels), default=0)), -100)
    for row, ids in zip(padded, labels, strict=True):
        row[: len(ids)] = torch.tensor(ids)
    return padded
