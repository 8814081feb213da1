# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""PaddlePaddle/PaddleOCR: the CRNNs that it released, and one with ASTER's ResNet."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from PIL import Image

from ...models.crnn.presets_crnn import PRESETS
from ...models.crnn.tokenization_crnn import CHARSETS
from ..family import CheckpointFamily, Weights, stacked_lstm
from .openocr import CONFIG, resnet_names


__all__ = ["FAMILIES"]

_PREPROCESSING = {
    "pad": {
        "size": {"height": 32, "width": 100},
        "resample": Image.Resampling.BILINEAR,
        "antialias": False,
        "keep_aspect_ratio": True,
        "min_width": 1,
        "width_rounding": "up",
        "padding": "max_length",
        "padding_value": 0.0,
        "return_pixel_mask": False,
    }
}
_CHARSETS = {"ic15_dict": CHARSETS["36"], "EN_symbol_dict": CHARSETS["94"]}
#: Slopes of the hard sigmoid that closes squeeze-and-excitation: PaddleOCR's over the one of MobileNetV3's paper.
_GATE_SLOPE = 0.2 * 6


def _as_torch(first_convolution: str) -> Callable[[Weights], Weights]:
    """Paddle's weights as PyTorch has them, for images in RGB."""

    def adapt(weights: Weights) -> Weights:
        renamed = {
            name.replace("._mean", ".running_mean").replace("._variance", ".running_var"): weight
            for name, weight in weights.items()
        }
        return {name: changed(name, weight) for name, weight in renamed.items()}

    def changed(name: str, weight: torch.Tensor) -> torch.Tensor:
        if name == "head.fc.weight":
            return weight.T
        if name == first_convolution:  # its images are BGR, as OpenCV reads them
            return weight.flip(1)
        if ".mid_se.conv2." in name:  # a steeper gate is one that gets more
            return weight * _GATE_SLOPE
        return weight

    return adapt


def _resnet_vd_names(config: Mapping[str, Any]) -> dict[str, str]:
    """Names of `ResNet` of rec_resnet_vd.py: a stem of three, a pool without weights, and blocks by stage."""
    parts = {f"conv1_{index + 1}": (f"{index}.convolution", f"{index}.normalization") for index in range(3)}
    blocks = [(stage, block) for stage, depth in enumerate(config["stage_depths"]) for block in range(depth)]
    for ours, (stage, block) in enumerate(blocks, start=4):
        theirs = f"bb_{stage}_{block}"
        parts |= {
            f"{theirs}.conv{index}": (f"{ours}.convolution{index + 1}", f"{ours}.normalization{index + 1}")
            for index in range(2)
        }
        if block == 0:
            parts[f"{theirs}.short"] = (f"{ours}.shortcut.0", f"{ours}.shortcut.1")
    return _layer_names(parts, "_conv", "_batch_norm")


def _mobilenet_v3_names(config: Mapping[str, Any]) -> dict[str, str]:
    """Names of `MobileNetV3` of rec_mobilenet_v3.py."""
    squeezes = config["stage_squeezes"]
    layers = {"conv1": "0", "conv2": f"{len(squeezes) + 1}"}
    names = {}
    for index, squeeze in enumerate(squeezes):
        theirs, ours = f"blocks.{index}", f"{index + 1}"
        layers |= {
            f"{theirs}.expand_conv": f"{ours}.expansion",
            f"{theirs}.bottleneck_conv": f"{ours}.depthwise",
            f"{theirs}.linear_conv": f"{ours}.projection",
        }
        if squeeze:
            names[f"backbone.{theirs}.mid_se.conv1"] = f"crnn.featurizer.layers.{ours}.squeeze.reduction"
            names[f"backbone.{theirs}.mid_se.conv2"] = f"crnn.featurizer.layers.{ours}.squeeze.expansion"
    parts = {theirs: (f"{ours}.convolution", f"{ours}.normalization") for theirs, ours in layers.items()}
    return names | _layer_names(parts, "conv", "bn")


def _layer_names(parts: Mapping[str, tuple[str, str]], convolution: str, normalization: str) -> dict[str, str]:
    """Full names, where each part is a pair of a convolution and its normalization."""
    names = {}
    for theirs, ours in parts.items():
        for weight, our_weight in zip((convolution, normalization), ours, strict=True):
            names[f"backbone.{theirs}.{weight}"] = f"crnn.featurizer.layers.{our_weight}"
    return names


def _family(lstm: str, first_convolution: str, names: dict[str, str], **description: Any) -> CheckpointFamily:
    return CheckpointFamily(
        source="https://github.com/PaddlePaddle/PaddleOCR",
        names=names | stacked_lstm(lstm) | {"head.fc": "ctc_head"},
        preprocessing=_PREPROCESSING,
        charsets=_CHARSETS,
        # Paddle saves the weights of an LSTM twice, under the names of its layers as well.
        not_needed=(f"{lstm}.*.cell_fw.*", f"{lstm}.*.cell_bw.*"),
        adapt=_as_torch(first_convolution),
        **description,
    )


_RESNET34_VD = PRESETS["resnet34-vd-bilstm"]
_MOBILENET_V3 = PRESETS["mobilenet-v3-large-x0.5-bilstm"]
_REMARKS = (
    "The file is best_accuracy.pdparams of the model for training, not the one for inference. Words are prepared as "
    "in training; predict_rec.py of PaddleOCR widens its images where a word has more than 3.1 heights."
)

FAMILIES = (
    _family(
        name="paddleocr-resnet34-vd",
        title="CRNN with ResNet34_vd of PaddlePaddle/PaddleOCR",
        files="best_accuracy.pdparams of rec_r34_vd_none_bilstm_ctc",
        config=_RESNET34_VD,
        first_convolution="backbone.conv1_1._conv.weight",
        names=_resnet_vd_names(_RESNET34_VD),
        lstm="neck.encoder.lstm",
        remarks=_REMARKS,
    ),
    _family(
        name="paddleocr-mobilenet-v3",
        title="CRNN with half the large MobileNetV3 of PaddlePaddle/PaddleOCR",
        files="best_accuracy.pdparams of rec_mv3_none_bilstm_ctc",
        config=_MOBILENET_V3,
        first_convolution="backbone.conv1.conv.weight",
        names=_mobilenet_v3_names(_MOBILENET_V3),
        lstm="neck.encoder.lstm",
        remarks=_REMARKS,
    ),
    _family(
        name="paddleocr-resnet-aster",
        title="CRNN with ResNet_ASTER of PaddlePaddle/PaddleOCR",
        files="best_accuracy.pdparams of a yaml file with Backbone ResNet_ASTER (with_lstm) and Head CTCHead",
        config=CONFIG,
        first_convolution="backbone.layer0.0.weight",
        names=resnet_names("backbone"),
        lstm="backbone.rnn",
    ),
)
