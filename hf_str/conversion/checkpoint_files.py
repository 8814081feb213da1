"""Reads weights from files that others wrote. No code that a file may hold is ever run."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from .family import ConversionError, Weights
from .torch7_files import read_torch7


__all__ = ["read_weights"]

#: What a pickle of numpy arrays needs, under the names of numpy 1 and 2.
_NUMPY_PARTS = {
    *((f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
    *(("numpy", name) for name in ("ndarray", "dtype")),
    ("collections", "OrderedDict"),
    ("_codecs", "encode"),
}


def read_weights(path: str | Path, containers: tuple[str, ...] = ()) -> Weights:
    """The tensors of a file of PyTorch, `.safetensors`, Paddle (`.pdparams`) or Torch7 (`.t7`), by name.

    Args:
        path: the file; what does not end in one of these is a file of `torch.save`.
        containers: keys under which the tensors may stand, one inside the other. Tables in tables get dotted names.

    Raises:
        FileNotFoundError: there is no such file.
        ConversionError: the file holds more than tensors, or none.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    readers = {".safetensors": load_file, ".pdparams": _read_paddle, ".t7": read_torch7}
    content = readers.get(path.suffix, _read_torch)(path)
    while isinstance(content, Mapping):
        inside = [content[key] for key in containers if isinstance(content.get(key), Mapping)]
        if not inside:
            break
        content = inside[0]
    weights = dict(_tensors(content))
    if not weights:
        raise ConversionError(f"{path} holds no tensors: it is no file of weights")
    return weights


def _read_torch(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ConversionError(
            f"{path} holds more than tensors, and opening it could run code. Where you trust it and its project is "
            "installed, save the weights alone: torch.save(model.state_dict(), ...). PyTorch says: "
            f"{str(error).splitlines()[0]}"
        ) from error
    except RuntimeError as error:
        raise ConversionError(f"{path} is no file of torch.save: {error}") from error


class _NumpyUnpickler(pickle.Unpickler):
    """Makes arrays, dictionaries and text, and refuses anything else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NUMPY_PARTS:
            raise ConversionError(
                f"the file asks for {module}.{name}, and a .pdparams file needs nothing but numpy arrays: it is "
                "damaged or hostile, or was saved in another way than paddle.save(model.state_dict(), ...)"
            )
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def _read_paddle(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        try:
            content = _NumpyUnpickler(file).load()
        except (pickle.UnpicklingError, EOFError) as error:
            raise ConversionError(f"{path} is no pickle of Paddle: {error}") from error
    # Beside the arrays there is a table of Paddle's internal names, "StructuredToParameterName@@".
    return {name: value for name, value in content.items() if not name.endswith("@@")}


def _tensors(content: Any, name: str = "") -> Any:
    """Each tensor in dictionaries and lists with its dotted name; what is no tensor is left out."""
    if isinstance(content, np.ndarray):
        content = torch.from_numpy(content)
    if isinstance(content, torch.Tensor):
        yield name, content
    elif isinstance(content, Mapping):
        for key, value in content.items():
            yield from _tensors(value, f"{name}.{key}" if name else str(key))
