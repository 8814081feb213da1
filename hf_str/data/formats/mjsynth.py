# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""MJSynth, also called Synth90k: annotation_train.txt with `./2425/1/115_Lube_45484.jpg 45484`, and lexicon.txt."""

from functools import partial
from pathlib import Path

from ...models.crnn.text_files_crnn import read_lines
from ..items import Concatenated, Indexed, Item, LazyItems, Skipped, Word
from ..read_report import ReadReport
from ..text_lines import TextLines
from .dataset_format import DatasetFormat
from .splits import choose_split


__all__ = ["MJSYNTH"]


def _annotations(source: Path) -> dict[str, Path]:
    """The annotation files by split, from the archive's root or the folders that its tar file has above it."""
    names = {"annotation_train.txt": "train", "annotation_val.txt": "validation", "annotation_test.txt": "test"}
    for folder in (source, source / "90kDICT32px", source / "mnt" / "ramdisk" / "max" / "90kDICT32px"):
        if found := {split: folder / name for name, split in names.items() if (folder / name).is_file()}:
            return found
        # annotation.txt has the words of all three
        if (folder / "annotation.txt").is_file() and _is_mjsynth(folder / "annotation.txt"):
            return {"all": folder / "annotation.txt"}
    return {}


def _is_mjsynth(file: Path) -> bool:
    lines = TextLines(file)
    return len(lines) > 0 and _parse(lines[0][1]) is not None


def _parse(line: str) -> tuple[str, str, int] | None:
    """`./2425/1/115_Lube_45484.jpg 45484` -> the path, the word in its case, its index in the lexicon."""
    path, _, number = line.strip().rpartition(" ")
    parts = path.rpartition("/")[2].rpartition(".")[0].split("_")
    if len(parts) < 3 or not number.isdigit():
        return None
    return path.removeprefix("./"), "_".join(parts[1:-1]), int(number)


def _open(source: Path, split: str | None, report: ReadReport) -> Indexed[Item]:
    parts = []
    for file in choose_split(_annotations(source), split, source).values():
        lexicon_file = file.with_name("lexicon.txt")
        lexicon = read_lines(lexicon_file) if lexicon_file.is_file() else []
        words = LazyItems(TextLines(file), partial(_word, str(file.parent), lexicon))
        report_other_spellings(words, lexicon, report)
        parts.append(words)
    return Concatenated(parts)


def _word(base: str, lexicon: list[str], record: tuple[int, str]) -> Item:
    parsed = _parse(record[1])
    if parsed is None:
        return Skipped("malformed_annotation", f"line {record[0]}: {record[1][:80]!r}")
    path, text, _ = parsed
    return Word(f"{base}/{path}", text, path)


def report_other_spellings(words: LazyItems, lexicon: list[str], report: ReadReport, first: int = 1000):
    """Compares the first words with the lexicon: an archive whose lexicon is another one is worth knowing about."""
    for index in range(min(first, len(words)) if lexicon else 0):
        parsed = _parse(words.records[index][1])
        if parsed is None:
            continue
        path, text, number = parsed
        word = lexicon[number] if number < len(lexicon) else None
        if word is None or word.lower() != text.lower():
            report.count("other_spelling", f"{path}: lexicon has {word!r}")


MJSYNTH = DatasetFormat(
    "mjsynth",
    "MJSynth: annotation_train.txt with `./2425/1/115_Lube_45484.jpg 45484`, and lexicon.txt",
    lambda source: source.is_dir() and bool(_annotations(source)),
    _open,
    depth=0,
)
