# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Small inputs that once failed, a folder each; they lie beside the project, and without them these tests skip."""

import unicodedata
from pathlib import Path

import pytest

from hf_str import DEFAULT_CHECKPOINT, CRNNTokenizer, Lexicon
from hf_str.models.crnn.image_loading_crnn import UnreadableImageError


CASES = Path(__file__).parents[2] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the folder of cases does not lie beside the project")

WORDS = ["Bakery", "Coffee", "Exit", "Hello", "Market", "Street"]
CYRILLIC = ["Привет", "Выход", "Кофе", "Рынок", "Улица", "Хлеб"]
LONG = "ab" * 70

#: What `load_word_boxes` gives for a folder of labels.
TEXTS = {
    "backslash": WORDS,
    "bad_images": WORDS,
    "bom": WORDS,
    "crlf": WORDS,
    "csv_ordinary": ["Hello, World", "007", "NA", "null", "1.50", "TRUE"],
    "doctr": WORDS,
    "dupes": [*WORDS, "Coffee"],
    "easyocr_comma": ["Hello, World", "1,234.50", *WORDS[2:]],
    "easyocr_quote": ['"Bakery', "Coffee", "Exit", '6"', "Market", "Street"],
    "eval_cyrillic": CYRILLIC,
    "eval_nfd": [unicodedata.normalize("NFC", text) for text in ("Cafe\u0301", "Mu\u0308ll")] + WORDS[2:],
    "eval_space": ["Hello World", "No Parking", "Exit Now", *WORDS[3:]],
    "folder_per_label": WORDS,
    "frames": ["ABCDEFGHIJ", LONG],
    "gttxt": WORDS,
    "header": WORDS,
    "header_pandas": WORDS,
    "lmdb": ["Bakery", "Coffee", *WORDS[3:]],
    "long_label": ["a" * 200, *WORDS[1:]],
    "missing": WORDS,
    "mmocr1": WORDS,
    "multiword_space": ["Hello World", "No  Parking", *WORDS[2:]],
    "no_ext": WORDS,
    "paddle_named": WORDS,
    "plate_csv": WORDS,
    "space_only": WORDS[:5],
    "spaces_in_paths": WORDS,
    "text_first": WORDS,
    "trailing": [f"{word} " for word in WORDS],  # kept as it is, and counted
    "nbsp": ["Ba\u200bkery", "Coffee\xa0", "E\xadxit", *WORDS[3:]],
    "txt_pairs": WORDS,
    "upper_ext": WORDS,
    "upper_mismatch": WORDS,
    "utf16": WORDS,
}

LEFT_OUT = {"lmdb": 3, "missing": 1, "space_only": 1}
REFUSED_LABELS = {"cp1252": r"labels\.tsv, line 2", "three_columns": r"labels\.tsv.*line 1"}
CHARSET_FILES = {
    "bom.txt": ("a", "b", "é"),
    "cp1252.txt": r"cp1252\.txt, line 2",
    "dup.txt": "more than once: 'a'",
    "nfd.txt": ("a", "é", "ü"),
    "nfd1.txt": ("a", "é", "ü"),
    "space.txt": ("a", "b", " "),
    "trail.txt": ("a", "b", "c"),
    "two.txt": "number 1 of its lines, is no symbol",
    "u2028.txt": ("a", "b", "\u2028", "\x85", "c"),
    "utf16.txt": ("a", "b", "c"),
}

#: Of images of "Coffee" in odd encodings, those that show something else, or nothing.
NO_TEXT = ["black.png", "h1.png", "onepixel.png", "w1.png", "white.png"]
REFUSED = {
    "empty.png": "0 bytes",
    "html.png": "not an image",
    "huge.png": "12000 x 9000 pixels",
    "trunc.png": "truncated",
}
OTHERS = {
    "strip.png": "the quick brown fox jumps over the lazy dog",
    "strip_long.png": ("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" * 4)[:108],
}


