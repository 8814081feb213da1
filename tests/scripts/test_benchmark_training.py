# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The benchmark of training, at the smallest size: each row is there, with figures that can be."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.drawing import TINY, as_dataset, drawn_words, font_folder


SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmark_training.py"


def test_benchmark_training(tmp_path):
    pytest.importorskip("cv2")
    pytest.importorskip("fontTools")
    font_folder()  # skips where there is none
    as_dataset(drawn_words(20)).to_parquet(str(tmp_path / "words.parquet"))
    options = ["--dataset", tmp_path / "words.parquet", "--config_overrides", json.dumps(TINY), "--device", "cpu"]
    options += ["--batch_size", 8, "--num_images", 16, "--steps", 1, "--rounds", 1, "--num_threads", 1]
    command = [sys.executable, SCRIPT, *options, "--num_workers", 1, "--precision", "no"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]

    rows = dict(re.findall(r"^\| ([^|]+) \| ([\d,]+) \|", done.stdout, flags=re.MULTILINE))
    loop = "this network, float32"
    assert rows.keys() == {
        *("Pillow, decoding only", "real words", "real words, augmented", "rendered words"),
        *("the paper's network, float32", loop),
        *(f"{loop}, real words, augmented", f"{loop}, rendered words"),
    }
    assert all(int(rate.replace(",", "")) > 0 for rate in rows.values())
    assert all(0 <= float(share) <= 100 for share in re.findall(r"([\d.]+)% \|$", done.stdout, flags=re.MULTILINE))
