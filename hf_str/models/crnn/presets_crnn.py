"""Networks of the field by name: what of `CRNNConfig` differs from the paper's network."""

__all__ = ["PRESETS"]

#: Channels of the embedded checkpoint: five eighths of the paper's, normalised everywhere.
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
_PP_LCNET = {
    "featurizer": "backbone",
    "num_channels": 3,
    "backbone_config": {"model_type": "pp_lcnet_v3", "scale": 0.5, "conv_symmetric_num": 1, "out_indices": [5]},
    "backbone_width_stride": 4,
}
_TRANSFORMER = {"sequentializer": "transformer"}
_NONE = {"sequentializer": "none"}


def _efficientnet(width: float, depth: float) -> dict:
    """EfficientNet-B0 made wider and deeper (Tan and Le 2019, section 3.3)."""

    def widened(channels: int) -> int:
        rounded = max(8, int(channels * width + 4) // 8 * 8)
        return rounded if rounded >= 0.9 * channels * width else rounded + 8

    return {
        "featurizer": "efficientnet",
        "num_channels": 3,
        "stem_channels": widened(32),
        "stage_channels": [widened(channels) for channels in (16, 24, 40, 80, 112, 192, 320)],
        "stage_depths": [-int(-depth * blocks // 1) for blocks in (1, 2, 2, 3, 3, 4, 1)],
        "batch_norm_eps": 1e-3,
    }


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
    "resnet45-bilstm": {"featurizer": "resnet", "num_channels": 3, "lstm_projection": "none"},
    "resnet45-transformer": {"featurizer": "resnet", "num_channels": 3} | _TRANSFORMER,
    "efficientnet-b0-bilstm": _efficientnet(1.0, 1.0),
    "efficientnet-b0-transformer": _efficientnet(1.0, 1.0) | _TRANSFORMER,
    "efficientnet-b0-none": _efficientnet(1.0, 1.0) | _NONE,
    "efficientnet-b1-bilstm": _efficientnet(1.0, 1.1),
    "efficientnet-b2-bilstm": _efficientnet(1.1, 1.2),
    "efficientnet-b3-bilstm": _efficientnet(1.2, 1.4),
    "mobilenet-v3-small-bilstm": {
        "featurizer": "mobilenet_v3",
        "num_channels": 3,
        "head_channels": 576,
        "batch_norm_eps": 1e-3,
        "hidden_size": 128,
        "lstm_projection": "none",
    },
    "pplcnet-bilstm": _PP_LCNET,
    "pplcnet-transformer": _PP_LCNET | _TRANSFORMER,
    "pplcnet-mixing": _PP_LCNET | {"sequentializer": "mixing", "num_hidden_layers": 4},
    "pplcnet-none": _PP_LCNET | _NONE,
}
