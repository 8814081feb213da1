# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Lexicons: words as classes, in a tree of their common prefixes."""

import copy
import functools
import logging
import math
from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Any

import numpy as np
import torch

from .text_files_crnn import read_lines


__all__ = ["Lexicon"]

logger = logging.getLogger(__name__)


class Lexicon:
    """Words as classes, in a tree of their common prefixes.

    A word with a character that the tokenizer does not have cannot be read: it is left out, counted in
    `num_unreadable`, and the first of them are named in a warning. Of words that are the same to the tokenizer, or
    differ in case where case is ignored, the first counts.

    Args:
        words: the words; white space around them and empty ones are dropped.
        tokenizer: a [`CRNNTokenizer`], that of the model.
        case_sensitive (`bool`, defaults to `False`): tell upper from lower case. Where not, the classes of both cases
            are one to the search, whose probability is the sum of theirs in each frame; the word is read however the
            image writes it, and given as the lexicon writes it.

    Attributes:
        words: the class ids of each word that can be read, as the lexicon writes it.
        num_unreadable: the number of words left out.

    Raises:
        ValueError: no word is left.
    """

    def __init__(self, words: Iterable[str], tokenizer: Any, case_sensitive: bool = False):
        self.case_sensitive = case_sensitive
        symbols = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
        self._merge_classes(symbols)
        self.words = self._encode([word.strip() for word in words], tokenizer, symbols)
        if not self.words:
            raise ValueError("the lexicon has no word that can be read")
        self._by_letters = {tuple(self.letters(word)): word for word in range(len(self))}
        self._build_tree()

    @classmethod
    def from_file(cls, path: str | PathLike, tokenizer: Any, case_sensitive: bool = False) -> "Lexicon":
        """Reads a text file with one word on each line, and maybe a tab and how often it occurs, which is left out.

        The file is in UTF-8, or in UTF-16 with a byte order mark.
        """
        return cls((line.partition("\t")[0] for line in read_lines(path)), tokenizer, case_sensitive)

    def __len__(self) -> int:
        return len(self.words)

    def _merge_classes(self, symbols: list[str]):
        """Numbers the letters that the search tells apart; `_merged` has the number of each class."""
        numbers = {}
        keys = [0] + [symbol if self.case_sensitive else symbol.lower() for symbol in symbols[1:]]
        self._merged = [numbers.setdefault(key, len(numbers)) for key in keys]
        # A letter's classes, as many columns as the largest letter has; -1 where there are fewer.
        members = [[] for _ in numbers]
        for class_id, number in enumerate(self._merged):
            members[number].append(class_id)
        self.num_letters = len(members)
        #: A class of each letter, the lower-case one where there is one.
        self.representatives = np.array(
            [min(group, key=lambda class_id: symbols[class_id] != symbols[class_id].lower()) for group in members]
        )
        widest = max(map(len, members))
        self._members = torch.tensor([group + [-1] * (widest - len(group)) for group in members])

    def merge(self, log_probs: torch.Tensor) -> torch.Tensor:
        """Log-probabilities of the classes (batch, time, vocab) as those of the letters that the search tells apart.

        Raises:
            ValueError: another number of classes than the tokenizer's.
        """
        if log_probs.shape[-1] != len(self._merged):
            raise ValueError(
                f"the logits have {log_probs.shape[-1]} classes, but the lexicon's tokenizer has {len(self._merged)}"
            )
        if self._members.shape[1] == 1:
            return log_probs
        nothing = log_probs.new_full((*log_probs.shape[:-1], 1), -math.inf)
        columns = torch.cat([log_probs, nothing], -1)
        return functools.reduce(torch.logaddexp, [columns[..., column] for column in self._members.T])

    def letters(self, word: int) -> list[int]:
        """A word in the classes that [`merge`] makes."""
        return self.merge_ids(self.words[word])

    def merge_ids(self, ids: Sequence[int]) -> list[int]:
        """Class ids in the classes that [`merge`] makes."""
        return [self._merged[class_id] for class_id in ids]

    def spell(self, letters: list[int]) -> list[int]:
        """The class ids of a word given in the classes that [`merge`] makes, as the lexicon writes it."""
        return self.words[self._by_letters[tuple(letters)]]

    def _encode(self, words: list[str], tokenizer: Any, symbols: list[str]) -> list[list[int]]:
        known = set(symbols[1:])

        def respell(text: str) -> str:
            """With the other case of letters that the tokenizer has in that case only."""
            return "".join(c.swapcase() if c not in known and c.swapcase() in known else c for c in text)

        # A copy: calls of the tokenizer leave their padding and truncation behind, which would change words
        backend = copy.deepcopy(tokenizer.backend_tokenizer)
        backend.no_padding()
        backend.no_truncation()
        words = [backend.normalizer.normalize_str(word) for word in words if word]
        if not self.case_sensitive:
            words = [respell(word) for word in words]
        encoded, unreadable = {}, []
        for word, encoding in zip(words, backend.encode_batch(words, add_special_tokens=False), strict=True):
            if "".join(encoding.tokens) != word:
                unreadable.append(word)
                continue
            encoded.setdefault(tuple(self._merged[class_id] for class_id in encoding.ids), encoding.ids)
        self.num_unreadable = len(unreadable)
        if unreadable:
            examples = ", ".join(map(repr, unreadable[:5]))
            logger.warning(
                "%d of %d words of the lexicon have characters that the model cannot read and are left out: %s%s",
                len(unreadable),
                len(words),
                examples,
                ", ..." if len(unreadable) > 5 else "",
            )
        return list(encoded.values())

    def _build_tree(self):
        """The tree in arrays, a node each prefix, level by level; the children of a node lie together.

        Sorted, words with a common prefix stand together, and a row begins a new prefix of length d where it differs
        from the row before within its first d letters: CAR, CART, CAT have the prefixes C, CA, CAR, CART and CAT.
        """
        lengths = np.array([len(word) for word in self.words])
        table = np.zeros((len(self.words), lengths.max()), dtype=np.int32)
        table[np.arange(table.shape[1]) < lengths[:, None]] = np.concatenate(
            [self.letters(w) for w in range(len(self))]
        )
        order = np.lexsort(table.T[::-1])
        table, lengths = table[order], lengths[order]
        differs = np.ones_like(table, dtype=bool)
        differs[1:] = np.logical_or.accumulate(table[1:] != table[:-1], axis=1)
        begins = differs & (table > 0)

        letters, words = [np.array([0])], [np.array([-1])]
        first_children: list[np.ndarray] = []
        num_children: list[np.ndarray] = []
        row_nodes = np.zeros(len(table), dtype=np.int64)  # the node of each row's prefix on the level above
        level_start, num_nodes = 0, 1
        for depth in range(table.shape[1]):
            rows = np.flatnonzero(begins[:, depth])
            level_size = num_nodes - level_start
            num_children.append(np.bincount(row_nodes[rows] - level_start, minlength=level_size))
            first_children.append(num_nodes + np.cumsum(num_children[-1]) - num_children[-1])
            letters.append(table[rows, depth])
            words.append(np.where(lengths[rows] == depth + 1, order[rows], -1))
            has_node = table[:, depth] > 0
            row_nodes[has_node] = num_nodes + np.cumsum(begins[:, depth])[has_node] - 1
            level_start, num_nodes = num_nodes, num_nodes + len(rows)
        num_children.append(np.zeros(num_nodes - level_start, dtype=np.int64))
        first_children.append(np.zeros(num_nodes - level_start, dtype=np.int64))
        #: Of each node: its letter, the word that ends there or -1, its first child, the number of its children.
        self.node_letters, self.node_words, self.first_children, self.num_children = (
            torch.from_numpy(np.concatenate(levels).astype(np.int64))
            for levels in (letters, words, first_children, num_children)
        )
