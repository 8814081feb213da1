# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Which words make which batch: the same for any number of processes and from any start."""

from itertools import chain

import numpy as np
import pytest

from hf_str.training import WordBatchSampler


def widths(words):
    """Word `n` is `widths([n])` wide, anything from 1 to 10."""
    return [1 + 9 * np.random.default_rng(word).random() for word in words]


def of_all_ranks(world_size, batch_size, **options):
    samplers = [WordBatchSampler(batch_size, 12, rank, world_size, **options) for rank in range(world_size)]
    return [sorted(chain(*batches)) for batches in zip(*samplers, strict=True)]


@pytest.mark.parametrize("options", [{}, {"window": 5, "widths": widths}])
def test_processes_share_what_one_would_see(options):
    one, two, four = (of_all_ranks(n, 8 // n, **options) for n in (1, 2, 4))
    assert one == two == four
    assert len(one) == 12


@pytest.mark.parametrize("options", [{}, {"window": 5, "widths": widths}])
def test_starts_anywhere(options):
    everything = list(WordBatchSampler(4, 12, **options))
    for start in (0, 3, 5, 11, 12):
        sampler = WordBatchSampler(4, 12, start=start, **options)
        assert list(sampler) == everything[start:]
        assert len(sampler) == 12


def test_without_a_window_words_come_in_order():
    assert list(chain(*WordBatchSampler(4, 3))) == list(range(12))


def test_batches_are_of_like_width():
    batches = list(WordBatchSampler(8, 40, window=20, widths=widths, seed=1))
    words = list(chain(*batches))
    assert sorted(words) == list(range(320))  # each word of the two windows once
    spread = np.mean([np.ptp(widths(batch)) for batch in batches])
    unsorted = np.mean([np.ptp(widths(range(i, i + 8))) for i in range(0, 320, 8)])
    assert spread < unsorted / 10
    means = [np.mean(widths(batch)) for batch in batches[:20]]
    assert means != sorted(means)  # not from narrow to wide
    assert batches != list(WordBatchSampler(8, 40, window=20, widths=widths, seed=2))


def test_no_process_waits_for_wide_words():
    ranks = [list(WordBatchSampler(4, 20, r, 2, window=20, widths=widths)) for r in range(2)]
    means = np.array([[np.mean(widths(batch)) for batch in batches] for batches in ranks])
    assert np.abs(means[0] - means[1]).max() < 0.2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0, 1), "batch_size 0"), ((1, -1), "num_batches -1"), ((1, 1, 2, 2), "rank 2 of 2")],
)
def test_numbers_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        WordBatchSampler(*arguments)
    with pytest.raises(ValueError, match="widths"):
        WordBatchSampler(1, 1, window=3)
