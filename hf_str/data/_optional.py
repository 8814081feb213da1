"""Imports of optional dependencies, with a helpful message where one is missing."""

import importlib
from types import ModuleType


__all__ = ["require"]

#: Whatever is not named here comes with the extra "train".
_EXTRAS = {"lmdb": "lmdb", "scipy.io": "scipy"}


def require(module: str) -> ModuleType:
    """Imports `module`, or says how to get it.

    Raises:
        ImportError: `module` is not installed; the message names the extra that brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"Reading these word boxes needs `{module.partition('.')[0]}`, which is not installed. "
            f"Install it with: pip install hf_str[{_EXTRAS.get(module, 'train')}]"
        ) from error
