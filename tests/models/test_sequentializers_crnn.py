# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Sequentializers: shapes, independence of neighbors, attention implementations, positions, export."""

import pytest
import torch
from huggingface_hub.errors import StrictDataclassError

from hf_str import CRNNConfig, CRNNForCTC
from hf_str.models.crnn.sequentializer_transformer_crnn import position_angles, rotate
from tests.conftest import random_images
from tests.models.networks import assert_neighbors_change_nothing, export, make, padded


TRANSFORMER = {"sequentializer": "transformer", "hidden_size": 32, "num_attention_heads": 4}
SEQUENTIALIZERS = {
    "transformer": TRANSFORMER,
    "transformer of another size": TRANSFORMER | {"hidden_size": 24},
    "rotary positions": TRANSFORMER | {"position_embeddings": "rotary"},
    "eager attention": TRANSFORMER | {"attn_implementation": "eager"},
    "mixing": TRANSFORMER | {"sequentializer": "mixing", "num_hidden_layers": 3},
    "svtr": TRANSFORMER | {"sequentializer": "svtr", "mixing_kernel_size": 3, "position_embeddings": "none"},
    "svtr that adds": TRANSFORMER | {"sequentializer": "svtr", "neck_fusion": "add", "mixing_kernel_size": 7},
    "svtr, folded": TRANSFORMER | {"sequentializer": "svtr", "folded_batch_norms": True},
    "convolution": {"sequentializer": "convolution", "hidden_size": 24, "hidden_act": "hardswish"},
    "local mixing": TRANSFORMER | {"sequentializer": "mixing", "mixers": ["local", "local"], "mixing_kernel_size": 5},
}


@pytest.mark.parametrize("fields", SEQUENTIALIZERS.values(), ids=SEQUENTIALIZERS)
def test_neighbors_change_nothing(fields):
    assert_neighbors_change_nothing(make(**fields))


@pytest.mark.parametrize("fields", SEQUENTIALIZERS.values(), ids=SEQUENTIALIZERS)
def test_hidden_states(fields):
    model = make(**fields)
    outputs = model(random_images(2, 100), output_hidden_states=True)
    sizes = [tuple(states.shape) for states in outputs.hidden_states]
    assert sizes == [(2, 24, size) for size in model.config.hidden_sizes]


def test_attention_implementations_agree():
    images, mask = padded([random_images(1, width)[0] for width in (100, 40)])
    logits = []
    for implementation in ("eager", "sdpa"):
        model = make(**TRANSFORMER, attn_implementation=implementation)
        assert model.config._attn_implementation == implementation
        logits.append(model(images, pixel_mask=mask).logits)
    torch.testing.assert_close(*logits, atol=1e-5, rtol=1e-5)


def test_a_transformer_has_another_answer_where_the_frames_are_in_another_place():
    frames = torch.randn(1, 6, 32, generator=torch.Generator().manual_seed(0))
    for positions, moves in (("none", False), ("sinusoidal", True), ("rotary", True)):
        model = make(**TRANSFORMER, position_embeddings=positions).crnn

        def contextualize(frames, model=model):
            embedded, context = model.embedding(frames)
            for layer in model.layers:
                embedded = layer(embedded, None, **context)
            return embedded

        mirrored = contextualize(frames.flip(1)).flip(1)
        assert torch.allclose(mirrored, contextualize(frames), atol=1e-4) is not moves, positions


def test_rotary_positions_are_relative():
    query, key = torch.randn(2, 1, 1, 1, 8, generator=torch.Generator().manual_seed(0))
    angles = position_angles(32, 8, query.device)

    def score(first: int, second: int) -> torch.Tensor:
        turned = [rotate(x, angles[place].cos(), angles[place].sin()) for x, place in ((query, first), (key, second))]
        return (turned[0] * turned[1]).sum()

    torch.testing.assert_close(score(3, 7), score(20, 24))
    assert not torch.allclose(score(3, 7), score(3, 8))


