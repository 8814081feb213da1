# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""`Trainer` for CTC recognizers: numbered samples, best-path evaluation, averaged weights, complete checkpoints."""

import os
from collections.abc import Mapping
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
from .checkpointing import completed, find_checkpoint, going_on_from, keep_newest, set_aside_newer
from .engine import Process, TrainingEngine
from .run_arguments import CTCTrainingArguments
from .sources import TrainingSamples


__all__ = ["CTCTrainer"]

logger = logging.get_logger(__name__)


class CTCTrainer(Trainer):
    """A `transformers.Trainer` in which sample `n` is always sample `n`.

    Changed, and only that: which samples make a batch, the schedule, what [`TrainingEngine`] does around a step,
    best-path evaluation in place of a loss on the validation set, and when a checkpoint counts.

    Args:
        args: the options; `max_steps` must say how many steps there are.
        samples: the training samples.
        validation: validation sets by name.
        recipe: teacher, echoes, averages, limits.
        bucket_steps: steps whose samples are sorted by width, see [`TrainingEngine.make_loader`].
        settings: of the run, kept beside the best model.
        processing_class: the processor.
        kwargs: of `transformers.Trainer`.
    """

    args: CTCTrainingArguments

    def __init__(
        self,
        model: CRNNForCTC,
        args: CTCTrainingArguments,
        samples: TrainingSamples,
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
            train_dataset=samples,
            eval_dataset=dict(validation) or None,
            processing_class=processing_class,
            **kwargs,
        )
        process = Process(args.process_index, args.world_size)
        # The model is on its device now.
        self.engine = TrainingEngine(
            model, processing_class, samples, validation, args, recipe, settings, bucket_steps, process
        )
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
        first_step, checkpoint = 0, None
        if resume_from_checkpoint:
            checkpoint = str(find_checkpoint(self.args.output_dir, resume_from_checkpoint, TRAINER_STATE_NAME))
            first_step = TrainerState.load_from_json(os.path.join(checkpoint, TRAINER_STATE_NAME)).global_step
            if self.args.should_save:
                set_aside_newer(self.args.output_dir, first_step)
        self.engine.start(None if checkpoint is None else Path(checkpoint), first_step)
        last_step = self.args.max_steps
        if self.engine.is_over(after_evaluation=True):  # an earlier piece ended the run
            self.args.max_steps = first_step
        try:
            output = super().train(resume_from_checkpoint=checkpoint, **kwargs)
        finally:
            self.args.max_steps = last_step
        self.accelerator.wait_for_everyone()  # until the best model is written
        engine = self.engine
        if self.args.load_best_model_at_end and engine.validation and engine.best.evaluation is not None:
            best = type(engine.model).from_pretrained(engine.best.folder)
            engine.model.load_state_dict(best.state_dict())
        return output

    def _load_best_model(self):
        """Nothing: Trainer would take a checkpoint, which may be gone and has no averaged weights; see `train`."""

    def get_train_dataloader(self) -> DataLoader:
        """The numbered samples of this process in their batches, from the first step of this piece on."""
        args = self.args
        return self.engine.make_loader(
            args.dataloader_num_workers,
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

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None):
        """The loss of a batch of the loader, see [`TrainingEngine.loss`]."""
        inputs = self.engine.prepare(inputs)
        outputs = model(**inputs)
        loss = self.engine.loss(outputs, inputs, self.state.global_step + 1)
        return (loss, outputs) if return_outputs else loss

    def evaluate(self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"):
        """Best paths of all validation sets, see [`TrainingEngine.evaluate`]."""
        args = self.args
        metrics, _ = self.engine.evaluate(
            self.state.global_step,
            args.dataloader_num_workers,
            args.eval_batch_size,
            self.compute_loss_context_manager,
        )
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in metrics.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(args, self.state, self.control, metrics)
        if self.engine.is_over(after_evaluation=True):
            self.control.should_training_stop = self.control.should_save = True
        return metrics

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any):
        """Logs, also into the engine's log; what is NaN or infinite, such as the norm of a bad step, is `None`."""
        if "loss" in logs:
            logs = self.engine.log(self.state.global_step, logs)
        super().log(finite_or_null(logs), *args, **kwargs)

    def _determine_best_metric(self, metrics: Any, trial: Any) -> bool:
        """Also true where a run stops before its last step: `--save_strategy best` would not save that."""
        is_best = super()._determine_best_metric(metrics, trial)
        is_cut = self.control.should_training_stop and self.state.global_step < self.args.max_steps
        return is_best or is_cut

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None):
        with going_on_from(resume_from_checkpoint):
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None):
        with going_on_from(checkpoint):
            super()._load_optimizer_and_scheduler(checkpoint)

    def _save_checkpoint(self, model: Any, trial: Any):
        output_dir = self._get_output_dir(trial)
        folder = Path(output_dir) / f"checkpoint-{self.state.global_step}"
        with completed(folder, self.args.should_save, self.accelerator.wait_for_everyone):
            super()._save_checkpoint(model, trial)
            self.engine.save_average(folder)
        if self.args.should_save:
            keep_newest(output_dir, self.checkpoints_kept)


class _FlowCallback(DefaultFlowCallback):
    """What is done around each optimizer step; epochs are passes over the words, where Trainer sees one in all."""

    def __init__(self, trainer: CTCTrainer):
        self.trainer = trainer

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.trainer.engine.begin_step()

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.is_good = self.trainer.engine.end_backward()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> TrainerControl:
        engine = self.trainer.engine
        engine.end_step(state.global_step, self.is_good)
        state.epoch = engine.length.epoch(state.global_step)
        control = super().on_step_end(args, state, control)
        if engine.length.ends_epoch(state.global_step):
            control = super().on_epoch_end(args, state, control)
        if engine.is_over():
            control.should_training_stop = control.should_save = True
            control.should_log = args.logging_strategy != IntervalStrategy.NO
            control.should_evaluate = args.eval_strategy != IntervalStrategy.NO
        return control

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> TrainerControl:
        """Nothing: Trainer's only epoch ends with the run, whose last step has done what is due."""
        return control
