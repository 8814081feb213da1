# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Reading with a lexicon, against the probability of every one of its words; and the lexicon itself."""

import itertools
import logging
import math

import numpy as np
import pytest
import torch

from hf_str import BestPath, CRNNTokenizer, Lexicon, LexiconDecoder, PrefixBeamSearch
from hf_str.models.crnn.ctc_alignment_crnn import align
from hf_str.models.crnn.ctc_decoding_crnn import frame_log_probs
from tests.models.ctc_brute_force import label_log_probs, random_cases
from tests.models.test_ctc_decoding_crnn import path_logits, random_logits


LETTERS = CRNNTokenizer("abcdefgh")
MIXED = CRNNTokenizer("62")


def random_words(count: int, letters: str = "abcdefgh", longest: int = 8, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return list({"".join(rng.choice(list(letters), rng.integers(1, longest + 1))) for _ in range(count)})


def text_of(tokenizer, hypothesis) -> str:
    return "".join(tokenizer.convert_ids_to_tokens(hypothesis.ids))


def exhaustive(lexicon: Lexicon, logits: torch.Tensor) -> np.ndarray:
    """The log-probability of every word in every image, by the CTC loss (images, words)."""
    log_probs = lexicon.merge(frame_log_probs(logits))
    words = [torch.tensor(lexicon.letters(word)) for word in range(len(lexicon))]
    lengths = torch.tensor([len(word) for word in words])
    padded = torch.nn.utils.rnn.pad_sequence(words, batch_first=True)
    frames = torch.full_like(lengths, logits.shape[1])
    return np.stack(
        [
            -torch.nn.functional.ctc_loss(
                image[:, None].expand(-1, len(words), -1), padded, frames, lengths, reduction="none"
            ).numpy()
            for image in log_probs
        ]
    )


# ---------------------------------------------------------------------------------------------------------------------
# The most probable word


@pytest.mark.parametrize("num_words, longest", [(1, 3), (50, 8), (1500, 12)])
@pytest.mark.parametrize("scale", [0.3, 1.0])
def test_it_is_the_exhaustive_answer(num_words, longest, scale):
    lexicon = Lexicon(random_words(num_words, longest=longest), LETTERS)
    logits = scale * random_logits(40, 16, 9)
    log_probs = exhaustive(lexicon, logits)
    n = min(5, len(lexicon))
    for reading, expected in zip(LexiconDecoder(lexicon)(logits, n_best=5), log_probs, strict=True):
        order = np.argsort(-expected)[:n]
        order = order[expected[order] > -np.inf]
        assert [hypothesis.ids for hypothesis in reading] == [lexicon.words[word] for word in order]
        np.testing.assert_allclose([hypothesis.log_prob for hypothesis in reading], expected[order], rtol=1e-9)


def test_it_is_the_definition():
    """Against all paths: three letters, five frames, every word of up to five letters."""
    words = ["".join(word) for n in range(1, 6) for word in itertools.product("abc", repeat=n)]
    lexicon = Lexicon(words, CRNNTokenizer("abc"))
    logits = random_cases(56, 5, 4)
    labels, log_probs = label_log_probs(logits)
    log_probs[:, labels.index(())] = -np.inf  # the empty word is not in the lexicon
    for (hypothesis,), expected in zip(LexiconDecoder(lexicon)(logits), log_probs, strict=True):
        assert tuple(hypothesis.ids) == labels[expected.argmax()]
        assert hypothesis.log_prob == pytest.approx(expected.max())


def test_images_at_once_make_no_difference(monkeypatch):
    decoder, logits = LexiconDecoder(Lexicon(random_words(300), LETTERS)), random_logits(30, 12, 9)
    expected = decoder(logits, n_best=2)
    monkeypatch.setattr(LexiconDecoder, "images_at_once", 7)
    monkeypatch.setattr(LexiconDecoder, "first_width", 1)
    assert decoder(logits, n_best=2) == expected


@pytest.mark.parametrize("max_distance", [None, 1])
def test_few_images_at_a_time(monkeypatch, max_distance):
    """As where a dictionary has so many classes that the log-probabilities of two images fill the memory."""
    decoder, logits = LexiconDecoder(Lexicon(random_words(300), LETTERS), max_distance), random_logits(30, 12, 9)
    num_frames = torch.arange(30) % 13
    expected = decoder(logits, num_frames)
    monkeypatch.setattr("hf_str.models.crnn.ctc_lexicon_search_crnn._NUMBERS_AT_ONCE", 2 * logits[0].numel())
    for (found,), (one,) in zip(decoder(logits, num_frames), expected, strict=True):
        assert (found.ids, found.spans) == (one.ids, one.spans)
        assert found.log_prob == pytest.approx(one.log_prob)


def test_places_and_probabilities_are_those_of_the_word():
    lexicon = Lexicon(["hall", "bed"], CRNNTokenizer("abcdefghl"))
    ((hypothesis,),) = LexiconDecoder(lexicon)(path_logits([8, 8, 0, 1, 9, 0, 9, 9], vocab=10))
    assert hypothesis.spans == [(0, 2), (3, 4), (4, 5), (6, 8)]
    sure = 1 / (1 + 9 / math.e**9)
    assert hypothesis.probabilities == pytest.approx([sure] * 4)
    assert hypothesis.score == pytest.approx(sure**4)


def test_a_word_that_needs_more_frames_cannot_be_read():
    """ "aab" needs four frames."""
    decoder = LexiconDecoder(Lexicon(["aab"], LETTERS))
    ((three,), (four,)) = (decoder(random_logits(1, frames, 9))[0] for frames in (3, 4))
    assert (three.ids, three.spans, three.score, three.log_prob) == ([], [], 0.0, -math.inf)
    assert four.ids == [1, 1, 2]


def test_impossible_words_are_not_given_for_more_hypotheses():
    readings = LexiconDecoder(Lexicon(["a", "b", "abcdefg"], LETTERS))(random_logits(4, 3, 9), n_best=9)
    assert [len(reading) for reading in readings] == [2] * 4


# ---------------------------------------------------------------------------------------------------------------------
# The neighborhood of the best path


def edit_distance(a, b) -> int:
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, start=1):
        row, before = [i], row
        for j, other in enumerate(b, start=1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != other)))
    return row[-1]


