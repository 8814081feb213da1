# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Labeling words with a recognizer, on the samples that come with the package."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import hf_str
from hf_str.data import read_word_folder


pytest.importorskip("cv2")
ROOT = Path(__file__).parents[2]
SAMPLES = Path(hf_str.__file__).parent / "samples"


def run(*arguments, expected=0):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, ROOT / "scripts" / "pseudo_label.py", *arguments, "--device", "cpu", "--batch_size", 3]
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == expected, done.stderr[-3000:]
    return done


@pytest.fixture
def photos(tmp_path):
    """Samples without labels, among them one of vertical text and one that is broken."""
    folder = tmp_path / "photos"
    shutil.copytree(SAMPLES, folder / "some")
    Image.open(folder / "some" / "coffee.png").rotate(90, expand=True).save(folder / "vertical.png")
    (folder / "broken.jpg").write_bytes(b"no image")
    return folder


def test_labels_are_kept_where_all_views_are_read_alike(photos, tmp_path):
    output = tmp_path / "labels" / "labels.tsv"
    done = run("--images", photos, "--output", output, "--min_score", 0.0, "--augmentation", 0.3)
    boxes = read_word_folder(output.parent)
    assert f"labels for {len(boxes)} of {len(list(SAMPLES.glob('*.png'))) + 2} images" in done.stdout
    assert "broken.jpg" in done.stdout
    assert len(boxes) >= 2
    assert all(box.path.exists() and box.text.lower() == box.path.stem.lower() for box in boxes)

    # A higher bound keeps fewer, and the same command gives the same again.
    first = output.read_text()
    run("--images", photos, "--output", output, "--min_score", 0.0, "--augmentation", 0.3)
    assert output.read_text() == first
    run("--images", photos, "--output", output, "--min_score", 0.999999, "--augmentation", 0.3)
    assert len(output.read_text().splitlines()) < len(boxes)


def test_a_language_model_has_its_say(tmp_path):
    """Of words too small to be read for sure, more are labeled right by a model that knows them."""
    small, output = tmp_path / "small", tmp_path / "labels.tsv"
    small.mkdir()
    for path in SAMPLES.glob("*.png"):
        for height in (7, 8, 9):
            with Image.open(path) as image:
                size = (round(image.width * height / image.height), height)
                image.resize(size, Image.Resampling.BOX).save(small / f"{path.stem}-{height}.png")
    (tmp_path / "words.txt").write_text("".join(f"{path.stem}\n" for path in SAMPLES.glob("*.png")))
    script = [sys.executable, ROOT / "scripts" / "train_character_lm.py", "--lexicon", tmp_path / "words.txt"]
    subprocess.run([*map(str, script), "--output", tmp_path / "lm.safetensors"], check=True, capture_output=True)

    def num_right(*arguments) -> int:
        run("--images", small, "--output", output, "--min_score", 0.0, "--augmentation", 0, *arguments)
        return sum(box.text.lower() == box.path.stem.split("-")[0] for box in read_word_folder(tmp_path))

    plain = tmp_path / "plain"  # without the language model that comes with it
    shutil.copytree(hf_str.DEFAULT_CHECKPOINT, plain, ignore=shutil.ignore_patterns("language_model*"))
    with_words = num_right("--model", plain, "--language_model", tmp_path / "lm.safetensors")
    assert with_words > num_right("--model", plain)


def test_check_tells_how_good_labels_would_be(photos):
    names = [path.name for path in sorted((photos / "some").iterdir())]
    labels = "".join(f"{name}\t{Path(name).stem}\n" for name in names) + f"{names[0]}\tquite wrong\n"
    (photos / "some" / "labels.tsv").write_text(labels, encoding="utf-8")
    done = run("--images", photos / "some", "--check", "--augmentation", 0)
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if line.startswith("| 0")]
    kept = [float(row[1].rstrip("%")) for row in rows]
    assert kept[0] == 100 and kept == sorted(kept, reverse=True)
    right = 100 * len(names) / (len(names) + 1)
    assert float(rows[0][3].rstrip("%")) == pytest.approx(right, abs=0.06)


def test_mistakes_are_named(tmp_path):
    assert "--output" in run("--images", tmp_path, expected=2).stderr
    assert "no images" in run("--images", tmp_path, "--output", tmp_path / "x.tsv", expected=1).stderr
