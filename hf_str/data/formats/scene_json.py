# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Scenes whose polygons are JSON: COCO-Text, TextOCR, OpenVINO; ArT, LSVT; ReCTS; HierText."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ..cropping import box_outline
from ..items import Indexed, Item, Region, Scene
from ..read_report import ReadReport
from .annotations import DONT_CARE, AnnotationError, flat, read_json, understanding
from .dataset_format import DatasetFormat
from .files import ImageFiles, walk
from .splits import choose_entries, group_by_split, split_of


__all__ = ["ART", "COCO_TEXT", "HIERTEXT", "RECTS"]


def _json_files(source: Path, depth: int = 1) -> list[Path]:
    if source.is_file():
        return [source] if source.suffix == ".json" else []
    return [file for file in walk(source, depth) if file.suffix == ".json"]


def _starts_with(file: Path, *keys: str) -> bool:
    """Whether the first of a file's keys is among these: it may be too large to parse for a look."""
    with open(file, encoding="utf-8-sig", errors="replace") as text:
        start = text.read(4096)
    key, _, _ = start.lstrip(" \r\n\t{[").removeprefix('"').partition('"')
    return any(key == wanted or (wanted.endswith("*") and key.startswith(wanted[:-1])) for wanted in keys)


def _root(source: Path) -> Path:
    return source if source.is_dir() else source.parent


def _open_scenes(
    find: Callable[[Path], list[Path]],
    scenes: Callable[[Path, ImageFiles], Iterable[Scene]],
    source: Path,
    split: str | None,
    report: ReadReport,
) -> Indexed[Item]:
    """The scenes of the annotation files that `find` finds in a source, of which each belongs to one split."""
    files = choose_entries(group_by_split(find(source), _root(source)), split, source)
    images = ImageFiles(_root(source))
    return [scene for file in files for scene in scenes(file, images)]


# ---------------------------------------------------------------------------------------------------------------------
# COCO-Text 1 and 2, TextOCR: anns and imgs; OpenVINO: the annotations and images of COCO itself


def _coco_files(source: Path) -> list[Path]:
    keys = ("cats", "anns", "imgs", "imgToAnns", "info", "licenses", "images", "annotations", "categories")
    return [file for file in _json_files(source) if _starts_with(file, *keys) and _is_coco(file)]


def _is_coco(file: Path) -> bool:
    # the texts stand far behind in a file of 100 MB: `utf8_string` or `transcription` is looked for in its bytes
    data = file.read_bytes()
    if not any(b'"%s"' % key in data for key in (b"bbox", b"mask", b"polygon", b"points", b"segmentation")):
        return False  # texts of whole images
    return b'"utf8_string"' in data or (b'"transcription"' in data and b'"image_id"' in data)


def _open_coco(source: Path, split: str | None, report: ReadReport) -> Indexed[Item]:
    by_split: dict[str, list[Scene]] = {}
    images = ImageFiles(_root(source))
    for file in _coco_files(source):
        with understanding(file):
            photos = list(_coco_photos(read_json(file), file))
        for image_split, name, regions in photos:
            scene = Scene(str(images.find(name, file)), regions, name)
            by_split.setdefault(image_split or split_of(file, images.root), []).append(scene)
    return choose_entries(by_split, split, source)


def _coco_photos(data: dict[str, Any], file: Path) -> Iterator[tuple[str | None, str, list[Region]]]:
    """Of each photo with words the split, where the file says it, the image's name and its regions."""
    photos = data.get("imgs") or data.get("images")
    words = data.get("anns") or data.get("annotations")
    if photos is None or words is None:
        raise AnnotationError(f"{file} has neither `imgs` and `anns` nor `images` and `annotations`")
    regions: dict[str, list[Region]] = {}
    for word in words.values() if isinstance(words, dict) else words:
        regions.setdefault(str(word["image_id"]), []).append(_coco_region(word))
    for photo in photos.values() if isinstance(photos, dict) else photos:
        name = photo.get("file_name") or photo["filename"]
        split = {"val": "validation"}.get(photo.get("set"), photo.get("set"))
        if found := regions.get(str(photo["id"])):
            yield split, name, found


def _coco_region(word: dict[str, Any]) -> Region:
    # version 2 calls its outline mask, version 1 polygon, TextOCR points, COCO segmentation (a list of outlines)
    outline = word.get("mask") or word.get("polygon") or word.get("points") or word.get("segmentation")
    outline = flat(outline[0] if outline and isinstance(outline[0], list) and len(outline[0]) > 2 else outline or [])
    if len(outline) < 8:
        x, y, width, height = word["bbox"]
        outline = box_outline(x, y, x + width, y + height)
    attributes = word.get("attributes") or {}
    text = word.get("utf8_string", attributes.get("transcription"))
    illegible = (
        word.get("legibility") == "illegible" or attributes.get("legible") is False or text in DONT_CARE | {"."}
    )
    return Region(outline, None if illegible or text is None else text)


