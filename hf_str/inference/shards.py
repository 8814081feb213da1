# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Word images in shards: Parquet files, webdataset's tar files, and pieces of a folder of image files.

A shard gives `(key, image)` pairs, always in the same order and a few at a time, however large it is. An image is its
encoded bytes, a path, `None` where there is nothing, or a [`BadImage`] that says what is wrong; it is not opened here.

Shards come from strangers. One bad sample costs its row, one bad file its shard; neither is given more memory than
`MAX_IMAGE_BYTES` because a header asks for it.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..utils.image_files import image_suffixes
from .parquet_shards import ParquetShard
from .samples import BadImage, BrokenShardError, Sample, printable
from .tar_shards import TarShard


__all__ = ["BadImage", "BrokenShardError", "FileShard", "ParquetShard", "Shard", "TarShard", "find_shards"]

FILES_PER_SHARD = 20_000
SUFFIXES = (".parquet", ".tar", ".tar.gz", ".tgz")


class Shard(Protocol):
    """Some images. Iteration gives its samples.

    Raises:
        BrokenShardError: while iterating: the file is missing, damaged, cut off, or lacks a column that it needs.
    """

    @property
    def name(self) -> str:
        """The name of its output, a relative path without suffix."""
        ...

    @property
    def num_rows(self) -> int | None:
        """How many samples it has, or `None` where only reading all of it would tell."""
        ...

    def fingerprint(self) -> str:
        """A text that changes when the shard does, as far as that is cheap to tell; "missing" for a missing file.

        It begins with that of earlier versions, up to a comma.
        """
        ...

    def __iter__(self) -> Iterator[Sample]: ...


@dataclass(frozen=True)
class FileShard:
    """Image files below a folder. Keys are their paths relative to it."""

    name: str
    folder: Path
    files: Sequence[str]

    @property
    def num_rows(self) -> int:
        """How many files."""
        return len(self.files)

    def fingerprint(self) -> str:
        """See [`Shard`]."""
        names = hashlib.sha256(os.fsencode("\n".join(self.files))).hexdigest()[:24]
        states = "\n".join(_state(self.folder / file) for file in self.files)
        return f"{names}, sizes and times {hashlib.sha256(states.encode()).hexdigest()[:24]}"

    def __iter__(self) -> Iterator[Sample]:
        return ((printable(file), self.folder / file) for file in self.files)


def find_shards(
    sources: Sequence[str | Path], image_column: str = "image", key_column: str | None = None
) -> list[Shard]:
    """Finds the shards of some sources.

    Args:
        sources: Parquet files, tar files, and folders. A folder is searched with all its folders: for Parquet and tar
            files or, where there are none, for image files, which are cut into pieces of 20,000.
        image_column: of Parquet files, see [`ParquetShard`].
        key_column: of Parquet files, see [`ParquetShard`].

    Raises:
        FileNotFoundError: there is no such source, or nothing in it.
        ValueError: a file that is no shard, or two shards whose outputs would have the same name.
    """
    shards: dict[str, Shard] = {}
    for source in map(Path, sources):
        if source.is_dir():
            files = sorted(path for path in source.rglob("*") if _is_shard(path) and not path.is_dir())
            found = [_open(path, source, image_column, key_column) for path in files] or _pieces(source)
        elif not source.exists():
            raise FileNotFoundError(f"there is no file or folder {source}")
        elif _is_shard(source):
            found = [_open(source, source.parent, image_column, key_column)]
        else:
            raise ValueError(f"{source} is neither a folder nor a file that ends in {', '.join(SUFFIXES)}")
        if not found:
            raise FileNotFoundError(f"there are no Parquet, tar or image files in {source}")
        for shard in found:
            if shard.name in shards:
                raise ValueError(f"two shards are called {shard.name}, one of them of {source}: read them one by one")
            shards[shard.name] = shard
    return list(shards.values())


def _open(path: Path, folder: Path, image_column: str, key_column: str | None) -> Shard:
    name = printable(path.relative_to(folder).as_posix())
    name = name[: -len(next(suffix for suffix in SUFFIXES if name.lower().endswith(suffix)))]
    if path.suffix.lower() == ".parquet":
        return ParquetShard(name, path, image_column, key_column)
    return TarShard(name, path)


def _pieces(folder: Path) -> list[FileShard]:
    suffixes = image_suffixes()
    found = (path for path in folder.rglob("*") if path.suffix.lower() in suffixes)
    files = sorted(path.relative_to(folder).as_posix() for path in found)
    starts = range(0, len(files), FILES_PER_SHARD)
    return [
        FileShard(f"{printable(folder.resolve().name)}-{number:05d}", folder, files[start : start + FILES_PER_SHARD])
        for number, start in enumerate(starts)
    ]


def _is_shard(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES)


def _state(path: Path) -> str:
    try:
        status = path.stat()
        return f"{status.st_size} {status.st_mtime_ns}"
    except OSError:
        return "missing"
