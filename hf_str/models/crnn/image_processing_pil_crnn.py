# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Cropped word image -> CRNN input with Pillow and NumPy, and what both backends of the processor share.

This module needs no torchvision: it is the one that remote code on the Hub refers to.
"""

import math
import warnings
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from PIL import Image
from transformers.feature_extraction_utils import BatchFeature
from transformers.image_processing_backends import PilBackend
from transformers.image_utils import ChannelDimension, PILImageResampling, SizeDict
from transformers.processing_utils import ImagesKwargs
from transformers.utils import TensorType, logging

from .files_crnn import naming_files
from .image_loading_crnn import OVERSHOOT, image_from_array, load_word_image


__all__ = ["CRNNImageProcessorPil"]

logger = logging.get_logger(__name__)

#: Letters that are narrower than by this factor are hard to read for a network that has not seen such.
SQUEEZE_LIMIT = 2.0


class CRNNImageProcessorKwargs(ImagesKwargs, total=False):
    r"""
    do_grayscale (`bool`, *optional*, defaults to `True`):
        Whether to reduce the image to one channel (ITU-R 601 luma, rounded to 8 bits). With `False` the output has the
        three channels of RGB; with `do_convert_rgb=False` as well, grey images keep their one channel.
    keep_aspect_ratio (`bool`, *optional*, defaults to `False`):
        `False` stretches every word to `size`. `True` scales it to `size["height"]` at its own aspect ratio, pads it
        on the right and adds `pixel_mask` to the output.
    width_factor (`float`, *optional*, defaults to 1.0):
        With `keep_aspect_ratio`: how many times as wide as its own shape a word becomes. CTC needs a frame for each
        character, so that networks which keep a frame every four pixels read narrow print better stretched.
    min_width (`int`, *optional*, defaults to 32):
        Narrower words are stretched to this width: CTC needs more frames than characters, even for "Ill". Only with
        `keep_aspect_ratio`, as all that follows.
    max_width (`int`, *optional*, defaults to `size["width"]`):
        Wider words are squeezed to this width, or shrunk to it: see `wide_words`.
    wide_words (`str`, *optional*, defaults to `"squeeze"`):
        What becomes of a word wider than `max_width`: `"squeeze"` gives it that width at full height, `"shrink"` keeps
        its shape, so that it is lower, and pads below it.
    width_rounding (`str`, *optional*, defaults to `"nearest"`):
        How a width becomes a whole number: `"nearest"`, `"up"` or `"down"`.
    resize_to_multiple_of (`int`, *optional*):
        Stretches or squeezes each word to the nearest multiple of this, at least one.
    padding (`bool` or `str`, *optional*, defaults to `"longest"`):
        `"longest"` (or `True`) pads to the widest word of the batch, `"max_length"` to `size["width"]`, or further
        where `max_width` lets a word of the batch be wider.
    pad_to_multiple_of (`int`, *optional*):
        Pads further, to a width that is a multiple of this.
    padding_mode (`str`, *optional*, defaults to `"constant"`):
        `"constant"` pads with `padding_value`, `"replicate"` repeats the last column of the word.
    padding_value (`float` or `list[float]`, *optional*, defaults to 0.0):
        The padding, in units of the output (after normalisation), one for all channels or one per channel. To pad with
        a pixel value `p` before normalisation, give `(p * rescale_factor - image_mean) / image_std`.
    return_pixel_mask (`bool`, *optional*, defaults to `True`):
        Whether the output has a `pixel_mask`, which keeps the padding out of the reading. `False` is for models that
        were trained to look at their padding.
    vertical_aspect_ratio (`float`, *optional*):
        What reads words with this processor, such as the pipeline, reads images that are more than so many times as
        high as wide in three orientations, as they are and turned either way. `None`: as they are only. The processor
        itself turns nothing.
    antialias (`bool`, *optional*, defaults to `True`):
        Whether making an image smaller averages all its pixels, as Pillow does. `False` interpolates between
        neighbours only, as OpenCV does; with nearest, bilinear or bicubic resampling, with or without
        `keep_aspect_ratio`.
    """

    do_grayscale: bool | None
    keep_aspect_ratio: bool | None
    width_factor: float | None
    min_width: int | None
    max_width: int | None
    wide_words: Literal["squeeze", "shrink"] | None
    width_rounding: Literal["nearest", "up", "down"] | None
    resize_to_multiple_of: int | None
    padding: bool | str | None
    pad_to_multiple_of: int | None
    padding_mode: Literal["constant", "replicate"] | None
    padding_value: float | int | list[float | int] | tuple[float | int, ...] | None
    return_pixel_mask: bool | None
    vertical_aspect_ratio: float | None
    antialias: bool | None


#: Pixels, far above what any recognizer reads: a damaged or hostile file is refused before memory goes.
_HIGHEST, _WIDEST = 4096, 65_536
#: Pixels of an image that is made only to see whether the options work.
_LARGEST_TRIAL = 4_000_000


def _check_sizes(options: dict[str, Any]):
    size = options.get("size") or {}
    sizes = {f"size[{name!r}]": (size.get(name), most) for name, most in (("height", _HIGHEST), ("width", _WIDEST))}
    for name in ("min_width", "max_width", "resize_to_multiple_of", "pad_to_multiple_of"):
        sizes[name] = options.get(name), _WIDEST
    for name, (value, most) in sizes.items():
        if value is not None and (not isinstance(value, (int, np.integer)) or not 0 <= value <= most):
            raise ValueError(f"{name} of the image processor must be an integer up to {most}, not {value!r}")
    std = options.get("image_std")
    if any(number == 0 for number in (std if isinstance(std, (list, tuple)) else [std])):
        raise ValueError(f"image_std of the image processor must not be 0: {std!r}")
    if options.get("rescale_factor") == 0:
        raise ValueError("rescale_factor of the image processor must not be 0: every image would be the same")
    for name in (
        "rescale_factor",
        "image_mean",
        "image_std",
        "padding_value",
        "width_factor",
        "vertical_aspect_ratio",
    ):
        value = options.get(name)
        numbers = value if isinstance(value, (list, tuple)) else [value]
        if not all(number is None or isinstance(number, (int, float, np.number)) for number in numbers):
            raise ValueError(f"{name} of the image processor must be a number or a list of numbers, not {value!r}")
        if not all(number is None or math.isfinite(number) for number in numbers):
            raise ValueError(f"{name} of the image processor must be finite, not {value!r}")
    for name in ("do_resize", "do_rescale", "do_normalize", "do_grayscale", "do_convert_rgb", "keep_aspect_ratio"):
        if not isinstance(options.get(name), (bool, int, np.bool_, type(None))):
            raise ValueError(f"{name} of the image processor must be true or false, not {options[name]!r}")


def _renamed(options: dict[str, Any]) -> dict[str, Any]:
    """Options with `upright_ratio`, as version 0.1 wrote it, under its name of today."""
    if "upright_ratio" not in options:
        return options
    options = dict(options)
    return {"vertical_aspect_ratio": options.pop("upright_ratio")} | options


class WordImageProcessing:
    """
    The processing of word images, whatever the backend: defaults, geometry, padding and masks.

    A backend adds `process_image` (anything -> its own 8-bit image of one or three channels) and the five hooks below
    `_preprocess`.
    """

    do_convert_rgb = True
    do_grayscale = True
    do_resize = True
    size: ClassVar[dict[str, int]] = {"height": 32, "width": 128}
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
        super().__init__(**_renamed(kwargs))
        _check_sizes(vars(self) | {"size": self.size})

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args, **kwargs) -> Any:
        """As any image processor of transformers; a damaged or wrong file is a `ValueError` that names it."""
        names = ["processor_config.json", "preprocessor_config.json"]
        with naming_files(pretrained_model_name_or_path, names, **kwargs):
            loaded = super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
            (loaded[0] if isinstance(loaded, tuple) else loaded)._try_out()
            return loaded

    @classmethod
    def from_dict(cls, image_processor_dict: dict[str, Any], **kwargs):
        """As any image processor of transformers; a name of an earlier version is taken for what it is called now."""
        return super().from_dict(_renamed(image_processor_dict), **kwargs)

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
        size = kwargs["size"]
        if not (size and size.height and size.width):
            raise ValueError(f"size needs 'height' and 'width', got {size}")
        _check_sizes(kwargs)
        if kwargs.get("do_center_crop") or kwargs.get("do_pad"):
            raise ValueError("word images are neither cropped nor padded by do_pad: see keep_aspect_ratio and padding")
        if kwargs["keep_aspect_ratio"]:
            _validate_padding(**kwargs)

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
        """
        8-bit images -> `pixel_values` of shape `(batch, channels, height, width)`, float32, and with
        `keep_aspect_ratio` and `return_pixel_mask` `pixel_mask` of shape `(batch, height, width)`, int64, 1 where the
        word is.
        """
        shrinks = keep_aspect_ratio and wide_words == "shrink"
        if do_resize:
            sizes = [(size.height, size.width)] * len(images)
            if keep_aspect_ratio:
                bounds = min_width or 1, max_width or size.width
                options = width_rounding or "nearest", resize_to_multiple_of or 1, shrinks, width_factor or 1.0
                shapes = [self._shape(image)[1:] for image in images]
                sizes = [word_size(*shape, size.height, *bounds, *options) for shape in shapes]
                warn_of_squeezed(shapes, sizes, width_factor or 1.0)
            images = self._resize(images, sizes, resample, antialias is not False)

        shapes = [self._shape(image) for image in images] or [(1 if do_grayscale else 3, size.height, size.width)]
        channels, height, width = _common_shape(shapes, "c" if shrinks else "ch" if keep_aspect_ratio else "chw")
        if keep_aspect_ratio:
            height = max(height, size.height) if shrinks else height
            width = max(width, size.width) if padding == "max_length" else width
            width = next_multiple(width, pad_to_multiple_of or 1)

        scale, offset = normalization_terms(
            rescale_factor if do_rescale else 1.0,
            image_mean if do_normalize else 0.0,
            image_std if do_normalize else 1.0,
        )
        canvas = self._stack(images, (channels, height, width))
        pixel_values = self._normalize(canvas, per_channel(scale, channels), per_channel(offset, channels))
        data = {"pixel_values": pixel_values}
        if keep_aspect_ratio:
            sizes = [self._shape(image)[1:] for image in images]
            pad_words(pixel_values, sizes, padding_mode, 0.0 if padding_value is None else padding_value)
            if return_pixel_mask is not False:
                data["pixel_mask"] = self._mask(pixel_values, sizes)
        if return_tensors is None:
            data = {name: list(batch) for name, batch in data.items()}
        return BatchFeature(data, tensor_type=return_tensors)

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


class CRNNImageProcessorPil(WordImageProcessing, PilBackend):
    r"""
    Word crops -> input of a CRNN text recogniser, with Pillow and NumPy.

    Takes whatever holds an image: PIL images of any mode, NumPy arrays and tensors (`uint8` or floats in [0, 1]),
    paths, URLs, bytes; see `load_word_image`. Defaults: grey, stretched to 32 x 128 (bicubic), scaled to [-1, 1].

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


