# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What a run says of itself: how busy its device was, and its curves."""

import json
import time

from hf_str.training.curves import write_curves
from hf_str.training.device_utilization import DeviceUtilization


def test_busy_share(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    meter = DeviceUtilization("cpu")
    for _ in range(3):
        now[0] += 1.0  # waits
        with meter.step():
            now[0] += 3.0
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
    write_curves(log, tmp_path / "curves.html")
    page = (tmp_path / "curves.html").read_text()
    assert page.count("<polyline") == 2
    loss = page.split("<polyline")[1]
    xs = [float(point.split(",")[0]) for point in loss.split("'")[1].split()]
    assert xs[0] * 2 == xs[1]
    assert xs[1] * 2 == xs[2]
    assert "40 words" in page
