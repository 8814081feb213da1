# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Rectification: the spline goes through its points, a new one changes nearly nothing, images stay apart."""

import pytest
import torch

from hf_str import CRNNConfig, CRNNForCTC, CRNNImageProcessorPil, CRNNProcessor, CRNNTokenizer
from hf_str.models.crnn.presets_crnn import PRESETS
from hf_str.models.crnn.rectification_crnn import spline_inverse, spline_terms, straight_fiducials
from tests.conftest import random_images
from tests.models.networks import SMALL, assert_neighbors_change_nothing, export, make


TPS = {"rectification": "tps", "localization_channels": [4, 4, 8, 8], "localization_hidden_size": 8}


def ramp(width: int = 101, height: int = 32) -> torch.Tensor:
    """(1, 1, height, width): each pixel is its own x in channel 0, so what is sampled says where from."""
    return torch.arange(width, dtype=torch.float32).expand(1, 1, height, width)


@pytest.mark.parametrize("fields", [{}, {"num_channels": 3, "image_height": 48}, {"num_fiducials": 6}], ids=str)
def test_neighbors_change_nothing(fields):
    assert_neighbors_change_nothing(make(**TPS, **fields))


@pytest.mark.parametrize("count", [4, 6, 20])
def test_the_spline_goes_through_its_points(count):
    generator = torch.Generator().manual_seed(0)
    targets = torch.rand(count, 2, generator=generator) * 2 - 1
    weights = spline_inverse(count) @ torch.cat([targets, torch.zeros(3, 2)])
    straight = straight_fiducials(count)
    torch.testing.assert_close(spline_terms(straight, straight) @ weights, targets, atol=1e-4, rtol=0)


