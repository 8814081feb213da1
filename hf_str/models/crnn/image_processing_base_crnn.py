# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Cropped word image -> CRNN input: what both backends of the image processor share."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers.feature_extraction_utils import BatchFeature
from transformers.image_processing_utils import BaseImageProcessor
from transformers.image_utils import PILImageResampling, SizeDict
from transformers.utils.generic import TensorType

from .files_crnn import naming_files
from .image_conversion_crnn import OVERSHOOT, image_from_array
from .image_geometry_crnn import (
    common_shape,
    next_multiple,
    normalization_terms,
    pad_words,
    per_channel,
    warn_of_squeezed,
    word_size,
)
from .image_loading_crnn import load_word_image
from .image_options_crnn import check_padding, check_sizes, renamed


__all__ = ["WordImageProcessing", "with_channels", "word_image"]

#: Pixels of an image that is made only to see whether the options work.
_LARGEST_TRIAL = 4_000_000


class WordImageProcessing(BaseImageProcessor):
    """
    The processing of word images, whatever the backend: defaults, geometry, padding and masks.

    A backend adds `process_image` (anything -> its own 8-bit image of one or three channels) and the five hooks below
    `_preprocess`.
    """

    do_convert_rgb = True
    do_grayscale = True
    do_resize = True
    size: Any = {"height": 32, "width": 128}  # of an instance, a SizeDict
    resample = PILImageResampling.BICUBIC
    do_rescale = True
    rescale_factor = 1 / 255
    do_normalize = True
    image_mean = 0.5
    image_std = 0.5
    keep_aspect_ratio = False
    width_factor = 1.0
    min_width = 32
    max_width = None
    wide_words = "squeeze"
    width_rounding = "nearest"
    resize_to_multiple_of = None
    padding = "longest"
    pad_to_multiple_of = None
    padding_mode = "constant"
    padding_value = 0.0
    return_pixel_mask = True
    vertical_aspect_ratio = None
    antialias = True

    def __init__(self, **kwargs):
        if "upright_ratio" in kwargs:
            warnings.warn("upright_ratio is called vertical_aspect_ratio now", FutureWarning, stacklevel=2)
        super().__init__(**renamed(kwargs))
        check_sizes(vars(self) | {"size": self.size})

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args, **kwargs) -> Any:
        """As any image processor of transformers; a damaged or wrong file is a `ValueError` that names it."""
        names = ["processor_config.json", "preprocessor_config.json"]
        with naming_files(pretrained_model_name_or_path, names, **kwargs):
            loaded = super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
            (loaded[0] if isinstance(loaded, tuple) else loaded)._try_out()
            return loaded

    @classmethod
    def from_dict(cls, image_processor_dict: dict[str, Any], **kwargs) -> Any:
        """As any image processor of transformers; a name of an earlier version is taken for what it is called now."""
        return super().from_dict(renamed(image_processor_dict), **kwargs)

    @property
    def upright_ratio(self) -> float | None:
        """The name of `vertical_aspect_ratio` in version 0.1."""
        warnings.warn("upright_ratio is called vertical_aspect_ratio now", FutureWarning, stacklevel=2)
        return self.vertical_aspect_ratio

    def _try_out(self):
        """Prepares a small image, so that options which no image survives are told from a damaged image."""
        size = self.size
        if not size or (size.height or 1) * max(size.width or 1, self.min_width or 1) <= _LARGEST_TRIAL:
            self(Image.new("L", (8, 8)))

    @property
    def model_input_names(self) -> list[str]:
        has_mask = self.keep_aspect_ratio and self.return_pixel_mask
        return ["pixel_values", "pixel_mask"] if has_mask else ["pixel_values"]

    def to_dict(self) -> dict[str, Any]:
        # What a repository's own code offers is the Pillow class, which runs wherever the model does.
        return super().to_dict() | {
            "auto_map": {"AutoImageProcessor": "image_processing_pil_crnn.CRNNImageProcessorPil"}
        }

    def fetch_images(self, image_url_or_urls: Any) -> Any:
        """Loads paths, URLs, bytes and the like, in lists too; leaves PIL images, arrays and tensors as they are."""
        if isinstance(image_url_or_urls, (list, tuple)):
            return [self.fetch_images(image) for image in image_url_or_urls]
        if isinstance(image_url_or_urls, (Image.Image, np.ndarray, torch.Tensor)):
            return image_url_or_urls
        return load_word_image(image_url_or_urls)

    def _prepare_images_structure(self, images: Any, expected_ndims: int = 3) -> list[Any]:
        return list(_flattened(self.fetch_images(images)))

    def _preprocess_image_like_inputs(self, images: Any, *args, **kwargs) -> BatchFeature:
        images = self._prepare_images_structure(images)
        if not kwargs["do_rescale"] and (factor := _unit_range_factor(images)):
            # Inside, pixels are 0..255 whatever came in. Arrays in [0, 1] with do_rescale=False, as transformers'
            # processors take them, are to stay in [0, 1].
            kwargs.update(do_rescale=True, rescale_factor=factor)
        images = [self.process_image(image, **kwargs) for image in images]
        return self._preprocess(images, *args, **kwargs)

    def _validate_preprocess_kwargs(self, **kwargs) -> None:
        super()._validate_preprocess_kwargs(**kwargs)
        _height_and_width(kwargs["size"])
        check_sizes(kwargs)
        if kwargs.get("do_center_crop") or kwargs.get("do_pad"):
            raise ValueError("word images are neither cropped nor padded by do_pad: see keep_aspect_ratio and padding")
        if kwargs["keep_aspect_ratio"]:
            check_padding(**kwargs)

    def _preprocess(
        self,
        images: list[Any],
        do_resize: bool,
        size: SizeDict,
        resample: PILImageResampling | int | None,
        do_grayscale: bool,
        do_rescale: bool,
        rescale_factor: float,
        do_normalize: bool,
        image_mean: float | tuple[float, ...] | None,
        image_std: float | tuple[float, ...] | None,
        keep_aspect_ratio: bool,
        width_factor: float | None,
        min_width: int,
        max_width: int | None,
        wide_words: str | None,
        width_rounding: str | None,
        resize_to_multiple_of: int | None,
        padding: bool | str,
        pad_to_multiple_of: int | None,
        padding_mode: str,
        padding_value: float | tuple[float, ...],
        return_pixel_mask: bool | None,
        antialias: bool | None,
        return_tensors: str | TensorType | None,
        **kwargs,
    ) -> BatchFeature:
        # 8-bit images -> pixel_values (batch, channels, height, width), float32, and, with keep_aspect_ratio and
        # return_pixel_mask, pixel_mask (batch, height, width), int64, 1 where the word is.
        height, width = _height_and_width(size)
        shrinks = keep_aspect_ratio and wide_words == "shrink"
        if do_resize:
            sizes = [(height, width)] * len(images)
            if keep_aspect_ratio:
                bounds = min_width or 1, max_width or width
                options = width_rounding or "nearest", resize_to_multiple_of or 1, shrinks, width_factor or 1.0
                sizes = self._word_sizes(images, height, *bounds, *options)
            images = self._resize(images, sizes, resample, antialias is not False)

        shapes = [self._shape(image) for image in images] or [(1 if do_grayscale else 3, height, width)]
        channels, high, wide = common_shape(shapes, "c" if shrinks else "ch" if keep_aspect_ratio else "chw")
        if keep_aspect_ratio:
            high = max(high, height) if shrinks else high
            wide = max(wide, width) if padding == "max_length" else wide
            wide = next_multiple(wide, pad_to_multiple_of or 1)

        mean = image_mean if do_normalize and image_mean is not None else 0.0
        std = image_std if do_normalize and image_std is not None else 1.0
        scale, offset = normalization_terms(rescale_factor if do_rescale else 1.0, mean, std)
        canvas = self._stack(images, (channels, high, wide))
        data = {"pixel_values": self._normalize(canvas, per_channel(scale, channels), per_channel(offset, channels))}
        if keep_aspect_ratio:
            sizes = [self._shape(image)[1:] for image in images]
            pad_words(data["pixel_values"], sizes, padding_mode, 0.0 if padding_value is None else padding_value)
            if return_pixel_mask is not False:
                data["pixel_mask"] = self._mask(data["pixel_values"], sizes)
        if return_tensors is None:
            data = {name: list(batch) for name, batch in data.items()}
        return BatchFeature(data, tensor_type=return_tensors)

    def _word_sizes(
        self,
        images: list[Any],
        height: int,
        min_width: int,
        max_width: int,
        rounding: str,
        multiple_of: int,
        shrinks: bool,
        width_factor: float,
    ) -> list[tuple[int, int]]:
        """The `(height, width)` of each word at its own aspect ratio; says which are squeezed a lot."""
        limits = height, min_width, max_width, rounding, multiple_of, shrinks, width_factor
        shapes = [self._shape(image)[1:] for image in images]
        sizes = [word_size(*shape, *limits) for shape in shapes]
        warn_of_squeezed(shapes, sizes, width_factor)
        return sizes

    def _shape(self, image: Any) -> tuple[int, int, int]:
        """`(channels, height, width)` of a working image."""
        raise NotImplementedError

    def _resize(self, images: list[Any], sizes: list[tuple[int, int]], resample: Any, antialias: bool) -> list[Any]:
        """Each working image at its `(height, width)`."""
        raise NotImplementedError

    def _stack(self, images: list[Any], shape: tuple[int, int, int]) -> Any:
        """Working images, at the upper left of a canvas of 8-bit `(batch, channels, height, width)`."""
        raise NotImplementedError

    def _normalize(self, batch: Any, scale: np.ndarray, offset: np.ndarray) -> Any:
        """`batch * scale - offset`, float32; both terms are of shape `(1 or channels, 1, 1)`."""
        raise NotImplementedError

    def _mask(self, pixel_values: Any, sizes: list[tuple[int, int]]) -> Any:
        """`(batch, height, width)` int64: 1 in the `(height, width) = sizes[i]` at the upper left of image i."""
        raise NotImplementedError


