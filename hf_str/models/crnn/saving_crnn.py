# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The code that a saved folder needs beyond what transformers copies into it.

With an object that knows its Auto class, `save_pretrained` of transformers copies the module of its class and what
that imports. So a model, a processor, an image processor and a tokenizer bring their own. Left over is what
config.json names besides: the pipeline, and, where a configuration is saved alone, the model.
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from transformers.dynamic_module_utils import get_cached_module_file, get_relative_import_files
from transformers.utils import logging
from transformers.utils.hub import HF_MODULES_CACHE


__all__ = ["copy_code"]

logger = logging.get_logger(__name__)

_CODE = Path(__file__).parent


def copy_code(classes: Iterable[str], folder: str | os.PathLike, source: str | None = None):
    """Copies the modules of classes, and all that they import from beside them, into a folder.

    Args:
        classes: as an `auto_map` names them, such as `"modeling_crnn.CRNNForCTC"`.
        folder: where a configuration is saved.
        source: the checkpoint that this code comes from, where it was loaded with `trust_remote_code=True`:
            transformers has fetched only those modules that were used.
    """
    for name in sorted({f"{reference.split('.')[0]}.py" for reference in classes}):
        file = _CODE / name
        if not file.exists():
            try:
                file = Path(HF_MODULES_CACHE) / get_cached_module_file(source or "", name)
            except (OSError, ValueError) as error:
                logger.warning("%s lacks %s, and needs hf_str for what is in it: %s", folder, name, error)
                continue
        for needed in {str(file), *get_relative_import_files(file)}:
            shutil.copyfile(needed, Path(folder) / Path(needed).name)
