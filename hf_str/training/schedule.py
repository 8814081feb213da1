# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Learning rates over a run, as factors of the highest."""

import math
from functools import partial

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


__all__ = ["SCHEDULES", "learning_rate_factor", "learning_rate_schedule"]

#: The names that [`learning_rate_factor`] knows.
SCHEDULES = ("one_cycle", "cosine", "constant_with_decay")

#: One cycle starts at 1/25 of the highest rate and ends at 1/10,000 of that, as in fastai and `torch.optim`.
_START, _END = 1 / 25, 1 / 25 / 1e4


def learning_rate_factor(
    step: int, name: str, num_training_steps: int, warmup_share: float = 0.1, decay_share: float = 0.3
) -> float:
    """The learning rate of one step, as a factor in [0, 1] of the highest.

    - `one_cycle` (Smith and Topin, "Super-Convergence", 2018): a cosine up over the first `warmup_share` of the steps,
      a cosine down to almost nothing over the rest.
    - `cosine` (Loshchilov and Hutter, "SGDR", 2017): a line up, a cosine down to zero.
    - `constant_with_decay` (Hägele et al., "Scaling Laws and Compute-Optimal Training Beyond Fixed Training
      Durations", 2024): a line up, constant, a line down to zero over the last `decay_share`. Such a run can be
      prolonged: what it did before the decay does not depend on its length.

    Args:
        step: steps done so far.
        name: one of `SCHEDULES`.
        num_training_steps: steps of the whole run.
        warmup_share: share of the steps in which the rate rises.
        decay_share: share of the steps in which `constant_with_decay` falls.

    Raises:
        ValueError: no such schedule, or a share outside [0, 1].
    """
    if name not in SCHEDULES:
        raise ValueError(f"schedule is {name!r}, but must be one of {', '.join(SCHEDULES)}")
    for option, share in (("warmup_share", warmup_share), ("decay_share", decay_share)):
        if not 0 <= share <= 1:
            raise ValueError(f"{option} is {share}, but must lie between 0 and 1")
    warmup = warmup_share * num_training_steps
    rising = min(1.0, step / warmup) if warmup > 0 else 1.0
    falling = min(1.0, max(0.0, step - warmup) / max(num_training_steps - warmup, 1e-9))
    if name == "one_cycle":
        return _cosine(_START, 1.0, rising) if rising < 1 else _cosine(1.0, _END, falling)
    if name == "cosine":
        return rising * _cosine(1.0, 0.0, falling)
    left = max(0, num_training_steps - step)
    decay = decay_share * num_training_steps
    return rising * (min(1.0, left / decay) if decay > 0 else 1.0)


def learning_rate_schedule(optimizer: Optimizer, name: str, num_training_steps: int, **shares: float) -> LambdaLR:
    """A scheduler of torch that follows [`learning_rate_factor`]; step it once an optimizer step."""
    learning_rate_factor(0, name, num_training_steps, **shares)  # a wrong name is an error before training
    factor = partial(learning_rate_factor, name=name, num_training_steps=num_training_steps, **shares)
    return LambdaLR(optimizer, factor)


def _cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
