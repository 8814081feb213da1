# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Word lists with weights: the words of a language are not equally frequent, and some lists say how frequent."""

from __future__ import annotations

import os
from array import array
from bisect import bisect
from collections.abc import Callable, Iterable
from itertools import accumulate
from pathlib import Path

import numpy as np

from ..models.crnn.text_crnn import normalize_text
from ..utils.optional import require


__all__ = ["Lexicon", "word_frequencies"]

_LANGUAGE = "wordfreq:"  # what a lexicon begins with that is no file but a language

# Raw frequencies would make every twentieth word "the". This power of them keeps frequent words frequent and lets rare
# ones come up: "the" is then one word in a hundred and fifty of a list of 90,000.
_TEMPER = 0.75
_SHORTEST_LIST = 5  # lines of which it can be told whether they hold counts


class Lexicon:
    """Words, each drawn as often as its weight says.

    Args:
        paths: text files in UTF-8, one word a line, or `word<TAB or space>count`; or languages as
            [`word_frequencies`] knows them, such as `wordfreq:en`.
        usable: which words are taken.
        ranked: files without counts are in order of frequency, the most frequent word first (Zipf's law gives the
            weights); otherwise their words are equally likely, but for long ones, which signs avoid.

    Raises:
        FileNotFoundError: a file does not exist.
        ImportError: a language was named, and `wordfreq` is not installed.
        ValueError: a count is negative, or there are no words of a language.
    """

    def __init__(self, paths: Iterable[str | os.PathLike], usable: Callable[[str], bool] = bool, ranked: bool = False):
        weights: dict[str, float] = {}
        for path in paths:
            entries = [(word, weight) for word, weight in _read(path, ranked) if weight > 0 and usable(word)]
            total = sum(weight for _, weight in entries)
            for word, weight in entries:  # a list of ten thousand words counts ten times as much as one of a thousand
                weights[word] = weights.get(word, 0.0) + weight * len(entries) / total
        self.words = list(weights)
        self._bounds = array("d", accumulate(weights.values()))

    def __len__(self) -> int:
        return len(self.words)

    def sample(self, rng: np.random.Generator) -> str:
        """Draws one word."""
        index = bisect(self._bounds, rng.random() * self._bounds[-1])
        return self.words[min(index, len(self.words) - 1)]


def word_frequencies(lexicon: str | os.PathLike) -> dict[str, float] | None:
    """The words of a language, each with its share of all running words; `None` where `lexicon` names none.

    From the package wordfreq (Speer 2022), which knows about 40 languages.

    Args:
        lexicon: `wordfreq:` and the language's code, such as `wordfreq:en` or `wordfreq:ko`; or the path of a file.

    Raises:
        ImportError: `wordfreq` is not installed.
        ValueError: it does not know the language.
    """
    name = os.fspath(lexicon)
    if not name.startswith(_LANGUAGE):
        return None
    wordfreq = require("wordfreq", "lm")
    try:
        return wordfreq.get_frequency_dict(name.removeprefix(_LANGUAGE))
    except LookupError as error:
        known = ", ".join(sorted(wordfreq.available_languages()))
        raise ValueError(f"There are no words for {name!r}; wordfreq has those of: {known}.") from error


def _read(lexicon: str | os.PathLike, ranked: bool) -> Iterable[tuple[str, float]]:
    """The (word, weight) pairs of a file or a language."""
    frequencies = word_frequencies(lexicon)
    if frequencies is not None:
        return [(word, share**_TEMPER) for word, share in frequencies.items()]
    path = Path(lexicon)
    if not path.is_file():
        raise FileNotFoundError(
            f"The lexicon {str(path)!r} does not exist; a lexicon is a text file, one word a line."
        )
    text = normalize_text(path.read_text(encoding="utf-8-sig", errors="replace"))
    lines = [line for line in text.splitlines() if line.strip()]
    counts = [_count(line) for line in lines]
    if len(lines) >= _SHORTEST_LIST and sum(count is not None for count in counts) > 0.9 * len(lines):
        negative = [line for line, count in zip(lines, counts, strict=True) if count is not None and count < 0]
        if negative:
            raise ValueError(f"The lexicon {str(path)!r} has a negative count: {negative[0].strip()!r}.")
        pairs = zip(lines, counts, strict=True)
        return [(line.split()[0], count**_TEMPER) for line, count in pairs if count is not None]
    words = [line.strip() for line in lines]
    if ranked:
        return [(word, (rank + 2.7) ** -_TEMPER) for rank, word in enumerate(words)]  # 2.7: Mandelbrot's correction
    # Signs favor short words (median 5 letters), dictionaries long ones (median 8).
    return [(word, min(1.0, (4.5 / len(word)) ** 3)) for word in words]


def _count(line: str) -> float | None:
    """The count at the end of a line `word count`, if that is what it is."""
    fields = line.split()
    if len(fields) != 2:
        return None
    try:
        return float(fields[1])
    except ValueError:
        return None
