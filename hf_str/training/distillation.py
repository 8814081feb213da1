# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Learning from what another recogniser reads, and from how sure it is."""

import os

import torch
import torch.nn.functional as F

from ..models.crnn.modeling_crnn import CRNNForCTC
from ..models.crnn.processing_crnn import CRNNProcessor


__all__ = ["Teacher"]


class Teacher:
    """A trained recogniser whose logits are targets for another one (Hinton et al. 2015, "Distilling the Knowledge").

    Student and teacher see the same pixels and give the same frames over the same characters, so that each frame of
    the student has a distribution to match; CTC's labels say only which characters, not where.

    Args:
        path: the teacher's checkpoint.
        model: the student; the teacher goes to its device, in the fastest precision there.
        processor: of the student.
        temperature: both distributions are softened by it.

    Raises:
        ValueError: teacher and student differ in their characters, in what they make of an image, or in their frames.

    Example:

    ```python
    >>> teacher = Teacher("runs/crnn-str/final", model, processor)
    >>> outputs = model(pixel_values, labels=labels)
    >>> loss = 0.5 * outputs.loss + 0.5 * teacher.loss(outputs.logits, pixel_values, labels)
    ```
    """

    def __init__(self, path: str | os.PathLike, model: CRNNForCTC, processor: CRNNProcessor, temperature: float = 2.0):
        self.temperature = temperature
        self.model = CRNNForCTC.from_pretrained(path)
        theirs, ours = _interface(self.model, CRNNProcessor.from_pretrained(path)), _interface(model, processor)
        for name, value in theirs.items():
            if value != ours[name]:
                raise ValueError(f"{path} cannot teach this network: its {name} is {value}, not {ours[name]}")
        self.model.to(model.device).optimize_for_inference()

    @torch.no_grad()
    def logits(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """(batch, channels, height, width) to (batch, frames, classes), float32."""
        return self.model(pixel_values).logits

    def loss(self, logits: torch.Tensor, pixel_values: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """How far a student is from this teacher: the Kullback-Leibler divergence of a word's frames, a character.

        Args:
            logits: (batch, frames, classes), the student's.
            pixel_values: (batch, channels, height, width), from which they are.
            labels: (batch, length), padded with -100; of the same unit is CTC's loss with `ctc_loss_reduction="mean"`.

        Returns:
            The mean over the batch, times the squared temperature, so that gradients do not shrink with it.
        """
        own = F.log_softmax(self.logits(pixel_values) / self.temperature, dim=-1)
        students = F.log_softmax(logits.float() / self.temperature, dim=-1)
        divergence = F.kl_div(students, own, reduction="none", log_target=True).sum(dim=(1, 2))
        return self.temperature**2 * (divergence / (labels >= 0).sum(1).clamp(min=1)).mean()


def _interface(model: CRNNForCTC, processor: CRNNProcessor) -> dict[str, object]:
    """What two networks must have in common so that they can be compared frame by frame."""
    images = processor.image_processor
    size = dict(images.size)
    return {
        "charset": "".join(processor.tokenizer.characters),
        "image size": size,
        "number of channels": model.config.num_channels,
        "normalisation": (images.rescale_factor, images.image_mean, images.image_std),
        "number of frames": model.config.num_frames(size["width"]),
    }
