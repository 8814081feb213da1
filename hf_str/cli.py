"""The `hf-str` command."""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from PIL import Image
from tqdm import tqdm
from transformers import pipeline
from transformers.utils import logging

import hf_str


__all__ = ["main"]

DESCRIPTION = """\
Read cropped word images.

  hf-str read word.png                     path, text and score, a line each image
  hf-str read photos/ --batch-size 64      every image below a folder
  hf-str read *.jpg --json > words.jsonl   with the probability and the place of each character
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code: 0, 1 where an image could not be read, 2 where the model could not."""
    parser = argparse.ArgumentParser(
        prog="hf-str", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"hf_str {hf_str.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    read = commands.add_parser(
        "read", help="read word images", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    read.add_argument("images", nargs="+", metavar="IMAGE", help="image files, URLs, or folders to walk")
    read.add_argument(
        "--model",
        default=hf_str.DEFAULT_CHECKPOINT,
        metavar="M",
        help="checkpoint folder or Hub repository (default: the one that comes with hf_str)",
    )
    read.add_argument("--json", action="store_true", help="one JSON object a line, with the characters")
    read.add_argument(
        "--batch-size", type=_positive, default=32, metavar="N", help="images a forward pass (default: 32)"
    )
    read.add_argument(
        "--device", default=None, help='where to compute, such as "cpu" or "cuda:1" (default: a GPU if any)'
    )
    options = parser.parse_args(arguments)
    try:
        return read_images(options)
    except BrokenPipeError:  # the reader of our output has seen enough, as in `hf-str read photos/ | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def read_images(options: argparse.Namespace) -> int:
    """`hf-str read`: a line each image on stdout, what cannot be read on stderr."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    paths, failures = _expand(options.images)
    for path, reason in failures:
        print(f"{path}: {reason}", file=sys.stderr)
    try:
        reader = pipeline(hf_str.TASK, model=options.model, device=options.device)
    except (AssertionError, OSError, RuntimeError, ValueError) as error:  # torch asserts that a device is there
        print(f"cannot load the model {options.model!r}: {error}", file=sys.stderr)
        return 2
    unread = len(failures)
    remaining = iter(paths)
    with tqdm(total=len(paths), unit="image", disable=len(paths) <= 50) as progress:
        while chunk := list(islice(remaining, options.batch_size)):
            images = []
            for path in chunk:
                try:
                    images.append((path, hf_str.load_word_image(path)))
                except hf_str.UnreadableImageError as error:
                    tqdm.write(str(error), file=sys.stderr)
                    unread += 1
            for line in _readings(reader, images, as_json=options.json):
                tqdm.write(line, file=sys.stdout)
            progress.update(len(chunk))
    return 1 if unread else 0


def _readings(reader, images: list[tuple[str, Image.Image]], as_json: bool) -> Iterator[str]:
    results = reader([image for _, image in images], batch_size=max(len(images), 1), return_characters=as_json)
    for (path, _), (result,) in zip(images, results, strict=True):
        if as_json:
            yield json.dumps({"path": path, **result}, ensure_ascii=False)
        else:
            yield f"{path}\t{result['generated_text']}\t{result['score']:.4f}"


def _expand(names: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Files of folders in order, everything else as it is; and the folders in which there is no image."""
    paths, failures = [], []
    suffixes = {suffix for suffix, format in Image.registered_extensions().items() if format in Image.OPEN}
    for name in names:
        if not Path(name).is_dir():
            paths.append(name)
            continue
        found = sorted(str(path) for path in Path(name).rglob("*") if path.suffix.lower() in suffixes)
        paths.extend(found)
        if not found:
            failures.append((name, "no image in this folder"))
    return paths, failures


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be an integer of at least 1, not {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
