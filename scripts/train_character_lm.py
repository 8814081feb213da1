# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[lm,synthesis]"]
# ///
"""Trains a character n-gram language model on words, for CTC decoding.

    python scripts/train_character_lm.py --lexicon words.txt --output characters.safetensors
    python scripts/train_character_lm.py --lexicon wordfreq:en --sign_texts 1500000 --output english.safetensors
    hf-str read photo.png --language-model english.safetensors

A checkpoint whose folder has a `language_model.safetensors` uses it by default, and takes it along to the Hub. An
output that ends in `.arpa` has the format of KenLM and SRILM, which is five times as large and much slower to load.

Each line of a lexicon is a word, optionally with a tab and its count (default: 1). `wordfreq:en` stands for the
English words of the package wordfreq with their frequencies; other languages work alike. With --sign_texts, the model
learns from random texts like those of signs instead, which the renderer of hf_str draws from these words: frequent
words are less dominant than in running text, and there are names, numbers, prices, times and punctuation, which a
model of plain words would take for errors. Words are converted to lower case, as the decoder expects by default.

The smoothing is interpolated Witten-Bell (Chen and Goodman 1998, section 2.4): a context that is followed by many
different characters gives more probability to the next shorter context. It needs no held-out words and, unlike
Kneser-Ney, accepts counts of any kind.
"""

import argparse
import math
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from hf_str.models.crnn.ctc_language_model_crnn import SPACE_TOKEN
from hf_str.models.crnn.ctc_ngrams_crnn import BEGIN, END, UNKNOWN, CharacterNGrams, NGrams
from hf_str.models.crnn.text_crnn import normalize_text
from hf_str.models.crnn.text_files_crnn import read_text_file, split_lines
from hf_str.models.crnn.tokenization_crnn import resolve_charset
from hf_str.synthesis import WordSampler
from hf_str.synthesis.lexicons import word_frequencies
from hf_str.utils.options import OptionParser


def read_words(lexicon: Path, keep_case: bool) -> Counter[str]:
    """Words with their counts; those of a language are counts per billion words of running text.

    Raises:
        ValueError: a count is not a positive number (the message has the line), or there are no words.
    """
    words = Counter()
    frequencies = word_frequencies(lexicon)
    if frequencies is not None:
        words.update({word: round(1e9 * share) for word, share in frequencies.items()})
        return words
    for number, line in enumerate(split_lines(normalize_text(read_text_file(lexicon))), start=1):
        word, tab, frequency = line.partition("\t")
        word = word.strip() if keep_case else word.strip().lower()
        if not word:
            continue
        if tab and not frequency.strip().isdecimal():
            raise ValueError(f"{lexicon}, line {number}: expected a word, a tab and a whole number, not {line!r}")
        words[word] += int(frequency) if tab else 1
    if not words:
        raise ValueError(f"{lexicon}: no words")
    return words


def draw_texts(
    lexicons: list[Path], charset: str, count: int, phrase_share: float, keep_case: bool, seed: int
) -> Counter[str]:
    """Random texts like those of signs in the characters of `charset`; a share joins two or three by spaces."""
    sampler, rng = WordSampler(resolve_charset(charset), lexicons), np.random.default_rng(seed)
    texts = Counter()
    for _ in tqdm(range(count), desc="texts", unit="text", leave=False):
        text = sampler.sample(rng)
        if rng.random() < phrase_share:
            text = " ".join([text, *(sampler.sample(rng) for _ in range(rng.integers(1, 3)))])
        texts[text if keep_case else text.lower()] += 1
    return texts


def count_ngrams(words: Counter[str], order: int, min_count: int = 1) -> list[dict[tuple[str, ...], Counter[str]]]:
    """For each context length below `order`: the tokens that follow each context, with their counts.

    A context does not extend beyond a space: sequences of words would take most of the memory. N-grams of three and
    more tokens with a count below `min_count` are left out.
    """
    followers: list[dict[tuple[str, ...], Counter[str]]] = [defaultdict(Counter) for _ in range(order)]
    for word, frequency in tqdm(words.items(), desc="words", unit="word", leave=False):
        tokens = [BEGIN, *(SPACE_TOKEN if character == " " else character for character in word), END]
        for index in range(1, len(tokens)):
            for length in range(min(order, index + 1)):
                context = tuple(tokens[index - length : index])
                if SPACE_TOKEN in context[1:]:
                    break
                followers[length][context][tokens[index]] += frequency
    for level in followers[2:] if min_count > 1 else []:
        for context, counts in list(level.items()):
            level[context] = Counter({token: count for token, count in counts.items() if count >= min_count})
            if not level[context]:
                del level[context]
    return followers


