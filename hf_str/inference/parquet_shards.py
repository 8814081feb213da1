# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Shards that are Parquet files, read a few rows at a time, however large a row group is."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..utils.optional import require
from .samples import (
    MAX_IMAGE_BYTES,
    BadImage,
    BrokenShardError,
    Sample,
    broken_if_unreadable,
    file_fingerprint,
    printable,
    too_large,
)


__all__ = ["ParquetShard"]

#: Of a Parquet file at once: no more rows than this, and on average no more bytes than that.
ROWS_PER_BATCH, BYTES_PER_BATCH = 64, 1 << 24
#: Parquet is read through a buffer of so many bytes: otherwise a row group, however large, is read at once.
BUFFER_BYTES = 1 << 20


@dataclass(frozen=True)
class ParquetShard:
    """A Parquet file.

    Args:
        name: see [`Shard`].
        path: the file.
        image_column: encoded bytes, `{"bytes", "path"}` as `datasets` writes images, or paths. Paths are relative to
            the file's folder. A column of another type breaks the shard.
        key_column: the samples' keys. If unset, keys are the images' paths where they have one.
    """

    name: str
    path: Path
    image_column: str = "image"
    key_column: str | None = None

    @property
    def num_rows(self) -> int | None:
        """The rows that the file's metadata say it has; `None` where they cannot be read."""
        try:
            with broken_if_unreadable(self.path):
                return require("pyarrow.parquet").read_metadata(self.path).num_rows
        except BrokenShardError:  # it will be named when it is read
            return None

    def fingerprint(self) -> str:
        """See [`Shard`]."""
        return file_fingerprint(self.path)

    def __iter__(self) -> Iterator[Sample]:
        pq, columns = require("pyarrow.parquet"), [self.image_column]
        if self.key_column is not None and self.key_column != self.image_column:
            columns.append(self.key_column)
        options = {"buffer_size": BUFFER_BYTES, "pre_buffer": False}
        with broken_if_unreadable(self.path), pq.ParquetFile(self.path, **options) as file:
            names = file.schema_arrow.names
            if missing := set(columns).difference(names):
                raise ValueError(f"there is no column {', '.join(missing)}, but {', '.join(names)}")
            if doubled := [name for name in columns if names.count(name) > 1]:
                raise ValueError(f"there are several columns {', '.join(doubled)}")
            if file.metadata.num_rows:
                self._check_type(file.schema_arrow.field(self.image_column).type)
            for group in range(file.num_row_groups):
                at_once = _rows_at_once(file.metadata.row_group(group), columns)
                for batch in file.iter_batches(at_once, row_groups=[group], columns=columns):
                    images, paths = _images_and_paths(batch.column(self.image_column))
                    keys = _values(batch.column(self.key_column)) if self.key_column else paths
                    for key, image, path in zip(keys, images, paths, strict=True):
                        yield None if key is None else printable(_text(key)), self._locate(image, path)

    def _check_type(self, kind: Any) -> None:
        types = require("pyarrow").types
        fields = {field.name: field.type for field in kind} if types.is_struct(kind) else {"bytes": kind, "path": kind}
        if not (_is_bytes(fields.get("bytes")) or _is_text(fields.get("path"))):
            raise ValueError(
                f"the column {self.image_column} has neither bytes nor paths nor structs of them, but {kind}"
            )

    def _locate(self, data: Any, path: Any) -> bytes | Path | BadImage | None:
        if data is not None and not isinstance(data, bytes):
            return BadImage(f"its bytes are of type {type(data).__name__}")
        if data is not None:
            return data if len(data) <= MAX_IMAGE_BYTES else too_large(len(data))
        if path is None:
            return None
        if not isinstance(path, bytes):
            return BadImage(f"there are no bytes, and its path {path!r} is of type {type(path).__name__}")
        return self.path.parent / os.fsdecode(path)


def _rows_at_once(group: Any, columns: Sequence[str]) -> int:
    """How many rows of a row group of Parquet to read at once, as far as its metadata tell how large they are."""
    chunks = [group.column(number) for number in range(group.num_columns)]
    chunks = [chunk for chunk in chunks if chunk.path_in_schema.split(".")[0] in columns]
    size = max(sum(chunk.total_uncompressed_size for chunk in chunks), 1)
    at_once = min(ROWS_PER_BATCH, BYTES_PER_BATCH * group.num_rows // size)
    if any(chunk.has_dictionary_page for chunk in chunks):  # each row may be all of it; fewer than 4 would be slow
        at_once = min(at_once, max(8 * BYTES_PER_BATCH // size, 4))
    return max(at_once, 1)


def _images_and_paths(column: Any) -> tuple[list[Any], list[Any]]:
    """The encoded bytes and the paths, as bytes, of an Arrow array of images; `None` where there are none."""
    types, nothing = require("pyarrow").types, [None] * len(column)
    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if types.is_struct(column.type):
        fields = dict(zip((field.name for field in column.type), column.flatten(), strict=True))
        images, paths = (_values(fields[name]) if name in fields else nothing for name in ("bytes", "path"))
        return images, paths
    values = _values(column)
    return (nothing, values) if _is_text(column.type) else (values, nothing)


def _values(array: Any) -> list[Any]:
    """The values of an Arrow array: texts as bytes, since those that are no UTF-8 could not be given otherwise."""
    pa = require("pyarrow")
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return (array.cast(pa.large_binary()) if _is_text(array.type) else array).to_pylist()


def _is_bytes(kind: Any) -> bool:
    return _is_any_of(kind, ("is_binary", "is_large_binary", "is_fixed_size_binary", "is_binary_view"))


def _is_text(kind: Any) -> bool:
    return _is_any_of(kind, ("is_string", "is_large_string", "is_string_view"))


def _is_any_of(kind: Any, names: Sequence[str]) -> bool:
    """Whether a type of Arrow, or the type of a dictionary's values, is one of those that this pyarrow knows."""
    types = require("pyarrow").types
    if kind is not None and types.is_dictionary(kind):
        kind = kind.value_type
    return kind is not None and any(getattr(types, name)(kind) for name in names if hasattr(types, name))


def _text(key: Any) -> str:
    return os.fsdecode(key) if isinstance(key, bytes) else str(key)
