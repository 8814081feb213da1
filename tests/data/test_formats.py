# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Each dataset format on a tiny archive of exactly the layout that it is for."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from hf_str.data import DATASET_FORMATS, ReadReport, load_word_boxes
from hf_str.data.formats import SplitNotFoundError, find_format
from hf_str.data.formats.line_styles import line_style
from tests.data.archives import BOXES, colors_of, points, quad, save_scene, save_word, size_of, word_bytes


RED, GREEN, BLUE = BOXES


def read(folder, expected_format, **kwargs):
    """Loads an archive, checks which format is chosen for it, and returns its rows and the report."""
    assert find_format(folder).name == expected_format
    report = ReadReport()
    words = load_word_boxes(folder, report=report, **kwargs)
    assert report.words == len(words)
    return list(words), report


def kinds(report):
    return {kind: tally.count for kind, tally in report.tallies.items()}


def texts(rows):
    return [row["text"] for row in rows]


def write(path, text, encoding="utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


# ---------------------------------------------------------------------------------------------------------------------
# Label files


@pytest.mark.parametrize(
    ("style", "line", "text"),
    [
        ("tab", '{name}\tIt\'s "5"', 'It\'s "5"'),
        ("quoted", '{name}, "Genaxis, Theatre"', "Genaxis, Theatre"),
        ("quoted", r'{name}, "\"Tiredness\" \\"', '"Tiredness" \\'),
        ("script", "{name},Latin,the, end", "the, end"),
        ("space", "{name} two words", "two words"),
        ("cute", "{name} RONALDO 1 RONALDO", "RONALDO"),
        ("comma", "{name},text, more", "text, more"),
        ("json", '{{"filename": "{name}", "text": "a\\u00e9"}}', "aé"),
        ("tab", "{name}\t한글", "한글"),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_styles(tmp_path, style, line, text, ending, mark):
    save_word(tmp_path / "images" / "a b.png", "red")
    save_word(tmp_path / "images" / "2.png", "green")
    names = ["images/2.png"] * 2 if style == "cute" else ["images/a b.png", "images/2.png"]
    write(tmp_path / "labels.txt", mark + ending.join(line.format(name=name) for name in names) + ending * 2)
    rows = list(load_word_boxes(tmp_path, format="labels"))
    assert texts(rows) == [text, text]
    assert colors_of(rows)[1] == "green"


def test_labels_report_everything_that_is_left_out(tmp_path):
    data = save_word(tmp_path / "1.png")
    (tmp_path / "empty.png").touch()
    lines = ["1.png\tone", "2.png\tmissing", "1.png\t", "no tab in this line", "1.png\t  two  "]
    write(tmp_path / "labels.tsv", "\n".join(lines))
    rows, report = read(tmp_path, "labels")
    assert texts(rows) == ["one", "  two  "]
    assert rows[0]["image"]["path"] == str(tmp_path / "1.png")
    assert (tmp_path / "1.png").read_bytes() == data
    left_out = {"missing_image": 1, "empty_label": 1, "malformed_annotation": 1}
    assert kinds(report) == left_out | {"unseen_characters": 1}
    assert (report.rows, report.words, report.left_out) == (5, 2, 3)
    assert "5 rows in the annotations: 2 words read, 3 left out" in report.summary()
    assert report.tallies["missing_image"].examples == ["2.png"]
    assert "line 4" in report.tallies["malformed_annotation"].examples[0]
    assert "no tab in this line" in report.summary()


def test_label_files_of_two_splits(tmp_path):
    save_word(tmp_path / "train_images" / "1.png", "red")
    save_word(tmp_path / "test_images" / "1.png", "blue")
    write(tmp_path / "rec_gt_train.txt", "1.png\tone\n")
    write(tmp_path / "rec_gt_test.txt", "1.png\ttwo\n")
    assert texts(load_word_boxes(tmp_path)) == ["one"]  # train, as there are several
    rows = list(load_word_boxes(tmp_path, split="test"))
    assert (texts(rows), colors_of(rows)) == (["two"], ["blue"])
    assert sorted(texts(load_word_boxes(tmp_path, split="all"))) == ["one", "two"]
    with pytest.raises(SplitNotFoundError, match=r"'nowhere'.*'test', 'train'|'nowhere'.*'train', 'test'"):
        load_word_boxes(tmp_path, split="nowhere")


def test_a_label_file_itself(tmp_path):
    save_word(tmp_path / "1.png")
    assert texts(load_word_boxes(write(tmp_path / "any.txt", "1.png one\n"))) == ["one"]


def test_unknown_style():
    assert line_style([(1, "what is this"), (2, "no idea")]) is None


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl", "labels.csv"])
def test_image_folder(tmp_path, name):
    save_word(tmp_path / "train" / "a.png", "red")
    save_word(tmp_path / "train" / "b.png", "blue")
    columns = ("filename", "words") if name == "labels.csv" else ("file_name", "text")
    if name.endswith(".csv"):
        content = f'\ufeff{",".join(columns)}\r\na.png,"one, ""two"""\r\nb.png,\r\n,lost\r\n'
    else:
        records = [{"file_name": "a.png", "text": 'one, "two"'}, {"file_name": "b.png"}, {"text": "lost"}]
        content = "\n".join(map(json.dumps, records))
    write(tmp_path / "train" / name, content)
    rows, report = read(tmp_path, "imagefolder")
    assert (texts(rows), colors_of(rows)) == (['one, "two"'], ["red"])
    assert kinds(report) == {"empty_label": 1, "malformed_annotation": 1}


def test_image_folder_with_other_columns_is_an_error(tmp_path):
    write(tmp_path / "metadata.csv", "file_name,width\na.png,3\n")
    with pytest.raises(ValueError, match=r"metadata\.csv has the columns \['file_name', 'width'\]"):
        load_word_boxes(tmp_path)


def test_label_pairs(tmp_path):
    save_word(tmp_path / "IMG" / "1.png", "green")
    write(tmp_path / "label" / "1.txt", "Hello\n")
    write(tmp_path / "label" / "2.txt", "lost\n")
    rows, report = read(tmp_path, "label_pairs")
    assert (texts(rows), colors_of(rows), kinds(report)) == (["Hello"], ["green"], {"missing_image": 1})


# ---------------------------------------------------------------------------------------------------------------------
# LMDB


def make_lmdb(path, words, count=None):
    lmdb = pytest.importorskip("lmdb")
    path.mkdir(parents=True, exist_ok=True)
    environment = lmdb.open(str(path), map_size=1 << 22)
    with environment.begin(write=True) as transaction:
        for number, (image, label) in enumerate(words, start=1):
            if image is not None:
                transaction.put(b"image-%09d" % number, image)
            if label is not None:
                transaction.put(b"label-%09d" % number, label.encode())
        transaction.put(b"num-samples", str(len(words) if count is None else count).encode())
    environment.close()


def test_lmdb(tmp_path):
    data = word_bytes("blue")
    make_lmdb(tmp_path, [(data, "één"), (data, ""), (None, "lost"), (data, None), (b"", "empty"), (data, "two")])
    rows, report = read(tmp_path, "lmdb")
    assert texts(rows) == ["één", "two"]
    assert rows[0]["image"] == {"bytes": data, "path": "image-000000001"}
    assert kinds(report) == {"empty_label": 2, "missing_image": 1, "unreadable_image": 1}
    assert texts(load_word_boxes(tmp_path, streaming=True)) == ["één", "two"]


def test_lmdbs_in_folders(tmp_path):
    for number, name in enumerate(("training/MJ/MJ_train", "training/ST", "evaluation/SVT", "validation")):
        make_lmdb(tmp_path / name, [(word_bytes(), f"word{number}")])
    rows, _ = read(tmp_path, "lmdb")
    assert texts(rows) == ["word0", "word1"]
    assert rows[0]["image"]["path"] == "training/MJ/MJ_train/image-000000001"
    assert texts(load_word_boxes(tmp_path, split="validation")) == ["word3"]


def test_an_lmdb_without_words_is_an_error(tmp_path):
    lmdb = pytest.importorskip("lmdb")
    lmdb.open(str(tmp_path)).close()
    with pytest.raises(ValueError, match="num-samples"):
        load_word_boxes(tmp_path)


# ---------------------------------------------------------------------------------------------------------------------
# Word images


def test_mjsynth(tmp_path):
    root = tmp_path / "mnt" / "ramdisk" / "max" / "90kDICT32px"
    save_word(root / "2425" / "1" / "115_Lube_45484.jpg")
    save_word(root / "2425" / "1" / "2_a_b_1.jpg")
    write(root / "lexicon.txt", "zero\na_b\n" + "x\n" * 45482 + "lube\n")
    write(root / "annotation_train.txt", "./2425/1/115_Lube_45484.jpg 45484\n./2425/1/2_a_b_1.jpg 1\nnonsense\n")
    write(root / "annotation_test.txt", "./2425/1/3_Gone_0.jpg 0\n")
    rows, report = read(tmp_path, "mjsynth")
    assert texts(rows) == ["Lube", "a_b"]  # in the case that is drawn; the lexicon knows no case
    assert kinds(report) == {"malformed_annotation": 1}
    report = ReadReport()
    assert len(load_word_boxes(root, split="test", report=report)) == 0
    assert kinds(report) == {"missing_image": 1, "other_spelling": 1}
    assert "3_Gone_0.jpg" in report.summary()


def test_iiit5k(tmp_path):
    matlab = pytest.importorskip("scipy.io")
    save_word(tmp_path / "train" / "1009_2.png", "green")
    for name, folder, texts_ in (("traindata", "train", ["You", "lost"]), ("testdata", "test", ["None"])):
        records = np.zeros((1, len(texts_)), [(key, object) for key in ("ImgName", "GroundTruth", "smallLexi")])
        for index, text in enumerate(texts_):
            lexicon = np.array([["YOU", "ME"]], object)
            records[0, index] = (f"{folder}/{('1009_2', '1_1')[index]}.png", text, lexicon)
        matlab.savemat(tmp_path / f"{name}.mat", {name: records})
    rows, report = read(tmp_path, "iiit5k")
    assert (texts(rows), colors_of(rows), kinds(report)) == (["You"], ["green"], {"missing_image": 1})
    assert find_format(tmp_path).name == "iiit5k"


def test_cute80(tmp_path):
    save_word(tmp_path / "timage" / "001.jpg", "red")
    save_word(tmp_path / "timage" / "002.jpg", "blue")
    write(tmp_path / "ct80_test.txt", "timage/001.jpg RONALDO 1 RONALDO\ntimage/002.jpg 7 1 7\n")
    rows, _ = read(tmp_path, "cute80")
    assert (texts(rows), colors_of(rows)) == (["RONALDO", "7"], ["red", "blue"])


@pytest.mark.parametrize("folder", ["par1", "."])
def test_svtp(tmp_path, folder):
    save_word(tmp_path / folder / "13_15_0_par.jpg", "green")
    write(tmp_path / "gt.txt", "13_15_0_par.jpg WYNDHAM\n13_15_1_par.jpg HOTEL\n")
    rows, report = read(tmp_path, "svtp")
    assert (texts(rows), colors_of(rows), kinds(report)) == (["WYNDHAM"], ["green"], {"missing_image": 1})


def test_icdar_words_with_coordinates(tmp_path):
    for split, text in (("training", "Genaxis"), ("test", "other")):
        folder = tmp_path / f"ch4_{split}_word_images_gt"
        save_word(folder / "word_1.png", "red", width=40, height=20)
        write(folder / "gt.txt", f'\ufeffword_1.png, "{text}"\r\nword_2.png, "###"\r\n')
        write(folder / "coords.txt", "\ufeffword_1.png,1,2,38,0,39,18,2,19\r\n")
    rows, report = read(tmp_path, "icdar_words")
    assert texts(rows) == ["Genaxis"]
    assert rows[0]["polygon"] == [1, 2, 38, 0, 39, 18, 2, 19]
    assert size_of(rows[0]["image"]) == (40, 20)  # the word image stays as it is
    assert kinds(report) == {"missing_image": 1}
    assert texts(load_word_boxes(tmp_path, split="test")) == ["other"]


def test_icdar_words_with_ground_truth_beside_their_folder(tmp_path):
    save_word(tmp_path / "Challenge2_Test_Task3_Images" / "word_1.png", "blue")
    write(tmp_path / "Challenge2_Test_Task3_GT.txt", 'word_1.png, "Tiredness"\n')
    rows, _ = read(tmp_path, "icdar_words")
    assert (texts(rows), colors_of(rows)) == (["Tiredness"], ["blue"])


def test_mlt_word_images(tmp_path):
    save_word(tmp_path / "word_1.png")
    write(tmp_path / "gt.txt", "word_1.png,Latin,a, b\nword_1.png,Korean,한글\n")
    rows, _ = read(tmp_path, "icdar_words")
    assert texts(rows) == ["a, b", "한글"]


def test_coco_text_word_images(tmp_path):
    save_word(tmp_path / "train_words" / "1001.jpg", "green")
    write(tmp_path / "train_words_gt.txt", "1001,|the, end|\n1002,|lost|\n")
    rows, report = read(tmp_path, "icdar_words")
    assert (texts(rows), colors_of(rows), kinds(report)) == (["the, end"], ["green"], {"missing_image": 1})


@pytest.mark.parametrize("version", ["mmocr-0.x", "mmocr1.0"])
def test_union14m(tmp_path, version):
    save_word(tmp_path / "full_images" / "art_curve" / "1.jpg", "red")
    save_word(tmp_path / "Union14M-Benchmarks" / "artistic" / "imgs" / "2.jpg", "blue")
    for name, text in (("train_easy", "easy"), ("train_hard", "hard"), ("val_annos", "val")):
        image = "full_images/art_curve/1.jpg"
        if version == "mmocr-0.x":
            write(tmp_path / "train_annos" / version / f"{name}.jsonl", json.dumps({"filename": image, "text": text}))
        else:
            data = {"metainfo": {}, "data_list": [{"img_path": image, "instances": [{"text": text}]}]}
            write(tmp_path / "train_annos" / version / f"{name}.json", json.dumps(data))
    line = json.dumps({"filename": "imgs/2.jpg", "text": "art"})
    write(tmp_path / "Union14M-Benchmarks" / "artistic" / "annotation.jsonl", line)
    rows, _ = read(tmp_path, "union14m")
    assert (texts(rows), colors_of(rows)) == (["easy", "hard"], ["red", "red"])
    assert texts(load_word_boxes(tmp_path, split="train_hard")) == ["hard"]
    assert texts(load_word_boxes(tmp_path, split="validation")) == ["val"]
    assert colors_of(load_word_boxes(tmp_path, split="test")) == ["blue"]
    assert texts(load_word_boxes(tmp_path, split="artistic")) == ["art"]


def test_icdar2003_words(tmp_path):
    save_word(tmp_path / "word" / "1" / "1.jpg", "green")
    xml = '<?xml version="1.0" encoding="iso-8859-1"?><imagelist>'
    xml += '<image file="word/1/1.jpg" tag="Caf\xe9 &amp; &quot;5&quot;" /><image file="word/1/2.jpg" tag="" />'
    write(tmp_path / "word.xml", xml + "</imagelist>", "latin-1")
    rows, report = read(tmp_path, "icdar2003")
    assert (texts(rows), colors_of(rows), kinds(report)) == (['Café & "5"'], ["green"], {"empty_label": 1})


# ---------------------------------------------------------------------------------------------------------------------
# Scenes


def tagset(name, with_tags=True, lexicon=False):
    def rectangle(box, text):
        left, top, right, bottom = box
        tag = f"<tag>{text}</tag>" if with_tags else ""
        return (
            f'<taggedRectangle x="{left}.0" y="{top}.0" width="{right - left}.0" height="{bottom - top}.0" '
            f'offset="0.0" rotation="0.0" userName="admin">{tag}</taggedRectangle>'
        )

    boxes = [(RED, "LIVING"), (BLUE, "ROOM"), ((500, 10, 520, 20), "FAR"), ((10, 10, 10, 20), "FLAT")]
    lex = "<lex>LIVING,ROOM,HOTEL</lex>" if lexicon else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><tagset><image><imageName>{name}</imageName>{lex}'
        f'<Resolution x="200" y="100"/><taggedRectangles>{"".join(rectangle(*b) for b in boxes)}'
        "</taggedRectangles></image></tagset>"
    )


def test_svt(tmp_path):
    save_scene(tmp_path / "img" / "14_03.jpg")
    write(tmp_path / "train.xml", tagset("img/14_03.jpg", lexicon=True))
    write(tmp_path / "test.xml", tagset("img/gone.jpg", lexicon=True))
    rows, report = read(tmp_path, "svt")
    assert (texts(rows), colors_of(rows)) == (["LIVING", "ROOM"], ["red", "blue"])
    assert [size_of(row["image"]) for row in rows] == [(60, 20), (100, 30)]
    assert rows[1]["polygon"] == quad(BLUE)
    assert kinds(report) == {"degenerate_box": 2}
    assert "'FAR'" in report.summary()
    report = ReadReport()
    assert len(load_word_boxes(tmp_path, split="test", report=report)) == 0
    assert kinds(report) == {"missing_image": 4}


def test_damaged_xml_is_named(tmp_path):
    save_scene(tmp_path / "img" / "14_03.jpg")
    write(tmp_path / "train.xml", tagset("img/14_03.jpg", lexicon=True)[:-20])
    with pytest.raises(ValueError, match=r"train\.xml is not valid XML"):
        load_word_boxes(tmp_path)


def test_icdar2003_scenes(tmp_path):
    save_scene(tmp_path / "apanar_06.08.2002" / "IMG_1261.JPG")
    write(tmp_path / "words.xml", tagset("apanar_06.08.2002/IMG_1261.JPG"))
    write(tmp_path / "locations.xml", tagset("apanar_06.08.2002/IMG_1261.JPG", with_tags=False))
    rows, report = read(tmp_path, "icdar2003")
    assert (texts(rows), colors_of(rows)) == (["LIVING", "ROOM"], ["red", "blue"])
    (tmp_path / "words.xml").unlink()
    rows, report = read(tmp_path, "icdar2003")
    assert (rows, kinds(report)) == ([], {"dont_care": 4})


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("gt_img_1.txt", ['10, 20, 70, 40, "Tired, ""1"""', '10, 60, 110, 90, "###"', "nonsense"]),
        ("gt_img_1.txt", ['10 20 70 40 "Tired, ""1"""', '10 60 110 90 "###"', "nonsense"]),
    ],
)
def test_icdar2013_scenes(tmp_path, name, lines):
    save_scene(tmp_path / "img_1.jpg")
    for number in range(2, 12):  # one odd line among many
        save_scene(tmp_path / f"img_{number}.jpg")
        write(tmp_path / f"gt_img_{number}.txt", lines[0])
    write(tmp_path / name, "\n".join(lines))
    rows, report = read(tmp_path, "icdar_scenes")
    assert texts(rows) == ['Tired, ""1""'] * 11
    assert (colors_of(rows)[0], size_of(rows[0]["image"])) == ("red", (60, 20))
    assert kinds(report) == {"dont_care": 1, "malformed_annotation": 1}


