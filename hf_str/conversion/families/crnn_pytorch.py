# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""meijieru/crnn.pytorch: the port of the paper's code that most PyTorch CRNNs descend from."""

from PIL import Image

from ...models.crnn.tokenization_crnn import CHARSETS
from ..family import CheckpointFamily


__all__ = ["CONFIG", "FAMILIES", "STRETCH", "names_of"]

#: Unlike the paper's table, the paper's code normalizes after the third, fifth and seventh convolution, and its last
#: pools are square windows with a stride of 1 along the width: `width // 4 + 1` frames.
CONFIG = {
    "batch_norms": [False, False, True, False, True, False, True],
    "pool_kernel_sizes": [[2, 2], [2, 2], None, [2, 2], None, [2, 2], None],
    "pool_strides": [[2, 2], [2, 2], None, [2, 1], None, [2, 1], None],
    "pool_paddings": [[0, 0], [0, 0], None, [0, 1], None, [0, 1], None],
}
STRETCH = {"size": {"height": 32, "width": 100}, "resample": Image.Resampling.BILINEAR}


def names_of(cnn: str, rnn: str, linear: str) -> dict[str, str]:
    """Names of this layout: `cnn` and `rnn` are its two parts, `linear` the linear layer after an LSTM."""
    names = {f"{cnn}.conv{i}": f"crnn.featurizer.layers.{i}.convolution" for i in range(7)}
    names |= {f"{cnn}.batchnorm{i}": f"crnn.featurizer.layers.{i}.normalization" for i in (2, 4, 6)}
    names |= {f"{rnn}.{i}.rnn": f"crnn.layers.{i}.lstm" for i in range(2)}
    # The linear layer after the last LSTM is the classifier.
    return names | {f"{rnn}.0.{linear}": "crnn.layers.0.projection", f"{rnn}.1.{linear}": "ctc_head"}


FAMILIES = (
    CheckpointFamily(
        name="crnn-pytorch",
        title="CRNN of meijieru/crnn.pytorch",
        source="https://github.com/meijieru/crnn.pytorch",
        files="crnn.pth, or netCRNN_*.pth of train.py",
        config=CONFIG,
        names=names_of("cnn", "rnn", "embedding"),
        preprocessing={"stretch": STRETCH},
        charsets={"36": CHARSETS["36"]},
        activation_varies=True,
        height_multiple_of=16,
    ),
)
