"""Which images go through the network together."""

import pytest
import torch
from PIL import Image

from hf_str import CRNNImageProcessorPil
from hf_str.models.crnn.batching_crnn import Batch, keep_surest, make_batches, window_size


WORDS = [Image.effect_noise((width, 32), 80) for width in (40, 200, 45, 100, 190, 64, 32)]


def check(batches, image_processor):
    """Each image is in one batch, as it is, and as the image processor makes it alone."""
    assert not any(rotation for batch in batches for rotation in batch.rotations)
    assert sorted(place for batch in batches for place in batch.places) == list(range(len(WORDS)))
    for batch in batches:
        assert batch.sizes == [(WORDS[place].height, WORDS[place].width) for place in batch.places]
        for row, place in enumerate(batch.places):
            alone = image_processor(WORDS[place], return_tensors="pt").pixel_values[0]
            assert torch.equal(batch.inputs["pixel_values"][row, ..., : alone.shape[-1]], alone)


def test_images_of_one_size_come_in_their_order():
    image_processor = CRNNImageProcessorPil()
    batches = make_batches(WORDS, image_processor, 3)
    assert [batch.places for batch in batches] == [[0, 1, 2], [3, 4, 5], [6]]
    assert window_size(image_processor, 3) == 3
    check(batches, image_processor)


def test_wide_and_narrow_images_go_apart():
    image_processor = CRNNImageProcessorPil(keep_aspect_ratio=True, max_width=256)
    batches = make_batches(WORDS, image_processor, 4)
    assert [batch.places for batch in batches] == [[6, 0, 2, 5], [3, 4, 1]]
    assert batches[0].inputs["pixel_mask"].sum(-1)[:, 0].tolist() == [32, 40, 45, 64]
    assert window_size(image_processor, 4) > 4
    check(batches, image_processor)


def test_images_of_few_widths_are_never_padded():
    image_processor = CRNNImageProcessorPil(keep_aspect_ratio=True, max_width=256, resize_to_multiple_of=32)
    batches = make_batches(WORDS, image_processor, 5)
    assert [batch.places for batch in batches] == [[6, 0, 2], [5], [3], [4, 1]]
    assert [batch.inputs["pixel_values"].shape[-1] for batch in batches] == [32, 64, 96, 192]
    assert all(list(batch.inputs) == ["pixel_values"] for batch in batches)
    check(batches, image_processor)


def test_a_mask_that_hides_nothing_is_left_out():
    image_processor = CRNNImageProcessorPil(keep_aspect_ratio=True, max_width=256)
    (batch,) = make_batches([WORDS[1]], image_processor, 1)
    assert list(batch.inputs) == ["pixel_values"]


def test_images_that_are_padded_below_keep_their_mask():
    options = {"keep_aspect_ratio": True, "wide_words": "shrink", "max_width": 64, "resize_to_multiple_of": 32}
    batches = make_batches(WORDS, CRNNImageProcessorPil(**options), 7)
    assert [list(batch.inputs) for batch in batches] == [["pixel_values", "pixel_mask"]]


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_images_that_stand_upright_go_in_three_times(batch_size):
    """As they are and turned either way; what is as high as wide, or a little higher, only as it is."""
    options = {"keep_aspect_ratio": True, "max_width": 256, "resize_to_multiple_of": 32, "upright_ratio": 1.5}
    image_processor = CRNNImageProcessorPil(**options)
    images = [WORDS[3], WORDS[3].rotate(270, expand=True), Image.effect_noise((24, 32), 80)]
    batches = make_batches(images, image_processor, batch_size)
    assert all(len(batch.places) <= batch_size for batch in batches)
    views = {
        (place, rotation): (size, pixels)
        for batch in batches
        for place, rotation, size, pixels in zip(*batch[:3], batch.inputs["pixel_values"], strict=True)
    }
    assert sorted(views) == [(0, 0), (1, 0), (1, 90), (1, 270), (2, 0)]
    assert views[1, 0][0] == (100, 32) and views[1, 90][0] == views[1, 270][0] == (32, 100)
    assert torch.equal(views[1, 90][1], views[0, 0][1])  # turned back
    assert torch.equal(views[1, 270][1], views[0, 0][1].flip(1, 2))
    image_processor.upright_ratio = None
    assert sum(len(batch.places) for batch in make_batches(images, image_processor, batch_size)) == 3


def test_the_surest_reading_is_kept():
    def reading(text, *probabilities):
        return {"text": text, "characters": [{"probability": probability} for probability in probabilities]}

    first = Batch([0, 1, 2, 3], [0, 0, 0, 0], [(40, 20)] * 4, {})
    turned = Batch([0, 0, 1, 1, 2, 2, 3], [90, 270, 90, 270, 90, 270, 90], [(20, 40)] * 7, {})
    upright = [reading("ab", 0.9, 0.4), reading("I", 0.5), reading(""), reading("no", 0.9, 0.9)]
    others = [reading("long", 0.7, 0.7, 0.7, 0.7), reading("xy", 0.6, 0.6)]  # 0.7 is more than 0.6, the root of 0.36
    others += [reading("-", 0.99), reading("")]  # one character is a letter on its side
    others += [reading("so", 0.1, 0.1), reading("lo", 0.2, 0.1), reading("on", 0.8, 0.8)]
    found = keep_surest([(first, upright), (turned, others)])
    assert {place: (one["text"], one.get("rotation")) for place, one in found.items()} == {
        0: ("long", 90),
        1: ("I", None),
        2: ("lo", 270),
        3: ("no", None),
    }
