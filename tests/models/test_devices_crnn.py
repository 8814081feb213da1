# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What runs on a CPU runs on a GPU, with the same results. Each test takes a device; CUDA's skip without one."""

import copy
import warnings
from pathlib import Path

import pytest
import torch
from transformers import pipeline

import hf_str
from hf_str import CRNNForCTC, CRNNImageProcessor, CRNNImageProcessorPil, CRNNProcessor
from tests.conftest import random_images
from tests.models.networks import assert_neighbors_change_nothing
from tests.models.test_image_processing_crnn import PICTURES, needs_torchvision
from tests.models.test_inference_crnn import NETWORKS, batch


SAMPLES = sorted(map(str, (Path(hf_str.__file__).parent / "samples").glob("*.png")))


@pytest.fixture(
    params=[
        "cpu",
        pytest.param(
            "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
        ),
    ]
)
def device(request):
    # TF32 rounds to 10 bits: what is compared with a CPU is computed without.
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=False, allow_tf32=False):
        yield request.param


def on(device: str, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.to(device) for name, tensor in inputs.items()}


@pytest.fixture(scope="module")
def sample_inputs() -> dict[str, torch.Tensor]:
    return dict(CRNNProcessor.from_pretrained(hf_str.DEFAULT_CHECKPOINT)(images=SAMPLES, return_tensors="pt"))


def embedded() -> CRNNForCTC:
    return CRNNForCTC.from_pretrained(hf_str.DEFAULT_CHECKPOINT)


def texts_of(logits: torch.Tensor) -> list[str]:
    tokenizer = CRNNProcessor.from_pretrained(hf_str.DEFAULT_CHECKPOINT).tokenizer
    return tokenizer.batch_decode(logits.argmax(-1).cpu())