# ---------------------------------------------------------------------------------------------------------------------
# What both backends share


def word_image(image: Any, input_data_format: str | None = None) -> Image.Image:
    """A PIL image, array or tensor -> 8-bit PIL image, mode `L` or `RGB`."""
    if isinstance(image, Image.Image):
        return load_word_image(image)
    if isinstance(image, torch.Tensor):
        array = (image.float() if image.is_floating_point() else image).detach().cpu().numpy()
        return image_from_array(array, input_data_format, channels_first=True)
    return image_from_array(image, input_data_format)


def with_channels(image: Image.Image, do_convert_rgb: bool | None, do_grayscale: bool | None) -> Image.Image:
    mode = "L" if do_grayscale else "RGB" if do_convert_rgb else image.mode
    return image if image.mode == mode else image.convert(mode)


_ROUNDINGS = {"nearest": round, "up": math.ceil, "down": math.floor}


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
    width = min(max(_ROUNDINGS[rounding](target_height * width / height), min_width), max_width)
    return width if multiple_of == 1 else max(round(width / multiple_of), 1) * multiple_of


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
    width = width if width_factor == 1 else width * width_factor
    if shrinks and target_height * width > max_width * height:
        return max(_ROUNDINGS[rounding](max_width * height / width), 1), max_width
    return target_height, word_width(height, width, target_height, min_width, max_width, rounding, multiple_of)


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
        logger.warning(
            f"{len(squeezed)} of {len(shapes)} images are too wide for this processor and are squeezed, number "
            f"{worst} ({width} x {height} pixels) by a factor of {factors[worst]:.1f}: their letters may be misread. "
            "Cut them into pieces, or raise max_width"
        )


