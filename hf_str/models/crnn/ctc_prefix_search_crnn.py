# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Prefix search (Graves et al. 2006, section 3.2): the most probable label of each section between sure blanks."""

import heapq
import itertools
import math
from dataclasses import replace

import torch

from .ctc_alignment_crnn import align
from .ctc_decoding_crnn import BestPath, CTCHypothesis, frame_log_probs
from .ctc_prefix_probabilities_crnn import PrefixProbabilities


__all__ = ["PrefixSearch"]

#: Probabilities, frames times classes, that may be computed for one image, about four seconds: what no prefix can
#: decide, such as noise or ten thousand frames without a blank, would else take hours and all memory.
_MOST_VALUES = 20_000_000


class PrefixSearch:
    """Grows the prefix whose continuations are most probable, until no continuation can beat the best label found.

    The labels of a section are exact. The time for it grows exponentially with the section's length where the model is
    unsure, so images are cut at frames that are blank almost for certain; that is the paper's heuristic, and a label
    of the whole may still be more probable than those of the sections joined.

    Args:
        threshold (`float`, defaults to 0.9999): probability of the blank above which a frame separates sections.
        max_prefixes (`int`, defaults to 1000): prefixes looked at in a section, and fewer in long sections or with
            many classes (of an image, prefixes times frames times classes stay below 20 million). Then the best label
            so far is taken, which is never less probable than that of the best path, and `is_complete` of the
            hypothesis is `False`.

    It has one hypothesis an image, however many are wanted.
    """

    def __init__(self, threshold: float = 0.9999, max_prefixes: int = 1000):
        if not 0 < threshold <= 1:
            raise ValueError(f"threshold must be a probability above 0, not {threshold}")
        self.threshold, self.max_prefixes = threshold, max_prefixes

    def __call__(
        self, logits: torch.Tensor, num_frames: torch.Tensor | None = None, n_best: int = 1
    ) -> list[list[CTCHypothesis]]:
        log_probs = frame_log_probs(logits, num_frames)
        separates = log_probs[..., 0] > math.log(self.threshold)
        found = [self._read(image, cuts) for image, cuts in zip(log_probs, separates.tolist(), strict=True)]
        hypotheses = align(log_probs, range(len(found)), [label for label, _ in found])
        return [
            [hypothesis if is_complete else replace(hypothesis, is_complete=False)]
            for hypothesis, (_, is_complete) in zip(hypotheses, found, strict=True)
        ]

    def _read(self, log_probs: torch.Tensor, separates: list[bool]) -> tuple[list[int], bool]:
        """The label of one image (time, classes), and whether each of its sections was searched to the end."""
        label, frame, is_complete, values_left = [], 0, True, _MOST_VALUES
        for is_blank, run in itertools.groupby(separates):
            length = len(list(run))
            if not is_blank:
                section = log_probs[frame : frame + length]
                ids, prefixes, was_searched = self._search(section, values_left // section.numel())
                label += ids
                values_left -= prefixes * section.numel()
                is_complete &= was_searched
            frame += length
        return label, is_complete

    def _search(self, log_probs: torch.Tensor, most: int) -> tuple[list[int], int, bool]:
        """Of one section (time, classes) the most probable label, the prefixes looked at, and whether all were."""
        num_characters = log_probs.shape[1] - 1
        ((first,),) = BestPath()(log_probs[None])
        best = tuple(first.ids)
        best_log_prob = align(log_probs[None], [0], [best])[0].log_prob
        blank = log_probs[:, :1]
        root = PrefixProbabilities.empty(blank)
        if (empty := float(root.label_log_probs)) > best_log_prob:
            best, best_log_prob = (), empty
        # By the probability of being continued; the number breaks ties.
        numbers = itertools.count()
        waiting: list[tuple[float, int, tuple[int, ...], PrefixProbabilities]] = []
        heapq.heappush(waiting, (-_less(0.0, empty), next(numbers), (), root))
        looked_at = 0
        while waiting and -waiting[0][0] > best_log_prob:
            if looked_at >= min(self.max_prefixes, most):
                return list(best), looked_at, False
            looked_at += 1
            _, _, prefix, probabilities = heapq.heappop(waiting)
            characters = torch.arange(1, num_characters + 1)
            repeats = characters == (prefix[-1] if prefix else 0)
            entries = probabilities.entries(torch.zeros_like(characters), log_probs[:, 1:], repeats)
            mass = entries.logsumexp(0)
            keep = mass > best_log_prob
            characters, mass = characters[keep].tolist(), mass[keep].tolist()
            grown = PrefixProbabilities.entered(
                entries[:, keep], log_probs[:, 1:][:, keep], blank.expand(-1, len(characters))
            )
            for place, log_prob in enumerate(grown.label_log_probs.tolist()):
                longer = (*prefix, characters[place])
                if log_prob > best_log_prob:
                    best, best_log_prob = longer, log_prob
                continued = _less(mass[place], log_prob)
                if continued > best_log_prob:
                    heapq.heappush(waiting, (-continued, next(numbers), longer, grown.take(place)))
        return list(best), looked_at, True


def _less(log_a: float, log_b: float) -> float:
    """log(a - b), for a >= b up to rounding."""
    return log_a + math.log(-math.expm1(log_b - log_a)) if log_b < log_a else -math.inf
