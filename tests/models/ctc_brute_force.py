# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""CTC by its definition: every path of every length, collapsed one by one. Only for a few frames and classes."""

import functools
import itertools

import numpy as np
import torch


@functools.cache
def _paths(time: int, vocab: int) -> tuple[np.ndarray, np.ndarray, list[tuple[int, ...]]]:
    """All paths (paths, time), the number of the label of each, and the labels."""
    numbers, of_path = {}, []
    for path in itertools.product(range(vocab), repeat=time):
        label = tuple(class_id for class_id, _ in itertools.groupby(path) if class_id != 0)
        of_path.append(numbers.setdefault(label, len(numbers)))
    paths = np.array(list(itertools.product(range(vocab), repeat=time)), dtype=int).reshape(-1, time)
    return paths, np.array(of_path), list(numbers)


def label_log_probs(logits: torch.Tensor) -> tuple[list[tuple[int, ...]], np.ndarray]:
    """All labels that (images, time, vocab) can say, and the log-probability of each (images, labels)."""
    images, time, vocab = logits.shape
    probs = logits.double().softmax(-1).numpy()
    paths, of_path, labels = _paths(time, vocab)
    of_paths = probs[:, np.arange(time), paths].prod(-1)  # (images, paths)
    sums = np.zeros((images, len(labels)))
    np.add.at(sums.T, of_path, of_paths.T)
    with np.errstate(divide="ignore"):
        return labels, np.log(sums)


#: All (time, vocab) of at most 5 frames and 4 classes, and 6 frames of 3: 18 shapes.
SHAPES = [(time, vocab) for time in range(1, 6) for vocab in (2, 3, 4)] + [(6, 2), (6, 3), (7, 2)]


def random_cases(count: int, time: int, vocab: int) -> torch.Tensor:
    """Logits, some flat and some sure of themselves."""
    generator = torch.Generator().manual_seed(1000 * time + vocab)
    scale = torch.rand(count, 1, 1, generator=generator) * 4
    return scale * torch.randn(count, time, vocab, generator=generator)
