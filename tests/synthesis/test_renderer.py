# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The pictures: repeatable, readable, as hard as asked."""

import hashlib
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


pytest.importorskip("cv2")
pytest.importorskip("fontTools")

from hf_str.data.bending import Bend, project
from hf_str.models.crnn.tokenization_crnn import resolve_charset
from hf_str.synthesis import (
    WordRenderer,
    WordSampler,
    backgrounds,
    degradation,
    find_fonts,
    geometry,
    make_renderer,
    text_effects,
)
from hf_str.synthesis.contact_sheet import contact_sheet
from hf_str.synthesis.hangul import has_hangul

from .conftest import LATIN


@pytest.fixture(scope="module")
def renderer(fonts):
    return WordRenderer(WordSampler(LATIN), fonts, seed=7)


def spread(picture):
    low, high = np.percentile(picture, (2, 98))
    return high - low


def test_shapes_and_texts(renderer):
    for index in range(60):
        picture, text = renderer.render(index)
        assert picture.dtype == np.uint8
        assert picture.ndim == 3 and picture.shape[2] == 3
        assert picture.shape[0] <= 2 * 64 and picture.shape[1] >= 4
        assert text and set(text) <= set(LATIN)


def test_gray_pictures_have_one_channel(fonts):
    picture, _ = WordRenderer(WordSampler(LATIN), fonts, mode="L").render(0)
    assert picture.ndim == 2 and picture.flags.c_contiguous


def test_a_word_depends_on_seed_and_index_only(fonts, renderer):
    again = WordRenderer(WordSampler(LATIN), fonts, seed=7)
    for index in (41, 3, 17):  # in another order than before, with cold caches
        picture, text = again.render(index)
        same, same_text = renderer.render(index)
        assert text == same_text
        assert np.array_equal(picture, same)
    other = WordRenderer(WordSampler(LATIN), fonts, seed=8)
    assert [other.render(index)[1] for index in range(8)] != [renderer.render(index)[1] for index in range(8)]


def test_a_renderer_can_be_pickled(renderer):
    copy = pickle.loads(pickle.dumps(renderer))
    assert np.array_equal(copy.render(5)[0], renderer.render(5)[0])


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_letters_stand_out(fonts, mode):
    renderer = WordRenderer(WordSampler(LATIN), fonts, mode=mode)
    spreads = [spread(renderer.render(index)[0]) for index in range(200)]
    assert np.percentile(spreads, 1) > 15
    assert np.median(spreads) > 60


def test_difficulty(fonts):
    def renderer(difficulty):
        return WordRenderer(WordSampler(LATIN), fonts, difficulty=difficulty, mode="L")

    easy = [renderer(0.0).render(index)[0] for index in range(80)]
    hard = [renderer(1.0).render(index)[0] for index in range(80)]
    assert min(spread(picture) for picture in easy) > 100
    assert np.median([spread(p) for p in easy]) > np.median([spread(p) for p in hard])
    # Clean words stand on an even ground: nothing but the ground touches their border.
    assert all(np.ptp(picture[0]) == 0 for picture in easy)
    assert not all(np.ptp(picture[0]) == 0 for picture in hard)


def test_difficulty_may_change_between_words(fonts):
    changing = WordRenderer(WordSampler(LATIN), fonts, difficulty=1.0)
    changing.difficulty = 0.0
    fixed = WordRenderer(WordSampler(LATIN), fonts, difficulty=0.0)
    assert np.array_equal(changing.render(4)[0], fixed.render(4)[0])


@pytest.mark.parametrize("text", ["i", ".", "W", "gyp", "PNEUMONOULTRAMICROSCOPIC", "-"])
def test_any_text_at_any_difficulty(fonts, text):
    rng = np.random.default_rng(0)
    for difficulty in (0.0, 0.5, 1.0):
        renderer = WordRenderer(WordSampler(LATIN + ".-"), fonts, difficulty=difficulty)
        for _ in range(25):
            assert min(renderer.render_text(text, rng).shape[:2]) >= 4


