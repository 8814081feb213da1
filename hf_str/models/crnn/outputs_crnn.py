# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What the models return, and which frames of a padded batch are an image's own.

Images of one batch share its width, so that narrow ones are padded and get more frames than they have themselves.
`num_frames` says how many are an image's own: whoever decodes takes it. Frames after those are blank, so that also
`tokenizer.batch_decode(outputs.logits.argmax(-1))`, which knows of no padding, reads nothing there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers.modeling_outputs import BaseModelOutputWithNoAttention, CausalLMOutput


__all__ = ["CRNNForCTCOutput", "CRNNModelOutput", "blank_padding", "image_widths", "join_logits", "own_frames"]

#: Of all classes but the blank, which has 0, in a frame of padding: its probability is 1 in single precision, and the
#: numbers are harmless to whatever computes with logits.
_PADDING_LOGIT = -100.0


@dataclass
class CRNNModelOutput(BaseModelOutputWithNoAttention):
    """What [`CRNNModel`] returns.

    Attributes:
        last_hidden_state: (batch, time, hidden), frames with context.
        hidden_states: of each layer, where they were asked for.
        num_frames: (batch,), each image's own frames; those after them are padding.
    """

    num_frames: torch.Tensor | None = None


@dataclass
class CRNNForCTCOutput(CausalLMOutput):
    """What [`CRNNForCTC`] returns, and what runs its graph in its place.

    Attributes:
        loss: the CTC loss, where there were labels.
        logits: (batch, time, vocab), raw; class 0 is the blank. A frame of padding is blank.
        hidden_states: of each layer, where they were asked for.
        attentions: always `None`.
        num_frames: (batch,), each image's own frames; those after them are padding.
    """

    num_frames: torch.Tensor | None = None


def image_widths(pixel_mask: torch.Tensor) -> torch.Tensor:
    """Each image's own width in pixels (batch,), from a mask of shape (batch, height, width)."""
    return pixel_mask.to(torch.bool).any(1).sum(-1)


def blank_padding(logits: torch.Tensor, num_frames: torch.Tensor) -> torch.Tensor:
    """Makes the frames of `logits` (batch, time, vocab) past each image's `num_frames` (batch,) blank."""
    blank = torch.full_like(logits[0, 0], _PADDING_LOGIT)
    blank[0] = 0
    time = torch.arange(logits.shape[1], device=logits.device)
    return torch.where((time < num_frames[:, None])[..., None], logits, blank)


def join_logits(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """Logits (batch, time, vocab) of several batches as one, as long as the longest; padding is blank."""
    shape = sum(map(len, parts)), max(part.shape[1] for part in parts), parts[0].shape[2]
    joined = parts[0].new_full(shape, _PADDING_LOGIT)
    joined[..., 0] = 0
    for rows, part in zip(joined.split([len(part) for part in parts]), parts, strict=True):
        rows[:, : part.shape[1]] = part
    return joined


def own_frames(outputs: Any, pixel_mask: torch.Tensor | np.ndarray | None = None) -> torch.Tensor | None:
    """Each image's own frames (batch,), or `None` where nobody says that images are padded.

    Args:
        outputs: of a model; has `logits` (batch, time, vocab) and perhaps `num_frames` (batch,).
        pixel_mask: the mask that went into the model, (batch, height, width); 1 where a pixel is of the image.

    Raises:
        ValueError: `num_frames` or `pixel_mask` does not go with the logits, or one with the other.
        TypeError: `pixel_mask` is no tensor or array.
    """
    batch, time = outputs.logits.shape[:2]
    num_frames = getattr(outputs, "num_frames", None)
    if num_frames is not None:
        num_frames = torch.as_tensor(num_frames)
        if num_frames.shape != (batch,) or bool(((num_frames < 0) | (num_frames > time)).any()):
            raise ValueError(
                f"num_frames must be the frames of each of {batch} images, from 0 to {time}, not {num_frames.tolist()}"
            )
    if pixel_mask is None:
        return num_frames
    widths, width = _checked_widths(pixel_mask, batch)
    if num_frames is None:
        return widths * time // max(width, 1)
    if _contradict(widths, num_frames.to(widths.device), width, time):
        raise ValueError(
            f"pixel_mask says that the images are {widths.tolist()} of {width} pixels wide, but the model read "
            f"{num_frames.tolist()} of {time} frames: give the mask that went into the model, or none"
        )
    return num_frames


def _contradict(widths: torch.Tensor, num_frames: torch.Tensor, width: int, time: int) -> bool:
    """Whether no network gives images of these `widths` (batch,) in `width` pixels so many of `time` frames (batch,).

    Whatever the network, a wider image has no fewer frames, one of the same width as many, one of full width all, and
    one of half the width or less not all, but where there are hardly any.
    """
    order = widths.argsort()
    widths, num_frames = widths[order], num_frames[order]
    is_wider, more = widths.diff() > 0, num_frames.diff()
    has_all = num_frames == time
    contradictions = (more < 0) | (~is_wider & (more != 0)), (widths == width) & ~has_all
    is_half = (2 * widths <= width) & has_all & (time > 3)
    return any(bool(one.any()) for one in (*contradictions, is_half))


def _checked_widths(pixel_mask: Any, batch: int) -> tuple[torch.Tensor, int]:
    """Each image's own width (batch,) by a mask of `batch` images, and the width of all."""
    if not isinstance(pixel_mask, (torch.Tensor, np.ndarray)):
        raise TypeError(f"pixel_mask must be a tensor or an array, not {type(pixel_mask).__name__}")
    mask = torch.as_tensor(pixel_mask)
    if mask.ndim != 3 or len(mask) != batch:
        raise ValueError(f"pixel_mask must have shape ({batch}, height, width), not {tuple(mask.shape)}")
    if not bool(((mask == 0) | (mask == 1)).all()):
        raise ValueError("pixel_mask must be 1 where a pixel is of the image and 0 where it is padding, and no other")
    columns = mask.to(torch.bool).any(1)
    if not bool(columns[:, :1].all()) or bool((columns[:, 1:] > columns[:, :-1]).any()):
        raise ValueError(
            "pixel_mask must have the image on the left and its padding on the right, and hide no image altogether"
        )
    return columns.sum(-1), columns.shape[1]
