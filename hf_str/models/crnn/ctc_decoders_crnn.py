# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The decoders by name."""

import inspect
from collections.abc import Iterable
from os import PathLike
from typing import Any

from .ctc_beam_search_crnn import PrefixBeamSearch
from .ctc_decoding_crnn import BestPath, CTCDecoder
from .ctc_language_model_crnn import CharacterLanguageModel
from .ctc_lexicon_crnn import Lexicon
from .ctc_lexicon_search_crnn import LexiconDecoder
from .ctc_prefix_search_crnn import PrefixSearch


__all__ = ["DECODERS", "make_decoder"]

#: What `decoder=` takes as a name.
DECODERS = {
    "best_path": BestPath,
    "beam_search": PrefixBeamSearch,
    "prefix_search": PrefixSearch,
    "lexicon": LexiconDecoder,
}


def make_decoder(
    decoder: str | CTCDecoder | None,
    tokenizer: Any,
    lexicon: Lexicon | str | PathLike | Iterable[str] | None = None,
    language_model: CharacterLanguageModel | str | PathLike | None = None,
    **options: Any,
) -> CTCDecoder:
    """Makes a decoder of its name, and leaves a decoder as it is.

    Args:
        decoder: one of `DECODERS`, or a decoder. `None` is what the rest asks for: `"beam_search"` with a language
            model, `"lexicon"` with a lexicon alone; with neither, `"beam_search"` with the tokenizer's own language
            model, where it has one, and otherwise `"best_path"`.
        tokenizer: the recognizer's, for the lexicon and the language model.
        lexicon: a lexicon, its words, or a text file of them, one a line.
        language_model: a language model, or a file of one.
        options: of the decoder, such as `beam_width`; those that are `None` are left at their defaults.

    Raises:
        ValueError: an unknown name, or something that the decoder does not take.
    """
    if decoder is None:
        if lexicon is None and language_model is None:
            language_model = getattr(tokenizer, "language_model", None)
        decoder = "beam_search" if language_model is not None else "best_path" if lexicon is None else "lexicon"
    if isinstance(decoder, str) and decoder not in DECODERS:
        raise ValueError(f"decoder must be one of {', '.join(map(repr, DECODERS))}, or a decoder, not {decoder!r}")
    options |= {"lexicon": lexicon, "language_model": language_model}
    options = {name: value for name, value in options.items() if value is not None}
    takes = inspect.signature(DECODERS[decoder]).parameters if isinstance(decoder, str) else {}
    if unknown := sorted(options.keys() - takes):
        name = f"the decoder {decoder!r}" if isinstance(decoder, str) else "a decoder that is made already"
        raise ValueError(f"{name} does not take {', '.join(unknown)}")
    if not isinstance(decoder, str):
        return decoder
    if decoder == "lexicon" and lexicon is None:
        raise ValueError("the decoder 'lexicon' needs a lexicon")
    if isinstance(lexicon, (str, PathLike)):
        options["lexicon"] = Lexicon.from_file(lexicon, tokenizer)
    elif lexicon is not None and not isinstance(lexicon, Lexicon):
        options["lexicon"] = Lexicon(lexicon, tokenizer)
    if isinstance(language_model, (str, PathLike)):
        options["language_model"] = CharacterLanguageModel(language_model, tokenizer)
    return DECODERS[decoder](**options)
