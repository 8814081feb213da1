# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""`hf_str.inference` was called `hf_str.reading` in version 0.1: what that had is still found, with a warning."""

import importlib
import sys

import pytest

from hf_str.inference import bulk_recognizer, predictions, ray_data, shards, windows


@pytest.fixture
def reading(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("hf_str.reading")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.warns(FutureWarning, match="hf_str.reading is called hf_str.inference now"):
        return importlib.import_module("hf_str.reading")


def test_the_package_keeps_its_old_name(reading):
    from hf_str.reading.ray_data import ReadWords
    from hf_str.reading.word_reader import WordReader

    assert (ReadWords, WordReader) == (ray_data.WordRecognizer, bulk_recognizer.BulkRecognizer)
    assert reading.output.write_readings is predictions.write_predictions
    assert reading.output.readings_schema is predictions.prediction_schema
    assert importlib.import_module("hf_str.reading.shards").find_shards is shards.find_shards
    assert importlib.import_module("hf_str.reading.windows").Preparation is windows.Preparation
