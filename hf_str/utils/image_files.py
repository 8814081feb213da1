# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Image files of a folder."""

import os
from pathlib import Path

from PIL import Image


__all__ = ["find_images", "image_suffixes"]


def find_images(folder: str | os.PathLike) -> list[Path]:
    """All image files of a folder and its subfolders, sorted.

    Raises:
        FileNotFoundError: there are none.
    """
    suffixes = image_suffixes()
    files = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in suffixes)
    if not files:
        raise FileNotFoundError(f"there are no images in {folder}")
    return files


def image_suffixes() -> set[str]:
    """The suffixes of files that Pillow opens, in lower case."""
    return {suffix for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN}
