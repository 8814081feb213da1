# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[synthesis]", "datasets", "pyarrow", "tqdm"]
# ///
"""Renders pictures of words with their texts and writes them as Parquet shards, ready for `datasets.load_dataset`.

    python scripts/synthesize_words.py --num_words 100000 --output_dir words/ --charset 94 \\
        --lexicon /usr/share/dict/words --backgrounds photos/ --num_proc 4

Word number n depends only on the seed, n and the fonts of the machine. A run that was stopped goes on where it was
when the same command is given again: finished shards are kept. Look at `contact_sheet.png` before training;
`--contact_sheets` makes one for each of five difficulties, with the same texts.
"""

import argparse
import json
import multiprocessing
import os
import time
from pathlib import Path

import cv2
from datasets import Dataset, Features, Image, Value, disable_progress_bars
from tqdm import tqdm

from hf_str.models.crnn.tokenization_crnn import resolve_charset
from hf_str.synthesis import WordRenderer, find_fonts, make_renderer
from hf_str.synthesis.contact_sheet import contact_sheet


SHEET_DIFFICULTIES = (0.0, 0.25, 0.5, 0.75, 1.0)
NOT_IN_WORDS = ("num_proc", "output_dir", "contact_sheets")  # settings that change no word
FEATURES = Features({"image": Image(), "text": Value("string")})


