# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The report before training: what it counts, what it finds, and the page that shows it."""

import html.parser
import json

import numpy as np
import pytest
from PIL import Image, ImageOps

from hf_str.data import load_word_boxes, near_duplicates
from hf_str.data.near_duplicates import near_pairs, perceptual_hash, similarity, thumbnail
from hf_str.data.report import report_word_boxes
from hf_str.data.report_settings import ReportSettings
from tests.conftest import draw_word


WORDS = ["coffee", "Street", "EXIT", "24h", "Wonderful", "book", "Bäcker", "hello", "market", "Open"]


def save_set(folder, words, size=24, suffix=".png", **kwargs):
    folder.mkdir(parents=True)
    for number, word in enumerate(words):
        draw_word(word, size).save(folder / f"{number}{suffix}", **kwargs)
    lines = [f"{number}{suffix}\t{word}" for number, word in enumerate(words)]
    (folder / "labels.tsv").write_text("\n".join(lines), encoding="utf-8")
    return folder


def add(folder, name, image, text):
    image.save(folder / name)
    with open(folder / "labels.tsv", "a", encoding="utf-8") as labels:
        labels.write(f"\n{name}\t{text}")


def report_of(tmp_path, **kwargs):
    text = report_word_boxes(ReportSettings(**kwargs), tmp_path / "report")
    return json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8")), text


def test_counts_and_problem_labels(tmp_path):
    folder = save_set(tmp_path / "train", WORDS)
    (folder / "3.png").write_bytes((folder / "3.png").read_bytes()[:90])
    (folder / "5.png").unlink()
    add(folder, "narrow.png", draw_word("hello").resize((12, 32)), "bookkeeper")
    report, text = report_of(tmp_path, sources=(str(folder),), charset="94")
    train = report["train"]
    assert train["words"] == 10
    assert train["read"]["kinds"]["missing_image"]["examples"] == ["5.png"]
    assert train["unreadable"]["count"] == 1
    assert train["unreadable"]["examples"][0]["name"] == "train/3.png"
    assert "truncated" in train["unreadable"]["examples"][0]["reason"] or train["unreadable"]["examples"][0]["reason"]
    assert train["outside_charset"]["characters"] == {"ä": 1}
    assert train["outside_charset"]["examples"][0]["text"] == "Bäcker"
    # b-o-o-k-k-e-e-p-e-r: 10 characters, 3 pairs of equal neighbors; 12 x 32 pixels become 96 x 48, 12 frames
    assert train["too_long"]["examples"] == [
        {"index": 9, "name": "train/narrow.png", "text": "bookkeeper", "needs": 13, "frames": 12}
    ]
    assert train["characters"]["e"] == "".join([*WORDS[:5], *WORDS[6:], "bookkeeper"]).count("e")
    assert sum(count for _, count in train["label_length"]["bins"]) == 10
    assert train["label_length"]["quantiles"]["100"] == 10
    for part in ("train/narrow.png: 'bookkeeper' needs 13 frames and has 12", "'ä' 1", "train/3.png"):
        assert part in text
    assert (tmp_path / "report" / "report.txt").read_text(encoding="utf-8").startswith("training words: 10")


