# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The one form of text: what every label, charset, lexicon, reading and training text is brought to."""

import unicodedata


__all__ = ["normalize_symbols", "normalize_text", "runs_from_right"]


def normalize_text(text: str) -> str:
    """A text in the composed Unicode form (NFC): "é" is one character however it was typed.

    Nothing else is changed: "½", "ﬁ" and full-width letters stay what they are, and so does white space.

    Example:
        >>> normalize_text("e\\u0301") == "\\u00e9"
        True
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def normalize_symbols(symbols: str) -> str:
    """[`normalize_text`] for the symbols of a charset: what NFC would write as several code points stays one.

    Unicode keeps some 80 characters for old encodings only, of Hebrew (U+FB1D and its like), Devanagari, Bengali,
    Gurmukhi, Odia and Tibetan, and of musical notation: NFC takes them apart. Where a charset has one of them, it is
    a class of its own, which is read as that character; a label's text is in NFC, and the tokenizer knows that both
    mean the same.

    Args:
        symbols: one symbol, or many in a row.

    Example:
        >>> normalize_symbols("e\\u0301\\ufb1d") == "\\u00e9\\ufb1d"
        True
    """
    if symbols.isascii():
        return symbols
    parts = [""]
    for character in symbols:
        if len(normalize_text(character)) > 1:
            parts += [character, ""]
        else:
            parts[-1] += character
    return "".join(part if place % 2 else normalize_text(part) for place, part in enumerate(parts))


def runs_from_right(text: str) -> bool:
    """Whether a text begins at the right: its first letter is Hebrew, Arabic or of another such script.

    That is how Unicode's bidirectional algorithm finds the direction of a paragraph (UAX #9, rule P2).

    Example:
        >>> runs_from_right("12 \u05e9\u05dc\u05d5\u05dd"), runs_from_right("Exit")
        (True, False)
    """
    if text.isascii():
        return False
    directions = (unicodedata.bidirectional(character) for character in text)
    return next((direction for direction in directions if direction in ("L", "R", "AL")), "L") != "L"
