# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Imports of optional dependencies, with a helpful message where one is missing."""

import importlib
from types import ModuleType


__all__ = ["require"]


def require(module: str, extra: str = "train") -> ModuleType:
    """Imports `module`, or says how to get it.

    Raises:
        ImportError: `module` is not installed; the message names the `extra` that brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(
            f"This needs `{package}`, which is not installed. Install it with: pip install hf_str[{extra}]"
        ) from error
