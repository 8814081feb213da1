# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Word images with a text file of labels, in each of the ways in which the field writes that file.

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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from ..items import Concatenated, Item, LazyItems, SeveralWords, Skipped, TextLines, Word
from ..read_report import ReadReport
from .common import (
    IMAGE_SUFFIXES,
    AnnotationError,
    Reader,
    base_folder,
    choose_split,
    join,
    label_text,
    parse_json,
    read_json,
    split_of,
    walk,
)
from .csv_files import NAME_COLUMNS, find_columns


__all__ = [
    "CUTE80",
    "ICDAR_WORDS",
    "LABELS",
    "SVTP",
    "UNION14M",
    "images_of",
    "label_items",
    "line_style",
    "tab_columns",
]

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


def line_style(lines: Sequence[tuple[int, str]]) -> str | None:
    """The style that most of the first lines of a label file have; `None` if no style fits half of them."""
    first = [line for _, line in islice(lines, 100)]
    fits = {style: sum(parse(line) is not None for line in first) for style, parse in STYLES.items()}
    best = max(fits, key=fits.get)  # among equals the first, so the strictest
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
    if first and (places := find_columns(first[0])):
        return _Columns(*places, len(first[0])), True
    count = Counter(len(fields) for fields in first if len(fields) > 1).most_common(1)
    count = count[0][0] if count else 2
    if count > 2:
        number, line = next((n, line) for n, line in islice(lines, 100) if line.count("\t") == count - 1)
        raise AnnotationError(
            f"{file}, line {number} has {count} columns: {line[:120]!r}. Keep two, the image and the text, or say "
            "which is which in a first line such as filename<TAB>text<TAB>score"
        )
    images = [[_is_image(field) for field in fields] for fields in first if len(fields) == 2]
    if sum(text for _, text in images) * 2 > len(images) and not any(name for name, _ in images):
        return _Columns(1, 0), False
    return _Columns(), False


def _is_image(name: str) -> bool:
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


def label_items(file: Path, bases: Sequence[Path], label: str = "") -> Sequence[Item]:
    """The words of a label file, a line each, parsed when they are asked for.

    Args:
        file: the label file.
        bases: folders to which the names of images may be relative; which one it is, the first names tell.
        label: how reports call the file.

    Raises:
        AnnotationError: no style fits.
        TextFileError: it is in an encoding that cannot be told.
    """
    lines = TextLines(file).check()
    style = line_style(lines)
    if style is None:
        if not len(lines):
            return []
        raise AnnotationError(
            f"{file} is not a label file that is known here: its line {lines[0][0]} is {lines[0][1][:120]!r}. "
            f"Write an image path, a tab and the text on each line (styles: {', '.join(STYLES)})"
        )
    parse = STYLES[style]
    if style == "tab":
        parse, has_header = tab_columns(file, lines)
        if has_header:
            lines.drop_first()
    parsed = filter(None, (parse(line) for _, line in islice(lines, 100)))
    base = base_folder((each for name, _ in parsed for each in images_of(name)), bases)
    return LazyItems(lines, partial(_word, parse, str(base), label or file.name))


def _word(parse: Callable[[str], Parsed], base: str, file: str, record: tuple[int, str]) -> Item:
    number, line = record
    parsed = parse(line)
    if parsed is None:
        return Skipped("malformed_annotation", f"{file}, line {number}: {line[:80]!r}")
    name, text = parsed
    words = [Word(join(base, each), text, each) for each in images_of(name)]
    return words[0] if len(words) == 1 else SeveralWords(words)


# ---------------------------------------------------------------------------------------------------------------------
# labels.tsv, gt.txt

_LABEL_STEMS = ("labels", "label", "gt", "rec_gt", "ground_truth", "groundtruth", "annotation", "annotations")


