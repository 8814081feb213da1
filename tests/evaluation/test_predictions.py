# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Predictions that are written as they come, and go on where they stopped."""

import json

import pytest

from hf_str.data.preparation import SettingsChangedError
from hf_str.evaluation.predictions import Prediction, PredictionFile, TestSet, check_settings, predict
from hf_str.models.crnn.ctc_decoding_crnn import NonFiniteLogitsError
from tests.conftest import draw_word


datasets = pytest.importorskip("datasets")


class WidthRecognizer:
    """Recognizes an image as its width; remembers its batches."""

    def __init__(self, sorts_by_width: bool = False):
        self.sorts_by_width, self.batches = sorts_by_width, []

    def recognize(self, images, lexicons=None):
        self.batches.append([image.width for image in images])
        words = lexicons or [()] * len(images)
        return [(" ".join([str(image.width), *own]), 0.5) for image, own in zip(images, words, strict=True)]


@pytest.fixture
def words(tmp_path) -> TestSet:
    """Seven images, wider and wider; the third is broken, the fifth missing."""
    paths = []
    for number in range(7):
        paths.append(tmp_path / f"{number}.png")
        draw_word("a" * (number + 1)).save(paths[-1])
    paths[2].write_bytes(b"no picture")
    paths[4].unlink()
    images = [{"bytes": None, "path": str(path)} for path in paths]
    features = datasets.Features({"image": datasets.Image(decode=False), "text": datasets.Value("string")})
    table = datasets.Dataset.from_dict({"image": images, "text": list("abcdefg")}, features=features)
    return TestSet("set", "data/set", table)


def shown(predictions):
    return [(p.row, p.name, p.label, p.text, p.width, p.height, bool(p.problem)) for p in predictions]


def test_every_word_is_read_once_in_order(words):
    recognizer, counts = WidthRecognizer(), []
    found = predict(recognizer, words, PredictionFile(None), batch_size=3, progress=counts.append)
    assert [p.row for p in found] == list(range(7))
    assert [p.label for p in found] == list("abcdefg")
    assert [len(batch) for batch in recognizer.batches] == [2, 2, 1]
    assert sum(counts) == 7
    for p in found:
        if p.row in (2, 4):
            assert (p.text, p.score, p.width) == ("", 0.0, 0)
            assert f"{p.row}.png" in p.problem
        else:
            assert (p.text, p.score, p.problem) == (str(p.width), 0.5, "")
        assert p.seconds > 0


def test_widths_are_read_together_where_that_is_better(words):
    recognizer = WidthRecognizer(sorts_by_width=True)
    found = predict(recognizer, words, PredictionFile(None), batch_size=3)
    widths = [width for batch in recognizer.batches for width in batch]
    assert widths == sorted(widths, reverse=True)
    assert shown(found) == shown(predict(WidthRecognizer(), words, PredictionFile(None)))


@pytest.mark.parametrize("torn", ["", '{"row": 6, "na'])
def test_a_run_goes_on_where_it_stopped(words, tmp_path, torn):
    whole = predict(WidthRecognizer(), words, PredictionFile(tmp_path / "whole.jsonl"), batch_size=2)
    lines = (tmp_path / "whole.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "part.jsonl").write_text("".join(lines[:3]) + torn)
    recognizer = WidthRecognizer()
    found = predict(recognizer, words, PredictionFile(tmp_path / "part.jsonl"), batch_size=2)
    assert shown(found) == shown(whole)
    assert sum(map(len, recognizer.batches)) == 3  # of the batch that was cut, both are read again; two are broken
    written = [json.loads(line)["row"] for line in (tmp_path / "part.jsonl").read_text().splitlines()]
    assert sorted(written) == list(range(7))
    again = WidthRecognizer()
    assert shown(predict(again, words, PredictionFile(tmp_path / "part.jsonl"), batch_size=2)) == shown(whole)
    assert again.batches == []


def test_lexicons_come_with_their_images(words):
    lexicons = [[letter] for letter in "tuvwxyz"]
    found = predict(WidthRecognizer(), TestSet("set", "x", words.table, lexicons), PredictionFile(None), batch_size=4)
    assert [p.text.split()[1] for p in found if not p.problem] == list("tuwyz")


def test_processes_that_open_images(words):
    found = predict(WidthRecognizer(), words, PredictionFile(None), batch_size=3, num_workers=1)
    assert shown(found) == shown(predict(WidthRecognizer(), words, PredictionFile(None)))


def test_settings_that_changed(words, tmp_path):
    check_settings(tmp_path / "out", {"model": "a", "protocol": ["36"]}, [words])
    check_settings(tmp_path / "out", {"model": "a", "protocol": ["36"]}, [words])
    with pytest.raises(SettingsChangedError, match="other settings: model 'a', now 'b'"):
        check_settings(tmp_path / "out", {"model": "b", "protocol": ["36"]}, [words])
    with pytest.raises(SettingsChangedError, match="protocol"):
        check_settings(tmp_path / "out", {"model": "a", "protocol": ["36", "94"]}, [words])
    further = TestSet("more", "data/more", words.table)
    check_settings(tmp_path / "out", {"model": "a", "protocol": ["36"]}, [further])
    other = TestSet("set", "data/set", words.table.select(range(3)))
    with pytest.raises(SettingsChangedError, match="set: other samples"):
        check_settings(tmp_path / "out", {"model": "a", "protocol": ["36"]}, [further, other])


def test_names_of_images(words):
    assert words.paths[0].endswith("/0.png")
    nameless = [{"bytes": b"x", "path": None}]
    features = datasets.Features({"image": datasets.Image(decode=False), "text": datasets.Value("string")})
    table = datasets.Dataset.from_dict({"image": nameless, "text": ["a"]}, features=features)
    assert TestSet("set", "x", table).paths == ["set[0]"]


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_scores_that_are_no_numbers_are_not_written(tmp_path, score):
    file = PredictionFile(tmp_path / "predictions.jsonl")
    with pytest.raises(ValueError, match=r"row 3, a\.png: the score of its prediction 'word' is"):
        file.add([Prediction(3, "a.png", "label", "word", score, 1, 1, 0.1)])
    assert not file.path.exists()


def test_an_image_without_probabilities_is_named(words):
    class Diverged(WidthRecognizer):
        def recognize(self, images, lexicons=None):
            raise NonFiniteLogitsError([1])

    with pytest.raises(ValueError, match=r"NaN.*\(1\.png, row 1\)"):
        predict(Diverged(), words, PredictionFile(None), batch_size=3)
