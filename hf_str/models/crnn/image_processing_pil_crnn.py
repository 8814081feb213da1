# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Cropped word image -> CRNN input with Pillow and NumPy.

This module needs no torchvision: it is the one that remote code on the Hub refers to.
"""

from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers.image_processing_backends import PilBackend
from transformers.image_utils import ChannelDimension, PILImageResampling

from .image_options_crnn import CRNNImageProcessorKwargs
from .image_processing_base_crnn import WordImageProcessing, with_channels, word_image


__all__ = ["CRNNImageProcessorPil"]


class CRNNImageProcessorPil(WordImageProcessing, PilBackend):
    r"""
    Word crops -> input of a CRNN text recognizer, with Pillow and NumPy.

    Takes whatever holds an image: PIL images of any mode, NumPy arrays and tensors (`uint8` or floats in [0, 1]),
    paths, URLs, bytes; see `load_word_image`. Defaults: gray, stretched to 32 x 128 (bicubic), scaled to [-1, 1].

    Options beyond those of every image processor, at construction or at call time: `do_grayscale`,
    `keep_aspect_ratio`, `width_factor`, `min_width`, `max_width`, `wide_words`, `width_rounding`,
    `resize_to_multiple_of`, `padding`, `pad_to_multiple_of`, `padding_mode`, `padding_value`, `return_pixel_mask`,
    `antialias`; see `CRNNImageProcessorKwargs`. `image_mean` and `image_std` are one number for all
    channels or one per channel.

    Raises (at call):
        UnreadableImageError: An image is damaged, empty, or not an image. The message names it.
        ValueError: Options that contradict each other.

    Example:

    ```python
    >>> processor = CRNNImageProcessorPil()
    >>> processor("word.png", return_tensors="pt").pixel_values.shape
    torch.Size([1, 1, 32, 128])
    >>> batch = processor(["i.png", "wide.png"], keep_aspect_ratio=True, return_tensors="pt")
    >>> batch.pixel_mask.sum(-1)[:, 0]  # the width of each word, in pixels
    tensor([ 32, 128])
    ```
    """

    valid_kwargs = CRNNImageProcessorKwargs
    _auto_class = "AutoImageProcessor"

    def process_image(
        self,
        image: Any,
        do_convert_rgb: bool | None = True,
        do_grayscale: bool | None = True,
        input_data_format: str | ChannelDimension | None = None,
        **kwargs,
    ) -> Image.Image:
        """Anything that holds one image -> 8-bit PIL image, mode `L` or `RGB` (PIL resizes these without a copy)."""
        return with_channels(word_image(image, input_data_format), do_convert_rgb, do_grayscale)

    def _shape(self, image: Image.Image) -> tuple[int, int, int]:
        return len(image.getbands()), image.height, image.width

    def _resize(
        self,
        images: list[Image.Image],
        sizes: list[tuple[int, int]],
        resample: PILImageResampling | int | None,
        antialias: bool,
    ) -> list[Image.Image]:
        resample = PILImageResampling.BILINEAR if resample is None else resample
        if not antialias:
            return [_interpolated(image, size, resample) for image, size in zip(images, sizes, strict=True)]
        resample = Image.Resampling(resample)
        return [image.resize((w, h), resample) for image, (h, w) in zip(images, sizes, strict=True)]

    def _stack(self, images: list[Image.Image], shape: tuple[int, int, int]) -> np.ndarray:
        channels, height, width = shape
        canvas = np.zeros((len(images), height, width, channels), dtype=np.uint8)
        for row, image in zip(canvas, images, strict=True):
            row[: image.height, : image.width] = np.asarray(image).reshape(image.height, image.width, channels)
        return canvas.transpose(0, 3, 1, 2)

    def _normalize(self, batch: np.ndarray, scale: np.ndarray, offset: np.ndarray) -> np.ndarray:
        pixel_values = np.empty(batch.shape, dtype=np.float32)
        np.multiply(batch, scale, out=pixel_values)
        pixel_values -= offset
        return pixel_values

    def _mask(self, pixel_values: np.ndarray, sizes: list[tuple[int, int]]) -> np.ndarray:
        batch, _, height, width = pixel_values.shape
        heights, widths = np.asarray(sizes, dtype=np.int64).reshape(batch, 2, 1).transpose(1, 0, 2)
        rows, columns = np.arange(height) < heights, np.arange(width) < widths
        return (rows[:, :, None] & columns[:, None]).astype(np.int64)


def _interpolated(image: Image.Image, size: tuple[int, int], resample: int) -> Image.Image:
    """The image at `(height, width)`, by interpolation between neighbors, without antialiasing."""
    modes: dict[int, str] = {
        Image.Resampling.NEAREST: "nearest-exact",
        Image.Resampling.BILINEAR: "bilinear",
        Image.Resampling.BICUBIC: "bicubic",
    }
    if resample not in modes:
        raise ValueError(f"antialias=False goes with nearest, bilinear or bicubic resampling, not {resample!r}")
    height, width = size
    if resample == Image.Resampling.BILINEAR and height >= image.height and width >= image.width:
        # Nothing to average: the same within 1 of 255, and faster.
        return image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(image, dtype=np.float32)).reshape(1, image.height, image.width, -1)
    pixels = torch.nn.functional.interpolate(pixels.movedim(-1, 1), size, mode=modes[resample])
    return Image.fromarray(pixels.round().clamp(0, 255).to(torch.uint8)[0].movedim(0, -1).squeeze(-1).numpy())
