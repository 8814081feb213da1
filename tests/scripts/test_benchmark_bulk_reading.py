# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The proof that each image is read exactly once, at the smallest size; and that it would notice what is wrong."""

import io
import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import draw_word


pytest.importorskip("psutil")
pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmark_bulk_reading.py"


@pytest.fixture(scope="module")
def crops(tmp_path_factory) -> Path:
    images = []
    for number in range(40):
        file = io.BytesIO()
        draw_word(f"word{number}", 14 + number).save(file, "PNG")
        images.append(file.getvalue())
    path = tmp_path_factory.mktemp("crops") / "crops.parquet"
    pq.write_table(pa.table({"image": images}), path)
    return path


def test_a_killed_run_reads_each_image_once(crops, tmp_path):
    options = ["--dataset", crops, "--work_dir", tmp_path / "work", "--num_crops", 430, "--rows_per_shard", 50]
    command = [sys.executable, SCRIPT, *options, "--kills", 1, "--batch_size", 8, "--decoder", "best_path"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", done.stdout, re.MULTILINE))
    assert rows["rows"] == "430 in 9 shards, of 40 different crops"
    assert rows["killed after rows"].isdecimal()
    assert rows["lost, duplicate, left over, read differently"] == "nothing"
    assert int(rows["different texts"]) > 10
    assert "per second of CPU time" in rows["last run"]
    assert float(rows["peak of a process"].removesuffix(" MB").replace(",", "")) > 50


@pytest.fixture
def whole(tmp_path, crops):
    """Two shards with their readings, as they should be, and the check of them."""
    script = runpy.run_path(str(SCRIPT), run_name="script")
    np = pytest.importorskip("numpy")
    shards = [
        script["Shard"](number, 4 * number, np.array([0, 1, 2, number]), np.array([False, False, number > 0, False]))
        for number in range(2)
    ]
    for shard in shards:
        texts, scores = [f"text {crop}" for crop in shard.crops], [0.5] * 4
        for row in shard.bad_rows:
            texts[row], scores[row] = "", None
        table = {"row": [0, 1, 2, 3], "key": shard.keys, "text": texts, "score": scores}
        pq.write_table(pa.table(table), tmp_path / f"{shard.name}.parquet")
    (tmp_path / "00001.bad_images.jsonl").write_text(json.dumps({"row": 2}) + "\n")
    (tmp_path / "settings.json").write_text("{}")
    return tmp_path, lambda: script["check"](shards, tmp_path)[0]


def change(path: Path, **columns):
    pq.write_table(pa.table(pq.read_table(path).to_pydict() | columns), path)


def test_the_check_notices(whole):
    folder, problems = whole
    assert problems() == []
    path, bad_path = folder / "00001.parquet", folder / "00001.bad_images.jsonl"
    content, bad_content = path.read_bytes(), bad_path.read_bytes()
    for keys in (["00000004", "00000004", "00000006", "00000007"], ["00000005", "00000004", "00000006", "00000007"]):
        change(path, key=keys)
        assert problems() == ["00001: the keys are not those of the shard, each once and in order"]
    path.write_bytes(content)
    change(path, text=["text 0", "text 2", "", "text 1"])
    assert problems() == ["1 crops do not have the same text each time"]
    path.write_bytes(content)
    bad_path.write_text("")
    assert problems() == ["00001: bad images are [2], but [] are listed"]
    bad_path.write_bytes(bad_content)
    path.rename(folder / "00001.parquet.77.part")
    assert problems() == ["00001.parquet is missing", "00001.parquet.77.part is left over"]
