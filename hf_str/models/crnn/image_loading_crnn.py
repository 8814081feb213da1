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
import math
import os
import socket
import stat
import threading
import urllib.parse
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError


__all__ = ["MAX_IMAGE_PIXELS", "UnreadableImageError", "image_from_array", "load_word_image"]

# Pillow asks its decoders in the order in which they were registered. Who registers all of them does it by name: some
# twenty would look at each JPEG before the right one does, a quarter of the time. What is registered now is first.
Image.preinit()

MAX_IMAGE_PIXELS = 89_478_485
"""Larger images are refused from their header: Pillow's own warning level, a quarter of a GiB as RGB."""

MAX_DOWNLOAD_BYTES = 128 * 1024 * 1024
DOWNLOAD_SECONDS = 60.0

# Each scan of a progressive JPEG goes over all of its pixels. Encoders write about ten; an empty one has 20 bytes, so
# that a small file could keep a CPU busy for an hour.
MAX_SCANS = 100

# A JPEG beyond this is decoded at 1/2, 1/4 or 1/8 of its size, its shorter side kept above DRAFT_SIDE: ample.
DRAFT_PIXELS = 8_000_000
DRAFT_SIDE = 1024

# These would start a program (Ghostscript) or draw vectors at a size of their own choice; neither is a word's picture.
REFUSED_FORMATS = {"EPS", "WMF"}
ALPHA_MODES = {"LA", "La", "PA", "RGBA", "RGBa"}

# Cameras and scanners put 10, 12 or 14 bits into files and arrays of 16; taken as 16, they would be black.
FULL_SCALES = tuple(2**bits - 1 for bits in (8, 10, 12, 14, 16))
OVERSHOOT = 1 / 8
"""Resampling leaves floats a little beyond their range: by so much of it they are clipped and not refused."""