def _label_files(source: Path) -> list[Path]:
    if source.is_file():
        return [source] if source.suffix.lower() in (".tsv", ".txt", ".jsonl") else []
    files = [file for file in walk(source, 0) if file.suffix.lower() in (".tsv", ".txt", ".jsonl")]
    named = [file for file in files if file.stem.lower() in _LABEL_STEMS]
    # rec_gt_train.txt, train_label.txt, test_labels.tsv, lmdb.txt ...
    pattern = re.compile(r"(rec_?)?(gt|labels?|annos?|annotations?)[_.-]\w+|\w+[_.-](gt|labels?|list|words)|lmdb")
    named = named[:1] or [file for file in files if pattern.fullmatch(file.stem.lower())]
    # PaddleOCR's train.txt and val.txt: by their content, as any list may be called so
    return named or [file for file in files if split_of(file, source) != "all" and _lists_images(file)]


def _lists_images(file: Path) -> bool:
    lines = TextLines(file)
    style = line_style(lines)
    parsed = [STYLES[style](line) for _, line in islice(lines, 100)] if style else []
    return sum(_is_image(name) for name, _ in filter(None, parsed)) * 2 > len(parsed)


def _finds_labels(source: Path) -> bool:
    return any(line_style(TextLines(file)) for file in _label_files(source))


def _bases(file: Path, root: Path) -> list[Path]:
    """Where images of a label file may lie: beside it, above it, or in a folder beside it (train_words for train)."""
    folders = sorted(path for path in file.parent.iterdir() if path.is_dir())
    split = split_of(file, file.parent)
    folders.sort(key=lambda folder: split_of(folder, file.parent) != split)
    return [file.parent, root, file.parent.parent, *folders]


def _open_labels(source: Path, split: str | None, report: ReadReport) -> Sequence[Item]:
    files = _label_files(source)
    if source.is_file():
        return label_items(source, _bases(source, source.parent))
    by_split: dict[str, list[Path]] = {}
    for file in files:
        by_split.setdefault(split_of(file, source), []).append(file)
    chosen = choose_split(by_split, split, source)
    return Concatenated([label_items(file, _bases(file, source)) for files in chosen.values() for file in files])


LABELS = Reader(
    "labels",
    'labels.tsv, gt.txt, train.txt or the like: lines `image<TAB>text` (with a header or not), `image, "text"`, '
    "`image text` or JSON",
    _finds_labels,
    _open_labels,
)

# ---------------------------------------------------------------------------------------------------------------------
# ICDAR word images (2013, 2015, MLT, COCO-Text): gt.txt with coords.txt, a folder each split


def _icdar_files(source: Path) -> list[Path]:
    names = re.compile(r"gt\.txt|challenge\d_\w+_task3_gt\.txt|\w+_words_gt\.txt|ch\d_\w+_gt\.txt", re.IGNORECASE)
    if source.is_file():
        return [source] if names.fullmatch(source.name) else []
    return [file for file in walk(source, 2) if names.fullmatch(file.name)]


def _finds_icdar(source: Path) -> bool:
    return any(line_style(TextLines(file)) in ("quoted", "script", "bars") for file in _icdar_files(source))


def _open_icdar(source: Path, split: str | None, report: ReadReport) -> Sequence[Item]:
    root = source if source.is_dir() else source.parent
    by_split: dict[str, list[Path]] = {}
    for file in _icdar_files(source):
        by_split.setdefault(split_of(file, root), []).append(file)
    chosen = [file for files in choose_split(by_split, split, source).values() for file in files]
    return Concatenated([_with_coordinates(file, label_items(file, _bases(file, root))) for file in chosen])


def _with_coordinates(file: Path, words: Sequence[Item]) -> Sequence[Item]:
    """Adds the outlines of ICDAR 2015's coords.txt, `word_1.png,x1,y1,...,x4,y4`, in pixels of the word image."""
    coordinates = file.with_name("coords.txt")
    if not coordinates.is_file():
        return words
    outlines = {}
    for _, line in TextLines(coordinates):
        name, *numbers = (part.strip() for part in line.split(","))
        if len(numbers) == 8:
            outlines[name] = [float(number) for number in numbers]
    return LazyItems(words, partial(_outlined, outlines))


def _outlined(outlines: dict[str, list[float]], item: Item) -> Item:
    return item._replace(polygon=outlines.get(item.name)) if isinstance(item, Word) else item


