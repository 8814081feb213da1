# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Featurizers made of stages: sizes, independence of neighbors, pooling, shortcuts, export."""

import pytest
import torch
from huggingface_hub.errors import StrictDataclassError
from torch import nn

from hf_str import CRNNConfig, CRNNForCTC
from hf_str.models.crnn.featurizer_resnet_crnn import CRNNResidualBlock
from hf_str.models.crnn.inference_crnn import fold_batch_norms
from hf_str.models.crnn.pooling_crnn import CRNNAveragePool
from hf_str.models.crnn.presets_crnn import nearest_multiple
from tests.conftest import random_images
from tests.models.networks import assert_neighbors_change_nothing, export, make


FEATURIZERS = {
    "resnet": {"featurizer": "resnet"},
    "resnet, stride at the second": {
        "featurizer": "resnet",
        "block_stride_at": "second",
        "block_kernel_sizes": [3, 3],
    },
    "resnet with pools": {
        "featurizer": "resnet",
        "stem_channels": [4, 4, 8],
        "stem_pool_stride": [2, 2],
        "stage_strides": [[1, 1], [2, 1], [2, 2], [2, 1], [1, 1]],
        "block_shortcut": "pooled",
        "head_pool_kernel_size": [2, 2],
    },
    "efficientnet": {"featurizer": "efficientnet", "num_channels": 3},
    "efficientnet with a head": {"featurizer": "efficientnet", "head_channels": 24},
    "mobilenet_v3": {"featurizer": "mobilenet_v3", "num_hidden_layers": 0},
    "mobilenet_v3 with a pool": {
        "featurizer": "mobilenet_v3",
        "image_height": 64,
        "squeeze_divisor": 1,
        "always_expand": True,
        "head_channels": 24,
        "head_pool_kernel_size": [2, 2],
        "num_hidden_layers": 0,
    },
    "pp_lcnet_v3": {"featurizer": "pp_lcnet_v3", "num_channels": 3},
    "pp_lcnet_v3, folded": {"featurizer": "pp_lcnet_v3", "folded_batch_norms": True},
    "pp_lcnet_v4": {"featurizer": "pp_lcnet_v4", "num_channels": 3},
    "pp_lcnet_v4, folded": {"featurizer": "pp_lcnet_v4", "folded_batch_norms": True, "sequentializer": "none"},
    "pp_lcnet_v4, small stem": {"featurizer": "pp_lcnet_v4", "stem_type": "small", "head_pool_kernel_size": [3, 1]},
    "learned rows": {"featurizer": "mobilenet_v3", "image_height": 64, "height_pooling": "learned"},
    "max over rows": {"featurizer": "resnet", "image_height": 64, "height_pooling": "max"},
}


@pytest.mark.parametrize("fields", FEATURIZERS.values(), ids=FEATURIZERS)
def test_neighbors_change_nothing(fields):
    assert_neighbors_change_nothing(make(**fields))


@pytest.mark.parametrize("fields", FEATURIZERS.values(), ids=FEATURIZERS)
def test_frames_and_features_are_as_the_config_says(fields):
    model = make(**fields)
    config = model.config
    for width in (1, 2, 5, 61, 100, 128):
        if config.num_frames(width) == 0:
            continue
        images = random_images(2, width, config.image_height, config.num_channels)
        with torch.no_grad():
            frames, _ = model.crnn.featurizer(images)
        assert frames.shape == (2, config.num_frames(width), config.feature_size)
    widths = torch.arange(1, 129)
    assert config.num_frames(widths).tolist() == [config.num_frames(width) for width in range(1, 129)]


def test_default_stages_are_those_of_the_papers():
    def count(**fields):
        with torch.device("meta"):
            featurizer = CRNNForCTC(CRNNConfig(num_channels=3, **fields)).crnn.featurizer
        return sum(parameter.numel() for parameter in featurizer.parameters())

    with torch.device("meta"):
        layers = CRNNForCTC(CRNNConfig(featurizer="resnet")).crnn.featurizer.layers
    convolutions = [name for name, module in layers.named_modules() if isinstance(module, nn.Conv2d)]
    assert len([name for name in convolutions if "shortcut" not in name]) == 45
    # torchvision's efficientnet_b0().features without its last convolution, and mobilenet_v3_small().features.
    assert count(featurizer="efficientnet") == 3_595_388
    assert count(featurizer="mobilenet_v3", head_channels=576) == 927_008


