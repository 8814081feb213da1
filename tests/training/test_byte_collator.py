"""Batches of bytes give the pixels of the image processor."""

import pytest
import torch

from hf_str import CRNNImageProcessorPil, CRNNProcessor, CRNNTokenizer
from hf_str.training.byte_collator import ByteCollator
from tests.conftest import draw_word


@pytest.mark.parametrize("colours", [{}, {"do_grayscale": False, "image_mean": [0.5, 0.4, 0.3]}])
def test_normalised_bytes_are_the_image_processors_pixels(model, colours):
    image_processor = CRNNImageProcessorPil(**colours)
    collator = ByteCollator(CRNNProcessor(image_processor, CRNNTokenizer(charset="94")), model.config)
    images = [draw_word(text) for text in ("one", "three")]
    batch = collator([collator.prepare(image, text) for image, text in zip(images, ("one", "three"), strict=True)])
    assert batch["pixels"].dtype == torch.uint8
    assert torch.equal(
        collator.normalize(batch["pixels"]), image_processor(images, return_tensors="pt")["pixel_values"]
    )
    assert batch["labels"].shape == (2, model.config.num_frames(128))  # whatever the words: batches can be joined
    texts = collator.tokenizer.batch_decode(batch["labels"], group_tokens=False)
    assert texts == ["one", "three"]
    assert (batch["labels"][0, 3:] == -100).all()


def test_bytes_of_many_widths_are_refused(model):
    processor = CRNNProcessor(CRNNImageProcessorPil(keep_aspect_ratio=True), CRNNTokenizer(charset="94"))
    with pytest.raises(ValueError, match="keep_aspect_ratio"):
        ByteCollator(processor, model.config)
