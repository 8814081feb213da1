# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Where training words come from: finite sets, streams and the renderer, mixed into one endless numbered sequence.

Word number `n` of a run depends on the seed and `n` alone, not on the number of processes or workers, nor on what was
done before: that is what lets a run go on after `kill -9` as if nothing had happened.
"""

import math
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch.utils.data

from ..models.crnn.image_loading_crnn import UnreadableImageError
from .collator import InvalidSampleError, PreparedSample, WordCollator
from .invalid_samples import InvalidSamples, image_size


__all__ = [
    "RawSample",
    "RenderedSamples",
    "SampleSource",
    "StoredSamples",
    "StreamedSamples",
    "TrainingSamples",
    "parse_weights",
]

#: The seeds of independent kinds of chance: the order of words, the mixture, the augmentation.
_ORDER, _MIXTURE, _AUGMENTATION = 1, 2, 3


class RawSample(NamedTuple):
    """A word as its source has it.

    Attributes:
        image: anything that `load_word_image` takes.
        text: its label.
        name: says in a message which word it is.
        augment: whether augmentation does it good: rendered words are degraded already.
    """

    image: Any
    text: str
    name: str
    augment: bool = True


class SampleSource(Protocol):
    """An endless sequence of words by position; a finite set comes again and again, in another order each time."""

    name: str
    #: Words in one pass, or `None` where that is not known.
    length: int | None

    def words(self, positions: Sequence[int]) -> list[RawSample]:
        """The words at these positions."""
        ...

    def aspect_ratios(self, positions: Sequence[int]) -> list[float]:
        """Width / height of these words, or a guess at it: batches of like width are made by it."""
        ...


class StoredSamples:
    """The words of a `datasets.Dataset`, each once before any comes again.

    Args:
        dataset: with the columns `image` (`{"bytes", "path"}`) and `text`.
        name: for messages.
        seed: of the order.
        rows: which rows are used; all by default.
        aspect_ratios: width / height for each row of `dataset`, where known.
        left_out: how many words were left out before, for which reason: for records.

    Raises:
        ValueError: there are no rows.
    """

    def __init__(
        self,
        dataset: Any,
        name: str = "words",
        seed: int = 0,
        rows: np.ndarray | None = None,
        aspect_ratios: np.ndarray | None = None,
        left_out: Mapping[str, int] | None = None,
    ):
        self.dataset, self.name, self.seed, self.left_out = dataset, name, seed, dict(left_out or {})
        self.rows = np.arange(len(dataset)) if rows is None else np.asarray(rows)
        if len(self.rows) == 0:
            raise ValueError(f"{name!r} has no samples to train on")
        self.length = len(self.rows)
        self._aspect_ratios = aspect_ratios
        self._passes: deque[tuple[int, np.ndarray]] = deque(maxlen=2)

    def words(self, positions: Sequence[int]) -> list[RawSample]:
        rows = self._rows_at(positions)
        columns = self.dataset[rows]  # at once: several times as fast as one by one
        return [
            RawSample(image, text, f"row {row} of {self.name!r}")
            for row, image, text in zip(rows, columns["image"], columns["text"], strict=True)
        ]

    def aspect_ratios(self, positions: Sequence[int]) -> list[float]:
        rows = self._rows_at(positions)
        if self._aspect_ratios is not None:
            return self._aspect_ratios[rows].tolist()
        return [_aspect_ratio(image) for image in self.dataset[rows]["image"]]

    def _rows_at(self, positions: Sequence[int]) -> list[int]:
        places = (divmod(position, self.length) for position in positions)
        return [int(self._order(number)[offset]) for number, offset in places]

    def _order(self, number: int) -> np.ndarray:
        """The rows in the order of pass `number`; two are kept, as batches reach from one to the next."""
        for known, order in self._passes:
            if known == number:
                return order
        order = np.random.default_rng([self.seed, _ORDER, number]).permutation(self.rows)
        self._passes.append((number, order))
        return order


class StreamedSamples:
    """The words of a `datasets.IterableDataset`, shuffled in blocks; a stream that ends starts again.

    Each process reads the whole stream, but decodes only the images of its own batches: the order does not depend on
    how many processes there are. Undecoded rows are read at some 27,000 a second, which feeds about ten workers. A
    resumed run reads the stream up to where it was.

    Args:
        dataset: iterable, with the columns `image` (`{"bytes", "path"}`) and `text`.
        name: for messages.
        seed: of the order within each block.
        block: words that are shuffled together, and kept undecoded in memory a few times over.
        left_out: how many words were left out before, for which reason: for records.

    Raises (when read):
        ValueError: the stream has no samples.
    """

    length = None

    def __init__(
        self,
        dataset: Any,
        name: str = "stream",
        seed: int = 0,
        block: int = 4096,
        left_out: Mapping[str, int] | None = None,
    ):
        self.dataset, self.name, self.seed, self.block = dataset, name, seed, block
        self.left_out = dict(left_out or {})
        self._restart()

    def words(self, positions: Sequence[int]) -> list[RawSample]:
        return [RawSample(*self._row(position), f"word {position} of {self.name!r}") for position in positions]

    def aspect_ratios(self, positions: Sequence[int]) -> list[float]:
        return [_aspect_ratio(self._row(position)[0]) for position in positions]

    def __getstate__(self) -> dict[str, Any]:
        # A data loader's worker reads for itself.
        return {**self.__dict__, "_stream": None, "_blocks": deque(maxlen=3)}

    def _restart(self):
        self._process = os.getpid()
        self._stream: Iterator[tuple[Any, str]] | None = None
        self._blocks: deque[tuple[int, list[tuple[Any, str]]]] = deque(maxlen=3)

    def _row(self, position: int) -> tuple[Any, str]:
        number, offset = divmod(position, self.block)
        is_forked = os.getpid() != self._process  # two processes must not read on in the same open file
        if is_forked or (self._blocks and number < self._blocks[0][0]):
            self._restart()
        if self._stream is None:
            self._stream = self._endless_rows()
        while not self._blocks or self._blocks[-1][0] < number:
            following = self._blocks[-1][0] + 1 if self._blocks else 0
            self._blocks.append((following, [next(self._stream) for _ in range(self.block)]))
        rows = self._blocks[number - self._blocks[0][0]][1]
        return rows[_block_order(self.seed, number, self.block)[offset]]

    def _endless_rows(self) -> Iterator[tuple[Any, str]]:
        while True:
            empty = True
            # In batches, `datasets` does not share the stream out among the workers of a data loader.
            for columns in self.dataset.iter(batch_size=256):
                empty = False
                yield from zip(columns["image"], columns["text"], strict=True)
            if empty:
                raise ValueError(f"the stream {self.name!r} has no samples")


class RenderedSamples:
    """Words that no camera saw, without end.

    Args:
        make_renderer: makes the `WordRenderer`; called in each process that renders.
        name: for messages.
    """

    length = None

    def __init__(self, make_renderer: Callable[[], Any], name: str = "synth"):
        self.make_renderer, self.name = make_renderer, name

    def words(self, positions: Sequence[int]) -> list[RawSample]:
        rendered = ((position, *self._renderer.render(position)) for position in positions)
        return [RawSample(image, text, f"rendered word {position}", False) for position, image, text in rendered]

    def aspect_ratios(self, positions: Sequence[int]) -> list[float]:
        """A guess from the texts: half a height a letter."""
        return [0.4 + 0.5 * len(self._renderer.text(position)) for position in positions]

    def __getstate__(self) -> dict[str, Any]:
        # A data loader's worker renders for itself.
        return {name: value for name, value in self.__dict__.items() if name != "_renderer"}

    @cached_property
    def _renderer(self) -> Any:
        return self.make_renderer()


class TrainingSamples(torch.utils.data.Dataset):
    """Word number `n` of the run, whatever it comes from, prepared for the model.

    Sources take turns in blocks of 4,096 words in which each has its exact share, in random order.

    Args:
        sources: where words come from.
        weights: the share of each, in any unit where all have one; those without one have what is left of 1, each by
            its size, so that without weights each sample is seen once per epoch.
        collator: prepares the words.
        seed: of all chance.
        augmentation: strength of the augmentation of words that were not rendered; 0 for none.
        invalid_samples: what to do with samples that cannot be trained on: raise, or count and take the next one.

    Raises:
        ValueError: weights that leave no share for a source without one, or none where a source has no known size.
    """

    BLOCK = 4096

    def __init__(
        self,
        sources: Sequence[SampleSource],
        collator: WordCollator,
        weights: Sequence[float | None] | None = None,
        seed: int = 0,
        augmentation: float = 0.0,
        invalid_samples: InvalidSamples | None = None,
    ):
        self.sources, self.collator, self.seed, self.augmentation = list(sources), collator, seed, augmentation
        self.invalid_samples = invalid_samples or InvalidSamples("error")
        self.shares = _shares(self.sources, weights)
        self._counts = _apportioned(self.shares, self.BLOCK)
        for source, count in zip(self.sources, self._counts, strict=True):
            if count == 0:
                raise ValueError(f"the weight of {source.name!r} is so small that it would never be used")

    @property
    def samples_per_epoch(self) -> int | None:
        """Words until every source has been seen once; `None` where one has no end."""
        lengths = [source.length for source in self.sources if source.length is not None]
        if len(lengths) < len(self.sources):
            return None
        return max(math.ceil(length / share) for length, share in zip(lengths, self.shares, strict=True))

    def __getitem__(self, index: int) -> PreparedSample:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[PreparedSample]:
        """The words of a batch; torch's data loaders prefer this to one by one."""
        places = [self.place(index) for index in indices]
        raw: dict[tuple[int, int], RawSample] = {}
        for source in {source for source, _ in places}:
            positions = [position for number, position in places if number == source]
            words = self.sources[source].words(positions)
            raw.update({(source, position): word for position, word in zip(positions, words, strict=True)})
        return [self._prepare(index, place, raw[place]) for index, place in zip(indices, places, strict=True)]

    def aspect_ratios(self, indices: Sequence[int]) -> list[float]:
        """Width / height of these words as the model will see them, or a guess at it."""
        places = [self.place(index) for index in indices]
        ratios: dict[tuple[int, int], float] = {}
        for source in {source for source, _ in places}:
            positions = [position for number, position in places if number == source]
            found = self.sources[source].aspect_ratios(positions)
            ratios.update({(source, position): ratio for position, ratio in zip(positions, found, strict=True)})
        return [ratios[place] for place in places]

    def place(self, index: int) -> tuple[int, int]:
        """Which source word number `index` comes from, and its position there."""
        block, offset = divmod(index, self.BLOCK)
        turns, ranks = _turns(tuple(self._counts), self.seed, block)
        source = int(turns[offset])
        return source, block * self._counts[source] + int(ranks[offset])

    def _prepare(self, index: int, place: tuple[int, int], word: RawSample) -> PreparedSample:
        source, position = place
        strength = self.augmentation if word.augment else 0.0
        rng = np.random.default_rng([self.seed, _AUGMENTATION, index]) if strength else None
        for attempt in range(100):
            try:
                return self.collator.prepare(word.image, word.text, rng, strength)
            except InvalidSampleError as error:
                is_ours = isinstance(self.sources[source], RenderedSamples)  # nobody could correct it
                self.invalid_samples.found(word.name, error, "drop" if is_ours else None)
            word = self.sources[source].words([position + attempt + 1])[0]  # batches stay full
        name = self.sources[source].name
        raise ValueError(f"100 samples in a row of {name!r} cannot be trained on; the last: {word.name}")


