# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What a process is told by the launcher that started it, and what processes tell each other."""

import os
from typing import Any, TypeVar

import torch

from .optional import require


__all__ = ["from_main", "gather_items", "start_process", "stop_processes"]

T = TypeVar("T")


def start_process(device: str | None, **options: Any) -> tuple[int, int, torch.device]:
    """Rank, number of processes and device of this process, as `accelerate launch` started it.

    Args:
        device: such as "cpu" or "cuda"; by default a GPU if there is one.
        options: of `accelerate.PartialState`, such as `timeout`.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        state = require("accelerate").PartialState(cpu=device == "cpu", **options)
        return state.process_index, state.num_processes, state.device
    return 0, 1, torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))


def from_main(value: T, world_size: int) -> T:
    """The main process's value, in all processes.

    Args:
        value: of this process; it can be pickled.
        world_size: number of processes. One process needs no Accelerate.
    """
    box = [value]
    return value if world_size == 1 else require("accelerate.utils").broadcast_object_list(box)[0]


def gather_items(items: list[T], world_size: int) -> list[T]:
    """The items of all processes, in all processes: those of the main process first.

    Args:
        items: of this process; they can be pickled.
        world_size: number of processes. One process needs no Accelerate.
    """
    return items if world_size == 1 else require("accelerate.utils").gather_object(items)


def stop_processes(world_size: int) -> None:
    """Ends the connections between the processes; every process calls it at its end."""
    if world_size > 1:
        require("accelerate").PartialState().destroy_process_group()
