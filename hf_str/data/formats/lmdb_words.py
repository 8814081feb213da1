# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""LMDB as the field writes it: `num-samples`, `image-000000001`, `label-000000001`, counted from 1."""

import os
from pathlib import Path
from typing import Any

from ...utils.optional import require
from ..items import Concatenated, Indexed, Item, Skipped, Word
from ..read_report import ReadReport
from .annotations import AnnotationError
from .dataset_format import DatasetFormat
from .files import walk
from .splits import choose_entries, split_of


__all__ = ["LMDB", "LmdbWords"]


class LmdbWords(Indexed[Item]):
    """The words of one LMDB.

    Args:
        path: a folder with a data.mdb, or a file.
        name: put before the keys where reports name a word.

    Raises:
        AnnotationError: it has no `num-samples`.
    """

    def __init__(self, path: Path, name: str = ""):
        self.path, self.name = str(path), name
        _TRANSACTIONS.pop(self.path, None)  # it may have been written anew since
        count = _transaction(self.path).get(b"num-samples")
        if count is None:
            raise AnnotationError(f"{path} has no key 'num-samples', so it is not an LMDB of word boxes")
        self._count = int(count)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int, /) -> Item:
        if not 0 <= index < self._count:
            raise IndexError(index)
        name = f"{self.name}image-{index + 1:09d}"
        transaction = _transaction(self.path)
        image, label = transaction.get(b"image-%09d" % (index + 1)), transaction.get(b"label-%09d" % (index + 1))
        if not image:
            return Skipped("missing_image" if image is None else "unreadable_image", name)
        try:
            return Word(image, "" if label is None else label.decode(), name)
        except UnicodeDecodeError:
            return Skipped("malformed_annotation", f"{name}: its label is not UTF-8: {label!r}")


#: Path -> process and read transaction. A process must not open an LMDB twice, nor use one inherited by a fork.
_TRANSACTIONS: dict[str, tuple[int, Any]] = {}


def _transaction(path: str) -> Any:
    process, transaction = _TRANSACTIONS.get(path, (None, None))
    if process != os.getpid():
        # Without a lock: it is only read, often from a disk that may not be written. Without read-ahead: large
        # archives are read in any order.
        options = {"readonly": True, "lock": False, "readahead": False, "meminit": False}
        transaction = require("lmdb", "lmdb").open(path, subdir=os.path.isdir(path), **options).begin()
        _TRANSACTIONS[path] = os.getpid(), transaction
    return transaction


def _databases(source: Path) -> list[Path]:
    if source.is_file():
        return [source] if source.suffix in (".lmdb", ".mdb") else []
    return [file for file in walk(source, 5) if file.name == "data.mdb" or file.suffix == ".lmdb"]


def _open(source: Path, split: str | None, report: ReadReport) -> Indexed[Item]:
    by_split: dict[str, list[Path]] = {}
    for file in _databases(source):
        by_split.setdefault(split_of(file.parent, source), []).append(file)
    parts = []
    for file in choose_entries(by_split, split, source):
        path = file.parent if file.name == "data.mdb" else file
        name = "" if path == source else f"{path.relative_to(source).as_posix()}/"
        parts.append(LmdbWords(path, name))
    return Concatenated(parts)


LMDB = DatasetFormat(
    "lmdb",
    "LMDB: data.mdb with num-samples, image-%09d and label-%09d, here or in folders below",
    lambda source: bool(_databases(source)),
    _open,
    depth=5,
)
