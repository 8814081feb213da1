# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Label files as people bring them: layouts of other projects, dialects, encodings, names of images."""

import csv
import io
import json

import pytest

from hf_str.data import ReadReport, load_word_boxes, read_word_folder
from hf_str.data.formats import DATASET_FORMATS, AnnotationError, describe_formats, find_format
from hf_str.data.word_sources import open_word_sources
from hf_str.models.crnn.charsets_crnn import resolve_charset
from hf_str.models.crnn.text_crnn import normalize_text
from hf_str.models.crnn.text_files_crnn import TextFileError, read_lines
from tests.data.archives import save_word


WORDS = ("Bakery", "Coffee", "Exit")


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        save_word(tmp_path / "images" / f"{number}.png")
    return tmp_path


def write(path, text, encoding="utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def read(source, **kwargs):
    report = ReadReport()
    words = load_word_boxes(source, report=report, **kwargs)
    return list(words["text"]), report


def kinds(report):
    return {kind: tally.count for kind, tally in report.tallies.items()}


# ---------------------------------------------------------------------------------------------------------------------
# CSV


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("rows", "texts"),
    [
        (["0.png,Hello, World", "1.png,1,234.50", "2.png,Exit"], ["Hello, World", "1,234.50", "Exit"]),
        (['0.png,"Bakery', "1.png,Coffee", '2.png,6"'], ['"Bakery', "Coffee", '6"']),
        (['0.png,"Hello, World"', "1.png,007", '2.png,"a ""b"""'], ["Hello, World", "007", 'a "b"']),
        (['0.png,6"', "1.png,NA", "2.png,null"], ['6"', "NA", "null"]),
        (['0.png,"two\nlines"', "1.png,1.50", "2.png,TRUE"], ["two\nlines", "1.50", "TRUE"]),
        (['0.png,"Bakery" No, 1', "1.png,Coffee", "2.png,Exit"], ['"Bakery" No, 1', "Coffee", "Exit"]),
        (["0.png,a,", "1.png,b,", "2.png,c,"], ["a", "b", "c"]),
    ],
)
def test_csv_dialects(folder, rows, texts, end):
    write(folder / "images" / "labels.csv", end.join(["filename,words", *rows, ""]))
    found, report = read(folder / "images")
    assert found == texts
    assert (report.rows, report.words, report.left_out) == (3, 3, 0)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('filename,words\n0.png,"Hello, World"\n1.png,a, b\n', 3),  # by RFC 4180 or not?
        ("filename,words,score\n0.png,a,1\n1.png,a, b,1\n", 3),
        ('filename,words,score\n0.png,"a,1\n1.png,b,1\n', 2),
    ],
)
def test_csv_that_cannot_be_told_is_refused_by_line(folder, content, line):
    write(folder / "images" / "labels.csv", content)
    with pytest.raises(AnnotationError, match=rf"labels\.csv, line {line}: .*quotation marks"):
        read(folder / "images")


@pytest.mark.parametrize("content", ["filename;words\n{0}", "words,filename\n{1}", "{2}", ",filename,words\n{3}"])
def test_csv_columns(folder, content):
    lines = ("{n}.png;{w}, x", "{w}, x,{n}.png", "{n}.png,{w}", '{n},{n}.png,"{w}, x"')
    rows = ["\n".join(line.format(n=n, w=w) for n, w in enumerate(WORDS)) for line in lines]
    write(folder / "images" / "labels.csv", content.format(*rows))
    end = "" if content == "{2}" else ", x"
    assert read(folder / "images")[0] == [word + end for word in WORDS]


def test_short_rows_of_csv_are_counted(folder):
    write(folder / "images" / "labels.csv", "filename,words\n0.png,a\n1.png\n")
    texts, report = read(folder / "images")
    assert (texts, kinds(report)) == (["a"], {"malformed_annotation": 1})
    assert "line 3" in report.summary()


def test_fast_plate_ocr(folder):
    write(folder / "train_annotations.csv", "image_path,plate_text\nimages/0.png,ABC123\nimages/1.png,007\n")
    write(folder / "val_annotations.csv", "image_path,plate_text\nimages/2.png,XYZ\n")
    assert read(folder)[0] == ["ABC123", "007"]
    assert read(folder, split="validation")[0] == ["XYZ"]


