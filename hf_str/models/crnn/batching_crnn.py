"""Which images go through the network together.

Where images keep their aspect ratio, a batch is padded to its widest image. So images are taken in windows of some
batches, and wide and narrow ones of a window go apart.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

import torch
from PIL import Image


__all__ = ["Batch", "make_batches", "sorts_by_width", "window_size"]

#: Of a window, where images are sorted by width.
BATCHES_PER_WINDOW = 4


class Batch(NamedTuple):
    """Images for one forward pass.

    Attributes:
        places: of each image in its window.
        sizes: (height, width) of each image in pixels.
        inputs: what the model takes.
    """

    places: list[int]
    sizes: list[tuple[int, int]]
    inputs: dict[str, torch.Tensor]


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
    nothing is padded. A mask that hides nothing is left out: without one the network is faster.
    """
    order = list(range(len(images)))
    if sorts_by_width(image_processor):
        order.sort(key=lambda place: images[place].width / images[place].height)
    batches = []
    for start in range(0, len(order), batch_size):
        places = order[start : start + batch_size]
        own = [images[place] for place in places]
        inputs = image_processor(own, return_tensors="pt")  # all at once: much cheaper than one by one
        sizes = [(image.height, image.width) for image in own]
        batches += _apart(Batch(places, sizes, dict(inputs)), image_processor.resize_to_multiple_of or 1)
    return batches


def _apart(batch: Batch, multiple_of: int) -> list[Batch]:
    """Images of a batch, sorted by width, in one batch for each width if widths are multiples of more than 1."""
    mask = batch.inputs.get("pixel_mask")
    if mask is None:
        return [batch]
    if mask.all():
        return [batch._replace(inputs={"pixel_values": batch.inputs["pixel_values"]})]
    if multiple_of == 1 or not mask[:, :, 0].all():  # lower images are padded below
        return [batch]
    batches, widths = [], mask[:, 0].sum(-1).tolist()
    for width, group in groupby(range(len(widths)), key=widths.__getitem__):
        rows = list(group)
        pixels = batch.inputs["pixel_values"][rows[0] : rows[-1] + 1, ..., :width].contiguous()
        batches.append(
            Batch([batch.places[r] for r in rows], [batch.sizes[r] for r in rows], {"pixel_values": pixels})
        )
    return batches
