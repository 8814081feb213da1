"""Folders of images with a table of texts: metadata.csv or metadata.jsonl, as `datasets` has it, and labels.csv."""

import csv
import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from ..items import Concatenated, Item, LazyItems, Skipped, Word
from ..read_report import ReadReport
from .common import AnnotationError, Reader, base_folder, choose_split, split_of, walk


__all__ = ["IMAGE_FOLDER", "LABEL_PAIRS"]

_TABLES = {"metadata.csv", "metadata.jsonl", "labels.csv"}
_NAME_COLUMNS = ("file_name", "filename", "image", "image_path", "path", "file")
_TEXT_COLUMNS = ("text", "words", "label", "transcription", "ground_truth")


def _tables(source: Path) -> list[Path]:
    if source.is_file():
        return [source] if source.suffix in (".csv", ".jsonl") else []
    return [file for file in walk(source, 2) if file.name in _TABLES]


def _finds(source: Path) -> bool:
    try:
        return any(_columns(file) for file in _tables(source))
    except AnnotationError:
        return source.is_dir()  # a metadata.csv without these columns: opening it says what is wrong


def _columns(file: Path) -> tuple[str, str]:
    first = next(_records(file), {})
    name = next((column for column in _NAME_COLUMNS if column in first), None)
    text = next((column for column in _TEXT_COLUMNS if column in first), None)
    if name is None or text is None:
        raise AnnotationError(
            f"{file} has the columns {list(first)}: it needs one for the image ({', '.join(_NAME_COLUMNS)}) and one "
            f"for the text ({', '.join(_TEXT_COLUMNS)})"
        )
    return name, text


def _records(file: Path) -> Iterator[dict]:
    with open(file, encoding="utf-8-sig", newline="") as lines:
        if file.suffix == ".csv":
            yield from csv.DictReader(lines)
            return
        for number, line in enumerate(lines, start=1):
            try:
                record = json.loads(line) if line.strip() else None
            except ValueError as error:
                raise AnnotationError(f"{file}, line {number} is not JSON: {error}") from error
            if isinstance(record, dict):
                yield record


def _open(source: Path, split: str | None, report: ReadReport) -> Sequence[Item]:
    by_split: dict[str, list[Path]] = {}
    for file in _tables(source):
        by_split.setdefault(split_of(file.parent, source), []).append(file)
    files = [file for files in choose_split(by_split, split, source).values() for file in files]
    return Concatenated([_items(file) for file in files])


def _items(file: Path) -> Sequence[Item]:
    name, text = _columns(file)
    records = [(record.get(name), record.get(text)) for record in _records(file)]
    base = base_folder((record[0] or "" for record in records[:100]), [file.parent])
    return LazyItems(records, partial(_word, str(base), file.name))


def _word(base: str, file: str, record: tuple) -> Item:
    name, text = record
    if not name:
        return Skipped("malformed_annotation", f"{file}: no image for the text {text!r}")
    return Word(f"{base}/{name}", "" if text is None else str(text), name)


IMAGE_FOLDER = Reader(
    "imagefolder", "metadata.csv, metadata.jsonl or labels.csv: columns file_name and text", _finds, _open
)

# ---------------------------------------------------------------------------------------------------------------------


def _open_pairs(source: Path, split: str | None, report: ReadReport) -> Sequence[Item]:
    images = {path.stem: path for path in walk(source / "IMG", 0)}
    labels = sorted(walk(source / "label", 0), key=lambda path: (len(path.stem), path.stem))
    expected = source / "IMG"
    pairs = [(str(images.get(label.stem, expected / f"{label.stem}.png")), str(label)) for label in labels]
    return LazyItems(pairs, _pair)


def _pair(record: tuple[str, str]) -> Item:
    image, label = record
    lines = Path(label).read_text(encoding="utf-8-sig").splitlines()
    return Word(image, lines[0].strip() if lines else "", Path(image).name)


LABEL_PAIRS = Reader(
    "label_pairs",
    "IMG/1.png with label/1.txt, as the case-sensitive labels of the benchmarks are distributed",
    lambda source: (source / "IMG").is_dir() and (source / "label").is_dir(),
    _open_pairs,
)
