# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Frozen parts keep weights and statistics, the rest is trained."""

import pytest
import torch

from hf_str import CRNNConfig, CRNNForCTC
from hf_str.training import freeze, keep_frozen
from tests.training.drawing import TINY


def trained(parts: list[str], **fields) -> tuple[dict, dict]:
    """The state before and after a step with these parts frozen."""
    torch.manual_seed(0)
    model = CRNNForCTC(CRNNConfig(vocab_size=11, **TINY | {"batch_norms": True} | fields))
    frozen = freeze(model, parts)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    optimizer = torch.optim.SGD([parameter for parameter in model.parameters() if parameter.requires_grad], 0.1)
    model.train()
    keep_frozen(frozen)
    model(torch.rand(2, 1, 32, 64), labels=torch.tensor([[1, 2], [3, -100]])).loss.backward()
    optimizer.step()
    return before, model.state_dict()


@pytest.mark.parametrize(
    ("parts", "prefixes"),
    [
        (["featurizer:2"], ("crnn.featurizer.layers.0.", "crnn.featurizer.layers.1.")),
        (["featurizer"], ("crnn.featurizer.",)),
        (["sequentializer:1"], ("crnn.layers.0.",)),
        (["sequentializer", "head"], ("crnn.layers.", "ctc_head.")),
        ([], ()),
    ],
)
def test_frozen_parts_stay_and_others_change(parts, prefixes):
    before, after = trained(parts, num_hidden_layers=2)
    for name, tensor in before.items():
        is_frozen = bool(prefixes) and name.startswith(prefixes)
        is_statistic = "running" in name or "num_batches" in name
        has_gradient = "convolution.bias" not in name  # batch normalization takes a bias out again
        if is_frozen:
            assert torch.equal(tensor, after[name]), name
        elif has_gradient or is_statistic:
            assert not torch.equal(tensor, after[name]), name


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (["backbone"], "there is no such part; there are featurizer"),
        (["head:1"], "there is no such part"),
        (["featurizer:8"], "has 7 layers"),
        (["featurizer:x"], "has 7 layers"),
        (["featurizer", "sequentializer", "head"], "nothing to train"),
        (["rectification"], "this network has no rectification"),
    ],
)
def test_what_cannot_be_frozen_is_refused(parts, message):
    with pytest.raises(ValueError, match=message):
        trained(parts)


def test_a_network_without_a_sequentializer():
    with pytest.raises(ValueError, match="this network has no sequentializer"):
        trained(["sequentializer"], sequentializer="none")
