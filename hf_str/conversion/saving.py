# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes a converted checkpoint as one that loads with Auto classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..models.crnn.configuration_crnn import CRNNConfig
from ..models.crnn.image_processing_pil_crnn import CRNNImageProcessorPil
from ..models.crnn.modeling_crnn import CRNNForCTC
from ..models.crnn.processing_crnn import CRNNProcessor
from ..models.crnn.tokenization_crnn import CRNNTokenizer
from .family import CheckpointFamily, ConversionError, Weights
from .matching import check_values
from .model_card import model_card, notice


__all__ = ["ConvertedNetwork", "save_converted"]


@dataclass(frozen=True)
class ConvertedNetwork:
    """A network of ours with the weights of another project.

    Attributes:
        config: of the network.
        weights: under our names.
        symbols: the text of each class but the blank, which is the first.
        fresh: those symbols that the network has to learn before it predicts them.
        assumption: what the weights do not say, for the card.
    """

    config: CRNNConfig
    weights: Weights
    symbols: Sequence[str]
    fresh: Sequence[str] = ()
    assumption: str = ""


def save_converted(
    network: ConvertedNetwork,
    family: CheckpointFamily,
    file: str,
    preprocessing: str,
    images: Mapping[str, Any],
    output_dir: str | Path,
    half: bool,
) -> CRNNForCTC:
    """Writes config, weights, code, tokenizer, image processor, card and notice.

    Args:
        network: what is written.
        family: where it comes from.
        file: name of what was converted.
        preprocessing: name of the family's way to prepare images.
        images: options of the image processor for it.
        output_dir: where it goes.
        half: save weights in half precision.

    Returns:
        The model, in evaluation mode.

    Raises:
        ConversionError: weights are not finite, not floating-point, or too large for half precision. Nothing is
            written then.
    """
    image_processor = CRNNImageProcessorPil(do_grayscale=network.config.num_channels == 1, **images)
    processor = CRNNProcessor(image_processor, CRNNTokenizer(charset=network.symbols))
    model = CRNNForCTC(network.config)
    floating_point = {name for name, weight in model.state_dict().items() if weight.is_floating_point()}
    check_values(network.weights, family, floating_point)
    model.load_state_dict(network.weights, strict=False)  # old versions of PyTorch did not save num_batches_tracked
    model.eval()
    state = model.state_dict()
    if half and any(weight.is_floating_point() and weight.half().isinf().any() for weight in state.values()):
        raise ConversionError("some weights are too large for half precision: save them in full")
    if half:  # the config still says float32, which is how the weights are loaded
        state = {name: weight.half() if weight.is_floating_point() else weight for name, weight in state.items()}
    model.save_pretrained(output_dir, state_dict=state)
    processor.save_pretrained(output_dir)
    card = model_card(family, preprocessing, file, model, network.symbols, network.fresh, network.assumption)
    Path(output_dir, "README.md").write_text(card, encoding="utf-8")
    if family.authors:
        Path(output_dir, "NOTICE").write_text(notice(family, file), encoding="utf-8")
    return model
