"""What counts as the same word, and which words count."""

import pytest

from hf_str.evaluation import PROTOCOLS, SUBSETS


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


def test_word_accuracy_of_a_protocol():
    assert PROTOCOLS["36"].word_accuracy(["A", "b", "c!"], ["a", "B", "d"]) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="no words"):
        PROTOCOLS["36"].word_accuracy([], [])


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
