# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What becomes of each option of `transformers.TrainingArguments`: it works, or it is refused by name."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from transformers import TrainingArguments
from transformers.trainer_pt_utils import AcceleratorConfig


__all__ = ["OPTIONS", "OptionError", "Treatment", "refuse_options"]


class OptionError(ValueError):
    """An option that would have no effect, or not the one that its name promises. The message names it."""


@dataclass(frozen=True)
class Treatment:
    """What becomes of an option.

    Attributes:
        kind: `honored`; `refused`, at any value but its default; or `no effect`, as what it asks for holds anyway.
        reason: why, where it is not honored.
        refused_values: of an honored option, the values that are refused, each with its reason.
        accepted_values: of a refused option, the values beside its default that change nothing.
    """

    kind: Literal["honored", "refused", "no effect"]
    reason: str = ""
    refused_values: Mapping[str, str] = dataclasses.field(default_factory=dict)
    accepted_values: tuple[str, ...] = ()


_HONORED = Treatment("honored")
_UNKNOWN = Treatment("refused", "this version of transformers is newer than what hf_str knows of its options")


def _refused(reason: str, *accepted_values: str) -> Treatment:
    return Treatment("refused", reason, accepted_values=accepted_values)


def _no_effect(reason: str) -> Treatment:
    return Treatment("no effect", reason)


_HALF_EVALUATION = "evaluation computes as training does: --bf16 or --fp16 hold for both"
_NOTHING_IS_GATHERED = "evaluation reads each image as it comes, and keeps texts instead of logits"
_ONE_ORDER = "sample n of a run is always the same sample, so that a killed run goes on exactly"
_OWN_BATCHES = "it is about batches that accelerate makes, and they are made by number of the sample here"
_WHOLE_MODEL = (
    "averaged weights, evaluation and saving need the whole model in each process, and a recognizer fits into any"
)
_LIGER = "Liger has no kernels for a CRNN"
_LENGTHS = "--bucket_steps sorts samples by their width"
_TRAINS_ALWAYS = "the script trains, and evaluates where it has a validation set"
_UPLOAD = "the finished model is uploaded once, at the end, when it is known which one is best"
_FUSED = "it changes weights during the backward pass, before it is known whether the step is finite and may count"
_OWN_AVERAGE = "it evaluates with an average of its own that is not saved; --ema_decay averages weights"
_OPTIMIZERS: dict[str, str] = dict.fromkeys(
    ("lomo", "adalomo", "apollo_adamw_layerwise", "galore_adamw_layerwise"), _FUSED
)
_OPTIMIZERS |= dict.fromkeys(("galore_adamw_8bit_layerwise", "galore_adafactor_layerwise"), _FUSED)
_OPTIMIZERS |= dict.fromkeys(("schedule_free_adamw", "schedule_free_radam", "schedule_free_sgd"), _OWN_AVERAGE)
_WITH_TORCHAO = ("adamw_torch_4bit", "adamw_torch_8bit")

