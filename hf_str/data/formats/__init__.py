# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Dataset formats: the layouts on disk that word boxes come in, and how to tell which one it is.

A layout of your own becomes a format like any other with a [`DatasetFormat`] in `DATASET_FORMATS`:

    DATASET_FORMATS["mine"] = DatasetFormat("mine", "my.txt with `image text`", finds_mine, open_mine)

where `finds_mine(source)` says whether a path has it, and `open_mine(source, split, report)` returns
a sequence of `items.Word` and `items.Scene`.
"""

from pathlib import Path

from .annotations import AnnotationError
from .dataset_format import DatasetFormat
from .icdar_words import ICDAR_WORDS
from .image_folder import IMAGE_FOLDER
from .json_labels import JSON_LABELS
from .label_files import LABELS
from .lmdb_words import LMDB
from .matlab_files import IIIT5K, SYNTHTEXT
from .mjsynth import MJSYNTH
from .names import FILE_NAMES, FOLDER_PER_LABEL
from .scene_json import ART, COCO_TEXT, HIERTEXT, RECTS
from .scene_texts import ICDAR_SCENES, TOTAL_TEXT, UBER_TEXT
from .small_benchmarks import CUTE80, SVTP
from .splits import SplitNotFoundError
from .tables import TABLES
from .text_pairs import GT_TXT, LABEL_PAIRS, TEXT_PAIRS
from .union14m import UNION14M
from .xml_files import ICDAR2003, SVT


__all__ = [
    "DATASET_FORMATS",
    "AnnotationError",
    "DatasetFormat",
    "SplitNotFoundError",
    "describe_formats",
    "find_format",
]

#: By name, in the order in which they are tried: those that know their archive by a file's name come first, those that
#: take any list of images and texts come last.
DATASET_FORMATS: dict[str, DatasetFormat] = {
    dataset_format.name: dataset_format
    for dataset_format in (
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


def find_format(source: Path) -> DatasetFormat | None:
    """The first format that recognizes a file or folder; `None` if none does."""
    candidates = (candidate for candidate in DATASET_FORMATS.values() if not candidate.is_asked_for)
    return next((candidate for candidate in candidates if candidate.finds(source)), None)


def describe_formats() -> str:
    """The formats and what each looks for, a line each."""
    return "\n".join(
        f"  {name:16} {each.layout}{f' (only with format={name})' if each.is_asked_for else ''}"
        for name, each in DATASET_FORMATS.items()
    )
