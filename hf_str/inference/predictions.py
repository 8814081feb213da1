# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes the predictions of a shard: all of them, or nothing."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ..utils.atomic_writes import atomic_write
from ..utils.optional import require
from .shards import BrokenShardError
from .windows import Prepared


__all__ = ["prediction_schema", "write_predictions"]

ROWS_PER_GROUP = 10_000


def prediction_schema(characters: bool) -> Any:
    """The Arrow schema of predictions; with `characters` also probabilities and edges on the x axis in pixels."""
    pa = require("pyarrow")
    fields = {"row": pa.int64(), "key": pa.string(), "text": pa.string(), "score": pa.float32()}
    if characters:
        numbers = [(name, pa.float32()) for name in ("probability", "left", "right")]
        fields["characters"] = pa.list_(pa.struct([("text", pa.string()), *numbers]))
    return pa.schema(fields)


def write_predictions(
    path: Path, schema: Any, predictions: Iterable[tuple[Prepared, Any]], progress: Callable[[int], Any]
) -> tuple[int, int]:
    """Writes the predictions of a shard, and beside them what is known of its bad images.

    Args:
        path: ends in `.parquet`. Bad images go to the same name with `.bad_images.jsonl`, a line each with `row`,
            `key` and `problem`.
        schema: see [`prediction_schema`].
        predictions: the windows of a shard in order, each with its record batch.
        progress: is told how many rows came.

    Returns:
        How many rows there are, and how many of them are bad images.

    Raises:
        BrokenShardError: a window says that the shard is broken. No file is left.
        OSError: the disk is full, or another reason not to write. No file is left.
    """
    pa, pq = require("pyarrow"), require("pyarrow.parquet")
    bad_path, bad, rows = path.with_suffix(".bad_images.jsonl"), [], 0
    waiting: list[Any] = []
    bad_path.unlink(missing_ok=True)  # of a run that was killed between the two
    with atomic_write(path) as file:
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for window, records in predictions:
                if window.problem:
                    raise BrokenShardError(window.problem)
                for index, problem in sorted(window.bad.items()):
                    bad.append({"row": window.first_row + index, "key": window.keys[index], "problem": problem})
                waiting.append(records)
                rows += len(records)
                if sum(map(len, waiting)) >= ROWS_PER_GROUP:
                    writer.write_table(pa.Table.from_batches(waiting))
                    waiting.clear()
                progress(len(records))
            writer.write_table(pa.Table.from_batches(waiting, schema))
        if bad:  # before the predictions have their name, so that where they are this is too
            with atomic_write(bad_path) as bad_file:
                bad_file.writelines(
                    (json.dumps(one, ensure_ascii=False, allow_nan=False) + "\n").encode(errors="backslashreplace")
                    for one in bad
                )
    return rows, len(bad)
