# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[onnx]"]
# ///
"""Exports a checkpoint to ONNX with dynamic batch size and width, and checks that the logits are those of PyTorch.

    python scripts/export_onnx.py --output_dir crnn-onnx/
    python scripts/export_onnx.py --model my-crnn/ --output_dir crnn-int8/ --int8 --calibration my_words/
    hf-str read word.png --backend onnx --model crnn-onnx/
    python scripts/evaluate_str.py --dataset iiit5k/ --model crnn-int8/model.onnx

The folder has model.onnx, whose metadata contain charset and preprocessing, and the config, tokenizer and image
processor. `--int8` quantizes convolutions and LSTMs to eight bits; the ranges of activations are measured on a folder
of word images, which should be similar to those that the model will read.
"""

import argparse
import logging
import sys
from pathlib import Path

from transformers.utils.logging import disable_progress_bar

import hf_str
from hf_str import CRNNForCTC
from hf_str.onnx import ORTCRNNForCTC, export_onnx, largest_difference, quantize_onnx
from hf_str.utils.image_files import find_images
from hf_str.utils.options import OptionParser, positive


def main(arguments: list[str] | None = None) -> None:
    args = parse_args(arguments)
    disable_progress_bar()
    for name in ("", "torch.onnx"):  # they warn about dynamic shapes and operators of torchvision
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        file = export_onnx(args.model, args.output_dir)
        model = CRNNForCTC.from_pretrained(args.model).eval()
        difference = largest_difference(model, ORTCRNNForCTC.from_pretrained(args.output_dir), args.num_shapes)
        print(f"{file}: {file.stat().st_size / 1e6:.1f} MB")
        print(f"largest difference from PyTorch's logits over {args.num_shapes} shapes: {difference:.1e}")
        if difference > args.tolerance:
            sys.exit(f"error: the logits of the graph differ from those of PyTorch by more than {args.tolerance:.0e}")
        if args.int8:
            quantize_onnx(file, file, calibration_images(args.calibration, args.num_images))
            print(f"{file} in int8: {file.stat().st_size / 1e6:.1f} MB")
    except (ImportError, OSError, ValueError) as error:
        sys.exit(f"error: {error}")


def calibration_images(folder: Path, num_images: int) -> list:
    """Images from all parts of a folder, the same ones each time."""
    files = find_images(folder)
    return [hf_str.load_word_image(str(file)) for file in files[:: max(len(files) // num_images, 1)][:num_images]]


def parse_args(arguments: list[str] | None) -> argparse.Namespace:
    parser = OptionParser(__doc__)
    add = parser.add_argument
    add(
        "--model",
        default=hf_str.DEFAULT_CHECKPOINT,
        help="checkpoint folder or Hub repository (default: that of hf_str)",
    )
    add("--output_dir", type=Path, required=True, help="folder of the graph")
    add("--num_shapes", type=positive, default=20, help="number of batches of different sizes for the check")
    add(
        "--tolerance",
        type=float,
        default=5e-4,
        help="largest difference of a logit from PyTorch's; the check reads noise, where logits of 17 differ by up to "
        "1e-4 in float32, and larger ones by more",
    )
    add("--int8", action="store_true", help="quantize the graph to eight bits")
    add("--calibration", type=Path, help="folder of word images for --int8, searched recursively; labels are not used")
    add("--num_images", type=positive, default=256, help="images of --calibration to use")
    args = parser.parse_args(arguments)
    if args.int8 and args.calibration is None:
        parser.error("--int8 needs --calibration, a folder of word images")
    return args


if __name__ == "__main__":
    main()
