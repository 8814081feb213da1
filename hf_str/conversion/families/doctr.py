"""mindee/doctr: VGG-16 and MobileNetV3 of torchvision with rectangular strides, and an LSTM of two layers."""

import string

from PIL import Image

from ..family import CheckpointFamily, stacked_lstm


__all__ = ["FAMILIES"]

_SOURCE = "https://github.com/mindee/doctr"
_MEAN, _STD = (0.694, 0.695, 0.693), (0.299, 0.296, 0.301)
_PREPROCESSING = {
    "pad": {
        "size": {"height": 32, "width": 128},
        "resample": Image.BILINEAR,
        "image_mean": list(_MEAN),
        "image_std": list(_STD),
        "keep_aspect_ratio": True,
        "min_width": 1,
        "width_rounding": "down",
        "wide_words": "shrink",
        "padding": "max_length",
        # It pads with black before it normalises, and reads the padding like any other pixel.
        "padding_value": [-mean / std for mean, std in zip(_MEAN, _STD, strict=True)],
        "return_pixel_mask": False,
    }
}
_LATIN = string.digits + string.ascii_letters + string.punctuation + "°"
_CURRENCY = "£€¥¢฿"
_CHARSETS = {
    "french": _LATIN + _CURRENCY + "àâéèêëîïôùûüçÀÂÉÈÊËÎÏÔÙÛÜÇ",
    # What crnn_vgg16_bn knew until version 0.12.
    "legacy_french": _LATIN + "àâéèêëîïôùûçÀÂÉÈËÎÏÔÙÛÇ" + _CURRENCY,
    "english": _LATIN + _CURRENCY,
}
_REMARKS = (
    "docTR itself cuts words that are more than eight times as wide as high into pieces before it reads them; "
    "its authors' models for other languages need --charset."
)
_LSTM_CONFIG = {"num_channels": 3, "hidden_size": 128, "lstm_projection": "none"}
_LSTM_NAMES = stacked_lstm("decoder") | {"linear": "ctc_head"}

