# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Both run scripts, end to end on drawn words: training, recovery, and what they say of mistakes."""

import json
import os
import re
import resource
import runpy
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from hf_str import CRNNForCTC, CRNNProcessor, ImageToTextPipeline
from hf_str.training import CheckpointError, NonFiniteLossError
from tests.conftest import draw_word
from tests.training.drawing import TINY, as_dataset, drawn_words, font_folder


ROOT = Path(__file__).parents[2]
SCRIPTS = {name: ROOT / "scripts" / f"{name}.py" for name in ("run_ctc_str", "run_ctc_str_no_trainer")}
#: Dropout, so that the state of the random numbers matters too.
NEW_NETWORK = ["--config_overrides", json.dumps(TINY | {"dropout": 0.1})]
AVERAGE = "weight_average.safetensors"

both_scripts = pytest.mark.parametrize("script", SCRIPTS)


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    as_dataset(drawn_words(40)).to_parquet(str(folder / "train.parquet"))
    as_dataset(drawn_words(12, seed=1)).to_parquet(str(folder / "test.parquet"))
    as_dataset(["good", "naïve", "fine", "too" * 20, *drawn_words(8)]).to_parquet(str(folder / "bad.parquet"))
    return {path.stem: str(path) for path in folder.iterdir()}


def options(words, output_dir, *more, steps=6):
    small = ["--per_device_train_batch_size", 4, "--logging_steps", 1, "--save_steps", 2, "--eval_steps", 3]
    small += ["--dataloader_num_workers", 0, "--use_cpu", "--max_steps", steps, "--output_dir", output_dir]
    dataset = [] if "--dataset" in more else ["--dataset", words["train"]]
    return list(map(str, [*small, *dataset, *more]))


def run(script, monkeypatch, *arguments):
    """Runs a script in this process, which saves starting another."""
    from accelerate.state import AcceleratorState, GradientState

    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()
    monkeypatch.setattr(sys, "argv", [str(SCRIPTS[script]), *map(str, arguments)])
    runpy.run_path(str(SCRIPTS[script]), run_name="__main__")


def command(script, arguments):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    return {"args": [sys.executable, str(SCRIPTS[script]), *arguments], "env": environment, "cwd": ROOT}


def largest_difference(first, second, name="model.safetensors"):
    first, second = load_file(first / name), load_file(second / name)
    assert first.keys() == second.keys()
    return max((first[key].float() - second[key].float()).abs().max().item() for key in first)


# ---------------------------------------------------------------------------------------------------------------------
# Training


@both_scripts
def test_a_new_network_in_all_its_parts(script, words, tmp_path, monkeypatch, capsys):
    more = ["--eval_dataset", words["test"], "--charset", "36", "--ema_decay", "0.9"]
    more += ["--lr_scheduler_type", "cosine", "--warmup_steps", "2"]
    more += ["--gradient_accumulation_steps", "2", "--keep_aspect_ratio", "true", "--bucket_steps", "2"]
    run(script, monkeypatch, *options(words, tmp_path, *NEW_NETWORK, *more))
    assert f"{tmp_path} holds the model of step" in capsys.readouterr().out

    model, processor = CRNNForCTC.from_pretrained(tmp_path), CRNNProcessor.from_pretrained(tmp_path)
    assert model.config.vocab_size == len(processor.tokenizer) == 37
    assert processor.image_processor.keep_aspect_ratio
    reader = ImageToTextPipeline(model=model, processor=processor)
    assert isinstance(reader(draw_word("hello"))[0]["generated_text"], str)
    assert (tmp_path / "modeling_crnn.py").exists()
    assert json.loads((tmp_path / "training_args.json").read_text())["ema_decay"] == 0.9
    (figures,) = json.loads((tmp_path / "results.json").read_text())["figures"]
    assert (figures["name"], figures["words"], sorted(figures["protocols"])) == (
        "test",
        12,
        ["36", "62", "94", "all", "unicode"],
    )
    assert len((tmp_path / "errors" / "test_errors.jsonl").read_text().splitlines()) > 0
    best = json.loads((tmp_path / "evaluation.json").read_text())
    assert best["step"] in (3, 6)
    assert largest_difference(tmp_path, tmp_path / "best") == 0
    if best["step"] == 6:  # the average is what is evaluated and saved
        assert largest_difference(tmp_path, tmp_path / "checkpoint-6") > 0
    assert {path.name for path in tmp_path.glob("checkpoint-*")} == {"checkpoint-4", "checkpoint-6"}


