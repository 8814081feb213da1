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

The converted model has the logits and pixels of the original, except that the blank becomes class 0. The charset is
found by the number of classes if the project has a charset of that size; otherwise give it with --charset. The
recognizers of PP-OCR come with a dictionary and need no --family; for them, --charset selects the characters to keep
(94, 94+space, latin, chinese, a file, or the characters themselves; default: all).
"""

import argparse
import sys
from pathlib import Path

from hf_str.conversion import FAMILIES, convert_checkpoint
from hf_str.utils.options import OptionParser


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
    """Each family with its files, charsets and preprocessings."""
    paragraphs = []
    for family in FAMILIES.values():
        charsets = ", ".join(f"{name} ({len(characters)})" for name, characters in family.charsets.items())
        charsets = charsets or "its dictionary, or the characters of it that --charset selects"
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
    parser = OptionParser(__doc__)
    add = parser.add_argument
    add(
        "--family",
        choices=["list", *FAMILIES],
        metavar="NAME",
        help=f"{', '.join(FAMILIES)}; or list, to print what each of them takes (default: found for files of PP-OCR)",
    )
    add(
        "--checkpoint",
        help="file of weights: .pth, .pt, .safetensors, .t7, .onnx (PP-OCR), or .pdparams (a pickle of arrays); code "
        "in a file is refused and never run. For PP-OCR also a folder or Hub repository of transformers' safetensors",
    )
    add("--output_dir", type=Path, help="folder of the converted checkpoint")
    add(
        "--charset",
        help="name of a charset of the family or of hf_str, or a .txt file with one character per line, in the order "
        "of the classes and without the blank (default: the charset of the family that fits)",
    )
    add(
        "--dictionary",
        help="for PP-OCR, if the file has none: text file with one character per line, or inference.yml",
    )
    add("--half", action="store_true", help="save in half precision, which halves the size")
    add("--preprocessing", metavar="NAME", help="preprocessing of the family (default: the first in its list)")
    add(
        "--activation",
        metavar="NAME",
        help="relu, leaky_relu or leaky_relu:SLOPE, if the project has an option for it that the file does not record "
        "(default: relu, with a warning)",
    )
    add("--weights_key", metavar="KEY", help="key of the weights in a file with several sets of weights, such as ema")
    add(
        "--image_size",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="size of the images that the network was trained on (default: that of the family)",
    )
    args = parser.parse_args()
    if args.family != "list" and not (args.checkpoint and args.output_dir):
        parser.error("--checkpoint and --output_dir are required")
    if args.family not in (None, "list") and args.preprocessing not in (None, *FAMILIES[args.family].preprocessing):
        parser.error(
            f"--preprocessing of {args.family} must be one of {', '.join(FAMILIES[args.family].preprocessing)}"
        )
    return args


if __name__ == "__main__":
    main()
