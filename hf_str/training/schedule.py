# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Learning rate schedules: those of transformers under their names, and one cycle."""

import math
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau
from transformers import SchedulerType, get_scheduler
from transformers.optimization import GreedyLR

from ..utils.renaming import renamed_arguments


__all__ = [
    "FOLLOW_METRIC",
    "SCHEDULES",
    "WITHOUT_WARMUP",
    "follows_metric",
    "learning_rate_factor",
    "learning_rate_schedule",
    "one_cycle_factor",
    "step_by_metric",
]

#: Names for `--lr_scheduler_type`: ours, and all of transformers.
SCHEDULES = ("one_cycle", *(kind.value for kind in SchedulerType))
#: Schedules that follow a metric of the evaluation instead of the steps.
FOLLOW_METRIC = ("reduce_lr_on_plateau", "greedy")
#: Schedules whose learning rate does not rise at first.
WITHOUT_WARMUP = ("constant", *FOLLOW_METRIC)
#: Schedules for which `get_scheduler` drops further arguments without a word.
_WITHOUT_KWARGS = ("constant", "constant_with_warmup")


@renamed_arguments(warmup_share="warmup_ratio", decay_share="decay_ratio")
def learning_rate_schedule(
    optimizer: Optimizer,
    name: str,
    num_training_steps: int,
    warmup_ratio: float = 0.1,
    decay_ratio: float = 0.3,
    *,
    warmup_steps: float | None = None,
    kwargs: Mapping[str, Any] | None = None,
    greater_is_better: bool = True,
) -> LRScheduler:
    """A scheduler to step once per optimizer step, or once per evaluation where it [`follows_metric`].

    - `one_cycle`, see [`one_cycle_factor`].
    - `warmup_stable_decay` (Hägele et al., "Scaling Laws and Compute-Optimal Training Beyond Fixed Training
      Durations", 2024) falls linearly to zero over the last `decay_ratio` of the steps, at most over those after the
      warm-up, unless `kwargs` say otherwise (`decay_type`, `num_decay_steps`). Such a run can be prolonged: what it
      did before the decay does not depend on its length.
    - All others are what `transformers.get_scheduler` makes of them.

    Args:
        optimizer: its learning rates are the highest of the run.
        name: one of `SCHEDULES`.
        num_training_steps: optimizer steps of the whole run.
        warmup_ratio: share of the steps in which the rate rises. Not rounded to whole steps.
        decay_ratio: share of the steps in which `warmup_stable_decay` falls. Not rounded either.
        warmup_steps: steps in which the rate rises, in place of `warmup_ratio`; below 1 a share of the steps, which
            is rounded up, as `TrainingArguments` has it.
        kwargs: further arguments of the schedule, as `lr_scheduler_kwargs` of `TrainingArguments`.
        greater_is_better: of the metric that `reduce_lr_on_plateau` and `greedy` follow.

    Raises:
        ValueError: no such schedule, a share outside [0, 1], or `kwargs` that the schedule does not take.
    """
    kwargs = dict(kwargs or {})
    _check(name, kwargs, warmup_ratio=warmup_ratio, decay_ratio=decay_ratio)
    num_warmup_steps = _num_warmup_steps(num_training_steps, warmup_ratio, warmup_steps)
    try:
        if name == "one_cycle":
            factor = partial(
                one_cycle_factor, num_training_steps=num_training_steps, num_warmup_steps=num_warmup_steps, **kwargs
            )
            return LambdaLR(optimizer, factor)
        if name == "warmup_stable_decay":
            decay_steps = min(decay_ratio * num_training_steps, num_training_steps - num_warmup_steps)
            kwargs = {"num_decay_steps": decay_steps, "decay_type": "linear"} | kwargs
        if name in FOLLOW_METRIC:
            kwargs = {"mode": "max" if greater_is_better else "min"} | kwargs
        return get_scheduler(name, optimizer, num_warmup_steps, num_training_steps, kwargs)
    except TypeError as error:
        raise ValueError(f"lr_scheduler_kwargs {kwargs} do not fit lr_scheduler_type {name}: {error}") from None


