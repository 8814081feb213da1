# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Reasons to end a run, or a piece of it, before its last step. All processes of a run stop at the same step."""

import math
import time

from ..utils.processes import from_main
from .checkpointing import BestCheckpoint
from .curves import RunLog


__all__ = ["StopRules"]


class StopRules:
    """When to stop early.

    Args:
        max_minutes: minutes since this object was made after which this piece of the run stops; the same command goes
            on with the next piece.
        patience: evaluations in a row without a better model after which the run is over.
        num_processes: of the run; where there are several, the first one decides for all.

    Raises:
        ValueError: a limit that is not above 0.
    """

    def __init__(self, max_minutes: float = math.inf, patience: int | None = None, num_processes: int = 1):
        if not max_minutes > 0:
            raise ValueError(f"max_minutes must be above 0, not {max_minutes}")
        if patience is not None and patience < 1:
            raise ValueError(f"early_stopping_patience must be at least 1, not {patience}")
        self.max_minutes, self.patience, self.num_processes = max_minutes, patience, num_processes
        self._started = time.monotonic()

    def is_time_up(self) -> bool:
        """Whether this piece has had its minutes. Call it in all processes after each step."""
        if self.max_minutes == math.inf:
            return False
        return from_main(time.monotonic() - self._started >= 60 * self.max_minutes, self.num_processes)

    def is_out_of_patience(self, best: BestCheckpoint, log: RunLog) -> bool:
        """Whether the last evaluations found nothing better. Call it in all processes after each evaluation.

        It follows from what is on the disk alone, so a run that was killed in between stops where it would have.
        """
        if self.patience is None:
            return False
        evaluation = best.evaluation
        since = 0 if evaluation is None else sum(step > evaluation["step"] for step in log.evaluated_steps)
        return from_main(since >= self.patience, self.num_processes)
