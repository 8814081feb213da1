"""Imports of optional dependencies, with a helpful message where one is missing."""

import importlib
from types import ModuleType


__all__ = ["require"]

#: The extra that brings a package; whatever is not named here comes with "train".
_EXTRAS = {"fontTools": "synthesis", "lmdb": "lmdb", "scipy": "scipy"}


def require(module: str) -> ModuleType:
    """Imports `module`, or says how to get it.

    Raises:
        ImportError: `module` is not installed; the message names the extra that brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(
            f"This needs `{package}`, which is not installed. "
            f"Install it with: pip install hf_str[{_EXTRAS.get(package, 'train')}]"
        ) from error
