# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches that travel as bytes and become numbers on the device that trains: a quarter of the traffic."""

from collections.abc import Sequence

import torch

from ..models.crnn.configuration_crnn import CRNNConfig
from ..models.crnn.image_geometry_crnn import normalization_terms, per_channel
from ..models.crnn.processing_crnn import CRNNProcessor
from .collator import PreparedSample, WordCollator


__all__ = ["ByteCollator"]


class ByteCollator(WordCollator):
    """A [`WordCollator`] for training whose batches are 8-bit images of one size, to be normalized on the device.

    Words that keep their aspect ratio are stretched or squeezed to the median width of their batch.

    Evaluation, which calls [`stack`], gets the image processor's floats as ever.

    Args:
        processor: of the model.
        config: of the model.

    Example:

    ```python
    >>> collator = ByteCollator(processor, model.config)
    >>> batch = collator([{"image": "word.png", "text": "word"}])
    >>> model(collator.normalize(batch["pixels"].to(device)), labels=batch["labels"].to(device))
    ```
    """

    def __init__(self, processor: CRNNProcessor, config: CRNNConfig):
        super().__init__(processor, config)
        self._terms = normalization_terms(
            self.image_processor.rescale_factor, self.image_processor.image_mean, self.image_processor.image_std
        )

    def __call__(self, words: Sequence[PreparedSample]) -> dict[str, torch.Tensor]:
        """
        Args:
            words: prepared words.

        Returns:
            `pixels` (batch, channels, height, width) uint8, and `labels` (batch, frames) int64, padded with -100 to
            the longest that can be learned, so that batches of any words of one width can be joined.
        """
        pixels = torch.stack(list(map(_as_tensor, self.of_one_width(words))))
        labels = torch.full((len(words), self.num_frames(pixels.shape[-1])), -100)
        for row, word in zip(labels, words, strict=True):
            row[: len(word.ids)] = torch.tensor(word.ids)
        return {"pixels": pixels, "labels": labels}

    def normalize(self, pixels: torch.Tensor) -> torch.Tensor:
        """(batch, channels, height, width) of uint8 to what the image processor makes of it, float32, anywhere."""
        scale, offset = (
            torch.from_numpy(per_channel(term, pixels.shape[1])).to(pixels.device, non_blocking=True)
            for term in self._terms
        )
        return pixels.float().mul_(scale).sub_(offset)


def _as_tensor(image) -> torch.Tensor:
    """A gray or RGB Pillow image as uint8 (channels, height, width)."""
    channels = len(image.getbands())
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return pixels.view(image.height, image.width, channels).permute(2, 0, 1)
