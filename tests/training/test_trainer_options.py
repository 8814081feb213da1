# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What options of `TrainingArguments` do in `CTCTrainer`, where that is not plain from transformers."""

from pathlib import Path

import pytest
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from hf_str import CRNNConfig, CRNNForCTC
from hf_str.training import CheckpointError, StoredSamples, TrainingSamples
from hf_str.training.arguments import RecipeArguments
from hf_str.training.run_arguments import CTCTrainingArguments
from hf_str.training.trainer import CTCTrainer
from tests.training.drawing import TINY, as_dataset, drawn_words


@pytest.fixture(scope="module")
def data():
    return as_dataset(drawn_words(20)), as_dataset(drawn_words(6, seed=1))


@pytest.fixture
def run(data, processor, collator, tmp_path):
    """Trains with some options, 5 steps to a pass over the samples."""

    def run(max_steps=6, resume=None, folder="out", network=(), ema_decay=0.0, validation=None, **options):
        torch.manual_seed(0)
        model = CRNNForCTC(CRNNConfig(vocab_size=95, **(TINY | {"dropout": 0.1} | dict(network))))
        quiet = {"disable_tqdm": True, "dataloader_num_workers": 0, "logging_steps": 1, "save_strategy": "no"}
        args = CTCTrainingArguments(
            output_dir=str(tmp_path / folder),
            **{"use_cpu": True, "max_steps": max_steps, "per_device_train_batch_size": 4, "learning_rate": 1e-3}
            | quiet
            | options,
        )
        words = TrainingSamples([StoredSamples(data[0])], collator)
        sets = {"test": data[1]} if validation is None else validation
        trainer = CTCTrainer(model, args, words, sets, RecipeArguments(ema_decay), processing_class=processor)
        trainer.train(resume_from_checkpoint=resume)
        return trainer

    return run


def steps_with(trainer, name):
    return [entry["step"] for entry in trainer.state.log_history if name in entry]


def checkpoints(trainer):
    names = [path.name for path in Path(trainer.args.output_dir).glob("checkpoint-*")]
    return sorted(int(name.split("-")[1]) for name in names if name.split("-")[1].isdecimal())


def weights(trainer):
    return {name: tensor.clone() for name, tensor in trainer.engine.model.state_dict().items()}


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def test_epochs_end_with_passes_over_the_samples(run):
    every = dict.fromkeys(("eval_strategy", "save_strategy", "logging_strategy"), "epoch")
    trainer = run(11, **every, save_total_limit=9)
    assert steps_with(trainer, "eval_cer") == steps_with(trainer, "loss") == checkpoints(trainer) == [5, 10, 11]
    delayed = run(11, eval_strategy="epoch", eval_delay=2, folder="delayed")
    assert steps_with(delayed, "eval_cer") == [10, 11]
    assert delayed.state.epoch == 11 / 5


def test_shares_of_all_steps(run):
    trainer = run(6, logging_steps=0.5, eval_steps=0.3, save_strategy="steps", save_steps=0.5)
    assert steps_with(trainer, "loss") == checkpoints(trainer) == [3, 6]
    assert steps_with(trainer, "eval_cer") == [2, 4, 6]


def test_when_is_logged_and_evaluated(run):
    trainer = run(6, logging_first_step=True, logging_steps=4, eval_on_start=True, eval_steps=2, eval_delay=3)
    assert steps_with(trainer, "loss") == [1, 4]
    assert steps_with(trainer, "eval_cer") == [0, 4, 6]
    trainer = run(3, logging_strategy="no", eval_strategy="no", folder="silent")
    assert not steps_with(trainer, "loss")
    assert not steps_with(trainer, "eval_cer")
    assert trainer.engine.best.evaluation is None


@pytest.mark.parametrize(
    ("options", "best", "saved"),
    [
        ({}, 3, [1, 3]),
        ({"greater_is_better": False}, 1, [1]),
        ({"metric_for_best_model": "cer"}, 4, [1, 2, 4]),
        ({"metric_for_best_model": "eval_cer", "greater_is_better": True}, 1, [1]),
    ],
    ids=["accuracy", "accuracy, less is better", "errors", "errors, more is better"],
)
def test_metric_for_best_model_picks(run, monkeypatch, options, best, saved):
    accuracies, errors = iter([0.2, 0.2, 0.5, 0.3]), iter([0.9, 0.8, 0.8, 0.1])
    figures = lambda *_, **__: ({"word_accuracy": next(accuracies), "cer": next(errors)}, "")  # noqa: E731
    monkeypatch.setattr("hf_str.training.engine.evaluate_all", figures)
    trainer = run(4, eval_steps=1, save_strategy="best", save_total_limit=9, **options)
    assert trainer.engine.best.evaluation["step"] == best
    assert checkpoints(trainer) == saved


@pytest.mark.parametrize("ema_decay", [0.0, 0.5])
def test_load_best_model_at_end(run, monkeypatch, ema_decay):
    def figures(model, *_, **__):
        accuracy = next(accuracies)
        if accuracy == 0.5:
            seen.update({name: tensor.clone() for name, tensor in model.state_dict().items()})
        return {"word_accuracy": accuracy}, ""

    monkeypatch.setattr("hf_str.training.engine.evaluate_all", figures)
    for loads in (True, False):
        seen, accuracies = {}, iter([0.2, 0.5, 0.3])
        trainer = run(3, eval_steps=1, load_best_model_at_end=loads, folder=str(loads), ema_decay=ema_decay)
        assert same(weights(trainer), seen) == loads


