# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""A recognizer that trains in no time, and words for it."""

import pytest
import torch

from hf_str import CRNNConfig, CRNNForCTC, CRNNImageProcessorPil, CRNNProcessor, CRNNTokenizer
from hf_str.training import WordCollator
from tests.training.drawing import TINY, as_dataset, drawn_words


@pytest.fixture(scope="session")
def dataset():
    return as_dataset(drawn_words(50))


@pytest.fixture
def processor():
    return CRNNProcessor(CRNNImageProcessorPil(), CRNNTokenizer(charset="94"))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return CRNNForCTC(CRNNConfig(vocab_size=95, **TINY))


@pytest.fixture
def collator(processor, model):
    return WordCollator(processor, model.config)


@pytest.fixture
def wide_collator(model):
    """Of words that keep their aspect ratio."""
    image_processor = CRNNImageProcessorPil(keep_aspect_ratio=True)
    return WordCollator(CRNNProcessor(image_processor, CRNNTokenizer(charset="94")), model.config)
