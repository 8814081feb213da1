# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train]"]
# ///
"""Measures how well a recogniser reads: word accuracy, CER, LER, 1-NED with intervals, calibration, images a second.

    python scripts/evaluate_str.py --data iiit5k/ cute80/
    python scripts/evaluate_str.py --data iiit5k/ icdar2013/ --subset icdar2013=IC13-857 --output_dir runs/measured
    python scripts/evaluate_str.py --data my_photos/ --model microsoft/trocr-base-str --errors 20
    accelerate launch --num_processes 2 scripts/evaluate_str.py --data union14m/ --output_dir runs/measured

A data set is anything that `load_word_boxes` reads. A model is a checkpoint or Hub repository of CRNN, PP-OCRv5 or v6,
TrOCR or MGP-STR, or an ONNX file: of a CRNN with its processor beside it, or of PP-OCR as it was released, with its
dictionary in it or beside it (inference.yml or *_dict.txt). Which characters are compared follows the model's charset,
unless `--protocol` says it: letters and digits of English without case (36), with case (62), printable ASCII (94),
letters and digits of every script without case (unicode), everything (exact). Where that is not all of the labels'
characters, or the model cannot write some of them, the figures say so. Prints a table; with `--output_dir` also writes

    predictions/NAME.jsonl   each reading as it comes: the same command goes on where a run was stopped
    results.json             all figures, with settings, versions and counts
    results.md               the tables
    model-index.yaml         metadata for the model card
    reliability.svg          how many words of each score are right, for the model card
    report.html              figures, errors with their images, confusions, confidence, in one file
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
from hf_str.utils.processes import start_process


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", nargs="+", required=True, help="test sets: files, folders, or names of data sets on the Hub")
    add("--format", choices=sorted(DATASET_FORMATS), help="the layout of all of them (default: found out for each)")
    add("--split", help='the split to read, or "all" (default: the only one, or else train)')
    add(
        "--subset",
        nargs="+",
        default=[],
        metavar="NAME=RULE",
        type=_subset,
        help=f"count only some words of a set, by its name; rules: {', '.join(SUBSETS)}. The set as it is stays in "
        "the tables; means take the first rule's words",
    )
    add("--model", default=hf_str.DEFAULT_CHECKPOINT, help="checkpoint folder, Hub repository, or .onnx file")
    add(
        "--protocol",
        nargs="+",
        choices=PROTOCOLS,
        help="characters to compare (default: by the charset); first: charts",
    )
    add("--output_dir", type=Path, help="where everything is written; without it, only the table is printed")
    add("--batch_size", type=int, default=64)
    add("--num_workers", type=int, default=0, help="further processes that open images")
    add("--device", default=None, help='such as "cpu" or "cuda" (default: a GPU if there is one)')
    add(
        "--precision",
        choices=PRECISIONS,
        help="read with CRNN's optimize_for_inference: auto is the fastest of the device (default: as it was trained)",
    )
    add("--seed", type=int, default=0, help="of the bootstrap and of drawn lexicons")
    add("--errors", type=int, default=0, metavar="N", help="show the first N words that are misread")
    decoding = parser.add_argument_group(
        "decoding", "Lexicons are for any model, the rest for CRNN and its ONNX files."
    )
    add = decoding.add_argument
    add(
        "--decoder",
        choices=DECODERS,
        help="default: what a language model or a lexicon needs, or else beam_search with the checkpoint's language "
        "model if it has one, or best_path",
    )
    add("--beam_width", type=int, help="of beam_search")
    add("--language_model", type=Path, metavar="FILE", help="of train_character_lm.py, or ARPA: for beam_search")
    add(
        "--lexicon",
        help="full (all words of the set), a number of words to draw for each image, a .txt file with a word a line, "
        "a .tsv file with an image and its words a line, IIIT5K's testdata.mat:50 or :1k, or SVT's test.xml",
    )
    add("--distractors", type=Path, help="a file of further words to draw lexicons from")
    args = parser.parse_args()
    names = _named(args.data)
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
        # The first pass of a process costs more than any other; and it shows a decoder that does not go.
        recognizer.recognize([Image.new("RGB", (100, 32))], sets[0].lexicons and sets[0].lexicons[:1])
        settings = reading_settings(args, recognizer)
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
    print_table(results, parts, args.errors)
    if args.output_dir is not None:
        write(args.output_dir, results, parts, sets)


def open_test_sets(args: argparse.Namespace) -> list[TestSet]:
    """The words of `--data`, with their lexicons."""
    distractors = read_words(args.distractors) if args.distractors else []
    sets = []
    for name, source in _named(args.data).items():
        words = TestSet(name, source, load_word_boxes(source, format=args.format, split=args.split))
        if len(words) == 0:
            raise ValueError(f"there are no words in {source}")
        for protocol in map(PROTOCOLS.get, args.protocol):
            if not any(map(protocol.normalize, words.labels)):
                raise ValueError(f"{name}: {protocol.nothing_left(words.labels)}")
        if args.lexicon is not None:
            lexicons = find_lexicons(args.lexicon, words.labels, words.paths, distractors, args.seed)
            words = replace(words, lexicons=lexicons)
        sets.append(words)
    return sets


def decoding_options(args: argparse.Namespace) -> dict:
    """What was said of the decoder."""
    options = {"decoder": args.decoder, "beam_width": args.beam_width, "language_model": args.language_model}
    return {name: value for name, value in options.items() if value is not None}


def reading_settings(args: argparse.Namespace, recognizer: Recognizer) -> dict:
    """What the readings in the output folder depend on."""
    names = ("split", "protocol", "decoder", "beam_width", "language_model", "lexicon", "distractors", "seed")
    settings = {name: str(value) if isinstance(value := getattr(args, name), Path) else value for name in names}
    if args.decoder is None and args.lexicon is None and args.language_model is None and recognizer.language_model:
        settings["language_model"] = "the checkpoint's own"
    if args.precision:
        settings["precision"] = args.precision
    return {"model": str(args.model), "weights": fingerprint(args.model)} | settings


def print_table(results: dict, parts: list[Part], errors: int):
    """A line for each set, then its first words that are misread."""
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
    for part in parts if errors else []:
        compared = [word for word in part.predictions if protocol.normalize(word.label)]
        wrong = [word for word in compared if word.problem or not protocol.same(word.text, word.label)]
        for word in wrong[:errors]:
            said = f"is broken: {word.problem}" if word.problem else f"was read as {word.text!r}"
            print(f"  {part.name} {word.name}: {word.label!r} {said}")


def write(folder: Path, results: dict, parts: list[Part], sets: list[TestSet]):
    """The files beside the predictions."""
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
    """Test sets by the last part of their path; where two have the same, by more of it."""
    paths = {source: [part for part in Path(source).parts if part != "/"] for source in dict.fromkeys(sources)}
    depth = dict.fromkeys(paths, 1)
    for _ in range(max(map(len, paths.values()))):
        names = {source: "-".join(parts[-depth[source] :]) for source, parts in paths.items()}
        depth |= {s: depth[s] + 1 for s, name in names.items() if list(names.values()).count(name) > 1}
    return {name: source for source, name in names.items()}


def _subset(text: str) -> tuple[str, str]:
    name, _, rule = text.rpartition("=")
    if not name or rule not in SUBSETS:
        raise argparse.ArgumentTypeError(f"must be NAME=RULE with a rule of {', '.join(SUBSETS)}, not {text!r}")
    return name, rule


if __name__ == "__main__":
    main()
