# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes transformers know CRNN: Auto classes and the task "scene-text-recognition", in its own registries."""

from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCTC,
    AutoModelForTextRecognition,
    AutoProcessor,
    AutoTokenizer,
)
from transformers.models.auto.image_processing_auto import AutoImageProcessor  # 5.17 hides it without torchvision
from transformers.pipelines import PIPELINE_REGISTRY
from transformers.utils.import_utils import is_torchvision_available

from .image_to_text import reopen_image_to_text
from .models.crnn.configuration_crnn import CRNNConfig
from .models.crnn.image_processing_crnn import CRNNImageProcessor
from .models.crnn.image_processing_pil_crnn import CRNNImageProcessorPil
from .models.crnn.modeling_crnn import CRNNForCTC
from .models.crnn.pipeline_crnn import ImageToTextPipeline
from .models.crnn.processing_crnn import CRNNProcessor
from .models.crnn.tokenization_crnn import CRNNTokenizer


__all__ = ["TASK", "register"]

#: The pipeline task: `pipeline(TASK, model=...)`.
TASK = "scene-text-recognition"


def register(default_checkpoint: str):
    """Registers everything, and reopens "image-to-text"; a second call changes nothing.

    Args:
        default_checkpoint: what `pipeline("scene-text-recognition")` loads where no model is named.
    """
    AutoConfig.register(CRNNConfig.model_type, CRNNConfig, exist_ok=True)
    # A recognizer without its head reads nothing: AutoModel gives the whole of it, as it does for MGP-STR.
    for auto_class in (AutoModel, AutoModelForCTC, AutoModelForTextRecognition):
        auto_class.register(CRNNConfig, CRNNForCTC, exist_ok=True)
    AutoTokenizer.register(CRNNConfig, tokenizer_class=CRNNTokenizer, exist_ok=True)
    AutoProcessor.register(CRNNConfig, CRNNProcessor, exist_ok=True)
    image_processors: dict[str, type] = {"pil": CRNNImageProcessorPil}
    if is_torchvision_available():  # a class that cannot run must not be chosen
        image_processors["torchvision"] = CRNNImageProcessor
    AutoImageProcessor.register(CRNNConfig, image_processor_classes=image_processors, exist_ok=True)

    if TASK not in PIPELINE_REGISTRY.supported_tasks:
        PIPELINE_REGISTRY.register_pipeline(
            TASK,
            pipeline_class=ImageToTextPipeline,
            pt_model=AutoModelForCTC,
            type="multimodal",
            default={"model": (default_checkpoint, "main")},
        )
    reopen_image_to_text(TASK)