def one_cycle_factor(
    step: float,
    num_training_steps: float,
    num_warmup_steps: float,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> float:
    """One cycle (Smith and Topin, "Super-Convergence", 2018): a cosine up, then a cosine down to almost nothing.

    It gives the learning rates of `torch.optim.lr_scheduler.OneCycleLR` with `total_steps=num_training_steps + 1` and
    `cycle_momentum=False`. That class is not used, because a run could not go on from its checkpoints as it should:
    `OneCycleLR` keeps the length of the run in its own state, so that a run that is given more steps would stop with
    an error at its old end; and it keeps the highest and lowest rate in the optimizer's state, which checkpoints of
    runs that began without it lack. This function has no state.

    Args:
        step: steps done so far.
        num_training_steps: steps of the whole run.
        num_warmup_steps: steps in which the rate rises.
        div_factor: the highest rate divided by the first.
        final_div_factor: the first rate divided by the last.

    Returns:
        The learning rate as a factor in [0, 1] of the highest.
    """
    first, last = 1 / div_factor, 1 / div_factor / final_div_factor
    if step < num_warmup_steps:
        return _cosine(first, 1.0, step / num_warmup_steps)
    progress = (step - num_warmup_steps) / max(num_training_steps - num_warmup_steps, 1e-9)
    return _cosine(1.0, last, min(1.0, progress))


def follows_metric(schedule: Any) -> bool:
    """Whether a schedule is stepped with the metric of each evaluation instead of at each optimizer step."""
    return isinstance(schedule, (ReduceLROnPlateau, GreedyLR))


def step_by_metric(schedule: Any, metric: float):
    """Steps a schedule after an evaluation, if it [`follows_metric`]."""
    if isinstance(schedule, (ReduceLROnPlateau, GreedyLR)):
        schedule.step(metric)


def learning_rate_factor(
    step: float, name: str, num_training_steps: int, warmup_ratio: float = 0.1, decay_ratio: float = 0.3
) -> float:
    """The learning rate of one step of [`learning_rate_schedule`], as a factor in [0, 1] of the highest.

    Args:
        step: steps done so far; may be a fraction.
        name: one of `SCHEDULES` that do not follow a metric.
        num_training_steps: steps of the whole run.
        warmup_ratio: share of the steps in which the rate rises.
        decay_ratio: share of the steps in which `warmup_stable_decay` falls.

    Raises:
        ValueError: no such schedule, one that follows a metric, or a share outside [0, 1].
    """
    return _factor(name, num_training_steps, warmup_ratio, decay_ratio)(step)


@lru_cache(maxsize=16)
def _factor(name: str, num_training_steps: int, warmup_ratio: float, decay_ratio: float) -> Any:
    if name in FOLLOW_METRIC:
        raise ValueError(f"{name} follows a metric: its learning rates are not known before the run")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = learning_rate_schedule(optimizer, name, num_training_steps, warmup_ratio, decay_ratio)
    assert isinstance(schedule, LambdaLR)
    return schedule.lr_lambdas[0]


def _check(name: str, kwargs: Mapping[str, Any], **shares: float):
    if name not in SCHEDULES:
        raise ValueError(f"lr_scheduler_type is {name!r}, but must be one of {', '.join(SCHEDULES)}")
    for option, share in shares.items():
        if not 0 <= share <= 1:
            raise ValueError(f"{option} is {share}, but must lie between 0 and 1")
    if kwargs and name in _WITHOUT_KWARGS:
        raise ValueError(f"lr_scheduler_type {name} takes no lr_scheduler_kwargs: {', '.join(kwargs)}")


def _num_warmup_steps(num_training_steps: int, warmup_ratio: float, warmup_steps: float | None) -> Any:
    """Whole steps by transformers' own rule, or a fraction: transformers says `int` and computes with both alike."""
    if warmup_steps is None:
        return warmup_ratio * num_training_steps
    if warmup_steps < 0:
        raise ValueError(f"warmup_steps is {warmup_steps}, but must not be below 0")
    return int(warmup_steps) if warmup_steps >= 1 else math.ceil(num_training_steps * warmup_steps)


def _cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
