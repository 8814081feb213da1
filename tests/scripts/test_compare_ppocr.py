"""The comparison of converted recognizers of PP-OCR, on transformers' classes with random weights."""

import runpy
import sys
from pathlib import Path

import pytest


SCRIPT = str(Path(__file__).parents[2] / "scripts" / "compare_ppocr.py")


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", [SCRIPT, *map(str, arguments)])
    runpy.run_path(SCRIPT, run_name="__main__")


def test_transformers_classes_and_their_conversions_agree(monkeypatch, capsys):
    run(monkeypatch, "--random")
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines() if line.startswith("| pp-ocr")]
    assert len(rows) == 3
    assert all(float(row[2]) < 1e-5 for row in rows)


@pytest.mark.parametrize("arguments", [[], ["--files", "nothing.onnx", "--data", "."]])
def test_mistakes_are_told(arguments, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch, *arguments)
    assert "give --files and --data" in (err := capsys.readouterr().err) or "there is no nothing.onnx" in err
