# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Scenes with a text file each: ICDAR 2013, 2015, MLT and RCTW, Total-Text, Uber-Text.

| style    | line                                          | written by            |
|----------|-----------------------------------------------|-----------------------|
| box      | `38, 43, 920, 215, "Tiredness"`               | ICDAR 2013, test      |
| box      | `158 128 411 181 "Footpath"`                  | ICDAR 2013, training  |
| quad     | `377,117,463,117,465,130,378,130,Genaxis`     | ICDAR 2015            |
| script   | `377,117,463,117,465,130,378,130,Latin,the`   | ICDAR MLT 2017, 2019  |
| rctw     | `390,902,...,1225,0,"text"`                   | RCTW                  |
| total    | `x: [[259 313 ...]], y: [[542 ...]], ornt: [u'c'], transcriptions: [u'PAUL']` | Total-Text |
| uber     | `10 20 30 20 30 40 10 40<TAB>text<TAB>StreetName` | Uber-Text         |
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from ..cropping import box_outline
from ..items import Indexed, Item, LazyItems, Region, Row, Scene, Skipped
from ..read_report import ReadReport
from ..text_lines import TextLines
from .annotations import DONT_CARE
from .dataset_format import DatasetFormat
from .files import ImageFiles, walk
from .line_styles import SCRIPTS
from .matlab_files import load_mat
from .splits import choose_entries, group_by_split


__all__ = ["ICDAR_SCENES", "TOTAL_TEXT", "UBER_TEXT"]

_NUMBER = r"(-?\d+(?:\.\d+)?)"
_BOX = re.compile(rf"\s*{_NUMBER}[,\s]\s*{_NUMBER}[,\s]\s*{_NUMBER}[,\s]\s*{_NUMBER}[,\s]\s*(.*)")
_QUAD = re.compile(rf"\s*{_NUMBER}" + rf"\s*,\s*{_NUMBER}" * 7 + r"\s*,(.*)")
#: Class, center and size as parts of the image: boxes for a detector, without a text.
_YOLO = re.compile(r"\s*\d+(\s+[01]?\.?\d*){4}\s*")
_UBER = re.compile(r"\s*((?:-?\d+(?:\.\d+)?[ ,]+){7,}-?\d+(?:\.\d+)?)\s*\t([^\t]*)(?:\t.*)?")


def _care(text: str) -> str | None:
    return None if text.strip() in DONT_CARE else text


def _unquoted(text: str) -> str:
    text = text.strip()
    is_quoted = len(text) > 1 and text[0] == text[-1] == '"'
    return re.sub(r'\\(["\\])', r"\1", text[1:-1]) if is_quoted else text


def _box(line: str) -> Region | None:
    match = _BOX.fullmatch(line)
    return Region(box_outline(*map(float, match.groups()[:4])), _care(_unquoted(match[5]))) if match else None


def _quad(line: str) -> Region | None:
    match = _QUAD.fullmatch(line)
    return Region([float(number) for number in match.groups()[:8]], _care(match[9].strip())) if match else None


def _after(allowed: set[str], line: str) -> Region | None:
    """A quadrilateral with a further field, one of `allowed`, before the text."""
    match = _QUAD.fullmatch(line)
    if match is None:
        return None
    field, comma, text = match[9].partition(",")
    if not comma or field.strip() not in allowed:
        return None
    return Region([float(number) for number in match.groups()[:8]], _care(_unquoted(text)))


def _uber(line: str) -> Region | None:
    match = _UBER.fullmatch(line)
    if not match:
        return None
    numbers = [float(number) for number in re.split(r"[ ,]+", match[1].strip())]
    return Region(numbers, _care(match[2].strip())) if len(numbers) % 2 == 0 else None


#: The strictest first: "quad" would take the script for a part of the text.
STYLES: dict[str, Callable[[str], Region | None]] = {
    "script": partial(_after, SCRIPTS),
    "rctw": partial(_after, {"0", "1"}),
    "quad": _quad,
    "box": _box,
}


