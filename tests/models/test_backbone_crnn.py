# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Backbones of transformers as featurizers: strides along the width, padding, what is refused and how."""

import copy

import pytest
import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import ConvNextConfig, ResNetConfig

from hf_str import CRNNConfig, CRNNForCTC
from tests.conftest import random_images
from tests.models.networks import assert_neighbors_change_nothing, disturb, export


RESNET = {"model_type": "resnet", "depths": [1, 1, 1, 1], "hidden_sizes": [8, 8, 16, 16], "embedding_size": 8}
RESNET |= {"layer_type": "basic", "out_indices": [4]}
HGNET = {
    "model_type": "hgnet_v2",
    "out_indices": [4],
    "stem_channels": [3, 8, 8],
    "stage_in_channels": [8, 16, 16, 16],
}
HGNET |= {"stage_mid_channels": [8] * 4, "stage_out_channels": [16] * 4, "stage_num_blocks": [1] * 4}
HGNET |= {"stage_numb_of_layers": [2] * 4}
#: Kernel size, channels in and out, stride and squeeze-and-excitation of each block of each stage.
LCNET = {
    "stem_channels": 8,
    "block_configs": [
        [[3, 8, 8, 1, False]],
        [[3, 8, 8, 2, False], [3, 8, 8, 1, True]],
        [[3, 8, 8, 2, True]],
        [[5, 8, 16, 2, False]],
        [[5, 16, 16, 2, True]],
    ],
}
BACKBONES = {
    "resnet": {"backbone_config": RESNET, "backbone_width_stride": 4},
    "resnet, 8 pixels a column": {"backbone_config": RESNET, "backbone_width_stride": 8},
    "resnet's first stage": {"backbone_config": RESNET | {"out_indices": [1]}},
    "convnext": {
        "backbone_config": {"model_type": "convnext", "depths": [1] * 4, "hidden_sizes": [8, 8, 16, 16]},
        "backbone_width_stride": 4,
    },
    "hgnet_v2": {"backbone_config": HGNET, "backbone_width_stride": 4},
    "hgnet_v2 with text strides": {
        "backbone_config": HGNET
        | {"stem_strides": [2, 1, 1, 1, 1], "stage_downsample_strides": [[2, 1], [1, 2], [2, 1], [2, 1]]}
        | {"stage_downsample": [True] * 4}
    },
    "pp_lcnet": {"backbone_config": {"model_type": "pp_lcnet", **LCNET}, "backbone_width_stride": 4},
    "pp_lcnet_v3": {
        "backbone_config": {"model_type": "pp_lcnet_v3", "conv_symmetric_num": 1, **LCNET},
        "backbone_width_stride": 4,
    },
    "pp_lcnet_v4": {
        "backbone_config": {
            "model_type": "pp_lcnet_v4",
            "stem_channels": [3, 8, 8],
            "block_configs": [
                [[3, 8, 8, 1, True]],
                [[3, 8, 8, 1, False]],
                [[3, 8, 16, [2, 1], True]],
                [[3, 16, 16, [2, 1], True]],
            ],
        }
    },
    "textnet": {
        "backbone_config": {
            "model_type": "textnet",
            "stem_out_channels": 8,
            "hidden_sizes": [8, 8, 16, 16, 16],
            "conv_layer_kernel_sizes": [[[3, 3]], [[3, 1]], [[1, 3]], [[3, 3]]],
            "conv_layer_strides": [[2], [2], [2], [2]],
        },
        "backbone_width_stride": 4,
    },
}


def make(**fields) -> CRNNForCTC:
    torch.manual_seed(0)
    fields = {"featurizer": "backbone", "num_channels": 3, "num_hidden_layers": 1, "hidden_size": 16} | fields
    return disturb(CRNNForCTC(CRNNConfig(**fields)).eval())


@pytest.mark.parametrize("fields", BACKBONES.values(), ids=BACKBONES)
def test_neighbors_change_nothing(fields):
    # ConvNeXt's later convolutions have no padding: they leave nothing of an image 16 pixels wide.
    assert_neighbors_change_nothing(make(**fields), widths=(37, 100, 64, 129, 41, 24))


@pytest.mark.parametrize("fields", BACKBONES.values(), ids=BACKBONES)
def test_frames_are_as_the_config_says(fields):
    model = make(**fields)
    widths = torch.arange(24, 66)
    with torch.no_grad():
        frames = [model(torch.zeros(1, 3, 32, int(width))).logits.shape[1] for width in widths]
    assert [model.config.num_frames(int(width)) for width in widths] == frames
    assert model.config.num_frames(widths).tolist() == frames
    wide = 8 if "8 pixels" in str(fields) or fields.get("backbone_width_stride") == 8 else 4
    assert frames[-1] - frames[-1 - wide] == 1


