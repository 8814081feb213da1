# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What several readers need: splits, image files by name, paths that annotations mean."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

from transformers.utils import logging

from ...models.crnn.text_files_crnn import TextFileError, read_text_file
from ..items import IMAGE_SUFFIXES, Item, find_image
from ..read_report import ReadReport


__all__ = [
    "DONT_CARE",
    "IMAGE_SUFFIXES",
    "AnnotationError",
    "ImageFiles",
    "Reader",
    "SplitNotFoundError",
    "base_folder",
    "choose_split",
    "first_existing",
    "flat",
    "join",
    "label_text",
    "parse_json",
    "read_json",
    "split_of",
    "understanding",
    "walk",
]

logger = logging.get_logger(__name__)

#: Transcriptions that say "nobody can read this": ICDAR's, Total-Text's.
DONT_CARE = {"###", "#", "##", "####"}
#: Names of folders and parts of file names -> split.
_SPLITS = {"train": "train", "training": "train", "trial": "train", "test": "test", "val": "validation"}
_SPLITS |= {"valid": "validation", "validation": "validation", "testing": "test", "eval": "test"}
Choice = TypeVar("Choice")


class AnnotationError(ValueError):
    """An annotation file that cannot be understood. The message names the file and says what was expected."""


class SplitNotFoundError(ValueError):
    """A split that the archive has not. The message lists those that it has."""


class Opener(Protocol):
    def __call__(self, source: Path, split: str | None, report: ReadReport) -> Sequence[Item]: ...


@dataclass(frozen=True)
class Reader:
    """One layout that word boxes come in.

    Args:
        name: what `format=` calls it.
        layout: one line on what it looks for.
        finds: whether a path has this layout; looks at names, at most into the first lines of a file.
        opens: `(source, split, report)` -> the items. Reads annotations, no image.
        depth: how many folders deep the annotations may lie.
        is_asked_for: only read where `format=` says so: other data may lie just so.
    """

    name: str
    layout: str
    finds: Callable[[Path], bool]
    opens: Opener
    depth: int = 2
    is_asked_for: bool = False


def choose_split(available: Mapping[str, Choice], wanted: str | None, where: Path) -> dict[str, Choice]:
    """The parts of an archive that are meant.

    Args:
        available: by split name.
        wanted: a split, `"all"`, or `None` for the only one or else `"train"`.
        where: the archive, for the messages.

    Raises:
        SplitNotFoundError: there is no such split, or several and none is called `"train"`.
    """
    named = ", ".join(repr(name) for name in available) or "none"
    if wanted == "all" or (wanted is None and len(available) == 1):
        return dict(available)
    if wanted is None and "train" in available:
        logger.info(f"{where} has the splits {named}: reading 'train'. Say split=... for others, 'all' for all")
        wanted = "train"
    for name in (wanted, _SPLITS.get(wanted or "")):
        if name in available:
            return {name: available[name]}
    raise SplitNotFoundError(f"{where} has no split {wanted!r}. Its splits: {named}; 'all' reads all of them")


def split_of(path: Path, root: Path) -> str:
    """`"train"`, `"test"` or `"validation"` as the names of a file and its folders tell; `"all"` if they do not.

    Example:
        >>> split_of(Path("ic15/ch4_test_word_images_gt/gt.txt"), Path("ic15"))
        'test'
    """
    relative = path.relative_to(root) if path.is_relative_to(root) else path
    for part in reversed(relative.parts):
        for piece in Path(part).stem.lower().replace("-", "_").replace(".", "_").split("_"):
            for word in (piece, piece.rstrip("0123456789"), piece.removeprefix("scene").removeprefix("trial")):
                if word in _SPLITS:
                    return _SPLITS[word]
    return "all"


def walk(folder: Path, depth: int = 3) -> Iterator[Path]:
    """The files under a folder, at most `depth` folders deep, in the order of their names."""
    try:
        entries = _listing(str(folder), os.stat(folder).st_mtime_ns)
    except (NotADirectoryError, FileNotFoundError, PermissionError):
        return
    yield from (folder / name for name, is_folder in entries if not is_folder)
    if depth > 0:
        for name, is_folder in entries:
            if is_folder and not name.startswith("."):
                yield from walk(folder / name, depth - 1)


