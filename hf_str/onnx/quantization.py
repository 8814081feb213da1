# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Eight bits for a graph: convolutions by what they see on real images (static), LSTMs as they go (dynamic)."""

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from ..models.crnn.processing_crnn import CRNNProcessor
from ..utils.optional import require


__all__ = ["quantize_onnx"]


def quantize_onnx(
    file: str | os.PathLike, output: str | os.PathLike, images: Sequence[Image.Image], batch_size: int = 16
) -> None:
    """Writes a graph with weights and most activations in int8.

    Weights have a scale for each channel. ReLUs and pools between convolutions stay in int8 too. The linear layers are
    left as they are: they are small, and the last one decides.

    Args:
        file: a graph that [`export_onnx`] wrote; its processor lies in the same folder.
        output: the file to write; may be `file`.
        images: words like those that will be read, some hundred, by which the ranges of activations are set.
        batch_size: images that are calibrated at once.

    Raises:
        ValueError: no images.
        ImportError: onnx or onnxruntime is not installed.
    """
    if not images:
        raise ValueError("int8 needs word images to calibrate with, and there are none")
    require("onnx", "onnx")
    quantization = require("onnxruntime.quantization", "onnx")
    image_processor = CRNNProcessor.from_pretrained(Path(file).parent).image_processor

    class Batches(quantization.CalibrationDataReader):
        """Hands out inputs of the graph, one batch a call, then `None`."""

        def __init__(self):
            self.starts = iter(range(0, len(images), batch_size))

        def get_next(self):
            if (start := next(self.starts, None)) is None:
                return None
            batch = list(images[start : start + batch_size])
            return dict(image_processor(batch, return_tensors="np"))

    with TemporaryDirectory() as scratch:
        partly = Path(scratch) / "convolutions.onnx"
        # Weights of seven bits: processors without VNNI add up two products of eight bits in 16, which overflows.
        options = {"per_channel": True, "reduce_range": True}
        kinds = ["Conv", "Relu", "MaxPool"]
        quantization.quantize_static(file, partly, Batches(), op_types_to_quantize=kinds, **options)
        quantization.quantize_dynamic(partly, output, op_types_to_quantize=["LSTM"], **options)