def test_pools_take_what_the_config_says():
    """Four columns of the image become one, two more in the last pool; odd ones at the end are dropped there."""
    fields = FEATURIZERS["resnet with pools"]
    config = CRNNConfig(**fields | {"stage_strides": [[1, 1], [2, 1], [2, 1], [2, 1], [1, 1]]})
    assert [config.num_frames(width) for width in (1, 2, 3, 4, 100, 103)] == [0, 0, 1, 1, 25, 26]
    layers = make(**fields).crnn.featurizer.layers
    features = torch.randn(1, 8, 4, 7).abs()
    for layer in (layers[3], layers[-1]):
        assert torch.equal(layer(features, torch.tensor([7]))[0], layer(features)[0])
    assert torch.equal(layers[-1](features)[0], features[..., :6].unfold(2, 2, 2).unfold(3, 2, 2).amax((4, 5)))


def test_a_pooled_shortcut_is_an_average_and_a_convolution():
    """He et al. (2019), figure 2c; a column or row that is left alone at the end is its own average."""
    block = CRNNResidualBlock(1, 1, eps=1e-5, stride=(2, 2), pooled_shortcut=True).eval()
    nn.init.zeros_(block.normalization2.weight)
    nn.init.constant_(block.shortcut[0].weight, 1.0)
    image = torch.tensor([[[[1.0, 3.0, 5.0], [7.0, 9.0, 11.0], [20.0, 30.0, 40.0]]]])
    means = torch.tensor([[[[5.0, 8.0], [25.0, 40.0]]]])
    torch.testing.assert_close(block(image)[0], means, rtol=1e-4, atol=0)
    wide = torch.cat([image, torch.zeros(1, 1, 3, 3)], 3)
    features, widths = block(wide, torch.tensor([3]))
    torch.testing.assert_close(features, torch.cat([means, torch.zeros(1, 1, 2, 1)], 3), rtol=1e-4, atol=0)
    assert widths.tolist() == [2]


def test_first_blocks_with_a_pooled_shortcut_have_a_convolution_in_it():
    """Also that of the first stage, which changes nothing: 64 channels to 64 in ResNet-34."""
    with torch.device("meta"):
        layers = CRNNForCTC(CRNNConfig.from_preset("resnet34-vd-bilstm")).crnn.featurizer.layers
    blocks = [layer for layer in layers if isinstance(layer, CRNNResidualBlock)]
    projected = [index for index, block in enumerate(blocks) if not isinstance(block.shortcut, nn.Identity)]
    assert projected == [0, 3, 7, 13]
    assert {blocks[index].shortcut[0].stride for index in projected} == {(1, 1)}


def test_what_squeezes_and_expands_in_mobilenet_v3():
    def blocks(**fields):
        with torch.device("meta"):
            layers = CRNNForCTC(CRNNConfig(featurizer="mobilenet_v3", **fields)).crnn.featurizer.layers
        return [layer for layer in layers if hasattr(layer, "depthwise")]

    def squeezed(layers):
        return [layer.squeeze.reduction.out_channels for layer in layers if layer.squeeze is not None]

    assert [layer.expansion is None for layer in blocks()] == [True] + [False] * 10
    assert all(layer.expansion is not None for layer in blocks(always_expand=True))
    assert squeezed(blocks())[:4] == [8, 24, 64, 64]  # a quarter of 16, 96, 240, 240
    assert squeezed(blocks(squeeze_divisor=1))[:4] == [4, 24, 60, 60]
    assert [nearest_multiple(22), nearest_multiple(12), nearest_multiple(3)] == [24, 16, 8]
    assert [nearest_multiple(10), nearest_multiple(18)] == [16, 24]  # 8 and 16 would be less than nine tenths


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"featurizer": "resnet", "stem_channels": []}, "stem_channels is empty: at least one convolution"),
        ({"featurizer": "resnet", "stem_channels": [8, 0]}, r"stem_channels\[1\] must be at least 1, not 0"),
        ({"featurizer": "resnet", "stem_pool_stride": [2]}, r"stem_pool_stride must be a \[height, width\] pair"),
        ({"featurizer": "efficientnet", "stem_pool_stride": [2, 2]}, "stem_pool_stride belongs to featurizer resnet"),
        (
            {"featurizer": "resnet", "block_shortcut": "average"},
            r"block_shortcut.*'pooled'.*got average",
        ),
        ({"featurizer": "resnet", "head_pool_kernel_size": [0, 2]}, r"head_pool_kernel_size must be a \[height, wid"),
        ({"featurizer": "resnet", "head_pool_kernel_size": [2, 2]}, "image_height 32 is pooled away"),
        ({"featurizer": "mobilenet_v3", "squeeze_divisor": 0}, "squeeze_divisor must be at least 1, not 0"),
        ({"featurizer": "efficientnet", "always_expand": True}, "always_expand belongs to featurizer mobilenet_v3"),
        (
            {"featurizer": "pp_lcnet_v4", "stem_channels": 8},
            r"stem_channels of pp_lcnet_v4 are two numbers, not \[8\]",
        ),
        ({"featurizer": "pp_lcnet_v3", "stem_channels": [8, 8]}, "stem_channels of pp_lcnet_v3 is one number"),
        ({"featurizer": "pp_lcnet_v3", "stem_type": "small"}, "stem_type belongs to featurizer pp_lcnet_v4"),
        ({"featurizer": "pp_lcnet_v3"}, "image_height 32 is pooled away"),
        (
            {"folded_batch_norms": True},
            "folded.* belongs to featurizer pp_lcnet_v3 or pp_lcnet_v4 or sequentializer .*svtr, and",
        ),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(fields, message):
    with pytest.raises((StrictDataclassError, ValueError), match=f"(?s){message}"):
        CRNNConfig(**fields)


