# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What the page reads with."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image


pytest.importorskip("gradio")

from hf_str import demo
from hf_str.demo import load_recognizers
from hf_str.demo.page import MAX_IMAGES, MAX_LEXICON, recognize_files
from hf_str.demo.recognizers import DEFAULT_DECODER, MAX_PREFIXES, choose_decoder, recognize_image
from hf_str.models.crnn.ctc_decoders_crnn import DECODERS


@pytest.fixture(scope="module")
def recognizer(tiny_checkpoint):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hf_str.DEFAULT_CHECKPOINT", tiny_checkpoint)
        (recognizer,) = load_recognizers(device="cpu").values()
    return recognizer


@pytest.fixture
def broken(tmp_path) -> Path:
    path = tmp_path / "bro'ken.png"
    path.write_bytes(b"\x89PNG and no more")
    return path


@pytest.mark.parametrize("decoder", ["best_path", "beam_search", "prefix_search"])
def test_it_reads_what_the_pipeline_reads(recognizer, word_files, decoder):
    made, remark = choose_decoder(decoder, recognizer.processor.tokenizer, "words that nobody looks at")
    if decoder == "beam_search":
        made, remark = choose_decoder(decoder, recognizer.processor.tokenizer, "")
    assert remark == ""
    for file in word_files[:3]:
        prediction = recognize_image(Path(file), recognizer, made)
        (expected,) = recognizer(file, decoder=made, return_characters=True)
        assert (prediction.name, prediction.text) == (Path(file).name, expected["generated_text"])
        assert prediction.score == pytest.approx(expected["score"])
        assert list(prediction.characters) == [
            one | {"probability": pytest.approx(one["probability"])} for one in expected["characters"]
        ]
        assert prediction.explanation.width == 1400


@pytest.mark.parametrize("decoder", ["lexicon", "beam_search"])
def test_a_lexicon(recognizer, word_files, decoder):
    made, remark = choose_decoder(decoder, recognizer.processor.tokenizer, " coffee\n\ttea  단어 ")
    assert remark == "1 of the words have characters that this checkpoint cannot read."
    assert {recognize_image(Path(file), recognizer, made).text for file in word_files[:4]} <= {"coffee", "tea"}


def test_the_default_is_what_the_checkpoint_reads_with(recognizer, checkpoint_with_language_model, word_files):
    plain = choose_decoder(DEFAULT_DECODER, recognizer.processor.tokenizer, "")[0]
    with_model = load_recognizers([checkpoint_with_language_model], device="cpu")["tiny_lm"]
    made = choose_decoder(DEFAULT_DECODER, with_model.processor.tokenizer, "")[0]
    assert (type(plain).__name__, type(made).__name__) == ("BestPath", "PrefixBeamSearch")
    (expected,) = with_model(word_files[0])
    assert recognize_image(Path(word_files[0]), with_model, made).text == expected["generated_text"]


def test_prefix_search_is_kept_short(recognizer):
    made, _ = choose_decoder("prefix_search", recognizer.processor.tokenizer, "")
    assert made.max_prefixes == MAX_PREFIXES
    made(
        torch.zeros(1, 60, len(recognizer.processor.tokenizer))
    )  # every class as probable as any other: the worst case


def test_every_decoder_can_be_chosen(recognizer, word_files):
    for decoder in DECODERS:
        html = recognize_files([Path(word_files[0])], recognizer, decoder, "coffee tea")
        assert html.count("<article class='card'>") == 1


def test_a_broken_image_is_named_and_the_others_are_read(recognizer, word_files, broken):
    html = recognize_files([Path(word_files[0]), broken, Path(word_files[1])], recognizer, "best_path", "")
    assert html.count("<article class='card'>") == 2
    assert html.count("<article class='card failed'>") == 1
    assert "bro&#x27;ken.png" in html
    assert str(broken.parent) not in html


def test_an_image_that_would_fill_the_memory_is_refused(recognizer, tmp_path):
    header = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\xff\xff\x00\x00\xff\xff\x08\x02\x00\x00\x00"
    (tmp_path / "bomb.png").write_bytes(header + bytes(4) + b"\x00\x00\x00\x00IDAT\x35\xaf\x06\x1e")
    html = recognize_files([tmp_path / "bomb.png"], recognizer, "best_path", "")
    assert "bomb.png" in html
    assert "card failed" in html


