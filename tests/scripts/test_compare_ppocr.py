# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The comparison of converted recognizers of PP-OCR with transformers' classes and with the files they come from."""

import importlib.util
import runpy
import sys
from pathlib import Path

import pytest
import torch

from tests.conftest import draw_word
from tests.conversion.test_ppocr import RELEASED


SCRIPT = str(Path(__file__).parents[2] / "scripts" / "compare_ppocr.py")


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", [SCRIPT, *map(str, arguments)])
    runpy.run_path(SCRIPT, run_name="__main__")


def rows(out: str) -> list[dict[str, str]]:
    header, _, *lines = [line.strip("| ").split(" | ") for line in out.splitlines() if line.startswith("|")]
    return [dict(zip(header, line, strict=True)) for line in lines]


@pytest.fixture
def words(tmp_path) -> Path:
    folder = tmp_path / "words"
    folder.mkdir()
    for word in ("Hotel", "coffee"):
        draw_word(word, 40).save(folder / f"{word}.png")
    (folder / "labels.tsv").write_text("Hotel.png\tHotel\ncoffee.png\tcoffee\n", encoding="utf-8")
    return folder


def test_transformers_classes_and_their_conversions_agree(monkeypatch, capsys):
    run(monkeypatch, "--random")
    table = rows(capsys.readouterr().out)
    assert len(table) == 3
    for row in table:
        assert float(row["largest probability difference"]) < 1e-4
        assert float(row["for other images"]) > 0.1, "these networks do not look at their images"


def test_a_wrong_conversion_shows(monkeypatch):
    """Colors in the wrong order are the least of mistakes: networks that hardly look would agree all the same."""
    spec = importlib.util.spec_from_file_location("compare_ppocr", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    right = script.from_transformers

    def with_colors_swapped(weights, config):
        stem = next(name for name, weight in weights.items() if weight.ndim == 4 and weight.shape[1] == 3)
        return right({**weights, stem: weights[stem].flip(1)}, config)

    monkeypatch.setattr(script, "from_transformers", with_colors_swapped)
    difference, _ = script.compare_random("pp-ocrv6-tiny", *script.CLASSES["pp-ocrv6-tiny"])
    assert difference > 0.1


def test_released_files(words, monkeypatch, capsys):
    pytest.importorskip("onnxruntime")
    package, files, _ = RELEASED["pp-ocrv6-tiny"]
    path = Path.home() / ".cache" / "hf_str-tests" / package / files[0]
    if not path.exists():
        pytest.skip(f"{package} was not downloaded by tests/conversion/test_ppocr.py")
    threads = torch.get_num_threads()
    run(monkeypatch, "--files", path, "--dataset", words, "--max_samples", 1)
    torch.set_num_threads(threads)
    (row,) = rows(capsys.readouterr().out)
    assert row["file"] == "pp-ocrv6-tiny, rec.onnx" and row["parameters"] == "1,103,318"
    assert float(row["largest difference"]) < 1e-4 and float(row["% above 1e-04"]) == 0
    assert float(row["% equal texts"]) == 100 and float(row["words"]) == 100
    assert "words, language model" not in row


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give --files and --dataset, or --random"),
        (["--random", "--dataset", "."], "give --files and --dataset, or --random"),
        (["--files", "nothing.onnx", "--dataset", "WORDS"], "there is no file nothing.onnx"),
        (["--files", __file__, "--dataset", "nowhere"], "there is no file nowhere/labels.tsv"),
        (["--files", __file__, "--dataset", "WORDS", "--language_model", "no.safetensors"], "no file no.safetensors"),
        (
            ["--files", __file__, "--dataset", "WORDS", "--max_samples", "0"],
            "at least 1, not '0'",
        ),
        (["--files", __file__, "--dataset", "WORDS", "other/words"], "must have different names"),
    ],
)
def test_mistakes_are_told(arguments, message, words, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch, *(str(words) if argument == "WORDS" else argument for argument in arguments))
    assert message in " ".join(capsys.readouterr().err.split())


def test_what_is_no_recognizer_is_told(words, monkeypatch):
    pytest.importorskip("onnxruntime")
    with pytest.raises(SystemExit, match="does not say what it is"):
        run(monkeypatch, "--files", __file__, "--dataset", words)
