# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""A file's weights against the network of a family: their names, the sizes they imply, and their shapes."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import count, takewhile
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError

from ..models.crnn.configuration_crnn import CRNNConfig
from ..models.crnn.modeling_crnn import CRNNForCTC
from .family import CheckpointFamily, ConversionError, Weights


__all__ = [
    "check_image_size",
    "check_names",
    "check_shapes",
    "check_values",
    "make_config",
    "rename_weights",
    "shapes_of",
    "sizes_of",
    "strip_prefix",
]


def make_config(fields: Mapping[str, Any]) -> CRNNConfig:
    """The config of a network whose sizes were read from a file.

    Raises:
        ConversionError: no network has these sizes.
    """
    try:
        return CRNNConfig(**fields)
    except StrictDataclassError as error:
        raise ConversionError(f"there is no such network: {error.__cause__ or error}") from error


def shapes_of(config: CRNNConfig) -> dict[str, torch.Size]:
    """Names and shapes of the weights that a model of `config` has, without making it."""
    with torch.device("meta"):
        model = CRNNForCTC(config)
    return {name: weight.shape for name, weight in model.state_dict().items()}


def sizes_of(weights: Weights, family: CheckpointFamily) -> dict[str, Any]:
    """The fields of the config that say how large the network is, read from weights under our names.

    Raises:
        ConversionError: convolutions, LSTM or head have other dimensions than such layers.
    """
    names = (f"crnn.featurizer.layers.{index}.convolution.weight" for index in count())
    convolutions = [weights[name] for name in takewhile(weights.__contains__, names)]
    try:
        sizes: dict[str, Any] = {
            "num_channels": convolutions[0].shape[1],
            "hidden_size": weights["crnn.layers.0.lstm.weight_hh_l0"].shape[1],
            "vocab_size": len(weights["ctc_head.weight"]),
        }
        if family.featurizer == "vgg":  # the others have further fields for the channels of their layers
            sizes["conv_channels"] = [len(convolution) for convolution in convolutions]
        if "crnn.rectification.fiducials.weight" in weights:
            sizes["num_fiducials"] = len(weights["crnn.rectification.fiducials.weight"]) // 2
    except (IndexError, TypeError) as error:
        raise ConversionError(
            f"this is not the network of family {family.name!r}: its convolutions, LSTM or head have another number "
            "of dimensions"
        ) from error
    return sizes


def strip_prefix(weights: Weights, family: CheckpointFamily) -> Weights:
    """Removes what stands before the family's names: "module." of DataParallel, "model." of a trainer's class.

    The prefix is found by what remains: names of the family.

    Raises:
        ConversionError: there are several networks of the family, under different prefixes.
    """
    while prefix := next((p for p in family.prefixes if all(name.startswith(p) for name in weights)), None):
        weights = {name.removeprefix(prefix): weight for name, weight in weights.items()}
    hits: Counter[str] = Counter()
    for name in weights:
        parts = name.split(".")
        for depth in range(min(len(parts), 10)):
            if family.our_name(".".join(parts[depth:])) is not None:
                hits["".join(f"{part}." for part in parts[:depth])] += 1
    if not hits:
        return weights
    (prefix, most), *others = hits.most_common()
    rivals = [other for other, number in others if number >= 0.9 * most]
    if rivals:
        raise ConversionError(
            "it holds several networks of this kind, which begin with "
            + ", ".join(repr(name) for name in (prefix, *rivals))
            + ": say which one (--weights_key, the name before the last point)"
        )
    return {name.removeprefix(prefix): weight for name, weight in weights.items()}


def rename_weights(weights: Weights, family: CheckpointFamily, needed: Collection[str]) -> Weights:
    """The weights under our names: all that are `needed` and no others, but for counters of batches.

    Raises:
        ConversionError: weights are missing, or have no place in the network; all of them are listed.
    """
    renamed, foreign = {}, []
    for name, weight in weights.items():
        ours = family.our_name(name)
        if ours is not None and ours in needed:
            renamed[ours] = weight
        elif not any(fnmatchcase(name, pattern) for pattern in family.not_needed):
            foreign.append(name)
    check_names(renamed, family, needed, foreign)
    return renamed


def check_names(weights: Weights, family: CheckpointFamily, needed: Collection[str], foreign: Sequence[str] = ()):
    """Checks that all `needed` weights are there; old versions of PyTorch did not save counters of batches.

    Raises:
        ConversionError: weights are missing, or there are others; `foreign` are listed among the latter.
    """
    missing = [
        family.their_name(name) for name in needed if name not in weights and not name.endswith("num_batches_tracked")
    ]
    others = [*foreign, *sorted(name for name in weights if name not in needed)]
    _refuse(family, {"are missing": missing, "are not part of it": others})


def check_shapes(weights: Weights, family: CheckpointFamily, needed: Mapping[str, torch.Size]):
    """Checks the shape of each weight.

    Raises:
        ConversionError: weights have other shapes than those `needed`; all of them are listed.
    """
    wrong = [
        f"{family.their_name(name)}: {tuple(weight.shape)} instead of {tuple(needed[name])}"
        for name, weight in weights.items()
        if weight.shape != needed[name]
    ]
    _refuse(family, {"have another shape": wrong})


def check_values(weights: Weights, family: CheckpointFamily, floating_point: Collection[str]):
    """Checks that weights are finite, and floating-point numbers where the names are among `floating_point`.

    Raises:
        ConversionError: some are not; the first of them are listed.
    """
    floats = {name for name, weight in weights.items() if weight.is_floating_point()}
    broken = [family.their_name(name) for name in weights if name in floats and not weights[name].isfinite().all()]
    _refuse_some(broken, "of its weights are not finite (NaN or infinite), so that it recognizes nothing")
    whole = [family.their_name(name) for name in weights if name in floating_point and name not in floats]
    _refuse_some(whole, "of its weights are not floating-point numbers (quantized, or of another network)")


def check_image_size(config: CRNNConfig, family: CheckpointFamily, width: int):
    """Checks that the project's own network takes images of `config.image_height` and this width, in pixels.

    Raises:
        ConversionError: it refuses them, or they leave no frame.
    """
    height = config.image_height
    if height % family.height_multiple_of:
        raise ConversionError(
            f"{family.title} takes images whose height is a multiple of {family.height_multiple_of}, not "
            f"{height} pixels"
        )
    if family.has_one_row and (rows := config.num_rows) > 1:
        raise ConversionError(
            f"{family.title} takes images of which one row is left, and of {height} pixels {rows} are left: its own "
            "code refuses them"
        )
    if config.num_frames(width) < 1:
        raise ConversionError(f"images {width} pixels wide leave no frame in this network: take a larger width")


def _refuse(family: CheckpointFamily, problems: Mapping[str, Sequence[str]]):
    """Raises an error that lists all weights with problems, if there are any."""
    if any(problems.values()):
        listed = "".join(
            f"\n{len(names)} {problem}:" + "".join(f"\n  {name}" for name in names)
            for problem, names in problems.items()
            if names
        )
        raise ConversionError(
            f"this is not the network of family {family.name!r}, {family.title}; is it one of another family? "
            f"Of its weights{listed}"
        )


def _refuse_some(names: Sequence[str], problem: str):
    if names:
        shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        raise ConversionError(f"{len(names)} {problem}: {shown}")
