# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""A CRNN that was exported to ONNX, run by OpenVINO."""

import threading
from types import SimpleNamespace

import numpy as np
import torch

from ..models.crnn.outputs_crnn import CRNNForCTCOutput, image_widths, join_logits
from ..utils.optional import require
from .runtime import ORTCRNNForCTC


__all__ = ["OVCRNNForCTC"]

_PRECISIONS = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}
_DTYPES = {short: getattr(torch, long) for long, short in _PRECISIONS.items()}


class OVCRNNForCTC(ORTCRNNForCTC):
    """Runs the same graph as [`ORTCRNNForCTC`] with OpenVINO, on the CPU, and is called in the same way.

    On CPUs with AMX or AVX512-BF16 it computes in bfloat16, which changes scores a little and, in rare close cases, a
    character. OpenVINO 2026 lets an LSTM run over the padding of an image, so images of different width are run apart,
    each at its own. Graphs in int8 are for onnxruntime alone.

    Args:
        file, config, device, num_threads: see [`ORTCRNNForCTC`]; the graph runs on the CPU wherever the logits go.
        dtype: `"float32"`, `"bfloat16"` or `"float16"`, or `"auto"` for what OpenVINO finds the fastest here.

    Raises:
        ValueError: another `dtype`.
        ImportError: OpenVINO is not installed.

    Example:

    ```python
    >>> from hf_str import CRNNProcessor, ImageToTextPipeline
    >>> from hf_str.onnx import OVCRNNForCTC

    >>> model = OVCRNNForCTC.from_pretrained("crnn-onnx/", num_threads=1)  # doctest: +SKIP
    >>> processor = CRNNProcessor.from_pretrained("crnn-onnx/")  # doctest: +SKIP
    >>> ImageToTextPipeline(model=model, processor=processor)("word.png")  # doctest: +SKIP
    [{'generated_text': 'hello', 'score': 0.98}]
    ```
    """

    def __init__(self, *args, dtype: str = "auto", **options):
        if dtype != "auto" and dtype not in _PRECISIONS:
            raise ValueError(f'dtype must be "auto" or one of {", ".join(map(repr, _PRECISIONS))}, not {dtype!r}')
        self._dtype = dtype
        super().__init__(*args, **options)

    def __call__(self, pixel_values: torch.Tensor, pixel_mask: torch.Tensor | None = None) -> CRNNForCTCOutput:
        """As [`ORTCRNNForCTC`], whether the graph takes a mask or not; images are padded on their right only."""
        return super().__call__(pixel_values, None if pixel_mask is None or pixel_mask.all() else pixel_mask)

    def _run(self, pixel_values: torch.Tensor, pixel_mask: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        if pixel_mask is None:
            return super()._run(pixel_values, None)
        widths, run = image_widths(pixel_mask), super()._run
        groups = [(width, torch.where(widths == width)[0]) for width in widths.unique().tolist()]
        logits, num_frames = zip(*(run(pixel_values[rows, ..., :width], None) for width, rows in groups), strict=True)
        order = torch.cat([rows for _, rows in groups]).argsort()
        return join_logits(logits)[order], torch.cat(num_frames)[order]

    @property
    def compute_dtype(self) -> torch.dtype:
        """What it computes in; images and logits are float32."""
        return self.session.dtype

    def to(self, device: torch.device | str) -> "OVCRNNForCTC":
        """Where the logits shall be."""
        self.device = torch.device(device)
        if getattr(self, "session", None) is None:
            self.session = _Session(self.file, self.num_threads or torch.get_num_threads(), self._dtype)
        return self


class _Session:
    """What [`ORTCRNNForCTC`] asks of an `onnxruntime.InferenceSession`, by OpenVINO."""

    def __init__(self, file: str, num_threads: int, dtype: str):
        openvino = require("openvino", "openvino")
        options = {"INFERENCE_NUM_THREADS": num_threads, "PERFORMANCE_HINT": "LATENCY"}
        if dtype != "auto":
            options["INFERENCE_PRECISION_HINT"] = _PRECISIONS[dtype]
        model = openvino.Core().compile_model(file, "CPU", options)
        self.dtype = _DTYPES[model.get_property("INFERENCE_PRECISION_HINT").get_type_name()]
        self._inputs, self._outputs = (
            [SimpleNamespace(name=port.get_any_name()) for port in ports] for ports in (model.inputs, model.outputs)
        )
        self._model, self._own = model, threading.local()  # an infer request is busy until it is done: one a thread

    def get_inputs(self) -> list[SimpleNamespace]:
        return self._inputs

    def get_outputs(self) -> list[SimpleNamespace]:
        return self._outputs

    def run(self, _: None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        if not hasattr(self._own, "request"):
            self._own.request = self._model.create_infer_request()
        return list(self._own.request.infer(inputs).values())
