# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Sequentialization: layers that give the frames of an image context. No image's frames see padding.

All take frames (batch, time, hidden) and the number of each image's own frames (batch,), or `None` where all are real.
"""

from collections.abc import Callable

import torch
from torch import nn
from transformers.activations import ACT2FN
from transformers.masking_utils import create_bidirectional_mask
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from .configuration_crnn import CRNNConfig
from .convolution_crnn import mask_columns


__all__ = ["CRNNBiLSTMLayer", "CRNNFrameEmbedding", "CRNNSequentializerLayer", "CRNNTransformerLayer"]


class CRNNSequentializerLayer(GradientCheckpointingLayer):
    """What the layers of all sequentializers are: their outputs are the model's hidden states."""


class CRNNBiLSTMLayer(CRNNSequentializerLayer):
    """Bidirectional LSTM, then dropout, then the linear layer that joins the directions where the config has it."""

    def __init__(self, config: CRNNConfig, index: int):
        super().__init__()
        input_size = config.hidden_sizes[index]
        self.lstm = nn.LSTM(input_size, config.hidden_size, batch_first=True, bidirectional=True)
        self.directions: nn.ModuleList | None = None
        self.dropout = nn.Dropout(config.dropout)
        self.projection = nn.Identity()
        if config.has_projection(index):
            self.projection = nn.Linear(2 * config.hidden_size, config.hidden_size)

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
        weights = self.lstm.all_weights[direction]
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


