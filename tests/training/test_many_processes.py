# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Two processes do what one with twice the batch does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.training.drawing import as_dataset, drawn_words


# Without MPI, `accelerate launch --cpu` starts one process, whatever --num_processes says.
LAUNCH_TWO = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", 2, "--num_machines", 1]
LAUNCH_TWO += ["--main_process_port", 0, "--mixed_precision", "no", "--dynamo_backend", "no"]


def saved_by(folder, launcher, batch_size):
    data, file = folder / "words.parquet", folder / f"{batch_size}.pt"
    command = [sys.executable, *launcher, Path(__file__).with_name("gradient_of_one_step.py"), data, batch_size, file]
    root = str(Path(__file__).parents[2])
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": root, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return torch.load(file)


def test_gradient_of_two_processes(tmp_path):
    pytest.importorskip("accelerate")
    as_dataset(drawn_words(40)).to_parquet(str(tmp_path / "words.parquet"))
    two, one = saved_by(tmp_path, LAUNCH_TWO, 8), saved_by(tmp_path, [], 16)
    assert (one["world_size"], two["world_size"]) == (1, 2)
    for keep_aspect_ratio in (False, True):
        alone, together = one["gradients"][keep_aspect_ratio], two["gradients"][keep_aspect_ratio]
        largest = max(gradient.abs().max().item() for gradient in alone.values())
        difference = max((alone[name] - together[name]).abs().max().item() for name in alone)
        print(f"keep_aspect_ratio={keep_aspect_ratio}: largest gradient {largest:.3g}, difference {difference:.3g}")
        assert largest > 0.01
        assert difference < 1e-5 * largest