def estimate(followers: list[dict[tuple[str, ...], Counter[str]]]) -> list[NGrams]:
    """For n = 1, 2, ... the natural logarithms of each n-gram's probability and of its back-off weight as a context.

    Let c(h, w) be the count of w after the context h, c(h) the sum over w, and t(h) the number of different w. The
    probability is (c(h, w) + t(h) p(w | shorter h)) / (c(h) + t(h)), and the back-off weight t(h) / (c(h) + t(h)). The
    empty context backs off to the uniform distribution over all tokens and `<unk>`.
    """
    tokens = sorted(followers[0][()])
    uniform = 1 / (len(tokens) + 1)
    probabilities, weights = {}, {}
    for level in followers:
        for context, counts in level.items():
            total, types = sum(counts.values()), len(counts)
            weights[context] = types / (total + types)
            for token, count in counts.items():
                shorter = probabilities[(*context[1:], token)] if context else uniform
                probabilities[(*context, token)] = (count + types * shorter) / (total + types)
    probabilities[(UNKNOWN,)] = weights[()] * uniform
    levels: list[NGrams] = [{} for _ in followers]
    levels[0][(BEGIN,)] = -99 * math.log(10), math.log(weights[(BEGIN,)])
    for ngram, probability in probabilities.items():
        levels[len(ngram) - 1][ngram] = math.log(probability), math.log(weights.get(ngram, 1.0))
    return levels


def write_arpa(path: Path, levels: list[NGrams]):
    """Writes the ARPA format: for each n, lines of log10 probability, n-gram and log10 back-off weight."""
    with path.open("w", encoding="utf-8") as file:
        counts = (f"ngram {n}={len(ngrams)}\n" for n, ngrams in enumerate(levels, start=1))
        file.write("\\data\\\n" + "".join(counts))
        for n, ngrams in enumerate(levels, start=1):
            file.write(f"\n\\{n}-grams:\n")
            for ngram, (log_prob, back_off) in sorted(ngrams.items()):
                end = f"\t{back_off / math.log(10):.7g}" if back_off else ""
                file.write(f"{log_prob / math.log(10):.7g}\t{' '.join(ngram)}{end}\n")
        file.write("\n\\end\\\n")


def parse_args() -> argparse.Namespace:
    parser = OptionParser(__doc__, {"words": "lexicon"})
    add = parser.add_argument
    add(
        "--lexicon",
        type=Path,
        nargs="+",
        required=True,
        help="text files with one word per line, optionally with a tab and a count; or wordfreq:LANGUAGE",
    )
    add(
        "--sign_texts",
        type=int,
        default=0,
        help="learn from this many random texts of signs (default: from the words)",
    )
    add("--phrase_share", type=float, default=0.0, help="share of the texts of signs that contain spaces")
    add("--charset", default="94", help="characters of the texts of signs")
    add("--seed", type=int, default=0, help="seed of the texts of signs")
    add("--output", type=Path, required=True, help="file to write: .safetensors or .arpa")
    add("--order", type=int, default=6, help="the n of the n-grams")
    add("--min_count", type=int, default=1, help="leave out n-grams of three and more characters with a lower count")
    add("--keep_case", action="store_true", help="keep upper and lower case")
    return parser.parse_args()


def main():
    args = parse_args()
    if args.order < 2:
        raise SystemExit(f"--order must be at least 2, not {args.order}")
    if args.output.suffix not in (".safetensors", ".arpa"):
        raise SystemExit(f"--output must end in .safetensors or .arpa, not {args.output.name!r}")
    try:
        if args.sign_texts:
            words = draw_texts(
                args.lexicon, args.charset, args.sign_texts, args.phrase_share, args.keep_case, args.seed
            )
        else:
            words = sum((read_words(lexicon, args.keep_case) for lexicon in args.lexicon), Counter())
    except (ImportError, OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from error
    levels = estimate(count_ngrams(words, args.order, args.min_count))
    args.output.parent.mkdir(parents=True, exist_ok=True)
    if args.output.suffix == ".arpa":
        write_arpa(args.output, levels)
    else:
        CharacterNGrams.from_levels(levels).save(args.output)
    print(f"{args.output}: {sum(map(len, levels)):,} n-grams up to {args.order}, from {len(words):,} words")


if __name__ == "__main__":
    main()
