# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Whether a recognizer knows when it is wrong: its scores against what was right."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


__all__ = [
    "ReliabilityBin",
    "area_under_risk_coverage",
    "expected_calibration_error",
    "reliability_bins",
    "risk_coverage",
]


@dataclass(frozen=True)
class ReliabilityBin:
    """Words whose score lies in (low, high], the first bin with its low edge.

    Attributes:
        low: edge of the bin, in [0, 1].
        high: edge of the bin, in [0, 1].
        count: how many words.
        score: their mean score; of an empty bin its middle.
        accuracy: the share of them that is right; of an empty bin 0.
    """

    low: float
    high: float
    count: int
    score: float
    accuracy: float


def reliability_bins(scores: ArrayLike, correct: ArrayLike, bins: int = 10) -> list[ReliabilityBin]:
    """The reliability diagram: bins of equal width over [0, 1] (Guo et al. 2017, section 2).

    Args:
        scores: the model's probability of each word.
        correct: whether each is right.
        bins: how many.

    Raises:
        ValueError: no words, not as many scores as words, or a score outside [0, 1].
    """
    probabilities, is_right = _checked(scores, correct)
    edges = np.linspace(0, 1, bins + 1)
    numbers = np.clip(np.searchsorted(edges, probabilities, side="left") - 1, 0, bins - 1)
    counts = np.bincount(numbers, minlength=bins)
    sums = np.bincount(numbers, weights=probabilities, minlength=bins)
    hits = np.bincount(numbers, weights=is_right, minlength=bins)
    middles = (edges[1:] + edges[:-1]) / 2
    means = np.where(counts > 0, sums / np.maximum(counts, 1), middles)
    accuracies = hits / np.maximum(counts, 1)
    columns = (edges[:-1], edges[1:], counts, means, accuracies)
    return [ReliabilityBin(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def expected_calibration_error(scores: ArrayLike, correct: ArrayLike, bins: int = 10) -> float:
    """ECE: the distance of mean score and accuracy in each bin, weighted by its words (Naeini et al. 2015).

    Example:
        >>> round(expected_calibration_error([0.9, 0.9, 0.8, 0.2], [True, True, False, False]), 3)
        0.3
    """
    found = reliability_bins(scores, correct, bins)
    return sum(b.count * abs(b.score - b.accuracy) for b in found) / sum(b.count for b in found)


def risk_coverage(scores: ArrayLike, correct: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """The share of errors (risk) among the most confident words, by the share of words (coverage) that are kept.

    Coverages are those that a threshold can have: words of equal score are kept or refused together (Geifman &
    El-Yaniv 2017).

    Returns:
        coverage and risk, float64, (thresholds,), from the highest threshold to the lowest.
    """
    probabilities, is_right = _checked(scores, correct)
    order = np.argsort(-probabilities, kind="stable")
    errors = np.cumsum(~is_right[order])
    kept = np.flatnonzero(np.append(np.diff(probabilities[order]) != 0, True)) + 1
    return kept / len(probabilities), errors[kept - 1] / kept


def area_under_risk_coverage(scores: ArrayLike, correct: ArrayLike) -> float:
    """AURC: the mean risk over the coverages of every word (Geifman et al. 2019). 0 is perfect.

    Example:
        >>> round(area_under_risk_coverage([0.9, 0.8, 0.1], [True, True, False]), 3)
        0.111
    """
    coverage, risk = risk_coverage(scores, correct)
    return float(risk @ np.diff(coverage, prepend=0))


def _checked(scores: ArrayLike, correct: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    probabilities, is_right = np.asarray(scores, np.float64), np.asarray(correct, bool)
    if probabilities.shape != is_right.shape or probabilities.ndim != 1:
        raise ValueError(f"{probabilities.size} scores for {is_right.size} words: give one for each")
    if len(probabilities) == 0:
        raise ValueError("no words to compare")
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        low, high = probabilities.min(), probabilities.max()
        raise ValueError(f"scores are probabilities in [0, 1], not {low:g} to {high:g}")
    return probabilities, is_right
