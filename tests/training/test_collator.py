# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""From word boxes to tensors: nothing differs from the image processor, nothing is dropped in silence."""

import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from hf_str import CRNNImageProcessorPil, CRNNProcessor, CRNNTokenizer
from hf_str.data.augmentation import augment_word
from hf_str.training import InvalidSampleError, WordCollator, frames_needed
from tests.conftest import draw_word
from tests.training.drawing import as_row


TEXTS = ["hello", "EXIT", "I", "Wonderful", "24"]


def rows():
    return [{"image": as_row(draw_word(text, 12 + 4 * i), "JPEG"), "text": text} for i, text in enumerate(TEXTS)]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"do_grayscale": False},
        {"size": {"height": 32, "width": 100}, "resample": 2},
        {"keep_aspect_ratio": True},
        {"keep_aspect_ratio": True, "max_width": 256, "min_width": 40, "pad_to_multiple_of": 8},
        {"keep_aspect_ratio": True, "padding": "max_length", "padding_mode": "replicate"},
        {"keep_aspect_ratio": True, "resize_to_multiple_of": 8, "width_rounding": "up", "antialias": False},
        {"keep_aspect_ratio": True, "max_width": 48, "wide_words": "shrink"},
    ],
)
def test_pixels_are_those_of_the_image_processor(options, model):
    image_processor = CRNNImageProcessorPil(**options)
    collator = WordCollator(CRNNProcessor(image_processor, CRNNTokenizer(charset="94")), model.config)
    batch = collator(rows())
    expected = image_processor([row["image"] for row in rows()], return_tensors="pt")
    assert batch.keys() == {*expected.keys(), "labels"}
    for name, tensor in expected.items():
        assert batch[name].dtype == tensor.dtype
        assert (batch[name] - tensor).abs().max() == 0


def test_words_of_a_batch_take_one_width(model):
    """Where widths come in steps; otherwise they are padded."""
    options = {"keep_aspect_ratio": True, "max_width": 256}
    words = [row["image"] for row in rows()]
    for steps in (16, None):
        image_processor = CRNNImageProcessorPil(**options, resize_to_multiple_of=steps)
        collator = WordCollator(CRNNProcessor(image_processor, CRNNTokenizer(charset="94")), model.config, True)
        own = image_processor(words, return_tensors="pt").pixel_mask.sum(-1)[:, 0]
        batch = collator(rows())
        assert ("pixel_mask" in batch) == (steps is None)
        width = int(own.median()) if steps else int(own.max())
        assert batch["pixel_values"].shape == (5, 1, 32, width)
        kept = int((own == width).nonzero()[0])
        alone = image_processor(words[kept], return_tensors="pt").pixel_values[0]
        assert torch.equal(batch["pixel_values"][kept], alone)
        assert torch.isfinite(model(**batch).loss)


class AnotherBackend:
    """An image processor of another class with the same settings, as the one for torchvision is."""

    def to_dict(self):
        settings = CRNNImageProcessorPil(size={"height": 32, "width": 96}, image_mean=0.4).to_dict()
        return settings | {"image_processor_type": "CRNNImageProcessor"}


def test_another_backend_is_replaced_by_its_pillow_twin(processor, model):
    processor.image_processor = AnotherBackend()
    batch = WordCollator(processor, model.config)(rows())
    twin = CRNNImageProcessorPil(size={"height": 32, "width": 96}, image_mean=0.4)
    assert torch.equal(batch["pixel_values"], twin([row["image"] for row in rows()], return_tensors="pt").pixel_values)


def test_labels_are_padded_and_train(collator, model):
    batch = collator(rows())
    tokenizer = collator.tokenizer
    assert batch["labels"].shape == (5, 9)
    for row, text in zip(batch["labels"], TEXTS, strict=True):
        assert row[row != -100].tolist() == tokenizer(text).input_ids
    assert torch.isfinite(model(**batch).loss)


def test_prepared_words_and_rows_give_the_same(collator):
    prepared = [collator.prepare(row["image"], row["text"]) for row in rows()]
    for name, tensor in collator(rows()).items():
        assert torch.equal(collator(prepared)[name], tensor)


@pytest.mark.parametrize(
    ("image", "text", "reason", "message"),
    [
        (as_row(draw_word("a")), "naïve", "outside charset", r"'naïve'.*'ï' \(U\+00EF\)"),
        (as_row(draw_word("a")), "", "empty label", "no characters"),
        (as_row(draw_word("a")), "m" * 20, "too long", "needs 39 frames.*128 pixels wide, gives 31"),
        ({"bytes": b"no image", "path": "x.png"}, "a", "unreadable image", "x.png"),
    ],
)
def test_bad_words_are_named(collator, image, text, reason, message):
    with pytest.raises(InvalidSampleError, match=message) as error:
        collator([{"image": image, "text": text}])
    assert error.value.reason == reason


def test_length_is_held_against_the_own_width(wide_collator):
    with pytest.raises(InvalidSampleError, match="32 pixels wide"):
        wide_collator.prepare(draw_word("a").resize((20, 20)), "abcdefghijklm")
    assert wide_collator.prepare(draw_word("a").resize((80, 20)), "abcdefghijklm").image.width == 128
    assert wide_collator.width_of(0.1) == 32
    assert wide_collator.width_of(100) == 128


def test_frames_needed():
    assert frames_needed([1, 2, 2, 3]) == 5
    assert frames_needed([]) == 0


def test_augmentation_changes_the_image_and_only_by_chance_given(collator):
    def pixels(seed, strength):
        rng = np.random.default_rng(seed)
        return np.asarray(collator.prepare(draw_word("hello"), "hello", rng, strength).image)

    assert (pixels(1, 1.0) == pixels(1, 1.0)).all()
    assert (pixels(1, 1.0) != pixels(2, 1.0)).any()
    assert (pixels(1, 0.0) == pixels(2, 0.0)).all()


def test_augmentation_of_colors():
    pixels = np.asarray(draw_word("hello").convert("RGB"))
    changed = augment_word(pixels, np.random.default_rng(0))
    assert changed.shape[2] == 3 and changed.dtype == np.uint8
    assert changed.std() > 0


def test_augmentation_bends_words_into_arcs():
    line = np.full((40, 200), 255, np.uint8)
    line[18:22, 10:190] = 0
    heights, bows = [], []
    for seed in range(40):
        bent = augment_word(line, np.random.default_rng(seed), 0.3, bend_share=1.0)
        straight = augment_word(line, np.random.default_rng(seed), 0.3, bend_share=0.0)
        assert straight.shape[0] <= 40
        heights.append(bent.shape[0])
        picture = np.asarray(Image.fromarray(bent).resize((200, bent.shape[0]))).astype(float)
        ink = picture.mean() - picture if picture.mean() > 127 else picture - picture.mean()
        middle = np.abs(ink[:, 20:180]).argmax(0)
        bows.append(middle[80] - (middle[0] + middle[-1]) / 2)
    assert np.median(heights) > 44
    assert min(bows) < -2 and max(bows) > 2  # upwards and downwards


def test_travels_to_workers(collator):
    copy = pickle.loads(pickle.dumps(collator))
    assert torch.equal(copy(rows())["pixel_values"], collator(rows())["pixel_values"])
