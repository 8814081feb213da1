# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Characters to CTC classes and back."""

import json
import os
import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import TokenizersBackend
from transformers.utils.generic import ModelOutput, to_py_obj

from .charsets_crnn import CHARSETS, resolve_charset
from .ctc_decoders_crnn import make_decoder
from .ctc_decoding_crnn import CTCDecoder, CTCHypothesis, collapse_paths
from .ctc_language_model_crnn import CharacterLanguageModel
from .files_crnn import local_path, naming_files
from .text_crnn import normalize_symbols, normalize_text


__all__ = ["CHARSETS", "CRNNTokenizer", "CRNNTokenizerOutput", "resolve_charset"]

BLANK = "<blank>"

#: Padding and truncation are the state of a backend: held from setting them until the texts are encoded with them.
_ENCODING = threading.RLock()


@dataclass
class CRNNTokenizerOutput(ModelOutput):
    """What decoding gives with `output_char_offsets=True`.

    Attributes:
        text: the text, or a list of texts for a batch.
        char_offsets: for each text a list of `{"char", "start_offset", "end_offset"}`, in frames, end exclusive.
    """

    text: list[str] | str | None = None
    char_offsets: list | None = None


class CRNNTokenizer(TokenizersBackend):
    r"""
    Character tokenizer for CTC. Class 0 is the blank, which is also the padding token; the characters follow.

    Text is brought to the composed Unicode form (NFC) first, so that "é" is one character however it was typed, and to
    lower case where `lowercase` says so. Nothing else is changed: "½", "ﬁ" and full-width letters stay what they are.

    Args:
        charset (`str`, `Path` or iterable of `str`, defaults to `"36"`):
            What [`resolve_charset`] takes: a name, the characters themselves, a file, or symbols of several
            characters each, such as musical notes, which are then matched longest first.
        lowercase (`bool`, *optional*):
            Bring text to lower case. By default where the charset has lower-case letters and no upper-case ones.
        unknown_characters (`"error"` or `"remove"`, defaults to `"error"`):
            What to do with a character outside the charset: raise an error that names it, or leave it out.
        language_model_file (`str` or `Path`, *optional*):
            A language model of characters, with which the recognizer reads where no decoder is named. A checkpoint has
            it as `language_model.safetensors`; `scripts/train_character_lm.py` makes one.

    Example:

    ```python
    >>> from hf_str import CRNNTokenizer

    >>> tokenizer = CRNNTokenizer(charset="94")
    >>> tokenizer("hello").input_ids
    [18, 15, 22, 22, 25]
    >>> tokenizer.decode([18, 18, 0, 15, 22, 0, 22, 22, 25])
    'hello'
    ```
    """

    vocab_files_names = {"tokenizer_file": "tokenizer.json", "language_model_file": "language_model.safetensors"}
    model_input_names = ["input_ids", "attention_mask"]
    model = models.WordLevel
    _auto_class = "AutoTokenizer"

    def __init__(
        self,
        charset: str | Path | Iterable[str] = "36",
        lowercase: bool | None = None,
        unknown_characters: str = "error",
        language_model_file: str | Path | None = None,
        **kwargs,
    ):
        if unknown_characters not in ("error", "remove"):
            raise ValueError(f'unknown_characters must be "error" or "remove", not {unknown_characters!r}')
        # The charset says everything: what was read from tokenizer.json is built again from it.
        saved = [kwargs.pop(name, None) for name in ("vocab", "tokenizer_file", "tokenizer_object")]
        if any(saved) and isinstance(charset, str) and charset not in CHARSETS and not charset.endswith(".txt"):
            charset = tuple(charset)  # a class each, also where a base and an accent happen to stand side by side
        checkpoint = kwargs.pop("_charset_of", None)
        if checkpoint is not None and isinstance(charset, str) and charset.endswith(".txt"):
            raise ValueError(
                f"tokenizer_config.json of {checkpoint} names a file as its charset, {charset!r}: a checkpoint, which "
                "may be a stranger's, holds the characters themselves. Give a file of yours as charset=..."
            )
        symbols = resolve_charset(charset)
        if lowercase is None:
            letters = "".join(symbols)
            lowercase = letters == letters.lower() and letters != letters.upper()
        for name, value in (("pad_token", BLANK), ("bos_token", None), ("eos_token", None), ("unk_token", None)):
            kwargs.setdefault(name, value)
        self.unknown_characters = unknown_characters
        self._symbol_pattern = re.compile(_any_of(symbols, "\\U{:08X}"))
        self._tokenizer = self._build_backend(symbols, lowercase, str(kwargs["pad_token"]))
        self._table = np.array([], dtype=object)
        # A string where it says the same: "ng" for ["n", "g"], but not for ["ng"], nor "36", a name, for ["3", "6"].
        joined = "".join(symbols)
        is_same = len(joined) == len(symbols) and joined not in CHARSETS and normalize_symbols(joined) == joined
        saved = joined if is_same else list(symbols)
        options = {"lowercase": lowercase, "unknown_characters": unknown_characters}
        super().__init__(charset=saved, language_model_file=language_model_file, **options, **kwargs)
        self._language_model: CharacterLanguageModel | None = None
        if language_model_file is not None:
            self._language_model = CharacterLanguageModel(language_model_file, self)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args, **kwargs) -> "CRNNTokenizer":
        """As any tokenizer of transformers; a damaged or wrong file is a `ValueError` that names it."""
        names = ["tokenizer_config.json", *cls.vocab_files_names.values(), "special_tokens_map.json"]
        names.append("added_tokens.json")
        # From a checkpoint, a charset is never a file of this machine; from whoever loads it, it may be.
        kwargs["_charset_of"] = None if "charset" in kwargs else str(pretrained_model_name_or_path)
        with naming_files(pretrained_model_name_or_path, names, **kwargs):
            tokenizer = super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
        if os.path.isdir(pretrained_model_name_or_path) and "charset" not in kwargs:
            path = local_path(pretrained_model_name_or_path, names[0], kwargs)
            if path is None or "charset" not in json.loads(path.read_text(encoding="utf-8")):
                raise ValueError(
                    f"{pretrained_model_name_or_path} has no {names[0]} with a charset, so that nobody knows its "
                    "characters: copy the whole checkpoint, or save the tokenizer into it"
                )
        return tokenizer

    def _build_backend(self, symbols: Sequence[str], lowercase: bool, blank: str) -> Tokenizer:
        backend = Tokenizer(models.WordLevel({blank: 0} | {symbol: i for i, symbol in enumerate(symbols, start=1)}))
        # Lower case first: the kelvin sign, which NFC makes a capital K, has its own lower case, a plain k.
        steps: list[normalizers.Normalizer] = [normalizers.Lowercase()] if lowercase else []
        steps.append(normalizers.NFC())
        # A text in NFC has no character that NFC takes apart: it is put together again where it is a class.
        known = set(symbols)
        rejoined = [(normalize_text(symbol), symbol) for symbol in symbols]
        rejoined = [(text, symbol) for text, symbol in rejoined if text != symbol and text not in known]
        for text, symbol in sorted(rejoined, key=lambda pair: len(pair[0]), reverse=True):
            steps.append(normalizers.Replace(text, symbol))
        backend.normalizer = normalizers.Sequence(steps)
        # Keeps the symbols, drops what is between them: nothing unknown ever reaches the vocabulary.
        pattern = Regex(_any_of(symbols, "\\x{{{:X}}}"))
        backend.pre_tokenizer = pre_tokenizers.Split(pattern, behavior="removed", invert=True)
        backend.decoder = decoders.Fuse()
        return backend

    @property
    def language_model(self) -> CharacterLanguageModel | None:
        """What is read with where no decoder is named; set it to `None` to read, and save, without."""
        model = self._language_model
        if model is not None and model.num_classes != len(self):  # tokens were added
            model = self._language_model = CharacterLanguageModel(model.ngrams, self)
        return model

    @language_model.setter
    def language_model(self, model: CharacterLanguageModel | None):
        self._language_model = model

    def _save_pretrained(self, save_directory: str, file_names: tuple, *args, **kwargs) -> tuple:
        if self.language_model is not None:
            prefix = kwargs.get("filename_prefix")
            name = f"{prefix}-" if prefix else ""
            path = Path(save_directory) / f"{name}{self.vocab_files_names['language_model_file']}"
            self.language_model.ngrams.save(path)
            file_names = (*file_names, str(path))
        return super()._save_pretrained(save_directory, file_names, *args, **kwargs)

    @property
    def characters(self) -> tuple[str, ...]:
        """The symbols of the charset; the class of `characters[i]` is `i + 1`."""
        return tuple(self.init_kwargs["charset"])

    def unknown_in(self, text: str) -> list[str]:
        """The characters of `text` that are outside the charset, each once, in order."""
        return self._unknown_in(text, self._added_pattern(self._splits_special_tokens()))

    def _unknown_in(self, text: str, added: re.Pattern | None) -> list[str]:
        normalize = self.backend_tokenizer.normalizer.normalize_str
        parts = [text] if added is None else added.split(text)
        return list(dict.fromkeys("".join(self._symbol_pattern.sub("", normalize(part)) for part in parts)))

    def _added_pattern(self, split_special_tokens: bool) -> re.Pattern | None:
        """Finds in a text the tokens that were added to the charset; `None` where there are none to find."""
        added = self.added_tokens_decoder.values()
        found = [token.content for token in added if not (token.special and split_special_tokens)]
        return re.compile("|".join(map(re.escape, sorted(found, key=len, reverse=True)))) if found else None

    def _splits_special_tokens(self) -> bool:
        # A label is what stands in the picture: "<blank>" is seven characters in it, not the blank. Only where special
        # tokens were added, they are found in a text, as those of any tokenizer.
        return self.split_special_tokens or self.all_special_tokens == [self.pad_token]

    def _encode_plus(self, text: Any, text_pair: Any = None, split_special_tokens: bool | None = None, **kwargs):
        split_special_tokens = split_special_tokens or self._splits_special_tokens()
        if self.unknown_characters == "error":
            added = self._added_pattern(split_special_tokens)
            for part in _strings((text, text_pair)):
                self._refuse_unknown(part, added)
        with _ENCODING:
            return super()._encode_plus(text, text_pair, split_special_tokens=split_special_tokens, **kwargs)

    def _refuse_unknown(self, text: str, added: re.Pattern | None):
        unknown = self._unknown_in(text, added)
        if unknown:
            named = " ".join(f"{character!r} (U+{ord(character):04X})" for character in unknown)
            raise ValueError(
                f"the label {text!r} has characters outside the charset: {named}. Add them to the charset, "
                'correct the label, or set unknown_characters="remove" to leave them out'
            )

    def decode(self, token_ids: Any, skip_special_tokens: bool = False, **kwargs) -> Any:
        """Turns the classes of frames into text: repeats are merged, then blanks are dropped (CTC's rule).

        Args:
            token_ids (`int`, `list[int]`, `list[list[int]]`, array or tensor):
                The classes of one image's frames (time,) or of a batch (batch, time). What is below 0 counts as blank.
            skip_special_tokens (`bool`, defaults to `False`):
                Leave out special tokens that were added. The blank is always left out, and never before it has done
                its work: "hel-lo" stays "hello".
            group_tokens (`bool`, defaults to `True`):
                Merge repeats. `False` is for labels, where repeats are letters: "hello" has no blank in it.
            output_char_offsets (`bool`, defaults to `False`):
                Return a [`CRNNTokenizerOutput`] with the frames of each character beside the text.

        Returns:
            `str`, or `list[str]` for a batch; or a [`CRNNTokenizerOutput`].
        """
        paths, is_batch = _as_paths(token_ids)
        texts, offsets = self._decode_paths(paths, skip_special_tokens, **kwargs)
        if not is_batch:
            texts, offsets = texts[0], offsets and offsets[0]
        return texts if offsets is None else CRNNTokenizerOutput(texts, offsets)

    def batch_decode(
        self,
        sequences: Any,
        skip_special_tokens: bool = False,
        decoder: str | CTCDecoder | None = None,
        **kwargs,
    ) -> Any:
        """[`CRNNTokenizer.decode`] of a batch; a single sequence makes a batch of one.

        With a `decoder` (`"beam_search"`, `"prefix_search"`, `"best_path"` or a [`CTCDecoder`]) `sequences` are the
        model's logits (batch, time, vocab), and each text is its best hypothesis.
        """
        if decoder is not None:
            hypotheses = make_decoder(decoder, self)(sequences)
            return self._decode_hypotheses([best for best, *_ in hypotheses], skip_special_tokens, **kwargs)
        paths, is_batch = _as_paths(sequences)
        if not is_batch and len(paths[0]) == 0:
            paths = []  # nothing at all is a batch without sequences here
        texts, offsets = self._decode_paths(paths, skip_special_tokens, **kwargs)
        return texts if offsets is None else CRNNTokenizerOutput(texts, offsets)

    def _decode_hypotheses(
        self, hypotheses: Sequence[CTCHypothesis], skip_special_tokens: bool, output_char_offsets: bool = False
    ) -> Any:
        left_out = set(self.all_special_ids) if skip_special_tokens else set()
        table = self._symbol_table()
        rows = [
            [
                {"char": table[class_id], "start_offset": start, "end_offset": end}
                for class_id, (start, end) in zip(hypothesis.ids, hypothesis.spans, strict=True)
                if class_id not in left_out
            ]
            for hypothesis in hypotheses
        ]
        texts = ["".join(row["char"] for row in word) for word in rows]
        return CRNNTokenizerOutput(texts, rows) if output_char_offsets else texts

    def _decode_paths(
        self,
        paths: Sequence,
        skip_special_tokens: bool,
        group_tokens: bool = True,
        output_char_offsets: bool = False,
        **kwargs,
    ) -> tuple[list[str], list | None]:
        """All paths at once, one after the other in one array; a path of its own length each."""
        lengths = np.array([len(path) for path in paths], dtype=np.int64)
        ids = np.concatenate([np.array([], dtype=np.int64), *(np.asarray(path, dtype=np.int64) for path in paths)])
        ends = np.cumsum(lengths)
        first = np.zeros(len(ids) + 1, dtype=bool)
        first[np.append(0, ends)] = True
        keep = collapse_paths(ids, first[:-1]) if group_tokens else ids > 0
        if skip_special_tokens:
            keep &= ~np.isin(ids, self.all_special_ids)
        table = self._symbol_table()
        keep &= ids < len(table)  # ids beyond the vocabulary have no text
        characters = table[ids[keep]]
        counts = np.append(0, np.cumsum(keep))[np.append(0, ends)].tolist()
        symbols = characters.tolist()
        texts = ["".join(symbols[start:end]) for start, end in zip(counts, counts[1:], strict=False)]
        if not output_char_offsets:
            return texts, None
        # A character lasts until the class changes or its path ends.
        stops = np.append(
            np.flatnonzero(first[:-1] | np.append(True, ids[1:] != ids[:-1]) | (not group_tokens)), len(ids)
        )
        starts = np.flatnonzero(keep)
        finishes = stops[np.searchsorted(stops, starts, side="right")]
        begin = np.repeat(ends - lengths, np.diff(counts))
        rows = [
            {"char": symbol, "start_offset": start, "end_offset": end}
            for symbol, start, end in zip(symbols, (starts - begin).tolist(), (finishes - begin).tolist(), strict=True)
        ]
        return texts, [rows[start:end] for start, end in zip(counts, counts[1:], strict=False)]

    def _symbol_table(self) -> np.ndarray:
        """The text of each class."""
        if len(self._table) != len(self):  # tokens were added
            self._table = np.array([self.convert_ids_to_tokens(i) or "" for i in range(len(self))], dtype=object)
        return self._table


