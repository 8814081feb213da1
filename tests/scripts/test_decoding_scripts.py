# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The scripts that train a character language model, compare decoders and measure what they cost."""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hf_str import CharacterLanguageModel, CRNNTokenizer
from hf_str.models.crnn.ctc_ngrams_crnn import CharacterNGrams
from tests.conftest import draw_word


pytest.importorskip("cv2")
SCRIPTS = Path(__file__).parents[2] / "scripts"


def run(script: str, *arguments, code: int = 0) -> str:
    command = [sys.executable, SCRIPTS / script, *arguments]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stderr[-3000:]
    return done.stdout if code == 0 else done.stderr


@pytest.fixture(scope="module")
def arpa(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("lm")
    words = "hello\t3\nhelp\nHeld\t2\nopen\nstop\na b\nwonderful\ncoffee\nstreet\n"
    (folder / "words.tsv").write_text(words, encoding="utf-8")
    output = run(
        "train_character_lm.py", "--lexicon", folder / "words.tsv", "--output", folder / "lm.arpa", "--order", 4
    )
    assert "from 9 words" in output
    return folder / "lm.arpa"


def log10_probabilities(arpa: Path) -> dict[tuple[str, ...], float]:
    rows = [line.split("\t") for line in arpa.read_text(encoding="utf-8").splitlines() if "\t" in line]
    return {tuple(row[1].split()): float(row[0]) for row in rows}


def test_probabilities_by_hand(arpa):
    """After "hel" came l three times, d twice and p once: 6 in all, 3 different; the shorter context says the same."""
    probabilities = {ngram: 10**log10 for ngram, log10 in log10_probabilities(arpa).items()}
    assert probabilities[("h", "e", "l", "l")] == pytest.approx((3 + 3 * probabilities[("e", "l", "l")]) / 9, rel=1e-5)
    assert probabilities[("h", "e", "l", "p")] == pytest.approx((1 + 3 * probabilities[("e", "l", "p")]) / 9, rel=1e-5)
    # Single characters: "w" once among all characters and ends, with the uniform share of those and <unk>.
    words = ["hello"] * 3 + ["help", "held", "held", "open", "stop", "a b", "wonderful", "coffee", "street"]
    total = sum(len(word) + 1 for word in words)
    types = len(set("".join(words)) | {"</s>"})
    assert probabilities[("w",)] == pytest.approx((1 + types / (types + 1)) / (total + types), rel=1e-5)
    assert probabilities[("a", "<space>")] > 0.4


def test_what_kenlm_makes_of_it_adds_up_to_one(arpa):
    kenlm = pytest.importorskip("kenlm")
    model = kenlm.Model(str(arpa))
    tokens = [ngram[0] for ngram in log10_probabilities(arpa) if len(ngram) == 1 and ngram != ("<s>",)]
    for context in ("", "h e", "h e l", "x y z", "o p e n", "a <space>"):
        state, after = kenlm.State(), kenlm.State()
        model.BeginSentenceWrite(state)
        for token in context.split():
            model.BaseScore(state, token, after)
            state, after = after, state
        assert sum(10 ** model.BaseScore(state, token, after) for token in tokens) == pytest.approx(1, abs=1e-4)


def test_probabilities_of_what_comes_next_add_up_to_one(arpa):
    ngrams = CharacterNGrams.from_file(arpa)
    log_probs, _ = ngrams.look_up(np.arange(len(ngrams.arrays["num_edges"])))
    log_probs[:, ngrams.index["<s>"]] = -np.inf
    np.testing.assert_allclose(np.exp(log_probs).sum(1), 1, atol=1e-4)


def test_words_are_likelier_than_others(arpa):
    tokenizer = CRNNTokenizer("36")
    model = CharacterLanguageModel(arpa, tokenizer)
    likely, less, least = (model.log_prob(tokenizer(word).input_ids) for word in ("hello", "hellp", "xqzzp"))
    assert likely > less > least
    assert math.isfinite(model.log_prob(tokenizer("xq").input_ids))


def test_rare_ngrams_are_left_out_where_asked(arpa, tmp_path):
    words, output = arpa.parent / "words.tsv", tmp_path / "small.arpa"
    run("train_character_lm.py", "--lexicon", words, "--output", output, "--order", 4, "--min_count", 3)
    whole, small = log10_probabilities(arpa), log10_probabilities(output)
    assert {ngram for ngram in whole if len(ngram) <= 2} == {ngram for ngram in small if len(ngram) <= 2}
    assert ("h", "e", "l", "l") in small and ("h", "e", "l", "p") in whole
    assert ("h", "e", "l", "p") not in small
    ngrams = CharacterNGrams.from_file(output)
    log_probs, _ = ngrams.look_up(np.arange(len(ngrams.arrays["num_edges"])))
    log_probs[:, ngrams.index["<s>"]] = -np.inf
    np.testing.assert_allclose(np.exp(log_probs).sum(1), 1, atol=1e-4)


def test_a_file_for_a_checkpoint_says_the_same(arpa):
    words, output = arpa.parent / "words.tsv", arpa.parent / "lm.safetensors"
    run("train_character_lm.py", "--lexicon", words, "--output", output, "--order", 4)
    tokenizer = CRNNTokenizer("36")
    expected, found = CharacterLanguageModel(arpa, tokenizer), CharacterLanguageModel(output, tokenizer)
    for word in ("hello", "stop", "xq7", "wonder"):
        ids = tokenizer(word).input_ids
        assert found.log_prob(ids) == pytest.approx(expected.log_prob(ids), abs=0.02)
    error = run("train_character_lm.py", "--lexicon", words, "--output", arpa.parent / "lm.bin", code=1)
    assert "--output must end in .safetensors or .arpa, not 'lm.bin'" in error


def test_a_frequency_that_is_none_is_named(tmp_path):
    (tmp_path / "words.tsv").write_text("hello\t3\nhelp\tmany\n")
    arguments = ["--lexicon", tmp_path / "words.tsv", "--output", tmp_path / "lm.arpa"]
    error = run("train_character_lm.py", *arguments, code=1)
    assert "words.tsv, line 2: expected a word, a tab and a whole number, not 'help\\tmany'" in error


def test_texts_of_signs_hold_more_than_words(tmp_path):
    """Drawn from a word list, with prices and numbers: digits and punctuation are no surprise to the model."""
    (tmp_path / "words.txt").write_text("hello\t9\nzygote\t1\nbakery\t5\ncoffee\t5\nstreet\t5\n")
    arguments = ["--lexicon", tmp_path / "words.txt", "--sign_texts", 3000, "--order", 3, "--seed", 5]
    for name in ("first.arpa", "second.arpa"):
        run("train_character_lm.py", *arguments, "--output", tmp_path / name)
    assert (tmp_path / "first.arpa").read_text() == (tmp_path / "second.arpa").read_text()
    probabilities = log10_probabilities(tmp_path / "first.arpa")
    assert {(sign,) for sign in "0123456789.,!$"} <= set(probabilities)
    assert probabilities[("h", "e", "l")] > probabilities[("h", "e")] > probabilities[("q",)]
    assert not any(token.isupper() for ngram in probabilities for token in ngram)


def test_spaces_between_words(tmp_path):
    """A share of the texts holds spaces; what follows a space depends on nothing before it."""
    (tmp_path / "words.txt").write_text("hello\t9\nzygote\t1\nbakery\t5\ncoffee\t5\nstreet\t5\n")
    arguments = ["--lexicon", tmp_path / "words.txt", "--sign_texts", 3000, "--order", 4, "--phrase_share", 0.2]
    run("train_character_lm.py", *arguments, "--output", tmp_path / "lm.arpa")
    probabilities = log10_probabilities(tmp_path / "lm.arpa")
    assert probabilities[("l", "l", "o", "<space>")] > -1.5
    assert probabilities[("<space>", "h", "e", "l")] > probabilities[("<space>", "h")]
    assert not any("<space>" in ngram[1:-1] for ngram in probabilities)
    tokenizer = CRNNTokenizer("94+space")
    model = CharacterLanguageModel(tmp_path / "lm.arpa", tokenizer)
    both, joined, odd = (
        model.log_prob(tokenizer(text).input_ids) for text in ("hello bakery", "hellobakery", "he llo")
    )
    assert both > joined and both / 12 > odd / 6


def test_a_language_model_of_a_language(tmp_path):
    wordfreq = pytest.importorskip("wordfreq")
    output = run("train_character_lm.py", "--lexicon", "wordfreq:fil", "--order", 2, "--output", tmp_path / "lm.arpa")
    assert f"from {len(wordfreq.get_frequency_dict('fil')):,} words" in output
    probabilities = log10_probabilities(tmp_path / "lm.arpa")
    assert probabilities[("n", "g")] > probabilities[("n", "k")] + 1
    error = run("train_character_lm.py", "--lexicon", "wordfreq:xx", "--output", tmp_path / "lm.arpa", code=1)
    assert "wordfreq has those of: ar, bg" in error


@pytest.fixture
def words(tmp_path) -> Path:
    folder = tmp_path / "words"
    (folder / "images").mkdir(parents=True)
    texts = ["hello", "Open", "stop", "coffee"]
    for index, text in enumerate(texts):
        draw_word(text).save(folder / "images" / f"{index}.png")
    lines = [f"images/{index}.png\t{text}\n" for index, text in enumerate(texts)]
    (folder / "labels.tsv").write_text("".join(lines), encoding="utf-8")
    (tmp_path / "lexicon.txt").write_text("hello\nhelp\nopen\nstreet\nbar\n", encoding="utf-8")
    return folder


def test_compare_decoders(words, arpa, tiny_checkpoint, tmp_path):
    arguments = ["--dataset", words, "--lexicon", tmp_path / "lexicon.txt", "--language_model", arpa, "--sizes", 2, 6]
    output = run("compare_decoders.py", *arguments, "--model", tiny_checkpoint)
    rows = [line.strip("| ").split(" | ") for line in output.splitlines() if line.startswith("| ")]
    assert rows[0] == ["decoder", "words, 4 words", "gain", "ms per word"]
    names = [row[0] for row in rows[1:]]
    assert names[:4] == ["best path", "beam 10", "prefix search", "beam + language model"]
    assert names[4:7] == ["lexicon of 2", "lexicon of 6", "lexicon of all 4 labels"]
    covered = {row[0]: row[1].split("(")[-1] for row in rows[1:] if "(" in row[1]}
    assert covered["lexicon of all 4 labels"] == "100.0)"
    assert covered["lexicon of 5"] == "50.0)"  # hello and open
    assert rows[1][2] == "+0.00"
    kinds = {row[0]: row for row in rows if row[0].startswith("words, ")}
    assert [kinds[f"words, {kind}"][1] for kind in ("in the lexicon", "other words", "with a digit")] == [
        "2",
        "2",
        "0",
    ]
    before, after = (sum(float(row[column] or 0) * int(row[1]) / 100 for row in kinds.values()) for column in (2, 3))
    corrected, spoiled = (sum(int(row[column]) for row in kinds.values()) for column in (4, 5))
    assert after - before == pytest.approx(corrected - spoiled)


def test_what_becomes_of_codes(arpa, tiny_checkpoint):
    """The same with the same seed; no data set is needed."""
    arguments = ["--codes", 9, "--language_model", arpa, "--model", tiny_checkpoint]
    output = run("compare_decoders.py", *arguments, "--seed", 3)
    rows = [line.strip("| ").split(" | ") for line in output.splitlines() if line.startswith("| ")]
    assert rows[0] == ["codes", "number", "best path", "language model", "gain", "corrected", "broken"]
    assert {row[0]: row[1] for row in rows[1:]} == {
        "number plates": "3",
        "serial numbers": "2",
        "prices": "2",
        "cable tags": "2",
        "all": "9",
    }
    error = run("compare_decoders.py", "--codes", 9, "--model", tiny_checkpoint, code=1)
    assert "--codes compares a language model with best path, but this checkpoint has none" in error
    error = run("compare_decoders.py", "--dataset", arpa.parent, code=2)
    assert "--dataset needs a --lexicon" in error


def test_benchmark_decoding(words, tiny_checkpoint, tmp_path):
    arguments = ["--images", words / "images", "--num_images", 6, "--baseline_images", 1, "--exhaustive_images", 3]
    arguments += ["--rounds", 1, "--lexicon", tmp_path / "lexicon.txt", "--model", tiny_checkpoint]
    output = run("benchmark_decoding.py", *arguments)
    assert "(6, 31, 95) logits:" in output
    assert "| best path, random | argmax, random |" in output
    (row,) = [line.strip("| ").split(" | ") for line in output.splitlines() if line.startswith("| lexicon |")]
    assert row[2] == "100.0"
