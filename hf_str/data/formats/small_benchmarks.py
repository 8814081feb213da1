# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""CUTE80 and SVT-P as word images: test sets of one split, with a label file each."""

from itertools import islice
from pathlib import Path

from ..items import Concatenated, Indexed, Item
from ..read_report import ReadReport
from ..text_lines import TextLines
from .annotations import AnnotationError
from .dataset_format import DatasetFormat
from .files import walk
from .label_files import label_items
from .line_styles import line_style


__all__ = ["CUTE80", "SVTP"]


def _cute_files(source: Path) -> list[Path]:
    files = walk(source, 1) if source.is_dir() else [source]
    return [file for file in files if file.suffix == ".txt" and line_style(TextLines(file)) == "cute"]


def _open_cute(source: Path, split: str | None, report: ReadReport) -> Indexed[Item]:
    files = _cute_files(source)
    return Concatenated([label_items(file, [file.parent, source, file.parent.parent]) for file in files])


CUTE80 = DatasetFormat(
    "cute80",
    "CUTE80 word images: lines `timage/001.jpg RONALDO 1 RONALDO`",
    lambda source: bool(_cute_files(source)),
    _open_cute,
)


def _svtp_file(source: Path) -> Path | None:
    files = [source] if source.is_file() else [file for file in walk(source, 1) if file.name == "gt.txt"]
    return next((file for file in files if any("_par." in line for _, line in islice(TextLines(file), 3))), None)


def _open_svtp(source: Path, split: str | None, report: ReadReport) -> Indexed[Item]:
    file = _svtp_file(source)
    if file is None:
        raise AnnotationError(f"{source} has no gt.txt of SVT-P")
    return label_items(file, [file.parent, *sorted(path for path in file.parent.iterdir() if path.is_dir())])


SVTP = DatasetFormat(
    "svtp",
    "SVT-P word images: gt.txt with `13_15_0_par.jpg WYNDHAM`, images in par1/ or beside it",
    lambda source: _svtp_file(source) is not None,
    _open_svtp,
)
