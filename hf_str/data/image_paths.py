# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Image files by path: also paths that were written on another system."""

import os
from functools import lru_cache

from PIL import Image

from ..models.crnn.text_crnn import normalize_text


__all__ = ["IMAGE_SUFFIXES", "find_image", "with_hint"]

Image.init()
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm")


def find_image(path: str) -> str | None:
    """The file that a path means, also one written on another system; `None` if there is none, or several might be.

    Where nothing lies at the path itself, its backslashes are taken for slashes, then letters of the other case or
    Unicode form and a missing suffix are looked for, part by part.

    Example:
        >>> find_image("words/images/1.PNG")  # doctest: +SKIP
        'words/images/1.png'
    """
    if os.path.isfile(path):
        return path
    folder, *rest = _parts(path)
    found = folder
    for index, part in enumerate(rest):
        step = os.path.join(found, part)
        if not os.path.exists(step):
            names = _names(found)
            alike = names.get(_folded(part), [])
            if not alike and index == len(rest) - 1:
                images = (name for group in names.values() for name in group if name.lower().endswith(IMAGE_SUFFIXES))
                alike = [name for name in images if os.path.splitext(name)[0] == part]
            if len(alike) != 1:
                return None
            step = os.path.join(found, alike[0])
        found = step
    return found if os.path.isfile(found) else None


def _parts(path: str) -> list[str]:
    """A folder that exists, and the names from there on."""
    if os.sep == "/":
        path = path.replace("\\", "/")
    path, rest = os.path.normpath(path), []
    while path and not os.path.isdir(path) and os.path.dirname(path) != path:
        path, name = os.path.split(path)
        rest.insert(0, name)
    return [path or ".", *rest]


def _names(folder: str) -> dict[str, list[str]]:
    try:
        return _names_of(folder, os.stat(folder).st_mtime_ns)
    except OSError:
        return {}


@lru_cache(maxsize=64)
def _names_of(folder: str, modified: int) -> dict[str, list[str]]:
    """The names in a folder as [`_folded`] has them."""
    names: dict[str, list[str]] = {}
    for name in sorted(os.listdir(folder)):
        names.setdefault(_folded(name), []).append(name)
    return names


def _folded(name: str) -> str:
    """In lower case and NFC: macOS writes names of files with an accent apart from its letter."""
    return normalize_text(name.lower())


def with_hint(name: str, path: str) -> str:
    """A missing image's name, and what lies there that may be meant."""
    folder, *rest = _parts(path)
    if not rest:
        return name
    names = _names(folder)
    stem = os.path.splitext(rest[0])[0].lower()
    alike = names.get(_folded(rest[0])) or [n for group in names.values() for n in group if n.lower().startswith(stem)]
    return f"{name} (there is {', '.join(alike[:3])} in {folder})" if alike and stem else name
