# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The classes of a head: which characters they are, in what order, and which of them a charset keeps."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from transformers.utils import logging

from ..models.crnn.text_crnn import normalize_symbols
from ..models.crnn.tokenization_crnn import CHARSETS, resolve_charset
from .family import CheckpointFamily, ConversionError, Weights


__all__ = ["Charset", "class_order", "keep_classes", "reorder_classes", "symbols_of_classes"]

logger = logging.get_logger(__name__)

#: What [`resolve_charset`] takes.
Charset = str | Path | Iterable[str]
_HEAD = ("ctc_head.weight", "ctc_head.bias")


def symbols_of_classes(charset: Charset | None, family: CheckpointFamily, num_symbols: int) -> list[str]:
    """The symbol of each class but the blank, in the order of the file.

    Args:
        charset: name of one of the family's charsets, or what [`resolve_charset`] takes; by default the family's
            charset of this size.
        family: which project and network.
        num_symbols: number of classes without the blank.

    Raises:
        ConversionError: the charset has another size, or there is not exactly one of the family that has it.
    """
    own = ", ".join(f"{name!r} ({len(characters)})" for name, characters in family.charsets.items())
    if charset is None:
        fitting = [name for name, characters in family.charsets.items() if len(characters) == num_symbols]
        if len(fitting) != 1:
            raise ConversionError(
                f"the network has {num_symbols + 1} classes, {num_symbols} characters and the blank, and "
                f"{len(fitting) or 'none'} of the charsets of family {family.name!r} has so many: {own}. Give "
                "charset: the name of one, or a .txt file with one character a line in the order of the classes"
            )
        charset = fitting[0]
    if isinstance(charset, str) and charset in family.charsets:
        symbols = list(family.charsets[charset])
    elif isinstance(charset, str) and _is_text(charset) and len(charset) == num_symbols:
        symbols = list(resolve_charset(tuple(charset)))  # a class each, also where a base and an accent stand together
    else:
        symbols = list(resolve_charset(charset))
    if len(symbols) != num_symbols:
        raise ConversionError(
            f"the charset has {len(symbols)} characters, but the network has {num_symbols + 1} classes: {num_symbols} "
            f"characters and the blank. The charsets of family {family.name!r} are {own}"
        )
    # Two symbols that NFC would make one keep their classes apart, as `resolve_charset` has it.
    taken = set(symbols)
    return [symbol if (form := normalize_symbols(symbol)) in taken else form for symbol in symbols]


def class_order(symbols: Sequence[str], blank: Literal["first", "last"]) -> tuple[torch.Tensor, list[str]]:
    """Which of the file's classes each of ours is, and our symbols.

    The blank comes first. Some charsets of EasyOCR have a character twice: labels were made with the last of its
    classes, so that the others were never taught anything and are left out.
    """
    first = 1 if blank == "first" else 0
    class_of = {symbol: index for index, symbol in enumerate(symbols, start=first)}
    blank_class = 0 if blank == "first" else len(symbols)
    return torch.tensor([blank_class, *class_of.values()]), list(class_of)


def reorder_classes(weights: Weights, order: torch.Tensor) -> Weights:
    """The weights with the rows of the head in another order."""
    return weights | {name: weights[name][order] for name in _HEAD}


def keep_classes(
    weights: Weights, known: Sequence[str], charset: Charset | None
) -> tuple[Weights, list[str], list[str]]:
    """The head for the characters of a charset, and those of them that the dictionary lacks.

    Their rows are the mean of all others: a character that does not fire, so that it is never predicted before it is
    trained.

    Args:
        weights: under our names.
        known: the dictionary, the symbol of each class but the blank, which is the first.
        charset: what [`resolve_charset`] takes; by default the whole dictionary.

    Returns:
        The weights, the symbol of each class but the blank, and those symbols that start fresh.

    Raises:
        ConversionError: the dictionary has none of them.
    """
    if charset is None:
        return weights, list(known), []
    symbols, classes = list(resolve_charset(charset)), {}
    for index, symbol in reversed(list(enumerate(known, start=1))):
        classes[normalize_symbols(symbol)] = index
    classes |= {symbol: index for index, symbol in reversed(list(enumerate(known, start=1)))}  # as they stand, first
    found = [classes.get(symbol) for symbol in symbols]
    rows = [0, *(index for index in found if index is not None)]
    if len(rows) == 1:
        raise ConversionError("the dictionary has none of the characters of the charset")
    kept = dict(weights)
    for name in _HEAD:
        typical = weights[name][rows[1:]].mean(0)
        picked = [weights[name][0], *(typical if index is None else weights[name][index] for index in found)]
        kept[name] = torch.stack(picked)
    fresh = [symbol for symbol, index in zip(symbols, found, strict=True) if index is None]
    if fresh:
        named = " ".join(fresh[:50]) + (" and others, all in README.md" if len(fresh) > 50 else "")
        logger.warning("%s characters are not in the dictionary and start fresh: %s", f"{len(fresh):,}", named)
    return kept, symbols, fresh


def _is_text(charset: Any) -> bool:
    """Whether it is the characters themselves, not the name of a charset or of a file."""
    return isinstance(charset, str) and charset not in CHARSETS and not charset.endswith(".txt")
