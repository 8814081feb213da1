# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The ways in which the field writes a line of a label file: an image's name and its text.

| style  | line                                   | written by                                   |
|--------|----------------------------------------|----------------------------------------------|
| tab    | `images/1.png<TAB>text`                | PaddleOCR, clovaai, `labels.tsv`             |
| json   | `{"filename": "1.png", "text": "..."}` | mmocr 0.x, Union14M                          |
| quoted | `word_1.png, "text"`                   | ICDAR 2013 and 2015                          |
| script | `word_1.png,Latin,text`                | ICDAR MLT 2017 and 2019                      |
| bars   | `1001,|text|`                          | COCO-Text (word images)                      |
| cute   | `timage/001.jpg RONALDO 1 RONALDO`     | CUTE80                                       |
| space  | `train/1009_2.png You`                 | IIIT5K and SVT-P as mmocr distributes them   |
| comma  | `1.png,text`                           | home-made ones                               |
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from ..image_paths import IMAGE_SUFFIXES
from ..text_lines import TextLines
from .annotations import AnnotationError, label_text, parse_json
from .csv_files import NAME_COLUMNS, find_columns


__all__ = ["SCRIPTS", "STYLES", "images_of", "is_image", "line_style", "tab_columns"]

SCRIPTS = {"Latin", "Arabic", "Bangla", "Chinese", "Japanese", "Korean", "Hindi", "Symbols", "Mixed", "None"}
_SUFFIX = "|".join(suffix.lstrip(".") for suffix in IMAGE_SUFFIXES)
_QUOTED = re.compile(r'\s*([^,]+?)\s*,\s*"(.*)"\s*')
_SCRIPT = re.compile(rf"\s*([^,]+?)\s*,\s*({'|'.join(SCRIPTS)})\s*,(.*)")
_BARS = re.compile(r"\s*([^,]+?)\s*,\s*\|(.*)\|\s*")
_SPACE = re.compile(rf"(\S.*?\.(?:{_SUFFIX}))[ ]+(.*)", re.IGNORECASE)
_CUTE = re.compile(rf"(\S+\.(?:{_SUFFIX}))[ ]+(\S+)[ ]+\d+[ ]+\2\s*", re.IGNORECASE)
_COMMA = re.compile(rf"\s*([^,]+?\.(?:{_SUFFIX}))\s*,(.*)", re.IGNORECASE)

Parsed = tuple[str, str] | None


def _tab(line: str) -> Parsed:
    name, tab, text = line.partition("\t")
    return (name, text) if tab and name else None


def _json(line: str) -> Parsed:
    try:
        record = parse_json(line)
    except ValueError:
        return None
    if not isinstance(record, dict):
        return None
    name = next((record[key] for key in NAME_COLUMNS if key in record), None)
    text = label_text(record.get("text", record.get("label")))
    return (name, text) if isinstance(name, str) and text is not None else None


def _quoted(line: str) -> Parsed:
    match = _QUOTED.fullmatch(line)
    # quotes within the text are escaped by ICDAR 2013: word_61.png, "\"Tiredness\""
    return (match[1], re.sub(r'\\(["\\])', r"\1", match[2])) if match else None


def _script(line: str) -> Parsed:
    match = _SCRIPT.fullmatch(line)
    return (match[1], match[3].strip()) if match else None


def _bars(line: str) -> Parsed:
    match = _BARS.fullmatch(line)
    return (match[1] if match[1].lower().endswith(IMAGE_SUFFIXES) else f"{match[1]}.jpg", match[2]) if match else None


def _matching(pattern: re.Pattern, line: str) -> Parsed:
    match = pattern.fullmatch(line)
    return (match[1], match[2].strip()) if match else None


#: In the order in which they are tried: a later one would accept lines of an earlier one.
STYLES: dict[str, Callable[[str], Parsed]] = {
    "json": _json,
    "tab": _tab,
    "quoted": _quoted,
    "script": _script,
    "bars": _bars,
    "cute": partial(_matching, _CUTE),
    "space": partial(_matching, _SPACE),
    "comma": partial(_matching, _COMMA),
}


def line_style(lines: Iterable[tuple[int, str]]) -> str | None:
    """The style that most of the first lines of a label file have; `None` if no style fits half of them."""
    first = [line for _, line in islice(lines, 100)]
    fits = {style: sum(parse(line) is not None for line in first) for style, parse in STYLES.items()}
    best = max(fits, key=lambda style: fits[style])  # among equals the first, so the strictest
    return best if first and fits[best] * 2 >= len(first) else None


@dataclass(frozen=True)
class _Columns:
    """Which of the `count` columns between tabs are the image and the text."""

    name: int = 0
    text: int = 1
    count: int = 2

    def __call__(self, line: str) -> Parsed:
        fields = line.split("\t")
        if len(fields) != self.count or not fields[self.name]:
            return None
        return fields[self.name], fields[self.text]


def tab_columns(file: Path, lines: TextLines) -> tuple[_Columns, bool]:
    """The columns of a file with tabs, and whether its first line is their header.

    Raises:
        AnnotationError: there are more than two, and no header says which is which.
    """
    first = [line.split("\t") for _, line in islice(lines, 100)]
    if first and (columns := find_columns(first[0])):
        return _Columns(*columns, len(first[0])), True
    counts = Counter(len(fields) for fields in first if len(fields) > 1).most_common(1)
    count = counts[0][0] if counts else 2
    if count > 2:
        number, line = next((n, line) for n, line in islice(lines, 100) if line.count("\t") == count - 1)
        raise AnnotationError(
            f"{file}, line {number} has {count} columns: {line[:120]!r}. Keep two, the image and the text, or say "
            "which is which in a first line such as filename<TAB>text<TAB>score"
        )
    images = [[is_image(field) for field in fields] for fields in first if len(fields) == 2]
    if sum(text for _, text in images) * 2 > len(images) and not any(name for name, _ in images):
        return _Columns(1, 0), False
    return _Columns(), False


def is_image(name: str) -> bool:
    """Whether a name, or the last of a list of names as JSON, is that of an image file."""
    return name.strip().rstrip('"]').lower().endswith(IMAGE_SUFFIXES)


def images_of(name: str) -> list[str]:
    """`["a.png", "b.png"]`, as PaddleOCR writes several images of the same text; else the name itself."""
    if name.startswith("["):
        try:
            names = parse_json(name)
        except ValueError:
            return [name]
        if isinstance(names, list) and names and all(isinstance(each, str) for each in names):
            return names
    return [name]