def parse_weights(arguments: Sequence[str]) -> list[tuple[str, float | None]]:
    """Reads `PATH` or `PATH=WEIGHT`.

    Raises:
        ValueError: a weight that is not above 0.

    Example:
        >>> parse_weights(["synth=0.75", "words/=0.25"])
        [('synth', 0.75), ('words/', 0.25)]
    """
    return [_parse_weight(argument) for argument in arguments]


def _parse_weight(argument: str) -> tuple[str, float | None]:
    name, _, number = argument.rpartition("=")
    try:
        weight = float(number)
    except ValueError:
        return argument, None  # a path may have an equals sign in it
    if not name:
        return argument, None
    if not 0 < weight < math.inf:
        raise ValueError(f"the weight of {name!r} is {number}, but must be above 0")
    return name, weight


def _shares(sources: Sequence[SampleSource], weights: Sequence[float | None] | None) -> list[float]:
    if not sources:
        raise ValueError("there is nothing to train on: name at least one source with --dataset")
    weights = [None] * len(sources) if weights is None else list(weights)
    given = sum(weight for weight in weights if weight is not None)
    sized = [source for source, weight in zip(sources, weights, strict=True) if weight is None]
    if not sized:
        return [weight / given for weight in weights if weight is not None]
    if given >= 1:
        raise ValueError(
            f"the weights given add up to {given:g}, which leaves no share for {', '.join(s.name for s in sized)}: "
            "give all sources a weight, or weights below 1 in all"
        )
    if len(sized) == 1:
        return [1 - given if weight is None else weight for weight in weights]
    if endless := [source.name for source in sized if source.length is None]:
        raise ValueError(f"{endless[0]!r} has no known size, so it needs a weight, such as {endless[0]}=0.5")
    total = sum(source.length or 0 for source in sized)
    by_size = [(1 - given) * (source.length or 0) / total for source in sources]
    return [size if weight is None else weight for size, weight in zip(by_size, weights, strict=True)]


