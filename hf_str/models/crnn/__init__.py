# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""CRNN: configuration, network, tokenizer, image processors, decoders and pipeline.

The modules are loaded when a name is asked for. A saved checkpoint has the modules, but not this file: in remote code
each is loaded by itself.
"""

import importlib
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from .charsets_crnn import CHARSETS, resolve_charset
    from .configuration_crnn import CRNNConfig
    from .ctc_beam_search_crnn import PrefixBeamSearch
    from .ctc_decoders_crnn import make_decoder
    from .ctc_decoding_crnn import BestPath, CTCDecoder, CTCHypothesis
    from .ctc_language_model_crnn import CharacterLanguageModel
    from .ctc_lexicon_crnn import Lexicon
    from .ctc_lexicon_search_crnn import LexiconDecoder
    from .ctc_prefix_search_crnn import PrefixSearch
    from .image_loading_crnn import UnreadableImageError, load_word_image
    from .image_processing_crnn import CRNNImageProcessor
    from .image_processing_pil_crnn import CRNNImageProcessorPil
    from .modeling_crnn import CRNNForCTC, CRNNModel, CRNNPreTrainedModel
    from .outputs_crnn import CRNNForCTCOutput, CRNNModelOutput
    from .pipeline_crnn import ImageToTextPipeline
    from .processing_crnn import CRNNProcessor
    from .tokenization_crnn import CRNNTokenizer, CRNNTokenizerOutput


__all__ = [
    "CHARSETS",
    "BestPath",
    "CRNNConfig",
    "CRNNForCTC",
    "CRNNForCTCOutput",
    "CRNNImageProcessor",
    "CRNNImageProcessorPil",
    "CRNNModel",
    "CRNNModelOutput",
    "CRNNPreTrainedModel",
    "CRNNProcessor",
    "CRNNTokenizer",
    "CRNNTokenizerOutput",
    "CTCDecoder",
    "CTCHypothesis",
    "CharacterLanguageModel",
    "ImageToTextPipeline",
    "Lexicon",
    "LexiconDecoder",
    "PrefixBeamSearch",
    "PrefixSearch",
    "UnreadableImageError",
    "load_word_image",
    "make_decoder",
    "resolve_charset",
]

_NAMES = {
    "charsets_crnn": ("CHARSETS", "resolve_charset"),
    "configuration_crnn": ("CRNNConfig",),
    "ctc_beam_search_crnn": ("PrefixBeamSearch",),
    "ctc_decoders_crnn": ("make_decoder",),
    "ctc_decoding_crnn": ("BestPath", "CTCDecoder", "CTCHypothesis"),
    "ctc_language_model_crnn": ("CharacterLanguageModel",),
    "ctc_lexicon_crnn": ("Lexicon",),
    "ctc_lexicon_search_crnn": ("LexiconDecoder",),
    "ctc_prefix_search_crnn": ("PrefixSearch",),
    "image_loading_crnn": ("UnreadableImageError", "load_word_image"),
    "image_processing_crnn": ("CRNNImageProcessor",),
    "image_processing_pil_crnn": ("CRNNImageProcessorPil",),
    "modeling_crnn": ("CRNNForCTC", "CRNNModel", "CRNNPreTrainedModel"),
    "outputs_crnn": ("CRNNForCTCOutput", "CRNNModelOutput"),
    "pipeline_crnn": ("ImageToTextPipeline",),
    "processing_crnn": ("CRNNProcessor",),
    "tokenization_crnn": ("CRNNTokenizer", "CRNNTokenizerOutput"),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
