# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Command lines of scripts: one style of help, and options whose old names still work, with a warning."""

import argparse
import re
import sys
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


__all__ = [
    "HelpFormatter",
    "OptionParser",
    "add_decoding_options",
    "add_rendering_options",
    "positive",
    "rename_keys",
    "rename_options",
]


class OptionParser(argparse.ArgumentParser):
    """A parser whose help keeps the lines of the description and shows the default of each option.

    Args:
        description: text above the options, usually the `__doc__` of the script.
        renamed: new names of options by old ones, see [`rename_options`].
        options: of `argparse.ArgumentParser`.
    """

    def __init__(
        self, description: str | None = None, renamed: Mapping[str, str] | None = None, **options: Any
    ) -> None:
        options.setdefault("formatter_class", HelpFormatter)
        super().__init__(description=description, **options)
        self.renamed = dict(renamed or {})

    def parse_known_args(self, args: Iterable[str] | None = None, namespace: Any = None) -> Any:
        """See `argparse`; `parse_args` calls it as well."""
        arguments = sys.argv[1:] if args is None else args
        return super().parse_known_args(rename_options(arguments, self.renamed), namespace)


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the description, and shows the default of each option whose help does not name it."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        # What the defaults None, [] and False mean is not obvious: the text has to say it.
        is_obscure = action.default is None or action.default is False or action.default in ([], argparse.SUPPRESS)
        if "default" in text or not action.option_strings or is_obscure:
            return text
        return f"{text} (default: %(default)s)".lstrip()


def positive(text: str) -> int:
    """The `type` of an option that takes an integer of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be an integer of at least 1, not {text!r}")
    return int(text)


def add_decoding_options(parser: argparse.ArgumentParser, decoders: Iterable[str], lexicon: str) -> None:
    """Adds the options `--decoder`, `--beam_width`, `--language_model` and `--lexicon` as a group.

    Args:
        parser: of the script.
        decoders: names to choose from.
        lexicon: the help of `--lexicon`, which takes a file or, in some scripts, the name of a lexicon.
    """
    add = parser.add_argument_group("decoding").add_argument
    add(
        "--decoder",
        choices=list(decoders),
        help="default: beam_search with --language_model, lexicon with --lexicon; without both beam_search with the "
        "language model of the checkpoint if it has one, or else best_path",
    )
    add("--beam_width", type=positive, help="beams of beam_search (default: 10)")
    add("--language_model", type=Path, metavar="FILE", help="for beam_search: of train_character_lm.py, or ARPA")
    add("--lexicon", help=lexicon)


def add_rendering_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options `--charset`, `--lexicon`, `--fonts` and `--backgrounds` of scripts that render words."""
    add = parser.add_argument
    add(
        "--charset",
        default="94",
        help="digits, 36, 62, 94, latin, german, korean, chinese ..., a .txt file, or the characters themselves",
    )
    add(
        "--lexicon",
        type=Path,
        nargs="*",
        default=[],
        help="text files with one word (and its count) per line, or wordfreq:en (default: invented words)",
    )
    add("--fonts", type=Path, nargs="*", help="folders of fonts (default: those of this system)")
    add("--backgrounds", type=Path, help="folder of photos to render on (default: painted backgrounds)")


def rename_options(arguments: Iterable[str], renamed: Mapping[str, str]) -> list[str]:
    """Replaces old names of options on a command line by the new ones, each with a warning.

    For any parser that takes a list of arguments, such as `HfArgumentParser`:

        parser.parse_args_into_dataclasses(rename_options(sys.argv[1:], {"data": "dataset"}))

    `--data=words/` becomes `--dataset=words/` and `--no_data` becomes `--no_dataset`. Hyphens and underscores within
    an old name are the same. Arguments after a separate `--` are not options and stay as they are.

    Args:
        arguments: the command line, without the program.
        renamed: new names by old ones, both without leading hyphens and with underscores.
    """
    arguments = list(arguments)
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return [_rename_option(argument, renamed) for argument in arguments[:end]] + arguments[end:]


def _rename_option(argument: str, renamed: Mapping[str, str]) -> str:
    option, equals, value = argument.partition("=")
    match = re.fullmatch(r"--(no[-_])?(.+)", option)
    new_name = renamed.get(match[2].replace("-", "_")) if match else None
    if match is None or new_name is None:
        return argument
    new_option = f"--{match[1] or ''}{new_name}"
    _warn(option, new_option)
    return f"{new_option}{equals}{value}"


def rename_keys(options: Mapping[str, Any], renamed: Mapping[str, str]) -> dict[str, Any]:
    """Replaces old names of options in a JSON object by the new ones, each with a warning.

    Args:
        options: what the JSON file holds.
        renamed: new names by old ones.

    Returns:
        The options in their order.

    Raises:
        ValueError: an option is given under both names.
    """
    current = {}
    for name, value in options.items():
        new_name = renamed.get(name, name)
        if new_name != name:
            _warn(name, new_name)
        if new_name in current:
            raise ValueError(f"the option {new_name} is given twice, once under its old name")
        current[new_name] = value
    return current


def _warn(old: str, new: str) -> None:
    message = f"{old} is deprecated and will be removed in the next version; use {new}."
    warnings.warn(message, FutureWarning, stacklevel=3)
