# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The learning rate's course."""

import math

import pytest
import torch
from transformers import get_scheduler
from transformers.optimization import GreedyLR

from hf_str.training import SCHEDULES, learning_rate_factor, learning_rate_schedule
from hf_str.training.schedule import FOLLOW_METRIC, follows_metric, step_by_metric


BY_STEPS = [name for name in SCHEDULES if name not in FOLLOW_METRIC]
NEEDS = {"cosine_with_min_lr": {"min_lr_rate": 0.1}, "cosine_warmup_with_min_lr": {"min_lr_rate": 0.1}}


def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)


def rates(schedule, steps):
    found = []
    for _ in range(steps):
        found.append(schedule.get_last_lr()[0])
        schedule.optimizer.step()
        schedule.step()
    return found


def factor_before(step, name, steps, warmup_ratio, decay_ratio):
    """The learning rates of the version that had schedules of its own only."""

    def cosine(start, end, progress):
        return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2

    warmup = warmup_ratio * steps
    rising = min(1.0, step / warmup) if warmup > 0 else 1.0
    falling = min(1.0, max(0.0, step - warmup) / max(steps - warmup, 1e-9))
    if name == "one_cycle":
        return cosine(1 / 25, 1.0, rising) if rising < 1 else cosine(1.0, 1 / 25 / 1e4, falling)
    if name == "cosine":
        return rising * cosine(1.0, 0.0, falling)
    decay = decay_ratio * steps
    return rising * (min(1.0, (steps - step) / decay) if decay > 0 else 1.0)


@pytest.mark.parametrize("steps", [1, 6, 14, 100, 1605])
@pytest.mark.parametrize("name", ["one_cycle", "cosine", "warmup_stable_decay"])
def test_learning_rates_of_earlier_runs(name, steps):
    """Also where the shares are no whole steps."""
    for ratios in [(0.1, 0.3), (0.0, 0.0), (0.025, 0.5)]:
        for step in range(steps):
            before = factor_before(step, name, steps, *ratios)
            assert learning_rate_factor(step, name, steps, *ratios) == pytest.approx(before, rel=1e-12, abs=1e-15)


def test_one_cycle_is_that_of_torch():
    ours = learning_rate_schedule(optimizer(), "one_cycle", 100, warmup_ratio=0.3)
    # torch counts its phases to the last step instead of past it
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer(), 0.5, total_steps=101, pct_start=31 / 101)
    assert rates(ours, 100) == pytest.approx(rates(theirs, 100), rel=1e-6)
    kwargs = {"div_factor": 10.0, "final_div_factor": 5.0}
    ours = learning_rate_schedule(optimizer(), "one_cycle", 100, warmup_ratio=0.3, kwargs=kwargs)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer(), 0.5, total_steps=101, pct_start=31 / 101, **kwargs)
    assert rates(ours, 100) == pytest.approx(rates(theirs, 100), rel=1e-6)


@pytest.mark.parametrize("warmup_steps", [7, 0.13, 0])
@pytest.mark.parametrize("name", [name for name in BY_STEPS if name not in ("one_cycle", "warmup_stable_decay")])
def test_schedules_of_transformers_are_theirs(name, warmup_steps):
    kwargs = NEEDS.get(name)
    ours = learning_rate_schedule(optimizer(), name, 50, warmup_steps=warmup_steps, kwargs=kwargs)
    theirs = get_scheduler(name, optimizer(), 7 if warmup_steps else 0, 50, kwargs)
    assert rates(ours, 50) == rates(theirs, 50)


def test_warmup_stable_decay_falls_linearly_unless_it_is_told():
    factors = [learning_rate_factor(s, "warmup_stable_decay", 100, 0.1, 0.2) for s in (0, 5, 10, 50, 80, 90, 100)]
    assert factors == pytest.approx([0, 0.5, 1, 1, 1, 0.5, 0])
    kwargs = {"decay_type": "cosine", "num_decay_steps": 20}
    ours = learning_rate_schedule(optimizer(), "warmup_stable_decay", 50, warmup_steps=5, kwargs=kwargs)
    assert rates(ours, 50) == rates(get_scheduler("warmup_stable_decay", optimizer(), 5, 50, kwargs), 50)


