# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Which images go through the network together, and which way up.

Where images keep their aspect ratio, a batch is padded to its widest image. So images are taken in windows of some
batches, and wide and narrow ones of a window go apart. Tall crops are read in three orientations, of
which the surest reading is kept.

Logits of a batch may take more memory than its images: with 18,710 classes, 64 words of 400 frames would take 1.9 GB,
and decoders copy them. So a batch goes through the network in parts whose logits are no larger than `LOGITS_BYTES`.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import torch
from PIL import Image

from .ctc_decoding_crnn import NonFiniteLogitsError


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
        places: of each image in its window; of a tall crop three times.
        rotations: by how many degrees each image was turned, counter-clockwise: 0, 90 or 270.
        sizes: (height, width) of each image in pixels, after turning.
        inputs: what the model takes.
    """

    places: list[int]
    rotations: list[int]
    sizes: list[tuple[int, int]]
    inputs: dict[str, torch.Tensor]

    def select(self, rows: Sequence[int], inputs: dict[str, torch.Tensor]) -> "Batch":
        """Some of its images, with the `inputs` made for them."""
        return Batch(*([column[row] for row in rows] for column in self[:3]), inputs)


def sorts_by_width(image_processor: Any) -> bool:
    """Whether wide and narrow images are better read apart.

    So it is where padding is masked: what is read of an image does not depend on its neighbours, only the time does.
    """
    return "pixel_mask" in image_processor.model_input_names


def window_size(image_processor: Any, batch_size: int) -> int:
    """How many images to open before some of them are read."""
    return batch_size * (BATCHES_PER_WINDOW if sorts_by_width(image_processor) and batch_size > 1 else 1)


def make_batches(images: Sequence[Image.Image], image_processor: Any, batch_size: int) -> list[Batch]:
    """Prepares the images of a window, at most `batch_size` at a time.

    Where the image processor knows few widths (`resize_to_multiple_of`), images of different width go apart, so that
    nothing is padded. A mask that hides nothing is left out: without one the network is faster. Where a network looks
    at its padding (`return_pixel_mask=False`) up to a width (`padding="max_length"`), wider images go apart as well,
    so that no image gets more padding than it would have alone. Of images that are more than the image processor's
    `vertical_aspect_ratio` times as high as wide, two more go in, turned either way.
    """
    views = [(place, 0, image) for place, image in enumerate(images)]
    if ratio := image_processor.vertical_aspect_ratio:
        tall = [(place, image) for place, _, image in views if image.height > ratio * image.width]
        views += [(place, turn, image.rotate(turn, expand=True)) for place, image in tall for turn in (90, 270)]
    if sorts_by_width(image_processor):
        views.sort(key=lambda view: view[2].width / view[2].height)
    batches = []
    for start in range(0, len(views), batch_size):
        places, rotations, own = map(list, zip(*views[start : start + batch_size], strict=True))
        pads_alone = not sorts_by_width(image_processor) and image_processor.padding == "max_length"
        # all at once: much cheaper than one by one
        inputs = image_processor(own, return_tensors="pt", **({"return_pixel_mask": True} if pads_alone else {}))
        batch = Batch(places, rotations, [(image.height, image.width) for image in own], dict(inputs))
        batches += _padded_alone(batch, image_processor) if pads_alone else _apart(batch, image_processor)
    return batches


def keep_most_confident(batches: Iterable[tuple[Batch, Sequence[dict[str, Any]]]]) -> dict[int, dict[str, Any]]:
    """One reading for each image, by its place in the window.

    A turned image counts only where two characters or more are read in it, whose geometric mean of probabilities is
    higher than that of any other way up; its reading has a `rotation`, and the positions of its characters are those
    in the turned image.

    Args:
        batches: each with what `CRNNProcessor.post_process_text_recognition` gave for it.
    """
    surest: dict[int, tuple[float, dict[str, Any]]] = {}
    for batch, readings in batches:
        for place, rotation, reading in zip(batch.places, batch.rotations, readings, strict=True):
            probabilities = [one["probability"] for one in reading["characters"]]
            if rotation and len(probabilities) < 2:
                continue
            sure = math.prod(probabilities) ** (1 / len(probabilities)) if probabilities else 0.0
            if place not in surest or sure > surest[place][0]:
                surest[place] = sure, reading | ({"rotation": rotation} if rotation else {})
    return {place: reading for place, (_, reading) in surest.items()}


def bound_logits(batches: Iterable[Batch], model: Any, num_classes: int) -> Iterator[Batch]:
    """Splits batches whose logits would take more than `LOGITS_BYTES`; what is read stays the same.

    Args:
        batches: of [`make_batches`].
        model: whose `config` says how many frames an image gives; without one, a frame every four pixels.
        num_classes: of each frame.
    """
    config = getattr(model, "config", None)
    for batch in batches:
        width = batch.inputs["pixel_values"].shape[-1]
        frames = width // 4 if config is None else config.num_frames(width)
        at_once = max(LOGITS_BYTES // (4 * max(frames, 1) * num_classes), 1)
        if len(batch.places) <= at_once:
            yield batch
            continue
        for start in range(0, len(batch.places), at_once):
            rows = range(len(batch.places))[start : start + at_once]
            yield batch.select(rows, {name: values[start : rows.stop] for name, values in batch.inputs.items()})


def recognize_batches(
    batches: Iterable[Batch],
    model: Any,
    processor: Any,
    image_name: Callable[[int], str] = "image {}".format,
    **decoding: Any,
) -> dict[int, dict[str, Any]]:
    """Reads a window, with bounded memory: one reading for each image, by its place.

    Args:
        batches: of [`make_batches`].
        model: gives logits.
        processor: its `CRNNProcessor`.
        image_name: what an error calls the image at a place; by default its place.
        decoding: further arguments of `post_process_text_recognition`.

    Raises:
        NonFiniteLogitsError: of some images the model gives no probabilities; it names them.
    """

    def read(batch: Batch) -> list[dict[str, Any]]:
        inputs = {name: tensor.to(model.device, non_blocking=True) for name, tensor in batch.inputs.items()}
        mask = inputs.get("pixel_mask")
        outputs = model(**inputs)
        try:
            return processor.post_process_text_recognition(outputs, mask, target_sizes=batch.sizes, **decoding)
        except NonFiniteLogitsError as error:
            places = sorted({batch.places[row] for row in error.images})
            raise NonFiniteLogitsError(places, list(map(image_name, places))) from None

    return keep_most_confident(
        (batch, read(batch)) for batch in bound_logits(batches, model, len(processor.tokenizer))
    )


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