def test_icdar2015_scenes(tmp_path):
    save_scene(tmp_path / "ch4_training_images" / "img_1.jpg")
    save_scene(tmp_path / "ch4_test_images" / "img_1.jpg", (220, 110))
    quads = [",".join(map(str, quad(box))) for box in BOXES]
    lines = [f"{quads[0]},62-03, 5", f"{quads[1]},###", f"{quads[2]},Theatre"]
    write(tmp_path / "ch4_training_localization_gt" / "gt_img_1.txt", "\ufeff" + "\r\n".join(lines) + "\r\n")
    write(tmp_path / "ch4_test_localization_gt" / "gt_img_1.txt", f"{quads[1]},Test")
    rows, report = read(tmp_path, "icdar_scenes")
    assert (texts(rows), colors_of(rows)) == (["62-03, 5", "Theatre"], ["red", "blue"])
    assert kinds(report) == {"dont_care": 1}
    assert report.tallies["dont_care"].examples == ["ch4_training_images/img_1.jpg#1"]
    rows = list(load_word_boxes(tmp_path, split="test"))
    assert (texts(rows), colors_of(rows)) == (["Test"], ["green"])
    assert rows[0]["image"]["path"] == "ch4_test_images/img_1.jpg#0.jpg"


def test_mlt_and_rctw_scenes(tmp_path):
    numbers = ",".join(map(str, quad(RED)))
    for folder, line in (("mlt", f"{numbers},Latin,a,b"), ("rctw", f'{numbers},1,"a,b"')):
        save_scene(tmp_path / folder / "tr_img_00001.jpg")
        write(tmp_path / folder / "tr_img_00001.txt", line)
        rows, _ = read(tmp_path / folder, "icdar_scenes")
        assert (texts(rows), colors_of(rows)) == (["a,b"], ["red"])


