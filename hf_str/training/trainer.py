# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""`Trainer` for CTC recognisers: numbered words, greedy evaluation, averaged weights, checkpoints that are whole."""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import DefaultFlowCallback, Trainer, TrainerControl, TrainerState
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import IntervalStrategy
from transformers.utils import logging

from ..models.crnn.modeling_crnn import CRNNForCTC
from ..models.crnn.processing_crnn import CRNNProcessor
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
    """A `transformers.Trainer` in which sample `n` is always sample `n`.

    Changed, and only that: which words make a batch, the learning rate's course, what is done about a loss that is not
    finite, greedy evaluation in place of a loss on the validation set, and when a checkpoint counts.

    Args:
        args: the options; `max_steps` must say how many steps there are.
        words: the training words.
        validation: validation sets by name.
        recipe: averaging, limits.
        bucket_steps: steps whose words are sorted by width, see [`make_loader`].
        settings: of the run, kept beside the best model.
        processing_class: the processor.
        kwargs: of `transformers.Trainer`.
    """

    args: CTCTrainingArguments

    def __init__(
        self,
        model: CRNNForCTC,
        args: CTCTrainingArguments,
        words: TrainingSamples,
        validation: Mapping[str, Any],
        recipe: RecipeArguments,
        bucket_steps: int = 0,
        settings: dict[str, Any] | None = None,
        *,
        processing_class: CRNNProcessor,
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
        super().__init__(
            model,
            args,
            train_dataset=words,
            eval_dataset=dict(validation) or None,
            processing_class=processing_class,
            **kwargs,
        )
        self.processor = processing_class
        self.words, self.validation, self.recipe, self.bucket_steps = words, dict(validation), recipe, bucket_steps
        self.settings = settings
        best = Path(args.output_dir) / "best"
        self.best = BestCheckpoint(best, args.metric_for_best_model, args.greater_is_better)
        self.guard = NonFiniteGuard(recipe.max_nonfinite_steps)
        self.average = WeightAverage(self.recognizer, recipe.ema_decay) if recipe.ema_decay else None
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
        output = super().train(resume_from_checkpoint=checkpoint, **kwargs)
        self.accelerator.wait_for_everyone()  # until the best model is written
        if self.args.load_best_model_at_end and self.validation and self.best.evaluation is not None:
            best = type(self.recognizer).from_pretrained(self.best.folder)
            self.recognizer.load_state_dict(best.state_dict())
        return output

    def _load_best_model(self):
        """Nothing: Trainer would take a checkpoint, which may be gone and has no averaged weights; see `train`."""

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
            scheduled = self.optimizer if optimizer is None else optimizer
            assert isinstance(scheduled, torch.optim.Optimizer)  # DeepSpeed, which has others, is refused
            self.lr_scheduler = self.args.make_schedule(scheduled, num_training_steps)
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The loss, watched in training: see [`NonFiniteGuard`]."""
        labels = inputs["labels"]
        loss = super().compute_loss(model, inputs, *args, **kwargs)
        if not model.training or not isinstance(loss, torch.Tensor):
            return loss
        return self.guard.watch(loss, lambda: self._name_batch(labels))

    def evaluate(self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"):
        """Greedy readings of all validation sets; prints and writes the worst errors, keeps the best model."""
        args, model, step = self.args, self.recognizer, self.state.global_step
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

    @property
    def recognizer(self) -> CRNNForCTC:
        """The model, not wrapped."""
        return self.accelerator.unwrap_model(self.model)

    def save_recognizer(self, folder: str | os.PathLike):
        """Writes a complete folder of the model with the weights that it has now."""
        save_recognizer(folder, self.recognizer, self.processor, self.settings)

    def averaged_weights(self) -> AbstractContextManager:
        """Context in which the model has its averaged weights, if there is an average."""
        return self.average.applied_to(self.recognizer) if self.average is not None else nullcontext()

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
        return name_batch(self.state.global_step + 1, labels, self.processor.tokenizer)


class _FlowCallback(DefaultFlowCallback):
    """What is done around each optimizer step; epochs are passes over the words, where Trainer sees one in all."""

    def __init__(self, trainer: CTCTrainer):
        self.trainer = trainer

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.trainer.guard.begin_step(self.trainer.recognizer)

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.is_good = self.trainer.guard.end_step(self.trainer.recognizer)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> TrainerControl:
        trainer = self.trainer
        if trainer.average is not None and self.is_good:
            trainer.average.update(trainer.recognizer, state.global_step)
        state.epoch = trainer.length.epoch(state.global_step)
        control = super().on_step_end(args, state, control)
        return super().on_epoch_end(args, state, control) if trainer.length.ends_epoch(state.global_step) else control

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> TrainerControl:
        """Nothing: Trainer's only epoch ends with the run, whose last step has done what is due."""
        return control
