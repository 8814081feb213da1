# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Any convolutional backbone of transformers as a featurizer: its strides along the width, and its padding.

A backbone knows nothing of text. Two things are needed of it: how many columns it makes of a width, exactly, and that
it does not look at padding. Both are found out by running it on tensors without data and writing down how wide the
inputs of its layers are. Convolutions and pools round down, and rounding down nests:
floor((floor((w + a) / s) + b) / t) = floor((w + a + s b) / (s t)). So two integers say how wide any tensor in it is.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import torch
from huggingface_hub.dataclasses import strict
from torch import nn
from transformers import AutoBackbone, AutoConfig, PreTrainedConfig

from .convolution_crnn import mask_columns
from .featurizer_crnn import CRNNFeaturizerStage
from .stage_crnn import as_pair, own_field


__all__ = ["BackboneStage", "CRNNBackbone", "CRNNBackboneGeometry", "WidthRule", "measure_backbone"]

#: Backbones whose columns meet in convolutions and pools alone: masking the inputs of those keeps padding out, and
#: their strides are the strides of the backbone.
_CONVOLUTIONAL = ("convnext", "hgnet_v2", "pp_lcnet", "pp_lcnet_v3", "pp_lcnet_v4", "resnet", "textnet")
_POOLS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
#: A width that all strides divide, large enough for every layer to have columns left.
_LONG = 1024


@dataclass(frozen=True)
class WidthRule:
    """`width` pixels make `(width + offset) // stride` columns."""

    offset: int
    stride: int

    def __call__(self, width: Any) -> Any:
        columns = (width + self.offset) // self.stride
        return columns * (columns > 0)


@dataclass(frozen=True)
class CRNNBackboneGeometry:
    """What a backbone makes of an image.

    Attributes:
        num_features (`int`): channels of its last feature map.
        num_rows (`int`): rows of its last feature map.
        columns (`WidthRule`): columns of its last feature map.
        inputs (`dict[str, WidthRule]`): columns that are the image's in the input of each layer that mixes columns.
    """

    num_features: int
    num_rows: int
    columns: WidthRule
    inputs: dict[str, WidthRule]


@strict
@dataclass(kw_only=True)
class BackboneStage(CRNNFeaturizerStage, name="backbone"):
    """`featurizer="backbone"`: any convolutional backbone of transformers."""

    no_split_modules = ("CRNNBackbone",)

    backbone_config: PreTrainedConfig = own_field(None)
    backbone_width_stride: int | None = own_field(None, form="number", highest=4_096)

    @classmethod
    def fill(cls, values: dict[str, Any]):
        given = values["backbone_config"]
        if isinstance(given, dict):
            if "model_type" not in given:
                raise ValueError(
                    'backbone_config has no "model_type": give the name of the backbone, such as "resnet"'
                )
            values["backbone_config"] = AutoConfig.for_model(**given)
        elif given is not None and not isinstance(given, PreTrainedConfig):
            raise TypeError(
                f"backbone_config must be a configuration of transformers or its dictionary, not {given!r}"
            )

    @classmethod
    def _check_rules(cls, values: Mapping[str, Any]):
        if values["backbone_config"] is None:
            raise ValueError(
                'featurizer is "backbone" and backbone_config is missing: give the configuration of a backbone of '
                "transformers, such as ResNetConfig()"
            )
        super()._check_rules(values)

    @property
    def geometry(self) -> CRNNBackboneGeometry:
        """What the backbone makes of images of `image_height`."""
        return measure_backbone(self.backbone_config, self.backbone_width_stride, self.num_channels, self.image_height)

    @property
    def feature_size(self) -> int:
        return self.geometry.num_features

    @property
    def num_rows(self) -> int:
        return self.geometry.num_rows

    def num_frames(self, width: Any) -> Any:
        return self.geometry.columns(width)

    def layers(self) -> list[nn.Module]:
        return [CRNNBackbone(self)]


class CRNNBackbone(nn.Module):
    """A backbone as the only layer of the featurizer; `model` is transformers' own, with its names of weights."""

    def __init__(self, stage: BackboneStage):
        super().__init__()
        geometry = stage.geometry
        self.model = _make_backbone(stage.backbone_config, stage.backbone_width_stride)
        self.model_type = stage.backbone_config.model_type
        self.columns = geometry.columns
        # Kept after the forward pass: gradient checkpointing runs layers again in the backward pass.
        self._state = SimpleNamespace(widths=None)
        for name, rule in geometry.inputs.items():
            layer = self.model.get_submodule(name)
            layer.register_forward_pre_hook(_InputMask(self._state, rule))
            if isinstance(layer, nn.AdaptiveAvgPool2d):
                layer.register_forward_hook(_MeanCorrection(self._state, rule))

    def forward(self, features: torch.Tensor, widths: torch.Tensor | None = None):
        """Images (batch, channels, height, width), zero past `widths` (batch,), to the last feature map."""
        if widths is not None and self.model_type not in _CONVOLUTIONAL:
            raise ValueError(
                f"padding cannot be kept out of the backbone {self.model_type!r}: make batches of images of one "
                f"width, without pixel_mask, or choose one of {', '.join(_CONVOLUTIONAL)}"
            )
        self._state.widths = widths
        features = self.model(features).feature_maps[-1]
        if torch.compiler.is_compiling():
            self._state.widths = None  # a traced tensor must not outlive its trace
        if widths is not None:
            widths = self.columns(widths)
        return mask_columns(features, widths), widths


