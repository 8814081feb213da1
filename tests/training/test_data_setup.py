# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Sources of a run: what is held out, what is never held out, what is left out."""

from pathlib import Path

import numpy as np
import pytest

from hf_str import CRNNImageProcessorPil, CRNNProcessor, CRNNTokenizer
from hf_str.data import load_word_boxes
from hf_str.training import WordCollator
from hf_str.training.arguments import DataArguments, SynthesisArguments
from hf_str.training.data_setup import held_out_rows, load_training_samples, load_validation_sets
from tests.conftest import draw_word
from tests.training.drawing import as_dataset, drawn_words


pytest.importorskip("datasets")


def word_folder(folder: Path, texts: list[str], turned: tuple[str, ...] = ()) -> str:
    (folder / "images").mkdir(parents=True)
    for index, text in enumerate(texts):
        image = draw_word(text)
        (image.rotate(90, expand=True) if text in turned else image).save(folder / "images" / f"{index}.png")
    lines = [f"images/{index}.png\t{text}\n" for index, text in enumerate(texts)]
    (folder / "labels.tsv").write_text("".join(lines), encoding="utf-8")
    return str(folder)


def texts_of(samples) -> set[str]:
    return {sample.text for source in samples.sources for sample in source.words(range(source.length))}


def load(collator, **options):
    data = DataArguments(**options)
    validation = load_validation_sets(data)
    return load_training_samples(data, SynthesisArguments(), collator, validation=validation), validation


TEXTS = [f"word{number}" for number in range(60)]


def test_held_out_samples_are_the_same_everywhere_and_not_trained_on(tmp_path, collator):
    here = word_folder(tmp_path / "here" / "set", TEXTS)
    there = word_folder(tmp_path / "there" / "set", TEXTS)
    other = word_folder(tmp_path / "other", ["lonely"] * 20)
    found = {}
    for percentage in (10, 30):
        for name, sources in (("here", [here]), ("there", [there, other])):
            samples, validation = load(collator, dataset=sources, validation_split_percentage=percentage)
            held_out = set(validation["held_out"]["text"])
            assert texts_of(samples) | held_out >= set(TEXTS)
            assert not (texts_of(samples) & held_out - {"lonely"})
            found[name, percentage] = held_out - {"lonely"}
    assert found["here", 10] == found["there", 10] < found["here", 30] == found["there", 30]
    assert 1 <= len(found["here", 10]) <= 14
    assert 9 <= len(found["here", 30]) <= 27


def test_a_tenth_is_that_of_earlier_versions(tmp_path):
    """crc32 of the last three parts of the path, divisible by ten: validation words of released checkpoints."""
    dataset = load_word_boxes(word_folder(tmp_path / "set", TEXTS))
    names = [Path(image["path"]).name for image in dataset["image"]]
    # By the checksum of "('set', 'images', '6.png')".
    held_out = [name for name, is_held_out in zip(names, held_out_rows(dataset, 10), strict=True) if is_held_out]
    assert held_out == ["6.png", "12.png", "20.png", "30.png", "43.png", "44.png", "45.png"]


def test_words_without_files_are_held_out_by_their_bytes():
    dataset = as_dataset(drawn_words(100))
    rows = held_out_rows(dataset, 20)
    assert 8 <= rows.sum() <= 32
    backwards = dataset.select(range(len(dataset) - 1, -1, -1))
    assert np.array_equal(held_out_rows(backwards, 20)[::-1], rows)
    assert not held_out_rows(dataset, 0).any()
    with pytest.raises(ValueError, match="between 0 and 99, not 100"):
        held_out_rows(dataset, 100)


def test_pseudo_labels_are_never_held_out_and_extra_crops_have_no_validation_text(tmp_path, collator):
    first, second = word_folder(tmp_path / "first", TEXTS), word_folder(tmp_path / "second", TEXTS)
    pseudo = word_folder(tmp_path / "pseudo", [f"read{number}" for number in range(30)])
    samples, validation = load(
        collator,
        dataset=[first],
        pseudo_labeled_dataset=[f"{pseudo}=0.25"],
        extra_crops_dataset=[second],
        validation_split_percentage=20,
    )
    held_out = set(validation["held_out"]["text"])
    real, labeled, crops = samples.sources
    assert labeled.length == 30
    assert {sample.text for sample in crops.words(range(crops.length))} == set(TEXTS) - held_out
    assert crops.left_out["text of a validation sample"] == len(held_out)
    rest = real.length + crops.length
    assert samples.shares == pytest.approx([0.75 * real.length / rest, 0.25, 0.75 * crops.length / rest])


def test_vertical_text_is_left_out_where_it_is_read_after_turning_it(tmp_path, model):
    folder = word_folder(tmp_path / "set", ["level", "vertical", "I"], turned=("vertical",))
    for ratio, expected in ((1.5, {"level", "I"}), (None, {"level", "vertical", "I"})):
        images = CRNNImageProcessorPil(keep_aspect_ratio=True, vertical_aspect_ratio=ratio, min_width=64)
        collator = WordCollator(CRNNProcessor(images, CRNNTokenizer(charset="94")), model.config)
        samples, _ = load(collator, dataset=[folder])
        assert texts_of(samples) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dataset": ["synth"], "validation_split_percentage": 10}, "holds out nothing"),
        ({"dataset": ["{set}"], "pseudo_labeled_dataset": ["synth"]}, "--pseudo_labeled_dataset takes stored samples"),
        ({"dataset": ["{set}=1"], "pseudo_labeled_dataset": ["{set}"]}, "leaves no share for"),
        ({"dataset": ["{set}"], "streaming": True, "extra_crops_dataset": ["{set}"]}, "--streaming cannot hold out"),
    ],
)
def test_sources_that_cannot_be(options, message, tmp_path, collator):
    folder = word_folder(tmp_path / "set", TEXTS[:3])
    filled = {
        name: [entry.format(set=folder) for entry in value] if isinstance(value, list) else value
        for name, value in options.items()
    }
    with pytest.raises(ValueError, match=message):
        load(collator, **filled)
