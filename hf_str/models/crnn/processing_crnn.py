# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Image processor and tokenizer in one: images and labels in, readings out."""

from typing import Any

import torch
from transformers import BatchFeature, ProcessorMixin
from transformers.processing_utils import ProcessingKwargs

from .ctc_decoders_crnn import make_decoder
from .ctc_decoding_crnn import CTCDecoder, CTCHypothesis
from .files_crnn import naming_files
from .outputs_crnn import own_frames


__all__ = ["CRNNProcessor"]


class CRNNProcessor(ProcessorMixin):
    r"""
    Joins a [`CRNNImageProcessor`] and a [`CRNNTokenizer`].

    Example:

    ```python
    >>> from hf_str import DEFAULT_CHECKPOINT, CRNNForCTC, CRNNProcessor

    >>> processor = CRNNProcessor.from_pretrained(DEFAULT_CHECKPOINT)
    >>> model = CRNNForCTC.from_pretrained(DEFAULT_CHECKPOINT)
    >>> inputs = processor(images="word.png", return_tensors="pt")  # doctest: +SKIP
    >>> processor.post_process_text_recognition(model(**inputs))[0]["text"]  # doctest: +SKIP
    'hello'
    ```
    """

    _auto_class = "AutoProcessor"

    def __init__(self, image_processor=None, tokenizer=None, **kwargs):
        super().__init__(image_processor, tokenizer)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args, **kwargs) -> "CRNNProcessor":
        """As any processor of transformers; a damaged or wrong file is a `ValueError` that names it."""
        names = ["processor_config.json", "preprocessor_config.json", "tokenizer_config.json", "tokenizer.json"]
        names += ["language_model.safetensors", "special_tokens_map.json", "added_tokens.json", "config.json"]
        with naming_files(pretrained_model_name_or_path, names, **kwargs):
            return super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)

    def check_classes(self, count: int):
        """Refuses (`ValueError`) a model of `count` classes where the tokenizer has others."""
        classes = len(self.tokenizer)
        if count != classes:
            raise ValueError(
                f"the tokenizer has {classes} classes (its characters and the blank), but the model gives {count}: "
                "they are not of the same recognizer (see charset in tokenizer_config.json and vocab_size in "
                "config.json)"
            )

    def __call__(self, images: Any = None, text: Any = None, **kwargs: Any) -> BatchFeature:
        """Prepares images for the model, and text as its labels.

        Args:
            images: a word image or a list of them; what the image processor takes, paths included.
            text: a label or a list of labels, one an image.
            kwargs: options of the image processor and the tokenizer, such as `return_tensors="pt"` and, for labels of
                different lengths, `padding=True`.

        Returns:
            `pixel_values` (and `pixel_mask` where images were padded); with `images` and `text` also `labels`; with
            `text` alone the tokenizer's output.
        """
        if images is None and text is None:
            raise ValueError("give images, or text, or both")
        kwargs_class: Any = ProcessingKwargs  # the class itself, which transformers types as one of it
        options = self._merge_kwargs(kwargs_class, tokenizer_init_kwargs=self.tokenizer.init_kwargs, **kwargs)
        if images is None:
            return self.tokenizer(text, **options["text_kwargs"])
        labels = {} if text is None else {"labels": self.tokenizer(text, **options["text_kwargs"])["input_ids"]}
        inputs = self.image_processor(images, **options["images_kwargs"])
        inputs.update(labels)
        return inputs

    def to_dict(self, *args, **kwargs) -> dict[str, Any]:
        # Saving adds this entry to an instance; with it from the start, a processor equals itself saved and loaded.
        return super().to_dict(*args, **kwargs) | {"auto_map": {"AutoProcessor": "processing_crnn.CRNNProcessor"}}

    @property
    def model_input_names(self) -> list[str]:
        return [*self.image_processor.model_input_names, "labels"]

    def post_process_text_recognition(
        self,
        outputs: Any,
        pixel_mask: torch.Tensor | None = None,
        target_sizes: list[tuple[int, int]] | torch.Tensor | None = None,
        decoder: str | CTCDecoder | None = None,
        n_best: int = 1,
        word_score: str = "product",
    ) -> list[dict[str, Any]]:
        """Turns what the model gave into text with probabilities and positions.

        Args:
            outputs: what [`CRNNForCTC`] returned, or anything with its `logits` (batch, time, vocab) and, where images
                were padded, its `num_frames` (batch,), each image's own frames.
            pixel_mask: the mask that went into the model, if one did, of shape (batch, height, width). Outputs of
                [`CRNNForCTC`] say by themselves which frames are an image's own, and a mask that contradicts them is
                refused. Of outputs without `num_frames`, each image has the frames of its share of the width.
            target_sizes: (height, width) of each original image in pixels. Without them positions are fractions of
                the image's width, from 0 to 1.
            decoder: `"best_path"`, `"beam_search"`, `"prefix_search"` or a decoder, such as a [`LexiconDecoder`]. By
                default beam search with the tokenizer's language model, where it has one, and otherwise best path.
            n_best: with more than one, readings wanted of each image.
            word_score: how the probabilities of the characters become the score of the word: `"product"`,
                `"geometric_mean"` or `"minimum"` (see [`CTCHypothesis.word_score`]).

        Returns:
            One dictionary an image: `text`; `score`, the probability of the word in [0, 1], by default the product of
            its characters' or, with a language model, what [`PrefixBeamSearch`] says; `log_prob`, the natural
            logarithm of the label's probability under CTC (of one alignment for best path); and `characters`, a list
            of dictionaries with `text`, `probability` in [0, 1] and `span`, the (left, right) edges on the x axis of
            the frames in which CTC reads the character. CTC likes to say a character once, in its middle, so a span
            is often narrower than the letter. With `n_best` above 1 also `candidates`, at most `n_best` such
            dictionaries in the decoder's order, of which the first is the reading. Where a search was cut at a bound
            (see [`PrefixSearch`] and [`LexiconDecoder`]), `is_complete` is `False`, and the reading the best so far.

        Raises:
            ValueError: the tokenizer's classes are not those of the logits, or `pixel_mask`, `num_frames` or
                `target_sizes` do not go with them; an unknown `decoder` or `word_score`, or `n_best` below 1.
            TypeError: `pixel_mask` is no tensor or array.
            NonFiniteLogitsError: of some images the logits are no probabilities.
        """
        self.check_classes(outputs.logits.shape[-1])
        decoder = make_decoder(decoder, self.tokenizer)
        if n_best < 1:
            raise ValueError(f"n_best must be at least 1, not {n_best}")
        num_frames = own_frames(outputs, pixel_mask)
        hypotheses = decoder(outputs.logits, num_frames=num_frames, n_best=n_best)
        widths = [1.0] * len(hypotheses) if target_sizes is None else [float(width) for _, width in target_sizes]
        if len(widths) != len(hypotheses):
            raise ValueError(f"{len(widths)} target_sizes for {len(hypotheses)} images: give one for each")
        # The frames cover the padded image, the positions are wanted on the image itself.
        counts = [outputs.logits.shape[1]] * len(hypotheses) if num_frames is None else num_frames.tolist()
        readings = []
        for own, width, count in zip(hypotheses, widths, counts, strict=True):
            candidates = [self._reading(one, width, width / max(count, 1), word_score) for one in own]
            readings.append(candidates[0] | ({"candidates": candidates} if n_best > 1 else {}))
        return readings

    def _reading(
        self, hypothesis: CTCHypothesis, width: float, pixels_per_frame: float, word_score: str
    ) -> dict[str, Any]:
        symbols = self.tokenizer.convert_ids_to_tokens(hypothesis.ids)
        characters = [
            {
                "text": symbol,
                "probability": probability,
                "span": (min(start * pixels_per_frame, width), min(end * pixels_per_frame, width)),
            }
            for symbol, probability, (start, end) in zip(
                symbols, hypothesis.probabilities, hypothesis.spans, strict=True
            )
        ]
        return {
            "text": "".join(symbols),
            "score": hypothesis.word_score(word_score),
            "log_prob": hypothesis.log_prob,
            "characters": characters,
            **({} if hypothesis.is_complete else {"is_complete": False}),
        }
