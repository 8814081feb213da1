"""Evaluation protocols: what counts as the same word."""

import string
from collections.abc import Sequence
from dataclasses import dataclass


__all__ = ["PROTOCOLS", "Protocol"]


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


#: By the number of characters: "36" (letters and digits without case) is what papers report.
PROTOCOLS = {
    "36": Protocol(string.digits + string.ascii_lowercase, ignore_case=True),
    "62": Protocol(string.digits + string.ascii_letters),
    "94": Protocol(string.digits + string.ascii_letters + string.punctuation),
}
