# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Greedy predictions of validation sets and what is made of them."""

import json
import math

import pytest
import torch

from hf_str import CRNNTokenizer
from hf_str.models.crnn import image_batching_crnn
from hf_str.training import ValidationPrediction, ValidationReport, WordCollator, evaluate
from hf_str.training.validation import check_validation, evaluate_all
from tests.conftest import draw_word
from tests.training.drawing import as_dataset, as_row


def report(*pairs):
    predictions = [ValidationPrediction(row, text, label, score) for row, (text, label, score) in enumerate(pairs)]
    return ValidationReport(predictions, {})


def test_predictions_are_those_of_the_model(model, collator, dataset):
    result = evaluate(model, collator, dataset, batch_size=7)
    assert [one.row for one in result.predictions] == list(range(50))
    assert [one.label for one in result.predictions] == list(dataset["text"])
    model.eval()
    inputs = collator.image_processor([row["image"] for row in dataset], return_tensors="pt")
    with torch.no_grad():
        expected = collator.tokenizer.batch_decode(model(**inputs).logits.argmax(-1))
    assert [one.text for one in result.predictions] == expected
    assert all(0 <= one.score <= 1 for one in result.predictions)
    assert result.metrics["word_accuracy"] == sum(map(str.__eq__, expected, dataset["text"])) / 50


def test_nothing_is_disturbed(model, collator, dataset):
    model.train()
    torch.manual_seed(3)
    evaluate(model, collator, dataset, num_workers=1)
    drawn = torch.rand(3)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(3))
    assert model.training


def test_unreadable_images_are_wrong_and_named(model, collator):
    images = [as_row(draw_word("ab")), {"bytes": b"broken", "path": None}]
    result = evaluate(model, collator, as_dataset(["ab", "cd"], images))
    assert result.predictions[1].text == ""
    assert "cannot read" in result.table()
    assert evaluate(model, collator, as_dataset(["cd"], images[1:])).metrics["word_accuracy"] == 0
    with pytest.raises(ValueError, match="no samples"):
        evaluate(model, collator, as_dataset([]))


def test_words_outside_the_charset_count_as_errors(model, collator):
    result = evaluate(model, collator, as_dataset(["né"], [as_row(draw_word("ne"))]))
    assert result.metrics["word_accuracy"] == 0
    assert result.metrics["unwritable"] == 1
    assert result.metrics["characters_seen_36"] == 0.5


def test_validation_labels_outside_the_charset_are_said_before_training(processor, caplog):
    sets = {"signs": as_dataset(["café", "no", "été"], [as_row(draw_word("ne"))] * 3)}
    check_validation(sets, processor.tokenizer)
    assert "Validation set 'signs': 2 of 3 labels cannot be read right: the model cannot write 'é' (U+00E9) in 2" in (
        caplog.text
    )
    caplog.clear()
    check_validation({"signs": as_dataset(["no"])}, processor.tokenizer, "word_accuracy_36")
    check_validation({}, processor.tokenizer, "word_accuracy_36")
    assert not caplog.text
    sets = {"signs": as_dataset(["Привет"], [as_row(draw_word("ne"))])}
    with pytest.raises(
        ValueError, match="--metric_for_best_model word_accuracy_36: the protocol 36 sees no character"
    ):
        check_validation(sets, CRNNTokenizer("Привет"), "word_accuracy_36")


def test_labels_in_the_other_case_are_said_before_training(model, processor, caplog):
    """A charset of lower-case letters reads "exit" where the label is "EXIT": exactly right, it can never be."""
    sets = {"signs": as_dataset(["EXIT", "no", "24"], [as_row(draw_word("ne"))] * 3)}
    tokenizer = CRNNTokenizer("36")
    check_validation(sets, tokenizer)
    assert "'signs': 1 of 3 labels have letters in a case that the charset lacks: word_accuracy counts" in caplog.text
    caplog.clear()
    check_validation(sets, tokenizer, "word_accuracy_36")
    check_validation(sets, processor.tokenizer)
    assert not caplog.text


def test_figures_of_another_script(model, processor):
    """A network that reads nothing has no word right, though nothing of the labels is left under 36 characters."""
    processor.tokenizer = CRNNTokenizer(["Привет"[index % 6] + str(index) for index in range(94)])
    collator = WordCollator(processor, model.config)
    dataset = as_dataset(["Привет", "и\u0306"], [as_row(draw_word("ne"))] * 2)
    metrics = evaluate(model, collator, dataset).metrics
    assert metrics["word_accuracy"] == metrics["word_accuracy_unicode"] == metrics["characters_seen_36"] == 0
    assert "word_accuracy_36" not in metrics


