# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Opens files of weights that others wrote. Code in a file is never run."""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from .family import ConversionError, Weights
from .file_kinds import kind_of
from .pickled_weights import DAMAGE, read_pickle, read_torch_zip
from .torch7_files import read_torch7
from .unpickling import LazyTensor, PickledArray, StandIn


__all__ = ["CheckpointFile", "open_checkpoint", "read_weights"]

_DEPTH = 12  # of mappings in each other; deeper is nobody's checkpoint


class CheckpointFile:
    """The content of a file: sets of weights, each under its keys, and what else the project noted beside them.

    Args:
        path: the file.
        content: mappings and lists in each other, with tensors in them.
    """

    def __init__(self, path: Path, content: Any):
        self.path, self.content = path, content
        self.sets = {key: tensors for key, tensors in _sets(content) if tensors}
        if not self.sets:
            kind = "a list" if isinstance(content, (list, tuple)) else f"{type(content).__name__}"
            found = "" if isinstance(content, Mapping) else f" (it holds {kind})"
            raise ConversionError(f"{path} holds no tensors{found}: it is no file of weights")

    def weights(self, key: str | None = None) -> Weights:
        """The largest set of weights, or that under `key`.

        Raises:
            ConversionError: there is none under `key`; or two are equally large and not equal.
        """
        if key is not None:
            return self._under(key)
        largest = max(map(len, self.sets.values()))
        names = [name for name, tensors in self.sets.items() if len(tensors) >= 0.9 * largest and largest > 1]
        if len(names) < 2:
            return _loaded(max(self.sets.values(), key=len), self.path)
        loaded = [_loaded(self.sets[name], self.path) for name in names]
        if not all(_are_equal(loaded[0], other) for other in loaded[1:]):
            listed = ", ".join(f"{name or '(the file itself)'} ({len(self.sets[name])} tensors)" for name in names)
            raise ConversionError(
                f"{self.path} holds several sets of weights that differ: {listed}. Say which one (--weights_key); "
                "what is averaged over steps (ema) is usually what a project evaluates"
            )
        return loaded[0]

    def _under(self, key: str) -> Weights:
        key = key.rstrip(".")
        for name, tensors in self.sets.items():
            if name == key or name.endswith(f".{key}"):
                return _loaded(tensors, self.path)
        for tensors in self.sets.values():  # a part of names: "Student.backbone..."
            parts = {entry.removeprefix(f"{key}."): tensors[entry] for entry in tensors if entry.startswith(f"{key}.")}
            if parts:
                return _loaded(parts, self.path)
        raise ConversionError(
            f"{self.path} has no weights under {key!r}; there are "
            + ", ".join(
                f"{name or 'those of the file itself'} ({len(each)} tensors)" for name, each in self.sets.items()
            )
        )

    def noted(self, *names: str) -> Any:
        """The value of one of `names` beside the weights (hyperparameters, options); `None` if there is none.

        Names are compared without case and underscores. A configuration that is kept as text, as MMEngine's, is
        searched for `name=value`.
        """
        wanted = {name.lower().replace("_", "") for name in names}
        for _, mapping in _mappings(self.content):
            for key, value in mapping.items():
                if isinstance(key, str) and key.lower().replace("_", "") in wanted and not isinstance(value, Mapping):
                    return value
        for text in self.texts():
            for name in names:
                if found := re.search(rf"\b{name}['\"]?\s*[=:]\s*(True|False|true|false)\b", text):
                    return found[1].lower() == "true"
        return None

    def mentions(self, *classes: str) -> bool:
        """Whether a configuration in the file names one of these classes as the type of a part."""
        pattern = re.compile(rf"\btype['\"]?\s*[=:]\s*['\"]?({'|'.join(classes)})\b")
        types = (mapping.get("type") for _, mapping in _mappings(self.content))
        return any(isinstance(kind, str) and kind in classes for kind in types) or any(
            map(pattern.search, self.texts())
        )

    def texts(self) -> Iterator[str]:
        """Longer texts beside the weights: configurations."""
        for _, mapping in _mappings(self.content):
            yield from (value for value in mapping.values() if isinstance(value, str) and len(value) > 20)


def open_checkpoint(path: str | Path) -> CheckpointFile:
    """Opens a file of PyTorch, safetensors, Paddle or Torch7, whatever its suffix.

    Raises:
        FileNotFoundError: there is no such file.
        ConversionError: it is something else, which is named; it is damaged; it asks for code; or it holds no tensors.
    """
    path = Path(path)
    parsers = {"torch zip": read_torch_zip, "pickle": read_pickle, "safetensors": _read_safetensors}
    return CheckpointFile(path, parsers.get(kind_of(path), read_torch7)(path))


