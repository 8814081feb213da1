# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Parquet shards: bytes as they are, resumable, evenly divided, nothing mixed and nothing lost."""

import json

import pytest

from hf_str.data import ReadReport, load_word_boxes
from hf_str.data.preparation import (
    Preparation,
    SettingsChangedError,
    default_num_shards,
    prepare_word_boxes,
    shard_path,
)
from tests.data.archives import BOXES, quad, save_scene, save_word


pq = pytest.importorskip("pyarrow.parquet")


def make_words(folder, count, prefix="w"):
    lines = []
    for number in range(count):
        save_word(folder / f"{number}.png", ("red", "blue")[number % 2])
        lines.append(f"{number}.png\t{prefix}{number}")
    (folder / "labels.tsv").write_text("\n".join(lines), encoding="utf-8")
    return folder


def prepare(preparation, **kwargs):
    report = ReadReport()
    for progress in prepare_word_boxes(preparation, **kwargs):
        report.merge(progress.report)
    return report


def texts(folder):
    return [row["text"] for row in load_word_boxes(folder)]


@pytest.mark.parametrize("items", [1, 7, 500, 160_000, 160_001, 10_000_000])
def test_default_shard_counts_are_powers_of_two(items):
    count = default_num_shards(items)
    assert count >= 8
    assert count & (count - 1) == 0
    assert items / count <= 20_000


def test_images_keep_their_bytes_names_and_order(tmp_path):
    source = make_words(tmp_path / "words", 20)
    report = prepare(Preparation((str(source),), tmp_path / "out"))
    assert (report.words, report.left_out) == (20, 0)
    assert len(list((tmp_path / "out").glob("*.parquet"))) == 8
    rows = list(load_word_boxes(tmp_path / "out"))
    assert [row["text"] for row in rows] == [f"w{number}" for number in range(20)]
    assert rows[3]["image"] == {"bytes": (source / "3.png").read_bytes(), "path": "3.png"}
    assert rows[3]["source"] == "words"


def test_shards_load_as_images_without_this_package(tmp_path):
    datasets = pytest.importorskip("datasets")
    prepare(Preparation((str(make_words(tmp_path / "words", 3)),), tmp_path / "out", num_shards=2))
    rows = datasets.load_dataset("parquet", data_files=str(tmp_path / "out" / "*.parquet"), split="train")
    assert rows[1]["image"].getpixel((1, 1)) == (30, 30, 220)
    sizes = [pq.read_metadata(path).num_rows for path in sorted((tmp_path / "out").glob("*.parquet"))]
    assert sizes == [1, 2]


def test_a_stopped_run_goes_on_and_finished_shards_stay(tmp_path):
    preparation = Preparation((str(make_words(tmp_path / "words", 40)),), tmp_path / "out")
    run = prepare_word_boxes(preparation)
    next(run), next(run), next(run)  # the annotations' report and two shards
    run.close()
    (tmp_path / "out" / "words-00002-of-00008.77.tmp").write_bytes(b"half a shard")
    first = shard_path(tmp_path / "out", 0, 8)
    before = first.stat().st_mtime_ns
    assert len(list((tmp_path / "out").glob("*.parquet"))) == 2
    report = prepare(preparation)
    assert report.words == 40  # with those of the first run
    assert first.stat().st_mtime_ns == before
    assert texts(tmp_path / "out") == [f"w{number}" for number in range(40)]
    assert not list((tmp_path / "out").glob("*.tmp"))


def test_what_is_left_out_is_known_after_a_second_run_too(tmp_path):
    source = make_words(tmp_path / "words", 9)
    (source / "4.png").unlink()
    preparation = Preparation((str(source),), tmp_path / "out")
    reports = [prepare(preparation), prepare(preparation)]
    assert reports[0] == reports[1]
    assert reports[0].tallies["missing_image"].examples == ["4.png"]


def test_shards_of_other_settings_are_not_mixed(tmp_path):
    source = make_words(tmp_path / "words", 4)
    preparation = Preparation((str(source),), tmp_path / "out", num_shards=2)
    prepare(preparation)
    with pytest.raises(SettingsChangedError, match="other num_shards"):
        prepare(Preparation((str(source),), tmp_path / "out", num_shards=4))
    with pytest.raises(SettingsChangedError, match="other sources"):
        prepare(Preparation((str(make_words(tmp_path / "more", 4)),), tmp_path / "out", num_shards=2))
    make_words(source, 5)
    with pytest.raises(SettingsChangedError, match="other annotations"):
        prepare(preparation)
    assert json.loads((tmp_path / "out" / "settings.json").read_text())["formats"] == ["labels"]


def test_scenes_are_cut_and_sources_are_joined(tmp_path):
    words = make_words(tmp_path / "words", 3)
    save_scene(tmp_path / "scenes" / "img_1.jpg")
    lines = [f"{','.join(map(str, quad(box)))},{text}" for box, text in zip(BOXES, ("a", "###", "c"), strict=True)]
    (tmp_path / "scenes" / "gt_img_1.txt").write_text("\n".join(lines))
    report = prepare(Preparation((str(words), str(tmp_path / "scenes")), tmp_path / "out"))
    rows = list(load_word_boxes(tmp_path / "out"))
    assert [row["text"] for row in rows] == ["w0", "w1", "w2", "a", "c"]
    assert rows[3]["polygon"] == quad(BOXES[0])
    assert rows[0]["polygon"] is None
    assert (report.words, report.left_out) == (5, 1)


def test_shuffled_words_are_all_there(tmp_path):
    sources = tuple(str(make_words(tmp_path / name, 30, name)) for name in "ab")
    prepare(Preparation(sources, tmp_path / "out", shuffle=1))
    found = texts(tmp_path / "out")
    assert sorted(found) == sorted(f"{name}{number}" for name in "ab" for number in range(30))
    assert len({text[0] for text in found[:10]}) == 2
    assert pq.read_metadata(shard_path(tmp_path / "out", 0, 8)).num_row_groups == 1
    assert {row["source"] for row in load_word_boxes(tmp_path / "out") if row["text"][0] == "b"} == {"b"}
    prepare(Preparation(sources, tmp_path / "again", shuffle=1))
    assert texts(tmp_path / "again") == found


def test_two_processes_write_the_same(tmp_path):
    source = make_words(tmp_path / "words", 20)
    prepare(Preparation((str(source),), tmp_path / "one"))
    report = prepare(Preparation((str(source),), tmp_path / "two"), num_proc=2)
    assert report.words == 20
    assert texts(tmp_path / "one") == texts(tmp_path / "two")


def test_data_sets_on_the_hub_can_be_prepared(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_dict({"image": [b"x", b"y"], "text": ["one", "two"]})
    with monkeypatch.context() as patched:
        patched.setattr(datasets, "load_dataset", lambda *args, **kwargs: {"train": table})
        prepare(Preparation(("user/words",), tmp_path / "out", num_shards=1))
    rows = list(load_word_boxes(tmp_path / "out"))
    assert [(row["image"]["bytes"], row["text"], row["source"]) for row in rows] == [
        (b"x", "one", "user/words"),
        (b"y", "two", "user/words"),
    ]


def test_tables_can_be_prepared_again(tmp_path):
    source = make_words(tmp_path / "words", 5)
    prepare(Preparation((str(source),), tmp_path / "one"))
    prepare(Preparation((str(tmp_path / "one"),), tmp_path / "two", num_shards=1))
    assert texts(tmp_path / "two") == texts(tmp_path / "one")
