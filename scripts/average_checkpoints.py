# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train]"]
# ///
"""Averages the weights of checkpoints of one run, or of runs from one checkpoint, which often read better together.

    python scripts/average_checkpoints.py runs/a/final runs/a/checkpoint-4000 --output_dir runs/both

Wortsman et al. 2022, "Model soups". Config, tokenizer and image processor are those of the first. Weights are written
in half precision, as `train_reference.py` writes them. One that has fewer residual blocks, because the first was made
deeper from there, counts as the first with its further blocks closed, which is the same network. Networks that have
gone different ways average to one that reads nothing, so measure before you keep it:

    python scripts/average_checkpoints.py runs/a/final runs/a/checkpoint-4000 --output_dir runs/both --real iiit5k/

tells how well each checkpoint and their average read the words of these folders that `train_reference.py` does not
train on: every tenth, to choose by, and vertical text.
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

    if args.real:
        real = split_real_samples(args.real, processor.tokenizer)
        print(f"\n{real}; accuracy of 36 characters\n")
        print("| checkpoint | validation | CER | vertical text | CER |\n|---|---|---|---|---|")
        for checkpoint in [*args.checkpoints, str(args.output_dir)]:
            recognizer = open_recognizer(checkpoint, decoding={"decoder": "best_path"})
            print(f"| {checkpoint} | {measure(recognizer, real.validation)} {measure(recognizer, real.vertical)}")


def weights_as_of(first: CRNNForCTC, model: CRNNForCTC) -> dict[str, torch.Tensor]:
    """The weights of `model`, and of the blocks that it lacks those of `first`, with nothing coming out."""
    own, wanted = model.state_dict(), first.state_dict()
    doors = [name for name, module in first.named_modules() if isinstance(module, CRNNZeroBatchNorm2d)]
    closed = {f"{name}.{part}" for name in doors for part in ("weight", "bias")}
    lacking = {
        name: torch.zeros_like(weight) if name in closed else weight
        for name, weight in wanted.items()
        if name not in own and ".residual_blocks." in name and ".shortcut." not in name
    }
    shapes, wanted_shapes = ({name: (w.shape, w.dtype) for name, w in ws.items()} for ws in (own | lacking, wanted))
    if shapes != wanted_shapes:
        raise SystemExit("error: these checkpoints are of different networks: there is no average of their weights")
    return own | lacking


def measure(recognizer: Recognizer, words: SampleTable) -> str:
    """Word accuracy and character error rate on these words, as two cells of a table."""
    readings = []
    for start in tqdm(range(0, len(words), 256), leave=False, unit="batch"):
        images = [load_word_image(box.path) for box in words.boxes[start : start + 256]]
        readings += [text for text, _ in recognizer.recognize(images)]
    labels = [box.text for box in words.boxes]
    if not labels:
        return "- | - |"
    protocol = PROTOCOLS["36"]
    cer = character_error_rate(readings, labels, protocol)
    return f"{protocol.word_accuracy(readings, labels):.2%} | {cer:.2%} |"


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="+", help="folders or Hub repositories")
    parser.add_argument("--output_dir", type=Path, required=True)
    parser.add_argument("--real", type=Path, nargs="*", help="folders of real words, each with a labels.tsv")
    args = parser.parse_args()
    if len(args.checkpoints) < 2:
        parser.error("an average needs two checkpoints or more")
    return args


if __name__ == "__main__":
    main()
