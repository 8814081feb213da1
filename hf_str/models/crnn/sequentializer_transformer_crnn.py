# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The transformer encoder as a sequentializer, and the one whose first layers are convolutions."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from huggingface_hub.dataclasses import strict
from torch import nn
from transformers import PreTrainedConfig
from transformers.activations import ACT2FN
from transformers.masking_utils import create_bidirectional_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from .convolution_crnn import mask_columns
from .sequentializer_crnn import CRNNSequentializerLayer, CRNNSequentializerStage
from .stage_crnn import Each, own_field


__all__ = ["CRNNFrameEmbedding", "CRNNTransformerLayer", "MixingStage", "TransformerStage", "position_angles"]

_EACH = Each("num_hidden_layers", "layer")
#: Any configuration may have these fields.
_field = partial(own_field, elsewhere="ignored")


@strict
@dataclass(kw_only=True)
class TransformerStage(CRNNSequentializerStage, name="transformer"):
    """`sequentializer="transformer"`: a transformer encoder with normalization first."""

    no_split_modules = ("CRNNTransformerLayer",)

    num_attention_heads: int
    attention_dropout: float | int = _field(0.0)
    intermediate_size: int | None = _field(None, form="number", highest=131_072)
    hidden_act: str = _field("gelu")
    layer_norm_eps: float = _field(1e-6)
    position_embeddings: Literal["sinusoidal", "rotary", "none"] = _field("sinusoidal")

    def check(self):
        heads, size = self.num_attention_heads, self.hidden_size
        if size % heads:
            raise ValueError(f"hidden_size {size} must be a multiple of num_attention_heads {heads}")
        if self.position_embeddings == "rotary" and size // heads % 2:
            raise ValueError(
                f'position_embeddings "rotary" turns pairs of features: hidden_size / num_attention_heads must be '
                f"even, not {size // heads}"
            )
        if self.position_embeddings == "sinusoidal" and size % 2:
            raise ValueError(f'position_embeddings "sinusoidal" needs an even hidden_size, not {size}')
        if not self.layer_norm_eps > 0:
            raise ValueError(f"layer_norm_eps must be above 0, not {self.layer_norm_eps}")
        if not 0 <= self.attention_dropout < 1:
            raise ValueError(f"attention_dropout is a probability in [0, 1), not {self.attention_dropout}")
        self._check_activation("hidden_act", self.hidden_act)
        super().check()

    @property
    def hidden_sizes(self) -> list[int]:
        return [self.hidden_size] * (self.num_hidden_layers + 1)

    def mixer(self, index: int, config: PreTrainedConfig) -> nn.Module:
        """What mixes the frames in layer `index`."""
        return CRNNAttention(self, config, index)

    def embedding(self, config: PreTrainedConfig) -> nn.Module | None:
        return CRNNFrameEmbedding(self, config, self.feature_size)

    def layer(self, index: int, config: PreTrainedConfig) -> CRNNSequentializerLayer:
        return CRNNTransformerLayer(self, self.mixer(index, config))

    def norm(self) -> nn.Module:
        return nn.LayerNorm(self.hidden_size, eps=self.layer_norm_eps)


