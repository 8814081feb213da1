# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Where the errors are."""

import pytest

from hf_str.evaluation import accuracy_by_aspect_ratio, accuracy_by_length, character_confusions


def test_by_length():
    groups = accuracy_by_length(["a", "bb", "cc", "d" * 15, "e" * 40], [True, True, False, False, True])
    assert [tuple(group) for group in groups] == [("1", 1, 1), ("2", 2, 0.5), ("15+", 2, 0.5)]


def test_by_aspect_ratio():
    groups = accuracy_by_aspect_ratio([0.5, 1, 1.9, 2, 30, 0], [True, True, False, True, False, False])
    assert [tuple(group) for group in groups] == [("0-1", 1, 1), ("1-2", 2, 0.5), ("2-3", 1, 1), ("8+", 1, 0)]


def test_nothing_to_group():
    assert accuracy_by_aspect_ratio([], []) == accuracy_by_length([], []) == []


def test_confusions():
    pytest.importorskip("rapidfuzz")
    found = character_confusions(["C0fe", "x", "ab"], ["Cofee", "", "ab"])
    assert found == {
        ("C", "C"): 1,
        ("o", "0"): 1,
        ("f", "f"): 1,
        ("e", "e"): 1,
        ("e", ""): 1,
        ("", "x"): 1,
        ("a", "a"): 1,
        ("b", "b"): 1,
    }


def test_every_character_of_a_label_is_counted_once():
    pytest.importorskip("rapidfuzz")
    labels, predictions = ["hello", "mississippi", "banana", "가나다"], ["hallow", "misisipi", "ananab", "나다라"]
    found = character_confusions(predictions, labels)
    assert sum(n for (label, _), n in found.items() if label) == sum(map(len, labels))
    assert sum(n for (_, read), n in found.items() if read) == sum(map(len, predictions))
