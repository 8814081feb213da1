# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[evaluation,onnx]"]
# ///
"""Measures how fast words are read, by this package in each of its modes and by other recognizers.

    python scripts/benchmark_speed.py readers --data iiit5k/
    python scripts/benchmark_speed.py readers --data iiit5k/ --onnx crnn-onnx/ crnn-int8/ --threads 2
    python scripts/benchmark_speed.py readers --data iiit5k/ --peers RapidOCR microsoft/trocr-small-printed
    python scripts/benchmark_speed.py readers --data iiit5k/ --device cuda --batch_size 512
    python scripts/benchmark_speed.py import

`readers`: words a second from file to text, and in the network: over the part of that time in which the network
itself was at work. Where words have labels also the word accuracy on them (letters and digits, without case). Ours
read through `pipeline("image-to-text")`; `--onnx` and `--openvino` add graphs that `export_onnx.py` wrote. All have
the same number of threads and take turns in one run. Medians of the rounds are shown, the range, and how many times
as fast as each reader the fastest of ours is. In a turn each reads as many words as it can in about `--seconds`.

The peers: PP-OCR, TrOCR and MGP-STR of transformers in float32, with the layers and sizes of released checkpoints and
random weights, which read nothing (give a checkpoint for one that reads); docTR's CRNNs, also with random weights;
RapidOCR and Tesseract, told that an image is a word. What is not installed is named and left out.

`import`: seconds of `import hf_str` over those of `import torch; from transformers import AutoModelForCTC, pipeline`.
"""

import argparse
import random
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial, wraps
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
from hf_str.evaluation.speed import make_clock, stopwatch, take_turns
from hf_str.models.crnn.ctc_decoders_crnn import DECODERS
from hf_str.onnx import ORTCRNNForCTC, OVCRNNForCTC


DOCTR = {f"docTR {name}": f"doctr-{name}" for name in ("mobilenet-v3-small", "mobilenet-v3-large", "vgg16-bn")}
ENGINE_NAMES = {
    "RapidOCR PP-OCRv4": "rapidocr_onnxruntime",
    "RapidOCR PP-OCRv6 small": "rapidocr",
    "Tesseract": "tesserocr",
}
PEERS = [*BASELINES, *DOCTR, *ENGINE_NAMES]


@dataclass
class Reader:
    """Files in, texts out.

    Attributes:
        name: in the table.
        read: what reads some files.
        network: the object and the name of its method that runs the network, if anybody can get at it.
        is_ours: whether it belongs to this package.
        is_trained: whether what it reads means anything.
    """

    name: str
    read: Callable[[Sequence[str]], list[str]]
    network: tuple[Any, str] | None
    is_ours: bool = False
    is_trained: bool = True

    def time_network(self, clock: Callable[[], float]):
        """From now on counts the seconds of the network in `network_seconds`."""
        self.network_seconds = 0.0
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


def our_readers(args: argparse.Namespace) -> Iterator[Reader]:
    processor = hf_str.CRNNProcessor.from_pretrained(args.model)
    model = hf_str.CRNNForCTC.from_pretrained(args.model)
    yield pipeline_reader("hf_str, float32", model, processor, args, is_ours=True)
    model = hf_str.CRNNForCTC.from_pretrained(args.model).to(args.device).optimize_for_inference()
    yield pipeline_reader("hf_str, optimized", model, processor, args, is_ours=True)
    for runtime, label, folders in ((ORTCRNNForCTC, "ONNX", args.onnx), (OVCRNNForCTC, "OpenVINO", args.openvino)):
        for folder in folders:
            model = runtime.from_pretrained(folder, device=args.device, num_threads=args.threads)
            processor = hf_str.CRNNProcessor.from_pretrained(folder)
            yield pipeline_reader(f"hf_str, {label} {folder.name}", model, processor, args, is_ours=True)


def pipeline_reader(name: str, model: Any, processor: Any, args: argparse.Namespace, **more: bool) -> Reader:
    """What reads through the pipeline of this package."""
    pipe = hf_str.ImageToTextPipeline(model=model, processor=processor, device=args.device)
    options = {"batch_size": args.batch_size, "num_workers": args.num_workers, "decoder": args.decoder}

    def read(files: Sequence[str]) -> list[str]:
        return [result["generated_text"] for (result,) in pipe(list(files), **options)]

    return Reader(name, read, (model.session, "run") if hasattr(model, "session") else (model, "forward"), **more)


def peer_readers(args: argparse.Namespace) -> Iterator[Reader]:
    """The peers that were asked for, without those that cannot run here, which are named."""
    names = dict.fromkeys(
        name for wanted in args.peers for name in ([known for known in PEERS if wanted in known] or [wanted])
    )
    for name in names:
        try:
            yield open_peer(name, args)
        except (ImportError, OSError, ValueError) as error:
            print(f"{name} is left out: {error}")


def open_peer(name: str, args: argparse.Namespace) -> Reader:
    if name in DOCTR:
        return pipeline_reader(name, *random_crnn(DOCTR[name]), args, is_trained=False)
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
    return Reader(name, lambda files: read_files(recognizer, files, args), network, is_trained=name not in BASELINES)


def read_files(recognizer: Recognizer, files: Sequence[str], args: argparse.Namespace) -> list[str]:
    texts = []
    for start in range(0, len(files), args.batch_size):
        images = [Image.open(file) for file in files[start : start + args.batch_size]]
        texts += [text for text, _ in recognizer.recognize(images)]
    return texts