@pytest.mark.parametrize("name", NETWORKS)
@torch.inference_mode()
def test_logits_and_losses_are_those_of_a_cpu(name, device):
    make_network, fields = NETWORKS[name]
    model = make_network(**fields)
    inputs = batch(model) | {"labels": torch.tensor([[1, 2], [3, 4], [5, -100], [7, 8]])}
    expected, outputs = copy.deepcopy(model)(**inputs), model.to(device)(**on(device, inputs))
    scale = expected.logits.abs().max().clamp(min=1)
    torch.testing.assert_close(outputs.logits.cpu() / scale, expected.logits / scale, atol=1e-4, rtol=0)
    torch.testing.assert_close(outputs.loss.cpu(), expected.loss, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_mixed_precision_reads_the_same(dtype, device, sample_inputs):
    """The texts of the samples, the loss within 5 percent, and gradients that point the same way."""
    if dtype == torch.float16 and device == "cpu":
        pytest.skip("CPUs take a minute for it")
    model, inputs = embedded().to(device).train(), on(device, sample_inputs)
    labels = CRNNProcessor.from_pretrained(hf_str.DEFAULT_CHECKPOINT).tokenizer(
        [Path(path).stem for path in SAMPLES], padding=True, return_tensors="pt"
    )
    inputs["labels"] = labels["input_ids"].masked_fill(labels["attention_mask"] == 0, -100).to(device)
    losses, gradients = [], []
    for enabled in (False, True):
        model.zero_grad()
        with torch.autocast(device, dtype, enabled=enabled):
            loss = model(**inputs).loss
        loss.backward()
        losses.append(loss.item())
        gradients.append(torch.cat([p.grad.flatten() for p in model.crnn.layers.parameters()]))
    assert losses[1] == pytest.approx(losses[0], rel=0.05)
    assert torch.cosine_similarity(*gradients, dim=0) > 0.98
    model.eval()
    with torch.inference_mode(), torch.autocast(device, dtype):
        assert texts_of(model(**on(device, sample_inputs)).logits) == texts_of(embedded()(**sample_inputs).logits)


@pytest.mark.parametrize("compiled", [False, True])
@torch.inference_mode()
def test_an_optimized_model_reads_the_same(compiled, device, sample_inputs):
    """In batches of two sizes, so that more than one CUDA graph is recorded, and again, so that they are replayed."""
    if compiled and device == "cpu":
        pytest.skip("compiled on CPUs by test_inference_crnn.py")
    expected = texts_of(embedded()(**sample_inputs).logits)
    model = embedded().to(device).optimize_for_inference(compile=compiled)
    for size in (4, 6, 4, 6):
        inputs = {name: tensor[:size].to(device) for name, tensor in sample_inputs.items()}
        assert texts_of(model(**inputs).logits) == expected[:size]


@torch.inference_mode()
def test_weights_of_lstms_lie_in_one_piece(device, tmp_path, sample_inputs):
    """As cuDNN wants them: otherwise it copies them at each call, and warns. After loading, moving and optimizing."""
    embedded().to(device).save_pretrained(tmp_path)
    model = CRNNForCTC.from_pretrained(tmp_path).to(device)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*not part of single contiguous chunk.*")
        for network in (model, copy.deepcopy(model), model.optimize_for_inference()):
            network(**on(device, sample_inputs))


def test_neighbors_change_nothing(device):
    make_network, fields = NETWORKS["vgg with residual blocks"]

    class Moved:
        """Takes its inputs from the CPU, and gives its outputs there."""

        def __init__(self, model):
            self.model, self.config = model.to(device), model.config

        def __call__(self, *args, **inputs):
            outputs = self.model(*(arg.to(device) for arg in args), **on(device, inputs))
            outputs.logits = outputs.logits.cpu()
            outputs.loss = None if outputs.loss is None else outputs.loss.cpu()
            return outputs

        def __getattr__(self, name):
            return getattr(self.model, name)

    assert_neighbors_change_nothing(Moved(make_network(**fields)))


@pytest.mark.parametrize("keep_aspect_ratio", [False, True])
def test_the_pipeline_reads_the_samples(keep_aspect_ratio, device):
    processor = CRNNProcessor.from_pretrained(hf_str.DEFAULT_CHECKPOINT)
    options = {name: getattr(processor.image_processor, name) for name in ("size", "do_grayscale", "min_width")}
    processor.image_processor = CRNNImageProcessorPil(keep_aspect_ratio=keep_aspect_ratio, **options)
    readings = [
        pipeline("image-to-text", model=embedded(), processor=processor, device=where)(SAMPLES, batch_size=4)
        for where in ("cpu", device)
    ]
    assert [word["generated_text"] for (word,) in readings[0]] == [word["generated_text"] for (word,) in readings[1]]
    assert [word["score"] for (word,) in readings[0]] == pytest.approx([w["score"] for (w,) in readings[1]], abs=1e-3)


@needs_torchvision
def test_torchvision_prepares_images_on_the_device(device):
    expected = CRNNImageProcessorPil()(PICTURES, return_tensors="pt").pixel_values
    pixels = CRNNImageProcessor()(PICTURES, return_tensors="pt", device=device).pixel_values
    assert pixels.device.type == device
    assert (pixels.cpu() - expected).abs().max() <= 0.04


def test_words_that_wait_on_the_device_teach(device):
    """The reference run's way: samples of a buffer, changed on the device, a teacher, a meter; the loss falls."""
    pytest.importorskip("cv2")
    from hf_str.training import DeviceUtilization, EchoBuffer, Teacher, augment_batch

    torch.manual_seed(0)
    processor = CRNNProcessor.from_pretrained(hf_str.DEFAULT_CHECKPOINT)
    model = embedded().to(device)
    torch.nn.init.normal_(model.ctc_head.weight, std=0.01)  # it has forgotten what it read
    teacher, meter = Teacher(hf_str.DEFAULT_CHECKPOINT, model, processor), DeviceUtilization(device)
    buffer = EchoBuffer(16, device)
    images = random_images(12, 128, model.config.image_height, model.config.num_channels)
    pixels = (40 * images + 128).clamp(0, 255).to(torch.uint8).to(device)
    buffer.add(pixels, torch.randint(1, 95, (12, 4), device=device))
    optimizer, losses = torch.optim.AdamW(model.parameters(), 1e-4, fused=True), []
    for _ in range(12):
        meter.begin()
        pixels, labels = buffer.draw(8)
        values = augment_batch(pixels, buffer.generator, 0.1).float() / 127.5 - 1
        # Processors without bfloat16 would take minutes for it.
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            outputs = model(values, labels=labels)
        loss = torch.lerp(outputs.loss, teacher.loss(outputs.logits, values, labels), 0.5)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        meter.end()
        losses.append(loss.item())
    assert pixels.device.type == device
    assert losses[-1] < 0.9 * losses[0]
    assert 0 < meter.read() <= 1
