"""Which images go through the network together."""

import torch
from PIL import Image

from hf_str import CRNNImageProcessorPil
from hf_str.models.crnn.batching_crnn import make_batches, window_size


WORDS = [Image.effect_noise((width, 32), 80) for width in (40, 200, 45, 100, 190, 64, 32)]


def check(batches, image_processor):
    """Each image is in one batch, as the image processor makes it alone."""
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