def _style(files: Sequence[Path]) -> str | None:
    """The style that all the first lines of the first files have.

    One of them must be a word: a lone `1,2,3,4,5,6,7,8,0,x` may be ICDAR 2015 with the text "0,x".
    """
    lines = [line for file in files[:50] for _, line in islice(TextLines(file), 20)]
    if lines and all(map(_YOLO.fullmatch, lines)):
        return None
    for style, parse in STYLES.items():
        if lines and sum(parse(line) is not None for line in lines) > 0.9 * len(lines):
            return style
    return None


def _read_regions(parse: Callable[[str], Region | None], file: Path) -> tuple[list[Region], list[str]]:
    """The regions of a text file, and the lines that are none."""
    # U+FFFD: bytes that are no UTF-8
    parsed = [(line, None if "\ufffd" in line else parse(line)) for _, line in TextLines(file)]
    return [region for _, region in parsed if region], [line for line, region in parsed if not region]


def _scene(parse: Callable[[str], Region | None], record: tuple[str, str, str]) -> Item:
    file, image, name = record
    regions, malformed = _read_regions(parse, Path(file))
    if malformed and not regions:
        return Skipped("malformed_annotation", f"{file}: {malformed[0][:80]!r}")
    return ReportedScene(image, regions, name, [f"{Path(file).name}: {line[:80]!r}" for line in malformed])


class ReportedScene:
    """A scene whose annotation has malformed lines besides its words."""

    def __init__(self, path: str, regions: list[Region], name: str, malformed: list[str]):
        self.scene, self.malformed = Scene(path, regions, name), malformed

    def rows(self, report: ReadReport, embed: bool) -> Iterator[Row]:
        for line in self.malformed:
            report.count("malformed_annotation", line)
        yield from self.scene.rows(report, embed)


def _pairs(files: Sequence[Path], source: Path, prefix: str) -> list[tuple[str, str, str]]:
    """Text file, image and the image's name; `gt_img_1.txt` belongs to `img_1.jpg`."""
    images = ImageFiles(source, 3)
    found = []
    for file in files:
        image = images.find(re.sub(prefix, "", file.stem, flags=re.IGNORECASE), file)
        name = image.relative_to(source).as_posix() if image.is_relative_to(source) else image.name
        found.append((str(file), str(image), name))
    return found


# ---------------------------------------------------------------------------------------------------------------------
# ICDAR


def _icdar_files(source: Path) -> list[Path]:
    files = [file for file in walk(source, 2) if file.suffix == ".txt"] if source.is_dir() else []
    return [file for file in files if re.fullmatch(r"(gt_)?.*\d+", file.stem)]


def _open_icdar(source: Path, split: str | None, report: ReadReport) -> Indexed[Item]:
    files = choose_entries(group_by_split(_icdar_files(source), source), split, source)
    return LazyItems(_pairs(files, source, "^gt_"), partial(_scene, STYLES[_style(files) or "quad"]))


ICDAR_SCENES = DatasetFormat(
    "icdar_scenes",
    "ICDAR 2013, 2015, MLT, RCTW scenes: gt_img_1.txt with boxes or quadrilaterals, img_1.jpg",
    lambda source: _style(_icdar_files(source)) is not None,
    _open_icdar,
)

# ---------------------------------------------------------------------------------------------------------------------
# Uber-Text


def _uber_files(source: Path) -> list[Path]:
    files = [file for file in walk(source, 3) if file.suffix == ".txt"] if source.is_dir() else []
    files = [file for file in files if file.stem.startswith("truth_")]
    return files if any(_uber(line) for file in files[:20] for _, line in islice(TextLines(file), 5)) else []


def _open_uber(source: Path, split: str | None, report: ReadReport) -> Indexed[Item]:
    files = choose_entries(group_by_split(_uber_files(source), source), split, source)
    return LazyItems(_pairs(files, source, "^truth_"), partial(_scene, _uber))


