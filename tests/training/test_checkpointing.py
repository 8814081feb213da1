# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""A checkpoint is whole or it does not count."""

import json
import os

import pytest

from hf_str.training import BestCheckpoint, CheckpointError, last_complete_checkpoint
from hf_str.training.checkpointing import (
    changed_settings,
    completed,
    keep_newest,
    label_fingerprints,
    mark_complete,
    replace_folder,
    why_incomplete,
)
from hf_str.utils.atomic_writes import write_json


def checkpoint(folder, step, content=b"weights"):
    with completed(folder / f"checkpoint-{step}") as new:
        (new / "model.bin").write_bytes(content)
        (new / "more").mkdir()
        (new / "more" / "state.bin").write_bytes(content[::-1])
    return folder / f"checkpoint-{step}"


def cut(folder):
    os.truncate(folder / "model.bin", 3)


def flip(folder):
    (folder / "model.bin").write_bytes(b"wEights")


def lose(folder):
    (folder / "more" / "state.bin").unlink()


def never_end(folder):
    (folder / "complete.json").unlink()


def scramble(folder):
    (folder / "complete.json").write_text("{")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (cut, "model.bin is damaged"),
        (flip, "model.bin is damaged"),
        (lose, "more/state.bin is missing"),
        (never_end, "not written to its end"),
        (scramble, "complete.json is damaged"),
    ],
)
def test_a_damaged_last_checkpoint_is_skipped(tmp_path, caplog, damage, reason):
    good, last = checkpoint(tmp_path, 90), checkpoint(tmp_path, 100)
    assert last_complete_checkpoint(tmp_path) == last
    damage(last)
    assert last_complete_checkpoint(tmp_path) == good
    message = caplog.records[-1].getMessage()
    assert "checkpoint-100" in message and reason in message


def test_no_checkpoint(tmp_path):
    assert last_complete_checkpoint(tmp_path) is None
    assert last_complete_checkpoint(tmp_path / "nowhere") is None
    (tmp_path / "checkpoint-final").mkdir()
    (tmp_path / "checkpoint-5").write_text("a file")
    assert last_complete_checkpoint(tmp_path) is None


def test_a_write_that_fails_leaves_the_previous_one(tmp_path):
    good = checkpoint(tmp_path, 1)
    with pytest.raises(CheckpointError, match=r"checkpoint-2: .*No space left.*resume from .*checkpoint-1"):  # noqa: SIM117
        with completed(tmp_path / "checkpoint-2") as new:
            (new / "model.bin").write_bytes(b"half")
            raise OSError(28, "No space left on device")
    assert not (tmp_path / "checkpoint-2").exists()
    assert why_incomplete(good) is None
    with pytest.raises(CheckpointError, match="there is no earlier one"), completed(tmp_path / "new" / "checkpoint-1"):
        raise RuntimeError("x")


def test_half_a_checkpoint_is_written_anew(tmp_path):
    half = tmp_path / "checkpoint-3"
    half.mkdir()
    (half / "left_over.bin").write_bytes(b"x")
    checkpoint(tmp_path, 3)
    assert not (half / "left_over.bin").exists()
    assert why_incomplete(half) is None
    (half / "later.bin").write_bytes(b"x")
    mark_complete(half)
    assert "later.bin" in json.loads((half / "complete.json").read_text())["files"]


def test_only_the_main_process_declares_it_whole(tmp_path):
    waits = []
    checkpoint(tmp_path, 1)
    with completed(tmp_path / "checkpoint-2", is_main_process=False, wait=lambda: waits.append(1)) as folder:
        folder.mkdir()
    assert why_incomplete(folder) == "it was not written to its end"
    assert len(waits) == 2


def test_keep_newest(tmp_path):
    for step in (5, 10, 100, 20):
        checkpoint(tmp_path, step)
    keep_newest(tmp_path, None)
    assert len(list(tmp_path.iterdir())) == 4
    keep_newest(tmp_path, 2)
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint-20", "checkpoint-100"}


def test_best_checkpoint(tmp_path):
    best = BestCheckpoint(tmp_path / "best")
    assert best.evaluation is None

    def offer(step, accuracy, similarity=0.0):
        metrics = {"word_accuracy": accuracy, "one_minus_ned": similarity}
        return best.offer(step, metrics, lambda folder: (folder / "model.txt").write_text(str(step)))

    assert [offer(1, 0.5), offer(2, 0.4), offer(3, 0.5), offer(4, 0.6), offer(5, 0.6, 0.1)] == [1, 0, 0, 1, 1]
    assert (tmp_path / "best" / "model.txt").read_text() == "5"
    again = BestCheckpoint(tmp_path / "best")
    assert again.evaluation == {"step": 5, "metrics": {"word_accuracy": 0.6, "one_minus_ned": 0.1}}
    with pytest.raises(CheckpointError, match="best model"):
        best.offer(6, {"word_accuracy": 0.9}, lambda folder: (folder / "no" / "such").write_text(""))
    assert (tmp_path / "best" / "model.txt").read_text() == "5"
    with pytest.raises(KeyError, match="word_accuracy"):
        best.offer(7, {"cer": 1.0}, print)


def test_best_checkpoint_by_error_rate(tmp_path):
    best = BestCheckpoint(tmp_path / "best", "cer")
    assert [best.offer(step, {"cer": cer}, lambda _: None) for step, cer in enumerate((0.5, 0.6, 0.4))] == [1, 0, 1]


def test_replace_folder_survives_a_kill_between_its_renames(tmp_path):
    (tmp_path / "best.old").mkdir()
    (tmp_path / "best.old" / "model.txt").write_text("old")
    with pytest.raises(RuntimeError), replace_folder(tmp_path / "best"):
        raise RuntimeError
    assert (tmp_path / "best" / "model.txt").read_text() == "old"
    with replace_folder(tmp_path / "best") as new:
        (new / "model.txt").write_text("new")
    assert (tmp_path / "best" / "model.txt").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["best"]


def test_changed_settings(tmp_path):
    path = tmp_path / "run" / "run.json"
    assert changed_settings(path, {"seed": 1, "lr": 0.1}) == []
    assert changed_settings(path, {"seed": 1, "lr": 0.2, "new": 3}) == ["lr: 0.1 -> 0.2"]
    path.write_text("{")
    assert changed_settings(path, {"seed": 1}) == []
    write_json(path, {"é": 1})
    assert "é" in path.read_text(encoding="utf-8")


def test_edited_labels_are_noticed_on_resumption(tmp_path):
    before, after = (label_fingerprints({"mine": ["one", text]}) for text in ("two", "three"))
    assert changed_settings(tmp_path / "run.json", before) == []
    assert changed_settings(tmp_path / "run.json", before) == []
    (change,) = changed_settings(tmp_path / "run.json", after)
    assert change.startswith("labels of mine: ")
    assert label_fingerprints({"mine": ["ab", "c"]}) != label_fingerprints({"mine": ["a", "bc"]})
