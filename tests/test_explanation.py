# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The picture of a prediction."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageFont

from hf_str import CRNNForCTC, CRNNProcessor, explanation
from hf_str.cli import main
from hf_str.explanation import draw_prediction, explain_image


SYMBOLS = ["<blank>", "a", "b", "c"]
WORD = Image.new("RGB", (80, 20), "white")


def prediction(*characters: tuple[str, float, tuple[float, float]]) -> dict:
    found = [{"text": text, "probability": probability, "span": span} for text, probability, span in characters]
    return {"text": "".join(text for text, *_ in characters), "score": 0.5, "characters": found}


def logits(path: str) -> torch.Tensor:
    """Sure of one symbol a frame; `_` is the blank."""
    return 20.0 * torch.nn.functional.one_hot(torch.tensor(["_abc".index(symbol) for symbol in path]), 4)


@pytest.fixture
def drawn(monkeypatch):
    """Draws; returns the picture and all texts in it, with where they stand in pixels of the drawing."""

    def draw(*arguments, **options) -> tuple[Image.Image, list[tuple[str, tuple[float, float]]]]:
        texts, write = [], explanation.ImageDraw.ImageDraw.text

        def note(pen, place, text, *more, **others):
            texts.append((text, place))
            return write(pen, place, text, *more, **others)

        monkeypatch.setattr(explanation.ImageDraw.ImageDraw, "text", note)
        return draw_prediction(*arguments, **options), texts

    return draw


def test_what_stands_in_the_picture(drawn):
    word = prediction(("a", 0.75, (10, 20)), ("b", 1.0, (50, 60)))
    picture, texts = drawn(WORD, logits("_a___b__"), word, SYMBOLS)
    assert picture.mode == "RGB"
    assert picture.width == 1400
    said = [text for text, _ in texts]
    for text in ("ab", "score 0.500", "a 0.75", "10-20", "b 1.00", "50-60", "blank", "best path", "80 px"):
        assert text in said
    assert "c" not in said  # it matters nowhere
    assert said.count("-") == 6  # the best path's blanks


def test_spans_stand_above_their_frames(drawn):
    """The character of frame 5 of 8 has its label below the image where the path shows its symbol."""
    word = prediction(("b", 1.0, (50, 60)))
    _, texts = drawn(WORD, logits("_____b__"), word, SYMBOLS)
    (span,) = [place for text, place in texts if text == "b 1.00"]
    (symbol,) = [place for text, place in texts if text == "b" and place[0] > explanation.LEFT]
    assert span[0] == pytest.approx(symbol[0])


def test_the_heat_map_has_what_was_nearly_read(drawn):
    nearly = logits("_a__").clone()
    nearly[1, 3] = nearly[1, 1] - 1
    _, texts = drawn(WORD, nearly, prediction(("a", 0.7, (20, 40))), SYMBOLS)
    rows = [text for text, place in texts if place[0] == explanation.LEFT - 28 and len(text) == 1]
    assert rows == ["a", "c"]


def test_what_the_font_lacks_is_shown_by_code_point(drawn):
    symbols = ["<blank>", "가", "\u0301", "e"]
    word = prediction(("가", 0.9, (0, 10)), ("e", 0.9, (40, 50)))
    _, texts = drawn(WORD, logits("a__c"), word, symbols)
    said = [text for text, _ in texts]
    assert "U+AC00e" in said
    assert "U+AC00 0.90" in said
    assert "e 0.90" in said


def test_a_font_of_ones_own(tmp_path, monkeypatch):
    own = tmp_path / "own.ttf"
    own.write_bytes(ImageFont.load_default(10).font_bytes)
    monkeypatch.delattr(ImageFont, "load_default")
    assert draw_prediction(WORD, logits("a__"), prediction(("a", 0.9, (0, 10))), SYMBOLS, font=own).width == 1400


def test_a_long_reading_with_many_characters():
    """More different characters than the heat map has rows."""
    symbols = ["<blank>", *"abcdefghijklmnopqrstuvwxyz"]
    word = prediction(*((letter, 0.9, (3 * place, 3 * place + 1)) for place, letter in enumerate(symbols[1:])))
    assert draw_prediction(WORD, torch.zeros(30, 27), word, symbols).width == 1400


@pytest.mark.parametrize("size", [(4, 300), (2000, 8), (1, 1)])
def test_images_of_any_shape(size):
    picture = draw_prediction(Image.new("L", size), logits("_a_"), prediction(("a", 0.9, (0, 1))), SYMBOLS)
    assert picture.width == 1400
    assert 400 < picture.height < 1200


def test_nothing_was_read(drawn):
    _, texts = drawn(WORD, logits("____"), {"text": "", "score": 1.0, "characters": []}, SYMBOLS)
    assert "(nothing)" in [text for text, _ in texts]


@pytest.mark.parametrize("shape", [(0, 4), (5, 3), (1, 5, 4)])
def test_wrong_shapes(shape):
    with pytest.raises(ValueError, match="logits must have shape"):
        draw_prediction(WORD, torch.zeros(shape), prediction(), SYMBOLS)


def test_an_image_read_and_drawn(tiny_checkpoint, word_images):
    model, processor = (
        CRNNForCTC.from_pretrained(tiny_checkpoint).eval(),
        CRNNProcessor.from_pretrained(tiny_checkpoint),
    )
    picture = explain_image(word_images[3], model, processor)
    assert np.asarray(picture).std() > 10
    assert np.array_equal(picture, explain_image(word_images[3], model, processor, decoder="best_path"))


def test_explain_on_the_command_line(tiny_checkpoint, word_files, tmp_path, capsys):
    read = ["read", "--model", tiny_checkpoint, "--device", "cpu", "--batch-size", "2"]
    assert main([*read, word_files[0], "--explain", str(tmp_path / "new" / "one.png")]) == 0
    assert Image.open(tmp_path / "new" / "one.png").width == 1400
    assert main([*read, *word_files[:3], "--explain", str(tmp_path / "many.jpg")]) == 0
    assert sorted(path.name for path in tmp_path.glob("*.jpg")) == ["many-1.jpg", "many-2.jpg", "many-3.jpg"]
    assert len(capsys.readouterr().out.splitlines()) == 4
    with pytest.raises(SystemExit):
        main([*read, word_files[0], "--explain", "out.txt"])
    assert "must end in .png or another suffix of a picture, not 'out.txt'" in capsys.readouterr().err


def test_old_names_work_and_warn():
    with pytest.warns(FutureWarning, match="draw_reading is called draw_prediction now"):
        picture = explanation.draw_reading(
            WORD, logits("a__"), reading=prediction(("a", 0.9, (0, 10))), symbols=SYMBOLS
        )
    assert picture.width == 1400