UBER_TEXT = DatasetFormat(
    "uber_text",
    "Uber-Text: truth_*.txt with `x1 y1 x2 y2 ...<TAB>text<TAB>class`, the images beside them",
    lambda source: bool(_uber_files(source)),
    _open_uber,
    depth=3,
)

# ---------------------------------------------------------------------------------------------------------------------
# Total-Text, as text and as MATLAB files

_TOTAL = re.compile(
    r"x:\s*\[\[(?P<x>[^]]*)\]\],\s*y:\s*\[\[(?P<y>[^]]*)\]\],\s*ornt:\s*\[(?P<ornt>.*?)\],"
    r"\s*transcriptions:\s*\[(?P<text>.*)\]\s*$"
)


def _total_files(source: Path) -> list[Path]:
    files = [file for file in walk(source, 4) if re.fullmatch(r"(poly_)?gt_img\d+\.(txt|mat)", file.name)]
    texts = [file for file in files if file.suffix == ".txt"]
    if texts and not any(line.startswith("x:") for file in texts[:5] for _, line in islice(TextLines(file), 3)):
        return []
    mats = [file for file in files if file.suffix == ".mat"]
    return texts or mats  # they say the same


def _total_regions(file: Path) -> tuple[list[Region], list[str]]:
    if file.suffix == ".mat":
        return _total_mat(file), []
    # a long outline is wrapped onto further lines
    text = " ".join(line for _, line in TextLines(file))
    records = [record.strip() for record in re.split(r"(?=x:\s*\[\[)", text) if record.strip()]
    parsed = [(record, _total(record)) for record in records]
    return [region for _, region in parsed if region], [record for record, region in parsed if not region]


def _total(record: str) -> Region | None:
    match = _TOTAL.fullmatch(record)
    if not match:
        return None
    x, y = match["x"].split(), match["y"].split()
    if len(x) != len(y):
        return None
    outline = [float(number) for point in zip(x, y, strict=True) for number in point]
    return Region(outline, _care(_python_string(match["text"])))


def _python_string(text: str) -> str:
    """`u'PAUL'` or `u"It's"` as it was before Python 2 wrote it; several of them were one text with commas."""
    strings = re.findall(r"u?'((?:[^'\\]|\\.)*)'|u?\"((?:[^\"\\]|\\.)*)\"", text.strip())
    joined = ",".join(single or double for single, double in strings) if strings else text.strip()
    return re.sub(
        r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))",
        lambda match: match[3] or chr(int(match[1] or match[2], 16)),
        joined,
    )


def _total_mat(file: Path) -> list[Region]:
    """Rows `x:, [x...], y:, [y...], text, orientation` of the variable `polygt` (of newer files, `gt`)."""
    variables = load_mat(file)
    rows = next((variables[name] for name in ("polygt", "gt") if name in variables), np.zeros((0, 6), object))
    regions = []
    for row in rows:
        outline = np.stack([np.ravel(row[1]), np.ravel(row[3])], axis=1).astype(float).ravel()
        text = str(np.ravel(row[4])[0]) if np.size(row[4]) else "#"
        regions.append(Region(outline.tolist(), _care(text)))
    return regions


def _total_scene(record: tuple[str, str, str]) -> Item:
    file, image, name = record
    regions, malformed = _total_regions(Path(file))
    return ReportedScene(image, regions, name, [f"{Path(file).name}: {line[:80]!r}" for line in malformed])


def _open_total(source: Path, split: str | None, report: ReadReport) -> Indexed[Item]:
    files = choose_entries(group_by_split(_total_files(source), source), split, source)
    return LazyItems(_pairs(files, source, "^(poly_)?gt_"), _total_scene)


TOTAL_TEXT = DatasetFormat(
    "total_text",
    "Total-Text: poly_gt_img1.txt or poly_gt_img1.mat with polygons, Images/Train/img1.jpg",
    lambda source: source.is_dir() and bool(_total_files(source)),
    _open_total,
    depth=4,
)
