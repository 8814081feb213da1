# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Character n-grams: files, and looking up against KenLM where it is installed."""

import copy
import math
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from hf_str import CharacterLanguageModel, CRNNTokenizer
from hf_str.models.crnn.ctc_ngrams_crnn import CharacterNGrams, read_arpa


LETTERS = "abcdefgh"
TOKENIZER = CRNNTokenizer(LETTERS)


def write_random_arpa(path, seed: int, order: int = 4) -> None:
    """Random n-grams; each has its first tokens and, as in a model that was not pruned, its last ones too."""
    rng = np.random.default_rng(seed)
    known = {(token,) for token in ("<s>", "</s>", "<unk>", *LETTERS)}
    levels = [sorted(known)]
    for _ in range(order - 1):
        longer = {
            (*ngram, token)
            for ngram in levels[-1]
            for token in ("</s>", *LETTERS)
            if ngram[-1] not in ("</s>", "<unk>") and rng.random() < 0.4 and (*ngram[1:], token) in known
        }
        known |= longer
        levels.append(sorted(longer))
    lines = ["\\data\\", *(f"ngram {n}={len(ngrams)}" for n, ngrams in enumerate(levels, start=1))]
    for n, ngrams in enumerate(levels, start=1):
        lines += ["", f"\\{n}-grams:"]
        for ngram in ngrams:
            numbers = -rng.uniform(0.1, 3), -rng.uniform(0.01, 1)
            back_off = f"\t{numbers[1]:.6f}" if n < order and ngram[-1] not in ("</s>", "<unk>") else ""
            lines.append(f"{-99 if ngram == ('<s>',) else numbers[0]:.6f}\t{' '.join(ngram)}{back_off}")
    path.write_text("\n".join([*lines, "", "\\end\\", ""]), encoding="utf-8")


@pytest.fixture
def arpa(tmp_path):
    write_random_arpa(tmp_path / "random.arpa", 0)
    return tmp_path / "random.arpa"


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_kenlm(tmp_path, seed):
    kenlm = pytest.importorskip("kenlm")
    path = tmp_path / "random.arpa"
    write_random_arpa(path, seed)
    ours, theirs, rng = CharacterLanguageModel(path, TOKENIZER), kenlm.Model(str(path)), np.random.default_rng(seed)
    for _ in range(300):
        ids = rng.integers(1, len(TOKENIZER), rng.integers(0, 12)).tolist()
        expected = theirs.score(" ".join(TOKENIZER.convert_ids_to_tokens(ids))) * math.log(10)
        assert ours.log_prob(ids) == pytest.approx(expected, rel=1e-5)


def test_a_file_of_half_the_precision(arpa, tmp_path):
    whole = CharacterNGrams.from_file(arpa)
    whole.save(tmp_path / "lm.safetensors")
    half = CharacterNGrams.from_file(tmp_path / "lm.safetensors")
    assert (half.tokens, half.order, half.start, len(half)) == (whole.tokens, 4, whole.start, len(whole))
    contexts = np.arange(len(whole.arrays["num_edges"]))
    expected, following = whole.look_up(contexts)
    found, found_following = half.look_up(contexts)
    np.testing.assert_array_equal(found_following, following)
    possible = expected > -200  # <s> comes nowhere but at the start
    np.testing.assert_allclose(found[possible], expected[possible], atol=2e-2)
    half.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "lm.safetensors").read_bytes()


def test_contexts_together_and_one_by_one(arpa):
    """In whatever order contexts are asked for, and of whatever shape."""
    together, apart = CharacterNGrams.from_file(arpa), CharacterNGrams.from_file(arpa)
    contexts = np.random.default_rng(1).permutation(len(together.arrays["num_edges"]))[:24].reshape(2, 3, 4)
    log_probs, following = together.look_up(contexts)
    assert log_probs.shape == following.shape == (2, 3, 4, len(together.tokens))
    for place in np.ndindex(contexts.shape):
        one = apart.look_up(contexts[place])
        np.testing.assert_array_equal(one[0], log_probs[place])
        np.testing.assert_array_equal(one[1], following[place])


def test_some_tokens_only(arpa):
    ngrams, rng = CharacterNGrams.from_file(arpa), np.random.default_rng(2)
    contexts = rng.integers(0, len(ngrams.arrays["num_edges"]), (5, 3))
    every = ngrams.look_up(contexts)
    tokens = rng.integers(0, len(ngrams.tokens), (5, 1, 4))
    for found, expected in zip(ngrams.look_up(contexts, tokens), every, strict=True):
        np.testing.assert_array_equal(found, np.take_along_axis(expected, np.repeat(tokens, 3, 1), 2))