def test_goes_on_from_a_checkpoint_that_is_named(run, tmp_path):
    options = {"save_strategy": "steps", "save_steps": 2, "save_total_limit": 9, "ema_decay": 0.9}
    options |= {"eval_strategy": "no", "lr_scheduler_type": "warmup_stable_decay"}
    whole = run(6, **options)
    last = weights(whole)
    folder = tmp_path / "out"
    named = run(6, resume=str(folder / "checkpoint-2"), **options)
    assert named.engine.first_step == 2
    assert same(last, weights(named))
    assert {path.name for path in folder.glob("*.set_aside")} == {"checkpoint-4.set_aside", "checkpoint-6.set_aside"}
    assert checkpoints(named) == [2, 4, 6]
    (folder / "checkpoint-4").rename(tmp_path / "elsewhere")  # a copy under another name
    copied = run(6, resume=tmp_path / "elsewhere", folder="new", **options)
    assert copied.engine.first_step == 4
    assert same(last, weights(copied))
    newest = run(8, resume=True, **options)
    assert newest.engine.first_step == 6
    assert newest.state.global_step == 8


@pytest.mark.parametrize("name", ["one_cycle", "reduce_lr_on_plateau", "greedy"])
def test_goes_on_exactly_with_each_kind_of_schedule(run, monkeypatch, name):
    def figures(*_, **__):
        return {"word_accuracy": [0.5, 0.4, 0.6, 0.3, 0.3, 0.4, 0.2][trainers[-1].state.global_step]}, ""

    class Watched(CTCTrainer):
        def __init__(self, *args, **kwargs):
            trainers.append(self)
            super().__init__(*args, **kwargs)

    trainers = []
    monkeypatch.setattr("hf_str.training.engine.evaluate_all", figures)
    monkeypatch.setitem(globals(), "CTCTrainer", Watched)
    options = {"lr_scheduler_type": name, "eval_steps": 1, "save_strategy": "steps", "save_steps": 3}
    if name != "one_cycle":
        options["lr_scheduler_kwargs"] = {"patience": 0, "factor": 0.5, "min_lr": 1e-6}
    whole = run(6, load_best_model_at_end=False, **options)
    resumed = run(6, resume=f"{whole.args.output_dir}/checkpoint-3", load_best_model_at_end=False, **options)
    assert resumed.engine.first_step == 3
    assert same(weights(whole), weights(resumed))
    assert whole._get_learning_rate() == resumed._get_learning_rate() < 1e-3


def test_checkpoints_that_are_not_there(run, tmp_path):
    with pytest.raises(CheckpointError, match=r"there is no checkpoint .*nowhere"):
        run(2, resume=str(tmp_path / "nowhere"))
    with pytest.raises(CheckpointError, match="has no complete checkpoint"):
        run(2, resume=True)
    (tmp_path / "half").mkdir()
    with pytest.raises(CheckpointError, match="it was not written to its end"):
        run(2, resume=str(tmp_path / "half"))


def test_the_learning_rate_follows_the_metric(run, monkeypatch):
    accuracies = iter([0.5, 0.4, 0.6, 0.3, 0.2, 0.1])
    monkeypatch.setattr(
        "hf_str.training.engine.evaluate_all", lambda *_, **__: ({"word_accuracy": next(accuracies)}, "")
    )
    kwargs = {"patience": 0, "factor": 0.1}
    trainer = run(6, eval_steps=1, lr_scheduler_type="reduce_lr_on_plateau", lr_scheduler_kwargs=kwargs)
    assert isinstance(trainer.lr_scheduler, ReduceLROnPlateau)
    rates = [entry["learning_rate"] for entry in trainer.state.log_history if "learning_rate" in entry]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-6])


@pytest.mark.parametrize(
    ("options", "network"),
    [
        ({"torch_compile": True, "torch_compile_backend": "eager"}, {}),
        ({"gradient_checkpointing": True}, {}),
        (
            {"gradient_checkpointing": True, "gradient_checkpointing_kwargs": {"use_reentrant": False}},
            {"sequentializer": "transformer"},
        ),
        (
            {"debug": "underflow_overflow", "torch_empty_cache_steps": 1, "dataloader_pin_memory": False}
            | {"average_tokens_across_devices": False, "dataloader_drop_last": True, "remove_unused_columns": False}
            | {"dataloader_num_workers": 1, "dataloader_prefetch_factor": 3, "skip_memory_metrics": False},
            {},
        ),
        ({"dataloader_num_workers": 1, "dataloader_multiprocessing_context": "spawn"}, {}),
    ],
    ids=["compiled", "checkpointing", "checkpointing of a transformer", "memory and loader", "spawned workers"],
)
def test_how_it_is_computed_does_not_change_what(run, options, network):
    plain = run(2, network=network, eval_strategy="no")
    other = run(2, network=network, eval_strategy="no", folder="other", **options)
    first, second = weights(plain), weights(other)
    assert max((first[name].float() - second[name].float()).abs().max().item() for name in first) < 1e-6


def test_optimizer_and_its_arguments(run):
    trainer = run(2, optim="sgd", optim_args="momentum=0.9", max_grad_norm=0.0, weight_decay=0.5, eval_strategy="no")
    (group, _) = trainer.optimizer.param_groups
    assert isinstance(trainer.optimizer.optimizer, torch.optim.SGD)
    assert (group["momentum"], group["weight_decay"]) == (0.9, 0.5)


def test_half_precision_holds_for_evaluation_too(run):
    computed = []
    handle = torch.nn.modules.module.register_module_forward_hook(
        lambda module, _, output: (
            computed.append((module.training, output.dtype)) if isinstance(module, torch.nn.Conv2d) else None
        )
    )
    try:
        run(1, bf16=True)
    finally:
        handle.remove()
    assert set(computed) == {(True, torch.bfloat16), (False, torch.bfloat16)}
