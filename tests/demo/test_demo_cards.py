# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Predictions as HTML."""

from html.parser import HTMLParser

import pytest
from PIL import Image


pytest.importorskip("gradio")

from hf_str.demo import cards
from hf_str.demo.recognizers import Prediction


@pytest.fixture
def prediction() -> Prediction:
    characters = [
        {"text": text, "probability": probability, "span": (4 * index, 4 * index + 3.0)}
        for index, (text, probability) in enumerate([("<", 0.99), ("b", 0.7), (" ", 0.2)])
    ]
    image = Image.new("RGB", (60, 20), "white")
    return Prediction("a&b<i>.png", image, "<b ", 0.139, characters, Image.new("RGB", (140, 70)))


class _Page(HTMLParser):
    """Collects tags with their attributes, and the text; refuses tags that do not match."""

    def __init__(self, html: str):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def attributes(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_a_card_says_it_all_as_text(prediction):
    page = _Page(cards.card(prediction))
    text = "".join(page.text)
    for part in ("<b ", "score 13.9 %", "a&b<i>.png", "99.0 %", "70.0 %", "20.0 %", "space"):
        assert part in text
    assert not page.attributes("i")


def test_the_confidence_in_a_character_shows_in_its_line_as_well_as_its_color(prediction):
    page = _Page(cards.card(prediction))
    assert [item["class"] for item in page.attributes("li")] == ["high", "medium", "low"]
    for confidence, line in (("high", "solid"), ("medium", "dashed"), ("low", "dotted")):
        (rule,) = [rule for rule in cards.STYLE.splitlines() if rule.startswith(f".letters .{confidence} ")]
        assert line in rule


def test_pictures_are_within_the_page_and_have_words_for_them(prediction):
    image, explanation = _Page(cards.card(prediction)).attributes("img")
    assert image["src"].startswith("data:image/jpeg;base64,")
    assert explanation["src"].startswith("data:image/webp;base64,")
    assert "< at 0 to 3, b at 4 to 7, space at 8 to 11" in explanation["alt"]


def test_the_wide_picture_scrolls_by_the_keyboard(prediction):
    frame = [one for one in _Page(cards.card(prediction)).attributes("div") if one.get("class") == "picture"]
    assert [one["tabindex"] for one in frame] == ["0"]


def test_no_text_is_said(prediction):
    nothing = Prediction("a.png", prediction.image, "", 0.5, [], prediction.explanation)
    assert "(no text)" in "".join(_Page(cards.card(nothing)).text)


@pytest.mark.parametrize("make", [cards.failure, cards.note])
def test_messages_are_text(make):
    page = _Page(cards.cards([make("cannot read '<script>.png'"), cards.welcome()]))
    assert "<script>" in "".join(page.text)
    assert not page.attributes("script")