def test_a_fixed_width_decides_what_is_too_long(tmp_path):
    folder = save_set(tmp_path / "train", WORDS)
    settings = {"config_overrides": {}, "keep_aspect_ratio": False, "image_width": 32}  # 7 frames
    report, text = report_of(tmp_path, sources=(str(folder),), **settings)
    assert {word["text"] for word in report["train"]["too_long"]["examples"]} == {"coffee", "Wonderful"} | {
        word for word in WORDS if len(word) + sum(a == b for a, b in zip(word, word[1:], strict=False)) > 7
    } - {"Bäcker"}
    assert "a new network, whose images are 32 px high and stretched to 32 px" in text


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"keep_aspect_ratio": False},
        {"keep_aspect_ratio": False, "image_width": 64, "charset": "36"},
        {"config_overrides": {}, "charset": "digits"},
        {"config_overrides": {"featurizer": "resnet"}, "keep_aspect_ratio": True, "image_width": 400},
        {"model": "tiny"},
        {"model": "tiny", "charset": "abcé"},
    ],
)
def test_the_report_says_what_training_would_say(options, tmp_path, tiny_checkpoint):
    """Before, it measured the paper's network at 32 pixels: a square with ten characters was too long for it, and a
    long line of 140 was not, whatever was going to be trained."""
    pytest.importorskip("accelerate")
    pytest.importorskip("cv2")
    from hf_str.training.arguments import ModelArguments
    from hf_str.training.collator import WordCollator
    from hf_str.training.invalid_samples import check_samples
    from hf_str.training.setup import load_recognizer

    folder = save_set(tmp_path / "train", [*WORDS, "7", "a"])
    add(folder, "square.png", Image.new("L", (40, 40), 200), "ABCDEFGHIJ")
    add(folder, "line.png", Image.new("L", (1000, 32), 200), "ab" * 70)
    add(folder, "tall.png", Image.new("L", (20, 80), 200), "aa00bb11cc22dd33ee")
    options = options | ({"model": tiny_checkpoint} if "model" in options else {})
    report, _ = report_of(tmp_path, sources=(str(folder),), **options)

    overrides = options.pop("config_overrides", None)
    overrides = None if overrides is None else json.dumps(overrides)
    arguments = {"model_name_or_path": options.pop("model", None), "config_overrides": overrides, **options}
    model, processor = load_recognizer(ModelArguments(**arguments))
    collator = WordCollator(processor, model.config)
    _, _, said = check_samples(load_word_boxes(folder), "words", collator, "drop")
    train = report["train"]
    assert (train["outside_charset"]["count"], train["too_long"]["count"]) == tuple(
        said.counts.get(reason, 0) for reason in ("outside charset", "too long")
    )
    for word in train["too_long"]["examples"]:
        example = f"the label {word['text']!r} needs {word['needs']} frames"
        assert any(example in line and f"gives {word['frames']}" in line for line in said.examples["too long"])


def test_duplicates_and_conflicts(tmp_path):
    folder = save_set(tmp_path / "train", WORDS)
    add(folder, "again.jpg", draw_word("coffee").resize((70, 20)), "COFFEE")
    add(folder, "wrong.jpg", draw_word("Street"), "Straat")
    duplicates = report_of(tmp_path, sources=(str(folder),))[0]["duplicates"]
    assert duplicates["words"] == 2
    assert sorted(pair["names"] for pair in duplicates["pairs"]) == [
        ["train/0.png", "train/again.jpg"],
        ["train/1.png", "train/wrong.jpg"],
    ]
    assert duplicates["conflicts"] == 1
    assert duplicates["conflict_pairs"][0]["texts"] == ["Street", "Straat"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ESPAï¿½OL", "a character was lost"),
        ("a\ufffd", "a character was lost"),
        ("CafÃ©", "it may have been 'Café'"),
        (" word", "white space around it"),
        ("a\u200bb", "U+200B"),
        ("Café", None),
        ("naïve ½", None),
        ("한글", None),
    ],
)
def test_suspicious_labels(tmp_path, text, reason):
    folder = save_set(tmp_path / "train", ["plain", text])
    suspicious = report_of(tmp_path, sources=(str(folder),))[0]["train"]["suspicious"]
    assert suspicious["count"] == (reason is not None)
    assert reason is None or reason in suspicious["examples"][0]["reason"]


def test_leaks(tmp_path):
    train = save_set(tmp_path / "train", WORDS)
    test = save_set(tmp_path / "test", ["other"], suffix=".jpg", quality=60)
    add(test, "1.jpg", draw_word("coffee").resize((100, 40)), "COFFEE")
    add(test, "2.jpg", draw_word("words"), "words")
    add(test, "3.jpg", ImageOps.crop(draw_word("market"), 1), "market")
    report, text = report_of(tmp_path, sources=(str(train),), against=(str(test),))
    assert report["leaks"]["words"] == report["leaks"]["same_text"] == 2
    assert sorted(pair["names"][1] for pair in report["leaks"]["pairs"]) == ["test/1.jpg", "test/3.jpg"]
    assert report["leaks"]["by_source"] == {"train": 2}
    assert "2 test words are in the training set" in text


