# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Reliability and risk-coverage, against values worked out by hand."""

import numpy as np
import pytest

from hf_str.evaluation import (
    area_under_risk_coverage,
    expected_calibration_error,
    reliability_bins,
    risk_coverage,
)


SCORES, CORRECT = [0.95, 0.9, 0.55, 0.52, 0.1, 0.0], [True, True, True, False, False, False]


def test_reliability_bins():
    bins = reliability_bins(SCORES, CORRECT, bins=2)
    assert [(b.low, b.high, b.count) for b in bins] == [(0, 0.5, 2), (0.5, 1, 4)]
    assert [b.score for b in bins] == pytest.approx([0.05, (0.95 + 0.9 + 0.55 + 0.52) / 4])
    assert [b.accuracy for b in bins] == [0, 0.75]


def test_edges_belong_to_the_bin_below():
    assert [b.count for b in reliability_bins([0, 0.5, 1], [True] * 3, bins=2)] == [2, 1]
    empty = reliability_bins([1.0], [True], bins=4)[1]
    assert (empty.count, empty.score, empty.accuracy) == (0, 0.375, 0)


def test_expected_calibration_error():
    assert expected_calibration_error([1.0, 1.0, 0.0], [True, True, False]) == 0
    assert expected_calibration_error([1.0, 1.0], [False, False]) == 1
    gap = abs(0.75 - (0.95 + 0.9 + 0.55 + 0.52) / 4)
    assert expected_calibration_error(SCORES, CORRECT, bins=2) == pytest.approx((2 * 0.05 + 4 * gap) / 6)


def test_a_calibrated_model_has_hardly_any_error():
    rng = np.random.default_rng(0)
    scores = rng.random(50_000)
    assert expected_calibration_error(scores, rng.random(50_000) < scores) < 0.01
    assert expected_calibration_error(scores, rng.random(50_000) < scores**2) > 0.1


def test_risk_coverage():
    coverage, risk = risk_coverage(SCORES, CORRECT)
    assert coverage == pytest.approx(np.arange(1, 7) / 6)
    assert risk == pytest.approx([0, 0, 0, 1 / 4, 2 / 5, 3 / 6])
    assert area_under_risk_coverage(SCORES, CORRECT) == pytest.approx((1 / 4 + 2 / 5 + 1 / 2) / 6)


def test_words_of_one_score_are_kept_together():
    for correct in ([True, False, True], [False, True, True]):  # the order of equals does not matter
        coverage, risk = risk_coverage([0.5, 0.5, 0.9], correct)
        assert coverage.tolist() == pytest.approx([1 / 3, 1])
        assert risk.tolist() == pytest.approx([0, 1 / 3])
        assert area_under_risk_coverage([0.5, 0.5, 0.9], correct) == pytest.approx(2 / 9)


@pytest.mark.parametrize("function", [reliability_bins, risk_coverage])
@pytest.mark.parametrize(
    ("scores", "message"),
    [([], "no words"), ([0.5, 0.6], "2 scores for"), ([1.5], "in \\[0, 1\\]"), ([float("nan")], "in \\[0, 1\\]")],
)
def test_what_is_no_score(function, scores, message):
    with pytest.raises(ValueError, match=message):
        function(scores, [True] * min(len(scores), 1))
