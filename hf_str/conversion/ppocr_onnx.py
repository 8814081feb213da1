# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""PP-OCR's recognizers out of the ONNX files in which they are released: weights by position in the graph.

The files' names of tensors say nothing (`conv2d_68.w_0`), but convolutions, matrix products and layer norms stand in
the graph in the order in which the network runs, which is the order of our modules too. What follows a convolution and
can be folded into it, is: batch normalization, biases that stand as additions, and PP-LCNetV3's scale and shift before
its activation. So the weights are those of a network with `folded_batch_norms`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..models.crnn.configuration_crnn import CRNNConfig
from ..models.crnn.modeling_crnn import CRNNForCTC
from ..utils.optional import require
from .family import ConversionError, Weights


__all__ = ["read_ppocr_onnx"]

#: Nodes that hand on what they get, as far as weights are concerned.
_TRANSPARENT = ("Identity", "Cast", "Squeeze", "Unsqueeze")


def read_ppocr_onnx(path: str | Path, config: CRNNConfig) -> tuple[Weights, list[str] | None]:
    """Weights of a PP-OCR recognizer, and the characters of its classes where the file has them.

    Args:
        path: the ONNX file.
        config: of the network it should be, with `folded_batch_norms`; its `vocab_size` does not matter.

    Returns:
        Weights under our names, for images in RGB, and the lines of the metadata's `character`, without the blank.

    Raises:
        ConversionError: the graph is another one; what differs first is named.
        ImportError: the package onnx is not installed.
    """
    onnx, message = require("onnx", "onnx"), require("google.protobuf.message", "onnx")
    try:
        model = onnx.load(str(path))
    except (message.DecodeError, onnx.checker.ValidationError, ValueError) as error:
        raise ConversionError(f"{path} is no ONNX file: {error}") from error
    graph = _Graph(model.graph, onnx.numpy_helper.to_array)
    weights = dict(_convolutions(graph, config)) | dict(_transformer(graph, config))
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    characters = metadata["character"].split("\n") if metadata.get("character") else None
    return weights, characters


class _Graph:
    """Nodes in the order in which they run, constants by name, and who uses what."""

    def __init__(self, graph: Any, to_array: Any):
        self.constants = {tensor.name: to_array(tensor) for tensor in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                self.constants[node.output[0]] = to_array(node.attribute[0].t)
        self.nodes = [node for node in graph.node if node.op_type != "Constant"]
        self.users: dict[str, list] = {}
        for node in self.nodes:
            for name in node.input:
                self.users.setdefault(name, []).append(node)

    def constant(self, node: Any) -> np.ndarray | None:
        """The one operand of an addition or a product that is a constant."""
        found = [self.constants[name] for name in node.input if name in self.constants]
        return found[0] if len(found) == 1 else None

    def operand(self, node: Any) -> np.ndarray:
        """The constant of an addition or a product that was chosen for having one.

        Raises:
            ConversionError: it has none, or several.
        """
        constant = self.constant(node)
        if constant is None:
            raise ConversionError(f"the node {node.output[0]} has not one constant operand")
        return constant

    def following(self, name: str) -> Iterator[Any]:
        """The nodes that use a tensor, through those that only hand it on."""
        for node in self.users.get(name, []):
            if node.op_type in _TRANSPARENT:
                yield from self.following(node.output[0])
            else:
                yield node

    def only(self, name: str, kind: str, size: tuple[int, ...] = ()) -> Any:
        """The only node that follows, where it is of `kind` and its constant has one of the numbers of entries."""
        users = list(self.following(name))
        if len(users) == 1 and users[0].op_type == kind:
            constant = self.constant(users[0])
            if not size or (constant is not None and constant.size in size):
                return users[0]
        return None


def _convolutions(graph: _Graph, config: CRNNConfig) -> Iterator[tuple[str, torch.Tensor]]:
    """Weight and bias of each convolution, and scales and shifts behind activations."""
    with torch.device("meta"):
        model = CRNNForCTC(config)
    shapes = {name: parameter.shape for name, parameter in model.named_parameters()}
    ours = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Conv2d)]
    ours.sort(key=_order_of_execution)
    theirs = [node for node in graph.nodes if node.op_type == "Conv"]
    if len(theirs) != len(ours):
        raise ConversionError(f"its graph has {len(theirs)} convolutions, and the network has {len(ours)}")
    for name, node in zip(ours, theirs, strict=True):
        weight, bias, output = _folded(graph, node)
        expected = shapes[f"{name}.weight"]
        if weight.shape != expected:
            raise ConversionError(
                f"the convolution {node.output[0]} has weights of shape {weight.shape}, and {name} of the network has "
                f"{tuple(expected)}"
            )
        if node is theirs[0]:
            weight = weight[:, ::-1]  # its images are BGR, as OpenCV reads them
        yield f"{name}.weight", _tensor(weight)
        yield f"{name}.bias", _tensor(bias)
        affine = name.removesuffix("convolution") + "affine"
        if f"{affine}.scale" in shapes:
            scale, shift = _affine_after_activation(graph, output, name)
            yield f"{affine}.scale", _tensor(scale.reshape(1))
            yield f"{affine}.bias", _tensor(shift.reshape(1))


def _order_of_execution(name: str) -> tuple[int, ...]:
    """Layers are named in the order in which they run, but for the last part of the neck."""
    return ("featurizer" not in name, "exit" in name)


