# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[synthesis]", "datasets", "pyarrow", "tqdm"]
# ///
"""Renders images of words and writes them with their texts as Parquet shards, ready for `datasets.load_dataset`.

    python scripts/synthesize_words.py --num_samples 1000 --output_dir words/
    python scripts/synthesize_words.py --num_samples 100000 --output_dir words/ --charset 94 \\
        --lexicon /usr/share/dict/words --backgrounds photos/ --num_workers 4

Each sample depends only on its index, the seed, the other options and the fonts of the machine. Give the same command
again to resume a run that was stopped: finished shards are kept. Look at `contact_sheet.png` before you train on the
samples; `--contact_sheets` writes one sheet for each of five difficulties, with the same texts.
"""

import argparse
import json
import multiprocessing
import os
import time
from pathlib import Path

import cv2
import numpy as np
from datasets import Dataset, Features, Image, Value, disable_progress_bars
from tqdm import tqdm

from hf_str.models.crnn.tokenization_crnn import resolve_charset
from hf_str.synthesis import WordRenderer, find_fonts, make_renderer
from hf_str.synthesis.contact_sheet import contact_sheet
from hf_str.utils.options import OptionParser, add_rendering_options, positive


SHEET_DIFFICULTIES = (0.0, 0.25, 0.5, 0.75, 1.0)
NOT_IN_SAMPLES = ("num_workers", "output_dir", "contact_sheets")  # options that change no sample
RENAMED = {
    "num_words": "num_samples",
    "words_per_shard": "samples_per_shard",
    "easy_words": "curriculum_samples",
    "max_length": "max_word_length",
    "format": "image_format",
    "num_proc": "num_workers",
}
FEATURES = Features({"image": Image(), "text": Value("string")})


def main() -> None:
    args = parse_args()
    args.output_dir.mkdir(parents=True, exist_ok=True)
    check_settings(args)
    renderer = renderer_of(args)
    print(f"{len(renderer.fonts)} fonts; charset: {''.join(renderer.sampler.characters)}")
    if uninvented := renderer.sampler.uninvented:
        print(
            f"There are no invented words for {len(uninvented)} letters of the charset ({uninvented[:20]}): they "
            "occur in random strings only. Give words of their language: --lexicon wordfreq:CODE or a text file"
        )
    write_contact_sheet(renderer, args.num_samples, args.output_dir / "contact_sheet.png")
    if args.contact_sheets:
        renderer.curriculum_samples = 0
        for difficulty in SHEET_DIFFICULTIES:
            renderer.difficulty = difficulty
            write_contact_sheet(renderer, args.num_samples, args.output_dir / f"contact_sheet_{difficulty:.2f}.png")

    shards = shards_of(args)
    missing = {path: indices for path, indices in shards.items() if not path.exists()}
    if len(missing) < len(shards):
        print(f"{len(shards) - len(missing)} of {len(shards)} shards exist already.")
    started = time.perf_counter()
    written = 0
    with (
        multiprocessing.Pool(args.num_workers, initializer=start_worker, initargs=(args,)) as pool,
        tqdm(total=sum(map(len, missing.values())), unit="sample", smoothing=0) as progress,
    ):
        for count in pool.imap_unordered(write_shard, missing.items()):
            written += count
            progress.update(count)
    seconds = time.perf_counter() - started
    if written:
        print(f"{written} samples in {seconds:.0f} s: {written / seconds:.0f} samples/s")
    print(f"Load them with: load_dataset('parquet', data_files='{args.output_dir}/words-*.parquet')")


