# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""How certain a figure is: confidence intervals by the bootstrap (Efron 1979), resampling words."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from .metrics import Terms


__all__ = [
    "Estimate",
    "confidence_intervals",
    "estimate",
    "estimates",
    "ratio",
    "resampled_sums",
    "total_sums",
]


class Estimate(NamedTuple):
    """A figure and its confidence interval."""

    value: float
    low: float
    high: float


def resampled_sums(terms: Mapping[str, Terms], resamples: int, seed: int | list[int]) -> dict[str, Terms]:
    """The sums of numerators and of denominators in each resample: as many words, drawn with replacement.

    All metrics see the same draws, so that the sums of several test sets may be added, resample by resample.

    Args:
        terms: of each metric, as [`metric_terms`] gives them.
        resamples: how many.
        seed: of numpy's generator; the same seed draws the same words.

    Returns:
        Of each metric the numerators and denominators, float64, (resamples,).
    """
    columns = np.stack([column for pair in terms.values() for column in pair], axis=-1)
    count, rng = len(columns), np.random.default_rng(seed)
    sums = np.empty((resamples, columns.shape[1]))
    for row in sums:  # how often each word is drawn, times what it counts: memory of one resample only
        row[:] = np.bincount(rng.integers(count, size=count), minlength=count) @ columns
    return {name: (sums[:, 2 * index], sums[:, 2 * index + 1]) for index, name in enumerate(terms)}


def total_sums(terms: Mapping[str, Terms]) -> dict[str, Terms]:
    """The sums of numerators and of denominators of all words, (1,) each: what [`resampled_sums`] resamples."""
    return {name: (pair[0].sum(keepdims=True), pair[1].sum(keepdims=True)) for name, pair in terms.items()}


def estimates(totals: Mapping[str, Terms], resampled: Mapping[str, Terms], level: float = 0.95) -> dict[str, Estimate]:
    """Each metric with its interval, from [`total_sums`] and [`resampled_sums`]."""
    return {name: estimate(ratio(*totals[name])[0], ratio(*resampled[name]), level) for name in totals}


def estimate(value: float, resampled: np.ndarray, level: float = 0.95) -> Estimate:
    """`value` with the percentile interval of its resampled values."""
    tail = 50 * (1 - level)
    low, high = np.percentile(resampled, [tail, 100 - tail])
    return Estimate(float(value), float(low), float(high))


def ratio(numerators: np.ndarray, denominators: np.ndarray) -> np.ndarray:
    """The metric from its sums; without anything to divide by, the numerator."""
    return numerators / np.maximum(denominators, 1)


def confidence_intervals(
    terms: Mapping[str, Terms], resamples: int = 1000, seed: int | list[int] = 0, level: float = 0.95
) -> dict[str, Estimate]:
    """The value of each metric with its percentile bootstrap interval.

    Args:
        terms: of each metric, as [`metric_terms`] gives them.
        resamples: how often words are drawn anew.
        seed: of the draws.
        level: the share of resamples that lie in the interval.

    Example:
        >>> from hf_str.evaluation import metric_terms
        >>> interval = confidence_intervals(metric_terms(["a"] * 50 + ["b"] * 50, ["a"] * 100))["word_accuracy"]
        >>> print(f"{interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]")
        0.50 [0.40, 0.60]
    """
    return estimates(total_sums(terms), resampled_sums(terms, resamples, seed), level)
