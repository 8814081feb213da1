# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Recognizes prepared windows: the network and its decoder, images in, Arrow records out."""

import warnings
from os import PathLike
from typing import Any

import torch
from transformers import AutoModelForCTC

from ..models.crnn.ctc_decoders_crnn import make_decoder
from ..models.crnn.ctc_decoding_crnn import CTCDecoder
from ..models.crnn.image_batching_crnn import recognize_batches
from ..models.crnn.processing_crnn import CRNNProcessor
from ..utils.optional import require
from .predictions import prediction_schema
from .windows import Prepared


__all__ = ["BulkRecognizer"]


class BulkRecognizer:
    """A recognizer for words in bulk.

    Args:
        model: checkpoint folder or Hub repository of a CRNN.
        device: where the network runs; by default a GPU if there is one.
        precision: `dtype` of [`CRNNInferenceMixin.optimize_for_inference`]: by default the fastest of the device.
        characters: whether records have the characters of the text with their positions.
        decoder, decoding: see [`make_decoder`]; `decoding` are its options.

    Attributes:
        processor: the [`CRNNProcessor`] of the model.
        precision: what the network computes in, such as "bfloat16".
        schema: of the records; see [`prediction_schema`].
    """

    def __init__(
        self,
        model: str | PathLike,
        device: str | torch.device | None = None,
        precision: str = "auto",
        characters: bool = False,
        decoder: str | CTCDecoder | None = None,
        **decoding: Any,
    ):
        """Loads the model, as the arguments of the class say."""
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.processor = CRNNProcessor.from_pretrained(model)
        self.model = AutoModelForCTC.from_pretrained(model).to(self.device).optimize_for_inference(precision)
        self.precision = str(self.model.crnn.featurizer.dtype).removeprefix("torch.")
        self.characters = characters
        self.decoder = make_decoder(decoder, self.processor.tokenizer, **decoding)
        self.schema = prediction_schema(characters)

    @torch.inference_mode()
    def predict(self, window: Prepared) -> Any:
        """Recognizes a window. Images for which the model gives no probabilities (NaN) join `window.bad`.

        Returns:
            A record batch of `schema`: a row for each sample, in order. A bad image has an empty text and no score.
        """
        count = len(window.keys)
        texts: list[str] = [""] * count
        scores: list[float | None] = [None] * count
        characters: list[list[dict[str, Any]] | None] = [None] * count
        found = recognize_batches(
            window.batches,
            self.model,
            self.processor,
            decoder=self.decoder,
            image_name=lambda index: f"{window.keys[index]}, row {window.first_row + index} of its shard",
            invalid=window.bad,
        )
        for index, prediction in found.items():
            texts[index], scores[index] = prediction["text"], prediction["score"]
            if self.characters:
                characters[index] = [
                    {**one, "left": one["span"][0], "right": one["span"][1]} for one in prediction["characters"]
                ]
        rows = range(window.first_row, window.first_row + count)
        columns = [rows, window.keys, texts, scores, characters][: len(self.schema)]
        pa = require("pyarrow")
        arrays = [pa.array(column, field.type) for column, field in zip(columns, self.schema, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def read(self, window: Prepared) -> Any:
        """The name of [`BulkRecognizer.predict`] in version 0.1."""
        warnings.warn("BulkRecognizer.read is called predict now", FutureWarning, stacklevel=2)
        return self.predict(window)
