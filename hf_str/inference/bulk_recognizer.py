# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads prepared windows: the network and its decoder, images in, Arrow records out."""

from os import PathLike
from typing import Any

import torch
from transformers import AutoModelForCTC

from ..models.crnn.ctc_decoders_crnn import make_decoder
from ..models.crnn.ctc_decoding_crnn import CTCDecoder, NonFiniteLogitsError
from ..models.crnn.image_batching_crnn import Batch, recognize_batches
from ..models.crnn.processing_crnn import CRNNProcessor
from ..utils.optional import require
from .predictions import prediction_schema
from .windows import Prepared


__all__ = ["BulkRecognizer"]


class BulkRecognizer:
    """A recogniser for words in bulk.

    Args:
        model: checkpoint folder or Hub repository of a CRNN.
        device: where the network runs; by default a GPU if there is one.
        precision: `dtype` of [`CRNNInferenceMixin.optimize_for_inference`]: by default the fastest of the device.
        characters: whether records have the parts of the text with their places.
        decoder, decoding: see [`make_decoder`], whose options `decoding` are.

    Attributes:
        processor: of the recogniser.
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
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.processor = CRNNProcessor.from_pretrained(model)
        self.model = AutoModelForCTC.from_pretrained(model).to(self.device).optimize_for_inference(precision)
        self.precision = str(self.model.crnn.featurizer.dtype).removeprefix("torch.")
        self.characters = characters
        self.decoder = make_decoder(decoder, self.processor.tokenizer, **decoding)
        self.schema = prediction_schema(characters)

    @torch.inference_mode()
    def read(self, window: Prepared) -> Any:
        """Reads a window. Images in which there is nothing to decode (logits that are NaN) join `window.bad`.

        Returns:
            A record batch of `schema`: a row for each sample, in order. A bad image has an empty text and no score.
        """
        count = len(window.keys)
        texts, scores, characters = [""] * count, [None] * count, [None] * count
        found = self._readings(window)
        for place, reading in found.items():
            texts[place], scores[place] = reading["text"], reading["score"]
            if self.characters:
                characters[place] = [
                    {**one, "left": one["span"][0], "right": one["span"][1]} for one in reading["characters"]
                ]
        rows = range(window.first_row, window.first_row + count)
        columns = [rows, window.keys, texts, scores, characters][: len(self.schema)]
        pa = require("pyarrow")
        arrays = [pa.array(column, field.type) for column, field in zip(columns, self.schema, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _readings(self, window: Prepared) -> dict[int, dict[str, Any]]:
        """The readings of a window by place."""

        def read(batches: list[Batch]) -> dict[int, dict[str, Any]]:
            return recognize_batches(
                batches,
                self.model,
                self.processor,
                lambda place: f"{window.keys[place]}, row {window.first_row + place} of its shard",
                decoder=self.decoder,
            )

        try:
            return read(window.batches)
        except NonFiniteLogitsError:  # of the first batch that has such images: which others do, each tells by itself
            pass
        found: dict[int, dict[str, Any]] = {}
        for place in dict.fromkeys(place for batch in window.batches for place in batch.places):
            views = []
            for batch in window.batches:
                if rows := [row for row, other in enumerate(batch.places) if other == place]:
                    views.append(batch.select(rows, {name: values[rows] for name, values in batch.inputs.items()}))
            try:
                found |= read(views)
            except NonFiniteLogitsError as error:
                window.bad[place] = str(error)
        return found
