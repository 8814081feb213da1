# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The training engine: all that happens around a step, in `CTCTrainer` and in a plain loop alike."""

import copy
import math
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.utils.data import DataLoader

from ..models.crnn.modeling_crnn import CRNNForCTC
from ..models.crnn.processing_crnn import CRNNProcessor
from .arguments import RecipeArguments
from .byte_collator import ByteCollator
from .checkpointing import BestCheckpoint, CheckpointError
from .curves import RunLog
from .data_setup import make_loader
from .device_utilization import DeviceUtilization
from .distillation import Teacher
from .echo_buffer import DataEchoing, new_samples
from .ema import WeightAverage
from .finishing import finish
from .freezing import freeze, keep_frozen
from .guard import NonFiniteGuard, name_batch
from .run_arguments import RunArguments
from .run_length import RunLength
from .setup import save_recognizer
from .sources import TrainingSamples
from .stopping import StopRules
from .validation import evaluate_all


__all__ = ["Process", "TrainingEngine", "samples_per_step"]

AVERAGE = "weight_average.safetensors"


class Process(NamedTuple):
    """Which of the processes of a run this is.

    Attributes:
        rank: its number; the first one, 0, writes files.
        world_size: how many there are.
    """

    rank: int = 0
    world_size: int = 1


class TrainingEngine:
    """What a loop calls before, in and after each of its steps.

    A loop makes one after its model is on its device and before its optimizer, and calls [`start`], then for each step
    [`begin_step`], for each batch [`prepare`] and [`loss`], [`end_backward`] before and [`end_step`] after the
    optimizer, and where they are due [`log`], [`evaluate`] and [`is_over`]; at the end [`finish`].

    Args:
        model: on its device, not wrapped. The parts named by `recipe.freeze` are frozen.
        processor: image processor and tokenizer.
        samples: the training samples.
        validation: validation sets by name; may be empty.
        args: the options of the run; `max_steps` must say how many steps there are.
        recipe: teacher, echoes, averages, limits.
        settings: of the run, kept beside the models that it saves.
        bucket_steps: steps whose samples are sorted by width, see [`make_loader`].
        process: which of the processes of the run this is.

    Raises:
        ValueError: options that do not fit the model or each other.
    """

    def __init__(
        self,
        model: CRNNForCTC,
        processor: CRNNProcessor,
        samples: TrainingSamples,
        validation: Mapping[str, Any],
        args: RunArguments,
        recipe: RecipeArguments,
        settings: dict[str, Any] | None = None,
        bucket_steps: int = 0,
        process: Process | None = None,
    ):
        self.model, self.processor, self.samples, self.validation = model, processor, samples, dict(validation)
        self.args, self.recipe, self.settings, self.process = args, recipe, settings, process or Process()
        self.bucket_steps, self.output_dir = bucket_steps, Path(args.output_dir)
        self.batch_size = _batch_size(args)
        self.frozen = freeze(model, recipe.freeze)
        if recipe.channels_last:
            model.to(memory_format=torch.channels_last)
        self.teacher = None
        if recipe.teacher_model is not None:
            teacher = copy.deepcopy(model) if recipe.teacher_model == "self" else recipe.teacher_model
            self.teacher = Teacher(teacher, model, processor, recipe.teacher_weight, recipe.teacher_temperature)
        self.echoing = None
        if isinstance(samples.collator, ByteCollator):
            options = recipe.data_echo_factor, recipe.echo_buffer_size, recipe.echo_augmentation
            # Processes draw different echoes.
            seed = samples.seed * self.process.world_size + self.process.rank
            self.echoing = DataEchoing(samples.collator, self.batch_size, *options, seed)
        self.average = WeightAverage(model, recipe.ema_decay) if recipe.ema_decay else None
        self.guard = NonFiniteGuard(recipe.max_nonfinite_steps)
        self.best = BestCheckpoint(self.output_dir / "best", args.metric_for_best_model, args.greater_is_better)
        max_minutes = math.inf if recipe.max_minutes is None else recipe.max_minutes
        self.stop_rules = StopRules(max_minutes, recipe.early_stopping_patience, self.process.world_size)
        per_step = samples_per_step(args, recipe, self.process.world_size)
        self.length = RunLength(args.max_steps, per_step, samples.samples_per_epoch)
        self.utilization = DeviceUtilization(model.device)
        self.run_log: RunLog | None = None
        self.is_out_of_patience = False
        self.first_step = 0

    @property
    def is_main_process(self) -> bool:
        return self.process.rank == 0

    def start(self, checkpoint: Path | None = None, first_step: int = 0):
        """Call before the first step: reads the average of a checkpoint, and goes on with the log of its run."""
        self.first_step = first_step
        if checkpoint is None and self.is_main_process:
            self.best.set_aside()
        if checkpoint is not None and self.average is not None:
            if not (checkpoint / AVERAGE).exists():
                raise CheckpointError(f"cannot go on from {checkpoint} with --ema_decay: it was written without")
            self.average.load(checkpoint / AVERAGE)
        num_threads = torch.get_num_threads() if self.model.device.type == "cpu" else 0
        self.run_log = RunLog(self.output_dir, first_step, num_threads, self.is_main_process)
        self.utilization.restart()

    def make_loader(self, num_workers: int, **options: Any) -> DataLoader:
        """The batches of this process that are left; `options` are of torch's `DataLoader`."""
        micro_batches = self.args.gradient_accumulation_steps
        return make_loader(
            self.samples,
            new_samples(self.batch_size, self.recipe.data_echo_factor),
            self.args.max_steps * micro_batches,
            start=self.first_step * micro_batches,
            rank=self.process.rank,
            world_size=self.process.world_size,
            window=self.bucket_steps,
            num_workers=num_workers,
            **options,
        )

    def begin_step(self):
        """Call before the first batch of a step."""
        self.utilization.begin()
        self.guard.begin_step(self.model)

    def prepare(self, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """A batch of the loader, on the device, as what the model takes: with echoes, where there are any."""
        keep_frozen(self.frozen)  # whoever put the model into training mode
        inputs = dict(batch) if self.echoing is None else self.echoing(batch)
        if self.recipe.channels_last:
            inputs["pixel_values"] = inputs["pixel_values"].contiguous(memory_format=torch.channels_last)
        return inputs

    def loss(self, outputs: Any, inputs: Mapping[str, torch.Tensor], step: int) -> torch.Tensor:
        """The loss to go backward from: CTC's, with the teacher's share, watched by [`NonFiniteGuard`]."""
        loss = outputs.loss
        if self.teacher is not None:
            loss = self.teacher.mix(loss, outputs.logits, inputs)
        return self.guard.watch(loss, lambda: name_batch(step, inputs["labels"], self.processor.tokenizer))

    def end_backward(self) -> bool:
        """Call between the backward passes and the optimizer: whether the step counts."""
        return self.guard.end_step(self.model)

    def end_step(self, step: int, is_good: bool):
        """Call after the optimizer; `step` is the number of steps done."""
        if self.average is not None and is_good:
            self.average.update(self.model, step)
        self.utilization.end()

    def log(self, step: int, values: Mapping[str, float]) -> dict[str, float]:
        """Writes an entry of the log, and returns it: what was given, and how the run goes."""
        assert self.run_log is not None, "start() comes first"
        counts = {"skipped_steps": self.guard.skipped, "invalid_samples": self.samples.invalid_samples.count}
        entry = {**values, **{name: count for name, count in counts.items() if count}}
        more = {"samples": self._samples(step), "device_utilization": self.utilization.read()}
        self.run_log.add(step, entry | more)
        self.utilization.restart()
        return entry

    def evaluate(self, step: int, num_workers: int, batch_size: int, autocast: Callable[..., AbstractContextManager]):
        """Evaluates the averaged weights, prints and writes the worst errors, keeps the best model.

        Returns:
            The metrics, and whether they are the best so far (known to the main process alone).
        """
        assert self.run_log is not None, "start() comes first"
        is_best = False
        with self.run_log.paused(), self.averaged_weights():
            metrics, table = evaluate_all(
                self.model,
                self.samples.collator,
                self.validation,
                self.output_dir / "errors",
                batch_size=batch_size,
                num_workers=num_workers,
                rank=self.process.rank,
                world_size=self.process.world_size,
                autocast=autocast,
            )
            if self.is_main_process:
                print(f"step {step}: {table}", flush=True)
                is_best = self.best.offer(step, metrics, self.save_recognizer)
        self.run_log.add(step, metrics | {"samples": self._samples(step)})
        self.utilization.restart()
        return metrics, is_best

    def is_over(self, after_evaluation: bool = False) -> bool:
        """Whether the run, or this piece of it, stops here; call it in all processes alike.

        Args:
            after_evaluation: whether to look at the evaluations, also those of earlier pieces, instead of the time.
        """
        assert self.run_log is not None, "start() comes first"
        if after_evaluation:
            self.is_out_of_patience = self.stop_rules.is_out_of_patience(self.best, self.run_log)
            return self.is_out_of_patience
        return self.stop_rules.is_time_up()

    def averaged_weights(self) -> AbstractContextManager:
        """Context in which the model has its averaged weights, if there is an average."""
        return nullcontext() if self.average is None else self.average.applied_to(self.model)

    def save_average(self, checkpoint: Path):
        """Writes the averaged weights into a checkpoint."""
        if self.average is not None and self.is_main_process:
            self.average.save(checkpoint / AVERAGE)

    def save_recognizer(self, folder: str | os.PathLike):
        """Writes a complete folder of the model with the weights that it has now."""
        save_recognizer(folder, self.model, self.processor, self.settings, self.recipe.saved_dtype)

    def finish(self, step: int, load_best: bool = True) -> str:
        """Puts the finished model into the output folder; says which one it is, and whether the run is over."""
        if self.run_log is not None:
            self.run_log.draw()
        with self.averaged_weights():
            said = finish(self.output_dir, self.best, self.validation if load_best else {}, self.save_recognizer)
        if step < self.args.max_steps:
            rest = "give the same command again to resume"
            if self.is_out_of_patience:
                rest = f"the last {self.recipe.early_stopping_patience} evaluations found no better model"
            said += f"\n{step:,} of {self.args.max_steps:,} steps are done: {rest}"
        return said

    def _samples(self, step: int) -> int:
        """Samples trained on so far by all processes, echoes included."""
        per_process = self.batch_size * self.args.gradient_accumulation_steps
        return step * per_process * self.process.world_size


def samples_per_step(args: RunArguments, recipe: RecipeArguments, world_size: int = 1) -> int:
    """Samples that all processes together take out of their loaders in a step, echoes not counted."""
    num_new = new_samples(_batch_size(args), recipe.data_echo_factor)
    return num_new * args.gradient_accumulation_steps * world_size


def _batch_size(args: RunArguments) -> int:
    """Samples of a batch of a process, which in the Trainer may have several devices (`DataParallel`)."""
    return getattr(args, "train_batch_size", args.per_device_train_batch_size)
