# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The name of `hf_str.inference` in version 0.1, with the names that its modules and classes had."""

import sys
import warnings
from importlib import import_module
from types import ModuleType


warnings.warn("hf_str.reading is called hf_str.inference now", FutureWarning, stacklevel=2)

#: Of each module of version 0.1 its name of today, and those of what it held and is called otherwise now.
_RENAMED = {
    "output": ("predictions", {"readings_schema": "prediction_schema", "write_readings": "write_predictions"}),
    "ray_data": ("ray_data", {"ReadWords": "WordRecognizer"}),
    "shards": ("shards", {}),
    "windows": ("windows", {}),
    "word_reader": ("bulk_recognizer", {"WordReader": "BulkRecognizer"}),
}


def _module(name: str) -> ModuleType:
    now, renamed = _RENAMED[name]
    source = import_module(f"..inference.{now}", __name__)
    module = ModuleType(f"{__name__}.{name}", source.__doc__)
    vars(module).update({key: value for key, value in vars(source).items() if not key.startswith("__")})
    vars(module).update({old: getattr(source, new) for old, new in renamed.items()})
    return module


for _name in _RENAMED:
    globals()[_name] = sys.modules[f"{__name__}.{_name}"] = _module(_name)
