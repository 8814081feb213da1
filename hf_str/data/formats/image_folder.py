# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Folders of images with a table of texts: metadata.csv or metadata.jsonl, as `datasets` has it, and other CSV."""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from ...models.crnn.text_files_crnn import TextFileError, read_lines
from ..items import Concatenated, Indexed, Item, LazyItems, Skipped, Word
from ..read_report import ReadReport
from .annotations import AnnotationError, label_text, parse_json
from .csv_files import NAME_COLUMNS, TEXT_COLUMNS, find_columns, read_csv
from .dataset_format import DatasetFormat
from .files import base_folder, join, walk
from .line_styles import is_image
from .splits import choose_entries, group_by_split


__all__ = ["IMAGE_FOLDER"]

_TABLES = {"metadata.csv", "metadata.jsonl", "labels.csv"}


def _tables(source: Path) -> list[Path]:
    if source.is_file():
        return [source] if source.suffix.lower() in (".csv", ".jsonl") else []
    files = list(walk(source, 2))
    # train_annotations.csv and the like, where there is none of the known names
    return [file for file in files if file.name in _TABLES] or [file for file in files if _is_list_of_words(file)]


def _is_list_of_words(file: Path) -> bool:
    """Whether the first lines of a CSV file have columns of image files and texts."""
    if file.suffix.lower() != ".csv":
        return False
    with open(file, encoding="utf-8-sig", errors="replace") as lines:
        header, first = (
            [field.strip(' "\n') for field in line.split(",")] for line in (*islice(lines, 2), "", "")[:2]
        )
    columns = find_columns(header)
    return columns is not None and len(first) > columns[0] and is_image(first[columns[0]])


def _finds(source: Path) -> bool:
    try:
        return any(_read(file) for file in _tables(source))
    except (AnnotationError, TextFileError):
        # a metadata.csv without these columns, or damaged: opening it says what is wrong
        return source.is_dir() or source.suffix.lower() == ".csv"


Record = tuple[int, str | None, str | None]


def _read(file: Path) -> list[Record]:
    """Line number, image and text of each row; the text is `None` where there is none that is text."""
    if file.suffix.lower() == ".csv":
        table = read_csv(file)
        columns = find_columns(table.columns)
        if columns is None:
            raise _without_columns(file, table.columns)
        name, text = columns
        return [
            (number, fields[name], fields[text]) if len(fields) == len(table.columns) else (number, None, None)
            for number, fields in table.records
        ]
    records = list(_json_lines(file))
    first = next((record for _, record in records if record), {})
    name = next((column for column in NAME_COLUMNS if column in first), None)
    text = next((column for column in TEXT_COLUMNS if column in first), None)
    if name is None or text is None:
        raise _without_columns(file, list(first))
    return [(n, r.get(name), _text(r.get(text))) if r is not None else (n, None, None) for n, r in records]


def _text(value: object) -> str | None:
    return "" if value is None else label_text(value)  # none is no label, and reported as such


def _without_columns(file: Path, columns: list[str]) -> AnnotationError:
    return AnnotationError(
        f"{file} has the columns {columns}: it needs one for the image ({', '.join(NAME_COLUMNS)}) and one "
        f"for the text ({', '.join(TEXT_COLUMNS)})"
    )


def _json_lines(file: Path) -> Iterator[tuple[int, dict | None]]:
    for number, line in enumerate(read_lines(file), start=1):
        if not line.strip():
            continue
        try:
            record = parse_json(line)
        except ValueError as error:
            raise AnnotationError(f"{file}, line {number} is not JSON: {error}") from error
        yield number, record if isinstance(record, dict) else None


def _open(source: Path, split: str | None, report: ReadReport) -> Indexed[Item]:
    files = choose_entries(group_by_split(_tables(source), source), split, source)
    return Concatenated([_items(file, source) for file in files])


def _items(file: Path, source: Path) -> Indexed[Item]:
    records = _read(file)
    folders = [file.parent, file.parent / "images", source if source.is_dir() else file.parent]
    base = base_folder((name for _, name, _ in records[:100] if isinstance(name, str)), folders)
    return LazyItems(records, partial(_word, str(base), file.name))


def _word(base: str, file: str, record: Record) -> Item:
    number, name, text = record
    if not name or not isinstance(name, str) or text is None:
        return Skipped("malformed_annotation", f"{file}, line {number}: image {name!r}, text {text!r}")
    return Word(join(base, name), text, name)


IMAGE_FOLDER = DatasetFormat(
    "imagefolder",
    "metadata.csv, metadata.jsonl, labels.csv or other CSV: columns such as file_name and text, image_path and "
    "plate_text (EasyOCR, fast-plate-ocr, `datasets`)",
    _finds,
    _open,
)
