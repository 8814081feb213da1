# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Best path decoding against a slow reference, and its edges."""

import itertools
import math

import numpy as np
import pytest
import torch

from hf_str import BestPath, CRNNTokenizer, LexiconDecoder, PrefixBeamSearch, PrefixSearch
from hf_str.models.crnn import ctc_decoding_crnn
from hf_str.models.crnn.ctc_alignment_crnn import batch_frames_needed, frames_needed
from hf_str.models.crnn.ctc_decoders_crnn import DECODERS, make_decoder
from hf_str.models.crnn.ctc_decoding_crnn import CTCHypothesis, best_path, collapse_paths, frame_log_probs


def slow_best_path(logits: torch.Tensor):
    """One image (time, vocab), frame by frame: ids, spans, probabilities, score."""
    frames = [[math.exp(x) for x in frame] for frame in logits.double().tolist()]
    frames = [[x / sum(frame) for x in frame] for frame in frames]
    path = [max(range(len(frame)), key=frame.__getitem__) for frame in frames]
    ids, spans, probabilities, start = [], [], [], 0
    for class_id, run in itertools.groupby(path):
        end = start + len(list(run))
        if class_id != 0:
            ids.append(class_id)
            spans.append((start, end))
            probabilities.append(max(frame[class_id] for frame in frames[start:end]))
        start = end
    score = math.prod(probabilities) if ids else math.prod(frame[0] for frame in frames)
    return ids, spans, probabilities, score


