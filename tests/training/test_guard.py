# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Losses that are not finite do no harm, and not for ever."""

import pytest
import torch

from hf_str import CRNNTokenizer
from hf_str.training import NonFiniteGuard, NonFiniteLossError
from hf_str.training.guard import name_batch


@pytest.fixture
def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))


def step(model, guard, images, loss_of=torch.mean):
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    guard.begin_step(model)
    loss = guard.watch(loss_of(model(images) ** 3), lambda: "step 3, with the labels 'ab'")
    loss.backward()
    is_good = guard.end_step(model)
    optimizer.step()
    return is_good


def state(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize(
    ("images", "loss_of"),
    [
        (torch.full((4, 2), float("nan")), torch.mean),
        (torch.randn(4, 2), lambda outputs: outputs.sum() * 0 + float("inf")),
    ],
)
def test_a_bad_step_changes_nothing(network, images, loss_of):
    guard, before = NonFiniteGuard(), state(network)
    assert not step(network, guard, images, loss_of)
    after = state(network)
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())  # batch statistics too
    assert guard.skipped == guard.in_a_row == 1
    assert step(network, guard, torch.randn(4, 2))
    assert (guard.skipped, guard.in_a_row) == (1, 0)
    assert not torch.equal(state(network)["0.weight"], before["0.weight"])


def test_a_gradient_that_is_not_finite_counts_too(network):
    guard, before = NonFiniteGuard(), state(network)
    guard.begin_step(network)
    guard.watch(network(torch.randn(4, 2)).sum(), lambda: "").backward()
    network[0].weight.grad[0, 0] = float("inf")
    assert not guard.end_step(network)
    assert network[0].weight.grad is None
    assert torch.equal(state(network)["1.running_mean"], before["1.running_mean"])


def test_stops_after_some_in_a_row_and_names_the_batch(network):
    guard, bad = NonFiniteGuard(3), torch.full((4, 2), float("inf"))
    step(network, guard, bad), step(network, guard, bad)
    step(network, guard, torch.randn(4, 2))
    step(network, guard, bad), step(network, guard, bad)
    with pytest.raises(NonFiniteLossError, match=r"the loss of step 3, with the labels 'ab' is not.*2 steps before"):
        step(network, guard, bad)
    assert guard.skipped == 5
    with pytest.raises(ValueError, match="at least 1"):
        NonFiniteGuard(0)


def test_name_batch():
    tokenizer = CRNNTokenizer(charset="94")
    labels = torch.tensor([tokenizer(text).input_ids for text in ("book", "Exit")])
    assert name_batch(7, labels, tokenizer) == "step 7, with the labels 'book', 'Exit'"
    assert name_batch(7, labels.repeat(13, 1), tokenizer).endswith("'Exit' and 6 more")
