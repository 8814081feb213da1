# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Character language models from ARPA files against a reader of a few lines; and what they change in a beam."""

import math

import numpy as np
import pytest
import torch

from hf_str import DEFAULT_CHECKPOINT, BestPath, CharacterLanguageModel, CRNNTokenizer, Lexicon, PrefixBeamSearch
from tests.models.ctc_brute_force import label_log_probs, random_cases
from tests.models.test_ctc_decoding_crnn import random_logits


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
    monkeypatch.setattr("hf_str.models.crnn.ctc_ngrams_crnn._CELLS_KEPT", 1)
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


def bonus(model: CharacterLanguageModel, ids: tuple[int, ...], alpha: float, beta: float, code_log_odds: float):
    """alpha * log(exp(words) + exp(code_log_odds)); a character that the model lacks counts nothing."""
    state, words = np.array(model.start), 0.0
    for class_id in ids:
        log_probs, following = model.extend(state)
        words += log_probs[class_id] + beta / alpha if model.known[class_id] else 0.0
        state = following[class_id]
    return alpha * np.logaddexp(words + model.finish(state), code_log_odds)


@pytest.mark.parametrize("code_log_odds", [-math.inf, -2.0, 1.0])
@pytest.mark.parametrize("alpha, beta", [(1.0, 0.0), (0.5, 1.0), (2.0, 3.0)])
def test_a_wide_beam_finds_the_best_sums(arpa, alpha, beta, code_log_odds):
    """Against all labels of five frames: log P(label | image) and the bonus above."""
    logits = random_cases(56, 5, 4)
    labels, log_probs = label_log_probs(logits)
    model = CharacterLanguageModel(arpa, ABC)
    sums = log_probs + [bonus(model, label, alpha, beta, code_log_odds) for label in labels]
    decoder = PrefixBeamSearch(500, language_model=model, alpha=alpha, beta=beta, code_log_odds=code_log_odds)
    for reading, of_image, plain in zip(decoder(logits, n_best=4), sums, log_probs, strict=True):
        order = np.argsort(-of_image)[:4]
        assert [tuple(hypothesis.ids) for hypothesis in reading] == [labels[n] for n in order]
        np.testing.assert_allclose([hypothesis.log_prob for hypothesis in reading], plain[order], rtol=1e-9)


def test_a_language_model_without_weight_changes_nothing(arpa):
    logits, model = random_cases(56, 5, 4), CharacterLanguageModel(arpa, ABC)
    expected = PrefixBeamSearch(500)(logits, n_best=5)
    for options in ({"alpha": 0.0, "beta": 0.0}, {"alpha": 0.5, "beta": 0.5, "code_log_odds": 60.0}):
        found = PrefixBeamSearch(500, language_model=model, **options)(logits, n_best=5)
        for one, other in zip(found, expected, strict=True):
            assert [hypothesis.ids for hypothesis in one] == [hypothesis.ids for hypothesis in other]


def doubtful_logits(tokenizer: CRNNTokenizer, text: str, other: str, share: float) -> torch.Tensor:
    """Logits (1, time, vocab) of `text`; where `other` differs, its character has this share of the frame."""
    frames = torch.full((2 * len(text), len(tokenizer)), 1e-6)
    frames[1::2, 0] = 1
    for place, characters in enumerate(zip(text, other, strict=True)):
        for character, probability in zip(characters, (1 - share, share), strict=True):
            frames[2 * place, tokenizer(character).input_ids[0]] += probability
    return frames.log()[None]


@pytest.mark.parametrize(
    "seen, other, expected",
    [
        ("c0ffee", "coffee", "coffee"),
        ("STRFET", "STREET", "STREET"),
        ("XJ05-KB", "XJO5-KB", "XJ05-KB"),
        ("XJO5-KB", "XJ05-KB", "XJO5-KB"),
        ("4G7QX1I", "4G7QXII", "4G7QX1I"),
        ("4G7QXII", "4G7QX1I", "4G7QXII"),
        ("W0381-C", "WO381-C", "W0381-C"),
    ],
)
def test_words_are_corrected_and_codes_left_alone(seen, other, expected):
    """With the language model of the embedded checkpoint, where the network holds one a third likelier."""
    tokenizer = CRNNTokenizer.from_pretrained(DEFAULT_CHECKPOINT)
    decoder = PrefixBeamSearch(language_model=tokenizer.language_model)
    ((reading,),) = decoder(doubtful_logits(tokenizer, seen, other, 0.43))
    assert "".join(tokenizer.convert_ids_to_tokens(reading.ids)) == expected


