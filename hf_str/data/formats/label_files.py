# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Word images with a text file of labels, such as labels.tsv or gt.txt; how its lines look, `line_styles` tells."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from ..items import Concatenated, Indexed, Item, LazyItems, SeveralWords, Skipped, Word
from ..read_report import ReadReport
from ..text_lines import TextLines
from .annotations import AnnotationError
from .dataset_format import DatasetFormat
from .files import base_folder, join, walk
from .line_styles import STYLES, Parsed, images_of, is_image, line_style, tab_columns
from .splits import choose_entries, group_by_split, split_of


__all__ = ["LABELS", "image_folders", "label_items"]

_LABEL_STEMS = ("labels", "label", "gt", "rec_gt", "ground_truth", "groundtruth", "annotation", "annotations")


def label_items(file: Path, bases: Sequence[Path], label: str = "") -> Indexed[Item]:
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
    return sum(is_image(name) for name, _ in filter(None, parsed)) * 2 > len(parsed)


def _finds_labels(source: Path) -> bool:
    return any(line_style(TextLines(file)) for file in _label_files(source))


def image_folders(file: Path, root: Path) -> list[Path]:
    """Where images of a label file may lie: beside it, above it, or in a folder beside it (train_words for train)."""
    folders = sorted(path for path in file.parent.iterdir() if path.is_dir())
    split = split_of(file, file.parent)
    folders.sort(key=lambda folder: split_of(folder, file.parent) != split)
    return [file.parent, root, file.parent.parent, *folders]


def _open_labels(source: Path, split: str | None, report: ReadReport) -> Indexed[Item]:
    if source.is_file():
        return label_items(source, image_folders(source, source.parent))
    files = choose_entries(group_by_split(_label_files(source), source), split, source)
    return Concatenated([label_items(file, image_folders(file, source)) for file in files])


LABELS = DatasetFormat(
    "labels",
    'labels.tsv, gt.txt, train.txt or the like: lines `image<TAB>text` (with a header or not), `image, "text"`, '
    "`image text` or JSON",
    _finds_labels,
    _open_labels,
)