def find_words(args: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Files in an order that is random and always the same, and their labels, if they have any."""
    if args.images is not None:
        files, labels = sorted(str(path) for path in args.images.iterdir() if path.is_file()), []
    else:
        words = load_word_boxes(args.data)
        files, labels = [image["path"] for image in words["image"]], words["text"]
        if not all(files):
            sys.exit(f"error: {args.data} does not keep each word in a file of its own; see prepare_word_boxes.py")
    order = random.Random(0).sample(range(len(files)), min(args.num_images, len(files)))
    return [files[place] for place in order], [labels[place] for place in order] if labels else []


def benchmark_readers(args: argparse.Namespace):
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(args.threads)
    clock = make_clock(args.device, args.cpu_time)
    files, labels = find_words(args)
    readers = [*our_readers(args), *peer_readers(args)]

    accuracy, measures = {}, {}
    for reader in readers:
        reader.time_network(clock)
        accuracy[reader.name] = "-"
        if reader.is_trained and labels:
            accuracy[reader.name] = f"{PROTOCOLS['36'].word_accuracy(reader.read(files), labels):.2%}"
        turn = files[: words_in(args.seconds, reader, files, clock)]
        measures[reader.name] = partial(measure_turn, reader, turn, clock)
    figures = take_turns(measures, args.rounds)

    kind = "CPU time" if args.cpu_time else "time"
    where = torch.cuda.get_device_name(args.device) if args.device.startswith("cuda") else f"{args.threads} threads"
    print(f"\n{len(files)} words, batches of {args.batch_size}, {where}, {args.rounds} rounds; rates by {kind}\n")
    ours = [reader.name for reader in readers if reader.is_ours]
    fastest = max(ours, key=lambda name: statistics.median(rate for rate, _ in figures[name]))
    print("| | word accuracy | words/s, file to text | range | ratio | words/s, network | range | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for reader in readers:
        columns = [column(figures[reader.name], figures[fastest], side) for side in (0, 1 if reader.network else None)]
        print(f"| {reader.name} | {accuracy[reader.name]} | {' | '.join(columns)} |")
    print(f"\nRatio: how many times as fast {fastest} is.")


def words_in(seconds: float, reader: Reader, files: Sequence[str], clock: Callable[[], float]) -> int:
    """How many words a reader reads in about so many seconds, at most all: more and more, until it takes a while."""
    count = min(8, len(files))
    reader.read(files[:count])  # warms up
    while True:
        taken = stopwatch(partial(reader.read, files[:count]), clock)()
        if taken > seconds / 4 or count == len(files):
            return min(max(1, round(count * seconds / taken)), len(files))
        count = min(4 * count, len(files))


def measure_turn(reader: Reader, files: Sequence[str], clock: Callable[[], float]) -> tuple[float, float]:
    """Words a second from file to text, and in the network alone (infinite where that is not known)."""
    reader.network_seconds = 0.0
    seconds = stopwatch(lambda: reader.read(files), clock)()
    return len(files) / seconds, len(files) / reader.network_seconds if reader.network_seconds else float("inf")


def column(figures: list[tuple[float, float]], fastest: list[tuple[float, float]], side: int | None) -> str:
    """The cells of one side: median, range, ratio."""
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
    print("| | seconds of a fresh process | range |\n|---|---|---|")
    for name, values in seconds.items():
        print(f"| `{name}` | {statistics.median(values):.2f} | {min(values):.2f} to {max(values):.2f} |")
    ratio = statistics.median(seconds["import hf_str"]) / statistics.median(seconds[bare])
    print(f"\nRatio: {ratio:.2f}")


def parse_args(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("readers", help="file to text, ours and others")
    add = command.add_argument
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", help="words with labels: what load_word_boxes reads, where each word is a file")
    source.add_argument("--images", type=Path, help="folder of word images without labels")
    add("--num_images", type=int, default=1000, help="words to read, drawn from all of them")
    add("--model", default=hf_str.DEFAULT_CHECKPOINT)
    add("--onnx", type=Path, nargs="*", default=[], help="folders that export_onnx.py wrote, for onnxruntime")
    add("--openvino", type=Path, nargs="*", default=[], help="the same, but not int8, for OpenVINO")
    add(
        "--peers",
        nargs="*",
        default=PEERS,
        metavar="PEER",
        help=f"parts of the names {', '.join(PEERS)}; or checkpoints that evaluate_str.py reads (default: all named)",
    )
    add("--decoder", choices=DECODERS, help="of ours (default: the checkpoint's language model helps, if it has one)")
    add("--device", default="cpu", help="cpu or cuda")
    add("--threads", type=int, default=torch.get_num_threads(), help="of each reader")
    add("--batch_size", type=int, default=64)
    add("--num_workers", type=int, default=0, help="further processes that open images for ours; for a GPU")
    add("--seconds", type=float, default=3.0, help="of one turn of one reader")
    add("--rounds", type=int, default=5)
    add(
        "--cpu_time",
        action="store_true",
        help="count the seconds that this process computes, not those that pass: "
        "for one thread on a machine that is busy",
    )
    command.set_defaults(run=benchmark_readers)
    command = commands.add_parser("import", help="import hf_str, over import transformers")
    command.add_argument("--rounds", type=int, default=5)
    command.set_defaults(run=benchmark_import)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None):
    args = parse_args(arguments)
    args.run(args)


if __name__ == "__main__":
    main()
