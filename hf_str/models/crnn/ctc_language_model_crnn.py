# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Character language models for CTC decoding."""

import unicodedata
from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np

from .ctc_ngrams_crnn import END, UNKNOWN, CharacterNGrams


__all__ = ["SPACE_TOKEN", "CharacterLanguageModel"]

#: How ARPA files spell the space, which separates their tokens.
SPACE_TOKEN = "<space>"

_TYPEWRITTEN = {"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-"}


class CharacterLanguageModel:
    """Probabilities of characters given those before, for [`PrefixBeamSearch`].

    The model's tokens are single characters, the space is `<space>`; a text begins with `<s>` and ends with `</s>`.
    `scripts/train_character_lm.py` makes such a file from a list of words; so does KenLM's `lmplz`.

    Args:
        ngrams: the n-grams, or a file of them: ARPA, or the safetensors of `train_character_lm.py`.
        tokenizer: a [`CRNNTokenizer`], that of the recognizer.
        case_sensitive (`bool`, defaults to `False`): look characters up as they are. Where not, in lower case, and
            only those that the model lacks in upper case: a model of lower-case words then serves signs in capitals.

    A letter with an accent or a stroke that the model lacks is looked up without it, "é" as "e", and typographic
    quotation marks and dashes as those of a typewriter: the network alone decides between the two, and the rest of the
    word is still known. What is not found so either, such as the letters of another script, is not `known`: it has the
    probability of `<unk>` here, and [`PrefixBeamSearch`] lets it count nothing.

    Attributes:
        ngrams: the n-grams.
        start: the state at the beginning of a text.
        known: boolean (classes,), which of the recognizer's characters the model knows, in some spelling.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is no language model.
    """

    def __init__(self, ngrams: CharacterNGrams | str | PathLike, tokenizer: Any, case_sensitive: bool = False):
        self.ngrams = ngrams if isinstance(ngrams, CharacterNGrams) else CharacterNGrams.from_file(ngrams)
        self.start = self.ngrams.start
        symbols = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
        # The blank, class 0, is no character; it has a column so that columns are classes.
        tokens = [UNKNOWN, *(self._token(symbol, case_sensitive) for symbol in symbols[1:])]
        self._columns = np.array([self.ngrams.index[token] for token in tokens])
        self.known = self._columns != self.ngrams.index[UNKNOWN]

    def _token(self, symbol: str, case_sensitive: bool) -> str:
        spellings = [symbol, _plain(symbol)]
        if not case_sensitive:
            spellings = [cased for spelling in spellings for cased in (spelling.lower(), spelling.upper())]
        spellings = [SPACE_TOKEN if spelling == " " else spelling for spelling in spellings]
        return next((spelling for spelling in spellings if spelling in self.ngrams.index), UNKNOWN)

    @property
    def num_classes(self) -> int:
        """Classes of the recognizer, the blank included."""
        return len(self._columns)

    def extend(self, states: np.ndarray, classes: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """One character more.

        Args:
            states: integers of any shape.
            classes: the classes in question, integers that broadcast to the shape of `states` with one more dimension;
                by default all of them.

        Returns:
            Natural log-probabilities of each of `classes` as the next character, and the states after it, both of the
            shape of `states` with a last dimension of classes.
        """
        return self.ngrams.look_up(states, self._columns if classes is None else self._columns[classes])

    def finish(self, states: np.ndarray) -> np.ndarray:
        """Natural log-probabilities that the text ends here, of the shape of `states`."""
        end = np.array([self.ngrams.index[END]])
        return self.ngrams.look_up(states, end)[0][..., 0]

    def log_prob(self, ids: Sequence[int]) -> float:
        """Natural log-probability of a whole text, given as classes, its end included."""
        state, total = np.array(self.start), 0.0
        for class_id in ids:
            log_probs, following = self.extend(state)
            total, state = total + float(log_probs[class_id]), following[class_id]
        return total + float(self.finish(state))


def _plain(symbol: str) -> str:
    """A letter without its accent or stroke, a quotation mark or dash as a typewriter has it; others as they are."""
    if symbol in _TYPEWRITTEN:
        return _TYPEWRITTEN[symbol]
    name = unicodedata.name(symbol, "") if len(symbol) == 1 and symbol.isalpha() else ""
    letter, marked, _ = name.partition(" WITH ")  # as in LATIN SMALL LETTER E WITH ACUTE
    try:
        return unicodedata.lookup(letter) if marked else symbol
    except KeyError:
        return symbol
