# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str"]
# ///
"""Converts a CRNN of another project to a checkpoint that loads with Auto classes: weights, processor and code.

    python scripts/convert_crnn_checkpoint.py --family list
    python scripts/convert_crnn_checkpoint.py --family crnn-pytorch --checkpoint crnn.pth --output_dir crnn/
    python scripts/convert_crnn_checkpoint.py --checkpoint PP-OCRv6_rec_small.onnx --charset latin --output_dir v6/
    python scripts/convert_crnn_checkpoint.py --checkpoint PaddlePaddle/PP-OCRv6_small_rec_safetensors --output_dir v6/

Logits and pixels are those of the other project, but for the blank, which becomes class 0. The charset is found by the
number of classes where the project has one of that size; otherwise give it with --charset. The recognizers of PP-OCR
bring a dictionary along and say themselves what they are; there --charset names the characters that are kept (94,
94+space, latin, chinese, a file, or the characters themselves; by default all).
"""

import argparse
import sys
from pathlib import Path

from hf_str.conversion import FAMILIES, convert_checkpoint


def main() -> None:
    args = parse_args()
    if args.family == "list":
        print(describe_families())
        return
    try:
        model = convert_checkpoint(
            *(args.family, args.checkpoint, args.output_dir, args.charset, args.preprocessing, args.image_size),
            dictionary=args.dictionary,
            half=args.half,
            activation=args.activation,
            weights_key=args.weights_key,
        )
    except (ValueError, OSError) as error:
        sys.exit(f"{args.checkpoint} was not converted: {error}")
    print(f"{model.num_parameters():,} parameters, {model.config.vocab_size} classes: {args.output_dir}")


def describe_families() -> str:
    """Each family with the files it takes, its charsets and its ways to prepare images."""
    paragraphs = []
    for family in FAMILIES.values():
        charsets = ", ".join(f"{name} ({len(characters)})" for name, characters in family.charsets.items())
        charsets = charsets or "its whole dictionary, or what --charset keeps of it"
        lines = [
            f"{family.name}: {family.title}",
            f"  source         {family.source}",
            f"  files          {family.files}",
            f"  charsets       {charsets}",
            f"  preprocessing  {', '.join(family.preprocessing)}",
        ]
        paragraphs.append("\n".join(lines + [f"  remarks        {family.remarks}"] * bool(family.remarks)))
    return "\n\n".join(paragraphs)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--family",
        choices=["list", *FAMILIES],
        metavar="NAME",
        help=f"list, {', '.join(FAMILIES)}; may be left out for files of PP-OCR",
    )
    parser.add_argument(
        "--checkpoint",
        help="file of weights: .pth, .pt, .safetensors, .t7, .onnx (PP-OCR), or .pdparams, Paddle's pickle of arrays; "
        "code in a file is refused and never run. Of PP-OCR also a folder or repository of transformers' safetensors",
    )
    parser.add_argument("--output_dir", type=Path)
    parser.add_argument(
        "--charset",
        help="name of a charset of the family or of hf_str, or a .txt file with one character a line, in the order of "
        "the classes and without the blank (default: the one of the family's charsets that fits)",
    )
    parser.add_argument(
        "--dictionary",
        help="of PP-OCR, where the file has none: text file with a character a line, or inference.yml",
    )
    parser.add_argument("--half", action="store_true", help="save in half precision: half of the size")
    parser.add_argument(
        "--preprocessing", metavar="NAME", help="how the family prepares images (default: the first of its list)"
    )
    parser.add_argument(
        "--activation",
        metavar="NAME",
        help="relu, leaky_relu or leaky_relu:SLOPE, where the file does not say what its convolutions have and the "
        "project has an option for it (default: relu, with a warning)",
    )
    parser.add_argument(
        "--weights_key", metavar="KEY", help="key of the weights in a file with several sets of them, such as ema"
    )
    parser.add_argument(
        "--image_size",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="of the images that the network was trained on (default: the family's)",
    )
    args = parser.parse_args()
    if args.family != "list" and not (args.checkpoint and args.output_dir):
        parser.error("--checkpoint and --output_dir are needed")
    if args.family not in (None, "list") and args.preprocessing not in (None, *FAMILIES[args.family].preprocessing):
        parser.error(f"--preprocessing of {args.family} is one of {', '.join(FAMILIES[args.family].preprocessing)}")
    return args


if __name__ == "__main__":
    main()
