# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Parts of a recognizer that stay as they are while the rest is trained: less to compute, less to forget."""

from collections.abc import Iterable, Sequence

from torch import nn

from ..models.crnn.modeling_crnn import CRNNForCTC


__all__ = ["freeze", "keep_frozen"]


def freeze(model: CRNNForCTC, parts: Iterable[str]) -> list[nn.Module]:
    """Freezes parts of a model: their weights get no gradient.

    Args:
        model: not wrapped, before its optimizer is made.
        parts: `featurizer`, `sequentializer`, `rectification`, `head`; `featurizer:4` and `sequentializer:1` freeze
            the first layers only.

    Returns:
        The frozen modules, for [`keep_frozen`].

    Raises:
        ValueError: no such part, or none in this network; more layers than there are; or nothing left to train.

    Example:

    ```python
    >>> frozen = freeze(model, ["featurizer:4"])
    >>> model.train()
    >>> keep_frozen(frozen)  # the statistics of batch normalization stay as well
    ```
    """
    frozen = [module for part in parts for module in _modules(model, part)]
    for module in frozen:
        module.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ValueError("--freeze leaves nothing to train")
    return frozen


def keep_frozen(modules: Iterable[nn.Module]):
    """Puts frozen modules into evaluation mode; call it whenever the model was put into training mode."""
    for module in modules:
        module.eval()


def _modules(model: CRNNForCTC, part: str) -> Sequence[nn.Module]:
    name, has_count, count = part.partition(":")
    layers = {"featurizer": model.crnn.featurizer.layers, "sequentializer": model.crnn.layers}
    wholes = {
        "featurizer": [model.crnn.featurizer],
        "sequentializer": [module for name, module in model.crnn.named_children() if name not in _OTHER_PARTS],
        "rectification": [model.crnn.rectification] if model.crnn.rectification is not None else [],
        "head": [model.ctc_head],
    }
    if name not in wholes or (has_count and name not in layers):
        known = ", ".join([*wholes, *(f"{layered}:N" for layered in layers)])
        raise ValueError(f"--freeze {part}: there is no such part; there are {known}")
    if not has_count:
        if not any(True for module in wholes[name] for _ in module.parameters()):
            raise ValueError(f"--freeze {part}: this network has no {name}")
        return wholes[name]
    if not count.isdecimal() or not 0 < int(count) <= len(layers[name]):
        raise ValueError(f"--freeze {part}: the {name} has {len(layers[name])} layers, numbered from 1")
    return list(layers[name][: int(count)])


_OTHER_PARTS = ("featurizer", "rectification")
