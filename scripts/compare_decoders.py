# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train,synthesis]"]
# ///
"""Measures what beam search, lexicons and a language model gain over best path, as Markdown tables.

    python scripts/compare_decoders.py --dataset iiit5k/ cute80/ --lexicon words.txt
    python scripts/compare_decoders.py --dataset iiit5k/ cute80/ --lexicon words.txt --language_model lm.safetensors
    python scripts/compare_decoders.py --codes 1000

A dataset is a folder with a `labels.tsv` of lines `image path<TAB>text`. The network reads each image once, without
turning it, and all decoders use these logits. Small lexicons are drawn for each image: its label and 49 (or 999) other
words, drawn without replacement by numpy's generator with `--seed` from the other labels of the dataset and, if those
are too few, from `--lexicon`; all as the protocol normalizes them. The lexicon of all labels is the same for all
datasets. Gains are in percentage points of word accuracy. The time is CPU time of one thread for decoding alone,
without the network and without building the lexicon. The share of labels that are in the lexicon is in parentheses:
no decoder that is limited to the lexicon can be more accurate. A second table shows the effect of the language model
on words of the lexicon, on other words, and on labels with a digit: the accuracy of both decoders, and how many words
the language model corrects and breaks.

With `--codes`, a third table shows the effect of the language model on rendered number plates, serial numbers, prices
and cable tags (equal numbers of each), in which no character depends on the ones before. They are as hard as street
photos and are compared with case and punctuation. This table alone needs neither `--dataset` nor `--lexicon`.
"""

import argparse
import string
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm
from transformers import AutoModelForCTC, AutoProcessor
from transformers.utils import logging

from hf_str import (
    DEFAULT_CHECKPOINT,
    BestPath,
    CharacterLanguageModel,
    Lexicon,
    LexiconDecoder,
    PrefixBeamSearch,
    PrefixSearch,
    load_word_image,
)
from hf_str.data import read_word_folder
from hf_str.evaluation import PROTOCOLS, Protocol
from hf_str.models.crnn.image_batching_crnn import make_batches
from hf_str.models.crnn.text_files_crnn import read_lines
from hf_str.synthesis import WordRenderer, WordSampler
from hf_str.utils.options import OptionParser


#: Patterns of `--codes`: a random capital letter for each "A", a random digit for each "0".
CODES = {
    "number plates": "AA00AAA AAA000 AAA-0000 AA000AA 000AAA 0AAA000 AA-000-AA 00-AA-00 AA0000AA A-AA-0000",
    "serial numbers": "SN00000000 AA00000000 A0A0A00A 00A0-AA00-0A0A 0000-0000-00 AAAA0000000 S/N:0AA00000 A000-00000",
    "prices": "$0.00 $00.00 $000.00 0.00 00.00 0,00 $0,000 00p 0.00/kg 00,- US$00 00.00EUR 2/$0.00",
    "cable tags": "A0-00 AA-0000 C-000-A K00.00 W0000-A A00/B00 00A-000 X00-00.A -W000-K00 X0:00 LAN-00 SW0-P00 R0U0",
}


@dataclass(frozen=True)
class Words:
    """Logits (images, time, vocab) of a dataset in batches, and its labels as the protocol normalizes them."""

    name: str
    logits: list[torch.Tensor]
    labels: list[str]


@dataclass(frozen=True)
class Result:
    """The result of a decoder on a dataset.

    Attributes:
        accuracy: word accuracy in percent.
        milliseconds: CPU time per word.
        right: for each word whether it is right.
        covered: percentage of labels that the decoder can output at all, if it is limited.
    """

    accuracy: float
    milliseconds: float
    right: np.ndarray
    covered: float | None = None


