# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Setting words and carrying them into pictures."""

import numpy as np
import pytest


pytest.importorskip("cv2")
pytest.importorskip("fontTools")

from hf_str.data.bending import Bend
from hf_str.synthesis.layout import GlyphAtlas, set_word, stack_word, surround
from hf_str.synthesis.placement import height_of, place


MARGINS = (0.1, 0.1, 0.1, 0.1)


@pytest.fixture(scope="module")
def atlas():
    return GlyphAtlas()


def word(atlas, fonts, text="Hotel", **more):
    return set_word(atlas, fonts[0], 32, text, **more)


def test_letters_stand_in_reading_order(atlas, fonts):
    setting = word(atlas, fonts)
    starts = [left for left, _ in setting.letters]
    assert starts == sorted(starts) and len(starts) == 5
    assert setting.box == (0, 0, setting.mask.shape[1], setting.mask.shape[0])
    # Cut to the ink: every side touches it.
    assert all(edge.max() > 0 for edge in (setting.mask[0], setting.mask[-1], setting.mask[:, 0], setting.mask[:, -1]))


def test_spacing_and_size(atlas, fonts):
    plain, spaced = word(atlas, fonts), word(atlas, fonts, spacing=0.5)
    assert spaced.mask.shape[1] >= plain.mask.shape[1] + 4 * 15
    assert word(atlas, fonts, "xx", big_first=1.5).mask.shape[0] > word(atlas, fonts, "xx").mask.shape[0]


def test_a_dash_keeps_the_room_of_a_letter(atlas, fonts):
    setting = word(atlas, fonts, "-")
    left, top, right, bottom = setting.box
    assert bottom - top >= 14 > setting.mask.shape[0]
    assert top < 0 < bottom - setting.mask.shape[0]
    assert right - left >= 8


def test_nothing_to_see_is_none(atlas, fonts):
    assert word(atlas, fonts, " ") is None


def test_neighbors_leave_the_word_in_place(atlas, fonts):
    setting, other = word(atlas, fonts), word(atlas, fonts, "Bar")
    around = surround(setting, [(other, -70, 3), (other, 5, 40), (other, 200, -9)])
    left, top, right, bottom = around.box
    assert (right - left, bottom - top) == (setting.mask.shape[1], setting.mask.shape[0])
    assert np.all(around.mask[top:bottom, left:right] >= setting.mask)
    assert around.letters[0][0] == left


@pytest.mark.parametrize("bend", [("none", 0.0), ("arc", 1.2), ("arc", -1.2), ("wave", 0.3)])
def test_bending_back_undoes_bending(bend):
    curve = Bend(*bend, 6.0)
    points = np.random.default_rng(0).uniform((-6, -1), (6, 1), (50, 2))
    assert np.allclose(curve.backward(curve.forward(points)), points, atol=1e-6)


@pytest.mark.parametrize("bend", [("none", 0.0), ("arc", 1.2), ("arc", -1.2), ("wave", 0.3)])
@pytest.mark.parametrize("angle", [0.0, 0.2])
def test_the_whole_word_lies_in_the_picture(atlas, fonts, bend, angle):
    setting = word(atlas, fonts)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    placement = place(setting, 48, turn, bend, MARGINS, 1000)
    picture = placement.warp(setting.mask)
    assert picture.shape == (48, placement.width)
    assert all(edge.max() == 0 for edge in (picture[0], picture[-1], picture[:, 0], picture[:, -1]))
    # What is lost on the way is little: the ink, scaled, is all there.
    assert picture.sum() == pytest.approx(setting.mask.sum() * placement.scale**2, rel=0.1)


@pytest.mark.parametrize("bend", [("arc", 1.2), ("arc", -1.2), ("wave", 0.3)])
def test_a_bent_word_knows_where_its_line_runs(atlas, fonts, bend):
    setting = word(atlas, fonts, "HHHH")
    placement = place(setting, 96, np.eye(3), bend, MARGINS, 1000)
    off_line = placement.off_line
    ink = placement.warp(setting.mask) > 200
    assert off_line.shape == ink.shape and np.abs(off_line[ink]).max() < 1.05 < np.abs(off_line).max()
    upper_half = np.arange(len(setting.mask))[:, None] < len(setting.mask) / 2
    upper = placement.warp(np.where(upper_half, setting.mask, 0)) > 200
    assert off_line[upper].max() < 0.1 < off_line[ink & ~upper].mean()
    assert place(setting, 48, np.eye(3), ("none", 0.0), MARGINS, 1000).off_line is None


def test_how_high_a_word_becomes():
    assert height_of(np.eye(3), ("none", 0.0), 4.0) == 1.0
    half_circle = height_of(np.eye(3), ("arc", np.pi), 10.0)  # its radius is that of the line in the middle
    radius = 20 / np.pi
    assert half_circle == pytest.approx((radius + 1) / 2, rel=1e-3)


def test_a_word_too_wide_becomes_lower(atlas, fonts):
    placement = place(word(atlas, fonts, "HHHHHHHHHHHH"), 48, np.eye(3), ("none", 0.0), MARGINS, 120)
    assert placement.width == 120 and placement.height < 48


def test_the_atlas_forgets_the_fonts_used_longest_ago(fonts):
    atlas = GlyphAtlas(capacity=10)
    for size in (20, 30, 40):
        set_word(atlas, fonts[0], size, "ABCDEFG")
    assert len(atlas) == 7
    assert len(atlas._fonts) == 1


def test_a_stacked_word_is_high_and_narrow(atlas, fonts):
    setting = stack_word(atlas, fonts[0], 32, "HOTEL")
    height, width = setting.mask.shape
    assert height > 4 * width
    assert len(setting.letters) == 5


def test_a_small_picture_of_large_glyphs_is_smooth(atlas, fonts):
    setting = set_word(atlas, fonts[0], 64, "HHHH")
    picture = place(setting, 16, np.eye(3), ("none", 0.0), MARGINS, 1000).warp(setting.mask)
    # Every stroke keeps its share of ink, though it is narrower than a pixel of the large mask's grid allows.
    columns = picture[4:12].mean(axis=0)
    assert np.ptp([columns[start : start + len(columns) // 4].mean() for start in (0, len(columns) // 2)]) < 25
