# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train]"]
# ///
"""Measures the accuracy of a recognizer: word accuracy, CER, LER and 1-NED with confidence intervals, and calibration.

    python scripts/evaluate_str.py --dataset iiit5k/ cute80/
    python scripts/evaluate_str.py --dataset iiit5k/ icdar2013/ --subset icdar2013=IC13-857 --output_dir runs/measured
    python scripts/evaluate_str.py --dataset my_photos/ --model microsoft/trocr-base-str --num_errors 20
    accelerate launch --num_processes 2 scripts/evaluate_str.py --dataset union14m/ --output_dir runs/measured

A dataset is anything that `load_word_boxes` reads. A model is a checkpoint or Hub repository of CRNN, PP-OCRv5 or v6,
TrOCR or MGP-STR, or an ONNX file: of a CRNN with its processor in the same folder, or of PP-OCR with its dictionary in
the file or in the same folder (inference.yml or *_dict.txt). The protocol says which characters are compared. By
default it follows the charset of the model: English letters and digits without case (36), with case (62), printable
ASCII (94), letters and digits of every script without case (unicode), or everything (exact). The results name the
characters of the labels that the protocol leaves out or that the model cannot write. The script prints a table; with
`--output_dir` it also writes

    predictions/NAME.jsonl   the predictions; the same command resumes a run that was stopped
    results.json             all metrics, with settings, versions and counts
    results.md               the tables
    model-index.yaml         metadata for the model card
    reliability.svg          accuracy by confidence, for the model card
    report.html              metrics, errors with their images, confusions and calibration, in one file
"""

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path

from PIL import Image
from tqdm import tqdm
from transformers.utils import logging

import hf_str
from hf_str.data import DATASET_FORMATS, load_word_boxes
from hf_str.evaluation import PROTOCOLS, SUBSETS, default_protocols, missing_characters
from hf_str.evaluation.html_report import evaluation_page, reliability_chart
from hf_str.evaluation.lexicons import find_lexicons, read_words
from hf_str.evaluation.predictions import PredictionFile, TestSet, check_settings, predict
from hf_str.evaluation.recognizers import Recognizer, fingerprint, open_recognizer
from hf_str.evaluation.results import (
    Part,
    evaluate_parts,
    make_parts,
    model_index,
    percentage,
    remarks,
    results_table,
    software_versions,
)
from hf_str.models.crnn.ctc_decoders_crnn import DECODERS
from hf_str.models.crnn.inference_crnn import PRECISIONS
from hf_str.utils.atomic_writes import write_json
from hf_str.utils.html_page import as_svg_file
from hf_str.utils.options import OptionParser, add_decoding_options
from hf_str.utils.processes import start_process


RENAMED = {"data": "dataset", "format": "dataset_format", "split": "dataset_split", "errors": "num_errors"}


def parse_args() -> argparse.Namespace:
    parser = OptionParser(__doc__, RENAMED)
    add = parser.add_argument
    add("--dataset", nargs="+", required=True, help="test sets: files, folders, or names of datasets on the Hub")
    add(
        "--dataset_format",
        choices=sorted(DATASET_FORMATS),
        help="format of the test sets (default: detected)",
    )
    add("--dataset_split", help='the split to read, or "all" (default: the only one, or else train)')
    add(
        "--subset",
        nargs="+",
        default=[],
        metavar="NAME=RULE",
        type=_subset,
        help=f"also evaluate a subset of the test set NAME; rules: {', '.join(SUBSETS)}. Means over test sets take "
        "the subset of the first rule instead of the whole set",
    )
    add(
        "--model",
        default=hf_str.DEFAULT_CHECKPOINT,
        help="checkpoint folder, Hub repository, or .onnx file (default: that of hf_str)",
    )
    add(
        "--protocol",
        nargs="+",
        choices=PROTOCOLS,
        help="which characters are compared (default: by the charset); charts show the first protocol",
    )
    add("--output_dir", type=Path, help="folder of the results (default: only print the table)")
    add("--batch_size", type=int, default=64, help="images per forward pass")
    add("--num_workers", type=int, default=0, help="processes that load images, besides the main process")
    add("--device", default=None, help='such as "cpu" or "cuda" (default: a GPU if there is one)')
    add(
        "--precision",
        choices=PRECISIONS,
        help="use optimize_for_inference of CRNN with this precision; auto is the fastest one of the device "
        "(default: float32, without it)",
    )
    add("--seed", type=int, default=0, help="seed of the bootstrap and of random lexicons")
    add("--num_errors", type=int, default=0, metavar="N", help="print the first N errors of each test set")
    add_decoding_options(
        parser,
        DECODERS,
        "full (all words of the set), a number of random words for each image, a .txt file with one word per line, a "
        ".tsv file with an image and its words per line, testdata.mat:50 or :1k of IIIT5K, or test.xml of SVT; for "
        "any model, while the other decoding options are for CRNN",
    )
    add("--distractors", type=Path, help="for --lexicon: file of further words to draw from")
    args = parser.parse_args()
    names = _named(args.dataset)
    if unknown := [name for name, _ in args.subset if name not in names]:
        parser.error(f"--subset names {', '.join(unknown)}, but the sets are {', '.join(sorted(names))}")
    return args


