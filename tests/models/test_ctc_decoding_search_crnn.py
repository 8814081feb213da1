# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Beam search and prefix search against all paths there are, and at their edges."""

import math
import random

import numpy as np
import pytest
import torch

from hf_str import BestPath, CRNNTokenizer, Lexicon, LexiconDecoder, PrefixBeamSearch, PrefixSearch
from hf_str.models.crnn import ctc_beam_search_crnn
from hf_str.models.crnn.ctc_alignment_crnn import align
from hf_str.models.crnn.ctc_decoding_crnn import best_path, frame_log_probs
from hf_str.models.crnn.ctc_prefix_probabilities_crnn import PrefixProbabilities
from tests.models.ctc_brute_force import SHAPES, label_log_probs, random_cases
from tests.models.test_ctc_decoding_crnn import path_logits, random_logits


CASES = 56  # of each of the 18 shapes: 1,008


# ---------------------------------------------------------------------------------------------------------------------
# All paths


@pytest.mark.parametrize("time, vocab", SHAPES)
def test_a_wide_beam_finds_every_label_in_order(time, vocab):
    logits = random_cases(CASES, time, vocab)
    labels, log_probs = label_log_probs(logits)
    readings = PrefixBeamSearch(beam_width=len(labels) + 50)(logits, n_best=len(labels))
    for reading, expected in zip(readings, log_probs, strict=True):
        assert len(reading) == len(labels)
        found = {tuple(hypothesis.ids): hypothesis.log_prob for hypothesis in reading}
        np.testing.assert_allclose([found[label] for label in labels], expected, rtol=1e-9, atol=1e-9)
        assert [h.log_prob for h in reading] == sorted(found.values(), reverse=True)


@pytest.mark.parametrize("time, vocab", SHAPES)
def test_prefix_search_finds_the_best_label(time, vocab):
    logits = random_cases(CASES, time, vocab)
    labels, log_probs = label_log_probs(logits)
    for (hypothesis,), expected in zip(PrefixSearch(threshold=1)(logits), log_probs, strict=True):
        assert hypothesis.log_prob == pytest.approx(expected.max(), abs=1e-9)
        assert expected[labels.index(tuple(hypothesis.ids))] == pytest.approx(expected.max(), abs=1e-9)


def test_a_beam_beats_best_path():
    """Three alignments of "a" together beat the one blank path: 0.6 * 0.6 against 1 - 0.36."""
    logits = torch.tensor([[[0.6, 0.4], [0.6, 0.4]]]).log()
    assert best_path(logits)[0].ids == []
    for decoder in (PrefixBeamSearch(2), PrefixSearch()):
        ((hypothesis,),) = decoder(logits)
        assert hypothesis.ids == [1]
        assert hypothesis.log_prob == pytest.approx(math.log(0.64))


@pytest.mark.parametrize("width", [1, 2, 5, 10])
def test_a_narrow_beam_loses_little(width):
    """Its labels' probabilities are exact even so, and wider beams only find better ones."""
    logits = random_logits(60, 12, 8)
    narrow = [reading[0].log_prob for reading in PrefixBeamSearch(width)(logits)]
    wide = [reading[0].log_prob for reading in PrefixBeamSearch(100)(logits)]
    assert all(a <= b + 1e-9 for a, b in zip(narrow, wide, strict=True))
    assert sum(a == b for a, b in zip(narrow, wide, strict=True)) >= {1: 15, 2: 30, 5: 45, 10: 48}[width]


def test_the_characters_left_out_of_a_frame_make_no_difference():
    """With 2 * width + 1 characters a frame the beam holds what it holds with all of them."""
    log_probs = frame_log_probs(random_cases(40, 16, 60)).numpy()
    few = ctc_beam_search_crnn._search(log_probs, 4, 4, [], num_likely=9)
    every = ctc_beam_search_crnn._search(log_probs, 4, 4, [], num_likely=None)
    for one, other in zip(few, every, strict=True):
        np.testing.assert_equal(one, other)


