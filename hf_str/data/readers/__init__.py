# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Readers of word boxes, one for each layout that they come in, and how to tell which one it is.

A layout of one's own becomes a format like any other with a [`Reader`] in `READERS`:

    READERS["mine"] = Reader("mine", "my.txt with `text image`", lambda path: (path / "my.txt").is_file(), open_mine)

where `open_mine(source, split, report)` returns a sequence of `items.Word` and `items.Scene`.
"""

from pathlib import Path

from .common import AnnotationError, Reader, SplitNotFoundError
from .image_folder import IMAGE_FOLDER
from .json_labels import JSON_LABELS
from .label_files import CUTE80, ICDAR_WORDS, LABELS, SVTP, UNION14M
from .lmdb_words import LMDB
from .matlab_files import IIIT5K, SYNTHTEXT
from .mjsynth import MJSYNTH
from .names import FILE_NAMES, FOLDER_PER_LABEL
from .scene_json import ART, COCO_TEXT, HIERTEXT, RECTS
from .scene_texts import ICDAR_SCENES, TOTAL_TEXT, UBER_TEXT
from .tables import TABLES
from .text_pairs import GT_TXT, LABEL_PAIRS, TEXT_PAIRS
from .xml_files import ICDAR2003, SVT


__all__ = ["READERS", "AnnotationError", "Reader", "SplitNotFoundError", "find_reader", "formats"]

#: By name, in the order in which they are tried: those that know their archive by a file's name come first, those that
#: take any list of images and texts come last.
READERS: dict[str, Reader] = {
    reader.name: reader
    for reader in (
        TABLES,
        IIIT5K,
        MJSYNTH,
        SYNTHTEXT,
        UNION14M,
        LMDB,
        ICDAR2003,
        SVT,
        CUTE80,
        SVTP,
        ICDAR_WORDS,
        TOTAL_TEXT,
        UBER_TEXT,
        ICDAR_SCENES,
        RECTS,
        ART,
        COCO_TEXT,
        HIERTEXT,
        GT_TXT,
        IMAGE_FOLDER,
        LABEL_PAIRS,
        LABELS,
        JSON_LABELS,
        TEXT_PAIRS,
        FILE_NAMES,
        FOLDER_PER_LABEL,
    )
}


def find_reader(source: Path) -> Reader | None:
    """The first reader that recognises a file or folder; `None` if none does."""
    return next((reader for reader in READERS.values() if not reader.is_asked_for and reader.finds(source)), None)


def formats() -> str:
    """The formats and what each looks for, a line each."""
    readers = READERS.values()
    asked = {reader.name: f" (only with format={reader.name})" for reader in readers if reader.is_asked_for}
    return "\n".join(f"  {reader.name:16} {reader.layout}{asked.get(reader.name, '')}" for reader in readers)
