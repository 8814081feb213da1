# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What shards give, sample by sample, and how they fail: one bad sample costs its row, one bad file its shard."""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


__all__ = [
    "FINGERPRINT_BYTES",
    "MAX_IMAGE_BYTES",
    "BadImage",
    "BrokenShardError",
    "Sample",
    "broken_if_unreadable",
    "file_fingerprint",
    "printable",
    "too_large",
]

#: An image of more encoded bytes is bad: no word needs them, and a header may declare any number.
MAX_IMAGE_BYTES = 1 << 27
#: From each end of a file, to tell whether it was changed.
FINGERPRINT_BYTES = 1 << 16


@dataclass(frozen=True)
class BadImage:
    """Stands for an image of a shard that cannot be read, and says why."""

    problem: str


#: The key of a sample and its image: encoded bytes, a path, a bad image, or `None` where there is nothing.
Sample = tuple[str | None, bytes | Path | BadImage | None]


class BrokenShardError(ValueError):
    """A shard that cannot be read to its end. The message names the file and says why."""


def too_large(size: int) -> BadImage:
    """Stands for an image of `size` encoded bytes, which are more than `MAX_IMAGE_BYTES`."""
    return BadImage(f"it has {size} bytes, more than a word needs (limit {MAX_IMAGE_BYTES} bytes)")


def printable(name: str) -> str:
    r"""A name that may be written: its bytes that are no UTF-8, which folders and tar files allow, as `\xff`."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def file_fingerprint(path: Path) -> str:
    """Identifies a file by its size, its two ends, and when it was modified, which tells of changes between these."""
    try:
        with broken_if_unreadable(path), open(path, "rb") as file:
            status = os.fstat(file.fileno())
            ends = file.read(FINGERPRINT_BYTES)
            file.seek(max(status.st_size - FINGERPRINT_BYTES, 0))
            digest = hashlib.sha256(ends + file.read(FINGERPRINT_BYTES)).hexdigest()[:24]
            return f"{status.st_size} bytes, both ends {digest}, modified {status.st_mtime_ns}"
    except BrokenShardError:  # it will be named when it is read
        return "missing"


@contextmanager
def broken_if_unreadable(path: Path) -> Iterator[None]:
    """Turns what goes wrong with a file into a `BrokenShardError` about it.

    Damaged files have no common exception: Arrow, tarfile, and four decompressors raise what they like.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # opening a named pipe would wait for a writer
            raise ValueError("it is not a regular file")
        yield
    except Exception as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        if reason.startswith("file could not be opened"):  # by any of the ways that tarfile lists in further lines
            reason = "it is damaged from its beginning, or no tar file" if path.stat().st_size else "it is empty"
        raise BrokenShardError(f"{path}: {reason}") from error
