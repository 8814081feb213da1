# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with the files of a checkpoint that does not load, by name."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer
from transformers.utils.hub import cached_file


__all__ = ["check_files", "local_path", "naming_files"]

#: Arguments of `from_pretrained` that say where on the Hub a file is.
_PLACES = ("cache_dir", "revision", "subfolder", "token")


def check_files(checkpoint: str | os.PathLike, names: Sequence[str], **options: Any):
    """Looks at those of the files that are there, in a folder or in the cache; nothing is downloaded.

    Raises:
        ValueError: a file is damaged; the message names it and says how.
    """
    for name in names:
        path = local_path(checkpoint, name, options)
        if path is not None and (fault := _fault(path)):
            raise ValueError(f"{path} {fault}")


def _is_of_the_caller(error: Exception, options: dict[str, Any]) -> bool:
    """Whether an error speaks of how `from_pretrained` was called: a device it was called under, or an argument."""
    if isinstance(error, RuntimeError):
        return "from_pretrained" in str(error)
    if isinstance(error, TypeError):
        return any(f"unexpected keyword argument '{name}'" in str(error) for name in options)
    return isinstance(error, AttributeError) and any(name in str(error) for name in options)


@contextmanager
def naming_files(checkpoint: str | os.PathLike, names: Sequence[str], **options: Any) -> Iterator[None]:
    """Whatever fails inside becomes one line that names the file.

    Args:
        checkpoint: a folder or a repository.
        names: the files that are read inside, the likeliest first.
        options: those of `from_pretrained`.

    Raises:
        ValueError: a file is damaged, or what it says is wrong.
        OSError, ImportError: as raised inside, where the files are whole; so is what the caller's arguments caused.
    """
    try:
        yield
    except ImportError:
        raise
    except Exception as error:
        places = {key: options[key] for key in _PLACES if options.get(key) is not None}
        try:
            check_files(checkpoint, names, **places)
        except ValueError as damage:
            raise damage from error
        if any(name in str(error) for name in names) and isinstance(error, (OSError, ValueError)):
            raise
        if isinstance(error, OSError) or _is_of_the_caller(error, options):  # such as no such repository
            raise
        reason = " ".join(str(error).split()) if str(error) else type(error).__name__
        if isinstance(error, (KeyError, AttributeError)):
            reason = f"something is missing in it ({type(error).__name__}: {reason})"
        where = next((path for name in names if (path := local_path(checkpoint, name, places))), None)
        raise ValueError(f"{where or f'{names[0]} of {checkpoint}'}: {reason}") from error


def local_path(checkpoint: str | os.PathLike, name: str, options: dict[str, Any]) -> Path | None:
    """A file of a folder, or of a repository where it is in the cache; `None` where it is not there."""
    if os.path.isdir(checkpoint):
        path = Path(checkpoint) / options.get("subfolder", "") / name
        return path if path.exists() else None
    try:
        found = cached_file(
            str(checkpoint),
            name,
            local_files_only=True,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
            _raise_exceptions_for_gated_repo=False,
            **options,
        )
    except (OSError, ValueError):
        return None
    return None if found is None else Path(found)


def _fault(path: Path) -> str | None:
    """What is wrong with a file of JSON or safetensors, such as "is empty"; `None` where it is whole."""
    if path.is_dir():
        return "is a folder, not a file"
    if path.stat().st_size == 0:
        return "is empty: copy or download it again"
    with path.open("rb") as file:
        start = file.read(200)
    if start.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer, not the file itself: get it with `git lfs pull`"
    if start.lstrip().lower().startswith((b"<!doctype", b"<html")):
        return "is an HTML page, not the file itself: download it again"
    return _fault_of_weights(path) if path.suffix == ".safetensors" else _fault_of_json(path)


def _fault_of_weights(path: Path) -> str | None:
    try:
        with safe_open(path, framework="np"):
            return None
    except SafetensorError as error:
        return f"is damaged or cut off ({error}): copy or download it again"


def _fault_of_json(path: Path) -> str | None:
    try:
        content = json.loads(path.read_bytes().decode("utf-8"))
    except UnicodeDecodeError as error:
        return f"is not UTF-8 ({error.reason} at byte {error.start})"
    except (RecursionError, ValueError) as error:
        return f"is no valid JSON, damaged or cut off ({error})"
    if not isinstance(content, dict):
        return f"must hold a JSON object {{...}}, not {json.dumps(content)[:40]}"
    if path.name == "tokenizer.json" and not {"model", "added_tokens"} <= content.keys():
        return 'is no tokenizer: it lacks "model" or "added_tokens"'
    if path.name == "tokenizer.json":
        try:
            Tokenizer.from_file(str(path))
        except Exception as error:  # noqa: BLE001 (tokenizers raises no other class)
            return f"is no tokenizer ({error}): copy or download it again"
    return None