def test_unreadable_and_missing_scenes_are_counted(tmp_path):
    numbers = ",".join(map(str, quad(RED)))
    for number in range(4):
        write(tmp_path / f"gt_img_{number}.txt", f"{numbers},one\n{numbers},two")
    save_scene(tmp_path / "img_0.jpg")
    (tmp_path / "img_1.jpg").write_bytes(save_scene(tmp_path / "whole.jpg").read_bytes()[:400])
    (tmp_path / "img_2.jpg").write_bytes(b"this is no image")
    rows, report = read(tmp_path, "icdar_scenes")
    assert texts(rows) == ["one", "two"]
    assert kinds(report) == {"unreadable_image": 4, "missing_image": 2}


def test_synthtext(tmp_path):
    matlab = pytest.importorskip("scipy.io")
    save_scene(tmp_path / "8" / "ballet_1.jpg")
    names, boxes, lines = (np.zeros((1, 4), object) for _ in range(3))
    corners = [np.array(points(box), float).T for box in BOXES]  # (2, 4) each
    for index, (found, text) in enumerate(
        [
            (np.stack(corners, axis=2), ["the quick  ", " brown"]),
            (corners[1], ["alone"]),  # MATLAB drops a last axis of one
            (np.stack(corners, axis=2), ["two words"]),
            (corners[2], ["gone"]),
        ]
    ):
        name = "8/gone.jpg" if text == ["gone"] else "8/ballet_1.jpg"
        names[0, index], boxes[0, index] = np.array([name]), found
        lines[0, index] = np.array([" the \n quick ", "brown"] if index == 0 else text)
    matlab.savemat(tmp_path / "gt.mat", {"imnames": names, "wordBB": boxes, "txt": lines})
    rows, report = read(tmp_path, "synthtext")
    assert texts(rows) == ["the", "quick", "brown", "alone"]
    assert colors_of(rows) == ["red", "green", "blue", "green"]
    assert kinds(report) == {"malformed_annotation": 1, "missing_image": 1}


