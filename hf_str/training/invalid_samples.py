# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Samples that cannot be trained on: found before training where that is possible, named and counted always."""

import io
import multiprocessing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image
from transformers.utils import logging

from ..models.crnn.text_crnn import runs_from_right
from .collator import InvalidSampleError, WordCollator


__all__ = ["InvalidSamples", "SampleReport", "check_samples", "image_size"]

logger = logging.get_logger(__name__)


class InvalidSamples:
    """What is done with samples that cannot be trained on, in whichever process they turn up.

    Args:
        action: `"error"` raises at the first one, `"drop"` goes on, names the first of each process and counts all.
        named: how many each process names in its log.
    """

    def __init__(self, action: str = "error", named: int = 20):
        if action not in ("error", "drop"):
            raise ValueError(f'bad_labels is {action!r}, but must be "error" or "drop"')
        self.action, self.named = action, named
        # Shared with the workers of the data loader, however they are started: "spawn" serves forked ones as well.
        self._count = multiprocessing.get_context("spawn").Value("q", 0)

    @property
    def count(self) -> int:
        """Samples left out so far, by this process and its workers."""
        return self._count.value

    def found(self, name: str, error: InvalidSampleError, action: str | None = None) -> None:
        """Takes note of an invalid sample.

        Args:
            name: of the sample.
            error: what is wrong with it.
            action: instead of that for all samples.

        Raises:
            InvalidSampleError: `action` is `"error"`.
        """
        if (action or self.action) == "error":
            advice = "correct or remove it, or leave such samples out with --bad_labels drop"
            raise InvalidSampleError(f"{name} cannot be trained on: {error}; {advice}", error.reason) from error
        with self._count.get_lock():
            self._count.value += 1
        self.named -= 1
        if self.named >= 0:
            rest = " Further ones are only counted." if self.named == 0 else ""
            logger.warning(f"Left out {name}: {error}.{rest}")


@dataclass
class SampleReport:
    """What [`check_samples`] found in a dataset.

    Attributes:
        name: of the dataset.
        checked: samples looked at.
        counts: invalid samples by reason.
        examples: for each reason some messages, each of which names its row.
    """

    name: str
    checked: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)

    @property
    def num_invalid(self) -> int:
        """The invalid samples, for all reasons."""
        return sum(self.counts.values())

    def add(self, row: int, error: InvalidSampleError, most: int = 10) -> None:
        """Takes note of an invalid sample; of each reason, at most `most` become examples."""
        self.counts[error.reason] = self.counts.get(error.reason, 0) + 1
        examples = self.examples.setdefault(error.reason, [])
        if len(examples) < most:
            examples.append(f"row {row}: {error}")

    def __str__(self) -> str:
        lines = [f"{self.name!r}: {self.checked:,} samples, {self.num_invalid:,} of them cannot be trained on"]
        for reason, count in self.counts.items():
            lines.append(f"  {reason}: {count:,}")
            lines += [f"    {example}" for example in self.examples[reason]]
            lines += [f"    ... and {count - len(self.examples[reason]):,} more"] * (
                count > len(self.examples[reason])
            )
        return "\n".join(lines)


def check_samples(
    dataset: Any, name: str, collator: WordCollator, action: str = "error"
) -> tuple[np.ndarray, np.ndarray | None, SampleReport]:
    """Looks through a dataset before training: every label and, where images keep their aspect ratio, every size.

    Labels are held against the charset and against the frames that their image gives. Images are opened only where
    their size matters, and then only their headers.

    Args:
        dataset: a `datasets.Dataset` with `image` and `text`.
        name: for messages.
        collator: knows the charset, the widths and the frames.
        action: what is done with invalid samples, `"error"` or `"drop"`.

    Returns:
        The rows that can be trained on; width / height of every row, or `None` where it does not matter; a report.

    Raises:
        ValueError: a sample cannot be trained on and `action` is `"error"`, or none can. The message names them.
    """
    report = SampleReport(name, checked=len(dataset))
    ratios = np.ones(len(dataset), np.float32) if collator.image_processor.keep_aspect_ratio else None
    good = np.ones(len(dataset), bool)
    from_right: list[str] = []
    columns = dataset.select_columns(["text"] if ratios is None else ["text", "image"])
    row = -1
    for batch in columns.iter(batch_size=1000):
        for index, text in enumerate(batch["text"]):
            row += 1
            try:
                if ratios is not None:
                    ratios[row] = _ratio(batch["image"][index])
                ids = collator.encode(text)
                collator.check_length(text, ids, collator.width_of(1.0 if ratios is None else float(ratios[row])))
            except InvalidSampleError as error:
                good[row] = False
                report.add(row, error)
            if runs_from_right(text):
                from_right.append(text)
    if from_right:
        logger.warning(
            f"{name}: {len(from_right):,} of {len(dataset):,} labels are in a script that runs from right to left, "
            f"such as {from_right[0]!r}. CTC aligns the first character of a label with the left of the image: "
            "labels as they are typed must be brought to the order on the page, from left to right, as get_display "
            "of python-bidi does, and predictions back again"
        )
    if report.num_invalid and action == "error":
        raise ValueError(f"{report}\nCorrect these samples, or leave them out with --bad_labels drop.")
    if not good.any():
        raise ValueError(f"{report}\nThere is nothing left to train on.")
    if report.num_invalid:
        logger.warning(f"{report}\nThey are left out.")
    return np.flatnonzero(good), ratios, report


def image_size(image: Any) -> tuple[int, int]:
    """(width, height) of an undecoded image, from its header.

    Args:
        image: `{"bytes": ..., "path": ...}`, a path, or a Pillow image.

    Raises:
        OSError: there is no such file, or it is not an image.
    """
    if isinstance(image, Image.Image):
        return image.size
    if isinstance(image, Mapping):
        image = image["path"] if image.get("bytes") is None else io.BytesIO(image["bytes"])
    with Image.open(image) as opened:
        width, height = opened.size
        turned = opened.getexif().get(0x0112, 1) >= 5 if "exif" in opened.info else False
    return (height, width) if turned else (width, height)


def _ratio(image: Any) -> float:
    try:
        width, height = image_size(image)
        return width / height
    except Exception as error:  # Pillow's decoders have no common exception
        raise InvalidSampleError(f"its image cannot be opened: {error}", "unreadable image") from error
