# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Statistics of word boxes: sizes, lengths and characters, and labels that are suspicious or cannot be learned."""

import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from .report_settings import Network
from .word_set import MAX_LISTED, WordSet


__all__ = ["describe"]


def describe(words: WordSet, network: Network) -> dict[str, Any]:
    """Everything that can be said of one set, as plain data."""
    readable = words.sizes[:, 0] > 0
    widths, heights = words.sizes[readable].T if len(words) else np.zeros((2, 0), np.int32)
    lengths = np.array([len(text) for text in words.texts], np.int64)
    return {
        "words": len(words),
        "read": words.read.to_dict(),
        "sources": dict(_sources(words)),
        "different_texts": len(set(words.texts)),
        "unreadable": _listed(words, list(words.unreadable), lambda index: {"reason": words.unreadable[index]}),
        "width": _distribution(widths),
        "height": _distribution(heights),
        "aspect_ratio": _distribution(widths / np.maximum(heights, 1)),
        "label_length": _distribution(lengths, whole=True),
        "characters": dict(Counter("".join(words.texts)).most_common()),
        "suspicious": _suspicious(words),
        **_learnable(words, network),
    }


def _sources(words: WordSet) -> list[tuple[str, int]]:
    names = np.concatenate([table.select_columns("source")[:]["source"] for table in words.tables])
    return Counter(names[words.chosen].tolist()).most_common()


def _distribution(values: np.ndarray, whole: bool = False) -> dict[str, Any]:
    """Quantiles and a histogram, whose last bin takes all that is beyond the 99th percentile."""
    if len(values) == 0:
        return {"quantiles": {}, "bins": []}
    points = (0, 1, 5, 25, 50, 75, 95, 99, 100)
    quantiles = {str(point): round(float(np.percentile(values, point)), 3) for point in points}
    low, high = float(values.min()), float(np.percentile(values, 99))
    if whole or (values.dtype.kind == "i" and high - low < 30):
        edges = np.arange(math.floor(low), min(math.ceil(high), math.floor(low) + 60) + 2)
    else:
        edges = np.linspace(low, max(high, low + 1e-6), 31)
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    bins = [[round(float(edge), 3), int(count)] for edge, count in zip(edges[:-1], counts, strict=True)]
    return {"quantiles": quantiles, "mean": round(float(values.mean()), 3), "bins": bins, "end": float(edges[-1])}


def _suspicious(words: WordSet) -> dict[str, Any]:
    """Labels that were damaged on their way here, or have characters that nobody sees."""
    reasons = {text: reason for text in set(words.texts) if (reason := _what_is_odd(text))}
    indices = [index for index, text in enumerate(words.texts) if text in reasons]
    return _listed(words, indices, lambda index: {"reason": reasons[words.texts[index]]})


def _what_is_odd(text: str) -> str:
    """Why a label is suspicious, or an empty string.

    Example:
        >>> _what_is_odd(" word"), _what_is_odd("word")
        ('white space around it', '')
    """
    if "\ufffd" in text or "ï¿½" in text:
        return "a character was lost: the label file is not UTF-8, or was not"
    with suppress(UnicodeError):
        if not text.isascii() and (was := text.encode("latin-1").decode("utf-8")) != text:
            return f"UTF-8 that was read as Latin-1: it may have been {was!r}"
    if text != text.strip():
        return "white space around it"
    hidden = [character for character in text if unicodedata.category(character) in ("Cc", "Cf", "Co", "Cn")]
    return f"it has U+{ord(hidden[0]):04X}, which nobody sees" if hidden else ""


def _learnable(words: WordSet, network: Network) -> dict[str, Any]:
    """Labels with characters outside the charset, and others that are too long for CTC.

    A label needs a frame a character, and one more between neighbors that are equal ("book" needs 5).
    """
    unknown = {text: network.tokenizer.unknown_in(text) for text in set(words.texts)}
    needed = {text: network.needs(text) for text, found in unknown.items() if not found}
    known_frames = {size: network.frames(*size) for size in set(map(tuple, words.sizes.tolist())) if size[0]}
    frames = [known_frames.get(tuple(size), math.inf) for size in words.sizes.tolist()]
    outside = [index for index, text in enumerate(words.texts) if unknown[text]]
    too_long = [index for index, text in enumerate(words.texts) if needed.get(text, 0) > frames[index]]
    characters = Counter(character for index in outside for character in unknown[words.texts[index]])
    return {
        "outside_charset": {
            **_listed(words, outside, lambda index: {"characters": "".join(unknown[words.texts[index]])}),
            "characters": dict(characters.most_common()),
        },
        "too_long": _listed(
            words, too_long, lambda index: {"needs": needed[words.texts[index]], "frames": int(frames[index])}
        ),
    }


def _listed(words: WordSet, indices: Sequence[int], more: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
    """How many, and the first of them by name."""
    examples = [
        {"index": index, "name": words.name(index), "text": words.texts[index], **more(index)}
        for index in indices[:MAX_LISTED]
    ]
    return {"count": len(indices), "examples": examples}
