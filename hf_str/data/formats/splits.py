# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Splits of an archive: what names of files and folders tell, and which one is meant."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from transformers.utils import logging


__all__ = ["SplitNotFoundError", "choose_entries", "choose_split", "group_by_split", "split_of"]

logger = logging.get_logger(__name__)

#: Names of folders and parts of file names -> split.
_SPLITS = {"train": "train", "training": "train", "trial": "train", "test": "test", "val": "validation"}
_SPLITS |= {"valid": "validation", "validation": "validation", "testing": "test", "eval": "test"}
Choice = TypeVar("Choice")


class SplitNotFoundError(ValueError):
    """A split that the archive does not have. The message lists those that it has."""


def choose_split(available: Mapping[str, Choice], wanted: str | None, where: Path) -> dict[str, Choice]:
    """The parts of an archive that are meant.

    Args:
        available: by split name.
        wanted: a split, `"all"`, or `None` for the only one or else `"train"`.
        where: the archive, for the messages.

    Raises:
        SplitNotFoundError: there is no such split, or several and none is called `"train"`.
    """
    named = ", ".join(repr(name) for name in available) or "none"
    if wanted == "all" or (wanted is None and len(available) == 1):
        return dict(available)
    if wanted is None and "train" in available:
        logger.info("%s has the splits %s: reading 'train'. Pass split=... for others, 'all' for all", where, named)
        wanted = "train"
    for name in (wanted, _SPLITS.get(wanted or "")):
        if name is not None and name in available:
            return {name: available[name]}
    raise SplitNotFoundError(f"{where} has no split {wanted!r}. Its splits: {named}; 'all' reads all of them")


def split_of(path: Path, root: Path) -> str:
    """`"train"`, `"test"` or `"validation"` as the names of a file and its folders tell; `"all"` if they do not.

    Example:
        >>> split_of(Path("ic15/ch4_test_word_images_gt/gt.txt"), Path("ic15"))
        'test'
    """
    relative = path.relative_to(root) if path.is_relative_to(root) else path
    for part in reversed(relative.parts):
        for piece in Path(part).stem.lower().replace("-", "_").replace(".", "_").split("_"):
            for word in (piece, piece.rstrip("0123456789"), piece.removeprefix("scene").removeprefix("trial")):
                if word in _SPLITS:
                    return _SPLITS[word]
    return "all"


def group_by_split(files: Iterable[Path], root: Path) -> dict[str, list[Path]]:
    """Files by the split that their names tell, see [`split_of`]; in each split in their order."""
    by_split: dict[str, list[Path]] = {}
    for file in files:
        by_split.setdefault(split_of(file, root), []).append(file)
    return by_split


def choose_entries(by_split: Mapping[str, Iterable[Choice]], wanted: str | None, where: Path) -> list[Choice]:
    """The files or other entries of the splits that are meant, one split after the other, see [`choose_split`]."""
    return [entry for entries in choose_split(by_split, wanted, where).values() for entry in entries]
