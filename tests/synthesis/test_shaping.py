# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Scripts that join, stack or run from right to left are set as whole words."""

import numpy as np
import pytest


pytest.importorskip("cv2")
pytest.importorskip("fontTools")

from PIL import features

import hf_str.synthesis.shaping as shaping
from hf_str.synthesis import WordRenderer, find_fonts
from hf_str.synthesis.layout import GlyphAtlas, set_word
from hf_str.synthesis.shaping import needs_shaping


needs_raqm = pytest.mark.skipif(not features.check("raqm"), reason="this Pillow has no libraqm")


def fonts_of(characters: str) -> list:
    try:
        return find_fonts(characters)
    except FileNotFoundError:
        pytest.skip(f"no font on this machine draws {characters}")


class Texts:
    """A sampler of fixed words."""

    def __init__(self, *texts: str):
        self.texts, self.characters = texts, tuple(sorted(set("".join(texts))))

    def sample(self, rng: np.random.Generator) -> str:
        return self.texts[int(rng.integers(len(self.texts)))]


@pytest.mark.parametrize("text", ["Exit", "Café", "출구", "出口", "Привет", "ทางออก", "12:30", ""])
def test_letters_side_by_side_need_no_shaping(text):
    assert not needs_shaping(text)


@pytest.mark.parametrize("text", ["خروج", "יציאה", "निकास", "ทั้ง", "x\u0323\u0307", "Exit יציאה"])
def test_joined_and_stacked_letters_do(text):
    assert needs_shaping(text)


@needs_raqm
def test_hebrew_runs_from_right_to_left():
    font, atlas = fonts_of("יציאהלו")[0], GlyphAtlas()
    setting = set_word(atlas, font, 64, "לו")
    last = set_word(atlas, font, 64, "ו").mask
    ink = np.flatnonzero(setting.mask.max(axis=0))
    gap = next(x for x in range(len(setting.mask[0])) if x not in ink)  # between the two letters
    left = setting.mask[:, :gap]
    rows = np.flatnonzero(left.max(axis=1))
    np.testing.assert_array_equal(left[rows[0] : rows[-1] + 1], last)  # what is read last stands at the left
    starts = [start for start, _ in set_word(atlas, font, 64, "יציאה").letters]
    assert starts == sorted(starts) and len(starts) == 5


@needs_raqm
def test_arabic_letters_join():
    cv2 = pytest.importorskip("cv2")
    font, atlas = fonts_of("ل")[0], GlyphAtlas()
    joined = set_word(atlas, font, 64, "للل").mask
    assert cv2.connectedComponents((joined > 127).astype(np.uint8))[0] - 1 == 1
    alone = set_word(atlas, font, 64, "ل").mask
    assert joined.shape[1] < 2.5 * alone.shape[1]  # in the middle of a word a letter has another, narrower form


@needs_raqm
def test_marks_stand_on_their_letters():
    font, atlas = fonts_of("นำ้")[0], GlyphAtlas()
    plain, marked = set_word(atlas, font, 64, "น").mask, set_word(atlas, font, 64, "น้").mask
    assert marked.shape[0] > plain.shape[0] and marked.shape[1] <= 1.2 * plain.shape[1]


@needs_raqm
def test_whole_words_are_rendered_at_every_difficulty_and_never_stacked(monkeypatch):
    texts = "خروج", "السلام", "مدرسة"
    fonts = fonts_of("".join(set("".join(texts))))
    monkeypatch.setattr("hf_str.synthesis.renderer.stack_word", lambda *_, **__: pytest.fail("stacked"))
    renderer = WordRenderer(Texts(*texts), fonts, vertical_share=1.0, seed=3)
    for index in range(20):
        picture, text = renderer.render(index)
        assert text in texts and picture.std() > 3


def test_without_raqm_it_is_said_before_anything_is_drawn(monkeypatch, fonts):
    monkeypatch.setattr(shaping.features, "check", lambda feature: False)
    with pytest.raises(ImportError, match="libraqm"):
        WordRenderer(Texts("שלום"), fonts)
    WordRenderer(Texts("Exit"), fonts)
