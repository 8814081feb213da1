# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Where the errors are: by length, by shape, by character."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from ..utils.optional import require
from ..utils.renaming import renamed_arguments


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

Key = TypeVar("Key", bound=Hashable)


class Group(NamedTuple):
    """Words that have something in common.

    Attributes:
        name: what they have in common.
        words: how many.
        accuracy: the share of them that is right.
    """

    name: str
    words: int
    accuracy: float


def accuracy_by_length(labels: Sequence[str], correct: ArrayLike) -> list[Group]:
    """By the characters of the label as the protocol sees it; those of 15 and more together."""
    names = {length: str(length) for length in range(LONGEST)} | {LONGEST: f"{LONGEST}+"}
    return _groups([min(len(label), LONGEST) for label in labels], np.asarray(correct, bool), names)


def accuracy_by_aspect_ratio(aspect_ratios: ArrayLike, correct: ArrayLike) -> list[Group]:
    """By width / height of the image, in the classes of `ASPECT_RATIOS`; broken images, of ratio 0, are left out."""
    ratios, is_right = np.asarray(aspect_ratios, np.float64), np.asarray(correct, bool)
    classes = np.searchsorted(ASPECT_RATIOS, ratios, side="right") - 1
    ends = [f"-{high:g}" for high in ASPECT_RATIOS[1:]] + ["+"]
    names = {number: f"{low:g}{end}" for number, (low, end) in enumerate(zip(ASPECT_RATIOS, ends, strict=True))}
    return _groups(classes[ratios > 0].tolist(), is_right[ratios > 0], names)


@renamed_arguments(readings="predictions")
def character_confusions(predictions: Sequence[str], labels: Sequence[str]) -> Counter[tuple[str, str]]:
    """How often each character was predicted as each, by the fewest edits between prediction and label.

    Returns:
        (character of the label, its prediction) -> how often. A character that was missed has the prediction `""`; one
        that was predicted where there is none has the label `""`. Characters that are right are counted, too.

    Example:
        >>> character_confusions(["C0ffe"], ["Coffee"])[("o", "0")]
        1
    """
    editops = require("rapidfuzz.distance").Levenshtein.editops
    counts: Counter[tuple[str, str]] = Counter()
    for prediction, label in zip(predictions, labels, strict=True):
        touched = set()
        for operation, source, target in editops(label, prediction):
            if operation == "insert":
                counts["", prediction[target]] += 1
            else:
                counts[label[source], "" if operation == "delete" else prediction[target]] += 1
                touched.add(source)
        counts.update((character, character) for index, character in enumerate(label) if index not in touched)
    return counts


def _groups(keys: Sequence[Key], correct: np.ndarray, names: Mapping[Key, str]) -> list[Group]:
    """The groups that have words, in the order of `names`."""
    words = Counter(keys)
    right = Counter(key for key, is_right in zip(keys, correct.tolist(), strict=True) if is_right)
    return [Group(names[key], words[key], right[key] / words[key]) for key in names if words[key]]
