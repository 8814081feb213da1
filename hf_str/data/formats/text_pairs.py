# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""A text file for each image: `1.png` with `1.gt.txt` or `1.txt`."""

import re
from functools import partial
from itertools import islice
from pathlib import Path

from ...models.crnn.text_files_crnn import TextFileError, read_lines
from ..image_paths import IMAGE_SUFFIXES
from ..items import Indexed, Item, LazyItems, Skipped, Word
from ..read_report import ReadReport
from .dataset_format import DatasetFormat
from .files import walk
from .splits import choose_entries, split_of


__all__ = ["GT_TXT", "LABEL_PAIRS", "TEXT_PAIRS"]

#: What OCRopus and its heirs put before the suffix of an image: of gray values, binarized, deskewed ...
_KINDS = re.compile(r"\.(bin|nrm|raw|dew|gray|color)$", re.IGNORECASE)
_NO_LABELS = {"readme", "license", "licence", "classes", "requirements", "notice", "charset", "dict", "lexicon"}


def _stem(image: Path) -> str:
    return _KINDS.sub("", image.stem)


#: An image and its text file; one of the two may be missing.
Pair = tuple[str | None, str | None]


def _pair(root: str, record: Pair) -> Item:
    image, label = record
    path = Path(image or label or root)
    name = str(path.relative_to(root) if path.is_relative_to(root) else path)
    if label is None:
        return Skipped("missing_text", name)
    try:
        lines = [line for line in read_lines(label) if line.strip()]
    except TextFileError as error:
        return Skipped("malformed_annotation", str(error))
    if len(lines) > 1:
        return Skipped("malformed_annotation", f"{label} has {len(lines)} lines: an image has one line of text")
    return Skipped("missing_image", label) if image is None else Word(image, lines[0].strip() if lines else "", name)


def _pairs(source: Path, suffix: str) -> dict[str, list[Pair]]:
    """Images and their text files by split."""
    files = list(walk(source, 3)) if source.is_dir() else []
    labels = {
        (file.parent, file.name[: -len(suffix)]): file
        for file in files
        if file.name.lower().endswith(suffix) and file.stem.lower() not in _NO_LABELS
    }
    folders = {folder for folder, _ in labels}
    images: dict[tuple[Path, str], list[Path]] = {}
    for file in files:
        if file.suffix.lower() in IMAGE_SUFFIXES and file.parent in folders:
            images.setdefault((file.parent, _stem(file)), []).append(file)
    by_split: dict[str, list[Pair]] = {}
    for key in sorted(labels.keys() | images.keys()):
        found, label = images.get(key, [None]), labels.get(key)
        for image in found if label else found[:1]:
            split = split_of(key[0], source) if key[0] != source else "all"
            by_split.setdefault(split, []).append((image and str(image), label and str(label)))
    return by_split


def _open(suffix: str, source: Path, split: str | None, report: ReadReport) -> Indexed[Item]:
    return LazyItems(choose_entries(_pairs(source, suffix), split, source), partial(_pair, str(source)))


def _finds_pairs(source: Path) -> bool:
    """Whether most text files lie beside an image of their name, and have a line that is no list of boxes."""
    pairs = [pair for part in _pairs(source, ".txt").values() for pair in part]
    both = [label for image, label in pairs if image and label]
    if not both or 2 * len(both) < sum(label is not None for _, label in pairs):
        return False
    words = 0
    for label in both[:20]:
        with open(label, encoding="utf-8-sig", errors="replace") as file:
            lines = [line for line in islice(file, 3) if line.strip()]
        words += len(lines) == 1 and not re.fullmatch(r"[\d.\-+e]+([ ,;\t]+[\d.\-+e]+){4,}.*", lines[0].strip())
    return 2 * words > len(both[:20])


GT_TXT = DatasetFormat(
    "gt_txt",
    "1.png, 1.bin.png or 1.nrm.png with 1.gt.txt beside it (tesstrain, kraken, calamari)",
    lambda source: source.is_dir() and any(file.name.endswith(".gt.txt") for file in walk(source, 3)),
    partial(_open, ".gt.txt"),
    depth=3,
)
TEXT_PAIRS = DatasetFormat("text_pairs", "1.png with 1.txt beside it", _finds_pairs, partial(_open, ".txt"), depth=3)

# ---------------------------------------------------------------------------------------------------------------------


def _open_label_pairs(source: Path, split: str | None, report: ReadReport) -> Indexed[Item]:
    images = {path.stem: path for path in walk(source / "IMG", 0)}
    labels = {path.stem: path for path in walk(source / "label", 0)}
    stems = sorted(labels, key=lambda stem: (len(stem), stem))
    pairs: list[Pair] = [(str(images.get(stem, source / "IMG" / f"{stem}.png")), str(labels[stem])) for stem in stems]
    pairs += [(str(path), None) for stem, path in sorted(images.items()) if stem not in labels]
    return LazyItems(pairs, partial(_pair, str(source / "IMG")))


LABEL_PAIRS = DatasetFormat(
    "label_pairs",
    "IMG/1.png with label/1.txt, as the case-sensitive labels of the benchmarks are distributed",
    lambda source: (source / "IMG").is_dir() and (source / "label").is_dir(),
    _open_label_pairs,
)
