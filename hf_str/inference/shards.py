# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Word images in shards: Parquet files, webdataset's tar files, and pieces of a folder of image files.

A shard gives `(key, image)` pairs, always in the same order and a few at a time, however large it is. An image is its
encoded bytes, a path, `None` where there is nothing, or a [`BadImage`] that says what is wrong; it is not opened here.

Shards come from strangers. One bad sample costs its row, one bad file its shard; neither is given more memory than
`MAX_IMAGE_BYTES` because a header asks for it.
"""

import hashlib
import os
import stat
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from ..utils.image_files import image_suffixes
from ..utils.optional import require


__all__ = ["BadImage", "BrokenShardError", "FileShard", "ParquetShard", "Shard", "TarShard", "find_shards"]

FILES_PER_SHARD = 20_000
#: Of a Parquet file at once: no more rows than this, and on average no more bytes than that.
ROWS_PER_BATCH, BYTES_PER_BATCH = 64, 1 << 24
#: An image of more encoded bytes is bad: no word needs them, and a header may declare any number.
MAX_IMAGE_BYTES = 1 << 27
#: Of what a tar file says about the next member, such as its long name.
MAX_HEADER_BYTES = 1 << 20
HEADER_TYPES = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
#: From each end of a file, to tell whether it was changed.
FINGERPRINT_BYTES = 1 << 16
#: Parquet is read through a buffer of so many bytes: otherwise a row group, however large, is read at once.
BUFFER_BYTES = 1 << 20
SUFFIXES = (".parquet", ".tar", ".tar.gz", ".tgz")


@dataclass(frozen=True)
class BadImage:
    """Stands for an image of a shard that cannot be read, and says why."""

    problem: str


Sample = tuple[str | None, bytes | Path | BadImage | None]


class BrokenShardError(ValueError):
    """A shard that cannot be read to its end. The message names the file and says why."""


class Shard(Protocol):
    """Some images.

    Attributes:
        name: of its output, a relative path without suffix.
        num_rows: how many samples it has, or `None` where only reading all of it would tell.
    """

    name: str

    @property
    def num_rows(self) -> int | None: ...

    def fingerprint(self) -> str:
        """Changes when the shard does, as far as that is cheap to tell; of a file that is missing it says so.

        It begins with that of earlier versions, up to a comma.
        """

    def __iter__(self) -> Iterator[Sample]:
        """Its samples.

        Raises:
            BrokenShardError: the file is missing, damaged, cut off, or has not the columns that it should have.
        """


@dataclass(frozen=True)
class ParquetShard:
    """A Parquet file.

    Args:
        name: see [`Shard`].
        path: the file.
        image_column: encoded bytes, `{"bytes", "path"}` as `datasets` writes images, or paths. Paths are relative to
            the file's folder. A column of another type breaks the shard.
        key_column: the samples' keys. If unset, keys are the images' paths where they have one.
    """

    name: str
    path: Path
    image_column: str = "image"
    key_column: str | None = None

    @property
    def num_rows(self) -> int | None:
        try:
            with _reading(self.path):
                return require("pyarrow.parquet").read_metadata(self.path).num_rows
        except BrokenShardError:  # it will be named when it is read
            return None

    def fingerprint(self) -> str:
        return _file_fingerprint(self.path)

    def __iter__(self) -> Iterator[Sample]:
        pq, columns = require("pyarrow.parquet"), [self.image_column]
        if self.key_column is not None and self.key_column != self.image_column:
            columns.append(self.key_column)
        with _reading(self.path), pq.ParquetFile(self.path, buffer_size=BUFFER_BYTES, pre_buffer=False) as file:
            names = file.schema_arrow.names
            if missing := set(columns).difference(names):
                raise ValueError(f"there is no column {', '.join(missing)}, but {', '.join(names)}")
            if doubled := [name for name in columns if names.count(name) > 1]:
                raise ValueError(f"there are several columns {', '.join(doubled)}")
            if file.metadata.num_rows:
                self._check_type(file.schema_arrow.field(self.image_column).type)
            for group in range(file.num_row_groups):
                at_once = _rows_at_once(file.metadata.row_group(group), columns)
                for batch in file.iter_batches(at_once, row_groups=[group], columns=columns):
                    images, paths = _images_and_paths(batch.column(self.image_column))
                    keys = _values(batch.column(self.key_column)) if self.key_column else paths
                    for key, image, path in zip(keys, images, paths, strict=True):
                        yield None if key is None else readable(_text(key)), self._locate(image, path)

    def _check_type(self, type: Any):
        types = require("pyarrow").types
        fields = {field.name: field.type for field in type} if types.is_struct(type) else {"bytes": type, "path": type}
        if not (_is_bytes(fields.get("bytes")) or _is_text(fields.get("path"))):
            raise ValueError(
                f"the column {self.image_column} has neither bytes nor paths nor structs of them, but {type}"
            )

    def _locate(self, data: Any, path: Any) -> bytes | Path | BadImage | None:
        if data is not None and not isinstance(data, bytes):
            return BadImage(f"its bytes are of type {type(data).__name__}")
        if data is not None:
            return data if len(data) <= MAX_IMAGE_BYTES else _too_large(len(data))
        if path is None:
            return None
        if not isinstance(path, bytes):
            return BadImage(f"there are no bytes, and its path {path!r} is of type {type(path).__name__}")
        return self.path.parent / os.fsdecode(path)


@dataclass(frozen=True)
class TarShard:
    """A tar file as webdataset writes it: files in a row with the same name up to its first dot are one sample.

    Of a sample the first file whose suffix is that of an image is read. The name without suffix is the key. Links are
    not followed: one with the name of an image is a bad image.
    """

    name: str
    path: Path
    num_rows = None  # counting would cost a read of all headers

    def fingerprint(self) -> str:
        return _file_fingerprint(self.path)

    def __iter__(self) -> Iterator[Sample]:
        suffixes = image_suffixes()
        with _reading(self.path), tarfile.open(self.path, tarinfo=_BoundedInfo, encoding="utf-8") as tar:
            for key, members in groupby(_files(tar), key=lambda member: _key(member.name)):
                images = (member for member in members if Path(member.name).suffix.lower() in suffixes)
                first = next(images, None)
                yield readable(key), None if first is None else _content(tar, first)
            # Between two members, tarfile takes the end of a file that was cut off for the end of the archive.
            if tar.fileobj.tell() < tar.offset + tarfile.BLOCKSIZE:
                raise EOFError("it is cut off: the mark of its end is missing")
            while rest := tar.fileobj.read(FINGERPRINT_BYTES):
                if rest.strip(b"\0"):
                    raise ValueError("there is more after the mark of its end: are these several tar files in one?")


@dataclass(frozen=True)
class FileShard:
    """Image files below a folder. Keys are their paths relative to it."""

    name: str
    folder: Path
    files: Sequence[str]

    @property
    def num_rows(self) -> int:
        return len(self.files)

    def fingerprint(self) -> str:
        names = hashlib.sha256(os.fsencode("\n".join(self.files))).hexdigest()[:24]
        states = "\n".join(_state(self.folder / file) for file in self.files)
        return f"{names}, sizes and times {hashlib.sha256(states.encode()).hexdigest()[:24]}"

    def __iter__(self) -> Iterator[Sample]:
        return ((readable(file), self.folder / file) for file in self.files)


def find_shards(
    sources: Sequence[str | Path], image_column: str = "image", key_column: str | None = None
) -> list[Shard]:
    """Finds the shards of some sources.

    Args:
        sources: Parquet files, tar files, and folders. A folder is searched with all its folders: for Parquet and tar
            files or, where there are none, for image files, which are cut into pieces of 20,000.
        image_column, key_column: see [`ParquetShard`].

    Raises:
        FileNotFoundError: there is no such source, or nothing in it.
        ValueError: a file that is no shard, or two shards whose outputs would have the same name.
    """
    shards: dict[str, Shard] = {}
    for source in map(Path, sources):
        if source.is_dir():
            files = sorted(path for path in source.rglob("*") if _is_shard(path) and not path.is_dir())
            found = [_open(path, source, image_column, key_column) for path in files] or _pieces(source)
        elif not source.exists():
            raise FileNotFoundError(f"there is no file or folder {source}")
        elif _is_shard(source):
            found = [_open(source, source.parent, image_column, key_column)]
        else:
            raise ValueError(f"{source} is neither a folder nor a file that ends in {', '.join(SUFFIXES)}")
        if not found:
            raise FileNotFoundError(f"there are no Parquet, tar or image files in {source}")
        for shard in found:
            if shard.name in shards:
                raise ValueError(f"two shards are called {shard.name}, one of them of {source}: read them one by one")
            shards[shard.name] = shard
    return list(shards.values())


def readable(name: str) -> str:
    """A name that may be written: its bytes that are no UTF-8, which folders and tar files allow, as `\\xff`."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _open(path: Path, folder: Path, image_column: str, key_column: str | None) -> Shard:
    name = readable(path.relative_to(folder).as_posix())
    name = name[: -len(next(suffix for suffix in SUFFIXES if name.lower().endswith(suffix)))]
    if path.suffix.lower() == ".parquet":
        return ParquetShard(name, path, image_column, key_column)
    return TarShard(name, path)


