# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The recognizers of the demo page: checkpoints by names for visitors, decoders, and one image at a time."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from PIL import Image
from transformers import pipeline

import hf_str
from hf_str.models.crnn.ctc_decoders_crnn import make_decoder
from hf_str.models.crnn.ctc_decoding_crnn import CTCDecoder

from ..explanation import recognize_and_explain


__all__ = ["DEFAULT_DECODER", "Prediction", "choose_decoder", "load_recognizers", "recognize_image"]

#: What a checkpoint decodes with by itself: its language model if it has one, or else best path.
DEFAULT_DECODER = "default"

#: Prefixes that prefix search may look at in a section; its own limit takes half a minute over an image of noise.
MAX_PREFIXES = 50


@dataclass(frozen=True)
class Prediction:
    """What was recognized in an image.

    Attributes:
        name: name of the file.
        image: turned as its EXIF data say.
        text: the recognized text.
        score: the probability of the text in [0, 1].
        characters: `text`, `probability` in [0, 1] and `span` (left, right) in pixels of `image`, of each.
        explanation: the picture of how CTC came to the text.
    """

    name: str
    image: Image.Image
    text: str
    score: float
    characters: Sequence[Mapping[str, Any]]
    explanation: Image.Image


def load_recognizers(
    models: Sequence[str | os.PathLike[str]] = (), device: str | None = None
) -> dict[str, hf_str.ImageToTextPipeline]:
    """Loads checkpoints, and the embedded one as the last.

    Args:
        models: checkpoint folders or Hub repositories.
        device: where to compute, such as "cpu" or "cuda:1"; a GPU if there is one.

    Returns:
        Pipelines by names for visitors: of a folder no more of its path than tells it from the others.

    Raises:
        OSError: a model is not there.
        ValueError: it is of another kind.
    """
    paths = list(dict.fromkeys([*(os.fspath(model) for model in models), hf_str.DEFAULT_CHECKPOINT]))
    return {name: _recognizer(path, device) for name, path in zip(_short_names(paths), paths, strict=True)}


def choose_decoder(name: str, tokenizer: hf_str.CRNNTokenizer, words: str) -> tuple[CTCDecoder, str]:
    """Makes the decoder that a visitor has chosen.

    Args:
        name: `DEFAULT_DECODER` or one of `DECODERS`.
        tokenizer: the recognizer's.
        words: the visitor's lexicon, with white space between the words. Decoders that take none do not look at it.

    Returns:
        The decoder, and what the visitor should know about the words; empty if there is nothing.

    Raises:
        ValueError: there is no such decoder, or a lexicon is needed and has no word that can be recognized.
    """
    if name == DEFAULT_DECODER:
        return make_decoder(None, tokenizer), ""
    if name == "prefix_search":
        return make_decoder(name, tokenizer, max_prefixes=MAX_PREFIXES), ""
    if name == "best_path" or not words.split():
        return make_decoder(name, tokenizer), ""
    lexicon = hf_str.Lexicon(words.split(), tokenizer)
    left_out = f"{lexicon.num_unreadable} of the words have characters that this checkpoint cannot read."
    return make_decoder(name, tokenizer, lexicon=lexicon), left_out if lexicon.num_unreadable else ""


def recognize_image(file: Path, recognizer: hf_str.ImageToTextPipeline, decoder: CTCDecoder) -> Prediction:
    """Recognizes one image file, and draws how that came about.

    Raises:
        UnreadableImageError: it cannot be read; the message has the file's name, not its folder.
    """
    image = hf_str.load_word_image({"bytes": file.read_bytes(), "path": file.name})
    result, explanation = recognize_and_explain(image, recognizer.model, recognizer.processor, decoder=decoder)
    return Prediction(file.name, image, result["text"], result["score"], result["characters"], explanation)


def _recognizer(model: str, device: str | None) -> hf_str.ImageToTextPipeline:
    # The overloads of `pipeline` know the tasks of transformers alone.
    return pipeline(hf_str.TASK, model=model, device=device)  # pyright: ignore[reportCallIssue, reportArgumentType]


def _short_names(models: Sequence[str]) -> list[str]:
    """Hub repositories as they are; of folders as many last parts as make them different, as in "b/best"."""
    parts = [PurePath(os.path.abspath(model)).parts if Path(model).is_dir() else (model,) for model in models]
    names, count = ["/".join(of_model[-1:]) for of_model in parts], 1
    while len(set(names)) < len(names) and count < max(map(len, parts)):
        count += 1
        names = ["/".join(of_model[-count:]) for of_model in parts]
    return names
