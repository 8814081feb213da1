# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""PP-OCR's recognizers out of files that name their weights: transformers' safetensors and PaddleOCR's pdparams.

Both hold the network for training, and so batch normalization and, in PP-LCNetV3, several convolutions beside each
other whose outputs are added. Those are one convolution at inference (Ding et al. 2021, "RepVGG"), and here.
"""

import re
from collections.abc import Callable, Iterator

import torch

from ..models.crnn.configuration_crnn import CRNNConfig
from .family import ConversionError, Weights


__all__ = ["from_paddle", "from_transformers"]

_BACKBONE, _NECK = "model.backbone.encoder", "head.encoder"
#: PaddleOCR's names, as patterns, and transformers'. `blocks2` of PaddleOCR is the first stage.
_PADDLE_NAMES: dict[str, str | Callable[[re.Match[str]], str]] = {
    r"backbone\.blocks([2-6])\.(\d+)\.": lambda match: f"{_BACKBONE}.blocks.{int(match[1]) - 2}.layers.{match[2]}.",
    r"backbone\.conv1\.(conv|bn)\.": rf"{_BACKBONE}.convolution.\1.",
    r"backbone\.conv1\.(stem\w+)\.": rf"{_BACKBONE}.convolution.\1.",
    r"\.dw_conv\.(?=conv_|identity|lab|act)": ".depthwise_convolution.",
    r"\.pw_conv\.": ".pointwise_convolution.",
    r"\.conv_kxk\.": ".conv_symmetric.",
    r"\.conv_1x1\.": ".conv_small_symmetric.",
    r"\.token_mixer\.dw_conv\.": ".token_conv.",
    r"\.(?:token_mixer\.)?se\.conv([12])\.": lambda match: f".squeeze.convolutions.{2 * int(match[1]) - 2}.",
    r"\.channel_mixer\.expand\.": ".channel_conv1.",
    r"\.channel_mixer\.compress\.": ".channel_conv2.",
    r"head\.ctc_encoder\.encoder\.": f"{_NECK}.",
    rf"{_NECK}\.(skip_conv|conv1)\.": f"{_NECK}.conv_block.0.",
    rf"{_NECK}\.(conv_reduce|conv2)\.": f"{_NECK}.conv_block.1.",
    rf"{_NECK}\.local_conv\.0\.": f"{_NECK}.conv_block.2.conv.",
    rf"{_NECK}\.local_conv\.1\.": f"{_NECK}.conv_block.2.bn.",
    rf"{_NECK}\.conv3\.": f"{_NECK}.conv_block.2.",
    rf"{_NECK}\.conv4\.": f"{_NECK}.conv_block.3.",
    rf"{_NECK}\.conv1x1\.": f"{_NECK}.conv_block.4.",
    r"(conv_block\.\d)\.norm\.": r"\1.bn.",
    r"\.mixer\.qkv\.": ".self_attn.qkv.",
    r"\.mixer\.proj\.": ".self_attn.projection.",
    r"\.norm([12])\.": r".layer_norm\1.",
    r"head\.ctc_head\.fc\.": "head.head.",
    r"\.conv\.(?=weight)": ".convolution.",
    r"\.bn\.": ".normalization.",
    r"\._mean$": ".running_mean",
    r"\._variance$": ".running_var",
}
_LINEAR = re.compile(r"(self_attn\.(qkv|projection)|mlp\.fc[12]|head\.head)\.weight$")
_EPS = 1e-5


def from_paddle(weights: Weights) -> Weights:
    """Weights of PaddleOCR's `best_accuracy.pdparams` under transformers' names; the attention head is left out."""
    renamed = {}
    for name, weight in weights.items():
        if name.startswith(("head.gtc_head.", "head.before_gtc.")):
            continue
        ours = name
        for pattern, replacement in _PADDLE_NAMES.items():
            ours = re.sub(pattern, replacement, ours)
        renamed[ours] = weight.T if _LINEAR.search(ours) else weight
    return renamed


def from_transformers(weights: Weights, config: CRNNConfig) -> tuple[Weights, dict]:
    """Weights in the layout of transformers' PP-OCR classes under our names, for images in RGB.

    Args:
        weights: of `PPOCRV5MobileRecForTextRecognition`, `PPOCRV6SmallRecForTextRecognition` and the like.
        config: of the network; its `vocab_size` and `folded_batch_norms` do not matter.

    Returns:
        The weights, and the fields of the config that they decide: PP-LCNetV3's convolutions come with their
        normalization folded in, PP-LCNetV4's keep theirs.

    Raises:
        ConversionError: weights are missing, or there are others; they are named.
    """
    source = _Source({re.sub(r"\.(token_squeeze_excitation|squeeze_excitation_module)\.", ".squeeze.", name)
                      .replace(".blocks.", ".layers."): weight for name, weight in weights.items()
                      if not name.endswith("num_batches_tracked")})  # fmt: skip
    folds = config.featurizer == "pp_lcnet_v3"
    converted = dict(_featurizer(source, config, folds)) | dict(_sequence_model(source, config, folds))
    source.check()
    first = next(name for name in converted if name.endswith("convolution.weight"))
    converted[first] = converted[first].flip(1)  # its images are BGR, as OpenCV reads them
    return {name: weight.float().contiguous() for name, weight in converted.items()}, {"folded_batch_norms": folds}


class _Source:
    """Weights by name, which notes what was used and what was missed."""

    def __init__(self, weights: Weights):
        self.weights, self.used, self.missing = weights, set(), []

    def __contains__(self, name: str) -> bool:
        return name in self.weights

    def take(self, name: str) -> torch.Tensor:
        self.used.add(name)
        if name not in self.weights:
            self.missing.append(name)
            return torch.zeros(1, 1, 1, 1, dtype=torch.float64)
        return self.weights[name].double()

    def check(self):
        foreign = [name for name in self.weights if name not in self.used]
        parts = [("are missing", self.missing), ("are not part of it", foreign)]
        listed = "".join(
            f"\n{len(names)} {what}:" + "".join(f"\n  {name}" for name in names[:20]) for what, names in parts if names
        )
        if listed:
            raise ConversionError(f"this is not the network that was expected. Of its weights{listed}")

    def norm(self, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Scale and shift of a batch normalization at inference."""
        weight, bias, mean, variance = (
            self.take(f"{name}.{part}").flatten() for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = weight / (variance + _EPS).sqrt()
        return scale, bias - mean * scale

    def folded(self, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Weight and bias of a convolution with the normalization behind it."""
        weight = _four_dimensional(self.take(f"{name}.convolution.weight"))
        scale, shift = self.norm(f"{name}.normalization")
        return weight * scale[:, None, None, None], shift


def _featurizer(source: _Source, config: CRNNConfig, folds: bool) -> Iterator[tuple[str, torch.Tensor]]:
    ours, stem = "crnn.featurizer.layers", f"{_BACKBONE}.convolution"
    if config.featurizer == "pp_lcnet_v3":
        yield from _convolution(source, stem, f"{ours}.0", folds)
        index = 1
    elif config.stem_type == "large":
        parts = ("first", "narrowing", "widening", "joined", "last")
        for theirs, part in zip(("stem1", "stem2a", "stem2b", "stem3", "stem4"), parts, strict=True):
            yield from _convolution(source, f"{stem}.{theirs}", f"{ours}.0.{part}", folds)
        index = 1
    else:
        for index, theirs in enumerate(("conv1", "conv2")):
            yield from _convolution(source, f"{stem}.{theirs}", f"{ours}.{index}", folds)
        index = 2
    stages = sorted(
        {tuple(map(int, found.groups())) for name in source.weights
         if (found := re.match(rf"{_BACKBONE}\.layers\.(\d+)\.layers\.(\d+)\.", name))}
    )  # fmt: skip
    for number, (stage, block) in enumerate(stages):
        theirs, mine = f"{_BACKBONE}.layers.{stage}.layers.{block}", f"{ours}.{index + number}"
        if config.featurizer == "pp_lcnet_v3":
            yield from _branches(source, f"{theirs}.depthwise_convolution", f"{mine}.depthwise")
        else:
            yield from _token_convolution(source, theirs, f"{mine}.depthwise")
        if f"{theirs}.squeeze.convolutions.0.weight" in source:
            for theirs_part, part in ((0, "reduction"), (2, "expansion")):
                for kind in ("weight", "bias"):
                    weight = source.take(f"{theirs}.squeeze.convolutions.{theirs_part}.{kind}")
                    yield f"{mine}.squeeze.{part}.{kind}", weight
        if config.featurizer == "pp_lcnet_v3":
            yield from _branches(source, f"{theirs}.pointwise_convolution", f"{mine}.pointwise")
        else:
            yield from _convolution(source, f"{theirs}.channel_conv1", f"{mine}.expansion", folds)
            yield from _convolution(source, f"{theirs}.channel_conv2", f"{mine}.projection", folds)


def _sequence_model(source: _Source, config: CRNNConfig, folds: bool) -> Iterator[tuple[str, torch.Tensor]]:
    linear = {"head.head": "ctc_head"}
    if config.sequentializer == "convolution":
        for number, part in ((1, "local"), (2, "mixing")):
            weight = source.take(f"head.conv{number}.weight")
            yield f"crnn.layers.0.{part}.convolution.weight", _four_dimensional(weight)
            yield from _norm(source, f"head.norm{number}", f"crnn.layers.0.{part}.normalization")
        linear = {"head.fc1": "crnn.layers.0.projection", "head.fc2": "ctc_head"}
    else:
        parts = ("entrance.local", "entrance.reduction", "exit.expansion", "exit.local", "exit.reduction")
        if config.neck_fusion == "add":
            parts = ("entrance.shortcut", "entrance.reduction", "entrance.local")
        for number, part in enumerate(parts):
            yield from _convolution(source, f"{_NECK}.conv_block.{number}", f"crnn.{part}", folds)
        for index in range(config.num_hidden_layers):
            theirs, ours = f"{_NECK}.svtr_block.{index}", f"crnn.layers.{index}"
            linear |= {
                f"{theirs}.self_attn.projection": f"{ours}.mixer.output",
                f"{theirs}.layer_norm1": f"{ours}.mixer_norm",
                f"{theirs}.layer_norm2": f"{ours}.feed_forward_norm",
                f"{theirs}.mlp.fc1": f"{ours}.feed_forward.0",
                f"{theirs}.mlp.fc2": f"{ours}.feed_forward.3",
            }
            for kind in ("weight", "bias"):
                joined = source.take(f"{theirs}.self_attn.qkv.{kind}")
                for part, weight in zip(("query", "key", "value"), joined.chunk(3), strict=False):
                    yield f"{ours}.mixer.{part}.{kind}", weight
        linear[f"{_NECK}.norm"] = "crnn.norm"
    for theirs, ours in linear.items():
        for kind in ("weight", "bias"):
            yield f"{ours}.{kind}", source.take(f"{theirs}.{kind}")


def _convolution(source: _Source, theirs: str, ours: str, folds: bool) -> Iterator[tuple[str, torch.Tensor]]:
    if folds:
        weight, bias = source.folded(theirs)
        yield f"{ours}.convolution.weight", weight
        yield f"{ours}.convolution.bias", bias
    else:
        yield f"{ours}.convolution.weight", _four_dimensional(source.take(f"{theirs}.convolution.weight"))
        yield from _norm(source, f"{theirs}.normalization", f"{ours}.normalization")


def _norm(source: _Source, theirs: str, ours: str) -> Iterator[tuple[str, torch.Tensor]]:
    for part in ("weight", "bias", "running_mean", "running_var"):
        yield f"{ours}.{part}", source.take(f"{theirs}.{part}")


def _branches(source: _Source, theirs: str, ours: str) -> Iterator[tuple[str, torch.Tensor]]:
    """PP-LCNetV3's convolutions beside each other, and its scale and shift before the activation, as one."""
    weight, bias = source.folded(f"{theirs}.conv_symmetric.0")
    others = [f"conv_symmetric.{number}" for number in range(1, 64)] + ["conv_small_symmetric"]
    for name in others:
        if f"{theirs}.{name}.convolution.weight" in source:
            more, shift = source.folded(f"{theirs}.{name}")
            weight, bias = weight + _centered(more, weight.shape), bias + shift
    if f"{theirs}.identity.weight" in source:
        scale, shift = source.norm(f"{theirs}.identity")
        channels = torch.arange(len(weight))
        identity = torch.zeros(*weight.shape[:2], 1, 1, dtype=weight.dtype)
        identity[channels, channels % weight.shape[1]] = scale[:, None, None]
        weight, bias = weight + _centered(identity, weight.shape), bias + shift
    scale = source.take(f"{theirs}.lab.scale").flatten()
    yield f"{ours}.convolution.weight", weight * scale
    yield f"{ours}.convolution.bias", bias * scale + source.take(f"{theirs}.lab.bias").flatten()
    for kind in ("scale", "bias"):
        yield f"{ours}.affine.{kind}", source.take(f"{theirs}.act.lab.{kind}").flatten()


def _token_convolution(source: _Source, theirs: str, ours: str) -> Iterator[tuple[str, torch.Tensor]]:
    """PP-LCNetV4's depthwise convolution: with its normalization, or with its branches as one convolution."""
    if f"{theirs}.token_conv.convolution.weight" in source:
        yield from _convolution(source, f"{theirs}.token_conv", ours, folds=False)
        return
    branches = f"{theirs}.token_mixer.rep_dw"
    if f"{branches}.conv1.weight" in source:  # PaddleOCR's: norm(conv(x) + conv1(x) + x)
        weight, bias = source.folded(f"{branches}.conv")
        pointwise = source.take(f"{branches}.conv1.weight")
        weight = weight + _centered(pointwise + 1, weight.shape)
        scale, shift = source.norm(f"{branches}.normalization")
        weight, bias = weight * scale[:, None, None, None], bias * scale + shift
    else:
        weight, bias = (source.take(f"{theirs}.token_conv.{kind}") for kind in ("weight", "bias"))
    yield f"{ours}.convolution.weight", weight
    yield f"{ours}.convolution.bias", bias


def _centered(weight: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """A 1x1 kernel as the center of a larger one."""
    margins = [(large - small) // 2 for large, small in zip(shape[2:], weight.shape[2:], strict=True)]
    return torch.nn.functional.pad(weight, (margins[1], margins[1], margins[0], margins[0]))


def _four_dimensional(weight: torch.Tensor) -> torch.Tensor:
    """A kernel along the width as one of an image a pixel high."""
    return weight[:, :, None] if weight.ndim == 3 else weight
