# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Plain functions that compare predictions with labels: the numbers that papers report.

Each metric is a sum over words divided by another: [`metric_terms`] gives both, word by word, for whoever wants to
resample them (see `bootstrap.py`).
"""

from collections.abc import Sequence

import numpy as np

from ..models.crnn.text_crnn import normalize_text
from ..utils.optional import require
from ..utils.renaming import renamed_arguments
from .protocols import PROTOCOLS, Protocol


__all__ = [
    "METRICS",
    "Terms",
    "character_error_rate",
    "edit_distance",
    "label_error_rate",
    "metric_terms",
    "normalized_edit_distance",
    "normalized_edit_similarity",
    "recognition_metrics",
]

#: Numerators and denominators of one metric, float64, (words,) each.
Terms = tuple[np.ndarray, np.ndarray]

#: The metrics of [`metric_terms`], with their names in tables.
METRICS = {"word_accuracy": "word accuracy", "cer": "CER", "label_error_rate": "LER", "one_minus_ned": "1-NED"}


@renamed_arguments(reading="prediction")
def edit_distance(prediction: str, label: str) -> int:
    """Fewest insertions, deletions and substitutions of characters between two texts (Levenshtein 1966).

    Raises:
        ImportError: rapidfuzz is missing; the message says how to get it.
    """
    return _levenshtein()(prediction, label)


@renamed_arguments(reading="prediction")
def normalized_edit_distance(prediction: str, label: str) -> float:
    """Edits divided by the length of the longer text: 0 for equal texts, 1 for texts that share nothing."""
    return edit_distance(prediction, label) / max(len(prediction), len(label), 1)


@renamed_arguments(readings="predictions")
def metric_terms(
    predictions: Sequence[str], labels: Sequence[str], protocol: Protocol | None = None
) -> dict[str, Terms]:
    """What each metric is made of: its value is the sum of its numerators divided by that of its denominators.

    Args:
        predictions: the predicted texts.
        labels: the true texts, in the same order.
        protocol: brings both to the characters that are compared, and leaves out words whose label has none of them;
            without one they are compared as they are, in NFC.

    Returns:
        By the names in `METRICS`; definitions at [`character_error_rate`], [`label_error_rate`] and
        [`normalized_edit_similarity`]; `word_accuracy` is the share of words without an edit.

    Raises:
        ValueError: no words, none whose label has a character of the protocol, or not as many predictions as labels.
    """
    predictions, labels = _comparable(predictions, labels, protocol)
    distance = _levenshtein()
    edits = np.fromiter(map(distance, predictions, labels), np.float64, len(labels))
    lengths = np.fromiter(map(len, labels), np.float64, len(labels))
    longer = np.maximum(lengths, np.fromiter(map(len, predictions), np.float64, len(labels)))
    ones = np.ones(len(labels))
    return {
        "word_accuracy": ((edits == 0).astype(np.float64), ones),
        "cer": (edits, lengths),
        "label_error_rate": (edits / np.maximum(lengths, 1), ones),
        "one_minus_ned": (1 - edits / np.maximum(longer, 1), ones),
    }


@renamed_arguments(readings="predictions")
def character_error_rate(predictions: Sequence[str], labels: Sequence[str], protocol: Protocol | None = None) -> float:
    """Edits over all words, divided by the characters of all labels: 0 is perfect, above 1 is possible.

    Where no label has a character, it is the number of characters that were predicted nevertheless.

    Args:
        predictions: the predicted texts.
        labels: the true texts, in the same order.
        protocol: brings both to the characters that are compared, and leaves out words whose label has none of them;
            without one they are compared as they are, in NFC.

    Raises:
        ValueError: no words, none whose label has a character of the protocol, or not as many predictions as labels.

    Example:
        >>> character_error_rate(["hallo", ""], ["hello", "a"])
        0.3333333333333333
    """
    return _value(metric_terms(predictions, labels, protocol)["cer"])


@renamed_arguments(readings="predictions")
def label_error_rate(predictions: Sequence[str], labels: Sequence[str], protocol: Protocol | None = None) -> float:
    """Mean over words of the edits divided by the label's length (Graves et al. 2006, section 2.1).

    Unlike [`character_error_rate`], a short word counts as much as a long one. An empty label counts as one character.

    Args and errors are those of [`character_error_rate`].

    Example:
        >>> label_error_rate(["hallo", ""], ["hello", "a"])
        0.6
    """
    return _value(metric_terms(predictions, labels, protocol)["label_error_rate"])


@renamed_arguments(readings="predictions")
def normalized_edit_similarity(
    predictions: Sequence[str], labels: Sequence[str], protocol: Protocol | None = None
) -> float:
    """1-NED: one minus the mean of each word's edits divided by the longer text's length, in [0, 1].

    The measure of the ICDAR 2019 challenges (Zhang et al., "ICDAR 2019 Robust Reading Challenge on Reading Chinese
    Text on Signboard"). Two empty texts are equal: similarity 1.

    Args and errors are those of [`character_error_rate`].

    Example:
        >>> normalized_edit_similarity(["hallo", ""], ["hello", "a"])
        0.4
    """
    return _value(metric_terms(predictions, labels, protocol)["one_minus_ned"])


@renamed_arguments(readings="predictions")
def recognition_metrics(predictions: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
    """Figures of a run by several protocols.

    Returns:
        `word_accuracy`, `cer` and `one_minus_ned` of all characters; `word_accuracy_36`, `_62`, `_94` and `_unicode`
        (see `PROTOCOLS`), of the words whose label has such a character, where there are any; and
        `characters_seen_36` and so on, the share of the labels' characters that this looks at.

    Raises:
        ValueError: no words, or not as many predictions as labels.
    """
    terms = metric_terms(predictions, labels)
    metrics = {name: _value(terms[name]) for name in ("word_accuracy", "cer", "one_minus_ned")}
    for name, protocol in PROTOCOLS.items():
        if name == "exact":  # above, under the plain names
            continue
        metrics[f"characters_seen_{name}"] = protocol.characters_seen(labels)
        if any(map(protocol.normalize, labels)):
            metrics[f"word_accuracy_{name}"] = protocol.word_accuracy(predictions, labels)
    return metrics


def _value(terms: Terms) -> float:
    numerators, denominators = terms
    return float(numerators.sum() / max(denominators.sum(), 1))


def _comparable(
    predictions: Sequence[str], labels: Sequence[str], protocol: Protocol | None
) -> tuple[list[str], list[str]]:
    if len(predictions) != len(labels):
        raise ValueError(f"{len(predictions)} predictions for {len(labels)} labels: give one for each")
    if len(labels) == 0:
        raise ValueError("no words to compare")
    if protocol is None:
        return [normalize_text(text) for text in predictions], [normalize_text(text) for text in labels]
    pairs = [
        (protocol.normalize(text), protocol.normalize(label)) for text, label in zip(predictions, labels, strict=True)
    ]
    pairs = [(text, label) for text, label in pairs if label]
    if not pairs:
        raise ValueError(protocol.nothing_left(labels))
    return [text for text, _ in pairs], [label for _, label in pairs]


def _levenshtein():
    return require("rapidfuzz.distance").Levenshtein.distance
