# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Files that are whole or not there."""

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


__all__ = ["atomic_write", "finite_or_null", "write_json"]


@contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """A file that has its name only when all of it is on the disk, and that is gone if something goes wrong."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # With the process in its name: what a run that was killed may still be writing is another file.
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_json(path: str | os.PathLike, content: Any):
    """Writes a JSON file, whole or not at all; numbers that are NaN or infinite, which JSON lacks, become `null`."""
    text = json.dumps(finite_or_null(content), indent=2, ensure_ascii=False, allow_nan=False)
    with atomic_write(path) as file:
        file.write((text + "\n").encode())


def finite_or_null(content: Any) -> Any:
    """What JSON can say of it: with `None` for numbers that are NaN or infinite."""
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, dict):
        return {key: finite_or_null(value) for key, value in content.items()}
    return [finite_or_null(value) for value in content] if isinstance(content, (list, tuple)) else content
