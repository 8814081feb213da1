"""Opens the images of shards, off the critical path: what the workers of a data loader do while the network reads."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from torch.utils.data import Dataset

from ..models.crnn.batching_crnn import Batch, make_batches, window_size
from ..models.crnn.image_loading_crnn import UnreadableImageError, load_word_image
from ..models.crnn.processing_crnn import CRNNProcessor
from .shards import BrokenShardError, Sample, Shard


__all__ = ["Preparation", "Prepared", "Window", "windows"]


class Window(NamedTuple):
    """Samples of a shard that follow one another.

    Attributes:
        shard: its number.
        first_row: of the shard, from 0.
        samples: key and image of each. Empty in the last window of every shard, and only there.
        problem: in the last window, why the shard could not be read to its end.
    """

    shard: int
    first_row: int
    samples: list[Sample]
    problem: str = ""


class Prepared(NamedTuple):
    """A window whose images were opened.

    Attributes:
        shard, first_row, problem: of the [`Window`].
        keys: of each sample.
        bad: the problems of images that could not be opened, by their place in the window.
        batches: the others.
    """

    shard: int
    first_row: int
    problem: str
    keys: list[str | None]
    bad: dict[int, str]
    batches: list[Batch]


def windows(shards: Iterable[tuple[int, Shard]], size: int) -> Iterator[Window]:
    """The samples of numbered shards, `size` at a time; then of each shard the empty window."""
    for number, shard in shards:
        row, samples, problem = 0, iter(shard), ""
        try:
            while some := list(islice(samples, size)):
                yield Window(number, row, some)
                row += len(some)
        except BrokenShardError as error:
            problem = str(error)
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
        images, bad = {}, {}
        for place, (_, source) in enumerate(window.samples):
            if source is None:
                bad[place] = "there is no image"
                continue
            try:
                images[place] = load_word_image(source)
            except UnreadableImageError as error:
                bad[place] = str(error)
        places = list(images)
        batches = [
            batch._replace(places=[places[place] for place in batch.places])
            for batch in make_batches(list(images.values()), self.image_processor, self.batch_size)
        ]
        keys = [key for key, _ in window.samples]
        return Prepared(window.shard, window.first_row, window.problem, keys, bad, batches)