def test_a_decay_over_all_steps_begins_after_the_warm_up():
    factors = [learning_rate_factor(step, "warmup_stable_decay", 10, 0.2, 1.0) for step in (0, 1, 2, 6, 10)]
    assert factors == pytest.approx([0, 0.5, 1, 0.5, 0])


@pytest.mark.parametrize("name", BY_STEPS)
def test_a_run_goes_on_with_more_steps(name):
    """What a checkpoint holds of the schedule does not bind a run to its first length."""
    kwargs = NEEDS.get(name)
    first = learning_rate_schedule(optimizer(), name, 10, kwargs=kwargs)
    rates(first, 10)
    longer = learning_rate_schedule(optimizer(), name, 40, kwargs=kwargs)
    longer.load_state_dict(first.state_dict())
    whole = learning_rate_schedule(optimizer(), name, 40, kwargs=kwargs)
    rates(longer, 1)
    assert rates(longer, 20)[1:] == rates(whole, 31)[12:]


@pytest.mark.parametrize("name", FOLLOW_METRIC)
def test_schedules_that_follow_a_metric(name):
    kwargs = {"patience": 0, "factor": 0.5, "min_lr": 0.0}
    schedule = learning_rate_schedule(optimizer(), name, 100, kwargs=kwargs, greater_is_better=True)
    assert follows_metric(schedule)
    assert not follows_metric(learning_rate_schedule(optimizer(), "linear", 100))
    for accuracy in (0.1, 0.2, 0.3):
        step_by_metric(schedule, accuracy)
    if not isinstance(schedule, GreedyLR):  # which also raises it
        assert schedule.get_last_lr() == [0.5]
    best = schedule.get_last_lr()[0]
    schedule.step(0.1)
    schedule.step(0.1)
    assert schedule.get_last_lr()[0] < best
    with pytest.raises(ValueError, match="follows a metric"):
        learning_rate_factor(1, name, 10)


@pytest.mark.parametrize("name", ["one_cycle", "cosine", "warmup_stable_decay"])
@pytest.mark.parametrize("ratios", [(0.1, 0.3), (0.0, 0.0), (1.0, 0.3)], ids=["default", "nothing", "warm-up alone"])
def test_always_a_factor(name, ratios):
    factors = [learning_rate_factor(step, name, 7, *ratios) for step in range(10)]
    assert all(0 <= factor <= 1 for factor in factors)
    assert max(factors) > 0.65


def test_mistakes_are_told_before_training():
    with pytest.raises(ValueError, match="'lin', but must be one of one_cycle, linear, cosine"):
        learning_rate_schedule(optimizer(), "lin", 10)
    with pytest.raises(ValueError, match=r"warmup_ratio is 1.5"):
        learning_rate_schedule(optimizer(), "cosine", 10, warmup_ratio=1.5)
    with pytest.raises(ValueError, match=r"warmup_steps is -1"):
        learning_rate_schedule(optimizer(), "cosine", 10, warmup_steps=-1)
    for name in ("one_cycle", "linear", "constant", "constant_with_warmup", "greedy"):
        with pytest.raises(ValueError, match=rf"lr_scheduler_kwargs.*\bsize\b|{name}.*\bsize\b"):
            learning_rate_schedule(optimizer(), name, 10, kwargs={"size": 3})


def test_old_names_of_arguments_work_with_a_warning():
    with pytest.warns(FutureWarning, match="warmup_ratio"):
        old = learning_rate_schedule(optimizer(), "cosine", 20, warmup_share=0.5)
    assert rates(old, 20) == rates(learning_rate_schedule(optimizer(), "cosine", 20, warmup_ratio=0.5), 20)
    with pytest.raises(TypeError, match="share"):
        learning_rate_schedule(optimizer(), "cosine", 20, share=0.5)
