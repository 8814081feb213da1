# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""A checkpoint becomes a graph with a free batch and width, and the constants of its preprocessing."""

import copy
import json
import math
import os
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..models.crnn.modeling_crnn import CRNNForCTC
from ..models.crnn.processing_crnn import CRNNProcessor
from ..utils.optional import require
from .lstm import with_onnx_lstms
from .runtime import MODEL_FILE, ORTCRNNForCTC


__all__ = ["export_onnx", "largest_difference"]

#: What the image processor does, by its own names; enough to prepare images without Python.
_PREPROCESSING = (
    *("do_grayscale", "size", "resample", "antialias", "keep_aspect_ratio", "width_factor", "min_width"),
    *(
        "max_width",
        "wide_words",
        "width_rounding",
        "resize_to_multiple_of",
        "pad_to_multiple_of",
        "padding",
        "padding_mode",
        "padding_value",
    ),
    *("rescale_factor", "do_normalize", "image_mean", "image_std"),
)


def export_onnx(checkpoint: str | os.PathLike, output_dir: str | os.PathLike) -> Path:
    """Writes a checkpoint as `model.onnx`, with its config, tokenizer and image processor beside it.

    The graph takes `pixel_values` (batch, channels, height, width) and, where the image processor pads, `pixel_mask`
    (batch, height, width) of int64. It gives `logits` (batch, time, vocab) and `num_frames` (batch,) of int64, each
    image's own frames: those after them are padding, and blank. Batch and width are free. Its metadata
    have `charset`, the symbols of the classes from 1 on (0 is the blank), and each setting of the image processor, all
    as JSON.

    Args:
        checkpoint: a folder, or a repository on the Hub.
        output_dir: made where it is missing.

    Returns:
        The graph's file.

    Raises:
        ImportError: onnx, onnxscript, or a torch that can write operators of ONNX (2.8) is not installed.
        OSError: there is no such checkpoint.
    """
    onnx, _ = require("onnx", "onnx"), require("onnxscript", "onnx")
    if not hasattr(torch.onnx, "ops"):
        raise ImportError(f"Exporting to ONNX needs torch 2.8 or later, not {torch.__version__}")
    model = CRNNForCTC.from_pretrained(checkpoint, dtype=torch.float32).eval()
    processor = CRNNProcessor.from_pretrained(checkpoint)
    file = Path(output_dir) / MODEL_FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    processor.save_pretrained(output_dir)
    model.config.save_pretrained(output_dir)

    graph = _graph(model, masked="pixel_mask" in processor.image_processor.model_input_names)
    onnx.helper.set_model_props(graph, _metadata(processor))
    onnx.save(graph, file)
    return file


def largest_difference(model: CRNNForCTC, exported: ORTCRNNForCTC, num_shapes: int = 20, seed: int = 0) -> float:
    """Largest difference between the logits of both, over batches of one to four images of 16 to 300 pixels.

    Each image is noise; where the graph takes a mask, all but the first are padded. Frames of padding are not
    compared. Infinite where both do not give the images the same number of frames.
    """
    generator, config = torch.Generator().manual_seed(seed), model.config
    masked = "pixel_mask" in [node.name for node in exported.session.get_inputs()]
    largest = 0.0
    for _ in range(num_shapes):
        batch, width = (int(torch.randint(*limits, (), generator=generator)) for limits in ((1, 5), (16, 301)))
        shape = (batch, config.num_channels, config.image_height, width)
        inputs = {"pixel_values": torch.randn(shape, generator=generator)}
        if masked:
            widths = torch.randint(16, width + 1, (batch,), generator=generator)
            widths[0] = width
            mask = torch.arange(width) < widths[:, None]
            inputs["pixel_mask"] = mask[:, None].expand(-1, config.image_height, -1).long()
        with torch.no_grad():
            outputs: list[Any] = [model(**inputs), exported(**inputs)]
        expected, found = outputs
        if not torch.equal(expected.num_frames, found.num_frames):
            return math.inf
        difference = (expected.logits - found.logits).abs()
        is_own = torch.arange(difference.shape[1]) < expected.num_frames[:, None]
        largest = max(largest, float(difference[is_own].max()))
    return largest


class _Graph(nn.Module):
    """A model that gives nothing but logits and the number of frames, with its LSTMs as operators of ONNX."""

    def __init__(self, model: CRNNForCTC):
        super().__init__()
        self.model = with_onnx_lstms(copy.deepcopy(model))

    def forward(
        self, pixel_values: torch.Tensor, pixel_mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        outputs = self.model(pixel_values, pixel_mask=pixel_mask)
        return outputs.logits, outputs.num_frames


def _graph(model: CRNNForCTC, masked: bool) -> Any:
    """The model as an `onnx.ModelProto`; what it is traced with, three images of 96 pixels, leaves no mark."""
    config = model.config
    batch, width = torch.export.Dim("batch"), torch.export.Dim("width", min=16)
    inputs = {"pixel_values": torch.zeros(3, config.num_channels, config.image_height, 96)}
    shapes = {"pixel_values": {0: batch, 3: width}}
    if masked:
        inputs["pixel_mask"] = torch.ones(3, config.image_height, 96, dtype=torch.long)
        shapes["pixel_mask"] = {0: batch, 2: width}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of two inputs with a batch, one names it
        program = torch.onnx.export(
            _Graph(model).eval(),
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=["logits", "num_frames"],
            dynamic_shapes=tuple(shapes.values()),
            dynamo=True,
            verbose=False,
        )
    if program is None:  # only with options that are not given here
        raise RuntimeError("torch.onnx.export gave no program")
    proto = program.model_proto
    for node in proto.graph.node:  # where in which file of this machine each node was made: most of a small graph
        del node.metadata_props[:]
    return proto


def _metadata(processor: CRNNProcessor) -> dict[str, str]:
    tokenizer, settings = processor.tokenizer, processor.image_processor.to_dict()
    charset = tokenizer.convert_ids_to_tokens(range(1, len(tokenizer)))
    values = {"charset": charset} | {name: settings[name] for name in _PREPROCESSING if name in settings}
    return {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()}
