# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""`Trainer` for CTC recognisers: numbered words, greedy evaluation, averaged weights, checkpoints that are whole."""

import os
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import DefaultFlowCallback, Trainer, TrainerState
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import IntervalStrategy
from transformers.utils import logging

from ..utils.atomic_writes import finite_or_null
from .arguments import RecipeArguments
from .checkpointing import BestCheckpoint, completed, find_checkpoint, keep_newest, set_aside_newer
from .ema import WeightAverage
from .guard import NonFiniteGuard, name_batch
from .run_arguments import CTCTrainingArguments
from .run_length import RunLength
from .setup import make_loader, save_recognizer
from .sources import TrainingSamples
from .validation import evaluate_all


__all__ = ["CTCTrainer"]

logger = logging.get_logger(__name__)

AVERAGE = "weight_average.safetensors"


class CTCTrainer(Trainer):
    """A `transformers.Trainer` in which word `n` is always word `n`.

    Changed, and only that: which words make a batch, the learning rate's course, what is done about a loss that is not
    finite, greedy evaluation in place of a loss on the validation set, and when a checkpoint counts.

    Args:
        args: the options; `max_steps` must say how many steps there are.
        words: the training words.
        validation: validation sets by name.
        recipe: averaging, limits.
        bucket_steps: steps whose words are sorted by width, see [`make_loader`].
        settings: of the run, kept beside the best model.
        kwargs: of `transformers.Trainer`; `processing_class` is the processor.
    """

    def __init__(
        self,
        model: Any,
        args: CTCTrainingArguments,
        words: TrainingSamples,
        validation: Mapping[str, Any],
        recipe: RecipeArguments,
        bucket_steps: int = 0,
        settings: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ):
        if args.max_steps <= 0:
            raise ValueError("args.max_steps must say how many steps there are; count_steps knows")
        if not validation:
            args.eval_strategy = IntervalStrategy.NO
        # The loader starts by itself where a run goes on: nothing is read only to be skipped.
        args.ignore_data_skip = True
        # An old checkpoint may go when the new one is whole, which Trainer cannot know: see `_save_checkpoint`.
        self.checkpoints_kept, args.save_total_limit = args.save_total_limit, None
        super().__init__(model, args, train_dataset=words, eval_dataset=dict(validation) or None, **kwargs)
        self.words, self.validation, self.recipe, self.bucket_steps = words, dict(validation), recipe, bucket_steps
        self.settings = settings
        best = Path(args.output_dir) / "best"
        self.best = BestCheckpoint(best, args.metric_for_best_model, args.greater_is_better)
        self.guard = NonFiniteGuard(recipe.max_nonfinite_steps)
        self.average = WeightAverage(self.model, recipe.ema_decay) if recipe.ema_decay else None
        samples_per_step = args.train_batch_size * args.gradient_accumulation_steps * args.world_size
        self.length = RunLength(args.max_steps, samples_per_step, words.samples_per_epoch)
        self.remove_callback(DefaultFlowCallback)
        self.add_callback(_FlowCallback(self))

    def train(self, resume_from_checkpoint: str | os.PathLike | bool | None = None, **kwargs: Any):
        """Trains; from a checkpoint, exactly as if there had been no interruption.

        Args:
            resume_from_checkpoint: a folder, or `True` for the newest one in the output folder.
            kwargs: of `Trainer.train`.

        Raises:
            CheckpointError: there is no such checkpoint, or it is not whole.
        """
        self.first_step, checkpoint = 0, None
        if resume_from_checkpoint:
            checkpoint = str(find_checkpoint(self.args.output_dir, resume_from_checkpoint, TRAINER_STATE_NAME))
            self.first_step = TrainerState.load_from_json(os.path.join(checkpoint, TRAINER_STATE_NAME)).global_step
            if self.average is not None:
                self.average.load(Path(checkpoint) / AVERAGE)
            if self.args.should_save:
                set_aside_newer(self.args.output_dir, self.first_step)
        return super().train(resume_from_checkpoint=checkpoint, **kwargs)

    def get_train_dataloader(self) -> DataLoader:
        """The numbered words of this process in their batches, from the first step of this piece on."""
        args = self.args
        return make_loader(
            self.words,
            args.train_batch_size,
            args.max_steps * args.gradient_accumulation_steps,
            start=self.first_step * args.gradient_accumulation_steps,
            rank=args.process_index,
            world_size=args.world_size,
            window=self.bucket_steps,
            num_workers=args.dataloader_num_workers,
            pin_memory=args.dataloader_pin_memory,
            prefetch_factor=args.dataloader_prefetch_factor,
            multiprocessing_context=args.dataloader_multiprocessing_context,
        )

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None):
        """The learning rate's course as the options have it."""
        if self.lr_scheduler is None:
            self.lr_scheduler = self.args.make_schedule(optimizer or self.optimizer, num_training_steps)
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The loss, watched in training: see [`NonFiniteGuard`]."""
        labels = inputs["labels"]
        loss = super().compute_loss(model, inputs, *args, **kwargs)
        return self.guard.watch(loss, lambda: self._name_batch(labels)) if model.training else loss

    def evaluate(self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"):
        """Greedy readings of all validation sets; prints and writes the worst errors, keeps the best model."""
        args, model, step = self.args, self.accelerator.unwrap_model(self.model), self.state.global_step
        with self.averaged_weights():
            metrics, table = evaluate_all(
                model,
                self.words.collator,
                self.validation,
                Path(args.output_dir) / "errors",
                batch_size=args.eval_batch_size,
                num_workers=args.dataloader_num_workers,
                rank=args.process_index,
                world_size=args.world_size,
                autocast=self.compute_loss_context_manager,
            )
            if self.is_world_process_zero():
                print(f"step {step}: {table}", flush=True)
                self.best.offer(step, metrics, self.save_recognizer)
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in metrics.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(args, self.state, self.control, metrics)
        return metrics

    def save_recognizer(self, folder: str | os.PathLike):
        """Writes a complete folder of the model with the weights that it has now."""
        model = self.accelerator.unwrap_model(self.model)
        save_recognizer(folder, model, self.processing_class, self.settings)

    def averaged_weights(self):
        """Context in which the model has its averaged weights, if there is an average."""
        model = self.accelerator.unwrap_model(self.model)
        return self.average.applied_to(model) if self.average is not None else nullcontext()

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any):
        """Logs, with what was left out so far; what is NaN or infinite, such as the norm of a bad step, is `None`."""
        counts = {"skipped_steps": self.guard.skipped, "invalid_samples": self.words.invalid_samples.count}
        super().log(finite_or_null({**logs, **{name: n for name, n in counts.items() if n}}), *args, **kwargs)

    def _save_checkpoint(self, model: Any, trial: Any):
        output_dir = self._get_output_dir(trial)
        folder = Path(output_dir) / f"checkpoint-{self.state.global_step}"
        with completed(folder, self.args.should_save, self.accelerator.wait_for_everyone):
            super()._save_checkpoint(model, trial)
            if self.average is not None and self.args.should_save:
                self.average.save(folder / AVERAGE)
        if self.args.should_save:
            keep_newest(output_dir, self.checkpoints_kept)

    def _name_batch(self, labels: torch.Tensor) -> str:
        return name_batch(self.state.global_step + 1, labels, self.processing_class.tokenizer)


class _FlowCallback(DefaultFlowCallback):
    """What is done around each optimizer step; epochs are passes over the words, where Trainer sees one in all."""

    def __init__(self, trainer: CTCTrainer):
        self.trainer = trainer

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any):
        self.trainer.guard.begin_step(self.trainer.model)

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any):
        self.is_good = self.trainer.guard.end_step(self.trainer.model)

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any):
        trainer = self.trainer
        if trainer.average is not None and self.is_good:
            trainer.average.update(trainer.accelerator.unwrap_model(trainer.model), state.global_step)
        state.epoch = trainer.length.epoch(state.global_step)
        super().on_step_end(args, state, control)
        if trainer.length.ends_epoch(state.global_step):
            super().on_epoch_end(args, state, control)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any):
        """Nothing: Trainer's only epoch ends with the run, whose last step has done what is due."""