class Comparison:
    """Decodes the datasets with one decoder after another."""

    def __init__(self, datasets: list[Words], tokenizer, protocol: Protocol):
        self.datasets, self.tokenizer, self.protocol = datasets, tokenizer, protocol
        self.rows: dict[str, list[Result]] = {}

    def add(self, name: str, decoder, vocabulary: set[str] | None = None):
        """Adds a decoder for all images; `vocabulary` has the words it is limited to."""
        self.rows[name] = []
        for words in self.datasets:
            started = time.process_time()
            hypotheses = [found for logits in words.logits for found in decoder(logits)]
            taken = time.process_time() - started
            covered = None
            if vocabulary is not None:
                covered = 100 * float(np.mean([label in vocabulary for label in words.labels]))
            self.rows[name].append(self._result(words, hypotheses, taken, covered))
        print(f"{name}: {', '.join(f'{result.accuracy:.2f}' for result in self.rows[name])}", flush=True)

    def add_small_lexicons(self, size: int, distractors: list[str], seed: int):
        """Adds the decoder with a different lexicon for each image."""
        name = f"lexicon of {size:,}"
        self.rows[name] = []
        for words in self.datasets:
            hypotheses, taken = [], 0.0
            lexicons = draw_lexicons(words.labels, size, distractors, seed)
            images = chain.from_iterable(words.logits)
            for logits, lexicon in zip(images, tqdm(lexicons, total=len(words.labels), desc=name), strict=True):
                decoder = LexiconDecoder(Lexicon(lexicon, self.tokenizer))
                started = time.process_time()
                hypotheses += decoder(logits[None])
                taken += time.process_time() - started
            self.rows[name].append(self._result(words, hypotheses, taken, 100.0))
        print(f"{name}: {', '.join(f'{result.accuracy:.2f}' for result in self.rows[name])}", flush=True)

    def _result(self, words: Words, hypotheses: list, seconds: float, covered: float | None) -> Result:
        texts = ["".join(self.tokenizer.convert_ids_to_tokens(best.ids)) for best, *_ in hypotheses]
        right = np.array([self.protocol.same(text, label) for text, label in zip(texts, words.labels, strict=True)])
        return Result(100 * float(right.mean()), 1000 * seconds / len(texts), right, covered)

    def table(self) -> str:
        heads = "".join(
            f" {words.name}, {len(words.labels):,} words | gain | ms per word |" for words in self.datasets
        )
        lines = [f"| decoder |{heads}", "|---|" + "---|---|---|" * len(self.datasets)]
        base, *_ = self.rows.values()
        for name, results in self.rows.items():
            cells = ""
            for result, first in zip(results, base, strict=True):
                covered = "" if result.covered is None else f" ({result.covered:.1f})"
                gain = result.accuracy - first.accuracy
                cells += f" {result.accuracy:.2f}{covered} | {gain:+.2f} | {result.milliseconds:.2f} |"
            lines.append(f"| {name} |{cells}")
        return "\n".join(lines)

    def table_by_kind(self, name: str, known: set[str]) -> str:
        """The effect of the decoder `name` on labels that are among the `known` words, and on others."""
        lines = [f"| labels | words | best path | {name} | corrected | broken |", "|---|---|---|---|---|---|"]
        base, *_ = self.rows.values()
        for words, results, first in zip(self.datasets, self.rows[name], base, strict=True):
            labels = np.array(words.labels)
            digits = np.array([any(map(str.isdigit, label)) for label in labels])
            in_lexicon = np.isin(labels, list(known)) & ~digits
            kinds = {"in the lexicon": in_lexicon, "other words": ~in_lexicon & ~digits, "with a digit": digits}
            for kind, rows in kinds.items():
                before, after = first.right[rows], results.right[rows]
                shares = " | ".join(f"{100 * right.mean():.2f}" if len(right) else "" for right in (before, after))
                changes = f"{(after & ~before).sum()} | {(before & ~after).sum()}"
                lines.append(f"| {words.name}, {kind} | {rows.sum():,} | {shares} | {changes} |")
        return "\n".join(lines)


