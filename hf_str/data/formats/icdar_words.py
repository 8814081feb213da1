# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""ICDAR word images (2013, 2015, MLT, COCO-Text): gt.txt with coords.txt, a folder each split."""

import re
from functools import partial
from pathlib import Path

from ..items import Concatenated, Indexed, Item, LazyItems, Word
from ..read_report import ReadReport
from ..text_lines import TextLines
from .dataset_format import DatasetFormat
from .files import walk
from .label_files import image_folders, label_items
from .line_styles import line_style
from .splits import choose_entries, group_by_split


__all__ = ["ICDAR_WORDS"]


def _icdar_files(source: Path) -> list[Path]:
    names = re.compile(r"gt\.txt|challenge\d_\w+_task3_gt\.txt|\w+_words_gt\.txt|ch\d_\w+_gt\.txt", re.IGNORECASE)
    if source.is_file():
        return [source] if names.fullmatch(source.name) else []
    return [file for file in walk(source, 2) if names.fullmatch(file.name)]


def _finds_icdar(source: Path) -> bool:
    return any(line_style(TextLines(file)) in ("quoted", "script", "bars") for file in _icdar_files(source))


def _open_icdar(source: Path, split: str | None, report: ReadReport) -> Indexed[Item]:
    root = source if source.is_dir() else source.parent
    files = choose_entries(group_by_split(_icdar_files(source), root), split, source)
    return Concatenated([_with_coordinates(file, label_items(file, image_folders(file, root))) for file in files])


def _with_coordinates(file: Path, words: Indexed[Item]) -> Indexed[Item]:
    """Adds the outlines of ICDAR 2015's coords.txt, `word_1.png,x1,y1,...,x4,y4`, in pixels of the word image."""
    coordinates = file.with_name("coords.txt")
    if not coordinates.is_file():
        return words
    outlines = {}
    for _, line in TextLines(coordinates):
        name, *numbers = (part.strip() for part in line.split(","))
        if len(numbers) == 8:
            outlines[name] = [float(number) for number in numbers]
    return LazyItems(words, partial(_outlined, outlines))


def _outlined(outlines: dict[str, list[float]], item: Item) -> Item:
    return item._replace(polygon=outlines.get(item.name)) if isinstance(item, Word) else item


ICDAR_WORDS = DatasetFormat(
    "icdar_words",
    'ICDAR 2013, 2015, MLT and COCO-Text word images: gt.txt with `word_1.png, "text"`, coords.txt',
    _finds_icdar,
    _open_icdar,
)
