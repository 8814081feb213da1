"""The texts: only wanted characters, natural shares, no dictionary needed."""

import string

import numpy as np
import pytest


pytest.importorskip("cv2")

from hf_str.synthesis import WordSampler


PRINTABLE = string.digits + string.ascii_letters + string.punctuation


def draw(sampler, count=1500):
    rng = np.random.default_rng(0)
    return [sampler.sample(rng) for _ in range(count)]


@pytest.mark.parametrize(
    "characters",
    [
        string.digits,
        string.digits + string.ascii_lowercase,
        string.ascii_uppercase,
        PRINTABLE,
        "ab",
        "가나다라",
        "é",
        "?",
    ],
)
def test_texts_are_made_of_the_characters(characters):
    texts = draw(WordSampler(characters, max_length=12), 400)
    assert set("".join(texts)) <= set(characters)
    assert all(1 <= len(text) <= 12 for text in texts)


def test_every_character_comes_up():
    assert set("".join(draw(WordSampler(PRINTABLE), 6000))) == set(PRINTABLE)


def test_shares_are_those_of_signs():
    texts = draw(WordSampler(PRINTABLE), 4000)
    assert 4 <= np.median([len(text) for text in texts]) <= 7
    assert 0.4 < np.mean([text.isupper() for text in texts]) < 0.65
    assert 0.05 < np.mean([any(c.isdigit() for c in text) for text in texts]) < 0.2
    assert 0.02 < np.mean([any(c in string.punctuation for c in text) for text in texts]) < 0.2


def test_lexicon_words_come_in_every_case(tmp_path):
    lexicon = tmp_path / "words.txt"
    lexicon.write_text("ZYGOTE\nQUAGGA\nnaïve\ndon't\n", encoding="utf-8")
    texts = set(draw(WordSampler(string.ascii_letters, lexicons=[lexicon])))
    assert {"ZYGOTE", "Zygote", "zygote", "QUAGGA"} <= texts
    assert not any("ï" in text for text in texts)


def test_a_missing_lexicon_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        WordSampler("abc", lexicons=[tmp_path / "nowhere.txt"])


def test_spaces_only_where_asked():
    assert not any(" " in text for text in draw(WordSampler(PRINTABLE)))
    assert not any(text.isspace() for text in draw(WordSampler(PRINTABLE + " ")))


def test_no_characters_are_an_error():
    with pytest.raises(ValueError, match="at least one"):
        WordSampler("")
