# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The alignments of a label with the frames of an image: the frames they need, their probability, the best one."""

import math
import operator
from collections.abc import Sequence

import torch

from .ctc_decoding_crnn import CTCHypothesis


__all__ = ["align", "batch_frames_needed", "frames_needed"]

#: Labels aligned at once: what they need grows with this times the frames times the states.
_LABELS_AT_ONCE = 4096


def frames_needed(label: Sequence[int]) -> int:
    """Frames that CTC needs for a label: one for each character, and a blank between equal neighbors.

    Example:
        >>> b, o, k = 1, 2, 3
        >>> frames_needed([b, o, o, k])
        5
    """
    return len(label) + sum(map(operator.eq, label, label[1:]))


def batch_frames_needed(labels: torch.Tensor) -> torch.Tensor:
    """[`frames_needed`] of each label in a batch, (batch,), without waiting for a GPU.

    Args:
        labels: (batch, length), padded with ids below 1.
    """
    is_character = labels > 0
    repeats = (labels[:, 1:] == labels[:, :-1]) & is_character[:, 1:]
    return is_character.sum(-1) + repeats.sum(-1)


def align(
    log_probs: torch.Tensor,
    images: Sequence[int],
    labels: Sequence[Sequence[int]],
    ids: Sequence[Sequence[int]] | None = None,
) -> list[CTCHypothesis]:
    """Makes hypotheses of labels: places and probabilities of their characters, and the probability of the whole.

    Runs the forward algorithm (Graves et al. 2006, section 4.1) for the sum over all alignments and the Viterbi
    algorithm on the same states for the most probable one, which gives the spans; a label of n characters has
    2n + 1 states, the characters with a blank around each. All labels go through together.

    Args:
        log_probs: of the frames, (batch, time, classes), float64; class 0 is the blank.
        images: the row of `log_probs` for each label.
        labels: classes without blanks.
        ids: what the hypotheses shall name instead of the classes of `labels`, of the same lengths.

    Returns:
        One hypothesis a label, in order. One that has no alignment, such as a label with more characters than there
        are frames, has `log_prob` -inf and `score` 0, and no characters.
    """
    ids = labels if ids is None else ids
    hypotheses = []
    for start in range(0, len(labels), _LABELS_AT_ONCE):
        part = slice(start, start + _LABELS_AT_ONCE)
        hypotheses += _align(log_probs, torch.tensor(images[part]), labels[part], ids[part])
    return hypotheses


def _align(log_probs: torch.Tensor, images: torch.Tensor, labels: Sequence, ids: Sequence) -> list[CTCHypothesis]:
    count, time = len(labels), log_probs.shape[1]
    lengths = torch.tensor([len(label) for label in labels])
    num_states = 2 * int(lengths.max()) + 1
    states = torch.zeros(count, num_states, dtype=torch.long)
    for row, label in enumerate(labels):
        states[row, 1 : 2 * len(label) : 2] = torch.tensor(label, dtype=torch.long)
    emissions = log_probs[images[:, None, None], torch.arange(time)[:, None], states[:, None]]  # (count, time, states)

    # A path stays in its state, comes from the one before, or skips the blank between two different characters.
    impossible = log_probs.new_full((), -math.inf)
    may_skip = torch.zeros_like(states, dtype=torch.bool)
    may_skip[:, 3::2] = states[:, 3::2] != states[:, 1:-2:2]
    total = log_probs.new_full((count, num_states), -math.inf)
    total[:, 0] = 0  # before the first frame: in the first blank, from which the first character is one step
    best = total
    steps = torch.zeros(time, count, num_states, dtype=torch.long)
    for frame in range(time):
        total_before = torch.nn.functional.pad(total, (2, 0), value=-math.inf)
        best_before = torch.nn.functional.pad(best, (2, 0), value=-math.inf)
        total = torch.logaddexp(total, total_before[:, 1:-1])
        total = torch.logaddexp(total, torch.where(may_skip, total_before[:, :-2], impossible)) + emissions[:, frame]
        arrivals = torch.stack([best, best_before[:, 1:-1], torch.where(may_skip, best_before[:, :-2], impossible)])
        best, steps[frame] = arrivals.max(0)
        best = best + emissions[:, frame]

    # A path ends in the last character or in the blank after it.
    rows = torch.arange(count)
    last_blank, last_character = 2 * lengths, (2 * lengths - 1).clamp(min=0)
    totals = torch.where(
        lengths > 0, torch.logaddexp(total[rows, last_blank], total[rows, last_character]), total[rows, 0]
    )
    state = torch.where(best[rows, last_character] > best[rows, last_blank], last_character, last_blank)
    path = torch.empty(count, time, dtype=torch.long)
    for frame in reversed(range(time)):
        path[:, frame] = state
        state = state - steps[frame, rows, state]

    # (count, time, characters) would be large; the path visits each state once, in order.
    peaks = log_probs.new_full((count, num_states), -math.inf)
    peaks.scatter_reduce_(1, path, emissions.gather(2, path[..., None])[..., 0], "amax")
    frames_in = torch.zeros_like(states).scatter_add_(1, path, torch.ones_like(path))
    ends = frames_in.cumsum(1)
    starts = (ends - frames_in)[:, 1::2].tolist()
    ends, peaks = ends[:, 1::2].tolist(), peaks[:, 1::2]
    scores = torch.where(torch.arange(peaks.shape[1]) < lengths[:, None], peaks, 0).sum(1)
    scores = torch.where(lengths > 0, scores, totals).exp().tolist()
    probabilities = peaks.exp().tolist()
    hypotheses = []
    for row, (characters, log_prob) in enumerate(zip(ids, totals.tolist(), strict=True)):
        if log_prob == -math.inf:
            hypotheses.append(CTCHypothesis([], [], [], 0.0, log_prob))
            continue
        length = len(characters)
        spans = list(zip(starts[row][:length], ends[row][:length], strict=True))
        hypotheses.append(CTCHypothesis(list(characters), spans, probabilities[row][:length], scores[row], log_prob))
    return hypotheses
