# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Another charset for a trained recognizer, without forgetting the characters that it knows."""

from dataclasses import dataclass

import torch
from torch import nn
from transformers.utils import logging

from ..models.crnn.modeling_crnn import CRNNForCTC
from ..models.crnn.text_crnn import normalize_text
from ..models.crnn.tokenization_crnn import CRNNTokenizer


__all__ = ["VocabularyChange", "resize_vocabulary"]

logger = logging.get_logger(__name__)


@dataclass(frozen=True)
class VocabularyChange:
    """What became of the characters, each group in the order of its charset.

    Attributes:
        kept: in both charsets; their rows of the head were carried over.
        added: only in the new one; their rows start at random.
        removed: only in the old one; their rows are gone.
    """

    kept: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]

    def __str__(self) -> str:
        groups = (("kept", self.kept), ("new, to be learned", self.added), ("removed", self.removed))
        return "; ".join(f"{len(group)} characters {name}: {_listed(group)}" for name, group in groups)


@torch.no_grad()
def resize_vocabulary(
    model: CRNNForCTC, old_tokenizer: CRNNTokenizer, new_tokenizer: CRNNTokenizer
) -> VocabularyChange:
    """Gives `model` a head for the characters of `new_tokenizer`, in place.

    The rows of the blank and of the characters that both charsets have are carried over, wherever they stand in each;
    the others are initialized as those of a new model. "A" and "a" are two characters here.

    Args:
        model: trained with `old_tokenizer`.
        old_tokenizer: what `model` reads now.
        new_tokenizer: what it is to read.

    Returns:
        Which characters were kept, added and removed; the log names them too.

    Raises:
        ValueError: `old_tokenizer` is not the model's: it has another number of classes.
    """
    old_head = model.ctc_head
    if len(old_tokenizer) != old_head.out_features:
        raise ValueError(
            f"the old tokenizer has {len(old_tokenizer)} classes, but the model's head has {old_head.out_features}"
        )
    old_ids = {symbol: index for index, symbol in enumerate(old_tokenizer.characters, start=1)}
    new_ids = {symbol: index for index, symbol in enumerate(new_tokenizer.characters, start=1)}
    # Where the spelling is another, U+FB1D or its two parts, the character is the same.
    known = {normalize_text(symbol): index for symbol, index in old_ids.items()} | old_ids
    origin = {symbol: known.get(symbol, known.get(normalize_text(symbol))) for symbol in new_ids}
    kept = tuple(symbol for symbol in new_ids if origin[symbol] is not None)
    # The blank stays the blank: without its row the model would have to learn anew when to say nothing.
    source = [0, *(origin[symbol] for symbol in kept)]
    target = [0, *(new_ids[symbol] for symbol in kept)]
    owners = [(model, "ctc_head")]
    if model.guidance is not None:
        owners += [(model.guidance, "head"), (model.guidance, "embedding")]
    for owner, name in owners:
        setattr(owner, name, _with_rows(model, getattr(owner, name), len(new_tokenizer), source, target))
    model.config.vocab_size = len(new_tokenizer)
    change = VocabularyChange(
        kept,
        added=tuple(symbol for symbol in new_ids if origin[symbol] is None),
        removed=tuple(symbol for symbol, index in old_ids.items() if index not in source),
    )
    logger.info(f"Changed the charset from {len(old_ids)} to {len(new_ids)} characters. {change}.")
    return change


def _with_rows(
    model: CRNNForCTC, old: nn.Linear | nn.Embedding, count: int, source: list[int], target: list[int]
) -> nn.Linear | nn.Embedding:
    """A layer like `old` with `count` classes, whose rows `target` are the rows `source` of `old`."""
    place = {"device": old.weight.device, "dtype": old.weight.dtype}
    if isinstance(old, nn.Linear):
        new = nn.Linear(old.in_features, count, **place)
    else:
        new = nn.Embedding(count, old.embedding_dim, **place)
    model._init_weights(new)
    new.weight[target] = old.weight[source]
    if isinstance(new, nn.Linear) and isinstance(old, nn.Linear):
        new.bias[target] = old.bias[source]
    return new


def _listed(symbols: tuple[str, ...], most: int = 200) -> str:
    shown = (" " if all(len(symbol) == 1 for symbol in symbols) else ", ").join(map(_visible, symbols[:most]))
    return (shown or "none") + (f" ... and {len(symbols) - most} more" if len(symbols) > most else "")


def _visible(symbol: str) -> str:
    return repr(symbol) if symbol.isspace() else symbol
