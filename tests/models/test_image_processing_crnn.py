# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The image processors: geometry, numerics, padding, masks, and the agreement of the two backends."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers.utils import is_torchvision_available

import hf_str.models.crnn
from hf_str.models.crnn.image_geometry_crnn import word_width
from hf_str.models.crnn.image_loading_crnn import UnreadableImageError
from hf_str.models.crnn.image_processing_crnn import CRNNImageProcessor
from hf_str.models.crnn.image_processing_pil_crnn import CRNNImageProcessorPil


HAS_TORCHVISION = is_torchvision_available()
needs_torchvision = pytest.mark.skipif(not HAS_TORCHVISION, reason="torchvision is not installed")
BACKENDS = [
    pytest.param(CRNNImageProcessorPil, id="pil"),
    pytest.param(CRNNImageProcessor, id="torchvision", marks=needs_torchvision),
]
#: What PP-OCR's recognizers read: 48 pixels high, in color, resized as OpenCV does.
PP_OCR = {
    "size": {"height": 48, "width": 320},
    "do_grayscale": False,
    "resample": Image.BILINEAR,
    "antialias": False,
    "keep_aspect_ratio": True,
}
#: Paddle's own padding, which they also see in training.
PADDLE = {
    "min_width": 1,
    "max_width": 3200,
    "width_rounding": "up",
    "padding": "max_length",
    "return_pixel_mask": False,
}
each_backend = pytest.mark.parametrize("backend", BACKENDS)


