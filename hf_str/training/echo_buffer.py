# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Words that were made once and are trained on more than once, kept on the device that trains."""

import torch


__all__ = ["EchoBuffer"]


class EchoBuffer:
    """A ring of the words made last, from which batches are filled up (data echoing, Choi et al. 2019).

    Where the device is faster than the processes that render for it, each batch holds some new words and, for the
    rest, words drawn at random from the pool. Each word is thus seen once as it was made, and as often again as the
    share of drawn words says. At 32x128 grey pixels a million words take 4 GB.

    Args:
        capacity: words that are kept; the oldest make room.
        device: where they are kept.
        seed: of the draws.

    Raises:
        ValueError: there is no room.

    Example:

    ```python
    >>> pool = EchoBuffer(1_000_000, "cuda")
    >>> pool.add(pixels, labels)
    >>> more_pixels, more_labels = pool.draw(len(pixels))  # each word is seen twice, on average
    ```
    """

    def __init__(self, capacity: int, device: torch.device | str = "cpu", seed: int = 0):
        if capacity < 1:
            raise ValueError(f"a pool of {capacity} words cannot hold any")
        self.capacity, self.device = capacity, torch.device(device)
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self._added = 0
        self._columns: tuple[torch.Tensor, ...] = ()

    def __len__(self) -> int:
        """Words in the pool."""
        return min(self._added, self.capacity)

    def add(self, pixels: torch.Tensor, labels: torch.Tensor):
        """Takes in a batch; every batch has the same shapes but for its first dimension.

        Args:
            pixels: (batch, channels, height, width) uint8.
            labels: (batch, length) int64.
        """
        batch = (pixels, labels)
        if not self._columns:
            self._columns = tuple(column.new_empty((self.capacity, *column.shape[1:])) for column in batch)
        places = (self._added + torch.arange(len(pixels), device=self.device)) % self.capacity
        for kept, new in zip(self._columns, batch, strict=True):
            kept[places] = new
        self._added += len(pixels)

    def draw(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """`count` words at random, each as likely as any other, as (pixels, labels).

        Raises:
            ValueError: the pool is empty.
        """
        if len(self) == 0:
            raise ValueError("the pool is empty: add words before drawing any")
        places = torch.randint(len(self), (count,), device=self.device, generator=self.generator)
        pixels, labels = (kept[places] for kept in self._columns)
        return pixels, labels