def test_finished_folder_loads_with_pipeline(words, tmp_path, monkeypatch):
    run("run_ctc_str", monkeypatch, *options(words, tmp_path, *NEW_NETWORK, steps=1))
    from transformers import pipeline

    result = pipeline("image-to-text", model=str(tmp_path))(draw_word("hello"))
    assert result[0].keys() == {"generated_text", "score"}


@both_scripts
def test_tensorboard_shows_the_run(script, words, tmp_path, monkeypatch):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    more = ["--eval_dataset", words["test"], "--report_to", "tensorboard"]
    run(script, monkeypatch, *options(words, tmp_path, *NEW_NETWORK, *more, steps=3))
    names = set()
    for file in tmp_path.rglob("events.out.tfevents.*"):
        events = accumulator.EventAccumulator(str(file)).Reload()
        names |= set(events.Tags()["scalars"])
    assert {"train/loss", "train/learning_rate", "eval/word_accuracy", "eval/cer"} <= names


@both_scripts
def test_sharded_models_are_refused(script, words, tmp_path, monkeypatch):
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(ValueError, match="Launch without it"):
        run(script, monkeypatch, *options(words, tmp_path, *NEW_NETWORK, steps=1))
    assert not list(tmp_path.glob("checkpoint-*"))


def test_both_scripts_do_the_same(words, tmp_path, monkeypatch):
    network = json.dumps(TINY | {"batch_norms": False})
    for script in SCRIPTS:
        more = ["--config_overrides", network, "--seed", "3", "--weight_decay", "0"]
        run(script, monkeypatch, *options(words, tmp_path / script, *more, steps=4))
    assert largest_difference(*(tmp_path / script for script in SCRIPTS)) < 1e-6


def test_it_learns(words, tmp_path, monkeypatch):
    more = ["--config_overrides", json.dumps(TINY | {"hidden_size": 64, "batch_norms": True}), "--charset", "36"]
    more += ["--per_device_train_batch_size", "16", "--learning_rate", "0.01", "--augmentation", "0"]
    run("run_ctc_str", monkeypatch, *options(words, tmp_path, *more, "--save_steps", "60", steps=60))
    losses = [entry["loss"] for entry in history(tmp_path / "checkpoint-60") if "loss" in entry]
    assert sum(losses[-10:]) / 10 < 0.5 * losses[0]


@both_scripts
def test_another_charset_from_a_json_file(script, words, tiny_checkpoint, tmp_path, monkeypatch, caplog):
    settings = {
        "model_name_or_path": tiny_checkpoint,
        "charset": "abcdefgh0123é",
        "dataset": [words["train"]],
        "output_dir": str(tmp_path / "out"),
        "max_steps": 2,
        "use_cpu": True,
        "dataloader_num_workers": 1,
        "per_device_train_batch_size": 4,
    }
    (tmp_path / "options.json").write_text(json.dumps(settings), encoding="utf-8")
    run(script, monkeypatch, tmp_path / "options.json")
    assert CRNNForCTC.from_pretrained(tmp_path / "out").config.vocab_size == 14
    assert any("12 characters kept: a b c" in record.getMessage() for record in caplog.records)


def test_rendered_words_and_a_stream_in_half_precision(words, tmp_path, monkeypatch):
    more = ["--dataset", "synth=0.5", f"{words['train']}=0.5", "--streaming", "--shuffle_block", "8"]
    more += ["--fonts", font_folder(), "--curriculum_samples", "50", "--mixed_precision", "bf16"]
    run("run_ctc_str_no_trainer", monkeypatch, *options(words, tmp_path, *NEW_NETWORK, *more, steps=2))
    assert CRNNForCTC.from_pretrained(tmp_path).dtype == torch.float32


# ---------------------------------------------------------------------------------------------------------------------
# Mistakes


def test_bad_words_stop_the_run_or_are_left_out(words, tmp_path, monkeypatch):
    arguments = options(words, tmp_path, *NEW_NETWORK, "--dataset", words["bad"], steps=1)
    with pytest.raises(ValueError, match=r"(?s)12 samples, 2 of them.*'naïve'.*'tootootoo"):
        run("run_ctc_str", monkeypatch, *arguments)
    run("run_ctc_str", monkeypatch, *arguments, "--bad_labels", "drop")