def picture(width: int, height: int, seed: int = 0) -> Image.Image:
    """Smooth colors with some noise, RGB: near enough to a photograph for filters to be compared."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (4, 7, 3), dtype=np.uint8)).resize((width, height), Image.BICUBIC)
    noise = rng.normal(0, 6, (height, width, 3))
    return Image.fromarray((np.asarray(coarse) + noise).clip(0, 255).astype(np.uint8))


SIZES = [(90, 30), (128, 32), (31, 60), (400, 24), (12, 12), (200, 64), (64, 20), (90, 30)]
PICTURES = [picture(*size, seed) for seed, size in enumerate(SIZES)]


def reference(image: Image.Image, width: int = 128, height: int = 32, mode: str = "L", resample=Image.BICUBIC):
    pixels = np.asarray(image.convert(mode).resize((width, height), resample), dtype=np.float64)
    return ((pixels / 255 - 0.5) / 0.5).reshape(height, width, -1).transpose(2, 0, 1)


def close_to(backend) -> dict[str, float]:
    return {"rtol": 0, "atol": 1e-6 if backend is CRNNImageProcessorPil else 0.04}


# ---------------------------------------------------------------------------------------------------------------------
# Fixed size


@each_backend
def test_the_default_is_gray_stretched_and_in_minus_one_to_one(backend):
    batch = backend()(PICTURES, return_tensors="pt")
    assert list(batch) == ["pixel_values"]
    assert batch.pixel_values.shape == (len(PICTURES), 1, 32, 128)
    assert batch.pixel_values.dtype == torch.float32
    assert batch.pixel_values.is_contiguous()
    expected = np.stack([reference(image) for image in PICTURES])
    np.testing.assert_allclose(batch.pixel_values.numpy(), expected, **close_to(backend))


@each_backend
@pytest.mark.parametrize("resample", [Image.NEAREST, Image.BILINEAR, Image.BICUBIC, Image.LANCZOS])
def test_rgb_with_the_mean_and_std_of_each_channel(backend, resample):
    if backend is CRNNImageProcessor and resample in (Image.NEAREST, Image.LANCZOS):
        pytest.skip("torchvision's nearest takes other pixels, and its LANCZOS is bicubic")
    options = {"size": {"height": 48, "width": 100}, "image_mean": [0.694, 0.695, 0.693], "image_std": [0.3, 0.2, 0.1]}
    processor = backend(do_grayscale=False, resample=resample, **options)
    batch = processor(PICTURES, return_tensors="np")
    for image, values in zip(PICTURES, batch.pixel_values, strict=True):
        expected = reference(image, 100, 48, "RGB", resample) / 2 + 0.5
        expected = (expected - np.reshape(options["image_mean"], (3, 1, 1))) / np.reshape(
            options["image_std"], (3, 1, 1)
        )
        np.testing.assert_allclose(values, expected, rtol=0, atol=1e-5 if backend is CRNNImageProcessorPil else 0.2)


@each_backend
@pytest.mark.parametrize("mean, std", [(0.5, 0.5), ([0.5], [0.5]), ((0.5,), 0.5)])
@pytest.mark.parametrize("gray", [True, False])
def test_one_mean_serves_any_number_of_channels(backend, mean, std, gray):
    processor = backend(image_mean=mean, image_std=std, do_grayscale=gray)
    values = processor(PICTURES[0], return_tensors="np").pixel_values
    np.testing.assert_allclose(values[0], reference(PICTURES[0], mode="L" if gray else "RGB"), **close_to(backend))


@each_backend
def test_a_mean_of_the_wrong_length_is_an_error(backend):
    with pytest.raises(ValueError, match="3 values for 1 channels"):
        backend(image_mean=[0.5] * 3)(PICTURES[0])


@each_backend
def test_steps_can_be_left_out(backend):
    processor = backend(size={"height": 30, "width": 90})
    pixels = np.asarray(PICTURES[0].convert("L"), dtype=np.float32)[None, None]
    plain = processor(PICTURES[0], do_rescale=False, do_normalize=False, return_tensors="np").pixel_values
    np.testing.assert_array_equal(plain, pixels)
    unit = processor(PICTURES[0], do_normalize=False, return_tensors="np").pixel_values
    np.testing.assert_allclose(unit, pixels / 255, atol=1e-7)
    same = processor([PICTURES[0], PICTURES[7]], do_resize=False, return_tensors="np").pixel_values
    assert same.shape == (2, 1, 30, 90)


@each_backend
def test_without_resizing_a_batch_needs_one_size(backend):
    with pytest.raises(ValueError, match="one batch"):
        backend(do_resize=False)(PICTURES, return_tensors="pt")


@each_backend
@pytest.mark.parametrize(
    "options", [{"do_center_crop": True, "crop_size": 3}, {"do_pad": True}, {"size": {"shortest_edge": 9}}]
)
def test_what_is_not_done_is_refused(backend, options):
    with pytest.raises(ValueError):
        backend()(PICTURES[0], **options)


# ---------------------------------------------------------------------------------------------------------------------
# Aspect ratio kept


def test_word_width():
    assert word_width(20, 70, 32, 1, 999) == 112
    assert word_width(1, 500, 32, 1, 256) == 256
    assert word_width(500, 1, 32, 16, 256) == 16
    assert word_width(3, 1, 32, 1, 256) == round(32 / 3)
    assert [word_width(3, 10, 32, 1, 256, rounding) for rounding in ("nearest", "up", "down")] == [107, 107, 106]
    assert [word_width(32, width, 32, 8, 256, multiple_of=16) for width in (3, 25, 39, 41)] == [16, 32, 32, 48]


@each_backend
def test_keep_aspect_ratio_pads_on_the_right_and_says_so(backend):
    processor = backend(keep_aspect_ratio=True, min_width=20, max_width=300)
    batch = processor(PICTURES, return_tensors="pt")
    widths = [min(max(round(32 * width / height), 20), 300) for width, height in SIZES]
    assert widths == [96, 128, 20, 300, 32, 100, 102, 96]
    assert batch.pixel_values.shape == (len(SIZES), 1, 32, 300)
    assert batch.pixel_mask.shape == (len(SIZES), 32, 300)
    assert batch.pixel_mask.dtype == torch.int64
    assert batch.pixel_mask.is_contiguous()
    for image, width, values, mask in zip(PICTURES, widths, batch.pixel_values, batch.pixel_mask, strict=True):
        np.testing.assert_allclose(values[..., :width].numpy(), reference(image, width), **close_to(backend))
        assert (values[..., width:] == 0).all()
        assert (mask[:, :width] == 1).all() and (mask[:, width:] == 0).all()


@each_backend
@pytest.mark.parametrize(
    "options, width",
    [
        ({}, 128),
        ({"min_width": 1}, 128),
        ({"max_width": 100}, 100),
        ({"max_width": 100, "pad_to_multiple_of": 16}, 112),
        ({"max_width": 112, "pad_to_multiple_of": 16}, 112),
        ({"padding": True}, 128),
        ({"max_width": 64, "padding": "max_length"}, 128),
        ({"padding": "max_length", "pad_to_multiple_of": 100}, 200),
        ({"padding": "max_length", "max_width": 300}, 300),
        ({"padding": "max_length", "max_width": 300, "size": {"height": 32, "width": 320}}, 320),
        ({"size": {"height": 64, "width": 640}}, 640),
    ],
)
def test_the_width_of_a_batch(backend, options, width):
    batch = backend(keep_aspect_ratio=True, **options)(PICTURES, return_tensors="pt")
    assert batch.pixel_values.shape[-1] == batch.pixel_mask.shape[-1] == width


@each_backend
def test_min_width_alone_in_a_batch(backend):
    batch = backend(keep_aspect_ratio=True)(picture(5, 50), return_tensors="pt")
    assert batch.pixel_values.shape == (1, 1, 32, 32)
    assert batch.pixel_mask.all()


@each_backend
def test_padding_by_repeating_the_last_column(backend):
    processor = backend(keep_aspect_ratio=True, padding_mode="replicate", padding="max_length", do_grayscale=False)
    batch = processor(PICTURES, return_tensors="np")
    for values, mask in zip(batch.pixel_values, batch.pixel_mask, strict=True):
        end = mask[0].sum()
        np.testing.assert_array_equal(values[:, :, end:], np.repeat(values[:, :, end - 1 : end], 128 - end, axis=2))


@each_backend
@pytest.mark.parametrize(
    "value, expected", [(-1, [-1, -1, -1]), (0.25, [0.25] * 3), ([0.1, 0.2, 0.3], [0.1, 0.2, 0.3])]
)
def test_padding_with_a_value(backend, value, expected):
    processor = backend(keep_aspect_ratio=True, padding_value=value, padding="max_length", do_grayscale=False)
    values = processor(PICTURES[4], return_tensors="np").pixel_values[0]
    np.testing.assert_allclose(values[:, 5, -1], expected, atol=1e-7)


@each_backend
def test_widths_are_rounded_as_asked(backend):
    image = picture(100, 30)  # 106.67 pixels at a height of 32
    processor = backend(keep_aspect_ratio=True)
    for options, width in [({}, 107), ({"width_rounding": "up"}, 107), ({"width_rounding": "down"}, 106)]:
        assert processor(image, return_tensors="np", **options).pixel_values.shape == (1, 1, 32, width)
    words = [image, picture(60, 32)]
    batch = processor(words, resize_to_multiple_of=16, return_tensors="pt")
    assert batch.pixel_values.shape[-1] == 112
    assert batch.pixel_mask.sum(-1)[:, 0].tolist() == [112, 64]  # stretched, not padded


@each_backend
def test_words_become_wider_by_a_factor(backend):
    """Before bounds and rounding: of 64 pixels at a height of 32 become 96, of 107 160, of 21 the least width."""
    words = [picture(60, 30), picture(100, 30), picture(20, 30), picture(900, 30)]
    processor = backend(keep_aspect_ratio=True, width_factor=1.5, min_width=48, max_width=512)
    widths = processor(words, return_tensors="pt").pixel_mask.sum(-1)[:, 0].tolist()
    assert widths == [96, 160, 48, 512]
    (pixels,) = processor(words[0], return_tensors="np").pixel_values
    np.testing.assert_allclose(pixels, reference(words[0], 96, 32), **close_to(backend))
    assert processor(words[1], resize_to_multiple_of=32, return_tensors="pt").pixel_values.shape[-1] == 160
    assert processor(words[0], keep_aspect_ratio=False, return_tensors="pt").pixel_values.shape[-1] == 128
    with pytest.raises(ValueError, match="width_factor is above 0"):
        processor(words[0], width_factor=0.0)


@each_backend
def test_wide_words_shrink_and_are_padded_below(backend):
    words = [picture(400, 40), picture(60, 30), picture(128, 32)]
    processor = backend(keep_aspect_ratio=True, wide_words="shrink", width_rounding="down", padding_value=-3.0)
    batch = processor(words, return_tensors="pt")
    assert batch.pixel_values.shape == (3, 1, 32, 128)
    for image, size, values, mask in zip(
        words, [(12, 128), (32, 64), (32, 128)], batch.pixel_values, batch.pixel_mask, strict=True
    ):
        word = np.zeros((32, 128), dtype=bool)
        word[: size[0], : size[1]] = True
        np.testing.assert_array_equal(mask.numpy(), word)
        expected = reference(image, size[1], size[0])
        np.testing.assert_allclose(values[:, : size[0], : size[1]].numpy(), expected, **close_to(backend))
        assert (values[0].numpy()[~word] == -3).all()
    repeated = processor(words[0], padding_mode="replicate", return_tensors="np").pixel_values[0, 0]
    assert (repeated[12:] == repeated[11]).all()
    alone = processor(words[0], return_tensors="np").pixel_values  # no other word gives the batch its height
    np.testing.assert_array_equal(alone[0], batch.pixel_values[0].numpy())


@each_backend
def test_a_model_that_looks_at_its_padding_gets_no_mask(backend):
    processor = backend(keep_aspect_ratio=True, return_pixel_mask=False)
    assert processor.model_input_names == ["pixel_values"]
    assert list(processor(PICTURES, return_tensors="pt")) == ["pixel_values"]


@each_backend
@pytest.mark.parametrize("options", [{"wide_words": "cut"}, {"width_rounding": "odd"}, {"resize_to_multiple_of": 0}])
def test_unknown_choices_are_refused(backend, options):
    (name,) = options
    with pytest.raises(ValueError, match=name):
        backend(keep_aspect_ratio=True, **options)(PICTURES[0])


@each_backend
@pytest.mark.parametrize("gray", [True, False])
def test_resizing_without_antialiasing_is_that_of_opencv(backend, gray):
    cv2 = pytest.importorskip("cv2")
    processor = backend(
        resample=Image.BILINEAR, antialias=False, do_grayscale=gray, do_rescale=False, do_normalize=False
    )
    for image in PICTURES:
        pixels = np.asarray(image.convert("L" if gray else "RGB"))
        expected = cv2.resize(pixels, (128, 32), interpolation=cv2.INTER_LINEAR).reshape(32, 128, -1)
        values = processor(image, return_tensors="np").pixel_values[0]
        assert np.abs(values - expected.transpose(2, 0, 1)).max() <= 1
    smooth = processor(PICTURES[3], antialias=True, return_tensors="np").pixel_values[0]
    assert np.abs(smooth - processor(PICTURES[3], return_tensors="np").pixel_values[0]).max() > 4


@each_backend
def test_images_as_pp_ocr_takes_them(backend):
    """48 high, without antialiasing, at a width that is a multiple of 32 and at least 96."""
    processor = backend(**PP_OCR, min_width=96, max_width=3200, resize_to_multiple_of=32)
    widths = {(20, 20): 96, (125, 48): 128, (30, 10): 128, (107, 24): 224, (250, 32): 384, (4_000, 50): 3200}
    for (width, height), expected in widths.items():
        batch = processor(picture(width, height), return_tensors="pt")
        assert batch.pixel_values.shape == (1, 3, 48, expected)
        assert batch.pixel_mask.all()
    values = processor([picture(90, 60), picture(300, 20)], return_tensors="np").pixel_values
    assert values.shape == (2, 3, 48, 704)
    assert not values[0, ..., 96:].any()


@each_backend
def test_images_as_paddle_pads_them(backend):
    """At least 320 wide, zeros after normalization, no mask; what is wider stays as wide as it is."""
    processor = backend(**PP_OCR, **PADDLE)
    values = processor([picture(100, 47), picture(30, 90)], return_tensors="np")
    assert list(values) == ["pixel_values"]
    assert values.pixel_values.shape == (2, 3, 48, 320)
    assert (
        values.pixel_values[0, ..., 102].any() and not values.pixel_values[0, ..., 103:].any()
    )  # 102.1 is rounded up
    assert processor(picture(500, 48), return_tensors="np").pixel_values.shape[-1] == 500
    assert processor(picture(4_000, 48), return_tensors="np").pixel_values.shape[-1] == 3200


@needs_torchvision
@pytest.mark.parametrize("size", [(20, 9), (300, 100), (150, 40), (33, 90), (96, 48), (1, 1), (1500, 30)])
def test_pillow_interpolates_as_torchvision(size):
    """Where an image grows, Pillow's own resizing takes the place of an interpolation: nothing is to be averaged."""
    options = {**PP_OCR, "min_width": 96, "max_width": 3200, "do_normalize": False, "do_rescale": False}
    values = [kind(**options)(picture(*size)).pixel_values[0] for kind in (CRNNImageProcessor, CRNNImageProcessorPil)]
    assert np.abs(np.asarray(values[0]) - np.asarray(values[1])).max() <= 1