def test_a_text_that_no_font_spells_is_named(renderer):
    with pytest.raises(ValueError, match="ツ"):
        renderer.render_text("ツ", np.random.default_rng(0))


def test_photos_lie_behind_the_letters(fonts):
    photos = [np.random.default_rng(n).integers(0, 256, (90, 120, 3), np.uint8) for n in range(3)]
    plain = WordRenderer(WordSampler(LATIN), fonts)
    pictured = WordRenderer(WordSampler(LATIN), fonts, backgrounds=photos)
    assert any(not np.array_equal(plain.render(n)[0], pictured.render(n)[0]) for n in range(20))


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"difficulty": 2}, "difficulty is 2"),
        ({"mode": "CMYK"}, "CMYK"),
        ({"height": (40, 20)}, "height"),
        ({"fonts": []}, "font"),
        ({"curriculum_samples": -1}, "curriculum_samples"),
        ({"vertical_share": 2}, "vertical_share"),
    ],
)
def test_wrong_arguments_are_named(fonts, wrong, message):
    with pytest.raises(ValueError, match=message):
        WordRenderer(WordSampler(LATIN), **{"fonts": fonts, **wrong})


@pytest.mark.parametrize(
    "backgrounds, error, message",
    [("", FileNotFoundError, "No photo"), ("nowhere", FileNotFoundError, "does not exist"), ([], ValueError, "empty")],
)
def test_backgrounds_without_photos_are_an_error(fonts, tmp_path, backgrounds, error, message):
    with pytest.raises(error, match=message):
        backgrounds = tmp_path / backgrounds if isinstance(backgrounds, str) else backgrounds
        WordRenderer(WordSampler(LATIN), fonts, backgrounds=backgrounds)


def save_photos(folder, count):
    for number in range(count):
        photo = np.random.default_rng(number).integers(0, 256, (90, 120, 3), np.uint8)
        Image.fromarray(photo).save(folder / f"{number}.png")


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_unreadable_photos_are_named_once_and_left_out(fonts, tmp_path, caplog, mode):
    save_photos(tmp_path, 3)
    (tmp_path / "0a.jpg").write_bytes(b"no photo")
    (tmp_path / "2a.png").write_bytes((tmp_path / "2.png").read_bytes()[:200])
    renderer = WordRenderer(WordSampler(LATIN), fonts, mode=mode, backgrounds=tmp_path)
    words = [renderer.render(index)[0] for index in range(60)]
    assert len(caplog.records) == 2
    assert "0a.jpg" in caplog.text and "2a.png" in caplog.text
    # Which photo stands in does not depend on what was rendered before.
    again = WordRenderer(WordSampler(LATIN), fonts, mode=mode, backgrounds=tmp_path)
    assert all(np.array_equal(again.render(index)[0], words[index]) for index in reversed(range(60)))


