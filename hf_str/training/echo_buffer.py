# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Data echoing: samples that were made once and are trained on more than once, kept on the device that trains."""

from collections.abc import Mapping

import torch

from .batch_augmentation import augment_batch
from .byte_collator import ByteCollator


__all__ = ["DataEchoing", "EchoBuffer"]


class EchoBuffer:
    """A ring of the latest samples, from which batches are filled up. At 32x128 gray pixels a million take 4 GB.

    Args:
        capacity: samples that are kept; the oldest make room.
        device: where they are kept.
        seed: of the draws.

    Raises:
        ValueError: there is no room.

    Example:

    ```python
    >>> buffer = EchoBuffer(1_000_000, "cuda")
    >>> buffer.add(pixels, labels)
    >>> more_pixels, more_labels = buffer.draw(len(pixels))  # each sample is seen twice, on average
    ```
    """

    def __init__(self, capacity: int, device: torch.device | str = "cpu", seed: int = 0):
        if capacity < 1:
            raise ValueError(f"an echo buffer of {capacity} samples cannot hold any")
        self.capacity, self.device = capacity, torch.device(device)
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self._added = 0
        self._columns: tuple[torch.Tensor, ...] = ()

    def __len__(self) -> int:
        """Samples in the buffer."""
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
        indices = (self._added + torch.arange(len(pixels), device=self.device)) % self.capacity
        for kept, new in zip(self._columns, batch, strict=True):
            kept[indices] = new
        self._added += len(pixels)

    def draw(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """`count` samples at random, each as likely as any other, as (pixels, labels).

        Raises:
            ValueError: the buffer is empty.
        """
        if len(self) == 0:
            raise ValueError("the echo buffer is empty: add samples before drawing any")
        indices = torch.randint(len(self), (count,), device=self.device, generator=self.generator)
        pixels, labels = (kept[indices] for kept in self._columns)
        return pixels, labels


class DataEchoing:
    """Batches in which part of the samples was seen before (data echoing, Choi et al. 2019).

    Where the device is faster than the processes that render for it, each batch holds some new samples and, for the
    rest, samples drawn at random from a buffer and changed at random on the device. Each is thus seen once as it was
    made, and `factor - 1` times again on average. What is drawn is not repeated exactly by a resumed run: the buffer
    is not saved.

    Args:
        collator: makes the batches of the loader, of bytes.
        batch_size: samples of a batch that is trained on.
        factor: how often a sample is trained on, at least 1.
        buffer_size: samples that are kept, of each width of images.
        augmentation: how much a sample from the buffer is changed, see [`augment_batch`].
        seed: of all chance.

    Raises:
        ValueError: a factor that leaves no new sample in a batch.
    """

    def __init__(
        self,
        collator: ByteCollator,
        batch_size: int,
        factor: float = 2.0,
        buffer_size: int = 200_000,
        augmentation: float = 0.5,
        seed: int = 0,
    ):
        if not 1 <= factor <= batch_size:
            raise ValueError(
                f"data_echo_factor must lie between 1 and the batch size {batch_size}, which leaves a new sample in "
                f"each batch, not {factor}"
            )
        self.collator, self.batch_size = collator, batch_size
        self.buffer_size, self.augmentation, self.seed = buffer_size, augmentation, seed
        self.num_new = new_samples(batch_size, factor)
        self._buffers: dict[int, EchoBuffer] = {}  # by width: all images of a batch have one

    def __call__(self, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """
        Args:
            batch: `pixels` (new, channels, height, width) uint8 and `labels` (new, frames) int64, on the device.

        Returns:
            `pixel_values` (batch, channels, height, width) float32 and `labels` (batch, frames).
        """
        pixels, labels = batch["pixels"], batch["labels"]
        width = pixels.shape[-1]
        if width not in self._buffers:
            self._buffers[width] = EchoBuffer(self.buffer_size, pixels.device, self.seed)
        buffer = self._buffers[width]
        buffer.add(pixels, labels)
        if num_echoes := self.batch_size - len(pixels):
            echoes, echo_labels = buffer.draw(num_echoes)
            echoes = augment_batch(echoes, buffer.generator, self.augmentation)
            pixels, labels = torch.cat([pixels, echoes]), torch.cat([labels, echo_labels])
        return {"pixel_values": self.collator.normalize(pixels), "labels": labels}


def new_samples(batch_size: int, factor: float) -> int:
    """Samples of a batch that come out of the data loader."""
    return max(1, round(batch_size / factor))
