# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""clovaai/deep-text-recognition-benchmark: the networks of Baek et al. 2019 that end in CTC.

"What Is Wrong With Scene Text Recognition Model Comparisons?" has four stages: transformation, feature extraction,
sequence modeling, prediction.
"""

from PIL import Image

from ...models.crnn.presets_crnn import PRESETS
from ...models.crnn.tokenization_crnn import CHARSETS
from ..family import CheckpointFamily


__all__ = ["FAMILIES", "RESNET_CONFIG", "RESNET_NAMES", "VGG_CONFIG", "VGG_NAMES"]

_SOURCE = "https://github.com/clovaai/deep-text-recognition-benchmark"
_STRETCH = {"size": {"height": 32, "width": 100}, "resample": Image.Resampling.BICUBIC}
_PREPROCESSING = {
    "stretch": _STRETCH,
    # What the option --PAD does. The padding is read like any other pixel.
    "pad": _STRETCH
    | {"keep_aspect_ratio": True, "min_width": 1, "width_rounding": "up", "padding": "max_length"}
    | {"padding_mode": "replicate", "return_pixel_mask": False},
}
#: The second is that of the option --sensitive.
_CHARSETS = {"36": CHARSETS["36"], "94": CHARSETS["94"]}

_SEQUENCE_NAMES = {f"SequenceModeling.{i}.rnn": f"crnn.layers.{i}.lstm" for i in range(2)}
_SEQUENCE_NAMES |= {f"SequenceModeling.{i}.linear": f"crnn.layers.{i}.projection" for i in range(2)}
_SEQUENCE_NAMES |= {"Prediction": "ctc_head"}

#: The paper's pools, so `width // 4 - 1` frames; the two normalized convolutions have no bias.
VGG_CONFIG = {"conv_biases": [True, True, True, True, False, False, True], "lstm_projection": "all"}
VGG_NAMES = _SEQUENCE_NAMES | {
    f"FeatureExtraction.ConvNet.{theirs}": f"crnn.featurizer.layers.{ours}"
    for theirs, ours in {
        0: "0.convolution",
        3: "1.convolution",
        6: "2.convolution",
        8: "3.convolution",
        11: "4.convolution",
        12: "4.normalization",
        14: "5.convolution",
        15: "5.normalization",
        18: "6.convolution",
    }.items()
}

RESNET_CONFIG = PRESETS["resnet-bilstm"]


def _resnet_names() -> dict[str, str]:
    names = {}
    convolutions = ("conv0_1", "conv0_2", "conv1", "conv2", "conv3", "conv4_1", "conv4_2")
    for layer, convolution in enumerate(convolutions):
        names[convolution] = f"{layer}.convolution"
        names[convolution.replace("conv", "bn")] = f"{layer}.normalization"
    # layer1 to layer4 are the blocks before conv1, conv2, conv3 and conv4_1.
    for group, num_blocks in enumerate((1, 2, 5, 3), start=1):
        for block in range(num_blocks):
            theirs, ours = f"layer{group}.{block}", f"{group + 1}.residual_blocks.{block}"
            for part in ("1", "2"):
                names[f"{theirs}.conv{part}"] = f"{ours}.convolution{part}"
                names[f"{theirs}.bn{part}"] = f"{ours}.normalization{part}"
            for part in ("0", "1"):
                names[f"{theirs}.downsample.{part}"] = f"{ours}.shortcut.{part}"
    return {f"FeatureExtraction.ConvNet.{theirs}": f"crnn.featurizer.layers.{ours}" for theirs, ours in names.items()}


RESNET_NAMES = _SEQUENCE_NAMES | _resnet_names()

_TPS = "Transformation.LocalizationNetwork"
_TPS_NAMES = {f"{_TPS}.conv.{4 * i}": f"crnn.rectification.localization.{i}.convolution" for i in range(4)}
_TPS_NAMES |= {f"{_TPS}.conv.{4 * i + 1}": f"crnn.rectification.localization.{i}.normalization" for i in range(4)}
_TPS_NAMES |= {
    f"{_TPS}.localization_fc1.0": "crnn.rectification.hidden",
    f"{_TPS}.localization_fc2": "crnn.rectification.fiducials",
}

FAMILIES = (
    CheckpointFamily(
        name="clovaai-vgg",
        title="None-VGG-BiLSTM-CTC of clovaai/deep-text-recognition-benchmark",
        source=_SOURCE,
        files="None-VGG-BiLSTM-CTC.pth, or best_accuracy.pth of train.py",
        config=VGG_CONFIG,
        names=VGG_NAMES,
        preprocessing=_PREPROCESSING,
        charsets=_CHARSETS,
        has_one_row=False,
    ),
    CheckpointFamily(
        name="clovaai-resnet",
        title="None-ResNet-BiLSTM-CTC of clovaai/deep-text-recognition-benchmark",
        source=_SOURCE,
        files="None-ResNet-BiLSTM-CTC.pth, or best_accuracy.pth of train.py",
        config=RESNET_CONFIG,
        names=RESNET_NAMES,
        preprocessing=_PREPROCESSING,
        charsets=_CHARSETS,
        has_one_row=False,
    ),
    CheckpointFamily(
        name="clovaai-tps-resnet",
        title="TPS-ResNet-BiLSTM-CTC of clovaai/deep-text-recognition-benchmark",
        source=_SOURCE,
        files="TPS-ResNet-BiLSTM-CTC.pth, or best_accuracy.pth of train.py",
        config=RESNET_CONFIG | {"rectification": "tps"},
        names=RESNET_NAMES | _TPS_NAMES,
        preprocessing=_PREPROCESSING,
        charsets=_CHARSETS,
        has_one_row=False,
        not_needed=("Transformation.GridGenerator.*",),  # the spline of a straight text, which follows from its points
    ),
)
