# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train]"]
# ///
"""Reads millions of word images: shards in, one Parquet file of predictions out for each.

    python scripts/read_words.py --dataset crops/ --output_dir readings/
    python scripts/read_words.py --dataset shards/*.tar --output_dir readings/ --characters
    accelerate launch --num_processes 8 scripts/read_words.py --dataset shards/ --output_dir readings/ \\
        --batch_size 1024 --num_workers 12 --price_per_hour 20

A shard is a Parquet file (with encoded images, with paths, or as `datasets` writes it), a webdataset tar file, or
20,000 files of a folder of images. For the shard `a/b.parquet` of a folder, the script writes to the output folder

    a/b.parquet             row, key, text, score, and with --characters each character with its position
    a/b.bad_images.jsonl    row, key and problem of each image that cannot be read, if there are any

The output has the rows of the shard in the same order. An invalid image has an empty text and no score. Positions of
characters are in pixels of the image; those of vertical text are in pixels of the image after it was turned. Output
files are written under another name and renamed when they are complete: give the same command again to resume a run
that was stopped. If a shard is damaged or the disk is full, the script reports the shard, reads the others, and exits
with code 1. Only one run at a time may write to a folder. The script refuses to resume with other options, or with
shards that have changed (by size, time, or the first and last bytes). It does not trust the sizes that a shard
declares: each process or worker holds at most a few hundred MB and one image of at most 89 megapixels.

Processes share the shards, on one machine or many: have many more shards than processes. Use --num_workers on a GPU;
on a CPU, use one process per core instead. The network computes in the fastest data type of the device; another
--precision may change a few texts.

On Ray clusters, `hf_str.inference.ray_data.WordRecognizer` does the same for `map_batches` of Ray Data.
"""

import argparse
import hashlib
import os
import sys
import time
from datetime import timedelta
from itertools import chain, groupby
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader
from tqdm import tqdm
from transformers.utils import logging

import hf_str
from hf_str.evaluation.predictions import check_settings
from hf_str.evaluation.recognizers import fingerprint
from hf_str.inference.bulk_recognizer import BulkRecognizer
from hf_str.inference.predictions import write_predictions
from hf_str.inference.shards import BrokenShardError, find_shards
from hf_str.inference.windows import Preparation, windows
from hf_str.models.crnn.ctc_decoders_crnn import DECODERS
from hf_str.models.crnn.inference_crnn import PRECISIONS
from hf_str.utils.options import OptionParser, add_decoding_options, positive
from hf_str.utils.processes import from_main, gather_items, start_process, stop_processes


