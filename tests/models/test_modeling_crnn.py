# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The network: shapes, sizes, independence of neighbors, the loss and its edges, compile and export."""

import copy

import pytest
import torch
from torch import nn
from transformers import Trainer, TrainingArguments

from hf_str import CRNNConfig, CRNNForCTC, CRNNModel
from tests.conftest import random_images
from tests.models.networks import PP_OCR, SMALL, assert_neighbors_change_nothing, export, make, padded


#: Three pooling conventions of the field, normalization and projections in other places, other heights.
NETWORKS = {
    "paper": {},
    "padded pools": {
        "pool_kernel_sizes": [[2, 2], [2, 2], None, [2, 2], None, [2, 2], None],
        "pool_strides": [[2, 2], [2, 2], None, [2, 1], None, [2, 1], None],
        "pool_paddings": [[0, 0], [0, 0], None, [0, 1], None, [0, 1], None],
        "batch_norms": [False, False, True, False, True, False, True],
    },
    "normalized everywhere": {"batch_norms": True, "conv_biases": False, "lstm_projection": "all"},
    "three rows left": {"image_height": 64, "lstm_projection": "none", "num_hidden_layers": 1},
    "max over rows": {"image_height": 64, "height_pooling": "max"},
    "color": {"num_channels": 3},
    "no recurrence": {"num_hidden_layers": 0},
    "no sequentializer": {"sequentializer": "none"},
    "residual blocks": {"residual_blocks": [0, 0, 1, 2, 0, 1, 0], "batch_norms": True},
    "strides": {
        "conv_strides": [1, 1, 1, 1, 1, [2, 1], 1],
        "conv_kernel_sizes": [3, 3, [3, 1], 3, 3, 2, 2],
        "conv_paddings": [1, 1, [1, 0], 1, 1, [0, 1], 0],
        "pool_kernel_sizes": [[2, 2], [2, 2], None, [2, 1], None, None, None],
    },
}


def test_the_papers_network():
    model = CRNNForCTC(CRNNConfig())
    assert sum(parameter.numel() for parameter in model.parameters()) == 8_330_789
    assert model(torch.zeros(2, 1, 32, 100)).logits.shape == (2, 24, 37)
    layers = model.crnn.featurizer.layers
    assert [layer.convolution.out_channels for layer in layers] == [64, 128, 256, 256, 512, 512, 512]
    normalized = [isinstance(layer.normalization, nn.BatchNorm2d) for layer in layers]
    assert normalized == [False, False, False, False, True, True, False]


