# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Confidence intervals against what theory says of them."""

import numpy as np
import pytest

from hf_str.evaluation import confidence_intervals, metric_terms
from hf_str.evaluation.bootstrap import resampled_sums


pytest.importorskip("rapidfuzz")


def accuracy_terms(right: int, words: int) -> dict:
    return {"word_accuracy": ((np.arange(words) < right).astype(float), np.ones(words))}


@pytest.mark.parametrize(("right", "words"), [(812, 1000), (150, 300), (4750, 5000)])
def test_interval_of_an_accuracy_is_that_of_a_binomial(right, words):
    interval = confidence_intervals(accuracy_terms(right, words), 4000)["word_accuracy"]
    share = right / words
    margin = 1.96 * np.sqrt(share * (1 - share) / words)
    assert interval.value == share
    assert interval.low == pytest.approx(share - margin, abs=0.1 * margin)
    assert interval.high == pytest.approx(share + margin, abs=0.1 * margin)


def test_coverage():
    """Of many samples of words, about 95 % have the true accuracy in their interval."""
    rng, hits = np.random.default_rng(1), 0
    for number in range(200):
        right = rng.binomial(400, 0.8)
        interval = confidence_intervals(accuracy_terms(right, 400), 300, number)["word_accuracy"]
        hits += interval.low <= 0.8 <= interval.high
    assert 180 <= hits <= 199


def test_numerators_and_denominators_are_drawn_together():
    """A CER of long and short words: resampled ratios, not a mean of words' ratios."""
    terms = metric_terms(["x" * 9, ""], ["x" * 10, "y"])
    sums = resampled_sums(terms, 500, seed=0)
    edits, lengths = sums["cer"]
    assert set(zip(edits.tolist(), lengths.tolist(), strict=True)) == {(2, 20), (2, 11), (2, 2)}
    accuracy, words = sums["word_accuracy"]
    assert set(words) == {2}
    assert set(accuracy) == {0}


def test_seed_and_level():
    terms = accuracy_terms(50, 100)
    first = confidence_intervals(terms, seed=3)
    assert first == confidence_intervals(terms, seed=3)
    assert first != confidence_intervals(terms, seed=4)
    narrow = confidence_intervals(terms, seed=3, level=0.5)["word_accuracy"]
    assert first["word_accuracy"].low < narrow.low < 0.5 < narrow.high < first["word_accuracy"].high


def test_one_word():
    interval = confidence_intervals(metric_terms(["a"], ["a"]))["word_accuracy"]
    assert tuple(interval) == (1, 1, 1)
