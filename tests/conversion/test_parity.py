# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Converted checkpoints give the logits of their projects' graphs, and their image processors the projects' pixels."""

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModelForCTC, AutoProcessor
from transformers.utils import is_torchvision_available

from hf_str import CRNNForCTC, CRNNImageProcessor, CRNNImageProcessorPil
from hf_str.conversion import FAMILIES
from tests.conversion import reference_graphs as graphs
from tests.conversion import reference_preprocessing as prepare
from tests.conversion.converter_table import convert, largest_logit_difference, largest_pixel_difference
from tests.conversion.peers import PEERS, narrow_pictures, pictures


@pytest.fixture(scope="module", params=PEERS, ids=lambda peer: peer.name)
def conversion(request, tmp_path_factory):
    """A peer, its graph an eighth as wide, the folder of its conversion, and the model."""
    peer = request.param
    graph = peer.graph(0.125)
    output, model = convert(peer, graph, tmp_path_factory.mktemp("peer"))
    return peer, graph, output, model


def test_logits_are_those_of_the_other_graph(conversion):
    peer, graph, _, model = conversion
    assert largest_logit_difference(peer, graph, model) < 1e-4


def test_pixels_are_those_of_the_other_project(conversion):
    peer, _, output, _ = conversion
    image_processor = CRNNImageProcessorPil.from_pretrained(output)
    assert list(image_processor.model_input_names) == (
        ["pixel_values", "pixel_mask"] if peer.name == "mmocr" else ["pixel_values"]
    )
    assert largest_pixel_difference(peer, image_processor) < 1.01


@pytest.mark.skipif(not is_torchvision_available(), reason="torchvision is not installed")
def test_torchvision_differs_where_it_is_bicubic(conversion):
    peer, _, output, _ = conversion
    image_processor = CRNNImageProcessor.from_pretrained(output)
    is_bicubic = image_processor.resample == Image.BICUBIC
    assert largest_pixel_difference(peer, image_processor) < (5.1 if is_bicubic else 1.01)


def test_the_number_of_frames(conversion):
    """Pools of 2 x 2 with padding give width // 4 + 1, those of 2 x 1 width // 4 - 1, docTR's width // 4."""
    peer, _, _, model = conversion
    assert model.config.num_frames(peer.size[2]) == peer.num_frames


def test_every_family_is_compared():
    """Those that bring a dictionary along, PP-OCR's, are compared in test_ppocr.py."""
    assert {peer.family for peer in PEERS} == {name for name, family in FAMILIES.items() if family.read is None}


def test_a_converted_checkpoint_is_complete(tmp_path):
    peer = PEERS[0]
    graph = peer.graph(0.125)
    output, _ = convert(peer, graph, tmp_path)
    names = {path.name for path in output.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "processor_config.json", "README.md"} <= names
    assert "modeling_crnn.py" in names
    assert "crnn.pytorch" in (output / "README.md").read_text(encoding="utf-8")
    loaded = AutoModelForCTC.from_pretrained(output)
    assert type(loaded) is CRNNForCTC
    assert not loaded.training
    assert largest_logit_difference(peer, graph, loaded) < 1e-4
    processor = AutoProcessor.from_pretrained(output)
    assert processor.tokenizer.characters == tuple("0123456789abcdefghijklmnopqrstuvwxyz")
    inputs = processor(images=pictures()[0], return_tensors="pt")
    assert inputs.pixel_values.shape == (1, *peer.size)
    (reading,) = processor.post_process_text_recognition(loaded(**inputs))
    assert isinstance(reading["text"], str)


# ---------------------------------------------------------------------------------------------------------------------
# That the comparisons would notice the traps


def test_gates_in_the_order_of_torch7_would_be_noticed(tmp_path):
    peer = next(peer for peer in PEERS if peer.family == "crnn-torch7")
    graph = peer.graph(0.125)
    _, model = convert(peer, graph, tmp_path)
    with torch.no_grad():
        for layer in model.crnn.layers:
            in_gate, forget_gate, cell, out_gate = layer.lstm.weight_ih_l0.chunk(4)
            layer.lstm.weight_ih_l0.copy_(torch.cat([in_gate, forget_gate, out_gate, cell]))
    assert largest_logit_difference(peer, graph, model) > 0.1


