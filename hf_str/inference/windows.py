# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Opens the images of shards, off the critical path: what the workers of a data loader do while the network reads."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from PIL import Image
from torch.utils.data import Dataset

from ..models.crnn.image_batching_crnn import Batch, make_batches, window_size
from ..models.crnn.image_loading_crnn import UnreadableImageError, load_word_image
from ..models.crnn.processing_crnn import CRNNProcessor
from .shards import BadImage, BrokenShardError, Shard


__all__ = ["Preparation", "Prepared", "Window", "windows"]

#: Of encoded images: a window that has so many ends early.
WINDOW_BYTES = 1 << 26
#: Of opened images: when so many wait they are made small, which what the network takes is. So no more than these and
#: one large image are held, whatever a shard brings, while ordinary words fill whole batches.
OPEN_PIXELS = 1 << 25


class Window(NamedTuple):
    """Samples of a shard that follow one another.

    Attributes:
        shard: its number.
        first_row: the row of its first sample in the shard, from 0.
        samples: the key and the image of each, as a [`Shard`] gives them, or as anything that `load_word_image` takes.
            Empty in the last window of every shard, and only there.
        problem: in the last window, why the shard could not be read to its end.
    """

    shard: int
    first_row: int
    samples: Sequence[tuple[str | None, Any]]
    problem: str = ""


class Prepared(NamedTuple):
    """A window whose images were opened.

    Attributes:
        shard: as in the [`Window`].
        first_row: as in the window.
        problem: as in the window.
        keys: the key of each sample.
        bad: by index in the window, the problems of images that could not be opened or, once the window was
            recognized, for which the model gave no probabilities.
        batches: the other images.
    """

    shard: int
    first_row: int
    problem: str
    keys: list[str | None]
    bad: dict[int, str]
    batches: list[Batch]


def windows(shards: Iterable[tuple[int, Shard]], size: int) -> Iterator[Window]:
    """The samples of numbered shards, at most `size` at a time; after those of each shard an empty window."""
    for number, shard in shards:
        row, held, problem = 0, 0, ""
        some: list[tuple[str | None, Any]] = []
        try:
            for sample in shard:
                some.append(sample)
                held += len(sample[1]) if isinstance(sample[1], bytes) else 0
                if len(some) == size or held >= WINDOW_BYTES:
                    yield Window(number, row, some)
                    row, some, held = row + len(some), [], 0
        except BrokenShardError as error:
            problem = str(error)
        if some and not problem:
            yield Window(number, row, some)
            row += len(some)
        yield Window(number, row, [], problem)


class Preparation(Dataset):
    """Windows -> prepared windows.

    To be used with windows as the sampler of a data loader, without batches of its own. The "index" that goes to a
    worker is then the window itself: each file is read once, in order, by the main process, and results come in order.

    Example:

    ```python
    >>> preparation = Preparation(processor, batch_size=64)  # doctest: +SKIP
    >>> DataLoader(preparation, batch_size=None, sampler=windows(shards, preparation.window_size))  # doctest: +SKIP
    ```
    """

    def __init__(self, processor: CRNNProcessor, batch_size: int):
        self.image_processor, self.batch_size = processor.image_processor, batch_size
        self.window_size = window_size(self.image_processor, batch_size)

    def __getitem__(self, window: Window) -> Prepared:
        bad: dict[int, str] = {}
        batches: list[Batch] = []
        opened: dict[int, Image.Image] = {}
        pixels = 0
        for index, (_, source) in enumerate(window.samples):
            if source is None or isinstance(source, BadImage):
                bad[index] = "there is no image" if source is None else source.problem
                continue
            try:
                image = load_word_image(source)
            except (UnreadableImageError, TypeError) as error:
                bad[index] = str(error)
                continue
            opened[index] = image
            pixels += image.width * image.height
            del image  # `opened` alone holds it
            if pixels >= OPEN_PIXELS:
                batches += self._batches(opened, bad)
                opened, pixels = {}, 0
        batches += self._batches(opened, bad)
        keys = [key for key, _ in window.samples]
        return Prepared(window.shard, window.first_row, window.problem, keys, bad, batches)

    def _batches(self, images: dict[int, Image.Image], bad: dict[int, str]) -> list[Batch]:
        """Images by their index in the window -> batches; adds to `bad` what cannot be prepared."""
        indices = list(images)
        try:
            batches = make_batches(list(images.values()), self.image_processor, self.batch_size)
        except Exception as error:  # noqa: BLE001 (whatever one image causes, the others are read)
            if len(indices) > 1:
                return [batch for index in indices for batch in self._batches({index: images[index]}, bad)]
            size = " x ".join(map(str, images[indices[0]].size))
            bad[indices[0]] = f"an image of {size} pixels cannot be prepared: {str(error) or type(error).__name__}"
            return []
        return [batch._replace(indices=[indices[index] for index in batch.indices]) for batch in batches]
