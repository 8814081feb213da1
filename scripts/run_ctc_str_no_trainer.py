# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train,synthesis]"]
# ///
"""Trains or fine-tunes a word recogniser in a plain loop with Accelerate: `run_ctc_str.py` for those who want to see
and change every step.

    python scripts/run_ctc_str_no_trainer.py --dataset my_words/ --validation_dataset my_test_words/ \\
        --output_dir runs/mine --num_train_epochs 10

    accelerate launch --num_processes 8 scripts/run_ctc_str_no_trainer.py --config_overrides '{}' --charset 94 \\
        --dataset synth=0.75 my_words/=0.25 --max_steps 50000 --mixed_precision bf16 --output_dir runs/scratch

Several processes on CPUs: `torchrun --nproc_per_node 2 scripts/run_ctc_str_no_trainer.py --use_cpu ...` (without MPI,
`accelerate launch --cpu` starts one process, whatever it is told). All options as a JSON file: `python
scripts/run_ctc_str_no_trainer.py options.json`.

A run that was killed goes on when the same command is given again, with the same words in the same order. The output
folder holds the best model by --metric_for_best_model where there is a validation set, else the last one. Options that
`transformers.TrainingArguments` has too mean the same.
"""

import json
import logging
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, send_to_device, set_seed
from tqdm import tqdm

from hf_str.publishing import check_before_run, push_to_hub
from hf_str.training import (
    BestCheckpoint,
    NonFiniteGuard,
    WeightAverage,
    WordCollator,
)
from hf_str.training.arguments import (
    DataArguments,
    ModelArguments,
    RecipeArguments,
    SynthesisArguments,
    parse_arguments,
)
from hf_str.training.checkpointing import (
    changed_settings,
    completed,
    find_checkpoint,
    keep_newest,
    label_fingerprints,
    set_aside_newer,
)
from hf_str.training.finishing import finish
from hf_str.training.guard import name_batch
from hf_str.training.run_arguments import RunArguments
from hf_str.training.run_length import RunLength
from hf_str.training.schedule import follows_metric
from hf_str.training.setup import (
    count_steps,
    default_learning_rate,
    describe_data,
    labels_by_source,
    load_recognizer,
    load_training_samples,
    load_validation_sets,
    make_loader,
    refuse_sharding,
    save_recognizer,
)
from hf_str.training.validation import check_validation, evaluate_all


logger = logging.getLogger("hf_str")


@dataclass
class LoopArguments(RunArguments):
    """The options of the run, as for `run_ctc_str.py`, and those that its Trainer has under other names."""

    mixed_precision: str = field(default="no", metadata={"help": "Arithmetic.", "choices": ["no", "bf16", "fp16"]})
    report_to: list[str] = field(default_factory=list, metadata={"help": "Trackers: tensorboard, trackio, ..."})


