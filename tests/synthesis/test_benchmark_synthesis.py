# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The speed of the renderer is measured by one command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


pytest.importorskip("cv2")
pytest.importorskip("fontTools")

ROOT = Path(__file__).parents[2]


def test_words_per_second_are_printed_and_a_missing_peer_is_no_error(fonts):
    few = ("--num_samples", "5", "--warm_up", "10", "--rounds", "1", "--difficulty", "0", "1", "--mode", "L")
    command = [sys.executable, str(ROOT / "scripts/benchmark_synthesis.py"), *few]
    command += [
        "--fonts",
        str(Path(fonts[0].path).parent),
        "--charset",
        "36",
        "--baseline_samples",
        "3",
        "--baseline_python",
        sys.executable,
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
    )
    assert done.returncode == 0, done.stderr
    *_, easy, hard = done.stdout.splitlines()
    assert easy.split()[:2] == ["L", "0.0"] and hard.split()[:2] == ["L", "1.0"]
    assert float(easy.split()[3]) > 10
    assert done.stdout.count("trdg does not run in") == 1
