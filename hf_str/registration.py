# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes transformers know CRNN: Auto classes and pipelines. The only file that touches its registries."""

import sys

import transformers.pipelines
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

from .models.crnn.configuration_crnn import CRNNConfig
from .models.crnn.image_processing_crnn import CRNNImageProcessor
from .models.crnn.image_processing_pil_crnn import CRNNImageProcessorPil
from .models.crnn.modeling_crnn import CRNNForCTC
from .models.crnn.pipeline_crnn import ImageToTextPipeline
from .models.crnn.processing_crnn import CRNNProcessor
from .models.crnn.tokenization_crnn import CRNNTokenizer


__all__ = ["TASK", "register"]

#: The pipeline task of our own, which no release of transformers redirects.
TASK = "scene-text-recognition"


def register(default_checkpoint: str):
    """Registers everything; a second call changes nothing.

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

    _register_task(TASK, default={"model": (default_checkpoint, "main")})
    if hasattr(transformers.pipelines, "_resolve_deprecated_task"):
        _lead_image_to_text_here()
    else:
        _register_task("image-to-text")


def _register_task(task: str, **options):
    if task not in PIPELINE_REGISTRY.supported_tasks:
        PIPELINE_REGISTRY.register_pipeline(
            task, pipeline_class=ImageToTextPipeline, pt_model=AutoModelForCTC, type="multimodal", **options
        )


def _lead_image_to_text_here():
    """Makes `pipeline("image-to-text", model=<a CRNN>)` our task, and leaves every other model where it was.

    transformers 5.0 took "image-to-text" away; since 5.19 it turns the name into "image-text-to-text" before it looks
    into its registry. Only the model tells which of the two is meant: it is an argument of the `pipeline` that asks.
    """
    redirect = transformers.pipelines._resolve_deprecated_task
    if hasattr(redirect, "_knows_crnn"):
        return

    def resolve(task: str) -> str:
        if task == "image-to-text":
            arguments = sys._getframe(1).f_locals
            config = arguments.get("config") or getattr(arguments.get("model"), "config", None)
            if getattr(config, "model_type", None) == CRNNConfig.model_type:
                return TASK
        return redirect(task)

    resolve._knows_crnn = True
    transformers.pipelines._resolve_deprecated_task = resolve