def _folded(graph: _Graph, node: Any) -> tuple[np.ndarray, np.ndarray, str]:
    """Weight, bias and output of a convolution and of all linear operations that follow it."""
    weight = graph.constants.get(node.input[1])
    if weight is None:
        raise ConversionError(f"the weights of the convolution {node.output[0]} are no constants of the graph")
    weight = weight.astype(np.float64)
    bias = np.zeros(len(weight))
    if len(node.input) > 2:
        bias = bias + graph.constants[node.input[2]]
    output = node.output[0]
    while True:
        sizes = (1, len(weight))
        if norm := graph.only(output, "BatchNormalization"):
            gamma, beta, mean, variance = (graph.constants[name].astype(np.float64) for name in norm.input[1:])
            eps = next((entry.f for entry in norm.attribute if entry.name == "epsilon"), 1e-5)
            factor = gamma / np.sqrt(variance + eps)
            weight, bias, following = weight * factor[:, None, None, None], (bias - mean) * factor + beta, norm
        elif addition := graph.only(output, "Add", sizes):
            bias, following = bias + graph.operand(addition).ravel(), addition
        elif product := _scale(graph, output):
            factor = graph.operand(product).ravel()
            weight, bias, following = weight * factor[:, None, None, None], bias * factor, product
        else:
            return weight, bias, output
        output = following.output[0]


def _scale(graph: _Graph, name: str) -> Any:
    """A product with one number to which one number is added: PP-LCNetV3's scale and shift, and no part of SiLU."""
    product = graph.only(name, "Mul", (1,))
    return product if product is not None and graph.only(product.output[0], "Add", (1,)) is not None else None


def _affine_after_activation(graph: _Graph, name: str, layer: str) -> tuple[np.ndarray, np.ndarray]:
    """Scale and shift behind the hard swish, which is one node, or x * clip(x + 3, 0, 6) / 6 in four."""
    for node in graph.following(name):
        ends = [node] if node.op_type == "HardSwish" else []
        if node.op_type == "Mul":
            ends = [division for division in graph.following(node.output[0]) if division.op_type == "Div"] or [node]
        for end in ends:
            if product := _scale(graph, end.output[0]):
                shift = graph.only(product.output[0], "Add", (1,))
                return graph.operand(product), graph.operand(shift)
    raise ConversionError(f"no scale and shift follow the activation of {layer}: is it a network without them?")


def _transformer(graph: _Graph, config: CRNNConfig) -> Iterator[tuple[str, torch.Tensor]]:
    """Layer norms, attention, feed-forward layers and the head, in the order in which they run."""
    products = []
    for node in graph.nodes:
        weight = graph.constants.get(node.input[1]) if node.op_type == "MatMul" else None
        if weight is not None and weight.ndim == 2:
            addition = graph.only(node.output[0], "Add", (weight.shape[1],))
            bias = np.zeros(weight.shape[1]) if addition is None else graph.operand(addition).ravel()
            products.append((weight.T, bias))
    layers = range(config.num_hidden_layers)
    names = []
    if config.sequentializer == "svtr":
        parts = ("mixer.qkv", "mixer.output", "feed_forward.0", "feed_forward.3")
        names = [f"crnn.layers.{index}.{part}" for index in layers for part in parts]
    elif config.sequentializer == "convolution":
        names = ["crnn.layers.0.projection"]
    names.append("ctc_head")
    if len(products) != len(names):
        raise ConversionError(f"its graph has {len(products)} matrix products, and the network has {len(names)}")
    for name, (weight, bias) in zip(names, products, strict=True):
        if not name.endswith(".qkv"):
            yield f"{name}.weight", _tensor(weight)
            yield f"{name}.bias", _tensor(bias)
            continue
        for part, some, their_bias in zip(
            ("query", "key", "value"), np.split(weight, 3), np.split(bias, 3), strict=True
        ):
            yield f"{name.removesuffix('qkv')}{part}.weight", _tensor(some)
            yield f"{name.removesuffix('qkv')}{part}.bias", _tensor(their_bias)
    if config.sequentializer == "svtr":
        norms = [f"crnn.layers.{index}.{part}" for index in layers for part in ("mixer_norm", "feed_forward_norm")]
        norms.append("crnn.norm")
        found = list(_layer_norms(graph))
        if len(found) != len(norms):
            raise ConversionError(f"its graph has {len(found)} layer norms, and the network has {len(norms)}")
        for name, (weight, bias) in zip(norms, found, strict=True):
            yield f"{name}.weight", _tensor(weight)
            yield f"{name}.bias", _tensor(bias)


def _layer_norms(graph: _Graph) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for node in graph.nodes:
        if node.op_type == "LayerNormalization":
            yield graph.constants[node.input[1]], graph.constants[node.input[2]]
        elif node.op_type == "Sqrt":  # written out: (x - mean) / sqrt(variance + eps) * weight + bias
            division = graph.only(node.output[0], "Div")
            product = division and graph.only(division.output[0], "Mul")
            addition = product and graph.only(product.output[0], "Add")
            weight = product and graph.constant(product)
            bias = addition and graph.constant(addition)
            if weight is not None and bias is not None:
                yield weight.ravel(), bias.ravel()


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.tensor(np.array(values, dtype=np.float32))
