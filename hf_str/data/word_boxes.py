# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The simplest dataset format, read without `datasets`: a folder with a labels.tsv."""

from pathlib import Path
from typing import NamedTuple

from ..models.crnn.text_crnn import normalize_text
from .formats.line_styles import images_of, tab_columns
from .image_paths import find_image
from .items import label_fault
from .text_lines import TextLines


__all__ = ["WordBox", "read_word_folder"]


class WordBox(NamedTuple):
    """A word image and its text."""

    path: Path
    text: str


def read_word_folder(folder: str | Path) -> list[WordBox]:
    """Reads a folder with a `labels.tsv` of lines `image path<TAB>text`.

    Args:
        folder: the folder; image paths are relative to it.

    Returns:
        The word boxes in the file's order; the images are not opened.

    Raises:
        FileNotFoundError: no `labels.tsv`.
        ValueError: a line without a tab, with a further one, or with an empty text; a file that is not UTF-8 (or
            UTF-16 with a byte order mark): by file and line number.
    """
    labels = Path(folder) / "labels.tsv"
    lines = TextLines(labels).check()
    parse, has_header = tab_columns(labels, lines)
    boxes = []
    for number, line in list(lines)[has_header:]:
        name, text = parse(line) or ("", "")
        if not text.strip():
            raise ValueError(f"{labels}, line {number}: expected an image path, a tab and a text, not {line!r}")
        if fault := label_fault(text):
            raise ValueError(f"{labels}, line {number}: {fault}")
        paths = [str(Path(folder) / each) for each in images_of(name)]
        boxes += [WordBox(Path(find_image(path) or path), normalize_text(text)) for path in paths]
    return boxes
