# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""CRNN in ONNX: export, int8, and models that onnxruntime or OpenVINO run in place of PyTorch.

>>> import hf_str
>>> from hf_str.onnx import ORTCRNNForCTC, export_onnx
>>> export_onnx(hf_str.DEFAULT_CHECKPOINT, "crnn-onnx/")  # doctest: +SKIP
>>> model = ORTCRNNForCTC.from_pretrained("crnn-onnx/")  # doctest: +SKIP
"""

from .export import export_onnx, largest_difference
from .openvino_runtime import OVCRNNForCTC
from .quantization import quantize_onnx
from .runtime import MODEL_FILE, ORTCRNNForCTC


__all__ = ["MODEL_FILE", "ORTCRNNForCTC", "OVCRNNForCTC", "export_onnx", "largest_difference", "quantize_onnx"]
