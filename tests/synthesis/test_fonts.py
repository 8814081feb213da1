# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Which fonts are taken, which are refused, and what is remembered about them."""

import json

import pytest


pytest.importorskip("cv2")
pytest.importorskip("fontTools")

from hf_str.synthesis import find_fonts, font_inspection

from .conftest import LATIN


def found(folder, characters=LATIN):
    return find_fonts(characters, folders=[folder], cache=False)


def test_a_whole_font_is_taken(draw_font):
    (font,) = found(draw_font("whole"))
    assert font.characters == frozenset(LATIN)
    assert font.can_spell("Hotel24")
    assert not font.can_spell("Hôtel")
    assert font.case == "both"


@pytest.mark.parametrize("flaw", ["without", "blank", "boxed"])
def test_a_font_that_lacks_a_letter_is_refused(draw_font, flaw):
    folder = draw_font("flawed", **{flaw: "q"})
    with pytest.raises(FileNotFoundError, match="apt-get install"):
        found(folder)
    (font,) = found(folder, LATIN.replace("q", ""))
    assert "q" not in font.characters


@pytest.mark.parametrize("flaw", ["without", "blank", "boxed"])
def test_a_font_that_lacks_a_sign_spells_what_it_can(draw_font, flaw):
    (font,) = found(draw_font("flawed", **{flaw: "-"}), LATIN + ".-")
    assert font.can_spell("St.")
    assert not font.can_spell("B-One")


def test_a_font_whose_letters_look_alike_is_refused(draw_font):
    with pytest.raises(FileNotFoundError):
        found(draw_font("bars", as_one=LATIN))


@pytest.mark.parametrize("case, good, bad", [("upper", "HOTEL24", "hotel24"), ("lower", "hotel24", "HOTEL24")])
def test_a_font_that_shows_one_case_spells_that_case_only(draw_font, case, good, bad):
    from fontTools.ttLib import TTFont

    path = draw_font(case) / "made.ttf"
    font = TTFont(path)
    for table in font["cmap"].tables:
        for small in range(ord("a"), ord("z") + 1):
            capital = small - 32
            source, copy = (capital, small) if case == "upper" else (small, capital)
            table.cmap[copy] = table.cmap[source]
    font.save(path)
    (font,) = found(path.parent)
    assert font.case == case
    assert font.can_spell(good)
    assert not font.can_spell(bad)
    assert not font.can_spell("Hotel")


def test_the_same_font_twice_counts_once(draw_font):
    folder = draw_font("twins")
    (folder / "copy.ttf").write_bytes((folder / "made.ttf").read_bytes())
    assert len(found(folder)) == 1


def test_a_web_font_is_a_font(draw_font):
    from fontTools.ttLib import TTFont

    folder = draw_font("web")
    font = TTFont(folder / "made.ttf")
    font.flavor = "woff"
    font.save(folder / "made.woff")
    (folder / "made.ttf").unlink()
    (font,) = found(folder)
    assert font.path.endswith(".woff")
    assert font.can_spell("Hotel24")


def test_files_that_are_no_fonts_are_passed_over(draw_font):
    folder = draw_font("damaged")
    (folder / "broken.ttf").write_bytes(b"\0\1\0\0 no font at all")
    (folder / "cut.ttf").write_bytes((folder / "made.ttf").read_bytes()[:3000])
    assert len(found(folder)) == 1


@pytest.mark.parametrize("bug", [TypeError, AttributeError, ValueError, KeyError])
@pytest.mark.parametrize("where", ["_plainness", "_cell", "_readable", "_case"])
def test_a_bug_in_judging_is_no_damaged_font(draw_font, monkeypatch, where, bug):
    def judge(*_):
        raise bug("a bug of ours")

    monkeypatch.setattr(font_inspection, where, judge)
    with pytest.raises(bug, match="a bug of ours"):
        found(draw_font("whole"))


