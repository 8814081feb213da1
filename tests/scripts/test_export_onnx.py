# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""`scripts/export_onnx.py`: a folder that reads, in float32 and in int8, and what it refuses."""

from pathlib import Path

import pytest
from transformers import pipeline

import hf_str
from hf_str.onnx import ORTCRNNForCTC, quantize_onnx
from scripts import export_onnx


onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
SAMPLES = Path(hf_str.__file__).parent / "samples"


@pytest.mark.parametrize(
    "checkpoint, operators",
    [("crnn-str", {"QuantizeLinear"}), ("crnn-str-small", {"DynamicQuantizeLSTM", "QuantizeLinear"})],
)
def test_int8_reads_the_samples(checkpoint, operators, tmp_path, capsys):
    model = Path(hf_str.DEFAULT_CHECKPOINT).with_name(checkpoint)
    command = ["--model", str(model), "--output_dir", str(tmp_path / "int8"), "--int8", "--calibration", str(SAMPLES)]
    command += ["--num_shapes", "5"]
    export_onnx.main(command)
    out = capsys.readouterr().out
    assert "largest difference from PyTorch's logits over 5 shapes: " in out
    sizes = [float(line.split()[-2]) for line in out.splitlines() if line.endswith(" MB")]
    assert len(sizes) == 2
    assert sizes[1] < 0.5 * sizes[0]  # convolutions alone are quantized

    graph = onnx.load(tmp_path / "int8" / "model.onnx")
    assert operators <= {node.op_type for node in graph.graph.node}
    assert "charset" in {prop.key for prop in graph.metadata_props}
    weights = [onnx.numpy_helper.to_array(one) for one in graph.graph.initializer if one.name.endswith("_quantized")]
    assert len(weights) > 15
    # Seven bits: two products with eight bits of an input fit into the sixteen that processors without VNNI have.
    assert all(weight.min() >= -64 and weight.max() <= 64 for weight in weights if weight.ndim > 1)

    model = ORTCRNNForCTC.from_pretrained(tmp_path / "int8")
    processor = hf_str.CRNNProcessor.from_pretrained(tmp_path / "int8")
    reader = hf_str.ImageToTextPipeline(model=model, processor=processor, device="cpu")
    files = sorted(map(str, SAMPLES.glob("*.png")))
    expected = pipeline(hf_str.TASK, device="cpu")(files)
    assert [r["generated_text"] for (r,) in reader(files)] == [r["generated_text"] for (r,) in expected]


def test_a_graph_that_differs_is_an_error(tmp_path, tiny_checkpoint, monkeypatch):
    monkeypatch.setattr(export_onnx, "largest_difference", lambda *_: 0.5)
    with pytest.raises(SystemExit, match="error: the logits of the graph differ from those of PyTorch by more than"):
        export_onnx.main(["--model", tiny_checkpoint, "--output_dir", str(tmp_path)])


def test_calibration_images_come_from_all_over_the_folder():
    files = sorted(SAMPLES.glob("*.png"))
    images = export_onnx.calibration_images(SAMPLES, 3)
    assert [image.size for image in images] == [hf_str.load_word_image(str(file)).size for file in files[::2]]


def test_int8_without_images(tmp_path, capsys):
    with pytest.raises(SystemExit):
        export_onnx.main(["--output_dir", str(tmp_path), "--int8"])
    assert "--int8 needs --calibration" in capsys.readouterr().err
    with pytest.raises(FileNotFoundError, match="there are no images in"):
        export_onnx.calibration_images(tmp_path, 3)
    with pytest.raises(ValueError, match="int8 needs word images"):
        quantize_onnx(tmp_path / "model.onnx", tmp_path / "int8.onnx", [])
