# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Steps whose loss is not a number, or infinite: skipped and counted, and not for ever."""

from collections.abc import Callable

import torch
from torch import nn
from transformers.utils import logging

from ..models.crnn.tokenization_crnn import CRNNTokenizer


__all__ = ["NonFiniteGuard", "NonFiniteLossError", "name_batch"]

logger = logging.get_logger(__name__)


class NonFiniteLossError(RuntimeError):
    """Too many steps in a row had a loss or gradient that is not finite. The message names the last batch."""


class NonFiniteGuard:
    """Keeps a bad batch from ruining the weights.

    A loss that is not finite gets gradients that are not: these reach every process with the others' gradients, so all
    skip the same steps without asking each other. The statistics of batch normalization, which a forward pass changes
    before anyone knows its loss, are put back.

    Args:
        max_in_a_row: bad steps in a row after which training stops.

    Example:

    ```python
    >>> guard = NonFiniteGuard()
    >>> guard.begin_step(model)
    >>> loss = guard.watch(model(**batch).loss, lambda: "step 12")
    >>> loss.backward()
    >>> if guard.end_step(model):  # the gradients are gone where this is false
    ...     optimizer.step()
    ```
    """

    def __init__(self, max_in_a_row: int = 10):
        if max_in_a_row < 1:
            raise ValueError(f"max_in_a_row is {max_in_a_row}, but must be at least 1")
        self.max_in_a_row = max_in_a_row
        self.skipped = 0
        self.in_a_row = 0
        self._batch = None
        self._buffers: list[torch.Tensor] = []

    @torch.no_grad()
    def begin_step(self, model: nn.Module):
        """Call before the forward passes of a step."""
        self._batch = None
        self._buffers = [buffer.clone() for buffer in model.buffers()]

    def watch(self, loss: torch.Tensor, name_batch: Callable[[], str]) -> torch.Tensor:
        """The loss to go backward from.

        Args:
            loss: of one forward pass, a scalar.
            name_batch: names the batch in messages; called only where one is needed.
        """
        if torch.isfinite(loss):
            return loss
        self._batch = name_batch()
        return loss * float("nan")  # an infinite loss may have a finite gradient: zero, where it is clamped

    @torch.no_grad()
    def end_step(self, model: nn.Module) -> bool:
        """Call between backward and the optimizer: whether the step is good. If not, there is no gradient any more.

        Raises:
            NonFiniteLossError: too many bad steps in a row.
        """
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        norms = torch._foreach_norm(gradients)  # pyright: ignore[reportPrivateImportUsage]
        if not norms or torch.isfinite(torch.stack(norms).sum()):
            self.in_a_row = 0
            return True
        self.skipped += 1
        self.in_a_row += 1
        for parameter in model.parameters():
            parameter.grad = None
        for buffer, before in zip(model.buffers(), self._buffers, strict=True):
            buffer.copy_(before)
        cause = f"the loss of {self._batch}" if self._batch else "a gradient"
        if self.in_a_row >= self.max_in_a_row:
            raise NonFiniteLossError(
                f"{cause} is not finite, as in the {self.in_a_row - 1} steps before: stopped. Try a lower learning "
                "rate, bf16 instead of fp16, or look at these samples"
            )
        logger.warning(f"Skipped a step: {cause} is not finite ({self.in_a_row} in a row, {self.skipped} in all).")
        return False


def name_batch(step: int, labels: torch.Tensor, tokenizer: CRNNTokenizer) -> str:
    """Names a batch by its step and its words; `labels` are (batch, length), padded with -100."""
    texts = tokenizer.batch_decode(labels, group_tokens=False)
    rest = f" and {len(texts) - 20} more" if len(texts) > 20 else ""
    return f"step {step}, with the labels {', '.join(map(repr, texts[:20]))}{rest}"
