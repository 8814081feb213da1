"""The scripts around the reference checkpoint, end to end on a handful of words."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hf_str import CRNNForCTC, CRNNProcessor, ImageToTextPipeline
from tests.conftest import draw_word
from tests.training.drawing import font_folder


SCRIPTS = Path(__file__).parents[2] / "scripts"


def run(script: str, *arguments) -> str:
    command = [sys.executable, SCRIPTS / script, *arguments]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture
def words(tmp_path) -> Path:
    """A folder of real words: twelve drawn ones, one with a character outside the charset, one that stands upright."""
    folder = tmp_path / "words"
    (folder / "images").mkdir(parents=True)
    texts = ["cat", "Dog", "EXIT", "24", "Bar", "tea", "shop", "Inn", "10p", "Zoo", "map", "Key", "café", "upright"]
    for index, text in enumerate(texts):
        image = draw_word(text)
        image = image.rotate(90, expand=True) if text == "upright" else image
        image.save(folder / "images" / f"{index}.png")
    lines = [f"images/{index}.png\t{text}\n" for index, text in enumerate(texts)]
    (folder / "labels.tsv").write_text("".join(lines), encoding="utf-8")
    return folder


def test_train_reference(words, tmp_path):
    pytest.importorskip("cv2")
    pytest.importorskip("fontTools")
    font_folder()  # skips where there is none
    network = {"conv_channels": [4, 4, 8, 8, 8, 8, 8], "hidden_size": 8, "batch_norms": True}
    arguments = ["--output_dir", tmp_path / "run", "--real", words, "--config_overrides", json.dumps(network)]
    arguments += [
        "--batch_size",
        16,
        "--eval_words",
        64,
        "--warmup_words",
        16,
        "--decay_words",
        64,
        "--easy_words",
        64,
    ]
    arguments += ["--real_after", 32, "--real_share", 0.5]

    first = run("train_reference.py", *arguments, "--max_words", 64)
    assert "left out: 1 with characters outside the charset, 1 that stand upright" in first
    assert "from word 0 to 64" in first
    second = run("train_reference.py", *arguments, "--max_words", 128)
    assert "from word 64 to 128" in second

    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [record["words"] for record in log] == [64, 128]
    assert all(torch.tensor(record["loss"]).isfinite() for record in log)
    final = tmp_path / "run" / "final"
    assert json.loads((final / "config.json").read_text())["dtype"] == "float32"
    assert (final / "model.safetensors").stat().st_size < 3 * CRNNForCTC.from_pretrained(
        final
    ).num_parameters() + 20_000
    model, processor = CRNNForCTC.from_pretrained(final), CRNNProcessor.from_pretrained(final)
    assert model.dtype == torch.float32
    assert model.config.unalignable_labels == "error"
    reader = ImageToTextPipeline(model=model, processor=processor, device="cpu")
    assert set(reader(str(words / "images" / "0.png"))[0]) == {"generated_text", "score"}


def test_evaluate_str_counts_what_is_read(words, tiny_checkpoint):
    """Two of three labels are set to what the model reads: one exactly, one with a mark behind it."""
    processor, model = CRNNProcessor.from_pretrained(tiny_checkpoint), CRNNForCTC.from_pretrained(tiny_checkpoint)
    reader = ImageToTextPipeline(model=model, processor=processor, device="cpu")
    readings = [reader(str(words / "images" / f"{index}.png"))[0]["generated_text"] for index in range(3)]
    labels = [readings[0], readings[1] + "!", "never"]
    lines = [f"images/{index}.png\t{label}\n" for index, label in enumerate(labels)]
    (words / "labels.tsv").write_text("".join(lines), encoding="utf-8")
    output = run("evaluate_str.py", "--data", words, "--model", tiny_checkpoint, "--device", "cpu", "--errors", 5)
    row = next(line.split() for line in output.splitlines() if line.startswith("words "))
    assert row[:4] == ["words", "3", "66.67", "33.33"]
    assert "2.png: 'never' was read as" in output


def test_benchmark_of_the_pipeline(words, tiny_checkpoint):
    arguments = ["--images", words / "images", "--num_images", 20, "--batch_size", 4, "--rounds", 1]
    output = run("benchmark_speed.py", "pipeline", *arguments, "--model", tiny_checkpoint)
    assert "20 files, batches of 4" in output
    ratio = float(next(line.split()[1] for line in output.splitlines() if line.startswith("ratio")))
    assert ratio > 1