@dataclass(eq=False)
class _InputMask:
    """A hook: zeros, before a layer, what lies past an image's width. As an object, it is copied with its model.

    Attributes:
        state: where the backbone keeps the `widths` of the images that it is given.
        rule: from those to the widths of the layer's input.
    """

    state: SimpleNamespace
    rule: WidthRule

    def __call__(self, layer: nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor] | None:
        if self.state.widths is None:
            return None
        return (mask_columns(inputs[0], self.rule(self.state.widths)),)


@dataclass(eq=False)
class _MeanCorrection:
    """The same after a pool over all columns: makes its mean that of the image's own columns."""

    state: SimpleNamespace
    rule: WidthRule

    def __call__(self, layer: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> torch.Tensor | None:
        if self.state.widths is None:
            return None
        share = inputs[0].shape[-1] / self.rule(self.state.widths).clamp(min=1)
        return output * share.to(output.dtype).view(-1, 1, 1, 1)


def measure_backbone(
    backbone_config: PreTrainedConfig, width_stride: int | None, num_channels: int, height: int
) -> CRNNBackboneGeometry:
    """Runs a backbone without data on images `height` pixels high.

    Raises:
        ValueError: it takes other channels, has pooled the height away, is no backbone of convolutions, or makes
            columns wider than a quarter of the height.
    """
    return _measure(_describe(backbone_config), width_stride, num_channels, height)


@lru_cache(maxsize=64)
def _measure(described: str, width_stride: int | None, num_channels: int, height: int) -> CRNNBackboneGeometry:
    backbone_config = _read_description(described)
    name = f"backbone_config ({backbone_config.model_type})"
    is_convolutional = backbone_config.model_type in _CONVOLUTIONAL
    if width_stride is not None and not is_convolutional:
        raise ValueError(
            f"backbone_width_stride changes the strides of {', '.join(_CONVOLUTIONAL)}, and not of "
            f"{backbone_config.model_type}: leave it out or choose another backbone"
        )
    backbone = _without_data(_make_backbone, backbone_config, width_stride)
    first = _first_convolution(backbone)
    if first.in_channels != num_channels:
        raise ValueError(
            f"{name} takes images of {first.in_channels} channels and num_channels is {num_channels}: "
            f"set num_channels={first.in_channels}, or num_channels of the backbone where it has one"
        )
    try:
        runs = {width: _Run(backbone, num_channels, height, width) for width in (_LONG, 2 * _LONG)}
    except RuntimeError as error:
        raise ValueError(
            f"{name} cannot take an image {height} x {_LONG} (height x width); use a larger image_height or fewer "
            f"strides: {error}"
        ) from error
    gained = runs[2 * _LONG].columns - runs[_LONG].columns
    stride = _LONG // gained if gained else _LONG
    if stride > height / 4:
        remedy = "take an earlier stage with out_indices in backbone_config"
        if is_convolutional:
            remedy = f"set backbone_width_stride=4 to give later strides 1 along the width, or {remedy}"
        raise ValueError(
            f"{name} has strides of {_width_strides(runs)} along the width, so a column is {stride} pixels wide and a "
            f"word {4 * height} pixels wide has {4 * height // stride} frames; letters need columns of at most a "
            f"quarter of image_height, {height // 4}: {remedy}"
        )
    runs |= {_LONG + step: _Run(backbone, num_channels, height, _LONG + step) for step in range(1, stride)}
    columns = _fit({width: run.columns for width, run in runs.items()})
    outputs = {_fit({width: run.outputs[key] for width, run in runs.items()}) for key in runs[_LONG].outputs}
    outputs.add(WidthRule(0, 1))
    inputs = {}
    for key, module in backbone.named_modules():
        mixes_columns = isinstance(module, _POOLS) or (
            isinstance(module, nn.Conv2d) and (module.kernel_size[1] > 1 or module.stride[1] > 1)
        )
        if not mixes_columns or key not in runs[_LONG].inputs:
            continue
        rule = _fit({width: run.inputs[key] for width, run in runs.items()})
        if rule is None:
            continue
        # A width that no layer has put out is one that was padded with zeros in between: those are not the image's.
        while rule not in outputs and rule.offset > -_LONG:
            rule = WidthRule(rule.offset - rule.stride, rule.stride)
        inputs[key] = rule
    if columns is None or any(columns(width) != run.columns for width, run in runs.items()):
        raise ValueError(f"{name} does not make columns of a width by strides alone: take a convolutional backbone")
    return CRNNBackboneGeometry(runs[_LONG].num_features, runs[_LONG].num_rows, columns, inputs)


class _Run:
    """One run of a backbone without data: the widths of what goes into its layers and of what comes out."""

    def __init__(self, backbone: nn.Module, num_channels: int, height: int, width: int):
        self.inputs, self.outputs = {}, {}
        handles = [
            module.register_forward_hook(self._writer(name)) for name, module in backbone.named_modules() if name
        ]
        with torch.no_grad():
            last = backbone(torch.empty(1, num_channels, height, width, device="meta")).feature_maps[-1]
        for handle in handles:
            handle.remove()
        self.num_features, self.num_rows, self.columns = last.shape[1:]

    def _writer(self, name: str):
        def write(module: nn.Module, inputs: tuple, output: Any):
            if inputs and isinstance(inputs[0], torch.Tensor) and inputs[0].ndim == 4:
                self.inputs[name] = inputs[0].shape[-1]
            if isinstance(output, torch.Tensor) and output.ndim == 4:
                self.outputs[name] = output.shape[-1]

        return write


def _fit(columns: dict[int, int]) -> WidthRule | None:
    """The rule behind the columns of `_LONG`, `2 * _LONG` and the widths after `_LONG`; `None` for a constant."""
    gained = columns[2 * _LONG] - columns[_LONG]
    if gained <= 0:
        return None
    stride = _LONG // gained
    # The first width with one column more is the one where the division by the stride has no remainder.
    step = next((step for step in range(1, stride) if columns.get(_LONG + step) == columns[_LONG] + 1), stride)
    return WidthRule(stride * (columns[_LONG] + 1) - _LONG - step, stride)


def _make_backbone(backbone_config: PreTrainedConfig, width_stride: int | None) -> nn.Module:
    """The backbone, with strides of 1 along the width where a column would be wider than `width_stride` pixels."""
    backbone = AutoBackbone.from_config(backbone_config)
    if width_stride is not None:
        for name in _layers_to_narrow(_describe(backbone_config), width_stride):
            layer: Any = backbone.get_submodule(name)
            layer.stride = (as_pair(layer.stride)[0], 1)
    return backbone


@lru_cache(maxsize=64)
def _layers_to_narrow(described: str, width_stride: int) -> list[str]:
    """Names of the layers with strides along the width after which a column is wider than `width_stride` pixels."""
    backbone = _without_data(AutoBackbone.from_config, _read_description(described))
    run = _Run(backbone, _first_convolution(backbone).in_channels, 256, _LONG)
    names = []
    for name, layer in backbone.named_modules():
        stride = _stride_of(layer)
        if stride is not None and stride[1] > 1 and round(_LONG / run.inputs[name]) * stride[1] > width_stride:
            names.append(name)
    return names


def _without_data(make: Callable[..., nn.Module], *arguments) -> nn.Module:
    """A module that only knows the shapes of its tensors."""
    with torch.device("meta"):
        module = make(*arguments).eval()
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.forward = nn.Identity().forward  # changes no shape, and takes most of the time
    return module


def _first_convolution(backbone: nn.Module) -> nn.Conv2d:
    for layer in backbone.modules():
        if isinstance(layer, nn.Conv2d):
            return layer
    raise ValueError(f"{type(backbone).__name__} has no convolution: choose one of {', '.join(_CONVOLUTIONAL)}")


def _stride_of(module: nn.Module) -> tuple[int, int] | None:
    if not isinstance(module, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)):
        return None
    return as_pair(module.stride)


def _width_strides(runs: dict[int, _Run]) -> str:
    """The strides along the width on the way through, such as "2, 2, 2": how often the columns become fewer."""
    widths = sorted({runs[2 * _LONG].outputs[name] for name in runs[_LONG].outputs} | {2 * _LONG}, reverse=True)
    widths = [width for width in widths if width >= runs[2 * _LONG].columns]
    strides = [round(wide / narrow) for wide, narrow in zip(widths, widths[1:], strict=False)]
    return ", ".join(str(stride) for stride in strides if stride > 1)


def _describe(backbone_config: PreTrainedConfig) -> str:
    """A configuration as something that can be a key."""
    return json.dumps(backbone_config.to_dict(), sort_keys=True, default=str)


def _read_description(described: str) -> PreTrainedConfig:
    """The configuration that [`_describe`] has described."""
    fields = json.loads(described)
    return AutoConfig.for_model(fields.pop("model_type"), **fields)
