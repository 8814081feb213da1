# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Word boxes: images of single words with their text, from wherever they lie.

Importing this package is light: `datasets`, OpenCV and the formats are imported when they are first used.
"""

import importlib
import warnings
from typing import TYPE_CHECKING, Any

from .read_report import ReadReport
from .word_boxes import WordBox, read_word_folder


if TYPE_CHECKING:
    from .formats import DATASET_FORMATS
    from .loading import load_word_boxes


__all__ = ["DATASET_FORMATS", "ReadReport", "WordBox", "load_word_boxes", "read_word_folder"]

_LAZY = {"DATASET_FORMATS": ".formats", "load_word_boxes": ".loading"}


def __getattr__(name: str) -> Any:
    if name == "READERS":
        message = "`hf_str.data.READERS` is deprecated and will be removed; use `DATASET_FORMATS` instead."
        warnings.warn(message, FutureWarning, stacklevel=2)
        name = "DATASET_FORMATS"
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
