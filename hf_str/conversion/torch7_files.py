# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads the binary files of Torch7's `torch.save`: tables, numbers, text and tensors."""

import math
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from .family import ConversionError


__all__ = ["read_torch7"]

_DEPTH = 50
_NIL, _NUMBER, _STRING, _TABLE, _TORCH, _BOOLEAN = range(6)
_TYPES = {"Byte": np.uint8, "Int": np.int32, "Long": np.int64}
_TYPES |= {"Float": np.float32, "Double": np.float64, "Cuda": np.float32}


def read_torch7(path: Path) -> Any:
    """The content of the file: tables as dictionaries (lists have keys from 1 on), tensors as tensors.

    Raises:
        ConversionError: it is damaged or holds objects that are no tensors.
    """
    with path.open("rb") as file:
        try:
            return _Parser(file, path.stat().st_size).read()
        except ConversionError as error:
            raise ConversionError(f"{path} was not opened: {error}") from error
        except (struct.error, ValueError, RuntimeError, RecursionError, OverflowError, MemoryError) as error:
            raise ConversionError(f"{path} is no binary file of Torch7, or it is damaged: {error}") from error


class _Parser:
    """The format of torch7/lib/TH/THDiskFile.c and torch7/File.lua: a type's number, then what belongs to it."""

    def __init__(self, file: BinaryIO, size: int):
        self._file, self._size = file, size
        self._depth = 0
        self._objects: dict[int, Any] = {}  # an object that occurs again is only its number

    def read(self) -> Any:
        kind = self._integer()
        if kind == _NIL:
            return None
        if kind == _NUMBER:
            (number,) = self._unpack("<d")
            return int(number) if number.is_integer() else number
        if kind == _STRING:
            return self._string()
        if kind == _BOOLEAN:
            return bool(self._integer())
        if kind not in (_TABLE, _TORCH):
            raise ConversionError(f"type {kind} is neither data nor a tensor")
        number = self._integer()
        if number not in self._objects:
            self._depth += 1
            if self._depth > _DEPTH:
                raise ConversionError("its tables are nested too deeply")
            value = self._table(number) if kind == _TABLE else self._torch_object(number)
            self._depth -= 1
            return value
        return self._objects[number]

    def _table(self, number: int) -> dict:
        table = self._objects[number] = {}
        for _ in range(self._count(self._integer())):
            key = self.read()
            if not isinstance(key, (int, float, str, bool)):
                raise ConversionError("a table has a key that is neither a number nor text")
            table[key] = self.read()
        return table

    def _torch_object(self, number: int) -> Any:
        version = self._string()
        name = self._string() if version.startswith("V ") else version
        kind = name.removeprefix("torch.").removesuffix("Storage").removesuffix("Tensor")
        if kind not in _TYPES:
            raise ConversionError(f"it holds an object {name!r}, and only tables of tensors can be read")
        value = self._storage(_TYPES[kind]) if name.endswith("Storage") else self._tensor()
        self._objects[number] = value
        return value

    def _storage(self, dtype: type) -> np.ndarray:
        (size,) = self._unpack("<q")
        data = self._file.read(self._count(size) * np.dtype(dtype).itemsize)
        return np.frombuffer(data, dtype, size).copy()

    def _tensor(self) -> torch.Tensor:
        dimensions = self._integer()
        if not 0 <= dimensions <= 8:
            raise ConversionError(f"it holds a tensor of {dimensions} dimensions")
        sizes, strides = self._unpack(f"<{dimensions}q"), self._unpack(f"<{dimensions}q")
        (offset,) = self._unpack("<q")  # counted from 1
        storage = self.read()
        if storage is None:
            return torch.empty(0)
        if not isinstance(storage, np.ndarray):
            raise ConversionError("it holds a tensor without numbers")
        if math.prod(sizes) > len(storage) or any(number < 0 for number in (*sizes, *strides)):
            raise ConversionError(f"it holds a tensor of shape {sizes} in {len(storage)} numbers")
        return torch.from_numpy(storage).as_strided(sizes, strides, offset - 1)

    def _integer(self) -> int:
        return self._unpack("<i")[0]

    def _string(self) -> str:
        return self._file.read(self._count(self._integer())).decode()

    def _count(self, count: int) -> int:
        """A number of entries, of which each takes a byte at least."""
        if not 0 <= count <= self._size:
            raise ConversionError(f"it announces {count} entries in a file of {self._size} bytes")
        return count

    def _unpack(self, layout: str) -> tuple:
        return struct.unpack(layout, self._file.read(struct.calcsize(layout)))
