# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""`pipeline("image-to-text", model=<a CRNN>)`, a name of transformers 4 by which much code still asks for text.

transformers 5.0 took the task away, and since 5.19 turns its name into "image-text-to-text", the task of
vision-language models, before it looks into its registry. So a registered task is not enough. What is replaced here,
and nothing else of transformers is:

- up to 5.18, nothing: "image-to-text" is free, and is registered as any task of one's own;
- since 5.19, the private function `transformers.pipelines._resolve_deprecated_task`, by one that asks it about
  everything but the name "image-to-text" where the model is a CRNN.

`pipeline("scene-text-recognition")` needs none of this. Set the environment variable `HF_STR_IMAGE_TO_TEXT=0` before
hf_str is imported to leave transformers as it is.
"""

import os
import sys
from collections.abc import Callable

import transformers.pipelines
from transformers import AutoModelForCTC
from transformers.pipelines import PIPELINE_REGISTRY

from .models.crnn.configuration_crnn import CRNNConfig
from .models.crnn.pipeline_crnn import ImageToTextPipeline


__all__ = ["reopen_image_to_text"]

_NAME = "image-to-text"
_REPLACED = "_resolve_deprecated_task"


def reopen_image_to_text(task: str):
    """Makes "image-to-text" another name of `task` for CRNN; a second call changes nothing.

    Other models keep what the name does for them. With `HF_STR_IMAGE_TO_TEXT=0`, nothing is done.
    """
    if os.environ.get("HF_STR_IMAGE_TO_TEXT", "1").lower() in ("0", "false", "no", "off"):
        return
    redirect = getattr(transformers.pipelines, _REPLACED, None)
    if redirect is None:
        if _NAME not in PIPELINE_REGISTRY.supported_tasks:
            PIPELINE_REGISTRY.register_pipeline(
                _NAME, pipeline_class=ImageToTextPipeline, pt_model=AutoModelForCTC, type="multimodal"
            )
        return
    if not isinstance(redirect, _Redirect):
        setattr(transformers.pipelines, _REPLACED, _Redirect(redirect, task))


class _Redirect:
    """The function of transformers that is replaced, but for CRNN.

    Attributes:
        original: what is replaced.
        task: what "image-to-text" is for CRNN.
    """

    def __init__(self, original: Callable[[str], str], task: str):
        self.original, self.task = original, task

    def __call__(self, task: str) -> str:
        if task == _NAME:
            # Only the model tells which of the two is meant, and it is an argument of the `pipeline` that asks.
            arguments = sys._getframe(1).f_locals
            config = arguments.get("config") or getattr(arguments.get("model"), "config", None)
            if getattr(config, "model_type", None) == CRNNConfig.model_type:
                return self.task
        return self.original(task)
