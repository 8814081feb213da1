# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Word boxes as tables of `datasets`, in any dataset format."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from transformers.utils import logging

from ..models.crnn.text_crnn import normalize_text
from ..utils.optional import require
from .formats import DATASET_FORMATS
from .formats.tables import DatasetWords, open_dataset
from .read_report import ReadReport
from .word_sources import WordSource, fingerprint, open_word_sources


if TYPE_CHECKING:
    import datasets


__all__ = ["ROWS_PER_BATCH", "batches", "load_word_boxes", "slice_items", "word_features"]

logger = logging.get_logger(__name__)

ROWS_PER_BATCH = 1000
STREAM_SHARDS = 64
#: Part of the cache's key: to be raised when formats give other rows than before.
CACHE_VERSION = 3


@overload
def load_word_boxes(
    source: str | Path,
    *,
    format: str | None = None,
    split: str | None = None,
    streaming: Literal[False] = False,
    report: ReadReport | None = None,
) -> "datasets.Dataset": ...


@overload
def load_word_boxes(
    source: str | Path,
    *,
    format: str | None = None,
    split: str | None = None,
    streaming: bool,
    report: ReadReport | None = None,
) -> "datasets.Dataset | datasets.IterableDataset": ...


def load_word_boxes(
    source: str | Path,
    *,
    format: str | None = None,
    split: str | None = None,
    streaming: bool = False,
    report: ReadReport | None = None,
) -> "datasets.Dataset | datasets.IterableDataset":
    """Loads word boxes from wherever they lie.

    Words that are files of their own stay files, referred to by path. Words in LMDB or in scenes are written once to
    an Arrow file in the cache of `datasets` and memory-mapped from then on; with `streaming` nothing is written.

    Args:
        source (`str` or `Path`):
            A file or folder in any format of `DATASET_FORMATS`, a folder of such folders, or the name of a data set
            on the Hub, `user/name` or `user/name:config`.
        format (`str`, *optional*):
            A key of `DATASET_FORMATS`; by default found out from what lies there.
        split (`str`, *optional*):
            The split to read, or `"all"`. By default the only one or, if there are several, `"train"`.
        streaming (`bool`, defaults to `False`):
            Return an `IterableDataset` of up to 64 shards that reads the archive while it goes on.
        report (`ReadReport`, *optional*):
            Gets the counts of this source added: what was read and what was left out, and why. They are logged in any
            case. When streaming, it has what the annotations tell; the rest is logged while it is read.

    Returns:
        `datasets.Dataset` or `datasets.IterableDataset` with the columns `image` (encoded: `{"bytes", "path"}`) and
        `text` (in NFC), and where known `polygon` (`x1, y1, x2, y2, ...` in pixels of the original image) and
        `source`.

    Raises:
        FileNotFoundError: There is nothing at `source`.
        ValueError: No format recognizes it, the format or the split does not exist, or an annotation file is damaged.
            The message lists what was looked for.

    Example:
        >>> words = load_word_boxes("photos/words")  # doctest: +SKIP
        >>> words[0]["text"]  # doctest: +SKIP
        'STARBUCKS'
    """
    report = report if report is not None else ReadReport()
    if streaming and _is_table(source, format):
        table = open_dataset(source, split, streaming=True).filter(_has_text)
        return table.map(_with_text_in_nfc, features=table.features)
    sources, found = open_word_sources(source, format, split), ReadReport()
    for word_source in sources:
        found.merge(word_source.report)
    if streaming:
        report.merge(found)
        return _stream(sources, source, format, split)
    if len(sources) == 1 and isinstance(sources[0].items, DatasetWords):
        words = _without_empty(sources[0].items, found)
    else:
        words = _from_cache(sources, format, split, found)
    report.merge(found)
    log = logger.warning if found.left_out else logger.info
    log("%s: %s", source, found.summary())
    return words


def word_features(decode: bool = False) -> "datasets.Features":
    """The columns of word boxes."""
    datasets = require("datasets")
    return datasets.Features(
        {
            "image": datasets.Image(decode=decode),
            "text": datasets.Value("string"),
            "polygon": datasets.List(datasets.Value("float32")),
            "source": datasets.Value("string"),
        }
    )


def batches(rows: Iterable[tuple], schema: Any, size: int = ROWS_PER_BATCH) -> Iterator[Any]:
    """What [`WordSource.rows`] gives, as Arrow record batches of `size`."""
    pa = require("pyarrow")
    rows = iter(rows)
    while chunk := list(islice(rows, size)):
        data, paths, texts, polygons, names = zip(*chunk, strict=True)
        image = pa.StructArray.from_arrays(
            [pa.array(data, pa.binary()), pa.array(paths, pa.string())], fields=list(schema.field("image").type)
        )
        strings = (pa.array(texts, pa.string()), pa.array(names, pa.string()))
        outlines = pa.array(polygons, schema.field("polygon").type)
        yield pa.RecordBatch.from_arrays([image, strings[0], outlines, strings[1]], schema=schema)


