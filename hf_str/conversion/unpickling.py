# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Unpickles data and no code: tensors, arrays, containers, and stand-ins for everything else.

A pickle is a program that calls what it names. Here the only things that it can call are the functions and classes
below, which make tensors, arrays and containers. Classes of other projects, such as the history that MMEngine keeps
beside the weights, become empty stand-ins; functions and whatever Python itself brings are refused by name.
"""

import pickle
import re
import sys
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any, Literal

import numpy as np
import torch

from .family import ConversionError


__all__ = ["DataUnpickler", "LazyTensor", "PickledArray", "StandIn", "Storage"]

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


class StandIn(dict):
    """What stands for an object of a class that is not here: its items, and its state in `state`."""

    def __new__(cls, *args: Any, **kwargs: Any):
        """Takes whatever its class would take."""
        return super().__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__()
        self.state: Any = None

    def __setstate__(self, state: Any):
        self.state = state

    def __call__(self, *args: Any, **kwargs: Any) -> "StandIn":
        """What a method of the object, or the object itself, would return."""
        return StandIn()

    def append(self, value: Any):
        """Takes what a list would, and drops it."""

    def extend(self, values: Any):
        """Takes what a list would, and drops it."""

    def add(self, value: Any):
        """Takes what a set would, and drops it."""

    def __hash__(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]  # it may be a key, unlike a dict
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


@dataclass(frozen=True, eq=False)
class LazyTensor:
    """A tensor whose numbers have not been read yet."""

    load: Callable[[], torch.Tensor]
    storage_size: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def tensor(self) -> torch.Tensor:
        """The tensor with its numbers.

        Raises:
            ConversionError: its shape is impossible, or does not fit its storage.
        """
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
class Storage:
    """Numbers that tensors share, not yet read.

    Attributes:
        load: reads them as a type of numbers.
        dtype: the type in which they are counted.
        size: how many there are.
    """

    load: Callable[[torch.dtype], torch.Tensor]
    dtype: torch.dtype
    size: int


class PickledArray:
    """An array of numpy; without numbers (`array` is `None`) where it holds objects or text."""

    array: np.ndarray | None = None

    def __setstate__(self, state: tuple):
        *_, shape, kind, is_fortran, data = state
        dtype = kind.dtype() if isinstance(kind, _NumpyType) else None
        if dtype is not None and isinstance(data, (bytes, str)):
            data = data.encode("latin1") if isinstance(data, str) else data
            self.array = np.frombuffer(data, dtype).reshape(shape, order="F" if is_fortran else "C")


class DataUnpickler(pickle.Unpickler):
    """An unpickler that refuses code.

    Args:
        file: with the pickle.
        storage: makes the storage of a tensor from its key, its type and its size; without it, a pickle may not refer
            to data outside of itself.

    Raises:
        ConversionError: the pickle asks for code, or for data that are not there.
    """

    def __init__(self, file: IO[bytes], storage: Callable[[str, torch.dtype, int], Storage] | None = None):
        super().__init__(file)
        self._storage = storage
        self._stand_ins: dict[tuple[str, str], type] = {}

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle may call under this name."""
        module = {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module)
        module = re.sub(r"^numpy\._?core\b", "numpy._core", module)
        if (module, name) in _CALLABLE:
            return _CALLABLE[module, name]
        if module in ("torch", "torch.cuda", "torch.storage") and name.endswith("Storage"):
            return _StorageType(_DTYPES.get(name.removesuffix("Storage"), torch.uint8))
        if module == "torch" and isinstance(getattr(torch, name, None), torch.dtype):
            return getattr(torch, name)
        _refuse_code(module, name)
        if (module, name) not in self._stand_ins:  # a class of its own, so that a file can change no other's
            self._stand_ins[module, name] = type(name.rpartition(".")[2], (StandIn,), {})
        return self._stand_ins[module, name]

    def persistent_load(self, pid: Any) -> Any:
        """The storage that a tensor refers to."""
        if self._storage is None or not isinstance(pid, tuple) or not pid:
            raise ConversionError("it refers to data that are not in it")
        if pid[0] == "module":  # old versions of PyTorch kept the source of a class beside it
            return pid[1]
        _, kind, key, _, size, *_ = pid
        if not isinstance(kind, _StorageType) or not isinstance(size, int) or size < 0:
            raise ConversionError("it holds a tensor of an unknown kind")
        return self._storage(str(key), kind.dtype, size)


