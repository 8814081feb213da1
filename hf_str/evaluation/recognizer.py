# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The one method that recognizers of every family share: images in, texts with scores out."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from PIL import Image

from ..models.crnn.ctc_language_model_crnn import CharacterLanguageModel
from ..models.crnn.text_crnn import normalize_text
from ..utils.optional import require


__all__ = ["Recognizer", "nearest_word"]


class Recognizer:
    """Recognizes word images with a model of transformers.

    Args:
        checkpoint: a folder, or a repository on the Hub.
        device: where to compute.
        decoding: arguments of `make_decoder` besides the tokenizer and a lexicon; only for CTC recognizers of hf_str.
        precision: `dtype` of [`CRNNInferenceMixin.optimize_for_inference`], such as "auto"; only for CRNN. `None`
            leaves the model as it was trained.

    Attributes:
        family: the name of the kind of model in reports.
        auto_class: loads the network.
        takes_decoding: whether decoders of hf_str decode its outputs.
        model: the network.

    Raises:
        ValueError: `decoding` for a model that decodes by itself, `precision` for one that cannot be optimized.
    """

    family: ClassVar[str]
    auto_class: ClassVar[Any] = None
    takes_decoding: ClassVar[bool] = False

    def __init__(
        self,
        checkpoint: Any,
        device: torch.device | str = "cpu",
        decoding: Mapping[str, Any] | None = None,
        precision: str | None = None,
    ):
        self.device, self.decoding = torch.device(device), dict(decoding or {})
        if self.decoding and not self.takes_decoding:
            raise ValueError(f"{checkpoint} is a {self.family} model: it decodes by itself, without {self.decoding}")
        self.load(checkpoint)
        if precision is not None:
            if not hasattr(self.model, "optimize_for_inference"):
                raise ValueError(f"{checkpoint} ({self.family}) runs as it is: only CRNN takes a precision")
            self.model.optimize_for_inference(precision)

    def load(self, checkpoint: Any) -> None:
        """Sets `model`, and whatever prepares images and turns outputs into text."""
        self.model: Any = self.place(self.auto_class.from_pretrained(checkpoint))

    def place(self, model: torch.nn.Module) -> Any:
        """A model on the device, in evaluation mode."""
        return model.to(self.device).eval()

    @property
    def sorts_by_width(self) -> bool:
        """Whether wide and narrow images are better recognized apart."""
        return False

    @property
    def language_model(self) -> CharacterLanguageModel | None:
        """The language model that the checkpoint brings along, or `None`."""
        return None

    @property
    def characters(self) -> Sequence[str] | None:
        """The symbols that the model can write, or `None` where that is not known."""
        return None

    @property
    def num_parameters(self) -> int | None:
        """The parameters of the model, or `None` where they are not known."""
        return self.model.num_parameters()

    def recognize(
        self, images: Sequence[Image.Image], lexicons: Sequence[Sequence[str]] | None = None
    ) -> list[tuple[str, float]]:
        """Recognizes some images.

        Args:
            images: as they are to be seen, mode L or RGB.
            lexicons: for each image the words that it may show; images that share one share the object. Recognizers
                that cannot search a lexicon take its word with the fewest edits from their own text.

        Returns:
            `(text, score)` for each image; the score is the model's own probability of the text, in [0, 1].
        """
        with torch.inference_mode():
            found = self._recognize([image.convert("RGB") for image in images])
        texts = [text for text, _ in found]
        if lexicons is not None:
            texts = list(map(nearest_word, texts, lexicons))
        return [(text, min(max(score, 0.0), 1.0)) for text, (_, score) in zip(texts, found, strict=True)]

    def _recognize(self, images: list[Image.Image]) -> list[tuple[str, float]]:
        """`recognize` without a lexicon, for RGB images."""
        raise NotImplementedError

    def read(
        self, images: Sequence[Image.Image], lexicons: Sequence[Sequence[str]] | None = None
    ) -> list[tuple[str, float]]:
        """The name of [`Recognizer.recognize`] in version 0.1."""
        warnings.warn("Recognizer.read is called recognize now", FutureWarning, stacklevel=2)
        return self.recognize(images, lexicons)


def nearest_word(text: str, lexicon: Sequence[str]) -> str:
    """The lexicon's word with the fewest edits from `text`, without regard to case; of several the first."""
    if not lexicon:
        return text
    process, distance = require("rapidfuzz.process"), require("rapidfuzz.distance").Levenshtein.distance
    return process.extractOne(text, lexicon, scorer=distance, processor=_lower)[0]


def _lower(text: str) -> str:
    return normalize_text(text).lower()
