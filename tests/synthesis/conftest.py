# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Fonts for the tests: those of this machine where there are any, and small ones drawn here."""

from pathlib import Path

import pytest


LATIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@pytest.fixture(scope="session")
def fonts():
    """Some fonts of this machine that can draw Latin letters, digits and common signs."""
    from hf_str.synthesis import find_fonts

    folder = next(
        (Path(f) for f in ("/usr/share/fonts/truetype/dejavu", "/usr/share/fonts") if Path(f).is_dir()), None
    )
    try:
        return find_fonts(LATIN + ".-", folders=None if folder is None else [folder])
    except FileNotFoundError:
        pytest.skip("this machine has no usable fonts")


@pytest.fixture
def draw_font(fonts, tmp_path):
    """Makes a font file out of a real one: `draw_font(name, without="x", blank="y", boxed="z")` returns its folder."""
    from fontTools.pens.ttGlyphPen import TTGlyphPen
    from fontTools.ttLib import TTFont

    source = next((font for font in fonts if font.path.endswith(".ttf") and "glyf" in TTFont(font.path)), None)
    if source is None:
        pytest.skip("no TrueType font to change")

    def make(name: str, without: str = "", blank: str = "", boxed: str = "", as_one: str = "") -> Path:
        font = TTFont(source.path)
        cmap = font.getBestCmap()
        for character in blank:
            font["glyf"][cmap[ord(character)]] = TTGlyphPen(None).glyph()
        for table in font["cmap"].tables:
            for character in without:
                table.cmap.pop(ord(character), None)
            for character in boxed:
                if ord(character) in table.cmap:
                    table.cmap[ord(character)] = ".notdef"
            for character in as_one:
                if ord(character) in table.cmap:
                    table.cmap[ord(character)] = cmap[ord("A")]
        folder = tmp_path / name
        folder.mkdir()
        font.save(folder / "made.ttf")
        return folder

    return make