def main() -> None:
    args = parse_args()
    args.output_dir.mkdir(parents=True, exist_ok=True)
    check_settings(args)
    renderer = renderer_of(args)
    print(f"{len(renderer.fonts)} fonts; charset: {''.join(renderer.sampler.characters)}")
    if uninvented := renderer.sampler.uninvented:
        print(
            f"No words are invented of {len(uninvented)} of its letters ({uninvented[:20]}): they stand in random "
            "strings only, among invented Latin words. Give words of their language: --lexicon wordfreq:CODE or a file"
        )
    write_contact_sheet(renderer, args.num_words, args.output_dir / "contact_sheet.png")
    if args.contact_sheets:
        renderer.curriculum_samples = 0
        for difficulty in SHEET_DIFFICULTIES:
            renderer.difficulty = difficulty
            write_contact_sheet(renderer, args.num_words, args.output_dir / f"contact_sheet_{difficulty:.2f}.png")

    count = -(-args.num_words // args.words_per_shard)
    shards = {
        args.output_dir / f"words-{number:05d}-of-{count:05d}.parquet": range(
            number * args.words_per_shard, min(args.num_words, (number + 1) * args.words_per_shard)
        )
        for number in range(count)
    }
    missing = {path: words for path, words in shards.items() if not path.exists()}
    if len(missing) < count:
        print(f"{count - len(missing)} of {count} shards are there already.")
    started = time.perf_counter()
    written = 0
    with (
        multiprocessing.Pool(args.num_proc, initializer=start_worker, initargs=(args,)) as pool,
        tqdm(total=sum(map(len, missing.values())), unit="word", smoothing=0) as progress,
    ):
        for words in pool.imap_unordered(write_shard, missing.items()):
            written += words
            progress.update(words)
    seconds = time.perf_counter() - started
    if written:
        print(f"{written} words in {seconds:.0f} s: {written / seconds:.0f} words/s")
    print(f"Load them with: load_dataset('parquet', data_files='{args.output_dir}/words-*.parquet')")


def write_contact_sheet(renderer: WordRenderer, num_words: int, file: Path) -> None:
    words = [renderer.render(index) for index in range(min(192, num_words))]
    file.write_bytes(pack(contact_sheet(words, fonts=renderer.fonts), ".png"))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--num_words", type=int, required=True, help="how many words to render")
    add("--output_dir", type=Path, required=True, help="where the shards go")
    add(
        "--charset",
        default="94",
        help="digits, 36, 62, 94, latin, german, korean, chinese ..., a .txt file, or the characters themselves "
        "(default: 94)",
    )
    add(
        "--lexicon",
        type=Path,
        nargs="*",
        default=[],
        help="text files, one word (and count) a line, or wordfreq:en; without: invented",
    )
    add("--ranked", action="store_true", help="lexicons without counts have the most frequent word first")
    add("--random_share", type=float, default=0.0, help="share of random strings among the texts (default: 0)")
    add("--max_length", type=int, default=25, help="longest text, in characters (default: 25)")
    add("--fonts", type=Path, nargs="*", default=None, help="folders of fonts (default: those of this system)")
    add("--backgrounds", type=Path, default=None, help="folder of photos to render on (default: painted ones)")
    add("--difficulty", type=float, default=1.0, help="0: clean print, 1: as bad as street photos (default: 1)")
    add("--easy_words", type=int, default=0, help="the difficulty rises over so many first words (default: 0)")
    add("--vertical_share", type=float, default=0.0, help="share of words that run downwards (default: 0)")
    add("--contact_sheets", action="store_true", help="one more contact sheet for each of five difficulties")
    add("--height", type=int, nargs=2, default=(28, 64), metavar=("LOWEST", "HIGHEST"), help="of pictures, pixels")
    add("--mode", choices=("RGB", "L"), default="RGB", help="colour or grey (default: RGB)")
    add("--format", choices=("jpeg", "png"), default="jpeg", help="how pictures are packed (default: jpeg)")
    add("--seed", type=int, default=0, help="another seed gives other words (default: 0)")
    add("--num_proc", type=int, default=1, help="processes (default: 1)")
    add("--words_per_shard", type=int, default=10_000, help="words in one Parquet file (default: 10000)")
    args = parser.parse_args()
    if args.num_words < 1 or args.words_per_shard < 1 or args.num_proc < 1:
        parser.error("--num_words, --words_per_shard and --num_proc must be at least 1")
    return args


def check_settings(args: argparse.Namespace) -> None:
    """Refuses to mix shards of two different runs in one folder."""
    file = args.output_dir / "settings.json"
    settings = {name: value for name, value in vars(args).items() if name not in NOT_IN_WORDS}
    settings = json.loads(json.dumps(settings, default=str))
    if file.exists() and (before := json.loads(file.read_text(encoding="utf-8"))) != settings:
        changed = ", ".join(f"--{name}" for name in settings if before.get(name) != settings[name])
        raise SystemExit(f"{args.output_dir} holds words made with other settings ({changed}): use another folder.")
    file.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def renderer_of(args: argparse.Namespace) -> WordRenderer:
    characters = resolve_charset(args.charset)
    return make_renderer(
        characters,
        find_fonts(characters, folders=args.fonts, progress=multiprocessing.parent_process() is None),
        lexicons=args.lexicon,
        max_length=args.max_length,
        random_share=args.random_share,
        ranked=args.ranked,
        difficulty=args.difficulty,
        mode=args.mode,
        height=tuple(args.height),
        backgrounds=args.backgrounds,
        seed=args.seed,
        curriculum_samples=args.easy_words,
        vertical_share=args.vertical_share,
    )


def start_worker(args: argparse.Namespace) -> None:
    """Gives this process its own renderer."""
    disable_progress_bars()  # those of `datasets` would break ours
    global RENDERER, SUFFIX  # a pool has no other place for what its processes keep
    RENDERER, SUFFIX = renderer_of(args), {"jpeg": ".jpg", "png": ".png"}[args.format]


def write_shard(shard: tuple[Path, range]) -> int:
    """Writes one shard under a temporary name, then renames it: a shard that exists is complete."""
    path, indices = shard
    words = [RENDERER.render(index) for index in indices]
    columns = {
        "image": [{"bytes": pack(picture, SUFFIX), "path": None} for picture, _ in words],
        "text": [text for _, text in words],
    }
    unfinished = path.with_suffix(".tmp")
    Dataset.from_dict(columns, features=FEATURES).to_parquet(unfinished)
    os.replace(unfinished, path)
    return len(words)


def pack(picture, suffix: str) -> bytes:
    """A uint8 picture, RGB or grey, as a file's bytes."""
    picture = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return cv2.imencode(suffix, picture)[1].tobytes()  # OpenCV's JPEG quality is 95, little below what cameras write


if __name__ == "__main__":
    main()