def test_resampling_that_needs_antialiasing_is_refused():
    with pytest.raises(ValueError, match="antialias=False goes with"):
        CRNNImageProcessorPil(resample=Image.LANCZOS, antialias=False)(PICTURES[0])


@each_backend
@pytest.mark.parametrize(
    "options",
    [
        {"padding": "longst"},
        {"padding": False},
        {"min_width": 0},
        {"pad_to_multiple_of": 0},
    ],
)
def test_contradictory_padding_is_refused(backend, options):
    processor = backend(**options)
    processor(PICTURES[0])  # stretched: nothing to pad
    with pytest.raises(ValueError, match=next(iter(options))):
        processor(PICTURES[0], keep_aspect_ratio=True)


@each_backend
def test_options_at_call_time_last_for_one_call(backend):
    processor = backend()
    assert "pixel_mask" in processor(PICTURES, keep_aspect_ratio=True, return_tensors="pt")
    assert "pixel_mask" not in processor(PICTURES, return_tensors="pt")
    with pytest.raises(Exception, match="keep_aspect_ratio"):
        processor(PICTURES, keep_aspect_ratio="yes")


@each_backend
def test_model_input_names_follow_the_mode(backend):
    for keep in (False, True):
        processor = backend(keep_aspect_ratio=keep)
        assert processor.model_input_names == list(processor(PICTURES[0], return_tensors="pt"))