def shards_of(args: argparse.Namespace) -> dict[Path, range]:
    """The indices of the samples in each shard."""
    count = -(-args.num_samples // args.samples_per_shard)
    indices = [
        range(start, min(args.num_samples, start + args.samples_per_shard))
        for start in range(0, args.num_samples, args.samples_per_shard)
    ]
    return {args.output_dir / f"words-{number:05d}-of-{count:05d}.parquet": i for number, i in enumerate(indices)}


def write_contact_sheet(renderer: WordRenderer, num_samples: int, file: Path) -> None:
    samples = [renderer.render(index) for index in range(min(192, num_samples))]
    file.write_bytes(pack(contact_sheet(samples, fonts=renderer.fonts), ".png"))


def parse_args() -> argparse.Namespace:
    parser = OptionParser(__doc__, RENAMED)
    add = parser.add_argument
    add("--num_samples", type=positive, required=True, help="number of images to render")
    add("--output_dir", type=Path, required=True, help="folder of the shards")
    add_rendering_options(parser)
    add("--ranked", action="store_true", help="lexicons without counts list the most frequent words first")
    add("--random_share", type=float, default=0.0, help="share of random strings among the texts")
    add("--max_word_length", type=int, default=25, help="longest text, in characters")
    add("--difficulty", type=float, default=1.0, help="from 0, clean print, to 1, as hard as street photos")
    add("--curriculum_samples", type=int, default=0, help="number of first samples over which the difficulty rises")
    add("--vertical_share", type=float, default=0.0, help="share of vertical text")
    add("--contact_sheets", action="store_true", help="also write one contact sheet for each of five difficulties")
    add("--height", type=int, nargs=2, default=(28, 64), metavar=("MIN", "MAX"), help="of the images, in pixels")
    add("--mode", choices=("RGB", "L"), default="RGB", help="color (RGB) or gray (L)")
    add("--image_format", choices=("jpeg", "png"), default="jpeg", help="format of the images in the shards")
    add("--seed", type=int, default=0, help="another seed gives other samples")
    add("--num_workers", type=positive, default=1, help="number of processes")
    add("--samples_per_shard", type=positive, default=10_000, help="number of samples in a Parquet file")
    return parser.parse_args()


def check_settings(args: argparse.Namespace) -> None:
    """Refuses to mix shards of two different runs in one folder."""
    file = args.output_dir / "settings.json"
    settings = {name: value for name, value in vars(args).items() if name not in NOT_IN_SAMPLES}
    settings = json.loads(json.dumps(settings, default=str))
    if file.exists():
        before = {RENAMED.get(name, name): value for name, value in json.loads(file.read_text("utf-8")).items()}
        if changed := ", ".join(f"--{name}" for name in settings if before.get(name) != settings[name]):
            raise SystemExit(
                f"{args.output_dir} holds samples made with other options ({changed}): use another folder."
            )
    file.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def renderer_of(args: argparse.Namespace) -> WordRenderer:
    characters = resolve_charset(args.charset)
    return make_renderer(
        characters,
        find_fonts(characters, folders=args.fonts, progress=multiprocessing.parent_process() is None),
        lexicons=args.lexicon,
        max_length=args.max_word_length,
        random_share=args.random_share,
        ranked=args.ranked,
        difficulty=args.difficulty,
        mode=args.mode,
        height=tuple(args.height),
        backgrounds=args.backgrounds,
        seed=args.seed,
        curriculum_samples=args.curriculum_samples,
        vertical_share=args.vertical_share,
    )


def start_worker(args: argparse.Namespace) -> None:
    """Gives this process its own renderer."""
    disable_progress_bars()  # those of `datasets` would break ours
    global RENDERER, SUFFIX  # a pool has no other place for what its processes keep
    RENDERER, SUFFIX = renderer_of(args), {"jpeg": ".jpg", "png": ".png"}[args.image_format]


def write_shard(shard: tuple[Path, range]) -> int:
    """Writes one shard under a temporary name, then renames it: a shard that exists is complete."""
    path, indices = shard
    samples = [RENDERER.render(index) for index in indices]
    columns = {
        "image": [{"bytes": pack(image, SUFFIX), "path": None} for image, _ in samples],
        "text": [text for _, text in samples],
    }
    unfinished = path.with_suffix(".tmp")
    Dataset.from_dict(columns, features=FEATURES).to_parquet(unfinished)
    os.replace(unfinished, path)
    return len(samples)


def pack(image: np.ndarray, suffix: str) -> bytes:
    """Encodes a uint8 image, RGB (height, width, 3) or gray (height, width)."""
    image = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(suffix, image)[1].tobytes()  # OpenCV's JPEG quality is 95, little below what cameras write


if __name__ == "__main__":
    main()
