# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Figures against values worked out by hand."""

import pytest

from hf_str.evaluation import (
    PROTOCOLS,
    character_error_rate,
    edit_distance,
    label_error_rate,
    metric_terms,
    normalized_edit_distance,
    normalized_edit_similarity,
    recognition_metrics,
)


pytest.importorskip("rapidfuzz")


@pytest.mark.parametrize(
    ("prediction", "label", "distance"),
    [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("", "", 0), ("가나", "가다", 1)],
)
def test_edit_distance(prediction, label, distance):
    assert edit_distance(prediction, label) == distance


def test_character_error_rate_counts_all_edits_over_all_characters():
    assert character_error_rate(["hallo", "a", ""], ["hello", "a", "bc"]) == pytest.approx(3 / 8)
    assert character_error_rate(["abcd"], ["a"]) == 3
    assert character_error_rate(["ab"], [""]) == 2
    assert character_error_rate([""], [""]) == 0


def test_label_error_rate_is_a_mean_over_words():
    # one of five, none of one, all of two; an empty label counts as one character
    assert label_error_rate(["hallo", "a", ""], ["hello", "a", "bc"]) == pytest.approx((1 / 5 + 0 + 1) / 3)
    assert label_error_rate(["abcd"], ["a"]) == 3
    assert label_error_rate(["ab", ""], ["", ""]) == 1


def test_the_normalized_edit_distance_is_a_share_of_the_longer_text():
    assert [normalized_edit_distance(*pair) for pair in (("ab", "ab"), ("", "ab"), ("abcd", "a"), ("", ""))] == [
        0,
        1,
        0.75,
        0,
    ]


def test_terms_are_a_word_each():
    terms = metric_terms(["hallo", "", "x"], ["hello", "", "xyz"])
    assert {name: [column.tolist() for column in pair] for name, pair in terms.items()} == {
        "word_accuracy": [[0, 1, 0], [1, 1, 1]],
        "cer": [[1, 0, 2], [5, 0, 3]],
        "label_error_rate": [[1 / 5, 0, 2 / 3], [1, 1, 1]],
        "one_minus_ned": [[1 - 1 / 5, 1, 1 - 2 / 3], [1, 1, 1]],
    }


def test_normalized_edit_similarity_is_a_mean_over_words():
    # 1/5 of "hello", all of "bc"; two empty texts are equal
    assert normalized_edit_similarity(["hallo", "", ""], ["hello", "bc", ""]) == pytest.approx(1 - (0.2 + 1) / 3)
    assert normalized_edit_similarity(["abcd"], ["a"]) == pytest.approx(0.25)


def test_protocol_decides_what_is_compared():
    assert character_error_rate(["STARBUCKS"], ["Starbucks'"], PROTOCOLS["36"]) == 0
    assert character_error_rate(["STARBUCKS"], ["Starbucks'"]) == pytest.approx(9 / 10)
    assert normalized_edit_similarity(["A!"], ["a"], PROTOCOLS["36"]) == 1


def test_recognition_metrics():
    metrics = recognition_metrics(["Open", "it's", "24"], ["open", "its", "24"])
    assert metrics == pytest.approx(
        {
            "word_accuracy": 1 / 3,
            "word_accuracy_36": 1,
            "word_accuracy_62": 2 / 3,
            "word_accuracy_94": 1 / 3,
            "word_accuracy_unicode": 1,
            "cer": 2 / 9,
            "one_minus_ned": 1 - (1 / 4 + 1 / 4) / 3,
            **{f"characters_seen_{name}": 1 for name in ("36", "62", "94", "unicode")},
        }
    )


def test_recognition_metrics_of_another_script():
    """What a protocol does not see is not read right; what it sees of some words is of those words."""
    metrics = recognition_metrics(["мир", "", "7"], ["Мир", "Привет", "№7"])
    assert metrics["word_accuracy"] == 0
    assert metrics["word_accuracy_unicode"] == pytest.approx(2 / 3)
    assert metrics["word_accuracy_36"] == 1  # of the one label with a digit
    assert metrics["characters_seen_36"] == pytest.approx(1 / 11)
    assert "word_accuracy_36" not in recognition_metrics(["", ""], ["Мир", "Привет"])


def test_accents_count_however_they_were_typed():
    predictions, labels = ["caf\u00e9", "Mu\u0308ll"], ["cafe\u0301", "M\u00fcll"]
    assert recognition_metrics(predictions, labels)["word_accuracy"] == 1
    assert character_error_rate(predictions, labels) == 0
    assert character_error_rate(predictions, labels, PROTOCOLS["exact"]) == 0


def test_words_without_a_character_of_the_protocol_do_not_count():
    terms = metric_terms(["a", "", "x"], ["a", "Привет", "№"], PROTOCOLS["36"])
    assert {len(column) for pair in terms.values() for column in pair} == {1}
    with pytest.raises(ValueError, match="the protocol 36 sees no character"):
        metric_terms([""], ["Привет"], PROTOCOLS["36"])


@pytest.mark.parametrize(
    "function", [character_error_rate, label_error_rate, normalized_edit_similarity, recognition_metrics]
)
def test_nothing_to_compare(function):
    with pytest.raises(ValueError, match="no words"):
        function([], [])
    with pytest.raises(ValueError, match="2 predictions for 1 labels"):
        function(["a", "b"], ["a"])