# ---------------------------------------------------------------------------------------------------------------------
# Batches and inputs


@each_backend
@pytest.mark.parametrize("gray", [True, False])
def test_a_batch_gives_what_its_images_give_one_by_one(backend, gray):
    processor = backend(do_grayscale=gray)
    batch = processor(PICTURES, return_tensors="pt").pixel_values
    alone = torch.cat([processor(image, return_tensors="pt").pixel_values for image in PICTURES])
    assert torch.equal(batch, alone)

    batch = processor(PICTURES, keep_aspect_ratio=True, return_tensors="pt")
    for image, values, mask in zip(PICTURES, batch.pixel_values, batch.pixel_mask, strict=True):
        alone = processor(image, keep_aspect_ratio=True, return_tensors="pt")
        width = alone.pixel_values.shape[-1]
        assert torch.equal(alone.pixel_values[0], values[..., :width])
        assert alone.pixel_mask.all() and mask.sum() == 32 * width


@each_backend
@pytest.mark.parametrize("gray", [True, False])
def test_every_kind_of_input_gives_the_same(backend, gray, tmp_path):
    path = tmp_path / "word.png"
    image = PICTURES[0]
    image.save(path)
    array = np.asarray(image)
    first = np.ascontiguousarray(array.transpose(2, 0, 1))
    inputs = [
        *(image, str(path), path, path.read_bytes(), Image.open(path), image.convert("RGBA")),
        *(array, first, array / 255, array.astype(np.int64), array[None]),
        *(torch.from_numpy(first), torch.from_numpy(array.copy()), torch.from_numpy(first)[None]),
        *(torch.from_numpy(first) / 255, torch.from_numpy(first).double()),
        *([image], [[image]], (str(path),)),
    ]
    processor = backend(do_grayscale=gray)
    expected = processor(image, return_tensors="pt").pixel_values
    for source in inputs:
        values = processor(source, return_tensors="pt").pixel_values
        assert torch.equal(values, expected), repr(source)[:60]
    mixed = processor([*inputs[:10], *inputs[11:13]], return_tensors="pt").pixel_values
    assert torch.equal(mixed, expected.expand(12, -1, -1, -1))