def test_letters_that_the_model_lacks_are_left_to_the_network(tmp_path):
    """Accents are looked past; of another script nothing counts, whichever letter it is."""
    path = tmp_path / "tiny.arpa"
    path.write_text(TINY.replace("\ta", "\te").replace(" a", " e").replace("-0.7\tb", "-0.7\tb\n-1.5\t'"))
    tokenizer = CRNNTokenizer('ebéÉ漢字łL’"')
    model = CharacterLanguageModel(path, tokenizer)
    assert model.known.tolist() == [False, True, True, True, True, False, False, False, False, True, False]
    plain = model.log_prob(tokenizer("eb").input_ids)
    assert model.log_prob(tokenizer("éb").input_ids) == model.log_prob(tokenizer("Éb").input_ids) == plain
    strict = CharacterLanguageModel(path, tokenizer, case_sensitive=True)
    assert strict.known.tolist() == [False, True, True, True, False, False, False, False, False, True, False]
    # 漢 and 字, and e and é, in every order: the network's choice, and the rest of the word as it would be.
    decoder = PrefixBeamSearch(language_model=model, alpha=2.0, sure_score=2)
    for seen, other in (("漢", "字"), ("字", "漢"), ("eb漢", "eb字"), ("éb", "eb"), ("eb", "éb"), ("eł", "e漢")):
        ((reading, second, *_),) = decoder(doubtful_logits(tokenizer, seen, other, 0.49), n_best=2)
        assert reading.ids == tokenizer(seen).input_ids
        assert second.ids == tokenizer(other).input_ids
        assert second.score / reading.score == pytest.approx(0.49 / 0.51, rel=1e-3)


def test_no_word_is_put_where_the_network_sees_no_text(arpa):
    """Best path is blank throughout, and all alignments of "ab" together are likelier than that."""
    logits = torch.tensor([[[0.4, 0.3, 0.3]] * 4]).log()
    tokenizer = CRNNTokenizer("ab")
    model = CharacterLanguageModel(arpa, tokenizer)
    ((found, *_),) = PrefixBeamSearch(language_model=model)(logits, n_best=2)
    assert found.ids
    ((reading,),) = PrefixBeamSearch(language_model=model)(logits)
    assert (reading.ids, reading.score) == ([], pytest.approx(0.4**4))


def test_nothing_is_sure_where_the_network_is_not():
    """Noise over 94 characters: the beam's best has most of the beam, which has next to nothing of the probability."""
    tokenizer = CRNNTokenizer.from_pretrained(DEFAULT_CHECKPOINT)
    logits = random_logits(40, 10, len(tokenizer))
    readings = PrefixBeamSearch(language_model=tokenizer.language_model)(logits)
    for (reading,), (alone,) in zip(readings, BestPath()(logits), strict=True):
        assert reading.score <= max(alone.score, 0.1)


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
    """Over all labels of three frames, which have all of the probability: exp(sum) over that of all."""
    logits, alpha, beta, odds = random_cases(20, 3, 4), 0.7, 0.4, -1.0
    labels, log_probs = label_log_probs(logits)
    model = CharacterLanguageModel(arpa, ABC)
    sums = log_probs + [bonus(model, label, alpha, beta, odds) for label in labels]
    decoder = PrefixBeamSearch(500, language_model=model, alpha=alpha, beta=beta, code_log_odds=odds)
    for reading, of_image in zip(decoder(logits, n_best=3), sums, strict=True):
        shares = np.sort(np.exp(of_image - np.logaddexp.reduce(of_image)))[::-1]
        np.testing.assert_allclose([one.score for one in reading], shares[:3], rtol=1e-6)


def test_with_a_lexicon(arpa):
    """The best sum over the lexicon's words, in the lexicon's spelling and whatever case the image has."""
    tokenizer = CRNNTokenizer("abABC")
    lexicon = Lexicon(["AB", "ba", "bab", "abb"], tokenizer)
    model = CharacterLanguageModel(arpa, tokenizer)
    logits = random_logits(30, 8, 6)
    exact = PrefixBeamSearch(100, lexicon=lexicon)(logits, n_best=4)
    options = {"alpha": 2.0, "beta": 0.0, "code_log_odds": -math.inf}
    fused = PrefixBeamSearch(100, lexicon=lexicon, language_model=model, **options)(logits, n_best=4)
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
