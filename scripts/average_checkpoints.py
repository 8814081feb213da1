# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train]"]
# ///
"""Averages the weights of checkpoints of one run, or of runs from one checkpoint, which often read better together.

    python scripts/average_checkpoints.py runs/a/final runs/a/checkpoint-4000 --output_dir runs/both

Wortsman et al. 2022, "Model soups". Config, tokenizer and image processor are those of the first. Weights are written
in half precision, as `train_reference.py` writes them. Networks that have gone different ways average to one that
reads nothing, so measure before you keep it:

    python scripts/average_checkpoints.py runs/a/final runs/a/checkpoint-4000 --output_dir runs/both --real iiit5k/

tells how well each checkpoint and their average read the words of these folders that `train_reference.py` does not
train on: every tenth, to choose by, and those that stand upright.
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
from hf_str.training import WordTable, split_real_words


def main():
    args = parse_args()
    logging.disable_progress_bar()
    processor = CRNNProcessor.from_pretrained(args.checkpoints[0])
    models = [CRNNForCTC.from_pretrained(checkpoint, dtype=torch.float32) for checkpoint in args.checkpoints]
    first, *others = ({name: (w.shape, w.dtype) for name, w in model.state_dict().items()} for model in models)
    if any(other != first for other in others):
        raise SystemExit("error: these checkpoints are of different networks: there is no average of their weights")
    weights = {}
    for name, (_, dtype) in first.items():
        mean = torch.stack([model.state_dict()[name].double() for model in models]).mean(0)
        weights[name] = mean.half() if dtype.is_floating_point else mean.to(dtype)
    models[0].save_pretrained(args.output_dir, state_dict=weights, max_shard_size="15MB")
    processor.save_pretrained(args.output_dir)
    print(f"The average of {len(models)} checkpoints: {args.output_dir}")

    if args.real:
        real = split_real_words(args.real, processor.tokenizer)
        print(f"\n{real}; accuracy of 36 characters\n")
        print("| checkpoint | validation | CER | upright words | CER |\n|---|---|---|---|---|")
        for checkpoint in [*args.checkpoints, str(args.output_dir)]:
            recognizer = open_recognizer(checkpoint, decoding={"decoder": "best_path"})
            print(f"| {checkpoint} | {measure(recognizer, real.validation)} {measure(recognizer, real.upright)}")


def measure(recognizer: Recognizer, words: WordTable) -> str:
    """Word accuracy and character error rate on these words, as two cells of a table."""
    readings = []
    for start in tqdm(range(0, len(words), 256), leave=False, unit="batch"):
        images = [load_word_image(box.path) for box in words.boxes[start : start + 256]]
        readings += [text for text, _ in recognizer.read(images)]
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