class Unigrams:
    """A language model of single characters, each with a chance of its own."""

    start = 0

    def __init__(self, num_classes: int):
        rng = np.random.default_rng(5)
        self.log_probs, self.known = -rng.exponential(1, num_classes), rng.random(num_classes) < 0.8

    def extend(self, states, classes):
        shape = np.broadcast_shapes((*states.shape, 1), classes.shape)
        return np.broadcast_to(self.log_probs[classes], shape), np.zeros(shape, dtype=np.int64)

    def finish(self, states):
        return np.full(states.shape, -1.0)


@pytest.mark.parametrize("language_model", [None, Unigrams(18710)], ids=["alone", "language model"])
def test_a_whole_dictionary(language_model, monkeypatch):
    """18,710 classes, of which a frame has a few that are likely: what a search over all of them finds."""
    logits, seen = random_logits(5, 12, 18710), torch.randint(18710, (5, 12, 6))
    logits.scatter_add_(2, seen, torch.full(seen.shape, 12.0))
    decoder = PrefixBeamSearch(4, language_model=language_model, sure_score=2)
    found = decoder(logits, torch.tensor([12, 11, 12, 3, 0]), n_best=3)
    monkeypatch.setattr(ctc_beam_search_crnn, "_likely_classes", lambda log_probs, _: (log_probs, None))
    search = ctc_beam_search_crnn._search
    monkeypatch.setattr(ctc_beam_search_crnn, "_search", lambda *arguments: search(*arguments[:4], None))
    expected = decoder(logits, torch.tensor([12, 11, 12, 3, 0]), n_best=3)
    for one, other in zip(found, expected, strict=True):
        assert [(h.ids, h.spans) for h in one] == [(h.ids, h.spans) for h in other]
        np.testing.assert_allclose([h.score for h in one], [h.score for h in other])
        np.testing.assert_allclose([h.log_prob for h in one], [h.log_prob for h in other])
    assert found[4][0].ids == []


def test_few_images_of_a_whole_dictionary_at_a_time(monkeypatch):
    """The log-probabilities, eight bytes for each of 18,710 classes in each frame, are never those of all images."""
    logits, sizes = random_logits(9, 4, 18710), []

    def noted(logits, num_frames=None):
        sizes.append(logits.numel())
        return frame_log_probs(logits, num_frames)

    expected = PrefixBeamSearch(4)(logits)
    monkeypatch.setattr(ctc_beam_search_crnn, "frame_log_probs", noted)
    monkeypatch.setattr(ctc_beam_search_crnn, "_NUMBERS_AT_ONCE", 2 * logits[0].numel())
    assert PrefixBeamSearch(4)(logits) == expected
    assert sizes == [2 * logits[0].numel()] * 4 + [logits[0].numel()]


def test_hashes_that_collide_do_not_merge_prefixes(monkeypatch):
    """A base of zero gives every prefix the hash of its last character."""
    logits = random_cases(50, 5, 4)
    expected = PrefixBeamSearch(500)(logits, n_best=5)
    monkeypatch.setattr(ctc_beam_search_crnn, "_HASH_BASE", np.uint64(0))
    assert PrefixBeamSearch(500)(logits, n_best=5) == expected


def test_images_at_once_make_no_difference(monkeypatch):
    logits = random_logits(30, 12, 20)
    expected = PrefixBeamSearch()(logits, n_best=2)
    monkeypatch.setattr(PrefixBeamSearch, "images_at_once", 7)
    assert PrefixBeamSearch()(logits, n_best=2) == expected


