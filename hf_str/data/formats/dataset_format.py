# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What a dataset format is: a layout on disk that word boxes come in, and how to open it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..items import Indexed, Item
from ..read_report import ReadReport


__all__ = ["DatasetFormat", "Opener"]


class Opener(Protocol):
    """Reads the annotations of an archive; see [`DatasetFormat`]."""

    def __call__(self, source: Path, split: str | None, report: ReadReport) -> Indexed[Item]:
        """The items of an archive.

        Args:
            source: the archive.
            split: the split to read, see `splits.choose_split`.
            report: is told what the annotations tell of what is left out.
        """
        ...


@dataclass(frozen=True)
class DatasetFormat:
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