@lru_cache(maxsize=1024)  # a dozen readers look into the same folders, one after the other
def _listing(folder: str, modified: int) -> list[tuple[str, bool]]:
    # scandir tells files from folders without asking the disk for each: a folder may hold a million images
    with os.scandir(folder) as found:
        return sorted((entry.name, entry.is_dir()) for entry in found)


class ImageFiles:
    """The images of an archive by name, wherever in it they lie.

    Args:
        root: the archive.
        depth: how many folders deep to look.
    """

    def __init__(self, root: Path, depth: int = 4):
        self.root = root
        self._by_stem: dict[str, list[Path]] = {}
        for path in walk(root, depth):
            if path.suffix.lower() in IMAGE_SUFFIXES:
                self._by_stem.setdefault(path.stem.lower(), []).append(path)

    def find(self, name: str, near: Path | None = None) -> Path:
        """The image of that name, with or without its suffix and folders.

        Where several are called so, as `img_1.jpg` of training and test, it is one of the split and then of the
        folders that `near`, the annotation file, has too. Where none is, the path that was expected is returned.
        """
        wanted = Path(name)
        has_suffix = wanted.suffix.lower() in IMAGE_SUFFIXES
        found = self._by_stem.get((wanted.stem if has_suffix else wanted.name).lower(), [])
        if not found:
            return self.root / name
        if near is None:
            near = self.root / wanted
        split = split_of(near, self.root)

        def likeness(path: Path) -> tuple:
            return (
                path.parts[-len(wanted.parts) :] == wanted.parts,
                split_of(path, self.root) == split,
                _common(path, near),
            )

        return max(found, key=likeness)


def _common(one: Path, other: Path) -> int:
    """How many folders two paths share from the root on."""
    pairs = zip(one.parent.parts, other.parent.parts, strict=False)
    return next((count for count, (a, b) in enumerate(pairs) if a != b), min(len(one.parts), len(other.parts)))


def base_folder(names: Iterable[str], candidates: Iterable[Path]) -> Path:
    """The folder to which names of images are relative: the first candidate under which one of them lies."""
    candidates = list(candidates)
    for name in names:
        for folder in candidates:
            if find_image(os.path.join(folder, name)):
                return folder
    return candidates[0]


def join(base: str, name: str) -> str:
    """Where an image lies: its name under a folder, or the name itself where it is a whole path."""
    return os.path.join(base, name)


def first_existing(folder: Path, names: Iterable[str]) -> Path | None:
    """The first of these files that a folder has."""
    return next((folder / name for name in names if (folder / name).is_file()), None)


def flat(points: Sequence) -> list[float]:
    """`[[x, y], ...]` or `[x, y, ...]` as `[x, y, ...]`."""
    return [float(n) for point in points for n in (point if isinstance(point, (list, tuple)) else [point])]


@contextmanager
def understanding(file: Path) -> Iterator[None]:
    """Parts of an annotation file that are not as its format has them are an `AnnotationError` that names the file."""
    try:
        yield
    except (AnnotationError, TextFileError):
        raise
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else error
        raise AnnotationError(f"{file} has annotations that do not follow its format: {reason}") from error


def label_text(value: Any) -> str | None:
    """A label out of JSON as [`read_json`] and [`parse_json`] give it; `None` where it is no text and no number."""
    return value if isinstance(value, str) else None


def parse_json(text: str) -> Any:
    """JSON whose numbers stay text, spelled as they are: a label 1.50 is "1.50", not 1.5.

    Raises:
        ValueError: it is not JSON, or an object has a name twice with other values: one of them would be lost.
    """
    return json.loads(text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    for name, value in pairs if len(found) < len(pairs) else ():
        if found[name] != value:
            raise ValueError(f"{name!r} stands there twice, with {value!r} and {found[name]!r}"[:300])
    return found


def read_json(path: Path) -> Any:
    """A JSON file's content.

    Raises:
        AnnotationError: it is not JSON; the message names the file.
    """
    try:
        text = read_text_file(path)
    except TextFileError as error:
        raise AnnotationError(str(error)) from error
    try:
        return json.loads(text)
    except ValueError as error:
        raise AnnotationError(f"{path} is not valid JSON: {error}") from error
