# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Optimized models: they read what they read before, in any company, and refuse what they cannot do."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import pipeline

import hf_str
from hf_str import CRNNForCTC, CRNNImageProcessorPil, CRNNProcessor
from hf_str.models.crnn import inference_crnn
from tests.conftest import random_images
from tests.models.networks import PP_OCR, make, padded
from tests.models.test_backbone_crnn import BACKBONES
from tests.models.test_backbone_crnn import make as make_backbone
from tests.models.test_featurizers_crnn import FEATURIZERS
from tests.models.test_rectification_crnn import TPS


VGG = {
    "vgg": {},
    "vgg, normalized everywhere": {"batch_norms": True},
    "vgg without biases": {"batch_norms": True, "conv_biases": False},
    "vgg with residual blocks": {"batch_norms": True, "residual_blocks": [0, 0, 1, 2, 0, 0, 0]},
}
SEQUENTIALIZERS = {
    "transformer": {"sequentializer": "transformer", "hidden_size": 32},
    "mixing": {"sequentializer": "mixing", "hidden_size": 32},
    "svtr": {"sequentializer": "svtr", "hidden_size": 32},
    "convolution": {"sequentializer": "convolution", "hidden_size": 32},
    "none": {"sequentializer": "none"},
    "rectified": TPS,
    "guided": {"guidance_decoder": True, "num_attention_heads": 4},
}
NETWORKS = {name: (make, fields) for name, fields in (VGG | FEATURIZERS | SEQUENTIALIZERS).items()}
NETWORKS |= {name: (make, fields) for name, fields in PP_OCR.items()}
NETWORKS |= {f"backbone, {name}": (make_backbone, fields) for name, fields in BACKBONES.items()}
WIDTHS = (40, 100, 61, 128)


def both(name: str, **options) -> tuple[CRNNForCTC, CRNNForCTC]:
    """The network as it is, and optimized."""
    make_network, fields = NETWORKS[name]
    return make_network(**fields), make_network(**fields).optimize_for_inference(**options)


def batch(model: CRNNForCTC) -> dict[str, torch.Tensor]:
    """Four images of different widths, with the mask of their padding."""
    height, channels = model.config.image_height, model.config.num_channels
    pixels, mask = padded([random_images(1, width, height, channels)[0] for width in WIDTHS], fill=7.0)
    return {"pixel_values": pixels, "pixel_mask": mask}


def own_frames(outputs) -> torch.Tensor:
    """Boolean (batch, time): which frames are an image's own."""
    return torch.arange(outputs.logits.shape[1]) < outputs.num_frames[:, None]


def norms(model: nn.Module) -> list[nn.Module]:
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]


@pytest.mark.parametrize("name", NETWORKS)
@torch.inference_mode()
def test_logits_are_the_same_in_float32(name):
    model, optimized = both(name, dtype="float32")
    found, expected = optimized(**batch(model)), model(**batch(model))
    assert found.num_frames.equal(expected.num_frames)
    own = own_frames(expected)
    scale = expected.logits[own].abs().max().clamp(min=1)
    torch.testing.assert_close(found.logits[own] / scale, expected.logits[own] / scale, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.logits[~own], expected.logits[~own])


@pytest.mark.parametrize("name", [name for name in NETWORKS if not name.startswith("backbone")])
def test_no_batch_norm_is_left(name):
    model, optimized = both(name)
    assert not norms(optimized)
    config = model.config
    has_norms = config.featurizer != "vgg" or any(config.batch_norms) or name in TPS
    assert bool(norms(model)) == (has_norms and not config.folded_batch_norms)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    "name", [*("vgg with residual blocks", "resnet", "efficientnet", "transformer", "rectified"), *PP_OCR]
)
@torch.inference_mode()
def test_half_precision_is_near(name, dtype):
    model, optimized = both(name, dtype=dtype)
    assert optimized.crnn.featurizer.dtype == dtype
    found, outputs = optimized(**batch(model)), model(**batch(model))
    logits, expected = found.logits, outputs.logits
    assert logits.dtype == torch.float32
    own = own_frames(outputs)
    # bfloat16 keeps 8 bits of each number: a relative error of up to 1/256 in each of about ten layers.
    error = (logits - expected)[own].abs().mean() / expected[own].std()
    assert error < 0.05


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@torch.inference_mode()
def test_neighbors_change_nothing(dtype):
    _, model = both("vgg with residual blocks", dtype=dtype)
    inputs = batch(model)
    together = model(**inputs).logits
    for row, width in enumerate(WIDTHS):
        (alone,) = model(inputs["pixel_values"][row : row + 1, ..., :width]).logits
        tolerance = 1e-4 if dtype == "float32" else 0.05 * alone.std()
        torch.testing.assert_close(together[row, : len(alone)], alone, atol=tolerance, rtol=0)
        assert (together[row, len(alone) :].softmax(-1)[:, 0] == 1).all()


@torch.inference_mode()
def test_lstms_of_one_direction_each_give_the_same():
    model, apart = both("vgg", dtype="float32")
    for layer in apart.crnn.layers:
        layer.separate_directions()
    torch.testing.assert_close(apart(**batch(model)).logits, model(**batch(model)).logits, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_feature_maps_are_channels_last():
    _, model = both("vgg with residual blocks")
    layouts = []
    for layer in model.crnn.featurizer.layers:
        layer.register_forward_hook(
            lambda layer, inputs, outputs: layouts.append(
                outputs[0].is_contiguous(memory_format=torch.channels_last) and not outputs[0].is_contiguous()
            )
        )
    model(**batch(model))
    assert layouts[:-1] and all(layouts[:-1])  # the last map has one row, and is both


def test_the_dtype_is_chosen_by_the_device(monkeypatch):
    for has_amx, has_avx512_bf16, dtype in ((1, 1, torch.bfloat16), (0, 1, torch.bfloat16), (0, 0, torch.float32)):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda has=has_amx: bool(has))
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda has=has_avx512_bf16: bool(has))
        assert inference_crnn.inference_dtype(torch.device("cpu")) == dtype
        assert make().optimize_for_inference().crnn.featurizer.dtype == dtype
    for capability, dtype in (((9, 0), torch.float16), ((7, 0), torch.float16), ((6, 1), torch.float32)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device, found=capability: found)
        assert inference_crnn.inference_dtype(torch.device("cuda")) == dtype


