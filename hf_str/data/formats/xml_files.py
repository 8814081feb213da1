# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Archives whose annotations are XML: Street View Text and ICDAR 2003, words and scenes."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

from ..cropping import box_outline
from ..items import Concatenated, Indexed, Item, Region, Scene, Word
from ..read_report import ReadReport
from .annotations import AnnotationError, understanding
from .dataset_format import DatasetFormat
from .files import ImageFiles, walk
from .splits import choose_entries, group_by_split, split_of


__all__ = ["ICDAR2003", "SVT"]


def _parse(file: Path) -> ElementTree.Element:
    try:
        return ElementTree.parse(file).getroot()
    except ElementTree.ParseError as error:
        raise AnnotationError(f"{file} is not valid XML: {error}") from error


def _scenes(file: Path, images: ImageFiles) -> Iterator[Scene]:
    """The scenes of a tagset: images with taggedRectangles, in pixels, each with a tag."""
    for image in _parse(file).iter("image"):
        name = (image.findtext("imageName") or "").strip()
        path = file.parent / name
        with understanding(file):
            regions = [_region(rectangle) for rectangle in image.iter("taggedRectangle")]
        yield Scene(str(path if path.is_file() else images.find(name, file)), regions, name)


def _region(rectangle: ElementTree.Element) -> Region:
    x, y, width, height = (float(rectangle.get(key, "nan")) for key in ("x", "y", "width", "height"))
    tag = rectangle.findtext("tag")
    # ICDAR 2003's locations.xml has rectangles without a tag: nobody said what stands there
    return Region(box_outline(x, y, x + width, y + height), None if tag is None else tag.strip())


# ---------------------------------------------------------------------------------------------------------------------
# Street View Text: train.xml and test.xml


def _svt_files(source: Path) -> dict[str, list[Path]]:
    files = [file for file in walk(source, 1) if file.suffix == ".xml" and _starts_tagset(file, "lex")]
    return group_by_split(files, source)


def _starts_tagset(file: Path, *words: str) -> bool:
    with open(file, encoding="utf-8", errors="replace") as lines:
        start = lines.read(20_000)
    return "<taggedRectangle" in start and all(f"<{word}" in start for word in words)


def _open_svt(source: Path, split: str | None, report: ReadReport) -> Indexed[Item]:
    files = choose_entries(_svt_files(source), split, source)
    images = ImageFiles(source, 2)
    return Concatenated([list(_scenes(file, images)) for file in files])


SVT = DatasetFormat(
    "svt",
    "SVT and SVT-P as scenes: train.xml and test.xml with lex and taggedRectangles, images in img/",
    lambda source: source.is_dir() and bool(_svt_files(source)),
    _open_svt,
)

# ---------------------------------------------------------------------------------------------------------------------
# ICDAR 2003: word.xml of the word images, words.xml and locations.xml of the scenes


def _icdar2003_files(source: Path) -> dict[str, list[Path]]:
    """By split the files to read: of each folder the word images' list, or else the scenes' words."""
    by_split: dict[str, list[Path]] = {}
    folders = dict.fromkeys(file.parent for file in walk(source, 2) if file.name in _NAMES)
    for folder in folders:
        file = next(folder / name for name in _NAMES if (folder / name).is_file())
        by_split.setdefault(split_of(file.parent, source.parent), []).append(file)
    return by_split


#: words.xml before locations.xml: they have the same rectangles, only the former says what stands in them.
_NAMES = ("word.xml", "words.xml", "locations.xml")


def _open_icdar2003(source: Path, split: str | None, report: ReadReport) -> Indexed[Item]:
    files = choose_entries(_icdar2003_files(source), split, source)
    return Concatenated([_icdar2003_items(file, source) for file in files])


def _icdar2003_items(file: Path, source: Path) -> Indexed[Item]:
    root = _parse(file)
    if root.find(".//taggedRectangle") is not None:
        return list(_scenes(file, ImageFiles(source, 2)))
    return [
        Word(str(file.parent / name), image.get("tag", ""), name)
        for image in root.iter("image")
        if (name := image.get("file"))
    ]


ICDAR2003 = DatasetFormat(
    "icdar2003",
    'ICDAR 2003: word.xml with `<image file="word/1/1.jpg" tag="self"/>`, or words.xml of the scenes',
    lambda source: source.is_dir() and bool(_icdar2003_files(source)),
    _open_icdar2003,
)
