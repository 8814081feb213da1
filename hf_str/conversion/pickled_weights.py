# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads pickles that hold weights: of `torch.save`, old and new, and of Paddle. None of their code is run.

A pickle is a program that calls what it names. Here the only things that it can call are the methods below, which make
tensors, arrays and containers. Classes of other projects, such as the history that MMEngine keeps beside the weights,
become empty stand-ins; functions and whatever Python itself brings are refused by name.
"""

import io
import pickle
import pickletools
import re
import struct
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .family import ConversionError


__all__ = ["LazyTensor", "PickledArray", "StandIn", "read_pickle", "read_torch_zip"]

_MAGIC = 0x1950A86A20F9469CFC6C  # with which a file of torch.save from before 1.6 begins
_ERRORS = (
    *(pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, KeyError, IndexError, MemoryError),
    *(
        OverflowError,
        RecursionError,
        struct.error,
        RuntimeError,
        ImportError,
        UnicodeError,
        zipfile.BadZipFile,
        OSError,
    ),
    NotImplementedError,
    SystemError,
)
#: Modules of Python whose classes hold nothing but data.
_DATA_MODULES = {"argparse", "pathlib", "datetime", "decimal", "fractions", "uuid", "enum", "types", "typing"}
#: Harmless names that begin with a small letter: options and arguments refer to them.
_DATA_NAMES = {
    *(
        ("builtins", name)
        for name in ("int", "float", "str", "bool", "complex", "bytes", "slice", "range", "type", "long", "unicode")
    ),
    *(("torch", name) for name in ("device", "layout", "memory_format", "strided")),
    ("functools", "partial"),
    ("numpy", "ndarray"),
}
_CONTAINERS = {
    ("collections", "OrderedDict"): OrderedDict,
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("builtins", "list"): list,
    ("builtins", "dict"): dict,
    ("builtins", "tuple"): tuple,
    ("torch", "Size"): tuple,
}


class StandIn(dict):
    """What stands for an object of a class that is not here: its items, and its state in `state`."""

    def __new__(cls, *args, **kwargs):
        return super().__new__(cls)

    def __init__(self, *args, **kwargs):
        super().__init__()
        self.state: Any = None

    def __setstate__(self, state: Any):
        self.state = state

    def __call__(self, *args, **kwargs) -> "StandIn":
        return StandIn()

    def append(self, value: Any):
        pass

    def extend(self, values: Any):
        pass

    def add(self, value: Any):
        pass

    __hash__ = object.__hash__
    __eq__ = object.__eq__


@dataclass(frozen=True, eq=False)
class LazyTensor:
    """A tensor whose numbers have not been read yet."""

    load: Callable[[], torch.Tensor]
    storage_size: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def tensor(self) -> torch.Tensor:
        count = 1
        for size in self.shape:
            count *= size
        sizes = (self.offset, *self.shape, *self.strides)
        if any(not isinstance(size, int) or size < 0 for size in sizes) or len(self.shape) != len(self.strides):
            raise ConversionError(f"it holds a tensor of the impossible shape {self.shape}")
        last = self.offset + sum((size - 1) * step for size, step in zip(self.shape, self.strides, strict=True))
        if count > self.storage_size or (count and last >= self.storage_size):
            raise ConversionError(f"it holds a tensor of shape {self.shape} in {self.storage_size} numbers")
        return self.load().as_strided(self.shape, self.strides, self.offset)


@dataclass(frozen=True)
class _StorageType:
    dtype: torch.dtype


@dataclass(frozen=True)
class _Storage:
    load: Callable[[torch.dtype], torch.Tensor]
    dtype: torch.dtype
    size: int


class _NumpyType:
    """A type of numpy's numbers. Numpy's own class would believe whatever state a file gives it."""

    def __init__(self, name: str):
        self.name, self.order = name, "="

    def __setstate__(self, state: tuple):
        self.order = state[1] if state[1] in ("<", ">") else "="

    def dtype(self) -> np.dtype | None:
        """`None` where it is no number."""
        is_number = re.fullmatch(r"[<>=|]?[fiubc]\d{1,2}", self.name)
        return np.dtype(self.name).newbyteorder(self.order) if is_number else None


class PickledArray:
    """An array of numpy; without numbers (`array` is `None`) where it holds objects or text."""

    array: np.ndarray | None = None

    def __setstate__(self, state: tuple):
        *_, shape, kind, is_fortran, data = state
        dtype = kind.dtype() if isinstance(kind, _NumpyType) else None
        if dtype is not None and isinstance(data, (bytes, str)):
            data = data.encode("latin1") if isinstance(data, str) else data
            self.array = np.frombuffer(data, dtype).reshape(shape, order="F" if is_fortran else "C")


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, storage: Callable[[str, torch.dtype, int], _Storage] | None = None):
        super().__init__(file)
        self._storage = storage
        self._stand_ins: dict[tuple[str, str], type] = {}

    def find_class(self, module: str, name: str) -> Any:
        module = {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module)
        module = re.sub(r"^numpy\._?core\b", "numpy._core", module)
        if (module, name) == ("numpy", "dtype"):
            return self._type
        if (module, name) in _CONTAINERS:
            return _CONTAINERS[module, name]
        if module == "torch._utils" and name in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3"):
            return self._tensor
        if module == "torch._utils" and name in ("_rebuild_parameter", "_rebuild_parameter_with_state"):
            return self._parameter
        if module in ("torch", "torch.cuda", "torch.storage") and name.endswith("Storage"):
            return _StorageType(_DTYPES.get(name.removesuffix("Storage"), torch.uint8))
        if module == "torch" and isinstance(getattr(torch, name, None), torch.dtype):
            return getattr(torch, name)
        if module == "numpy._core.multiarray" and name == "_reconstruct":
            return self._array
        if module == "numpy._core.multiarray" and name == "scalar":
            return self._scalar
        if module == "numpy._core.numeric" and name == "_frombuffer":
            return self._array_of_buffer
        if (module, name) == ("_codecs", "encode"):
            return self._encoded
        if (module, name) == ("copyreg", "_reconstructor"):
            return self._object
        if (module, name) == ("builtins", "getattr"):
            return self._attribute
        self._refuse_code(module, name)
        if (module, name) not in self._stand_ins:  # a class of its own, so that a file can change no other's
            self._stand_ins[module, name] = type(name.rpartition(".")[2], (StandIn,), {})
        return self._stand_ins[module, name]

    def persistent_load(self, pid: Any) -> Any:
        if self._storage is None or not isinstance(pid, tuple) or not pid:
            raise ConversionError("it refers to data that are not in it")
        if pid[0] == "module":  # old versions of PyTorch kept the source of a class beside it
            return pid[1]
        _, kind, key, _, size, *_ = pid
        if not isinstance(kind, _StorageType) or not isinstance(size, int) or size < 0:
            raise ConversionError("it holds a tensor of an unknown kind")
        return self._storage(str(key), kind.dtype, size)

    def _attribute(self, owner: Any, name: str, *rest) -> Any:
        """How old pickles name a method, as MMEngine's histories do: of a stand-in it is another."""
        if not (isinstance(owner, type) and issubclass(owner, StandIn)):
            self._refuse_code("builtins", "getattr")
        return StandIn()

    @staticmethod
    def _refuse_code(module: str, name: str):
        if (module, name) in _DATA_NAMES:
            return
        top, last = module.partition(".")[0], name.rpartition(".")[2].lstrip("_")
        holds_data = top in _DATA_MODULES or module == "collections"
        is_scalar = (
            module == "numpy"
            and isinstance(getattr(np, name, None), type)
            and issubclass(getattr(np, name), np.generic)
        )
        # By convention what begins with a small letter is a function. It would be called.
        is_class = last[:1].isupper() and top not in sys.stdlib_module_names
        if not (holds_data or is_scalar or is_class):
            raise ConversionError(
                f"it asks for {module}.{name}, which weights do not need and which could run code: it is damaged or "
                "hostile, or was saved in another way than torch.save(model.state_dict(), ...)"
            )

    @staticmethod
    def _tensor(storage: _Storage, offset: int, shape: tuple, strides: tuple, *rest) -> LazyTensor:
        if not isinstance(storage, _Storage):
            raise ConversionError("it holds a tensor without numbers")
        dtype = next((entry for entry in rest if isinstance(entry, torch.dtype)), storage.dtype)
        size = storage.size * storage.dtype.itemsize // dtype.itemsize
        return LazyTensor(lambda: storage.load(dtype), size, offset, tuple(shape), tuple(strides))

    @staticmethod
    def _parameter(data: Any, *rest) -> Any:
        return data

    @staticmethod
    def _type(name: str, *rest) -> _NumpyType:
        return _NumpyType(str(name))

    @staticmethod
    def _array(*rest) -> PickledArray:
        return PickledArray()  # __setstate__ gives it its numbers

    @staticmethod
    def _array_of_buffer(buffer: bytes, dtype: Any, shape: tuple, order: str, *rest) -> PickledArray:
        array = PickledArray()
        array.__setstate__((1, shape, dtype, order == "F", bytes(buffer)))
        return array

    @staticmethod
    def _scalar(dtype: Any, data: Any = b"") -> Any:
        known = dtype.dtype() if isinstance(dtype, _NumpyType) else None
        return data if known is None or not isinstance(data, bytes) else np.frombuffer(data, known, 1)[0].item()

    @staticmethod
    def _encoded(text: str, encoding: str = "latin1", *rest) -> bytes:
        if encoding not in ("latin1", "latin-1", "utf-8", "ascii"):
            raise ConversionError(f"it asks for the encoding {encoding!r}")
        return text.encode(encoding)

    @staticmethod
    def _object(kind: Any, *rest) -> Any:
        return kind() if isinstance(kind, type) and issubclass(kind, StandIn) else StandIn()


