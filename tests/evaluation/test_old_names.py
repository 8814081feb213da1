# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Names of version 0.1 still work, with a warning."""

import pytest

from hf_str.evaluation import PROTOCOLS, character_confusions, edit_distance, recognition_metrics, wrongness
from hf_str.evaluation.predictions import PredictionFile, TestSet, check_settings, predict
from hf_str.evaluation.recognizers import open_recognizer


def test_functions_and_arguments():
    pytest.importorskip("rapidfuzz")
    with pytest.warns(FutureWarning, match="wrongness is called normalized_edit_distance now"):
        assert wrongness("abcd", "a") == 0.75
    with pytest.warns(FutureWarning, match="reading is called prediction now"):
        assert edit_distance(reading="ab", label="b") == 1
    with pytest.warns(FutureWarning, match="reading is called prediction now"):
        assert PROTOCOLS["36"].same(reading="EXIT", label="exit")
    with pytest.warns(FutureWarning, match="readings is called predictions now"):
        assert recognition_metrics(readings=["a"], labels=["a"])["word_accuracy"] == 1
    with pytest.warns(FutureWarning, match="readings is called predictions now"):
        assert character_confusions(readings=["a"], labels=["b"]) == {("b", "a"): 1}


def test_settings_of_a_folder(tmp_path):
    with pytest.warns(FutureWarning, match="unread is called pending now"):
        check_settings(tmp_path, {}, [], unread=["a"])


def test_recognizers_read(tiny_checkpoint, word_images):
    recognizer = open_recognizer(tiny_checkpoint)
    with pytest.warns(FutureWarning, match=r"Recognizer\.read is called recognize now"):
        assert recognizer.read(word_images[:2]) == recognizer.recognize(word_images[:2])


def test_the_test_set_of_predict(tiny_checkpoint):
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_dict({"image": [], "text": []})
    with pytest.warns(FutureWarning, match="words is called test_set now"):
        found = predict(open_recognizer(tiny_checkpoint), words=TestSet("a", "a", table), file=PredictionFile(None))
    assert found == []
