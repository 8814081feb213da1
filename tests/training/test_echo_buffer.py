# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Data echoing: a buffer keeps the latest samples, whole, and draws each as often as any other."""

import pytest
import torch

from hf_str.training import ByteCollator, DataEchoing, EchoBuffer
from tests.conftest import draw_word


def batch(first: int, count: int):
    """Words whose pixels and labels are their number."""
    numbers = torch.arange(first, first + count)
    return numbers.to(torch.uint8)[:, None, None, None].expand(-1, 1, 2, 3), numbers[:, None].expand(-1, 4)


def test_the_newest_samples_are_kept():
    buffer = EchoBuffer(10)
    with pytest.raises(ValueError, match="empty"):
        buffer.draw(1)
    for first, size in ((0, 4), (4, 8), (12, 10)):
        buffer.add(*batch(first, 4))
        assert len(buffer) == size
    pixels, labels = buffer.draw(200)
    assert pixels.shape == (200, 1, 2, 3)
    assert pixels.dtype == torch.uint8
    assert torch.equal(pixels[:, 0, 0, 0].long(), labels[:, 0])  # no picture lost its text
    assert set(labels[:, 0].tolist()) == {2, 3, 4, 5, 6, 7, 12, 13, 14, 15}  # 0 and 1 made room


def test_draws_are_even_and_repeatable():
    def draws(seed: int) -> list[int]:
        buffer = EchoBuffer(1000, seed=seed)
        buffer.add(*batch(0, 8))
        return buffer.draw(8000)[1][:, 0].tolist()

    drawn = draws(1)
    assert drawn == draws(1) != draws(2)
    assert all(800 < drawn.count(number) < 1200 for number in range(8))


def test_a_buffer_without_capacity():
    with pytest.raises(ValueError, match="0 samples"):
        EchoBuffer(0)


def test_batches_are_filled_with_echoes(processor, model):
    """Each batch begins with its new samples as they are; the others were seen before, and are changed."""
    collator = ByteCollator(processor, model.config)
    echoing = DataEchoing(collator, batch_size=6, factor=3.0, augmentation=0.0, seed=1)
    assert echoing.num_new == 2
    seen = []
    for texts in (["ab", "cd"], ["ef", "gh"]):
        batch = collator([collator.prepare(draw_word(text), text) for text in texts])
        seen += batch["labels"][:, :2].tolist()
        made = echoing(batch)
        assert made["pixel_values"].shape == (6, 1, 32, 128)
        assert torch.equal(made["pixel_values"][:2], collator.normalize(batch["pixels"]))
        assert made["labels"][:2].tolist() == batch["labels"].tolist()
        assert all(label in seen for label in made["labels"][:, :2].tolist())
    assert len({tuple(label) for label in made["labels"][2:, :2].tolist()}) > 1
    changed = DataEchoing(collator, 4, 2.0, augmentation=1.0)(batch)
    rows = {tuple(label): row for row, label in enumerate(batch["labels"].tolist())}
    echo = rows[tuple(changed["labels"][2].tolist())]
    assert not torch.equal(changed["pixel_values"][2], changed["pixel_values"][echo])


def test_factors_that_leave_no_new_sample_are_refused(processor, model):
    for factor in (0.5, 7.0):
        with pytest.raises(ValueError, match="data_echo_factor must lie between 1 and the batch size 6"):
            DataEchoing(ByteCollator(processor, model.config), batch_size=6, factor=factor)
