# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Augmented batches: each image in its own way, still readable, nothing without strength."""

import numpy as np
import pytest
import torch

from hf_str.training.batch_augmentation import augment_batch
from tests.conftest import draw_word


@pytest.fixture
def pixels():
    """(64, 1, 32, 128): one word many times."""
    image = np.asarray(draw_word("Word").convert("L").resize((128, 32)))
    return torch.from_numpy(image.copy()).expand(64, 1, 32, 128)


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_each_image_changes_in_its_own_way(pixels):
    augmented = augment_batch(pixels, chance())
    assert augmented.shape == pixels.shape
    assert augmented.dtype == torch.uint8
    assert len({image.numpy().tobytes() for image in augmented}) > 60
    assert torch.equal(augmented, augment_batch(pixels, chance()))
    assert not torch.equal(augmented, augment_batch(pixels, chance(1)))


def test_words_stay_readable(pixels):
    """They still look like themselves, or like their negative, more than like their mirror image."""

    def likeness(images, other):
        images, other = (x.float().flatten(1) - x.float().flatten(1).mean(1, keepdim=True) for x in (images, other))
        return torch.nn.functional.cosine_similarity(images, other).abs()

    augmented = augment_batch(pixels, chance())
    assert (likeness(augmented, pixels) > likeness(augmented, pixels.flip(-1))).all()
    assert likeness(augmented, pixels).mean() > 0.8


def test_strength(pixels):
    def change(strength):
        return (augment_batch(pixels, chance(), strength).float() - pixels.float()).abs().mean()

    assert torch.equal(augment_batch(pixels, chance(), 0.0), pixels)
    assert 0 < change(0.25) < change(0.5) < change(1.0)
    assert augment_batch(pixels[:0], chance()).shape == (0, 1, 32, 128)


def test_colors_are_changed_alike():
    gray = torch.full((200, 3, 8, 8), 100, dtype=torch.uint8)
    tones = augment_batch(gray, chance(), 1.0).float().mean((2, 3))
    assert (tones.max(1).values - tones.min(1).values < 8).all()  # noise alone tells the channels apart
    assert tones.std() > 10