#: What becomes of each option of `TrainingArguments`, of transformers 5.17 and later, in the order of its fields.
OPTIONS: dict[str, Treatment] = {
    "output_dir": _HONORED,
    # Length and learning rate
    "per_device_train_batch_size": _HONORED,
    "num_train_epochs": _HONORED,
    "max_steps": _HONORED,
    "learning_rate": _HONORED,
    "lr_scheduler_type": _HONORED,
    "lr_scheduler_kwargs": _HONORED,
    "warmup_steps": _HONORED,
    # Optimizer
    "optim": Treatment("honored", refused_values=_OPTIMIZERS),
    "optim_args": _HONORED,
    "weight_decay": _HONORED,
    "adam_beta1": _HONORED,
    "adam_beta2": _HONORED,
    "adam_epsilon": _HONORED,
    "optim_target_modules": _HONORED,
    # Stability
    "gradient_accumulation_steps": _HONORED,
    "average_tokens_across_devices": _no_effect("the loss is a mean over images, of which each process has as many"),
    "max_grad_norm": _HONORED,
    "label_smoothing_factor": _refused(
        "CTC sums over all alignments of a label: there is no target per frame to smooth. --ema_decay, --augmentation "
        "and the config's dropout regularize"
    ),
    # Precision, memory, compilation
    "bf16": _HONORED,
    "fp16": _HONORED,
    "bf16_full_eval": _refused(_HALF_EVALUATION),
    "fp16_full_eval": _refused(_HALF_EVALUATION),
    "tf32": _HONORED,
    "activation_checkpointing": _HONORED,
    "activation_checkpointing_kwargs": _HONORED,
    "gradient_checkpointing": _HONORED,
    "gradient_checkpointing_kwargs": _HONORED,
    "torch_compile": _HONORED,
    "torch_compile_backend": _HONORED,
    "torch_compile_mode": _HONORED,
    "use_liger_kernel": _refused(_LIGER),
    "liger_kernel_config": _refused(_LIGER),
    "use_cache": _refused("a CRNN reads all frames at once: it has no keys and values to cache"),
    "neftune_noise_alpha": _refused("NEFTune disturbs embeddings of tokens, and images have none: see --augmentation"),
    "torch_empty_cache_steps": _HONORED,
    "auto_find_batch_size": _refused(
        "which samples make a step, and so the result, would depend on the memory of the machine"
    ),
    # Logging
    "logging_strategy": _HONORED,
    "logging_steps": _HONORED,
    "logging_first_step": _HONORED,
    "log_on_each_node": _HONORED,
    "logging_nan_inf_filter": _HONORED,
    "include_num_input_tokens_seen": _refused("images are not made of tokens", "no", "False"),
    "log_level": _HONORED,
    "log_level_replica": _HONORED,
    "disable_tqdm": _HONORED,
    "report_to": _HONORED,
    "run_name": _HONORED,
    "project": _HONORED,
    "trackio_space_id": _HONORED,
    "trackio_bucket_id": _HONORED,
    "trackio_static_space_id": _HONORED,
    # Evaluation
    "eval_strategy": _HONORED,
    "eval_steps": _HONORED,
    "eval_delay": _HONORED,
    "per_device_eval_batch_size": _HONORED,
    "prediction_loss_only": _refused("evaluation reads words and compares texts; it computes no loss"),
    "eval_on_start": _HONORED,
    "eval_do_concat_batches": _refused(_NOTHING_IS_GATHERED),
    "eval_use_gather_object": _refused(_NOTHING_IS_GATHERED),
    "eval_accumulation_steps": _refused(_NOTHING_IS_GATHERED),
    "include_for_metrics": _refused(_NOTHING_IS_GATHERED),
    "batch_eval_metrics": _refused(_NOTHING_IS_GATHERED),
    # Checkpoints
    "save_only_model": _refused("a killed run could not go on from its checkpoints; best/ holds the model alone"),
    "save_strategy": _HONORED,
    "save_steps": _HONORED,
    "save_on_each_node": _HONORED,
    "save_total_limit": _HONORED,
    "enable_jit_checkpoint": _refused(
        "it saves in the middle of a step, from where a run cannot go on exactly; a killed run goes on from its last "
        "checkpoint, see --save_steps"
    ),
    # Hub
    "push_to_hub": _HONORED,
    "hub_token": _HONORED,
    "hub_private_repo": _HONORED,
    "hub_model_id": _HONORED,
    "hub_strategy": _refused(_UPLOAD, "end"),
    "hub_always_push": _refused(_UPLOAD),
    "hub_revision": _refused("the finished model goes to the main branch; scripts/push_to_hub.py has --revision"),
    # Best model, resumption, reproducibility
    "load_best_model_at_end": _HONORED,
    "metric_for_best_model": _HONORED,
    "greater_is_better": _HONORED,
    "ignore_data_skip": _refused("a run always goes on with the sample at which it stopped, without reading up to it"),
    "restore_callback_states_from_checkpoint": _HONORED,
    "full_determinism": _HONORED,
    "seed": _HONORED,
    "data_seed": _HONORED,
    # Hardware
    "use_cpu": _HONORED,
    "accelerator_config": _refused(_OWN_BATCHES),
    "parallelism_config": _refused(_WHOLE_MODEL),
    # Data loader
    "dataloader_drop_last": _no_effect("all batches are full: sources begin anew where they end"),
    "dataloader_num_workers": _HONORED,
    "dataloader_pin_memory": _HONORED,
    "dataloader_persistent_workers": _no_effect("one loader serves the whole run, so that its workers live as long"),
    "dataloader_prefetch_factor": _HONORED,
    "dataloader_multiprocessing_context": _HONORED,
    "dataloader_in_order": _refused(_ONE_ORDER),
    "remove_unused_columns": _no_effect("the collator gives exactly what the model takes"),
    "label_names": _refused("evaluation compares texts; a CRNN has one kind of labels"),
    "train_sampling_strategy": _refused(f"{_ONE_ORDER}; {_LENGTHS}"),
    "length_column_name": _refused(_LENGTHS),
    # Several processes
    "ddp_find_unused_parameters": _HONORED,
    "ddp_bucket_cap_mb": _HONORED,
    "ddp_broadcast_buffers": _HONORED,
    "ddp_static_graph": _HONORED,
    "ddp_backend": _HONORED,
    "ddp_timeout": _HONORED,
    "fsdp": _refused(_WHOLE_MODEL),
    "fsdp_config": _refused(_WHOLE_MODEL),
    "deepspeed": _refused(_WHOLE_MODEL),
    # Debugging
    "debug": _HONORED,
    "skip_memory_metrics": _HONORED,
    # For scripts
    "do_train": _no_effect(_TRAINS_ALWAYS),
    "do_eval": _no_effect(_TRAINS_ALWAYS),
    "do_predict": _refused("scripts/evaluate_str.py measures a finished model, scripts/read_words.py reads with one"),
    "resume_from_checkpoint": _HONORED,
    "local_rank": _no_effect("launchers tell each process its rank by its environment"),
}


