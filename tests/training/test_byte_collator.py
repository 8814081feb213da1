# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches of bytes give the pixels of the image processor."""

import numpy as np
import pytest
import torch
from PIL import Image

from hf_str import CRNNImageProcessorPil, CRNNProcessor, CRNNTokenizer
from hf_str.training.byte_collator import ByteCollator
from tests.conftest import draw_word


@pytest.mark.parametrize("colors", [{}, {"do_grayscale": False, "image_mean": [0.5, 0.4, 0.3]}])
def test_normalized_bytes_are_the_image_processors_pixels(model, colors):
    image_processor = CRNNImageProcessorPil(**colors)
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


def test_words_of_many_widths_become_one_width(model):
    """The median, and nothing is padding; more where the longest label needs more frames."""
    image_processor = CRNNImageProcessorPil(keep_aspect_ratio=True, max_width=300)
    collator = ByteCollator(CRNNProcessor(image_processor, CRNNTokenizer(charset="94")), model.config)
    images = [Image.effect_noise((width, 32), 80) for width in (40, 100, 60, 80, 300)]
    words = [collator.prepare(image, "word") for image in images]
    batch = collator(words)
    assert batch["pixels"].shape == (5, 1, 32, 80)
    assert torch.equal(batch["pixels"][3, 0], torch.from_numpy(np.array(images[3])))
    squeezed = np.array(images[4].resize((80, 32), Image.BICUBIC))
    assert np.abs(batch["pixels"][4, 0].numpy().astype(int) - squeezed).max() <= 1
    assert batch["labels"].shape == (5, model.config.num_frames(80))
    words[4] = collator.prepare(images[4], "a" * 20)  # 39 frames
    assert collator(words)["pixels"].shape[-1] == 300
