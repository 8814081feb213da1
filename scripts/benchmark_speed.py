# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[evaluation,onnx]"]
# ///
"""Measures how fast this package reads words in each of its modes, and how fast other recognizers do.

    python scripts/benchmark_speed.py recognizers --dataset iiit5k/
    python scripts/benchmark_speed.py recognizers --dataset iiit5k/ --onnx crnn-onnx/ crnn-int8/ --num_threads 2
    python scripts/benchmark_speed.py recognizers --dataset iiit5k/ --baselines RapidOCR microsoft/trocr-small-printed
    python scripts/benchmark_speed.py recognizers --dataset iiit5k/ --device cuda --batch_size 512
    python scripts/benchmark_speed.py import

`recognizers` measures words per second from file to text, and words per second of the network alone. If the words have
labels, it also measures the word accuracy (letters and digits, without case). This package reads through
`pipeline("scene-text-recognition")`; `--onnx` and `--openvino` add graphs that `export_onnx.py` wrote. All recognizers
have the same number of threads and take turns. The table shows the median and the range over the rounds, and how many
times faster the fastest of this package is. In each turn a recognizer reads for about `--seconds`.

The baselines are PP-OCR, TrOCR and MGP-STR of transformers in float32, with the layers and sizes of released
checkpoints and random weights (give a checkpoint to measure a trained one); the CRNNs of docTR, also with random
weights; RapidOCR and Tesseract, set to read single words. Baselines that are not installed are named and left out.

`import` compares the seconds of `import hf_str` with those of `import torch; from transformers import AutoModelForCTC,
pipeline`.
"""

import argparse
import random
import statistics
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers.utils import logging

import hf_str
from hf_str.data import load_word_boxes
from hf_str.evaluation import PROTOCOLS
from hf_str.evaluation.baselines import BASELINES, random_crnn
from hf_str.evaluation.engine_recognizers import ENGINES
from hf_str.evaluation.recognizers import Recognizer, open_recognizer
from hf_str.evaluation.speed import describe_device, make_clock, stopwatch, take_turns
from hf_str.models.crnn.ctc_decoders_crnn import DECODERS
from hf_str.onnx import ORTCRNNForCTC, OVCRNNForCTC
from hf_str.utils.options import OptionParser


DOCTR = {f"docTR {name}": f"doctr-{name}" for name in ("mobilenet-v3-small", "mobilenet-v3-large", "vgg16-bn")}
ENGINE_NAMES = {
    "RapidOCR PP-OCRv4": "rapidocr_onnxruntime",
    "RapidOCR PP-OCRv6 small": "rapidocr",
    "Tesseract": "tesserocr",
}
ALL_BASELINES = [*BASELINES, *DOCTR, *ENGINE_NAMES]
RENAMED = {"data": "dataset", "num_images": "max_samples", "peers": "baselines", "threads": "num_threads"}


@dataclass
class TimedRecognizer:
    """A recognizer of image files, and the time that its network takes.

    Attributes:
        name: name in the table.
        read: predicts the texts of some files.
        network: the object whose method runs the network, and the name of the method; `None` if it is out of reach.
        is_ours: whether it belongs to this package.
        is_trained: whether its predictions mean anything.
        network_seconds: time in the network since it was last set to 0, see `time_network`.
    """

    name: str
    read: Callable[[Sequence[str]], list[str]]
    network: tuple[Any, str] | None
    is_ours: bool = False
    is_trained: bool = True
    network_seconds: float = 0.0

    def time_network(self, clock: Callable[[], float]):
        """From now on adds the time in the network to `network_seconds`."""
        if self.network is None:
            return
        owner, method = self.network
        call = getattr(owner, method)

        @wraps(call)
        def timed(*args, **kwargs):
            started = clock()
            outputs = call(*args, **kwargs)
            self.network_seconds += clock() - started
            return outputs

        setattr(owner, method, timed)


def our_recognizers(args: argparse.Namespace) -> Iterator[TimedRecognizer]:
    processor = hf_str.CRNNProcessor.from_pretrained(args.model)
    model = hf_str.CRNNForCTC.from_pretrained(args.model)
    yield pipeline_recognizer("hf_str, float32", model, processor, args, is_ours=True)
    model = hf_str.CRNNForCTC.from_pretrained(args.model).to(args.device).optimize_for_inference()
    yield pipeline_recognizer("hf_str, optimized", model, processor, args, is_ours=True)
    for runtime, label, folders in ((ORTCRNNForCTC, "ONNX", args.onnx), (OVCRNNForCTC, "OpenVINO", args.openvino)):
        for folder in folders:
            model = runtime.from_pretrained(folder, device=args.device, num_threads=args.num_threads)
            processor = hf_str.CRNNProcessor.from_pretrained(folder)
            yield pipeline_recognizer(f"hf_str, {label} {folder.name}", model, processor, args, is_ours=True)


