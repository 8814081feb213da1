# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""BiLSTM layers as what ONNX has for them: one operator that knows each image's own number of frames.

torch.export would unroll an LSTM over the frames of its example, or make a loop of it.
"""

import torch
from torch import nn

from ..models.crnn.sequentializer_bilstm_crnn import CRNNBiLSTMLayer


__all__ = ["with_onnx_lstms"]


class OnnxBiLSTMLayer(nn.Module):
    """Stands in for a [`CRNNBiLSTMLayer`] while a graph is made; it computes nothing itself.

    See https://onnx.ai/onnx/operators/onnx__LSTM.html. With `sequence_lens` the backward direction begins at each
    image's own last frame, and frames past it are zero.
    """

    def __init__(self, layer: CRNNBiLSTMLayer):
        super().__init__()
        self.hidden_size, self.projection = layer.lstm.hidden_size, layer.projection
        directions = [[_gates(tensor) for tensor in weights] for weights in layer.lstm.all_weights]
        self.input_weight = nn.Parameter(torch.stack([weights[0] for weights in directions]))
        self.hidden_weight = nn.Parameter(torch.stack([weights[1] for weights in directions]))
        self.bias = nn.Parameter(torch.stack([torch.cat(weights[2:]) for weights in directions]))

    def forward(self, frames: torch.Tensor, num_frames: torch.Tensor | None = None) -> torch.Tensor:
        """(batch, time, features) to (batch, time, hidden); `num_frames` (batch,) says how many frames are real."""
        batch, time, _ = frames.shape
        lengths = None if num_frames is None else num_frames.clamp(min=1).to(torch.int32)
        context = torch.onnx.ops.symbolic(
            "LSTM",
            [frames.transpose(0, 1), self.input_weight, self.hidden_weight, self.bias, lengths],
            {"direction": "bidirectional", "hidden_size": self.hidden_size},
            dtype=frames.dtype,
            shape=(time, 2, batch, self.hidden_size),
        )
        return self.projection(context.permute(2, 0, 1, 3).flatten(2))


def with_onnx_lstms(model: nn.Module) -> nn.Module:
    """Puts the operator in the place of each BiLSTM layer of `model`, in place; returns `model`."""
    for name, module in list(model.named_modules()):
        if isinstance(module, CRNNBiLSTMLayer):
            model.set_submodule(name, OnnxBiLSTMLayer(module))
    return model


def _gates(tensor: torch.Tensor) -> torch.Tensor:
    """PyTorch has the gates as input, forget, cell, output; ONNX as input, output, forget, cell."""
    into, forget, cell, out = tensor.detach().chunk(4)
    return torch.cat([into, out, forget, cell])
