# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What an archive holds, before any image is opened: words, scenes, and what is no word.

A dataset format turns annotations into a sequence of items; an item gives the rows of the table `{image, text,
polygon, source}`. Parsing is thus apart from opening images, so a part of an archive can be read, anywhere and again.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from PIL import Image

from ..models.crnn.image_loading_crnn import UnreadableImageError, load_word_image
from ..utils.optional import require
from .cropping import DegenerateBoxError, crop_word, is_irregular
from .image_paths import find_image, with_hint
from .read_report import ReadReport


__all__ = [
    "Concatenated",
    "Indexed",
    "Item",
    "LazyItems",
    "Region",
    "Row",
    "Scene",
    "SeveralWords",
    "Skipped",
    "Word",
    "label_fault",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

#: Boxes of PaddleOCR's detection, and texts of Donut, where a label should be.
_ANNOTATION = re.compile(r'\s*\[?\s*\{\s*"(transcription|points|gt_parses?|text_sequence|bbox|box)"\s*:')
LOSSLESS = {".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"}


class Indexed(Protocol[T_co]):
    """A sequence that is indexed by whole numbers from 0 on only: lists are one, and so are those made on demand."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> T_co: ...

    def __iter__(self) -> Iterator[T_co]:
        return (self[index] for index in range(len(self)))


class Row(NamedTuple):
    """One word. Of the image there are its encoded bytes, its path, or both (then the path is but a name)."""

    data: bytes | None
    path: str | None
    text: str
    polygon: list[float] | None = None


class Item(Protocol):
    """A part of an archive: a word, a scene, or what is no word."""

    def rows(self, report: ReadReport, embed: bool) -> Iterator[Row]:
        """The words in it.

        Args:
            report: is told what was left out, and why.
            embed: read the bytes of images that are files of their own; otherwise their rows have a path.
        """
        ...


class Word(NamedTuple):
    """A word that has an image of its own.

    Args:
        image: a path, or the encoded bytes.
        text: its label.
        name: how reports call it.
        polygon: its outline in that image, where the archive says so.
    """

    image: str | bytes
    text: str
    name: str
    polygon: Sequence[float] | None = None

    def rows(self, report: ReadReport, embed: bool) -> Iterator[Row]:
        """See [`Item.rows`]."""
        polygon = None if self.polygon is None else [float(number) for number in self.polygon]
        if not self.text.strip():
            report.count("empty_label", self.name)
        elif fault := label_fault(self.text):
            report.count("malformed_annotation", f"{self.name}: {fault}")
        elif isinstance(self.image, bytes):
            yield Row(self.image, self.name, self.text, polygon)
        elif (path := find_image(self.image)) is None:
            report.count("missing_image", with_hint(self.name, self.image))
        else:
            if path != self.image:
                report.count("other_name", f"{self.name} is {path}")
            data = _read_file(path, self.name, report) if embed else None
            if data is not None or not embed:
                yield Row(data, self.name if embed else path, self.text, polygon)


class SeveralWords(NamedTuple):
    """Images of the same word, on one line of a label file."""

    words: Sequence[Word]

    def rows(self, report: ReadReport, embed: bool) -> Iterator[Row]:
        """See [`Item.rows`]."""
        for word in self.words:
            yield from word.rows(report, embed)


class Region(NamedTuple):
    """A word in a scene: its outline `x1, y1, x2, y2, ...` in pixels, and its text; `None` is "don't care"."""

    outline: Sequence[float]
    text: str | None


class Scene(NamedTuple):
    """A photograph and the words in it. Its words are cut out when its rows are read."""

    path: str
    regions: Sequence[Region]
    name: str

    def rows(self, report: ReadReport, embed: bool) -> Iterator[Row]:
        """See [`Item.rows`]; crops are bytes whatever `embed` says."""
        wanted = []
        for number, region in enumerate(self.regions):
            name = f"{self.name}#{number}"
            if region.text is None or not region.text.strip():
                report.count("dont_care" if region.text is None else "empty_label", name)
            else:
                wanted.append((name, region.outline, region.text))
        if not wanted:
            return
        try:
            pixels = _read_scene(find_image(self.path) or self.path)
        except FileNotFoundError:
            report.count("missing_image", self.name, len(wanted))
            return
        except (OSError, UnreadableImageError) as error:
            report.count("unreadable_image", f"{self.name} ({error})", len(wanted))
            return
        for name, outline, text in wanted:
            try:
                crop = crop_word(pixels, outline)
            except DegenerateBoxError as error:
                report.count("degenerate_box", f"{name} {text!r}: {error}")
                continue
            if is_irregular(outline):
                report.count("irregular_box", name)
            data, suffix = _encode(crop, self.path)
            yield Row(data, f"{name}{suffix}", text, [float(number) for number in outline])


class Skipped(NamedTuple):
    """An annotation that gives no word; `kind` is a key of `read_report.KINDS`."""

    kind: str
    name: str

    def rows(self, report: ReadReport, embed: bool) -> Iterator[Row]:
        """None; it is counted."""
        report.count(self.kind, self.name)
        return iter(())


class LazyItems(Indexed[Item]):
    """Items made from records when they are asked for: ten million lines stay lines.

    Args:
        records: what can be indexed.
        make: an importable function of a record that returns its item.
    """

    def __init__(self, records: Indexed[Any], make: Callable[[Any], Item]):
        self.records, self.make = records, make

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int, /) -> Item:
        return self.make(self.records[index])


class Concatenated(Indexed[T]):
    """Several sequences, one after the other."""

    def __init__(self, parts: Sequence[Indexed[T]]):
        self.parts = list(parts)
        self.ends = list(accumulate(map(len, self.parts)))

    def __len__(self) -> int:
        return self.ends[-1] if self.parts else 0

    def __getitem__(self, index: int, /) -> T:
        if not 0 <= index < len(self):
            raise IndexError(index)
        part = bisect_right(self.ends, index)
        return self.parts[part][index - (self.ends[part - 1] if part else 0)]


def label_fault(text: str) -> str | None:
    """What shows that a label is not what stands in the image; `None` where nothing does.

    Example:
        >>> label_fault('[{"transcription": "Exit", "points": [[1, 1], [9, 1], [9, 9], [1, 9]]}]')[:40]
        'the text is an annotation, not a word: ['
    """
    if any("\ud800" <= character <= "\udfff" for character in text):
        return f"the text {text!r} has half a character (a lone surrogate)"
    if _ANNOTATION.match(text):
        return f"the text is an annotation, not a word: {text[:80]}"
    return None


def _read_file(path: str, name: str, report: ReadReport) -> bytes | None:
    """A file's bytes, or `None` after counting why there are none."""
    try:
        with open(path, "rb", buffering=0) as file:
            data = file.read()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        report.count("missing_image", name)
        return None
    except OSError as error:
        report.count("unreadable_image", f"{name} ({error.strerror})")
        return None
    if not data:
        report.count("unreadable_image", f"{name} (0 bytes)")
    return data or None


def _read_scene(path: str) -> np.ndarray:
    """A scene in full size, uint8, (height, width) or (height, width, 3), turned as image viewers show it."""
    with Image.open(path) as image:  # opened here: by its path, a large JPEG would come back smaller
        return np.asarray(load_word_image(image))


def _encode(crop: np.ndarray, scene: str) -> tuple[bytes, str]:
    """A crop as PNG where its scene was kept without loss, else as JPEG of high quality: its bytes and suffix."""
    cv2 = require("cv2")
    if crop.ndim == 3:
        crop = cv2.cvtColor(crop, cv2.COLOR_RGB2BGR)
    if Path(scene).suffix.lower() in LOSSLESS:
        return cv2.imencode(".png", crop)[1].tobytes(), ".png"
    options = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    return cv2.imencode(".jpg", crop, options)[1].tobytes(), ".jpg"