# ---------------------------------------------------------------------------------------------------------------------
# JSON


@pytest.mark.parametrize("name", ["metadata.jsonl", "labels.jsonl", "labels.json"])
def test_json_keeps_numbers_as_they_are_spelled_and_refuses_what_is_no_text(folder, name):
    values = ["1.50", "007e1", "true", "[1, 2]", '"a"', "12345678901234567890"]
    values[1] = "1e5"
    records = [f'{{"file_name": "images/{n % 3}.png", "text": {value}}}' for n, value in enumerate(values)]
    write(folder / name, "[" + ", ".join(records) + "]" if name.endswith(".json") else "\n".join(records))
    texts, report = read(folder)
    assert texts == ["1.50", "1e5", "a", "12345678901234567890"]
    assert (kinds(report), report.rows) == ({"malformed_annotation": 2}, 6)


def test_doctr(folder):
    write(folder / "labels.json", json.dumps({f"{n}.png": word for n, word in enumerate(WORDS)}))
    assert find_format(folder).name == "json_labels"
    assert read(folder)[0] == list(WORDS)


def test_mmocr1(folder):
    records = [{"img_path": f"images/{n}.png", "instances": [{"text": word}]} for n, word in enumerate(WORDS)]
    records.append({"img_path": "images/0.png", "instances": []})
    content = {"metainfo": {"dataset_type": "TextRecogDataset", "task_name": "textrecog"}, "data_list": records}
    write(folder / "textrecog_train.json", json.dumps(content))
    write(folder / "textrecog_test.json", json.dumps(content | {"data_list": records[:1]}))
    texts, report = read(folder, split="train")
    assert (texts, kinds(report)) == (list(WORDS), {"malformed_annotation": 1})
    assert read(folder, split="test")[0] == ["Bakery"]


@pytest.mark.parametrize("key", ["caption", "text", "utf8_string"])
def test_coco_style(folder, key):
    content = {
        "images": [{"id": n, "file_name": f"{n}.png"} for n in range(3)],
        "annotations": [{"id": 10 + n, "image_id": n, key: WORDS[n]} for n in range(2)],
    }
    write(folder / "annotations.json", json.dumps(content))
    texts, report = read(folder)
    assert (texts, kinds(report)) == (["Bakery", "Coffee"], {"missing_text": 1})


def test_coco_style_boxes_are_cut_out(folder):
    pytest.importorskip("cv2")
    note = {"image_id": 1, "text": "EXIT", "bbox": [2, 3, 20, 8]}
    write(folder / "words.json", json.dumps({"images": [{"id": 1, "file_name": "1.png"}], "annotations": [note]}))
    words = load_word_boxes(folder)
    assert (words[0]["text"], words[0]["polygon"][:4]) == ("EXIT", [2, 3, 22, 3])


def test_json_of_other_tasks_is_no_list_of_labels(folder):
    write(folder / "config.json", '{"images": [1], "annotations": [{"category_id": 1, "bbox": [1, 2, 3, 4]}]}')
    write(folder / "instances.json", '{"info": {}, "images": [], "annotations": [{"category_id": 1}]}')
    assert find_format(folder) is None


# ---------------------------------------------------------------------------------------------------------------------
# A text file for each image


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bin.png", ".nrm.png"])
def test_gt_txt(tmp_path, suffix):
    for number, word in enumerate(WORDS):
        save_word(tmp_path / "ground-truth" / f"{number}{suffix}")
        write(tmp_path / "ground-truth" / f"{number}.gt.txt", word + "\n")
    save_word(tmp_path / "ground-truth" / f"7{suffix}")
    write(tmp_path / "ground-truth" / "8.gt.txt", "lost")
    write(tmp_path / "ground-truth" / "0.gt.txt", "Bäkery", "cp1252")
    assert find_format(tmp_path).name == "gt_txt"
    texts, report = read(tmp_path)
    assert texts == ["Coffee", "Exit"]
    assert kinds(report) == {"missing_text": 1, "missing_image": 1, "malformed_annotation": 1}
    assert (report.rows, report.left_out) == (5, 3)


