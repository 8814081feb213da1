# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Guides of a beam search: what allows, forbids or weighs prefixes besides the network.

A guide has a state for each prefix, an integer: `start` of the empty prefix, and what `extend` gives for each
character that may follow. What it gives for the characters of a prefix is added up, with what `finish` says of the
end, and `weigh` turns the sum into an addend of the prefix's log-probability.
"""

from typing import Any, Protocol

import numpy as np

from .ctc_decoding_crnn import joined_ranges
from .ctc_lexicon_crnn import Lexicon


__all__ = ["Guide", "LanguageModelGuide", "LexiconGuide"]


class Guide(Protocol):
    """What a beam search asks; see above."""

    start: int

    def extend(self, states: np.ndarray, characters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The gain of each character and the states after it, both (images, width, characters).

        Args:
            states: (images, width).
            characters: the classes that may be added, (images, characters).
        """
        ...

    def weigh(self, sums: np.ndarray) -> np.ndarray:
        """What the sums of gains add to the log-probabilities."""
        ...

    def finish(self, states: np.ndarray) -> np.ndarray:
        """The gain of ending in each state."""
        ...


class LexiconGuide:
    """Guide that allows the words of a lexicon only; its state is the node of the lexicon's tree."""

    start = 0

    def __init__(self, lexicon: Lexicon):
        self.lexicon = lexicon
        self.first_children, self.num_children = lexicon.first_children.numpy(), lexicon.num_children.numpy()
        self.letters, self.words = lexicon.node_letters.numpy(), lexicon.node_words.numpy()

    def extend(self, states: np.ndarray, characters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The gain of each character and the states after it; `characters` are all that the lexicon has."""
        nodes = states.ravel()
        rows, children = joined_ranges(self.first_children[nodes], self.num_children[nodes])
        gain = np.full((len(nodes), self.lexicon.num_letters), -np.inf)
        following = np.zeros(gain.shape, dtype=np.int64)
        gain[rows, self.letters[children]] = 0
        following[rows, self.letters[children]] = children
        shape = (*states.shape, -1)
        return gain[:, 1:].reshape(shape), following[:, 1:].reshape(shape)

    def weigh(self, sums: np.ndarray) -> np.ndarray:
        return sums

    def finish(self, states: np.ndarray) -> np.ndarray:
        return np.where(self.words[states] >= 0, 0.0, -np.inf)


class LanguageModelGuide:
    """Guide that adds what a language model says; its state is the model's context.

    Args:
        classes: the class of each column, (columns,), or (images, columns), or each its own.
    """

    def __init__(
        self, language_model: Any, alpha: float, beta: float, code_log_odds: float, classes: np.ndarray | None
    ):
        self.model, self.alpha, self.beta, self.classes = language_model, alpha, beta, classes
        self.start, self.code_log_odds = language_model.start, code_log_odds

    def extend(self, states: np.ndarray, characters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The gain of each of `characters` (images, characters) and the states after it."""
        if self.classes is not None:
            classes = np.broadcast_to(self.classes, (len(characters), self.classes.shape[-1]))
            characters = np.take_along_axis(classes, characters, 1)
        log_probs, following = self.model.extend(states, characters[:, None])
        return np.where(self.model.known[characters][:, None], self.alpha * log_probs + self.beta, 0.0), following

    def weigh(self, sums: np.ndarray) -> np.ndarray:
        if self.alpha <= 0:
            return sums
        return self.alpha * np.logaddexp(sums / self.alpha, self.code_log_odds)

    def finish(self, states: np.ndarray) -> np.ndarray:
        return self.alpha * self.model.finish(states)
