# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Words that cannot be trained on are found before training, named and counted."""

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import DataLoader

from hf_str.training import (
    InvalidSampleError,
    InvalidSamples,
    RenderedSamples,
    StoredSamples,
    TrainingSamples,
    check_samples,
)
from hf_str.training.invalid_samples import image_size
from tests.conftest import draw_word
from tests.training.drawing import as_dataset, as_row


def test_labels_are_checked_without_opening_images(collator):
    texts = ["good", "naïve", "", "m" * 20, "fine", "ü"]
    images = [{"bytes": b"never opened", "path": None}] * len(texts)
    rows, ratios, report = check_samples(as_dataset(texts, images), "mine", collator, "drop")
    assert rows.tolist() == [0, 4]
    assert ratios is None
    assert report.counts == {"outside charset": 2, "empty label": 1, "too long": 1}
    assert (report.checked, report.num_invalid) == (6, 4)
    assert "row 1: the label 'naïve'" in str(report)
    assert "row 3: the label 'mmmm" in str(report)


def test_error_names_all_kinds(collator):
    dataset = as_dataset(["good", "naïve", "m" * 20])
    with pytest.raises(ValueError, match=r"(?s)3 samples, 2 of them.*'ï'.*39 frames.*--bad_labels drop"):
        check_samples(dataset, "mine", collator)


def test_long_lists_are_cut_and_counted(collator):
    _, _, report = check_samples(as_dataset(["good"] + ["ü"] * 15), "mine", collator, "drop")
    assert "... and 5 more" in str(report)


def test_nothing_left(collator):
    with pytest.raises(ValueError, match="nothing left"):
        check_samples(as_dataset(["ü"]), "mine", collator, "drop")


def test_sizes_are_checked_where_they_matter(wide_collator):
    narrow, wide = draw_word("x").resize((16, 16)), draw_word("x").resize((64, 16))
    images = [as_row(narrow), as_row(wide), {"bytes": b"broken", "path": None}]
    rows, ratios, report = check_samples(as_dataset(["abcdefghij"] * 3, images), "mine", wide_collator, "drop")
    assert rows.tolist() == [1]
    assert ratios[:2].tolist() == [1, 4]
    assert report.counts == {"too long": 1, "unreadable image": 1}


def test_image_size_follows_the_exif_orientation(tmp_path):
    image = Image.new("L", (30, 10))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    image.save(tmp_path / "plain.png")
    assert image_size({"bytes": None, "path": str(tmp_path / "turned.jpg")}) == (10, 30)
    assert image_size(as_row(image)) == (30, 10)
    assert image_size(tmp_path / "plain.png") == image_size(image) == (30, 10)
    with pytest.raises(OSError):
        image_size({"bytes": b"?", "path": None})


@pytest.mark.parametrize("num_workers", [0, 1])
def test_words_that_turn_up_later_are_counted_across_processes(collator, num_workers):
    images = [as_row(draw_word("ab")) for _ in range(6)]
    images[2] = images[3] = {"bytes": b"broken", "path": None}
    invalid_samples = InvalidSamples("drop")
    words = TrainingSamples([StoredSamples(as_dataset(["ab"] * 6, images))], collator, invalid_samples=invalid_samples)
    loader = DataLoader(words, batch_sampler=[[0, 1, 2], [3, 4, 5]], collate_fn=collator, num_workers=num_workers)
    assert [len(batch["labels"]) for batch in loader] == [3, 3]  # batches stay full
    assert invalid_samples.count >= 2


def test_drop_names_the_first_ones(caplog):
    invalid_samples = InvalidSamples("drop", named=2)
    for row in range(4):
        invalid_samples.found(f"row {row}", InvalidSampleError("it is blurred", "blurred"))
    assert [record.getMessage() for record in caplog.records] == [
        "Left out row 0: it is blurred.",
        "Left out row 1: it is blurred. Further ones are only counted.",
    ]
    assert invalid_samples.count == 4


def test_error_stops_at_once():
    with pytest.raises(InvalidSampleError, match=r"row 7 cannot be trained on: it is blurred; .*--bad_labels drop"):
        InvalidSamples("error").found("row 7", InvalidSampleError("it is blurred", "blurred"))
    with pytest.raises(ValueError, match="'ignore'"):
        InvalidSamples("ignore")


def test_rendered_words_that_do_not_fit_are_drawn_anew(collator):
    """They are nobody's mistake: a run with `--bad_labels error` goes on, and counts them."""

    class Renderer:
        def text(self, position: int) -> str:
            return "abc" * 40 if position % 2 else "ab"

        def render(self, position: int):
            return np.asarray(draw_word("ab")), self.text(position)

    words = TrainingSamples([RenderedSamples(Renderer)], collator, [1.0], invalid_samples=InvalidSamples("error"))
    batch = collator([words[index] for index in range(8)])
    assert batch["labels"].shape == (8, 2)
    assert words.invalid_samples.count == 4


def test_a_source_without_any_good_word_ends(collator):
    images = [{"bytes": b"broken", "path": None}] * 3
    words = TrainingSamples(
        [StoredSamples(as_dataset(["ab"] * 3, images))], collator, invalid_samples=InvalidSamples("drop", named=0)
    )
    with pytest.raises(ValueError, match="100 samples in a row"):
        words[0]
    assert np.isfinite(words.invalid_samples.count)


def test_labels_that_run_from_right_to_left_are_said(collator, monkeypatch):
    said = []
    monkeypatch.setattr("hf_str.training.invalid_samples.logger.warning", said.append)
    check_samples(as_dataset(["good", "שלום"]), "mine", collator, "drop")
    assert any("1 of 2 labels are in a script that runs from right to left, such as 'שלום'" in text for text in said)
    said.clear()
    check_samples(as_dataset(["good"]), "mine", collator)
    assert not said
