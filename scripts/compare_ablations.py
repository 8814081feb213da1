# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train,synthesis]"]
# ///
"""Shows what each lever of training brings, one at a time: ablations, as a Markdown table.

    python scripts/compare_ablations.py --output_dir runs/levers --init_from runs/stages/vgg-bilstm/final \\
        --lexicon words.txt --backgrounds photos/ --real iiit5k/ svt/ --pseudo_labeled street/

Every run goes on from the same checkpoint, of `compare_stages.py` say, for as many words of the same seed, and differs
from the plain one in one thing. What this script does not know is passed on to `train_reference.py`. Each run has a
folder of its own in --output_dir; those that are over are not run again.

Accuracy is that of the 36-character protocol on every tenth real word, which is not trained on; its standard error is
about 1.8 points for 779 words. Minutes are those of CPU time, on a CPU.
"""

import argparse
import json
from pathlib import Path

from compare_stages import percentage, train_each
from train_reference import SHAPE


# What each run has besides TRAINING.
LEVERS = {
    "plain": {},
    "no-real-words": {"--real_share": 0},
    "half-as-many-real-words": {"--real_share": 0.15},
    "self-labelled-words": {"--pseudo_labeled": None},  # those of the command line
    "teacher": {"--teacher": None},  # that of the command line
    "guidance-decoder": {"--config_overrides": {"guidance_decoder": True}},
    "width-100": {"--image_width": 100},
    "width-by-shape": {"--image_processor_overrides": SHAPE | {"width_factor": 1.5, "min_width": 96}},
    "height-48": {"--config_overrides": {"image_height": 48}},
    "rectification": {
        "--config_overrides": {"rectification": "tps", "localization_channels": [16, 32, 64, 128]},
    },
    "no-weight-average": {"--ema_decay": 0},
}
TRAINING = {  # of train_reference.py, where the command line says nothing else
    "--image_width": 128,
    "--batch_size": 32,
    "--learning_rate": 1.5e-3,
    "--warmup_share": 0.05,
    "--decay_share": 0.6,
    "--ema_decay": 0.99,
    "--easy_words": 0,
    "--real_share": 0.3,
    "--max_words": 32_000,
    "--eval_words": 8_000,
}


def main():
    args, training = parse_args()
    runs = {}
    for name in args.levers:
        options = TRAINING | {"--init_from": args.init_from} | LEVERS[name]
        options |= {option: vars(args)[option[2:]] for option, value in options.items() if value is None}
        runs[name] = {option: json.dumps(v) if isinstance(v, dict) else v for option, v in options.items()}
    logs = dict(zip(runs, train_each(runs, args.output_dir, training), strict=True))

    peer = logs.get("plain")
    print("| lever | words | minutes | accuracy | gain | CER |")
    print("|---|---|---|---|---|---|")
    for name, log in logs.items():
        last = log[-1]
        cells = [name.replace("-", " "), f"{last['words']:,}", f"{last['minutes']:.1f}", percentage(last)]
        gain = 100 * (last["word_accuracy_36"] - peer[-1]["word_accuracy_36"]) if peer else 0.0
        cells += [f"{gain:+.1f}" if peer and name != "plain" else "", f"{100 * last['cer']:.1f}"]
        print(f"| {' | '.join(cells)} |")


def parse_args() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add = parser.add_argument
    add("--output_dir", type=Path, required=True, help="a folder for each run; a run there goes on")
    add("--init_from", required=True, help="the checkpoint that all go on from")
    add("--levers", nargs="+", choices=LEVERS, default=list(LEVERS))
    add("--pseudo_labeled", type=Path, nargs="+", help="folders of words labelled by a model, for that lever")
    add("--teacher", help="the checkpoint whose logits that lever learns: the same image size and characters")
    args, training = parser.parse_known_args()
    for lever, option in (("self-labelled-words", "pseudo_labeled"), ("teacher", "teacher")):
        if lever in args.levers and not vars(args)[option]:
            parser.error(f"the lever {lever} needs --{option}; or name the others with --levers")
    return args, training


if __name__ == "__main__":
    main()
