# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Scene text recognition for the Hugging Face world: a cropped word image in, its text out.

`import hf_str` makes the Auto classes and `pipeline` of transformers know CRNN. Rendering, data, training and
evaluation live in subpackages that are imported where they are used.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .models.crnn import (
    CHARSETS,
    BestPath,
    CharacterLanguageModel,
    CRNNConfig,
    CRNNForCTC,
    CRNNImageProcessor,
    CRNNImageProcessorPil,
    CRNNModel,
    CRNNPreTrainedModel,
    CRNNProcessor,
    CRNNTokenizer,
    CTCDecoder,
    CTCHypothesis,
    ImageToTextPipeline,
    Lexicon,
    LexiconDecoder,
    PrefixBeamSearch,
    PrefixSearch,
    UnreadableImageError,
    load_word_image,
    make_decoder,
    resolve_charset,
)
from .registration import TASK, register
from .version import __version__


if TYPE_CHECKING:
    from .explanation import explain_image


__all__ = [
    "CHARSETS",
    "DEFAULT_CHECKPOINT",
    "TASK",
    "BestPath",
    "CRNNConfig",
    "CRNNForCTC",
    "CRNNImageProcessor",
    "CRNNImageProcessorPil",
    "CRNNModel",
    "CRNNPreTrainedModel",
    "CRNNProcessor",
    "CRNNTokenizer",
    "CTCDecoder",
    "CTCHypothesis",
    "CharacterLanguageModel",
    "ImageToTextPipeline",
    "Lexicon",
    "LexiconDecoder",
    "PrefixBeamSearch",
    "PrefixSearch",
    "UnreadableImageError",
    "__version__",
    "explain_image",
    "load_word_image",
    "make_decoder",
    "resolve_charset",
]

#: Folder of the checkpoint that comes with the package; reads words without any download.
DEFAULT_CHECKPOINT = str(Path(__file__).parent / "checkpoints" / "crnn-str")

register(DEFAULT_CHECKPOINT)


def __getattr__(name: str) -> Any:
    if name == "explain_image":  # nothing that reads words needs it
        from .explanation import explain_image

        return explain_image
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
