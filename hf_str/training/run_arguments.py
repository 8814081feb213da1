# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The options of `transformers.TrainingArguments`: those that both run scripts have, and all of them."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from transformers import TrainingArguments

from ..evaluation.metrics import METRICS
from ..evaluation.protocols import PROTOCOLS
from .arguments import (
    RENAMED_SCHEDULES,
    DataArguments,
    RecipeArguments,
    name_validation_sets,
    option,
    parse_overrides,
)
from .checkpointing import is_error_rate
from .options import OptionError, refuse_options
from .schedule import FOLLOW_METRIC, SCHEDULES, WITHOUT_WARMUP, learning_rate_schedule
from .sources import parse_weights


__all__ = ["CTCTrainingArguments", "RunArguments"]

_STRATEGIES = ("no", "steps", "epoch")
_METRICS = (*METRICS, *(f"word_accuracy_{protocol}" for protocol in PROTOCOLS))
#: Defaults, which cannot be told from values that were given.
_WARMUP_RATIO, _DECAY_RATIO = 0.1, 0.3


@dataclass
class RunArguments:
    """Options of the run, with the names and meanings that they have in `TrainingArguments`.

    Raises:
        OptionError: options that contradict each other or would have no effect.
    """

    output_dir: str = option(
        "runs/ctc_str", "Folder of the checkpoints and the model. A run that was stopped there is resumed."
    )
    resume_from_checkpoint: str | None = option(
        None,
        "Checkpoint to resume from: a folder, or True for the newest one in --output_dir, which must exist (default: "
        "the newest one if there is any). With False, --output_dir must not have any.",
    )
    max_steps: int = option(-1, "Number of optimizer steps; -1 for --num_train_epochs.")
    num_train_epochs: float = option(3.0, "Number of passes over the samples.")
    per_device_train_batch_size: int = option(64, "Samples per batch of each process.")
    per_device_eval_batch_size: int = option(256, "Samples per batch in evaluation.")
    gradient_accumulation_steps: int = option(1, "Batches per optimizer step.")
    learning_rate: float | None = option(None, "Peak learning rate (default: 1e-4, or 1e-3 for a new network).")
    lr_scheduler_type: str = option(
        "one_cycle",
        f"Learning rate schedule: one of {', '.join(SCHEDULES)}. one_cycle is OneCycleLR of torch, the others are "
        "those of transformers; warmup_stable_decay decays linearly unless --lr_scheduler_kwargs says otherwise.",
    )
    lr_scheduler_kwargs: dict[str, Any] | str | None = field(
        default=None,
        metadata={"help": """More arguments of the schedule as JSON, such as '{"decay_type": "cosine"}'."""},
    )
    warmup_steps: float | None = option(
        None, "Number of warm-up steps, instead of --warmup_ratio; below 1, a share of all steps, rounded up."
    )
    warmup_ratio: float = option(_WARMUP_RATIO, "Share of the steps for the warm-up.")
    decay_ratio: float = option(_DECAY_RATIO, "Share of the steps for the decay of warmup_stable_decay.")
    weight_decay: float = option(0.01, "Weight decay of AdamW.")
    max_grad_norm: float = option(5.0, "Maximum norm of the gradients, for clipping; 0 turns it off.")
    logging_strategy: str = option(
        "steps", "When to log: never, every --logging_steps, or after each epoch.", choices=_STRATEGIES
    )
    logging_steps: float = option(50, "Steps between two logs; below 1, a share of all steps.")
    eval_strategy: str = option(
        "steps", "When to evaluate: never, every --eval_steps, or after each epoch.", choices=_STRATEGIES
    )
    eval_steps: float | None = option(500, "Steps between two evaluations; below 1, a share of all steps.")
    save_strategy: str = option(
        "steps",
        "When to save a checkpoint: never, every --save_steps, after each epoch, or after the best evaluation so far.",
        choices=[*_STRATEGIES, "best"],
    )
    save_steps: float = option(500, "Steps between two checkpoints; below 1, a share of all steps.")
    save_total_limit: int | None = option(2, "Number of checkpoints to keep, the newest ones.")
    metric_for_best_model: str = option(
        "word_accuracy",
        "Metric that selects the best model: word_accuracy (exact), word_accuracy_36 (letters and digits without "
        "case, for labels without case), word_accuracy_62, word_accuracy_94, word_accuracy_unicode (letters and "
        "digits of every script without case), one_minus_ned, cer or label_error_rate. With several validation sets "
        "it is their mean; NAME_METRIC is that of one of them.",
    )
    greater_is_better: bool | None = option(
        None, "Whether a greater metric is better (default: yes, except for error rates)."
    )
    load_best_model_at_end: bool = option(
        True, "Finish with the best model if there is a validation set, instead of the last one."
    )
    seed: int = option(42, "Seed of the weights, of dropout, and of the samples.")
    data_seed: int | None = option(None, "Seed of the order, augmentation and rendering of samples (default: --seed).")
    dataloader_num_workers: int = option(1, "Number of processes that prepare samples.")
    use_cpu: bool = option(False, "Use the CPU even if there is a GPU.")
    push_to_hub: bool = option(False, "Upload the finished model.")
    hub_model_id: str | None = option(None, "Repository to upload to (default: the name of --output_dir).")
    hub_token: str | None = option(None, "Token for the upload (default: that of `hf auth login`).")
    hub_private_repo: bool | None = option(None, "Whether a new repository is private.")

    def __post_init__(self):
        self.lr_scheduler_kwargs = _parsed(self.lr_scheduler_kwargs)
        self.metric_for_best_model = self.metric_for_best_model.removeprefix("eval_")
        if not self.metric_for_best_model.endswith(_METRICS):
            raise self._unknown_metric(_METRICS)
        if self.greater_is_better is None:
            self.greater_is_better = not is_error_rate(self.metric_for_best_model)
        for name, values in (("logging", _STRATEGIES), ("eval", _STRATEGIES), ("save", (*_STRATEGIES, "best"))):
            value = self._strategy(name)
            if value not in values:
                raise OptionError(f"--{name}_strategy {value} is none of {', '.join(values)}")
        self.eval_steps = self.eval_steps or self.logging_steps  # as in `TrainingArguments`
        self._check_numbers()
        self._check_schedule()

    def make_schedule(self, optimizer: Optimizer, num_training_steps: int) -> LRScheduler:
        """The learning rate's course over a run, see [`learning_rate_schedule`]."""
        return learning_rate_schedule(
            optimizer,
            self.lr_scheduler_type,
            num_training_steps,
            self.warmup_ratio,
            self.decay_ratio,
            warmup_steps=self.warmup_steps,
            kwargs=_parsed(self.lr_scheduler_kwargs),
            greater_is_better=bool(self.greater_is_better),
        )

    def check_data(self, data: DataArguments, recipe: RecipeArguments | None = None):
        """Stops a run whose options need data that it does not have.

        Raises:
            OptionError: epochs of what has no end, or evaluation without a validation set.
        """
        if data.streaming or any(name == "synth" for name, _ in parse_weights(data.dataset)):
            for name in ("logging", "eval", "save"):
                if self._strategy(name) == "epoch":
                    raise OptionError(
                        f"--{name}_strategy epoch is refused: streams and rendered words have no end, and so no "
                        f"epochs. Use --{name}_steps"
                    )
        if data.eval_dataset or data.validation_split_percentage:
            sets = name_validation_sets(data)
            metrics = (
                *_METRICS,
                *(f"{name}_{metric}" for name in (sets if len(sets) > 1 else ()) for metric in _METRICS),
            )
            if self.metric_for_best_model not in metrics:
                raise self._unknown_metric(metrics)
            return
        needs = {
            "--eval_strategy epoch": _plain(self.eval_strategy) == "epoch",
            "--save_strategy best": _plain(self.save_strategy) == "best",
            "--eval_on_start": getattr(self, "eval_on_start", False),
            f"--lr_scheduler_type {self.lr_scheduler_type}": self.lr_scheduler_type in FOLLOW_METRIC,
            "--early_stopping_patience": recipe is not None and recipe.early_stopping_patience is not None,
        }
        for option_, is_given in needs.items():
            if is_given:
                raise OptionError(f"{option_} needs an --eval_dataset or --validation_split_percentage")

    def _unknown_metric(self, metrics: Sequence[str]) -> OptionError:
        return OptionError(
            f"--metric_for_best_model {self.metric_for_best_model} is none of {', '.join(metrics)}: evaluation reads "
            "words, and computes no loss"
        )

    def _check_numbers(self):
        names = ["per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps"]
        names += [] if self.max_steps > 0 else ["num_train_epochs"]
        names += [f"{name}_steps" for name in ("logging", "eval", "save") if self._strategy(name) == "steps"]
        for name in names:
            if not getattr(self, name) > 0:
                raise OptionError(f"--{name} {getattr(self, name)} is refused: it must be above 0")

    def _strategy(self, name: str) -> str:
        return _plain(getattr(self, f"{name}_strategy"))

    def _check_schedule(self):
        if self.lr_scheduler_type in RENAMED_SCHEDULES:
            new = RENAMED_SCHEDULES[self.lr_scheduler_type]
            warnings.warn(f"{self.lr_scheduler_type} is now called {new}", FutureWarning, stacklevel=3)
            self.lr_scheduler_type = new
        name = self.lr_scheduler_type
        if self.warmup_steps is not None and self.warmup_ratio != _WARMUP_RATIO:
            raise OptionError("--warmup_steps and --warmup_ratio say the same: give one of them")
        if name in WITHOUT_WARMUP and (self.warmup_steps or self.warmup_ratio not in (0, _WARMUP_RATIO)):
            warmup = "warmup_steps" if self.warmup_steps else "warmup_ratio"
            raise OptionError(f"--{warmup} is refused: --lr_scheduler_type {name} has no warm-up")
        if self.decay_ratio != _DECAY_RATIO and name != "warmup_stable_decay":
            raise OptionError(f"--decay_ratio is refused: --lr_scheduler_type {name} has none")
        if name in FOLLOW_METRIC and _plain(self.eval_strategy) == "no":
            raise OptionError(f"--lr_scheduler_type {name} follows --metric_for_best_model: it needs evaluations")
        try:
            self.make_schedule(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0), 1000)
        except ValueError as error:
            raise OptionError(f"--lr_scheduler_type {name}: {error}") from None


@dataclass
class CTCTrainingArguments(RunArguments, TrainingArguments):
    """`TrainingArguments` with defaults for recognizers; each option works or is refused, see [`OPTIONS`].

    Raises:
        OptionError: an option is refused, see [`refuse_options`] and [`RunArguments`].
    """

    hub_strategy: str = field(default="end", metadata={"help": "When to upload; only end is supported."})

    def __post_init__(self):
        refuse_options(self)
        RunArguments.__post_init__(self)
        # What TrainingArguments would not accept, or would bind to conditions of its own, is not shown to it.
        hidden = {"lr_scheduler_type": "constant", "warmup_steps": 0, "load_best_model_at_end": False}
        given = {name: getattr(self, name) for name in hidden}
        vars(self).update(hidden)
        TrainingArguments.__post_init__(self)
        vars(self).update(given)


def _parsed(options: dict[str, Any] | str | None) -> dict[str, Any] | None:
    try:
        return parse_overrides(options, "--lr_scheduler_kwargs") if isinstance(options, str) else options
    except ValueError as error:
        raise OptionError(str(error)) from None


def _plain(value: Any) -> str:
    return str(getattr(value, "value", value))
