# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Each option of `TrainingArguments` works or is refused by name."""

import dataclasses
import json

import pytest
from transformers import TrainingArguments
from transformers.trainer_pt_utils import AcceleratorConfig

from hf_str.training.arguments import DataArguments, RecipeArguments, parse_arguments
from hf_str.training.checkpointing import changed_settings
from hf_str.training.options import OPTIONS, OptionError
from hf_str.training.run_arguments import CTCTrainingArguments, RunArguments


FIELDS = {field.name: field for field in dataclasses.fields(TrainingArguments)}
#: Of 5.24; an earlier transformers has fewer.
LATER = {"activation_checkpointing", "activation_checkpointing_kwargs"}
#: For each option that is refused, a value that is not its default.
REFUSED = {
    "label_smoothing_factor": 0.1,
    "bf16_full_eval": True,
    "fp16_full_eval": True,
    "use_liger_kernel": True,
    "liger_kernel_config": {"rope": True},
    "use_cache": True,
    "neftune_noise_alpha": 5.0,
    "auto_find_batch_size": True,
    "include_num_input_tokens_seen": "all",
    "prediction_loss_only": True,
    "eval_do_concat_batches": False,
    "eval_use_gather_object": True,
    "eval_accumulation_steps": 2,
    "include_for_metrics": ["loss"],
    "batch_eval_metrics": True,
    "save_only_model": True,
    "enable_jit_checkpoint": True,
    "hub_strategy": "every_save",
    "hub_always_push": True,
    "hub_revision": "dev",
    "ignore_data_skip": True,
    "accelerator_config": {"split_batches": True},
    "parallelism_config": {"tp_size": 2},
    "dataloader_in_order": False,
    "label_names": ["labels"],
    "train_sampling_strategy": "group_by_length",
    "length_column_name": "size",
    "fsdp": True,
    "fsdp_config": {"version": 2},
    "deepspeed": "ds.json",
    "do_predict": True,
}
#: For each option without effect, a value that is not its default.
NO_EFFECT = {
    "average_tokens_across_devices": False,
    "dataloader_drop_last": True,
    "dataloader_persistent_workers": True,
    "remove_unused_columns": False,
    "do_train": True,
    "do_eval": True,
    "local_rank": 0,
}


def arguments(**options):
    return CTCTrainingArguments(use_cpu=True, **options)


def test_the_table_knows_every_option():
    """Where this fails, transformers has an option more: see to it that it works, or say in the table why not."""
    assert not FIELDS.keys() - OPTIONS.keys()
    assert OPTIONS.keys() - FIELDS.keys() <= LATER
    kinds = {kind: {name for name in OPTIONS if OPTIONS[name].kind == kind} for kind in ("refused", "no effect")}
    assert kinds == {"refused": REFUSED.keys(), "no effect": NO_EFFECT.keys()}
    assert all(treatment.reason for treatment in OPTIONS.values() if treatment.kind != "honored")


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_refused_by_name(name):
    with pytest.raises(OptionError, match=rf"--{name} .* is refused: ."):
        arguments(**{name: REFUSED[name]})


def test_options_without_effect_are_taken():
    arguments(**NO_EFFECT)


def test_arguments_may_be_copied():
    """`TrainingArguments` fills some options in itself, which is no wish of anybody."""
    first = arguments(seed=3)
    assert dataclasses.replace(first, weight_decay=0.5).seed == 3
    assert CTCTrainingArguments(**first.to_dict()).seed == 3
    with pytest.raises(OptionError, match="--accelerator_config"):
        dataclasses.replace(first, accelerator_config=AcceleratorConfig(even_batches=False))


def test_all_refusals_are_told_at_once():
    with pytest.raises(OptionError, match=r"(?s)--label_smoothing_factor 0.1.*--use_cache True"):
        arguments(label_smoothing_factor=0.1, use_cache=True)


def test_an_option_that_the_table_does_not_know_is_refused(monkeypatch):
    monkeypatch.delitem(OPTIONS, "torch_empty_cache_steps")
    arguments()
    with pytest.raises(OptionError, match=r"--torch_empty_cache_steps 3 is refused: .* newer"):
        arguments(torch_empty_cache_steps=3)


