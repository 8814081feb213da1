# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Any picture of a word -> an upright 8-bit Pillow image, or an error that names the file.

Word crops come from everywhere: phone photographs with an EXIF rotation, transparent PNG renderings, 16-bit scans,
palette GIFs, half-downloaded files. [`load_word_image`] reads all of it into mode `L` or `RGB` and turns whatever goes
wrong into one exception, [`UnreadableImageError`], so that a run over ten million crops can skip a bad crop by name.
"""

import base64
import binascii
import io
import os
import stat
import urllib.parse
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from .image_conversion_crnn import image_from_array, may_be_rotated, to_word_image
from .image_download_crnn import MAX_DOWNLOAD_BYTES, download
from .image_errors_crnn import UnreadableImageError, naming_image, quoted


__all__ = ["MAX_IMAGE_PIXELS", "UnreadableImageError", "image_from_array", "load_word_image"]

# Pillow asks its decoders in the order in which they were registered. Who registers all of them does it by name: some
# twenty would look at each JPEG before the right one does, a quarter of the time. What is registered now is first.
Image.preinit()

MAX_IMAGE_PIXELS = 89_478_485
"""Larger images are refused from their header: Pillow's own warning level, a quarter of a GiB as RGB."""

DOWNLOAD_SECONDS = 60.0

# Each scan of a progressive JPEG goes over all of its pixels. Encoders write about ten; an empty one has 20 bytes, so
# that a small file could keep a CPU busy for an hour.
MAX_SCANS = 100

# A JPEG beyond this is decoded at 1/2, 1/4 or 1/8 of its size, its shorter side kept above DRAFT_SIDE: ample.
DRAFT_PIXELS = 8_000_000
DRAFT_SIDE = 1024

# These would start a program (Ghostscript) or draw vectors at a size of their own choice; neither is a word's picture.
REFUSED_FORMATS = {"EPS", "WMF"}


def load_word_image(source: Any, timeout: float | None = None) -> Image.Image:
    """
    Reads one picture, whatever holds it.

    EXIF orientation is applied. Transparency is laid on white or, where the picture has more contrast on it, as light
    letters have, on black. 16-bit and float images are scaled to 8 bits (see [`image_from_array`]; signed values from
    their own smallest on, and those above 65535 by their own largest). Of an animation the first frame is taken. A
    JPEG of more than 8 million pixels may come back at 1/2, 1/4 or 1/8 of that.

    Args:
        source (`str`, `os.PathLike`, `bytes`, binary file, `PIL.Image.Image`, `np.ndarray`, tensor or mapping):
            A path, an http(s) URL, a `data:` URI, base64 text, the encoded bytes, an open file, an image, an array or
            a tensor (see [`image_from_array`]; in tensors, channels come first where that is in doubt), or a
            `{"bytes": ..., "path": ...}` row as `datasets.Image(decode=False)` gives.
        timeout (`float`, *optional*, defaults to 60):
            Seconds that the download of a URL may take, from its name's look-up over all redirects to the last byte.

    Returns:
        `PIL.Image.Image`: The upright image, mode `L` (gray sources) or `RGB`. It may be `source` itself.

    Raises:
        UnreadableImageError: Missing, not a file, not permitted, empty, truncated, not an image, damaged, without
            pixels, or of more than `MAX_IMAGE_PIXELS` pixels. The message contains the name of the file.
        TypeError: `source` is none of the above.

    Example:

    ```python
    >>> load_word_image("word.png").mode
    'RGB'
    ```
    """
    if isinstance(source, Image.Image):
        return _load_image_object(source)
    if isinstance(source, np.ndarray):
        return image_from_array(source)
    if hasattr(source, "is_floating_point"):  # a torch tensor, which this module reads without importing torch
        tensor = source.detach().cpu()
        array = (tensor.float() if tensor.is_floating_point() else tensor).numpy()
        return image_from_array(array, channels_first=True)
    if isinstance(source, Mapping) and source.get("bytes") is not None:
        return _load_bytes(source["bytes"], quoted(source["path"]) if source.get("path") else None)
    if isinstance(source, Mapping) and source.get("path") is not None:
        source = source["path"]
    if isinstance(source, str):
        return _load_text(source, timeout)
    if isinstance(source, os.PathLike):
        return _load_path(os.fsdecode(source))
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _load_bytes(bytes(source))
    if hasattr(source, "read"):
        return _load_stream(source)
    raise TypeError(
        "an image is a path, a URL, base64 text, bytes, a binary file, a PIL image, a numpy array or a tensor,"
        f" not {type(source).__name__}"
    )