def test_bad_words_of_a_stream_are_counted_in_the_log(words, tmp_path, monkeypatch, caplog):
    more = ["--dataset", words["bad"], "--streaming", "--shuffle_block", "4", "--bad_labels", "drop"]
    run("run_ctc_str", monkeypatch, *options(words, tmp_path, *NEW_NETWORK, *more, steps=4))
    counts = [entry["invalid_samples"] for entry in history(tmp_path / "checkpoint-4") if "invalid_samples" in entry]
    assert counts[-1] >= 2
    assert any(
        "Left out word" in record.getMessage() and "'naïve'" in record.getMessage() for record in caplog.records
    )


@both_scripts
def test_losses_that_are_not_finite_stop_the_run(script, words, tmp_path, monkeypatch):
    more = ["--learning_rate", "1e30", "--max_nonfinite_steps", "3", "--warmup_steps", "0"]
    with pytest.raises(NonFiniteLossError, match=r"step \d+, with the labels '.* 2 steps before"):
        run(script, monkeypatch, *options(words, tmp_path, *NEW_NETWORK, *more, steps=9))


@both_scripts
def test_help_teaches(script, monkeypatch, capsys):
    with pytest.raises(SystemExit, match="0"):
        run(script, monkeypatch, "--help")
    printed = capsys.readouterr().out
    assert f"\n    python scripts/{SCRIPTS[script].name} " in printed  # an example, on a line of its own
    assert "(default: None)" not in printed
    assert "Turn off --load_best_model_at_end." in printed
    text = " ".join(printed.split())
    for words_of_help in ("Give the same command again to resume", "synth=0.75", "one_cycle", "--bad_labels"):
        assert words_of_help in text


# ---------------------------------------------------------------------------------------------------------------------
# Options that transformers has too


def checkpoints(folder):
    return sorted(int(path.name.split("-")[1]) for path in folder.glob("checkpoint-*"))


@both_scripts
@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--resume_from_checkpoint", "nowhere"], "there is no checkpoint nowhere"),
        (["--resume_from_checkpoint", "True"], "has no complete checkpoint"),
        (["--label_smoothing_factor", "0.1"], "--label_smoothing_factor"),
        (["--metric_for_best_model", "loss"], "--metric_for_best_model loss"),
        (["--metric_for_best_model", "other_cer"], "--metric_for_best_model other_cer"),
        (["--lr_scheduler_type", "constant", "--warmup_ratio", "0.2"], "--warmup_ratio is refused"),
        (["--streaming", "--save_strategy", "epoch"], "--save_strategy epoch is refused"),
    ],
    ids=lambda value: value[0].strip("-") if isinstance(value, list) else "",
)
def test_refused_before_anything_is_loaded(script, option, message, words, tmp_path, monkeypatch, capsys):
    more = ["--dataset", "no/such/words.parquet", "--eval_dataset", words["test"]]
    with pytest.raises((ValueError, RuntimeError, SystemExit)) as refused:
        run(script, monkeypatch, *options(words, tmp_path / "out", *more, *option))
    # An option that the script does not have is refused by argparse.
    assert re.search(message, capsys.readouterr().err if isinstance(refused.value, SystemExit) else str(refused.value))
    assert not (tmp_path / "out").exists()


