# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The texts: only wanted characters, natural shares, no dictionary needed."""

import re
import string
import sys
import unicodedata
from collections import Counter

import numpy as np
import pytest


pytest.importorskip("cv2")

from hf_str.models.crnn.tokenization_crnn import resolve_charset
from hf_str.synthesis import WordSampler
from hf_str.synthesis.hangul import has_hangul


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
    assert set("".join(draw(WordSampler(PRINTABLE), 12_000))) == set(PRINTABLE)


def test_shares_are_those_of_signs():
    texts = draw(WordSampler(PRINTABLE), 4000)
    assert 4 <= np.median([len(text) for text in texts]) <= 7
    assert 0.4 < np.mean([text.isupper() for text in texts]) < 0.65
    assert 0.05 < np.mean([any(c.isdigit() for c in text) for text in texts]) < 0.2
    assert 0.04 < np.mean([any(c in string.punctuation for c in text) for text in texts]) < 0.11
    single = [text for text in texts if len(text) == 1]
    assert 0.02 < len(single) / len(texts) < 0.08
    assert np.mean([text.isalnum() for text in single]) > 0.8  # signs of one letter or digit, seldom of a bracket


def test_lexicon_words_come_in_every_case(tmp_path):
    lexicon = tmp_path / "words.txt"
    lexicon.write_text("ZYGOTE\nQUAGGA\nnaïve\ndon't\n", encoding="utf-8")
    texts = set(draw(WordSampler(string.ascii_letters, lexicons=[lexicon])))
    assert {"ZYGOTE", "Zygote", "zygote", "QUAGGA"} <= texts
    assert not any("ï" in text for text in texts)


def share(texts, word):
    return np.mean([text.lower() == word for text in texts])


@pytest.mark.parametrize("separator", ["\t", " ", "   "])
def test_a_lexicon_may_say_how_frequent_its_words_are(tmp_path, separator):
    lexicon = tmp_path / "counts.txt"
    counts = {"zygote": 100_000, "quagga": 100, "axolotl": 100, "okapi": 100, "gnu": 0}
    lexicon.write_text("".join(f"{word}{separator}{count}\n" for word, count in counts.items()), encoding="utf-8")
    texts = draw(WordSampler(string.ascii_letters, lexicons=[lexicon]))
    assert share(texts, "zygote") > 20 * share(texts, "okapi") > 0
    assert share(texts, "gnu") == 0


def test_a_lexicon_may_be_a_language():
    pytest.importorskip("wordfreq")
    sampler = WordSampler(string.ascii_letters + "äöüß", lexicons=["wordfreq:de"])
    texts = [text.lower() for text in draw(sampler, 8000)]
    assert share(texts, "und") + share(texts, "die") > 0.002
    assert sum(any(letter in "äöüß" for letter in text) for text in texts) > 200
    with pytest.raises(ValueError, match=r"no words for 'wordfreq:xx'; wordfreq has those of: ar, bg"):
        WordSampler(string.ascii_letters, lexicons=["wordfreq:xx"])


def test_a_language_without_wordfreq_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "wordfreq", None)
    with pytest.raises(ImportError, match=r"pip install hf_str\[lm\]"):
        WordSampler(string.ascii_letters, lexicons=["wordfreq:en"])


def test_numbers_in_a_word_list_are_words(tmp_path):
    lexicon = tmp_path / "words.txt"
    lexicon.write_text("zygote\n1984\nquagga\nokapi\naxolotl\n", encoding="utf-8")
    assert share(draw(WordSampler(PRINTABLE, lexicons=[lexicon])), "1984") > 0.05


def test_a_negative_count_is_named(tmp_path):
    lexicon = tmp_path / "counts.txt"
    lexicon.write_text("a 1\nb 2\nc -3\nd 4\ne 5\n", encoding="utf-8")
    with pytest.raises(ValueError, match="c -3"):
        WordSampler("abcde", lexicons=[lexicon])


