# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Learning from the distributions of another recognizer."""

import os
from collections.abc import Mapping

import torch
import torch.nn.functional as F

from ..models.crnn.modeling_crnn import CRNNForCTC
from ..models.crnn.processing_crnn import CRNNProcessor
from .starting_point import as_our_checkpoint


__all__ = ["Teacher"]


class Teacher:
    """A trained recognizer whose logits are targets for another one (Hinton et al. 2015, "Distilling the Knowledge").

    Student and teacher see the same pixels and give the same frames over the same characters, so that each frame of
    the student has a distribution to match; CTC's labels say only which characters, not where.

    Args:
        teacher: a checkpoint, also one of PP-OCR, or a model that fits and is nobody else's.
        model: the student; the teacher goes to its device, in the fastest precision there.
        processor: of the student.
        weight: share of the teacher in the loss, in [0, 1].
        temperature: both distributions are softened by it.

    Raises:
        ValueError: teacher and student differ in their characters, in what they make of an image, or in their frames;
            a weight outside [0, 1], a temperature that is not above 0.

    Example:

    ```python
    >>> teacher = Teacher("runs/crnn-str/final", model, processor, weight=0.5)
    >>> outputs = model(pixel_values, labels=labels)
    >>> loss = teacher.mix(outputs.loss, outputs.logits, {"pixel_values": pixel_values, "labels": labels})
    ```
    """

    def __init__(
        self,
        teacher: str | os.PathLike | CRNNForCTC,
        model: CRNNForCTC,
        processor: CRNNProcessor,
        weight: float = 0.5,
        temperature: float = 2.0,
    ):
        if not 0 <= weight <= 1:
            raise ValueError(f"the weight of the teacher must lie between 0 and 1, not {weight}")
        if not temperature > 0:
            raise ValueError(f"the temperature must be above 0, not {temperature}")
        self.weight, self.temperature = weight, temperature
        if isinstance(teacher, CRNNForCTC):
            self.model = teacher
        else:
            with as_our_checkpoint(str(teacher)) as path:
                self.model = CRNNForCTC.from_pretrained(path)
                theirs = _interface(self.model, CRNNProcessor.from_pretrained(path))
            ours = _interface(model, processor)
            for name, value in theirs.items():
                if value != ours[name]:
                    raise ValueError(f"{teacher} cannot teach this network: its {name} is {value}, not {ours[name]}")
        self.model.to(model.device).optimize_for_inference()

    @torch.no_grad()
    def logits(self, pixel_values: torch.Tensor, pixel_mask: torch.Tensor | None = None) -> torch.Tensor:
        """(batch, channels, height, width) to (batch, frames, classes), float32."""
        return self.model(pixel_values, pixel_mask=pixel_mask).logits

    def mix(self, loss: torch.Tensor, logits: torch.Tensor, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """A student's CTC loss with the teacher's share in it.

        Args:
            loss: the student's, a scalar.
            logits: the student's, (batch, frames, classes).
            inputs: what the student was given: `pixel_values`, `labels`, and `pixel_mask` where there is one.
        """
        of_teacher = self.loss(logits, inputs["pixel_values"], inputs["labels"], inputs.get("pixel_mask"))
        return torch.lerp(loss, of_teacher.to(loss.dtype), self.weight)

    def loss(
        self,
        logits: torch.Tensor,
        pixel_values: torch.Tensor,
        labels: torch.Tensor,
        pixel_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """How far a student is from this teacher: the Kullback-Leibler divergence of an image's frames, per character.

        Args:
            logits: (batch, frames, classes), the student's.
            pixel_values: (batch, channels, height, width), from which they are.
            labels: (batch, length), padded with -100; of the same unit is CTC's loss with `ctc_loss_reduction="mean"`.
            pixel_mask: (batch, height, width), 1 where a pixel is not padding. Frames of padding do not count: they
                are blank in the logits of both.

        Returns:
            The mean over the batch, times the squared temperature, so that gradients do not shrink with it.
        """
        targets = F.log_softmax(self.logits(pixel_values, pixel_mask) / self.temperature, dim=-1)
        students = F.log_softmax(logits.float() / self.temperature, dim=-1)
        divergence = F.kl_div(students, targets, reduction="none", log_target=True).sum(dim=(1, 2))
        return self.temperature**2 * (divergence / (labels >= 0).sum(1).clamp(min=1)).mean()


def _interface(model: CRNNForCTC, processor: CRNNProcessor) -> dict[str, object]:
    """What two networks must have in common so that they can be compared frame by frame."""
    images = processor.image_processor
    size = dict(images.size)
    return {
        "charset": "".join(processor.tokenizer.characters),
        "image size": size,
        "number of channels": model.config.num_channels,
        "normalization": (images.rescale_factor, images.image_mean, images.image_std),
        "number of frames": model.config.num_frames(size["width"]),
    }
