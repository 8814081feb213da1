# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""`pipeline("scene-text-recognition")`."""

import os
from collections.abc import Iterator, Sequence, Sized
from functools import partial
from typing import Any

from torch.utils.data import DataLoader
from transformers import Pipeline
from transformers.pipelines.pt_utils import KeyDataset, PipelineDataset, PipelineIterator

from .image_batching_crnn import Batch, make_batches, recognize_batches, window_size
from .image_loading_crnn import load_word_image
from .processing_crnn import CRNNProcessor


__all__ = ["ImageToTextPipeline"]

#: Sequences that are one image each: a path, a URL or base64, and the bytes of a file.
_SINGLE_SEQUENCES = (str, bytes, bytearray, memoryview)


class ImageToTextPipeline(Pipeline):
    r"""
    Reads word images.

    Takes one image or a list, a generator, or a `transformers.pipelines.pt_utils.KeyDataset` of images; an image is a
    path, a URL, bytes, a base64 string, a PIL image or a numpy array. A batch gives what its images give one by one.

    Example:

    ```python
    >>> import hf_str
    >>> from transformers import pipeline

    >>> reader = pipeline("scene-text-recognition", model=hf_str.DEFAULT_CHECKPOINT)
    >>> reader("word.png")  # doctest: +SKIP
    [{'generated_text': 'hello', 'score': 0.98}]
    >>> _ = reader.model.optimize_for_inference()  # many words: several times as fast, see CRNNForCTC
    >>> for reading in reader((path for path in paths), batch_size=64):  # doctest: +SKIP
    ...     print(reading)
    ```
    """

    # None: loaded where the checkpoint is a name, and not missed where the caller brings a processor or its parts.
    _load_processor = None
    _load_tokenizer = None
    _load_image_processor = None
    _load_feature_extractor = False
    # Left at None, transformers looks for one and asks on the terminal whether to trust the repository's code.
    _load_video_processor = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.processor is None:
            path = getattr(self.model.config, "name_or_path", None)
            if path and (self.image_processor is None or self.tokenizer is None):
                # transformers says nothing where the processor of a checkpoint does not load; this says why
                CRNNProcessor.from_pretrained(path, revision=getattr(self.model.config, "_commit_hash", None))
            if self.image_processor is None or self.tokenizer is None:
                raise ValueError(
                    "a pipeline around a model object needs a processor, or an image_processor and a tokenizer"
                )
            self.processor = CRNNProcessor(self.image_processor, self.tokenizer)
        if (classes := getattr(self.model.config, "vocab_size", None)) is not None:
            self.processor.check_classes(classes)
        height = getattr(self.model.config, "image_height", None)
        made = getattr(getattr(self.processor.image_processor, "size", None), "height", None)
        if None not in (height, made) and made != height and self.processor.image_processor.do_resize:
            raise ValueError(
                f"the image processor makes images {made} pixels high (size in processor_config.json), but the model "
                f"takes {height} (image_height in config.json)"
            )

    def __call__(self, inputs: Any, **kwargs) -> Any:
        """Reads images.

        Args:
            inputs: an image, or a list (any sequence, such as a column of a dataset), generator or `KeyDataset` of
                images.
            return_characters (`bool`, defaults to `False`): add `characters` to each result, with `text`,
                `probability` and `span` (left, right) in the image's pixels.
            decoder (`str` or `CTCDecoder`, *optional*): `"best_path"`, `"beam_search"`, `"prefix_search"`, or a
                decoder, such as a [`LexiconDecoder`]; by default beam search with the checkpoint's language model,
                where it has one, and otherwise best path. Also an argument of `pipeline(...)`, as are the next two.
            n_best (`int`, defaults to 1): with more than one, add `candidates` to each result, at most so many
                readings, the best first.
            word_score (`str`, defaults to `"product"`): the score of a word from those of its characters, or
                `"geometric_mean"` or `"minimum"`.
            batch_size (`int`, defaults to 1): images a forward pass. Where images keep their aspect ratio, those of
                four batches are opened before they are read, wide and narrow ones apart.
            num_workers (`int`, defaults to 0): processes that open and prepare images.

        Returns:
            For one image `[{"generated_text": str, "score": float}]`; for several, one such list an image (an
            iterator of them where `inputs` is a generator or a dataset). The score is the probability of the word.
            A candidate has `log_prob` besides, the natural logarithm of its probability under CTC. A word that was
            read after turning its image (see `vertical_aspect_ratio` of the image processor) has `rotation`, 90 or 270
            degrees counter-clockwise, and spans are those in the turned image: 90 for words that run down, 270 for up.

        Raises:
            ValueError: the model gives NaN or infinity for an image; the message says for which, by file or number.
        """
        if isinstance(inputs, Sequence) and not isinstance(inputs, _SINGLE_SEQUENCES):
            inputs = list(inputs)
        if isinstance(inputs, (list, KeyDataset)) and len(inputs) == 0:
            return []
        return super().__call__(inputs, **kwargs)

    def _sanitize_parameters(self, return_characters: bool | None = None, **kwargs):
        decoding = {name: kwargs.pop(name) for name in ("decoder", "n_best", "word_score") if name in kwargs}
        if kwargs:
            raise TypeError(
                f"unknown argument {', '.join(map(repr, kwargs))}: there are return_characters, decoder, n_best, "
                "word_score, batch_size and num_workers"
            )
        return {}, decoding, {} if return_characters is None else {"return_characters": return_characters}

    def preprocess(self, image: Any) -> dict[str, Any]:
        """One image, as a window of its own."""
        batches = make_batches([load_word_image(image)], self.processor.image_processor, batch_size=1)
        return {"batches": batches, "image_name": lambda _: _name(0, image)}

    def _forward(self, window: dict[str, Any], **decoding: Any) -> dict[str, list[dict[str, Any]]]:
        """The readings of a window, in the order of its images."""
        batches = [Batch(*parts) for parts in window["batches"]]  # on their way to the device they became tuples
        found = recognize_batches(batches, self.model, self.processor, image_name=window["image_name"], **decoding)
        return {"readings": [found[index] for index in range(len(found))]}

    def postprocess(self, outputs: dict[str, Any], return_characters: bool = False) -> list[dict[str, Any]]:
        (reading,) = outputs["readings"]
        extra = ("characters",) if return_characters else ()
        notes = (name for name in ("rotation", "is_complete") if name in reading)
        result = _result(reading, ("score", *extra, *notes))
        if "candidates" in reading:
            result["candidates"] = [_result(one, ("score", "log_prob", *extra)) for one in reading["candidates"]]
        return [result]

    def get_iterator(
        self,
        inputs: Any,
        num_workers: int,
        batch_size: int,
        preprocess_params: dict[str, Any],
        forward_params: dict[str, Any],
        postprocess_params: dict[str, Any],
    ) -> PipelineIterator:
        """Results of several images in their order, whichever of them share a batch."""
        if isinstance(inputs, Sized):
            images = PipelineDataset(inputs, load_word_image, preprocess_params)
        else:
            images = PipelineIterator(inputs, load_word_image, preprocess_params)
            num_workers = min(num_workers, 1)  # several would each run the whole of a generator
        image_processor = self.processor.image_processor
        windows = DataLoader(
            images,
            batch_size=window_size(image_processor, batch_size),
            num_workers=num_workers,
            collate_fn=partial(make_batches, image_processor=image_processor, batch_size=batch_size),
        )
        known = inputs if isinstance(inputs, Sequence) else ()  # a generator's are gone, a data set's have no names
        readings = _InOrder(windows, images, partial(self.forward, **forward_params), known)
        return PipelineIterator(readings, self.postprocess, postprocess_params)

    def save_pretrained(self, save_directory: Any, **kwargs):
        """Writes a folder that has all of it: weights, config, tokenizer, image processor, code."""
        self.model.save_pretrained(save_directory, **kwargs)
        self.processor.save_pretrained(save_directory, **kwargs)


class _InOrder:
    """Readings of windows, one by one."""

    def __init__(self, windows: DataLoader, images: Any, read: Any, inputs: Sequence[Any]):
        self.windows, self.images, self.read, self.inputs = windows, images, read, inputs

    def __iter__(self) -> Iterator[dict[str, list[dict[str, Any]]]]:
        first = 0
        for batches in self.windows:
            window = {"batches": batches, "image_name": partial(self._name, first)}
            readings = self.read(window)["readings"]
            first += len(readings)
            yield from ({"readings": [reading]} for reading in readings)

    def _name(self, first: int, place: int) -> str:
        number = first + place
        return _name(number, self.inputs[number] if number < len(self.inputs) else None)

    def __len__(self) -> int:
        return len(self.images)


def _name(number: int, image: Any) -> str:
    """What an error calls an image: its file, or else its number in what was given, from 0."""
    image = getattr(image, "filename", image)  # of a PIL image that was opened and not changed
    is_file = isinstance(image, os.PathLike) or (
        isinstance(image, str) and image and len(image) < 260
    )  # longer ones are base64
    return str(image) if is_file else f"image {number}"


def _result(reading: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {"generated_text": reading["text"], **{name: reading[name] for name in names}}