def test_channels_in_the_order_of_opencv_would_be_noticed(tmp_path):
    peer = next(peer for peer in PEERS if peer.is_bgr)
    graph = peer.graph(0.125)
    _, model = convert(peer, graph, tmp_path)
    images = peer.images()
    with torch.no_grad():
        assert (graph(images) - model(images).logits).abs().max() > 0.1
        torch.testing.assert_close(graph(images), model(images.flip(1)).logits, rtol=0, atol=1e-4)


def gate_of_the_paper(module: torch.nn.Module):
    """MobileNetV3's hard sigmoid rises by a sixth, PaddleOCR's by a fifth."""
    if hasattr(module, "gate"):
        module.expansion.weight /= 1.2


def shortcut_of_the_paper(module: torch.nn.Module):
    """ResNet-34 skips pixels where PaddleOCR's averages them."""
    if getattr(module, "pooled_stride", (1, 1)) != (1, 1):
        module.shortcut[0].stride, module.pooled_stride = module.pooled_stride, (1, 1)


@pytest.mark.parametrize(
    "family, change",
    [("paddleocr-mobilenet-v3", gate_of_the_paper), ("paddleocr-resnet34-vd", shortcut_of_the_paper)],
)
def test_stages_of_the_papers_would_be_noticed(family, change, tmp_path):
    peer = next(peer for peer in PEERS if peer.family == family)
    graph = peer.graph(0.125)
    _, model = convert(peer, graph, tmp_path)
    with torch.no_grad():
        model.apply(change)
    assert largest_logit_difference(peer, graph, model) > 1e-2


def test_the_blank_moves_to_the_front(tmp_path):
    peer = next(peer for peer in PEERS if peer.name == "mmocr")
    graph = graphs.randomize(graphs.MmocrCRNN(37, 0.125), peer.images(4))
    _, model = convert(peer, graph, tmp_path)
    classifier = graph.decoder.decoder[1].embedding
    torch.testing.assert_close(model.ctc_head.weight[0], classifier.weight[36])
    torch.testing.assert_close(model.ctc_head.weight[1:], classifier.weight[:36])
    torch.testing.assert_close(model.ctc_head.bias, classifier.bias.roll(1))


def test_a_bias_before_normalization_is_kept_where_there_is_one():
    assert FAMILIES["crnn-pytorch"].config.get("conv_biases") is None
    assert FAMILIES["strhub"].config["conv_biases"] == [True, True, False, True, False, True, False]
    assert FAMILIES["clovaai-vgg"].config["conv_biases"] == [True, True, True, True, False, False, True]


def test_padding_before_and_after_normalization():
    (black,) = FAMILIES["doctr-vgg16-bn"].preprocessing.values()
    np.testing.assert_allclose(black["padding_value"], (-prepare.DOCTR_MEAN / prepare.DOCTR_STD).ravel())
    tall = narrow_pictures()[0]
    assert (prepare.doctr(tall)[..., -1] == (0 - prepare.DOCTR_MEAN[..., 0]) / prepare.DOCTR_STD[..., 0]).all()
    assert (prepare.paddleocr(tall)[..., -1] == 0).all()
    repeated = prepare.clovaai_pad(tall)
    assert (repeated[..., -1] == repeated[..., 20]).all()


def test_the_gray_of_opencv_is_that_of_pillow():
    cv2 = pytest.importorskip("cv2")
    for image in pictures():
        pixels = np.ascontiguousarray(np.asarray(image.convert("RGB"))[..., ::-1])
        difference = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY).astype(int) - np.asarray(image.convert("L"))
        assert np.abs(difference).max() <= 1
        assert (difference != 0).mean() < 0.01


def test_images_of_the_same_size_that_opencv_and_pillow_resize_differ():
    """So it matters which of the two a project uses."""
    image = pictures()[2]
    opencv = prepare.gray_resized(image, 100, 32).astype(int)
    assert np.abs(opencv - np.asarray(image.convert("L").resize((100, 32), Image.BILINEAR))).max() > 4