def main():
    args = parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    # The first process to end waits for the last: with uneven shards, longer than the usual 10 minutes.
    rank, world_size, device = start_process(args.device, timeout=timedelta(days=7))
    try:
        shards = find_shards(args.dataset, args.image_column, args.key_column)
        outputs = [args.output_dir / f"{shard.name}.parquet" for shard in shards]
        check_output_dir(args.output_dir, args.dataset)
        decoding = {"lexicon": args.lexicon, "language_model": args.language_model, "beam_width": args.beam_width}
        recognizer = BulkRecognizer(args.model, device, args.precision, args.characters, args.decoder, **decoding)
        if rank == 0:
            unread = [shard.name for shard, path in zip(shards, outputs, strict=True) if not path.exists()]
            check_settings(args.output_dir, prediction_settings(args, recognizer.precision), shards, unread)
            for leftover in args.output_dir.rglob("*.part"):  # of a run that was killed
                leftover.unlink()
        # From one process: another may look when the first shards are written already.
        pending = from_main([number for number, path in enumerate(outputs) if not path.exists()], world_size)
    except (ImportError, OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from error

    own = pending[rank::world_size]
    rows = bad = 0
    problems: dict[int, str] = {}
    preparation = Preparation(recognizer.processor, args.batch_size)
    found = DataLoader(
        preparation,
        batch_size=None,
        sampler=windows([(number, shards[number]) for number in own], preparation.window_size),
        num_workers=args.num_workers,
        pin_memory=device.type == "cuda",
    )
    counts = {number: shards[number].num_rows for number in own} if rank == 0 else {}
    started, cpu_started = time.perf_counter(), cpu_seconds()
    description = "reading" if world_size == 1 else f"process 1 of {world_size}"
    with tqdm(unit="image", desc=description, mininterval=1, disable=rank > 0) as bar:
        for number, own_windows in groupby(found, key=lambda window: window.shard):
            bar.total = expected_rows(counts)
            try:
                predictions = ((window, recognizer.predict(window)) for window in own_windows)
                own_rows, own_bad = write_predictions(outputs[number], recognizer.schema, predictions, bar.update)
                counts[number], rows, bad = own_rows, rows + own_rows, bad + own_bad
            except (BrokenShardError, OSError) as error:
                problems[number] = str(error)
    seconds, of_cores = time.perf_counter() - started, cpu_seconds() - cpu_started
    missing = [(shards[n].name, problems.get(n, "it was not read")) for n in own if not outputs[n].exists()]

    parts = gather_items([(rows, bad, seconds, of_cores, missing)], world_size)
    stop_processes(world_size)
    if rank == 0:
        report(parts, len(shards), len(pending), args.price_per_hour)
        raise SystemExit(1 if any(missing for *_, missing in parts) else 0)


def check_output_dir(folder: Path, sources: list[Path]):
    """Refuses a folder where outputs would be taken for inputs."""
    for source in sources:
        inputs = source.resolve() if source.is_dir() else source.resolve().parent
        if folder.resolve() == inputs or (source.is_dir() and folder.resolve().is_relative_to(inputs)):
            raise ValueError(f"--output_dir {folder} must not lie in the folder of the shards, {inputs}")


def cpu_seconds() -> float:
    """CPU time of this process so far, and of its workers that have ended."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def prediction_settings(args: argparse.Namespace, precision: str) -> dict[str, Any]:
    """What the predictions in the output folder depend on."""
    names = ("decoder", "beam_width", "characters", "image_column", "key_column")
    settings = {"model": args.model, "weights": fingerprint(args.model), "precision": precision}
    settings |= {name: vars(args)[name] for name in names}
    for name in ("lexicon", "language_model"):
        path = vars(args)[name]
        settings[name] = path and f"{path}, SHA-256 {hashlib.sha256(Path(path).read_bytes()).hexdigest()[:24]}"
    return settings


def expected_rows(counts: dict[int, int | None]) -> int | None:
    """Rows of all shards; shards that are not counted yet are taken to have the mean of the others."""
    known = [count for count in counts.values() if count is not None]
    return round(sum(known) * len(counts) / len(known)) if known else None


def report(parts: list[tuple], num_shards: int, num_pending: int, price_per_hour: float | None):
    """Prints what was read, how fast and at what price, and what was not read."""
    all_rows, all_bad, all_seconds, all_cpu_seconds, missing = zip(*parts, strict=True)
    rows, seconds = sum(all_rows), max(all_seconds)
    missing = list(chain.from_iterable(missing))
    for name, problem in missing:
        print(f"error: the shard {name} was not read: {problem}", file=sys.stderr)
    print(
        f"{num_pending - len(missing)} of {num_shards} shards read, {num_shards - num_pending} existed already: "
        f"{rows:,} images, {sum(all_bad):,} of them bad"
    )
    if not rows:
        return
    print(
        f"{rows / seconds:,.1f} images/s, {rows / seconds / len(parts):,.1f} per process, "
        f"{rows / sum(all_cpu_seconds):,.1f} per second of CPU time"
    )
    hours = seconds / rows * 1e6 / 3600
    price = "" if price_per_hour is None else f" and cost {price_per_hour * hours:,.2f}"
    print(f"At this rate a million images take {hours:,.2f} hours{price}.")


def parse_args() -> argparse.Namespace:
    parser = OptionParser(__doc__, {"data": "dataset"})
    add = parser.add_argument
    add(
        "--dataset",
        nargs="+",
        type=Path,
        required=True,
        help="Parquet files, tar files, or folders of these or images",
    )
    add("--output_dir", type=Path, required=True, help="folder of the predictions")
    add(
        "--model",
        default=hf_str.DEFAULT_CHECKPOINT,
        help="checkpoint folder or Hub repository of a CRNN (default: that of hf_str)",
    )
    add(
        "--image_column",
        default="image",
        help="image column of Parquet files; paths in it are relative to the file's folder",
    )
    add(
        "--key_column",
        help="column of Parquet files to copy as key (default: the paths of the images, if they have any)",
    )
    add("--characters", action="store_true", help="write text, probability, left and right edge of each character")
    add("--batch_size", type=positive, default=64, help="images per forward pass; use 512 or more on a GPU")
    add("--num_workers", type=int, default=0, help="processes that load images, for each process that reads")
    add(
        "--precision",
        choices=PRECISIONS,
        default="auto",
        help="data type of the network; auto is the fastest one of the device: bfloat16 on CPUs with AMX or "
        "AVX512-BF16, float16 on GPUs, float32 elsewhere",
    )
    add("--device", default=None, help='such as "cpu" or "cuda" (default: a GPU if there is one)')
    add("--price_per_hour", type=float, help="of all machines, in any currency: prints the price of a million images")
    add_decoding_options(parser, DECODERS, "text file with one word per line: read only these words")
    return parser.parse_args()


if __name__ == "__main__":
    main()
