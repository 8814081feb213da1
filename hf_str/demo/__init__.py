# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The demo page: words read in a browser, here or as a Space on the Hub."""

from .page import build_page
from .readers import load_readers
from .server import serve
from .space import write_space


__all__ = ["build_page", "load_readers", "serve", "write_space"]