def test_labels_typed_in_nfd_are_compared_in_nfc(model, collator):
    result = evaluate(model, collator, as_dataset(["e\u0301"], [as_row(draw_word("e"))]))
    assert [one.label for one in result.predictions] == ["\u00e9"]


def test_worst_errors_come_first(tmp_path):
    result = report(
        ("hello", "hello", 1), ("hallo", "hello", 0.9), ("x", "hello", 0.2), ("y", "hello", 0.7), ("", "", 1)
    )
    assert [one.row for one in result.worst(9)] == [3, 2, 1]
    assert [one.row for one in result.worst(1)] == [3]
    lines = result.table(2).splitlines()
    assert len(lines) == 3
    assert lines[1].split() == ["3", "1.00", "0.700", "hello", "y"]
    result.write(tmp_path / "errors" / "x.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "errors" / "x.jsonl").read_text().splitlines()]
    assert rows[0] == {"row": 3, "label": "hello", "prediction": "y", "score": 0.7, "problem": ""}


def test_logits_are_bounded_and_predictions_the_same(model, collator, wide_collator, dataset, monkeypatch):
    """A whole dictionary's logits would fill the memory: here, the network never gets more than three words."""
    frames, sizes = model.config.num_frames(128), []
    forward = type(model).forward

    def noting(self, pixel_values, **kwargs):
        sizes.append(len(pixel_values))
        return forward(self, pixel_values, **kwargs)

    monkeypatch.setattr(type(model), "forward", noting)
    for either in (collator, wide_collator):  # without a mask and with one
        whole = evaluate(model, either, dataset, batch_size=50)
        with monkeypatch.context() as patch:
            patch.setattr(image_batching_crnn, "LOGITS_BYTES", 3 * frames * 95 * 4)
            parts = evaluate(model, either, dataset, batch_size=50)
        assert [(r.row, r.text) for r in parts.predictions] == [(r.row, r.text) for r in whole.predictions]
        assert [r.score for r in parts.predictions] == pytest.approx([r.score for r in whole.predictions], abs=1e-6)
        assert sizes.pop(0) == 50
        assert max(sizes) <= 3 < sum(sizes) == 50
        sizes.clear()


def test_several_sets(model, collator, dataset, tmp_path):
    sets = {"a": dataset, "b": dataset.select(range(10))}
    metrics, table = evaluate_all(model, collator, sets, tmp_path)
    assert metrics["cer"] == pytest.approx((metrics["a_cer"] + metrics["b_cer"]) / 2)
    assert "b, the worst errors" in table
    assert {path.name for path in tmp_path.iterdir()} == {"a_errors.jsonl", "b_errors.jsonl"}
    alone, _ = evaluate_all(model, collator, {"a": dataset}, tmp_path, rank=0)
    assert alone["cer"] == metrics["a_cer"]
    assert "a_cer" not in alone


def test_a_model_that_diverged_has_figures(model, collator, dataset, tmp_path, caplog):
    """NaN for some images or all of them: they are wrong, named, and the figures and the report stay numbers."""
    good = evaluate(model, collator, dataset, batch_size=4)
    forward = model.forward

    def sometimes_nan(**inputs):
        outputs = forward(**inputs)
        outputs.logits[1] = torch.nan
        return outputs

    model.forward = sometimes_nan
    with caplog.at_level("WARNING"):
        found = evaluate(model, collator, dataset, batch_size=4)
    count = -(-len(dataset) // 4)
    assert f"{count} of {len(dataset)} samples count as errors: the model gives NaN" in caplog.text
    for one, before in zip(found.predictions, good.predictions, strict=True):
        assert (one.text, one.problem != "") == (("", True) if one.row % 4 == 1 else (before.text, False))
    model.forward = forward
    model.ctc_head.bias.data[:] = torch.nan
    metrics, table = evaluate_all(model, collator, {"validation": dataset}, tmp_path)
    assert metrics["word_accuracy"] == 0 and all(math.isfinite(value) for value in metrics.values())
    assert "the model gives NaN or infinity" in table
    lines = (tmp_path / "validation_errors.jsonl").read_text().splitlines()
    assert {json.loads(line)["score"] for line in lines} == {0.0}
