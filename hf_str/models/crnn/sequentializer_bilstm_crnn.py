# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The paper's sequentializer: bidirectional LSTMs."""

from dataclasses import dataclass
from typing import Literal

import torch
from huggingface_hub.dataclasses import strict
from torch import nn
from transformers import PreTrainedConfig

from .sequentializer_crnn import CRNNSequentializerLayer, CRNNSequentializerStage
from .stage_crnn import own_field


__all__ = ["BiLSTMStage", "CRNNBiLSTMLayer"]


@strict
@dataclass(kw_only=True)
class BiLSTMStage(CRNNSequentializerStage, name="bilstm"):
    """`sequentializer="bilstm"`: bidirectional LSTMs, with linear layers that join the directions where asked."""

    no_split_modules = ("CRNNBiLSTMLayer",)

    lstm_projection: Literal["between", "all", "none"] = own_field("between", elsewhere="ignored")

    @property
    def hidden_sizes(self) -> list[int]:
        sides = [1 if self.has_projection(index) else 2 for index in range(self.num_hidden_layers)]
        return [self.feature_size, *(side * self.hidden_size for side in sides)]

    def has_projection(self, index: int) -> bool:
        """Whether layer `index` ends in a linear layer from 2 x `hidden_size` to `hidden_size`."""
        is_last = index == self.num_hidden_layers - 1
        return self.lstm_projection == "all" or (self.lstm_projection == "between" and not is_last)

    def layer(self, index: int, config: PreTrainedConfig) -> CRNNSequentializerLayer:
        return CRNNBiLSTMLayer(self, index)


class CRNNBiLSTMLayer(CRNNSequentializerLayer):
    """Bidirectional LSTM, then dropout, then the linear layer that joins the directions where the stage has it."""

    def __init__(self, stage: BiLSTMStage, index: int):
        super().__init__()
        size = stage.hidden_size
        self.lstm = nn.LSTM(stage.hidden_sizes[index], size, batch_first=True, bidirectional=True)
        self.directions: nn.ModuleList | None = None
        self.dropout = nn.Dropout(stage.dropout)
        self.projection = nn.Linear(2 * size, size) if stage.has_projection(index) else nn.Identity()

    def forward(self, frames: torch.Tensor, num_frames: torch.Tensor | None = None) -> torch.Tensor:
        """(batch, time, features) to (batch, time, hidden); `num_frames` (batch,) says how many frames are real."""
        context = self.lstm(frames)[0] if num_frames is None else self._masked_lstm(frames, num_frames)
        return self.projection(self.dropout(context))

    def _masked_lstm(self, frames: torch.Tensor, num_frames: torch.Tensor) -> torch.Tensor:
        """Runs each direction from its own end of the image.

        Padding comes after an image, so the forward direction meets it last, when it does no harm. The backward
        direction reads the image mirrored, for three frames of five: [a b c - -] is read as [c b a - -]. Packed
        sequences would do the same, but neither compile nor export.
        """
        time = torch.arange(frames.shape[1], device=frames.device)
        count = num_frames[:, None]
        mirror = torch.where(time < count, count - 1 - time, time)[..., None]
        forward = self._one_direction(frames, 0)
        backward = self._one_direction(frames.gather(1, mirror.expand_as(frames)), 1)
        return torch.cat([forward, backward.gather(1, mirror.expand_as(backward))], dim=-1)

    def _one_direction(self, frames: torch.Tensor, direction: int) -> torch.Tensor:
        if self.directions is not None:
            return self.directions[direction](frames)[0]
        start = frames.new_zeros(1, frames.shape[0], self.lstm.hidden_size)
        weights: list[torch.Tensor] = [*self.lstm.all_weights[direction]]
        return torch.lstm(frames, (start, start), weights, True, 1, 0.0, self.training, False, True)[0]

    @torch.no_grad()
    def separate_directions(self):
        """Gives each direction an LSTM of its own, for masked batches, with weights in one piece.

        From the weights of both directions cuDNN would copy those of one together at every call.
        """
        lstm, self.directions = self.lstm, nn.ModuleList()
        for weights in lstm.all_weights:
            options = {"batch_first": True, "device": weights[0].device, "dtype": weights[0].dtype}
            direction = nn.LSTM(lstm.input_size, lstm.hidden_size, **options).requires_grad_(False)
            for own, weight in zip(direction.all_weights[0], weights, strict=True):
                own.copy_(weight)
            self.directions.append(direction)