def _as_paths(token_ids: Any) -> tuple[Any, bool]:
    """What `decode` takes, as a batch of paths; and whether it was one."""
    if isinstance(token_ids, dict) or hasattr(token_ids, "input_ids"):
        token_ids = token_ids["input_ids"]
    if hasattr(token_ids, "shape"):  # an array or a tensor says what it is even where it is empty
        array = np.asarray(to_py_obj(token_ids), dtype=np.int64).reshape(token_ids.shape)
        if array.ndim > 2:
            raise ValueError(f"classes have shape (time,) or (batch, time), not {array.shape}: take logits.argmax(-1)")
        return np.atleast_2d(array), array.ndim == 2
    token_ids = to_py_obj(token_ids)
    if isinstance(token_ids, (int, np.integer)):
        return [[token_ids]], False
    is_batch = len(token_ids) > 0 and not isinstance(token_ids[0], (int, np.integer))
    return (token_ids, True) if is_batch else ([token_ids], False)


def _any_of(symbols: Sequence[str], code_point: str) -> str:
    """A regular expression that matches any of the symbols, the longest first.

    Thousands of single characters are classes of ranges, many times as fast as alternatives; a class of Oniguruma,
    the regular expressions of `tokenizers`, has at most 10,000 ranges.

    Args:
        code_point: how the regular expressions write one, as a format.
    """
    longest_first = sorted((symbol for symbol in symbols if len(symbol) > 1), key=len, reverse=True)
    pieces = ["".join(code_point.format(ord(character)) for character in symbol) for symbol in longest_first]
    codes = np.array(sorted(ord(symbol) for symbol in symbols if len(symbol) == 1), dtype=np.int64)
    runs = np.split(codes, np.flatnonzero(np.diff(codes) != 1) + 1) if len(codes) else []
    ranges = [f"{code_point.format(run[0])}-{code_point.format(run[-1])}" for run in runs]
    pieces += [f"[{''.join(ranges[start : start + 1000])}]" for start in range(0, len(ranges), 1000)]
    return "|".join(pieces)


def _strings(texts: Any) -> Iterable[str]:
    if isinstance(texts, str):
        yield texts
    elif isinstance(texts, (list, tuple)):
        for text in texts:
            yield from _strings(text)
