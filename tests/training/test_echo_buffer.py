# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The pool keeps the words made last, whole, and draws each as often as any other."""

import pytest
import torch

from hf_str.training.echo_buffer import EchoBuffer


def batch(first: int, count: int):
    """Words whose pixels and labels are their number."""
    numbers = torch.arange(first, first + count)
    return numbers.to(torch.uint8)[:, None, None, None].expand(-1, 1, 2, 3), numbers[:, None].expand(-1, 4)


def test_the_newest_words_are_kept():
    pool = EchoBuffer(10)
    with pytest.raises(ValueError, match="empty"):
        pool.draw(1)
    for first, size in ((0, 4), (4, 8), (12, 10)):
        pool.add(*batch(first, 4))
        assert len(pool) == size
    pixels, labels = pool.draw(200)
    assert pixels.shape == (200, 1, 2, 3)
    assert pixels.dtype == torch.uint8
    assert torch.equal(pixels[:, 0, 0, 0].long(), labels[:, 0])  # no picture lost its text
    assert set(labels[:, 0].tolist()) == {2, 3, 4, 5, 6, 7, 12, 13, 14, 15}  # 0 and 1 made room


def test_draws_are_even_and_repeatable():
    def draws(seed: int) -> list[int]:
        pool = EchoBuffer(1000, seed=seed)
        pool.add(*batch(0, 8))
        return pool.draw(8000)[1][:, 0].tolist()

    drawn = draws(1)
    assert drawn == draws(1) != draws(2)
    assert all(800 < drawn.count(number) < 1200 for number in range(8))


def test_a_pool_without_room():
    with pytest.raises(ValueError, match="0 words"):
        EchoBuffer(0)
