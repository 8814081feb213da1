# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train,synthesis]"]
# ///
"""Trains each featurizer with each sequentializer on equal budgets and compares their accuracy, as a Markdown table.

    python scripts/compare_stages.py --output_dir runs/stages --lexicon words.txt --backgrounds photos/ \\
        --dataset synth=0.7 iiit5k/ svt/

`run_ctc_str.py` trains every network from scratch with the same samples in the same order, with the same image size,
learning rate and schedule. Options that this script does not know are passed on to `run_ctc_str.py`. Each run has its
own folder in --output_dir; finished runs are not repeated.

The featurizers are the VGG of the paper and four that are about as large as that of the default checkpoint: VGG with
five eighths of the channels and more normalization; a ResNet after ASTER's with 8 residual blocks; EfficientNet-B0 of
half the width; PP-LCNetV3 of half the width. The sequentializers are two bidirectional LSTMs of 192 units, four
transformer layers of 192 features, and none.

Accuracy is that of protocol 36 on a tenth of the real words, which is held out. The table also has the parameters, the
multiply-accumulates and milliseconds of CPU time of one image in float32, the minutes of CPU time of the training, and
the accuracy `at the budget`: at the last evaluation before the fastest run ended, with the learning rate still high.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

import torch

from hf_str import CRNNForCTC, CRNNProcessor
from hf_str.evaluation.speed import count_multiply_accumulates, make_clock, stopwatch
from hf_str.utils.options import OptionParser


FEATURIZERS = {
    "paper": ("vgg-bilstm", {}),
    "vgg": ("vgg-small-bilstm", {"num_channels": 1}),
    "resnet": (
        "resnet45-bilstm",
        {"num_channels": 1, "stage_depths": [1, 2, 2, 2, 1], "stage_channels": [32, 64, 96, 160, 320]},
    ),
    "efficientnet": (
        "efficientnet-b0-bilstm",
        {"num_channels": 1, "stem_channels": 16, "stage_channels": [8, 16, 24, 40, 56, 96, 160]},
    ),
    "pplcnet": ("pplcnet-bilstm", {}),  # of transformers, which takes three channels
}
SEQUENTIALIZERS = {
    "bilstm": {"sequentializer": "bilstm", "hidden_size": 192, "num_hidden_layers": 2},
    "transformer": {"sequentializer": "transformer", "hidden_size": 192, "num_hidden_layers": 4},
    "none": {"sequentializer": "none"},
}
#: Options of run_ctc_str.py that the command line does not give.
TRAINING = {
    "--image_width": 100,
    "--validation_split_percentage": 10,
    "--bad_labels": "drop",
    "--metric_for_best_model": "word_accuracy_36",
    "--per_device_train_batch_size": 32,
    "--learning_rate": 1.5e-3,
    "--lr_scheduler_type": "warmup_stable_decay",
    "--warmup_ratio": 0.05,
    "--decay_ratio": 0.4,
    "--ema_decay": 0.99,
    "--curriculum_samples": 40_000,
    "--max_steps": 1_600,
    "--logging_steps": 100,
    "--eval_steps": 200,
    "--save_steps": 200,
}


def main():
    args, training = parse_args()
    names = [
        (featurizer, sequentializer) for featurizer in args.featurizers for sequentializer in args.sequentializers
    ]
    runs = {}
    for featurizer, sequentializer in names:
        preset, fields = FEATURIZERS[featurizer]
        fields = json.dumps(fields | SEQUENTIALIZERS[sequentializer])
        runs["-".join((featurizer, sequentializer))] = TRAINING | {"--preset": preset, "--config_overrides": fields}
    logs = dict(zip(names, train_each(runs, args.output_dir, training), strict=True))

    budget = min(log[-1]["minutes"] for log in logs.values())
    print(
        "| featurizer | sequentializer | parameters (M) | GMAC | ms | samples | minutes | accuracy | at the budget |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, log in logs.items():
        folder = args.output_dir / "-".join(name)
        model = CRNNForCTC.from_pretrained(folder).eval()
        size = CRNNProcessor.from_pretrained(folder).image_processor.size
        image = torch.zeros(1, model.config.num_channels, size.height, size.width)
        cells = [*name, f"{model.num_parameters() / 1e6:.2f}", f"{count_multiply_accumulates(model, image) / 1e9:.3f}"]
        cells += [f"{milliseconds(model, image):.1f}", f"{log[-1]['samples']:,}", f"{log[-1]['minutes']:.1f}"]
        in_time = [record for record in log if record["minutes"] <= budget]
        cells += [percentage(log[-1]), percentage(in_time[-1]) if in_time else ""]
        print(f"| {' | '.join(cells)} |")
    print(f"\nThe budget: {budget:.1f} minutes of CPU time, the duration of the fastest run.")


def train_each(runs: dict[str, dict], output_dir: Path, training: list[str]) -> list[list[dict[str, float]]]:
    """Trains the runs that are not finished, one after the other, and returns the evaluations in their logs.

    Args:
        runs: options of `run_ctc_str.py` for each run, by the name of its folder.
        output_dir: parent of these folders.
        training: options of the command line for all runs, which override those of a run.
    """
    logs = []
    for number, (name, options) in enumerate(runs.items(), 1):
        folder = output_dir / name
        if not (folder / "results.json").exists():
            print(f"{number} of {len(runs)}: {name}", flush=True)
            command = [sys.executable, Path(__file__).with_name("run_ctc_str.py"), "--output_dir", folder]
            for option, value in options.items():
                if option not in training:
                    command += [option, *value] if isinstance(value, list) else [option, value]
            if code := subprocess.run([*map(str, command), *training], check=False).returncode:
                raise SystemExit(f"error: training {name} ended with exit code {code}; the same command resumes")
        entries = map(json.loads, (folder / "log.jsonl").read_text(encoding="utf-8").splitlines())
        logs.append([entry for entry in entries if "word_accuracy" in entry])
    return logs


@torch.inference_mode()
def milliseconds(model: CRNNForCTC, image: torch.Tensor) -> float:
    """CPU time of one image on one thread, the median of ten passes."""
    torch.set_num_threads(1)
    measure = stopwatch(lambda: model(image), make_clock(cpu_time=True))
    seconds = [measure() for _ in range(13)]  # three to warm up
    return 1000 * statistics.median(seconds[3:])


def percentage(record: dict[str, float]) -> str:
    return f"{100 * record['word_accuracy_36']:.1f}"


def parse_args() -> tuple[argparse.Namespace, list[str]]:
    parser = OptionParser(__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--output_dir", type=Path, required=True, help="folder of the runs; a run that was stopped is resumed")
    add("--featurizers", nargs="+", choices=FEATURIZERS, default=list(FEATURIZERS), help="featurizers to compare")
    add(
        "--sequentializers",
        nargs="+",
        choices=SEQUENTIALIZERS,
        default=list(SEQUENTIALIZERS),
        help="sequentializers",
    )
    return parser.parse_known_args()


if __name__ == "__main__":
    main()