def read_weights(path: str | Path, key: str | None = None) -> Weights:
    """The tensors of a file by name: the largest mapping of names to tensors in it, or that under `key`.

    Tables of Torch7 get dotted names.

    Raises:
        FileNotFoundError: there is no such file.
        ConversionError: see [`open_checkpoint`] and [`CheckpointFile.weights`].
    """
    return open_checkpoint(path).weights(key)


def _read_safetensors(path: Path) -> Weights:
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, RuntimeError, KeyError) as error:
        raise ConversionError(f"{path} is a damaged safetensors file, or is cut off: {error}") from error


def _mappings(content: Any) -> Iterator[tuple[str, Mapping]]:
    """All mappings in a content with their dotted paths, each once, however often it stands there."""
    seen, waiting = set(), deque([("", content, 0)])
    while waiting:
        path, value, depth = waiting.popleft()
        if id(value) in seen or depth > _DEPTH:
            continue
        seen.add(id(value))
        entries = []
        if isinstance(value, Mapping):
            yield path, value
            entries = value.items()
        elif isinstance(value, (list, tuple)) and len(value) < 1000:
            entries = enumerate(value)
        for key, entry in entries:
            if isinstance(entry, (Mapping, list, tuple)):
                waiting.append((f"{path}.{key}" if path else str(key)[:100], entry, depth + 1))
        if isinstance(value, StandIn) and value.state is not None:
            waiting.append((path, value.state, depth + 1))


def _sets(content: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each set of tensors with the keys where it stands: a mapping's own, or those of a pickled module."""
    if isinstance(content, dict) and content.keys() >= {"parameters", "bnVars"}:  # a snapshot of Torch7
        yield "", {f"{table}.{key}": value for table in ("parameters", "bnVars") if isinstance(content[table], Mapping)
                   for key, value in content[table].items() if _is_tensor(value)}  # fmt: skip
        return
    modules = set()
    for path, mapping in _mappings(content):
        if isinstance(mapping, StandIn) and isinstance(mapping.state, dict) and "_modules" in mapping.state:
            if id(mapping) not in modules:
                yield path, dict(_module_tensors(mapping, "", modules))
            continue
        tensors = {}
        for name, value in mapping.items():
            # Paddle's parameters may come with their own names, and beside them stands a table of these.
            is_named = isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str)
            tensor = value[1] if is_named else value
            if isinstance(name, str) and not name.endswith("@@") and _is_tensor(tensor):
                tensors[name] = tensor
        yield path, tensors


def _module_tensors(module: StandIn, prefix: str, seen: set[int], depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Tensors of a whole module that was pickled, as its `state_dict` would name them."""
    seen.add(id(module))
    state = module.state if isinstance(module.state, dict) else {}
    for table in ("_parameters", "_buffers"):
        entries = state.get(table)
        seen.add(id(entries))
        for name, value in entries.items() if isinstance(entries, Mapping) else ():
            if _is_tensor(value):
                yield f"{prefix}{name}", value
    children = state.get("_modules")
    for name, child in children.items() if isinstance(children, Mapping) and depth < 4 * _DEPTH else ():
        if isinstance(child, StandIn) and id(child) not in seen:
            yield from _module_tensors(child, f"{prefix}{name}.", seen, depth + 1)


def _is_tensor(value: Any) -> bool:
    value = value.array if isinstance(value, PickledArray) else value
    return isinstance(value, (torch.Tensor, LazyTensor)) or (
        isinstance(value, np.ndarray) and value.dtype.kind in "fiub"
    )


def _loaded(tensors: Mapping[str, Any], path: Path) -> Weights:
    return {name: _tensor(value, name, path) for name, value in tensors.items()}


def _tensor(value: Any, name: str, path: Path) -> torch.Tensor:
    try:
        if isinstance(value, LazyTensor):
            return value.tensor()
        array: Any = value.array if isinstance(value, PickledArray) else value
        if isinstance(array, np.ndarray):
            return torch.from_numpy(np.ascontiguousarray(array).astype(array.dtype.newbyteorder("=")))
        return array
    except DAMAGE as error:
        raise ConversionError(f"{path} is damaged at {name}: {error}") from error


def _are_equal(weights: Weights, others: Weights) -> bool:
    return weights.keys() == others.keys() and all(torch.equal(weights[name], others[name]) for name in weights)