class CRNNFrameEmbedding(nn.Module):
    """What the transformer needs once: frames of its size with their positions, and the attention mask."""

    def __init__(self, config: CRNNConfig):
        super().__init__()
        self.config = config
        self.projection = nn.Identity()
        if config.sequentializer != "svtr" and config.feature_size != config.hidden_size:
            self.projection = nn.Linear(config.feature_size, config.hidden_size)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, frames: torch.Tensor, num_frames: torch.Tensor | None = None):
        """(batch, time, features) to (batch, time, hidden), and what each layer gets beside the frames."""
        config, length = self.config, frames.shape[1]
        # The featurizer's frames are a transposed view, whose strides torch.export would take for fixed.
        frames, rotation = self.projection(frames.clone(memory_format=torch.contiguous_format)), None
        if config.position_embeddings == "sinusoidal":
            angles = position_angles(length, config.hidden_size, frames.device)
            frames = frames + torch.cat([angles.sin(), angles.cos()], -1).to(frames.dtype)
        elif config.position_embeddings == "rotary":
            angles = position_angles(length, config.hidden_size // config.num_attention_heads, frames.device)
            rotation = (angles.cos().to(frames.dtype), angles.sin().to(frames.dtype))
        mask = None
        if num_frames is not None:
            time = torch.arange(length, device=frames.device)
            mask = time < num_frames.clamp(min=1)[:, None]  # a softmax over nothing is not a number
            if config._attn_implementation == "sdpa":
                mask = mask[:, None, None]  # one row for all queries: time x time of them would not export
            else:
                mask = create_bidirectional_mask(config=config, inputs_embeds=frames, attention_mask=mask)
        return self.dropout(frames), {"attention_mask": mask, "rotation": rotation}


class CRNNTransformerLayer(CRNNSequentializerLayer):
    """Encoder layer with normalisation first (Xiong et al. 2020): a mixer of frames, then a feed-forward network.

    The mixer is attention, or a convolution along the width where the config says "local".
    """

    def __init__(self, config: CRNNConfig, index: int):
        super().__init__()
        is_local = config.sequentializer == "mixing" and config.mixers[index] == "local"
        intermediate_size = config.intermediate_size or 4 * config.hidden_size
        self.mixer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.mixer = CRNNLocalMixer(config) if is_local else CRNNAttention(config, index)
        self.feed_forward_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.feed_forward = nn.Sequential(
            nn.Linear(config.hidden_size, intermediate_size),
            ACT2FN[config.hidden_act],
            nn.Dropout(config.dropout),
            nn.Linear(intermediate_size, config.hidden_size),
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, frames: torch.Tensor, num_frames: torch.Tensor | None = None, **context) -> torch.Tensor:
        """(batch, time, hidden) to the same; `context` comes from [`CRNNFrameEmbedding`]."""
        frames = frames + self.dropout(self.mixer(self.mixer_norm(frames), num_frames, **context))
        return frames + self.dropout(self.feed_forward(self.feed_forward_norm(frames)))


class CRNNAttention(nn.Module):
    """Multi-head attention among the frames of an image: each frame can look at every other (global mixing)."""

    def __init__(self, config: CRNNConfig, index: int):
        super().__init__()
        self.config = config
        self.layer_idx = index
        self.scaling = (config.hidden_size // config.num_attention_heads) ** -0.5
        self.is_causal = False
        self.query = nn.Linear(config.hidden_size, config.hidden_size)
        self.key = nn.Linear(config.hidden_size, config.hidden_size)
        self.value = nn.Linear(config.hidden_size, config.hidden_size)
        self.output = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(
        self,
        frames: torch.Tensor,
        num_frames: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        rotation: tuple[torch.Tensor, torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """(batch, time, hidden) to the same."""
        shape = (self.config.num_attention_heads, -1)
        query, key, value = (
            projection(frames).unflatten(-1, shape).transpose(1, 2)
            for projection in (self.query, self.key, self.value)
        )
        if rotation is not None:
            query, key = rotate(query, *rotation), rotate(key, *rotation)
        attend: Callable = ALL_ATTENTION_FUNCTIONS.get_interface(
            self.config._attn_implementation, eager_attention_forward
        )
        dropout = self.config.attention_dropout if self.training else 0.0
        context, _ = attend(self, query, key, value, attention_mask, dropout=dropout, scaling=self.scaling)
        return self.output(context.flatten(2))


class CRNNLocalMixer(nn.Module):
    """Depthwise convolution along the width, then a linear layer: a frame sees its neighbours (local mixing).

    Du et al., "SVTR: Scene Text Recognition with a Single Visual Model" (2022), section 3.3, has attention in a window
    here; SVTRv2 (2024), section 3.1, found convolutions as good.
    """

    def __init__(self, config: CRNNConfig):
        super().__init__()
        size, kernel_size = config.hidden_size, config.mixing_kernel_size
        self.convolution = nn.Conv1d(size, size, kernel_size, padding=kernel_size // 2, groups=size)
        self.output = nn.Linear(size, size)

    def forward(self, frames: torch.Tensor, num_frames: torch.Tensor | None = None, **context) -> torch.Tensor:
        """(batch, time, hidden) to the same."""
        mixed = self.convolution(mask_columns(frames.transpose(1, 2), num_frames))
        return self.output(mixed.transpose(1, 2))


def position_angles(length: int, size: int, device: torch.device) -> torch.Tensor:
    """Angle of each position for each pair of features, (length, size / 2); Vaswani et al. 2017, section 3.5."""
    frequencies = 10000 ** (-torch.arange(0, size, 2, device=device, dtype=torch.float32) / size)
    return torch.arange(length, device=device, dtype=torch.float32)[:, None] * frequencies


def rotate(features: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Turns pairs of features (batch, heads, time, size) by their position's angles (time, size / 2).

    Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding" (2021), section 3.2.
    """
    first, second = features.chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


def eager_attention_forward(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    **kwargs,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention written out, as transformers' attention interface has it: (batch, time, heads, size) and weights."""
    scores = query @ key.transpose(-1, -2) * scaling
    if attention_mask is not None:
        scores = scores + attention_mask
    weights = scores.softmax(-1, dtype=torch.float32).to(query.dtype)
    weights = nn.functional.dropout(weights, p=dropout, training=module.training)
    return (weights @ value).transpose(1, 2).contiguous(), weights
