# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""One JSON file of all labels: docTR's, that of mmocr 1.x, COCO-style ones, and plain lists of records."""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ...models.crnn.text_files_crnn import read_text_file
from ..image_paths import IMAGE_SUFFIXES
from ..items import Concatenated, Indexed, Item, LazyItems, Region, Scene, SeveralWords, Skipped, Word
from ..read_report import ReadReport
from .annotations import AnnotationError, label_text, parse_json, understanding
from .csv_files import NAME_COLUMNS, TEXT_COLUMNS
from .dataset_format import DatasetFormat
from .files import base_folder, join, walk
from .splits import choose_entries, group_by_split


__all__ = ["JSON_LABELS"]

_SUFFIX = "|".join(suffix.lstrip(".") for suffix in IMAGE_SUFFIXES)
_STARTS = (
    re.compile(rf'\s*\{{\s*"[^"]+\.({_SUFFIX})"\s*:\s*["\d]', re.IGNORECASE),  # docTR
    re.compile(r'\s*\{.*"data_list"\s*:|\s*\{\s*"metainfo"\s*:', re.DOTALL),  # mmocr 1.x
    re.compile(r'\s*\{\s*"(info|images|annotations|licenses|categories|type)"\s*:', re.DOTALL),  # COCO
    re.compile(rf'\s*\[\s*\{{[^{{}}]*"({"|".join(NAME_COLUMNS)})"\s*:', re.DOTALL),
)
#: Text columns of COCO-style annotations, COCO-Text's and TextOCR's among them.
_COCO_TEXTS = ("utf8_string", "caption", "text", "transcription", "label")


def _files(source: Path) -> list[Path]:
    files = walk(source, 1) if source.is_dir() else [source]
    return [file for file in files if file.suffix.lower() == ".json" and _is_known(file)]


def _is_known(file: Path) -> bool:
    with open(file, "rb") as content:
        start = content.read(20_000)
    encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    head = start.decode(encoding, "ignore")
    kind = next((index for index, pattern in enumerate(_STARTS) if pattern.match(head)), None)
    if kind == 2:  # many files of other tasks look like this
        return _is_coco(_load(file))
    return kind is not None


def _is_coco(content: Any) -> bool:
    notes = content.get("annotations") if isinstance(content, dict) else None
    return (
        isinstance(notes, list)
        and isinstance(content.get("images"), list)
        and any(isinstance(note, dict) and any(key in note for key in _COCO_TEXTS) for note in notes[:100])
    )


def _load(file: Path) -> Any:
    text = read_text_file(file)
    try:
        return parse_json(text)
    except ValueError as error:
        raise AnnotationError(f"{file} is not valid JSON: {error}") from error


def _open(source: Path, split: str | None, report: ReadReport) -> Indexed[Item]:
    root = source if source.is_dir() else source.parent
    files = choose_entries(group_by_split(_files(source), root), split, source)
    return Concatenated([_items(file, root) for file in files])


def _items(file: Path, root: Path) -> Indexed[Item]:
    with understanding(file):
        records = list(_records(file, _load(file)))
    names = (name for name, _, _ in records[:100] if isinstance(name, str))
    folders = sorted(path for path in file.parent.iterdir() if path.is_dir())
    base = base_folder(names, [file.parent, file.parent / "images", root, file.parent.parent, *folders])
    return LazyItems(records, partial(_word, str(base), file.name))


#: The image's name, its texts with their outlines (`None`: the whole image), and where it stands in the file.
Record = tuple[Any, Sequence[tuple[Any, Sequence[float] | None]], str]


def _records(file: Path, content: Any) -> Iterator[Record]:
    if isinstance(content, list):
        for index, entry in enumerate(content):
            record = entry if isinstance(entry, dict) else {}
            yield _first(record, NAME_COLUMNS), [(_first(record, TEXT_COLUMNS), None)], f"entry {index}"
    elif "data_list" in content:
        for index, entry in enumerate(content["data_list"]):
            record = entry if isinstance(entry, dict) else {}
            instances = record.get("instances") or [{}]
            texts = [(instance.get("text"), None) for instance in instances if isinstance(instance, dict)]
            yield record.get("img_path"), texts, f"data_list[{index}]"
    elif _is_coco(content):
        yield from _coco(content)
    else:
        yield from ((name, [(text, None)], repr(name)) for name, text in content.items())


def _first(record: dict, keys: Sequence[str]) -> Any:
    return next((record[key] for key in keys if key in record), None)


def _coco(content: dict) -> Iterator[Record]:
    notes: dict[Any, list] = {}
    for note in content["annotations"]:
        box = [float(number) for number in note.get("bbox") or ()]
        outline = None
        if len(box) == 4:
            left, top, right, bottom = box[0], box[1], box[0] + box[2], box[1] + box[3]
            outline = [left, top, right, top, right, bottom, left, bottom]
        notes.setdefault(note.get("image_id"), []).append((_first(note, _COCO_TEXTS), outline))
    for image in content["images"]:
        yield image.get("file_name"), notes.pop(image.get("id"), []), f"image {image.get('id')}"
    for image_id, texts in notes.items():
        yield None, texts, f"annotations of image {image_id}, which is not in the file"


def _word(base: str, file: str, record: Record) -> Item:
    name, texts, position = record
    if not isinstance(name, str) or not name:
        return Skipped("malformed_annotation", f"{file}, {position}: no image for {texts!r}"[:200])
    if not texts:
        return Skipped("missing_text", name)
    path = join(base, name)
    if any(outline for _, outline in texts):
        return Scene(path, [Region(outline, label_text(text)) for text, outline in texts if outline], name)
    wrong = [text for text, _ in texts if label_text(text) is None]
    if wrong:
        return Skipped("malformed_annotation", f"{file}, {position}: the text of {name} is {wrong[0]!r}"[:200])
    words = [Word(path, text, name) for text, _ in texts]
    return words[0] if len(words) == 1 else SeveralWords(words)


JSON_LABELS = DatasetFormat(
    "json_labels",
    'a JSON file of labels: `{"1.png": "text"}` (docTR), data_list with instances (mmocr 1.x), images and annotations '
    "with caption, text or utf8_string (COCO-style), or a list of records",
    lambda source: bool(_files(source)),
    _open,
)