@pytest.mark.parametrize("version", [1, 2])
def test_coco_text(tmp_path, version):
    save_scene(tmp_path / "train2014" / "COCO_train2014_000000522579.jpg")
    outline = {1: "polygon", 2: "mask"}[version]
    left, top, right, bottom = BLUE
    words = {
        "1": {
            "image_id": 7,
            "bbox": [10, 20, 60, 20],
            outline: quad(RED),
            "utf8_string": "the",
            "legibility": "legible",
        },
        "2": {"image_id": 7, "bbox": [1, 1, 5, 5], outline: quad(GREEN), "legibility": "illegible"},
        "3": {
            "image_id": 7,
            "bbox": [left, top, right - left, bottom - top],
            "utf8_string": "box",
            "legibility": "legible",
        },
        "4": {"image_id": 8, "bbox": [10, 20, 60, 20], "utf8_string": "val", "legibility": "legible"},
    }
    name = "COCO_train2014_000000522579.jpg"
    images = {str(i): {"id": i, "file_name": name, "set": s} for i, s in ((7, "train"), (8, "val"))}
    data = {"cats": {}, "anns": words, "imgs": images, "imgToAnns": {}, "info": {}}
    write(tmp_path / ("COCO_Text.json" if version == 1 else "cocotext.v2.json"), json.dumps(data))
    rows, report = read(tmp_path, "coco_text")
    assert (texts(rows), colors_of(rows), kinds(report)) == (["the", "box"], ["red", "blue"], {"dont_care": 1})
    assert texts(load_word_boxes(tmp_path, split="validation")) == ["val"]


