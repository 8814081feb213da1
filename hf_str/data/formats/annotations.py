# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Contents of annotation files: JSON whose labels keep their spelling, and errors that name the file."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...models.crnn.text_files_crnn import TextFileError, read_text_file


__all__ = ["DONT_CARE", "AnnotationError", "flat", "label_text", "parse_json", "read_json", "understanding"]

#: Transcriptions that say "nobody can read this": ICDAR's, Total-Text's.
DONT_CARE = {"###", "#", "##", "####"}


class AnnotationError(ValueError):
    """An annotation file that cannot be understood. The message names the file and says what was expected."""


def flat(points: Sequence) -> list[float]:
    """`[[x, y], ...]` or `[x, y, ...]` as `[x, y, ...]`."""
    return [float(n) for point in points for n in (point if isinstance(point, (list, tuple)) else [point])]


@contextmanager
def understanding(file: Path) -> Iterator[None]:
    """Parts of an annotation file that are not as its format has them are an `AnnotationError` that names the file.

    Only what takes the parsed content apart belongs here: an error of anything else would be blamed on the file.
    """
    try:
        yield
    except (AnnotationError, TextFileError):
        raise
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else error
        raise AnnotationError(f"{file} has annotations that do not follow its format: {reason}") from error


def label_text(value: Any) -> str | None:
    """A label out of JSON as [`read_json`] and [`parse_json`] give it; `None` where it is no text and no number."""
    return value if isinstance(value, str) else None


def parse_json(text: str) -> Any:
    """JSON whose numbers stay text, spelled as they are: a label 1.50 is "1.50", not 1.5.

    Raises:
        ValueError: it is not JSON, or an object has a name twice with other values: one of them would be lost.
    """
    return json.loads(text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    for name, value in pairs if len(found) < len(pairs) else ():
        if found[name] != value:
            raise ValueError(f"{name!r} stands there twice, with {value!r} and {found[name]!r}"[:300])
    return found


def read_json(path: Path) -> Any:
    """A JSON file's content.

    Raises:
        AnnotationError: it is not JSON; the message names the file.
    """
    try:
        text = read_text_file(path)
    except TextFileError as error:
        raise AnnotationError(str(error)) from error
    try:
        return json.loads(text)
    except ValueError as error:
        raise AnnotationError(f"{path} is not valid JSON: {error}") from error
