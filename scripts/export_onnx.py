# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[onnx]"]
# ///
"""Exports a checkpoint to ONNX with a free batch and width, and checks that the graph gives PyTorch's logits.

    python scripts/export_onnx.py --output_dir crnn-onnx/
    python scripts/export_onnx.py --model my-crnn/ --output_dir crnn-int8/ --int8 --calibration my_words/
    hf-str read word.png --backend onnx --model crnn-onnx/
    python scripts/evaluate_str.py --data iiit5k/ --model crnn-int8/model.onnx

The folder has model.onnx, whose metadata record the charset and the preprocessing, and the config, tokenizer and image
processor beside it. `--int8` writes model.onnx with convolutions and LSTMs in eight bits; the ranges of activations
are taken from a folder of word images like those that will be read.
"""

import argparse
import logging
import sys
from pathlib import Path

from transformers.utils.logging import disable_progress_bar

import hf_str
from hf_str import CRNNForCTC
from hf_str.onnx import ORTCRNNForCTC, export_onnx, largest_difference, quantize_onnx


def main(arguments: list[str] | None = None) -> None:
    args = parse_args(arguments)
    disable_progress_bar()
    for name in ("", "torch.onnx"):  # they warn of shapes that are free, and of operators of torchvision
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        file = export_onnx(args.model, args.output_dir)
        model = CRNNForCTC.from_pretrained(args.model).eval()
        difference = largest_difference(model, ORTCRNNForCTC.from_pretrained(args.output_dir), args.num_shapes)
        print(f"{file}: {file.stat().st_size / 1e6:.1f} MB")
        print(f"largest difference from PyTorch's logits over {args.num_shapes} shapes: {difference:.1e}")
        if difference > args.tolerance:
            sys.exit(f"error: the graph does not give what PyTorch gives: the difference may be {args.tolerance:.0e}")
        if args.int8:
            quantize_onnx(file, file, calibration_images(args.calibration, args.num_images))
            print(f"{file} in int8: {file.stat().st_size / 1e6:.1f} MB")
    except (ImportError, OSError, ValueError) as error:
        sys.exit(f"error: {error}")


def calibration_images(folder: Path, num_images: int) -> list:
    """Images from all over a folder, the same ones each time."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".png", ".jpg", ".jpeg"))
    if not files:
        raise ValueError(f"there is no image in {folder}")
    return [hf_str.load_word_image(str(file)) for file in files[:: max(len(files) // num_images, 1)][:num_images]]


def parse_args(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=hf_str.DEFAULT_CHECKPOINT, help="checkpoint folder or Hub repository")
    parser.add_argument("--output_dir", type=Path, required=True)
    parser.add_argument("--num_shapes", type=int, default=20, help="batches of different sizes to check")
    parser.add_argument(
        "--tolerance",
        type=float,
        default=5e-4,
        help="largest difference of a logit from PyTorch's (5e-4; on noise, of which the checks are, float32 rounds "
        "logits of 17 by up to 1e-4, larger ones by more)",
    )
    parser.add_argument("--int8", action="store_true", help="write the graph in eight bits")
    parser.add_argument(
        "--calibration", type=Path, help="folder of word images for --int8, walked to its depth (labels are not used)"
    )
    parser.add_argument("--num_images", type=int, default=256, help="images of it to calibrate with")
    args = parser.parse_args(arguments)
    if args.int8 and args.calibration is None:
        parser.error("--int8 needs --calibration, a folder of word images")
    return args


if __name__ == "__main__":
    main()
