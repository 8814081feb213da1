# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The pipeline: every way to hand images over gives what the images give one by one."""

import base64
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import pipeline
from transformers.pipelines.pt_utils import KeyDataset

import hf_str
from hf_str import (
    CRNNForCTC,
    CRNNImageProcessorPil,
    CRNNProcessor,
    CRNNTokenizer,
    ImageToTextPipeline,
    Lexicon,
    LexiconDecoder,
)
from tests.conftest import draw_word


class Images(torch.utils.data.Dataset):
    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return {"image": self.images[index], "text": "?"}


@pytest.fixture(scope="module")
def reader(tiny_checkpoint) -> ImageToTextPipeline:
    return pipeline("image-to-text", model=tiny_checkpoint, device="cpu")


@pytest.fixture(scope="module")
def one_by_one(reader, word_files) -> list:
    readings = [reader(path) for path in word_files]
    assert len({reading[0]["generated_text"] for reading in readings}) > 5
    return readings


def assert_same(readings, expected, tolerance=1e-5):
    readings = list(readings)
    assert len(readings) == len(expected)
    for (reading,), (other,) in zip(readings, expected, strict=True):
        assert reading.keys() == other.keys()
        assert reading["generated_text"] == other["generated_text"]
        assert reading["score"] == pytest.approx(other["score"], abs=tolerance)


# ---------------------------------------------------------------------------------------------------------------------
# Several images


@pytest.mark.parametrize("batch_size", [1, 3, 64])
@pytest.mark.parametrize("container", [list, tuple])
def test_a_list(reader, word_files, one_by_one, container, batch_size):
    readings = reader(container(word_files), batch_size=batch_size)
    assert isinstance(readings, list)
    assert_same(readings, one_by_one)


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_a_generator(reader, word_files, one_by_one, batch_size):
    assert_same(reader((path for path in word_files), batch_size=batch_size), one_by_one)


@pytest.mark.parametrize("dataset", [Images, lambda images: [{"image": image} for image in images]])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_a_dataset(reader, word_images, one_by_one, dataset, batch_size):
    assert_same(reader(KeyDataset(dataset(word_images), "image"), batch_size=batch_size), one_by_one)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_workers_open_the_images(reader, word_files, one_by_one, batch_size):
    assert_same(reader(word_files, batch_size=batch_size, num_workers=2), one_by_one)
    dataset = KeyDataset(Images(word_files), "image")
    assert_same(reader(dataset, batch_size=batch_size, num_workers=2), one_by_one)


def test_a_column_of_a_dataset(reader, word_images, one_by_one):
    datasets = pytest.importorskip("datasets")
    dataset = datasets.Dataset.from_dict({"image": word_images}, datasets.Features({"image": datasets.Image()}))
    assert_same(reader(KeyDataset(dataset, "image"), batch_size=3), one_by_one)
    assert_same(reader(dataset["image"], batch_size=3), one_by_one)


def test_no_images(reader):
    for nothing in ([], (), KeyDataset([], "image"), (path for path in [])):
        assert list(reader(nothing)) == []
        assert list(reader(nothing, batch_size=8)) == []


# ---------------------------------------------------------------------------------------------------------------------
# One image, whatever holds it


