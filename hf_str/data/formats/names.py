# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Labels in the names of files or folders. Other images are called and sorted just so: only read when asked for."""

import re
from functools import partial
from pathlib import Path

from ..image_paths import IMAGE_SUFFIXES
from ..items import Indexed, Item, LazyItems, Word
from ..read_report import ReadReport
from .annotations import AnnotationError
from .dataset_format import DatasetFormat
from .files import walk
from .splits import choose_entries, split_of


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


def _open_names(source: Path, split: str | None, report: ReadReport) -> Indexed[Item]:
    paths = choose_entries(_by_split(source, 1), split, source)
    fitting = [name for name, pattern in _PATTERNS.items() if all(pattern.fullmatch(path.stem) for path in paths)]
    if {"text_number", "number_text"} <= set(fitting) and "number_text_number" not in fitting:
        raise AnnotationError(
            f"the names of the images in {source} have numbers on both sides of _, as {paths[0].name}: it cannot be "
            "told which is the label. Write a labels.tsv with lines `image<TAB>text`"
        )
    return LazyItems([str(path) for path in paths], partial(_named, str(source), fitting[0]))


def _named(root: str, pattern: str, path: str) -> Item:
    label = _PATTERNS[pattern].sub(r"\1", Path(path).stem)  # the pattern fits the whole of it
    return Word(path, label, str(Path(path).relative_to(root)))


FILE_NAMES = DatasetFormat(
    "file_names",
    "labels in file names: text_1.png (TextRecognitionDataGenerator), 1_text.png, 1_text_2.png (MJSynth), text.png",
    lambda source: bool(_images(source)),
    _open_names,
    depth=5,
    is_asked_for=True,
)

# ---------------------------------------------------------------------------------------------------------------------


def _open_folders(source: Path, split: str | None, report: ReadReport) -> Indexed[Item]:
    paths = choose_entries(_by_split(source, 2), split, source)
    beside = next((path for path in paths if path.parent == source), None)
    if beside is not None:
        raise AnnotationError(
            f"{beside} lies in no folder of its label: {source} has one for each label, in train/ ..."
        )
    return LazyItems([str(path) for path in paths], partial(_in_folder, str(source)))


def _in_folder(root: str, path: str) -> Item:
    return Word(path, Path(path).parent.name, str(Path(path).relative_to(root)))


FOLDER_PER_LABEL = DatasetFormat(
    "folder_per_label",
    "a folder for each label, called as it reads: Bakery/0.png (torchvision's ImageFolder), in train/ ... or not",
    lambda source: any(path.parent != source for path in _images(source)),
    _open_folders,
    depth=5,
    is_asked_for=True,
)
