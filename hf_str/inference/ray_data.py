# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Recognition on clusters that run Ray: a class for `map_batches` of Ray Data. This module needs no Ray itself."""

from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np
import torch

from .. import DEFAULT_CHECKPOINT
from .bulk_recognizer import BulkRecognizer
from .windows import Preparation, Window


__all__ = ["WordRecognizer"]


class WordRecognizer:
    """Recognizes the word images of a batch of Ray Data. An actor loads the network once.

    An image that cannot be opened has an empty text, NaN as its score and its problem in the column of that name. Ray
    repeats a block whose actor was lost; a job that was stopped begins anew (`scripts/read_words.py` goes on).

    Args:
        model: checkpoint folder or Hub repository of a CRNN, which every node can reach.
        image_column: holds what [`load_word_image`] takes: encoded bytes, arrays, `{"bytes", "path"}`, paths.
        batch_size: images a forward pass. `map_batches` may bring more at once, at best a multiple.
        device, precision, characters, decoder, decoding: see [`BulkRecognizer`].

    Example:

    ```python
    >>> import ray  # doctest: +SKIP
    >>> words = ray.data.read_parquet("shards/")  # doctest: +SKIP
    >>> predictions = words.map_batches(WordRecognizer, batch_size=1024, num_cpus=1, concurrency=8)  # doctest: +SKIP
    >>> predictions.write_parquet("predictions/")  # doctest: +SKIP
    ```
    """

    def __init__(
        self,
        model: str | PathLike = DEFAULT_CHECKPOINT,
        image_column: str = "image",
        batch_size: int = 64,
        device: str | torch.device | None = None,
        precision: str = "auto",
        characters: bool = False,
        decoder: str | None = None,
        **decoding: Any,
    ):
        self.recognizer = BulkRecognizer(model, device, precision, characters, decoder, **decoding)
        self.prepare = Preparation(self.recognizer.processor, batch_size)
        self.image_column = image_column

    def __call__(self, batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Recognizes a batch in Ray's default format, columns as arrays.

        Returns:
            The batch's other columns as they are, and `text`, `score`, `problem` (empty if there is none), with
            `characters` also these, a list of `{"text", "probability", "left", "right"}` each.

        Raises:
            ValueError: there is no column of images by that name.
        """
        if self.image_column not in batch:
            raise ValueError(f"there is no column {self.image_column}, but {', '.join(batch)}: give image_column=")
        samples = [(None, image) for image in batch[self.image_column]]
        window = self.prepare[Window(0, 0, samples)]
        predictions = self.recognizer.predict(window)
        others = {name: column for name, column in batch.items() if name != self.image_column}
        predicted = {name: predictions[name].to_numpy(zero_copy_only=False) for name in predictions.schema.names[2:]}
        return others | predicted | {"problem": np.array([window.bad.get(index, "") for index in range(len(samples))])}
