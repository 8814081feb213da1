# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train,synthesis]"]
# ///
"""Shows the effect of each part of a training recipe, one at a time: ablations, as a Markdown table.

    python scripts/compare_ablations.py --output_dir runs/ablations --model_name_or_path runs/stages/vgg-bilstm \\
        --dataset iiit5k/ svt/ --pseudo_labeled_dataset street/ --teacher_model runs/teacher \\
        --lexicon words.txt --backgrounds photos/

Every run starts from the same checkpoint, for example one of `compare_stages.py`, takes the same number of samples
with the same seed, and differs from the plain run in one thing. Options that this script does not know are passed on
to `run_ctc_str.py`. Each run has its own folder in --output_dir; finished runs are not repeated.

Accuracy is that of protocol 36 on a tenth of the real words, which is held out; its standard error is about 1.8
percentage points for 779 words. On a CPU, minutes are CPU time.
"""

import argparse
import json
from pathlib import Path

from compare_stages import TRAINING as TRAINING_OF_STAGES
from compare_stages import percentage, train_each

from hf_str.utils.options import OptionParser


#: Options of each run besides TRAINING; `real` is the share of real words.
ABLATIONS = {
    "plain": {},
    "half-as-many-real-words": {"real": 0.15},
    "pseudo-labels": {"--pseudo_labeled_dataset": None},  # from the command line
    "teacher": {"--teacher_model": None},  # from the command line
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
#: Options of run_ctc_str.py that the command line does not give: those of the stages, but on shorter runs.
TRAINING = TRAINING_OF_STAGES | {
    "--image_width": 128,
    "--decay_ratio": 0.6,
    "--curriculum_samples": 0,
    "--max_steps": 1_000,
    "--logging_steps": 50,
    "--eval_steps": 250,
    "--save_steps": 250,
}
RENAMED = {
    "init_from": "model_name_or_path",
    "levers": "ablations",
    "pseudo_labeled": "pseudo_labeled_dataset",
    "real": "dataset",
    "self_labelled": "pseudo_labeled_dataset",
    "teacher": "teacher_model",
}


def main():
    args, training = parse_args()
    runs = {}
    for name in args.ablations:
        options = TRAINING | {"--model_name_or_path": args.model_name_or_path, "real": 0.3} | ABLATIONS[name]
        options["--dataset"] = [f"synth={1 - options.pop('real'):g}", *args.dataset]
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
    parser = OptionParser(__doc__, RENAMED, allow_abbrev=False)
    add = parser.add_argument
    add("--output_dir", type=Path, required=True, help="folder of the runs; a run that was stopped is resumed")
    add("--model_name_or_path", required=True, help="checkpoint that all runs start from")
    add("--dataset", nargs="+", required=True, help="sources of real words; rendered words are added")
    add("--ablations", nargs="+", choices=ABLATIONS, default=list(ABLATIONS), help="runs to compare")
    add("--pseudo_labeled_dataset", nargs="+", help="sources with pseudo-labels, for the ablation pseudo-labels")
    add("--teacher_model", help="checkpoint with the same image size and characters, for the ablation teacher")
    args, training = parser.parse_known_args()
    for ablation, option in (("pseudo-labels", "pseudo_labeled_dataset"), ("teacher", "teacher_model")):
        if ablation in args.ablations and not vars(args)[option]:
            parser.error(f"the ablation {ablation} needs --{option}; or name others with --ablations")
    return args, training


if __name__ == "__main__":
    main()