#: Positions of the convolutions in `torchvision.models.vgg16_bn().features`; normalisation is one further.
_VGG16_CONVOLUTIONS = (0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40)
_VGG16_CONFIG = _LSTM_CONFIG | {
    "conv_channels": [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6,
    "conv_kernel_sizes": 3,
    "conv_paddings": 1,
    "batch_norms": True,
    "pool_kernel_sizes": [None, [2, 2]] * 2 + [None, None, [2, 1]] * 3,
}
_VGG16_NAMES = {}
for _ours, _theirs in enumerate(_VGG16_CONVOLUTIONS):
    _VGG16_NAMES[f"feat_extractor.{_theirs}"] = f"crnn.featurizer.layers.{_ours}.convolution"
    _VGG16_NAMES[f"feat_extractor.{_theirs + 1}"] = f"crnn.featurizer.layers.{_ours}.normalization"

#: Howard et al. (2019), tables 1 and 2, with the strides of docTR:
#: kernel size, channels inside, output channels, squeeze and excitation, activation, stride.
_MOBILENET_V3_SMALL = (
    (3, 16, 16, True, "relu", [2, 2]),
    (3, 72, 24, False, "relu", [2, 1]),
    (3, 88, 24, False, "relu", [1, 1]),
    (5, 96, 40, True, "hardswish", [2, 1]),
    (5, 240, 40, True, "hardswish", [1, 1]),
    (5, 240, 40, True, "hardswish", [1, 1]),
    (5, 120, 48, True, "hardswish", [1, 1]),
    (5, 144, 48, True, "hardswish", [1, 1]),
    (5, 288, 96, True, "hardswish", [2, 1]),
    (5, 576, 96, True, "hardswish", [1, 1]),
    (5, 576, 96, True, "hardswish", [1, 1]),
)
_MOBILENET_V3_LARGE = (
    (3, 16, 16, False, "relu", [1, 1]),
    (3, 64, 24, False, "relu", [2, 2]),
    (3, 72, 24, False, "relu", [1, 1]),
    (5, 72, 40, True, "relu", [2, 1]),
    (5, 120, 40, True, "relu", [1, 1]),
    (5, 120, 40, True, "relu", [1, 1]),
    (3, 240, 80, False, "hardswish", [2, 1]),
    (3, 200, 80, False, "hardswish", [1, 1]),
    (3, 184, 80, False, "hardswish", [1, 1]),
    (3, 184, 80, False, "hardswish", [1, 1]),
    (3, 480, 112, True, "hardswish", [1, 1]),
    (3, 672, 112, True, "hardswish", [1, 1]),
    (5, 672, 160, True, "hardswish", [2, 1]),
    (5, 960, 160, True, "hardswish", [1, 1]),
    (5, 960, 160, True, "hardswish", [1, 1]),
)
_STEM_CHANNELS = 16


def _mobilenet_config(blocks: tuple, head_channels: int) -> dict:
    kernel_sizes, channels, out_channels, squeezes, activations, strides = map(list, zip(*blocks, strict=True))
    in_channels = [_STEM_CHANNELS, *out_channels[:-1]]
    return _LSTM_CONFIG | {
        "featurizer": "mobilenet_v3",
        "batch_norm_eps": 1e-3,
        "stem_channels": _STEM_CHANNELS,
        "stage_depths": [1] * len(blocks),
        "stage_channels": out_channels,
        "stage_strides": strides,
        "stage_kernel_sizes": kernel_sizes,
        "stage_expansions": [inside / before for inside, before in zip(channels, in_channels, strict=True)],
        "stage_squeezes": squeezes,
        "stage_activations": activations,
        "head_channels": head_channels,
    }


def _mobilenet_names(blocks: tuple) -> dict[str, str]:
    """torchvision numbers the parts that a block has: expansion, depthwise, squeeze and excitation, projection."""
    convolutions = {"0": "0", f"{len(blocks) + 1}": f"{len(blocks) + 1}"}  # stem and head
    names, before = {}, _STEM_CHANNELS
    for index, (_, channels, out_channels, squeezes, _, _) in enumerate(blocks, start=1):
        parts = ["expansion"] * (channels != before) + ["depthwise"] + ["squeeze"] * squeezes + ["projection"]
        for position, part in enumerate(parts):
            theirs, ours = f"{index}.block.{position}", f"{index}.{part}"
            if part == "squeeze":
                names |= {f"{theirs}.fc1": f"{ours}.reduction", f"{theirs}.fc2": f"{ours}.expansion"}
            else:
                convolutions[theirs] = ours
        before = out_channels
    for theirs, ours in convolutions.items():
        names |= {f"{theirs}.0": f"{ours}.convolution", f"{theirs}.1": f"{ours}.normalization"}
    return {f"feat_extractor.{theirs}": f"crnn.featurizer.layers.{ours}" for theirs, ours in names.items()}


FAMILIES = (
    CheckpointFamily(
        name="doctr-vgg16-bn",
        title="crnn_vgg16_bn of mindee/doctr",
        source=_SOURCE,
        files="crnn_vgg16_bn-*.pt, or a .pt of references/recognition",
        config=_VGG16_CONFIG,
        names=_VGG16_NAMES | _LSTM_NAMES,
        preprocessing=_PREPROCESSING,
        charsets=_CHARSETS,
        blank="last",
        remarks=_REMARKS,
    ),
    CheckpointFamily(
        name="doctr-mobilenet-v3-small",
        title="crnn_mobilenet_v3_small of mindee/doctr",
        source=_SOURCE,
        files="crnn_mobilenet_v3_small_pt-*.pt, or a .pt of references/recognition",
        config=_mobilenet_config(_MOBILENET_V3_SMALL, head_channels=576),
        names=_mobilenet_names(_MOBILENET_V3_SMALL) | _LSTM_NAMES,
        preprocessing=_PREPROCESSING,
        charsets=_CHARSETS,
        blank="last",
        remarks=_REMARKS,
    ),
    CheckpointFamily(
        name="doctr-mobilenet-v3-large",
        title="crnn_mobilenet_v3_large of mindee/doctr",
        source=_SOURCE,
        files="crnn_mobilenet_v3_large_pt-*.pt, or a .pt of references/recognition",
        config=_mobilenet_config(_MOBILENET_V3_LARGE, head_channels=960),
        names=_mobilenet_names(_MOBILENET_V3_LARGE) | _LSTM_NAMES,
        preprocessing=_PREPROCESSING,
        charsets=_CHARSETS,
        blank="last",
        remarks=_REMARKS,
    ),
)
