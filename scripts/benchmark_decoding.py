# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str"]
# ///
"""Measures the speed of the decoders, as Markdown tables.

    python scripts/benchmark_decoding.py --images iiit5k/images --lexicon words.txt

The baselines are: for best path, the argmax that it contains; for prefix beam search, that of pyctcdecode in pure
Python (`pip install --no-deps pyctcdecode pygtrie`; these rows are left out if it is not installed); for a lexicon,
the CTC loss of all its words in one batched call. The logits are those of the checkpoint on the images, and random
ones of the same shape. Times are CPU seconds of one thread: the median and the range over rounds in which all rows
take turns. By default pyctcdecode prunes characters and beams, which makes it fast where the network is confident;
"all characters" is its search without pruning, which is the search of this package.
"""

import argparse
import importlib
import logging
import statistics
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import torch
from tqdm import tqdm
from transformers import AutoModelForCTC, AutoProcessor
from transformers.utils import logging as transformers_logging

from hf_str import DEFAULT_CHECKPOINT, CRNNProcessor, Lexicon, LexiconDecoder, PrefixBeamSearch, PrefixSearch
from hf_str.evaluation.speed import stopwatch, take_turns
from hf_str.models.crnn.ctc_decoding_crnn import best_path, frame_log_probs
from hf_str.models.crnn.outputs_crnn import join_logits
from hf_str.utils.options import OptionParser


class Timings:
    """CPU milliseconds per word of named calls, which take turns in each round."""

    def __init__(self, rounds: int):
        self.rounds, self.calls, self.milliseconds = rounds, {}, {}

    def add(self, name: str, call: Callable[[], object], words: int):
        self.calls[name] = call, words

    def run(self):
        measures = {name: stopwatch(call, time.process_time) for name, (call, _) in self.calls.items()}
        for name, seconds in take_turns(measures, self.rounds).items():
            _, words = self.calls[name]
            self.milliseconds[name] = [1000 * taken / words for taken in seconds]
        self.calls = {}

    def median(self, name: str) -> float:
        return statistics.median(self.milliseconds[name])

    def table(self, names: list[str]):
        print("\n| decoder | ms per word | range |\n|---|---|---|")
        for name in names:
            taken = self.milliseconds[name]
            print(f"| {name} | {statistics.median(taken):.4f} | {min(taken):.4f} to {max(taken):.4f} |")

    def ratio(self, slower: str, faster: str) -> str:
        """The ratio of the medians, and the range of the ratios of the rounds."""
        ratios = [a / b for a, b in zip(self.milliseconds[slower], self.milliseconds[faster], strict=True)]
        return f"{self.median(slower) / self.median(faster):.1f} | {min(ratios):.1f} to {max(ratios):.1f}"


@torch.no_grad()
def read_logits(folder: Path, num_images: int, checkpoint: str) -> tuple[torch.Tensor, CRNNProcessor]:
    """The logits of the checkpoint on images of a folder (images, time, vocab), and its processor."""
    model, processor = AutoModelForCTC.from_pretrained(checkpoint).eval(), AutoProcessor.from_pretrained(checkpoint)
    files = sorted(str(path) for path in folder.iterdir() if path.is_file())
    files = list(islice(cycle(files), num_images))
    batches = [files[start : start + 64] for start in range(0, num_images, 64)]
    logits = [model(**processor(images=batch, return_tensors="pt")).logits for batch in tqdm(batches, leave=False)]
    return join_logits(logits), processor


def pyctcdecode_search(processor: CRNNProcessor) -> Callable | None:
    """The pure-Python search of pyctcdecode, or `None` if it is not installed."""
    logging.getLogger("pyctcdecode").setLevel(logging.ERROR)
    try:
        pyctcdecode = importlib.import_module("pyctcdecode")
    except ImportError:
        print("pyctcdecode is not installed: its rows are left out.")
        return None
    return pyctcdecode.build_ctcdecoder(["", *processor.tokenizer.characters]).decode_beams


