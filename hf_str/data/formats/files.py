# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Files of an archive: those below a folder, images by name, and the folder that names of images are relative to."""

import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from ..image_paths import IMAGE_SUFFIXES, find_image
from .splits import split_of


__all__ = ["ImageFiles", "base_folder", "first_existing", "join", "walk"]


def walk(folder: Path, depth: int = 3) -> Iterator[Path]:
    """The files under a folder, at most `depth` folders deep, in the order of their names."""
    try:
        entries = _listing(str(folder), os.stat(folder).st_mtime_ns)
    except (NotADirectoryError, FileNotFoundError, PermissionError):
        return
    yield from (folder / name for name, is_folder in entries if not is_folder)
    if depth > 0:
        for name, is_folder in entries:
            if is_folder and not name.startswith("."):
                yield from walk(folder / name, depth - 1)


@lru_cache(maxsize=1024)  # a dozen formats look into the same folders, one after the other
def _listing(folder: str, modified: int) -> list[tuple[str, bool]]:
    # scandir tells files from folders without asking the disk for each: a folder may hold a million images
    with os.scandir(folder) as found:
        return sorted((entry.name, entry.is_dir()) for entry in found)


class ImageFiles:
    """The images of an archive by name, wherever in it they lie.

    Args:
        root: the archive.
        depth: how many folders deep to look.
    """

    def __init__(self, root: Path, depth: int = 4):
        self.root = root
        self._by_stem: dict[str, list[Path]] = {}
        for path in walk(root, depth):
            if path.suffix.lower() in IMAGE_SUFFIXES:
                self._by_stem.setdefault(path.stem.lower(), []).append(path)

    def find(self, name: str, near: Path | None = None) -> Path:
        """The image of that name, with or without its suffix and folders.

        Where several are called so, as `img_1.jpg` of training and test, it is one of the split and then of the
        folders that `near`, the annotation file, has too. Where none is, the path that was expected is returned.
        """
        wanted = Path(name)
        has_suffix = wanted.suffix.lower() in IMAGE_SUFFIXES
        found = self._by_stem.get((wanted.stem if has_suffix else wanted.name).lower(), [])
        if not found:
            return self.root / name
        if near is None:
            near = self.root / wanted
        split = split_of(near, self.root)

        def similarity(path: Path) -> tuple:
            return (
                path.parts[-len(wanted.parts) :] == wanted.parts,
                split_of(path, self.root) == split,
                _common(path, near),
            )

        return max(found, key=similarity)


def _common(one: Path, other: Path) -> int:
    """How many folders two paths share from the root on."""
    pairs = zip(one.parent.parts, other.parent.parts, strict=False)
    return next((count for count, (a, b) in enumerate(pairs) if a != b), min(len(one.parts), len(other.parts)))


def base_folder(names: Iterable[str], candidates: Iterable[Path]) -> Path:
    """The folder to which names of images are relative: the first candidate under which one of them lies."""
    candidates = list(candidates)
    for name in names:
        for folder in candidates:
            if find_image(os.path.join(folder, name)):
                return folder
    return candidates[0]


def join(base: str, name: str) -> str:
    """Where an image lies: its name under a folder, or the name itself where it is a whole path."""
    return os.path.join(base, name)


def first_existing(folder: Path, names: Iterable[str]) -> Path | None:
    """The first of these files that a folder has."""
    return next((folder / name for name in names if (folder / name).is_file()), None)