@pytest.fixture(scope="module")
def server(word_files):
    """Where the word images are served."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(Path(word_files[0]).parent)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


HOLDERS = {
    "path": str,
    "Path": Path,
    "PIL image": lambda path: Image.open(path),
    "array": lambda path: np.asarray(Image.open(path)),
    "bytes": lambda path: Path(path).read_bytes(),
    "base64": lambda path: base64.b64encode(Path(path).read_bytes()).decode(),
    "data URL": lambda path: "data:image/png;base64," + base64.b64encode(Path(path).read_bytes()).decode(),
}


@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS)
def test_whatever_holds_an_image(reader, word_files, one_by_one, hold):
    assert_same([reader(hold(path)) for path in word_files[:3]], one_by_one[:3])
    assert_same(reader([hold(path) for path in word_files], batch_size=4), one_by_one)


def test_urls(reader, word_files, one_by_one, server):
    urls = [f"{server}/{Path(path).name}" for path in word_files]
    assert_same(reader(urls, batch_size=4), one_by_one)
    assert_same([reader(urls[0])], one_by_one[:1])


@pytest.mark.parametrize("many", [False, True])
def test_an_unreadable_image_is_named(reader, word_files, tmp_path, many):
    path = tmp_path / "broken word.png"
    path.write_bytes(Path(word_files[0]).read_bytes()[:60])
    with pytest.raises(hf_str.UnreadableImageError, match=r"broken word\.png"):
        reader([*word_files, str(path)] if many else str(path))
    with pytest.raises(hf_str.UnreadableImageError, match=r"missing\.png"):
        reader(str(tmp_path / "missing.png"))


# ---------------------------------------------------------------------------------------------------------------------
# What comes out


def test_a_result(reader, word_files):
    (result,) = reader(word_files[0])
    assert list(result) == ["generated_text", "score"]
    assert isinstance(result["generated_text"], str)
    assert 0 <= result["score"] <= 1


@pytest.mark.parametrize("batch_size", [1, 4])
def test_characters_have_places_in_the_image(reader, word_images, one_by_one, batch_size):
    readings = reader(word_images, return_characters=True, batch_size=batch_size)
    for image, (reading,), (plain,) in zip(word_images, readings, one_by_one, strict=True):
        assert list(reading) == ["generated_text", "score", "characters"]
        assert reading["generated_text"] == plain["generated_text"]
        assert "".join(character["text"] for character in reading["characters"]) == reading["generated_text"]
        edges = [edge for character in reading["characters"] for edge in character["span"]]
        assert edges == sorted(edges)
        assert all(0 <= edge <= image.width for edge in edges)
        product = np.prod([character["probability"] for character in reading["characters"]])
        assert reading["score"] == pytest.approx(product, rel=1e-4)


def test_characters_can_be_asked_for_once_and_for_all(tiny_checkpoint, word_files):
    reader = pipeline("image-to-text", model=tiny_checkpoint, device="cpu", return_characters=True)
    assert "characters" in reader(word_files[0])[0]
    assert "characters" not in reader(word_files[0], return_characters=False)[0]


def test_an_unknown_argument_is_named(reader, word_files):
    with pytest.raises(TypeError, match="unknown argument 'max_new_tokens': there are return_characters, decoder"):
        reader(word_files[0], max_new_tokens=5)


# ---------------------------------------------------------------------------------------------------------------------
# Checkpoints


def test_images_of_different_widths_read_the_same_in_any_company(tiny_checkpoint, word_images, tmp_path):
    CRNNForCTC.from_pretrained(tiny_checkpoint).save_pretrained(tmp_path)
    image_processor = CRNNImageProcessorPil(keep_aspect_ratio=True, max_width=400)
    CRNNProcessor(image_processor, CRNNTokenizer("94")).save_pretrained(tmp_path)
    reader = pipeline("image-to-text", model=str(tmp_path), device="cpu")
    images = [*word_images, draw_word("a" * 30), draw_word("i", 12)]
    one_by_one = [reader(image, return_characters=True) for image in images]
    for batch_size in (1, 5, 64):
        together = reader(images, batch_size=batch_size, return_characters=True)
        assert_same(together, one_by_one)
        for (reading,), (alone,) in zip(together, one_by_one, strict=True):
            for character, expected in zip(reading["characters"], alone["characters"], strict=True):
                assert character["span"] == pytest.approx(expected["span"])


def test_wide_and_narrow_images_are_read_apart_and_come_in_order(tiny_checkpoint, monkeypatch):
    image_processor = CRNNImageProcessorPil(keep_aspect_ratio=True, max_width=400)
    processor = CRNNProcessor(image_processor, CRNNTokenizer("94"))
    model = CRNNForCTC.from_pretrained(tiny_checkpoint)
    reader = pipeline("image-to-text", model=model, processor=processor, device="cpu")
    texts = ["i", "wonderful", "a", "coffeehouse", "l", "restaurants"] * 3 + ["of"]
    images, opened = [draw_word(text) for text in texts], []
    one_by_one = [reader(image) for image in images]
    widths = []
    model.register_forward_pre_hook(
        lambda model, args, inputs: widths.append(inputs["pixel_values"].shape[-1]), with_kwargs=True
    )
    readings = reader((opened.append(image) or image for image in images), batch_size=2)
    assert len(opened) <= 1, "nothing is read before it is asked for"
    readings = iter(readings)
    first = [next(readings) for _ in range(8)]
    assert len(opened) == 8, "a window is four batches"
    assert widths == sorted(widths) and max(widths[:2]) < 100 < min(widths[2:])
    assert_same([*first, *readings], one_by_one, tolerance=1e-4)  # other widths, other rounding
    assert len(reader(KeyDataset(Images(images), "image"), batch_size=2)) == len(images)


def test_half_precision(tiny_checkpoint, word_files):
    reader = pipeline("image-to-text", model=tiny_checkpoint, device="cpu", dtype=torch.bfloat16)
    assert all(0 <= reading["score"] <= 1 for (reading,) in reader(word_files, batch_size=4))


def test_a_saved_pipeline_is_a_whole_checkpoint(reader, tmp_path, word_files, one_by_one):
    reader.save_pretrained(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names >= {"config.json", "model.safetensors", "processor_config.json", "tokenizer.json"}
    assert names >= {"tokenizer_config.json", "modeling_crnn.py", "pipeline_crnn.py", "image_loading_crnn.py"}
    assert_same(pipeline("image-to-text", model=str(tmp_path), device="cpu")(word_files), one_by_one)


def test_a_model_object_needs_its_processor(tiny_checkpoint, word_files, one_by_one):
    model, processor = CRNNForCTC.from_pretrained(tiny_checkpoint), CRNNProcessor.from_pretrained(tiny_checkpoint)
    parts = {"image_processor": processor.image_processor, "tokenizer": processor.tokenizer}
    for given in ({"processor": processor}, parts):
        assert_same(pipeline("image-to-text", model=model, device="cpu", **given)(word_files), one_by_one)
        assert_same(ImageToTextPipeline(model, device="cpu", **given)(word_files, batch_size=4), one_by_one)
    with pytest.raises(ValueError, match="needs a processor, or an image_processor and a tokenizer"):
        ImageToTextPipeline(model, device="cpu", tokenizer=processor.tokenizer)


# ---------------------------------------------------------------------------------------------------------------------
# Decoders


@pytest.fixture(scope="module")
def words(one_by_one) -> list[str]:
    """A lexicon without the best path of any image."""
    return [result["generated_text"] + "x" for (result,) in one_by_one] + ["hello"]


@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_decoder_for_one_call(reader, word_files, one_by_one, words, batch_size):
    decoder = LexiconDecoder(Lexicon(words, reader.processor.tokenizer))
    readings = reader(word_files, decoder=decoder, batch_size=batch_size)
    assert all(result["generated_text"] in words for (result,) in readings)
    assert_same(reader(word_files), one_by_one)


def test_a_decoder_for_all_calls(tiny_checkpoint, reader, word_files):
    always = pipeline("image-to-text", model=tiny_checkpoint, device="cpu", decoder="beam_search", n_best=3)
    assert always(word_files) == reader(word_files, decoder="beam_search", n_best=3)
    (result,) = always(word_files[0], n_best=1)
    assert list(result) == ["generated_text", "score"]


@pytest.mark.parametrize("batch_size", [1, 4])
def test_candidates(reader, word_files, batch_size):
    readings = reader(word_files, decoder="beam_search", n_best=4, batch_size=batch_size, return_characters=True)
    for (result,) in readings:
        assert list(result) == ["generated_text", "score", "characters", "candidates"]
        assert len(result["candidates"]) == 4
        for candidate in result["candidates"]:
            assert list(candidate) == ["generated_text", "score", "log_prob", "characters"]
            assert "".join(character["text"] for character in candidate["characters"]) == candidate["generated_text"]
        assert result["candidates"][0]["generated_text"] == result["generated_text"]


def test_the_score_of_a_word(reader, word_files):
    (result,) = reader(word_files[0], word_score="minimum", return_characters=True)
    assert result["score"] == min(character["probability"] for character in result["characters"])


def test_an_unknown_decoder_is_named(reader, word_files):
    with pytest.raises(ValueError, match=r"decoder must be one of .* not 'viterbi'"):
        reader(word_files[0], decoder="viterbi")