def test_too_many_images(recognizer, word_files):
    files = [Path(word_files[8])] * (MAX_IMAGES + 2)
    html = recognize_files(files, recognizer, "best_path", "")
    assert html.count("<article class='card'>") == MAX_IMAGES
    name = Path(word_files[8]).name
    assert f"2 more were not read: at most {MAX_IMAGES} at once. Left out: {name}, {name}." in html


def test_images_that_are_too_much_together_are_named_and_the_others_are_read(recognizer, word_files, tmp_path):
    bombs = [tmp_path / f"bomb {number}.png" for number in range(6)]
    Image.new("1", (4000, 2500)).save(bombs[0])  # 10 million pixels in 2 kB
    for bomb in bombs[1:]:
        shutil.copy(bombs[0], bomb)
    html = recognize_files([*bombs, Path(word_files[0])], recognizer, "best_path", "")
    assert html.count("<article class='card'>") == 4
    limit = "at most 20 MB and 40 million pixels at once"
    assert f"3 more were not read: {limit}. Left out: bomb 4.png, bomb 5.png, {Path(word_files[0]).name}." in html


def test_bytes_are_counted_over_all_images(recognizer, word_files, monkeypatch):
    sizes = [Path(file).stat().st_size for file in word_files[:3]]
    monkeypatch.setattr("hf_str.demo.page.MAX_BYTES", sum(sizes) - 1)
    html = recognize_files([Path(file) for file in word_files[:3]], recognizer, "best_path", "")
    assert html.count("<article class='card'>") == 2
    assert f"Left out: {Path(word_files[2]).name}." in html


def test_no_image_is_begun_after_the_time_is_over(recognizer, word_files, monkeypatch):
    def read_slowly(file, *args):
        clock[0] += 10
        return recognize_image(file, *args)

    clock = [0.0]
    monkeypatch.setattr("hf_str.demo.page.time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr("hf_str.demo.page.recognize_image", read_slowly)
    html = recognize_files([Path(file) for file in word_files[:4]], recognizer, "best_path", "")
    assert html.count("<article class='card'>") == 2
    names = ", ".join(Path(file).name for file in word_files[2:4])
    assert f"2 more were not read: the images before took longer than 15 s. Left out: {names}." in html


@pytest.mark.parametrize(
    ("decoder", "words", "said"),
    [
        ("lexicon", " ", "The lexicon is empty"),
        ("lexicon", "단어", "has no word that can be read"),
        ("guess", "", "must be one of"),
    ],
)
def test_what_cannot_be_decoded_is_said(recognizer, word_files, decoder, words, said):
    html = recognize_files([Path(word_files[0])], recognizer, decoder, words)
    assert said in html
    assert "<article" not in html


def test_a_lexicon_that_is_too_long(recognizer, word_files):
    html = recognize_files([Path(word_files[0])], recognizer, "beam_search", "tea " * MAX_LEXICON)
    assert "The lexicon is too long: at most 20,000 characters." in html


def test_checkpoints_have_names_for_strangers(tiny_checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr("hf_str.DEFAULT_CHECKPOINT", tiny_checkpoint)
    for run in "ab":
        shutil.copytree(tiny_checkpoint, tmp_path / run / "best")
    recognizers = load_recognizers(
        [tmp_path / "a" / "best", f"{tmp_path}/b/best", tmp_path / "a" / "best"], device="cpu"
    )
    last_two = os.sep.join(Path(tiny_checkpoint).parts[-2:])
    assert list(recognizers) == ["a/best", "b/best", last_two.replace(os.sep, "/")]
    assert list(load_recognizers([], device="cpu")) == ["tiny"]


def test_a_model_that_is_not_there(tmp_path):
    with pytest.raises((OSError, ValueError)):
        load_recognizers([tmp_path / "nothing"], device="cpu")


def test_old_names_work_and_warn(tiny_checkpoint, monkeypatch):
    monkeypatch.setattr("hf_str.DEFAULT_CHECKPOINT", tiny_checkpoint)
    with pytest.warns(FutureWarning, match="load_readers is called load_recognizers now"):
        assert list(demo.load_readers(device="cpu")) == ["tiny"]