@pytest.mark.parametrize("fields", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("width", [100, 128, 61])
def test_frames_are_as_the_config_says(fields, width):
    model = make(**fields)
    images = random_images(2, width, model.config.image_height, model.config.num_channels)
    assert model(images).logits.shape[1] == model.config.num_frames(width)
    assert model.config.num_frames(torch.tensor([width])).tolist() == [model.config.num_frames(width)]


@pytest.mark.parametrize("fields", NETWORKS.values(), ids=NETWORKS)
def test_neighbors_change_nothing(fields):
    assert_neighbors_change_nothing(make(**fields))


def test_a_full_mask_changes_nothing():
    model, images = make(), random_images(3, 100)
    mask = torch.ones(3, 32, 100, dtype=torch.long)
    torch.testing.assert_close(model(images, pixel_mask=mask).logits, model(images).logits, atol=1e-5, rtol=0)


@pytest.mark.parametrize("is_padded", [True, False])
def test_outputs_say_which_frames_are_an_images_own(is_padded):
    """Both models, with and without a mask; in a tuple they come last, so that nothing else has moved."""
    model, pixels = make(), random_images(2, 100)
    mask = torch.ones(2, 32, 100, dtype=torch.long)
    mask[1, :, 40:] = 0
    inputs = {"pixel_values": pixels} | ({"pixel_mask": mask} if is_padded else {})
    expected = [model.config.num_frames(100), model.config.num_frames(40 if is_padded else 100)]
    outputs, frames = model(**inputs), model.crnn(**inputs)
    assert outputs.num_frames.dtype == torch.long
    assert outputs.num_frames.tolist() == frames.num_frames.tolist() == expected
    logits, hidden_states, num_frames = model(**inputs, return_dict=False, output_hidden_states=True)
    assert logits.equal(outputs.logits) and num_frames.equal(outputs.num_frames) and len(hidden_states) > 1
    assert outputs.logits.abs().max() <= 100, "a number that no network gives tells padding"


def test_metrics_of_a_plain_trainer_get_logits_alone(tmp_path):
    pytest.importorskip("accelerate")
    data = [{"pixel_values": image, "labels": torch.tensor([1, 2])} for image in random_images(3, 100)]
    seen = []
    args = TrainingArguments(tmp_path, use_cpu=True, report_to="none", per_device_eval_batch_size=3, disable_tqdm=True)
    trainer = Trainer(make(), args, compute_metrics=lambda given: seen.append(given.predictions.shape) or {})
    trainer.evaluate(data)
    assert seen == [(3, make().config.num_frames(100), 37)]


def test_features_without_a_head(tmp_path):
    model = make()
    model.save_pretrained(tmp_path)
    images = random_images(2, 100)
    features = CRNNModel.from_pretrained(tmp_path).eval()(images).last_hidden_state
    assert features.shape == (2, 24, 32)
    torch.testing.assert_close(model.ctc_head(features), model(images).logits)


def test_blocks_added_to_a_trained_network_change_nothing_at_first(tmp_path):
    trained = make(batch_norms=True)
    trained.save_pretrained(tmp_path)
    # Where the channels stay, a new block passes on what it is given; its weights are in no checkpoint.
    config = CRNNConfig(**SMALL, batch_norms=True, residual_blocks=[0, 1, 0, 2, 0, 1, 1])
    deeper = CRNNForCTC.from_pretrained(tmp_path, config=config).eval()
    blocks = [len(layer.residual_blocks) for layer in deeper.crnn.featurizer.layers]
    assert blocks == [0, 1, 0, 2, 0, 1, 1]
    images = random_images(2, 100)
    torch.testing.assert_close(deeper(images).logits, trained(images).logits, atol=1e-5, rtol=0)
    deeper.train()(images, labels=torch.tensor([[1, 2], [3, 4]])).loss.backward()
    block = deeper.crnn.featurizer.layers[3].residual_blocks[0]
    assert block.normalization2.weight.grad.abs().max() > 0, "a new block cannot learn"


def test_names_of_the_weights_of_residual_blocks():
    names = set(make(residual_blocks=[0, 0, 1, 0, 0, 0, 0]).state_dict())
    block = "crnn.featurizer.layers.2.residual_blocks.0"
    parts = ["convolution1", "normalization1", "convolution2", "normalization2", "shortcut.0", "shortcut.1"]
    assert {f"{block}.{part}.weight" for part in parts} <= names
    assert names - {name for name in names if name.startswith(block)} == set(make().state_dict())


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_loss_is_torchs(reduction):
    model = make(ctc_loss_reduction=reduction)
    pixels, mask = padded([random_images(1, width)[0] for width in (100, 60)])
    labels = torch.tensor([[3, 3, 7, 9], [5, 6, -100, -100]])
    outputs = model(pixels, pixel_mask=mask, labels=labels)
    log_probs = outputs.logits.log_softmax(-1).transpose(0, 1)
    expected = nn.functional.ctc_loss(
        log_probs, torch.tensor([3, 3, 7, 9, 5, 6]), torch.tensor([24, 14]), torch.tensor([4, 2]), reduction=reduction
    )
    assert outputs.loss.dtype == torch.float32
    torch.testing.assert_close(outputs.loss, expected)


def test_an_empty_label_is_all_blank():
    model = make()
    outputs = model(random_images(1, 100), labels=torch.full((1, 3), -100))
    torch.testing.assert_close(outputs.loss, -outputs.logits.log_softmax(-1)[0, :, 0].sum())


def test_a_label_that_cannot_fit_is_named():
    model = make()
    labels = torch.tensor([[1, 2, -100, -100], [4, 4, 5, -100]])
    images = random_images(2, 24)  # five frames: "4 _ 4 5" needs four of them
    assert model(images, labels=labels).loss.isfinite()
    with pytest.raises(ValueError, match=r"labels\[1\] with ids \[4, 4, 5\] needs 4 frames \(3 characters and 1 repe"):
        model(random_images(2, 16), labels=labels)


def test_a_label_that_cannot_fit_is_dropped_where_asked():
    model = make(unalignable_labels="drop").train()
    images, labels = random_images(2, 16), torch.tensor([[1, 2, -100], [4, 4, 5]])
    loss = model(images, labels=labels).loss
    alone = model(images, labels=labels)  # batch statistics are the same, as is what is left
    torch.testing.assert_close(loss, alone.loss)
    log_probs = alone.logits[:1].log_softmax(-1).transpose(0, 1)
    expected = nn.functional.ctc_loss(log_probs, labels[:1, :2], torch.tensor([3]), torch.tensor([2]))
    torch.testing.assert_close(loss, expected)
    assert model.num_dropped_labels == 2
    none_left = model(images, labels=torch.tensor([[4, 4, 5]] * 2)).loss
    none_left.backward()
    assert none_left == 0
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters() if parameter.grad is not None)


