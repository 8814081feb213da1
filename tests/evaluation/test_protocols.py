# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What counts as the same word, and which words count."""

import unicodedata

import pytest

from hf_str.evaluation import PROTOCOLS, SUBSETS, default_protocols, missing_characters
from hf_str.evaluation.protocols import protocol_title
from hf_str.models.crnn.charsets_crnn import CHARSETS


@pytest.mark.parametrize(
    ("name", "size", "same", "different"),
    [
        ("36", 36, ("IT'S", "its"), ("its", "ts")),
        ("62", 62, ("It's", "Its"), ("It's", "its")),
        ("94", 94, ("It's é", "It's"), ("It's", "Its")),
    ],
)
def test_protocols(name, size, same, different):
    protocol = PROTOCOLS[name]
    assert len(set(protocol.characters)) == len(protocol.characters) == size
    assert protocol.same(*same)
    assert not protocol.same(*different)


@pytest.mark.parametrize(
    ("name", "same", "different"),
    [
        # a missing space is an error; how wide it is printed is not
        ("94", ("two \u00a0words ", "two words"), ("twowords", "two words")),
        ("exact", ("caf\u00e9!", "cafe\u0301!"), ("caf\u00e9", "cafe")),
        ("exact", ("\ufb1d", "\u05d9\u05b4"), ("a b", "ab")),
        ("unicode", ("ПРИВЕТ, мир", "Приветмир"), ("привет", "привёт")),
        ("unicode", ("STRASSE", "Straße"), ("Strase", "Straße")),
        ("unicode", ("ΟΔΟΣ", "οδος"), ("οδο", "οδος")),
        # the vowels and points that are characters of their own belong to the word
        ("unicode", ("हिन्दी।", "हिन्दी"), ("हनद", "हिन्दी")),
        ("unicode", ("ที่", "ที่."), ("ท", "ที่")),
        ("unicode", ("شَارِع", "شَارِع!"), ("شارع", "شَارِع")),
        ("unicode", ("２４", "２４…"), ("２", "２４")),
        ("unicode", ("I ❤\ufe0f NY", "I NY"), ("I ❤ N", "I ❤ NY")),
    ],
)
def test_protocols_of_every_script(name, same, different):
    protocol = PROTOCOLS[name]
    for form in ("NFC", "NFD"):
        texts = [unicodedata.normalize(form, text) for text in (*same, *different)]
        assert protocol.same(texts[0], texts[1])
        assert not protocol.same(texts[2], texts[3])


def test_word_accuracy_of_a_protocol():
    assert PROTOCOLS["36"].word_accuracy(["A", "b", "c!"], ["a", "B", "d"]) == pytest.approx(2 / 3)
    # a label of which nothing is left is no word that was read right
    assert PROTOCOLS["36"].word_accuracy(["A", "", "x"], ["a", "Привет", "b"]) == pytest.approx(1 / 2)
    with pytest.raises(ValueError, match="no words"):
        PROTOCOLS["36"].word_accuracy([], [])
    with pytest.raises(ValueError, match=r"the protocol 36 sees no character of the labels \('Привет', 'мир'\)"):
        PROTOCOLS["36"].word_accuracy(["", ""], ["Привет", "мир"])


def test_share_of_the_characters_that_a_protocol_sees():
    labels = ["CINE\u0301MA", "a b!"]  # nine characters, of which one is a space
    shares = {name: protocol.characters_seen(labels) for name, protocol in PROTOCOLS.items()}
    expected = {"36": 7 / 10, "62": 7 / 10, "94": 9 / 10, "unicode": 8 / 10, "exact": 1}
    assert shares == pytest.approx(expected)
    assert PROTOCOLS["36"].normalize(labels[0]) == "cinma"  # as papers have it: the share says so
    assert PROTOCOLS["unicode"].characters_seen(["Привет"]) == 1
    assert PROTOCOLS["94"].characters_seen(["Привет"]) == 0
    assert PROTOCOLS["94"].characters_seen([]) == 0


@pytest.mark.parametrize(
    ("charset", "protocols"),
    [
        (CHARSETS["digits"], ("36",)),
        (CHARSETS["36"], ("36",)),
        (CHARSETS["36"].upper(), ("36",)),
        (CHARSETS["62"], ("36", "94")),
        (CHARSETS["94+space"], ("36", "94")),
        (CHARSETS["latin"], ("36", "94", "exact")),
        ("0123456789,.€", ("36", "94", "exact")),
        (CHARSETS["hangul"], ("unicode", "exact")),
        (CHARSETS["chinese"], ("unicode", "exact")),
        ("абвгд", ("unicode", "exact")),
        ("٠١٢٣0123", ("unicode", "exact")),
        (["♩", "♪♪"], ("exact",)),
        (None, ("36", "94")),
    ],
)
def test_default_protocols_follow_the_charset(charset, protocols):
    assert default_protocols(charset) == protocols


def test_titles_are_those_of_published_cards():
    assert [protocol_title(name) for name in ("36", "94", "all")] == [
        "36 characters",
        "94 characters",
        "all characters",
    ]
    assert protocol_title("exact") == "all characters"


def test_labels_that_a_charset_cannot_write():
    said = missing_characters(["cafe\u0301", "É", "no", "100 €"], CHARSETS["94"])
    assert said == (
        "3 of 4 labels cannot be read right: the model cannot write ' ' (U+0020) in 1, 'É' (U+00C9) in 1, "
        "'é' (U+00E9) in 1, '€' (U+20AC) in 1 of them"
    )
    assert missing_characters(["Hello"], CHARSETS["36"]) == missing_characters(["HELLO"], "EHLO") == ""
    assert missing_characters(["Hello"], None) == missing_characters([], "a") == ""
    # what a protocol does not look at does no harm there
    labels = ["It's", "its", "cafe\u0301"]
    assert PROTOCOLS["36"].unwritable(labels, CHARSETS["36"]) == 0
    assert PROTOCOLS["94"].unwritable(labels, CHARSETS["36"]) == 1
    assert PROTOCOLS["exact"].unwritable(labels, CHARSETS["94"]) == 1
    assert PROTOCOLS["94"].unwritable(["a b"], CHARSETS["94"]) == 1
    assert PROTOCOLS["94"].unwritable(["a b"], CHARSETS["94+space"]) == 0


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ("IC03-867", ["Exit", "24h"]),
        ("IC13-1015", ["Exit", "no", "A", "24h"]),
        ("IC13-857", ["Exit", "24h"]),
        ("IC15-2077", ["Exit", "no", "A", "it's", "24h", "café", "£5"]),
        ("IC15-1811", ["Exit", "no", "A", "24h"]),
    ],
)
def test_subsets_keep_words_by_their_labels(rule, kept):
    labels = ["Exit", "no", "A", "it's", "24h", "café", "£5"]
    assert [label for label in labels if SUBSETS[rule].keeps(label)] == kept
    assert SUBSETS[rule].words == int(rule.partition("-")[2])