def test_ranked_lexicons_follow_zipf(tmp_path):
    lexicon = tmp_path / "ranked.txt"
    words = [a + b + "zyx" for a in "qwrtpsdfgh" for b in "jklvbnmcxz"]
    lexicon.write_text("\n".join(words), encoding="utf-8")
    ranked = draw(WordSampler(string.ascii_lowercase, lexicons=[lexicon], ranked=True), 4000)
    plain = draw(WordSampler(string.ascii_lowercase, lexicons=[lexicon]), 4000)
    first, last = (sum(share(ranked, word) for word in part) for part in (words[:10], words[-10:]))
    assert first > 4 * last > 0
    first, last = (sum(share(plain, word) for word in part) for part in (words[:10], words[-10:]))
    assert 0.6 < first / last < 1.6


def test_shapes_of_signs_come_up():
    texts = "\n".join(draw(WordSampler(PRINTABLE), 16_000))
    shapes = {
        "price": r"^[$£]\d+[.,]\d\d$", "date": r"^\d\d/\d\d/\d{4}$", "time": r"^\d\d?:\d\d",
        "plate": r"^[A-Z]{2}\d\d[A-Z]{3}$",
        "site": r"^www\.", "mail": r"^[a-z]+@[a-z.-]+\.[a-z]+$", "camel case": r"^[A-Z][a-z]+[A-Z][a-z]+$",
        "ampersand": r"\w&\w", "apostrophe": r"\w'[sS]$", "room": r"^#\d+-\d+$", "share": r"^\d+%$",
    }  # fmt: skip
    assert not [name for name, shape in shapes.items() if not re.search(shape, texts, re.MULTILINE)]


class TestKorean:
    characters = resolve_charset("hangul")

    def test_most_texts_are_korean_and_some_are_mixed(self):
        texts = draw(WordSampler(self.characters), 3000)
        assert set("".join(texts)) <= set(self.characters)
        korean = [text for text in texts if has_hangul(text)]
        assert 0.5 < len(korean) / len(texts) < 0.7
        assert 2 <= np.median([len(text) for text in korean]) <= 4
        assert 0.05 < np.mean([any(c.isdigit() for c in text) for text in korean]) < 0.3
        assert any(any(c.isascii() and c.isalpha() for c in text) for text in korean)
        assert any(text.endswith("원") and text[0].isdigit() for text in korean)

    def test_frequent_syllables_are_frequent_and_rare_ones_come_up(self):
        counts = Counter("".join(draw(WordSampler(self.characters), 12_000)))
        syllables = [c for c in self.characters if has_hangul(c)]
        assert np.mean([counts[c] > 0 for c in syllables]) > 0.6
        assert counts["이"] > 20 * np.median([counts[c] for c in syllables])

    def test_words_of_a_korean_lexicon(self, tmp_path):
        lexicon = tmp_path / "korean.txt"
        lexicon.write_text("꿰뚫어보다\nzygote\n", encoding="utf-8")
        texts = draw(WordSampler(self.characters, lexicons=[lexicon]))
        assert share(texts, "꿰뚫어보다") > 0.1
        assert share(texts, "zygote") > 0.05

    def test_hangul_alone(self):
        texts = draw(WordSampler([c for c in self.characters if has_hangul(c)]), 500)
        assert all(has_hangul(text) for text in texts)
        assert "약국" in set(draw(WordSampler("약국병원"), 300))


def test_a_missing_lexicon_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        WordSampler("abc", lexicons=[tmp_path / "nowhere.txt"])


def test_spaces_only_where_asked():
    assert not any(" " in text for text in draw(WordSampler(PRINTABLE)))
    assert not any(text.isspace() for text in draw(WordSampler(PRINTABLE + " ")))


def test_no_characters_are_an_error():
    with pytest.raises(ValueError, match="at least one"):
        WordSampler("")


def test_no_text_begins_with_a_mark():
    sampler = WordSampler("\u0e01\u0e49\u0e48\u0e34\u0e31", random_share=0.5)
    rng = np.random.default_rng(0)
    assert {unicodedata.category(sampler.sample(rng)[0]) for _ in range(200)} == {"Lo"}


def test_letters_of_which_no_words_are_invented_are_told(tmp_path):
    assert WordSampler("ab\u00e9\u0431\u0634\uac00").uninvented == "\u0431\u0634"
    (tmp_path / "words.txt").write_text("\u0431\u0431\n", encoding="utf-8")
    assert WordSampler("ab\u0431", [tmp_path / "words.txt"]).uninvented == ""
