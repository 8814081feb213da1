# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes word boxes as Parquet shards: many at once, resumable, the images' bytes as they are."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..utils.optional import require
from .loading import batches, slice_items, word_features
from .read_report import ReadReport
from .word_sources import WordSource, fingerprint, open_word_sources


__all__ = ["Preparation", "Progress", "SettingsChangedError", "default_num_shards", "prepare_word_boxes", "shard_path"]

ITEMS_PER_SHARD = 20_000
FEWEST_SHARDS = 8
_REPORT_KEY = b"hf_str_read_report"


class SettingsChangedError(ValueError):
    """A folder holds shards that were made otherwise. The message says what differs."""


@dataclass(frozen=True)
class Preparation:
    """What to write.

    Args:
        sources: what [`load_word_boxes`] takes, one after the other.
        output_dir: the folder of the shards.
        format: the sources' format; found out for each if unset.
        split: the split to read.
        num_shards: how many files; see [`default_num_shards`].
        shuffle: the seed of the order of words; if unset they stay in the order of their sources.
    """

    sources: tuple[str, ...]
    output_dir: Path
    format: str | None = None
    split: str | None = None
    num_shards: int | None = None
    shuffle: int | None = None

    def open(self) -> list[WordSource]:
        """Reads the annotations of the sources."""
        return [opened for source in self.sources for opened in open_word_sources(source, self.format, self.split)]


def default_num_shards(items: int) -> int:
    """A power of two, 8 or more, with at most 20,000 items a shard: it divides by 2, 4, 8, ... ranks x workers.

    Example:
        >>> default_num_shards(500), default_num_shards(10_000_000)
        (8, 512)
    """
    wanted = -(-items // ITEMS_PER_SHARD)
    return max(FEWEST_SHARDS, 2 ** (wanted - 1).bit_length())


def shard_path(folder: Path, number: int, count: int) -> Path:
    """The path of shard `number` of `count`."""
    return folder / f"words-{number:05d}-of-{count:05d}.parquet"


class Progress(NamedTuple):
    """Items that are done since the last word of progress, items in all, and what became of those."""

    done: int
    total: int
    report: ReadReport


class _Task(NamedTuple):
    """A shard: its number of how many, and the items `start` to `stop`."""

    preparation: Preparation
    fingerprint: str
    number: int
    num_shards: int
    start: int
    stop: int

    @property
    def path(self) -> Path:
        return shard_path(self.preparation.output_dir, self.number, self.num_shards)


def prepare_word_boxes(preparation: Preparation, num_proc: int = 1) -> Iterator[Progress]:
    """Writes the shards that are not there yet.

    A shard is written under a temporary name and then renamed, so one that is there is complete: a run that was
    stopped goes on when it is started again. Only one run at a time may write to a folder.

    Args:
        preparation: what to write.
        num_proc: how many processes.

    Yields:
        The progress after each shard, also after those that are there already, with what was read and what was left
        out. First of all, of none, with what reading the annotations found.

    Raises:
        SettingsChangedError: the folder holds shards of other sources or settings.
    """
    sources = preparation.open()
    total = sum(len(source.items) for source in sources)
    count = preparation.num_shards or default_num_shards(total)
    preparation.output_dir.mkdir(parents=True, exist_ok=True)
    _check_settings(preparation, sources, count)
    parsed = ReadReport()
    for source in sources:
        parsed.merge(source.report)
    yield Progress(0, total, parsed)

    for leftover in preparation.output_dir.glob("words-*.tmp"):  # of a run that was killed
        leftover.unlink()
    ends = [total * number // count for number in range(count + 1)]
    state = fingerprint(sources)
    tasks = [_Task(preparation, state, number, count, ends[number], ends[number + 1]) for number in range(count)]
    missing = [task for task in tasks if not task.path.exists()]
    for task in tasks:
        if task not in missing:
            yield Progress(task.stop - task.start, total, _read_report(task.path))
    if num_proc == 1:
        for task in missing:
            yield Progress(task.stop - task.start, total, _write_shard(task)[1])
        return
    # spawned, not forked: libraries of the parent have threads, and an LMDB must not be shared
    with get_context("spawn").Pool(num_proc) as pool:
        for task, report in pool.imap_unordered(_write_shard, missing):
            yield Progress(task.stop - task.start, total, report)


def _check_settings(preparation: Preparation, sources: Sequence[WordSource], count: int):
    file = preparation.output_dir / "settings.json"
    settings = asdict(preparation) | {
        "sources": [str(source.path) for source in sources],
        "formats": [source.dataset_format.name for source in sources],
        "annotations": fingerprint(sources),
        "num_shards": count,
    }
    settings = json.loads(json.dumps({name: settings[name] for name in settings if name != "output_dir"}))
    if file.exists():
        before = json.loads(file.read_text(encoding="utf-8"))
        if changed := [name for name in settings if before.get(name) != settings[name]]:
            raise SettingsChangedError(
                f"{preparation.output_dir} holds word boxes that were prepared with other {', '.join(changed)}: use "
                "another folder, or empty this one"
            )
    file.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def _write_shard(task: _Task) -> tuple[_Task, ReadReport]:
    pq, report = require("pyarrow.parquet"), ReadReport()
    schema = word_features(decode=True).arrow_schema
    unfinished = task.path.with_suffix(f".{os.getpid()}.tmp")
    # images are compressed already, and a dictionary of them would only cost time
    columns = [f"image.{name}" for name in ("bytes", "path")] + ["text", "polygon.list.element", "source"]
    compression = dict.fromkeys(columns, "zstd") | {"image.bytes": "none"}
    options: dict[str, Any] = {"compression": compression, "use_dictionary": ["source"], "write_statistics": False}
    try:
        with pq.ParquetWriter(unfinished, schema, **options) as writer:
            words = (source.rows(indices, report, embed=True) for source, indices in _chosen_items(task))
            for batch in batches(chain.from_iterable(words), schema):
                writer.write_batch(batch)  # a row group each
            writer.add_key_value_metadata({_REPORT_KEY: json.dumps(report.to_dict()).encode()})
        os.replace(unfinished, task.path)
    finally:
        unfinished.unlink(missing_ok=True)
    return task, report


def _chosen_items(task: _Task) -> Iterator[tuple[WordSource, Sequence[int]]]:
    sources = _open_once(task.preparation, task.fingerprint)
    if task.preparation.shuffle is None:
        yield from slice_items(sources, task.start, task.stop)
        return
    total = sum(len(source.items) for source in sources)
    order = np.random.default_rng(task.preparation.shuffle).permutation(total)[task.start : task.stop]
    ends = np.cumsum([len(source.items) for source in sources])
    owners = np.searchsorted(ends, order, side="right")
    starts = np.flatnonzero(np.diff(owners, prepend=-1))  # runs of words of one source
    for first, last in zip(starts, np.append(starts[1:], len(order)), strict=True):
        source = sources[owners[first]]
        yield source, (order[first:last] - (ends[owners[first]] - len(source.items))).tolist()


@lru_cache(maxsize=1)  # each process opens the sources once
def _open_once(preparation: Preparation, fingerprint: str) -> list[WordSource]:
    return preparation.open()


def _read_report(shard: Path) -> ReadReport:
    metadata = require("pyarrow.parquet").read_metadata(shard).metadata
    return ReadReport.from_dict(json.loads(metadata[_REPORT_KEY]))
