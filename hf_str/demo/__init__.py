# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The demo page: word recognition in a browser, here or as a Space on the Hub."""

from ..utils.renaming import renamed_function
from .page import build_page
from .recognizers import load_recognizers
from .server import serve
from .space import write_space


__all__ = ["build_page", "load_recognizers", "serve", "write_space"]

# Its old name, for one version: folders of Spaces that were written before have it.
load_readers = renamed_function("load_readers", load_recognizers)
