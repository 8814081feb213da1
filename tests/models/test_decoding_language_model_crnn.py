"""Character language models from ARPA files against a reader of a few lines; and what they change in a beam."""

import math

import numpy as np
import pytest
import torch

from hf_str import BestPath, CharacterLanguageModel, CRNNTokenizer, Lexicon, PrefixBeamSearch
from tests.models.ctc_brute_force import label_log_probs, random_cases
from tests.models.test_decoding_crnn import random_logits


ABC = CRNNTokenizer("abc")

#: Probabilities that are easy by hand: log10 of each, and of the back-off weights.
TINY = """\\data\\
ngram 1=6
ngram 2=4
ngram 3=1

\\1-grams:
-99\t<s>\t-0.2
-1.0\t</s>
-2.0\t<unk>
-0.5\ta\t-0.3
-0.7\tb\t-0.1
-0.9\t<space>

\\2-grams:
-0.25\t<s> a\t-0.4
-0.15\ta b\t-0.6
-0.35\tb a
-0.45\tb </s>

\\3-grams:
-0.05\ta b </s>

\\end\\
"""


@pytest.fixture(scope="module")
def arpa(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("lm") / "tiny.arpa"
    path.write_text(TINY, encoding="utf-8")
    return str(path)


def read_arpa(text: str) -> tuple[dict, dict]:
    rows = [line.split("\t") for line in text.splitlines() if "\t" in line]
    return (
        {tuple(row[1].split()): float(row[0]) for row in rows},
        {tuple(row[1].split()): float(row[2]) for row in rows if len(row) > 2},
    )


def reference(text: str, tokens: list[str]) -> float:
    """log10 of the probability of a text with its end: the longest n-gram there is, and the weights of those not."""
    probabilities, weights = read_arpa(text)
    order = max(map(len, probabilities))

    def score(history: tuple[str, ...], token: str) -> float:
        if (*history, token) in probabilities:
            return probabilities[(*history, token)]
        return weights.get(history, 0.0) + score(history[1:], token)

    tokens = ["<s>", *(token if (token,) in probabilities else "<unk>" for token in tokens), "</s>"]
    return sum(score(tuple(tokens[max(0, n - order + 1) : n]), tokens[n]) for n in range(1, len(tokens)))


@pytest.mark.parametrize(
    "text, by_hand",
    [
        ("", -0.2 - 1.0),
        ("a", -0.25 - 0.4 - 0.3 - 1.0),  # <s> a, then </s> after (<s> a) and (a)
        ("ab", -0.25 - 0.4 - 0.15 - 0.05),  # a b after <s> a, then the trigram
        ("b", -0.2 - 0.7 - 0.45),
        ("c", -0.2 - 2.0 - 1.0),  # unknown
    ],
)
def test_scores_by_hand(arpa, text, by_hand):
    assert reference(TINY, list(text)) == pytest.approx(by_hand)
    model = CharacterLanguageModel(arpa, ABC)
    ids = ABC(text).input_ids if text else []
    assert model.log_prob(ids) == pytest.approx(by_hand * math.log(10), rel=1e-5)


def test_scores_of_many_texts(arpa):
    model, rng = CharacterLanguageModel(arpa, ABC), np.random.default_rng(0)
    for _ in range(200):
        ids = rng.integers(1, 4, rng.integers(0, 9)).tolist()
        expected = reference(TINY, ABC.convert_ids_to_tokens(ids)) * math.log(10)
        assert model.log_prob(ids) == pytest.approx(expected, rel=1e-5)


def test_contexts_are_forgotten_without_harm(arpa, monkeypatch):
    expected = CharacterLanguageModel(arpa, ABC)
    monkeypatch.setattr("hf_str.models.crnn.ngrams_crnn._CELLS_KEPT", 1)
    forgetful = CharacterLanguageModel(arpa, ABC)
    for ids in ([1, 2, 1], [2, 2, 1, 3], [3, 1, 2]):
        assert forgetful.log_prob(ids) == expected.log_prob(ids)


def test_spaces_and_case(arpa):
    tokenizer = CRNNTokenizer("94+space")
    model = CharacterLanguageModel(arpa, tokenizer)
    expected = reference(TINY, ["a", "<space>", "b"]) * math.log(10)
    for text in ("a b", "A B", "A b"):
        assert model.log_prob(tokenizer(text).input_ids) == pytest.approx(expected, rel=1e-5)
    strict = CharacterLanguageModel(arpa, tokenizer, case_sensitive=True)
    expected = reference(TINY, ["?", "<space>", "b"]) * math.log(10)
    assert strict.log_prob(tokenizer("A b").input_ids) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("alpha, beta", [(1.0, 0.0), (0.5, 1.0), (2.0, 3.0)])
def test_a_wide_beam_finds_the_best_sums(arpa, alpha, beta):
    """Against all labels of five frames: log P(label | image) + alpha log P(label) + beta characters."""
    logits = random_cases(56, 5, 4)
    labels, log_probs = label_log_probs(logits)
    model = CharacterLanguageModel(arpa, ABC)
    sums = log_probs + [alpha * model.log_prob(list(label)) + beta * len(label) for label in labels]
    decoder = PrefixBeamSearch(500, language_model=model, alpha=alpha, beta=beta)
    for reading, of_image, plain in zip(decoder(logits, n_best=4), sums, log_probs, strict=True):
        order = np.argsort(-of_image)[:4]
        assert [tuple(hypothesis.ids) for hypothesis in reading] == [labels[n] for n in order]
        np.testing.assert_allclose([hypothesis.log_prob for hypothesis in reading], plain[order], rtol=1e-9)


def test_sure_readings_are_kept_without_a_search(arpa):
    logits = 4 * random_cases(56, 5, 4)
    model, plain = CharacterLanguageModel(arpa, ABC), [one for (one,) in BestPath()(logits)]
    options = {"beam_width": 500, "language_model": model, "alpha": 3.0}
    searched = [one for (one,) in PrefixBeamSearch(**options, sure_score=1.1)(logits)]
    bound = float(np.median([one.score for one in plain]))
    found = [one for (one,) in PrefixBeamSearch(**options, sure_score=bound)(logits)]
    for one, b, s in zip(found, plain, searched, strict=True):
        expected = b if b.score >= bound else s
        assert one.ids == expected.ids and one.score == pytest.approx(expected.score)
    assert any(b.ids != s.ids for b, s in zip(plain, searched, strict=True) if b.score >= bound)
    # Of several hypotheses the best is that of the search.
    several = PrefixBeamSearch(**options, sure_score=bound)(logits, n_best=2)
    assert [one[0] for one in several] == searched


def test_the_score_is_the_share_of_the_beam(arpa):
    """Over all labels of three frames: exp(sum) of the reading over that of all."""
    logits, alpha, beta = random_cases(20, 3, 4), 0.7, 0.4
    labels, log_probs = label_log_probs(logits)
    model = CharacterLanguageModel(arpa, ABC)
    sums = log_probs + [alpha * model.log_prob(list(label)) + beta * len(label) for label in labels]
    decoder = PrefixBeamSearch(500, language_model=model, alpha=alpha, beta=beta)
    for reading, of_image in zip(decoder(logits, n_best=3), sums, strict=True):
        shares = np.sort(np.exp(of_image - np.logaddexp.reduce(of_image)))[::-1]
        np.testing.assert_allclose([one.score for one in reading], shares[:3], rtol=1e-6)


def test_with_a_lexicon(arpa):
    """The best sum over the lexicon's words, in the lexicon's spelling and whatever case the image has."""
    tokenizer = CRNNTokenizer("abcABC")
    lexicon = Lexicon(["AB", "ba", "cab", "acb"], tokenizer)
    model = CharacterLanguageModel(arpa, tokenizer)
    logits = random_logits(30, 8, 7)
    exact = PrefixBeamSearch(100, lexicon=lexicon)(logits, n_best=4)
    fused = PrefixBeamSearch(100, lexicon=lexicon, language_model=model, alpha=2.0, beta=0.0)(logits, n_best=4)
    changed = 0
    for plain, reading in zip(exact, fused, strict=True):
        expected = sorted(plain, key=lambda one: -one.log_prob - 2 * model.log_prob(one.ids))
        assert reading == expected
        changed += reading != plain
    assert changed > 5


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no language model at .*nothing\.arpa"):
        CharacterLanguageModel(tmp_path / "nothing.arpa", ABC)
    (tmp_path / "words.arpa").write_text("no n-grams here\n")
    with pytest.raises(ValueError, match=r"words\.arpa is no ARPA file: it has no 1-grams"):
        CharacterLanguageModel(tmp_path / "words.arpa", ABC)


def test_many_characters(tmp_path):
    """2,444 classes, numbered in two bytes."""
    tokenizer = CRNNTokenizer("hangul")
    letters = "".join(tokenizer.characters[94:2400])
    unigrams = "".join(f"-3\t{letter}\t0\n" for letter in letters)
    orders = "".join(
        f"\n\\{n}-grams:\n-1\t{' '.join(letters[0] * n)}{chr(9) + '0' if n < 6 else ''}\n" for n in range(2, 7)
    )
    counts = "".join(f"ngram {n}=1\n" for n in range(2, 7))
    head = f"\\data\\\nngram 1={len(letters) + 3}\n{counts}\n\\1-grams:\n-99\t<s>\t0\n-1\t</s>\n-5\t<unk>\n"
    path = tmp_path / "hangul.arpa"
    path.write_text(f"{head}{unigrams}{orders}\n\\end\\\n", encoding="utf-8")
    model = CharacterLanguageModel(path, tokenizer)
    assert model.ngrams.order == 6
    ids = [95, 2000, 2300, 96, 97, 2399, 95]
    assert model.log_prob(ids) == pytest.approx((-3 * 7 - 1) * math.log(10), rel=1e-5)
    assert torch.isfinite(torch.tensor(model.log_prob(ids * 5)))
