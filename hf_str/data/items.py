# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What readers find in an archive, before any image is opened: words, scenes, and what is no word.

A reader turns annotations into a sequence of items; an item gives the rows of the table `{image, text, polygon,
source}`. Parsing is thus apart from opening images, so a part of an archive can be read, anywhere and again.
"""

import codecs
import mmap
import os
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from ..models.crnn.image_loading_crnn import UnreadableImageError, load_word_image
from ..models.crnn.text_crnn import normalize_text
from ..models.crnn.text_files_crnn import BYTE_ORDER_MARKS, read_text_file
from ..utils.optional import require
from .cropping import DegenerateBoxError, crop_word, is_irregular
from .read_report import ReadReport


__all__ = [
    "Concatenated",
    "Item",
    "LazyItems",
    "Region",
    "Row",
    "Scene",
    "SeveralWords",
    "Skipped",
    "TextLines",
    "Word",
    "find_image",
    "label_fault",
]

Image.init()
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm")
#: Bytes that are checked at a time for being text.
_PIECE = 1 << 24
#: Boxes of PaddleOCR's detection, and texts of Donut, where a label should be.
_ANNOTATION = re.compile(r'\s*\[?\s*\{\s*"(transcription|points|gt_parses?|text_sequence|bbox|box)"\s*:')
LOSSLESS = {".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"}


class Row(NamedTuple):
    """One word. Of the image there are its encoded bytes, its path, or both (then the path is but a name)."""

    data: bytes | None
    path: str | None
    text: str
    polygon: list[float] | None = None


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
        """Its row. With `embed` a file's bytes are read, otherwise the row has its path."""
        polygon = None if self.polygon is None else [float(number) for number in self.polygon]
        if not self.text.strip():
            report.count("empty_label", self.name)
        elif fault := label_fault(self.text):
            report.count("malformed_annotation", f"{self.name}: {fault}")
        elif isinstance(self.image, bytes):
            yield Row(self.image, self.name, self.text, polygon)
        elif (path := find_image(self.image)) is None:
            report.count("missing_image", _with_hint(self.name, self.image))
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
        wanted = [(number, region) for number, region in enumerate(self.regions) if self._is_word(number, report)]
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
        for number, (outline, text) in wanted:
            name = f"{self.name}#{number}"
            try:
                crop = crop_word(pixels, outline)
            except DegenerateBoxError as error:
                report.count("degenerate_box", f"{name} {text!r}: {error}")
                continue
            if is_irregular(outline):
                report.count("irregular_box", name)
            data, suffix = _encode(crop, self.path)
            yield Row(data, f"{name}{suffix}", text, [float(number) for number in outline])

    def _is_word(self, number: int, report: ReadReport) -> bool:
        text = self.regions[number].text
        if text is not None and text.strip():
            return True
        report.count("dont_care" if text is None else "empty_label", f"{self.name}#{number}")
        return False


class Skipped(NamedTuple):
    """An annotation that gives no word; `kind` is a key of `read_report.KINDS`."""

    kind: str
    name: str

    def rows(self, report: ReadReport, embed: bool) -> Iterator[Row]:
        report.count(self.kind, self.name)
        return iter(())


Item = Word | SeveralWords | Scene | Skipped


class LazyItems(Sequence):
    """Items made from records when they are asked for: ten million lines stay lines.

    Args:
        records: any sequence.
        make: an importable function of a record that returns its item.
    """

    def __init__(self, records: Sequence[Any], make: Callable[[Any], Item]):
        self.records, self.make = records, make

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Item:
        return self.make(self.records[index])


class Concatenated(Sequence):
    """Several sequences, one after the other."""

    def __init__(self, parts: Sequence[Sequence]):
        self.parts = list(parts)
        self.ends = list(accumulate(map(len, self.parts)))

    def __len__(self) -> int:
        return self.ends[-1] if self.parts else 0

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)
        part = bisect_right(self.ends, index)
        return self.parts[part][index - (self.ends[part - 1] if part else 0)]


