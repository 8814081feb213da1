# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""CRNN checkpoints of other projects become checkpoints of this one.

>>> from hf_str.conversion import convert_checkpoint
>>> convert_checkpoint("crnn-pytorch", "crnn.pth", "crnn/")  # doctest: +SKIP
"""

from .converter import convert_checkpoint
from .families import FAMILIES
from .family import CheckpointFamily, ConversionError


__all__ = ["FAMILIES", "CheckpointFamily", "ConversionError", "convert_checkpoint"]