def test_text_ocr_and_openvino(tmp_path):
    save_scene(tmp_path / "ocr" / "train_images" / "a1.jpg")
    words = {"a1_1": {"image_id": "a1", "bbox": [0, 0, 1, 1], "points": quad(RED), "utf8_string": "the"}}
    words["a1_2"] = {"image_id": "a1", "bbox": [0, 0, 1, 1], "points": quad(GREEN), "utf8_string": "."}
    images = {"a1": {"id": "a1", "file_name": "train/a1.jpg", "set": "train"}}
    write(tmp_path / "ocr" / "TextOCR_0.1_train.json", json.dumps({"imgs": images, "anns": words}))
    rows, report = read(tmp_path / "ocr", "coco_text")
    assert (texts(rows), colors_of(rows), kinds(report)) == (["the"], ["red"], {"dont_care": 1})

    save_scene(tmp_path / "vino" / "train_1" / "b.jpg")
    word = {"id": 1, "image_id": 3, "bbox": [0, 0, 5, 5], "segmentation": [quad(BLUE)]}
    word["attributes"] = {"transcription": "vino", "legible": True}
    data = {"info": {}, "images": [{"id": 3, "file_name": "train_1/b.jpg"}], "annotations": [word]}
    write(tmp_path / "vino" / "text_spotting_openimages_v5_train_1.json", json.dumps(data))
    rows, _ = read(tmp_path / "vino", "coco_text")
    assert (texts(rows), colors_of(rows)) == (["vino"], ["blue"])