@pytest.fixture(scope="module")
def recognizer():
    from transformers import pipeline

    return pipeline("image-to-text", model=str(DEFAULT_CHECKPOINT), device="cpu")


def named(folder: str) -> list[str]:
    return sorted(path.name for path in (CASES / folder).glob("*") if path.name != "README")


@pytest.mark.parametrize("name", named("images_odd"))
def test_images_odd(name, recognizer):
    path = str(CASES / "images_odd" / name)
    if name in REFUSED:
        with pytest.raises(UnreadableImageError, match=REFUSED[name]):
            recognizer(path)
        return
    (result,) = recognizer(path)
    if name in NO_TEXT:
        assert result["generated_text"] == ""
    elif name == "rot180.png":  # nothing tells a word on its head from a right one but that nobody can read it
        assert result["generated_text"].lower() == "coffee" or result["score"] < 0.3
    else:
        assert result["generated_text"].lower() == OTHERS.get(name, "coffee").lower()


@pytest.mark.parametrize("name", named("no_text"))
def test_no_text(name, recognizer):
    (result,) = recognizer(str(CASES / "no_text" / name))
    assert result["generated_text"] == "" or result["score"] < 0.3


@pytest.mark.parametrize("case", sorted(TEXTS))
def test_labels(case):
    pytest.importorskip("datasets")
    from hf_str.data import ReadReport, load_word_boxes

    report = ReadReport()
    format = "folder_per_label" if case == "folder_per_label" else None
    assert list(load_word_boxes(CASES / case, format=format, report=report)["text"]) == TEXTS[case]
    assert report.left_out == LEFT_OUT.get(case, 0)


@pytest.mark.parametrize("case", sorted(REFUSED_LABELS))
def test_labels_that_are_refused_by_line(case):
    pytest.importorskip("datasets")
    from hf_str.data import load_word_boxes, read_word_folder

    for read in (load_word_boxes, read_word_folder):
        with pytest.raises(ValueError, match=REFUSED_LABELS[case]):
            read(CASES / case)


def test_u2028():
    from hf_str.data import read_word_folder

    assert [box.text for box in read_word_folder(CASES / "u2028")] == ["Hello\u2028World", "Exit"]


@pytest.mark.parametrize("name", sorted(CHARSET_FILES))
def test_charsets(name):
    if isinstance(CHARSET_FILES[name], str):
        with pytest.raises(ValueError, match=CHARSET_FILES[name]):
            CRNNTokenizer(charset=CASES / "charsets" / name)
    else:
        assert CRNNTokenizer(charset=CASES / "charsets" / name).characters == CHARSET_FILES[name]


def test_lexicons():
    tokenizer = CRNNTokenizer("94+space")
    for name in ("lex16.txt", "lexbom.txt", "lexfreq.txt"):
        lexicon = Lexicon.from_file(CASES / "charsets" / name, tokenizer)
        assert ["".join(tokenizer.convert_ids_to_tokens(word)) for word in lexicon.words] == ["exit", "coffee"]


@pytest.mark.parametrize("case, protocols", [("eval_cyrillic", ["unicode", "exact"]), ("eval_cyrillic", ["36"])])
def test_eval_cyrillic_with_cyrillic_random_model(case, protocols):
    """A random network reads nothing of it, and a protocol that sees nothing is refused."""
    pytest.importorskip("rapidfuzz")
    from transformers import pipeline

    from hf_str.evaluation import PROTOCOLS

    reader = pipeline("image-to-text", model=str(CASES / "cyrillic_random_model"), device="cpu")
    paths = sorted(map(str, (CASES / case / "images").glob("*.png")))
    texts = [result[0]["generated_text"] for result in reader(paths)]
    for name in protocols:
        if name == "36":
            with pytest.raises(ValueError, match="sees no character"):
                PROTOCOLS[name].word_accuracy(texts, CYRILLIC)
        else:
            assert PROTOCOLS[name].word_accuracy(texts, CYRILLIC) == 0
