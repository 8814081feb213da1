# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Which images go through the network together, which way up, and how what it gives becomes predictions.

Where images keep their aspect ratio, a batch is padded to its widest image. So images are taken in windows of some
batches, and wide and narrow ones of a window go apart. Tall crops are recognized in three orientations, of which the
most confident prediction is kept.

Logits of a batch may take more memory than its images: with 18,710 classes, 64 words of 400 frames would take 1.9 GB,
and decoders copy them. So a batch goes through the network in parts whose logits are no larger than `LOGITS_BYTES`.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from PIL import Image

from .ctc_decoding_crnn import CTCDecoder, NonFiniteLogitsError


__all__ = [
    "Batch",
    "bound_logits",
    "keep_most_confident",
    "make_batches",
    "recognize_batches",
    "sorts_by_width",
    "window_size",
]

#: Of a window, where images are sorted by width.
BATCHES_PER_WINDOW = 4
#: Of the logits of one forward pass, in float32: 74 words of 24 frames with 18,710 classes, and more than any batch of
#: words with a hundred.
LOGITS_BYTES = 2**27


class Batch(NamedTuple):
    """Images for one forward pass.

    Attributes:
        indices: the index of each image in its window; a tall crop comes three times.
        rotations: the degrees by which each image was turned, counter-clockwise: 0, 90 or 270.
        sizes: (height, width) of each image in pixels, after turning.
        inputs: the tensors that the model takes, by name.
    """

    indices: list[int]
    rotations: list[int]
    sizes: list[tuple[int, int]]
    inputs: dict[str, torch.Tensor]

    def select(self, rows: Sequence[int], inputs: dict[str, torch.Tensor]) -> "Batch":
        """Some of its images, with the `inputs` made for them."""
        indices, rotations = [self.indices[row] for row in rows], [self.rotations[row] for row in rows]
        return Batch(indices, rotations, [self.sizes[row] for row in rows], inputs)


def sorts_by_width(image_processor: Any) -> bool:
    """Whether wide and narrow images are better recognized apart.

    So it is where padding is masked: the prediction of an image does not depend on its neighbors, only the time does.
    """
    return "pixel_mask" in image_processor.model_input_names


def window_size(image_processor: Any, batch_size: int) -> int:
    """How many images to open before some of them are recognized."""
    return batch_size * (BATCHES_PER_WINDOW if sorts_by_width(image_processor) and batch_size > 1 else 1)


def make_batches(images: Sequence[Image.Image], image_processor: Any, batch_size: int) -> list[Batch]:
    """Prepares the images of a window, at most `batch_size` at a time.

    Where the image processor knows few widths (`resize_to_multiple_of`), images of different width go apart, so that
    nothing is padded. A mask that hides nothing is left out: without one the network is faster. Where a network looks
    at its padding (`return_pixel_mask=False`) up to a width (`padding="max_length"`), wider images go apart as well,
    so that no image gets more padding than it would have alone. Of images that are more than the image processor's
    `vertical_aspect_ratio` times as high as wide, two more go in, turned either way.
    """
    views = [(index, 0, image) for index, image in enumerate(images)]
    if ratio := image_processor.vertical_aspect_ratio:
        tall = [(index, image) for index, _, image in views if image.height > ratio * image.width]
        views += [(index, turn, image.rotate(turn, expand=True)) for index, image in tall for turn in (90, 270)]
    if sorts_by_width(image_processor):
        views.sort(key=lambda view: view[2].width / view[2].height)
    batches = []
    for start in range(0, len(views), batch_size):
        indices, rotations, own = map(list, zip(*views[start : start + batch_size], strict=True))
        pads_alone = not sorts_by_width(image_processor) and image_processor.padding == "max_length"
        # all at once: much cheaper than one by one
        inputs = image_processor(own, return_tensors="pt", **({"return_pixel_mask": True} if pads_alone else {}))
        batch = Batch(indices, rotations, [(image.height, image.width) for image in own], dict(inputs))
        batches += _padded_alone(batch, image_processor) if pads_alone else _apart(batch, image_processor)
    return batches


