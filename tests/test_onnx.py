# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""CRNN in ONNX: graphs give what PyTorch gives at any batch and width, in the pipeline and on the command line too."""

import json
import sys
from pathlib import Path

import pytest
import torch
from transformers import pipeline

from hf_str import CRNNForCTC, CRNNImageProcessorPil, CRNNModel, CRNNProcessor, CRNNTokenizer, ImageToTextPipeline
from hf_str.cli import main
from hf_str.onnx import ORTCRNNForCTC, export_onnx, largest_difference
from tests.models.networks import PP_OCR, make
from tests.old_graph import OLD_GRAPH, assert_it_reads_as_then


onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


@pytest.fixture(scope="module")
def onnx_folder(tiny_checkpoint, tmp_path_factory) -> Path:
    """The tiny checkpoint as a graph."""
    folder = tmp_path_factory.mktemp("onnx") / "graph"
    export_onnx(tiny_checkpoint, folder)
    return folder


@pytest.fixture(scope="module")
def expected(tiny_checkpoint, word_images) -> list[dict]:
    return [result for (result,) in pipeline("image-to-text", model=tiny_checkpoint, device="cpu")(word_images)]


# ---------------------------------------------------------------------------------------------------------------------
# Export


@pytest.mark.parametrize(
    "fields, is_padded",
    [*(({"batch_norms": True, "lstm_projection": "all"}, padded) for padded in (False, True))]
    + [(fields, True) for fields in PP_OCR.values()],
    ids=["one size", "padded", *PP_OCR],
)
def test_many_shapes(fields, is_padded, tmp_path):
    checkpoint = tmp_path / "checkpoint"
    model = make(**fields)
    model.save_pretrained(checkpoint)
    height, channels = model.config.image_height, model.config.num_channels
    image_processor = CRNNImageProcessorPil(
        keep_aspect_ratio=is_padded, do_grayscale=channels == 1, size={"height": height, "width": 4 * height}
    )
    CRNNProcessor(image_processor, CRNNTokenizer(charset="36")).save_pretrained(checkpoint)
    export_onnx(checkpoint, tmp_path / "graph")
    model, exported = CRNNForCTC.from_pretrained(checkpoint).eval(), ORTCRNNForCTC.from_pretrained(tmp_path / "graph")
    images = torch.randn(2, channels, height, 100)
    scale = max(model(images).logits.abs().max().item(), 1.0)  # float32 rounds what is large by more
    names = [node.name for node in exported.session.get_inputs()]
    assert names == (["pixel_values", "pixel_mask"] if is_padded else ["pixel_values"])
    assert [node.name for node in exported.session.get_outputs()] == ["logits", "num_frames"]
    assert largest_difference(model, exported, num_shapes=30) < 1e-4 * scale

    with torch.no_grad():
        torch.testing.assert_close(exported(images).logits, model(images).logits, atol=1e-4 * scale, rtol=0)
        assert exported(images).num_frames.equal(model(images).num_frames)
        if is_padded:  # frames of padding are blank, also of an image that is nothing but padding
            mask = torch.ones(2, height, 100, dtype=torch.long)
            mask[0, :, 40:], mask[1] = 0, 0
            found, expected = (one(images, pixel_mask=mask) for one in (exported, model))
            torch.testing.assert_close(found.logits, expected.logits, atol=1e-4 * scale, rtol=0)
            assert found.num_frames.equal(expected.num_frames)


def test_a_difference_is_seen(onnx_folder, tiny_checkpoint):
    model = CRNNForCTC.from_pretrained(tiny_checkpoint).eval()
    with torch.no_grad():
        model.ctc_head.bias[3] += 0.01
    difference = largest_difference(model, ORTCRNNForCTC.from_pretrained(onnx_folder), num_shapes=2)
    assert difference == pytest.approx(0.01, abs=1e-3)


def test_another_number_of_frames_is_seen(onnx_folder, tiny_checkpoint, monkeypatch):
    model, exported = CRNNForCTC.from_pretrained(tiny_checkpoint).eval(), ORTCRNNForCTC.from_pretrained(onnx_folder)
    monkeypatch.setattr(CRNNModel, "_own_frames", lambda self, frames, widths: torch.ones(len(frames)).long())
    assert largest_difference(model, exported, num_shapes=1) == float("inf")


def test_graphs_do_not_say_where_they_were_made(onnx_folder):
    assert str(Path(__file__).parent.parent).encode() not in (onnx_folder / "model.onnx").read_bytes()


def test_an_lstm_is_one_operator(onnx_folder):
    graph = onnx.load(onnx_folder / "model.onnx").graph
    assert sum(node.op_type == "LSTM" for node in graph.node) == 2
    assert not {"Loop", "Scan", "BatchNormalization"} & {node.op_type for node in graph.node}


