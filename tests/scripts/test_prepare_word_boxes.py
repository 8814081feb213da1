# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""scripts/prepare_word_boxes.py as a user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hf_str.data import load_word_boxes
from tests.conftest import draw_word


pytest.importorskip("datasets")
pytest.importorskip("cv2")
SCRIPT = Path(__file__).parents[2] / "scripts" / "prepare_word_boxes.py"


def run(*arguments, cache):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "HF_DATASETS_CACHE": str(cache), "HF_HUB_OFFLINE": "1"},
    )


@pytest.fixture
def words(tmp_path):
    folder = tmp_path / "words"
    folder.mkdir()
    for index, text in enumerate(["coffee", "EXIT", "24h"]):
        draw_word(text).save(folder / f"{index}.png")
    (folder / "gt.txt").write_text('0.png, "coffee"\n1.png, "EXIT"\n2.png, "24h"\n3.png, "gone"\n')
    return folder


def test_convert_and_report(words, tmp_path):
    out = tmp_path / "out"
    arguments = words, "--output_dir", out, "--num_shards", 4
    result = run(*arguments, "--report", "--eval_dataset", words, cache=tmp_path / "cache")
    assert result.returncode == 0, result.stderr
    assert "3 words read, 1 left out" in result.stdout
    assert "3.png" in result.stdout
    assert len(list(out.glob("words-*-of-00004.parquet"))) == 4
    assert [row["text"] for row in load_word_boxes(out)] == ["coffee", "EXIT", "24h"]
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["leaks"]["words"] == 3
    assert (out / "report.html").stat().st_size > 5000

    again = run(*arguments, cache=tmp_path / "cache")
    assert again.returncode == 0
    assert "3 words read, 1 left out" in again.stdout


def test_the_report_is_for_the_model_that_will_be_trained(words, tmp_path, tiny_checkpoint):
    report = words, "--report", "--report_dir", tmp_path / "report"
    result = run(
        *report, "--model", tiny_checkpoint, "--image_width", 16, "--image_height", 32, cache=tmp_path / "cache"
    )
    assert result.returncode == 0, result.stderr
    assert "needs 4 frames and has 3" in result.stdout
    assert "whose images are 32 px high and stretched to 16 px" in result.stdout
    assert "--image_height is deprecated" in result.stderr
    result = run(*report, "--model", tmp_path / "nothing", cache=tmp_path / "cache")
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    assert "nothing" in result.stderr.splitlines()[-1]


def test_mistakes_are_told_in_one_line(words, tmp_path):
    cache = tmp_path / "cache"
    for arguments, message in (
        ((words,), "give --output_dir, --report or both"),
        ((tmp_path / "nowhere", "--output_dir", tmp_path / "out"), "there is no file or folder"),
        ((words, "--output_dir", tmp_path / "out", "--dataset_split", "test"), "has no split 'test'"),
    ):
        result = run(*arguments, cache=cache)
        assert result.returncode != 0
        assert message in result.stderr
        assert "Traceback" not in result.stderr
