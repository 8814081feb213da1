# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Old names of functions and arguments, which work for one version and say what they are called now."""

import functools
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar


__all__ = ["renamed_arguments", "renamed_function"]

P = ParamSpec("P")
R = TypeVar("R")


def renamed_function(old_name: str, function: Callable[P, R]) -> Callable[P, R]:
    """The function for its old name.

    >>> load_readers = renamed_function("load_readers", load_recognizers)  # doctest: +SKIP
    """

    @functools.wraps(function)
    def under_old_name(*args: P.args, **kwargs: P.kwargs) -> R:
        warnings.warn(f"{old_name} is called {function.__name__} now", FutureWarning, stacklevel=2)
        return function(*args, **kwargs)

    under_old_name.__name__ = old_name
    return under_old_name


def renamed_arguments(**new_names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorates a function that takes keyword arguments under their old names, too.

    Args:
        new_names: old name -> name of the function's parameter.

    Raises:
        TypeError: when the function is called with an argument under both names.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def with_old_names(*args: P.args, **kwargs: P.kwargs) -> R:
            for old, new in new_names.items():
                if old in kwargs:
                    if new in kwargs:
                        raise TypeError(f"{function.__name__}() got {old} and {new}, which are one argument")
                    warnings.warn(f"{old} is called {new} now", FutureWarning, stacklevel=2)
                    kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return with_old_names

    return decorate
