# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""From a decoder's output, or an array, to an upright 8-bit Pillow image of mode `L` or `RGB`."""

import math

import numpy as np
from PIL import Image, ImageCms, ImageOps

from .image_errors_crnn import UnreadableImageError


__all__ = ["OVERSHOOT", "channel_axis", "image_from_array", "may_be_rotated", "to_word_image"]

ALPHA_MODES = {"LA", "La", "PA", "RGBA", "RGBa"}

# Cameras and scanners put 10, 12 or 14 bits into files and arrays of 16; taken as 16, they would be black.
FULL_SCALES = tuple(2**bits - 1 for bits in (8, 10, 12, 14, 16))
OVERSHOOT = 1 / 8
"""Resampling leaves floats a little beyond their range: by so much of it they are clipped and not refused."""

CONTRAST_PIXELS = 1_000_000  # of larger images, every so many-th pixel tells which ground shows the letters
ORIENTATION_TAG = 0x0112
ORIENTATION_KEYS = {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"}


def image_from_array(
    array: np.ndarray, input_data_format: str | None = None, channels_first: bool = False
) -> Image.Image:
    """
    Turns an array into an 8-bit image.

    Full scale is told by the type and the range: 255 for `uint8`, otherwise the smallest of 1 (floats only), 255,
    1023, 4095, 16383 and 65535 that holds the largest value: 12 bits in a `uint16` are 12 bits. Floats may overshoot
    their range by an eighth, as resampling does, and are clipped.

    Args:
        array (`np.ndarray` of shape `(height, width)`, `(height, width, channels)` or `(channels, height, width)`):
            1, 3 or 4 channels; the fourth is opacity.
        input_data_format (`str`, *optional*):
            `"channels_first"` or `"channels_last"`. If unset, told by which end is 1, 3 or 4 long.
        channels_first (`bool`, defaults to `False`):
            The layout to assume where both ends are. A `(1, 100, 3)` array is RGB of height 1, unless this is set.

    Returns:
        `PIL.Image.Image`: Mode `L` for one channel, else `RGB`.

    Raises:
        UnreadableImageError: No pixels, no such layout, or values that are negative, not finite or too large.
    """
    name = f"<array of shape {tuple(array.shape)} and type {array.dtype}>"
    if array.size == 0:
        raise UnreadableImageError(f"cannot read {name}: it has no pixels")
    if array.ndim == 3:
        axis = channel_axis(array.shape, input_data_format, channels_first)
        if axis is None:
            raise UnreadableImageError(f"cannot read {name}: neither end is 1, 3 or 4 channels long")
        array = np.moveaxis(array, axis, -1)
        array = array[..., 0] if array.shape[-1] == 1 else array
    elif array.ndim != 2:
        raise UnreadableImageError(f"cannot read {name}: one image has 2 or 3 dimensions")
    image = Image.fromarray(np.ascontiguousarray(_to_uint8(array, name)))
    return _on_ground(image) if image.mode == "RGBA" else image


def channel_axis(
    shape: tuple[int, ...], input_data_format: str | None = None, channels_first: bool = False
) -> int | None:
    """The axis (0 or 2) of a three-dimensional image that holds its 1, 3 or 4 channels; `None` if neither can."""
    if input_data_format is not None:
        axes = [0 if input_data_format == "channels_first" else 2]
    else:
        axes = [0, 2] if channels_first else [2, 0]
    return next((axis for axis in axes if shape[axis] in (1, 3, 4)), None)


def to_word_image(image: Image.Image, name: str) -> Image.Image:
    """Any image of Pillow, upright, in 8 bits, mode `L` or `RGB`; an error calls it `name`."""
    is_deep = any(";16" in str(tile[3]) for tile in getattr(image, "tile", ()))
    image.load()
    return _to_8_bits(_upright(_undimmed(image) if is_deep else image), name)


def _undimmed(image: Image.Image) -> Image.Image:
    # Of 16-bit colors Pillow keeps the upper 8 bits. Where the data have 12 or fewer, those are 15 at the most: black.
    if image.mode not in ("RGB", "RGBA", "LA"):
        return image
    brightest = int(np.asarray(image)[..., : 1 if image.mode == "LA" else 3].max())
    return image if brightest > 15 else image.point([min(17 * value, 255) for value in range(256)] * len(image.mode))


def may_be_rotated(image: Image.Image) -> bool:
    """Whether an image has something that may hold an orientation."""
    return not ORIENTATION_KEYS.isdisjoint(image.info) or hasattr(image, "tag_v2")


def _upright(image: Image.Image) -> Image.Image:
    if not may_be_rotated(image):
        return image
    try:
        is_upright = image.getexif().get(ORIENTATION_TAG, 1) not in range(2, 9)
        return image if is_upright else ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001 - Pillow raises what it likes; a broken EXIF block says nothing of the pixels
        return image


def _to_8_bits(image: Image.Image, name: str) -> Image.Image:
    if image.mode == "I" or image.mode.startswith("I;16"):
        # Pillow's own conversion clips at 255, which turns a 16-bit scan white
        values = np.asarray(image.convert("I")).astype(np.int64)
        gray = Image.fromarray(_to_uint8(_from_zero(values), name))
        clear = image.info.get("transparency")
        if not isinstance(clear, int):
            return gray
        return _on_ground(Image.merge("LA", (gray, Image.fromarray(np.uint8(255) * (values != clear)))))
    if image.mode == "F":
        return Image.fromarray(_to_uint8(np.asarray(image), name))
    if image.mode in ALPHA_MODES or "transparency" in image.info:
        return _on_ground(image)
    if image.mode in ("L", "RGB"):
        return image
    if image.mode == "LAB":
        lab, srgb = map(ImageCms.ImageCmsProfile, (ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")))
        transform = ImageCms.buildTransform(lab, srgb, "LAB", "RGB")
        return transform.apply(image)
    return image.convert("L" if image.mode == "1" else "RGB")


def _from_zero(values: np.ndarray) -> np.ndarray:
    """Integers of a file, moved and scaled into 0 to 65535 where they are signed or larger."""
    values = values - min(int(values.min()), 0)
    high = int(values.max())
    return values if high <= FULL_SCALES[-1] else values * FULL_SCALES[-1] // high


def _on_ground(image: Image.Image) -> Image.Image:
    """Lays a transparent image on white or on black: on the one where it has more contrast.

    Renderings are mostly dark letters on a transparent ground, whose color bytes are black: without a ground, black
    on black. White is what a page viewer shows, and what transformers' convert_to_rgb does; but white letters, made
    for a dark page, vanish on it.
    """
    if image.mode in ("La", "RGBa"):  # premultiplied: Pillow converts them only to their plain twins
        image = image.convert("LA" if image.mode == "La" else "RGBA")
    image = image.convert("RGBA")
    step = math.isqrt(image.width * image.height // CONTRAST_PIXELS) + 1
    opacity = np.asarray(image.getchannel("A"))[::step, ::step].astype(np.float32) / 255
    light = np.asarray(image.convert("RGB").convert("L"))[::step, ::step] * opacity
    ground = 255 if (light + 255 * (1 - opacity)).std() + 0.5 >= light.std() else 0
    return Image.alpha_composite(Image.new("RGBA", image.size, (ground, ground, ground, 255)), image).convert("RGB")


def _to_uint8(array: np.ndarray, name: str) -> np.ndarray:
    """Scales by the full scale of the type or, where the type does not tell, of the range; rounds to nearest."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * 255
    is_float = array.dtype.kind == "f"
    scales = (1, *FULL_SCALES) if is_float else FULL_SCALES if array.dtype.kind in "iu" else ()
    low, high = (float(array.min()), float(array.max())) if scales else (0.0, np.inf)
    beyond = OVERSHOOT if is_float else 0
    scale = next((scale for scale in scales if high <= (1 + beyond) * scale), None)
    if scale is None or not low >= -beyond * high:
        raise UnreadableImageError(
            f"cannot read {name}: pixels are 0 to 1, 0 to 255 or, with 10 to 16 bits, 0 to 65535,"
            f" not {array.dtype} from {low:g} to {high:g}"
        )
    return np.rint((array * np.float32(255 / scale)).clip(0, 255)).astype(np.uint8)
