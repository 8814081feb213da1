# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Scene text recognition for the Hugging Face world: a cropped word image in, its text out.

`import hf_str` makes the Auto classes and `pipeline` of transformers know CRNN. Rendering, data, training and
evaluation live in subpackages that are imported where they are used.
"""

from pathlib import Path

from .models.crnn.configuration_crnn import CRNNConfig
from .models.crnn.ctc_beam_search_crnn import PrefixBeamSearch
from .models.crnn.ctc_decoding_crnn import BestPath
from .models.crnn.ctc_language_model_crnn import CharacterLanguageModel
from .models.crnn.ctc_lexicon_crnn import Lexicon
from .models.crnn.ctc_lexicon_search_crnn import LexiconDecoder
from .models.crnn.ctc_prefix_search_crnn import PrefixSearch
from .models.crnn.image_loading_crnn import UnreadableImageError, load_word_image
from .models.crnn.image_processing_crnn import CRNNImageProcessor
from .models.crnn.image_processing_pil_crnn import CRNNImageProcessorPil
from .models.crnn.modeling_crnn import CRNNForCTC, CRNNModel
from .models.crnn.pipeline_crnn import ImageToTextPipeline
from .models.crnn.processing_crnn import CRNNProcessor
from .models.crnn.tokenization_crnn import CRNNTokenizer
from .registration import TASK, register
from .version import __version__


__all__ = [
    "DEFAULT_CHECKPOINT",
    "TASK",
    "BestPath",
    "CRNNConfig",
    "CRNNForCTC",
    "CRNNImageProcessor",
    "CRNNImageProcessorPil",
    "CRNNModel",
    "CRNNProcessor",
    "CRNNTokenizer",
    "CharacterLanguageModel",
    "ImageToTextPipeline",
    "Lexicon",
    "LexiconDecoder",
    "PrefixBeamSearch",
    "PrefixSearch",
    "UnreadableImageError",
    "__version__",
    "load_word_image",
]

#: Folder of the checkpoint that comes with the package; reads words without any download.
DEFAULT_CHECKPOINT = str(Path(__file__).parent / "checkpoints" / "crnn-str")

register(DEFAULT_CHECKPOINT)
