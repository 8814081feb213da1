# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with an image: one exception, which names it."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PIL import UnidentifiedImageError


__all__ = ["UnreadableImageError", "naming_image", "quoted"]


class UnreadableImageError(ValueError):
    """An image that cannot be used. The message names it and says why."""


@contextmanager
def naming_image(name: str) -> Iterator[None]:
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


def quoted(name: Any) -> str:
    """A name in quotes, as messages have it, shortened where it is long."""
    text = os.fsdecode(name)
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")  # names on disk need not be valid Unicode
    # a data URI or base64 text is shortened; of a path the end stays, and with it the file's own name
    return f"'{text}'" if len(text) <= 600 else f"'{text[:100]}...{text[-300:]}'"
