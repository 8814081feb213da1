# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""A Hub, and folders to publish on it."""

import json
import shutil
from pathlib import Path

import pytest
from huggingface_hub import constants
from transformers.utils.hub import hf_api

from tests.hub.server import WRITER, Hub


RESULTS = {
    "settings": {"seed": 0},
    "figures": [
        {
            "name": "words",
            "set": "words",
            "source": "words/",
            "words": 1000,
            "protocols": {
                "36": {"word_accuracy": {"value": 0.81234, "low": 0.8, "high": 0.83}, "cer": {"value": 0.0712}},
                "94": {"word_accuracy": {"value": 0.5, "low": 0.4, "high": 0.6}, "cer": {"value": 0.21}},
            },
        },
        {"name": "mean of sets", "words": 1000, "protocols": {}},
    ],
}


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A Hub that the client in this process talks to, logged in as one who may write."""
    with Hub() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(hf_api(), "endpoint", hub.url)  # the client of transformers' own push
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no token"))
        monkeypatch.setenv("HF_TOKEN", WRITER)
        yield hub


@pytest.fixture(scope="session")
def measured_checkpoint(tiny_checkpoint, tmp_path_factory) -> Path:
    """A recognizer's folder that can be published. Copy it to change it."""
    folder = tmp_path_factory.mktemp("measured") / "crnn-str"
    shutil.copytree(tiny_checkpoint, folder)
    (folder / "results.json").write_text(json.dumps(RESULTS), encoding="utf-8")
    (folder / "training_args.json").write_text('{"dataset": ["/home/me/words/"], "max_steps": 10}', encoding="utf-8")
    return folder


@pytest.fixture
def folder(measured_checkpoint, tmp_path) -> Path:
    """A copy of it, to change."""
    return Path(shutil.copytree(measured_checkpoint, tmp_path / "crnn-str"))