COCO_TEXT = DatasetFormat(
    "coco_text",
    "COCO-Text, TextOCR, OpenVINO: a JSON file with imgs and anns (utf8_string), images in any folder",
    lambda source: bool(_coco_files(source)),
    _open_coco,
)

# ---------------------------------------------------------------------------------------------------------------------
# ArT and LSVT: {"gt_0": [{"transcription", "points", "illegibility"}]}


def _art_files(source: Path) -> list[Path]:
    return [file for file in _json_files(source) if _starts_with_boxes(file)]


def _starts_with_boxes(file: Path) -> bool:
    """Whether the first key has a list: `{"img_1.jpg": "text"}` and `[{"img_path": ...}]` are texts of word images."""
    with open(file, encoding="utf-8-sig", errors="replace") as text:
        return re.match(r'\s*\{\s*"(gt|res|img|train)_[^"]*"\s*:\s*\[', text.read(4096)) is not None


def _art_scenes(file: Path, images: ImageFiles) -> Iterator[Scene]:
    with understanding(file):
        regions = {key: [_art_region(word) for word in words] for key, words in read_json(file).items()}
    for key, found in regions.items():
        yield Scene(str(images.find(key, file)), found, key)


def _art_region(word: dict[str, Any]) -> Region:
    text = word.get("transcription")
    return Region(flat(word["points"]), None if word.get("illegibility") or text in DONT_CARE else text)


ART = DatasetFormat(
    "art",
    'ArT and LSVT: train_labels.json with {"gt_0": [{"transcription", "points", "illegibility"}]}, gt_0.jpg',
    lambda source: bool(_art_files(source)),
    partial(_open_scenes, _art_files, _art_scenes),
)

# ---------------------------------------------------------------------------------------------------------------------
# ReCTS: a JSON file each image, with chars and lines


def _rects_files(source: Path) -> list[Path]:
    return [file for file in _json_files(source, 2) if _starts_with(file, "chars", "lines")]


def _rects_scenes(file: Path, images: ImageFiles) -> Iterator[Scene]:
    with understanding(file):
        lines = read_json(file).get("lines", [])
        regions = [Region(flat(line["points"]), None if _ignored(line) else line["transcription"]) for line in lines]
    yield Scene(str(images.find(file.stem, file)), regions, file.stem)


def _ignored(line: dict[str, Any]) -> bool:
    return bool(line.get("ignore")) or line["transcription"] in DONT_CARE


RECTS = DatasetFormat(
    "rects",
    "ReCTS: gt/train_ReCTS_000001.json with lines (points, transcription, ignore), img/train_ReCTS_000001.jpg",
    lambda source: bool(_rects_files(source)),
    partial(_open_scenes, _rects_files, _rects_scenes),
)

# ---------------------------------------------------------------------------------------------------------------------
# HierText: paragraphs of lines of words


def _hier_files(source: Path) -> list[Path]:
    files = [source] if source.is_file() else walk(source, 1)
    found = [
        file for file in files if file.suffix in (".json", ".jsonl") and _starts_with(file, "info", "annotations")
    ]
    return [file for file in found if b'"paragraphs"' in _head(file)]


def _head(file: Path) -> bytes:
    with open(file, "rb") as data:
        return data.read(1_000_000)


def _hier_scenes(file: Path, images: ImageFiles) -> Iterator[Scene]:
    # it is called .jsonl, but holds one JSON object that may have line breaks
    with understanding(file):
        photos = [(photo["image_id"], _hier_regions(photo)) for photo in read_json(file)["annotations"]]
    for name, regions in photos:
        yield Scene(str(images.find(name, file)), regions, name)


def _hier_regions(photo: dict[str, Any]) -> list[Region]:
    words = (word for paragraph in photo["paragraphs"] for line in paragraph["lines"] for word in line["words"])
    return [Region(flat(word["vertices"]), _hier_text(word)) for word in words]


def _hier_text(word: dict[str, Any]) -> str | None:
    return word["text"] if word.get("legible", True) else None


HIERTEXT = DatasetFormat(
    "hiertext",
    "HierText: train.jsonl with annotations of paragraphs, lines and words, images in train/",
    lambda source: bool(_hier_files(source)),
    partial(_open_scenes, _hier_files, _hier_scenes),
)
