# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train]"]
# ///
"""Averages the weights of checkpoints of one run, or of runs from one checkpoint, which often improves accuracy.

    python scripts/reference/average_checkpoints.py runs/a runs/b --output_dir runs/both

See Wortsman et al. 2022, "Model soups". Config, tokenizer and image processor are those of the first checkpoint. The
weights are saved in half precision, in files of at most 15 MB. If the first checkpoint is a deeper copy of another
one, the blocks that the other lacks count as blocks without effect. Checkpoints that are too different average to a
network that reads nothing, so measure the average before you keep it:

    python scripts/reference/average_checkpoints.py runs/a runs/b --output_dir runs/both --eval_dataset iiit5k/

prints the accuracy of each checkpoint and of the average on the samples that `--validation_split_percentage 10` of
the run scripts holds out, and on vertical text, which they do not train on.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm
from transformers.utils import logging

from hf_str import CRNNForCTC, CRNNProcessor
from hf_str.data import load_word_boxes
from hf_str.evaluation import PROTOCOLS
from hf_str.evaluation.metrics import character_error_rate
from hf_str.evaluation.recognizers import Recognizer, open_recognizer
from hf_str.models.crnn.featurizer_resnet_crnn import CRNNZeroBatchNorm2d
from hf_str.models.crnn.image_loading_crnn import load_word_image
from hf_str.training.data_setup import held_out_rows
from hf_str.training.invalid_samples import image_size
from hf_str.utils.options import OptionParser


#: An image that is not decoded, and its label.
Sample = tuple[dict, str]


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
        held_out, vertical = split(args.eval_dataset, processor.image_processor.vertical_aspect_ratio or 1.5)
        print(f"\n{len(held_out):,} samples held out, {len(vertical):,} of vertical text; accuracy of 36 characters\n")
        print("| checkpoint | validation | CER | vertical text | CER |\n|---|---|---|---|---|")
        for checkpoint in [*args.checkpoints, str(args.output_dir)]:
            recognizer = open_recognizer(checkpoint, decoding={"decoder": "best_path"})
            print(f"| {checkpoint} | {measure(recognizer, held_out)} {measure(recognizer, vertical)}")


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


def split(sources: list[str], vertical_aspect_ratio: float) -> tuple[list[Sample], list[Sample]]:
    """The samples that are held out, and those of vertical text, which are taller than wide by this ratio."""
    held_out, vertical = [], []
    for source in sources:
        dataset = load_word_boxes(source)
        rows: Iterable[dict[str, Any]] = (dataset[row] for row in range(len(dataset)))
        for sample, is_held_out in zip(rows, held_out_rows(dataset, 10), strict=True):
            width, height = image_size(sample["image"])
            if height > vertical_aspect_ratio * width and len(sample["text"]) > 1:
                vertical.append((sample["image"], sample["text"]))
            elif is_held_out:
                held_out.append((sample["image"], sample["text"]))
    return held_out, vertical


def measure(recognizer: Recognizer, samples: list[Sample]) -> str:
    """Word accuracy and character error rate on these samples, as two cells of a table."""
    predictions = []
    for start in tqdm(range(0, len(samples), 256), leave=False, unit="batch"):
        images = [load_word_image(image) for image, _ in samples[start : start + 256]]
        predictions += [text for text, _ in recognizer.recognize(images)]
    labels = [text for _, text in samples]
    if not labels:
        return "- | - |"
    protocol = PROTOCOLS["36"]
    cer = character_error_rate(predictions, labels, protocol)
    return f"{protocol.word_accuracy(predictions, labels):.2%} | {cer:.2%} |"


def parse_args() -> argparse.Namespace:
    parser = OptionParser(__doc__, {"real": "eval_dataset"})
    parser.add_argument("checkpoints", nargs="+", help="checkpoint folders or Hub repositories, at least two")
    parser.add_argument("--output_dir", type=Path, required=True, help="folder of the average")
    parser.add_argument("--eval_dataset", nargs="*", help="sources of real words (default: do not measure)")
    args = parser.parse_args()
    if len(args.checkpoints) < 2:
        parser.error("an average needs at least two checkpoints")
    return args


if __name__ == "__main__":
    main()