@both_scripts
def test_each_epoch_logs_evaluates_and_saves_and_a_run_goes_on_from_one(script, words, tmp_path, monkeypatch, capsys):
    every_epoch = [word for what in ("logging", "eval", "save") for word in (f"--{what}_strategy", "epoch")]
    more = [*NEW_NETWORK, *every_epoch, "--eval_dataset", words["test"], "--save_total_limit", "9"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run(script, monkeypatch, *options(words, whole, *more, steps=23))  # an epoch has 10 steps
    assert checkpoints(whole) == [10, 20, 23]
    said = capsys.readouterr().out
    assert [f"step {step}: test, the worst" in said for step in range(24)] == [
        step in (10, 20, 23) for step in range(24)
    ]
    broken.mkdir()
    shutil.copytree(whole / "checkpoint-10", broken / "checkpoint-10")  # all that a run has that is killed later
    run(script, monkeypatch, *options(words, broken, *more, steps=23))
    assert largest_difference(whole / "checkpoint-23", broken / "checkpoint-23") == 0.0
    assert "step 10: test, the worst" not in capsys.readouterr().out


@both_scripts
def test_goes_on_from_a_checkpoint_that_is_named(script, words, tmp_path, monkeypatch):
    arguments = options(words, tmp_path / "a", *NEW_NETWORK, "--save_total_limit", "9")
    run(script, monkeypatch, *arguments)
    last = tmp_path / "last"
    shutil.copytree(tmp_path / "a" / "checkpoint-6", last)
    first = tmp_path / "a" / "checkpoint-2"
    run(script, monkeypatch, *options(words, tmp_path / "b", *NEW_NETWORK, "--resume_from_checkpoint", first))
    assert largest_difference(last, tmp_path / "b" / "checkpoint-6") == 0.0
    assert checkpoints(tmp_path / "b") == [4, 6]  # none of before
    run(script, monkeypatch, *arguments, "--resume_from_checkpoint", str(first))
    assert largest_difference(last, tmp_path / "a" / "checkpoint-6") == 0.0
    assert (tmp_path / "a" / "checkpoint-6.set_aside").is_dir()
    with pytest.raises(CheckpointError, match="another --output_dir"):
        run(script, monkeypatch, *arguments, "--resume_from_checkpoint", "False")
    other = next(name for name in SCRIPTS if name != script)
    with pytest.raises(CheckpointError, match="it is from the other run script"):
        run(other, monkeypatch, *arguments)


@both_scripts
def test_the_best_and_the_last_model(script, words, tmp_path, monkeypatch):
    figures = iter([{"word_accuracy": 0.0, "cer": error, "one_minus_ned": 0.0} for error in (0.9, 0.7, 0.8) * 2])
    monkeypatch.setattr("hf_str.training.engine.evaluate_all", lambda *_, **__: (next(figures), ""))
    more = [*NEW_NETWORK, "--eval_dataset", words["test"], "--eval_steps", "1", "--save_total_limit", "9"]
    more += ["--metric_for_best_model", "cer", "--save_strategy", "best", "--logging_steps", "9"]
    run(script, monkeypatch, *options(words, tmp_path / "best", *more, steps=3))
    run(script, monkeypatch, *options(words, tmp_path / "last", *more, "--no_load_best_model_at_end", steps=3))
    for name in ("best", "last"):
        assert checkpoints(tmp_path / name) == [1, 2]
        assert json.loads((tmp_path / name / "best" / "evaluation.json").read_text())["step"] == 2
        difference = largest_difference(tmp_path / name, tmp_path / name / "checkpoint-2")
        assert (difference == 0.0) == (name == "best")


@both_scripts
def test_seeds_of_the_network_and_of_the_samples(script, words, tmp_path, monkeypatch):
    still = ["--config_overrides", json.dumps(TINY), "--learning_rate", "1e-3"]
    for name, seeds in {"a": (1, 2), "b": (1, 2), "c": (1, 3), "d": (3, 2)}.items():
        more = [*still, "--seed", seeds[0], "--data_seed", seeds[1]]
        run(script, monkeypatch, *options(words, tmp_path / name, *more, steps=1))
    assert largest_difference(tmp_path / "a", tmp_path / "b") == 0.0
    assert largest_difference(tmp_path / "a", tmp_path / "c") > 0.0
    assert largest_difference(tmp_path / "a", tmp_path / "d") > largest_difference(tmp_path / "a", tmp_path / "c")


@both_scripts
def test_old_names_of_options_do_what_they_did(script, words, tmp_path, monkeypatch):
    new = ["--lr_scheduler_type", "warmup_stable_decay", "--warmup_ratio", "0.2", "--decay_ratio", "0.5"]
    old = ["--schedule", "constant_with_decay", "--warmup-share=0.2", "--decay_share", "0.5", "--best_metric", "cer"]
    run(script, monkeypatch, *options(words, tmp_path / "new", *NEW_NETWORK, *new, steps=3))
    with pytest.warns(FutureWarning, match="metric_for_best_model"):
        run(script, monkeypatch, *options(words, tmp_path / "old", *NEW_NETWORK, *old, steps=3))
    assert largest_difference(tmp_path / "old", tmp_path / "new") == 0.0


# ---------------------------------------------------------------------------------------------------------------------
# Recovery


def history(checkpoint):
    return json.loads((checkpoint / "trainer_state.json").read_text())["log_history"]


def kill_at(script, arguments, appears):
    """Runs until a path appears, then kills with SIGKILL, whatever the run is doing."""
    process = subprocess.Popen(**command(script, arguments), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not appears.exists():
        assert process.poll() is None, process.stderr.read()[-3000:]
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.stderr.close()
    assert process.wait() == -signal.SIGKILL


@both_scripts
def test_killed_and_resumed_equals_uninterrupted(script, words, tmp_path, monkeypatch, capsys):
    more = [*NEW_NETWORK, "--ema_decay", "0.9", "--save_total_limit", "9", "--eval_dataset", words["test"]]
    more += ["--eval_steps", "5", "--save_steps", "3", "--dataloader_num_workers", "1"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    finish_at = 14
    run(script, monkeypatch, *options(words, whole, *more, steps=finish_at))
    log_of_whole = capsys.readouterr().out
    arguments = options(words, broken, *more, steps=finish_at)
    kill_at(script, arguments, broken / "checkpoint-6")  # while it is written, most likely
    resumed = subprocess.run(**command(script, arguments), capture_output=True, text=True, timeout=200)
    assert resumed.returncode == 0, resumed.stderr[-3000:]
    for name in ("model.safetensors", AVERAGE):
        difference = largest_difference(whole / "checkpoint-14", broken / "checkpoint-14", name)
        print(f"{script}, {name}: largest difference to the uninterrupted run {difference}")
        assert difference == 0.0
    if script == "run_ctc_str":
        losses = [[e["loss"] for e in history(run / "checkpoint-14") if "loss" in e] for run in (whole, broken)]
        assert losses[0] == losses[1]
        assert len(losses[0]) == finish_at
    else:  # what was logged after the kill is what the uninterrupted run logged there
        steps = [line for line in resumed.stdout.splitlines() if "'loss'" in line]
        assert 7 < len(steps) <= 14
        assert all(line in log_of_whole for line in steps)


@both_scripts
def test_a_full_disk_leaves_the_checkpoint_before(script, words, tmp_path, monkeypatch):
    network = ["--config_overrides", json.dumps(TINY | {"hidden_size": 128})]
    run(script, monkeypatch, *options(words, tmp_path, *network, steps=2))
    weights = (tmp_path / "checkpoint-2" / "model.safetensors").read_bytes()

    def small_files():  # room for the weights, none for the optimizer
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(weights) + 10_000,) * 2)

    arguments = options(words, tmp_path, *network, steps=6)
    done = subprocess.run(
        **command(script, arguments), capture_output=True, text=True, timeout=200, preexec_fn=small_files
    )
    assert done.returncode == 1, done.stderr[-3000:]
    assert "CheckpointError: cannot write the checkpoint" in done.stderr
    assert f"give the same command again to resume from {tmp_path / 'checkpoint-2'}" in done.stderr
    assert {path.name for path in tmp_path.glob("checkpoint-*")} == {"checkpoint-2"}
    assert (tmp_path / "checkpoint-2" / "model.safetensors").read_bytes() == weights


def test_a_damaged_checkpoint_is_skipped_and_changes_are_told(words, tmp_path, monkeypatch, caplog):
    run("run_ctc_str", monkeypatch, *options(words, tmp_path, *NEW_NETWORK, steps=4))
    whole = load_file(tmp_path / "checkpoint-4" / "model.safetensors")
    os.truncate(tmp_path / "checkpoint-4" / "optimizer.pt", 100)
    run("run_ctc_str", monkeypatch, *options(words, tmp_path, *NEW_NETWORK, "--learning_rate", "0.001", steps=4))
    messages = [record.getMessage() for record in caplog.records]
    assert any("checkpoint-4: optimizer.pt is damaged" in message for message in messages)
    assert not any("resumes with another" in message for message in messages)
    again = load_file(tmp_path / "checkpoint-4" / "model.safetensors")
    assert all(torch.equal(tensor, again[name]) for name, tensor in whole.items())
    run("run_ctc_str", monkeypatch, *options(words, tmp_path, *NEW_NETWORK, "--seed", "5", steps=4))
    assert any("resumes with another seed: 42 -> 5" in record.getMessage() for record in caplog.records)