def _load_text(text: str, timeout: float | None) -> Image.Image:
    if text.startswith(("http://", "https://")):
        return _load_bytes(download(text, DOWNLOAD_SECONDS if timeout is None else timeout), quoted(text))
    if text.startswith("data:"):
        return _load_bytes(_decode_data_uri(text), quoted(text))
    data = None if os.path.exists(text) else _decode_base64(text)
    return _load_path(text) if data is None else _load_bytes(data, f"base64 text {quoted(text)}")


def _load_path(path: str) -> Image.Image:
    name = quoted(path)
    with naming_image(name), _open_regular_file(path, name) as file:
        return _decode(file, name)


def _load_bytes(data: bytes, name: str | None = None) -> Image.Image:
    name = name or f"<{len(data)} bytes>"
    if len(data) == 0:
        raise UnreadableImageError(f"cannot read {name}: it is empty (0 bytes)")
    with naming_image(name):
        return _decode(io.BytesIO(data), name)


def _load_stream(stream: Any) -> Image.Image:
    path = getattr(stream, "name", None)
    name = quoted(path) if isinstance(path, (str, bytes, os.PathLike)) else f"<{type(stream).__name__}>"
    with naming_image(name):
        if callable(getattr(stream, "seekable", None)) and stream.seekable():
            if stream.seek(0, os.SEEK_END) == 0:
                raise UnreadableImageError(f"cannot read {name}: it is empty (0 bytes)")
            return _decode(stream, name)
        data = stream.read(MAX_DOWNLOAD_BYTES + 1)
    if len(data) > MAX_DOWNLOAD_BYTES:
        raise UnreadableImageError(f"cannot read {name}: the stream exceeds {MAX_DOWNLOAD_BYTES} bytes")
    return _load_bytes(data, name)


def _load_image_object(image: Image.Image) -> Image.Image:
    is_plain = image.mode in ("L", "RGB") and "transparency" not in image.info and not may_be_rotated(image)
    if is_plain and type(image) is Image.Image and image.width and image.height:
        return image  # already in memory: nothing left that could fail
    path = getattr(image, "filename", None)
    name = quoted(path) if path else f"<{image.mode} image of {image.width} x {image.height} pixels>"
    with naming_image(name):
        _check_header(image, name)
        return to_word_image(image, name)


def _open_regular_file(path: str, name: str) -> BinaryIO:
    # stat before open: opening a named pipe would wait for a writer, and reading /dev/zero would never end
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise UnreadableImageError(f"cannot read {name}: it is a directory, not an image file")
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableImageError(f"cannot read {name}: it is not a regular file")
    if status.st_size == 0:
        raise UnreadableImageError(f"cannot read {name}: the file is empty (0 bytes)")
    return open(path, "rb")


def _decode_data_uri(uri: str) -> bytes:
    header, _, payload = uri.partition(",")
    if not header.endswith(";base64"):
        return urllib.parse.unquote_to_bytes(payload)
    data = _decode_base64(urllib.parse.unquote(payload), shortest=0)
    if data is None:
        raise UnreadableImageError(f"cannot read {quoted(uri)}: its base64 text is damaged")
    return data


def _decode_base64(text: str, shortest: int = 64) -> bytes | None:
    # no image is shorter than 64 characters of base64, while "words/x" is valid base64 and meant as a path
    if len(text) < shortest:
        return None
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _decode(file: BinaryIO, name: str) -> Image.Image:
    image = Image.open(file)
    _check_header(image, name)
    if image.format == "JPEG" and image.width * image.height > DRAFT_PIXELS:
        image.draft(image.mode, (DRAFT_SIDE, DRAFT_SIDE))
    return to_word_image(image, name)


def _check_header(image: Image.Image, name: str) -> None:
    if image.width < 1 or image.height < 1:
        raise UnreadableImageError(f"cannot read {name}: its size is {image.width} x {image.height} pixels")
    if image.width * image.height > MAX_IMAGE_PIXELS:
        raise UnreadableImageError(
            f"cannot read {name}: {image.width} x {image.height} pixels are more than a word needs"
            f" (limit {MAX_IMAGE_PIXELS} pixels, against decompression bombs)"
        )
    if getattr(image, "format", None) in REFUSED_FORMATS:
        raise UnreadableImageError(f"cannot read {name}: {image.format} is not a raster format")
    file = getattr(image, "fp", None)
    if "progressive" in image.info and file is not None:  # and not decoded yet
        _check_scans(file, name)


def _check_scans(file: BinaryIO, name: str) -> None:
    position = file.tell()
    file.seek(0)
    num_scans = file.read().count(b"\xff\xda")  # only thumbnails and metadata may have more than the image's own
    file.seek(position)
    if num_scans > MAX_SCANS:
        raise UnreadableImageError(
            f"cannot read {name}: a JPEG of {num_scans} scans (limit {MAX_SCANS}, against decompression bombs)"
        )