def test_text_pairs(folder):
    for number, word in enumerate(WORDS[:2]):
        write(folder / "images" / f"{number}.txt", word)
    write(folder / "images" / "2.txt", "two\nlines")
    write(folder / "README.txt", "what this is")
    assert find_format(folder).name == "text_pairs"
    texts, report = read(folder)
    assert (texts, kinds(report)) == (["Bakery", "Coffee"], {"malformed_annotation": 1})


def test_boxes_beside_images_are_no_texts(folder):
    for number in range(3):
        write(folder / "images" / f"{number}.txt", "0 0.512 0.54 0.25 0.25\n")  # YOLO
    assert find_format(folder) is None


# ---------------------------------------------------------------------------------------------------------------------
# Names of files and folders: only when asked for


@pytest.mark.parametrize("pattern", ["{w}_{n}", "{n}_{w}", "{n}_{w}_7", "{w}"])
def test_labels_in_file_names(tmp_path, pattern):
    for number, word in enumerate(("Exit", "New_York", "Shop") if "_" in pattern else WORDS):
        save_word(tmp_path / f"{pattern.format(w=word, n=number)}.jpg")
    assert find_format(tmp_path) is None
    texts, _ = read(tmp_path, format="file_names")
    assert sorted(texts) == (["Exit", "New_York", "Shop"] if "_" in pattern else sorted(WORDS))


def test_file_names_of_numbers_are_refused(tmp_path):
    save_word(tmp_path / "1_2.png")
    with pytest.raises(AnnotationError, match=r"numbers on both sides of _, as 1_2\.png"):
        read(tmp_path, format="file_names")


def test_folder_per_label(tmp_path):
    for split, word in (("train", "Bakery"), ("train", "Test"), ("test", "Exit")):
        save_word(tmp_path / split / word / "0.png")
    assert find_format(tmp_path) is None
    assert read(tmp_path, format="folder_per_label")[0] == ["Bakery", "Test"]
    assert read(tmp_path, format="folder_per_label", split="all")[1].words == 3
    save_word(tmp_path / "train" / "1.png")
    with pytest.raises(ValueError, match="lies in no folder of its label"):
        read(tmp_path / "train", format="folder_per_label")


def test_formats_are_listed():
    assert all(name in describe_formats() for name in DATASET_FORMATS)
    assert "(only with format=folder_per_label)" in describe_formats()


# ---------------------------------------------------------------------------------------------------------------------
# labels.tsv


def labels_of(folder):
    texts, _ = read(folder)
    assert [box.text for box in read_word_folder(folder)] == texts
    assert all(box.path.is_file() for box in read_word_folder(folder))
    return texts


