"""The pictures: repeatable, readable, as hard as asked."""

import hashlib
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest


pytest.importorskip("cv2")
pytest.importorskip("fontTools")

from hf_str.synthesis import WordRenderer, WordSampler
from hf_str.synthesis.contact_sheet import contact_sheet

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
        assert picture.shape[0] <= 64 and picture.shape[1] >= 4
        assert text and set(text) <= set(LATIN)


def test_grey_pictures_have_one_channel(fonts):
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


def test_another_process_renders_the_same(fonts):
    program = (
        "import hashlib\n"
        "from hf_str.synthesis import *\n"
        f"fonts = find_fonts({LATIN!r}, folders=[{str(Path(fonts[0].path).parent)!r}])\n"
        f"renderer = WordRenderer(WordSampler({LATIN!r}), fonts, seed=3)\n"
        "print(*[hashlib.md5(renderer.render(n)[0].tobytes()).hexdigest() for n in range(5)])\n"
    )
    root = Path(__file__).parents[2]
    runs = [
        subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert runs[0] == runs[1]
    assert len(set(runs[0].split())) == 5


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
    ],
)
def test_wrong_arguments_are_named(fonts, wrong, message):
    with pytest.raises(ValueError, match=message):
        WordRenderer(WordSampler(LATIN), **{"fonts": fonts, **wrong})


def test_backgrounds_without_photos_are_an_error(fonts, tmp_path):
    with pytest.raises(FileNotFoundError, match="No photo"):
        WordRenderer(WordSampler(LATIN), fonts, backgrounds=tmp_path)


def test_contact_sheet(renderer):
    sheet = contact_sheet([renderer.render(n) for n in range(5)], columns=2)
    assert sheet.dtype == np.uint8 and sheet.ndim == 3
    assert hashlib.md5(sheet[:50].tobytes()).hexdigest() != hashlib.md5(sheet[-50:].tobytes()).hexdigest()
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