@pytest.mark.parametrize("max_distance", [0, 1, 3])
def test_only_words_near_the_best_path(max_distance):
    lexicon = Lexicon(random_words(800, longest=6), LETTERS)
    logits = random_logits(60, 10, 9)
    log_probs = exhaustive(lexicon, logits)
    readings = LexiconDecoder(lexicon, max_distance)(logits)
    kept = 0
    for (hypothesis,), (path,), expected in zip(readings, BestPath()(logits), log_probs, strict=True):
        near = [w for w, word in enumerate(lexicon.words) if edit_distance(path.ids, word) <= max_distance]
        near = [word for word in near if expected[word] > -np.inf]
        if near:
            assert hypothesis.ids == lexicon.words[max(near, key=expected.__getitem__)]
        else:
            assert hypothesis == path
            kept += 1
    assert kept > 0 or max_distance == 3


def test_a_negative_distance_is_refused():
    with pytest.raises(ValueError, match="max_distance must be at least 0, not -1"):
        LexiconDecoder(Lexicon(["a"], LETTERS), max_distance=-1)


# ---------------------------------------------------------------------------------------------------------------------
# The beam within the lexicon


def test_a_wide_beam_within_the_lexicon_is_exact():
    lexicon = Lexicon(random_words(60), LETTERS)
    logits = random_logits(30, 12, 9)
    expected = LexiconDecoder(lexicon)(logits, n_best=3)
    found = PrefixBeamSearch(300, lexicon=lexicon)(logits, n_best=3)
    assert found == expected


def test_a_narrow_beam_within_the_lexicon_reads_words_of_it():
    lexicon = Lexicon(random_words(60), MIXED)
    for (hypothesis,) in PrefixBeamSearch(3, lexicon=lexicon)(random_logits(30, 12, 63)):
        assert hypothesis.ids in [*lexicon.words, []]
        assert bool(hypothesis.ids) == (hypothesis.log_prob > -math.inf)


# ---------------------------------------------------------------------------------------------------------------------
# Case


def case_logits(text: str) -> torch.Tensor:
    ids = MIXED(text).input_ids
    return path_logits([class_id for pair in zip(ids, [0] * len(ids), strict=True) for class_id in pair], vocab=63)


@pytest.mark.parametrize("written", ["hello", "HELLO", "Hello"])
@pytest.mark.parametrize("shown", ["hello", "HELLO", "hElLo"])
def test_case_is_ignored_and_the_lexicon_spells(written, shown):
    for decoder in (
        LexiconDecoder(Lexicon([written, "help"], MIXED)),
        PrefixBeamSearch(lexicon=Lexicon([written], MIXED)),
    ):
        ((hypothesis,),) = decoder(case_logits(shown))
        assert text_of(MIXED, hypothesis) == written
        assert hypothesis.score > 0.9