def test_prefix_search_cuts_at_sure_blanks():
    """Two sections of three frames give their labels, and at least their probabilities: other cuts give the same."""
    left, right = random_cases(20, 3, 4), random_cases(20, 3, 4).flip(0)
    blank = torch.tensor([20.0, 0, 0, 0]).expand(20, 1, 4)
    joined = PrefixSearch()(torch.cat([left, blank, right], 1))
    for (whole,), (a,), (b,) in zip(joined, PrefixSearch()(left), PrefixSearch()(right), strict=True):
        assert whole.ids == a.ids + b.ids
        assert whole.log_prob >= a.log_prob + b.log_prob - 1e-6


def test_prefix_search_ends():
    """On noise, where the search would not: never less probable than the best path."""
    logits = random_logits(3, 31, 40)
    readings = PrefixSearch(max_prefixes=3)(logits)
    for (hypothesis,), expected in zip(readings, best_path(logits), strict=True):
        assert hypothesis.log_prob >= expected.log_prob - 1e-6


# ---------------------------------------------------------------------------------------------------------------------
# Places, probabilities


def test_a_label_is_placed_where_the_best_path_has_it():
    logits = random_logits(200, 24, 12)
    expected = best_path(logits)
    aligned = align(frame_log_probs(logits), range(200), [hypothesis.ids for hypothesis in expected])
    for hypothesis, path in zip(aligned, expected, strict=True):
        assert (hypothesis.ids, hypothesis.spans) == (path.ids, path.spans)
        np.testing.assert_allclose(hypothesis.probabilities, path.probabilities, rtol=1e-4)
        assert hypothesis.score == pytest.approx(path.score, rel=1e-3)
        assert hypothesis.log_prob >= path.log_prob - 1e-4  # one path is less than all


def test_the_probability_of_a_label_is_that_of_the_ctc_loss():
    logits = random_logits(100, 20, 8)
    lengths = torch.arange(100) % 11
    labels = [torch.randint(1, 8, (length,)).tolist() for length in lengths.tolist()]
    padded = torch.nn.utils.rnn.pad_sequence([torch.tensor(label, dtype=torch.long) for label in labels], True)
    log_probs = frame_log_probs(logits)
    frames = torch.full((100,), 20)
    loss = torch.nn.functional.ctc_loss(log_probs.transpose(0, 1), padded, frames, lengths, reduction="none")
    found = [hypothesis.log_prob for hypothesis in align(log_probs, range(100), labels)]
    np.testing.assert_allclose(found, -loss.numpy(), rtol=1e-6)


def test_what_does_not_fit_has_no_probability():
    """ "aa" needs three frames, "ab" two."""
    log_probs = frame_log_probs(torch.zeros(1, 2, 3))
    fits, does_not = align(log_probs, [0, 0], [[1, 2], [1, 1]])
    assert (fits.ids, fits.spans) == ([1, 2], [(0, 1), (1, 2)])
    assert (does_not.ids, does_not.score, does_not.log_prob) == ([], 0.0, -math.inf)


# ---------------------------------------------------------------------------------------------------------------------
# Edges, of every decoder

TOKENIZER = CRNNTokenizer("abcd")
DECODERS = {
    "best path": BestPath(),
    "beam": PrefixBeamSearch(),
    "prefix": PrefixSearch(),
    "lexicon": LexiconDecoder(Lexicon(["ab", "aab", "cab", "d"], TOKENIZER)),
    "neighborhood": LexiconDecoder(Lexicon(["ab", "aab", "cab", "d"], TOKENIZER), max_distance=1),
    "lexicon beam": PrefixBeamSearch(lexicon=Lexicon(["ab", "aab", "cab", "d"], TOKENIZER)),
}
every_decoder = pytest.mark.parametrize("decoder", DECODERS.values(), ids=DECODERS.keys())


