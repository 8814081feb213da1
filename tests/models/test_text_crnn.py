# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""One form of text: labels, charsets and what the tokenizer reads, however an accent was typed."""

import json
import unicodedata

import pytest
from transformers import AutoTokenizer

from hf_str import CRNNTokenizer
from hf_str.models.crnn.charsets_crnn import resolve_charset
from hf_str.models.crnn.text_crnn import normalize_symbols, normalize_text


#: Characters of two or three code points in NFC: Hebrew, Devanagari, Bengali, Gurmukhi, Odia, Tibetan.
TAKEN_APART = "\ufb1d\ufb2c\ufb4e\u0958\u095f\u09dc\u0a59\u0b5c\u0f43"


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def test_text_is_composed_and_nothing_else():
    assert normalize_text(nfd("Crème brûlée, 각")) == "Crème brûlée, 각"
    assert normalize_text(" ½ﬁＡ\u00a0\t") == " ½ﬁＡ\u00a0\t"


def test_a_charset_in_nfd_is_that_in_nfc(tmp_path):
    characters = "abcéèüõ각"
    (tmp_path / "line.txt").write_text(nfd(characters), encoding="utf-8")
    (tmp_path / "lines.txt").write_text(nfd("\n".join(characters)), encoding="utf-8")
    for charset in (nfd(characters), [nfd(c) for c in characters], tmp_path / "line.txt", tmp_path / "lines.txt"):
        assert resolve_charset(charset) == tuple(characters)
        tokenizer = CRNNTokenizer(charset)
        assert tokenizer(nfd("üé")).input_ids == tokenizer("üé").input_ids == [6, 4]


def test_what_nfc_takes_apart_is_a_class_of_its_own_where_a_charset_has_it(tmp_path):
    assert all(len(unicodedata.normalize("NFC", character)) > 1 for character in TAKEN_APART)
    assert normalize_symbols(nfd("é") + TAKEN_APART) == "é" + TAKEN_APART
    (tmp_path / "charset.txt").write_text("\n".join("a" + TAKEN_APART), encoding="utf-8")
    for charset in ("a" + TAKEN_APART, list("a" + TAKEN_APART), tmp_path / "charset.txt"):
        tokenizer = CRNNTokenizer(charset)
        assert tokenizer.characters == tuple("a" + TAKEN_APART)
        for class_id, character in enumerate(TAKEN_APART, start=2):
            assert tokenizer.decode([class_id]) == character
            for form in ("NFC", "NFD"):  # a label may have it either way
                assert tokenizer(unicodedata.normalize(form, character)).input_ids == [class_id]
            assert tokenizer.unknown_in(character) == []
    tokenizer.save_pretrained(tmp_path / "saved")
    again = AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert again.characters == tokenizer.characters
    assert again(normalize_text(TAKEN_APART)).input_ids == list(range(2, 2 + len(TAKEN_APART)))


def test_where_a_charset_has_the_parts_they_are_read():
    tokenizer = CRNNTokenizer("\u0915\u093c")  # ka and nukta
    assert tokenizer("\u0958").input_ids == [1, 2]
    both = CRNNTokenizer(["\u0915\u093c", "\u0958"])  # of equal ones, that which is in NFC has the text
    assert both("\u0958").input_ids == [1]
    assert both.decode([2]) == "\u0958"


@pytest.mark.parametrize("symbols", [["e", "\u0301"], ["\u09c7", "\u09be"]])
def test_a_base_and_a_mark_as_two_classes_stay_two(symbols, tmp_path):
    tokenizer = CRNNTokenizer(symbols)
    tokenizer.save_pretrained(tmp_path)
    assert AutoTokenizer.from_pretrained(tmp_path).characters == tuple(symbols)
    # as checkpoints of earlier versions wrote it
    config = json.loads((tmp_path / "tokenizer_config.json").read_text(encoding="utf-8"))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config | {"charset": "".join(symbols)}))
    assert AutoTokenizer.from_pretrained(tmp_path).characters == tuple(symbols)