def pipeline_recognizer(
    name: str, model: Any, processor: Any, args: argparse.Namespace, **more: bool
) -> TimedRecognizer:
    """A recognizer that reads through the pipeline of this package."""
    pipe = hf_str.ImageToTextPipeline(model=model, processor=processor, device=args.device)
    options = {"batch_size": args.batch_size, "num_workers": args.num_workers, "decoder": args.decoder}

    def read(files: Sequence[str]) -> list[str]:
        return [result["generated_text"] for (result,) in pipe(list(files), **options)]

    return TimedRecognizer(
        name, read, (model.session, "run") if hasattr(model, "session") else (model, "forward"), **more
    )


def baseline_recognizers(args: argparse.Namespace) -> Iterator[TimedRecognizer]:
    """The baselines of `--baselines`; those that cannot run here are named and left out."""
    names = [[name for name in ALL_BASELINES if wanted in name] or [wanted] for wanted in args.baselines]
    for name in dict.fromkeys(chain.from_iterable(names)):
        try:
            yield open_baseline(name, args)
        except (ImportError, OSError, ValueError) as error:
            print(f"{name} is left out: {error}")


def open_baseline(name: str, args: argparse.Namespace) -> TimedRecognizer:
    if name in DOCTR:
        return pipeline_recognizer(name, *random_crnn(DOCTR[name]), args, is_trained=False)
    if name in ENGINE_NAMES:
        package = ENGINE_NAMES[name]
        recognizer = ENGINES[package](package)
        network = (recognizer.session, "run") if hasattr(recognizer, "session") else None
    else:
        if name in BASELINES:
            recognizer_class, checkpoint = BASELINES[name]
            recognizer = recognizer_class(checkpoint, args.device)
        else:
            recognizer = open_recognizer(name, args.device)
        network = (recognizer.model, "generate" if recognizer.model.can_generate() else "forward")
    read = partial(read_files, recognizer, args.batch_size)
    return TimedRecognizer(name, read, network, is_trained=name not in BASELINES)


def read_files(recognizer: Recognizer, batch_size: int, files: Sequence[str]) -> list[str]:
    texts = []
    for start in range(0, len(files), batch_size):
        images = [Image.open(file) for file in files[start : start + batch_size]]
        texts += [text for text, _ in recognizer.recognize(images)]
    return texts