def _is_table(source: str | Path, dataset_format: str | None) -> bool:
    path = Path(source).expanduser()
    return dataset_format == "datasets" or (
        dataset_format is None and (not path.exists() or DATASET_FORMATS["datasets"].finds(path))
    )


def _has_text(row: dict[str, Any]) -> bool:
    if row["text"] and row["text"].strip():
        return True
    logger.warning_once("This source has words without a text: they are left out")
    return False


def _with_text_in_nfc(row: dict[str, Any]) -> dict[str, Any]:
    return {"text": normalize_text(row["text"])}


def _without_empty(words: DatasetWords, report: ReadReport) -> "datasets.Dataset":
    table = words.table
    texts = table.select_columns("text").with_format("arrow")[:]["text"].to_pylist()
    kept = [index for index, text in enumerate(texts) if text and text.strip()]
    for index in sorted(set(range(len(texts))) - set(kept)) if len(kept) < len(texts) else ():
        report.count("empty_label", f"{words.name}[{index}]")
    report.rows += len(texts)
    report.words += len(kept)
    table = table if len(kept) == len(texts) else table.select(kept)
    composed = [normalize_text(texts[index]) for index in kept]
    if composed == [texts[index] for index in kept]:
        return table
    feature, columns = table.features["text"], table.column_names
    return table.remove_columns("text").add_column("text", composed, feature=feature).select_columns(columns)


# ---------------------------------------------------------------------------------------------------------------------
# One Arrow file, memory-mapped


def _from_cache(
    sources: list[WordSource], dataset_format: str | None, split: str | None, report: ReadReport
) -> "datasets.Dataset":
    datasets = require("datasets")
    from filelock import FileLock  # `datasets` needs it too

    key = [CACHE_VERSION, dataset_format, split, fingerprint(sources)]
    name = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:24]
    folder = Path(datasets.config.HF_DATASETS_CACHE) / "word_boxes"
    folder.mkdir(parents=True, exist_ok=True)
    words, report_file = folder / f"{name}.arrow", folder / f"{name}.json"
    with FileLock(str(folder / f"{name}.lock")):  # of many processes one writes, the others wait
        if not _is_complete(words, report_file):
            found = _write(sources, words)
            report_file.write_text(json.dumps(found.to_dict()), encoding="utf-8")
        report.merge(ReadReport.from_dict(json.loads(report_file.read_text(encoding="utf-8"))))
    return datasets.Dataset.from_file(str(words))


def _is_complete(words: Path, report_file: Path) -> bool:
    """Whether the cache can be used: images that were missing or damaged may have been mended since."""
    if not words.is_file() or not report_file.is_file():
        return False
    kinds = json.loads(report_file.read_text(encoding="utf-8"))["kinds"]
    return not {"missing_image", "unreadable_image"} & kinds.keys()


def _write(sources: list[WordSource], path: Path) -> ReadReport:
    pa = require("pyarrow")
    report, schema = ReadReport(), word_features().arrow_schema
    unfinished = path.with_suffix(".tmp")
    with pa.OSFile(str(unfinished), "wb") as file, pa.ipc.new_stream(file, schema) as writer:
        for source in sources:
            for batch in batches(source.rows(range(len(source.items)), report, embed=False), schema):
                writer.write_batch(batch)
    os.replace(unfinished, path)
    return report


# ---------------------------------------------------------------------------------------------------------------------
# Streaming


def _stream(
    sources: list[WordSource], source: str | Path, dataset_format: str | None, split: str | None
) -> "datasets.IterableDataset":
    total = sum(len(word_source.items) for word_source in sources)
    # a power of two, so that ranks and workers get equally many
    count = min(STREAM_SHARDS, 2 ** max(0, total.bit_length() - 1))
    ends = [total * number // count for number in range(count + 1)]
    archive = str(source), dataset_format, split, fingerprint(sources)
    kwargs = {"shards": [(archive, start, stop) for start, stop in zip(ends[:-1], ends[1:], strict=True)]}
    return require("datasets").IterableDataset.from_generator(_generate, word_features(), gen_kwargs=kwargs)


def _generate(shards: list[tuple]) -> Iterator[dict[str, Any]]:
    for archive, start, stop in shards:
        report = ReadReport()
        for word_source, indices in slice_items(_open_once(*archive), start, stop):
            for data, path, text, polygon, name in word_source.rows(indices, report, embed=False):
                yield {"image": {"bytes": data, "path": path}, "text": text, "polygon": polygon, "source": name}
        if report.left_out:
            logger.warning_once(f"{archive[0]}, items {start} to {stop}: {report.summary()}")


def slice_items(sources: list[WordSource], start: int, stop: int) -> Iterator[tuple[WordSource, range]]:
    """The items `start` to `stop` of several sources, counted through, as indices in each of them."""
    offset = 0
    for source in sources:
        indices = range(max(0, start - offset), min(len(source.items), stop - offset))
        if len(indices):
            yield source, indices
        offset += len(source.items)


@lru_cache(maxsize=8)  # a worker reads many shards of the same source
def _open_once(source: str, dataset_format: str | None, split: str | None, fingerprint: str) -> list[WordSource]:
    return open_word_sources(source, dataset_format, split)
