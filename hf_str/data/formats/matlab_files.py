# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Archives whose annotations are MATLAB files: IIIT5K and SynthText. They need scipy."""

from pathlib import Path
from typing import Any

import numpy as np

from ...utils.optional import require
from ..items import Concatenated, Indexed, Item, Region, Scene, Skipped, Word
from ..read_report import ReadReport
from .annotations import AnnotationError
from .dataset_format import DatasetFormat
from .files import first_existing
from .splits import choose_split


__all__ = ["IIIT5K", "SYNTHTEXT", "load_mat"]


def load_mat(path: Path) -> dict[str, Any]:
    """A MATLAB file's variables.

    Raises:
        AnnotationError: it is damaged; the message names the file.
    """
    try:
        return require("scipy.io", "scipy").loadmat(str(path))
    except (ValueError, TypeError, NotImplementedError) as error:
        raise AnnotationError(f"{path} is not a MATLAB file that scipy reads: {error}") from error


def _text(cell: Any) -> str:
    """The string in a cell, however deep it lies in arrays of one element."""
    while isinstance(cell, np.ndarray):
        if cell.size == 0:
            return ""
        cell = cell.flat[0]
    return str(cell)


# ---------------------------------------------------------------------------------------------------------------------
# IIIT5K: traindata.mat and testdata.mat, struct arrays with ImgName, GroundTruth, smallLexi, mediumLexi


def _iiit5k_files(source: Path) -> dict[str, Path]:
    files = {"train": source / "traindata.mat", "test": source / "testdata.mat"}
    return {split: file for split, file in files.items() if file.is_file()}


def _open_iiit5k(source: Path, split: str | None, report: ReadReport) -> Indexed[Item]:
    parts = []
    for file in choose_split(_iiit5k_files(source), split, source).values():
        variables = load_mat(file)
        records = next((value for name, value in variables.items() if name in ("traindata", "testdata")), None)
        if records is None or records.dtype.names is None:
            raise AnnotationError(f"{file} has no struct array 'traindata' or 'testdata'")
        names = [_text(cell) for cell in records["ImgName"].ravel()]
        texts = [_text(cell) for cell in records["GroundTruth"].ravel()]
        parts.append([Word(str(source / name), text, name) for name, text in zip(names, texts, strict=True)])
    return Concatenated(parts)


IIIT5K = DatasetFormat(
    "iiit5k",
    "IIIT5K: traindata.mat and testdata.mat with ImgName and GroundTruth",
    lambda source: bool(_iiit5k_files(source)),
    _open_iiit5k,
    depth=0,
)

# ---------------------------------------------------------------------------------------------------------------------
# SynthText: gt.mat with imnames, wordBB and txt


class SynthTextScenes(Indexed[Item]):
    """The scenes of SynthText's gt.mat.

    Args:
        variables: `imnames` (1, scenes), `wordBB` (1, scenes) of arrays (2, 4, words), clockwise from the word's upper
            left corner, and `txt` (1, scenes) of strings, each of one or more lines of words.
        root: the folder of the images.
    """

    def __init__(self, variables: dict[str, Any], root: Path):
        self.names, self.boxes, self.texts = (variables[key].ravel() for key in ("imnames", "wordBB", "txt"))
        self.root = str(root)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int, /) -> Item:
        name = _text(self.names[index])
        # a box array of one word has lost its last axis
        boxes = np.asarray(self.boxes[index], np.float64).reshape(2, 4, -1).transpose(2, 1, 0).reshape(-1, 8)
        words = [word for lines in np.ravel(self.texts[index]) for word in str(lines).split()]
        if len(words) != len(boxes):
            return Skipped("malformed_annotation", f"{name}: {len(boxes)} boxes for {len(words)} words")
        regions = [Region(box.tolist(), word) for box, word in zip(boxes, words, strict=True)]
        return Scene(f"{self.root}/{name}", regions, name)


def _synthtext_file(source: Path) -> Path | None:
    return first_existing(source, ["gt.mat", "SynthText/gt.mat"])


def _open_synthtext(source: Path, split: str | None, report: ReadReport) -> Indexed[Item]:
    file = _synthtext_file(source)
    if file is None:
        raise AnnotationError(f"{source} has no gt.mat")
    choose_split({"train": file}, split, source)
    return SynthTextScenes(load_mat(file), file.parent)


SYNTHTEXT = DatasetFormat(
    "synthtext",
    "SynthText: gt.mat with imnames, wordBB and txt, the scenes in folders beside it",
    lambda source: _synthtext_file(source) is not None,
    _open_synthtext,
    depth=0,
)