@pytest.mark.parametrize("bend, error", [(0.0, 1.5e-7), (0.05, 1.2e-5)], ids=["straight", "bent"])
def test_single_precision_is_enough_for_the_grid(bend, error):
    """In units of half an image, so 1e-5 is a two-thousandth of a pixel of 100.

    A spline of the points themselves, instead of how far they move, would be off by 1.6e-5 and 2.3e-5.
    """
    count, height, width = 20, 32, 100
    noise = torch.randn(4, count, 2, generator=torch.Generator().manual_seed(0))
    fiducials = straight_fiducials(count) + bend * noise
    grid = make(**TPS).crnn.rectification._grid(fiducials, height, width, None)

    def radial(points):  # r^2 log r^2 in double precision
        squared = torch.cdist(points, straight).square()
        return torch.special.xlogy(squared, squared)

    edge = torch.linspace(-1, 1, count // 2, dtype=torch.double)
    straight = torch.cat([torch.stack([edge, torch.full_like(edge, y)], 1) for y in (-1.0, 1.0)])
    linear = torch.cat([torch.ones(count, 1), straight], 1)
    system = torch.cat(
        [torch.cat([linear, radial(straight)], 1), torch.cat([torch.zeros(3, 3).double(), linear.T], 1)]
    )
    weights = torch.linalg.solve(system, torch.cat([fiducials.double(), torch.zeros(4, 3, 2)], 1))
    columns, rows = ((torch.arange(number).double() * 2 + 1) / number - 1 for number in (width, height))
    pixels = torch.cartesian_prod(rows, columns).flip(1)
    exact = torch.cat([torch.ones(len(pixels), 1), pixels, radial(pixels)], 1) @ weights
    torch.testing.assert_close(grid.flatten(1, 2).double(), exact, atol=error, rtol=0)


def test_a_new_one_moves_no_pixel_by_more_than_half():
    torch.manual_seed(0)
    rectification = CRNNForCTC(CRNNConfig(**SMALL, **TPS)).eval().crnn.rectification
    moved = rectification(ramp()) - ramp()
    assert moved.abs().max() <= 0.5 + 1e-3


def test_points_that_move_move_the_image():
    torch.manual_seed(0)
    rectification = CRNNForCTC(CRNNConfig(**SMALL, **TPS)).eval().crnn.rectification
    bias = straight_fiducials(20)
    bias[:, 0] = bias[:, 0] / 2  # text in the middle half
    rectification.fiducials.bias.data.copy_(bias.flatten())
    spread = rectification(ramp())[0, 0, 16]
    torch.testing.assert_close(spread[[0, 50, 100]], torch.tensor([25.25, 50.0, 74.75]), atol=0.01, rtol=0)
    bias[:, 0] += 2  # and past the right edge, where the last column goes on
    rectification.fiducials.bias.data.copy_(bias.flatten())
    assert (rectification(ramp()) == 100).all()


def test_the_localization_sees_an_image_of_its_own_size_as_it_is():
    rectification = make(**TPS).crnn.rectification
    images = random_images(2, 100)
    torch.testing.assert_close(rectification._resize(images, None), images, atol=1e-4, rtol=0)


def test_saved_and_loaded(tmp_path):
    model, images = make(**TPS), random_images(2, 70)
    model.save_pretrained(tmp_path)
    loaded = CRNNForCTC.from_pretrained(tmp_path).eval()
    torch.testing.assert_close(loaded(images).logits, model(images).logits)
    plain = CRNNConfig.from_pretrained(tmp_path, rectification="none")
    assert CRNNForCTC.from_pretrained(tmp_path, config=plain).crnn.rectification is None


def test_one_added_to_a_trained_network_starts_straight(tmp_path):
    make().save_pretrained(tmp_path)
    config = CRNNConfig.from_pretrained(tmp_path, **TPS)
    rectification = CRNNForCTC.from_pretrained(tmp_path, config=config).eval().crnn.rectification
    points = rectification.find_fiducials(random_images(2, 100))
    torch.testing.assert_close(points, straight_fiducials(20).expand(2, -1, -1))


def test_the_points_learn():
    model = make(**TPS).train()
    model(random_images(4, 100), labels=torch.tensor([[1, 2]] * 4)).loss.backward()
    gradient = model.crnn.rectification.fiducials.bias.grad
    assert gradient.isfinite().all() and gradient.abs().max() > 0


def test_half_precision_keeps_its_coordinates():
    model = make(**TPS).crnn.rectification
    image = ramp(512)
    exact = model(image)
    with torch.autocast("cpu", torch.bfloat16):
        autocast = model(image)
    torch.testing.assert_close(autocast, exact, atol=1e-3, rtol=0)


@pytest.mark.parametrize("masked", [False, True])
def test_export_with_dynamic_batch_and_width(masked):
    export(make(**TPS, sequentializer="none"), masked)


def test_compile_with_dynamic_shapes():
    rectification = make(**TPS).crnn.rectification
    compiled = torch.compile(rectification, dynamic=True, backend="aot_eager")
    with torch.no_grad():
        for count, width in ((2, 100), (3, 64)):
            images, widths = random_images(count, width), torch.arange(count) + width // 2
            for inputs in ((images,), (images, widths)):
                torch.testing.assert_close(compiled(*inputs), rectification(*inputs), atol=1e-4, rtol=0)


def test_onnx_at_many_shapes(tmp_path):
    """The preset, narrow, with padding: grid_sample is an operator of ONNX."""
    for module in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(module)
    from hf_str.onnx import ORTCRNNForCTC, export_onnx, largest_difference

    narrow = SMALL | TPS | {"residual_blocks": [0, 0, 1, 1, 1, 1, 0]}
    make(**PRESETS["tps-resnet-bilstm"] | narrow).save_pretrained(tmp_path)
    image_processor = CRNNImageProcessorPil(keep_aspect_ratio=True)
    CRNNProcessor(image_processor, CRNNTokenizer(charset="36")).save_pretrained(tmp_path)
    export_onnx(tmp_path, tmp_path / "graph")
    model, exported = CRNNForCTC.from_pretrained(tmp_path).eval(), ORTCRNNForCTC.from_pretrained(tmp_path / "graph")
    assert largest_difference(model, exported) < 1e-4
