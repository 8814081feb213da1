# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Images that are in a set more than once, and images of a test set that are in the training set."""

from collections import Counter
from typing import Any

import numpy as np

from ..models.crnn.image_loading_crnn import load_word_image
from .near_duplicates import near_pairs, similarity, thumbnail
from .word_set import MAX_LISTED, WordSet


__all__ = ["find_duplicates", "find_leaks"]

#: Correlation from which two pictures are the same: less where they have the same text.
SIMILAR, SIMILAR_WITH_SAME_TEXT = 0.93, 0.86
#: Levels of 255, by which the mean of a color may differ.
MOST_TONE_DIFFERENCE = 24
MAX_CHECKED_PAIRS = 200_000
_LUMA = np.array([[0.299], [0.587], [0.114]], np.float32)


def find_duplicates(words: WordSet) -> dict[str, Any]:
    """Pictures that are in a set more than once, and those of them that are labeled differently.

    Returns:
        `words`: how many words look like an earlier one; `pairs`: the first of them; `conflicts`: the pairs whose
        texts differ in more than case. A conflict is a wrong label, or two words that look alike.
    """
    pairs = _alike(words, words, near_pairs(_distinct(words)))
    conflicts = [pair for pair in pairs if not _same_text(words.texts[pair[0]], words.texts[pair[1]])]
    return {
        "words": len({second for _, second, _ in pairs}),
        "pairs": [_pair(words, words, pair) for pair in pairs[:MAX_LISTED]],
        "conflicts": len(conflicts),
        "conflict_pairs": [_pair(words, words, pair) for pair in conflicts[:MAX_LISTED]],
    }


def find_leaks(train: WordSet, test: WordSet) -> dict[str, Any]:
    """Test words whose picture is in the training set.

    Returns:
        `words`: how many test words; `same_text`: how many of those are labeled alike; `by_source`: training source
        -> test words; `pairs`: the first of them.
    """
    pairs = _alike(train, test, near_pairs(_distinct(train), _distinct(test)))
    by_test = {pair[1]: pair for pair in sorted(pairs, key=lambda pair: pair[2])}  # the most similar one is the last
    best = sorted(by_test.values(), key=lambda pair: -pair[2])
    same = sum(_same_text(train.texts[first], test.texts[second]) for first, second, _ in best)
    sources = Counter(train.name(first).partition("/")[0] for first, _, _ in best)
    listed = [_pair(train, test, pair) for pair in best[:MAX_LISTED]]
    return {"words": len(best), "same_text": same, "by_source": dict(sources.most_common()), "pairs": listed}


def _distinct(words: WordSet) -> np.ndarray:
    """The hashes; pictures that cannot be read get random ones, so that they are like nothing."""
    hashes = words.hashes.copy()
    blank = words.sizes[:, 0] == 0
    hashes[blank] = np.random.default_rng(len(words)).integers(0, 2**64, int(blank.sum()), np.uint64)
    return hashes


def _alike(one: WordSet, other: WordSet, pairs: np.ndarray) -> list[tuple[int, int, float]]:
    """The pairs whose pictures are really alike: a hash of 64 bits is near that of other words, too."""
    found = []
    looks: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}
    for first, second in pairs[:MAX_CHECKED_PAIRS].tolist():
        (small, tone), (other_small, other_tone) = _look(one, first, looks), _look(other, second, looks)
        is_same = _same_text(one.texts[first], other.texts[second])
        measured = similarity(small, other_small)
        # a logo's word in another color is another picture, though it has the same shapes
        if measured >= (SIMILAR_WITH_SAME_TEXT if is_same else SIMILAR) and _tones_agree(tone, other_tone):
            found.append((first, second, round(measured, 3)))
    return found


def _look(
    words: WordSet, index: int, looks: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """Thumbnail and mean color, (3,) or of a gray picture (1,)."""
    key = id(words), index
    if key not in looks:
        if len(looks) > 20_000:
            looks.clear()
        image = load_word_image(words.rows([index])[0]["image"])
        looks[key] = thumbnail(image), np.asarray(image, np.float32).reshape(-1, len(image.getbands())).mean(0)
    return looks[key]


def _tones_agree(tone: np.ndarray, other: np.ndarray) -> bool:
    if len(tone) != len(other):  # one is gray
        tone, other = (t if len(t) == 1 else t @ _LUMA for t in (tone, other))
    return float(np.abs(tone - other).max()) <= MOST_TONE_DIFFERENCE


def _same_text(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _pair(one: WordSet, other: WordSet, pair: tuple[int, int, float]) -> dict[str, Any]:
    first, second, measured = pair
    return {
        "indices": [first, second],
        "names": [one.name(first), other.name(second)],
        "texts": [one.texts[first], other.texts[second]],
        "similarity": measured,
    }