def refuse_options(args: Any):
    """Stops a run whose options would not do what they say.

    Args:
        args: a `TrainingArguments` with what was given, before its `__post_init__` turns that into something else.

    Raises:
        OptionError: an option is not at its default and is refused, or is not known here: transformers may have added
            it since. The message names each of them and says why.
    """
    theirs = {field.name for field in dataclasses.fields(TrainingArguments)}
    problems = []
    for field in dataclasses.fields(args):
        value = getattr(args, field.name)
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        if field.name not in theirs or value == default or _is_made_up(field.name, value):
            continue
        treatment = OPTIONS.get(field.name, _UNKNOWN)
        is_refused = treatment.kind == "refused" and _plain(value) not in treatment.accepted_values
        reason = treatment.reason if is_refused else treatment.refused_values.get(_plain(value))
        if reason:
            problems.append(f"--{field.name} {_plain(value)} is refused: {reason}")
    problems += _combinations(args)
    if problems:
        raise OptionError("\n".join(problems))


def _combinations(args: Any) -> Iterator[str]:
    """What is refused with some values of other options and not with others."""
    optim = _plain(args.optim)
    if args.optim_args and optim.startswith(("adamw_torch", "adafactor")) and optim not in _WITH_TORCHAO:
        yield f"--optim_args {args.optim_args} is refused: --optim {optim} has none"
    if args.optim_target_modules and not optim.startswith(("galore", "apollo")):
        yield f"--optim_target_modules is refused: --optim {optim} has none, only GaLore and APOLLO do"
    checkpoints = getattr(args, "activation_checkpointing", None) or args.gradient_checkpointing
    for name in ("activation_checkpointing_kwargs", "gradient_checkpointing_kwargs"):
        if getattr(args, name, None) and not checkpoints:
            yield f"--{name} is refused: it needs --{name.removesuffix('_kwargs')}"


def _is_made_up(name: str, value: Any) -> bool:
    """Whether `TrainingArguments` put this value in place of none: `dataclasses.replace` gives it again."""
    if name != "accelerator_config" or isinstance(value, str):
        return False
    default = AcceleratorConfig().to_dict()
    return default | (value if isinstance(value, dict) else value.to_dict()) == default


def _plain(value: Any) -> str:
    return str(getattr(value, "value", value))