def main():
    args = parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    rank, world_size, device = start_process(args.device)
    try:
        recognizer = open_recognizer(args.model, device, decoding_options(args), args.precision)
        args.protocol = args.protocol or list(default_protocols(recognizer.characters))
        sets = open_test_sets(args)
        for words in sets if rank == 0 else []:
            if missing := missing_characters(words.labels, recognizer.characters):
                print(f"{words.name}: {missing}", file=sys.stderr)
        # The first pass of a process is the slowest; and it shows whether the decoder works.
        recognizer.recognize([Image.new("RGB", (100, 32))], sets[0].lexicons and sets[0].lexicons[:1])
        settings = prediction_settings(args, recognizer)
        if args.output_dir is not None and rank == 0:
            check_settings(args.output_dir, settings, sets)
    except (ImportError, OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from error

    parts: list[Part] = []
    for words in sets:
        path = args.output_dir / "predictions" / f"{words.name}.jsonl" if args.output_dir and rank == 0 else None
        file = PredictionFile(path)
        with tqdm(total=len(words), unit="image", desc=words.name, leave=False, disable=rank > 0) as bar:
            found = predict(recognizer, words, file, args.batch_size, args.num_workers, rank, world_size, bar.update)
        rules = [rule for name, rule in args.subset if name == words.name]
        parts += make_parts(words.name, words.source, found, rules) if rank == 0 else []
    if rank > 0:
        return

    protocols = {name: PROTOCOLS[name] for name in args.protocol}
    name = Path(args.model).name if Path(args.model).exists() else args.model
    description = {
        "model": {"name": name, "family": recognizer.family, "parameters": recognizer.num_parameters},
        "settings": settings | {"batch_size": args.batch_size, "device": device.type, "processes": world_size},
        "versions": software_versions(),
        "protocols": {name: asdict(protocol) for name, protocol in protocols.items()},
    }
    try:
        results = description | evaluate_parts(parts, protocols, args.seed, recognizer.characters)
    except ValueError as error:  # a subset without a character of a protocol
        raise SystemExit(f"error: {error}") from error
    print_table(results, parts, args.num_errors)
    if args.output_dir is not None:
        write(args.output_dir, results, parts, sets)


def open_test_sets(args: argparse.Namespace) -> list[TestSet]:
    """The test sets of `--dataset`, with their lexicons."""
    distractors = read_words(args.distractors) if args.distractors else []
    sets = []
    for name, source in _named(args.dataset).items():
        words = TestSet(name, source, load_word_boxes(source, format=args.dataset_format, split=args.dataset_split))
        if len(words) == 0:
            raise ValueError(f"there are no words in {source}")
        for protocol in (PROTOCOLS[key] for key in args.protocol):
            if not any(map(protocol.normalize, words.labels)):
                raise ValueError(f"{name}: {protocol.nothing_left(words.labels)}")
        if args.lexicon is not None:
            lexicons = find_lexicons(args.lexicon, words.labels, words.paths, distractors, args.seed)
            words = replace(words, lexicons=lexicons)
        sets.append(words)
    return sets


def decoding_options(args: argparse.Namespace) -> dict:
    """The options of the decoder that were given."""
    options = {"decoder": args.decoder, "beam_width": args.beam_width, "language_model": args.language_model}
    return {name: value for name, value in options.items() if value is not None}


def prediction_settings(args: argparse.Namespace, recognizer: Recognizer) -> dict:
    """What the predictions in the output folder depend on."""
    names = ("protocol", "decoder", "beam_width", "language_model", "lexicon", "distractors", "seed")
    options = {"split": args.dataset_split} | {name: getattr(args, name) for name in names}
    settings = {name: str(value) if isinstance(value, Path) else value for name, value in options.items()}
    if args.decoder is None and args.lexicon is None and args.language_model is None and recognizer.language_model:
        settings["language_model"] = "the checkpoint's own"
    if args.precision:
        settings["precision"] = args.precision
    return {"model": str(args.model), "weights": fingerprint(args.model)} | settings


def print_table(results: dict, parts: list[Part], num_errors: int):
    """One line per set, then its first errors."""
    names = list(results["protocols"])
    widths = {name: max(9, len(name) + 6) for name in names}
    columns = "".join(f"{'acc ' + name:>{width}}" for name, width in widths.items())
    print(f"{'data':<28}{'images':>8}{columns}{'interval of the first':>24}{'1-NED':>8}{'ECE':>7}{'images/s':>10}")
    for row in results["figures"]:
        first = row["protocols"][names[0]]
        accuracies = {name: 100 * row["protocols"][name]["word_accuracy"]["value"] for name in names}
        accuracies = "".join(f"{accuracies[name]:>{width}.2f}" for name, width in widths.items())
        interval = percentage(first["word_accuracy"]).partition(" ")[2]
        others = f"{100 * first['one_minus_ned']['value']:>8.2f}{100 * first['expected_calibration_error']:>7.2f}"
        speed = f"{row['images_per_second']:>10,.0f}" if "images_per_second" in row else ""
        print(f"{row['name']:<28}{row['words']:>8}{accuracies}{interval:>24}{others}{speed}")
    for name in names:
        for note in (note for row in results["figures"] if "source" in row for note in remarks(row, name)):
            print(f"  {note}")
    protocol = PROTOCOLS[names[0]]
    for part in parts if num_errors else []:
        compared = [word for word in part.predictions if protocol.normalize(word.label)]
        wrong = [word for word in compared if word.problem or not protocol.same(word.text, word.label)]
        for word in wrong[:num_errors]:
            said = f"is broken: {word.problem}" if word.problem else f"was read as {word.text!r}"
            print(f"  {part.name} {word.name}: {word.label!r} {said}")


def write(folder: Path, results: dict, parts: list[Part], sets: list[TestSet]):
    """Writes all files but the predictions."""
    tables = {words.name: words.table for words in sets}
    protocol = PROTOCOLS[next(iter(results["protocols"]))]
    page = evaluation_page(results, parts, protocol, lambda name, row: tables[name][row]["image"])
    write_json(folder / "results.json", results)
    (folder / "results.md").write_text(results_table(results), encoding="utf-8")
    (folder / "model-index.yaml").write_text(model_index(results), encoding="utf-8")
    (folder / "report.html").write_text(page, encoding="utf-8")
    (folder / "reliability.svg").write_text(as_svg_file(reliability_chart(results)), encoding="utf-8")
    print(f"Written: {folder}/report.html, reliability.svg, results.json, results.md, model-index.yaml")


def _named(sources: list[str]) -> dict[str, str]:
    """Test sets by the last part of their path, or by more of it if two have the same."""
    paths = {source: [part for part in Path(source).parts if part != "/"] for source in dict.fromkeys(sources)}
    depth = dict.fromkeys(paths, 1)
    while True:
        names = {source: "-".join(parts[-depth[source] :]) for source, parts in paths.items()}
        same = [source for source, name in names.items() if list(names.values()).count(name) > 1]
        if not any(depth[source] < len(paths[source]) for source in same):
            return {name: source for source, name in names.items()}
        depth |= {source: depth[source] + 1 for source in same}


def _subset(text: str) -> tuple[str, str]:
    name, _, rule = text.rpartition("=")
    if not name or rule not in SUBSETS:
        raise argparse.ArgumentTypeError(f"must be NAME=RULE with a rule of {', '.join(SUBSETS)}, not {text!r}")
    return name, rule


if __name__ == "__main__":
    main()