def _height_and_width(size: SizeDict) -> tuple[int, int]:
    if not (size and size.height and size.width):
        raise ValueError(f"size needs 'height' and 'width', got {size}")
    return size.height, size.width


def word_image(image: Any, input_data_format: str | None = None) -> Image.Image:
    """A PIL image, array or tensor -> 8-bit PIL image, mode `L` or `RGB`."""
    if isinstance(image, Image.Image):
        return load_word_image(image)
    if isinstance(image, torch.Tensor):
        array = (image.float() if image.is_floating_point() else image).detach().cpu().numpy()
        return image_from_array(array, input_data_format, channels_first=True)
    return image_from_array(image, input_data_format)


def with_channels(image: Image.Image, do_convert_rgb: bool | None, do_grayscale: bool | None) -> Image.Image:
    """An image in mode `L` or `RGB`, as the options want it."""
    mode = "L" if do_grayscale else "RGB" if do_convert_rgb else image.mode
    return image if image.mode == mode else image.convert(mode)


def _flattened(images: Any) -> Iterator[Any]:
    is_batch = isinstance(images, (np.ndarray, torch.Tensor)) and images.ndim == 4
    if is_batch or isinstance(images, (list, tuple)):
        for image in images:
            yield from _flattened(image)
    else:
        yield images


def _unit_range_factor(images: list[Any]) -> float | None:
    """1/255 if the images are arrays of floats in [0, 1], else `None`."""
    highest = 1 + OVERSHOOT
    are_unit = {
        not isinstance(i, Image.Image) and _is_floating(i) and float(i.max()) <= highest for i in images if _size(i)
    }
    if len(are_unit) > 1:
        raise ValueError("do_rescale=False, but the batch mixes arrays in [0, 1] with images in 0 to 255")
    return 1 / 255 if True in are_unit else None


def _is_floating(array: np.ndarray | torch.Tensor) -> bool:
    return array.is_floating_point() if isinstance(array, torch.Tensor) else array.dtype.kind == "f"


def _size(image: Any) -> int:
    return image.width * image.height if isinstance(image, Image.Image) else int(np.prod(image.shape))
