# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The options of the image processor: what there is, what can be, and how it was called before."""

import math
from typing import Any, Literal

import numpy as np
from transformers.processing_utils import ImagesKwargs

from .image_geometry_crnn import ROUNDINGS


__all__ = ["check_padding", "check_sizes", "renamed"]

#: Pixels, far above what any recognizer reads: a damaged or hostile file is refused before memory goes.
_HIGHEST, _WIDEST = 4096, 65_536


class CRNNImageProcessorKwargs(ImagesKwargs, total=False):
    r"""
    do_grayscale (`bool`, *optional*, defaults to `True`):
        Whether to reduce the image to one channel (ITU-R 601 luma, rounded to 8 bits). With `False` the output has the
        three channels of RGB; with `do_convert_rgb=False` as well, gray images keep their one channel.
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
        The padding, in units of the output (after normalization), one for all channels or one per channel. To pad with
        a pixel value `p` before normalization, give `(p * rescale_factor - image_mean) / image_std`.
    return_pixel_mask (`bool`, *optional*, defaults to `True`):
        Whether the output has a `pixel_mask`, which keeps the padding out of the reading. `False` is for models that
        were trained to look at their padding.
    vertical_aspect_ratio (`float`, *optional*):
        What reads words with this processor, such as the pipeline, reads images that are more than so many times as
        high as wide in three orientations, as they are and turned either way. `None`: as they are only. The processor
        itself turns nothing.
    antialias (`bool`, *optional*, defaults to `True`):
        Whether making an image smaller averages all its pixels, as Pillow does. `False` interpolates between
        neighbors only, as OpenCV does; with nearest, bilinear or bicubic resampling, with or without
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


def check_sizes(options: dict[str, Any]):
    """Refuses (`ValueError`) options that are of a wrong type, too large or not finite."""
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
            message = f"{name} of the image processor must be true or false, not {options[name]!r}"
            raise ValueError(message)  # noqa: TRY004 - it stands in a file, whose faults are all ValueErrors


def check_padding(padding: bool | str, **kwargs) -> None:
    """Refuses (`ValueError`) options of `keep_aspect_ratio` that there are not."""
    if padding not in (None, True, "longest", "max_length"):
        raise ValueError(f"padding is 'longest' (or True) or 'max_length', got {padding!r}")
    choices = {
        "padding_mode": ("constant", "replicate"),
        "wide_words": ("squeeze", "shrink"),
        "width_rounding": tuple(ROUNDINGS),
    }
    for name, values in choices.items():
        if kwargs[name] not in (None, *values):
            raise ValueError(f"{name} is {' or '.join(map(repr, values))}, got {kwargs[name]!r}")
    for name in ("min_width", "pad_to_multiple_of", "resize_to_multiple_of"):
        if kwargs[name] is not None and kwargs[name] < 1:
            raise ValueError(f"{name} is at least 1, got {kwargs[name]}")
    if kwargs["width_factor"] is not None and not 0 < kwargs["width_factor"] < math.inf:
        raise ValueError(f"width_factor is above 0, got {kwargs['width_factor']}")


def renamed(options: dict[str, Any]) -> dict[str, Any]:
    """Options with `upright_ratio`, as version 0.1 wrote it, under its name of today."""
    if "upright_ratio" not in options:
        return options
    options = dict(options)
    return {"vertical_aspect_ratio": options.pop("upright_ratio")} | options
