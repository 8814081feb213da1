# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""`scripts/read_words.py` end to end: what goes in, what comes out, and what is left when something stops it."""

import io
import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import torch
from transformers import pipeline

from hf_str import CRNNImageProcessorPil, CRNNProcessor
from hf_str.models.crnn.inference_crnn import inference_dtype
from tests.conftest import draw_word


pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
SCRIPT = Path(__file__).parents[2] / "scripts" / "read_words.py"
#: Without MPI, `accelerate launch --cpu` starts one process, whatever --num_processes says.
LAUNCH_TWO = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", 2, "--num_machines", 1]
LAUNCH_TWO += ["--main_process_port", 0, "--mixed_precision", "no", "--dynamo_backend", "no"]
#: Runs a script, and dies by `kill -9` when the third Parquet file, whole on the disk, is to get its name.
DIE = """
import os, runpy, signal, sys
replace, seen = os.replace, []
def dying(source, target):
    seen.append(1) if str(target).endswith(".parquet") else None
    os.kill(os.getpid(), signal.SIGKILL) if len(seen) == 3 else replace(source, target)
os.replace = dying
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def read(monkeypatch, tiny_checkpoint, capsys):
    """Runs the script in this process; returns its exit code or error, what it printed, and its errors."""

    def run(*arguments):
        monkeypatch.setattr("sys.argv", list(map(str, [SCRIPT, *options(tiny_checkpoint), *arguments])))
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run


def options(checkpoint) -> list:
    return ["--model", checkpoint, "--device", "cpu", "--batch_size", 3, "--precision", "float32"]


def encoded(text: str, size: int = 24) -> bytes:
    file = io.BytesIO()
    draw_word(text, size).save(file, "PNG")
    return file.getvalue()


def drawn(count: int, first: int = 0) -> list[bytes]:
    return [encoded(f"word{number}", 14 + number % 20) for number in range(first, first + count)]


def write_parquet(path: Path, images: list, **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"image": images, **columns}), path)


def write_tar(path: Path, members: dict[str, bytes], mode: str = "w"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def rows(path: Path) -> list[dict]:
    return pq.read_table(path).to_pylist()


def readings(path: Path) -> list[tuple[str, float]]:
    return [(row["text"], row["score"]) for row in rows(path)]


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def shards(tmp_path) -> Path:
    """Five Parquet files of seven words each, the last with a bad image."""
    for number in range(5):
        images = drawn(7, 7 * number)
        if number == 4:
            images[2] = b"no picture"
        write_parquet(tmp_path / "shards" / f"{number}.parquet", images)
    return tmp_path / "shards"


@pytest.fixture
def wanted(tiny_checkpoint):
    """What the pipeline reads in images."""
    reader = pipeline("image-to-text", model=tiny_checkpoint, device="cpu")

    def read_with_pipeline(images: list[bytes]) -> list[tuple[str, float]]:
        found = (result for (result,) in reader(images, batch_size=3))
        return [(one["generated_text"], pytest.approx(one["score"], rel=1e-4)) for one in found]

    return read_with_pipeline


def test_every_kind_of_shard(read, wanted, tmp_path):
    images, data = drawn(8), tmp_path / "data"
    names = [f"{number}.png" for number in range(8)]
    for name, image in zip(names, images, strict=True):
        (data / "files" / "a").mkdir(parents=True, exist_ok=True)
        (data / "files" / "a" / name).write_bytes(image)
    paths = [f"../files/a/{name}" for name in names]
    write_parquet(data / "tables" / "bytes.parquet", images, id=list(range(10, 18)))
    structs = [{"bytes": image, "path": name} for image, name in zip(images, names, strict=True)]
    structs[3:5] = [{"bytes": None, "path": path} for path in paths[3:5]]
    write_parquet(data / "tables" / "deep" / "structs.parquet", structs[:3] + structs[5:])
    write_parquet(data / "tables" / "mixed.parquet", structs)
    write_parquet(data / "tables" / "paths.parquet", paths)
    members = {}
    for number, image in enumerate(images):
        members |= {f"x.y/{number}.txt": b"label", f"x.y/{number}.PNG": image, f"x.y/{number}.seg.png": images[0]}
    write_tar(data / "tars" / "first.tar", members)
    write_tar(data / "tars" / "second.tar.gz", members, "w:gz")

    out, texts = tmp_path / "out", wanted(images)
    assert len({text for text, _ in texts}) > 4
    code, printed, _ = read("--dataset", data / "tables", data / "tars", "--output_dir", out)
    assert code == 0
    assert "6 of 6 shards read, 0 existed already: 46 images, 0 of them bad" in printed
    names = ["bytes", "deep/structs", "first", "mixed", "paths", "second"]
    assert files(out) == sorted([f"{name}.parquet" for name in names] + ["settings.json"])
    for name in ("bytes", "mixed", "paths", "first", "second"):
        assert readings(out / f"{name}.parquet") == texts
        assert [row["row"] for row in rows(out / f"{name}.parquet")] == list(range(8))
    assert readings(out / "deep" / "structs.parquet") == texts[:3] + texts[5:]
    assert [row["key"] for row in rows(out / "bytes.parquet")] == [None] * 8
    assert [row["key"] for row in rows(out / "mixed.parquet")][2:4] == ["2.png", paths[3]]
    assert rows(out / "first.parquet")[7]["key"] == "x.y/7"

    assert read("--dataset", data / "files", "--output_dir", tmp_path / "files")[0] == 0
    assert readings(tmp_path / "files" / "files-00000.parquet") == texts
    assert rows(tmp_path / "files" / "files-00000.parquet")[7]["key"] == "a/7.png"

    table = data / "tables" / "bytes.parquet"
    assert read("--dataset", table, "--output_dir", tmp_path / "keys", "--key_column", "id")[0] == 0
    assert [row["key"] for row in rows(tmp_path / "keys" / "bytes.parquet")] == list(map(str, range(10, 18)))


def test_characters_and_decoders(read, tmp_path):
    write_parquet(tmp_path / "words.parquet", [*drawn(4), None])
    (tmp_path / "lexicon.txt").write_text("cat\nhouse\n")
    arguments = ["--dataset", tmp_path / "words.parquet", "--output_dir"]
    assert read(*arguments, tmp_path / "plain", "--characters")[0] == 0
    *good, bad = rows(tmp_path / "plain" / "words.parquet")
    assert (bad["text"], bad["score"], bad["characters"]) == ("", None, None)
    for row, image in zip(good, range(4), strict=True):
        characters, width = row["characters"], draw_word(f"word{image}", 14 + image).width
        assert "".join(one["text"] for one in characters) == row["text"]
        assert all(0 <= one["left"] <= one["right"] <= width + 1e-3 for one in characters)
        assert all(0 < one["probability"] <= 1 for one in characters)
    assert any(row["characters"] for row in good)
    assert read(*arguments, tmp_path / "lexicon", "--lexicon", tmp_path / "lexicon.txt")[0] == 0
    texts = {text for text, _ in readings(tmp_path / "lexicon" / "words.parquet")[:4]}
    assert texts <= {"cat", "house"}


def test_speed_and_cost_are_told(read, shards, tmp_path, monkeypatch):
    seconds, of_this_process, of_workers = iter([100.0, 103.5]), iter([1.5, 4.5]), iter([0.0, 3.5])
    monkeypatch.setattr("time.perf_counter", lambda: next(seconds, 103.5))
    monkeypatch.setattr("time.process_time", lambda: next(of_this_process, 4.5))
    monkeypatch.setattr("os.times", lambda: os.times_result((0.0, 0.0, next(of_workers), 0.5, 0.0)))
    printed = read("--dataset", shards, "--output_dir", tmp_path / "out", "--price_per_hour", 3.6)[1]
    monkeypatch.undo()
    speed, cost = printed.splitlines()[1:]
    assert speed == "10.0 images/s, 10.0 per process, 5.4 per second of CPU time"
    assert cost == "At this rate a million images take 27.78 hours and cost 100.00."


def test_precision(read, shards, tmp_path):
    """The fastest type of the device, unless another is asked for, and never two in one folder."""
    read_as = {}
    for precision in ("auto", "bfloat16", "float32"):
        arguments = ["--dataset", shards, "--output_dir", tmp_path / precision, "--precision", precision]
        assert read(*arguments)[0] == 0
        read_as[precision] = json.loads((tmp_path / precision / "settings.json").read_text())["precision"]
    fastest = str(inference_dtype(torch.device("cpu"))).removeprefix("torch.")
    assert read_as == {"auto": fastest, "bfloat16": "bfloat16", "float32": "float32"}
    exact, rough = (readings(tmp_path / precision / "0.parquet") for precision in ("float32", "bfloat16"))
    assert [score for _, score in rough] != [score for _, score in exact]
    refused = read("--dataset", shards, "--output_dir", tmp_path / "bfloat16", "--precision", "float32")[0]
    assert "precision 'bfloat16', now 'float32'" in refused


def test_workers_and_sorting_by_width_keep_the_order(read, tiny_checkpoint, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny_checkpoint, folder)
    processor = CRNNProcessor.from_pretrained(folder)
    image_processor = CRNNImageProcessorPil(keep_aspect_ratio=True)
    CRNNProcessor(image_processor, processor.tokenizer).save_pretrained(folder)
    images = [encoded("w" * (1 + 7 * number % 11)) for number in range(30)]
    images[5] = b""
    write_parquet(tmp_path / "words.parquet", images)
    arguments = ["--model", folder, "--dataset", tmp_path / "words.parquet", "--output_dir"]
    assert read(*arguments, tmp_path / "many", "--num_workers", 2)[0] == 0
    assert read(*arguments, tmp_path / "single", "--batch_size", 1)[0] == 0
    many, single = (rows(tmp_path / name / "words.parquet") for name in ("many", "single"))
    assert [row["row"] for row in many] == list(range(30))
    assert [row["text"] for row in many] == [row["text"] for row in single]
    assert len({row["text"] for row in many}) > 4
    assert many[5]["score"] is None


def test_bad_images_are_listed(read, tmp_path):
    images = drawn(5)
    write_parquet(
        tmp_path / "words.parquet",
        [
            {"bytes": images[0], "path": "a.png"},
            {"bytes": b"", "path": "b.png"},
            {"bytes": images[2][:-200], "path": "c.png"},
            {"bytes": None, "path": "no/such.png"},
            {"bytes": images[4], "path": "e.png"},
            {"bytes": None, "path": None},
            None,
        ],
    )
    write_tar(tmp_path / "samples.tar", {"0.txt": b"without an image", "1.png": images[1]})
    out = tmp_path / "out"
    shards = [tmp_path / "words.parquet", tmp_path / "samples.tar"]
    code, printed, _ = read("--dataset", *shards, "--output_dir", out)
    assert code == 0
    assert "9 images, 6 of them bad" in printed
    lines = [json.loads(line) for line in (out / "words.bad_images.jsonl").read_text().splitlines()]
    assert [(line["row"], line["key"]) for line in lines] == [
        (1, "b.png"),
        (2, "c.png"),
        (3, "no/such.png"),
        (5, None),
        (6, None),
    ]
    assert "it is empty" in lines[0]["problem"] and "such.png" in lines[2]["problem"]
    scores = [row["score"] for row in rows(out / "words.parquet")]
    assert [row for row, score in enumerate(scores) if score is None] == [1, 2, 3, 5, 6]
    assert [row["text"] for row in rows(out / "words.parquet") if row["score"] is None] == [""] * 5
    assert json.loads((out / "samples.bad_images.jsonl").read_text())["problem"] == "there is no image"


def test_kill_9_and_on_again(read, shards, tiny_checkpoint, tmp_path):
    out, whole = tmp_path / "out", tmp_path / "whole"
    command = [sys.executable, "-c", DIE, SCRIPT, *options(tiny_checkpoint), "--dataset", shards, "--output_dir", out]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    killed = subprocess.run(list(map(str, command)), env=environment, capture_output=True, timeout=300)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-3000:]
    assert [name for name in files(out) if name.endswith(".parquet")] == ["0.parquet", "1.parquet"]
    assert [name for name in files(out) if name.endswith(".part")], "the third was not begun"
    times = {name: (out / name).stat().st_mtime_ns for name in ("0.parquet", "1.parquet")}

    code, printed, _ = read("--dataset", shards, "--output_dir", out)
    assert code == 0
    assert "3 of 5 shards read, 2 existed already: 21 images, 1 of them bad" in printed
    assert {name: (out / name).stat().st_mtime_ns for name in times} == times
    assert read("--dataset", shards, "--output_dir", whole)[0] == 0
    assert files(out) == files(whole)
    for number in range(5):
        assert rows(out / f"{number}.parquet") == rows(whole / f"{number}.parquet")
        assert [row["row"] for row in rows(out / f"{number}.parquet")] == list(range(7))
    assert "0 of 5 shards read, 5 existed already: 0 images" in read("--dataset", shards, "--output_dir", out)[1]


def test_broken_shards_are_named_and_others_read(read, shards, tmp_path):
    broken = shards / "1.parquet"
    content = broken.read_bytes()
    broken.write_bytes(content[: len(content) // 2])
    damaged = bytearray((shards / "2.parquet").read_bytes())
    damaged[4:200] = bytes(196)
    (shards / "2.parquet").write_bytes(damaged)
    pq.write_table(pa.table({"picture": drawn(2)}), shards / "3.parquet")
    write_parquet(shards / "5.parquet", [1, 2])
    images = dict(zip(["0.png", "1.png", "2.png"], drawn(3), strict=True))
    write_tar(shards / "between.tar", images)
    with tarfile.open(shards / "between.tar") as tar:
        cut = tar.getmembers()[2].offset
    content = (shards / "between.tar").read_bytes()
    (shards / "between.tar").write_bytes(content[:cut])
    (shards / "within.tar").write_bytes(content[: cut + 600])
    (shards / "nothing.tar").write_bytes(b"")

    out = tmp_path / "out"
    code, printed, errors = read("--dataset", shards, "--output_dir", out)
    assert code == 1
    for name in ("1.parquet", "2.parquet", "3.parquet", "5.parquet", "between.tar", "within.tar", "nothing.tar"):
        assert f"error: the shard {name.partition('.')[0]} was not read: {shards / name}: " in errors
    assert "there is no column image, but picture" in errors
    assert "the column image has neither bytes" in errors
    assert "it is cut off" in errors
    assert "2 of 9 shards read, 0 existed already: 14 images, 1 of them bad" in printed
    assert files(out) == ["0.parquet", "4.bad_images.jsonl", "4.parquet", "settings.json"]


def test_shards_of_strangers(read, wanted, tmp_path):
    data, out, images = tmp_path / "data", tmp_path / "out", drawn(2)
    write_parquet(data / "good.parquet", images)
    write_parquet(data / "none.parquet", [])
    write_tar(data / "nothing.tar", {})
    write_tar(data / "names.tar", {"caf\udce9.png": images[0], "huge.png": b"", "z.png": images[1]})
    content = bytearray((data / "names.tar").read_bytes())
    start = content.index(b"huge.png")
    member = tarfile.TarInfo("huge.png")
    member.size = 10**12
    (data / "lies.tar").write_bytes(content[:start] + member.tobuf(tarfile.GNU_FORMAT) + content[start + 512 :])
    structs = [{"bytes": images[0], "path": 1}, {"bytes": None, "path": 2}]
    write_parquet(data / "numbers.parquet", structs)
    write_parquet(data / "list.parquet", [[1, 2], [3]])
    pq.write_table(pa.Table.from_arrays([pa.array(images)] * 2, names=["image"] * 2), data / "doubled.parquet")
    (data / "dangling.tar").symlink_to(tmp_path / "nowhere")

    code, printed, errors = read("--dataset", data, "--output_dir", out)
    assert code == 1
    broken = ("dangling", "doubled", "lies", "list")
    assert [line.split()[3] for line in errors.splitlines() if line.startswith("error: ")] == list(broken)
    assert "5 of 9 shards read, 0 existed already: 7 images, 2 of them bad" in printed
    assert rows(out / "none.parquet") == rows(out / "nothing.parquet") == []
    assert readings(out / "good.parquet") == wanted(images)
    assert [row["key"] for row in rows(out / "names.parquet")] == ["caf\\xe9", "huge", "z"]
    problem = json.loads((out / "numbers.bad_images.jsonl").read_text())
    assert (problem["row"], problem["key"]) == (1, "2") and "of type int" in problem["problem"]

    for name in broken:  # mended, they are read by the same command
        next(data.glob(f"{name}.*")).unlink()
        write_parquet(data / f"{name}.parquet", images)
    assert read("--dataset", data, "--output_dir", out)[0] == 0
    os.utime(data / "good.parquet", ns=(1, 1))
    assert "good: other samples" in read("--dataset", data, "--output_dir", out)[0]


def test_disk_full(read, tmp_path):
    resource = pytest.importorskip("resource")
    write_parquet(tmp_path / "shards" / "a.parquet", drawn(2))
    # Of 400 different keys nothing fits: random names do not compress.
    keys = [os.urandom(60).hex() for _ in range(400)]
    structs = [{"bytes": b"bad", "path": key} for key in keys]
    write_parquet(tmp_path / "shards" / "b.parquet", structs)
    write_parquet(tmp_path / "shards" / "c.parquet", drawn(2))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16_000, hard))  # bytes a file may have
    try:
        code, _, errors = read("--dataset", tmp_path / "shards", "--output_dir", tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert code == 1
    assert "error: the shard b was not read: " in errors and "File too large" in errors
    assert files(tmp_path / "out") == ["a.parquet", "c.parquet", "settings.json"]


def test_other_settings_and_shards_are_refused(read, shards, tiny_checkpoint, tmp_path):
    arguments = ["--dataset", shards, "--output_dir", tmp_path / "out"]
    assert read(*arguments)[0] == 0
    assert "decoder None, now 'beam_search'" in read(*arguments, "--decoder", "beam_search")[0]
    assert "characters False, now True" in read(*arguments, "--characters")[0]
    shutil.copytree(tiny_checkpoint, tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    (tmp_path / "model" / "config.json").write_text(json.dumps(config | {"dropout": 0.5}))
    assert "weights" in read(*arguments, "--model", tmp_path / "model")[0]
    write_parquet(shards / "5.parquet", drawn(1))  # more shards are welcome
    assert "1 of 6 shards read, 5 existed already" in read(*arguments)[1]
    write_parquet(shards / "2.parquet", drawn(9))
    assert "2: other samples" in read(*arguments)[0]


def test_mistakes_are_a_line(read, shards, tmp_path):
    out = tmp_path / "out"
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no shard")
    shutil.copytree(shards, tmp_path / "copy")
    for arguments, message in (
        (["--dataset", tmp_path / "nowhere", "--output_dir", out], "there is no file or folder"),
        (["--dataset", tmp_path / "empty", "--output_dir", out], "there are no Parquet, tar or image files in"),
        (
            ["--dataset", tmp_path / "notes.txt", "--output_dir", out],
            "neither a folder nor a file that ends in",
        ),
        (["--dataset", shards, tmp_path / "copy", "--output_dir", out], "two shards are called 0"),
        (["--dataset", shards, "--output_dir", shards / "out"], "must not lie in the folder of the shards"),
        (["--dataset", shards / "0.parquet", "--output_dir", shards], "must not lie in the folder of the shards"),
        (["--dataset", shards, "--output_dir", out, "--beam_width", 3], "does not take beam_width"),
    ):
        code = read(*arguments)[0]
        assert str(code).startswith("error: ") and message in code
    assert read("--dataset", shards, "--output_dir", out, "--batch_size", 0)[0] == 2
    assert not out.exists()


def test_two_processes_read_what_one_does(read, shards, tiny_checkpoint, tmp_path):
    pytest.importorskip("accelerate")
    (shards / "1.parquet").write_bytes(b"broken")
    two, one = tmp_path / "two", tmp_path / "one"
    arguments = [*options(tiny_checkpoint), "--dataset", shards, "--output_dir", two]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = list(map(str, [sys.executable, *LAUNCH_TWO, SCRIPT, *arguments]))
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "4 of 5 shards read, 0 existed already: 28 images, 1 of them bad" in done.stdout, done.stderr[-3000:]
    assert "the shard 1 was not read" in done.stderr
    assert read("--dataset", shards, "--output_dir", one)[0] == 1
    assert files(two) == files(one)
    for name in files(one):
        if name.endswith(".parquet"):
            assert rows(two / name) == rows(one / name)
