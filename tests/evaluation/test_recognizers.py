# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Every family of recognizers behind one method: its predictions are what its own processor makes of its outputs."""

import math
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, BertConfig, VisionEncoderDecoderModel, pipeline

from hf_str import CRNNForCTC, CRNNImageProcessorPil, CRNNProcessor
from hf_str.evaluation.recognizers import fingerprint, nearest_word, open_recognizer
from tests.evaluation import foreign_models


@pytest.fixture(scope="module")
def wide_checkpoint(tiny_checkpoint, tmp_path_factory) -> str:
    """The tiny network with images that keep their aspect ratio."""
    folder = tmp_path_factory.mktemp("wide") / "model"
    shutil.copytree(tiny_checkpoint, folder)
    processor = CRNNProcessor.from_pretrained(folder)
    CRNNProcessor(CRNNImageProcessorPil(keep_aspect_ratio=True), processor.tokenizer).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def trocr(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("trocr")
    foreign_models.save_trocr(folder)
    return folder


def test_crnn_reads_as_the_pipeline(tiny_checkpoint, wide_checkpoint, word_images):
    for checkpoint in (tiny_checkpoint, wide_checkpoint):
        recognizer = open_recognizer(checkpoint)
        expected = pipeline("image-to-text", model=checkpoint, device="cpu")(word_images, batch_size=10)
        for (text, score), (result,) in zip(recognizer.recognize(word_images), expected, strict=True):
            assert text == result["generated_text"]
            assert score == pytest.approx(result["score"], abs=1e-5)
        assert recognizer.sorts_by_width == (checkpoint == wide_checkpoint)
        assert recognizer.num_parameters == CRNNForCTC.from_pretrained(checkpoint).num_parameters()


def test_crnn_in_another_precision(tiny_checkpoint, word_images, trocr):
    optimized = open_recognizer(tiny_checkpoint, precision="float32")
    assert optimized.model.is_optimized_for_inference
    expected = open_recognizer(tiny_checkpoint).recognize(word_images)
    for (text, score), (same, before) in zip(optimized.recognize(word_images), expected, strict=True):
        assert text == same
        assert score == pytest.approx(before, abs=1e-4)
    with pytest.raises(ValueError, match=r"\(encoder-decoder\) runs as it is: only CRNN takes a precision"):
        open_recognizer(str(trocr), precision="auto")


def test_crnn_with_another_decoder(tiny_checkpoint, word_images):
    greedy = open_recognizer(tiny_checkpoint).recognize(word_images)
    searched = open_recognizer(tiny_checkpoint, decoding={"decoder": "beam_search", "beam_width": 8}).recognize(
        word_images
    )
    expected = pipeline("image-to-text", model=tiny_checkpoint, device="cpu", decoder="beam_search")(word_images)
    assert len(searched) == len(greedy)
    assert searched[0][0] == expected[0][0]["generated_text"]
    with pytest.raises(ValueError, match="does not take beam_width"):
        open_recognizer(tiny_checkpoint, decoding={"decoder": "best_path", "beam_width": 8}).recognize(word_images)


def test_crnn_with_lexicons(tiny_checkpoint, word_images):
    """Each image is read with its own words, whether images share them or not."""
    recognizer, shared = open_recognizer(tiny_checkpoint), ["hello", "EXIT", "24"]
    lexicons = [shared, ["Open", "Bar"], shared, ["coffee", "shop"]]
    together = recognizer.recognize(word_images[:4], lexicons)
    assert all(text in words for (text, _), words in zip(together, lexicons, strict=True))
    alone = [recognizer.recognize([image], [words])[0] for image, words in zip(word_images, lexicons, strict=False)]
    assert [text for text, _ in together] == [text for text, _ in alone]
    read = recognizer.recognize(word_images[:1])[0][0]
    assert recognizer.recognize(word_images[:1], [["neverever", read]])[0][0] == read


@pytest.fixture
def onnx_file(tiny_checkpoint, word_images, tmp_path) -> Path:
    """The tiny network as a graph for ten images, its processor beside it."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    processor = CRNNProcessor.from_pretrained(tiny_checkpoint)
    processor.save_pretrained(tmp_path)
    pixel_values = processor.image_processor(word_images, return_tensors="pt").pixel_values
    export(Logits(tiny_checkpoint), {"pixel_values": pixel_values}, tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


class Logits(torch.nn.Module):
    """A network that gives nothing but its logits."""

    def __init__(self, checkpoint: str):
        super().__init__()
        self.model = CRNNForCTC.from_pretrained(checkpoint).eval()

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        return self.model(pixel_values).logits


def export(model: torch.nn.Module, inputs: dict[str, torch.Tensor], file: Path):
    arguments, names = tuple(inputs.values()), list(inputs)
    torch.onnx.export(model, arguments, str(file), input_names=names, output_names=["logits"], dynamo=False)


def test_onnx_reads_as_torch(onnx_file, tiny_checkpoint, word_images):
    recognizer = open_recognizer(str(onnx_file))
    expected = open_recognizer(tiny_checkpoint).recognize(word_images)
    for (text, score), (expected_text, expected_score) in zip(
        recognizer.recognize(word_images), expected, strict=True
    ):
        assert text == expected_text
        assert score == pytest.approx(expected_score, abs=1e-4)
    assert recognizer.num_parameters is None


def test_onnx_of_wide_images_takes_the_mask(onnx_file, wide_checkpoint, word_images):
    processor = CRNNProcessor.from_pretrained(wide_checkpoint)
    processor.save_pretrained(onnx_file.parent)
    with pytest.raises(ValueError, match="no input for pixel_mask, but pixel_values"):
        open_recognizer(str(onnx_file)).recognize(word_images)

    class Masked(torch.nn.Module):
        """Stands in for a network: its logits are the mask's columns and the pixels' means."""

        def forward(self, pixel_values, pixel_mask):
            means = pixel_values.mean((1, 2))[..., None]
            return torch.cat([means, pixel_mask.float().amax(1)[..., None] * 50, means.expand(-1, -1, 93)], -1)

    inputs = dict(processor.image_processor(word_images[:2], return_tensors="pt"))
    export(Masked(), inputs, onnx_file)
    expected = processor.post_process_text_recognition(SimpleNamespace(logits=Masked()(**inputs)))
    assert open_recognizer(str(onnx_file)).recognize(word_images[:2])[0][0] == expected[0]["text"] != ""


def test_trocr(trocr, word_images):
    recognizer = open_recognizer(str(trocr))
    read = recognizer.recognize(word_images)
    assert len({text for text, _ in read}) > 1
    assert [recognizer.recognize([image])[0][0] for image in word_images] == [text for text, _ in read]

    # The score is the probability of the tokens, by one pass over all of them.
    model = VisionEncoderDecoderModel.from_pretrained(trocr).eval()
    images = [image.convert("RGB") for image in word_images]
    pixel_values = AutoImageProcessor.from_pretrained(trocr)(images, return_tensors="pt").pixel_values
    with torch.no_grad():
        tokens = model.generate(pixel_values)
        logits = model(pixel_values=pixel_values, decoder_input_ids=tokens[:, :-1]).logits
    for row, (_, score) in enumerate(read):
        own = tokens[row, 1:].tolist()
        own = own[: own.index(2) + 1] if 2 in own else own
        log_probs = logits[row].log_softmax(-1)
        log_prob = sum(log_probs[index, token].item() for index, token in enumerate(own))
        assert score == pytest.approx(math.exp(log_prob))


def test_mgpstr(tmp_path, word_images, monkeypatch):
    pytest.importorskip("sentencepiece")
    foreign_models.save_mgpstr(tmp_path)

    class AutoTokenizer:
        from_pretrained = staticmethod(foreign_models.other_tokenizers)

    monkeypatch.setattr("transformers.models.mgp_str.processing_mgp_str.AutoTokenizer", AutoTokenizer)
    recognizer = open_recognizer(str(tmp_path))
    read = recognizer.recognize(word_images)
    with torch.no_grad():
        images = [image.convert("RGB") for image in word_images]
        outputs = recognizer.model(recognizer.processor(images=images, return_tensors="pt").pixel_values)
    expected = recognizer.processor.batch_decode(outputs.logits)
    assert [text for text, _ in read] == expected["generated_text"]
    assert [score for _, score in read] == pytest.approx(list(map(float, expected["scores"])))
    assert recognizer.family == "MGP-STR"


def test_ppocr(tmp_path, word_images):
    pytest.importorskip("torchvision")
    foreign_models.save_ppocr(tmp_path)
    recognizer = open_recognizer(str(tmp_path))
    images = [*word_images, word_images[0].resize((900, 30))]  # the last is wider than PP-OCR pads to
    together = recognizer.recognize(images)
    alone = [recognizer.recognize([image])[0] for image in images]
    assert [text for text, _ in together] == [text for text, _ in alone]
    assert [score for _, score in together] == pytest.approx([score for _, score in alone], abs=1e-4)
    assert any(text for text, _ in together)


def stripes(*colors: str, height: int = 48) -> Image.Image:
    """A word of PP-OCR's stand-in, see `save_ppocr_onnx`: each color is as wide as the image is high."""
    image = Image.new("RGB", (height * len(colors), height))
    for index, color in enumerate(colors):
        image.paste(color, (height * index, 0, height * (index + 1), height))
    return image


@pytest.mark.parametrize("beside", [None, "inference.yml", "some_dict.txt"])
def test_ppocr_onnx(beside, tmp_path):
    """Read as it was released: its dictionary in the file or beside it, images in BGR as Paddle prepares them."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    foreign_models.save_ppocr_onnx(tmp_path / "rec.onnx", None if beside else {"character": "b\ng\nr"})
    if beside == "inference.yml":
        (tmp_path / beside).write_text("PostProcess:\n  character_dict:\n  - b\n  - g\n  - 'r'\n")
    elif beside:
        (tmp_path / beside).write_text("b\ng\nr\n")
    recognizer = open_recognizer(str(tmp_path / "rec.onnx"))
    assert recognizer.family == "PP-OCR, ONNX"
    images = [stripes("red", "white", "blue"), stripes("lime", height=24), stripes(*["blue", "red"] * 5)]
    together = recognizer.recognize(images)
    assert [text for text, _ in together] == ["r b", "g", "br" * 5]
    assert [recognizer.recognize([image])[0] for image in images] == together
    assert all(0.99 < score <= 1 for _, score in together)
    widths = [recognizer.processor.image_processor(image)["pixel_values"][0].shape for image in images]
    assert widths == [(3, 48, 320), (3, 48, 320), (3, 48, 480)]
    assert recognizer.recognize(images[:1], [["bb", "rb"]])[0][0] == "rb"
    searched = open_recognizer(str(tmp_path / "rec.onnx"), decoding={"decoder": "beam_search", "beam_width": 4})
    assert [text for text, _ in searched.recognize(images)] == ["r b", "g", "br" * 5]


def test_ppocr_onnx_without_its_dictionary(tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    file = tmp_path / "rec.onnx"
    foreign_models.save_ppocr_onnx(file)
    with pytest.raises(ValueError, match=r"rec\.onnx has no dictionary: put the inference\.yml .* into "):
        open_recognizer(str(file))
    before = fingerprint(str(file))
    (tmp_path / "other_dict.txt").write_text("b\n")
    with pytest.raises(ValueError, match=r"has 5 classes, .* but other_dict\.txt has 1 character"):
        open_recognizer(str(file))
    (tmp_path / "rec_dict.txt").write_text("b\ng\nr\n ")  # with the space, and beside one that does not fit
    assert open_recognizer(str(file)).recognize([stripes("red", "white", "lime")])[0][0] == "r g"
    assert fingerprint(str(file)) != before


def test_other_families_take_the_nearest_word(trocr, word_images):
    recognizer = open_recognizer(str(trocr))
    lexicons = [["hello", text, "world"] for text, _ in recognizer.recognize(word_images)]
    assert recognizer.recognize(word_images, lexicons) == recognizer.recognize(word_images)
    with pytest.raises(ValueError, match="decodes by itself"):
        open_recognizer(str(trocr), decoding={"decoder": "beam_search"})


def test_nearest_word():
    assert nearest_word("COFEE", ["shop", "Coffee", "toffee"]) == "Coffee"
    assert nearest_word("xx", ["ab", "cd"]) == "ab"
    assert nearest_word("as it is", []) == "as it is"


def test_models_that_nobody_knows(tmp_path):
    BertConfig().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="is of the type 'bert'; there are recognizers for crnn"):
        open_recognizer(str(tmp_path))
    with pytest.raises(FileNotFoundError, match="there is no file nowhere"):
        open_recognizer("nowhere.onnx")


def test_fingerprint(tiny_checkpoint, tmp_path):
    shutil.copytree(tiny_checkpoint, tmp_path / "model")
    assert fingerprint(str(tmp_path / "model")) == fingerprint(tiny_checkpoint)
    with open(tmp_path / "model" / "model.safetensors", "ab") as file:
        file.write(b"x")
    assert fingerprint(str(tmp_path / "model")) != fingerprint(tiny_checkpoint)