def next_multiple(number: int, of: int) -> int:
    return -(-number // of) * of


def normalization_terms(
    rescale_factor: float, mean: float | tuple[float, ...], std: float | tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """`(x * rescale_factor - mean) / std` as `x * scale - offset`: one multiplication for each of the many pixels."""
    mean, std = np.atleast_1d(np.float64(mean)), np.atleast_1d(np.float64(std))
    return (rescale_factor / std).astype(np.float32), (mean / std).astype(np.float32)


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


def _interpolated(image: Image.Image, size: tuple[int, int], resample: PILImageResampling | int) -> Image.Image:
    """The image at `(height, width)`, by interpolation between neighbours, without antialiasing."""
    modes = {Image.NEAREST: "nearest-exact", Image.BILINEAR: "bilinear", Image.BICUBIC: "bicubic"}
    if resample not in modes:
        raise ValueError(f"antialias=False goes with nearest, bilinear or bicubic resampling, not {resample!r}")
    height, width = size
    if resample == Image.BILINEAR and height >= image.height and width >= image.width:
        return image.resize((width, height), resample)  # nothing to average: the same within 1 of 255, and faster
    pixels = torch.from_numpy(np.array(image, dtype=np.float32)).reshape(1, image.height, image.width, -1)
    pixels = torch.nn.functional.interpolate(pixels.movedim(-1, 1), size, mode=modes[resample])
    return Image.fromarray(pixels.round().clamp(0, 255).to(torch.uint8)[0].movedim(0, -1).squeeze(-1).numpy())


def _common_shape(shapes: list[tuple[int, int, int]], equal: str) -> tuple[int, int, int]:
    """The largest shape; channels, height and width have to be `equal` among all, "chw", or only the first of them."""
    if len({shape[: len(equal)] for shape in shapes}) > 1:
        raise ValueError(
            f"images of different (channels, height, width) cannot be one batch: {sorted(set(shapes))[:5]}."
            " Use do_resize=True, and do_grayscale=True or do_convert_rgb=True."
        )
    channels, heights, widths = zip(*shapes, strict=True)
    return channels[0], max(heights), max(widths)


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


def _validate_padding(padding: bool | str, **kwargs) -> None:
    if padding not in (None, True, "longest", "max_length"):
        raise ValueError(f"padding is 'longest' (or True) or 'max_length', got {padding!r}")
    choices = {
        "padding_mode": ("constant", "replicate"),
        "wide_words": ("squeeze", "shrink"),
        "width_rounding": tuple(_ROUNDINGS),
    }
    for name, values in choices.items():
        if kwargs[name] not in (None, *values):
            raise ValueError(f"{name} is {' or '.join(map(repr, values))}, got {kwargs[name]!r}")
    for name in ("min_width", "pad_to_multiple_of", "resize_to_multiple_of"):
        if kwargs[name] is not None and kwargs[name] < 1:
            raise ValueError(f"{name} is at least 1, got {kwargs[name]}")
    if kwargs["width_factor"] is not None and not 0 < kwargs["width_factor"] < math.inf:
        raise ValueError(f"width_factor is above 0, got {kwargs['width_factor']}")
