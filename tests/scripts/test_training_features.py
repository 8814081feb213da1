# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What the training engine brings to both run scripts: teacher, frozen parts, echoes, limits, what is held out."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file

from hf_str import CRNNForCTC
from hf_str.training import CheckpointError
from tests.scripts.test_run_ctc_str import AVERAGE, NEW_NETWORK, both_scripts, largest_difference, options, run
from tests.training.drawing import TINY, as_dataset, drawn_words


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    as_dataset(drawn_words(40)).to_parquet(str(folder / "train.parquet"))
    as_dataset(drawn_words(12, seed=1)).to_parquet(str(folder / "test.parquet"))
    return {path.stem: str(path) for path in folder.iterdir()}


def entries(folder) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@both_scripts
def test_all_at_once_in_pieces(script, words, tiny_checkpoint, tmp_path, monkeypatch, capsys):
    """A piece cut short and the rest: frozen layers stay, the others learn from labels, teacher and echoes."""
    more = ["--model_name_or_path", tiny_checkpoint, "--freeze", "featurizer:2", "--teacher_model", tiny_checkpoint]
    more += ["--data_echo_factor", "2", "--echo_buffer_size", "16", "--validation_split_percentage", "20"]
    more += [
        "--pseudo_labeled_dataset",
        f"{words['test']}=0.25",
        "--saved_dtype",
        "float16",
        "--channels_last",
        "true",
    ]
    more += ["--ema_decay", "0.5", "--learning_rate", "0.01"]
    run(script, monkeypatch, *options(words, tmp_path, *more), "--max_minutes", "0.0001")
    assert "1 of 6 steps are done: give the same command again to resume" in capsys.readouterr().out
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-1"]
    run(script, monkeypatch, *options(words, tmp_path, *more))
    assert "the same command again" not in capsys.readouterr().out

    before = CRNNForCTC.from_pretrained(tiny_checkpoint).state_dict()
    after, last = load_file(tmp_path / "model.safetensors"), load_file(tmp_path / "checkpoint-6" / "model.safetensors")
    frozen = [name for name in before if name.startswith(("crnn.featurizer.layers.0.", "crnn.featurizer.layers.1."))]
    assert frozen and all(torch.equal(before[name], last[name]) for name in frozen)
    assert not torch.equal(before["ctc_head.weight"], last["ctc_head.weight"])
    assert {tensor.dtype for tensor in after.values() if tensor.is_floating_point()} == {torch.float16}
    assert CRNNForCTC.from_pretrained(tmp_path).dtype == torch.float32
    log = entries(tmp_path)
    assert [entry["step"] for entry in log if "loss" in entry] == [1, 2, 3, 4, 5, 6]
    assert [entry["step"] for entry in log if "word_accuracy" in entry] == [1, 3, 6]
    assert [entry["samples"] for entry in log if "loss" in entry] == [4, 8, 12, 16, 20, 24]
    assert "<svg" in (tmp_path / "curves.html").read_text()
    held_out = json.loads((tmp_path / "results.json").read_text())["figures"][0]
    assert held_out["name"] == "held_out" and 1 <= held_out["words"] <= 16


def test_both_scripts_learn_the_same_from_a_teacher(words, tiny_checkpoint, tmp_path, monkeypatch):
    network = json.dumps(TINY | {"batch_norms": False})
    run("run_ctc_str", monkeypatch, *options(words, tmp_path / "teacher", "--config_overrides", network, steps=1))
    more = ["--config_overrides", network, "--teacher_model", tmp_path / "teacher", "--weight_decay", "0"]
    more += ["--freeze", "head"]
    for script in ("run_ctc_str", "run_ctc_str_no_trainer"):
        run(script, monkeypatch, *options(words, tmp_path / script, *more, steps=4))
    alone = [*more[:2], *more[4:]]
    run("run_ctc_str", monkeypatch, *options(words, tmp_path / "alone", *alone, steps=4))
    one, other, alone = (tmp_path / name for name in ("run_ctc_str", "run_ctc_str_no_trainer", "alone"))
    assert largest_difference(one, other) < 1e-6 < largest_difference(one, alone)


@both_scripts
def test_resumed_with_a_teacher_and_frozen_layers_equals_uninterrupted(
    script, words, tiny_checkpoint, tmp_path, monkeypatch
):
    more = ["--model_name_or_path", tiny_checkpoint, "--freeze", "featurizer:2", "--teacher_model", tiny_checkpoint]
    more += ["--ema_decay", "0.9", "--eval_dataset", words["test"], "--early_stopping_patience", "9"]
    run(script, monkeypatch, *options(words, tmp_path / "whole", *more))
    run(script, monkeypatch, *options(words, tmp_path / "pieces", *more), "--max_minutes", "0.0001")
    run(script, monkeypatch, *options(words, tmp_path / "pieces", *more))
    for name in ("model.safetensors", AVERAGE):
        folders = (tmp_path / piece / "checkpoint-6" for piece in ("whole", "pieces"))
        assert largest_difference(*folders, name) == 0.0