def random_logits(count: int, time: int, vocab: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(count, time, vocab, generator=generator)
    logits[..., 0] += 2  # blanks are common
    stay = torch.rand(count, time, generator=generator) < 0.4  # and so are repeats
    for frame in range(1, time):
        logits[:, frame] = torch.where(stay[:, frame, None], logits[:, frame - 1], logits[:, frame])
    return logits


def path_logits(*paths: list[int], vocab: int = 5) -> torch.Tensor:
    """Logits whose best paths are `paths`, with probability 1 / (1 + 4 / e^9) in each frame."""
    return 9.0 * torch.nn.functional.one_hot(torch.tensor(paths), vocab).float()


@pytest.mark.parametrize("time, vocab", [(31, 37), (24, 5), (1, 3), (7, 2)])
def test_it_is_the_slow_reference(time, vocab):
    logits = random_logits(200, time, vocab)
    hypotheses = best_path(logits)
    assert len(hypotheses) == 200
    for image, hypothesis in zip(logits, hypotheses, strict=True):
        ids, spans, probabilities, score = slow_best_path(image)
        assert (hypothesis.ids, hypothesis.spans) == (ids, spans)
        np.testing.assert_allclose(hypothesis.probabilities, probabilities, rtol=1e-4)
        np.testing.assert_allclose(hypothesis.score, score, rtol=1e-3)
        assert all(0 <= start < end <= time for start, end in hypothesis.spans)
        assert all(0 <= probability <= 1 for probability in [hypothesis.score, *hypothesis.probabilities])


def test_it_agrees_with_the_tokenizer():
    tokenizer, logits = CRNNTokenizer("36"), random_logits(200, 31, 37, seed=1)
    decoded = tokenizer.batch_decode(logits.argmax(-1), output_char_offsets=True)
    for hypothesis, text, offsets in zip(best_path(logits), decoded.text, decoded.char_offsets, strict=True):
        assert "".join(tokenizer.convert_ids_to_tokens(hypothesis.ids)) == text
        assert hypothesis.spans == [(row["start_offset"], row["end_offset"]) for row in offsets]


def test_an_empty_reading_is_as_sure_as_its_blanks():
    (hypothesis,) = best_path(path_logits([0, 0, 0]))
    assert (hypothesis.ids, hypothesis.spans, hypothesis.probabilities) == ([], [], [])
    assert hypothesis.score == pytest.approx((1 + 4 / math.e**9) ** -3, rel=1e-5)


def test_no_frames_and_no_images():
    (first, second) = best_path(torch.zeros(2, 0, 5))
    assert first == second
    assert (first.ids, first.spans, first.probabilities, first.score) == ([], [], [], 1.0)
    assert best_path(torch.zeros(0, 7, 5)) == []
    assert best_path(torch.zeros(0, 0, 5)) == []


def test_runs_end_where_images_do():
    """Image i ends with the class with which image i + 1 begins."""
    hypotheses = best_path(path_logits([0, 2, 2], [2, 2, 0], [0, 0, 3], [3, 3, 3], [3, 0, 3]))
    assert [hypothesis.ids for hypothesis in hypotheses] == [[2], [2], [3], [3], [3, 3]]
    assert [hypothesis.spans for hypothesis in hypotheses] == [
        [(1, 3)],
        [(0, 2)],
        [(2, 3)],
        [(0, 3)],
        [(0, 1), (2, 3)],
    ]


def test_a_repeat_needs_a_blank_between():
    first, second = best_path(path_logits([1, 1, 0, 1, 2], [1, 1, 1, 1, 2]))
    assert (first.ids, second.ids) == ([1, 1, 2], [1, 2])


def test_of_equals_the_first_class_is_read():
    logits = torch.zeros(1, 3, 5)
    logits[0, 1, 2:4] = 1
    (hypothesis,) = best_path(logits)
    assert (hypothesis.ids, hypothesis.spans) == ([2], [(1, 2)])
    assert hypothesis.score == pytest.approx(math.e / (2 * math.e + 3))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions(dtype):
    logits = random_logits(20, 24, 37).to(dtype).requires_grad_()
    for hypothesis, expected in zip(best_path(logits), best_path(logits.float()), strict=True):
        assert hypothesis == expected


def test_padding_that_is_certainly_blank_changes_nothing():
    logits = random_logits(5, 24, 37)
    padding = torch.full((5, 9, 37), torch.finfo(torch.float32).min)
    padding[..., 0] = 0
    for padded, alone in zip(best_path(torch.cat([logits, padding], 1)), best_path(logits), strict=True):
        assert (padded.ids, padded.spans) == (alone.ids, alone.spans)
        assert padded.score == pytest.approx(alone.score)


@pytest.mark.parametrize("at_once", [1, 31 * 37, 3 * 31 * 37, 2**22])
def test_parts_of_a_batch_give_what_the_batch_gives(monkeypatch, at_once):
    logits, num_frames = random_logits(7, 31, 37), torch.tensor([31, 3, 0, 17, 30, 31, 9])
    whole, padded = best_path(logits), BestPath()(logits, num_frames)
    expected = logits.double().log_softmax(-1)
    monkeypatch.setattr(ctc_decoding_crnn, "_VALUES_AT_ONCE", at_once)
    assert best_path(logits) == whole
    assert BestPath()(logits, num_frames) == padded
    assert torch.equal(frame_log_probs(logits), expected)
    assert frame_log_probs(logits[:0]).shape == (0, 31, 37)


def test_frames_after_an_image_s_own_are_read_as_blank():
    logits, num_frames = random_logits(5, 31, 37), torch.tensor([31, 3, 0, 17, 30])
    blank = torch.where(torch.arange(37) == 0, 0.0, -torch.inf)
    padded = torch.where((torch.arange(31) < num_frames[:, None])[..., None], logits, blank)
    assert BestPath()(logits, num_frames) == [[one] for one in best_path(padded)]
    assert torch.equal(frame_log_probs(logits, num_frames), frame_log_probs(padded))


@pytest.mark.parametrize("shape", [(24, 37), (2, 3, 24, 37)])
def test_a_wrong_rank_is_refused(shape):
    with pytest.raises(ValueError, match=r"must have shape \(batch, time, vocab\), not \("):
        best_path(torch.zeros(shape))


def test_best_path_as_a_decoder():
    """The same hypotheses, one an image; frames past an image's own are blank."""
    logits = random_logits(20, 24, 37)
    assert BestPath()(logits, n_best=5) == [[hypothesis] for hypothesis in best_path(logits)]
    lengths = torch.arange(4, 24)
    for image, length, (cut,) in zip(logits, lengths, BestPath()(logits, num_frames=lengths), strict=True):
        (alone,) = best_path(image[None, :length])
        assert (cut.ids, cut.spans) == (alone.ids, alone.spans)
        assert cut.score == pytest.approx(alone.score)


def test_the_log_probability_is_that_of_the_path():
    logits = random_logits(50, 24, 37)
    expected = logits.double().log_softmax(-1).amax(-1).sum(-1)
    for hypothesis, log_prob in zip(best_path(logits), expected.tolist(), strict=True):
        assert hypothesis.log_prob == pytest.approx(log_prob, rel=1e-4)


def test_word_scores():
    word = CTCHypothesis([1, 2, 3], [(0, 1), (1, 2), (2, 3)], [0.9, 0.5, 0.8], 0.36, -2.0)
    assert word.word_score() == word.word_score("product") == 0.36
    assert word.word_score("geometric_mean") == pytest.approx(0.36 ** (1 / 3))
    assert word.word_score("minimum") == 0.5
    empty = CTCHypothesis([], [], [], 0.7, -0.36)
    assert {empty.word_score(definition) for definition in ("product", "geometric_mean", "minimum")} == {0.7}
    with pytest.raises(ValueError, match="must be one of 'product', 'geometric_mean', 'minimum', not 'mean'"):
        word.word_score("mean")


def test_decoders_by_name():
    tokenizer = CRNNTokenizer("abc")
    classes = {"best_path": BestPath, "beam_search": PrefixBeamSearch, "prefix_search": PrefixSearch}
    for name, decoder_class in classes.items():
        assert type(make_decoder(name, tokenizer)) is decoder_class is DECODERS[name]
    assert type(make_decoder(None, tokenizer)) is BestPath
    assert type(make_decoder(None, tokenizer, lexicon=["ab"])) is LexiconDecoder
    assert make_decoder("beam_search", tokenizer, beam_width=3).beam_width == 3
    beam = make_decoder("beam_search", tokenizer, lexicon=["ab", "c"], beam_width=None)
    assert (beam.beam_width, beam.lexicon.words) == (10, [[1, 2], [3]])
    assert make_decoder("lexicon", tokenizer, lexicon=beam.lexicon, max_distance=2).lexicon is beam.lexicon
    assert make_decoder(beam, tokenizer) is beam


@pytest.mark.parametrize(
    "decoder, options, message",
    [
        (
            "viterbi",
            {},
            "must be one of 'best_path', 'beam_search', 'prefix_search', 'lexicon', or a decoder, not 'vi",
        ),
        ("lexicon", {}, "the decoder 'lexicon' needs a lexicon"),
        ("best_path", {"beam_width": 3}, "the decoder 'best_path' does not take beam_width"),
        ("prefix_search", {"lexicon": ["a"], "alpha": 1.0}, "'prefix_search' does not take alpha, lexicon"),
        (BestPath(), {"lexicon": ["a"]}, "a decoder that is made already does not take lexicon"),
    ],
)
def test_decoders_that_cannot_be_made(decoder, options, message):
    with pytest.raises(ValueError, match=message):
        make_decoder(decoder, CRNNTokenizer("abc"), **options)


def test_where_characters_start():
    ids = np.array([[1, 1, 0, 1, -100, 1], [1, 2, 2, 0, 0, 3]])
    first = np.zeros_like(ids, dtype=bool)
    first[:, 0] = True
    assert collapse_paths(ids, first).tolist() == [[1, 0, 0, 1, 0, 1], [1, 1, 0, 0, 0, 1]]


def test_the_frames_that_a_label_needs():
    """One for each character, and a blank between equal neighbors; padding of any kind below 1 needs none."""
    labels = [[1, 2, 2, 3], [1, 1, 1], [], [4], [5, 4, 5, 4]]
    wanted = [5, 5, 0, 1, 4]
    assert [frames_needed(label) for label in labels] == wanted
    for padding in (-100, 0):
        batch = torch.tensor([label + [padding] * (4 - len(label)) for label in labels])
        assert batch_frames_needed(batch).tolist() == wanted


@pytest.mark.parametrize("name", ["best_path", "beam_search", "prefix_search"])
def test_num_frames_of_other_images_are_refused(name):
    decoder = make_decoder(name, CRNNTokenizer(charset="36"))
    for num_frames in (torch.tensor([3]), torch.tensor([[3, 4]])):
        with pytest.raises(ValueError, match=r"num_frames must have shape \(2,\), one for each image"):
            decoder(random_logits(2, 5, 37), num_frames=num_frames)