@pytest.mark.parametrize("kind", ["txt", "mat"])
def test_total_text(tmp_path, kind):
    save_scene(tmp_path / "Images" / "Train" / "img11.jpg")
    save_scene(tmp_path / "Images" / "Test" / "img1.jpg")
    outline = np.array([[10, 60], [60, 60], [110, 60], [110, 90], [60, 90], [10, 90]])
    folder = tmp_path / "Groundtruth" / "Polygon" / "Train"
    if kind == "txt":
        x, y = (" ".join(map(str, values)) for values in outline.T)
        lines = [f"x: [[{x}]], y: [[{y}]], ornt: [u'c'], transcriptions: [u'PAUL']"]
        # numpy breaks long rows, and pads numbers
        lines += [f"x: [[ {x[:6]}\n {x[6:]}]], y: [[{y}]], ornt: [u'm'], transcriptions: [u\"It's \\u00e9\"]"]
        lines += [f"x: [[{x}]], y: [[{y}]], ornt: [u'#'], transcriptions: [u'#']"]
        lines += ["x: [[1 2]], y: [[1]], ornt: [u'c'], transcriptions: [u'a']"]
        write(folder / "poly_gt_img11.txt", "\n".join(lines))
        expected = {"dont_care": 1, "malformed_annotation": 1}
    else:
        matlab = pytest.importorskip("scipy.io")
        rows = np.zeros((3, 6), object)
        for index, text in enumerate(("PAUL", "It's é", "#")):
            values = "x:", outline[None, :, 0], "y:", outline[None, :, 1], np.array([text]), np.array(["c"])
            for column, value in enumerate(values):
                rows[index, column] = value
        folder.mkdir(parents=True)
        matlab.savemat(folder / "poly_gt_img11.mat", {"polygt": rows})
        expected = {"dont_care": 1}
    rows, report = read(tmp_path, "total_text")
    assert (texts(rows), colors_of(rows)) == (["PAUL", "It's é"], ["blue", "blue"])
    assert rows[0]["polygon"] == outline.ravel().tolist()
    assert size_of(rows[0]["image"]) == (100, 30)
    assert kinds(report) == expected


