# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Networks of the field by name: what of `CRNNConfig` differs from the paper's network."""

__all__ = ["PRESETS", "nearest_multiple"]

#: Channels of the embedded checkpoint: five eighths of the paper's, normalized everywhere.
_SMALL = {"conv_channels": [32, 64, 160, 160, 320, 320, 320], "batch_norms": True, "hidden_size": 192}
#: Baek et al., "What Is Wrong With Scene Text Recognition Model Comparisons?" (2019), supplement, table 5.
_RESNET = {
    "conv_channels": [32, 64, 128, 256, 512, 512, 512],
    "conv_kernel_sizes": [3, 3, 3, 3, 3, 2, 2],
    "conv_strides": [1, 1, 1, 1, 1, [2, 1], 1],
    "conv_paddings": [1, 1, 1, 1, 1, [0, 1], 0],
    "conv_biases": False,
    "batch_norms": True,
    "pool_kernel_sizes": [None, [2, 2], [2, 2], [2, 2], None, None, None],
    "pool_strides": [None, [2, 2], [2, 2], [2, 1], None, None, None],
    "pool_paddings": [None, [0, 0], [0, 0], [0, 1], None, None, None],
    "residual_blocks": [0, 0, 1, 2, 5, 3, 0],
    "lstm_projection": "all",
}
#: Li et al., "Show, Attend and Read" (2019), table 1. Four rows of a 32 pixel image are left.
_RESNET31 = {
    "conv_channels": [64, 128, 256, 256, 512, 512],
    "conv_kernel_sizes": 3,
    "conv_paddings": 1,
    "conv_biases": False,
    "batch_norms": True,
    "pool_kernel_sizes": [None, [2, 2], [2, 2], [2, 1], None, None],
    "residual_blocks": [0, 0, 1, 2, 5, 3],
}
#: PaddleOCR's ResNet34_vd: ResNet-34 (He et al. 2016) with the stem and the shortcuts of ResNet-D, and text strides.
_RESNET34_VD = {
    "featurizer": "resnet",
    "num_channels": 3,
    "stem_channels": [32, 32, 64],
    "stem_pool_stride": [2, 2],
    "stage_depths": [3, 4, 6, 3],
    "stage_channels": [64, 128, 256, 512],
    "stage_strides": [[1, 1], [2, 1], [2, 1], [2, 1]],
    "block_kernel_sizes": [3, 3],
    "block_shortcut": "pooled",
    "head_pool_kernel_size": [2, 2],
}
#: Howard et al., "Searching for MobileNetV3" (2019), table 1:
#: kernel size, channels inside, output channels, squeeze-and-excitation and activation of each block.
_MOBILENET_V3_LARGE = (
    (3, 16, 16, False, "relu"),
    (3, 64, 24, False, "relu"),
    (3, 72, 24, False, "relu"),
    (5, 72, 40, True, "relu"),
    (5, 120, 40, True, "relu"),
    (5, 120, 40, True, "relu"),
    (3, 240, 80, False, "hardswish"),
    (3, 200, 80, False, "hardswish"),
    (3, 184, 80, False, "hardswish"),
    (3, 184, 80, False, "hardswish"),
    (3, 480, 112, True, "hardswish"),
    (3, 672, 112, True, "hardswish"),
    (5, 672, 160, True, "hardswish"),
    (5, 960, 160, True, "hardswish"),
    (5, 960, 160, True, "hardswish"),
)
_PP_LCNET = {
    "featurizer": "backbone",
    "num_channels": 3,
    "backbone_config": {"model_type": "pp_lcnet_v3", "scale": 0.5, "conv_symmetric_num": 1, "out_indices": [5]},
    "backbone_width_stride": 4,
}
_PP_OCR = {
    "num_channels": 3,
    "image_height": 48,
    "sequentializer": "svtr",
    "hidden_size": 120,
    "intermediate_size": 240,
    "hidden_act": "silu",
    "position_embeddings": "none",
    "layer_norm_eps": 1e-5,
    "mixing_kernel_size": 3,
}
#: The recognizers of PaddleOCR; v4 and v5 mobile are one network with another dictionary.
_PP_OCR_V5 = _PP_OCR | {"featurizer": "pp_lcnet_v3"}
_PP_OCR_V6_SMALL = _PP_OCR | {"featurizer": "pp_lcnet_v4", "neck_fusion": "add", "mixing_kernel_size": 7}
_PP_OCR_V6_TINY = {
    "num_channels": 3,
    "image_height": 48,
    "featurizer": "pp_lcnet_v4",
    "stem_type": "small",
    "stem_channels": [24, 48],
    "stage_depths": [1] * 9,
    "stage_channels": [48] * 2 + [96] * 3 + [160] * 4,
    "stage_strides": [[1, 1]] * 2 + [[2, 1]] + [[1, 1]] * 2 + [[2, 1]] + [[1, 1]] * 3,
    "stage_squeezes": [True, False, False, True, False, False, True, False, False],
    "sequentializer": "convolution",
    "num_hidden_layers": 1,
    "hidden_size": 80,
    "hidden_act": "hardswish",
    "mixing_kernel_size": 5,
}
_TRANSFORMER = {"sequentializer": "transformer"}
_NONE = {"sequentializer": "none"}


