# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Opens a path, whatever layout it has: which format, which split, which items."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from transformers.utils import logging

from ..models.crnn.text_crnn import normalize_text
from .formats import DATASET_FORMATS, DatasetFormat, SplitNotFoundError, describe_formats, find_format
from .formats.files import walk
from .formats.splits import split_of
from .formats.tables import DatasetWords, open_dataset
from .image_paths import IMAGE_SUFFIXES
from .items import Indexed, Item
from .read_report import ReadReport


__all__ = ["WordSource", "fingerprint", "open_word_sources"]

logger = logging.get_logger(__name__)

#: Soft hyphen, no-break spaces, zero-width space, marks of direction, word joiner, byte order mark. The joiners of
#: Indic and Arabic script are not among them: they change how letters look.
_UNSEEN = re.compile("[\u00ad\u00a0\u202f\u200b\u200e\u200f\u2060\ufeff]")


@dataclass
class WordSource:
    """An archive whose annotations have been read.

    Attributes:
        name: what the column `source` says.
        path: the archive.
        dataset_format: its format.
        items: its words and scenes.
        report: what reading the annotations found; what becomes of the items is not in it.
    """

    name: str
    path: Path
    dataset_format: DatasetFormat
    items: Indexed[Item]
    report: ReadReport = field(default_factory=ReadReport)

    def rows(self, indices: Iterable[int], report: ReadReport, embed: bool) -> Iterator[tuple]:
        """The words of some items, as the fields of a `Row`, whose text is in NFC, and the source's name.

        Args:
            indices: of items.
            report: is told what was read and what was left out.
            embed: read the images' bytes, also where a path would do.
        """
        for index in indices:
            report.rows += 1
            for row in self.items[index].rows(report, embed):
                report.words += 1
                if row.text != row.text.strip() or _UNSEEN.search(row.text):
                    report.count("unseen_characters", f"{row.path}: {row.text!a}")
                yield *row._replace(text=normalize_text(row.text)), self.name

    def stamp(self) -> list[tuple[str, int, int]]:
        """Name, size and time of change of each annotation file: what is read changes only where these do."""
        if not self.path.exists():  # a data set on the Hub
            return []
        files = walk(self.path, self.dataset_format.depth) if self.path.is_dir() else [self.path]
        stats = [(file, file.stat()) for file in files if file.suffix.lower() not in IMAGE_SUFFIXES]
        return [(str(file), stat.st_size, stat.st_mtime_ns) for file, stat in stats]


def fingerprint(sources: Sequence[WordSource]) -> str:
    """24 characters that change when what the sources say may have changed."""
    stamps = [(str(source.path), source.dataset_format.name, source.stamp()) for source in sources]
    return hashlib.sha256(json.dumps(stamps).encode()).hexdigest()[:24]


def open_word_sources(
    source: str | Path, dataset_format: str | None = None, split: str | None = None
) -> list[WordSource]:
    """Reads the annotations of an archive, or of each archive in a folder of archives. Opens no image.

    Args:
        source: a file, a folder, or the name of a data set on the Hub.
        dataset_format: a key of `DATASET_FORMATS`; found out if unset.
        split: the split to read, `"all"`, or `None` for the only one or else `"train"`.

    Raises:
        FileNotFoundError: there is nothing at `source`.
        ValueError: no such format, nothing in a known format, or no such split. The message lists what there is.
    """
    if dataset_format is not None and dataset_format not in DATASET_FORMATS:
        raise ValueError(f"there is no format {dataset_format!r}. The formats:\n{describe_formats()}")
    path = Path(source).expanduser()
    if not path.exists():
        return [_from_hub(str(source), dataset_format, split)]
    path = path.resolve()
    if dataset_format is not None:
        return [_open(path, DATASET_FORMATS[dataset_format], split)]
    found = find_format(path)
    if found is not None and not _is_collection(path):
        return [_open(path, found, split)]
    if split is not None and (path / split).is_dir():
        return open_word_sources(path / split)
    sources = _open_each(path, split)
    if not sources:
        raise ValueError(_nothing_found(path))
    return sources


def _open(path: Path, dataset_format: DatasetFormat, split: str | None) -> WordSource:
    if not dataset_format.finds(path):
        raise ValueError(
            f"{path} does not look like {dataset_format.name}. {_listing(path)}. It needs:\n  {dataset_format.layout}"
        )
    report = ReadReport()
    return WordSource(path.name, path, dataset_format, dataset_format.opens(path, split, report), report)


def _from_hub(name: str, dataset_format: str | None, split: str | None) -> WordSource:
    if dataset_format not in (None, "datasets"):
        raise FileNotFoundError(f"there is no file or folder {name!r}")
    return WordSource(name, Path(name), DATASET_FORMATS["datasets"], DatasetWords(open_dataset(name, split), name))


def _open_each(path: Path, split: str | None) -> list[WordSource]:
    """The archives in the folders of a folder. Those without the split are left out, which is said."""
    found = []
    for folder in sorted(path.iterdir()) if path.is_dir() else []:
        if folder.is_dir() and (dataset_format := find_format(folder)):
            try:
                found.append(_open(folder, dataset_format, split))
            except SplitNotFoundError as error:
                logger.warning("%s is not read: %s", folder, error)
    return found


def _is_collection(path: Path) -> bool:
    """Whether a folder has archives of different layouts in it: then no format can be right about all of it."""
    if path.is_file() or any(file.suffix.lower() not in IMAGE_SUFFIXES for file in walk(path, 0)):
        return False
    found = (find_format(folder) for folder in path.iterdir() if folder.is_dir())
    return len({dataset_format.name for dataset_format in found if dataset_format}) > 1


def _nothing_found(path: Path) -> str:
    return (
        f"no word boxes are recognized in {path}. {_listing(path)}. Looked for, in this order:\n{describe_formats()}"
    )


def _listing(path: Path) -> str:
    if path.is_file():
        with open(path, "rb") as file:
            return f"It is a file that starts with {file.read(60)!r}"
    names = [entry.name + "/" * entry.is_dir() for entry in sorted(path.iterdir())]
    kinds = sorted({split_of(path / name, path) for name in names} - {"all"})
    hint = f" (splits by name: {', '.join(kinds)})" if kinds else ""
    return f"It has {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}{hint}" if names else "It is empty"
