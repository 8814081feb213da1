# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Tables of `datasets`: Parquet and Arrow files, folders of `save_to_disk`, and data sets on the Hub."""

import re
from pathlib import Path
from typing import Any

from transformers.utils import logging

from ...utils.optional import require
from ..items import Indexed, Item, Word
from ..read_report import ReadReport
from .annotations import AnnotationError
from .dataset_format import DatasetFormat
from .files import walk
from .splits import choose_split, split_of


__all__ = ["TABLES", "DatasetWords", "open_dataset"]

logger = logging.get_logger(__name__)

STREAM_SHARDS = 64
_IMAGE_COLUMNS = ("image", "img", "jpg", "png", "image_bytes", "picture")
_TEXT_COLUMNS = ("text", "label", "transcription", "words", "word", "ground_truth", "gt", "sentence", "caption")


def open_dataset(source: str | Path, split: str | None, streaming: bool = False) -> Any:
    """A table with the columns `image` (encoded) and `text`, and `polygon` and `source` where it has them.

    Args:
        source: a Parquet or Arrow file, a folder of such files or of `save_to_disk`, or the name of a data set on the
            Hub, `user/name` or `user/name:config`.
        split: see [`choose_split`].
        streaming: do not download or memory-map it.

    Returns:
        `datasets.Dataset` or `datasets.IterableDataset`.

    Raises:
        FileNotFoundError: there is no such file, folder or data set.
        AnnotationError: it has no column for the image or the text.
    """
    datasets = require("datasets")
    path = Path(source)
    if not path.exists():
        splits = _load_from_hub(str(source), streaming)
    elif _is_saved(path):
        loaded = datasets.load_from_disk(str(path))
        splits = dict(loaded) if isinstance(loaded, dict) else {str(loaded.split or "train"): loaded}
        if streaming:
            splits = {name: t.to_iterable_dataset(min(STREAM_SHARDS, len(t)) or 1) for name, t in splits.items()}
    else:
        splits = _load_files(path, split, streaming)
    chosen = list(choose_split(splits, split, path).values())
    tables = [_word_columns(table, source) for table in chosen]
    return tables[0] if len(tables) == 1 else datasets.concatenate_datasets(tables)


def _load_from_hub(source: str, streaming: bool) -> dict[str, Any]:
    name, _, config = source.partition(":")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise FileNotFoundError(f"there is no file or folder {source!r}")
    try:
        return dict(require("datasets").load_dataset(name, config or None, streaming=streaming))
    except (FileNotFoundError, ConnectionError) as error:
        message = f"there is no file or folder {source!r}, and as a data set on the Hub it cannot be loaded: {error}"
        raise FileNotFoundError(message) from error


def _is_saved(path: Path) -> bool:
    return (path / "dataset_dict.json").is_file() or (path / "state.json").is_file()


def _table_files(source: Path) -> list[Path]:
    files = walk(source, 2) if source.is_dir() else [source]
    return [file for file in files if file.suffix in (".parquet", ".arrow")]


def _load_files(path: Path, split: str | None, streaming: bool) -> dict[str, Any]:
    by_split: dict[str, list[str]] = {}
    for file in _table_files(path):
        # words-00000-of-00008.parquet says no split, and neither may a folder: then it is for training
        name = split_of(file, path if path.is_dir() else path.parent)
        by_split.setdefault("train" if name == "all" else name, []).append(str(file))
    chosen = choose_split(by_split, split, path)
    kinds = {Path(file).suffix[1:] for files in chosen.values() for file in files}
    if len(kinds) > 1:
        raise AnnotationError(f"{path} has Parquet and Arrow files: read one kind of them at a time")
    return dict(require("datasets").load_dataset(kinds.pop(), data_files=chosen, streaming=streaming))


def _word_columns(table: Any, source: str | Path) -> Any:
    datasets = require("datasets")
    features = table.features if table.features is not None else table._resolve_features().features
    images = [name for name, feature in features.items() if isinstance(feature, datasets.Image)]
    images += [name for name in _IMAGE_COLUMNS if name in features]
    # of several string columns, the one with the best known name
    strings = [
        name for name, feature in features.items() if getattr(feature, "dtype", "") in ("string", "large_string")
    ]
    texts = [name for name in _TEXT_COLUMNS if name in strings]
    if not images or not texts:
        raise AnnotationError(
            f"{source} has the columns {dict(features)}: it needs an image column and one of text "
            f"({', '.join(_TEXT_COLUMNS)})"
        )
    wanted = {images[0]: "image", texts[0]: "text"}
    table = table.select_columns([*wanted, *(name for name in ("polygon", "source") if name in features)])
    table = table.rename_columns({old: new for old, new in wanted.items() if old != new})
    return table.cast_column("image", datasets.Image(decode=False))


class DatasetWords(Indexed[Item]):
    """The words of a table of `datasets`, as items."""

    def __init__(self, table: Any, name: str):
        self.table, self.name = table, name

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, index: int, /) -> Item:
        row = self.table[index]
        image = row["image"] or {}
        name = image.get("path") or f"{self.name}[{index}]"
        source = image["bytes"] if image.get("bytes") is not None else image.get("path") or ""
        return Word(source, row["text"] or "", name, row.get("polygon"))


def _finds(source: Path) -> bool:
    return _is_saved(source) or any(_is_table(file) for file in _table_files(source))


def _is_table(file: Path) -> bool:
    return file.suffix == ".parquet" or not file.name.startswith("cache-")


def _open(source: Path, split: str | None, report: ReadReport) -> Indexed[Item]:
    return DatasetWords(open_dataset(source, split), source.name)


TABLES = DatasetFormat(
    "datasets",
    "tables of `datasets`: Parquet, Arrow, save_to_disk folders, or the name of a data set on the Hub",
    _finds,
    _open,
)