@both_scripts
def test_the_start_of_a_run_as_its_teacher(script, words, tiny_checkpoint, tmp_path, monkeypatch):
    """At first there is nothing to learn from it."""
    more = ["--model_name_or_path", tiny_checkpoint, "--teacher_model", "self", "--freeze", "featurizer"]
    losses = {}
    for weight in ("0", "1"):
        run(script, monkeypatch, *options(words, tmp_path / weight, *more, "--teacher_weight", weight, steps=1))
        losses[weight] = entries(tmp_path / weight)[0]["loss"]
    assert losses["1"] < losses["0"] / 10  # bfloat16 of the teacher


@both_scripts
def test_early_stopping(script, words, tmp_path, monkeypatch, capsys):
    """A network that learns nothing: the first evaluation stays the best one."""
    more = [*NEW_NETWORK, "--eval_dataset", words["test"], "--early_stopping_patience", "2", "--eval_steps", "1"]
    more += ["--freeze", "featurizer", "sequentializer", "--learning_rate", "1e-12"]
    run(script, monkeypatch, *options(words, tmp_path, *more, steps=9))
    assert "3 of 9 steps are done" in capsys.readouterr().out
    assert [entry["step"] for entry in entries(tmp_path) if "word_accuracy" in entry] == [1, 2, 3]
    assert (tmp_path / "checkpoint-3" / "complete.json").exists()
    assert json.loads((tmp_path / "evaluation.json").read_text())["step"] == 1

    run(script, monkeypatch, *options(words, tmp_path, *more, steps=9))
    assert "the last 2 evaluations found no better model" in capsys.readouterr().out
    assert [entry["step"] for entry in entries(tmp_path) if "word_accuracy" in entry] == [1, 2, 3]
    assert not (tmp_path / "checkpoint-4").exists()


@both_scripts
def test_a_time_limit_saves_also_where_only_the_best_is_saved(script, words, tmp_path, monkeypatch):
    more = [*NEW_NETWORK, "--eval_dataset", words["test"], "--save_strategy", "best", "--eval_steps", "1"]
    more += ["--freeze", "featurizer", "sequentializer", "--learning_rate", "1e-12", "--max_minutes", "0.0001"]
    for step in (1, 2):
        run(script, monkeypatch, *options(words, tmp_path, *more, steps=9))
        assert (tmp_path / f"checkpoint-{step}" / "complete.json").exists()


@both_scripts
def test_going_on_with_what_does_not_fit(script, words, tmp_path, monkeypatch):
    run(script, monkeypatch, *options(words, tmp_path, *NEW_NETWORK, steps=1))
    for more in (["--freeze", "featurizer"], ["--charset", "36"], ["--ema_decay", "0.9"]):
        with pytest.raises(CheckpointError, match=r"cannot go on from .*checkpoint-1"):
            run(script, monkeypatch, *options(words, tmp_path, *NEW_NETWORK, *more, steps=2))


@both_scripts
def test_the_best_model_of_another_run_is_set_aside(script, words, tmp_path, monkeypatch):
    more = [*NEW_NETWORK, "--eval_dataset", words["test"], "--learning_rate", "1e-12"]
    run(script, monkeypatch, *options(words, tmp_path, *more, "--charset", "36", steps=1))
    shutil.rmtree(tmp_path / "checkpoint-1")
    figures = json.loads((tmp_path / "best" / "evaluation.json").read_text())
    figures["metrics"]["word_accuracy"] = 0.9
    (tmp_path / "best" / "evaluation.json").write_text(json.dumps(figures))
    run(script, monkeypatch, *options(words, tmp_path, *more, "--charset", "94", steps=1))
    assert CRNNForCTC.from_pretrained(tmp_path).config.vocab_size == 95
    assert (tmp_path / "best.set_aside").exists()
    # Another measure, which the best model so far has no figure of.
    more += ["--charset", "94", "--eval_dataset", words["test"], words["train"], "--metric_for_best_model", "test_cer"]
    run(script, monkeypatch, *options(words, tmp_path, *more, steps=2))
    assert json.loads((tmp_path / "evaluation.json").read_text())["step"] == 2


@both_scripts
@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--teacher_model", "{checkpoint}", "--charset", "36"], "cannot teach this network: its charset"),
        (["--freeze", "neck"], "--freeze neck: there is no such part"),
        (["--data_echo_factor", "9"], "between 1 and the batch size 4"),
        (["--data_echo_factor", "2", "--keep_aspect_ratio", "true"], "needs batches of one width"),
        (["--early_stopping_patience", "2"], "needs an --eval_dataset"),
        (["--max_minutes", "0"], "max_minutes must be above 0"),
        (["--preset", "vgg-bilstm", "--model_name_or_path", "{checkpoint}"], "--preset is for a new network"),
    ],
)
def test_what_cannot_be_is_said(script, more, message, words, tiny_checkpoint, tmp_path, monkeypatch):
    given = [argument.format(checkpoint=tiny_checkpoint) for argument in more]
    network = [] if "--preset" in given else NEW_NETWORK
    with pytest.raises(ValueError, match=message):
        run(script, monkeypatch, *options(words, tmp_path, *network, "--charset", "94", *given, steps=1))