_DTYPES = {
    "Float": torch.float32,
    "Double": torch.float64,
    "Half": torch.float16,
    "BFloat16": torch.bfloat16,
    "Long": torch.int64,
    "Int": torch.int32,
    "Short": torch.int16,
    "Char": torch.int8,
    "Byte": torch.uint8,
    "Bool": torch.bool,
    "ComplexFloat": torch.complex64,
    "ComplexDouble": torch.complex128,
}


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
        def storage(key: str, dtype: torch.dtype, size: int) -> _Storage:
            @cache  # many tensors may share a storage
            def load(wanted: torch.dtype) -> torch.Tensor:
                data = archive.read(f"{folder}data/{key}")
                if len(data) < size * dtype.itemsize:
                    raise ConversionError(f"of {size} numbers of a tensor {len(data) // dtype.itemsize} are there")
                return _numbers(data, wanted)

            return _Storage(load, dtype, size)

        data = archive.read(index)
        _check_pickle(data)
        return _Unpickler(io.BytesIO(data), storage).load()
    except _ERRORS as error:
        raise _as_conversion_error(path, error) from error


def read_pickle(path: Path) -> Any:
    """What a pickle holds: of Paddle, with arrays, or of `torch.save` before PyTorch 1.6, with [`LazyTensor`]s."""
    try:
        data = path.read_bytes()
        end = _check_pickle(data)
        first = _Unpickler(io.BytesIO(data)).load()
        return _old_torch(data, end) if isinstance(first, int) and first == _MAGIC else first
    except _ERRORS as error:
        raise _as_conversion_error(path, error) from error


def _old_torch(data: bytes, start: int) -> Any:
    """Magic number, protocol, system, content, keys: five pickles, and then the numbers of each storage."""
    contents, storages, found = [], {}, {}

    def storage(key: str, dtype: torch.dtype, size: int) -> _Storage:
        @cache
        def load(wanted: torch.dtype) -> torch.Tensor:
            return _numbers(found[key], wanted)

        return storages.setdefault(key, _Storage(load, dtype, size))

    for _ in range(4):
        length = _check_pickle(data, start)
        contents.append(_Unpickler(io.BytesIO(data[start : start + length]), storage).load())
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
        if operation.name in ("PUT", "BINPUT", "LONG_BINPUT") and argument > limit:
            raise ConversionError("it is damaged or hostile: it asks for more memory than it has bytes")
    return file.tell() - start


def _as_conversion_error(path: Path, error: BaseException) -> ConversionError:
    if isinstance(error, ConversionError):
        return ConversionError(f"{path} was not opened: {' '.join(str(error).split())}")
    said = " ".join(str(error).split())[:200] or type(error).__name__
    return ConversionError(f"{path} is damaged, or is no file of torch.save or Paddle: {said}")
