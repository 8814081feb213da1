# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""baudm/parseq (strhub): the CRNN that Bautista and Atienza trained beside PARSeq."""

from PIL import Image

from ...models.crnn.tokenization_crnn import CHARSETS
from ..family import CheckpointFamily
from .crnn_pytorch import CONFIG, names_of


__all__ = ["FAMILIES"]

FAMILIES = (
    CheckpointFamily(
        name="strhub",
        title="CRNN of baudm/parseq (strhub)",
        source="https://github.com/baudm/parseq",
        files="crnn-679d0e31.pt of the releases, pytorch_model.bin of baudm/crnn, or a Lightning .ckpt",
        # Normalized convolutions have no bias here.
        config=CONFIG | {"num_channels": 3, "conv_biases": [not normalized for normalized in CONFIG["batch_norms"]]},
        names=names_of("cnn", "rnn", "linear"),
        preprocessing={"stretch": {"size": {"height": 32, "width": 128}, "resample": Image.Resampling.BICUBIC}},
        charsets={"94": CHARSETS["94"], "62": CHARSETS["62"], "36": CHARSETS["36"]},
        activation_varies=True,
        height_multiple_of=16,
    ),
)
