# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The package: light to import, whole, registered once."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import transformers.pipelines
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCTC,
    AutoModelForTextRecognition,
    AutoProcessor,
    AutoTokenizer,
)
from transformers.models.auto.image_processing_auto import AutoImageProcessor
from transformers.pipelines import PIPELINE_REGISTRY

import hf_str
from hf_str.models import crnn
from hf_str.registration import TASK, register


ROOT = Path(__file__).parent.parent
HEAVY = ["datasets", "evaluate", "cv2", "fontTools", "matplotlib"]
LATE = ["hf_str.synthesis", "hf_str.data", "hf_str.training", "hf_str.evaluation", "hf_str.publishing", "hf_str.cli"]


def test_importing_it_is_light():
    """Reading a word never imports what training, rendering and measuring need."""
    code = f"import sys, hf_str; print('LOADED', [name for name in {HEAVY + LATE} if name in sys.modules])"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=240)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "LOADED []\n"


def test_every_public_name_is_there():
    assert len(set(hf_str.__all__)) == len(hf_str.__all__)
    for name in hf_str.__all__:
        assert getattr(hf_str, name) is not None
    promised = {"CRNNConfig", "CRNNModel", "CRNNForCTC", "CRNNTokenizer", "CRNNProcessor", "DEFAULT_CHECKPOINT"}
    assert promised | {"CRNNImageProcessor", "CRNNImageProcessorPil"} <= set(hf_str.__all__)
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", hf_str.__version__)


def test_names_come_from_the_modules_that_make_them():
    """The list of names, the table of modules and what a type checker sees are the same."""
    names = set(crnn.__all__)
    assert len(names) == len(crnn.__all__) and names == set(crnn._MODULES) <= set(dir(crnn))
    assert crnn.CRNNForCTC is hf_str.CRNNForCTC and crnn.CTCDecoder is hf_str.CTCDecoder
    for module, name in ((crnn, "nothing"), (hf_str, "nothing")):
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        imported = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.level
            for alias in node.names
        }
        assert set(module.__all__) - imported <= {"DEFAULT_CHECKPOINT"}
        with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
            getattr(module, name)


def test_what_explains_is_loaded_when_it_is_asked_for():
    code = "import hf_str, sys; print('hf_str.explanation' in sys.modules); print(hf_str.explain_image.__module__)"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=240)
    assert run.stdout.split() == ["False", "hf_str.explanation"], run.stderr


def test_registering_twice_changes_nothing(tiny_checkpoint):
    def state():
        config = hf_str.CRNNConfig
        return (
            AutoConfig.for_model("crnn").__class__,
            [auto._model_mapping[config] for auto in (AutoModel, AutoModelForCTC, AutoModelForTextRecognition)],
            type(AutoTokenizer.from_pretrained(tiny_checkpoint)),
            type(AutoProcessor.from_pretrained(tiny_checkpoint)),
            type(AutoImageProcessor.from_pretrained(tiny_checkpoint, backend="pil")),
            {task: dict(entry) for task, entry in PIPELINE_REGISTRY.supported_tasks.items()},
            getattr(transformers.pipelines, "_resolve_deprecated_task", None),
        )

    before = state()
    register(hf_str.DEFAULT_CHECKPOINT)
    register("somewhere/else")
    assert state() == before
    assert before[1] == [hf_str.CRNNForCTC] * 3
    task = PIPELINE_REGISTRY.supported_tasks[TASK]
    assert task["impl"] is hf_str.ImageToTextPipeline
    assert task["default"] == {"model": (hf_str.DEFAULT_CHECKPOINT, "main")}


def test_the_room_that_travels_knows_nobody():
    """Saved beside a checkpoint, each module runs without hf_str: it imports its siblings and what it declares."""
    for path in (ROOT / "hf_str" / "models" / "crnn").glob("*_crnn.py"):
        code = path.read_text(encoding="utf-8")
        modules = re.findall(r"^\s*(?:from|import)\s+([\w.]+)", re.sub(r'"""[\s\S]*?"""', "", code), re.MULTILINE)
        siblings = [module for module in modules if module.startswith(".")]
        assert all((path.parent / f"{module[1:]}.py").exists() for module in siblings), path.name
        assert not [module for module in modules if module.split(".")[0] in ("hf_str", *HEAVY)], path.name


def test_the_package_brings_the_default_checkpoint_alone():
    """A wheel with the network trained from scratch as well would be twice as large."""
    tomllib = pytest.importorskip("tomllib")
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = {path.name for path in Path(hf_str.DEFAULT_CHECKPOINT).parent.iterdir()}
    default = Path(hf_str.DEFAULT_CHECKPOINT).name
    assert f"checkpoints/{default}/*" in setuptools["package-data"]["hf_str"]
    excluded = set(setuptools["exclude-package-data"]["hf_str"])
    assert excluded == {f"checkpoints/{name}/*" for name in folders - {default}}
