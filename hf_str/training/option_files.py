# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Options in a JSON file: each value is what its option takes, or is refused by name."""

import argparse
import json
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from transformers import HfArgumentParser

from ..utils.options import rename_keys


__all__ = ["set_defaults"]

_NAMES = {bool: "true or false", int: "a whole number", float: "a number", list: "a list of texts"}
_NAMES |= {dict: "an object", NoneType: "null"}


def set_defaults(parser: HfArgumentParser, dataclasses: Sequence[Any], path: Path, renamed: Mapping[str, str]):
    """Puts the options of a JSON file in place of a parser's defaults.

    Args:
        parser: of `dataclasses`.
        dataclasses: whose fields say of which types the options are.
        path: of the file.
        renamed: new names by old ones.

    Raises:
        ValueError: no JSON object, an unknown name, or a value that its option does not take.
    """
    try:
        options = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(options, dict):
        raise ValueError(f"{path} must hold a JSON object of options, not {type(options).__name__}")  # noqa: TRY004
    options = rename_keys(options, renamed)
    actions = {action.dest: action for action in parser._actions if action.dest != "help"}
    if unknown := sorted(options.keys() - actions.keys()):
        raise ValueError(f"{path} has options that this script does not know: {', '.join(unknown)}")
    hints = {name: hint for group in dataclasses for name, hint in get_type_hints(group).items()}
    for name, value in options.items():
        options[name] = _checked(f"{path}: {name}", value, hints[name], actions[name])
        actions[name].required = False
    parser.set_defaults(**options)


def _checked(name: str, value: Any, hint: Any, action: argparse.Action) -> Any:
    """The value of an option; text that stands for a number or a truth value is left to the parser."""
    if action.choices is not None and value is not None and value not in action.choices:
        raise ValueError(f"{name} is {value!r}, but must be one of {', '.join(map(str, action.choices))}")
    types = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    kinds = {get_origin(kind) or kind for kind in types}
    if name.endswith("_overrides"):
        kinds.add(dict)  # JSON in a text on command lines
    if _is_one_of(value, kinds):
        return value
    if isinstance(value, str):
        return [value] if list in kinds else value
    if isinstance(value, float) and value.is_integer() and int in kinds:
        return int(value)  # 1e5
    if bool in kinds and value in (0, 1):
        return bool(value)
    if str in kinds and isinstance(value, (bool, int, float)):
        return str(value)
    wanted = " or ".join(_NAMES.get(kind, "text") for kind in sorted(kinds, key=str) if kind is not NoneType)
    raise ValueError(f"{name} is {json.dumps(value)}, but must be {wanted}")


def _is_one_of(value: Any, kinds: set[Any]) -> bool:
    if isinstance(value, list):
        return list in kinds and all(isinstance(entry, str) for entry in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return bool({int, float} & kinds)
    known = (NoneType, dict, bool, float, str)
    is_other = isinstance(value, str) and any(kind is Literal or issubclass(kind, Enum) for kind in kinds)
    return is_other or any(kind in kinds and isinstance(value, kind) for kind in known)
