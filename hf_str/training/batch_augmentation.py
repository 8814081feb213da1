# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The changes of `hf_str.data.augmentation`, for whole batches on the device that trains."""

import torch
from torch.nn import functional as F


__all__ = ["augment_batch"]

_REACH = 2  # of the blur, pixels to each side


def augment_batch(
    pixels: torch.Tensor, generator: torch.Generator | None = None, strength: float = 1.0
) -> torch.Tensor:
    """Moves, bends and degrades each image of a batch a little, each in its own way.

    What [`augment_word`] does with one image, but for the change of resolution, at the model's size and without
    waiting for the device. The corners span a bilinear surface instead of a plane in perspective, which for such small
    moves looks the same and needs no equations solved.

    Args:
        pixels: (batch, channels, height, width) uint8.
        generator: the source of chance, on the device of `pixels`.
        strength: 0 changes nothing, 1 is what training on real words uses.

    Returns:
        New images like `pixels`.
    """
    if strength <= 0 or len(pixels) == 0:
        return pixels
    chance = _Chance(len(pixels), pixels.device, generator)
    images = pixels.float() / 255
    images = _jitter_corners(images, chance, 0.09 * strength)
    images = _change_tone(images, chance, strength)
    images = torch.where(chance.happens(0.1 * min(1.0, strength)), 1 - images, images)
    images = _blur(images, chance, strength)
    amount = chance.happens(0.25) * chance.between(2 / 255, 14 / 255) * strength
    noise = torch.randn(images.shape, device=images.device, generator=generator)
    return (images + amount * noise).clamp_(0, 1).mul_(255).round_().to(torch.uint8)


class _Chance:
    """Draws a number for each image of a batch, shaped to go with (batch, channels, height, width)."""

    def __init__(self, count: int, device: torch.device, generator: torch.Generator | None):
        self.count, self.device, self.generator = count, device, generator

    def between(self, low: float, high: float, *shape: int) -> torch.Tensor:
        """(batch, 1, 1, 1), or (batch, *shape)."""
        drawn = torch.rand((self.count, *(shape or (1, 1, 1))), device=self.device, generator=self.generator)
        return low + (high - low) * drawn

    def happens(self, probability: float) -> torch.Tensor:
        """(batch, 1, 1, 1) of bool."""
        return self.between(0, 1) < probability


def _jitter_corners(images: torch.Tensor, chance: _Chance, amount: float) -> torch.Tensor:
    """Moves each corner of 70 % by up to `amount` of the height: crop, shift, rotation, shear, perspective in one."""
    height, width = images.shape[-2:]
    moves = chance.between(-2 * amount, 2 * amount, 2, 2, 2) * chance.happens(0.7)  # a picture is 2 wide and high
    moves[:, 0] *= height / width
    # Where each pixel comes from: its own place, and a mixture of the moves of the four corners.
    moves = F.interpolate(moves, (height, width), mode="bilinear", align_corners=True)
    identity = torch.eye(2, 3, device=images.device).expand(len(images), 2, 3)
    grid = F.affine_grid(identity, list(images.shape), align_corners=False) + moves.permute(0, 2, 3, 1)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _change_tone(images: torch.Tensor, chance: _Chance, strength: float) -> torch.Tensor:
    """Contrast, brightness and gamma of half of the images."""
    toned = images.clamp(min=1e-4) ** (chance.between(-0.5, 0.5) * strength).exp()
    toned = (toned - 0.5) * (chance.between(-0.6, 0.4) * strength).exp() + 0.5
    toned = (toned + chance.between(-0.15, 0.15) * strength).clamp(0, 1)
    return torch.where(chance.happens(0.5), toned, images)


def _blur(images: torch.Tensor, chance: _Chance, strength: float) -> torch.Tensor:
    """A Gaussian over a quarter of the images, rows and then columns."""
    deviation = 0.3 + chance.between(0, 1) * (0.025 * strength * images.shape[-2] + 0.1)
    distances = torch.arange(-_REACH, _REACH + 1, device=images.device)
    weights = torch.exp(-0.5 * (distances / deviation) ** 2)  # (batch, 1, 1, taps)
    weights = torch.where(chance.happens(0.25), weights, (distances == 0).float())
    weights = weights / weights.sum(-1, keepdim=True)
    for dim in (-1, -2):
        pad = (_REACH, _REACH, 0, 0) if dim == -1 else (0, 0, _REACH, _REACH)
        padded, size = F.pad(images, pad, mode="replicate"), images.shape[dim]
        shifted = [padded.narrow(dim, tap, size) for tap in range(2 * _REACH + 1)]
        images = torch.zeros_like(images)
        for tap, image in enumerate(shifted):
            images = images + weights[..., tap : tap + 1] * image
    return images
