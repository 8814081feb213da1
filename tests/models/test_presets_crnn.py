# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Every preset: built as named, and a shrunk one of it learns a few words by heart."""

import pytest
import torch

from hf_str import CRNNConfig, CRNNForCTC
from tests.conftest import random_images


def shrunk(name: str) -> CRNNConfig:
    """The preset with few channels and one block a stage."""
    full = CRNNConfig.from_preset(name)
    fields = {"vocab_size": 12, "hidden_size": 32, "num_attention_heads": 4}
    if full.featurizer == "vgg":
        fields["conv_channels"] = [max(8, channels // 16) for channels in full.conv_channels]
        fields["residual_blocks"] = [min(1, blocks) for blocks in full.residual_blocks]
    elif full.featurizer == "backbone":
        fields["backbone_config"] = full.backbone_config.to_dict() | {"scale": 0.125}
    else:
        fields["stage_channels"] = [max(8, channels // 8) for channels in full.stage_channels]
        fields["stage_depths"] = [1] * len(full.stage_depths)
        fields["stem_channels"] = [8] * len(full.stem_channels)
    if full.rectification == "tps":
        fields |= {"localization_channels": [4, 4, 8, 8], "localization_hidden_size": 16}
    return CRNNConfig.from_preset(name, **fields)


@pytest.mark.parametrize(
    "name, guidance",
    [(name, False) for name in CRNNConfig.presets()] + [("vgg-bilstm", True), ("efficientnet-b0-transformer", True)],
)
def test_it_learns_a_few_words_by_heart(name, guidance):
    torch.manual_seed(0)
    config = shrunk(name)
    if guidance:
        config.guidance_decoder, config.guidance_size = True, 32
    model = CRNNForCTC(config).train()
    images = random_images(4, 48, config.image_height, config.num_channels)
    labels = torch.tensor([[1, 2, 3], [4, 4, 5], [6, 7, -100], [8, 9, 10]])
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(300):
        outputs = model(images, labels=labels)
        read = [torch.unique_consecutive(row) for row in outputs.logits.argmax(-1)]
        words = [row[row > 0].tolist() for row in read]
        if words == [label[label > 0].tolist() for label in labels] and outputs.loss < 0.5 * (1 + guidance):
            return
        optimizer.zero_grad()
        outputs.loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
    pytest.fail(f"after 300 steps the loss is {outputs.loss:.3f}")


def test_presets_are_the_networks_of_the_field():
    """Parameters as the networks' own code counts them."""
    expected = {
        ("vgg-bilstm", 37): 8_330_789,
        ("tps-resnet-bilstm", 37): 48_858_093,
        ("resnet34-vd-bilstm", 37): 24_481_029,
        ("mobilenet-v3-small-bilstm", 127): 2_077_855,
        ("mobilenet-v3-large-bilstm", 127): 4_516_015,
        ("mobilenet-v3-large-x0.5-bilstm", 37): 1_451_787,
        ("pp-ocrv5-mobile", 18385): 4_118_021,
        ("pp-ocrv6-small", 18710): 5_275_238,
        ("pp-ocrv6-tiny", 6906): 1_106_702,
    }
    for (name, vocab_size), parameters in expected.items():
        with torch.device("meta"):
            model = CRNNForCTC(CRNNConfig.from_preset(name, vocab_size=vocab_size))
        assert sum(parameter.numel() for parameter in model.parameters()) == parameters, name


def test_presets_are_not_changed_by_those_who_take_them():
    CRNNConfig.from_preset("pplcnet-bilstm").backbone_config.scale = 2.0
    CRNNConfig.from_preset("resnet-bilstm").conv_channels[0] = 1
    assert CRNNConfig.from_preset("pplcnet-bilstm").backbone_config.scale == 0.5
    assert CRNNConfig.from_preset("resnet-bilstm").conv_channels[0] == 32
