# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Word boxes: images of single words with their text, from wherever they lie.

Importing this package is light: `datasets`, OpenCV and the readers are imported when they are first used.
"""

import importlib

from .read_report import ReadReport
from .word_boxes import WordBox, read_word_folder


__all__ = ["READERS", "ReadReport", "WordBox", "load_word_boxes", "read_word_folder"]

_LAZY = {"READERS": ".readers", "load_word_boxes": ".loading"}


def __getattr__(name: str):
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
