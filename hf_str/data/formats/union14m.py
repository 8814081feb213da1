# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Union14M-L and its benchmark: JSON lines, or one JSON file, for each subset."""

from functools import partial
from pathlib import Path

from ..items import Concatenated, Indexed, Item, LazyItems, Word
from ..read_report import ReadReport
from .annotations import read_json
from .dataset_format import DatasetFormat
from .files import base_folder, join, walk
from .label_files import label_items
from .splits import choose_entries


__all__ = ["UNION14M"]


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


def _open_union(source: Path, split: str | None, report: ReadReport) -> Indexed[Item]:
    by_split = _union_files(source)
    every = [file for files in by_split.values() for file in files]
    subsets = {file.parent.name if file.stem == "annotation" else file.stem: file for file in every}
    if split in subsets:
        files = [subsets[split]]
    else:
        files = choose_entries(by_split, split, source)
    return Concatenated([_union_items(file, source) for file in files])


def _union_items(file: Path, root: Path) -> Indexed[Item]:
    bases = [root, file.parent, file.parent / "imgs", root / "full_images", root.parent]
    if file.suffix == ".jsonl":
        return label_items(file, bases, f"{file.parent.name}/{file.name}")
    records = read_json(file)["data_list"]
    base = base_folder((record["img_path"] for record in records[:100]), bases)
    return LazyItems(records, partial(_mmocr_word, str(base)))


def _mmocr_word(base: str, record: dict) -> Item:
    return Word(join(base, record["img_path"]), record["instances"][0]["text"], record["img_path"])


UNION14M = DatasetFormat(
    "union14m",
    "Union14M-L: train_annos/mmocr-0.x/*.jsonl with full_images/, and Union14M-Benchmarks/*/annotation.jsonl",
    lambda source: source.is_dir() and bool(_union_files(source)),
    _open_union,
)