def test_defaults_are_taken_also_from_a_command_line(tmp_path):
    (args,) = parse_arguments((CTCTrainingArguments,), "", ["--use_cpu", "--output_dir", str(tmp_path)])
    assert (args.lr_scheduler_type, args.load_best_model_at_end, args.warmup_steps) == ("one_cycle", True, None)
    assert args.greater_is_better is True
    json.dumps(args.to_sanitized_dict(), default=str)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optim": "lomo"}, "--optim lomo is refused"),
        ({"optim": "schedule_free_adamw"}, "--ema_decay"),
        ({"optim_args": "a=1"}, "--optim_args a=1 is refused"),
        ({"optim_target_modules": "all-linear"}, "GaLore and APOLLO"),
        ({"gradient_checkpointing_kwargs": {"use_reentrant": True}}, "--gradient_checkpointing_kwargs is refused"),
        ({"metric_for_best_model": "loss"}, "--metric_for_best_model loss is none of word_accuracy, cer"),
        ({"lr_scheduler_type": "lin"}, "'lin', but must be one of one_cycle, linear"),
        ({"lr_scheduler_kwargs": {"size": 1}}, "--lr_scheduler_type one_cycle: lr_scheduler_kwargs"),
        ({"lr_scheduler_kwargs": "{size"}, "--lr_scheduler_kwargs is not JSON"),
        ({"lr_scheduler_type": "constant", "warmup_steps": 5}, "--warmup_steps is refused: .*constant"),
        ({"lr_scheduler_type": "constant", "warmup_ratio": 0.2}, "--warmup_ratio is refused: .*constant"),
        ({"warmup_steps": 5, "warmup_ratio": 0.2}, "--warmup_steps and --warmup_ratio"),
        ({"warmup_ratio": 1.2}, "warmup_ratio is 1.2"),
        ({"decay_ratio": 0.2}, "--decay_ratio is refused: --lr_scheduler_type one_cycle"),
        ({"lr_scheduler_type": "reduce_lr_on_plateau", "eval_strategy": "no"}, "needs evaluations"),
        ({"eval_strategy": "best"}, "--eval_strategy best is none of no, steps, epoch"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_options_that_do_not_fit_each_other(options, message):
    with pytest.raises(OptionError, match=message):
        arguments(**options)


@pytest.mark.parametrize(
    ("options", "data", "message"),
    [
        ({"save_strategy": "epoch"}, {"dataset": ["synth"]}, "--save_strategy epoch is refused.*--save_steps"),
        ({"eval_strategy": "epoch"}, {"dataset": ["words/"], "streaming": True}, "--eval_strategy epoch is refused"),
        ({"eval_strategy": "epoch"}, {"dataset": ["words/"]}, "needs an --eval_dataset"),
        ({"save_strategy": "best"}, {"dataset": ["words/"]}, "needs an --eval_dataset"),
        ({"lr_scheduler_type": "greedy"}, {"dataset": ["words/"]}, "greedy needs an --eval_dataset"),
    ],
    ids=["epochs of rendered words", "epochs of a stream", "evaluations", "best checkpoints", "schedule"],
)
@pytest.mark.parametrize("kind", [RunArguments, CTCTrainingArguments])
def test_options_that_do_not_fit_the_data(kind, options, data, message):
    with pytest.raises(OptionError, match=message):
        kind(use_cpu=True, **options).check_data(DataArguments(**data))
    kind(use_cpu=True, **options).check_data(DataArguments(dataset=["words/"], eval_dataset=["test/"]))


def test_both_scripts_share_names_and_defaults():
    trainer = {field.name: field.default for field in dataclasses.fields(CTCTrainingArguments)}
    loop = {field.name: field.default for field in dataclasses.fields(RunArguments)}
    assert loop.items() <= trainer.items()
    assert loop.keys() - FIELDS.keys() == {"warmup_ratio", "decay_ratio"}


@pytest.mark.parametrize("metric", ["cer", "label_error_rate", "words_cer", "eval_cer"])
def test_less_is_better_of_error_rates(metric):
    args = arguments(metric_for_best_model=metric)
    assert args.greater_is_better is False
    assert not args.metric_for_best_model.startswith("eval_")
    assert arguments(metric_for_best_model=metric, greater_is_better=True).greater_is_better is True


def test_a_run_of_an_earlier_version_goes_on_without_false_alarm(tmp_path):
    """It recorded options of `TrainingArguments` that it did not look at."""
    path = tmp_path / "run.json"
    old = {"schedule": "constant_with_decay", "warmup_share": 0.1, "decay_share": 0.3, "best_metric": "cer"}
    unused = {"lr_scheduler_type": "linear", "warmup_steps": 0.0, "metric_for_best_model": None}
    unused |= {"greater_is_better": None, "load_best_model_at_end": False, "hub_strategy": "every_save"}
    path.write_text(json.dumps(old | unused | {"seed": 42, "max_validation_words": 5}))
    now = {"lr_scheduler_type": "warmup_stable_decay", "metric_for_best_model": "cer", "max_eval_samples": 7}
    settings = arguments(seed=43, output_dir="out").to_sanitized_dict() | now
    assert changed_settings(path, settings) == ["seed: 42 -> 43", "max_eval_samples: 5 -> 7"]
    assert changed_settings(path, settings | {"warmup_steps": 3}) == ["warmup_steps: 'None' -> 3"]


@pytest.mark.parametrize("from_json", [False, True], ids=["command line", "JSON"])
def test_old_names_work_with_a_warning(from_json, tmp_path):
    old = {"schedule": "constant_with_decay", "warmup_share": 0.2, "decay_share": 0.5, "best_metric": "cer"}
    line = [word for name, value in old.items() for word in (f"--{name}", str(value))]
    if from_json:
        (tmp_path / "options.json").write_text(json.dumps(old))
        line = [str(tmp_path / "options.json")]
    with pytest.warns(FutureWarning) as warned:
        _, args = parse_arguments((RecipeArguments, RunArguments), "", line)
    told = " ".join(str(warning.message) for warning in warned)
    assert all(
        name in told for name in (*old, "lr_scheduler_type", "warmup_ratio", "decay_ratio", "warmup_stable_decay")
    )
    assert (args.lr_scheduler_type, args.warmup_ratio, args.decay_ratio) == ("warmup_stable_decay", 0.2, 0.5)
    assert (args.metric_for_best_model, args.greater_is_better) == ("cer", False)
