# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train,lmdb,scipy]"]
# ///
"""Turns word boxes of any layout into Parquet shards, and reports what is in them before anybody trains on them.

    python scripts/prepare_word_boxes.py data_lmdb/training icdar2015/ --output_dir words/ --num_proc 4
    python scripts/prepare_word_boxes.py words/ --report --against iiit5k/ --test_split test --charset 94
    python scripts/prepare_word_boxes.py words/ --report --model PaddlePaddle/PP-OCRv6_small_rec_safetensors

The first writes `{image, text, polygon, source}`: the images' bytes as they are, words in scenes cut out and
rectified. A run that was stopped goes on when the same command is given again. The second writes report.txt,
report.json and report.html: counts, sizes, characters, labels that the model cannot learn, duplicates, test words in
the training set. The model is the one that fine-tuning would start from; `--model`, `--config_overrides`, `--charset`,
`--image_width` and `--keep_aspect_ratio` are those that the run scripts will be given.
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
    parser = argparse.ArgumentParser(
        description=f"{__doc__}\nformats:\n{describe_formats()}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("sources", nargs="+", help="files, folders, or names of data sets on the Hub")
    add("--output_dir", type=Path, help="where the shards go; without it nothing is converted")
    add("--format", choices=sorted(DATASET_FORMATS), help="the layout of all sources (default: found out for each)")
    add("--split", help='the split to read, or "all" (default: the only one, or else train)')
    add(
        "--num_shards",
        type=int,
        help="Parquet files (default: a power of two, 8 or more, of at most 20000 words each)",
    )
    add("--shuffle", type=int, metavar="SEED", help="mix the words of all sources (default: keep their order)")
    add("--num_proc", type=int, default=1, help="processes (default: 1)")
    add("--report", action="store_true", help="look at the data and write report.html, report.json and report.txt")
    add("--report_dir", type=Path, help="where the report goes (default: --output_dir, or else ./word_boxes_report)")
    add("--against", nargs="+", default=[], metavar="SOURCE", help="test sets whose words must not be in the sources")
    add("--test_split", help="the split of --against")
    add("--model", help="checkpoint to fine-tune, as --model_name_or_path (default: the one that comes with hf_str)")
    add("--config_overrides", help="fields of CRNNConfig as JSON: without --model, a new network")
    add(
        "--charset",
        help="a name such as 94, latin, german or korean, a .txt file, or the characters (default: the model's)",
    )
    add("--image_width", type=int, help="width to which words are stretched, in pixels (default: the model's)")
    add(
        "--keep_aspect_ratio",
        nargs="?",
        const=True,
        type=_truth,
        help="keep the shape of words instead of stretching them (default: as the model does)",
    )
    add("--image_height", type=int, help="deprecated: the height is that of the model")
    add("--sample", type=int, help="report on so many words, drawn at random (default: all)")
    args = parser.parse_args()
    if args.output_dir is None and not args.report:
        parser.error("say what to do: --output_dir, --report or both")
    if args.num_proc < 1 or (args.num_shards is not None and args.num_shards < 1):
        parser.error("--num_proc and --num_shards must be at least 1")
    return args


def convert(args: argparse.Namespace) -> None:
    preparation = Preparation(
        tuple(args.sources), args.output_dir, args.format, args.split, args.num_shards, args.shuffle
    )
    report = ReadReport()
    with tqdm(unit="item", unit_scale=True, desc="words and scenes", smoothing=0) as bar:
        for progress in prepare_word_boxes(preparation, args.num_proc):
            bar.total = progress.total
            bar.update(progress.done)
            report.merge(progress.report)
    print(report.summary())
    print(f"Load them with: hf_str.data.load_word_boxes({str(args.output_dir)!r})")


def report(args: argparse.Namespace) -> None:
    # only here: who converts needs nothing of what trains
    from hf_str.training.arguments import parse_overrides
    from hf_str.training.starting_point import as_our_checkpoint

    if args.image_height is not None:
        print("--image_height is deprecated: the height is that of the model, see --model", file=sys.stderr)
    settings = ReportSettings(
        sources=tuple(args.sources),
        against=tuple(args.against),
        format=args.format,
        split=args.split,
        test_split=args.test_split,
        charset=args.charset,
        image_height=args.image_height,
        image_width=args.image_width,
        sample=args.sample,
        num_proc=args.num_proc,
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
