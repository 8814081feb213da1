# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Real words from folders, some of them kept apart to validate on."""

import itertools
import os
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ..data.word_boxes import WordBox, read_word_folder
from ..models.crnn.tokenization_crnn import CRNNTokenizer
from .invalid_samples import image_size


__all__ = ["RealSamples", "SampleTable", "extra_crops", "split_real_samples"]


class SampleTable:
    """Word boxes with the little of `datasets.Dataset` that training and evaluation ask for, and without it.

    Args:
        boxes: the words; their images are opened when they are needed.

    Example:
        >>> SampleTable([WordBox(Path("exit.png"), "EXIT")])[[0]]
        {'image': [{'path': 'exit.png', 'bytes': None}], 'text': ['EXIT']}
    """

    def __init__(self, boxes: Sequence[WordBox]):
        self.boxes = list(boxes)

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, rows: Iterable[int]) -> dict[str, list[Any]]:
        boxes = [self.boxes[row] for row in rows]
        return {
            "image": [{"path": str(box.path), "bytes": None} for box in boxes],
            "text": [box.text for box in boxes],
        }


class RealSamples(NamedTuple):
    """What [`split_real_samples`] gives.

    Attributes:
        training: words to train on.
        validation: every tenth word, by its name.
        unknown: words left out because a character is outside the charset.
        vertical: samples of vertical text, left out: one letter below the other, or turned by 90 degrees.
    """

    training: SampleTable
    validation: SampleTable
    unknown: int
    vertical: SampleTable

    def __str__(self) -> str:
        return (
            f"real words: {len(self.training):,} for training, {len(self.validation):,} for validation; left out: "
            f"{self.unknown:,} with characters outside the charset, {len(self.vertical):,} of vertical text"
        )


def split_real_samples(folders: Iterable[str | os.PathLike], tokenizer: CRNNTokenizer) -> RealSamples:
    """The words of folders with a `labels.tsv`, and every tenth of them apart.

    Which words are kept apart depends on the last three parts of their paths alone (`iiit5k/images/1.png`), so they
    stay apart whatever else is trained on and wherever the folders lie.

    Raises:
        FileNotFoundError: a folder without `labels.tsv`, or an image that is not there.
    """
    training, validation, vertical, unknown = [], [], [], 0
    for box in itertools.chain.from_iterable(map(read_word_folder, folders)):
        if tokenizer.unknown_in(box.text):
            unknown += 1
        elif _is_vertical(box):
            vertical.append(box)
        else:
            is_kept_apart = zlib.crc32(f"{box.path.parts[-3:]}".encode()) % 10 == 0
            (validation if is_kept_apart else training).append(box)
    return RealSamples(SampleTable(training), SampleTable(validation), unknown, SampleTable(vertical))


def extra_crops(folders: Iterable[str | os.PathLike], validation: SampleTable) -> list[WordBox]:
    """Other pictures of real words, such as the same words cut out of their scenes in another way, to train on.

    Left out are those that read like a word of `validation`, in whatever case, as they may show that very word, and
    those of vertical text.

    Raises:
        FileNotFoundError: a folder without `labels.tsv`, or an image that is not there.
    """
    kept_apart = {box.text.casefold() for box in validation.boxes}
    boxes = itertools.chain.from_iterable(map(read_word_folder, folders))
    return [box for box in boxes if box.text.casefold() not in kept_apart and not _is_vertical(box)]


def _is_vertical(box: WordBox) -> bool:
    width, height = image_size(box.path)
    return height > 1.5 * width and len(box.text) > 1