def test_art_and_lsvt(tmp_path):
    save_scene(tmp_path / "train_images" / "gt_0.jpg")
    words = [{"transcription": "URDER", "points": points(RED), "language": "Latin", "illegibility": False}]
    words += [{"transcription": "###", "points": points(GREEN), "illegibility": True}]
    write(tmp_path / "train_labels.json", json.dumps({"gt_0": words, "gt_1": words[:1]}))
    rows, report = read(tmp_path, "art")
    assert (texts(rows), colors_of(rows)) == (["URDER"], ["red"])
    assert kinds(report) == {"dont_care": 1, "missing_image": 1}


def test_rects(tmp_path):
    save_scene(tmp_path / "img" / "train_ReCTS_000001.jpg")
    lines = [{"ignore": 0, "transcription": "HOKI", "points": quad(BLUE)}]
    lines += [{"ignore": 1, "transcription": "x", "points": quad(RED)}]
    data = {"chars": [{"ignore": 0, "transcription": "H", "points": quad(RED)}], "lines": lines}
    write(tmp_path / "gt" / "train_ReCTS_000001.json", json.dumps(data))
    rows, report = read(tmp_path, "rects")
    assert (texts(rows), colors_of(rows), kinds(report)) == (["HOKI"], ["blue"], {"dont_care": 1})


def test_hiertext(tmp_path):
    save_scene(tmp_path / "train" / "a1.jpg")
    words = [
        {"vertices": points(GREEN), "text": "hi", "legible": True},
        {"vertices": points(RED), "text": "", "legible": False},
    ]
    photo = {"image_id": "a1", "paragraphs": [{"lines": [{"words": words}]}]}
    write(tmp_path / "gt" / "train.jsonl", json.dumps({"info": {}, "annotations": [photo]}))
    rows, report = read(tmp_path, "hiertext")
    assert (texts(rows), colors_of(rows), kinds(report)) == (["hi"], ["green"], {"dont_care": 1})


