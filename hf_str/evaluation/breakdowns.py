# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Where the errors are: by length, by shape, by character."""

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from ..utils.optional import require


__all__ = [
    "ASPECT_RATIOS",
    "Group",
    "accuracy_by_aspect_ratio",
    "accuracy_by_length",
    "character_confusions",
]

#: Lower edges of the classes of width / height.
ASPECT_RATIOS = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
LONGEST = 15


class Group(NamedTuple):
    """Words that have something in common.

    Attributes:
        name: what.
        words: how many.
        accuracy: the share of them that is right.
    """

    name: str
    words: int
    accuracy: float


def accuracy_by_length(labels: Sequence[str], correct: Sequence[bool]) -> list[Group]:
    """By the characters of the label as the protocol sees it; those of 15 and more together."""
    names = {length: str(length) for length in range(LONGEST)} | {LONGEST: f"{LONGEST}+"}
    return _groups([min(len(label), LONGEST) for label in labels], correct, names)


def accuracy_by_aspect_ratio(aspect_ratios: Sequence[float], correct: Sequence[bool]) -> list[Group]:
    """By width / height of the image, in the classes of `ASPECT_RATIOS`; broken images, of ratio 0, are left out."""
    ratios, correct = np.asarray(aspect_ratios, np.float64), np.asarray(correct, bool)
    classes = np.searchsorted(ASPECT_RATIOS, ratios, side="right") - 1
    ends = [f"-{high:g}" for high in ASPECT_RATIOS[1:]] + ["+"]
    names = {place: f"{low:g}{end}" for place, (low, end) in enumerate(zip(ASPECT_RATIOS, ends, strict=True))}
    return _groups(classes[ratios > 0].tolist(), correct[ratios > 0], names)


def character_confusions(readings: Sequence[str], labels: Sequence[str]) -> Counter[tuple[str, str]]:
    """How often each character was read as each, by the fewest edits between reading and label.

    Returns:
        (character of the label, what was read) -> how often. A character that was missed was read as `""`; one that
        was read where there is none has the label `""`. Characters that were read as themselves are counted, too.

    Example:
        >>> character_confusions(["C0ffe"], ["Coffee"])[("o", "0")]
        1
    """
    editops = require("rapidfuzz.distance").Levenshtein.editops
    counts: Counter[tuple[str, str]] = Counter()
    for reading, label in zip(readings, labels, strict=True):
        touched = set()
        for operation, place, target in editops(label, reading):
            if operation == "insert":
                counts["", reading[target]] += 1
            else:
                counts[label[place], "" if operation == "delete" else reading[target]] += 1
                touched.add(place)
        counts.update((character, character) for place, character in enumerate(label) if place not in touched)
    return counts


def _groups(keys: Sequence[Hashable], correct: Sequence[bool], names: dict[Hashable, str]) -> list[Group]:
    """The groups that have words, in the order of `names`."""
    words = Counter(keys)
    right = Counter(key for key, is_right in zip(keys, correct, strict=True) if is_right)
    return [Group(names[key], words[key], right[key] / words[key]) for key in names if words[key]]
