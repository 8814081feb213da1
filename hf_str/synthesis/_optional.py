"""Imports of the optional dependencies, with a helpful message where one is missing."""

from __future__ import annotations

import importlib
from types import ModuleType


__all__ = ["require"]


def require(module: str) -> ModuleType:
    """Imports `module`, or says how to get it.

    Raises:
        ImportError: `module` is not installed; the message names the extra that brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"Rendering words needs `{module}`, which is not installed. Install it with: pip install hf_str[synthesis]"
        ) from error
