# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The learning rate's course."""

import pytest
import torch

from hf_str.training import SCHEDULES, learning_rate_factor, learning_rate_schedule


def test_one_cycle_is_that_of_torch():
    parameter = torch.nn.Parameter(torch.zeros(1))
    ours = torch.optim.SGD([parameter], lr=0.5)
    theirs = torch.optim.SGD([parameter], lr=0.5)
    schedule = learning_rate_schedule(ours, "one_cycle", 100, warmup_share=0.3)
    # torch counts its phases to the last step instead of past it
    reference = torch.optim.lr_scheduler.OneCycleLR(theirs, 0.5, total_steps=101, pct_start=31 / 101)
    for _ in range(100):
        assert schedule.get_last_lr()[0] == pytest.approx(reference.get_last_lr()[0], rel=1e-6)
        ours.step(), theirs.step()
        schedule.step(), reference.step()


def test_cosine():
    factors = [learning_rate_factor(step, "cosine", 100, warmup_share=0.1) for step in (0, 5, 10, 55, 100)]
    assert factors == pytest.approx([0, 0.5, 1, 0.5, 0])


def test_constant_with_decay():
    steps = (0, 5, 10, 50, 80, 90, 100)
    factors = [learning_rate_factor(s, "constant_with_decay", 100, warmup_share=0.1, decay_share=0.2) for s in steps]
    assert factors == pytest.approx([0, 0.5, 1, 1, 1, 0.5, 0])


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("shares", [{}, {"warmup_share": 0.0, "decay_share": 0.0}, {"warmup_share": 1.0}])
def test_always_a_factor(name, shares):
    factors = [learning_rate_factor(step, name, 7, **shares) for step in range(10)]
    assert all(0 <= factor <= 1 for factor in factors)
    assert max(factors) > 0.65


def test_mistakes_are_told_before_training():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    with pytest.raises(ValueError, match="'linear', but must be one of one_cycle, cosine"):
        learning_rate_schedule(optimizer, "linear", 10)
    with pytest.raises(ValueError, match=r"warmup_share is 1.5"):
        learning_rate_schedule(optimizer, "cosine", 10, warmup_share=1.5)
