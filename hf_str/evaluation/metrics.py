"""Plain functions that compare readings with labels: the numbers that papers report."""

from collections.abc import Sequence

from ..optional import require
from .protocols import PROTOCOLS, Protocol


__all__ = ["character_error_rate", "edit_distance", "normalized_edit_similarity", "recognition_metrics"]


def edit_distance(reading: str, label: str) -> int:
    """Fewest insertions, deletions and substitutions of characters between two texts (Levenshtein 1966).

    Raises:
        ImportError: rapidfuzz is missing; the message says how to get it.
    """
    return _levenshtein()(reading, label)


def character_error_rate(readings: Sequence[str], labels: Sequence[str], protocol: Protocol | None = None) -> float:
    """Edits over all words, divided by the characters of all labels: 0 is perfect, above 1 is possible.

    Where no label has a character, it is the number of characters that were read nevertheless.

    Args:
        readings: what was read.
        labels: what stands there, in the same order.
        protocol: brings both to the characters that are compared; without one they are compared as they are.

    Raises:
        ValueError: no words, or not as many readings as labels.

    Example:
        >>> character_error_rate(["hallo", ""], ["hello", "a"])
        0.3333333333333333
    """
    readings, labels = _comparable(readings, labels, protocol)
    return sum(map(_levenshtein(), readings, labels)) / max(sum(map(len, labels)), 1)


def normalized_edit_similarity(
    readings: Sequence[str], labels: Sequence[str], protocol: Protocol | None = None
) -> float:
    """1-NED: one minus the mean of each word's edits divided by the longer text's length, in [0, 1].

    The measure of the ICDAR 2019 challenges (Zhang et al., "ICDAR 2019 Robust Reading Challenge on Reading Chinese
    Text on Signboard"). Two empty texts are equal: similarity 1.

    Args and errors are those of [`character_error_rate`].

    Example:
        >>> normalized_edit_similarity(["hallo", ""], ["hello", "a"])
        0.4
    """
    readings, labels = _comparable(readings, labels, protocol)
    distance = _levenshtein()
    shares = (distance(a, b) / max(len(a), len(b), 1) for a, b in zip(readings, labels, strict=True))
    return 1 - sum(shares) / len(labels)


def recognition_metrics(readings: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
    """All of it: `word_accuracy` (exact), `word_accuracy_36`, `_62`, `_94` (see `PROTOCOLS`), `cer`, `one_minus_ned`.

    Raises:
        ValueError: no words, or not as many readings as labels.
    """
    readings, labels = _comparable(readings, labels, None)
    exact = sum(map(str.__eq__, readings, labels)) / len(labels)
    by_protocol = {f"word_accuracy_{name}": rule.word_accuracy(readings, labels) for name, rule in PROTOCOLS.items()}
    return {
        "word_accuracy": exact,
        **by_protocol,
        "cer": character_error_rate(readings, labels),
        "one_minus_ned": normalized_edit_similarity(readings, labels),
    }


def _comparable(
    readings: Sequence[str], labels: Sequence[str], protocol: Protocol | None
) -> tuple[list[str], list[str]]:
    if len(readings) != len(labels):
        raise ValueError(f"{len(readings)} readings for {len(labels)} labels: give one for each")
    if len(labels) == 0:
        raise ValueError("no words to compare")
    if protocol is None:
        return list(readings), list(labels)
    return [protocol.normalize(text) for text in readings], [protocol.normalize(text) for text in labels]


def _levenshtein():
    return require("rapidfuzz.distance").Levenshtein.distance