def _pieces(folder: Path) -> list[FileShard]:
    suffixes = image_suffixes()
    found = (path for path in folder.rglob("*") if path.suffix.lower() in suffixes)
    files = sorted(path.relative_to(folder).as_posix() for path in found)
    starts = range(0, len(files), FILES_PER_SHARD)
    return [
        FileShard(f"{readable(folder.resolve().name)}-{number:05d}", folder, files[start : start + FILES_PER_SHARD])
        for number, start in enumerate(starts)
    ]


class _BoundedInfo(tarfile.TarInfo):
    """Refuses damaged headers, and those that would have `tarfile` read any number of bytes into memory."""

    @classmethod
    def frombuf(cls, *args: Any) -> "tarfile.TarInfo":
        try:
            info = super().frombuf(*args)
        except tarfile.InvalidHeaderError as error:  # which tarfile would take for the end of the archive
            raise tarfile.ReadError(f"it is damaged: {error}") from error
        if info.size < 0 or (info.type in HEADER_TYPES and info.size > MAX_HEADER_BYTES):
            raise ValueError(f"it is damaged: a header of {info.size} bytes")
        return info


def _files(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    before = -1
    while (member := tar.next()) is not None:
        tar.members.clear()  # tarfile would keep every one
        if tar.offset <= before:  # sizes below 0 would make it read the same members for ever
            raise ValueError(f"it is damaged: the size of {readable(member.name)} is {member.size}")
        before = tar.offset
        if member.isfile() or member.issym() or member.islnk():
            yield member


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes | BadImage:
    if not member.isfile():
        return BadImage(f"it is a link to {readable(member.linkname)}, and links are not followed")
    if member.size > MAX_IMAGE_BYTES:
        return _too_large(member.size)
    return tar.extractfile(member).read()


def _key(name: str) -> str:
    """`"a.b/0001.seg.png"` -> `"a.b/0001"`."""
    folder, slash, file = name.rpartition("/")
    return folder + slash + file.partition(".")[0]


def _is_shard(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES)


def _rows_at_once(group: Any, columns: Sequence[str]) -> int:
    """How many rows of a row group of Parquet to read at once, as far as its metadata tell how large they are."""
    chunks = [group.column(number) for number in range(group.num_columns)]
    chunks = [chunk for chunk in chunks if chunk.path_in_schema.split(".")[0] in columns]
    size = max(sum(chunk.total_uncompressed_size for chunk in chunks), 1)
    at_once = min(ROWS_PER_BATCH, BYTES_PER_BATCH * group.num_rows // size)
    if any(chunk.has_dictionary_page for chunk in chunks):  # each row may be all of it; fewer than 4 would be slow
        at_once = min(at_once, max(8 * BYTES_PER_BATCH // size, 4))
    return max(at_once, 1)


def _images_and_paths(column: Any) -> tuple[list[Any], list[Any]]:
    """The encoded bytes and the paths, as bytes, of an Arrow array of images; `None` where there are none."""
    types, nothing = require("pyarrow").types, [None] * len(column)
    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if types.is_struct(column.type):
        fields = dict(zip((field.name for field in column.type), column.flatten(), strict=True))
        return tuple(_values(fields[name]) if name in fields else nothing for name in ("bytes", "path"))
    values = _values(column)
    return (nothing, values) if _is_text(column.type) else (values, nothing)


def _values(array: Any) -> list[Any]:
    """The values of an Arrow array: texts as bytes, since those that are no UTF-8 could not be given otherwise."""
    pa = require("pyarrow")
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return (array.cast(pa.large_binary()) if _is_text(array.type) else array).to_pylist()


def _is_bytes(type: Any) -> bool:
    types = require("pyarrow").types
    if type is not None and types.is_dictionary(type):
        type = type.value_type
    names = ("is_binary", "is_large_binary", "is_fixed_size_binary", "is_binary_view")
    return type is not None and any(getattr(types, name)(type) for name in names if hasattr(types, name))


def _is_text(type: Any) -> bool:
    types = require("pyarrow").types
    if type is not None and types.is_dictionary(type):
        type = type.value_type
    names = ("is_string", "is_large_string", "is_string_view")
    return type is not None and any(getattr(types, name)(type) for name in names if hasattr(types, name))


def _text(key: Any) -> str:
    return os.fsdecode(key) if isinstance(key, bytes) else str(key)


def _too_large(size: int) -> BadImage:
    return BadImage(f"it has {size} bytes, more than a word needs (limit {MAX_IMAGE_BYTES} bytes)")


def _state(path: Path) -> str:
    try:
        status = path.stat()
        return f"{status.st_size} {status.st_mtime_ns}"
    except OSError:
        return "missing"


def _file_fingerprint(path: Path) -> str:
    """Of a file: its size, its two ends, and when it was modified, which tells of changes between these."""
    try:
        with _reading(path), open(path, "rb") as file:
            status = os.fstat(file.fileno())
            ends = file.read(FINGERPRINT_BYTES)
            file.seek(max(status.st_size - FINGERPRINT_BYTES, 0))
            digest = hashlib.sha256(ends + file.read(FINGERPRINT_BYTES)).hexdigest()[:24]
            return f"{status.st_size} bytes, both ends {digest}, modified {status.st_mtime_ns}"
    except BrokenShardError:  # it will be named when it is read
        return "missing"


@contextmanager
def _reading(path: Path) -> Iterator[None]:
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
