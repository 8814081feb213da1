# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train,lmdb,scipy]"]
# ///
"""Converts word boxes of any format into Parquet shards, and reports what is in them before you train on them.

    python scripts/prepare_word_boxes.py data_lmdb/training icdar2015/ --output_dir words/ --num_workers 4
    python scripts/prepare_word_boxes.py words/ --report --eval_dataset iiit5k/ --eval_split test --charset 94
    python scripts/prepare_word_boxes.py words/ --report --model PaddlePaddle/PP-OCRv6_small_rec_safetensors

The first command writes rows of `{image, text, polygon, source}`. Image files are kept as they are; words in scene
images are cropped and rectified. Give the same command again to resume a run that was stopped. The other commands
write report.txt, report.json and report.html: counts, sizes, characters, labels that the model cannot learn,
duplicates, and samples of the evaluation sets that are also in the training data. The model is the one that you want
to fine-tune: `--model`, `--config_overrides`, `--charset`, `--image_width` and `--keep_aspect_ratio` have the values
that you will give to the run scripts.
"""

import argparse
import sys
from contextlib import nullcontext
from pathlib import Path

from tqdm import tqdm

from hf_str.data import DATASET_FORMATS, ReadReport
from hf_str.data.formats import describe_formats
from hf_str.data.preparation import Preparation, SettingsChangedError, prepare_word_boxes
from hf_str.data.report import report_word_boxes
from hf_str.data.report_settings import ReportSettings
from hf_str.utils.options import OptionParser, positive


RENAMED = {
    "format": "dataset_format",
    "split": "dataset_split",
    "num_proc": "num_workers",
    "against": "eval_dataset",
    "test_split": "eval_split",
    "sample": "max_samples",
}


def main() -> None:
    args = parse_args()
    try:
        if args.output_dir is not None:
            convert(args)
        if args.report:
            report(args)
    except (OSError, SettingsChangedError, ValueError) as error:
        raise SystemExit(f"error: {error}") from error


def parse_args() -> argparse.Namespace:
    parser = OptionParser(f"{__doc__}\nformats:\n{describe_formats()}", RENAMED)
    add = parser.add_argument
    add("sources", nargs="+", help="files, folders, or names of datasets on the Hub")
    add("--output_dir", type=Path, help="folder of the shards (default: convert nothing)")
    add("--dataset_format", choices=sorted(DATASET_FORMATS), help="format of all sources (default: detected for each)")
    add("--dataset_split", help='the split to read, or "all" (default: the only one, or else train)')
    add(
        "--num_shards",
        type=positive,
        help="number of Parquet files (default: a power of two, at least 8, with at most 20000 words each)",
    )
    add("--shuffle", type=int, metavar="SEED", help="shuffle the words of all sources (default: keep their order)")
    add("--num_workers", type=positive, default=1, help="number of processes")
    add("--report", action="store_true", help="write report.html, report.json and report.txt about the data")
    add("--report_dir", type=Path, help="folder of the report (default: --output_dir, or else ./word_boxes_report)")
    add(
        "--eval_dataset",
        nargs="+",
        default=[],
        metavar="SOURCE",
        help="evaluation sets whose words must not be in the sources",
    )
    add("--eval_split", help="the split of --eval_dataset to read")
    add("--model", help="checkpoint to fine-tune, as --model_name_or_path (default: the one that comes with hf_str)")
    add("--config_overrides", help="fields of CRNNConfig as JSON; without --model, those of a new network")
    add(
        "--charset",
        help="a name such as 94, latin, german or korean, a .txt file, or the characters (default: the model's)",
    )
    add("--image_width", type=int, help="width to which images are stretched, in pixels (default: the model's)")
    add(
        "--keep_aspect_ratio",
        nargs="?",
        const=True,
        type=_truth,
        help="keep the aspect ratio of images instead of stretching them (default: as the model does)",
    )
    add("--image_height", type=int, help="deprecated: the height is that of the model")
    add("--max_samples", type=int, help="report on this many random samples (default: all)")
    args = parser.parse_args()
    if args.output_dir is None and not args.report:
        parser.error("give --output_dir, --report or both")
    return args


def convert(args: argparse.Namespace) -> None:
    preparation = Preparation(
        tuple(args.sources), args.output_dir, args.dataset_format, args.dataset_split, args.num_shards, args.shuffle
    )
    report = ReadReport()
    with tqdm(unit="item", unit_scale=True, desc="words and scenes", smoothing=0) as bar:
        for progress in prepare_word_boxes(preparation, args.num_workers):
            bar.total = progress.total
            bar.update(progress.done)
            report.merge(progress.report)
    print(report.summary())
    print(f"Load them with: hf_str.data.load_word_boxes({str(args.output_dir)!r})")


def report(args: argparse.Namespace) -> None:
    # Imported here because conversion does not need what training needs.
    from hf_str.training.arguments import parse_overrides
    from hf_str.training.starting_point import as_our_checkpoint

    if args.image_height is not None:
        print("--image_height is deprecated: the height is that of the model, see --model", file=sys.stderr)
    settings = ReportSettings(
        sources=tuple(args.sources),
        against=tuple(args.eval_dataset),
        format=args.dataset_format,
        split=args.dataset_split,
        test_split=args.eval_split,
        charset=args.charset,
        image_height=args.image_height,
        image_width=args.image_width,
        sample=args.max_samples,
        num_proc=args.num_workers,
        model=args.model,
        config_overrides=parse_overrides(args.config_overrides) if args.config_overrides else None,
        keep_aspect_ratio=args.keep_aspect_ratio,
    )
    folder = args.report_dir or args.output_dir or Path("word_boxes_report")
    with as_our_checkpoint(args.model) if args.model else nullcontext() as checkpoint:
        print(report_word_boxes(settings, folder, checkpoint))


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"must be true or false, not {text!r}")
    return text.lower() == "true"


if __name__ == "__main__":
    main()
