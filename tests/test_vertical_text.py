# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Words that run up or down a picture are read by everything that reads words."""

from pathlib import Path

import pytest
from PIL import ImageChops
from transformers import pipeline

import hf_str
from hf_str import CRNNForCTC, CRNNProcessor, load_word_image
from hf_str.evaluation.recognizers import open_recognizer
from hf_str.explanation import recognize_and_explain
from hf_str.inference.bulk_recognizer import BulkRecognizer
from hf_str.inference.windows import Preparation, Window


pytest.importorskip("pyarrow")
SAMPLES = sorted((Path(hf_str.__file__).parent / "samples").glob("*.png"))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("vertical")
    processor = CRNNProcessor.from_pretrained(hf_str.DEFAULT_CHECKPOINT)
    processor.image_processor.vertical_aspect_ratio = 1.5
    processor.save_pretrained(folder)
    CRNNForCTC.from_pretrained(hf_str.DEFAULT_CHECKPOINT).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def level(checkpoint) -> list[str]:
    """What the samples say."""
    reader = pipeline("image-to-text", model=checkpoint, device="cpu")
    readings = [reading for (reading,) in reader([str(path) for path in SAMPLES])]
    assert not any("rotation" in reading for reading in readings)
    return [reading["generated_text"] for reading in readings]


@pytest.mark.parametrize("rotation", [90, 270])
def test_every_reader_turns_them(checkpoint, level, rotation):
    images = [load_word_image(path).rotate(-rotation, expand=True) for path in SAMPLES]
    reader = pipeline("image-to-text", model=checkpoint, device="cpu")
    for readings in ([reader(image) for image in images], reader(images, batch_size=4)):
        assert [(one["generated_text"], one["rotation"]) for (one,) in readings] == [(t, rotation) for t in level]
    assert [text for text, _ in open_recognizer(checkpoint).recognize(images)] == level
    bulk = BulkRecognizer(checkpoint, device="cpu", precision="float32")
    window = Preparation(bulk.processor, batch_size=4)[Window(0, 0, [(None, image) for image in images])]
    assert bulk.predict(window)["text"].to_pylist() == level


def test_spans_are_those_in_the_turned_image(checkpoint):
    image = load_word_image(SAMPLES[0])
    reader = pipeline("image-to-text", model=checkpoint, device="cpu", return_characters=True)
    expected, turned = reader(image)[0], reader(image.rotate(-90, expand=True))[0]
    for one, other in zip(turned["characters"], expected["characters"], strict=True):
        assert one["span"] == pytest.approx(other["span"], abs=0.01)
    assert turned["score"] == pytest.approx(expected["score"], abs=1e-4)


def test_the_explanation_shows_the_turned_image(checkpoint, level):
    reader = pipeline("image-to-text", model=checkpoint, device="cpu")
    image = load_word_image(SAMPLES[0])
    _, expected = recognize_and_explain(image, reader.model, reader.processor)
    reading, drawn = recognize_and_explain(image.rotate(-90, expand=True), reader.model, reader.processor)
    assert (reading["text"], reading["rotation"]) == (level[0], 90)
    assert ImageChops.difference(drawn, expected).getbbox() is None


def test_without_the_ratio_nothing_is_turned(checkpoint, level):
    reader = pipeline("image-to-text", model=checkpoint, device="cpu")
    reader.processor.image_processor.vertical_aspect_ratio = None
    readings = reader([load_word_image(path).rotate(-90, expand=True) for path in SAMPLES])
    assert not any(reading["generated_text"] in level or "rotation" in reading for (reading,) in readings)
