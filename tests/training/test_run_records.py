# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What a run says of itself: the utilization of its device, its log and its curves."""

import json
import time

import pytest

from hf_str.training.curves import RunLog, write_curves
from hf_str.training.device_utilization import DeviceUtilization


@pytest.mark.parametrize(
    "damage",
    [
        b'{"step": 1, "min',
        b'5\n[1]\n"x"\nnull\n{"step": "a", "minutes": 1}\n{"step": 0, "minutes": null}\n',
        b'{"step": 0, "minutes": 0.5, "loss": "low"}\n\xff\xfe\n',
    ],
)
def test_a_damaged_log_loses_only_what_is_damaged(damage, tmp_path):
    good = {"step": 1, "minutes": 2.0, "loss": 3.0}
    (tmp_path / "log.jsonl").write_bytes(json.dumps(good).encode() + b"\n" + damage)
    RunLog(tmp_path, first_step=1).add(2, {"word_accuracy": 0.5})
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries] == [1, 2]
    assert entries[0] == good
    assert "<svg" in (tmp_path / "curves.html").read_text()


def test_device_utilization(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    meter = DeviceUtilization("cpu")
    for _ in range(3):
        now[0] += 1.0  # waits
        meter.begin()
        now[0] += 3.0
        meter.end()
    assert meter.read() == 0.75
    assert meter.seconds == 12.0
    meter.restart()
    now[0] += 1.0
    assert meter.read() == 0.0


def test_curves(tmp_path):
    log = tmp_path / "log.jsonl"
    records = [
        {"words": 10, "loss": 2.0},
        {"words": 20, "loss": 1.0, "word_accuracy": 0.5},
        {"words": 40, "loss": 0.5},
    ]
    log.write_text("".join(json.dumps(record) + "\n" for record in records))
    write_curves(log, tmp_path / "curves.html", over="words")
    page = (tmp_path / "curves.html").read_text()
    assert page.count("<polyline") == 2
    loss = page.split("<polyline")[1]
    xs = [float(point.split(",")[0]) for point in loss.split("'")[1].split()]
    assert xs[0] * 2 == xs[1]
    assert xs[1] * 2 == xs[2]
    assert "40 words" in page


def test_the_log_goes_on_where_a_run_does(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    log = RunLog(tmp_path)
    for step in (1, 2, 3):
        now[0] += 60
        log.add(step, {"loss": 1 / step, "grad_norm": float("nan")})
    with log.paused():
        now[0] += 600
    assert not (tmp_path / "curves.html").exists()
    log.add(3, {"word_accuracy": 0.5})
    assert "<svg" in (tmp_path / "curves.html").read_text()
    with open(tmp_path / "log.jsonl", "a") as file:
        file.write('{"step": 4, "los')  # killed

    again = RunLog(tmp_path, first_step=2)
    again.add(3, {"loss": 0.25})
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert entries == [
        {"step": 1, "minutes": 1.0, "loss": 1.0, "grad_norm": None},
        {"step": 2, "minutes": 2.0, "loss": 0.5, "grad_norm": None},
        {"step": 3, "minutes": 2.0, "loss": 0.25},
    ]
    assert (log.evaluated_steps, again.evaluated_steps) == ([3], [])
    RunLog(tmp_path / "other", is_main_process=False).add(1, {"loss": 1.0})
    assert not (tmp_path / "other").exists()
