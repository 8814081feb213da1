# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""A moving average of the weights, which reads better than the weights of any single step."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from safetensors.torch import load_file, save_file
from torch import nn


__all__ = ["WeightAverage"]


class WeightAverage:
    """Exponential moving average of a model's weights (Polyak and Juditsky 1992; Tarvainen and Valpola 2017).

    Young averages forget faster, so that the random start does not linger: after `n` steps the decay is
    `min(decay, (1 + n) / (10 + n))`. Buffers, such as the statistics of batch normalization, are averaged too.

    Args:
        model: the model whose weights are averaged, not wrapped.
        decay: share of the old average that is kept at each step, in [0, 1).

    Example:

    ```python
    >>> average = WeightAverage(model, decay=0.999)
    >>> average.update(model, step=1)
    >>> with average.applied_to(model):
    ...     model.save_pretrained("averaged")
    ```
    """

    def __init__(self, model: nn.Module, decay: float = 0.999):
        if not 0 <= decay < 1:
            raise ValueError(f"the decay of the weight average is {decay}, but must lie in [0, 1)")
        self.decay = decay
        self.weights = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int):
        """Moves the average towards the weights of now; `step` is the number of steps done, this one included."""
        decay = min(self.decay, (1 + step) / (10 + step))
        current = model.state_dict()
        floating = [name for name, tensor in self.weights.items() if tensor.is_floating_point()]
        # All tensors in one call of a GPU; torch documents these functions, and exports them under this name only.
        torch._foreach_lerp_([self.weights[n] for n in floating], [current[n] for n in floating], 1 - decay)  # pyright: ignore[reportPrivateImportUsage]
        for name in self.weights.keys() - set(floating):  # counters of batches seen
            self.weights[name].copy_(current[name])

    @contextmanager
    def applied_to(self, model: nn.Module) -> Iterator[None]:
        """Gives `model` the averaged weights inside a `with` block, and its own back afterwards."""
        own = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
        model.load_state_dict(self.weights)
        try:
            yield
        finally:
            model.load_state_dict(own)

    def save(self, path: str | os.PathLike):
        """Writes the average as one safetensors file."""
        save_file({name: tensor.contiguous() for name, tensor in self.weights.items()}, path)

    def load(self, path: str | os.PathLike):
        """Reads what [`save`] wrote.

        Raises:
            ValueError: the file is of another network.
        """
        loaded = load_file(path)
        if {n: t.shape for n, t in loaded.items()} != {n: t.shape for n, t in self.weights.items()}:
            raise ValueError(f"the weight average in {path} is of another network than the one in training")
        for name, tensor in loaded.items():
            self.weights[name].copy_(tensor)
