# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Processes forked after the first forward pass: they would wait for ever for threads that a fork does not copy."""

import os

import torch
from transformers.utils import logging


__all__ = ["before_computing"]

logger = logging.get_logger(__name__)

#: Whether this process, or the one it was forked from, has computed in several threads of the CPU.
_has_pool = False
#: Whether this process was forked from one that had, and has not said so yet.
_must_warn = False


def before_computing(device: torch.device):
    """Call it before each forward pass, with where it computes.

    A pool of threads (OpenMP) is started by the first forward pass in more than one. A fork copies what the pool knows
    of its threads, and none of the threads. So a process that is forked after that computes in one thread, which needs
    no pool, and says so when it first does.
    """
    global _has_pool, _must_warn  # noqa: PLW0603 (of the process, as the pool is)
    if device.type != "cpu" or torch.compiler.is_compiling():
        return
    if _must_warn:
        _must_warn = False
        logger.warning(
            "this process was forked after its parent had computed in several threads, which a fork does not copy: it "
            "computes in one thread. For more, load the model after the fork and read nothing before it (gunicorn "
            'without --preload), or start processes with "spawn"'
        )
    _has_pool = _has_pool or torch.get_num_threads() > 1


def _after_fork():
    global _must_warn  # noqa: PLW0603
    if _has_pool:
        torch.set_num_threads(1)
        _must_warn = True


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_after_fork)