def test_a_sample_and_two_processes(tmp_path):
    folder = save_set(tmp_path / "train", WORDS)
    report, _ = report_of(tmp_path, sources=(str(folder),), sample=4)
    assert report["train"]["words"] == 4
    one, _ = report_of(tmp_path, sources=(str(folder),))
    two, _ = report_of(tmp_path, sources=(str(folder),), num_proc=2)
    assert one["train"] == two["train"]


class Page(html.parser.HTMLParser):
    """Checks that tags are closed, and collects what the page refers to."""

    def __init__(self):
        super().__init__()
        self.open, self.references, self.text, self.pictures = [], [], "", 0

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "img", "br", "rect", "line"):
            self.open.append(tag)
        self.pictures += tag == "img"
        self.references += [value for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag):
        if tag not in ("rect", "line"):
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_page_is_whole_and_needs_nothing_else(tmp_path):
    train = save_set(tmp_path / "train", [*WORDS, "<b>&amp;", "a\u0301"])
    test = save_set(tmp_path / "test", WORDS[:2])
    report_word_boxes(ReportSettings((str(train),), (str(test),)), tmp_path / "report")
    page = Page()
    page.feed((tmp_path / "report" / "report.html").read_text(encoding="utf-8"))
    assert page.open == []
    assert all(reference.startswith(("data:image/jpeg;base64,", "#")) for reference in page.references)
    assert page.pictures >= 14
    assert "<b>&amp;" in page.text
    assert "Test words in the training set: 2" in page.text


def test_an_empty_set_has_a_report_too(tmp_path):
    folder = save_set(tmp_path / "train", ["x"])
    (folder / "0.png").unlink()
    report, _ = report_of(tmp_path, sources=(str(folder),))
    assert report["train"]["words"] == 0


# ---------------------------------------------------------------------------------------------------------------------


def test_the_hash_survives_scale_compression_and_brightness(tmp_path):
    for word in WORDS:
        image = draw_word(word, 40)
        small = image.resize((image.width // 2, image.height // 2))
        small.point(lambda value: value * 0.7 + 20).save(tmp_path / "word.jpg", quality=70)
        with Image.open(tmp_path / "word.jpg") as changed:
            one, other = thumbnail(image), thumbnail(changed)
        assert (perceptual_hash(one) ^ perceptual_hash(other)).bit_count() <= 4
        assert similarity(one, other) > 0.95


def test_pictures_of_one_tone_are_like_nothing():
    blank = thumbnail(Image.new("L", (50, 20), 100))
    assert similarity(blank, blank) == 0


def brute_force(one, other, radius):
    counts = [[int(a ^ b).bit_count() for b in other.tolist()] for a in one.tolist()]
    return {(i, j) for i, row in enumerate(counts) for j, count in enumerate(row) if count <= radius}


@pytest.mark.parametrize("without_numpy_2", [False, True])
@pytest.mark.parametrize("radius", [near_duplicates.RADIUS, near_duplicates.BANDED_RADIUS])
def test_near_pairs_are_those_of_brute_force(monkeypatch, without_numpy_2, radius):
    if radius == near_duplicates.BANDED_RADIUS:
        monkeypatch.setattr(near_duplicates, "MAX_COMPARISONS", 0)
    if without_numpy_2:
        monkeypatch.delattr(np, "bitwise_count", raising=False)
    rng = np.random.default_rng(0)
    one = rng.integers(0, 2**64, 60, np.uint64)
    flipped = [rng.choice(64, count, replace=False).tolist() for count in [0, 1, 3, 4, 5, 10, 11] * 4]
    flips = np.array([sum(1 << bit for bit in bits) for bits in flipped], np.uint64)
    other = np.concatenate([one[:28] ^ flips, rng.integers(0, 2**64, 20, np.uint64), one[:3]])
    expected = brute_force(one, other, radius)
    assert len(expected) >= 16
    assert set(map(tuple, near_pairs(one, other).tolist())) == expected
    both = np.unique(np.concatenate([one, other]))  # without equal ones, all pairs are told
    within = {(i, j) for i, j in brute_force(both, both, radius) if i < j}
    assert set(map(tuple, near_pairs(both).tolist())) == within
    assert near_pairs(np.zeros(0, np.uint64)).shape == (0, 2)
    assert near_pairs(np.full(5, 7, np.uint64)).tolist() == [[0, 1], [0, 2], [0, 3], [0, 4]]
