# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train,synthesis]"]
# ///
"""Trains or fine-tunes a word recognizer in a plain loop with Accelerate, where you can see and change every step.

    python scripts/run_ctc_str_no_trainer.py --dataset my_words/ --eval_dataset my_test_words/ \\
        --output_dir runs/mine --num_train_epochs 10

    accelerate launch --num_processes 8 scripts/run_ctc_str_no_trainer.py --config_overrides '{}' --charset 94 \\
        --dataset synth=0.75 my_words/=0.25 --max_steps 50000 --mixed_precision bf16 --output_dir runs/scratch

Several processes on CPUs: `torchrun --nproc_per_node 2 scripts/run_ctc_str_no_trainer.py --use_cpu ...` (without MPI,
`accelerate launch --cpu` always starts a single process). Options may come from a JSON file: `python
scripts/run_ctc_str_no_trainer.py options.json --max_steps 1000`.

Give the same command again to resume a run that was stopped: it trains on the same samples in the same order. The
output folder has the best model by --metric_for_best_model if there is a validation set, or else the last one. Options
have the same names and meanings as in `transformers.TrainingArguments`.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device, set_seed
from tqdm import tqdm

from hf_str.publishing import check_before_run, push_to_hub
from hf_str.training.arguments import (
    DataArguments,
    ModelArguments,
    RecipeArguments,
    SynthesisArguments,
    option,
    parse_arguments,
)
from hf_str.training.checkpointing import completed, find_checkpoint, going_on_from, keep_newest, set_aside_newer
from hf_str.training.data_setup import describe_data, load_training_samples, load_validation_sets, record_settings
from hf_str.training.engine import Process, TrainingEngine, samples_per_step
from hf_str.training.run_arguments import RunArguments
from hf_str.training.schedule import follows_metric, step_by_metric
from hf_str.training.setup import (
    count_steps,
    default_learning_rate,
    load_recognizer,
    make_collator,
    refuse_sharding,
)
from hf_str.training.validation import check_validation
from hf_str.utils.processes import from_main


logger = logging.getLogger("hf_str")


@dataclass
class LoopArguments(RunArguments):
    """The options of the run, as for `run_ctc_str.py`, and those that its Trainer has under other names."""

    mixed_precision: str = option("no", "Mixed precision of the training.", choices=["no", "bf16", "fp16"])
    report_to: list[str] = field(
        default_factory=list, metadata={"help": "Trackers, such as tensorboard or trackio (default: none)."}
    )


def main():
    groups = (ModelArguments, DataArguments, SynthesisArguments, RecipeArguments, LoopArguments)
    model_args, data_args, synthesis_args, recipe, args = parse_arguments(groups, __doc__)
    args.check_data(data_args, recipe)
    checkpoint = find_checkpoint(args.output_dir, args.resume_from_checkpoint, "progress.json")
    if args.learning_rate is None:
        args.learning_rate = default_learning_rate(model_args)
    settings = {**asdict(model_args), **asdict(data_args), **asdict(synthesis_args), **asdict(recipe), **asdict(args)}
    settings.pop("hub_token")
    refuse_sharding()
    options = {"cpu": args.use_cpu, "mixed_precision": args.mixed_precision}
    accelerator = Accelerator(**options, log_with=args.report_to or None, project_dir=args.output_dir)
    process = Process(accelerator.process_index, accelerator.num_processes)
    logging.basicConfig(format="%(message)s")
    logger.setLevel(logging.INFO if accelerator.is_main_process else logging.ERROR)

    # The model: new, or a checkpoint with its charset changed where that was asked for.
    set_seed(args.seed)
    model, processor = load_recognizer(model_args)
    collator = make_collator(processor, model, recipe)

    # The samples. The main process goes first: what it converts, the others find in the cache of `datasets`.
    with accelerator.main_process_first():
        validation = load_validation_sets(data_args)
        data_seed = args.seed if args.data_seed is None else args.data_seed
        samples = load_training_samples(data_args, synthesis_args, collator, data_seed, validation)
    check_validation(validation, processor.tokenizer, args.metric_for_best_model)
    settings["training_data"] = describe_data(samples, synthesis_args)
    repo_id = args.hub_model_id or Path(args.output_dir).resolve().name
    if args.push_to_hub:
        check_before_run(validation, repo_id, args.hub_token)
    per_step = samples_per_step(args, recipe, process.world_size)
    args.max_steps = count_steps(samples, per_step, args.max_steps, args.num_train_epochs)
    if accelerator.is_main_process:
        record_settings(args.output_dir, settings, samples, validation)
    accelerator.init_trackers("ctc_str", {name: str(value) for name, value in settings.items()})

    # What changes in a run: the model with all that is done around its steps, the optimizer, the schedule.
    model.to(accelerator.device)
    engine = TrainingEngine(
        model, processor, samples, validation, args, recipe, settings, data_args.bucket_steps, process
    )
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=args.learning_rate, weight_decay=args.weight_decay)
    schedule = args.make_schedule(optimizer, args.max_steps)
    ddp_model, optimizer = accelerator.prepare(model, optimizer)
    accelerator.register_for_checkpointing(schedule)
    logger.setLevel(logging.INFO)  # from here on, what one process has to say no other says
    step = train(accelerator, engine, ddp_model, optimizer, schedule, checkpoint)

    # The finished model, complete, in the output folder, and on the Hub.
    if accelerator.is_main_process:
        print(engine.finish(step, args.load_best_model_at_end))
        if args.push_to_hub:
            print(push_to_hub(args.output_dir, repo_id, args.hub_token, args.hub_private_repo))
    accelerator.end_training()


def train(
    accelerator: Accelerator,
    engine: TrainingEngine,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    checkpoint: Path | None,
) -> int:
    """The loop, from where an earlier run of the same command stopped; returns the number of steps done."""
    args, length, step = engine.args, engine.length, 0
    if checkpoint:
        with going_on_from(checkpoint):
            accelerator.load_state(str(checkpoint))
        progress = json.loads((checkpoint / "progress.json").read_text(encoding="utf-8"))
        step, engine.guard.skipped = progress["step"], progress["skipped_steps"]
        if accelerator.is_main_process:
            set_aside_newer(args.output_dir, step)
    engine.start(checkpoint, step)
    batches, losses = iter(engine.make_loader(args.dataloader_num_workers)), []
    progress_bar = tqdm(total=args.max_steps, initial=step, unit="step", disable=not accelerator.is_main_process)
    is_over = step >= args.max_steps or engine.is_over(after_evaluation=True)  # an earlier piece may have ended it
    while not is_over:
        step += 1
        losses += optimize(accelerator, engine, model, optimizer, batches, step)
        if not follows_metric(schedule):
            schedule.step()
        progress_bar.update()

        is_over = step == args.max_steps or engine.is_over()
        is_due = partial(length.is_due, step=step, is_over=is_over)
        if is_due(args.logging_strategy, args.logging_steps):
            mean_losses = accelerator.reduce(torch.stack(losses), "mean")
            assert isinstance(mean_losses, torch.Tensor)
            losses = []
            values = {"loss": mean_losses.nanmean().item(), "learning_rate": schedule.get_last_lr()[0]}
            values = engine.log(step, values)
            accelerator.log({f"train/{name}": value for name, value in values.items()}, step=step)
            if accelerator.is_main_process:
                tqdm.write(f"step {step}: {values}")
        is_best = False
        if engine.validation and is_due(args.eval_strategy, args.eval_steps):
            metrics, is_best = evaluate(accelerator, engine, step)
            step_by_metric(schedule, metrics[args.metric_for_best_model])
            is_over |= engine.is_over(after_evaluation=True)
        is_saved = is_best if args.save_strategy == "best" else is_due(args.save_strategy, args.save_steps)
        if is_saved or (is_over and step < args.max_steps):
            save(accelerator, engine, step)
    progress_bar.close()
    return step


def optimize(
    accelerator: Accelerator,
    engine: TrainingEngine,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: Iterator[dict[str, torch.Tensor]],
    step: int,
) -> list[torch.Tensor]:
    """One step of the optimizer; returns the losses of its batches."""
    model.train()
    losses, micro_batches = [], engine.args.gradient_accumulation_steps
    for number in range(micro_batches):
        batch = send_to_device(next(batches), accelerator.device, non_blocking=True)
        if number == 0:
            engine.begin_step()
        # Processes exchange gradients once a step, with the last of its batches.
        with accelerator.no_sync(model) if number < micro_batches - 1 else nullcontext():
            inputs = engine.prepare(batch)
            with accelerator.autocast():
                loss = engine.loss(model(**inputs), inputs, step)
            accelerator.backward(loss / micro_batches)
        losses.append(loss.detach())
    if engine.args.max_grad_norm > 0:
        accelerator.clip_grad_norm_(model.parameters(), engine.args.max_grad_norm)
    is_good = engine.end_backward()
    optimizer.step()  # does nothing where the guard took the gradients away
    optimizer.zero_grad()
    engine.end_step(step, is_good)
    return losses


def evaluate(accelerator: Accelerator, engine: TrainingEngine, step: int) -> tuple[dict[str, float], bool]:
    """The metrics of the averaged weights, and whether they are the best so far."""
    args = engine.args

    def autocast() -> AbstractContextManager:
        return accelerator.autocast()

    metrics, is_best = engine.evaluate(step, args.dataloader_num_workers, args.per_device_eval_batch_size, autocast)
    accelerator.log({f"eval/{name}": value for name, value in metrics.items()}, step=step)
    if accelerator.is_main_process:
        tqdm.write(f"{ {name: round(value, 4) for name, value in metrics.items()} }")
    return metrics, from_main(is_best, accelerator.num_processes)


def save(accelerator: Accelerator, engine: TrainingEngine, step: int):
    """Writes a checkpoint, whole or not at all."""
    output_dir, is_main = Path(engine.args.output_dir), accelerator.is_main_process
    with completed(output_dir / f"checkpoint-{step}", is_main, accelerator.wait_for_everyone) as folder:
        accelerator.save_state(str(folder))
        if is_main:
            progress = {"step": step, "skipped_steps": engine.guard.skipped}
            (folder / "progress.json").write_text(json.dumps(progress), encoding="utf-8")
        engine.save_average(folder)
    if is_main:
        keep_newest(output_dir, engine.args.save_total_limit)


if __name__ == "__main__":
    main()
