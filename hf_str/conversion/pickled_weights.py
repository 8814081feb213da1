# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Files of pickled weights: of `torch.save`, old and new, and of Paddle. None of their code is run."""

import io
import lzma
import pickle
import pickletools
import struct
import zipfile
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import torch

from .family import ConversionError
from .unpickling import DataUnpickler, Storage


__all__ = ["DAMAGE", "read_pickle", "read_torch_zip"]

_MAGIC = 0x1950A86A20F9469CFC6C  # with which a file of torch.save from before 1.6 begins
#: What damaged or hostile files lead to: they choose what is called, and with which arguments.
DAMAGE = (
    *(pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, KeyError, IndexError, MemoryError),
    *(OverflowError, RecursionError, struct.error, RuntimeError, ImportError, UnicodeError, zipfile.BadZipFile),
    *(OSError, NotImplementedError, SystemError, zlib.error, lzma.LZMAError),
)


def read_torch_zip(path: Path) -> Any:
    """What a file of `torch.save` holds, tensors as [`LazyTensor`].

    Raises:
        ConversionError: it is damaged, or asks for more than data.
    """
    try:
        archive = zipfile.ZipFile(path)
        index = next(name for name in archive.namelist() if name == "data.pkl" or name.endswith("/data.pkl"))
        folder = index.removesuffix("data.pkl")

        @cache
        def storage(key: str, dtype: torch.dtype, size: int) -> Storage:
            @cache  # many tensors may share a storage
            def load(wanted: torch.dtype) -> torch.Tensor:
                data = archive.read(f"{folder}data/{key}")
                if len(data) < size * dtype.itemsize:
                    raise ConversionError(f"of {size} numbers of a tensor {len(data) // dtype.itemsize} are there")
                return _numbers(data, wanted)

            return Storage(load, dtype, size)

        data = archive.read(index)
        _check_pickle(data)
        return DataUnpickler(io.BytesIO(data), storage).load()
    except DAMAGE as error:
        raise _as_conversion_error(path, error) from error


def read_pickle(path: Path) -> Any:
    """What a pickle holds: of Paddle, with arrays, or of `torch.save` before PyTorch 1.6, with [`LazyTensor`]s.

    Raises:
        ConversionError: it is damaged, or asks for more than data.
    """
    try:
        data = path.read_bytes()
        end = _check_pickle(data)
        first = DataUnpickler(io.BytesIO(data)).load()
        return _old_torch(data, end) if isinstance(first, int) and first == _MAGIC else first
    except DAMAGE as error:
        raise _as_conversion_error(path, error) from error


def _old_torch(data: bytes, start: int) -> Any:
    """Magic number, protocol, system, content, keys: five pickles, and then the numbers of each storage."""
    contents, storages, found = [], {}, {}

    def storage(key: str, dtype: torch.dtype, size: int) -> Storage:
        @cache
        def load(wanted: torch.dtype) -> torch.Tensor:
            return _numbers(found[key], wanted)

        return storages.setdefault(key, Storage(load, dtype, size))

    for _ in range(4):
        length = _check_pickle(data, start)
        contents.append(DataUnpickler(io.BytesIO(data[start : start + length]), storage).load())
        start += length
    *_, content, keys = contents
    for key in map(str, keys):
        (size,) = struct.unpack_from("<q", data, start)
        start += 8
        length = size * storages[key].dtype.itemsize if key in storages else 0
        if key not in storages or size != storages[key].size or start + length > len(data):
            raise ConversionError("it ends before its tensors do")
        found[key] = data[start : start + length]
        start += length
    return content


def _numbers(data: bytes, dtype: torch.dtype) -> torch.Tensor:
    data = data[: len(data) // dtype.itemsize * dtype.itemsize]
    return torch.frombuffer(bytearray(data), dtype=dtype) if data else torch.empty(0, dtype=dtype)


def _check_pickle(data: bytes, start: int = 0) -> int:
    """Bytes of the pickle at `start`. Python makes a list as long as the largest number that is remembered: not so."""
    file, limit = io.BytesIO(data), len(data)
    file.seek(start)
    for operation, argument, _ in pickletools.genops(file):
        is_put = operation.name in ("PUT", "BINPUT", "LONG_BINPUT")
        if is_put and isinstance(argument, int) and argument > limit:
            raise ConversionError("it is damaged or hostile: it asks for more memory than it has bytes")
    return file.tell() - start


def _as_conversion_error(path: Path, error: BaseException) -> ConversionError:
    if isinstance(error, ConversionError):
        return ConversionError(f"{path} was not opened: {' '.join(str(error).split())}")
    said = " ".join(str(error).split())[:200] or type(error).__name__
    return ConversionError(f"{path} is damaged, or is no file of torch.save or Paddle: {said}")