def nearest_multiple(channels: float, divisor: int = 8) -> int:
    """`channels` rounded to a multiple as MobileNetV3 does, never below nine tenths: 24 for 22."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded if rounded >= 0.9 * channels else rounded + divisor


def _efficientnet(width: float, depth: float) -> dict:
    """EfficientNet-B0 made wider and deeper (Tan and Le 2019, section 3.3)."""
    return {
        "featurizer": "efficientnet",
        "num_channels": 3,
        "stem_channels": nearest_multiple(32 * width),
        "stage_channels": [nearest_multiple(width * channels) for channels in (16, 24, 40, 80, 112, 192, 320)],
        "stage_depths": [-int(-depth * blocks // 1) for blocks in (1, 2, 2, 3, 3, 4, 1)],
        "batch_norm_eps": 1e-3,
    }


def _mobilenet_v3_large(width: float, strides: dict[int, list[int]]) -> dict:
    """The large MobileNetV3, `width` times as wide, with `strides` by the number of the block, counted from 0."""
    kernel_sizes, inside, channels, squeezes, activations = map(list, zip(*_MOBILENET_V3_LARGE, strict=True))
    inside, channels = ([nearest_multiple(width * count) for count in counts] for counts in (inside, channels))
    before = [nearest_multiple(16 * width), *channels[:-1]]
    return {
        "featurizer": "mobilenet_v3",
        "num_channels": 3,
        "stem_channels": before[0],
        "stage_depths": [1] * len(channels),
        "stage_channels": channels,
        "stage_strides": [strides.get(block, [1, 1]) for block in range(len(channels))],
        "stage_kernel_sizes": kernel_sizes,
        "stage_expansions": [wide / narrow for wide, narrow in zip(inside, before, strict=True)],
        "stage_squeezes": squeezes,
        "stage_activations": activations,
        "head_channels": nearest_multiple(960 * width),
    }


#: docTR's LSTMs and normalization with MobileNetV3.
_DOCTR = {"num_channels": 3, "batch_norm_eps": 1e-3, "hidden_size": 128, "lstm_projection": "none"}

#: Fields by name of preset: featurizer, then sequentializer.
PRESETS = {
    "vgg-bilstm": {},
    "vgg-transformer": _TRANSFORMER,
    "vgg-none": _NONE,
    "vgg-small-bilstm": _SMALL,
    "vgg-small-residual-bilstm": _SMALL | {"residual_blocks": [0, 0, 0, 2, 0, 0, 0]},
    "resnet-bilstm": _RESNET,
    "resnet-transformer": _RESNET | _TRANSFORMER | {"lstm_projection": "between"},
    "resnet-none": _RESNET | _NONE | {"lstm_projection": "between"},
    "tps-resnet-bilstm": _RESNET | {"rectification": "tps"},
    "resnet31-bilstm": _RESNET31,
    "resnet34-vd-bilstm": _RESNET34_VD | {"lstm_projection": "none"},
    "resnet45-bilstm": {"featurizer": "resnet", "num_channels": 3, "lstm_projection": "none"},
    "resnet45-transformer": {"featurizer": "resnet", "num_channels": 3} | _TRANSFORMER,
    "efficientnet-b0-bilstm": _efficientnet(1.0, 1.0),
    "efficientnet-b0-transformer": _efficientnet(1.0, 1.0) | _TRANSFORMER,
    "efficientnet-b0-none": _efficientnet(1.0, 1.0) | _NONE,
    "efficientnet-b1-bilstm": _efficientnet(1.0, 1.1),
    "efficientnet-b2-bilstm": _efficientnet(1.1, 1.2),
    "efficientnet-b3-bilstm": _efficientnet(1.2, 1.4),
    "mobilenet-v3-small-bilstm": _DOCTR | {"featurizer": "mobilenet_v3", "head_channels": 576},
    "mobilenet-v3-large-bilstm": _DOCTR
    | _mobilenet_v3_large(1.0, strides={1: [2, 2], 3: [2, 1], 6: [2, 1], 12: [2, 1]}),
    # PaddleOCR's, with its own squeeze-and-excitation.
    "mobilenet-v3-large-x0.5-bilstm": _mobilenet_v3_large(0.5, strides={1: [2, 1], 3: [2, 1], 12: [2, 1]})
    | {"squeeze_divisor": 1, "always_expand": True, "head_pool_kernel_size": [2, 2]}
    | {"hidden_size": 96, "lstm_projection": "none"},
    "pplcnet-bilstm": _PP_LCNET,
    "pplcnet-transformer": _PP_LCNET | _TRANSFORMER,
    "pplcnet-mixing": _PP_LCNET | {"sequentializer": "mixing", "num_hidden_layers": 4},
    "pplcnet-none": _PP_LCNET | _NONE,
    "pp-ocrv4-mobile": _PP_OCR_V5,
    "pp-ocrv5-mobile": _PP_OCR_V5,
    "pp-ocrv6-small": _PP_OCR_V6_SMALL,
    "pp-ocrv6-tiny": _PP_OCR_V6_TINY,
}
