# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Fixtures that many tests share."""

import logging
import shutil
import string

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from hf_str import CRNNConfig, CRNNForCTC, CRNNImageProcessorPil, CRNNProcessor, CRNNTokenizer
from hf_str.models.crnn.ctc_ngrams_crnn import CharacterNGrams


torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def loggers_as_before():
    """Scripts that run in this process make loggers quiet for good; tests after them listen to warnings."""
    loggers = [logging.getLogger(name) for name in (None, "hf_str", "transformers", "torch.onnx")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory, word_images) -> str:
    """A checkpoint folder of a small network with random weights that reads something else in every image."""
    torch.manual_seed(0)
    tokenizer, image_processor = CRNNTokenizer(charset="94"), CRNNImageProcessorPil()
    config = CRNNConfig(
        vocab_size=len(tokenizer), conv_channels=[8, 8, 16, 16, 32, 32, 32], hidden_size=32, batch_norms=True
    )
    model = CRNNForCTC(config)
    with torch.no_grad():
        for parameter in model.crnn.layers.parameters():
            parameter.mul_(3)  # a fresh network hardly looks at its image
        model.ctc_head.weight.normal_(std=3)
        model.ctc_head.bias.zero_()[0] = 15  # some frames are blank
        model.train()
        for _ in range(30):  # batch statistics
            model(**image_processor(word_images, return_tensors="pt"))
    model.eval()
    folder = tmp_path_factory.mktemp("checkpoint") / "tiny"
    model.save_pretrained(folder)
    CRNNProcessor(image_processor, tokenizer).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def checkpoint_with_language_model(tiny_checkpoint, tmp_path_factory) -> str:
    """The same with a language model that finds nothing but "e" likely."""
    folder = tmp_path_factory.mktemp("checkpoint") / "tiny_lm"
    shutil.copytree(tiny_checkpoint, folder)
    unigrams = {(token,): (-9.0, 0.0) for token in ("</s>", "<unk>", *string.ascii_lowercase)}
    ngrams = CharacterNGrams.from_levels([unigrams | {("e",): (-0.01, 0.0)}])
    ngrams.save(folder / "language_model.safetensors")
    return str(folder)


@pytest.fixture(scope="session")
def word_images() -> list[Image.Image]:
    """Ten drawn words of different sizes and modes."""
    words = ["hello", "EXIT", "24", "Open", "Bar", "coffee", "Street", "1st", "a", "Wonderful"]
    return [draw_word(word, 14 + 3 * index) for index, word in enumerate(words)]


@pytest.fixture(scope="session")
def word_files(word_images, tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("words")
    for index, image in enumerate(word_images):
        image.save(folder / f"{index}.png")
    return [str(path) for path in sorted(folder.iterdir())]


def draw_word(text: str, size: int = 24, font_file: str | None = None) -> Image.Image:
    """Black on white, tightly cropped, in Pillow's own font, which has ASCII alone, or in that of a file."""
    font = ImageFont.load_default(size) if font_file is None else ImageFont.truetype(font_file, size)
    left, top, right, bottom = font.getbbox(text)
    image = Image.new("RGB", (int(right - left) + 8, int(bottom - top) + 8), "white")
    ImageDraw.Draw(image).text((4 - left, 4 - top), text, fill="black", font=font)
    return image


def random_images(count: int, width: int, height: int = 32, channels: int = 1) -> torch.Tensor:
    """Noise of shape (count, channels, height, width), always the same."""
    return torch.from_numpy(np.random.default_rng(0).standard_normal((count, channels, height, width), np.float32))