def keep_most_confident(batches: Iterable[tuple[Batch, Sequence[dict[str, Any]]]]) -> dict[int, dict[str, Any]]:
    """One prediction for each image, by its index in the window.

    A turned image counts only where two characters or more are read in it, whose geometric mean of probabilities is
    higher than that of any other way up. Its prediction has a `rotation`, and the positions of its characters are
    those in the turned image.

    Args:
        batches: each batch with what `CRNNProcessor.post_process_text_recognition` gave for it.
    """
    best: dict[int, tuple[float, dict[str, Any]]] = {}
    for batch, predictions in batches:
        for index, rotation, prediction in zip(batch.indices, batch.rotations, predictions, strict=True):
            probabilities = [character["probability"] for character in prediction["characters"]]
            if rotation and len(probabilities) < 2:
                continue
            confidence = math.prod(probabilities) ** (1 / len(probabilities)) if probabilities else 0.0
            if index not in best or confidence > best[index][0]:
                best[index] = confidence, prediction | ({"rotation": rotation} if rotation else {})
    return {index: prediction for index, (_, prediction) in best.items()}


def bound_logits(batches: Iterable[Batch], model: Any, num_classes: int) -> Iterator[Batch]:
    """Splits batches whose logits would take more than `LOGITS_BYTES`; predictions stay the same.

    Args:
        batches: of [`make_batches`].
        model: its `config` says how many frames an image gives; without one, a frame every four pixels.
        num_classes: classes of each frame.
    """
    config = getattr(model, "config", None)
    for batch in batches:
        width = batch.inputs["pixel_values"].shape[-1]
        frames = width // 4 if config is None else config.num_frames(width)
        at_once = max(LOGITS_BYTES // (4 * max(frames, 1) * num_classes), 1)
        if len(batch.indices) <= at_once:
            yield batch
            continue
        for start in range(0, len(batch.indices), at_once):
            rows = range(len(batch.indices))[start : start + at_once]
            yield batch.select(rows, {name: values[start : rows.stop] for name, values in batch.inputs.items()})


def recognize_batches(
    batches: Iterable[Batch],
    model: Any,
    processor: Any,
    *,
    decoder: str | CTCDecoder | Sequence[CTCDecoder] | None = None,
    image_name: Callable[[int], str] = "image {}".format,
    invalid: dict[int, str] | None = None,
    **options: Any,
) -> dict[int, dict[str, Any]]:
    """Recognizes the images of a window with bounded memory: one prediction for each, by its index.

    Whoever recognizes words comes through here: the pipeline, bulk inference, evaluation and validation.

    Args:
        batches: of [`make_batches`].
        model: a [`CRNNForCTC`], or any callable that has a `device`, takes the inputs of a batch and returns its
            `logits` and, where images are padded, `num_frames`.
        processor: its `CRNNProcessor`.
        decoder: what `post_process_text_recognition` takes, for all images; or one decoder for each index of the
            window. Images that share a decoder are decoded together.
        image_name: what a message calls the image of an index; by default its index.
        invalid: gets, by index, why an image has no prediction: the model gives no probabilities for it. Without it,
            the first such batch is an error.
        options: further arguments of `post_process_text_recognition`, such as `n_best`.

    Raises:
        NonFiniteLogitsError: the model gives no probabilities for some images, and there is no `invalid`; the message
            names them.
    """
    failed: set[int] = set()

    def note(indices: list[int]):
        if invalid is None:
            raise NonFiniteLogitsError(indices, list(map(image_name, indices))) from None
        invalid.update({index: str(NonFiniteLogitsError([index], [image_name(index)])) for index in indices})
        failed.update(indices)

    def predictions() -> Iterator[tuple[Batch, list[dict[str, Any]]]]:
        for batch in bound_logits(batches, model, len(processor.tokenizer)):
            inputs = {name: tensor.to(model.device, non_blocking=True) for name, tensor in batch.inputs.items()}
            outputs = model(**inputs)
            for rows, own in _by_decoder(batch.indices, decoder):
                post_process = partial(processor.post_process_text_recognition, decoder=own, **options)
                yield _decode(batch._replace(inputs=inputs), outputs, rows, post_process, note)

    found = keep_most_confident(predictions())
    return {index: prediction for index, prediction in found.items() if index not in failed}


def _decode(
    batch: Batch, outputs: Any, rows: list[int], post_process: Callable, note: Callable[[list[int]], Any]
) -> tuple[Batch, list[dict[str, Any]]]:
    """Rows of a batch with their predictions, without those that have no probabilities: `note` is told their indices.

    A decoder may name some such images only, the first that it meets.
    """
    while rows:
        part, part_outputs = _select(batch, outputs, rows)
        # The mask speaks for models that do not say themselves which frames are an image's own.
        mask = part.inputs.get("pixel_mask") if getattr(outputs, "num_frames", None) is None else None
        try:
            return part, post_process(part_outputs, mask, target_sizes=part.sizes)
        except NonFiniteLogitsError as error:
            if not error.images:
                raise
            bad = {rows[row] for row in error.images}
            note(sorted({batch.indices[row] for row in bad}))
            rows = [row for row in rows if row not in bad]
    return batch.select([], {}), []


def _by_decoder(indices: Sequence[int], decoder: Any) -> list[tuple[list[int], Any]]:
    """The rows of a batch that are decoded together, each group with its decoder."""
    if isinstance(decoder, str) or not isinstance(decoder, Sequence):
        return [(list(range(len(indices))), decoder)]
    rows = defaultdict(list)
    for row, index in enumerate(indices):
        rows[id(decoder[index])].append(row)
    return [(own, decoder[indices[own[0]]]) for own in rows.values()]


def _select(batch: Batch, outputs: Any, rows: list[int]) -> tuple[Batch, Any]:
    """Rows of a batch and of what the model gave for it."""
    if len(rows) == len(batch.indices):
        return batch, outputs
    part = SimpleNamespace(logits=outputs.logits[rows])
    if (num_frames := getattr(outputs, "num_frames", None)) is not None:
        part.num_frames = num_frames[rows]
    return batch.select(rows, {name: values[rows] for name, values in batch.inputs.items()}), part


def _apart(batch: Batch, image_processor: Any) -> list[Batch]:
    """Images of a batch, sorted by width, in one batch for each width if widths are multiples of more than 1."""
    mask, pixels = batch.inputs.get("pixel_mask"), batch.inputs["pixel_values"]
    multiple_of = image_processor.resize_to_multiple_of or 1
    if mask is None:
        return [batch]
    if mask.all():
        return [batch._replace(inputs={"pixel_values": pixels})]
    if multiple_of == 1 or not mask[:, :, 0].all():  # lower images are padded below
        return [batch]
    return _by_width(batch, mask[:, 0].sum(-1).tolist())


def _padded_alone(batch: Batch, image_processor: Any) -> list[Batch]:
    """Images of a batch in one batch for each width that they would be padded to alone, without their mask."""
    mask = batch.inputs.pop("pixel_mask", None)
    if mask is None:  # stretched to one size
        return [batch]
    widths = mask.any(1).sum(-1).clamp(min=image_processor.size["width"])
    multiple_of = image_processor.pad_to_multiple_of or 1
    return _by_width(batch, (-(-widths // multiple_of) * multiple_of).tolist())


def _by_width(batch: Batch, widths: list[int]) -> list[Batch]:
    """Images of a batch in one batch for each of their `widths`, cut to it, without a mask."""
    rows = sorted(range(len(widths)), key=widths.__getitem__)
    groups = ((width, list(group)) for width, group in groupby(rows, key=widths.__getitem__))
    pixels = batch.inputs["pixel_values"]
    return [batch.select(group, {"pixel_values": pixels[group, ..., :width]}) for width, group in groups]
