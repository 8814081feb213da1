# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train,synthesis]"]
# ///
"""Shows what each part of a training recipe brings, one at a time: ablations, as a Markdown table.

    python scripts/compare_ablations.py --output_dir runs/ablations --model_name_or_path runs/stages/vgg-bilstm \\
        --lexicon words.txt --backgrounds photos/ --real iiit5k/ svt/ --pseudo_labeled_dataset street/ \\
        --teacher_model runs/teacher

Every run continues from the same checkpoint, of `compare_stages.py` for example, for as many samples of the same seed,
and differs from the plain run in one thing. What this script does not know is passed on to `run_ctc_str.py`. Each run
has a folder of its own in --output_dir; those that are over are not run again.

Accuracy is that of the 36-character protocol on a tenth of the real words, which is held out; its standard error is
about 1.8 points for 779 words. Minutes are those of CPU time, on a CPU.
"""

import argparse
import json
from pathlib import Path

from compare_stages import percentage, train_each


# What each run has besides TRAINING; `real` is the share of real words.
ABLATIONS = {
    "plain": {},
    "half-as-many-real-words": {"real": 0.15},
    "pseudo-labels": {"--pseudo_labeled_dataset": None},  # those of the command line
    "teacher": {"--teacher_model": None},  # that of the command line
    "guidance-decoder": {"--config_overrides": {"guidance_decoder": True}},
    "width-100": {"--image_width": 100},
    "width-by-shape": {
        "--image_processor_overrides": {
            "keep_aspect_ratio": True,
            "width_factor": 1.5,
            "min_width": 96,
            "max_width": 512,
            "resize_to_multiple_of": 32,
            "vertical_aspect_ratio": 1.5,
        }
    },
    "height-48": {"--config_overrides": {"image_height": 48}},
    "rectification": {"--config_overrides": {"rectification": "tps", "localization_channels": [16, 32, 64, 128]}},
    "no-weight-average": {"--ema_decay": 0},
}
TRAINING = {  # of run_ctc_str.py, where the command line says nothing else
    "--image_width": 128,
    "--validation_split_percentage": 10,
    "--bad_labels": "drop",
    "--metric_for_best_model": "word_accuracy_36",
    "--per_device_train_batch_size": 32,
    "--learning_rate": 1.5e-3,
    "--lr_scheduler_type": "warmup_stable_decay",
    "--warmup_ratio": 0.05,
    "--decay_ratio": 0.6,
    "--ema_decay": 0.99,
    "--max_steps": 1_000,
    "--logging_steps": 50,
    "--eval_steps": 250,
    "--save_steps": 250,
}


def main():
    args, training = parse_args()
    runs = {}
    for name in args.ablations:
        options = TRAINING | {"--model_name_or_path": args.model_name_or_path, "real": 0.3} | ABLATIONS[name]
        options["--dataset"] = [f"synth={1 - options.pop('real'):g}", *args.real]
        options |= {option: vars(args)[option[2:]] for option, value in options.items() if value is None}
        runs[name] = {option: json.dumps(v) if isinstance(v, dict) else v for option, v in options.items()}
    logs = dict(zip(runs, train_each(runs, args.output_dir, training), strict=True))

    plain = logs.get("plain")
    print("| ablation | samples | minutes | accuracy | gain | CER |")
    print("|---|---|---|---|---|---|")
    for name, log in logs.items():
        last = log[-1]
        cells = [name.replace("-", " "), f"{last['samples']:,}", f"{last['minutes']:.1f}", percentage(last)]
        gain = 100 * (last["word_accuracy_36"] - plain[-1]["word_accuracy_36"]) if plain else 0.0
        cells += [f"{gain:+.1f}" if plain and name != "plain" else "", f"{100 * last['cer']:.1f}"]
        print(f"| {' | '.join(cells)} |")


def parse_args() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add = parser.add_argument
    add("--output_dir", type=Path, required=True, help="a folder for each run; a run there goes on")
    add("--model_name_or_path", required=True, help="the checkpoint that all go on from")
    add("--real", nargs="+", required=True, help="sources of real words; rendered ones are mixed in")
    add("--ablations", nargs="+", choices=ABLATIONS, default=list(ABLATIONS))
    add("--pseudo_labeled_dataset", nargs="+", help="sources labeled by a recognizer, for that ablation")
    add("--teacher_model", help="the checkpoint of that ablation: the same image size and characters")
    args, training = parser.parse_known_args()
    for ablation, option in (("pseudo-labels", "pseudo_labeled_dataset"), ("teacher", "teacher_model")):
        if ablation in args.ablations and not vars(args)[option]:
            parser.error(f"the ablation {ablation} needs --{option}; or name the others with --ablations")
    return args, training


if __name__ == "__main__":
    main()