@each_backend
@pytest.mark.parametrize("mode", ["L", "P", "LA", "RGBA", "CMYK", "YCbCr", "HSV", "I", "F", "I;16"])
def test_every_mode_is_taken(backend, mode):
    image = PICTURES[0]
    if mode in ("L", "LA", "F", "I", "I;16"):
        image = image.convert("L").convert("RGB")
    source = image.convert("L") if mode in ("LA", "F") else image
    if mode in ("I", "I;16"):
        source = Image.fromarray(np.asarray(image)[..., 0].astype(np.uint16) * 257)
    source = source.quantize(256) if mode == "P" else source.convert(mode)
    for gray in (True, False):
        values = backend(do_grayscale=gray)(source, return_tensors="np").pixel_values[0]
        difference = np.abs(values - reference(image, mode="L" if gray else "RGB"))
        assert difference.mean() < 0.05


@each_backend
def test_two_dimensional_arrays_and_one_channel(backend):
    pixels = np.asarray(PICTURES[0].convert("L"))
    for source in (pixels, pixels[None], pixels[..., None], torch.from_numpy(pixels.copy())):
        for gray in (True, False):
            values = backend(do_grayscale=gray)(source, return_tensors="np").pixel_values[0]
            expected = np.broadcast_to(reference(PICTURES[0]), values.shape)
            np.testing.assert_allclose(values, expected, **close_to(backend))
    assert backend(do_grayscale=False, do_convert_rgb=False)(pixels, return_tensors="np").pixel_values.shape[1] == 1


