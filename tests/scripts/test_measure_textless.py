# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What is read where there is nothing to read."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


SCRIPT = str(Path(__file__).parents[2] / "scripts" / "measure_textless.py")


@pytest.mark.parametrize("decoder", [[], ["--decoder", "best_path"]])
def test_shares_add_up(decoder, tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    for number in range(3):
        Image.fromarray(rng.integers(0, 256, (120, 160, 3)).astype(np.uint8)).save(tmp_path / f"{number}.png")
    arguments = ["--photos", tmp_path, "--num_crops", 20, *decoder]
    monkeypatch.setattr(sys, "argv", [SCRIPT, *map(str, arguments)])
    runpy.run_path(SCRIPT, run_name="__main__")
    header, _, row = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    shares = dict(zip(header.strip("| ").split(" | "), map(float, row.strip("| ").split(" | ")), strict=True))
    assert sum(list(shares.values())[:4]) == pytest.approx(100)
    assert shares["empty or below 0.3"] == pytest.approx(shares["empty"] + shares["score below 0.3"])
    assert shares["empty or below 0.3"] >= 80


def test_a_folder_without_photos(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", [SCRIPT, "--photos", str(tmp_path)])
    with pytest.raises(SystemExit, match="there are no images"):
        runpy.run_path(SCRIPT, run_name="__main__")