def test_case_is_told_apart_where_asked():
    lexicon = Lexicon(["hello", "HELLO"], MIXED, case_sensitive=True)
    assert len(lexicon) == 2
    for shown in ("hello", "HELLO"):
        ((hypothesis,),) = LexiconDecoder(lexicon)(case_logits(shown))
        assert text_of(MIXED, hypothesis) == shown


def test_both_cases_of_a_letter_are_one_class():
    """In one frame: the probability of "a" is that of "a" and "A" together."""
    logits = random_logits(20, 1, 63)
    probs = logits.double().softmax(-1)[:, 0]
    lower, upper = MIXED("aA").input_ids
    for (hypothesis,), image in zip(LexiconDecoder(Lexicon(["a"], MIXED))(logits), probs, strict=True):
        assert math.exp(hypothesis.log_prob) == pytest.approx(float(image[lower] + image[upper]))


def test_a_case_that_the_charset_lacks_is_spelled_in_the_other():
    for charset, written, read in (("36", "HELLO", "hello"), ("HELO1", "hello", "HELLO")):
        tokenizer = CRNNTokenizer(charset, lowercase=charset == "36")
        lexicon = Lexicon([written], tokenizer)
        assert tokenizer.convert_ids_to_tokens(lexicon.words[0]) == list(read)


# ---------------------------------------------------------------------------------------------------------------------
# The lexicon


def test_words_that_cannot_be_read_are_counted_and_named(caplog):
    with caplog.at_level(logging.WARNING):
        lexicon = Lexicon(["cab", "café", " bed ", "", "naïve", "CAB"], CRNNTokenizer("62"))
    assert [MIXED.convert_ids_to_tokens(word) for word in lexicon.words] == [list("cab"), list("bed")]
    assert lexicon.num_unreadable == 2
    (record,) = caplog.records
    assert record.message == (
        "2 of 5 words of the lexicon have characters that the model cannot read and are left out: 'café', 'naïve'"
    )


@pytest.mark.parametrize("words", [[], ["", " "], ["é"]], ids=str)
def test_a_lexicon_without_words_is_refused(words):
    with pytest.raises(ValueError, match="the lexicon has no word that can be read"):
        Lexicon(words, MIXED)


def test_symbols_of_several_characters():
    tokenizer = CRNNTokenizer(["n", "g", "ng", "o"])
    lexicon = Lexicon(["ngo", "gong"], tokenizer)
    assert lexicon.words == [[3, 4], [2, 4, 3]]


def test_a_file(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("\ufeffcab\r\n\nbed\n", encoding="utf-8")
    assert Lexicon.from_file(path, LETTERS).words == [[3, 1, 2], [2, 5, 4]]
    path.write_text("cab\t120\nbed\t7\n", encoding="utf-8")  # how often a word occurs is no part of it
    assert Lexicon.from_file(path, LETTERS).words == [[3, 1, 2], [2, 5, 4]]


def test_another_number_of_classes_is_refused():
    with pytest.raises(ValueError, match="the logits have 5 classes, but the lexicon's tokenizer has 9"):
        LexiconDecoder(Lexicon(["a"], LETTERS))(torch.zeros(1, 3, 5))


def test_the_tree_holds_the_words():
    lexicon = Lexicon(random_words(500), LETTERS)

    def walk(node: int, prefix: list[int]):
        if lexicon.node_words[node] >= 0:
            yield int(lexicon.node_words[node]), prefix
        first = int(lexicon.first_children[node])
        for child in range(first, first + int(lexicon.num_children[node])):
            yield from walk(child, [*prefix, int(lexicon.node_letters[child])])

    found = dict(walk(0, []))
    assert [found[word] for word in range(len(lexicon))] == lexicon.words
    assert len(lexicon.node_letters) == 1 + len({tuple(w[:n]) for w in lexicon.words for n in range(1, len(w) + 1)})


def test_words_of_a_lexicon_are_aligned_in_one_go(monkeypatch):
    """Many labels are split over several passes."""
    logits = random_logits(5, 12, 9)
    labels = [[1 + n % 8, 1 + (n + 1) % 8] for n in range(50)]
    expected = align(frame_log_probs(logits), [n % 5 for n in range(50)], labels)
    monkeypatch.setattr("hf_str.models.crnn.ctc_alignment_crnn._LABELS_AT_ONCE", 7)
    assert align(frame_log_probs(logits), [n % 5 for n in range(50)], labels) == expected
