# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Shards that are tar files, as webdataset writes them, read member by member from front to end."""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from ..utils.image_files import image_suffixes
from .samples import (
    FINGERPRINT_BYTES,
    MAX_IMAGE_BYTES,
    BadImage,
    Sample,
    broken_if_unreadable,
    file_fingerprint,
    printable,
    too_large,
)


__all__ = ["TarShard"]

#: Of what a tar file says about the next member, such as its long name.
MAX_HEADER_BYTES = 1 << 20
HEADER_TYPES = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_InvalidHeaderError: type[tarfile.HeaderError] = vars(tarfile)["InvalidHeaderError"]  # not in the stubs of tarfile


@dataclass(frozen=True)
class TarShard:
    """A tar file as webdataset writes it: files in a row with the same name up to its first dot are one sample.

    The image of a sample is its first file whose suffix is that of an image. The name without suffix is the key. Links
    are not followed: one with the name of an image is a bad image.
    """

    name: str
    path: Path

    @property
    def num_rows(self) -> None:
        """Unknown: counting would cost a read of all headers."""
        return None

    def fingerprint(self) -> str:
        """See [`Shard`]."""
        return file_fingerprint(self.path)

    def __iter__(self) -> Iterator[Sample]:
        suffixes = image_suffixes()
        with broken_if_unreadable(self.path), tarfile.open(self.path, tarinfo=_BoundedInfo, encoding="utf-8") as tar:
            for key, members in groupby(_files(tar), key=lambda member: _key(member.name)):
                images = (member for member in members if Path(member.name).suffix.lower() in suffixes)
                first = next(images, None)
                yield printable(key), None if first is None else _content(tar, first)
            # Between two members, tarfile takes the end of a file that was cut off for the end of the archive.
            stream = cast(BinaryIO, tar.fileobj)
            if stream.tell() < tar.offset + tarfile.BLOCKSIZE:
                raise EOFError("it is cut off: the mark of its end is missing")
            while rest := stream.read(FINGERPRINT_BYTES):
                if rest.strip(b"\0"):
                    raise ValueError("there is more after the mark of its end: are these several tar files in one?")


class _BoundedInfo(tarfile.TarInfo):
    """Refuses damaged headers, and those that would have `tarfile` read any number of bytes into memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_BoundedInfo":
        try:
            info = super().frombuf(buf, encoding, errors)
        except _InvalidHeaderError as error:  # which tarfile would take for the end of the archive
            raise tarfile.ReadError(f"it is damaged: {error}") from error
        if info.size < 0 or (info.type in HEADER_TYPES and info.size > MAX_HEADER_BYTES):
            raise ValueError(f"it is damaged: a header of {info.size} bytes")
        return info


def _files(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    before = -1
    while (member := tar.next()) is not None:
        cast(Any, tar).members.clear()  # tarfile would keep every one
        if tar.offset <= before:  # sizes below 0 would make it read the same members for ever
            raise ValueError(f"it is damaged: the size of {printable(member.name)} is {member.size}")
        before = tar.offset
        if member.isfile() or member.issym() or member.islnk():
            yield member


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes | BadImage:
    if not member.isfile():
        return BadImage(f"it is a link to {printable(member.linkname)}, and links are not followed")
    if member.size > MAX_IMAGE_BYTES:
        return too_large(member.size)
    return cast(IO[bytes], tar.extractfile(member)).read()


def _key(name: str) -> str:
    """`"a.b/0001.seg.png"` -> `"a.b/0001"`."""
    folder, slash, file = name.rpartition("/")
    return folder + slash + file.partition(".")[0]