def test_a_convolution_sees_its_window_only():
    model = make(sequentializer="convolution", num_hidden_layers=1, hidden_size=24, mixing_kernel_size=5).crnn
    frames = torch.randn(1, 20, 32, generator=torch.Generator().manual_seed(0), requires_grad=True)
    mixed = model.layers[0](frames)
    assert mixed.shape == (1, 20, 24)
    mixed[0, 10].sum().backward()
    seen = frames.grad[0].abs().sum(-1).nonzero().flatten().tolist()
    assert set(seen) <= set(range(8, 13)) and len(seen) > 2


@pytest.mark.parametrize("fusion", ["concatenate", "add"])
def test_svtr_leads_the_features_around_the_transformer(fusion):
    """Where the transformer gives nothing, the features still come through."""
    model = make(**SEQUENTIALIZERS["svtr"], neck_fusion=fusion)
    torch.nn.init.zeros_(model.crnn.norm.weight)
    logits = model(random_images(2, 100)).logits
    assert not torch.allclose(logits[0], logits[1], atol=1e-3)


def test_local_layers_see_their_window_only():
    model = make(**SEQUENTIALIZERS["local mixing"], position_embeddings="none").crnn
    frames = torch.randn(1, 20, 32, generator=torch.Generator().manual_seed(0), requires_grad=True)
    mixed, context = model.embedding(frames)
    for layer in model.layers:
        mixed = layer(mixed, None, **context)
    mixed[0, 10].sum().backward()
    seen = frames.grad[0].abs().sum(-1).nonzero().flatten().tolist()
    assert seen == list(range(6, 15))  # two frames on each side, twice


def test_mixing_is_local_first_by_default():
    config = CRNNConfig(sequentializer="mixing", num_hidden_layers=3)
    assert config.mixers == ["local", "local", "global"]
    names = {type(layer.mixer).__name__ for layer in CRNNForCTC(config).crnn.layers}
    assert names == {"CRNNLocalMixer", "CRNNAttention"}


def test_an_image_without_frames_gives_no_gradient_that_is_not_a_number():
    model = make(**SEQUENTIALIZERS["mixing"], unalignable_labels="drop").train()
    images, mask = padded([random_images(1, width)[0] for width in (80, 4, 30)])
    assert model.config.num_frames(4) == 0
    loss = model(images, pixel_mask=mask, labels=torch.tensor([[1, 2], [3, 4], [5, 6]])).loss
    loss.backward()
    assert loss.isfinite()
    assert all(parameter.grad is None or parameter.grad.isfinite().all() for parameter in model.parameters())


def test_gradient_checkpointing_gives_the_same_gradients():
    images, labels = random_images(2, 100), torch.tensor([[1, 2], [3, 4]])
    gradients = []
    for checkpointing in (False, True):
        model = make(**SEQUENTIALIZERS["mixing"]).train()
        if checkpointing:
            model.gradient_checkpointing_enable()
        model(images, labels=labels).loss.backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, recomputed)


@pytest.mark.parametrize("fields", [{"dropout": 0.5}, {"attention_dropout": 0.5}], ids=str)
def test_dropout_is_in_training_only(fields):
    model, images = make(**TRANSFORMER, **fields), random_images(2, 100)
    torch.testing.assert_close(model(images).logits, model(images).logits)
    for module in model.modules():  # batch statistics would differ, but not from one pass to the next
        module.training = True
    assert not torch.allclose(model(images).logits, model(images).logits)


def test_export_with_dynamic_batch_and_width():
    export(make(**SEQUENTIALIZERS["mixing"], position_embeddings="rotary"), masked=True)


@pytest.mark.parametrize("fields", [{"neck_fusion": "add"}, {"sequentializer": "svtr", "mixing_kernel_size": 4}])
def test_what_a_neck_cannot_be_is_refused(fields):
    with pytest.raises(StrictDataclassError, match=r"neck_fusion belongs to sequentializer svtr|must be odd"):
        CRNNConfig(**fields)