def draw_lexicons(labels: list[str], size: int, distractors: list[str], seed: int) -> Iterable[list[str]]:
    """For each label, itself and `size - 1` others: of the labels, then of the distractors if those are too few."""
    rng = np.random.default_rng(seed)
    different = sorted(set(labels))
    more = sorted(set(distractors) - set(labels))
    for label in labels:
        others = [word for word in different if word != label]
        count = min(size - 1, len(others))
        drawn = [others[n] for n in rng.choice(len(others), count, replace=False)]
        missing = size - 1 - count
        if missing > len(more):
            raise SystemExit(f"a lexicon of {size} needs {missing - len(more)} more words: give a larger --lexicon")
        yield [label, *drawn, *(more[n] for n in rng.choice(len(more), missing, replace=False))]


def draw_codes(count: int, seed: int) -> list[tuple[str, str]]:
    """The kind and the text of `count` codes, with equal numbers of each kind."""
    rng = np.random.default_rng(seed)
    drawn = {"A": string.ascii_uppercase, "0": string.digits}
    codes = []
    for number in range(count):
        kind = list(CODES)[number % len(CODES)]
        pattern = str(rng.choice(CODES[kind].split()))
        text = "".join(str(rng.choice(list(drawn.get(character, character)))) for character in pattern)
        codes.append((kind, text))
    return codes


def render(texts: list[str], seed: int) -> list[Image.Image]:
    rng = np.random.default_rng(seed)
    renderer = WordRenderer(WordSampler(string.printable.strip()), seed=seed, max_aspect=16)
    return [Image.fromarray(renderer.render_text(text, rng)) for text in tqdm(texts, "rendering")]


@torch.no_grad()
def read_images(name: str, images: list, labels: list[str], model, processor) -> Words:
    batches = make_batches(images, processor.image_processor, 64)
    logits = [model(**batch.inputs).logits for batch in tqdm(batches, name)]
    return Words(name, logits, [labels[index] for batch in batches for index in batch.indices])


def read_data(folder: Path, model, processor, protocol: Protocol) -> Words:
    boxes = read_word_folder(folder)
    compared = [box for box in boxes if protocol.normalize(box.text)]
    if not compared:
        raise SystemExit(f"error: {folder}: {protocol.nothing_left([box.text for box in boxes])}")
    if len(compared) < len(boxes):
        print(f"{folder}: {len(boxes) - len(compared):,} labels have no character of the protocol and are left out\n")
    boxes = compared
    labels = [protocol.normalize(box.text) for box in boxes]
    return read_images(folder.name, [load_word_image(box.path) for box in boxes], labels, model, processor)


def table_of_codes(count: int, seed: int, model, processor, language_model, beam_width: int) -> str:
    """The effect of the language model on rendered codes, which it cannot know."""
    codes, protocol = draw_codes(count, seed), PROTOCOLS["94"]
    datasets = []
    for kind in CODES:
        texts = [text for of_kind, text in codes if of_kind == kind]
        datasets.append(read_images(kind, render(texts, seed), texts, model, processor))
    comparison = Comparison(datasets, processor.tokenizer, protocol)
    comparison.add("best path", BestPath())
    comparison.add("language model", PrefixBeamSearch(beam_width, language_model=language_model))
    lines = ["| codes | number | best path | language model | gain | corrected | broken |", "|---" * 7 + "|"]
    before, after = ([result.right for result in comparison.rows[name]] for name in ("best path", "language model"))
    rows = [(words.name, *right) for words, *right in zip(datasets, before, after, strict=True)]
    for name, first, second in [*rows, ("all", np.concatenate(before), np.concatenate(after))]:
        shares = 100 * first.mean(), 100 * second.mean()
        changes = f"{(second & ~first).sum()} | {(first & ~second).sum()}"
        row = f"{shares[0]:.2f} | {shares[1]:.2f} | {shares[1] - shares[0]:+.2f} | {changes}"
        lines.append(f"| {name} | {len(first):,} | {row} |")
    return "\n".join(lines)