def test_saved_and_loaded(tmp_path):
    model, images = make(**BACKBONES["pp_lcnet_v3"]), random_images(2, 100, channels=3)
    model.save_pretrained(tmp_path)
    loaded = CRNNForCTC.from_pretrained(tmp_path).eval()
    assert loaded.config.backbone_config.model_type == "pp_lcnet_v3"
    torch.testing.assert_close(loaded(images).logits, model(images).logits)
    assert any(name.startswith("crnn.featurizer.layers.0.model.") for name in model.state_dict())


def test_a_copy_masks_by_itself():
    """A copy heeds its own masks, and no longer those that the original saw last."""
    model = make(**BACKBONES["pp_lcnet"])
    images, mask = torch.rand(2, model.config.num_channels, 32, 96), torch.ones(2, 32, 96, dtype=torch.long)
    mask[1, :, 40:] = 0
    images *= mask[:, None]
    with torch.no_grad():
        expected = model(images, pixel_mask=mask).logits
        model(images[:, :, :, :64], pixel_mask=mask[:, :, :64])
        torch.testing.assert_close(copy.deepcopy(model)(images, pixel_mask=mask).logits, expected)


def test_gradient_checkpointing_gives_the_same_gradients_with_a_mask():
    images, mask = random_images(2, 100, channels=3), torch.ones(2, 32, 100, dtype=torch.long)
    mask[1, :, 50:] = 0
    gradients = []
    for checkpointing in (False, True):
        model = make(**BACKBONES["pp_lcnet_v3"]).train()
        if checkpointing:
            model.gradient_checkpointing_enable()
        model(images, pixel_mask=mask, labels=torch.tensor([[1, 2], [3, 4]])).loss.backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, recomputed)


@pytest.mark.parametrize(
    "fields, message",
    [
        ({}, "backbone_config is missing: give the configuration of a backbone of transformers"),
        ({"backbone_config": {"depths": [1]}}, 'backbone_config has no "model_type"'),
        (
            {"backbone_config": RESNET},
            r"\(resnet\) has strides of 2, 2, 2, 2, 2 along the width, so a column is 32 pixels wide and a word 128 "
            r"pixels wide has 4 frames.*at most a quarter of image_height, 8: set backbone_width_stride=4",
        ),
        (
            {"backbone_config": RESNET, "num_channels": 1},
            r"takes images of 3 channels and num_channels is 1: set num_c",
        ),
        ({"backbone_config": {"model_type": "swin"}}, r"\(swin\).*take an earlier stage with out_indices"),
        (
            {"backbone_config": {"model_type": "swin"}, "backbone_width_stride": 4},
            "backbone_width_stride changes the strides of.*not of swin: leave it out",
        ),
        ({"backbone_config": RESNET, "backbone_width_stride": 0}, "backbone_width_stride must be at least 1"),
        (
            {"backbone_config": ConvNextConfig(), "image_height": 8},
            r"\(convnext\) cannot take an image 8 x 1024.*larger",
        ),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_with_what_is_allowed(fields, message):
    with pytest.raises((StrictDataclassError, ValueError), match=f"(?s){message}"):
        CRNNConfig(**{"featurizer": "backbone", "num_channels": 3} | fields)


def test_a_backbone_that_cannot_keep_padding_out_refuses_a_mask():
    fields = {"model_type": "convnextv2", "depths": [1] * 4, "hidden_sizes": [8] * 4, "out_indices": [1]}
    model = make(backbone_config=fields)
    images = random_images(2, 100, channels=3)
    assert model(images).logits.shape[1] == model.config.num_frames(100) == 25
    with pytest.raises(ValueError, match=r"kept out of the backbone 'convnextv2': make .* of one width"):
        model(images, pixel_mask=torch.ones(2, 32, 100, dtype=torch.long))


def test_a_configuration_object_does_as_well_as_its_fields():
    config = ResNetConfig(**{key: value for key, value in RESNET.items() if key != "model_type"})
    fields = {"featurizer": "backbone", "num_channels": 3, "backbone_width_stride": 4}
    assert CRNNConfig(backbone_config=config, **fields).num_frames(100) == 25


@pytest.mark.parametrize("masked", [False, True])
def test_export_with_dynamic_batch_and_width(masked):
    export(make(**BACKBONES["resnet"], sequentializer="none"), masked)