CONTRAST_PIXELS = 1_000_000  # of larger images, every so many-th pixel tells which ground shows the letters
ORIENTATION_TAG = 0x0112
ORIENTATION_KEYS = {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"}


class UnreadableImageError(ValueError):
    """An image that cannot be used. The message names it and says why."""


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
        `PIL.Image.Image`: The upright image, mode `L` (grey sources) or `RGB`. It may be `source` itself.

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
        return _load_bytes(source["bytes"], _quoted(source["path"]) if source.get("path") else None)
    if isinstance(source, Mapping) and source.get("path") is not None:
        source = source["path"]
    if isinstance(source, str):
        return _load_text(source, timeout)
    if isinstance(source, os.PathLike):
        return _load_path(os.fsdecode(source))
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _load_bytes(source)
    if hasattr(source, "read"):
        return _load_stream(source)
    raise TypeError(
        "an image is a path, a URL, base64 text, bytes, a binary file, a PIL image, a numpy array or a tensor,"
        f" not {type(source).__name__}"
    )


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


# ---------------------------------------------------------------------------------------------------------------------
# Where the bytes come from


def _load_text(text: str, timeout: float | None) -> Image.Image:
    if text.startswith(("http://", "https://")):
        return _load_bytes(_download(text, DOWNLOAD_SECONDS if timeout is None else timeout), _quoted(text))
    if text.startswith("data:"):
        return _load_bytes(_decode_data_uri(text), _quoted(text))
    data = None if os.path.exists(text) else _decode_base64(text)
    return _load_path(text) if data is None else _load_bytes(data, f"base64 text {_quoted(text)}")


def _load_path(path: str) -> Image.Image:
    name = _quoted(path)
    with _reading(name), _open_regular_file(path, name) as file:
        return _decode(file, name)


def _load_bytes(data: bytes, name: str | None = None) -> Image.Image:
    name = name or f"<{len(data)} bytes>"
    if len(data) == 0:
        raise UnreadableImageError(f"cannot read {name}: it is empty (0 bytes)")
    with _reading(name):
        return _decode(io.BytesIO(data), name)


def _load_stream(stream: Any) -> Image.Image:
    path = getattr(stream, "name", None)
    name = _quoted(path) if isinstance(path, (str, bytes, os.PathLike)) else f"<{type(stream).__name__}>"
    with _reading(name):
        if callable(getattr(stream, "seekable", None)) and stream.seekable():
            if stream.seek(0, os.SEEK_END) == 0:
                raise UnreadableImageError(f"cannot read {name}: it is empty (0 bytes)")
            return _decode(stream, name)
        data = stream.read(MAX_DOWNLOAD_BYTES + 1)
    if len(data) > MAX_DOWNLOAD_BYTES:
        raise UnreadableImageError(f"cannot read {name}: the stream exceeds {MAX_DOWNLOAD_BYTES} bytes")
    return _load_bytes(data, name)


def _load_image_object(image: Image.Image) -> Image.Image:
    is_plain = image.mode in ("L", "RGB") and "transparency" not in image.info and not _may_be_rotated(image)
    if is_plain and type(image) is Image.Image and image.width and image.height:
        return image  # already in memory: nothing left that could fail
    path = getattr(image, "filename", None)
    name = _quoted(path) if path else f"<{image.mode} image of {image.width} x {image.height} pixels>"
    with _reading(name):
        _check_header(image, name)
        return _to_word_image(image, name)


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


def _download(url: str, seconds: float) -> bytes:
    """
    The body of a URL, redirects followed, `seconds` after the call at the latest.

    The client's own timeout is per address, per read and per redirect: a server that sends a byte now and then
    outlasts it by any factor. And nothing interrupts the look-up of a name. So a thread downloads; at the deadline its
    connections are shut down, which ends it, and it is not waited for.
    """
    from transformers import image_utils  # its HTTP client, whichever library that is in the installed version

    name, line = _quoted(url), _Line()
    results: list[bytes | Exception] = []
    thread = threading.Thread(target=_receive, args=(image_utils.httpx, url, seconds, line, results), daemon=True)
    with _reading(name):
        try:
            thread.start()
            thread.join(min(max(seconds, 0), threading.TIMEOUT_MAX))
            result = results[0] if results else TimeoutError()
        finally:
            line.hang_up()
        if isinstance(result, (TimeoutError, image_utils.httpx.TimeoutException)):
            raise UnreadableImageError(f"cannot read {name}: not downloaded within {seconds:g} s") from result
        if isinstance(result, Exception):
            raise result
    return result


def _receive(httpx: Any, url: str, seconds: float, line: "_Line", results: list[bytes | Exception]) -> None:
    data = bytearray()
    try:
        with (
            httpx.Client(timeout=seconds, follow_redirects=True) as client,
            client.stream("GET", url, extensions={"trace": line.trace}) as response,
        ):
            response.raise_for_status()
            for chunk in response.iter_bytes():
                data += chunk
                if len(data) > MAX_DOWNLOAD_BYTES:
                    name = _quoted(url)
                    raise UnreadableImageError(f"cannot read {name}: the download exceeds {MAX_DOWNLOAD_BYTES} bytes")
        results.append(bytes(data))
    except Exception as error:
        results.append(error)


class _Line:
    """The connections of a download, so that another thread can end it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._is_down = False

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by the HTTP client at each of its steps."""
        with self._lock:
            if self._is_down:
                raise TimeoutError
            if event == "connection.connect_tcp.complete":
                # a duplicate: TLS takes the original over before it shakes hands
                self._sockets.append(info["return_value"].get_extra_info("socket").dup())

    def hang_up(self) -> None:
        with self._lock:
            self._is_down = True
            for connection in self._sockets:
                with suppress(OSError):  # the server was faster
                    connection.shutdown(socket.SHUT_RDWR)
                connection.close()
            self._sockets.clear()


def _decode_data_uri(uri: str) -> bytes:
    header, _, payload = uri.partition(",")
    if not header.endswith(";base64"):
        return urllib.parse.unquote_to_bytes(payload)
    data = _decode_base64(urllib.parse.unquote(payload), shortest=0)
    if data is None:
        raise UnreadableImageError(f"cannot read {_quoted(uri)}: its base64 text is damaged")
    return data


def _decode_base64(text: str, shortest: int = 64) -> bytes | None:
    # no image is shorter than 64 characters of base64, while "words/x" is valid base64 and meant as a path
    if len(text) < shortest:
        return None
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


# ---------------------------------------------------------------------------------------------------------------------
# What can go wrong


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Turns every failure inside into an `UnreadableImageError` about `name`, and keeps Pillow's warnings quiet."""
    try:
        with warnings.catch_warnings():
            # A damaged file warns and then fails or reads; under `-W error` a mere warning must not decide that. Only
            # Pillow is silenced, as filters are global: another thread may see this one, or keep it.
            warnings.filterwarnings("ignore", module=r"PIL\.")
            yield
    except UnreadableImageError:
        raise
    except Exception as error:
        # Pillow's decoders have no common exception: OSError, SyntaxError, struct.error, zlib.error, IndexError, ...
        raise UnreadableImageError(f"cannot read {name}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, UnidentifiedImageError):
        return "it is not an image, or of a format that this Pillow cannot read"
    if isinstance(error, MemoryError):
        return "it does not fit into memory"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror  # str(error) would repeat the path
    return f"{error} ({type(error).__name__})"


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
    if "progressive" in image.info and getattr(image, "fp", None) is not None:  # and not decoded yet
        _check_scans(image.fp, name)


def _check_scans(file: BinaryIO, name: str) -> None:
    position = file.tell()
    file.seek(0)
    num_scans = file.read().count(b"\xff\xda")  # only thumbnails and metadata may have more than the image's own
    file.seek(position)
    if num_scans > MAX_SCANS:
        raise UnreadableImageError(
            f"cannot read {name}: a JPEG of {num_scans} scans (limit {MAX_SCANS}, against decompression bombs)"
        )


def _quoted(name: Any) -> str:
    text = os.fsdecode(name)
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")  # names on disk need not be valid Unicode
    # a data URI or base64 text is shortened; of a path the end stays, and with it the file's own name
    return f"'{text}'" if len(text) <= 600 else f"'{text[:100]}...{text[-300:]}'"


# ---------------------------------------------------------------------------------------------------------------------
# From a decoder's output to 8-bit L or RGB


def _decode(file: BinaryIO, name: str) -> Image.Image:
    image = Image.open(file)
    _check_header(image, name)
    if image.format == "JPEG" and image.width * image.height > DRAFT_PIXELS:
        image.draft(image.mode, (DRAFT_SIDE, DRAFT_SIDE))
    return _to_word_image(image, name)


def _to_word_image(image: Image.Image, name: str) -> Image.Image:
    is_deep = any(";16" in str(tile[3]) for tile in getattr(image, "tile", ()))
    image.load()
    return _to_8_bits(_upright(_undimmed(image) if is_deep else image), name)


def _undimmed(image: Image.Image) -> Image.Image:
    # Of 16-bit colors Pillow keeps the upper 8 bits. Where the data have 12 or fewer, those are 15 at the most: black.
    if image.mode not in ("RGB", "RGBA", "LA"):
        return image
    brightest = max(high for low, high in image.getextrema()[: 1 if image.mode == "LA" else 3])
    return image if brightest > 15 else image.point([min(17 * value, 255) for value in range(256)] * len(image.mode))


def _may_be_rotated(image: Image.Image) -> bool:
    return not ORIENTATION_KEYS.isdisjoint(image.info) or hasattr(image, "tag_v2")


def _upright(image: Image.Image) -> Image.Image:
    if not _may_be_rotated(image):
        return image
    try:
        is_upright = image.getexif().get(ORIENTATION_TAG, 1) not in range(2, 9)
        return image if is_upright else ImageOps.exif_transpose(image)
    except Exception:  # a broken EXIF block says nothing about the pixels
        return image


def _to_8_bits(image: Image.Image, name: str) -> Image.Image:
    if image.mode == "I" or image.mode.startswith("I;16"):
        # Pillow's own conversion clips at 255, which turns a 16-bit scan white
        values = np.asarray(image.convert("I")).astype(np.int64)
        grey = Image.fromarray(_to_uint8(_from_zero(values), name))
        clear = image.info.get("transparency")
        if not isinstance(clear, int):
            return grey
        return _on_ground(Image.merge("LA", (grey, Image.fromarray(np.uint8(255) * (values != clear)))))
    if image.mode == "F":
        return Image.fromarray(_to_uint8(np.asarray(image), name))
    if image.mode in ALPHA_MODES or "transparency" in image.info:
        return _on_ground(image)
    if image.mode in ("L", "RGB"):
        return image
    if image.mode == "LAB":
        profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, *profiles, outputMode="RGB")
    return image.convert("L" if image.mode == "1" else "RGB")


def _from_zero(values: np.ndarray) -> np.ndarray:
    """Integers of a file, moved and scaled into 0 to 65535 where they are signed or larger."""
    values = values - min(int(values.min()), 0)
    high = int(values.max())
    return values if high <= FULL_SCALES[-1] else values * FULL_SCALES[-1] // high


def _on_ground(image: Image.Image) -> Image.Image:
    """Lays a transparent image on white or on black: on the one where it has more contrast.

    Renderings are mostly dark letters on a transparent ground, whose colour bytes are black: without a ground, black
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
