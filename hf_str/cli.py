# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The `hf-str` command."""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm
from transformers.utils import logging

import hf_str
from hf_str.models.crnn.ctc_decoders_crnn import DECODERS, make_decoder
from hf_str.models.crnn.files_crnn import naming_files
from hf_str.models.crnn.image_batching_crnn import window_size

from .explanation import explain_image
from .utils.atomic_writes import finite_or_null
from .utils.image_files import image_suffixes


__all__ = ["main"]

DESCRIPTION = """\
Recognize cropped word images.

  hf-str read word.png                     path, text and score, one line per image
  hf-str read photos/ --batch-size 64      every image below a folder
  hf-str read *.jpg --json > words.jsonl   with the probability and the position of each character
  hf-str read *.jpg --lexicon words.txt    only words of a list, the most probable one
  hf-str read word.png --explain out.png   with a picture of how CTC came to the text
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: those of the command line by default. Options take hyphens and underscores alike.

    Returns:
        The exit code: 0, or 1 if an image could not be read, or 2 if the model could not.
    """
    options = _build_parser().parse_args(_with_hyphens(sys.argv[1:] if arguments is None else arguments))
    if options.command == "demo":
        return show_demo(options)
    try:
        return read_images(options)
    except BrokenPipeError:  # whoever takes our output has seen enough, as in `hf-str read photos/ | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hf-str", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"hf_str {hf_str.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    read = commands.add_parser(
        "read",
        help="recognize word images",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_read_options(read)
    _add_decoding_options(read.add_argument_group("decoding"))
    _add_demo_options(commands.add_parser("demo", help="recognize word images in the browser"))
    return parser


def _add_read_options(read: argparse.ArgumentParser):
    read.add_argument("images", nargs="+", metavar="IMAGE", help="image files, URLs, or folders to walk")
    read.add_argument(
        "--model",
        default=hf_str.DEFAULT_CHECKPOINT,
        metavar="M",
        help="checkpoint folder or Hub repository (default: the one that comes with hf_str)",
    )
    read.add_argument("--json", action="store_true", help="one JSON object per line, with the characters")
    read.add_argument(
        "--batch-size", type=_positive, default=32, metavar="N", help="images per forward pass (default: 32)"
    )
    read.add_argument("--device", help='where to compute, such as "cpu" or "cuda:1" (default: a GPU if there is one)')
    read.add_argument(
        "--backend",
        choices=["torch", "onnx", "openvino"],
        default="torch",
        help="what runs the model; onnxruntime (onnx) and openvino take a folder that scripts/export_onnx.py wrote "
        "(default: torch)",
    )
    read.add_argument(
        "--fast",
        action="store_true",
        help="compute in the fastest type of the device; scores, rarely characters, differ a little from float32",
    )
    read.add_argument(
        "--explain",
        type=_picture,
        metavar="OUT.png",
        help="draw how CTC came to the text; for several images OUT-1.png, OUT-2.png, ...",
    )


def _add_decoding_options(decoding: argparse._ArgumentGroup):
    decoding.add_argument(
        "--decoder",
        choices=DECODERS,
        help="how the network's output becomes text (default: what the options below need, or else beam_search with "
        "the checkpoint's language model if it has one, or best_path)",
    )
    decoding.add_argument(
        "--beam-width", type=_positive, metavar="N", help="number of hypotheses of beam_search (default: 10)"
    )
    decoding.add_argument("--lexicon", metavar="FILE", help="predict only words of this file, which has one per line")
    decoding.add_argument(
        "--language-model",
        metavar="FILE",
        help="character language model for beam_search: a file of train_character_lm.py, or ARPA",
    )
    decoding.add_argument(
        "--n-best",
        type=_positive,
        default=1,
        metavar="N",
        help="number of predictions per image, one per line (default: 1)",
    )


def _add_demo_options(demo: argparse.ArgumentParser):
    demo.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="M",
        help="checkpoint folder or Hub repository to offer besides the one that comes with hf_str; may be repeated",
    )
    demo.add_argument("--host", help='address to listen on, "0.0.0.0" for the whole network (default: this machine)')
    demo.add_argument(
        "--port", type=_positive, metavar="N", help="port to listen on (default: the first free one from 7860 on)"
    )
    demo.add_argument("--device", help='where to compute, such as "cpu" or "cuda:1" (default: a GPU if there is one)')
    demo.add_argument(
        "--write-space", metavar="FOLDER", help="write the page as a folder that the Hub runs as a Space, and exit"
    )


def _with_hyphens(arguments: Sequence[str]) -> list[str]:
    """The arguments with hyphens in the names of options: `--batch_size=1` is `--batch-size=1`."""
    spelled = []
    for index, argument in enumerate(arguments):
        if argument == "--":  # what follows are no options
            return [*spelled, *arguments[index:]]
        name, equals, value = argument.partition("=")
        spelled.append(f"{name.replace('_', '-')}{equals}{value}" if name.startswith("--") else argument)
    return spelled


