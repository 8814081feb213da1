"""Featurizers made of stages: sizes, independence of neighbours, pooling of rows, export."""

import pytest
import torch
from torch import nn

from hf_str import CRNNConfig, CRNNForCTC
from tests.conftest import random_images
from tests.models.networks import assert_neighbours_change_nothing, export, make


FEATURIZERS = {
    "resnet": {"featurizer": "resnet"},
    "resnet, stride at the second": {
        "featurizer": "resnet",
        "block_stride_at": "second",
        "block_kernel_sizes": [3, 3],
    },
    "efficientnet": {"featurizer": "efficientnet", "num_channels": 3},
    "efficientnet with a head": {"featurizer": "efficientnet", "head_channels": 24},
    "mobilenet_v3": {"featurizer": "mobilenet_v3", "num_hidden_layers": 0},
    "learned rows": {"featurizer": "mobilenet_v3", "image_height": 64, "height_pooling": "learned"},
    "max over rows": {"featurizer": "resnet", "image_height": 64, "height_pooling": "max"},
}


@pytest.mark.parametrize("fields", FEATURIZERS.values(), ids=FEATURIZERS)
def test_neighbours_change_nothing(fields):
    assert_neighbours_change_nothing(make(**fields))


@pytest.mark.parametrize("fields", FEATURIZERS.values(), ids=FEATURIZERS)
def test_frames_and_features_are_as_the_config_says(fields):
    model = make(**fields)
    config = model.config
    for width in (1, 2, 5, 61, 100, 128):
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