def test_a_folder_of_unreadable_photos_is_an_error(fonts, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    renderer = WordRenderer(WordSampler(LATIN), fonts, backgrounds=tmp_path)
    with pytest.raises(ValueError, match="None of the 1 background"):
        [renderer.render(index) for index in range(50)]


def test_two_processes_render_what_one_does(fonts):
    # New processes hash strings in another way, so this also catches words that depend on the order of a set.
    renderer = WordRenderer(WordSampler(LATIN), fonts, mode="L", seed=5)
    words = [renderer.render(index) for index in range(24)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for (picture, text), (same, same_text) in zip(words, pool.map(renderer.render, range(24)), strict=True):
            assert text == same_text
            assert np.array_equal(picture, same)


def test_the_text_of_a_word_is_known_without_rendering_it(fonts):
    renderer = WordRenderer(WordSampler(LATIN), fonts, mode="L", seed=5)
    assert [renderer.text(index) for index in range(20)] == [renderer.render(index)[1] for index in range(20)]


def test_a_curriculum_starts_easy(fonts):
    renderer = WordRenderer(WordSampler(LATIN), fonts, curriculum_samples=100)
    assert renderer.difficulty_at(0) == pytest.approx(0.1)
    assert renderer.difficulty_at(50) == pytest.approx(0.55)
    assert renderer.difficulty_at(100) == renderer.difficulty_at(10**9) == 1.0
    half = WordRenderer(WordSampler(LATIN), fonts, difficulty=0.55)
    assert np.array_equal(renderer.render(50)[0], half.render(50)[0])


def test_the_former_name_of_an_argument_keeps_working(fonts):
    with pytest.warns(FutureWarning, match="curriculum_samples"):
        renderer = WordRenderer(WordSampler(LATIN), fonts, easy_words=100)
    assert renderer.curriculum_samples == 100


def test_make_renderer_passes_everything_on(fonts):
    made = make_renderer(LATIN, fonts, max_length=4, random_share=0.5, mode="L", seed=3, curriculum_samples=9)
    renderer = WordRenderer(
        WordSampler(LATIN, max_length=4, random_share=0.5), fonts, mode="L", seed=3, curriculum_samples=9
    )
    for index in range(12):
        picture, text = made.render(index)
        assert text == renderer.text(index) and len(text) <= 4
        assert np.array_equal(picture, renderer.render(index)[0])


def test_vertical_words_only_where_asked(fonts):
    def narrow(**more):
        renderer = WordRenderer(WordSampler(LATIN), fonts, difficulty=0.0, **more)
        rng = np.random.default_rng(0)
        pictures = [renderer.render_text("HOTEL", rng) for _ in range(20)]
        return [picture.shape[0] > max(90, 2 * picture.shape[1]) for picture in pictures]

    assert not any(narrow())
    assert all(narrow(vertical_share=1.0))


@pytest.mark.parametrize("pose", [geometry.tilted, geometry.receding, geometry.slightly_turned])
@pytest.mark.parametrize("half_length", [0.4, 3.0, 12.0])
def test_no_pose_turns_a_word_over_or_blows_it_up(pose, half_length):
    corners = np.array([(x, y, 1) for x in (-half_length, half_length) for y in (-1, 1)], float)
    for seed in range(200):
        matrix = pose(np.random.default_rng(seed), 1.0, half_length)
        _, y, w = matrix @ corners.T
        assert w.min() > 0.3
        assert np.linalg.det(matrix[:2, :2]) > 0.2
        assert np.ptp(y / w) < 12


def test_tilted_words_climb(fonts):
    angles = []
    for seed in range(100):
        matrix = geometry.tilted(np.random.default_rng(seed), 1.0, 3.0)
        angles.append(abs(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))))
    assert 7 <= min(angles) < 15 and 25 < max(angles) <= 31


@pytest.mark.parametrize("length", [3, 6, 15])
def test_letters_around_a_seal_follow_each_other_from_left_to_right(length):
    turned = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        kind, angle = geometry.choose_bend(rng, 1.0, length)
        if kind == "arc":
            matrix = geometry.choose_sector(rng, 1.0, angle)
            half = 0.8 * length
            line = np.stack([np.linspace(-half, half, 30), np.zeros(30)], 1)
            x, _ = project(matrix, Bend(kind, angle, half).forward(line)).T
            assert np.diff(x).min() > 0
            turned += abs(matrix[1, 0]) > 0.17
    assert turned > 20  # by more than ten degrees


def test_a_ring_leaves_the_letters_alone():
    off_line = np.broadcast_to(np.linspace(-3, 3, 90, dtype=np.float32)[:, None], (90, 60))
    changed = []
    for seed in range(30):
        picture = np.full((90, 60, 1), 128, np.float32)
        nothing = backgrounds.Backgrounds(None, 1)
        backgrounds.paint_ring(np.random.default_rng(seed), nothing, picture, off_line, np.float32([255]))
        assert (picture[np.abs(off_line) < 1.1] == 128).all()
        changed.append((picture != 128).mean())
    assert min(changed) == 0 and max(changed) > 0.4


