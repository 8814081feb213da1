# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str"]
# ///
"""Averages the weights of checkpoints of one run, or of runs from one checkpoint, which often read better together.

    python scripts/average_checkpoints.py runs/a/final runs/b/final --output_dir runs/both

Wortsman et al. 2022, "Model soups". Config, tokenizer and image processor are those of the first. Weights are written
in half precision, as `train_reference.py` writes them. Measure before you keep it: networks that have gone different
ways average to one that reads nothing.
"""

import argparse
from pathlib import Path

import torch
from transformers.utils import logging

from hf_str import CRNNForCTC, CRNNProcessor


def main():
    args = parse_args()
    logging.disable_progress_bar()
    models = [CRNNForCTC.from_pretrained(checkpoint, dtype=torch.float32) for checkpoint in args.checkpoints]
    first, *others = ({name: (w.shape, w.dtype) for name, w in model.state_dict().items()} for model in models)
    if any(other != first for other in others):
        raise SystemExit("error: these checkpoints are of different networks: there is no average of their weights")
    weights = {}
    for name, (_, dtype) in first.items():
        mean = torch.stack([model.state_dict()[name].double() for model in models]).mean(0)
        weights[name] = mean.half() if dtype.is_floating_point else mean.to(dtype)
    models[0].save_pretrained(args.output_dir, state_dict=weights, max_shard_size="15MB")
    CRNNProcessor.from_pretrained(args.checkpoints[0]).save_pretrained(args.output_dir)
    print(f"The average of {len(models)} checkpoints: {args.output_dir}")


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="+", help="folders or Hub repositories")
    parser.add_argument("--output_dir", type=Path, required=True)
    args = parser.parse_args()
    if len(args.checkpoints) < 2:
        parser.error("an average needs two checkpoints or more")
    return args


if __name__ == "__main__":
    main()
