# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The script, end to end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


pytest.importorskip("cv2")
pytest.importorskip("fontTools")
datasets = pytest.importorskip("datasets")

ROOT = Path(__file__).parents[2]


def run(folder, *more, fonts, ok=True):
    words = ("--num_samples", "20", "--samples_per_shard", "8", "--charset", "36", "--output_dir", str(folder))
    command = [sys.executable, str(ROOT / "scripts/synthesize_words.py"), *words, *more]
    command += ["--fonts", str(Path(fonts[0].path).parent)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert (done.returncode == 0) is ok, done.stderr
    return done.stdout + done.stderr


def load(folder):
    files = sorted(str(path) for path in folder.glob("*.parquet"))
    return datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(folder / "cache"))


def test_twenty_words_written_read_and_resumed(tmp_path, fonts):
    folder = tmp_path / "words"
    assert "samples/s" in run(folder, "--num_workers", "2", fonts=fonts)
    assert (folder / "contact_sheet.png").stat().st_size > 1000
    words = load(folder)
    assert words.num_rows == 20
    assert isinstance(words.features["image"], datasets.Image)
    assert all(set(text) <= set("0123456789abcdefghijklmnopqrstuvwxyz") for text in words["text"])
    assert words[0]["image"].mode == "RGB"

    _, second, third = sorted(folder.glob("*.parquet"))
    second_before, third_written = second.read_bytes(), third.stat().st_mtime_ns
    second.unlink()
    settings = folder / "settings.json"  # as an earlier version wrote it
    names = {"num_samples": "num_words", "samples_per_shard": "words_per_shard", "image_format": "format"}
    names |= {"curriculum_samples": "easy_words", "max_word_length": "max_length"}
    before = {names.get(name, name): value for name, value in json.loads(settings.read_text()).items()}
    settings.write_text(json.dumps(before))
    assert "2 of 3 shards exist already" in run(folder, fonts=fonts)
    assert second.read_bytes() == second_before
    assert third.stat().st_mtime_ns == third_written
    assert not list(folder.glob("*.tmp"))

    assert "--seed" in run(folder, "--seed", "1", fonts=fonts, ok=False)


def test_gray_png_words(tmp_path, fonts):
    run(tmp_path / "gray", "--mode", "L", "--image_format", "png", "--difficulty", "0", fonts=fonts)
    assert load(tmp_path / "gray")[3]["image"].mode == "L"


def test_a_contact_sheet_for_each_difficulty(tmp_path, fonts):
    lexicon = tmp_path / "ranked.txt"
    lexicon.write_text("the\nof\nand\n", encoding="utf-8")
    more = ("--ranked", "--lexicon", str(lexicon), "--curriculum_samples", "10", "--vertical_share", "0.1")
    run(tmp_path / "words", "--contact_sheets", *more, fonts=fonts)
    names = {path.name for path in (tmp_path / "words").glob("contact_sheet*.png")}
    assert names == {"contact_sheet.png"} | {
        f"contact_sheet_{d}.png" for d in ("0.00", "0.25", "0.50", "0.75", "1.00")
    }
    assert load(tmp_path / "words").num_rows == 20


def test_help(tmp_path):
    command = [sys.executable, str(ROOT / "scripts/synthesize_words.py"), "--help"]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True
    )
    assert "--lexicon" in done.stdout