@pytest.mark.parametrize(
    "line",
    [
        "images/{n}.png\t{w}",
        "./images/{n}.png\t{w}",
        "images\\{n}.png\t{w}",
        "images/{n}.PNG\t{w}",
        "Images\\{n}.Png\t{w}",
        "images/{n}\t{w}",
        "{folder}/images/{n}.png\t{w}",
        "{w}\timages/{n}.png",
        '["images/{n}.png"]\t{w}',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_labels(folder, line, encoding, end):
    words = ["Caf\u00e9", "Hello\u2028World\u0085\x0b\x0c", "Exit"]
    lines = [line.format(n=n, w=word, folder=folder) for n, word in enumerate(words)]
    write(folder / "labels.tsv", end.join(lines) + end, encoding)
    assert labels_of(folder) == words


@pytest.mark.parametrize("header", ["filename\ttext", "\tfilename\ttext", "text\tscore\timage"])
def test_headers(folder, header):
    row = {"filename": "images/0.png", "image": "images/0.png", "text": "Exit", "score": "0.9", "": "0"}
    write(folder / "labels.tsv", f"{header}\n" + "\t".join(row[column] for column in header.split("\t")))
    assert labels_of(folder) == ["Exit"]
    assert read(folder)[1].rows == 1


def test_a_third_column_without_a_header_is_refused(folder):
    write(folder / "labels.tsv", "images/0.png\tExit\t0.9\n")
    for reads in (read, read_word_folder):
        with pytest.raises(AnnotationError, match=r"labels\.tsv, line 1 has 3 columns"):
            reads(folder)


def test_other_encodings_are_named(folder):
    write(folder / "labels.tsv", "images/0.png\tExit\nimages/1.png\tCaf\u00e9\n", "cp1252")
    for reads in (read, read_word_folder):
        with pytest.raises(TextFileError, match=r"labels\.tsv, line 2 is not UTF-8.*cp1252: 'images/1\.png\\tCafé'"):
            reads(folder)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_charset_files(tmp_path, encoding):
    file = write(tmp_path / "charset.txt", "a\r\né\r\n\u2028\r\n", encoding)
    assert resolve_charset(file) == ("a", "é", "\u2028")


def test_charset_files_in_other_encodings(tmp_path):
    with pytest.raises(TextFileError, match=r"charset\.txt, line 2 is not UTF-8"):
        resolve_charset(write(tmp_path / "charset.txt", "a\né\n", "cp1252"))
    with pytest.raises(TextFileError, match="UTF-16 without a byte order mark"):
        read_lines(write(tmp_path / "lexicon.txt", "ab\n", "utf-16-le"))


def test_several_images_of_a_text(folder):
    write(folder / "train.txt", '["images/0.png", "images/1.png"]\tExit\nimages/2.png\tShop\n')
    texts, report = read(folder)
    assert (texts, report.rows, report.words) == (["Exit", "Exit", "Shop"], 2, 3)


def test_names_are_told_and_hinted_at(folder):
    save_word(folder / "images" / "a.png")
    save_word(folder / "images" / "A.png")
    write(folder / "labels.tsv", "images/0.PNG\tone\nimages/A.PNG\ttwo\nimages/1.tif\tthree\n")
    texts, report = read(folder)
    assert (texts, kinds(report)) == (["one"], {"other_name": 1, "missing_image": 2})
    assert "images/0.PNG is " in report.summary()
    assert "images/1.tif (there is 1.png in " in report.summary()


def test_labels_with_characters_that_nobody_sees_are_told(folder):
    write(folder / "labels.tsv", "images/0.png\tExit \nimages/1.png\tBa\u200bkery\nimages/2.png\tm\u200cn\n")
    texts, report = read(folder)
    assert (texts[0], kinds(report)) == ("Exit ", {"unseen_characters": 2})


# ---------------------------------------------------------------------------------------------------------------------
# Any text


def _rfc4180(rows):
    lines = io.StringIO()
    csv.writer(lines).writerows([("filename", "words"), *rows])
    return lines.getvalue()


DIALECTS = {
    "labels.tsv": lambda rows: "".join(f"{name}\t{text}\n" for name, text in rows),
    "metadata.csv": _rfc4180,
    "labels.csv": lambda rows: "filename,words\n" + "".join(f"{name},{text}\n" for name, text in rows),
    "metadata.jsonl": lambda rows: "".join(json.dumps({"file_name": n, "text": t}) + "\n" for n, t in rows),
    "labels.json": lambda rows: json.dumps([{"file_name": name, "text": text} for name, text in rows]),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_any_text_comes_back_or_is_refused_by_line(tmp_path, dialect):
    """What a dialect cannot say (a tab in a TSV, a line end) aside, a text comes back as it was written."""
    hypothesis = pytest.importorskip("hypothesis")
    st = hypothesis.strategies
    images = [f"{number}.png" for number in range(3)]
    for image in images:
        save_word(tmp_path / image)
    whole = dialect in ("metadata.csv", "metadata.jsonl", "labels.json")
    letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0" if whole else "\0\t\r\n")
    often = st.sampled_from([*'",";\'\u2028 \\1[{#', *([] if not whole else "\r\n\t")])
    texts = st.lists(st.text(letters | often, min_size=1, max_size=8), min_size=1, max_size=3)

    @hypothesis.settings(max_examples=150, deadline=None, derandomize=True, database=None)
    @hypothesis.given(texts)
    def check(texts):
        file = write(tmp_path / dialect, DIALECTS[dialect](list(zip(images, texts, strict=False))))
        report = ReadReport()
        try:
            (source,) = open_word_sources(tmp_path)
            found = [row[2] for row in source.rows(range(len(source.items)), report, embed=False)]
        except ValueError as error:
            assert f"{file}, line " in str(error)
            return
        if dialect == "labels.csv":  # of fields that are quoted by chance, the quotation marks go
            texts = [text[1:-1].replace('""', '"') if _is_quoted(text) else text for text in texts]
        assert found == [normalize_text(text) for text in texts if text.strip()]
        assert report.rows == len(texts) == report.words + report.left_out

    check()


def _is_quoted(text):
    return len(text) > 1 and text[0] == text[-1] == '"'


# ---------------------------------------------------------------------------------------------------------------------
# What is easily taken for a label


@pytest.mark.parametrize(
    "label",
    [
        '[{"transcription": "Exit", "points": [[1, 1], [9, 1], [9, 9], [1, 9]]}]',
        '{"gt_parse": {"text_sequence": "Exit"}}',
        "half \ud83d",
    ],
    ids=["boxes", "donut", "surrogate"],
)
def test_annotations_and_half_characters_are_no_labels(folder, label):
    lines = [{"file_name": "images/0.png", "text": label}, {"file_name": "images/1.png", "text": '{"Exit"}'}]
    write(folder / "metadata.jsonl", "\n".join(map(json.dumps, lines)))
    texts, report = read(folder)
    assert texts == ['{"Exit"}']
    assert kinds(report) == {"malformed_annotation": 1}
    assert report.tallies["malformed_annotation"].examples[0].startswith("images/0.png: the text ")


def test_boxes_in_a_tsv_are_refused_by_line(folder):
    write(folder / "labels.tsv", 'images/0.png\tExit\nimages/1.png\t[{"transcription": "Exit", "points": []}]\n')
    assert read(folder)[0] == ["Exit"]
    with pytest.raises(ValueError, match=r"labels.tsv, line 2: the text is an annotation"):
        read_word_folder(folder)


def test_a_name_twice_in_json_loses_no_label(folder):
    write(folder / "labels.json", '{"images/0.png": "Exit", "images/1.png": "a", "images/0.png": "Bakery"}')
    with pytest.raises(AnnotationError, match=r"'images/0.png' stands there twice, with 'Exit' and 'Bakery'"):
        read(folder)


def test_images_in_json_that_are_called_as_those_of_art_are_no_scenes(folder):
    save_word(folder / "img_1.png")
    for content in ([{"img_path": "img_1.png", "text": "Exit"}], {"img_1.png": "Exit"}):
        write(folder / "labels.json", json.dumps(content))
        assert read(folder)[0] == ["Exit"]


@pytest.mark.parametrize(
    "content",
    [
        "sep=;\r\nfilename;words\r\nimages/0.png;a,b\r\nimages/1.png;c\r\n",
        'file_name, text\nimages/0.png, "a,b"\nimages/1.png, c\n',
        "file_name, text\nimages/0.png, a,b\nimages/1.png, c\n",
    ],
    ids=["excel", "spaces", "bare"],
)
def test_csv_of_excel_and_with_spaces_after_commas(folder, content):
    write(folder / "labels.csv", content)
    assert read(folder)[0] == ["a,b", "c"]


def test_names_in_another_unicode_form_are_found(folder):
    save_word(folder / "images" / "cafe\u0301.png")
    write(folder / "labels.tsv", "images/caf\u00e9.png\tExit\n")
    texts, report = read(folder)
    assert texts == ["Exit"]
    assert kinds(report) == {"other_name": 1}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "coco.json",
            {"images": [{"id": 1, "file_name": "a.png"}, None], "annotations": [{"image_id": 1, "text": "a"}]},
        ),
        ("coco.json", {"images": [], "annotations": [{"image_id": 1, "text": "a", "bbox": ["x"]}]}),
        ("art.json", {"gt_1": [{"transcription": "a"}]}),
        ("art.json", {"gt_1": ["a"]}),
        ("train.jsonl", {"info": {}, "annotations": [{"image_id": "0", "paragraphs": [{"lines": None}]}]}),
    ],
)
def test_annotations_of_another_shape_are_refused_by_file(folder, name, content):
    write(folder / name, json.dumps(content))
    with pytest.raises(AnnotationError, match=rf"{name} has annotations that do not follow its format: "):
        read(folder)
