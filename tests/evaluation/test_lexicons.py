# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Lexicons of images: drawn, of the set, from files."""

import numpy as np
import pytest

from hf_str.evaluation.lexicons import draw_lexicons, find_lexicons, read_words


LABELS = ["Exit", "BAR", "exit", "shop", "24"]


def test_drawn_lexicons_have_the_word_and_others_of_the_set():
    lexicons = draw_lexicons(LABELS, 3)
    for label, words in zip(LABELS, lexicons, strict=True):
        assert label in words
        assert len({word.lower() for word in words}) == len(words) == 3
        assert words == sorted(words)
        assert {word.lower() for word in words} <= {label.lower() for label in LABELS}
    assert lexicons == draw_lexicons(LABELS, 3)
    assert lexicons != draw_lexicons(LABELS, 3, seed=1)


def test_a_draw_depends_on_the_place_in_the_set_only():
    many = [f"word{number}" for number in range(200)]
    again = draw_lexicons([*many[:199], many[199]], 50)
    assert draw_lexicons(many, 50) == again
    drawn = [sum(f"word{n}" in words for words in again) for n in range(200)]
    assert min(drawn) > 25  # 50 are expected
    assert max(drawn) < 80


def test_distractors_fill_what_the_set_lacks():
    lexicons = draw_lexicons(["cat", "Dog"], 5, ["CAT", "cow", "hen", "pig", "Cow"])
    for words in lexicons:
        assert {word.lower() for word in words} == {"cat", "dog", "cow", "hen", "pig"}
    with pytest.raises(ValueError, match="a lexicon of 9 words cannot be drawn from 2 different labels and 3"):
        draw_lexicons(["cat", "Dog"], 9, ["CAT", "cow", "hen", "pig"])


def test_one_lexicon_for_all(tmp_path):
    (tmp_path / "words.txt").write_text("\ufeffcat\n\n dog \ncat\n", encoding="utf-8")
    assert read_words(tmp_path / "words.txt") == ["cat", "dog"]
    lexicons = find_lexicons(f"{tmp_path}/words.txt", LABELS, ["a.png"] * 5)
    assert lexicons == [["cat", "dog"]] * 5
    assert lexicons[0] is lexicons[4]
    full = find_lexicons("full", LABELS, ["a.png"] * 5)
    assert full[0] is full[4]
    assert full[0] == ["24", "BAR", "Exit", "exit", "shop"]
    assert find_lexicons("3", LABELS, ["a.png"] * 5, seed=7) == draw_lexicons(LABELS, 3, seed=7)


def test_lexicons_by_image(tmp_path):
    (tmp_path / "lexicons.tsv").write_text("images/1.png\tcat\tcow\n2.png\tdog\n", encoding="utf-8")
    found = find_lexicons(f"{tmp_path}/lexicons.tsv", ["cat", "dog"], ["/data/images/1.png", "/data/images/2.png"])
    assert found == [["cat", "cow"], ["dog"]]
    with pytest.raises(ValueError, match=r"lexicons.tsv has no lexicon for the image /data/3.png"):
        find_lexicons(f"{tmp_path}/lexicons.tsv", ["x"], ["/data/3.png"])


def test_lexicons_of_iiit5k(tmp_path):
    scipy = pytest.importorskip("scipy.io")
    records = np.empty((1, 2), [(n, object) for n in ("ImgName", "GroundTruth", "smallLexi", "mediumLexi")])
    for index, word in enumerate(("EXIT", "BAR")):
        small, medium = np.array([[word, "OTHER"]], object), np.array([[word, "OTHER", "MORE"]], object)
        records[0, index] = (f"test/{index}.png", word, small, medium)
    scipy.savemat(tmp_path / "testdata.mat", {"testdata": records})
    paths = ["/iiit5k/test/1.png", "/iiit5k/test/0.png"]
    found = find_lexicons(f"{tmp_path}/testdata.mat:50", ["BAR", "EXIT"], paths)
    assert found == [["BAR", "OTHER"], ["EXIT", "OTHER"]]
    assert len(find_lexicons(f"{tmp_path}/testdata.mat:1k", ["BAR", "EXIT"], paths)[0]) == 3


def test_lexicons_of_svt(tmp_path):
    image = "<image><imageName>img/{0}.jpg</imageName><lex>{1}</lex></image>"
    images = image.format("01", "BAR,CAFE") + image.format("02", "SHOP")
    (tmp_path / "test.xml").write_text(f"<tagset>{images}</tagset>")
    paths = ["img/01.jpg#0.jpg", "/svt/img/02.jpg#3.jpg"]  # words that were cut out of the scenes
    assert find_lexicons(f"{tmp_path}/test.xml", ["BAR", "SHOP"], paths) == [["BAR", "CAFE"], ["SHOP"]]


@pytest.mark.parametrize("lexicon", ["words", "words.csv", "testdata.mat", "testdata.mat:5k"])
def test_what_is_no_lexicon(lexicon):
    with pytest.raises(ValueError, match="is no lexicon: give full"):
        find_lexicons(lexicon, LABELS, ["a.png"] * 5)


def test_a_missing_file():
    with pytest.raises(FileNotFoundError):
        find_lexicons("nowhere.txt", LABELS, ["a.png"] * 5)
