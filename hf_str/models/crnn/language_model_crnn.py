"""Character language models for CTC decoding."""

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np

from .ngrams_crnn import END, UNKNOWN, CharacterNGrams


__all__ = ["SPACE_TOKEN", "CharacterLanguageModel"]

#: How ARPA files spell the space, which separates their tokens.
SPACE_TOKEN = "<space>"


class CharacterLanguageModel:
    """Probabilities of characters given those before, for [`PrefixBeamSearch`].

    The model's tokens are single characters, the space is `<space>`; a text begins with `<s>` and ends with `</s>`.
    `scripts/train_character_lm.py` makes such a file from a list of words; so does KenLM's `lmplz`.

    Args:
        ngrams: the n-grams, or a file of them: ARPA, or the safetensors of `train_character_lm.py`.
        tokenizer: a [`CRNNTokenizer`], that of the recogniser.
        case_sensitive (`bool`, defaults to `False`): look characters up as they are. Where not, in lower case, and
            only those that the model lacks in upper case: a model of lower-case words then serves signs in capitals.

    A character that the model lacks has the probability of `<unk>`.

    Attributes:
        ngrams: the n-grams.
        start: the state at the beginning of a text.

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

    def _token(self, symbol: str, case_sensitive: bool) -> str:
        spellings = [symbol] if case_sensitive else [symbol.lower(), symbol.upper()]
        spellings = [SPACE_TOKEN if spelling == " " else spelling for spelling in spellings]
        return next((spelling for spelling in spellings if spelling in self.ngrams.index), UNKNOWN)

    @property
    def num_classes(self) -> int:
        """Classes of the recogniser, the blank included."""
        return len(self._columns)

    def extend(self, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One character more.

        Args:
            states: integers of any shape.

        Returns:
            Natural log-probabilities of each class as the next character, and the states after it, both of the shape
            of `states` with a last dimension of classes.
        """
        log_probs, following = self.ngrams.look_up(states)
        return log_probs[..., self._columns], following[..., self._columns]

    def finish(self, states: np.ndarray) -> np.ndarray:
        """Natural log-probabilities that the text ends here, of the shape of `states`."""
        return self.ngrams.look_up(states)[0][..., self.ngrams.index[END]]

    def log_prob(self, ids: Sequence[int]) -> float:
        """Natural log-probability of a whole text, given as classes, its end included."""
        state, total = np.array(self.start), 0.0
        for class_id in ids:
            log_probs, following = self.extend(state)
            total, state = total + float(log_probs[class_id]), following[class_id]
        return total + float(self.finish(state))
