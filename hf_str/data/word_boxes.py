"""Readers of word boxes."""

from pathlib import Path
from typing import NamedTuple

from ..models.crnn.text_crnn import normalize_text


__all__ = ["WordBox", "read_word_folder"]


class WordBox(NamedTuple):
    """A word image and its text."""

    path: Path
    text: str


def read_word_folder(folder: str | Path) -> list[WordBox]:
    """Reads a folder with a `labels.tsv` of lines `image path<TAB>text`, in UTF-8.

    Args:
        folder: the folder; image paths are relative to it.

    Returns:
        The word boxes in the file's order; the images are not opened.

    Raises:
        FileNotFoundError: no `labels.tsv`.
        ValueError: a line without a tab or with an empty text, by file and line number.
    """
    labels = Path(folder) / "labels.tsv"
    boxes = []
    for number, line in enumerate(labels.read_text(encoding="utf-8").splitlines(), start=1):
        name, tab, text = line.partition("\t")
        if not tab or not text:
            raise ValueError(f"{labels}, line {number}: expected an image path, a tab and a text, not {line!r}")
        boxes.append(WordBox(Path(folder) / name, normalize_text(text)))
    return boxes
