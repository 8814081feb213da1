# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The task name "image-to-text", which transformers closed: what is replaced is what it was, and can be left alone."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest
import transformers.pipelines
from transformers.pipelines import PIPELINE_REGISTRY

from hf_str import image_to_text
from hf_str.registration import TASK


ROOT = Path(__file__).parent.parent


def test_transformers_is_as_it_was_when_this_was_written(monkeypatch):
    """Fails where transformers changes what is replaced: then image_to_text.py has to be looked at again."""
    task = transformers.pipelines.__dict__.get("_resolve_deprecated_task")
    if task is None:  # up to 5.18
        assert PIPELINE_REGISTRY.supported_tasks["image-to-text"]["impl"].__name__ == "ImageToTextPipeline"
        return
    assert type(task) is image_to_text._Redirect and type(task.original).__name__ == "function"
    assert list(inspect.signature(task.original).parameters) == ["task"]
    monkeypatch.setattr(transformers.pipelines.logger, "warning_once", lambda *_: None)  # it warns wrongly (5.24)
    assert task.original("image-to-text") == "image-text-to-text"
    assert task.original("fill-mask") == "fill-mask"
    code = inspect.getsource(transformers.pipelines.pipeline)
    before, *after = code.split("_resolve_deprecated_task(task)")
    assert len(after) == 1, "pipeline asks elsewhere, or with other arguments"
    assert {"model", "config"} <= inspect.signature(transformers.pipelines.pipeline).parameters.keys()
    assert "config = AutoConfig.from_pretrained(model, " in before, "the configuration is not known yet"
    assert "image-to-text" not in PIPELINE_REGISTRY.supported_tasks


class Config:
    """Of some model."""

    def __init__(self, model_type: str):
        self.model_type = self.config = model_type


def test_only_crnn_is_led_elsewhere():
    redirect = image_to_text._Redirect(lambda task: f"transformers' {task}", TASK)

    def pipeline(task, model=None, config=None):
        return redirect(task)

    crnn, other = Config("crnn"), Config("blip")
    assert pipeline("image-to-text", config=crnn) == TASK
    assert pipeline("image-to-text", config=other) == "transformers' image-to-text"
    assert pipeline("image-to-text") == redirect("image-to-text") == "transformers' image-to-text"
    assert pipeline("fill-mask", config=crnn) == "transformers' fill-mask"
    model = Config("")
    model.config = crnn
    assert pipeline("image-to-text", model=model) == TASK


@pytest.mark.parametrize("value", ["0", "False"])
def test_it_can_be_left_alone(value):
    code = """
        import transformers.pipelines
        before = transformers.pipelines.__dict__.get("_resolve_deprecated_task")
        import hf_str
        from transformers.pipelines import PIPELINE_REGISTRY

        assert transformers.pipelines.__dict__.get("_resolve_deprecated_task") is before
        assert "image-to-text" not in PIPELINE_REGISTRY.supported_tasks
        assert hf_str.TASK in PIPELINE_REGISTRY.supported_tasks
    """
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_STR_IMAGE_TO_TEXT": value}
    code = inspect.cleandoc(code)
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=240)
    assert run.returncode == 0, run.stderr
