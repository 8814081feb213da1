# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Opens a recognizer of whatever family a model is.

A family is a subclass of [`Recognizer`]. The `config.json` of a model tells which one it needs, or its suffix `.onnx`.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForTextRecognition

from ..onnx import ORTCRNNForCTC
from .crnn_recognizers import CRNNRecognizer, OnnxRecognizer, PPOCROnnxRecognizer
from .recognizer import Recognizer, nearest_word
from .transformers_recognizers import MGPSTRRecognizer, PPOCRRecognizer, TrOCRRecognizer


__all__ = ["CRNNRecognizer", "Recognizer", "fingerprint", "nearest_word", "open_recognizer"]


def open_recognizer(
    model: str,
    device: torch.device | str = "cpu",
    decoding: Mapping[str, Any] | None = None,
    precision: str | None = None,
) -> Recognizer:
    """Loads a recognizer of any family.

    Args:
        model: a checkpoint folder, a repository on the Hub, or an ONNX file: of a CRNN, with its processor beside it,
            or of PP-OCR, with its dictionary in it or beside it.
        device: where to compute.
        decoding: for CTC recognizers of hf_str: `decoder`, `beam_width`, `language_model`, see [`make_decoder`].
        precision: for CRNN, the `dtype` of [`CRNNInferenceMixin.optimize_for_inference`]; `None` leaves it as trained.

    Raises:
        ValueError: a model of a family that is not known here, that decodes by itself, or cannot be optimized.
        OSError: there is no such model.
        ImportError: the family needs a package that is not installed; the message says which.
    """
    if str(model).endswith(".onnx"):
        if not Path(model).is_file():
            raise FileNotFoundError(f"there is no file {model}")
        inputs = [node.name for node in ORTCRNNForCTC(model).session.get_inputs()]
        recognizer_class = OnnxRecognizer if "pixel_values" in inputs else PPOCROnnxRecognizer
        return recognizer_class(str(model), device, decoding, precision)
    config = AutoConfig.from_pretrained(model)
    if config.model_type == "crnn":
        return CRNNRecognizer(model, device, decoding, precision)
    if config.model_type == "vision-encoder-decoder":
        return TrOCRRecognizer(model, device, decoding, precision)
    if config.model_type == "mgp-str":
        return MGPSTRRecognizer(model, device, decoding, precision)
    if type(config) in AutoModelForTextRecognition._model_mapping:
        return PPOCRRecognizer(model, device, decoding, precision)
    raise ValueError(
        f"{model} is of the type {config.model_type!r}; there are recognizers for crnn, vision-encoder-decoder "
        "(TrOCR), mgp-str, what AutoModelForTextRecognition knows (PP-OCRv5, PP-OCRv6), and ONNX files of a CRNN or "
        "PP-OCR"
    )


def fingerprint(model: str) -> str | None:
    """A text that changes when the model does: a digest of its files, or the commit of a repository on the Hub."""
    path = Path(model)
    if not path.exists():
        return getattr(AutoConfig.from_pretrained(model), "_commit_hash", None)
    files = path.iterdir()
    if path.is_file():
        beside = ("*.json", "language_model.safetensors", "inference.yml", "*dict*.txt")
        files = [path, *(file for pattern in beside for file in path.parent.glob(pattern))]
    digest = hashlib.sha256()
    kinds = {".bin", ".json", ".onnx", ".safetensors"} | ({".txt", ".yml"} if path.is_file() else set())
    for file in sorted(file for file in files if file.suffix in kinds):
        digest.update(file.name.encode())
        with open(file, "rb") as content:
            while piece := content.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()[:24]