@every_decoder
def test_a_sure_word_is_read_by_all(decoder):
    for ids, path in (([1, 2], [1, 0, 0, 2, 2]), ([1, 1, 2], [1, 1, 0, 1, 2]), ([3, 1, 2], [0, 3, 1, 1, 2])):
        ((hypothesis,),) = decoder(path_logits(path))
        (expected,) = best_path(path_logits(path))
        assert (hypothesis.ids, hypothesis.spans) == (ids, expected.spans)
        assert hypothesis.probabilities == pytest.approx(expected.probabilities)
        assert hypothesis.score == pytest.approx(expected.score, rel=1e-4)


@every_decoder
def test_no_frames_and_no_images(decoder):
    assert decoder(torch.zeros(0, 7, 5)) == []
    assert decoder(torch.zeros(0, 0, 5)) == []
    for (hypothesis,) in decoder(torch.zeros(2, 0, 5)):
        assert (hypothesis.ids, hypothesis.spans, hypothesis.probabilities) == ([], [], [])


@every_decoder
def test_wrong_logits_are_refused(decoder):
    with pytest.raises(ValueError, match=r"must have shape \(batch, time, vocab\), not \(7, 5\)"):
        decoder(torch.zeros(7, 5))


@every_decoder
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions(decoder, dtype):
    logits = random_logits(20, 12, 5).to(dtype).requires_grad_()
    for a, b in zip(decoder(logits), decoder(logits.float()), strict=True):
        assert (a[0].ids, a[0].spans) == (b[0].ids, b[0].spans)
        assert a[0].log_prob == pytest.approx(b[0].log_prob, rel=1e-5)


@every_decoder
@pytest.mark.parametrize("said", ["by the model", "in frames"])
def test_padding_is_not_read(decoder, said):
    logits = random_logits(8, 12, 5)
    if said == "by the model":
        padding = torch.full((8, 9, 5), torch.finfo(torch.float32).min)
        padding[..., 0] = 0
        padded = decoder(torch.cat([logits, padding], 1))
    else:
        padded = decoder(torch.cat([logits, random_logits(8, 9, 5, seed=7)], 1), num_frames=torch.full((8,), 12))
    for (a,), (b,) in zip(padded, decoder(logits), strict=True):
        assert (a.ids, a.spans) == (b.ids, b.spans)
        assert a.score == pytest.approx(b.score)
        assert a.log_prob == pytest.approx(b.log_prob)


@every_decoder
def test_images_of_their_own_lengths(decoder):
    logits = random_logits(6, 12, 5)
    together = decoder(logits, num_frames=torch.tensor([12, 9, 6, 5, 4, 12]))
    for image, length, (hypothesis,) in zip(logits, [12, 9, 6, 5, 4, 12], together, strict=True):
        ((alone,),) = decoder(image[None, :length])
        assert (hypothesis.ids, hypothesis.spans) == (alone.ids, alone.spans)


@every_decoder
def test_impossible_classes(decoder):
    logits = random_logits(30, 12, 5)
    logits[..., 4] = -math.inf
    logits[:, 3, 1:] = -math.inf
    for (hypothesis,) in decoder(logits):
        assert 4 not in hypothesis.ids
        assert not any(start <= 3 < end for start, end in hypothesis.spans)
        assert 0 <= hypothesis.score <= 1


@pytest.mark.parametrize("decoder", [PrefixBeamSearch(), PrefixSearch()], ids=["beam", "prefix"])
def test_what_is_no_number_is_refused(decoder):
    logits = torch.zeros(1, 4, 5)
    logits[0, 2] = -math.inf
    with pytest.raises(ValueError, match="NaN, or a frame that is -inf throughout"):
        decoder(logits)


def test_more_hypotheses_than_there_are():
    ((first, second, third),) = PrefixBeamSearch(beam_width=2)(torch.zeros(1, 3, 2), n_best=50)
    # One class in three frames: "a" in six ways, nothing in one, "aa" in one.
    assert [first.ids, *sorted([second.ids, third.ids])] == [[1], [], [1, 1]]
    assert sum(math.exp(one.log_prob) for one in (first, second, third)) == pytest.approx(1)