def test_learned_rows_start_as_their_average():
    fields = {"image_height": 64}
    average, learned = make(**fields), make(**fields, height_pooling="learned")
    attention = learned.crnn.featurizer.height_attention
    attention.score.bias.data.zero_()
    learned.load_state_dict(average.state_dict(), strict=False)
    images = random_images(2, 100, 64)
    torch.testing.assert_close(learned(images).logits, average(images).logits, atol=1e-5, rtol=1e-5)
    learned(images).logits.square().mean().backward()
    assert attention.score.weight.grad.abs().max() > 0
    attention.score.weight.data.normal_(std=10)
    assert not torch.allclose(learned(images).logits, average(images).logits, atol=1e-3)


@pytest.mark.parametrize("featurizer", ["pp_lcnet_v3", "pp_lcnet_v4"])
def test_folded_batch_norms_are_biases(featurizer):
    """The same network with its normalization folded into weights and biases gives the same, and saves and loads."""
    fields = {"featurizer": featurizer, "sequentializer": "svtr", "hidden_size": 32, "num_attention_heads": 4}
    model, folded = make(**fields), make(**fields, folded_batch_norms=True)
    fold_batch_norms(model)
    images = random_images(2, 96, 48)
    folded.load_state_dict(model.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(folded(images).logits, model(images).logits)
    assert not [module for module in folded.modules() if isinstance(module, nn.BatchNorm2d)]


@pytest.mark.parametrize("folded", [False, True])
def test_with_folded_batch_norms_an_image_trains_alone(folded):
    """Batch statistics mix the images of a batch in training; without them a gradient is each image's own."""
    model = make(
        featurizer="pp_lcnet_v4", sequentializer="svtr", neck_fusion="add", hidden_size=32, folded_batch_norms=folded
    ).train()
    images, labels = random_images(2, 96, 48), torch.tensor([[1, 2, 3], [4, 5, 6]])

    def gradient(batch: torch.Tensor) -> torch.Tensor:
        model.zero_grad()
        loss = model(batch, labels=labels).loss
        loss.backward()
        return model.crnn.featurizer.layers[1].depthwise.convolution.weight.grad.clone()

    other = torch.cat([images[:1], 3 * images[1:]])
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    gradients = [gradient(images), gradient(other)]
    alone = []
    for batch in (images, other):
        one = [model(batch[index : index + 1], labels=labels[index : index + 1]).loss for index in range(2)]
        model.zero_grad()
        (sum(one) / 2).backward()
        alone.append(model.crnn.featurizer.layers[1].depthwise.convolution.weight.grad.clone())
    are_equal = [bool((both - own).norm() < 1e-3 * own.norm()) for both, own in zip(gradients, alone, strict=True)]
    assert are_equal == [folded, folded]
    assert bool(before) is not folded
    assert all((buffer != before[name]).any() for name, buffer in model.named_buffers())


def test_an_average_pool_leaves_out_what_does_not_fill_a_window():
    pool = CRNNAveragePool((3, 2))
    features = torch.arange(1.0, 16).view(1, 1, 3, 5)
    means, widths = pool(features, torch.tensor([5]))
    assert means.tolist() == [[[[6.5, 8.5]]]] and widths.tolist() == [2]


def test_squeeze_and_excitation_sees_the_whole_image():
    model = make(featurizer="efficientnet", sequentializer="none")
    images = random_images(1, 256)
    changed = images.clone()
    changed[..., 250:] += 5
    first = (model(images).logits - model(changed).logits)[0, 0].abs().max()
    assert first > 0, "the first frame knows nothing of the far end"


@pytest.mark.parametrize("masked", [False, True])
def test_export_with_dynamic_batch_and_width(masked):
    export(make(featurizer="efficientnet", sequentializer="none", image_height=64, height_pooling="learned"), masked)


@pytest.mark.parametrize("featurizer", ["pp_lcnet_v3", "pp_lcnet_v4"])
def test_export_of_pp_lcnet(featurizer):
    fields = {"sequentializer": "svtr", "hidden_size": 32, "num_attention_heads": 4, "folded_batch_norms": True}
    export(make(featurizer=featurizer, **fields), masked=True)
