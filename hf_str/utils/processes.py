# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What a process is told by the launcher that started it."""

import os
from typing import Any

import torch

from .optional import require


__all__ = ["start_process"]


def start_process(device: str | None, **options: Any) -> tuple[int, int, torch.device]:
    """Rank, number of processes and device of this process, as `accelerate launch` started it.

    Args:
        device: such as "cpu" or "cuda"; by default a GPU if there is one.
        options: of `accelerate.PartialState`, such as `timeout`.
    """
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        state = require("accelerate").PartialState(cpu=device == "cpu", **options)
        return state.process_index, state.num_processes, state.device
    return 0, 1, torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