ICDAR_WORDS = Reader(
    "icdar_words",
    'ICDAR 2013, 2015, MLT and COCO-Text word images: gt.txt with `word_1.png, "text"`, coords.txt',
    _finds_icdar,
    _open_icdar,
)

# ---------------------------------------------------------------------------------------------------------------------
# CUTE80 and SVT-P as word images


def _cute_files(source: Path) -> list[Path]:
    files = walk(source, 1) if source.is_dir() else [source]
    return [file for file in files if file.suffix == ".txt" and line_style(TextLines(file)) == "cute"]


def _open_cute(source: Path, split: str | None, report: ReadReport) -> Sequence[Item]:
    files = _cute_files(source)
    return Concatenated([label_items(file, [file.parent, source, file.parent.parent]) for file in files])


CUTE80 = Reader(
    "cute80",
    "CUTE80 word images: lines `timage/001.jpg RONALDO 1 RONALDO`",
    lambda s: bool(_cute_files(s)),
    _open_cute,
)


def _svtp_file(source: Path) -> Path | None:
    files = [source] if source.is_file() else [file for file in walk(source, 1) if file.name == "gt.txt"]
    return next((file for file in files if any("_par." in line for _, line in islice(TextLines(file), 3))), None)


def _open_svtp(source: Path, split: str | None, report: ReadReport) -> Sequence[Item]:
    file = _svtp_file(source)
    return label_items(file, [file.parent, *sorted(path for path in file.parent.iterdir() if path.is_dir())])


SVTP = Reader(
    "svtp",
    "SVT-P word images: gt.txt with `13_15_0_par.jpg WYNDHAM`, images in par1/ or beside it",
    lambda source: _svtp_file(source) is not None,
    _open_svtp,
)

# ---------------------------------------------------------------------------------------------------------------------
# Union14M-L and its benchmark


def _union_files(source: Path) -> dict[str, list[Path]]:
    """Annotation files by split; a training subset is a split of its own name besides, such as `train_easy`."""
    by_split: dict[str, list[Path]] = {}
    for version in ("mmocr-0.x", "mmocr1.0", "mmocr1.0.x"):
        for file in walk(source / "train_annos" / version, 0):
            split = "validation" if file.stem.startswith("val") else "train"
            by_split.setdefault(split, []).append(file)
        if by_split:
            break  # the versions say the same
    for folder in sorted((source / "Union14M-Benchmarks").glob("*")):
        files = [folder / "annotation.jsonl", folder / "annotation.json"]
        by_split.setdefault("test", []).extend([file for file in files if file.is_file()][:1])
    return {split: files for split, files in by_split.items() if files}


def _open_union(source: Path, split: str | None, report: ReadReport) -> Sequence[Item]:
    by_split = _union_files(source)
    every = [file for files in by_split.values() for file in files]
    subsets = {file.parent.name if file.stem == "annotation" else file.stem: file for file in every}
    if split in subsets:
        files = [subsets[split]]
    else:
        files = [file for files in choose_split(by_split, split, source).values() for file in files]
    return Concatenated([_union_items(file, source) for file in files])


def _union_items(file: Path, root: Path) -> Sequence[Item]:
    bases = [root, file.parent, file.parent / "imgs", root / "full_images", root.parent]
    if file.suffix == ".jsonl":
        return label_items(file, bases, f"{file.parent.name}/{file.name}")
    records = read_json(file)["data_list"]
    base = base_folder((record["img_path"] for record in records[:100]), bases)
    return LazyItems(records, partial(_mmocr_word, str(base)))


def _mmocr_word(base: str, record: dict) -> Item:
    return Word(join(base, record["img_path"]), record["instances"][0]["text"], record["img_path"])


UNION14M = Reader(
    "union14m",
    "Union14M-L: train_annos/mmocr-0.x/*.jsonl with full_images/, and Union14M-Benchmarks/*/annotation.jsonl",
    lambda source: source.is_dir() and bool(_union_files(source)),
    _open_union,
)
