# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""How long a run is, and at which of its steps something is due."""

import math
from dataclasses import dataclass


__all__ = ["RunLength"]


@dataclass(frozen=True)
class RunLength:
    """The length of a run in steps and in passes over its samples (epochs).

    Args:
        max_steps: optimizer steps of the run.
        samples_per_step: of all batches and processes together.
        samples_per_pass: samples until every source was seen once; `None` where one has no end: then the run is one
            pass.
    """

    max_steps: int
    samples_per_step: int
    samples_per_pass: int | None = None

    def epoch(self, step: int) -> float:
        """Passes over the samples after `step` steps."""
        return step * self.samples_per_step / (self.samples_per_pass or self.max_steps * self.samples_per_step)

    def ends_epoch(self, step: int) -> bool:
        """Whether a pass over the samples ends with this step, or the run does, maybe within a pass."""
        return step == self.max_steps or int(self.epoch(step)) > int(self.epoch(step - 1))

    def is_due(self, strategy: str, interval: float | None, step: int, is_over: bool = False) -> bool:
        """Whether something is to be done after this step.

        Args:
            strategy: `no`, `steps` or `epoch`.
            interval: of `steps`, how many lie between; below 1 a share of all steps, which is rounded up.
            step: number of steps done.
            is_over: whether the run stops here, before its last step.
        """
        if is_over and strategy != "no":
            return True
        if strategy == "steps":
            assert interval is not None
            every = math.ceil(interval * self.max_steps) if interval < 1 else int(interval)
            return step == self.max_steps or step % every == 0
        return strategy == "epoch" and self.ends_epoch(step)
