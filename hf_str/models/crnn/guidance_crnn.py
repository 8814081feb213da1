# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Guidance: an attention decoder that reads the frames as well while the network is trained, and never after.

Hu et al., "GTC: Guided Training of CTC Towards Efficient and Accurate Scene Text Recognition" (2020). PP-OCR and
SVTRv2 train their CTC recognizers so.
"""

import torch
from torch import nn

from .configuration_crnn import CRNNConfig
from .sequentializer_transformer_crnn import position_angles


__all__ = ["CRNNGuidanceDecoder"]


class CRNNGuidanceDecoder(nn.Module):
    """One layer of a transformer decoder. The blank, which no label has, is its start and its end."""

    def __init__(self, config: CRNNConfig):
        super().__init__()
        size = config.guidance_size
        self.reduction = config.ctc_loss_reduction
        self.embedding = nn.Embedding(config.vocab_size, size)
        self.projection = nn.Linear(config.hidden_sizes[-1], size)
        self.layer = nn.TransformerDecoderLayer(
            size, config.num_attention_heads, 2 * size, dropout=0.1, batch_first=True, norm_first=True
        )
        self.norm = nn.LayerNorm(size)
        self.head = nn.Linear(size, config.vocab_size)

    def forward(self, frames: torch.Tensor, num_frames: torch.Tensor, labels: torch.LongTensor) -> torch.Tensor:
        """Cross entropy of each character, and of the end, given those before.

        Args:
            frames: (batch, time, hidden).
            num_frames: (batch,), each image's own frames.
            labels: (batch, length), padded with -100 or the blank.
        """
        lengths = (labels > 0).sum(-1, keepdim=True)
        place = torch.arange(labels.shape[1] + 1, device=labels.device)
        start = labels.new_zeros(len(labels), 1)
        given = torch.cat([start, labels.clamp(min=0)], 1)
        targets = torch.cat([labels, start], 1).clamp(min=0)
        targets = torch.where(place <= lengths, targets, -100)

        time = torch.arange(frames.shape[1], device=frames.device)
        is_padding = time >= num_frames.clamp(min=1)[:, None]
        is_later = place[:, None] < place
        angles = position_angles(len(place), self.embedding.embedding_dim, frames.device)
        characters = self.embedding(given) + torch.cat([angles.sin(), angles.cos()], -1).to(frames.dtype)
        read = self.layer(characters, self.projection(frames), tgt_mask=is_later, memory_key_padding_mask=is_padding)
        logits = self.head(self.norm(read)).float()
        return nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction=self.reduction)