def test_long_words():
    path = [class_id for letter in range(60) for class_id in (1 + letter % 4, 0)]
    ((hypothesis, *_),) = PrefixBeamSearch()(path_logits(path), n_best=3)
    assert hypothesis.ids == path[::2]
    assert hypothesis.spans == [(2 * letter, 2 * letter + 1) for letter in range(60)]


@pytest.mark.parametrize("width", [0, -1])
def test_a_beam_without_width_is_refused(width):
    with pytest.raises(ValueError, match=f"beam_width must be at least 1, not {width}"):
        PrefixBeamSearch(width)


def test_a_threshold_that_is_no_probability_is_refused():
    with pytest.raises(ValueError, match=r"threshold must be a probability above 0, not 1\.5"):
        PrefixSearch(1.5)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("search", ["best_path", "frame_log_probs"])
def test_logits_without_probabilities_are_refused_by_image(search, value):
    from hf_str.models.crnn import ctc_decoding_crnn

    logits = torch.zeros(3, 4, 5)
    logits[1, 2, 3] = value
    with pytest.raises(ValueError, match=r"from 0: 1\)"):
        getattr(ctc_decoding_crnn, search)(logits)


def noise(frames: int, classes: int, seed: int = 0) -> torch.Tensor:
    """Logits in which nothing can be decided, and no blank separates."""
    return torch.randn(1, frames, classes, generator=torch.Generator().manual_seed(seed)) * 0.5


def test_prefix_search_is_cut_at_its_bounds_and_says_so(monkeypatch):
    ((short,),) = PrefixSearch()(noise(4, 5))
    assert short.is_complete
    ((cut,),) = PrefixSearch(max_prefixes=3)(noise(30, 20))
    ((best,),) = BestPath()(noise(30, 20))
    assert not cut.is_complete and cut.log_prob >= best.log_prob
    grown = []
    entries = PrefixProbabilities.entries
    monkeypatch.setattr(
        PrefixProbabilities, "entries", lambda self, *args: grown.append(args[1].numel()) or entries(self, *args)
    )
    ((long,),) = PrefixSearch()(noise(10_000, 100))
    assert not long.is_complete and sum(grown) <= 20_000_000
    logits = noise(600, 100)
    logits[:, 99::100] = 0
    logits[:, 99::100, 0] = 30  # six sections share what an image has
    grown.clear()
    ((sections,),) = PrefixSearch()(logits)
    assert not sections.is_complete and sum(grown) <= 20_000_000


def test_lexicon_search_is_cut_at_its_bound_and_says_so(monkeypatch):
    import hf_str.models.crnn.ctc_lexicon_search_crnn as module

    rng = random.Random(0)
    words = sorted({"".join(rng.choices("abcdefgh", k=rng.randint(2, 5))) for _ in range(3000)})
    decoder = LexiconDecoder(Lexicon(words, CRNNTokenizer("abcdefgh")))
    logits = noise(40, 9)
    (exact,) = decoder(logits, n_best=3)
    assert all(one.is_complete for one in exact)
    sizes = []
    entries = PrefixProbabilities.entries
    monkeypatch.setattr(
        PrefixProbabilities, "entries", lambda self, *args: sizes.append(args[1].numel()) or entries(self, *args)
    )
    monkeypatch.setattr(module, "_MOST_VALUES", 40 * 200)
    (cut,) = decoder(logits, n_best=3)
    assert max(sizes) <= 40 * 200 and not any(one.is_complete for one in cut)
    assert cut[0].log_prob <= exact[0].log_prob + 1e-6
    sharp = torch.zeros(1, 40, 9)
    sharp[..., 0] = 12
    for frame, letter in zip((5, 12, 20), words[100][:3], strict=False):
        sharp[0, frame, "abcdefgh".index(letter) + 1] = 24
    (sure,) = decoder(sharp)
    assert sure[0].is_complete  # what the network is sure of is searched to the end within the same bound