def parse_args() -> argparse.Namespace:
    parser = OptionParser(__doc__, {"data": "dataset"})
    add = parser.add_argument
    add("--dataset", type=Path, nargs="+", default=[], help="folders of words with a labels.tsv")
    add("--model", default=DEFAULT_CHECKPOINT, help="checkpoint folder or Hub repository (default: that of hf_str)")
    add("--lexicon", type=Path, help="text file with one word per line")
    add("--language_model", type=Path, metavar="FILE", help="of train_character_lm.py, or ARPA (default: the model's)")
    add("--protocol", choices=PROTOCOLS, default="36", help="which characters are compared")
    add("--beam_width", type=int, default=10, help="beams of all beam searches")
    add("--sizes", type=int, nargs="*", default=[50, 1000], help="numbers of words in the small lexicons")
    add("--codes", type=int, default=0, help="also measure on this many rendered codes, at least 4 (default: none)")
    add("--seed", type=int, default=0, help="seed of lexicons and codes")
    args = parser.parse_args()
    if not args.dataset and not args.codes:
        parser.error("give --dataset with --lexicon, --codes, or both")
    if args.dataset and args.lexicon is None:
        parser.error("--dataset needs a --lexicon")
    if args.codes and args.codes < len(CODES):
        parser.error(f"--codes must be at least {len(CODES)}, one of each kind")
    return args


def compare(args: argparse.Namespace, model, processor, language_model) -> str:
    """The tables of the datasets."""
    protocol, tokenizer = PROTOCOLS[args.protocol], processor.tokenizer
    datasets = [read_data(folder, model, processor, protocol) for folder in args.dataset]
    comparison = Comparison(datasets, tokenizer, protocol)

    comparison.add("best path", BestPath())
    comparison.add(f"beam {args.beam_width}", PrefixBeamSearch(args.beam_width))
    comparison.add("prefix search", PrefixSearch())
    if language_model is not None:
        comparison.add("beam + language model", PrefixBeamSearch(args.beam_width, language_model=language_model))

    distractors = [protocol.normalize(word) for word in read_lines(args.lexicon)]
    for size in args.sizes:
        comparison.add_small_lexicons(size, distractors, args.seed)
    labels = {label for words in datasets for label in words.labels}
    comparison.add(
        f"lexicon of all {len(labels):,} labels", LexiconDecoder(Lexicon(sorted(labels), tokenizer)), labels
    )
    lexicon, known = Lexicon.from_file(args.lexicon, tokenizer), set(distractors)
    name = f"lexicon of {len(lexicon):,}"
    comparison.add(name, LexiconDecoder(lexicon), known)
    for distance in (3, 1):
        comparison.add(f"{name}, within {distance} of best path", LexiconDecoder(lexicon, max_distance=distance))
    comparison.add(f"{name}, beam", PrefixBeamSearch(args.beam_width, lexicon=lexicon), known)
    if language_model is None:
        return comparison.table()
    decoder = PrefixBeamSearch(args.beam_width, lexicon=lexicon, language_model=language_model)
    comparison.add(f"{name}, beam + language model", decoder, known)
    return f"{comparison.table()}\n\n{comparison.table_by_kind('beam + language model', known)}"


def main():
    args = parse_args()
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    model, processor = AutoModelForCTC.from_pretrained(args.model).eval(), AutoProcessor.from_pretrained(args.model)
    processor.image_processor.vertical_aspect_ratio = None
    language_model = processor.tokenizer.language_model
    if args.language_model is not None:
        language_model = CharacterLanguageModel(args.language_model, processor.tokenizer)
    if args.codes and language_model is None:
        raise SystemExit(
            "--codes compares a language model with best path, but this checkpoint has none: give --language_model"
        )
    tables = []
    if args.dataset:
        tables.append(compare(args, model, processor, language_model))
    if args.codes:
        tables.append(table_of_codes(args.codes, args.seed, model, processor, language_model, args.beam_width))
    print("\n\n".join(tables))


if __name__ == "__main__":
    main()
