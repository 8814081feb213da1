# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The checkpoint that a run starts from: one of ours, or a recognizer of PP-OCR, which is converted on the way."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from transformers import PreTrainedConfig
from transformers.utils import logging
from transformers.utils.hub import cached_file

from ..conversion import FAMILIES, convert_checkpoint
from ..conversion.families.ppocr import MODEL_TYPES, family_of
from ..conversion.model_card import notice


__all__ = ["as_our_checkpoint", "notice_of"]

logger = logging.get_logger(__name__)


@contextmanager
def as_our_checkpoint(name_or_path: str) -> Iterator[str]:
    """What was given, or a folder with its conversion where it is a recognizer of PP-OCR; gone at the end.

    Args:
        name_or_path: a folder or a repository on the Hub, in our layout or in that of PaddlePaddle's safetensors; or
            an ONNX file of PP-OCR with its dictionary in it or beside it.

    Raises:
        ValueError: a network of PP-OCR that is none of the families here, or one without its dictionary.
        OSError: there is no such folder or repository.
    """
    family = _ppocr_family(name_or_path)
    if family is None:
        yield name_or_path
        return
    with TemporaryDirectory() as folder:
        logger.info(f"{name_or_path} is {FAMILIES[family].title}: it is converted, and training starts from that")
        convert_checkpoint(family, name_or_path, folder)
        yield folder


@lru_cache
def notice_of(name_or_path: str) -> str | None:
    """The NOTICE of a checkpoint, which what is trained from it has to carry on; `None` where it has none."""
    if family := _ppocr_family(name_or_path):
        return notice(FAMILIES[family], Path(name_or_path).name)
    file = cached_file(
        name_or_path,
        "NOTICE",
        _raise_exceptions_for_gated_repo=False,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    return None if file is None else Path(file).read_text(encoding="utf-8")


def _ppocr_family(name_or_path: str) -> str | None:
    if str(name_or_path).endswith(".onnx"):
        return family_of(name_or_path)
    model_type = PreTrainedConfig.get_config_dict(name_or_path)[0].get("model_type") or ""
    if model_type.startswith("pp_ocr") and model_type not in MODEL_TYPES:
        raise ValueError(f"{name_or_path} is {model_type}: of PP-OCR there are {', '.join(MODEL_TYPES)}")
    return MODEL_TYPES.get(model_type)
