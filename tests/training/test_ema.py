# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The average of the weights."""

import pytest
import torch

from hf_str.training import WeightAverage


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))


def moved(model, amount):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += amount
        model[1].running_mean += amount
        model[1].num_batches_tracked += 1


def test_average_is_exponential():
    model = network()
    start = model[0].weight.detach().clone()
    average = WeightAverage(model, decay=0.5)
    expected = 0.0
    for step in range(1, 6):
        moved(model, 1.0)
        average.update(model, step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert torch.allclose(average.weights["0.weight"] - start, torch.tensor(expected))
    assert average.weights["1.running_mean"][0] == pytest.approx(expected)
    assert average.weights["1.num_batches_tracked"] == 5


def test_weights_are_lent():
    model = network()
    average = WeightAverage(model, 0.9)
    moved(model, 1.0)
    own = model[0].weight.detach().clone()
    with pytest.raises(RuntimeError, match="inside"), average.applied_to(model):
        assert torch.allclose(model[0].weight, own - 1, atol=1e-6)
        raise RuntimeError("inside")
    assert torch.equal(model[0].weight, own)


def test_saved_and_loaded(tmp_path):
    model = network()
    average = WeightAverage(model, 0.9)
    moved(model, 1.0)
    average.update(model, 1)
    average.save(tmp_path / "average.safetensors")
    other = WeightAverage(network(), 0.9)
    other.load(tmp_path / "average.safetensors")
    assert all(torch.equal(tensor, other.weights[name]) for name, tensor in average.weights.items())
    with pytest.raises(ValueError, match="another network"):
        WeightAverage(torch.nn.Linear(2, 2), 0.9).load(tmp_path / "average.safetensors")
    with pytest.raises(ValueError, match=r"decay of the weight average is 1.0"):
        WeightAverage(model, 1.0)