def test_exporting_leaves_the_folder_whole(onnx_folder, tiny_checkpoint):
    assert (
        CRNNProcessor.from_pretrained(onnx_folder).to_dict()
        == CRNNProcessor.from_pretrained(tiny_checkpoint).to_dict()
    )
    config = ORTCRNNForCTC.from_pretrained(onnx_folder).config
    assert config.hidden_sizes == CRNNForCTC.from_pretrained(tiny_checkpoint).config.hidden_sizes


def test_metadata_say_how_images_are_prepared(onnx_folder):
    props = onnx.load(onnx_folder / "model.onnx").metadata_props
    metadata = {prop.key: json.loads(prop.value) for prop in props}
    tokenizer = CRNNTokenizer(charset="94")
    assert metadata["charset"] == tokenizer.convert_ids_to_tokens(range(1, 95))
    assert metadata["size"] == {"height": 32, "width": 128}
    assert (metadata["image_mean"], metadata["image_std"], metadata["rescale_factor"]) == (0.5, 0.5, 1 / 255)
    assert (metadata["do_grayscale"], metadata["keep_aspect_ratio"]) == (True, False)


def test_an_old_torch_is_told(tiny_checkpoint, tmp_path, monkeypatch):
    monkeypatch.delattr("torch.onnx.ops")
    with pytest.raises(ImportError, match=r"needs torch 2\.8 or later"):
        export_onnx(tiny_checkpoint, tmp_path)


# ---------------------------------------------------------------------------------------------------------------------
# Reading


@pytest.mark.parametrize("batch_size", [1, 4])
def test_the_pipeline(onnx_folder, word_images, expected, batch_size):
    model = ORTCRNNForCTC.from_pretrained(onnx_folder, num_threads=1)
    reader = ImageToTextPipeline(model=model, processor=CRNNProcessor.from_pretrained(onnx_folder), device="cpu")
    results = [result for (result,) in reader(word_images, batch_size=batch_size)]
    assert [result["generated_text"] for result in results] == [result["generated_text"] for result in expected]
    assert [r["score"] for r in results] == pytest.approx([r["score"] for r in expected], abs=1e-4)
    assert "ORTCRNNForCTC" in repr(reader)


@pytest.mark.parametrize("knows_config", [True, False])
def test_a_graph_of_version_0_1(knows_config):
    """It does not give `num_frames`; in its logits, padding is marked by the range of the floating point type."""
    model = ORTCRNNForCTC.from_pretrained(OLD_GRAPH, num_threads=1)
    assert [node.name for node in model.session.get_outputs()] == ["logits"]
    if not knows_config:
        model.config = None
    assert_it_reads_as_then(model)


def test_the_command(onnx_folder, word_files, expected, capsys, tmp_path):
    command = ["read", "--backend", "onnx", "--model", str(onnx_folder), *word_files]
    assert main([*command, "--batch-size", "3", "--explain", str(tmp_path / "out.png")]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [text for _, text, _ in lines] == [result["generated_text"] for result in expected]
    assert len(list(tmp_path.iterdir())) == len(word_files)


def test_a_folder_without_a_graph(tiny_checkpoint, word_files, capsys):
    assert main(["read", "--backend", "onnx", "--model", tiny_checkpoint, word_files[0]]) == 2
    message = capsys.readouterr().err
    assert f"there is no model.onnx in {tiny_checkpoint}" in message
    assert f"python scripts/export_onnx.py --model {tiny_checkpoint} --output_dir tiny-onnx" in message


def test_without_onnxruntime(onnx_folder, word_files, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"needs `onnxruntime`.*pip install hf_str\[onnx\]"):
        ORTCRNNForCTC.from_pretrained(onnx_folder)
    assert main(["read", "--backend", "onnx", "--model", str(onnx_folder), word_files[0]]) == 2
    assert "pip install hf_str[onnx]" in capsys.readouterr().err


def test_session_options(onnx_folder):
    model = ORTCRNNForCTC.from_pretrained(onnx_folder, num_threads=3, providers=["CPUExecutionProvider"])
    assert model.session.get_session_options().intra_op_num_threads == 3
    assert model.session.get_providers() == ["CPUExecutionProvider"]
    default = ORTCRNNForCTC.from_pretrained(onnx_folder)
    assert default.session.get_session_options().intra_op_num_threads == torch.get_num_threads()
    assert (default.device, default.dtype) == (torch.device("cpu"), torch.float32)


def test_a_mask_that_the_graph_does_not_know(onnx_folder):
    images = torch.zeros(1, 1, 32, 64)
    with pytest.raises(ValueError, match="no input for pixel_mask, but pixel_values"):
        ORTCRNNForCTC.from_pretrained(onnx_folder)(images, pixel_mask=torch.ones(1, 32, 64, dtype=torch.long))
