# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Topdu/OpenOCR: ASTER's ResNet with an LSTM of two layers."""

from PIL import Image

from ...models.crnn.tokenization_crnn import CHARSETS
from ..family import CheckpointFamily, stacked_lstm


__all__ = ["CONFIG", "FAMILIES", "resnet_names"]

CONFIG = {"featurizer": "resnet", "num_channels": 3, "lstm_projection": "none"}


def resnet_names(module: str) -> dict[str, str]:
    """Names of `ResNet_ASTER`: a stem and five groups of 3, 4, 6, 6 and 3 blocks, which are in one row here."""
    names = {"layer0.0": "0.convolution", "layer0.1": "0.normalization"}
    blocks = [
        f"layer{group}.{block}" for group, count in enumerate((3, 4, 6, 6, 3), start=1) for block in range(count)
    ]
    for ours, theirs in enumerate(blocks, start=1):
        for part in ("1", "2"):
            names |= {
                f"{theirs}.conv{part}": f"{ours}.convolution{part}",
                f"{theirs}.bn{part}": f"{ours}.normalization{part}",
            }
        names |= {f"{theirs}.downsample.{part}": f"{ours}.shortcut.{part}" for part in ("0", "1")}
    return {f"{module}.{theirs}": f"crnn.featurizer.layers.{ours}" for theirs, ours in names.items()}


FAMILIES = (
    CheckpointFamily(
        name="openocr",
        title="CRNN of Topdu/OpenOCR",
        source="https://github.com/Topdu/OpenOCR",
        files="best.pth of configs/rec/svtrs/crnn_ctc.yml",
        config=CONFIG,
        names=resnet_names("encoder") | stacked_lstm("encoder.rnn") | {"decoder.fc": "ctc_head"},
        preprocessing={"stretch": {"size": {"height": 32, "width": 128}, "resample": Image.Resampling.BICUBIC}},
        charsets={"94": CHARSETS["94"], "36": CHARSETS["36"]},
    ),
)
