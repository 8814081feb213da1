# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The Trainer of run_ctc_str.py, as far as its scripts' tests do not reach."""

import json

import pytest

from hf_str.training import StoredSamples, TrainingSamples, learning_rate_factor
from hf_str.training.arguments import RecipeArguments
from hf_str.training.run_arguments import CTCTrainingArguments
from hf_str.training.trainer import CTCTrainer


def trainer(model, processor, collator, dataset, tmp_path, **options):
    args = CTCTrainingArguments(
        output_dir=str(tmp_path), use_cpu=True, per_device_train_batch_size=4, learning_rate=1e-4, **options
    )
    words = TrainingSamples([StoredSamples(dataset)], collator)
    return CTCTrainer(model, args, words, {}, RecipeArguments(ema_decay=0.5), processing_class=processor)


def test_needs_to_know_the_number_of_steps(model, processor, collator, dataset, tmp_path):
    with pytest.raises(ValueError, match="count_steps"):
        trainer(model, processor, collator, dataset, tmp_path)


def test_keeps_to_its_options(model, processor, collator, dataset, tmp_path):
    options = {"max_steps": 5, "save_steps": 1, "save_total_limit": 2, "logging_steps": 1, "disable_tqdm": True}
    made = trainer(model, processor, collator, dataset, tmp_path, **options)
    start = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    made.train()
    assert {path.name for path in tmp_path.glob("checkpoint-*")} == {"checkpoint-4", "checkpoint-5"}
    rates = [entry["learning_rate"] for entry in made.state.log_history if "learning_rate" in entry]
    assert rates == pytest.approx([1e-4 * learning_rate_factor(step, "one_cycle", 5) for step in range(5)])
    assert made.state.epoch == pytest.approx(20 / 50)  # passes over the words
    name = "ctc_head.weight"
    with made.engine.averaged_weights():
        averaged = model.state_dict()[name].clone()
    moved, lagging = (model.state_dict()[name] - start[name]).norm(), (averaged - start[name]).norm()
    assert 0 < lagging < moved


def test_its_log_is_json(model, processor, collator, dataset, tmp_path):
    """JSON has no NaN: a norm or a loss that is none is null in the log and the state of the run."""
    made = trainer(model, processor, collator, dataset, tmp_path, max_steps=1, disable_tqdm=True)
    made.engine.start()
    made.log({"loss": float("nan"), "grad_norm": float("inf"), "learning_rate": 0.1})
    made.state.save_to_json(str(tmp_path / "state.json"))

    def refuse(name: str):
        raise AssertionError(name)

    (entry,) = json.loads((tmp_path / "state.json").read_text(), parse_constant=refuse)["log_history"]
    assert (entry["loss"], entry["grad_norm"], entry["learning_rate"]) == (None, None, 0.1)
