# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What evaluation and bulk inference of version 0.1.0 wrote is loaded, and its runs go on."""

import json
import os
import runpy
import shutil
from pathlib import Path

import pytest

import hf_str
from hf_str.evaluation.predictions import PredictionFile
from hf_str.evaluation.results import model_index, results_table


SAVED = Path(__file__).parents[1] / "fixtures" / "saved"
SCRIPTS = Path(__file__).parents[2] / "scripts"
SAMPLES = sorted((Path(hf_str.__file__).parent / "samples").glob("*.png"))


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs a script in a folder with the model and the images that the saved files are of."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(SAVED / "vgg-bilstm", "model")
    labels = ["Bakery", "coffee", "EXIT", "hello", "market", "street"]
    for folder in ("shop", "crops"):
        Path(folder).mkdir()
        for path in SAMPLES:
            shutil.copy(path, folder)
    lines = [f"{path.name}\t{label}\n" for path, label in zip(SAMPLES, labels, strict=True)]
    Path("shop", "labels.tsv").write_text("".join(lines))

    def run(script: str, *arguments: str):
        monkeypatch.setattr("sys.argv", [script, "--model", "model", "--device", "cpu", *arguments])
        runpy.run_path(str(SCRIPTS / script), run_name="__main__")

    return run


def test_an_evaluation_goes_on(run, monkeypatch):
    """Nothing is recognized again, and the figures are those of before."""
    pytest.importorskip("datasets")
    shutil.copytree(SAVED / "evaluation", "out")
    monkeypatch.setattr("hf_str.evaluation.predictions._predict", lambda *_: pytest.fail("a sample was recognized"))
    run("evaluate_str.py", "--dataset", "shop", "--output_dir", "out")
    before, after = (json.loads(Path(folder, "results.json").read_text()) for folder in (SAVED / "evaluation", "out"))
    assert after["figures"] == before["figures"]
    assert after["breakdowns"] == before["breakdowns"]
    assert (
        Path("out", "predictions", "shop.jsonl").read_text()
        == (SAVED / "evaluation" / "predictions" / "shop.jsonl").read_text()
    )


def test_a_torn_evaluation_is_completed(run):
    pytest.importorskip("datasets")
    shutil.copytree(SAVED / "evaluation", "out")
    file = Path("out", "predictions", "shop.jsonl")
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:2]) + lines[2][:9])
    run("evaluate_str.py", "--dataset", "shop", "--output_dir", "out")
    whole, found = (PredictionFile(path).ordered() for path in (SAVED / "evaluation/predictions/shop.jsonl", file))
    assert [(one.row, one.text, one.label) for one in found] == [(one.row, one.text, one.label) for one in whole]
    assert [one.score for one in found] == pytest.approx([one.score for one in whole], rel=2e-2)


def test_results_have_their_tables():
    results = json.loads((SAVED / "evaluation" / "results.json").read_text())
    assert "| shop | 6 | 0.00 [" in results_table(results)
    assert "Scene text recognition" in model_index(results)


def test_bulk_inference_goes_on(run, capsys):
    """A shard that is there stays as it is; the next one is added."""
    pq = pytest.importorskip("pyarrow.parquet")
    pytest.importorskip("datasets")
    shutil.copytree(SAVED / "bulk", "out")
    settings = json.loads(Path("out", "settings.json").read_text())
    for data in settings["data"]:  # when files were copied is no matter of theirs
        settings["data"][data] = settings["data"][data].partition(",")[0]
    Path("out", "settings.json").write_text(json.dumps(settings))
    before = Path("out", "crops-00000.parquet").read_bytes()
    options = ("--output_dir", "out", "--precision", "float32")
    with pytest.raises(SystemExit, match="0"):
        run("read_words.py", "--dataset", "crops", *options)
    assert "1 existed already" in capsys.readouterr().out
    assert Path("out", "crops-00000.parquet").read_bytes() == before
    os.rename("shop", "more")
    with pytest.raises(SystemExit, match="0"):
        run("read_words.py", "--dataset", "crops", "more", *options)
    old, new = (pq.read_table(Path("out", f"{name}-00000.parquet")) for name in ("crops", "more"))
    assert old.schema == new.schema
    assert old["text"].to_pylist() == new["text"].to_pylist()
    assert old["score"].to_pylist() == pytest.approx(new["score"].to_pylist(), rel=2e-2)
