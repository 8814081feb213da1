# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What goes into transformers' common test mixins: the classes, a tiny config, tiny inputs, a tiny tokenizer.

The environment variable CONFORMANCE_NETWORK chooses one of `NETWORKS`; without it the paper's network is taken.
"""

import os

import torch
from transformers.utils import is_torchvision_available

from hf_str import (
    CRNNConfig,
    CRNNForCTC,  # noqa: F401
    CRNNImageProcessor,
    CRNNImageProcessorPil,
    CRNNModel,
    CRNNProcessor,  # noqa: F401
    CRNNTokenizer,
)
from hf_str.models.crnn.presets_crnn import PRESETS


BATCH_SIZE = 3


#: Each stage in one of them at least.
NETWORKS = {
    "vgg-bilstm": {"conv_channels": [4, 4, 8, 8, 16, 16, 32]},
    "efficientnet-transformer": {
        "featurizer": "efficientnet",
        "stem_channels": 8,
        "stage_channels": [8] * 7,
        "stage_depths": [1] * 7,
        "sequentializer": "transformer",
        "num_attention_heads": 4,
    },
    "pp-ocrv6-small": PRESETS["pp-ocrv6-small"]
    | {"image_height": 32, "head_pool_kernel_size": [2, 2], "stem_channels": [8, 8], "stage_channels": [8] * 13}
    | {"num_attention_heads": 4, "intermediate_size": 32},
    "tps-resnet-bilstm": PRESETS["tps-resnet-bilstm"]
    | {"localization_channels": [4, 4, 8, 8], "localization_hidden_size": 16}
    | {"conv_channels": [4, 4, 8, 8, 16, 16, 32], "residual_blocks": [0, 0, 1, 1, 1, 1, 0]},
    "tps-resnet-mixing": {
        "rectification": "tps",
        "localization_channels": [4, 4, 8, 8],
        "localization_hidden_size": 16,
        "featurizer": "resnet",
        "stem_channels": 8,
        "stage_channels": [8, 8, 16, 16, 32],
        "stage_depths": [1] * 5,
        "sequentializer": "mixing",
        "num_attention_heads": 4,
        "guidance_decoder": True,
        "guidance_size": 32,
    },
}


def tiny_config(**overrides):
    network = NETWORKS[os.environ.get("CONFORMANCE_NETWORK", "vgg-bilstm")]
    return CRNNConfig(**{"vocab_size": 38, "hidden_size": 32} | network | overrides)


def pixel_values(config, batch_size=BATCH_SIZE, generator=None):
    return torch.rand(batch_size, config.num_channels, config.image_height, 64, generator=generator)


def seq_length(config):
    model = CRNNModel(config).eval()
    with torch.no_grad():
        return model(pixel_values(config, 1)).last_hidden_state.shape[1]


def tiny_tokenizer(**kwargs):
    # The mixins write whole sentences: what is not in the charset is left out, and there is a space in it.
    options = {"charset": "0123456789abcdefghijklmnopqrstuvwxyz ", "unknown_characters": "remove"}
    return CRNNTokenizer(**options | kwargs)


def image_processing_classes():
    classes = {"torchvision": CRNNImageProcessor} if is_torchvision_available() else {}
    return classes | {"pil": CRNNImageProcessorPil}
