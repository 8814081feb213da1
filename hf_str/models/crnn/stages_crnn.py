# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The stages that there are: a new one is a file, and a line here that imports its class.

The class enters itself into the table of its kind, under the name that it has: `CRNNFeaturizerStage.table["vgg"]` is
`VGGStage`. No other file lists stages.
"""

import copy
from typing import Any

from transformers import PreTrainedConfig

from .featurizer_backbone_crnn import BackboneStage as BackboneStage
from .featurizer_crnn import CRNNFeaturizerStage
from .featurizer_lcnet_crnn import LCNetV3Stage as LCNetV3Stage
from .featurizer_lcnet_crnn import LCNetV4Stage as LCNetV4Stage
from .featurizer_mbconv_crnn import EfficientNetStage as EfficientNetStage
from .featurizer_mbconv_crnn import MobileNetV3Stage as MobileNetV3Stage
from .featurizer_resnet_crnn import ResNetStage as ResNetStage
from .featurizer_vgg_crnn import VGGStage as VGGStage
from .rectification_crnn import CRNNRectificationStage
from .rectification_crnn import TPSStage as TPSStage
from .sequentializer_bilstm_crnn import BiLSTMStage as BiLSTMStage
from .sequentializer_convolution_crnn import ConvolutionStage as ConvolutionStage
from .sequentializer_crnn import CRNNSequentializerStage
from .sequentializer_crnn import NoSequentializerStage as NoSequentializerStage
from .sequentializer_svtr_crnn import SVTRStage as SVTRStage
from .sequentializer_transformer_crnn import MixingStage as MixingStage
from .sequentializer_transformer_crnn import TransformerStage as TransformerStage
from .stage_crnn import CRNNStage


__all__ = ["KINDS", "check_that_fields_belong", "complete_stages", "values_elsewhere"]

#: What a network is made of, in the order of its forward pass. Each has the `table` of its stages.
KINDS: tuple[type[CRNNStage], ...] = (CRNNRectificationStage, CRNNFeaturizerStage, CRNNSequentializerStage)


def values_elsewhere() -> dict[str, Any]:
    """The own fields of all stages, and what each is where no stage that was chosen has it."""
    return copy.deepcopy({name: value for stage in _stages() for name, value in stage.values_elsewhere().items()})


def complete_stages(config: PreTrainedConfig):
    """Fills in the fields of the stages that are chosen, and those of the others, where they were left out."""
    for kind in KINDS:
        vars(config).update(kind.named(getattr(config, kind.kind)).complete(vars(config)))
    vars(config).update(values_elsewhere() | vars(config))


def check_that_fields_belong(config: PreTrainedConfig):
    """Looks for fields that no chosen stage has, and that are set all the same: they would be without effect.

    Raises:
        ValueError: there is one.
    """
    chosen = {kind.kind: kind.named(getattr(config, kind.kind)) for kind in KINDS}
    used = {name for stage in chosen.values() for name in stage.rules()}
    owners: dict[str, list[type[CRNNStage]]] = {}
    for stage in _stages():
        for name in stage.rules().keys() - used:
            owners.setdefault(name, []).append(stage)
    for name, stages in owners.items():
        if stages[0].is_set_elsewhere(name, vars(config)):
            kinds = list(dict.fromkeys(stage.kind for stage in stages))
            places = [f"{kind} {' or '.join(s.name for s in stages if s.kind == kind)}" for kind in kinds]
            raise ValueError(
                f"{name} belongs to {' or '.join(places)}, and "
                f"{' and '.join(f'{kind} is {chosen[kind].name}' for kind in kinds)}: "
                f"leave {name} out or choose that {' or '.join(kinds)}"
            )


def _stages() -> list[type[CRNNStage]]:
    return [stage for kind in KINDS for stage in kind.table.values()]
