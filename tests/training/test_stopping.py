# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""When a run, or a piece of it, ends before its last step."""

import time

import pytest

from hf_str.training import BestCheckpoint, RunLog, StopRules


def test_time_is_up(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    rules = StopRules(max_minutes=2)
    now[0] += 119
    assert not rules.is_time_up()
    now[0] += 1
    assert rules.is_time_up()
    assert not StopRules().is_time_up()


def test_patience_counts_evaluations_since_the_best(tmp_path):
    best, rules = BestCheckpoint(tmp_path / "best"), StopRules(patience=2)
    stops = []
    for step, accuracy in ((10, 0.1), (20, 0.3), (30, 0.2), (40, 0.3)):
        log = RunLog(tmp_path, first_step=step - 10)  # each in a piece of its own
        log.add(step, {"word_accuracy": accuracy})
        best.offer(step, {"word_accuracy": accuracy}, lambda folder: None)
        stops.append(rules.is_out_of_patience(best, log))
    assert stops == [False, False, False, True]
    assert not StopRules().is_out_of_patience(best, log)


def test_a_step_that_is_evaluated_twice_counts_once(tmp_path):
    log = RunLog(tmp_path)
    for step in (1, 2, 2):
        log.add(step, {"word_accuracy": 0.1})
    assert log.evaluated_steps == [1, 2]


def test_limits_that_are_none():
    with pytest.raises(ValueError, match="max_minutes must be above 0"):
        StopRules(max_minutes=0)
    with pytest.raises(ValueError, match="early_stopping_patience must be at least 1"):
        StopRules(patience=0)
