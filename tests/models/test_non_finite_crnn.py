# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""NaN and infinity, in weights, language models and logits: an error that names the file or the image, no reading."""

import math
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from hf_str import CRNNForCTC, CRNNProcessor, ImageToTextPipeline, PrefixBeamSearch
from hf_str.models.crnn.ctc_decoding_crnn import best_path, frame_log_probs
from hf_str.models.crnn.ctc_ngrams_crnn import CharacterNGrams


BAD = pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])


class Diverged(torch.nn.Module):
    """A recognizer that gives NaN for the images of a batch that are bright at their left edge."""

    def __init__(self, model):
        super().__init__()
        self.model, self.config, self.device, self.dtype = model, model.config, model.device, model.dtype
        self.main_input_name = "pixel_values"

    def can_generate(self):
        return False

    def forward(self, pixel_values, **inputs):
        outputs = self.model(pixel_values, **inputs)
        outputs.logits[pixel_values[..., 0].mean((1, 2)) > 0.5, 0, 0] = math.nan
        return outputs


@pytest.fixture
def reader(tiny_checkpoint):
    model = Diverged(CRNNForCTC.from_pretrained(tiny_checkpoint).eval())
    return ImageToTextPipeline(model=model, processor=CRNNProcessor.from_pretrained(tiny_checkpoint), device="cpu")


@pytest.fixture
def files(word_images, tmp_path):
    """Seven images, of which the sixth is bright at its left edge."""
    paths = [tmp_path / f"{number}.png" for number in range(7)]
    for number, (path, image) in enumerate(zip(paths, word_images, strict=False)):
        pixels = np.asarray(image.convert("L")) // 2
        pixels[:, : pixels.shape[1] // 8] = 255 if number == 5 else 0
        Image.fromarray(pixels).save(path)
    return list(map(str, paths))


@pytest.mark.parametrize("batch_size", [1, 2, 7])
@pytest.mark.parametrize("decoder", ["best_path", "beam_search"])
def test_an_image_is_named(reader, files, batch_size, decoder):
    with pytest.raises(ValueError, match=r"NaN.*\([^ ]*5\.png\)"):
        list(reader(files, batch_size=batch_size, decoder=decoder))
    with pytest.raises(ValueError, match=r"NaN.*\(image 5\)"):
        list(reader((path for path in files), batch_size=batch_size, decoder=decoder))
    with pytest.raises(ValueError, match=r"NaN.*\([^ ]*5\.png\)"):
        reader(files[5], decoder=decoder)
    assert len(list(reader(files[:5], batch_size=batch_size, decoder=decoder))) == 5


@pytest.mark.parametrize("read", [best_path, frame_log_probs, PrefixBeamSearch()])
def test_padding_is_not_looked_at(read):
    logits = torch.zeros(2, 4, 3)
    logits[1, 3] = math.nan
    read(logits, torch.tensor([4, 3]))
    with pytest.raises(ValueError, match=r"NaN.*: 1\)"):
        read(logits, torch.tensor([3, 4]))


def test_images_of_later_parts(monkeypatch):
    """A batch that is searched in parts has its own numbers in the message."""
    monkeypatch.setattr(PrefixBeamSearch, "images_at_once", 2)
    logits = torch.zeros(5, 4, 3)
    logits[3] = math.nan
    with pytest.raises(ValueError, match=r"\(images of the batch, from 0: 3\)"):
        PrefixBeamSearch()(logits)


@BAD
@pytest.mark.parametrize("name", ["ctc_head.bias", "crnn.layers.0.lstm.weight_hh_l0"])
def test_weights(tiny_checkpoint, tmp_path, name, value):
    folder = tmp_path / "model"
    shutil.copytree(tiny_checkpoint, folder)
    weights = load_file(folder / "model.safetensors")
    weights[name].view(-1)[3] = value
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match=rf"model\.safetensors.*NaN or infinite: {name}\."):
        CRNNForCTC.from_pretrained(folder)


def test_huge_weights_are_finite(tiny_checkpoint, tmp_path):
    model = CRNNForCTC.from_pretrained(tiny_checkpoint)
    model.ctc_head.bias.data[:] = 3e38
    model.save_pretrained(tmp_path)
    assert (CRNNForCTC.from_pretrained(tmp_path).ctc_head.bias == 3e38).all()


@BAD
@pytest.mark.parametrize("number", [0, 1])
def test_language_models(tmp_path, number, value):
    levels = [{("a",): (-1.0, -0.5), ("</s>",): (-1.0, 0.0)}, {("a", "a"): (-0.5, 0.0)}]
    good = CharacterNGrams.from_levels(levels)
    name = ("log_probs", "back_offs")[number]
    good.arrays[name][-1] = value
    good.save(tmp_path / "bad.safetensors")
    with pytest.raises(ValueError, match=rf"bad\.safetensors.*{name}.*NaN or infinite"):
        CharacterNGrams.from_file(tmp_path / "bad.safetensors")
    numbers = ["-1", "-0.5"]
    numbers[number] = str(value)
    lines = ["\\data\\", "ngram 1=1", "", "\\1-grams:", f"{numbers[0]}\ta\t{numbers[1]}", "", "\\end\\"]
    (tmp_path / "bad.arpa").write_text("\n".join(lines))
    with pytest.raises(ValueError, match=r"bad\.arpa, line 5.*finite"):
        CharacterNGrams.from_file(tmp_path / "bad.arpa")


@pytest.mark.parametrize("name", ["alpha", "beta", "sure_score", "code_log_odds"])
def test_options_of_the_search(name):
    with pytest.raises(ValueError, match=f"{name} must be a"):
        PrefixBeamSearch(**{name: math.nan})
    PrefixBeamSearch(code_log_odds=-math.inf)
