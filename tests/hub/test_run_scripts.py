# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""`--push_to_hub` of both run scripts, from the words to the repository."""

import json
import runpy
import sys

import pytest

from hf_str.publishing import PublishError
from tests.hub.fresh import ROOT
from tests.hub.server import WRITER
from tests.training.drawing import TINY, as_dataset, drawn_words


pytest.importorskip("accelerate")
pytest.importorskip("datasets")


@pytest.fixture(params=["run_ctc_str", "run_ctc_str_no_trainer"])
def train(request, tmp_path, monkeypatch, capsys):
    """Trains for two steps in this process, on drawn words; gives what the script printed."""
    as_dataset(drawn_words(12)).to_parquet(str(tmp_path / "train.parquet"))
    as_dataset(drawn_words(6, seed=1)).to_parquet(str(tmp_path / "test.parquet"))
    script = ROOT / "scripts" / f"{request.param}.py"

    def run(*arguments):
        from accelerate.state import AcceleratorState, GradientState

        AcceleratorState._reset_state(reset_partial_state=True)
        GradientState._reset_state()
        small = ["--config_overrides", json.dumps(TINY), "--max_steps", 2, "--per_device_train_batch_size", 4]
        small += ["--dataset", tmp_path / "train.parquet", "--output_dir", tmp_path / "out", "--use_cpu"]
        small += ["--dataloader_num_workers", 0, "--eval_steps", 1, "--learning_rate", 1e-3]
        monkeypatch.setattr(sys, "argv", [str(script), *map(str, [*small, *arguments])])
        runpy.run_path(str(script), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_the_finished_model_is_published(train, hub, tmp_path, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    more = ["--push_to_hub", "--hub_model_id", "org/words", "--hub_token", WRITER, "--hub_private_repo", "true"]
    said = train("--eval_dataset", tmp_path / "test.parquet", *more)
    assert f"{hub.url}/org/words/commit/" in said
    assert hub.repos["model", "org/words"].visibility == "private"
    assert len(hub.repos["model", "org/words"].history()) == 1
    files = hub.files("org/words")
    assert {"model.safetensors", "modeling_crnn.py", "training_args.json", "tokenizer.json", "LICENSE"} <= files.keys()
    assert not any("/" in name for name in files), "checkpoints and error lists stay at home"
    results = json.loads(files["results.json"])
    measured = json.loads((tmp_path / "out" / "best" / "evaluation.json").read_text())
    assert results["step"] == measured["step"]
    assert results["figures"][0]["words"] == 6
    assert results["figures"][0]["protocols"]["all"]["cer"]["value"] == measured["metrics"]["cer"]
    card = files["README.md"].decode()
    assert "name: CER, all characters" in card
    assert "| test | 6 |" in card
    # what it was trained on, how much of it, and what was left out; no folder of this machine
    assert "The words, none of them rendered on the fly:" in card
    assert "- `train.parquet`: 12 words, 100.0 % of the words seen; left out: none" in card
    assert str(tmp_path) not in card
    assert WRITER.encode() not in b"".join(files.values())


def test_a_run_that_could_not_be_published_does_not_start(train, hub, tmp_path, monkeypatch):
    with pytest.raises(PublishError, match="needs --eval_dataset"):
        train("--push_to_hub")
    validation = "--eval_dataset", tmp_path / "test.parquet"
    with pytest.raises(PublishError, match="a repository is called"):
        train("--push_to_hub", *validation, "--hub_model_id", "a/b/c")
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(PublishError, match="nobody is logged in"):
        train("--push_to_hub", *validation)
    assert not (tmp_path / "out" / "checkpoint-2").exists()
    assert hub.requests == []
