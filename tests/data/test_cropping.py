# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Words cut out of scenes: each shape of outline, level and turned, and what is no box."""

import numpy as np
import pytest

from hf_str.data.cropping import DegenerateBoxError, box_outline, crop_word, is_irregular


cv2 = pytest.importorskip("cv2")
QUADRANTS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0))  # red green / blue yellow: shows how a crop lies


def word(width=120, height=40):
    """A picture whose four quarters differ, (height, width, 3)."""
    pixels = np.zeros((height, width, 3), np.uint8)
    rows, columns = height // 2, width // 2
    pixels[:rows, :columns], pixels[:rows, columns:] = QUADRANTS[:2]
    pixels[rows:, :columns], pixels[rows:, columns:] = QUADRANTS[2:]
    return pixels


def quarters(crop):
    """The colors in the middles of the four quarters."""
    height, width = crop.shape[:2]
    return tuple(
        tuple(255 * (crop[int(height * y), int(width * x)] > 127)) for y in (0.25, 0.75) for x in (0.25, 0.75)
    )


def pasted(corners, size=(300, 300)):
    """A scene with the word where its corners (4, 2) lie."""
    picture = word()
    height, width = picture.shape[:2]
    source = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    matrix = cv2.getPerspectiveTransform(source, np.float32(corners))
    return cv2.warpPerspective(picture, matrix, size, borderValue=(128, 128, 128))


def turned(degrees):
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.array([[-60, -20], [60, -20], [60, 20], [-60, 20]]) @ turn.T + 150


def test_upright_boxes_are_copied_exactly():
    scene = np.random.default_rng(0).integers(0, 256, (50, 80, 3), np.uint8)
    assert np.array_equal(crop_word(scene, box_outline(10, 5, 40, 25)), scene[5:25, 10:40])
    assert np.array_equal(crop_word(scene, box_outline(10.4, 5.6, 39.5, 24.1)), scene[5:25, 10:40])  # outwards
    assert np.array_equal(crop_word(scene, box_outline(-9, -3, 400, 25)), scene[:25])  # as far as there is an image


@pytest.mark.parametrize("degrees", [0.001, 10, 45, 90, 135, 180, 250, 340])
@pytest.mark.parametrize("is_clockwise", [True, False])
def test_quadrilaterals_are_rectified_from_their_first_corner_on(degrees, is_clockwise):
    corners = turned(degrees)
    outline = corners if is_clockwise else corners[[0, 3, 2, 1]]
    crop = crop_word(pasted(corners), outline.ravel())
    assert crop.shape == (40, 120, 3)
    assert quarters(crop) == QUADRANTS


def test_perspective_is_undone():
    corners = np.array([[40, 60], [260, 20], [250, 200], [50, 120]])
    crop = crop_word(pasted(corners), corners.ravel())
    assert quarters(crop) == QUADRANTS
    exact = cv2.resize(word(), crop.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    assert np.abs(crop.astype(int) - exact).mean() < 6


@pytest.mark.parametrize("points", [6, 7, 10, 14])
@pytest.mark.parametrize("roll", [0, 1, 3])
@pytest.mark.parametrize("bend", [1, -1])
def test_curved_outlines_are_straightened(points, roll, bend):
    # a word on a ring around (150, 150), between the radii 80 and 120, over 80 degrees
    picture, half = word(200, 40), np.deg2rad(40)
    y, x = np.mgrid[:300, :300]
    radius, angle = np.hypot(x - 150, y - 150), np.arctan2(x - 150, bend * (150 - y))
    along, down = (angle + half) / (2 * half), (120 - radius) / 40
    down = down if bend == 1 else 1 - down
    inside = (along >= 0) & (along < 1) & (down >= 0) & (down < 1)
    scene = np.full((300, 300, 3), 128, np.uint8)
    scene[inside] = picture[(down[inside] * 40).astype(int), (along[inside] * 200).astype(int)]

    upper_count = points // 2
    outer, inner = (120, 80) if bend == 1 else (80, 120)
    upper, lower = np.linspace(-half, half, upper_count), np.linspace(half, -half, points - upper_count)
    angles, radii = np.concatenate([upper, lower]), np.array([outer] * upper_count + [inner] * len(lower))
    outline = np.stack([150 + radii * np.sin(angles), 150 - bend * radii * np.cos(angles)], axis=1)
    crop = crop_word(scene, np.roll(outline, roll, axis=0).ravel())
    assert quarters(crop) == QUADRANTS
    assert 2.5 < crop.shape[1] / crop.shape[0] < 6


def test_crossing_outlines_become_their_smallest_rectangle():
    corners = turned(20)
    crossed = corners[[0, 2, 1, 3]]
    assert is_irregular(crossed)
    assert not is_irregular(corners)
    assert quarters(crop_word(pasted(corners), crossed.ravel())) == QUADRANTS
    assert is_irregular([0, 0, 10, 0, 10, 10, 5, -5, 0, 10, -5, 5])


@pytest.mark.parametrize(
    "outline",
    [
        box_outline(10, 10, 10, 20),
        box_outline(30, 10, 20, 20),
        box_outline(300, 10, 320, 20),
        (5, 5, 20, 5.2, 40, 5, 20, 5.1),
        (10, 10, 50, 50, 30, 30, 20, 20),
        (500, 500, 520, 501, 521, 520, 499, 521),
        (10, 10, 20, 20),
        (10, 10, float("nan"), 10, 20, 20, 10, 20),
        (0, 0, 1e6, 1, 1e6, 1e6, 1, 1e6),
    ],
)
def test_degenerate_boxes_are_errors(outline):
    with pytest.raises(DegenerateBoxError):
        crop_word(np.zeros((100, 100), np.uint8), outline)


def test_gray_scenes():
    scene = np.random.default_rng(0).integers(0, 256, (50, 80), np.uint8)
    assert crop_word(scene, (10, 5, 40, 6, 41, 20, 9, 21)).ndim == 2
