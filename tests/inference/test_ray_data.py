# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The class for Ray Data: by itself, and in Ray where that is installed."""

import io
import math

import numpy as np
import pytest
from transformers import pipeline

from tests.conftest import draw_word


pytest.importorskip("pyarrow")
WORDS = ["hello", "EXIT", "24", "Open"]


@pytest.fixture(scope="module")
def encoded() -> list[bytes]:
    files = [io.BytesIO() for _ in WORDS]
    for file, word in zip(files, WORDS, strict=True):
        draw_word(word).save(file, "PNG")
    return [file.getvalue() for file in files]


@pytest.fixture(scope="module")
def wanted(tiny_checkpoint, encoded) -> list[str]:
    recognizer = pipeline("image-to-text", model=tiny_checkpoint, device="cpu")
    return [one["generated_text"] for (one,) in recognizer(encoded)]


@pytest.fixture(scope="module")
def recognize_words(tiny_checkpoint):
    from hf_str.inference.ray_data import WordRecognizer

    return WordRecognizer(tiny_checkpoint, batch_size=3, device="cpu", precision="float32")


def column(values: list) -> np.ndarray:
    """As Ray makes columns of what is no number."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def test_images_in_every_form(recognize_words, wanted, encoded, tmp_path):
    (tmp_path / "word.png").write_bytes(encoded[3])
    first = np.asarray(draw_word(WORDS[0]))
    images = [first, encoded[1], {"bytes": encoded[2], "path": None}, str(tmp_path / "word.png"), b"no picture", None]
    found = recognize_words({"id": np.arange(6), "image": column(images)})
    assert list(found) == ["id", "text", "score", "problem"]
    assert found["id"].tolist() == list(range(6))
    assert found["text"].tolist() == [*wanted, "", ""]
    assert all(0 < score <= 1 for score in found["score"][:4])
    assert all(math.isnan(score) for score in found["score"][4:])
    assert found["problem"].tolist()[:4] == [""] * 4
    assert "not an image" in found["problem"][4] and found["problem"][5] == "there is no image"
    # images of one size are one array
    stacked = recognize_words({"image": np.stack([first, first])})
    assert stacked["text"].tolist() == wanted[:1] * 2


def test_options(tiny_checkpoint, encoded):
    from hf_str.inference.ray_data import WordRecognizer

    options = {"device": "cpu", "characters": True, "lexicon": ["cat", "house"]}
    recognize_words = WordRecognizer(tiny_checkpoint, image_column="data", **options)
    found = recognize_words({"data": column(encoded)})
    assert set(found["text"]) <= {"cat", "house"}
    for text, characters in zip(found["text"], found["characters"], strict=True):
        assert "".join(one["text"] for one in characters) == text
        assert characters[0].keys() == {"text", "probability", "left", "right"}
    with pytest.raises(ValueError, match="there is no column data, but image, id: give image_column="):
        recognize_words({"image": column(encoded), "id": np.arange(4)})


@pytest.fixture
def ray(monkeypatch):
    monkeypatch.setenv("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    ray = pytest.importorskip("ray")
    pytest.importorskip("ray.data")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)  # one for the actor, one that brings it images
    yield ray
    ray.shutdown()


def test_in_ray(ray, tiny_checkpoint, wanted, encoded):
    from hf_str.inference.ray_data import WordRecognizer

    rows = [{"id": number, "image": image} for number, image in enumerate([*encoded, b"no picture"])]
    options = {"model": tiny_checkpoint, "device": "cpu", "precision": "float32", "characters": True}
    predictions = ray.data.from_items(rows).map_batches(
        WordRecognizer, fn_constructor_kwargs=options, batch_size=4, num_cpus=1, concurrency=1
    )
    found = sorted(predictions.take_all(), key=lambda row: row["id"])
    assert [row["id"] for row in found] == [0, 1, 2, 3, 4]
    assert [row["text"] for row in found] == [*wanted, ""]
    assert [bool(row["problem"]) for row in found] == [False] * 4 + [True]
    assert "".join(one["text"] for one in found[0]["characters"]) == wanted[0]