def test_uber_text(tmp_path):
    save_scene(tmp_path / "train" / "1Kx1K" / "img_7.jpg")
    numbers = " ".join(map(str, quad(GREEN)))
    write(tmp_path / "train" / "1Kx1K" / "truth_img_7.txt", f"{numbers}\tMain St\tStreetName\n")
    rows, _ = read(tmp_path, "uber_text")
    assert (texts(rows), colors_of(rows)) == (["Main St"], ["green"])


# ---------------------------------------------------------------------------------------------------------------------
# Tables


def table(tmp_path, texts_=("one", "two")):
    datasets = pytest.importorskip("datasets")
    images = [{"bytes": word_bytes(color), "path": None} for color in ("red", "blue")]
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.Value("string"), "id": datasets.Value("int32")}
    )
    return datasets.Dataset.from_dict({"image": images, "label": list(texts_), "id": [1, 2]}, features=features)


@pytest.mark.parametrize("layout", ["file", "folder", "saved", "saved_dict", "arrow"])
@pytest.mark.parametrize("streaming", [False, True])
def test_tables(tmp_path, layout, streaming):
    datasets = pytest.importorskip("datasets")
    path = tmp_path / "words"
    if layout == "file":
        path = tmp_path / "words.parquet"
        table(tmp_path).to_parquet(path)
    elif layout == "folder":
        (path / "data").mkdir(parents=True)
        table(tmp_path).to_parquet(path / "data" / "train-00000-of-00001.parquet")
        table(tmp_path, ("x", "y")).to_parquet(path / "data" / "test-00000-of-00001.parquet")
    elif layout == "saved_dict":
        datasets.DatasetDict(train=table(tmp_path), test=table(tmp_path, ("x", "y"))).save_to_disk(path)
    else:
        table(tmp_path).save_to_disk(path)
        path = next(path.glob("*.arrow")) if layout == "arrow" else path
    words = load_word_boxes(path, streaming=streaming)
    rows = list(words)
    assert (texts(rows), colors_of(rows)) == (["one", "two"], ["red", "blue"])
    assert set(rows[0]) == {"image", "text"}
    assert words.features["image"] == datasets.Image(decode=False)
    if layout in ("folder", "saved_dict"):
        assert texts(load_word_boxes(path, split="test", streaming=streaming)) == ["x", "y"]


def test_empty_texts_of_tables_are_reported(tmp_path):
    table(tmp_path, ("one", " ")).to_parquet(tmp_path / "words.parquet")
    rows, report = read(tmp_path / "words.parquet", "datasets")
    assert (texts(rows), kinds(report)) == (["one"], {"empty_label": 1})
    assert texts(load_word_boxes(tmp_path, streaming=True)) == ["one"]


def test_a_table_without_text_is_an_error(tmp_path):
    table(tmp_path).remove_columns("label").to_parquet(tmp_path / "words.parquet")
    with pytest.raises(ValueError, match="it needs an image column and one of text"):
        load_word_boxes(tmp_path)


# ---------------------------------------------------------------------------------------------------------------------


def test_every_reader_has_a_test():
    tested = {"datasets", "iiit5k", "mjsynth", "synthtext", "union14m", "lmdb", "icdar2003", "svt", "cute80", "svtp"}
    tested |= {"icdar_words", "total_text", "uber_text", "icdar_scenes", "rects", "art", "coco_text", "hiertext"}
    assert set(DATASET_FORMATS) == tested | {"imagefolder", "label_pairs", "labels"} | {
        *("gt_txt", "text_pairs", "json_labels", "file_names", "folder_per_label")  # test_label_layouts.py
    }


def test_gray_scenes_stay_gray(tmp_path):
    Image.fromarray(np.zeros((50, 90), np.uint8)).save(tmp_path / "img_1.png")
    write(tmp_path / "gt_img_1.txt", "1,2,30,4,28,20,2,18,slanted")
    rows, _ = read(tmp_path, "icdar_scenes")
    with Image.open(io.BytesIO(rows[0]["image"]["bytes"])) as image:
        assert (image.mode, image.format) == ("L", "PNG")
