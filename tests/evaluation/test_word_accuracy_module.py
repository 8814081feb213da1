# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The metric as a module of `evaluate`, loaded from its folder without a network."""

import importlib.util
from pathlib import Path

import pytest
import yaml

from hf_str.evaluation import PROTOCOLS, character_error_rate


evaluate = pytest.importorskip("evaluate")
FOLDER = Path(__file__).parents[2] / "metrics" / "word_accuracy"
READ, LABELS = ["STARBUCKS", "Opem", "24"], ["Starbucks'", "Open", "24"]


@pytest.fixture(scope="module")
def metric(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evaluate.config.HF_EVALUATE_OFFLINE", True)
        patch.setattr("evaluate.config.HF_MODULES_CACHE", str(tmp_path_factory.mktemp("modules")))
        yield evaluate.load(str(FOLDER), cache_dir=str(tmp_path_factory.mktemp("cache")))


@pytest.mark.parametrize(("protocol", "accuracy"), [("36", 2 / 3), ("62", 1 / 3), ("94", 1 / 3), ("exact", 1 / 3)])
def test_compute(metric, protocol, accuracy):
    results = metric.compute(predictions=READ, references=LABELS, protocol=protocol)
    assert results["word_accuracy"] == pytest.approx(accuracy)
    assert results["cer"] == pytest.approx(character_error_rate(READ, LABELS, PROTOCOLS.get(protocol)))
    low, high = results["confidence_intervals"]["word_accuracy"]
    assert 0 <= low <= accuracy <= high <= 1


def test_batches(metric):
    metric.add_batch(predictions=READ[:2], references=LABELS[:2])
    metric.add(prediction=READ[2], reference=LABELS[2])
    results = metric.compute(resamples=0)
    assert results["word_accuracy"] == pytest.approx(2 / 3)
    figures = {"word_accuracy", "cer", "label_error_rate", "one_minus_ned"}
    assert set(results) == figures | {"words", "left_out", "characters_seen"}


def test_what_a_protocol_does_not_see(metric):
    results = metric.compute(predictions=["", "a"], references=["Привет", "a\u0301b"], resamples=0)
    assert (results["words"], results["left_out"]) == (1, 1)
    assert results["characters_seen"] == pytest.approx(1 / 8)
    with pytest.raises(ValueError, match="the protocol 36 sees no character"):
        metric.compute(predictions=[""], references=["Привет"])
    results = metric.compute(predictions=["e\u0301"], references=["\u00e9"], protocol="exact", resamples=0)
    assert (results["word_accuracy"], results["characters_seen"]) == (1, 1)


def test_unknown_protocol(metric):
    with pytest.raises(ValueError, match="protocol must be one of 36, 62, 94, unicode, exact, not '37'"):
        metric.compute(predictions=["a"], references=["a"], protocol="37")


def test_the_folder_is_a_space():
    _, header, _ = (FOLDER / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    settings = yaml.safe_load(header)
    assert settings["sdk"] == "gradio"
    assert {"evaluate", "metric"} <= set(settings["tags"])
    assert (FOLDER / settings["app_file"]).is_file()
    assert "hf_str" in (FOLDER / "requirements.txt").read_text()


def test_the_page_of_the_space():
    gradio = pytest.importorskip("gradio")
    specification = importlib.util.spec_from_file_location("word_accuracy_app", FOLDER / "app.py")
    app = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(app)
    assert app.compute("STARBUCKS\nOpem", "Starbucks'\nOpen", "36")["word_accuracy"] == 0.5
    with pytest.raises(gradio.Error, match="2 predictions for 1 references"):
        app.compute("a\nb", "a", "36")
