# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Labels in the names of files or folders. Other images are called and sorted just so: only read when asked for."""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ..items import IMAGE_SUFFIXES, Item, LazyItems, Word
from ..read_report import ReadReport
from .common import AnnotationError, Reader, choose_split, split_of, walk


__all__ = ["FILE_NAMES", "FOLDER_PER_LABEL"]

_PATTERNS = {
    "number_text_number": re.compile(r"\d+_(.+)_\d+"),  # MJSynth
    "text_number": re.compile(r"(.+)_\d+"),  # TextRecognitionDataGenerator, and its -na 1: number_text
    "number_text": re.compile(r"\d+_(.+)"),
    "text": re.compile(r"(.+)"),
}


def _images(source: Path) -> list[Path]:
    return [path for path in walk(source, 5) if path.suffix.lower() in IMAGE_SUFFIXES] if source.is_dir() else []


def _by_split(source: Path, depth: int) -> dict[str, list[Path]]:
    """Images by the split that one of their folders is called by; the last `depth` names say no split."""
    by_split: dict[str, list[Path]] = {}
    for path in _images(source):
        folder = path.parents[depth - 1]
        split = split_of(folder, source) if folder != source and folder.is_relative_to(source) else "all"
        by_split.setdefault(split, []).append(path)
    return by_split


def _open_names(source: Path, split: str | None, report: ReadReport) -> Sequence[Item]:
    parts = choose_split(_by_split(source, 1), split, source).values()
    paths = [path for part in parts for path in part]
    fitting = [name for name, pattern in _PATTERNS.items() if all(pattern.fullmatch(path.stem) for path in paths)]
    if {"text_number", "number_text"} <= set(fitting) and "number_text_number" not in fitting:
        raise AnnotationError(
            f"the names of the images in {source} have numbers on both sides of _, as {paths[0].name}: it cannot be "
            "told which is the label. Write a labels.tsv with lines `image<TAB>text`"
        )
    return LazyItems([str(path) for path in paths], partial(_named, str(source), fitting[0]))


def _named(root: str, pattern: str, path: str) -> Item:
    return Word(path, _PATTERNS[pattern].fullmatch(Path(path).stem)[1], str(Path(path).relative_to(root)))


FILE_NAMES = Reader(
    "file_names",
    "labels in file names: text_1.png (TextRecognitionDataGenerator), 1_text.png, 1_text_2.png (MJSynth), text.png",
    lambda source: bool(_images(source)),
    _open_names,
    depth=5,
    is_asked_for=True,
)

# ---------------------------------------------------------------------------------------------------------------------


def _open_folders(source: Path, split: str | None, report: ReadReport) -> Sequence[Item]:
    parts = choose_split(_by_split(source, 2), split, source).values()
    paths = [path for part in parts for path in part]
    beside = next((path for path in paths if path.parent == source), None)
    if beside is not None:
        raise AnnotationError(
            f"{beside} lies in no folder of its label: {source} has one for each label, in train/ ..."
        )
    return LazyItems([str(path) for path in paths], partial(_in_folder, str(source)))


def _in_folder(root: str, path: str) -> Item:
    return Word(path, Path(path).parent.name, str(Path(path).relative_to(root)))


FOLDER_PER_LABEL = Reader(
    "folder_per_label",
    "a folder for each label, called as it reads: Bakery/0.png (torchvision's ImageFolder), in train/ ... or not",
    lambda source: any(path.parent != source for path in _images(source)),
    _open_folders,
    depth=5,
    is_asked_for=True,
)
