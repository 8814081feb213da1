# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Word boxes with what was measured of their images: sizes, perceptual hashes, and which cannot be read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from tqdm import tqdm

from ..models.crnn.image_loading_crnn import UnreadableImageError, load_word_image
from .loading import load_word_boxes
from .near_duplicates import perceptual_hash, thumbnail
from .read_report import ReadReport


if TYPE_CHECKING:
    import datasets


__all__ = ["MAX_LISTED", "WordSet", "measure_words"]

#: Words that a report lists by name, of each kind.
MAX_LISTED = 60
_CHUNK = 2000
_WORKER: dict[str, "WordSet"] = {}  # what a process of the pool keeps


@dataclass
class WordSet:
    """Words and what was measured of them.

    Attributes:
        tables: `datasets.Dataset`s, counted through.
        read: what was left out when they were loaded.
        chosen: int64, (words,), the indices that are looked at.
        texts: their labels.
        sizes: int32, (words, 2), width and height in pixels; 0 where the image cannot be read.
        hashes: uint64, (words,).
        unreadable: index in this set -> why its image cannot be read.
    """

    tables: list["datasets.Dataset"]
    read: ReadReport
    chosen: np.ndarray
    texts: list[str] = field(default_factory=list)
    sizes: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.int32))
    hashes: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint64))
    unreadable: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.chosen)

    def rows(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        """Rows of the tables at some indices of this set, in their order."""
        ends = np.cumsum([len(table) for table in self.tables])
        chosen = self.chosen[np.asarray(indices, np.int64)]
        owners = np.searchsorted(ends, chosen, side="right")
        rows: list[dict[str, Any]] = [{}] * len(chosen)
        for owner in np.unique(owners):
            where = np.flatnonzero(owners == owner)
            table = self.tables[owner]
            found = table[(chosen[where] - (ends[owner] - len(table))).tolist()]
            for position, values in zip(where.tolist(), zip(*found.values(), strict=True), strict=True):
                rows[position] = dict(zip(found, values, strict=True))
        return rows

    def name(self, index: int) -> str:
        """How the report calls a word: its source and its file."""
        row = self.rows([index])[0]
        path = (row["image"] or {}).get("path") or f"[{self.chosen[index]}]"
        return f"{row['source']}/{Path(path).name}"


def measure_words(
    sources: Sequence[str],
    dataset_format: str | None,
    split: str | None,
    sample: int | None = None,
    num_proc: int = 1,
    title: str = "words",
) -> WordSet:
    """Loads word boxes and measures their images.

    Args:
        sources: what [`load_word_boxes`] takes, all together.
        dataset_format: the format of all of them; found out for each if unset.
        split: of the sources.
        sample: look at so many words only, drawn at random.
        num_proc: processes that measure images.
        title: of the progress bar.
    """
    read = ReadReport()
    tables = [_load_table(source, dataset_format, split, read) for source in sources]
    total = sum(len(table) for table in tables)
    chosen = np.arange(total)
    if sample is not None and sample < total:
        chosen = np.sort(np.random.default_rng(0).choice(total, sample, replace=False))
    words = WordSet(tables, read, chosen)
    words.sizes, words.hashes = np.zeros((len(chosen), 2), np.int32), np.zeros(len(chosen), np.uint64)
    chunks = [range(start, min(start + _CHUNK, len(chosen))) for start in range(0, len(chosen), _CHUNK)]
    with tqdm(total=len(chosen), unit="image", desc=title) as progress:
        for part in _measure_all(words, chunks, num_proc):
            words.texts += part.texts
            words.sizes[part.indices], words.hashes[part.indices] = part.sizes, part.hashes
            words.unreadable |= part.unreadable
            progress.update(len(part.indices))
    return words


def _load_table(source: str, dataset_format: str | None, split: str | None, report: ReadReport) -> "datasets.Dataset":
    table = load_word_boxes(source, format=dataset_format, split=split, report=report)
    return table if "source" in table.column_names else table.add_column("source", [Path(source).name] * len(table))


class _Measured(NamedTuple):
    """What was measured of some words of a set; see [`WordSet`]."""

    indices: range
    texts: list[str]
    sizes: np.ndarray
    hashes: np.ndarray
    unreadable: dict[int, str]


def _measure_all(words: WordSet, chunks: list[range], num_proc: int) -> Iterator[_Measured]:
    if num_proc == 1:
        yield from (_measure(words, indices) for indices in chunks)
        return
    with get_context("spawn").Pool(num_proc, _start_worker, (words,)) as pool:
        yield from pool.imap(_measure_in_worker, chunks)


def _start_worker(words: WordSet):
    _WORKER["words"] = words


def _measure_in_worker(indices: range) -> _Measured:
    return _measure(_WORKER["words"], indices)


def _measure(words: WordSet, indices: range) -> _Measured:
    rows = words.rows(indices)
    sizes, hashes = np.zeros((len(rows), 2), np.int32), np.zeros(len(rows), np.uint64)
    unreadable = {}
    for position, row in enumerate(rows):
        try:
            image = load_word_image(row["image"])
        except (UnreadableImageError, TypeError) as error:  # TypeError: a row without an image
            unreadable[indices[position]] = str(error)
            continue
        sizes[position] = image.size
        hashes[position] = perceptual_hash(thumbnail(image))
    return _Measured(indices, [row["text"] for row in rows], sizes, hashes, unreadable)
