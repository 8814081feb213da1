# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The checkpoint inside the package reads words offline."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import pipeline

import hf_str
from hf_str.models.crnn.charsets_crnn import CHARSETS
from hf_str.models.crnn.ctc_decoders_crnn import make_decoder
from tests.conftest import draw_word


SAMPLES = sorted((Path(hf_str.__file__).parent / "samples").glob("*.png"))
FILES = {"config.json", "model.safetensors", "processor_config.json", "tokenizer.json", "tokenizer_config.json"}
FILES |= {"language_model.safetensors", "NOTICE"}


@pytest.fixture(scope="module")
def reader():
    return pipeline(hf_str.TASK, device="cpu")  # no model named: the embedded one


def test_it_is_small_and_has_no_pickles():
    folder = Path(hf_str.DEFAULT_CHECKPOINT)
    assert {path.name for path in folder.iterdir()} == FILES
    assert sum(path.stat().st_size for path in folder.iterdir()) < 20e6
    config = json.loads((folder / "config.json").read_text())
    assert (config["dtype"], config["vocab_size"]) == ("float32", 1 + len(CHARSETS["latin"]))
    assert sum(path.stat().st_size for path in folder.glob("model*")) < 6.2e6  # half precision


def test_it_says_whose_work_it_is():
    notice = Path(hf_str.DEFAULT_CHECKPOINT, "NOTICE").read_text(encoding="utf-8")
    assert "PaddlePaddle" in notice and "PP-OCRv6" in notice and "Apache" in notice


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_it_reads_the_samples(reader, path):
    (result,) = reader(str(path))
    assert result["generated_text"].lower() == path.stem
    assert 0.1 < result["score"] <= 1


@pytest.mark.parametrize("word", ["Parking", "Hotel", "2026", "PIZZA", "information"])
def test_it_reads_plain_print(reader, word):
    (result,) = reader(draw_word(word, 32), return_characters=True)
    assert result["generated_text"].lower() == word.lower()
    lefts = [character["span"][0] for character in result["characters"]]
    assert lefts == sorted(lefts)


def test_its_language_model_knows_english():
    """Of "cafo" and "cafe", nearly as sure of each other, it reads the word; of numbers it has no such opinion."""
    tokenizer = hf_str.CRNNTokenizer.from_pretrained(hf_str.DEFAULT_CHECKPOINT)
    logits = torch.zeros(2, 8, len(tokenizer))
    for row, text in enumerate(("cafo", "4710")):
        for frame, class_id in enumerate(tokenizer(text).input_ids):
            logits[row, 2 * frame, class_id] = logits[row, 2 * frame + 1, 0] = 14
    logits[:, 6, tokenizer("e1").input_ids] = 13.9
    found = make_decoder(None, tokenizer)(logits)
    assert ["".join(tokenizer.convert_ids_to_tokens(one.ids)) for (one,) in found] == ["cafe", "4710"]


@pytest.mark.parametrize("text", ["Café", "Straße", "Żółw", "Güneş", "Příliš", "No. 12/B", "KX-4071"])
def test_it_reads_europe_spaces_and_codes(reader, text):
    font = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
    if not text.isascii() and not font.exists():
        pytest.skip("no font with these letters here: apt install fonts-dejavu")
    (result,) = reader(draw_word(text, 48, None if text.isascii() else str(font)))
    assert result["generated_text"] == text


def test_where_there_is_no_text_it_reads_none(reader):
    """Flat gray, noise and a gradient: empty, or a text of which it is not sure."""
    rng = np.random.default_rng(0)
    crops = [np.full((48, 160), 120), rng.integers(0, 256, (48, 160)), np.tile(np.linspace(60, 200, 160), (48, 1))]
    for (result,) in reader([Image.fromarray(crop.astype(np.uint8)) for crop in crops]):
        assert result["generated_text"] == "" or result["score"] < 0.3