@each_backend
def test_floats_that_are_not_to_be_rescaled_stay_in_their_range(backend):
    array = np.asarray(PICTURES[0]) / 255
    expected = backend()(PICTURES[0], return_tensors="np").pixel_values
    for source in (array, torch.from_numpy(array.transpose(2, 0, 1)).float()):
        np.testing.assert_allclose(
            backend()(source, do_rescale=False, return_tensors="np").pixel_values, expected, atol=1e-6
        )
    with pytest.raises(ValueError, match="mixes"):
        backend()([array, PICTURES[0]], do_rescale=False)


@each_backend
def test_the_gray_of_a_tensor_is_the_gray_of_an_image(backend):
    colors = np.random.default_rng(0).integers(0, 256, (64, 512, 3), dtype=np.uint8)
    options = {"do_resize": False, "do_rescale": False, "do_normalize": False, "return_tensors": "np"}
    values = backend()(torch.from_numpy(colors), **options).pixel_values[0, 0]
    np.testing.assert_array_equal(values, np.asarray(Image.fromarray(colors).convert("L")))


@each_backend
@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (60_000, 2), (2, 60_000), (7, 1)])
def test_extreme_shapes(backend, keep, size):
    processor = backend(keep_aspect_ratio=keep)
    array = np.full((size[1], size[0], 3), 200, dtype=np.uint8)
    for source in (Image.fromarray(array), array, torch.from_numpy(array)):
        options = {} if isinstance(source, Image.Image) else {"input_data_format": "channels_last"}
        values = processor(source, return_tensors="pt", **options).pixel_values
        assert values.shape[2] == 32 and 32 <= values.shape[3] <= 128
        assert torch.allclose(values, torch.tensor(200 / 127.5 - 1), atol=1e-6)


@each_backend
@pytest.mark.parametrize("keep", [False, True])
def test_an_empty_batch(backend, keep):
    batch = backend(keep_aspect_ratio=keep)([], return_tensors="pt")
    assert batch.pixel_values.shape == (0, 1, 32, 128)


@each_backend
def test_a_bad_image_in_a_batch_is_named(backend, tmp_path):
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    PICTURES[0].save(good)
    bad.write_bytes(good.read_bytes()[:-100])
    for source in (str(bad), Image.open(bad)):
        with pytest.raises(UnreadableImageError, match=r"bad\.png"):
            backend()([str(good), source], return_tensors="pt")


@each_backend
def test_return_types(backend):
    processor = backend(keep_aspect_ratio=True)
    kind = np.ndarray if backend is CRNNImageProcessorPil else torch.Tensor
    plain = processor(PICTURES[:2])
    for name, shape in {"pixel_values": (1, 32, 128), "pixel_mask": (32, 128)}.items():
        assert isinstance(plain[name], list) and isinstance(plain[name][0], kind) and plain[name][0].shape == shape
        assert isinstance(processor(PICTURES[:2], return_tensors="np")[name], np.ndarray)
        assert isinstance(processor(PICTURES[:2], return_tensors="pt")[name], torch.Tensor)


