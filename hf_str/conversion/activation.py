# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""ReLU or leaky ReLU after the convolutions: what a file says, what was asked for, and what is assumed."""

import re
from typing import Any

from transformers.utils import logging

from .checkpoint_files import CheckpointFile
from .family import CheckpointFamily, ConversionError


__all__ = ["choose_activation"]

logger = logging.get_logger(__name__)

#: Classes whose leaky ReLU is on unless a configuration says otherwise (MMOCR 1 and 0).
_LEAKY_BY_DEFAULT = ("MiniVGG", "VeryDeepVgg")


def choose_activation(family: CheckpointFamily, file: CheckpointFile, asked: str | None) -> tuple[dict[str, Any], str]:
    """Fields of the config for what the convolutions are followed by, and what the card says of it.

    Args:
        family: which project and network.
        file: with what the project noted beside the weights.
        asked: "relu", "leaky_relu" or "leaky_relu:SLOPE"; by default what the file says, or else ReLU.

    Raises:
        ConversionError: `asked` is none of these, or not what the file says, or the network has no leaky ReLU.
    """
    noted = _noted(family, file)
    if asked is not None:
        is_leaky, slope = _parse(family, asked)
        if noted is not None and noted != is_leaky:
            raise ConversionError(
                f"the file says that its network has {'leaky ReLU' if noted else 'ReLU'}, and {asked} was asked for: "
                "leave activation out"
            )
        why = "as was asked for"
    elif noted is not None:
        is_leaky, slope, why = noted, family.leaky_slope, "as the file says"
    elif family.activation_varies:
        is_leaky, slope = False, family.leaky_slope
        why = "**assumed**, as the file does not say; `--activation leaky_relu` converts it with leaky ReLU"
        logger.warning(
            "%s does not say whether its convolutions have ReLU or leaky ReLU, for which %s has an option: ReLU is "
            "assumed. If its predictions are wrong, convert it with --activation leaky_relu",
            file.path,
            family.title,
        )
    else:
        return {}, ""
    if not is_leaky:
        return {}, f"Activation of the convolutions: ReLU, {why}."
    fields = {"conv_activation": "leaky_relu", "leaky_relu_slope": slope}
    return fields, f"Activation of the convolutions: leaky ReLU with a slope of {slope}, {why}."


def _noted(family: CheckpointFamily, file: CheckpointFile) -> bool | None:
    """Whether the file says that the network has leaky ReLU; `None` if it says nothing."""
    if not family.activation_varies:
        return None
    noted = file.noted("leaky_relu")
    if isinstance(noted, int):  # True and False are integers as well
        return bool(noted)
    return True if file.mentions(*_LEAKY_BY_DEFAULT) else None


def _parse(family: CheckpointFamily, asked: str) -> tuple[bool, float]:
    """Whether leaky ReLU was asked for, and its slope."""
    match = re.fullmatch(r"relu|leaky_relu(?::(0?\.\d+))?", asked)
    if match is None:
        raise ConversionError(f"activation is 'relu', 'leaky_relu' or such as 'leaky_relu:0.01', not {asked!r}")
    if asked == "relu":
        return False, family.leaky_slope
    if family.featurizer != "vgg":
        raise ConversionError(f"the network of {family.name} has no leaky ReLU: leave activation out")
    return True, float(match[1] or family.leaky_slope)
