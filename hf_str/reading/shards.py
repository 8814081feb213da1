"""Word images in shards: Parquet files, webdataset's tar files, and pieces of a folder of image files.

A shard gives `(key, image)` pairs, always in the same order and a few at a time, however large it is. An image is its
encoded bytes, a path, or `None` where there is nothing; it is not opened here.
"""

import hashlib
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from ..optional import require


__all__ = ["BrokenShardError", "FileShard", "ParquetShard", "Shard", "TarShard", "find_shards"]

FILES_PER_SHARD = 20_000
ROWS_PER_BATCH = 1024
#: Parquet is read through a buffer of so many bytes: otherwise a row group, however large, is read at once.
BUFFER_BYTES = 1 << 20
SUFFIXES = (".parquet", ".tar", ".tar.gz", ".tgz")

Sample = tuple[str | None, bytes | Path | None]


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
        """Changes when the shard does, as far as that is cheap to tell."""

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
            the file's folder.
        key_column: the samples' keys. If unset, keys are the images' paths where they have one.
    """

    name: str
    path: Path
    image_column: str = "image"
    key_column: str | None = None

    @property
    def num_rows(self) -> int | None:
        try:
            return require("pyarrow.parquet").read_metadata(self.path).num_rows
        except (OSError, ValueError):  # it will be named when it is read
            return None

    def fingerprint(self) -> str:
        return f"{self.path.stat().st_size} bytes"

    def __iter__(self) -> Iterator[Sample]:
        pq, columns = require("pyarrow.parquet"), [self.image_column]
        if self.key_column is not None:
            columns.append(self.key_column)
        with _reading(self.path), pq.ParquetFile(self.path, buffer_size=BUFFER_BYTES, pre_buffer=False) as file:
            if missing := set(columns).difference(file.schema_arrow.names):
                raise ValueError(f"there is no column {', '.join(missing)}, but {', '.join(file.schema_arrow.names)}")
            for batch in file.iter_batches(ROWS_PER_BATCH, columns=columns):
                images = batch.column(self.image_column).to_pylist()
                keys = batch.column(self.key_column).to_pylist() if self.key_column else map(_path_of, images)
                for key, image in zip(keys, images, strict=True):
                    yield None if key is None else str(key), self._locate(image)

    def _locate(self, image: Any) -> bytes | Path | None:
        data, path = image.get("bytes") if isinstance(image, dict) else image, _path_of(image)
        if isinstance(data, bytes):
            return data
        if path is not None:
            return self.path.parent / path
        if image is None or isinstance(image, dict):
            return None
        raise ValueError(f"the column {self.image_column} has neither bytes nor paths nor structs of them")


@dataclass(frozen=True)
class TarShard:
    """A tar file as webdataset writes it: files in a row with the same name up to its first dot are one sample.

    Of a sample the first file whose suffix is that of an image is read. The name without suffix is the key.
    """

    name: str
    path: Path
    num_rows = None  # counting would cost a read of all headers

    def fingerprint(self) -> str:
        return f"{self.path.stat().st_size} bytes"

    def __iter__(self) -> Iterator[Sample]:
        suffixes = image_suffixes()
        with _reading(self.path), tarfile.open(self.path) as tar:
            for key, members in groupby(_files(tar), key=lambda member: _key(member.name)):
                images = (member for member in members if Path(member.name).suffix.lower() in suffixes)
                first = next(images, None)
                yield key, None if first is None else tar.extractfile(first).read()
            # Between two members, tarfile takes the end of a file that was cut off for the end of the archive.
            if tar.fileobj.tell() < tar.offset + tarfile.BLOCKSIZE:
                raise EOFError("it is cut off: the mark of its end is missing")


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
        return hashlib.sha256("\n".join(self.files).encode()).hexdigest()[:24]

    def __iter__(self) -> Iterator[Sample]:
        return ((file, self.folder / file) for file in self.files)


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
            files = sorted(path for path in source.rglob("*") if _is_shard(path))
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


def image_suffixes() -> set[str]:
    """The suffixes of files that Pillow opens, in lower case."""
    return {suffix for suffix, format in Image.registered_extensions().items() if format in Image.OPEN}


def _open(path: Path, folder: Path, image_column: str, key_column: str | None) -> Shard:
    name = path.relative_to(folder).as_posix()
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
        FileShard(f"{folder.resolve().name}-{number:05d}", folder, files[start : start + FILES_PER_SHARD])
        for number, start in enumerate(starts)
    ]


def _files(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (member := tar.next()) is not None:
        tar.members.clear()  # tarfile would keep every one
        if member.isfile():
            yield member


def _key(name: str) -> str:
    """`"a.b/0001.seg.png"` -> `"a.b/0001"`."""
    folder, slash, file = name.rpartition("/")
    return folder + slash + file.partition(".")[0]


def _is_shard(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES)


def _path_of(image: Any) -> str | None:
    return image.get("path") if isinstance(image, dict) else image if isinstance(image, str) else None


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turns what goes wrong with a file into a `BrokenShardError` about it. Arrow's errors are among these."""
    try:
        yield
    except (OSError, EOFError, ValueError, NotImplementedError, tarfile.TarError, zlib.error) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise BrokenShardError(f"{path}: {reason}") from error
