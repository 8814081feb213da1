# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Which samples make which batch."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np


__all__ = ["WordBatchSampler"]


class WordBatchSampler:
    """The numbers of the samples of each batch of one process, from any batch on.

    At step `s`, all processes together take samples `s * B` to `(s + 1) * B`. `B` is the batch size times the number
    of processes: two of them see in a step what one with twice the batch sees.

    With `window`, the samples of so many steps are sorted by width and dealt out in order, so that a batch holds
    images of like width and little padding (the ratio sampler of SVTRv2, Du et al. 2024, without its fixed set of
    sizes); the steps of a window come in random order, so that training does not swing from short words to long ones.

    Args:
        batch_size: samples per batch.
        num_batches: batches of the whole run, for each process.
        rank: number of this process.
        world_size: number of processes.
        start: first batch; a resumed run starts where it stopped, at no cost.
        window: steps whose samples are sorted together; 0 for none.
        widths: gives the widths of images by the numbers of their samples, in any unit.
        seed: decides the order of steps within a window.

    Raises:
        ValueError: a number is out of range, or there is a window without widths.
    """

    def __init__(
        self,
        batch_size: int,
        num_batches: int,
        rank: int = 0,
        world_size: int = 1,
        start: int = 0,
        window: int = 0,
        widths: Callable[[Sequence[int]], Sequence[float]] | None = None,
        seed: int = 0,
    ):
        if batch_size < 1 or num_batches < 0 or window < 0 or not 0 <= rank < world_size:
            raise ValueError(
                f"batch_size {batch_size}, num_batches {num_batches}, window {window} or rank {rank} of {world_size} "
                "is out of range"
            )
        if window and widths is None:
            raise ValueError("batches of like width need to know the widths")
        self.batch_size, self.num_batches, self.start = batch_size, num_batches, start
        self.rank, self.world_size, self.window, self.widths, self.seed = rank, world_size, window, widths, seed

    def __len__(self) -> int:
        """Batches of the whole run, wherever this sampler starts."""
        return self.num_batches

    def __iter__(self) -> Iterator[list[int]]:
        samples_per_step = self.batch_size * self.world_size
        number, window = None, []
        for step in range(self.start, self.num_batches):
            if not self.window:
                first = step * samples_per_step + self.rank * self.batch_size
                yield list(range(first, first + self.batch_size))
                continue
            if step // self.window != number:
                number = step // self.window
                window = self._sorted_window(number, samples_per_step)
            # Every process gets narrow and wide images of the step alike: none waits for another.
            yield window[step % self.window][self.rank :: self.world_size].tolist()

    def _sorted_window(self, number: int, samples_per_step: int) -> np.ndarray:
        """(steps, samples per step): the samples of window `number`, of like width in each row."""
        first = number * self.window * samples_per_step
        assert self.widths is not None, "checked when the sampler was made"
        numbers = np.arange(first, first + self.window * samples_per_step)
        order = np.argsort(np.asarray(self.widths(numbers.tolist())), kind="stable")
        steps = numbers[order].reshape(self.window, samples_per_step)
        return steps[np.random.default_rng([self.seed, number]).permutation(self.window)]