def test_the_second_call_reads_the_cache(draw_font, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = draw_font("cached")
    first = find_fonts(LATIN, folders=[folder])
    monkeypatch.setattr(
        "hf_str.synthesis.fonts.inspect_font_file", lambda *_: pytest.fail("the file was looked at again")
    )
    assert find_fonts(LATIN, folders=[folder]) == first
    assert find_fonts("ABC", folders=[folder])[0].characters == frozenset("ABC")


@pytest.mark.parametrize("damage", ["{", "[]", "{}", '{"tested": 1}', '{"tested": [], "files": []}', "drop", "number"])
def test_a_damaged_cache_is_made_again(draw_font, tmp_path, monkeypatch, damage):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = draw_font("cached")
    first = find_fonts(LATIN, folders=[folder])
    (cache,) = (tmp_path / "cache").rglob("*.json")
    if damage == "drop":
        content = json.loads(cache.read_text())
        for entry in content["files"].values():
            del entry["faces"][0]["look"]
        damage = json.dumps(content)
    elif damage == "number":
        damage = cache.read_text().replace('"tested": 0', '"tested": 7')
    cache.write_text(damage)
    assert find_fonts(LATIN, folders=[folder]) == first
    assert json.loads(cache.read_text())


HANGUL = "".join(chr(0xAC00 + 7 * number) for number in range(600))


@pytest.fixture
def draw_korean_font(draw_font):
    """Makes a font that draws boxes with a number of dots for Hangul: `draw_korean_font(name, blank=False)`."""
    from fontTools.pens.ttGlyphPen import TTGlyphPen
    from fontTools.ttLib import TTFont

    def make(name: str, syllables: str = HANGUL, blank: bool = False, without: str = ""):
        path = draw_font(name, without=without) / "made.ttf"
        font = TTFont(path)
        order = font.getGlyphOrder()
        for number, syllable in enumerate(syllables):
            pen = TTGlyphPen(None)
            for bit in () if blank else [bit for bit in range(12) if (number + 1) >> bit & 1]:
                x, y = 300 * (bit % 4), 300 * (bit // 4)
                for step, point in enumerate([(x, y), (x, y + 250), (x + 250, y + 250), (x + 250, y)]):
                    (pen.lineTo if step else pen.moveTo)(point)
                pen.closePath()
            glyph = f"hangul{number}"
            order.append(glyph)
            font["glyf"].glyphs[glyph] = pen.glyph()
            font["hmtx"].metrics[glyph] = (1200, 0)
            for table in font["cmap"].tables:
                if table.isUnicode():
                    table.cmap[ord(syllable)] = glyph
        font.setGlyphOrder(order)
        font.save(path)
        return path.parent

    return make


def test_a_korean_font_is_taken_and_only_a_sample_of_it_drawn(draw_korean_font, monkeypatch):
    drawn = []
    ink = font_inspection._ink
    monkeypatch.setattr(font_inspection, "_ink", lambda pen, character: drawn.append(character) or ink(pen, character))
    (font,) = found(draw_korean_font("korean"), LATIN + HANGUL)
    assert font.can_spell(HANGUL[:3] + "Bar24")
    assert len(set(drawn) & set(HANGUL)) < 40


def test_a_latin_font_does_for_the_latin_words_of_a_korean_charset(draw_font):
    (font,) = found(draw_font("latin"), LATIN + HANGUL)
    assert font.can_spell("Hotel24")
    assert not font.can_spell(HANGUL[0])


def test_a_korean_font_needs_no_latin(draw_korean_font):
    (font,) = found(draw_korean_font("no_latin", without="QX"), LATIN + HANGUL)
    assert font.can_spell(HANGUL[:3] + "24")
    assert not font.can_spell("QUIZ")


@pytest.mark.parametrize("flaw", [{"blank": True}, {"syllables": HANGUL[:300]}])
def test_a_font_without_most_of_hangul_does_not_count_as_korean(draw_korean_font, flaw):
    with pytest.raises(FileNotFoundError):
        found(draw_korean_font("flawed", **flaw), HANGUL)


def test_slanted_letters_are_letters(draw_font):
    from fontTools.pens.transformPen import TransformPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen
    from fontTools.ttLib import TTFont

    path = draw_font("italic") / "made.ttf"
    font = TTFont(path)
    glyphs, cmap = font.getGlyphSet(), font.getBestCmap()
    leaning = {}
    for character in LATIN:
        pen = TTGlyphPen(None)
        glyphs[cmap[ord(character)]].draw(TransformPen(pen, (1, 0, 0.35, 1, 0, 0)))
        leaning[cmap[ord(character)]] = pen.glyph()
    for name, glyph in leaning.items():
        font["glyf"][name] = glyph
    font.save(path)
    assert len(found(path.parent)) == 1


def test_joined_letters_are_noticed(draw_font):
    from fontTools.ttLib import TTFont

    path = draw_font("joined") / "made.ttf"
    (font,) = found(path.parent)
    assert not font.connected
    joined = TTFont(path)
    cmap = joined.getBestCmap()
    for character in "anum":
        width, side = joined["hmtx"][cmap[ord(character)]]
        joined["hmtx"][cmap[ord(character)]] = (int(0.8 * width), side)
    joined.save(path)
    (font,) = found(path.parent)
    assert font.connected


def test_the_order_is_settled(fonts):
    assert fonts == sorted(fonts, key=lambda font: (font.family.lower(), font.style, font.path, font.index))


def test_no_characters_are_an_error():
    with pytest.raises(ValueError, match="at least one character"):
        find_fonts(" ")
