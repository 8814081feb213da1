# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train,synthesis]"]
# ///
"""Trains or fine-tunes a word recognizer with `transformers.Trainer`.

Fine-tune the checkpoint that comes with hf_str on your own words (a folder with labels.tsv, Parquet, LMDB, a dataset
on the Hub, ...) on a CPU:

    python scripts/run_ctc_str.py --dataset my_words/ --eval_dataset my_test_words/ --output_dir runs/mine \\
        --num_train_epochs 10

From scratch, mostly on rendered words, with the weights averaged:

    python scripts/run_ctc_str.py --config_overrides '{}' --charset 94 --dataset synth=0.75 my_words/=0.25 \\
        --lexicon words.txt --max_steps 50000 --ema_decay 0.9995 --output_dir runs/scratch

Another charset, with the weights of the characters that are in both:

    python scripts/run_ctc_str.py --charset hangul --dataset synth --fonts /usr/share/fonts/truetype/nanum \\
        --max_steps 5000 --output_dir runs/hangul

From a recognizer of PP-OCR, whose dictionary of 18,710 classes is cut to the charset:

    python scripts/run_ctc_str.py --model_name_or_path PaddlePaddle/PP-OCRv6_small_rec_safetensors --charset 94 \\
        --dataset my_words/ --learning_rate 1e-4 --output_dir runs/mine

Several GPUs: `accelerate launch --num_processes 8 scripts/run_ctc_str.py ...`; several processes on CPUs: `torchrun
--nproc_per_node 2 scripts/run_ctc_str.py --use_cpu ...` (without MPI, `accelerate launch --cpu` always starts a single
process). Options may come from a JSON file: `python scripts/run_ctc_str.py options.json --max_steps 1000`.

Give the same command again to resume a run that was stopped: it trains on the same samples in the same order. The
output folder has the best model by --metric_for_best_model if there is a validation set, or else the last one. `best/`
exists after the first evaluation, and `errors/` lists the worst predictions.

Each option of `transformers.TrainingArguments` works or is refused by name; `hf_str/training/options.py` says which.
"""

import logging
from dataclasses import asdict
from pathlib import Path

from transformers import set_seed

from hf_str.publishing import check_before_run, push_to_hub
from hf_str.training.arguments import (
    DataArguments,
    ModelArguments,
    RecipeArguments,
    SynthesisArguments,
    parse_arguments,
)
from hf_str.training.checkpointing import find_checkpoint
from hf_str.training.data_setup import describe_data, load_training_samples, load_validation_sets, record_settings
from hf_str.training.engine import samples_per_step
from hf_str.training.run_arguments import CTCTrainingArguments
from hf_str.training.setup import (
    count_steps,
    default_learning_rate,
    load_recognizer,
    make_collator,
    refuse_sharding,
)
from hf_str.training.trainer import CTCTrainer
from hf_str.training.validation import check_validation


logger = logging.getLogger("hf_str")


def main():
    groups = (ModelArguments, DataArguments, SynthesisArguments, RecipeArguments, CTCTrainingArguments)
    model_args, data_args, synthesis_args, recipe, args = parse_arguments(groups, __doc__)
    args.check_data(data_args, recipe)
    checkpoint = find_checkpoint(args.output_dir, args.resume_from_checkpoint, "trainer_state.json")
    if args.learning_rate is None:
        args.learning_rate = default_learning_rate(model_args)
    settings = {**asdict(model_args), **asdict(data_args), **asdict(synthesis_args), **asdict(recipe)}
    settings |= args.to_sanitized_dict()
    logging.basicConfig(format="%(message)s")
    log_level = logging.INFO if args.log_level == "passive" else args.get_process_log_level()
    logger.setLevel(log_level if args.should_log else logging.ERROR)
    is_published, args.push_to_hub = args.push_to_hub, False  # at the end, and then the best model

    # The model: new, or a checkpoint with its charset changed where that was asked for.
    refuse_sharding()
    set_seed(args.seed)
    model, processor = load_recognizer(model_args)
    collator = make_collator(processor, model, recipe)

    # The samples. The main process goes first: what it converts, the others find in the cache of `datasets`.
    with args.main_process_first(desc="loading samples"):
        validation = load_validation_sets(data_args)
        data_seed = args.seed if args.data_seed is None else args.data_seed
        samples = load_training_samples(data_args, synthesis_args, collator, data_seed, validation)
    check_validation(validation, processor.tokenizer, args.metric_for_best_model)
    settings["training_data"] = describe_data(samples, synthesis_args)
    repo_id = args.hub_model_id or Path(args.output_dir).resolve().name
    if is_published:
        check_before_run(validation, repo_id, args.hub_token)
    per_step = samples_per_step(args, recipe, args.world_size)
    args.max_steps = count_steps(samples, per_step, args.max_steps, args.num_train_epochs)
    if args.should_save:
        record_settings(args.output_dir, settings, samples, validation)

    logger.setLevel(log_level)  # from here on, what one process has to say no other says
    trainer = CTCTrainer(
        model, args, samples, validation, recipe, data_args.bucket_steps, settings, processing_class=processor
    )
    trainer.train(resume_from_checkpoint=checkpoint)

    # The finished model, complete, in the output folder, and on the Hub.
    if trainer.is_world_process_zero():
        print(trainer.engine.finish(trainer.state.global_step, args.load_best_model_at_end))
        if is_published:
            print(push_to_hub(args.output_dir, repo_id, args.hub_token, args.hub_private_repo))


if __name__ == "__main__":
    main()
