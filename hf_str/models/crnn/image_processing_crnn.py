# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Cropped word image -> CRNN input with torchvision: the same processing as the Pillow class, on any device.

Importing this module needs no torchvision; making a processor does.
"""

from collections import defaultdict
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers.image_processing_backends import TorchvisionBackend
from transformers.image_utils import ChannelDimension, SizeDict
from transformers.utils.import_utils import requires_backends

from .image_conversion_crnn import channel_axis
from .image_options_crnn import CRNNImageProcessorKwargs
from .image_processing_base_crnn import WordImageProcessing, with_channels, word_image


__all__ = ["CRNNImageProcessor"]


class CRNNImageProcessor(WordImageProcessing, TorchvisionBackend):
    r"""
    Word crops -> input of a CRNN text recognizer, with torchvision.

    The options, inputs and outputs of [`CRNNImageProcessorPil`], and `device`: where tensors are resized and
    normalized. 8-bit tensors never leave their device. Bicubic resampling differs from Pillow's by at most 0.04 and
    6e-4 on average, in units of the output; bilinear resampling without antialiasing by at most 1 of 255 a pixel.

    Raises (at construction):
        ImportError: torchvision is not installed.

    Example:

    ```python
    >>> processor = CRNNImageProcessor()
    >>> words = torch.randint(0, 256, (8, 3, 30, 90), dtype=torch.uint8, device="cuda")
    >>> processor(words, return_tensors="pt").pixel_values.shape
    torch.Size([8, 1, 32, 128])
    ```
    """

    valid_kwargs = CRNNImageProcessorKwargs
    _auto_class = "AutoImageProcessor"

    def __init__(self, **kwargs):
        # transformers makes a dummy of its own classes only: without this, the first call would fail obscurely
        requires_backends(self, ["torchvision"])
        super().__init__(**kwargs)

    def process_image(
        self,
        image: Any,
        do_convert_rgb: bool | None = True,
        do_grayscale: bool | None = True,
        input_data_format: str | ChannelDimension | None = None,
        device: "str | torch.device | None" = None,
        **kwargs,
    ) -> torch.Tensor:
        """Anything that holds one image -> 8-bit tensor of shape `(1 or 3, height, width)`."""
        if isinstance(image, torch.Tensor):
            device = image.device if device is None else device
            tensor = _plain_tensor(image, input_data_format)
            if tensor is not None:
                return _with_channels(tensor.to(device), do_convert_rgb, do_grayscale)
        image = with_channels(word_image(image, input_data_format), do_convert_rgb, do_grayscale)
        return _to_tensor(image).to("cpu" if device is None else device)

    def _shape(self, image: torch.Tensor) -> tuple[int, int, int]:
        channels, height, width = image.shape
        return channels, height, width

    def _resize(
        self, images: list[torch.Tensor], sizes: list[tuple[int, int]], resample: Any, antialias: bool
    ) -> list[torch.Tensor]:
        groups = defaultdict(list)  # words of one shape are resized together: few calls, which is what a GPU wants
        for index, (image, size) in enumerate(zip(images, sizes, strict=True)):
            groups[image.shape, size, image.device].append(index)
        resized = list(images)
        for (_, (height, width), _), indices in groups.items():
            stacked = torch.stack([images[index] for index in indices])
            stacked = self.resize(stacked, SizeDict(height=height, width=width), resample, antialias=antialias)
            for index, image in zip(indices, stacked, strict=True):
                resized[index] = image
        return resized

    def _stack(self, images: list[torch.Tensor], shape: tuple[int, int, int]) -> torch.Tensor:
        device = images[0].device if images else None
        canvas = torch.zeros((len(images), *shape), dtype=torch.uint8, device=device)
        for row, image in zip(canvas, images, strict=True):
            row[..., : image.shape[-2], : image.shape[-1]] = image
        return canvas

    def _normalize(self, batch: torch.Tensor, scale: np.ndarray, offset: np.ndarray) -> torch.Tensor:
        factors, terms = (torch.from_numpy(each).to(batch.device) for each in (scale, offset))
        return batch.to(torch.float32).mul_(factors).sub_(terms)

    def _mask(self, pixel_values: torch.Tensor, sizes: list[tuple[int, int]]) -> torch.Tensor:
        batch, _, height, width = pixel_values.shape
        device = pixel_values.device
        heights, widths = torch.tensor(sizes, dtype=torch.int64, device=device).view(batch, 2).split(1, dim=1)
        rows = torch.arange(height, device=device) < heights
        columns = torch.arange(width, device=device) < widths
        return (rows[:, :, None] & columns[:, None]).to(torch.int64)


def _plain_tensor(image: torch.Tensor, input_data_format: str | None) -> torch.Tensor | None:
    """The `(1 or 3, height, width)` view of an 8-bit tensor; `None` for what needs more than a view."""
    if image.dtype != torch.uint8 or image.numel() == 0 or image.ndim not in (2, 3):
        return None
    if image.ndim == 2:
        return image[None]
    axis = channel_axis(image.shape, input_data_format, channels_first=True)
    return None if axis is None or image.shape[axis] == 4 else image.movedim(axis, 0)


def _with_channels(image: torch.Tensor, do_convert_rgb: bool | None, do_grayscale: bool | None) -> torch.Tensor:
    if do_grayscale and len(image) == 3:
        # ITU-R 601 luma in Pillow's own fixed-point arithmetic: equal to Image.convert("L") on every color
        red, green, blue = image.to(torch.int32)
        return ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16).to(torch.uint8)[None]
    if do_convert_rgb and not do_grayscale and len(image) == 1:
        return image.expand(3, -1, -1)
    return image


def _to_tensor(image: Image.Image) -> torch.Tensor:
    array = np.array(image)  # np.asarray would share Pillow's read-only memory, which torch warns about
    return torch.from_numpy(array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1)))