def test_light_and_weather_leave_letters_room(fonts):
    rng = np.random.default_rng(0)
    picture = np.full((40, 120, 1), 40, np.float32)
    picture[10:30, 20:100] = 200
    for change in (degradation.dim, degradation.dusk, degradation.harsh):
        for _ in range(50):
            changed, room = change(rng, picture, 160.0)
            assert room >= 24
            assert changed[20, 60, 0] - changed[2, 2, 0] > 15


@pytest.mark.parametrize("effect", [effect for _, effect in text_effects._EFFECTS])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("ink, ground", [(230, 20), (20, 230), (130, 120)])
def test_effects_keep_letters_visible(monkeypatch, effect, channels, ink, ground):
    monkeypatch.setattr(text_effects, "_EFFECTS", ((1.0, effect),))
    coverage = np.zeros((40, 120), np.uint8)
    coverage[10:30, 20:100:12] = coverage[10:30, 21:100:12] = coverage[10:30, 22:100:12] = 255
    for seed in range(10):
        picture = np.full((40, 120, channels), ground, np.float32)
        colors = (np.full(channels, value, np.float32) for value in (ink, ground))
        text_effects.draw_text(np.random.default_rng(seed), picture, coverage, *colors, 1.0)
        assert np.isfinite(picture).all()
        assert np.ptp(np.clip(picture[10:30, 15:105], 0, 255)) > 8


class TestKorean:
    @pytest.fixture(scope="class")
    def renderer(self):
        characters = resolve_charset("hangul")
        folder = next((f for f in Path("/usr/share/fonts").rglob("*anum*") if f.is_dir()), None)
        if folder is None:
            pytest.skip("no Korean fonts")
        return WordRenderer(WordSampler(characters), find_fonts(characters, folders=[folder]), mode="L")

    def test_korean_words_in_korean_fonts(self, renderer):
        texts = []
        for index in range(60):
            picture, text = renderer.render(index)
            assert spread(picture) > 8
            texts.append(text)
        assert 20 < sum(map(has_hangul, texts)) < 50

    def test_latin_fonts_are_not_asked_for_hangul(self, renderer, fonts):
        mixed = WordRenderer(renderer.sampler, [*fonts, *renderer.fonts], mode="L")
        for _ in range(30):
            assert "국" in mixed._chooser.choose(np.random.default_rng(0), "약국2", 1.0).characters
        with pytest.raises(ValueError, match="약"):
            WordRenderer(renderer.sampler, fonts).render_text("약국", np.random.default_rng(0))


def test_nobody_shouts_in_joined_handwriting(fonts):
    joined = replace(fonts[0], connected=True)
    renderer = WordRenderer(WordSampler(LATIN), [joined, fonts[1]])
    rng = np.random.default_rng(0)
    chosen = [[renderer._chooser.choose(rng, text, 1.0).connected for _ in range(200)] for text in ("HOTEL", "hotel")]
    assert np.mean(chosen[0]) < 0.6 * np.mean(chosen[1])


def test_contact_sheet(renderer):
    sheet = contact_sheet([renderer.render(n) for n in range(5)], columns=2)
    assert sheet.dtype == np.uint8 and sheet.ndim == 3
    assert hashlib.md5(sheet[:50].tobytes()).hexdigest() != hashlib.md5(sheet[-50:].tobytes()).hexdigest()
    words = [(np.full((20, 60), 128, np.uint8), "word")]
    assert not np.array_equal(contact_sheet(words), contact_sheet(words, fonts=renderer.fonts))
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([])


@pytest.mark.parametrize("missing", ["cv2", "fontTools.ttLib"])
def test_a_missing_dependency_is_named(missing):
    program = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from hf_str.synthesis import find_fonts\n"
        "find_fonts('abc', cache=False)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert missing in done.stderr and "pip install hf_str[synthesis]" in done.stderr