@strict
@dataclass(kw_only=True)
class MixingStage(TransformerStage, name="mixing"):
    """`sequentializer="mixing"`: the same with convolutions along the width, by default in its first layers."""

    mixers: list[str] = own_field(None, each=_EACH)
    mixing_kernel_size: int = _field(11, form="number", highest=1_023)

    @classmethod
    def fill(cls, values: dict[str, Any]):
        if values["mixers"] is None:
            count = _EACH.count(values)
            values["mixers"] = ["local"] * ((count + 1) // 2) + ["global"] * (count // 2)

    def check(self):
        super().check()
        for index, mixer in enumerate(self.mixers):
            if mixer not in ("local", "global"):
                raise ValueError(f'mixers[{index}] must be "local" or "global", not {mixer!r}')
        self._check_odd("mixing_kernel_size", self.mixing_kernel_size)

    def mixer(self, index: int, config: PreTrainedConfig) -> nn.Module:
        return CRNNLocalMixer(self) if self.mixers[index] == "local" else super().mixer(index, config)


class CRNNFrameEmbedding(nn.Module):
    """What the transformer needs once: frames of its size with their positions, and the attention mask."""

    def __init__(self, stage: TransformerStage, config: PreTrainedConfig, input_size: int):
        super().__init__()
        self.stage, self.config = stage, config
        self.projection = nn.Identity()
        if input_size != stage.hidden_size:
            self.projection = nn.Linear(input_size, stage.hidden_size)
        self.dropout = nn.Dropout(stage.dropout)

    def forward(self, frames: torch.Tensor, num_frames: torch.Tensor | None = None):
        """(batch, time, features) to (batch, time, hidden), and what each layer gets beside the frames."""
        stage, config, length = self.stage, self.config, frames.shape[1]
        # The featurizer's frames are a transposed view, whose strides torch.export would take for fixed.
        frames, rotation = self.projection(frames.clone(memory_format=torch.contiguous_format)), None
        if stage.position_embeddings == "sinusoidal":
            angles = position_angles(length, stage.hidden_size, frames.device)
            frames = frames + torch.cat([angles.sin(), angles.cos()], -1).to(frames.dtype)
        elif stage.position_embeddings == "rotary":
            angles = position_angles(length, stage.hidden_size // stage.num_attention_heads, frames.device)
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
    """Encoder layer with normalization first (Xiong et al. 2020): a mixer of frames, then a feed-forward network.

    The mixer is attention, or a convolution along the width where the stage says "local".
    """

    def __init__(self, stage: TransformerStage, mixer: nn.Module):
        super().__init__()
        size, eps = stage.hidden_size, stage.layer_norm_eps
        intermediate_size = stage.intermediate_size or 4 * size
        self.mixer_norm = nn.LayerNorm(size, eps=eps)
        self.mixer = mixer
        self.feed_forward_norm = nn.LayerNorm(size, eps=eps)
        self.feed_forward = nn.Sequential(
            nn.Linear(size, intermediate_size),
            ACT2FN[stage.hidden_act],
            nn.Dropout(stage.dropout),
            nn.Linear(intermediate_size, size),
        )
        self.dropout = nn.Dropout(stage.dropout)

    def forward(self, frames: torch.Tensor, num_frames: torch.Tensor | None = None, **context) -> torch.Tensor:
        """(batch, time, hidden) to the same; `context` comes from [`CRNNFrameEmbedding`]."""
        frames = frames + self.dropout(self.mixer(self.mixer_norm(frames), num_frames, **context))
        return frames + self.dropout(self.feed_forward(self.feed_forward_norm(frames)))


class CRNNAttention(nn.Module):
    """Multi-head attention among the frames of an image: each frame can look at every other (global mixing)."""

    def __init__(self, stage: TransformerStage, config: PreTrainedConfig, index: int):
        super().__init__()
        size = stage.hidden_size
        self.stage, self.config = stage, config
        self.layer_idx = index
        self.scaling = (size // stage.num_attention_heads) ** -0.5
        self.is_causal = False
        self.query = nn.Linear(size, size)
        self.key = nn.Linear(size, size)
        self.value = nn.Linear(size, size)
        self.output = nn.Linear(size, size)

    def forward(
        self,
        frames: torch.Tensor,
        num_frames: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        rotation: tuple[torch.Tensor, torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """(batch, time, hidden) to the same."""
        shape = (self.stage.num_attention_heads, -1)
        query, key, value = (
            projection(frames).unflatten(-1, shape).transpose(1, 2)
            for projection in (self.query, self.key, self.value)
        )
        if rotation is not None:
            query, key = rotate(query, *rotation), rotate(key, *rotation)
        attend: Callable = ALL_ATTENTION_FUNCTIONS.get_interface(
            self.config._attn_implementation or "eager", eager_attention_forward
        )
        dropout = self.stage.attention_dropout if self.training else 0.0
        context, _ = attend(self, query, key, value, attention_mask, dropout=dropout, scaling=self.scaling)
        return self.output(context.flatten(2))


class CRNNLocalMixer(nn.Module):
    """Depthwise convolution along the width, then a linear layer: a frame sees its neighbors (local mixing).

    Du et al., "SVTR: Scene Text Recognition with a Single Visual Model" (2022), section 3.3, has attention in a window
    here; SVTRv2 (2024), section 3.1, found convolutions as good.
    """

    def __init__(self, stage: MixingStage):
        super().__init__()
        size, kernel_size = stage.hidden_size, stage.mixing_kernel_size
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