def _apportioned(shares: Sequence[float], total: int) -> list[int]:
    """Whole numbers that add up to `total`, as near as can be to the shares (largest remainders)."""
    counts = [int(share * total) for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda i: counts[i] - shares[i] * total)
    for index in by_remainder[: total - sum(counts)]:
        counts[index] += 1
    return counts


@lru_cache(maxsize=8)
def _turns(counts: tuple[int, ...], seed: int, block: int) -> tuple[np.ndarray, np.ndarray]:
    """For each word of a block its source, and how many words of that source came before it in the block."""
    turns = np.repeat(np.arange(len(counts)), counts)
    turns = np.random.default_rng([seed, _MIXTURE, block]).permutation(turns)
    ranks = np.empty_like(turns)
    for source, count in enumerate(counts):
        ranks[turns == source] = np.arange(count)
    return turns, ranks


@lru_cache(maxsize=8)
def _block_order(seed: int, number: int, length: int) -> np.ndarray:
    return np.random.default_rng([seed, _ORDER, number]).permutation(length)


def _aspect_ratio(image: Any) -> float:
    """Width / height from the file's header; 1 where it cannot be read, which is found out when it is needed."""
    try:
        width, height = image_size(image)
    except (UnreadableImageError, OSError):
        return 1.0
    return width / height
