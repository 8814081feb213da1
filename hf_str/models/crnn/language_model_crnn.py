"""Character n-gram language models from ARPA files, through KenLM."""

import importlib
import math
from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np


__all__ = ["SPACE_TOKEN", "CharacterLanguageModel"]

#: How ARPA files spell the space, which separates their tokens.
SPACE_TOKEN = "<space>"

#: Contexts kept; each has a number for every class.
_MAX_CONTEXTS = 20_000


class CharacterLanguageModel:
    """Probabilities of characters given those before, for [`PrefixBeamSearch`].

    The model's tokens are single characters, the space is `<space>`; a text begins with `<s>` and ends with `</s>`.
    `scripts/train_character_lm.py` makes such a file from a list of words; so does KenLM's `lmplz`.

    Args:
        path: an ARPA file, or KenLM's binary form of one.
        tokenizer: a [`CRNNTokenizer`], that of the recogniser.
        case_sensitive (`bool`, defaults to `False`): look characters up as they are. Where not, in lower case, and
            only those that the model lacks in upper case: a model of lower-case words then serves signs in capitals.

    A character that the model lacks has the probability of `<unk>`.

    Attributes:
        order: the n of its n-grams.
        start: the state at the beginning of a text.

    Raises:
        FileNotFoundError: no such file.
        ImportError: KenLM is not installed; the message says how to get it.
        ValueError: KenLM cannot read the file.
    """

    start = 0

    def __init__(self, path: str | PathLike, tokenizer: Any, case_sensitive: bool = False):
        try:
            kenlm = self._kenlm = importlib.import_module("kenlm")
        except ImportError as error:
            raise ImportError("Language models need `kenlm`. Install it with: pip install hf_str[lm]") from error
        if not Path(path).is_file():
            raise FileNotFoundError(f"there is no language model at {path}")
        options = kenlm.Config()
        options.show_progress, options.arpa_complain = False, kenlm.ARPALoadComplain.NONE
        try:
            self._model = kenlm.Model(fspath(path), options)
        except (OSError, RuntimeError) as error:
            raise ValueError(f"KenLM cannot read the language model {path}: {error}") from error
        self.order = self._model.order
        symbols = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
        # The blank, class 0, is no character; it has a column so that columns are classes.
        tokens = ["<unk>", *(self._token(symbol, case_sensitive) for symbol in symbols[1:])]
        self._tokens = list(dict.fromkeys(tokens))
        self._columns = np.array([self._tokens.index(token) for token in tokens])
        # A state is the context as a number, the last characters as digits from 1 on, as many as an int64 holds: 9 of
        # 94 characters, 5 of Hangul.
        self._base = len(self._tokens) + 1
        self._num_digits = min(self.order - 1, int(63 / math.log2(self._base)))
        self._rows: dict[int, np.ndarray] = {}

    def _token(self, symbol: str, case_sensitive: bool) -> str:
        spellings = [symbol] if case_sensitive else [symbol.lower(), symbol.upper()]
        spellings = [SPACE_TOKEN if spelling == " " else spelling for spelling in spellings]
        return next((spelling for spelling in spellings if spelling in self._model), "<unk>")

    def extend(self, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One character more.

        Args:
            states: integers of any shape.

        Returns:
            Natural log-probabilities of each class as the next character, and the states after it, both of the shape
            of `states` with a last dimension of classes.
        """
        following = (states[..., None] * self._base + self._columns + 1) % self._base**self._num_digits
        return self._table(states)[..., self._columns], following

    def finish(self, states: np.ndarray) -> np.ndarray:
        """Natural log-probabilities that the text ends here, of the shape of `states`."""
        return self._table(states)[..., -1]

    def log_prob(self, ids: Sequence[int]) -> float:
        """Natural log-probability of a whole text, given as classes, its end included."""
        state, total = np.array(self.start), 0.0
        for class_id in ids:
            log_probs, following = self.extend(state)
            total, state = total + log_probs[class_id], following[class_id]
        return float(total + self.finish(state))

    def _table(self, states: np.ndarray) -> np.ndarray:
        """Natural log-probabilities of each token, and of the end, after each state."""
        distinct, places = np.unique(states, return_inverse=True)
        if len(self._rows) > _MAX_CONTEXTS:
            self._rows.clear()
        for state in distinct.tolist():
            if state not in self._rows:
                self._rows[state] = self._row(state)
        return np.stack([self._rows[state] for state in distinct.tolist()])[places.reshape(states.shape)]

    def _row(self, state: int) -> np.ndarray:
        digits = []
        while state:
            state, digit = divmod(state, self._base)
            digits.append(digit)
        context, after = self._kenlm.State(), self._kenlm.State()
        if len(digits) < self._num_digits:  # the text begins before them
            self._model.BeginSentenceWrite(context)
        else:
            self._model.NullContextWrite(context)
        for digit in reversed(digits):
            self._model.BaseScore(context, self._tokens[digit - 1], after)
            context, after = after, context
        scores = [self._model.BaseScore(context, token, after) for token in (*self._tokens, "</s>")]
        return np.array(scores) * math.log(10)