def test_rectification_and_head_stay_in_float32():
    _, model = both("rectified", dtype="bfloat16")
    assert {parameter.dtype for parameter in model.crnn.rectification.parameters()} == {torch.float32}
    assert model.ctc_head.weight.dtype == torch.float32
    assert {parameter.dtype for parameter in model.crnn.layers.parameters()} == {torch.bfloat16}


def test_the_loss_is_that_of_before():
    model, optimized = both("guided", dtype="float32")
    labels = torch.tensor([[1, 2], [3, 4], [5, -100], [7, 8]])
    assert optimized.guidance is None
    loss = optimized(**batch(model), labels=labels).loss
    torch.testing.assert_close(loss, model(**batch(model), labels=labels).loss, atol=1e-4, rtol=1e-4)


def test_what_was_loaded_in_half_precision_is_folded_in_float32(tmp_path):
    NETWORKS["vgg, normalized everywhere"][0](batch_norms=True).save_pretrained(tmp_path)
    half = CRNNForCTC.from_pretrained(tmp_path, dtype=torch.bfloat16)
    expected = copy.deepcopy(half).eval().float()
    optimized = half.optimize_for_inference(dtype="float32")
    torch.testing.assert_close(optimized(**batch(half)).logits, expected(**batch(half)).logits, atol=1e-4, rtol=1e-4)


# ---------------------------------------------------------------------------------------------------------------------
# With all the rest


@pytest.mark.parametrize("keep_aspect_ratio", [False, True])
def test_the_embedded_checkpoint_reads_the_same_texts(keep_aspect_ratio):
    samples = sorted(map(str, (Path(hf_str.__file__).parent / "samples").glob("*.png")))
    processor = CRNNProcessor.from_pretrained(hf_str.DEFAULT_CHECKPOINT)
    options = {name: getattr(processor.image_processor, name) for name in ("size", "do_grayscale", "min_width")}
    processor.image_processor = CRNNImageProcessorPil(keep_aspect_ratio=keep_aspect_ratio, **options)
    processor.tokenizer.language_model = None  # scores are those of the network
    model = CRNNForCTC.from_pretrained(hf_str.DEFAULT_CHECKPOINT)
    reader = pipeline("image-to-text", model=model, processor=processor, device="cpu")
    expected = reader(samples, batch_size=4, return_characters=True)
    assert reader.model.optimize_for_inference(dtype="bfloat16") is reader.model
    for (reading,), (before,) in zip(
        reader(samples, batch_size=4, return_characters=True, decoder="beam_search"), expected, strict=True
    ):
        assert reading["generated_text"] == before["generated_text"]
        assert reading["score"] == pytest.approx(before["score"], abs=0.05)
        assert len(reading["characters"]) == len(before["characters"])


def test_it_is_refused_to_train_and_to_save(tmp_path):
    model = make().optimize_for_inference()
    assert not model.training and model.eval() is model
    assert not any(parameter.requires_grad for parameter in model.parameters())
    with pytest.raises(RuntimeError, match="cannot be trained: its batch normalization is gone"):
        model.train()
    with pytest.raises(RuntimeError, match=r"cannot be saved.*the checkpoint that it was loaded from"):
        model.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="optimized for inference already"):
        model.optimize_for_inference()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("dtype", ["int8", torch.float64, None])
def test_other_dtypes_are_refused(dtype):
    model = make()
    with pytest.raises(ValueError, match=r"dtype must be .auto. or one of 'float32', 'bfloat16', 'float16'"):
        model.optimize_for_inference(dtype=dtype)
    assert model.train().training  # nothing has happened to it


# ---------------------------------------------------------------------------------------------------------------------
# Compiled


@torch.inference_mode()
def test_compiled(monkeypatch):
    compiled, compile_with = [], torch.compile

    def trace_only(function, **options):  # what C++ compilers make of it is theirs to test, and takes minutes
        compiled.append(options)
        return compile_with(function, backend="eager", **options)

    monkeypatch.setattr(torch, "compile", trace_only)
    model, optimized = both("vgg, normalized everywhere", dtype="float32", compile=True)
    for width in (80, 100):  # one trace for both
        images = random_images(2, width)
        torch.testing.assert_close(optimized(images).logits, model(images).logits, atol=1e-4, rtol=1e-4)
    assert compiled == [{"dynamic": True}]
    both("transformer", compile=True)
    assert len(compiled) == 1 + 1 + 2, "the featurizer and both layers"
    both("pp-ocrv6-small", compile=True)
    assert len(compiled) == 4 + 1 + 2, "the featurizer and both layers"


@torch.inference_mode()
def test_widths_are_rounded_up_where_each_costs_a_graph():
    model, bucketed = both("vgg with residual blocks", dtype="float32")
    bucketed._width_multiple = 32
    widths = []
    bucketed.crnn.register_forward_pre_hook(lambda module, inputs: widths.append(inputs[0].shape[-1]))
    inputs = batch(model)
    inputs = {name: tensor[:2, ..., :100] for name, tensor in inputs.items()}
    torch.testing.assert_close(bucketed(**inputs).logits, model(**inputs).logits, atol=1e-4, rtol=1e-4)
    assert widths == [128]
