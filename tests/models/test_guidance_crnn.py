# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Guidance: an attention decoder whose loss is added in training, and which is saved but never run otherwise."""

import pytest
import torch

from hf_str import CRNNForCTC
from tests.conftest import random_images
from tests.models.networks import make, padded


GUIDED = {"guidance_decoder": True, "guidance_size": 16, "num_attention_heads": 2}
IMAGES, LABELS = random_images(3, 80), torch.tensor([[1, 2, 3], [4, 5, -100], [6, -100, -100]])


def deterministic(**fields) -> CRNNForCTC:
    """In training mode, without what is random there."""
    model = make(**GUIDED, **fields).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    for layer in (model.guidance.layer, model.guidance.layer.self_attn, model.guidance.layer.multihead_attn):
        layer.dropout = 0.0 if isinstance(layer, torch.nn.MultiheadAttention) else layer.dropout
    return model


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_the_loss_is_that_of_ctc_and_the_weighted_loss_of_the_decoder(weight):
    model = deterministic(guidance_weight=weight)
    frames = model.crnn(IMAGES).last_hidden_state
    guidance = model.guidance(frames, torch.full((3,), frames.shape[1]), LABELS)
    assert guidance > 0
    decoder, model.guidance = model.guidance, None
    plain = model(IMAGES, labels=LABELS).loss
    model.guidance = decoder
    torch.testing.assert_close(model(IMAGES, labels=LABELS).loss, plain + weight * guidance)


def test_its_loss_is_the_cross_entropy_of_each_character_and_the_end():
    model = deterministic()
    frames = model.crnn(IMAGES).last_hidden_state
    num_frames = torch.full((3,), frames.shape[1])
    losses = []
    for row, label in enumerate(([1, 2, 3], [4, 5], [6])):
        loss = model.guidance(frames[row : row + 1], num_frames[:1], torch.tensor([label]))
        losses.append(loss * (len(label) + 1))
    together = model.guidance(frames, num_frames, LABELS)
    torch.testing.assert_close(together, sum(losses) / 9)


def test_a_character_is_read_from_those_before_it():
    model = deterministic()
    frames = model.crnn(IMAGES).last_hidden_state[:1]
    count = torch.tensor([frames.shape[1]])
    # The loss of "1 2 3" minus that of its end is that of "1 2" minus the same: what comes later is not seen.
    embedded = model.guidance.embedding.weight
    model.guidance(frames, count, torch.tensor([[1, 2, 3]])).backward()
    assert embedded.grad[3].abs().max() > 0  # given when the end is read
    embedded.grad = None
    logits = []
    model.guidance.head.register_forward_hook(lambda module, inputs, output: logits.append(output))
    for label in ([1, 2, 3], [1, 2, 7]):
        model.guidance(frames.detach(), count, torch.tensor([label]))
    torch.testing.assert_close(logits[0][:, :3], logits[1][:, :3])
    assert not torch.allclose(logits[0][:, 3], logits[1][:, 3])


def test_padding_is_not_read():
    model = deterministic().eval()
    images, mask = padded([random_images(1, width)[0] for width in (100, 48)], fill=7.0)
    frames = model.crnn(images, pixel_mask=mask).last_hidden_state
    count = model.config.num_frames(torch.tensor([100, 48]))
    together = model.guidance(frames[1:], count[1:], LABELS[:1])
    alone = model.guidance(model.crnn(images[1:, ..., :48]).last_hidden_state, count[1:], LABELS[:1])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)


def test_it_does_not_run_at_inference():
    model = make(**GUIDED)

    def fail(*args):
        raise AssertionError("the guidance decoder ran")

    model.guidance.register_forward_pre_hook(fail)
    evaluated = model(IMAGES, labels=LABELS)
    assert evaluated.loss.isfinite()
    model.train()(IMAGES)
    with pytest.raises(AssertionError, match="the guidance decoder ran"):
        model(IMAGES, labels=LABELS)


def test_it_is_saved_and_loaded_with_the_model(tmp_path):
    model = make(**GUIDED)
    model.save_pretrained(tmp_path)
    loaded = CRNNForCTC.from_pretrained(tmp_path)
    assert loaded.guidance is not None
    for name, parameter in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], parameter), name


def test_the_featurizer_learns_from_it():
    model = deterministic()
    frames = model.crnn(IMAGES).last_hidden_state
    model.guidance(frames, torch.full((3,), frames.shape[1]), LABELS).backward()
    assert model.crnn.featurizer.layers[0].convolution.weight.grad.abs().max() > 0
