# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Character n-grams: read from an ARPA file, kept in a small safetensors file, looked up for many contexts at once."""

import json
import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from .ctc_decoding_crnn import joined_ranges


__all__ = ["BEGIN", "END", "UNKNOWN", "CharacterNGrams", "NGrams", "read_arpa"]

#: What ARPA files call the begin and the end of a text, and a token that they do not have.
BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"

#: What ARPA files give what has no probability at all, as a natural logarithm.
_IMPOSSIBLE = -99 * math.log(10)

_ARRAYS = ("tokens", "log_probs", "is_context", "num_edges", "back_offs")

#: Numbers that are kept of contexts looked up: 64 MB.
_CELLS_KEPT = 1 << 23

#: N-grams with the natural logarithms of their probability and of their back-off weight.
NGrams = dict[tuple[str, ...], tuple[float, float]]


class CharacterNGrams:
    """A back-off model (Katz 1987) of texts: each context says what comes next, or leaves it to a shorter one.

    Contexts are numbered: 0 is the empty one, those of one token follow, then those of two, and so on. The context of
    `t`, `h` has an edge for each token seen after "th", with its probability; of all others the context of `h` knows,
    less what `th` keeps for itself (its back-off weight). A context's shorter one is its *suffix*.

    Args:
        tokens: the distinct tokens, `<s>` and `</s>` among them.
        arrays: as [`save`] writes them: of each edge, sorted by context and token, `tokens`, natural `log_probs` and
            `is_context`, whether the context with the token is a context itself; of each context `num_edges` and
            `back_offs`, natural logarithms.
        order: the n of the longest n-grams.

    Attributes:
        start: the context at the beginning of a text.

    Raises:
        ValueError: arrays that do not fit together, or have NaN or infinity.
    """

    def __init__(self, tokens: Sequence[str], arrays: Mapping[str, np.ndarray], order: int):
        self.tokens, self.order, self.arrays = list(tokens), order, dict(arrays)
        self.index = {token: place for place, token in enumerate(self.tokens)}
        num_edges, is_context = arrays["num_edges"].astype(np.int64), arrays["is_context"].astype(bool)
        edge_counts = {len(arrays[name]) for name in ("tokens", "log_probs", "is_context")} | {int(num_edges.sum())}
        context_counts = {len(num_edges), len(arrays["back_offs"]), int(is_context.sum()) + 1}
        if len(edge_counts) > 1 or len(context_counts) > 1 or arrays["tokens"].max(initial=0) >= len(self.tokens):
            raise ValueError("the arrays of these n-grams do not fit together")
        for name in ("log_probs", "back_offs"):
            if count := int((~np.isfinite(arrays[name])).sum()):
                raise ValueError(f"{count} of the {name} of these n-grams are NaN or infinite")
        self._num_edges = num_edges
        self._first_edges = np.cumsum(num_edges) - num_edges
        self._edge_tokens = arrays["tokens"].astype(np.int64)
        self._edge_log_probs = arrays["log_probs"].astype(np.float32)
        self._back_offs = arrays["back_offs"].astype(np.float32)
        self._children = np.where(is_context, np.cumsum(is_context), -1)
        self._suffixes = self._find_suffixes()
        self.start = max(self._child(0, BEGIN), 0)
        self._lock = threading.Lock()
        self._forget()

    @classmethod
    def from_levels(cls, levels: Sequence[NGrams]) -> "CharacterNGrams":
        """Makes them of n-grams.

        Args:
            levels: for n = 1, 2, ... the n-grams, tuples of tokens, with the natural logarithms of their probability
                and of their back-off weight, 0 where they have none. What lacks its first n - 1 tokens is left out.
        """
        tokens = list(dict.fromkeys([*(token for (token,) in levels[0]), BEGIN, END, UNKNOWN]))
        index = {token: place for place, token in enumerate(tokens)}
        levels = [{(token,): levels[0].get((token,), (_IMPOSSIBLE, 0.0)) for token in tokens}, *levels[1:]]
        contexts: dict[tuple[str, ...], int] = {(): 0}
        back_offs, edges = [0.0], []
        for level, ngrams in enumerate(levels):
            followed = {ngram[:-1] for ngram in levels[level + 1]} if level + 1 < len(levels) else set()
            known = (ngram for ngram in ngrams if ngram[:-1] in contexts)
            rows = sorted((contexts[ngram[:-1]], index[ngram[-1]], ngram) for ngram in known)
            for context, token, ngram in rows:
                log_prob, back_off = ngrams[ngram]
                is_context = ngram in followed or back_off != 0
                if is_context:
                    contexts[ngram] = len(contexts)
                    back_offs.append(back_off)
                edges.append((context, token, log_prob, is_context))
        parents, edge_tokens, log_probs, is_context = map(np.array, zip(*edges, strict=True))
        arrays = {
            "tokens": edge_tokens.astype(np.uint8 if len(tokens) <= 256 else np.uint16),
            "log_probs": log_probs.astype(np.float32),
            "is_context": is_context,
            "num_edges": np.bincount(parents, minlength=len(contexts)).astype(np.uint16),
            "back_offs": np.array(back_offs, dtype=np.float32),
        }
        return cls(tokens, arrays, len(levels))

    @classmethod
    def from_file(cls, path: str | PathLike) -> "CharacterNGrams":
        """Reads what [`save`] wrote, or an ARPA file.

        Raises:
            FileNotFoundError: no such file.
            ValueError: it is neither.
        """
        if not Path(path).is_file():
            raise FileNotFoundError(f"there is no language model at {path}")
        if Path(path).suffix != ".safetensors":
            return cls.from_levels(read_arpa(path))
        try:
            with safe_open(fspath(path), "numpy") as file:
                arrays = {name: file.get_tensor(name) for name in _ARRAYS}
                about = json.loads((file.metadata() or {})["ngrams"])
            return cls(about["tokens"], arrays, about["order"])
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is no language model of train_character_lm.py: {error}") from error

    def save(self, path: str | PathLike):
        """Writes them as safetensors, logarithms in half precision: about four bytes an n-gram."""
        half = {name: self.arrays[name].astype(np.float16) for name in ("log_probs", "back_offs")}
        about = json.dumps({"tokens": self.tokens, "order": self.order}, ensure_ascii=False)
        Path(path).write_bytes(save({**self.arrays, **half}, {"ngrams": about}))

    def __len__(self) -> int:
        """How many n-grams there are."""
        return len(self._edge_tokens)

    def __reduce__(self):
        return CharacterNGrams, (self.tokens, self.arrays, self.order)  # without what is kept, and without the lock

    def look_up(self, contexts: np.ndarray, tokens: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """What comes next. Threads may share the n-grams.

        Args:
            contexts: numbers of contexts, of any shape.
            tokens: places in `tokens` that are wanted, which broadcast to the shape of `contexts` with one more
                dimension; by default all of them.

        Returns:
            For each of the tokens its natural log-probability after each context, float32, and the context after it,
            int32, both of the shape of `contexts` with a last dimension of tokens.
        """
        with self._lock:  # what is kept moves as it grows, and is forgotten when it has grown too large
            if (self._slots[contexts] < 0).any():
                self._keep(np.unique(contexts))
            slots = self._slots[contexts]
            if tokens is None:
                return self._log_probs[slots], self._following[slots]
            return self._log_probs[slots[..., None], tokens], self._following[slots[..., None], tokens]

    def _keep(self, contexts: np.ndarray):
        """Works out what follows contexts and their suffixes, from the shortest on, and keeps it."""
        chain = [contexts]
        while chain[-1].any():
            chain.append(np.unique(self._suffixes[chain[-1]]))
        wanted = np.unique(np.concatenate(chain))  # a suffix has a smaller number
        if self._used + len(wanted) > _CELLS_KEPT // len(self.tokens):
            self._forget()
        wanted = wanted[self._slots[wanted] < 0]
        self._grow(self._used + len(wanted))
        # All contexts of one length, which are numbers in one range, have suffixes that are shorter.
        for level in np.split(wanted, np.searchsorted(wanted, self._level_starts)):
            if len(level):
                self._slots[level] = np.arange(self._used, self._used + len(level))
                self._work_out(level)
                self._used += len(level)

    def _work_out(self, contexts: np.ndarray):
        slots, shorter = self._slots[contexts], self._slots[self._suffixes[contexts]]
        if contexts[0] > 0:
            self._log_probs[slots] = self._log_probs[shorter] + self._back_offs[contexts, None]
            self._following[slots] = self._following[shorter]
        rows, edges = self._edges_of(contexts)
        tokens, children = self._edge_tokens[edges], self._children[edges]
        self._log_probs[slots[rows], tokens] = self._edge_log_probs[edges]
        is_context = children >= 0
        self._following[slots[rows[is_context]], tokens[is_context]] = children[is_context]

    def _edges_of(self, contexts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each edge of contexts the place of its context, and its own number."""
        return joined_ranges(self._first_edges[contexts], self._num_edges[contexts])

    def _find_suffixes(self) -> np.ndarray:
        """The suffix of each context: of the context `the` it is `he`, or `e` where nothing was seen after "he"."""
        num_contexts, width = len(self._num_edges), len(self.tokens)
        parents = np.repeat(np.arange(num_contexts), self._num_edges)
        keys = parents * width + self._edge_tokens
        if (np.diff(keys) <= 0).any():
            raise ValueError("the arrays of these n-grams are not in order")
        inner = self._children >= 0
        parents, tokens = parents[inner], self._edge_tokens[inner]  # of context 1, 2, ...
        suffixes = np.zeros(num_contexts, dtype=np.int64)
        starts, end = [0, 1], 1  # where the contexts of each length begin
        while end < num_contexts:
            begin, end = end, 1 + int(np.searchsorted(parents, end))
            if end == begin:
                raise ValueError("the arrays of these n-grams are not in order")
            starts.append(end)
            shorter, found = parents[begin - 1 : end - 1], np.zeros(end - begin, dtype=np.int64)
            pending = shorter > 0  # the suffix of a single token is the empty context
            while pending.any():
                shorter = suffixes[shorter]
                wanted = shorter * width + tokens[begin - 1 : end - 1]
                edges = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
                hits = pending & (keys[edges] == wanted) & (self._children[edges] >= 0)
                found[hits] = self._children[edges[hits]]
                pending &= ~hits & (shorter > 0)
            suffixes[begin:end] = found
        self._level_starts = starts[1:-1]
        return suffixes

    def _child(self, context: int, token: str) -> int:
        _, edges = self._edges_of(np.array([context]))
        return int(self._children[edges[self._edge_tokens[edges] == self.index[token]]].max(initial=-1))

    def _forget(self):
        self._slots, self._used = np.full(len(self._num_edges), -1), 0
        self._log_probs = np.empty((0, len(self.tokens)), dtype=np.float32)
        self._following = np.empty((0, len(self.tokens)), dtype=np.int32)

    def _grow(self, size: int):
        if size > len(self._log_probs):
            more = (max(size, 2 * len(self._log_probs), 1024) - len(self._log_probs), len(self.tokens))
            self._log_probs = np.concatenate([self._log_probs, np.full(more, _IMPOSSIBLE, dtype=np.float32)])
            self._following = np.concatenate([self._following, np.zeros(more, dtype=np.int32)])


def read_arpa(path: str | PathLike) -> list[NGrams]:
    """The n-grams of an ARPA file, for n = 1, 2, ...: natural logarithms of their probability and back-off weight.

    Raises:
        ValueError: it is none; the message says where.
    """
    levels: list[dict[tuple[str, ...], tuple[float, float]]] = []
    for number, line in _lines(path):
        if line.startswith("\\") and line.endswith("-grams:"):
            levels.append({})
        elif line in ("\\data\\", "\\end\\") or not levels:
            continue
        else:
            log_prob, *rest = line.replace("\t", " ").split(" ")
            tokens, back_off = tuple(rest[: len(levels)]), rest[len(levels) :] or ["0"]
            try:
                numbers = float(log_prob) * math.log(10), float(back_off[0]) * math.log(10)
            except ValueError:
                numbers = ()
            if not numbers or len(tokens) < len(levels) or len(back_off) > 1:
                raise ValueError(f"{path}, line {number}: this is no {len(levels)}-gram of an ARPA file: {line!r}")
            if not all(map(math.isfinite, numbers)):
                raise ValueError(
                    f"{path}, line {number}: an ARPA file has finite numbers, and -99 for what is impossible: {line!r}"
                )
            levels[-1][tokens] = numbers
    if not levels or not levels[0]:
        raise ValueError(f"{path} is no ARPA file: it has no 1-grams")
    return levels


def _lines(path: str | PathLike) -> Iterator[tuple[int, str]]:
    try:
        with open(path, encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                if line := line.strip("\r\n "):
                    yield number, line
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no ARPA file, but something binary: KenLM's binary form is not read") from error