class TextLines(Sequence):
    """The lines of a text file as `(number, line)`, without the empty ones. Only their places are kept in memory.

    Args:
        path: a file in UTF-8, or in UTF-16 or UTF-32 with a byte order mark, its lines ended by LF, CRLF or CR.

    Bytes that are no text become U+FFFD, which is enough to tell what a file is; who reads labels calls [`check`].
    """

    def __init__(self, path: str | Path):
        self.path = str(path)
        self._open()
        data = np.frombuffer(self._bytes, np.uint8) if self._bytes else np.zeros(0, np.uint8)
        # LF, and CR where none follows: the CR of CRLF is taken off with its line's white space
        is_end = data == ord("\n")
        is_end[:-1] |= (data[:-1] == ord("\r")) & (data[1:] != ord("\n"))
        ends = np.append(np.flatnonzero(is_end), len(data))
        starts = np.append(0, ends[:-1] + 1)
        if self._bytes[:3] == b"\xef\xbb\xbf":
            starts[0] = 3
        # a line of white space only is no line: the first byte tells for nearly all, the rest is looked at
        filled = [i for i in np.flatnonzero(ends > starts) if self._bytes[starts[i] : ends[i]].strip()]
        self.numbers, self.starts, self.ends = np.array(filled, np.int64) + 1, starts[filled], ends[filled]

    def _open(self):
        with open(self.path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
        start = self._bytes[:4]
        encoding = next((encoding for mark, encoding in BYTE_ORDER_MARKS if start.startswith(mark)), "utf-8")
        if encoding != "utf-8":  # rare, and small
            self._bytes = self._bytes[:].decode(encoding, "replace").removeprefix("\ufeff").encode()

    def check(self) -> "TextLines":
        """Itself, if all of it is text.

        Raises:
            TextFileError: by file and line number, it is not.
        """
        if len(self._bytes) and isinstance(self._bytes, bytes):
            read_text_file(self.path)  # UTF-16, in memory already
        decoder = codecs.getincrementaldecoder("utf-8")()
        for begin in range(0, len(self._bytes), _PIECE):
            piece = self._bytes[begin : begin + _PIECE]
            try:
                decoder.decode(piece, final=begin + _PIECE >= len(self._bytes))
            except UnicodeDecodeError:
                read_text_file(self.path)  # says where
            if b"\0" in piece:
                read_text_file(self.path)
        return self

    def drop_first(self):
        """Leaves out the first line, a header."""
        self.numbers, self.starts, self.ends = self.numbers[1:], self.starts[1:], self.ends[1:]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_bytes"}

    def __setstate__(self, state: dict[str, Any]):
        self.__dict__.update(state)
        self._open()

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> tuple[int, str]:
        line = self._bytes[self.starts[index] : self.ends[index]]
        return int(self.numbers[index]), line.decode("utf-8", "replace").rstrip("\r\n")


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


def find_image(path: str) -> str | None:
    """The file that a path means, also one written on another system; `None` if there is none, or several might be.

    Where nothing lies at the path itself, its backslashes are taken for slashes, then letters of the other case or
    Unicode form and a missing suffix are looked for, part by part.

    Example:
        >>> find_image("words/images\\1.PNG")  # doctest: +SKIP
        'words/images/1.png'
    """
    if os.path.isfile(path):
        return path
    folder, *rest = _parts(path)
    found = folder
    for place, part in enumerate(rest):
        step = os.path.join(found, part)
        if not os.path.exists(step):
            names = _names(found)
            alike = names.get(_folded(part), [])
            if not alike and place == len(rest) - 1:
                images = (name for group in names.values() for name in group if name.lower().endswith(IMAGE_SUFFIXES))
                alike = [name for name in images if os.path.splitext(name)[0] == part]
            if len(alike) != 1:
                return None
            step = os.path.join(found, alike[0])
        found = step
    return found if os.path.isfile(found) else None


def _parts(path: str) -> list[str]:
    """A folder that exists, and the names from there on."""
    if os.sep == "/":
        path = path.replace("\\", "/")
    path, rest = os.path.normpath(path), []
    while path and not os.path.isdir(path) and os.path.dirname(path) != path:
        path, name = os.path.split(path)
        rest.insert(0, name)
    return [path or ".", *rest]


def _names(folder: str) -> dict[str, list[str]]:
    try:
        return _names_of(folder, os.stat(folder).st_mtime_ns)
    except OSError:
        return {}


@lru_cache(maxsize=64)
def _names_of(folder: str, modified: int) -> dict[str, list[str]]:
    """The names in a folder as [`_folded`] has them."""
    names: dict[str, list[str]] = {}
    for name in sorted(os.listdir(folder)):
        names.setdefault(_folded(name), []).append(name)
    return names


def _folded(name: str) -> str:
    """In lower case and NFC: macOS writes names of files with an accent apart from its letter."""
    return normalize_text(name.lower())


def _with_hint(name: str, path: str) -> str:
    """A missing image's name, and what lies there that may be meant."""
    folder, *rest = _parts(path)
    if not rest:
        return name
    names = _names(folder)
    stem = os.path.splitext(rest[0])[0].lower()
    alike = names.get(_folded(rest[0])) or [n for group in names.values() for n in group if n.lower().startswith(stem)]
    return f"{name} (there is {', '.join(alike[:3])} in {folder})" if alike and stem else name


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
    """A scene in full size, uint8, (height, width) or (height, width, 3), upright as image viewers show it."""
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