@dataclass(frozen=True)
class _StorageType:
    dtype: torch.dtype


class _NumpyType:
    """A type of numpy's numbers. Numpy's own class would believe whatever state a file gives it."""

    def __init__(self, name: str):
        self.name = name
        self.order: Literal["<", ">", "="] = "="

    def __setstate__(self, state: tuple):
        self.order = state[1] if state[1] in ("<", ">") else "="

    def dtype(self) -> np.dtype | None:
        """`None` where it is no number."""
        is_number = re.fullmatch(r"[<>=|]?[fiubc]\d{1,2}", self.name)
        return np.dtype(self.name).newbyteorder(self.order) if is_number else None


def _refuse_code(module: str, name: str):
    if (module, name) in _DATA_NAMES:
        return
    top, last = module.partition(".")[0], name.rpartition(".")[2].lstrip("_")
    holds_data = top in _DATA_MODULES or module == "collections"
    is_scalar = (
        module == "numpy" and isinstance(getattr(np, name, None), type) and issubclass(getattr(np, name), np.generic)
    )
    # By convention what begins with a small letter is a function. It would be called.
    is_class = last[:1].isupper() and top not in sys.stdlib_module_names
    if not (holds_data or is_scalar or is_class):
        raise ConversionError(
            f"it asks for {module}.{name}, which weights do not need and which could run code: it is damaged or "
            "hostile, or was saved in another way than torch.save(model.state_dict(), ...)"
        )


def _attribute(owner: Any, name: str, *rest: Any) -> StandIn:
    """How old pickles name a method, as MMEngine's histories do: of a stand-in it is another."""
    if not (isinstance(owner, type) and issubclass(owner, StandIn)):
        _refuse_code("builtins", "getattr")
    return StandIn()


def _tensor(storage: Storage, offset: int, shape: tuple, strides: tuple, *rest: Any) -> LazyTensor:
    if not isinstance(storage, Storage):
        raise ConversionError("it holds a tensor without numbers")
    dtype = next((entry for entry in rest if isinstance(entry, torch.dtype)), storage.dtype)
    size = storage.size * storage.dtype.itemsize // dtype.itemsize
    return LazyTensor(lambda: storage.load(dtype), size, offset, tuple(shape), tuple(strides))


def _parameter(data: Any, *rest: Any) -> Any:
    return data


def _numpy_type(name: str, *rest: Any) -> _NumpyType:
    return _NumpyType(str(name))


def _array(*rest: Any) -> PickledArray:
    return PickledArray()  # __setstate__ gives it its numbers


def _array_of_buffer(buffer: bytes, dtype: Any, shape: tuple, order: str, *rest: Any) -> PickledArray:
    array = PickledArray()
    array.__setstate__((1, shape, dtype, order == "F", bytes(buffer)))
    return array


def _scalar(dtype: Any, data: Any = b"") -> Any:
    known = dtype.dtype() if isinstance(dtype, _NumpyType) else None
    return data if known is None or not isinstance(data, bytes) else np.frombuffer(data, known, 1)[0].item()


def _encoded(text: str, encoding: str = "latin1", *rest: Any) -> bytes:
    if encoding not in ("latin1", "latin-1", "utf-8", "ascii"):
        raise ConversionError(f"it asks for the encoding {encoding!r}")
    return text.encode(encoding)


def _object(kind: Any, *rest: Any) -> Any:
    return kind() if isinstance(kind, type) and issubclass(kind, StandIn) else StandIn()


#: What a pickle may call: module and name -> what stands for it.
_CALLABLE: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("builtins", "list"): list,
    ("builtins", "dict"): dict,
    ("builtins", "tuple"): tuple,
    ("builtins", "getattr"): _attribute,
    ("copyreg", "_reconstructor"): _object,
    ("_codecs", "encode"): _encoded,
    ("torch", "Size"): tuple,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_tensor_v3"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _parameter,
    ("numpy", "dtype"): _numpy_type,
    ("numpy._core.multiarray", "_reconstruct"): _array,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("numpy._core.numeric", "_frombuffer"): _array_of_buffer,
}