@pytest.mark.parametrize("seed", range(5))
def test_no_gradient_is_ever_non_finite(seed):
    model = make(unalignable_labels="drop").train()
    generator = torch.Generator().manual_seed(seed)
    widths = torch.randint(4, 90, (8,), generator=generator).tolist()
    images = [torch.randn(1, 32, width, generator=generator) for width in widths]
    pixels, mask = padded(images)
    labels = torch.randint(0, 37, (8, 12), generator=generator)
    labels[torch.arange(12) >= torch.randint(0, 13, (8, 1), generator=generator)] = -100
    loss = model(pixels, pixel_mask=mask, labels=labels).loss
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_an_id_outside_the_vocabulary_is_refused():
    with pytest.raises(ValueError, match="has id 37, but vocab_size is 37"):
        make()(random_images(1, 100), labels=torch.tensor([[37]]))


@pytest.mark.parametrize(
    "shape, message", [((1, 3, 32, 100), r"\(batch, 1, 32, width\)"), ((1, 1, 48, 100), "32 pixels high, not 48")]
)
def test_images_of_a_wrong_shape_are_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        make()(torch.zeros(shape))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(dtype):
    model, images = make(), random_images(2, 100)
    labels = torch.tensor([[1, 2], [3, 4]])
    exact = model(images, labels=labels)
    with torch.autocast("cpu", dtype):
        autocast = model(images, labels=labels)
    assert autocast.loss.dtype == torch.float32
    torch.testing.assert_close(autocast.loss, exact.loss, rtol=0.05, atol=0.05)
    loss = copy.deepcopy(model).to(dtype)(images, labels=labels).loss
    torch.testing.assert_close(loss.float(), exact.loss, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("fields", [{}, *PP_OCR.values()], ids=["vgg", *PP_OCR])
def test_gradient_checkpointing_gives_the_same_gradients(fields):
    config = make(**fields).config
    images = random_images(2, 100, config.image_height, config.num_channels)
    labels, gradients = torch.tensor([[1, 2], [3, 4]]), []
    for checkpointing in (False, True):
        model = make(**fields).train()
        if checkpointing:
            model.gradient_checkpointing_enable()
        model(images, labels=labels).loss.backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, recomputed)


@pytest.mark.parametrize("masked", [False, True])
def test_export_with_dynamic_batch_and_width(masked):
    export(make(batch_norms=True), masked)


@pytest.mark.parametrize(
    "fields, backend", [({}, "aot_eager"), (PP_OCR["pp-ocrv6-small"], "eager")], ids=["vgg", "pp-ocrv6-small"]
)
def test_compile_with_dynamic_shapes(fields, backend):
    model = make(**fields)
    height, channels = model.config.image_height, model.config.num_channels
    compiled = torch.compile(model, dynamic=True, backend=backend)
    for count, width in ((2, 100), (3, 64), (4, 131)):
        images = random_images(count, width, height, channels)
        mask = torch.ones(count, height, width, dtype=torch.long)
        mask[-1, :, width // 2 :] = 0
        for inputs in ({}, {"pixel_mask": mask}):
            torch.testing.assert_close(compiled(images, **inputs).logits, model(images, **inputs).logits)


def test_accumulated_gradients_are_those_of_the_whole_batch(tmp_path):
    """The Trainer must divide by the accumulation steps: a loss that swallows its hint is four times as large."""
    pytest.importorskip("accelerate")
    from transformers import Trainer, TrainingArguments

    images, labels = random_images(8, 64), torch.arange(1, 17).view(8, 2)
    words = [{"pixel_values": image, "labels": label} for image, label in zip(images, labels, strict=True)]
    weights = []
    for batch_size, steps in ((8, 1), (2, 4)):
        arguments = TrainingArguments(
            output_dir=str(tmp_path),
            per_device_train_batch_size=batch_size,
            gradient_accumulation_steps=steps,
            max_steps=1,
            learning_rate=0.1,
            optim="sgd",
            lr_scheduler_type="constant",
            max_grad_norm=0,
            report_to="none",
            save_strategy="no",
            use_cpu=True,
            disable_tqdm=True,
        )
        model = make(batch_norms=False)
        before = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
        Trainer(model=model, args=arguments, train_dataset=words).train()
        weights.append(torch.cat([parameter.detach().flatten() for parameter in model.parameters()]) - before)
    assert weights[0].abs().max() > 1e-3
    torch.testing.assert_close(weights[1], weights[0], atol=1e-6, rtol=1e-4)


def test_a_config_that_wants_tuples(tmp_path):
    model = CRNNForCTC(CRNNConfig(conv_channels=[4] * 7, hidden_size=4, return_dict=False)).eval()
    images = torch.zeros(1, 1, 32, 32)
    assert isinstance(model(images), tuple)
    assert torch.equal(model(images)[0], model(images, return_dict=True).logits)