# ---------------------------------------------------------------------------------------------------------------------
# Both backends, saving


@needs_torchvision
@pytest.mark.parametrize("keep", [False, True])
def test_the_backends_agree(keep):
    pil, torchvision = (
        backend(keep_aspect_ratio=keep)(PICTURES, return_tensors="pt")
        for backend in (CRNNImageProcessorPil, CRNNImageProcessor)
    )
    difference = (pil.pixel_values - torchvision.pixel_values).abs()
    assert difference.max() <= 0.04
    assert difference.mean() <= 6e-4
    if keep:
        assert torch.equal(pil.pixel_mask, torchvision.pixel_mask)


@pytest.mark.skipif(HAS_TORCHVISION, reason="torchvision is installed")
def test_without_torchvision_its_class_says_what_is_missing():
    with pytest.raises(ImportError, match=r"(?i)torchvision"):
        CRNNImageProcessor()


@each_backend
def test_options_survive_saving(backend, tmp_path):
    options = {
        "size": {"height": 64, "width": 200},
        "keep_aspect_ratio": True,
        "min_width": 24,
        "max_width": 180,
        "wide_words": "shrink",
        "width_rounding": "up",
        "resize_to_multiple_of": 4,
        "return_pixel_mask": False,
        "antialias": False,
        "padding": "max_length",
        "pad_to_multiple_of": 8,
        "padding_mode": "replicate",
        "padding_value": [0.1, 0.2, 0.3],
        "do_grayscale": False,
        "image_mean": [0.5, 0.4, 0.3],
        "resample": Image.BILINEAR,
    }
    processor = backend(**options)
    processor.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "preprocessor_config.json").read_text())
    assert saved["image_processor_type"] == "CRNNImageProcessor"
    assert {name: saved[name] for name in options} == options
    again = backend.from_pretrained(tmp_path)
    assert again.to_dict() == processor.to_dict()
    batches = [p(PICTURES, return_tensors="pt") for p in (processor, again)]
    assert torch.equal(batches[0].pixel_values, batches[1].pixel_values)


def test_the_pil_class_runs_from_the_hub_without_this_package(tmp_path):
    """The files alone, as remote code, in a process that has neither hf_str nor torchvision."""
    script = """
import sys
sys.modules["torchvision"] = None
sys.path = [entry for entry in sys.path if entry not in ("", sys.argv[2])]
from transformers.models.auto.image_processing_auto import AutoImageProcessor
processor = AutoImageProcessor.from_pretrained(sys.argv[1], trust_remote_code=True)
assert type(processor).__name__ == "CRNNImageProcessorPil", type(processor)
assert not [name for name in sys.modules if name.split(".")[0] == "hf_str"]
import numpy
print(processor(numpy.zeros((20, 50), dtype="uint8"), return_tensors="pt").pixel_values.shape)
"""
    folder = tmp_path / "repo"
    CRNNImageProcessorPil().save_pretrained(folder)
    config = json.loads((folder / "preprocessor_config.json").read_text())
    config["auto_map"] = {"AutoImageProcessor": "image_processing_pil_crnn.CRNNImageProcessorPil"}
    (folder / "preprocessor_config.json").write_text(json.dumps(config))
    source = Path(hf_str.models.crnn.__path__[0])
    for name in ("image_processing_pil_crnn.py", "image_loading_crnn.py"):
        (folder / name).write_bytes((source / name).read_bytes())
    command = [sys.executable, "-c", script, str(folder), str(source.parents[2])]
    environment = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1", "PATH": "", "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=300, env=environment, cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "torch.Size([1, 1, 32, 128])"


@each_backend
def test_what_is_squeezed_a_lot_is_said(backend, monkeypatch):
    processor = backend(**{**PP_OCR, "max_width": 3200})
    said = []
    monkeypatch.setattr("hf_str.models.crnn.image_geometry_crnn.logger.warning", said.append)
    processor([picture(100, 30), picture(4800, 40)])
    assert not said
    processor([picture(100, 30), picture(5000, 4)])
    assert len(said) == 1
    assert "1 of 2 images are too wide" in said[0] and "number 1 (5000 x 4 pixels) by a factor of 18.8" in said[0]
