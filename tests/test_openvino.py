# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""CRNN with OpenVINO: it gives what PyTorch gives, and stands where a model of onnxruntime does."""

import sys

import pytest
import torch
from transformers import pipeline

from hf_str import CRNNForCTC, CRNNImageProcessorPil, CRNNProcessor, CRNNTokenizer, ImageToTextPipeline
from hf_str.cli import main
from hf_str.onnx import OVCRNNForCTC, export_onnx, largest_difference
from tests.models.networks import PP_OCR, make, padded
from tests.old_graph import OLD_GRAPH, assert_it_reads_as_then


@pytest.fixture(scope="module")
def graph(tiny_checkpoint, tmp_path_factory):
    """The tiny checkpoint as a graph."""
    for module in ("openvino", "onnxscript", "onnxruntime"):
        pytest.importorskip(module)
    folder = tmp_path_factory.mktemp("openvino") / "graph"
    export_onnx(tiny_checkpoint, folder)
    return folder


def test_readings_are_those_of_the_pipeline(graph, tiny_checkpoint, word_images):
    model = OVCRNNForCTC.from_pretrained(graph, num_threads=1, dtype="float32")
    assert model.compute_dtype == torch.float32
    reader = ImageToTextPipeline(model=model, processor=CRNNProcessor.from_pretrained(graph), device="cpu")
    expected = pipeline("image-to-text", model=tiny_checkpoint, device="cpu")(word_images)
    for (result,), (one,) in zip(reader(word_images, batch_size=4), expected, strict=True):
        assert result["generated_text"] == one["generated_text"]
        assert result["score"] == pytest.approx(one["score"], abs=1e-4)


def test_many_shapes(graph, tiny_checkpoint):
    """What it gives at many batches and widths; earlier outputs are not written over."""
    exported = OVCRNNForCTC.from_pretrained(graph, num_threads=1, dtype="float32")
    model = CRNNForCTC.from_pretrained(tiny_checkpoint).eval()
    assert largest_difference(model, exported, num_shapes=10) < 1e-3  # logits reach 50
    images = torch.randn(2, 1, 32, 64)
    first = exported(images).logits
    before = first.clone()
    exported(images + 1)
    assert torch.equal(first, before)


def test_a_graph_of_version_0_1(graph):
    assert_it_reads_as_then(OVCRNNForCTC.from_pretrained(OLD_GRAPH, num_threads=1, dtype="float32"))


def test_what_it_chooses_reads_about_the_same(graph, word_images):
    """In bfloat16, where this machine has it."""
    processor = CRNNProcessor.from_pretrained(graph)
    inputs = processor.image_processor(word_images, return_tensors="pt")
    exact, chosen = (OVCRNNForCTC.from_pretrained(graph, num_threads=1, dtype=dtype) for dtype in ("float32", "auto"))
    difference = exact(**inputs).logits.softmax(-1) - chosen(**inputs).logits.softmax(-1)
    assert difference.abs().sum(-1).mean() < 0.1


@pytest.mark.parametrize("fields", PP_OCR.values(), ids=PP_OCR)
def test_networks_of_pp_ocr(graph, fields, tmp_path):
    model = make(**fields)
    model.save_pretrained(tmp_path / "checkpoint")
    image_processor = CRNNImageProcessorPil(
        keep_aspect_ratio=True, do_grayscale=False, size={"height": 48, "width": 320}
    )
    CRNNProcessor(image_processor, CRNNTokenizer(charset="36")).save_pretrained(tmp_path / "checkpoint")
    export_onnx(tmp_path / "checkpoint", tmp_path / "graph")
    exported = OVCRNNForCTC.from_pretrained(tmp_path / "graph", num_threads=1, dtype="float32")
    pixels, mask = padded([torch.randn(3, 48, width) for width in (40, 100, 61)], fill=7.0)
    expected, logits = model(pixels, mask).logits.softmax(-1), exported(pixels, mask).logits.softmax(-1)
    torch.testing.assert_close(logits, expected, atol=1e-3, rtol=0)


def test_images_of_different_width(graph, tmp_path):
    """As in PyTorch, padded or not: by a graph that takes a mask, and by one that knows none."""
    checkpoint = tmp_path / "checkpoint"
    model = make()
    model.save_pretrained(checkpoint)
    image_processor = CRNNImageProcessorPil(keep_aspect_ratio=True)
    CRNNProcessor(image_processor, CRNNTokenizer(charset="36")).save_pretrained(checkpoint)
    export_onnx(checkpoint, tmp_path / "graph")
    exported = OVCRNNForCTC.from_pretrained(tmp_path / "graph", num_threads=1, dtype="float32")
    assert largest_difference(model, exported, num_shapes=5) < 1e-3
    images = [torch.randn(1, 32, width) for width in (40, 100, 40, 61)]
    pixels, mask = padded(images, fill=7.0)
    expected, logits = model(pixels, mask).logits, exported(pixels, mask).logits
    torch.testing.assert_close(logits.softmax(-1), expected.softmax(-1), atol=1e-3, rtol=0)
    without_mask = OVCRNNForCTC.from_pretrained(graph, num_threads=1, dtype="float32")
    together = without_mask(pixels, mask).logits
    for row, image in enumerate(images):
        alone = without_mask(image[None]).logits[0]
        torch.testing.assert_close(together[row, : len(alone)], alone, atol=1e-3, rtol=0)
        assert (together[row, len(alone) :].argmax(-1) == 0).all()


def test_mistakes_are_told(graph, monkeypatch):
    with pytest.raises(ValueError, match="dtype must be \"auto\" or one of 'float32'"):
        OVCRNNForCTC.from_pretrained(graph, dtype="int8")
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ImportError, match=r"hf_str\[openvino\]"):
        OVCRNNForCTC.from_pretrained(graph)


def test_the_command(graph, word_images, capsys, tmp_path):
    """What the command prints is what the model reads, in the type that OpenVINO finds the fastest here."""
    files = [str(tmp_path / f"{number}.png") for number in range(len(word_images))]
    for file, image in zip(files, word_images, strict=True):
        image.save(file)
    assert main(["read", "--backend", "openvino", "--model", str(graph), *files]) == 0
    model = OVCRNNForCTC.from_pretrained(graph)
    reader = ImageToTextPipeline(model=model, processor=CRNNProcessor.from_pretrained(graph), device="cpu")
    lines = [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()]
    assert lines == [result["generated_text"] for (result,) in reader(word_images, batch_size=32)]
