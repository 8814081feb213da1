# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""CTC probabilities of prefixes: what a search that grows labels one character at a time needs to know.

The mass of a prefix is the probability of all labels that begin with it, so none of these labels is more probable: a
search that drops what has less mass than an answer in hand loses nothing (Graves et al. 2006, figure 2).
"""

import math
from typing import NamedTuple

import torch


__all__ = ["PrefixProbabilities"]


class PrefixProbabilities(NamedTuple):
    """Log-probabilities of prefixes, each (time + 1, prefixes); row t is after t frames, row 0 before the first.

    Attributes:
        character: the prefix has been read and the last frame shows its last character.
        blank: the prefix has been read and the last frame is blank.
    """

    character: torch.Tensor
    blank: torch.Tensor

    @classmethod
    def empty(cls, blank_log_probs: torch.Tensor) -> "PrefixProbabilities":
        """The prefix without characters in each image; `blank_log_probs` is (time, images)."""
        blank = torch.nn.functional.pad(blank_log_probs.cumsum(0), (0, 0, 1, 0))
        return cls(torch.full_like(blank, -math.inf), blank)

    @property
    def label_log_probs(self) -> torch.Tensor:
        """That the prefix is the whole label (prefixes,)."""
        return torch.logaddexp(self.character[-1], self.blank[-1])

    def take(self, prefix: int) -> "PrefixProbabilities":
        """One of the prefixes, alone."""
        return PrefixProbabilities(self.character[:, prefix, None], self.blank[:, prefix, None])

    def select(self, prefixes: torch.Tensor) -> "PrefixProbabilities":
        """Some of the prefixes, by their numbers."""
        return PrefixProbabilities(self.character[:, prefixes], self.blank[:, prefixes])

    def entries(self, parents: torch.Tensor, log_probs: torch.Tensor, repeats: torch.Tensor) -> torch.Tensor:
        """Log-probability that a prefix with one more character is first read at each frame, (time, longer prefixes).

        Its sum over time is the mass of the longer prefix.

        Args:
            parents: the prefix that each longer one extends (longer prefixes,).
            log_probs: of the added characters, (time, longer prefixes).
            repeats: whether the character is the prefix's last one, which needs a blank between (longer prefixes,).
        """
        before = torch.logaddexp(self.character[:-1], self.blank[:-1])[:, parents]
        before[:, repeats] = self.blank[:-1, parents[repeats]]
        return before.add_(log_probs)

    @classmethod
    def entered(
        cls, entries: torch.Tensor, log_probs: torch.Tensor, blank_log_probs: torch.Tensor
    ) -> "PrefixProbabilities":
        """The longer prefixes, from their `entries`; all arguments are (time, prefixes)."""
        time, count = entries.shape
        character, blank = entries.new_full((2, time + 1, count), -math.inf)
        for frame in range(time):
            torch.logaddexp(entries[frame], character[frame] + log_probs[frame], out=character[frame + 1])
            stay = torch.logaddexp(character[frame], blank[frame])
            torch.add(stay, blank_log_probs[frame], out=blank[frame + 1])
        return cls(character, blank)
