# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""load_word_boxes: detection, errors, cache, streaming; and the package's lightness."""

import json
import subprocess
import sys

import pytest

from hf_str.data import DATASET_FORMATS, ReadReport, WordBox, load_word_boxes, read_word_folder
from tests.data.archives import BOXES, colors_of, quad, save_scene, save_word


def words_folder(path, texts=("one", "two")):
    for number, _ in enumerate(texts):
        save_word(path / "images" / f"{number}.png", ("red", "blue")[number % 2])
    (path / "labels.tsv").write_text("".join(f"images/{n}.png\t{t}\n" for n, t in enumerate(texts)), encoding="utf-8")
    return path


def texts(rows):
    return [row["text"] for row in rows]


def test_importing_the_package_is_light():
    code = (
        "import sys, hf_str; before = set(sys.modules);"
        "from hf_str.data import WordBox, read_word_folder, ReadReport;"
        "print(sorted({'datasets', 'cv2', 'scipy', 'lmdb', 'pyarrow'} & (set(sys.modules) - before)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_read_word_folder(tmp_path):
    folder = words_folder(tmp_path)
    assert read_word_folder(folder)[1] == WordBox(folder / "images/1.png", "two")
    (folder / "labels.tsv").write_text("images/0.png\n")
    with pytest.raises(ValueError, match="line 1: expected an image path, a tab and a text"):
        read_word_folder(folder)


def test_columns(tmp_path):
    datasets = pytest.importorskip("datasets")
    words = load_word_boxes(str(words_folder(tmp_path / "mine")))
    assert words.features["image"] == datasets.Image(decode=False)
    assert words[0]["source"] == "mine"
    assert words[0]["polygon"] is None
    decoded = words.cast_column("image", datasets.Image())
    assert decoded[1]["image"].getpixel((3, 3)) == (30, 30, 220)


def test_a_report_of_several_sources_logs_the_counts_of_each(tmp_path, caplog):
    pytest.importorskip("datasets")
    report = ReadReport()
    for name in ("first", "second"):
        load_word_boxes(words_folder(tmp_path / name, ["one", ""]), report=report)
    assert (report.rows, report.words, report.left_out) == (4, 2, 2)
    assert [message.partition(": ")[2].partition("\n")[0] for message in caplog.messages] == [
        "2 rows in the annotations: 1 words read, 1 left out"
    ] * 2


def test_a_folder_of_archives(tmp_path):
    words_folder(tmp_path / "first")
    save_scene(tmp_path / "second" / "img_1.jpg")
    (tmp_path / "second" / "gt_img_1.txt").write_text(",".join(map(str, quad(BOXES[0]))) + ",three")
    (tmp_path / "neither").mkdir()
    rows = list(load_word_boxes(tmp_path))
    assert texts(rows) == ["one", "two", "three"]
    assert [row["source"] for row in rows] == ["first", "first", "second"]


def test_a_split_may_be_a_folder(tmp_path):
    words_folder(tmp_path / "holdout", ("x",))
    words_folder(tmp_path / "other", ("y",))
    assert texts(load_word_boxes(tmp_path, split="holdout")) == ["x"]


def test_nothing_there():
    with pytest.raises(FileNotFoundError, match="no file or folder 'nowhere/at/all'"):
        load_word_boxes("nowhere/at/all")


@pytest.mark.parametrize("streaming", [False, True])
def test_data_sets_on_the_hub(monkeypatch, streaming):
    datasets = pytest.importorskip("datasets")
    asked = []

    def load_dataset(name, config, streaming):
        asked.append((name, config, streaming))
        if name == "nobody/nothing":
            raise ConnectionError("offline")
        table = datasets.Dataset.from_dict({"image": [b"x", b"y"], "text": ["one", "two"]})
        return {"train": table.to_iterable_dataset() if streaming else table}

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert texts(load_word_boxes("user/words:latin", streaming=streaming)) == ["one", "two"]
    assert asked == [("user/words", "latin", streaming)]
    with pytest.raises(FileNotFoundError, match=r"nobody/nothing.*on the Hub it cannot be loaded: offline"):
        load_word_boxes("nobody/nothing", streaming=streaming)


def test_unknown_layouts_list_what_was_looked_for(tmp_path):
    (tmp_path / "notes.md").write_text("hello")
    with pytest.raises(ValueError, match=r"no word boxes are recognized.*It has notes\.md") as caught:
        load_word_boxes(tmp_path)
    assert all(name in str(caught.value) for name in DATASET_FORMATS)
    with pytest.raises(ValueError, match=r"(?s)there is no format 'mjsinth'.*mjsynth") as caught:
        load_word_boxes(tmp_path, format="mjsinth")
    with pytest.raises(ValueError, match=r"(?s)does not look like lmdb.*data\.mdb"):
        load_word_boxes(words_folder(tmp_path / "words"), format="lmdb")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe\x00\x01" * 50])
def test_label_files_of_nothing(tmp_path, content):
    (tmp_path / "labels.tsv").write_bytes(content)
    with pytest.raises(ValueError, match="no word boxes are recognized"):
        load_word_boxes(tmp_path)


def test_the_cache_follows_the_annotations(tmp_path):
    folder = words_folder(tmp_path)
    first = load_word_boxes(folder)
    again = load_word_boxes(folder)
    assert first.cache_files == again.cache_files
    words_folder(folder, ("new", "words", "here"))
    assert texts(load_word_boxes(folder)) == ["new", "words", "here"]


def test_images_that_were_missing_are_looked_for_again(tmp_path):
    folder = words_folder(tmp_path)
    image = folder / "images" / "0.png"
    data = image.read_bytes()
    image.unlink()
    report = ReadReport()
    assert texts(load_word_boxes(folder, report=report)) == ["two"]
    assert report.left_out == 1
    image.write_bytes(data)
    assert texts(load_word_boxes(folder)) == ["one", "two"]


def test_the_report_comes_from_the_cache_too(tmp_path):
    folder = words_folder(tmp_path, ("one", ""))
    reports = [ReadReport(), ReadReport()]
    for report in reports:
        load_word_boxes(folder, report=report)
    assert reports[0] == reports[1]
    assert reports[1].left_out == 1


@pytest.mark.parametrize("count", [1, 3, 5, 200])
def test_streaming_has_a_power_of_two_shards(tmp_path, count):
    datasets = pytest.importorskip("datasets")
    names = [f"word{number}" for number in range(count)]
    stream = load_word_boxes(words_folder(tmp_path, names), streaming=True)
    assert isinstance(stream, datasets.IterableDataset)
    assert stream.num_shards in (1, 2, 4, 64)
    assert texts(stream) == names
    assert stream.features["image"] == datasets.Image(decode=False)
    shards = [stream.shard(stream.num_shards, index) for index in range(stream.num_shards)]
    assert sorted(text for shard in shards for text in texts(shard)) == sorted(names)


def test_streaming_over_many_sources_and_loader_workers(tmp_path):
    torch_data = pytest.importorskip("torch.utils.data")
    words_folder(tmp_path / "a", ("1", "2", "3"))
    words_folder(tmp_path / "b", ("4", "5", "6", "7"))
    stream = load_word_boxes(tmp_path, streaming=True).select_columns("text")
    loader = torch_data.DataLoader(stream, batch_size=None, num_workers=2)
    assert sorted(row["text"] for row in loader) == list("1234567")


def test_streaming_cuts_scenes(tmp_path):
    save_scene(tmp_path / "img_1.jpg")
    lines = [f"{','.join(map(str, quad(box)))},{text}" for box, text in zip(BOXES, "abc", strict=True)]
    (tmp_path / "gt_img_1.txt").write_text("\n".join(lines))
    rows = list(load_word_boxes(tmp_path, streaming=True))
    assert (texts(rows), colors_of(rows)) == (["a", "b", "c"], ["red", "green", "blue"])


def test_reports():
    report = ReadReport(words=3)
    for number in range(100):
        report.count("empty_label", f"word_{number}")
    report.count("irregular_box", "img_1#2")
    assert report.left_out == 100  # an irregular box is read all the same
    assert len(report.tallies["empty_label"].examples) == 20
    copy = ReadReport.from_dict(json.loads(json.dumps(report.to_dict())))
    assert copy == report
    copy.merge(report)
    assert (copy.words, copy.left_out) == (6, 200)
    assert "200 words without a text: word_0, word_1, word_2, word_3, word_4, ..." in copy.summary()
    with pytest.raises(KeyError, match="bad_luck"):
        report.count("bad_luck", "x")


def test_labels_are_composed_in_every_layout(tmp_path):
    """An accent as a character of its own, as macOS and some keyboards write it, is the letter with the accent."""
    datasets = pytest.importorskip("datasets")
    decomposed = "cre\u0301me bru\u0302le\u0301e"
    folder = words_folder(tmp_path / "labels", [decomposed])
    table = datasets.Dataset.from_dict({"image": [str(folder / "images" / "0.png")] * 2, "text": [decomposed, "  "]})
    table.cast_column("image", datasets.Image()).save_to_disk(str(tmp_path / "saved"))
    for source in (folder, tmp_path / "saved"):
        for streaming in (False, True):
            words = load_word_boxes(source, streaming=streaming)
            assert [row["text"] for row in words] == ["créme brûlée"]
            assert words.features["image"].decode is False


def test_labels_of_a_word_folder_are_composed(tmp_path):
    boxes = read_word_folder(words_folder(tmp_path / "words", ["cre\u0301me"]))
    assert [box.text for box in boxes] == ["créme"]


def test_the_former_name_of_the_formats_keeps_working():
    import hf_str.data

    with pytest.warns(FutureWarning, match="DATASET_FORMATS"):
        assert hf_str.data.READERS is DATASET_FORMATS