def benchmark_searches(args: argparse.Namespace, logits: torch.Tensor, processor: CRNNProcessor):
    random = 3 * torch.randn(logits.shape, generator=torch.Generator().manual_seed(0))
    baseline, pairs = pyctcdecode_search(processor), []
    timings = Timings(args.rounds)
    for name, values in (("random", random), ("real", logits)):
        timings.add(f"argmax, {name}", lambda x=values: x.argmax(-1), len(values))
        timings.add(f"best path, {name}", lambda x=values: best_path(x), len(values))
        pairs.append((f"best path, {name}", f"argmax, {name}"))
        beam = PrefixBeamSearch(args.beam_width)
        timings.add(f"beam {args.beam_width}, {name}", lambda x=values, b=beam: b(x), len(values))
        if baseline is not None:
            for pruning, options in (
                ("its pruning", {}),
                ("all characters", {"token_min_logp": -1000, "beam_prune_logp": -1000}),
            ):
                frames = (
                    values[: args.baseline_images if options else 10 * args.baseline_images].log_softmax(-1).numpy()
                )
                label = f"pyctcdecode {args.beam_width} ({pruning}), {name}"
                timings.add(
                    label,
                    lambda f=frames, o=options: [baseline(frame, beam_width=args.beam_width, **o) for frame in f],
                    len(frames),
                )
                pairs.append((label, f"beam {args.beam_width}, {name}"))
    timings.add("prefix search, real", lambda: PrefixSearch()(logits[: args.baseline_images]), args.baseline_images)
    timings.run()
    print(f"\n{tuple(logits.shape)} logits:")
    timings.table(list(timings.milliseconds))
    print("\n| slower | faster | ratio | range |\n|---|---|---|---|")
    for slower, faster in pairs:
        print(f"| {slower} | {faster} | {timings.ratio(slower, faster)} |")


def benchmark_lexicon(args: argparse.Namespace, logits: torch.Tensor, processor: CRNNProcessor):
    lexicon = Lexicon.from_file(args.lexicon, processor.tokenizer)
    words = [torch.tensor(lexicon.letters(word)) for word in range(len(lexicon))]
    lengths = torch.tensor([len(word) for word in words])
    padded = torch.nn.utils.rnn.pad_sequence(words, batch_first=True)
    frames = torch.full_like(lengths, logits.shape[1])
    few = logits[torch.linspace(0, len(logits) - 1, args.exhaustive_images).long()]

    def exhaustive() -> list[list[int]]:
        """The most probable word by the CTC loss of every word, one call per image."""
        best = []
        for image in lexicon.merge(frame_log_probs(few)):
            every = image[:, None].expand(-1, len(words), -1)
            loss = torch.nn.functional.ctc_loss(every, padded, frames, lengths, reduction="none")
            best.append(lexicon.words[int(loss.argmin())])
        return best

    decoders = {
        "lexicon": LexiconDecoder(lexicon),
        "within 3 edits": LexiconDecoder(lexicon, max_distance=3),
        f"beam {args.beam_width} in the lexicon": PrefixBeamSearch(args.beam_width, lexicon=lexicon),
    }
    timings = Timings(args.rounds)
    timings.add("CTC loss of every word", exhaustive, len(few))
    for name, decoder in decoders.items():
        timings.add(name, lambda decoder=decoder: decoder(few), len(few))
    timings.run()
    answers = exhaustive()
    print(f"\n{len(lexicon):,} words, {len(few)} images:")
    timings.table(["CTC loss of every word"])
    print(
        "\n| decoder | ms per word | % equal to CTC loss of every word | times faster | range |\n|---|---|---|---|---|"
    )
    for name, decoder in decoders.items():
        same = sum(hypotheses[0].ids == answer for hypotheses, answer in zip(decoder(few), answers, strict=True))
        ratio = timings.ratio("CTC loss of every word", name)
        print(f"| {name} | {timings.median(name):.3f} | {100 * same / len(few):.1f} | {ratio} |")


def parse_args() -> argparse.Namespace:
    parser = OptionParser(__doc__, {"peer_images": "baseline_images"})
    add = parser.add_argument
    add("--images", type=Path, required=True, help="folder of word images")
    add("--num_images", type=int, default=1000, help="images to decode; they repeat if the folder has fewer")
    add("--model", default=DEFAULT_CHECKPOINT, help="checkpoint folder or Hub repository (default: that of hf_str)")
    add("--lexicon", type=Path, help="text file with one word per line (default: no table of lexicons)")
    add("--beam_width", type=int, default=10, help="beams of all beam searches")
    add("--rounds", type=int, default=3, help="rounds in which all rows take turns")
    add("--baseline_images", type=int, default=20, help="images for pyctcdecode and for prefix search")
    add("--exhaustive_images", type=int, default=100, help="images for the CTC loss of every word")
    return parser.parse_args()


def main():
    args = parse_args()
    torch.set_num_threads(1)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    logits, processor = read_logits(args.images, args.num_images, args.model)
    benchmark_searches(args, logits, processor)
    if args.lexicon is not None:
        benchmark_lexicon(args, logits, processor)


if __name__ == "__main__":
    main()