def read_images(options: argparse.Namespace) -> int:
    """`hf-str read`: one line per image on stdout; images that cannot be read are named on stderr.

    Args:
        options: as the command line has them.

    Returns:
        The exit code, see [`main`].
    """
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    paths, failures = _expand(options.images)
    for path, reason in failures:
        print(f"{path}: {reason}", file=sys.stderr)
    try:
        recognizer = _load_recognizer(options.model, options.device, options.backend, options.fast)
    # torch asserts that a device is there
    except (AssertionError, ImportError, OSError, RuntimeError, ValueError) as error:
        print(f"cannot load the model {options.model!r}: {error}", file=sys.stderr)
        return 2
    try:
        decoder = make_decoder(
            options.decoder,
            recognizer.processor.tokenizer,
            lexicon=options.lexicon,
            language_model=options.language_model,
            beam_width=options.beam_width,
        )
    except (ImportError, OSError, ValueError) as error:
        print(f"cannot decode like this: {error}", file=sys.stderr)
        return 2
    num_failed = len(failures)
    remaining = iter(paths)
    targets = _numbered(options.explain, len(paths)) if options.explain else iter(())
    window = window_size(recognizer.processor.image_processor, options.batch_size)
    with tqdm(total=len(paths), unit="image", disable=len(paths) <= 50) as progress:
        while chunk := list(islice(remaining, window)):
            images = list(_load_images(chunk))
            num_failed += len(chunk) - len(images)
            decoding = {"decoder": decoder, "n_best": options.n_best}
            try:
                for line in _predictions(recognizer, images, options.json, batch_size=options.batch_size, **decoding):
                    tqdm.write(line, file=sys.stdout)
            except ValueError as error:  # of a model that is no good, and no more so for the next image
                print(f"cannot read with {options.model!r}: {error}", file=sys.stderr)
                return 2
            if options.explain is not None:
                for (_, image), target in zip(images, targets, strict=False):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    explain_image(image, recognizer.model, recognizer.processor, decoder=decoder).save(target)
            progress.update(len(chunk))
    return 1 if num_failed else 0


def show_demo(options: argparse.Namespace) -> int:
    """`hf-str demo`: serves the page until it is interrupted, or writes it as a Space.

    Args:
        options: as the command line has them.

    Returns:
        The exit code: 0, or 2 if a model cannot be loaded or the page cannot be served.
    """
    logging.disable_progress_bar()
    try:
        from .demo import load_recognizers, serve, write_space  # only the page needs Gradio

        recognizers = load_recognizers(options.model, options.device)
        if options.write_space is None:
            serve(recognizers, options.host, options.port)
        else:
            print(*write_space(options.write_space, recognizers), sep="\n")
    except (AssertionError, ImportError, OSError, RuntimeError, ValueError) as error:
        print(f"cannot show the demo: {error}", file=sys.stderr)
        return 2
    return 0


def _load_recognizer(model: str, device: str | None, backend: str, fast: bool) -> hf_str.ImageToTextPipeline:
    if backend == "torch":
        with naming_files(model, ["config.json"]):
            network = hf_str.CRNNForCTC.from_pretrained(model)
        processor = hf_str.CRNNProcessor.from_pretrained(model)
        recognizer = hf_str.ImageToTextPipeline(model=network, processor=processor, device=device)
        if fast:
            network.optimize_for_inference()
        return recognizer
    if fast:
        raise ValueError("--fast is for --backend torch; for a graph, the backend chooses the types")
    from .onnx import ORTCRNNForCTC, OVCRNNForCTC

    graph_class = ORTCRNNForCTC if backend == "onnx" else OVCRNNForCTC
    graph = graph_class.from_pretrained(model, device=device or "cpu")
    processor = hf_str.CRNNProcessor.from_pretrained(model)
    return hf_str.ImageToTextPipeline(model=graph, processor=processor, device=graph.device)


def _load_images(paths: Sequence[str]) -> Iterator[tuple[str, Image.Image]]:
    """Images by their paths, without those that cannot be read."""
    for path in paths:
        try:
            image = hf_str.load_word_image(path)
        except hf_str.UnreadableImageError as error:
            tqdm.write(str(error), file=sys.stderr)
            continue
        setattr(image, "filename", path)  # noqa: B010  # what errors call it; Pillow declares it for files alone
        yield path, image


def _predictions(
    recognizer: hf_str.ImageToTextPipeline, images: list[tuple[str, Image.Image]], as_json: bool, **options: Any
) -> Iterator[str]:
    """The lines for some images."""
    results: Any = recognizer([image for _, image in images], return_characters=as_json, **options)
    for (path, _), (result,) in zip(images, results, strict=True):
        if as_json:
            # null is the log_prob of what a lexicon does not allow
            yield json.dumps(finite_or_null({"path": path, **result}), ensure_ascii=False, allow_nan=False)
        else:
            for candidate in result.get("candidates", [result]):
                yield f"{path}\t{candidate['generated_text']}\t{candidate['score']:.4f}"


def _expand(names: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Files of folders in order, everything else as it is; and the folders in which there is no image."""
    paths, failures = [], []
    suffixes = image_suffixes()
    for name in names:
        if not Path(name).is_dir():
            paths.append(name)
            continue
        found = sorted(str(path) for path in Path(name).rglob("*") if path.suffix.lower() in suffixes)
        paths.extend(found)
        if not found:
            failures.append((name, "no image in this folder"))
    return paths, failures


def _numbered(target: Path, count: int) -> Iterator[Path]:
    """The file itself for a single picture; for several OUT-1.png, OUT-2.png, ..."""
    numbers = range(1, count + 1)
    return iter([target] if count == 1 else [target.with_stem(f"{target.stem}-{number}") for number in numbers])


def _picture(text: str) -> Path:
    if Image.registered_extensions().get(Path(text).suffix.lower()) not in Image.SAVE:
        raise argparse.ArgumentTypeError(f"must end in .png or another suffix of a picture, not {text!r}")
    return Path(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be an integer of at least 1, not {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
