"""Evaluation protocols: what counts as the same word, and which words of a test set count."""

import string
from collections.abc import Sequence
from dataclasses import dataclass


__all__ = ["PROTOCOLS", "SUBSETS", "Protocol", "Subset"]


@dataclass(frozen=True)
class Protocol:
    """Brings a reading and a label to the characters that are compared.

    Args:
        characters: what is kept; everything else is left out of both texts.
        ignore_case: compare in lower case.

    Example:
        >>> PROTOCOLS["36"].same("STARBUCKS", "Starbucks'")
        True
    """

    characters: str
    ignore_case: bool = False

    def normalize(self, text: str) -> str:
        """`text` as this protocol sees it."""
        text = text.lower() if self.ignore_case else text
        return "".join(character for character in text if character in self.characters)

    def same(self, reading: str, label: str) -> bool:
        return self.normalize(reading) == self.normalize(label)

    def word_accuracy(self, readings: Sequence[str], labels: Sequence[str]) -> float:
        """Share of the words that are read without a mistake, in [0, 1]."""
        if not labels:
            raise ValueError("no words to compare")
        return sum(self.same(reading, label) for reading, label in zip(readings, labels, strict=True)) / len(labels)


@dataclass(frozen=True)
class Subset:
    """Leaves words of a test set out by their labels, as papers do without saying so.

    Args:
        alphanumeric: leave out labels with a character that is neither a letter of English nor a digit.
        min_length: leave out labels with fewer characters.
        words: how many words of the set papers count; what the rule gives may differ, see `SUBSETS`.

    Example:
        >>> [SUBSETS["IC13-857"].keeps(label) for label in ("Exit", "no", "it's")]
        [True, False, False]
    """

    alphanumeric: bool
    min_length: int
    words: int

    def keeps(self, label: str) -> bool:
        is_alphanumeric = all(character in _ALPHANUMERIC for character in label)
        return len(label) >= self.min_length and (is_alphanumeric or not self.alphanumeric)


_ALPHANUMERIC = frozenset(string.digits + string.ascii_letters)

#: By the number of characters: "36" (letters and digits without case) is what papers report.
PROTOCOLS = {
    "36": Protocol(string.digits + string.ascii_lowercase, ignore_case=True),
    "62": Protocol(string.digits + string.ascii_letters),
    "94": Protocol(string.digits + string.ascii_letters + string.punctuation),
}

#: The two sizes in which papers use the tests of ICDAR 2013 (1,095 words) and ICDAR 2015 (2,077), and the usual one of
#: ICDAR 2003 (1,110), as Baek et al. 2019 (section 2.2) tell them apart. "IC15-1811" also leaves out what Cheng et al.
#: 2017 found extremely rotated, curved or seen at an angle: their list is of images, no label tells it. The rule
#: here gives more than 1,811 words on the whole test; on the copy that has 1,811 it leaves out nothing.
SUBSETS = {
    "IC03-867": Subset(alphanumeric=True, min_length=3, words=867),
    "IC13-1015": Subset(alphanumeric=True, min_length=1, words=1015),
    "IC13-857": Subset(alphanumeric=True, min_length=3, words=857),
    "IC15-2077": Subset(alphanumeric=False, min_length=0, words=2077),
    "IC15-1811": Subset(alphanumeric=True, min_length=1, words=1811),
}
