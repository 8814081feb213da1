# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train]"]
# ///
"""Averages the weights of checkpoints of one run, or of runs from one checkpoint, which often improves accuracy.

    python scripts/average_checkpoints.py runs/a/final runs/a/checkpoint-4000 --output_dir runs/both

See Wortsman et al. 2022, "Model soups". Config, tokenizer and image processor are those of the first checkpoint. The
weights are saved in half precision, as in `train_reference.py`. If the first checkpoint is a deeper copy of another
one, the blocks that the other lacks count as blocks without effect. Checkpoints that are too different average to a
network that reads nothing, so measure the average before you keep it:

    python scripts/average_checkpoints.py runs/a/final runs/a/checkpoint-4000 --output_dir runs/both \\
        --eval_dataset iiit5k/

prints the accuracy of each checkpoint and of the average on the words of these folders that `train_reference.py` does
not train on: the tenth that is held out, and vertical text.
"""

import argparse
from pathlib import Path

import torch
from tqdm import tqdm
from transformers.utils import logging

from hf_str import CRNNForCTC, CRNNProcessor
from hf_str.evaluation import PROTOCOLS
from hf_str.evaluation.metrics import character_error_rate
from hf_str.evaluation.recognizers import Recognizer, open_recognizer
from hf_str.models.crnn.image_loading_crnn import load_word_image
from hf_str.models.crnn.resnet_crnn import CRNNZeroBatchNorm2d
from hf_str.training import SampleTable, split_real_samples
from hf_str.utils.options import OptionParser


def main():
    args = parse_args()
    logging.disable_progress_bar()
    processor = CRNNProcessor.from_pretrained(args.checkpoints[0])
    models = [CRNNForCTC.from_pretrained(checkpoint, dtype=torch.float32) for checkpoint in args.checkpoints]
    states = [weights_as_of(models[0], model) for model in models]
    weights = {}
    for name, first in states[0].items():
        mean = torch.stack([state[name].double() for state in states]).mean(0)
        weights[name] = mean.half() if first.is_floating_point() else mean.to(first.dtype)
    models[0].save_pretrained(args.output_dir, state_dict=weights, max_shard_size="15MB")
    processor.save_pretrained(args.output_dir)
    print(f"The average of {len(models)} checkpoints: {args.output_dir}")

    if args.eval_dataset:
        real = split_real_samples(args.eval_dataset, processor.tokenizer)
        print(f"\n{real}; accuracy of 36 characters\n")
        print("| checkpoint | validation | CER | vertical text | CER |\n|---|---|---|---|---|")
        for checkpoint in [*args.checkpoints, str(args.output_dir)]:
            recognizer = open_recognizer(checkpoint, decoding={"decoder": "best_path"})
            print(f"| {checkpoint} | {measure(recognizer, real.validation)} {measure(recognizer, real.vertical)}")


def weights_as_of(first: CRNNForCTC, model: CRNNForCTC) -> dict[str, torch.Tensor]:
    """The weights of `model`; for blocks that it lacks those of `first`, but without effect on the output."""
    own, wanted = model.state_dict(), first.state_dict()
    last_norms = [name for name, module in first.named_modules() if isinstance(module, CRNNZeroBatchNorm2d)]
    zeroed = {f"{name}.{part}" for name in last_norms for part in ("weight", "bias")}
    lacking = {
        name: torch.zeros_like(weight) if name in zeroed else weight
        for name, weight in wanted.items()
        if name not in own and ".residual_blocks." in name and ".shortcut." not in name
    }
    shapes, wanted_shapes = ({name: (w.shape, w.dtype) for name, w in ws.items()} for ws in (own | lacking, wanted))
    if shapes != wanted_shapes:
        raise SystemExit("error: these checkpoints have different networks, whose weights cannot be averaged")
    return own | lacking


def measure(recognizer: Recognizer, samples: SampleTable) -> str:
    """Word accuracy and character error rate on these samples, as two cells of a table."""
    predictions = []
    for start in tqdm(range(0, len(samples), 256), leave=False, unit="batch"):
        images = [load_word_image(box.path) for box in samples.boxes[start : start + 256]]
        predictions += [text for text, _ in recognizer.recognize(images)]
    labels = [box.text for box in samples.boxes]
    if not labels:
        return "- | - |"
    protocol = PROTOCOLS["36"]
    cer = character_error_rate(predictions, labels, protocol)
    return f"{protocol.word_accuracy(predictions, labels):.2%} | {cer:.2%} |"


def parse_args() -> argparse.Namespace:
    parser = OptionParser(__doc__, {"real": "eval_dataset"})
    parser.add_argument("checkpoints", nargs="+", help="checkpoint folders or Hub repositories, at least two")
    parser.add_argument("--output_dir", type=Path, required=True, help="folder of the average")
    parser.add_argument(
        "--eval_dataset",
        type=Path,
        nargs="*",
        help="folders of words with a labels.tsv (default: do not measure)",
    )
    args = parser.parse_args()
    if len(args.checkpoints) < 2:
        parser.error("an average needs at least two checkpoints")
    return args


if __name__ == "__main__":
    main()