def find_words(args: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Files in random but reproducible order, and their labels, if they have any."""
    if args.images is not None:
        files, labels = sorted(str(path) for path in args.images.iterdir() if path.is_file()), []
    else:
        words = load_word_boxes(args.dataset)
        files, labels = [image["path"] for image in words["image"]], words["text"]
        if not all(files):
            sys.exit(f"error: {args.dataset} does not have one image file per word; see prepare_word_boxes.py")
    order = random.Random(0).sample(range(len(files)), min(args.max_samples, len(files)))
    return [files[index] for index in order], [labels[index] for index in order] if labels else []


def benchmark_recognizers(args: argparse.Namespace):
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(args.num_threads)
    clock = make_clock(args.device, args.cpu_time)
    files, labels = find_words(args)
    recognizers = [*our_recognizers(args), *baseline_recognizers(args)]

    accuracy, measures = {}, {}
    for recognizer in recognizers:
        recognizer.time_network(clock)
        accuracy[recognizer.name] = "-"
        if recognizer.is_trained and labels:
            accuracy[recognizer.name] = f"{PROTOCOLS['36'].word_accuracy(recognizer.read(files), labels):.2%}"
        turn = files[: num_words_in(args.seconds, recognizer, files, clock)]
        measures[recognizer.name] = partial(measure_turn, recognizer, turn, clock)
    figures = take_turns(measures, args.rounds)

    kind = "CPU time" if args.cpu_time else "time"
    where = describe_device(args.device, args.num_threads)
    print(f"\n{len(files)} words, batches of {args.batch_size}, {where}, {args.rounds} rounds; rates by {kind}\n")
    ours = [recognizer.name for recognizer in recognizers if recognizer.is_ours]
    fastest = max(ours, key=lambda name: statistics.median(rate for rate, _ in figures[name]))
    print("| | word accuracy | words/s, file to text | range | ratio | words/s, network | range | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for recognizer in recognizers:
        columns = [
            column(figures[recognizer.name], figures[fastest], side) for side in (0, 1 if recognizer.network else None)
        ]
        print(f"| {recognizer.name} | {accuracy[recognizer.name]} | {' | '.join(columns)} |")
    print(f"\nRatio: how many times faster {fastest} is.")


def num_words_in(seconds: float, recognizer: TimedRecognizer, files: Sequence[str], clock: Callable[[], float]) -> int:
    """How many words a recognizer reads in about this time, at most all: tried with more and more of them."""
    count = min(8, len(files))
    recognizer.read(files[:count])  # warms up
    while True:
        taken = stopwatch(partial(recognizer.read, files[:count]), clock)()
        if taken > seconds / 4 or count == len(files):
            return min(max(1, round(count * seconds / taken)), len(files))
        count = min(4 * count, len(files))


def measure_turn(recognizer: TimedRecognizer, files: Sequence[str], clock: Callable[[], float]) -> tuple[float, float]:
    """Words per second from file to text, and in the network alone (infinite if that is unknown)."""
    recognizer.network_seconds = 0.0
    seconds = stopwatch(lambda: recognizer.read(files), clock)()
    return len(files) / seconds, len(files) / recognizer.network_seconds if recognizer.network_seconds else float(
        "inf"
    )


def column(figures: list[tuple[float, float]], fastest: list[tuple[float, float]], side: int | None) -> str:
    """The cells of file to text (side 0) or of the network (side 1): median, range, ratio."""
    if side is None:
        return "- | - | -"
    rates, best = ([figure[side] for figure in some] for some in (figures, fastest))
    median = statistics.median(rates)
    return f"{median:,.0f} | {min(rates):,.0f} to {max(rates):,.0f} | {statistics.median(best) / median:.1f}"


def benchmark_import(args: argparse.Namespace):
    def run(code: str) -> Callable[[], float]:
        return stopwatch(lambda: subprocess.run([sys.executable, "-c", code], check=True), make_clock())

    bare = "import torch; from transformers import AutoModelForCTC, pipeline"
    seconds = take_turns({"import hf_str": run("import hf_str"), bare: run(bare)}, args.rounds)
    print("| | seconds of a new process | range |\n|---|---|---|")
    for name, values in seconds.items():
        print(f"| `{name}` | {statistics.median(values):.2f} | {min(values):.2f} to {max(values):.2f} |")
    ratio = statistics.median(seconds["import hf_str"]) / statistics.median(seconds[bare])
    print(f"\nRatio: {ratio:.2f}")


def parse_args(arguments: list[str] | None) -> argparse.Namespace:
    parser = OptionParser(__doc__, RENAMED)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser(
        "recognizers", aliases=["readers"], help="from file to text, this package and others"
    )
    add = command.add_argument
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--dataset", help="words with labels: what load_word_boxes reads, with one image file per word"
    )
    source.add_argument("--images", type=Path, help="folder of word images without labels")
    add("--max_samples", type=int, default=1000, help="read this many random samples")
    add(
        "--model",
        default=hf_str.DEFAULT_CHECKPOINT,
        help="checkpoint folder or Hub repository (default: that of hf_str)",
    )
    add("--onnx", type=Path, nargs="*", default=[], help="folders that export_onnx.py wrote, for ONNX Runtime")
    add("--openvino", type=Path, nargs="*", default=[], help="folders that export_onnx.py wrote without --int8")
    add(
        "--baselines",
        nargs="*",
        default=ALL_BASELINES,
        metavar="NAME",
        help=f"parts of the names {', '.join(ALL_BASELINES)}; or checkpoints that evaluate_str.py takes (default: all "
        "names)",
    )
    add(
        "--decoder",
        choices=DECODERS,
        help="of this package (default: beam search with the checkpoint's language model, if it has one)",
    )
    add("--device", default="cpu", help="cpu or cuda")
    add("--num_threads", type=int, default=torch.get_num_threads(), help="threads of each recognizer")
    add("--batch_size", type=int, default=64, help="images per forward pass")
    add("--num_workers", type=int, default=0, help="processes that load images for this package; useful on a GPU")
    add("--seconds", type=float, default=3.0, help="duration of a turn of one recognizer")
    add("--rounds", type=int, default=5, help="rounds in which all recognizers take turns")
    add(
        "--cpu_time",
        action="store_true",
        help="measure CPU time instead of wall-clock time; for one thread on a busy machine",
    )
    command.set_defaults(run=benchmark_recognizers)
    command = commands.add_parser("import", help="import hf_str compared with import transformers")
    command.add_argument("--rounds", type=int, default=5, help="rounds in which both take turns")
    command.set_defaults(run=benchmark_import)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None):
    args = parse_args(arguments)
    if args.command == "readers":
        warnings.warn("`readers` is now `recognizers`; the old name will be removed.", FutureWarning, stacklevel=2)
    args.run(args)


if __name__ == "__main__":
    main()
