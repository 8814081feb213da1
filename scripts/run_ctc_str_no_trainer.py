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
folder holds the best model by --best_metric where there is a validation set, else the last one.
"""

import json
import logging
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device, set_seed
from tqdm import tqdm

from hf_str.publishing import check_before_run, push_to_hub
from hf_str.training import (
    BestCheckpoint,
    NonFiniteGuard,
    WeightAverage,
    WordCollator,
    last_complete_checkpoint,
    learning_rate_schedule,
)
from hf_str.training.arguments import (
    DataArguments,
    ModelArguments,
    RecipeArguments,
    SynthesisArguments,
    parse_arguments,
)
from hf_str.training.checkpointing import changed_settings, completed, keep_newest, label_fingerprints
from hf_str.training.finishing import finish
from hf_str.training.guard import name_batch
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
class LoopArguments:
    """The loop itself; names are those of transformers' Trainer."""

    output_dir: str = field(metadata={"help": "Where checkpoints and the model go; a run that is there goes on."})
    max_steps: int = field(default=-1, metadata={"help": "Optimizer steps. By default --num_train_epochs decides."})
    num_train_epochs: float = field(default=3.0, metadata={"help": "Passes over the words."})
    per_device_train_batch_size: int = field(default=64, metadata={"help": "Words a batch, for each process."})
    per_device_eval_batch_size: int = field(default=256, metadata={"help": "Words a batch in evaluation."})
    gradient_accumulation_steps: int = field(default=1, metadata={"help": "Batches a step."})
    learning_rate: float | None = field(
        default=None, metadata={"help": "The highest, of AdamW (1e-4, and 1e-3 for a new network)."}
    )
    weight_decay: float = field(default=0.01, metadata={"help": "Of AdamW."})
    max_grad_norm: float = field(default=5.0, metadata={"help": "Longer gradients are shortened to this."})
    mixed_precision: str = field(default="no", metadata={"help": "Arithmetic.", "choices": ["no", "bf16", "fp16"]})
    use_cpu: bool = field(default=False, metadata={"help": "Compute on the CPU even where there is a GPU."})
    seed: int = field(default=42, metadata={"help": "Of all chance."})
    logging_steps: int = field(default=50, metadata={"help": "Log every so many steps."})
    eval_steps: int = field(default=500, metadata={"help": "Evaluate every so many steps, and at the end."})
    save_steps: int = field(default=500, metadata={"help": "Write a checkpoint every so many steps, and at the end."})
    save_total_limit: int | None = field(default=2, metadata={"help": "Checkpoints that are kept."})
    dataloader_num_workers: int = field(default=1, metadata={"help": "Processes that prepare words."})
    report_to: list[str] = field(default_factory=list, metadata={"help": "Trackers: tensorboard, trackio, ..."})
    push_to_hub: bool = field(default=False, metadata={"help": "Upload the finished model."})
    hub_model_id: str | None = field(default=None, metadata={"help": "Where to; default: the output folder's name."})
    hub_token: str | None = field(default=None, metadata={"help": "Default: the one that is logged in."})
    hub_private_repo: bool | None = field(default=None, metadata={"help": "Whether a new repository is private."})


def main():
    groups = (ModelArguments, DataArguments, SynthesisArguments, RecipeArguments, LoopArguments)
    model_args, data_args, synthesis_args, recipe, args = parse_arguments(groups, __doc__)
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
        words = load_training_samples(data_args, synthesis_args, collator, args.seed)
        validation = load_validation_sets(data_args)
    check_validation(validation, processor.tokenizer, recipe.best_metric)
    settings["training_data"] = describe_data(words, synthesis_args)
    repo_id = args.hub_model_id or output_dir.resolve().name
    if args.push_to_hub:
        check_before_run(validation, repo_id, args.hub_token)
    micro_batches = args.gradient_accumulation_steps
    samples_per_step = args.per_device_train_batch_size * micro_batches * world_size
    max_steps = count_steps(words, samples_per_step, args.max_steps, args.num_train_epochs)

    optimizer = torch.optim.AdamW(model.parameters(), lr=args.learning_rate, weight_decay=args.weight_decay)
    schedule = learning_rate_schedule(
        optimizer, recipe.schedule, max_steps, warmup_share=recipe.warmup_share, decay_share=recipe.decay_share
    )
    ddp_model, optimizer = accelerator.prepare(model, optimizer)
    accelerator.register_for_checkpointing(schedule)
    average = WeightAverage(model, recipe.ema_decay) if recipe.ema_decay else None
    guard = NonFiniteGuard(recipe.max_nonfinite_steps)
    best = BestCheckpoint(output_dir / "best", recipe.best_metric)

    # Where an earlier run of this command stopped.
    first_step = 0
    if checkpoint := last_complete_checkpoint(output_dir):
        accelerator.load_state(str(checkpoint))
        progress = json.loads((checkpoint / "progress.json").read_text(encoding="utf-8"))
        first_step, guard.skipped = progress["step"], progress["skipped_steps"]
        if average:
            average.load(checkpoint / "weight_average.safetensors")
    if is_main:
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

    def evaluate(step: int):
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
            if is_main:
                tqdm.write(f"step {step}: {table}\n{ {name: round(value, 4) for name, value in metrics.items()} }")
                best.offer(step, metrics, lambda folder: save_recognizer(folder, model, processor, settings))
        accelerator.log({f"eval/{name}": value for name, value in metrics.items()}, step=step)

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
        accelerator.clip_grad_norm_(ddp_model.parameters(), args.max_grad_norm)
        is_good = guard.end_step(model)
        optimizer.step()  # does nothing where the guard took the gradients away
        optimizer.zero_grad()
        schedule.step()
        if average and is_good:
            average.update(model, step)
        progress_bar.update()

        is_last = step == max_steps
        if step % args.logging_steps == 0 or is_last:
            loss = accelerator.reduce(torch.stack(losses), "mean").nanmean().item()
            losses = []
            values = {"loss": loss, "learning_rate": schedule.get_last_lr()[0]}
            values |= {"skipped_steps": guard.skipped, "invalid_samples": words.invalid_samples.count}
            accelerator.log({f"train/{name}": value for name, value in values.items()}, step=step)
            if is_main:
                tqdm.write(f"step {step}: {values}")
        if validation and (step % args.eval_steps == 0 or is_last):
            evaluate(step)
        if step % args.save_steps == 0 or is_last:
            save(step)

    # The finished model, complete, in the output folder, and on the Hub.
    if is_main:
        with averaged_weights():
            print(
                finish(
                    output_dir, best, validation, lambda folder: save_recognizer(folder, model, processor, settings)
                )
            )
        if args.push_to_hub:
            print(push_to_hub(output_dir, repo_id, args.hub_token, args.hub_private_repo))
    accelerator.end_training()


if __name__ == "__main__":
    main()