def main():
    groups = (ModelArguments, DataArguments, SynthesisArguments, RecipeArguments, LoopArguments)
    model_args, data_args, synthesis_args, recipe, args = parse_arguments(groups, __doc__)
    args.check_data(data_args)
    checkpoint = find_checkpoint(args.output_dir, args.resume_from_checkpoint, "progress.json")
    if args.learning_rate is None:
        args.learning_rate = default_learning_rate(model_args)
    settings = {**asdict(model_args), **asdict(data_args), **asdict(synthesis_args), **asdict(recipe), **asdict(args)}
    settings.pop("hub_token")
    output_dir = Path(args.output_dir)
    refuse_sharding()
    accelerator = Accelerator(
        cpu=args.use_cpu, mixed_precision=args.mixed_precision, log_with=args.report_to or None, project_dir=output_dir
    )
    rank, world_size, is_main = accelerator.process_index, accelerator.num_processes, accelerator.is_main_process
    logger.setLevel(logging.WARNING if is_main else logging.ERROR)

    # The model: new, or a checkpoint with its charset changed where that was asked for.
    set_seed(args.seed)
    model, processor = load_recognizer(model_args)
    collator = WordCollator(processor, model.config, one_width=True)

    # The words. The main process goes first: what it converts, the others find in the cache of `datasets`.
    with accelerator.main_process_first():
        words = load_training_samples(
            data_args, synthesis_args, collator, args.seed if args.data_seed is None else args.data_seed
        )
        validation = load_validation_sets(data_args)
    check_validation(validation, processor.tokenizer, args.metric_for_best_model)
    settings["training_data"] = describe_data(words, synthesis_args)
    repo_id = args.hub_model_id or output_dir.resolve().name
    if args.push_to_hub:
        check_before_run(validation, repo_id, args.hub_token)
    micro_batches = args.gradient_accumulation_steps
    samples_per_step = args.per_device_train_batch_size * micro_batches * world_size
    max_steps = count_steps(words, samples_per_step, args.max_steps, args.num_train_epochs)
    length = RunLength(max_steps, samples_per_step, words.samples_per_epoch)

    optimizer = torch.optim.AdamW(model.parameters(), lr=args.learning_rate, weight_decay=args.weight_decay)
    schedule = args.make_schedule(optimizer, max_steps)
    ddp_model, optimizer = accelerator.prepare(model, optimizer)
    accelerator.register_for_checkpointing(schedule)
    average = WeightAverage(model, recipe.ema_decay) if recipe.ema_decay else None
    guard = NonFiniteGuard(recipe.max_nonfinite_steps)
    best = BestCheckpoint(output_dir / "best", args.metric_for_best_model, args.greater_is_better)

    # Where an earlier run of this command stopped.
    first_step = 0
    if checkpoint:
        accelerator.load_state(str(checkpoint))
        progress = json.loads((checkpoint / "progress.json").read_text(encoding="utf-8"))
        first_step, guard.skipped = progress["step"], progress["skipped_steps"]
        if average:
            average.load(checkpoint / "weight_average.safetensors")
    if is_main:
        if checkpoint:
            set_aside_newer(output_dir, first_step)
        fingerprints = label_fingerprints(labels_by_source(words, validation))
        for change in changed_settings(output_dir / "run.json", settings | fingerprints):
            logger.warning(f"This run goes on with another {change}")
    accelerator.init_trackers("ctc_str", {name: str(value) for name, value in settings.items()})

    loader = make_loader(
        words,
        args.per_device_train_batch_size,
        max_steps * micro_batches,
        start=first_step * micro_batches,
        rank=rank,
        world_size=world_size,
        window=data_args.bucket_steps,
        num_workers=args.dataloader_num_workers,
    )

    def averaged_weights():
        return average.applied_to(model) if average else nullcontext()

    def evaluate(step: int) -> bool:
        """Whether it is the best so far."""
        with averaged_weights():
            metrics, table = evaluate_all(
                model,
                collator,
                validation,
                output_dir / "errors",
                batch_size=args.per_device_eval_batch_size,
                num_workers=args.dataloader_num_workers,
                rank=rank,
                world_size=world_size,
                autocast=accelerator.autocast,
            )
            is_best = False
            if is_main:
                tqdm.write(f"step {step}: {table}\n{ {name: round(value, 4) for name, value in metrics.items()} }")
                is_best = best.offer(step, metrics, lambda folder: save_recognizer(folder, model, processor, settings))
        accelerator.log({f"eval/{name}": value for name, value in metrics.items()}, step=step)
        if follows_metric(schedule):
            schedule.step(metrics[args.metric_for_best_model])
        return broadcast_object_list([is_best])[0]

    def save(step: int):
        with completed(output_dir / f"checkpoint-{step}", is_main, accelerator.wait_for_everyone) as folder:
            accelerator.save_state(str(folder))
            if is_main:
                progress = {"step": step, "skipped_steps": guard.skipped}
                (folder / "progress.json").write_text(json.dumps(progress), encoding="utf-8")
                if average:
                    average.save(folder / "weight_average.safetensors")
        if is_main:
            keep_newest(output_dir, args.save_total_limit)

    logger.setLevel(logging.WARNING)  # from here on, what one process has to say no other says
    ddp_model.train()
    batches, losses = iter(loader), []
    progress_bar = tqdm(total=max_steps, initial=first_step, unit="step", disable=not is_main)
    for step in range(first_step + 1, max_steps + 1):
        guard.begin_step(model)
        for number in range(micro_batches):
            batch = send_to_device(next(batches), accelerator.device, non_blocking=True)
            # Processes exchange gradients once a step, with the last of its batches.
            with accelerator.no_sync(ddp_model) if number < micro_batches - 1 else nullcontext():
                loss = ddp_model(**batch).loss
                loss = guard.watch(loss, partial(name_batch, step, batch["labels"], processor.tokenizer))
                accelerator.backward(loss / micro_batches)
            losses.append(loss.detach())
        if args.max_grad_norm > 0:
            accelerator.clip_grad_norm_(ddp_model.parameters(), args.max_grad_norm)
        is_good = guard.end_step(model)
        optimizer.step()  # does nothing where the guard took the gradients away
        optimizer.zero_grad()
        if not follows_metric(schedule):
            schedule.step()
        if average and is_good:
            average.update(model, step)
        progress_bar.update()

        if length.is_due(args.logging_strategy, args.logging_steps, step) or step == max_steps:
            mean_losses = accelerator.reduce(torch.stack(losses), "mean")
            assert isinstance(mean_losses, torch.Tensor)
            losses = []
            values = {"loss": mean_losses.nanmean().item(), "learning_rate": schedule.get_last_lr()[0]}
            values |= {"skipped_steps": guard.skipped, "invalid_samples": words.invalid_samples.count}
            accelerator.log({f"train/{name}": value for name, value in values.items()}, step=step)
            if is_main:
                tqdm.write(f"step {step}: {values}")
        is_best = False
        if validation and length.is_due(args.eval_strategy, args.eval_steps, step):
            is_best = evaluate(step)
        if is_best if args.save_strategy == "best" else length.is_due(args.save_strategy, args.save_steps, step):
            save(step)

    # The finished model, complete, in the output folder, and on the Hub.
    if is_main:
        with averaged_weights():
            print(
                finish(
                    output_dir,
                    best,
                    validation if args.load_best_model_at_end else {},
                    lambda folder: save_recognizer(folder, model, processor, settings),
                )
            )
        if args.push_to_hub:
            print(push_to_hub(output_dir, repo_id, args.hub_token, args.hub_private_repo))
    accelerator.end_training()


if __name__ == "__main__":
    main()