def test_threads_share_ngrams(arpa, monkeypatch):
    """Eight threads ask in orders of their own, while what is kept grows and is forgotten."""
    monkeypatch.setattr("hf_str.models.crnn.ctc_ngrams_crnn._CELLS_KEPT", 100)
    ngrams = CharacterNGrams.from_file(arpa)
    contexts = np.arange(len(ngrams.arrays["num_edges"]))
    expected = [CharacterNGrams.from_file(arpa).look_up(context) for context in contexts]

    def wrong(seed: int) -> int:
        chosen = np.random.default_rng(seed).choice(contexts, 1000)
        pairs = ((ngrams.look_up(context), expected[context]) for context in chosen)
        return sum(not all(map(np.array_equal, found, right)) for found, right in pairs)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            assert sum(threads.map(wrong, range(8))) == 0
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies_for_other_processes(arpa, copied):
    model = CharacterLanguageModel(arpa, TOKENIZER)
    other = copied(model)
    assert other.log_prob([1, 2, 3, 4]) == model.log_prob([1, 2, 3, 4])
    assert other.ngrams is not model.ngrams


def test_suffixes_that_were_pruned(tmp_path):
    """After "abc" comes what is known of "c", where nothing is of "bc"; what lacks its first tokens is left out."""
    path = tmp_path / "pruned.arpa"
    path.write_text(
        "\\data\\\nngram 1=6\nngram 2=3\nngram 3=2\nngram 4=1\n\n\\1-grams:\n-99\t<s>\t-0.1\n-1\t</s>\n-2\ta\t-0.2\n"
        "-2.1\tb\t-0.3\n-2.2\tc\t-0.4\n-3\t<unk>\n\n\\2-grams:\n-0.5\ta b\t-0.05\n-0.6\tc a\t-0.06\n-0.7\tc b\n\n"
        "\\3-grams:\n-0.3\ta b c\t-0.03\n-0.4\tb c c\n\n\\4-grams:\n-0.2\ta b c c\n\n\\end\\\n"
    )
    model = CharacterLanguageModel(path, CRNNTokenizer("abc"))
    # a, then b after a, then c after ab, then a after abc: "bca" and "abca" are unknown, "ca" is known.
    expected = (-0.1 - 2) + -0.5 + -0.3 + (-0.03 - 0.6) + (-0.06 - 0.2 - 1)
    assert model.log_prob([1, 2, 3, 1]) == pytest.approx(expected * math.log(10), rel=1e-5)


@pytest.mark.parametrize(
    "line, message", [("-1", "line 4: this is no 1-gram"), ("x\ta", "line 4"), ("-1\ta\t-2\t-3", "line 4")]
)
def test_broken_lines_are_named(tmp_path, line, message):
    path = tmp_path / "broken.arpa"
    path.write_text(f"\\data\\\nngram 1=1\n\\1-grams:\n{line}\n\\end\\\n")
    with pytest.raises(ValueError, match=rf"broken\.arpa, {message}"):
        read_arpa(path)


def test_other_files_are_refused(arpa, tmp_path):
    (tmp_path / "binary.arpa").write_bytes(b"mmap lm http://kheafield.com/code\xff\xfe\x00")
    with pytest.raises(ValueError, match="KenLM's binary form is not read"):
        CharacterNGrams.from_file(tmp_path / "binary.arpa")
    CharacterNGrams.from_file(arpa).save(tmp_path / "lm.safetensors")
    content = (tmp_path / "lm.safetensors").read_bytes()
    for name, broken in (("cut", content[: len(content) // 2]), ("other", b"no tensors at all")):
        (tmp_path / f"{name}.safetensors").write_bytes(broken)
        with pytest.raises(ValueError, match=rf"{name}\.safetensors is no language model"):
            CharacterNGrams.from_file(tmp_path / f"{name}.safetensors")


def test_arrays_that_do_not_fit_are_refused(arpa):
    ngrams = CharacterNGrams.from_file(arpa)
    arrays = ngrams.arrays
    for wrong in (
        {"num_edges": arrays["num_edges"][:-1]},
        {"log_probs": arrays["log_probs"][1:]},
        {"tokens": np.full_like(arrays["tokens"], len(ngrams.tokens))},
        {"tokens": arrays["tokens"][::-1]},
    ):
        with pytest.raises(ValueError, match="the arrays of these n-grams"):
            CharacterNGrams(ngrams.tokens, arrays | wrong, ngrams.order)
