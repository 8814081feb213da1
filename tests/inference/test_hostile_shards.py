# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Shards as strangers bring them: one bad thing costs a row or a shard, and no memory."""

import gzip
import io
import json
import os
import struct
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

import pytest

from hf_str import CRNNProcessor
from hf_str.evaluation.predictions import SettingsChangedError, check_settings
from hf_str.inference.shards import BadImage, BrokenShardError, ParquetShard, TarShard, find_shards
from hf_str.inference.windows import Preparation, Window, windows
from tests.conftest import draw_word


pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def encoded(text: str = "word") -> bytes:
    file = io.BytesIO()
    draw_word(text).save(file, "PNG")
    return file.getvalue()


def blank_png(width: int, height: int) -> bytes:
    """A gray PNG of zeros, without the memory that its pixels would take."""
    packer, pieces = zlib.compressobj(9), []
    rows = bytes((width + 1) * 64)
    for start in range(0, height, 64):
        pieces.append(packer.compress(rows[: (width + 1) * min(64, height - start)]))
    data = b"".join([*pieces, packer.flush()])
    chunks = (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", data), (b"IEND", b"")
    framed = (struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def write_tar(path: Path, members: dict[str, bytes], **options):
    with tarfile.open(path, "w", **options) as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def header(name: str, size: int, type: bytes = tarfile.REGTYPE, pax: dict | None = None) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.type, member.pax_headers = size, type, pax or {}
    return member.tobuf(tarfile.PAX_FORMAT if pax else tarfile.GNU_FORMAT)


def gnu_sparse(name: str, size: int) -> bytes:
    """A file of `size` zeros, none of which is stored."""
    block = bytearray(header(name, 0, tarfile.GNUTYPE_SPARSE))
    block[386:410] = b"%011o\0" % size + b"%011o\0" % 0
    block[483:495] = b"%011o\0" % size
    block[148:156] = b"        "
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def pax_sparse(name: str, size: int) -> bytes:
    pax = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": name, "GNU.sparse.realsize": str(size)}
    return header(name, 512, pax=pax) + (b"1\n%d\n0\n" % size).ljust(512, b"\0")


def after(path: Path, *pieces: bytes, end: bool = True) -> list:
    """The samples of a tar file of these pieces between two good images."""
    good = [
        header(f"{name}.png", len(image)) + image.ljust(-len(image) // 512 * -512, b"\0")
        for name, image in (("first", encoded()), ("last", encoded()))
    ]
    path.write_bytes(b"".join([good[0], *pieces, good[1], bytes(1024 if end else 0)]))
    return list(TarShard("a", path))


def test_names_that_are_no_utf8(tmp_path):
    write_tar(tmp_path / "a.tar", {"caf\udce9.png": encoded()}, errors="surrogateescape", format=tarfile.GNU_FORMAT)
    assert [key for key, _ in TarShard("a", tmp_path / "a.tar")] == ["caf\\xe9"]
    folder = tmp_path / "f\udce9"
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("names of this file system are UTF-8")
    (folder / "caf\udce9.png").write_bytes(encoded())
    (shard,) = find_shards([folder])
    ((key, path),) = shard
    assert (key, path.read_bytes(), shard.name) == ("caf\\xe9.png", encoded(), "f\\xe9-00000")
    assert shard.fingerprint()
    os.replace(folder / "caf\udce9.png", folder / "b\udce9.tar")
    assert find_shards([folder])[0].name == "b\\xe9"


@pytest.mark.parametrize("sparse", [gnu_sparse, pax_sparse])
def test_sparse_members_cost_a_row(sparse, tmp_path):
    samples = after(tmp_path / "a.tar", sparse("big.png", 7 * 2**30), sparse("small.png", 1000))
    assert [key for key, _ in samples] == ["first", "big", "small", "last"]
    assert samples[1][1] == BadImage("it has 7516192768 bytes, more than a word needs (limit 134217728 bytes)")
    assert samples[2][1] == bytes(1000)


def test_links_cost_a_row(tmp_path):
    link = tarfile.TarInfo("link.png")
    link.type, link.linkname = tarfile.SYMTYPE, "/dev/zero"
    samples = after(tmp_path / "a.tar", link.tobuf(tarfile.GNU_FORMAT))
    assert samples[1] == ("link", BadImage("it is a link to /dev/zero, and links are not followed"))


@pytest.mark.parametrize(
    "piece",
    [
        header("big.png", 10**12),
        header("big", 10**12, tarfile.GNUTYPE_LONGNAME),
        header("big", 10**12, tarfile.XHDTYPE),
        header("back.png", 0, pax={"size": "-1024"}),
        header("damaged.png", 0)[:100] + b"xxx" + header("damaged.png", 0)[103:],
    ],
)
def test_headers_that_lie_cost_the_shard(piece, tmp_path):
    with pytest.raises(BrokenShardError, match=r"a\.tar"):
        after(tmp_path / "a.tar", piece)


@pytest.mark.parametrize(("content", "reason"), [(b"", "it is empty"), (b"<html>" * 300, "no tar file")])
def test_what_is_no_tar_file_is_said(content, reason, tmp_path):
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(BrokenShardError, match=reason):
        list(TarShard("a", tmp_path / "a.tar"))


def test_several_tar_files_in_one(tmp_path):
    after(tmp_path / "a.tar")
    (tmp_path / "b.tar").write_bytes((tmp_path / "a.tar").read_bytes() * 2)
    with pytest.raises(BrokenShardError, match="several tar files in one"):
        list(TarShard("b", tmp_path / "b.tar"))


def test_long_headers_of_compressed_files(tmp_path):
    path = tmp_path / "a.tar.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write(header("big", 2**26, tarfile.XHDTYPE) + bytes(2**26))
    with pytest.raises(BrokenShardError, match="a header of 67108864 bytes"):
        list(TarShard("a", path))


def test_shards_that_are_no_files(tmp_path):
    (tmp_path / "cut.tar").symlink_to(tmp_path / "nowhere")
    (tmp_path / "dangling.parquet").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.parquet")
    (tmp_path / "spark.parquet").mkdir()  # a table, written by many
    pq.write_table(pa.table({"image": [encoded()]}), tmp_path / "spark.parquet" / "part-0.parquet")
    shards = {shard.name: shard for shard in find_shards([tmp_path])}
    assert sorted(shards) == ["cut", "dangling", "pipe", "spark.parquet/part-0"]
    for name in ("cut", "dangling", "pipe"):
        assert shards[name].num_rows is None and shards[name].fingerprint() == "missing"
        with pytest.raises(BrokenShardError, match="not a regular file" if name == "pipe" else "No such file"):
            list(shards[name])
    assert [image for _, image in shards["spark.parquet/part-0"]] == [encoded()]


def parquet(path: Path, *columns, names=("image",), **options) -> list:
    pq.write_table(pa.Table.from_arrays([pa.array(*column) for column in columns], names=list(names)), path)
    return list(ParquetShard("a", path, **options))


def test_types_of_images_in_parquet(tmp_path):
    path, image = tmp_path / "a.parquet", encoded()
    words = [image, None]
    for type in (pa.binary(), pa.large_binary(), pa.dictionary(pa.int32(), pa.binary())):
        assert parquet(path, (words, type)) == [(None, image), (None, None)]
    for type in (pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())):
        assert parquet(path, (["x.png", None], type)) == [("x.png", tmp_path / "x.png"), (None, None)]
    struct_type = pa.struct({"bytes": pa.binary(), "path": pa.int64()})
    rows = [{"bytes": image, "path": 1}, {"bytes": None, "path": 2}, {"bytes": None, "path": None}, None]
    found = parquet(path, (rows, struct_type))
    assert found[0] == ("1", image) and found[2:] == [(None, None)] * 2
    assert found[1] == ("2", BadImage("there are no bytes, and its path 2 is of type int"))
    assert parquet(path, ([], pa.null())) == parquet(path, ([], pa.int64())) == []
    for values, type in (
        ([1], pa.int64()),
        ([None], pa.null()),
        ([[1, 2]], pa.list_(pa.uint8())),
        ([{"path": 1}], pa.struct({"path": pa.int64()})),
        ([{"width": 1}], pa.struct({"width": pa.int64()})),
        ([{"bytes": "x"}], pa.struct({"bytes": pa.string()})),
    ):
        with pytest.raises(BrokenShardError, match="the column image has neither bytes"):
            parquet(path, (values, type))
    with pytest.raises(BrokenShardError, match="there are several columns image"):
        parquet(path, (words,), (words,), names=("image", "image"))
    with pytest.raises(BrokenShardError, match="there are several columns id"):
        parquet(path, (words,), ([1, 2],), ([1, 2],), names=("image", "id", "id"), key_column="id")
    keys = pa.array([b"caf\xe9", "é".encode()]).view(pa.string())
    found = parquet(path, (words,), (keys,), names=("image", "id"), key_column="id")
    assert found == [("caf\\xe9", image), ("é", None)]


def test_one_image_for_all_rows_of_parquet(tmp_path):
    same = pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int32()), pa.array([bytes(10_000_000)]))
    path, options = tmp_path / "a.parquet", {"store_schema": False, "dictionary_pagesize_limit": 1 << 30}
    pq.write_table(pa.table({"image": same}), path, **options)
    before = pa.total_allocated_bytes()
    samples = iter(ParquetShard("a", path))
    assert next(samples)[1] == bytes(10_000_000)
    assert path.stat().st_size < 2**20
    assert pa.total_allocated_bytes() - before < 2**28, "decoded, it is 10 GB"


def test_windows_end_at_bytes(tmp_path, monkeypatch):
    pq.write_table(pa.table({"image": [bytes(100)] * 7}), tmp_path / "a.parquet")
    monkeypatch.setattr("hf_str.inference.windows.WINDOW_BYTES", 250)
    found = list(windows([(0, ParquetShard("a", tmp_path / "a.parquet"))], 5))
    assert [(window.first_row, len(window.samples)) for window in found] == [(0, 3), (3, 3), (6, 1), (7, 0)]


@pytest.fixture
def processor(tiny_checkpoint):
    return CRNNProcessor.from_pretrained(tiny_checkpoint)


#: Opens a window of images of 12 megapixels each, and prints by how many MB that raised the peak of memory.
PEAK = """
import resource, sys
from pathlib import Path
from hf_str import CRNNProcessor
from hf_str.inference.shards import TarShard
from hf_str.inference.windows import Preparation, windows
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
preparation = Preparation(CRNNProcessor.from_pretrained(sys.argv[1]), 32)
rows, before = 0, 0
for path in sys.argv[2:]:
    before = peak()
    for window in windows([(0, TarShard("a", Path(path)))], 32):
        assert not window.problem, window.problem
        prepared = preparation[window]
        rows += sum(len(batch.indices) for batch in prepared.batches) + len(prepared.bad)
print(rows, round(peak() - before))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere ru_maxrss has other units")
def test_memory_is_bounded_by_pixels_not_rows(tiny_checkpoint, tmp_path):
    write_tar(tmp_path / "few.tar", {f"{number}.png": blank_png(4000, 3000) for number in range(4)})
    bombs = {f"{number}.png": blank_png(4000, 3000) for number in range(24)}
    bombs["large.png"] = blank_png(10_000, 10_000)
    write_tar(tmp_path / "many.tar", bombs)
    command = [sys.executable, "-c", PEAK, tiny_checkpoint, tmp_path / "few.tar", tmp_path / "many.tar"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120)
    rows, megabytes = map(int, done.stdout.split())
    assert rows == 29
    assert megabytes < 60, "24 images are 288 MB"


def test_large_images_are_prepared_like_others(processor, monkeypatch):
    samples = [(None, encoded(word)) for word in ("a", "word", "of", "several")]
    samples[1:1] = [(None, BadImage("no")), (None, None)]
    whole = Preparation(processor, 8)[Window(0, 0, samples)]
    monkeypatch.setattr("hf_str.inference.windows.OPEN_PIXELS", 1)
    apart = Preparation(processor, 8)[Window(0, 0, samples)]
    assert whole.bad == apart.bad == {1: "no", 2: "there is no image"}
    assert [batch.indices for batch in apart.batches] == [[0], [3], [4], [5]]
    for index, batch in enumerate(apart.batches):
        assert batch.inputs["pixel_values"].equal(whole.batches[0].inputs["pixel_values"][index : index + 1])


def test_an_image_that_cannot_be_prepared_costs_its_row(processor, monkeypatch):
    from hf_str.inference import windows as module

    def failing(images, *others):
        if any(image.width > 1000 for image in images):
            raise MemoryError
        return make_batches(images, *others)

    make_batches = module.make_batches
    monkeypatch.setattr(module, "make_batches", failing)
    prepared = Preparation(processor, 8)[Window(0, 0, [(None, encoded()), (None, blank_png(1001, 9))])]
    assert [batch.indices for batch in prepared.batches] == [[0]]
    assert prepared.bad == {1: "an image of 1001 x 9 pixels cannot be prepared: MemoryError"}


def test_logits_that_are_nan_cost_a_row(tiny_checkpoint):
    from hf_str.inference.bulk_recognizer import BulkRecognizer

    recognizer = BulkRecognizer(tiny_checkpoint, "cpu", "float32", decoder="beam_search")
    prepare = Preparation(recognizer.processor, 4)
    samples = [("a", encoded("one")), ("b", blank_png(30, 10)), ("c", encoded("two"))]
    wanted = recognizer.predict(prepare[Window(0, 0, samples)]).to_pylist()
    blank = prepare[Window(0, 0, samples[1:2])].batches[0].inputs["pixel_values"]

    def poisoned(module, arguments, keywords, logits):
        pixels = arguments[0] if arguments else keywords["pixel_values"]
        logits.logits[(pixels == blank).flatten(1).all(1)] = float("nan")
        return logits

    recognizer.model.register_forward_hook(poisoned, with_kwargs=True)
    window = prepare[Window(0, 0, samples)]
    found = recognizer.predict(window).to_pylist()
    assert list(window.bad) == [1] and "the logits have +inf, NaN" in window.bad[1] and "b, row 1" in window.bad[1]
    assert (found[1]["text"], found[1]["score"]) == ("", None)
    assert [(row["row"], row["text"]) for row in found if row["row"] != 1] == [
        (row["row"], row["text"]) for row in wanted if row["row"] != 1
    ]


def test_shards_that_changed_in_place_are_noticed(tmp_path):
    out, path = tmp_path / "out", tmp_path / "a.tar"
    write_tar(path, {"0.png": encoded()})
    size = path.stat().st_size
    check_settings(out, {}, [TarShard("a", path)])
    check_settings(out, {}, [TarShard("a", path)])
    time, content = path.stat().st_mtime_ns, path.read_bytes()
    for changed, when in ((content, time + 1), (content[:600] + b"x" + content[601:], time)):
        path.write_bytes(changed)
        os.utime(path, ns=(when, when))
        with pytest.raises(SettingsChangedError, match="a: other samples"):
            check_settings(out, {}, [TarShard("a", path)])
    check_settings(out, {}, [TarShard("a", path)], pending=["a"])  # nothing was read of it: it may be mended
    # as earlier versions wrote it
    (out / "settings.json").write_text(json.dumps({"data": {"a": f"{size} bytes"}}))
    check_settings(out, {}, [TarShard("a", path)])
    (out / "settings.json").write_text(json.dumps({"data": {"a": f"{size // 10} bytes"}}))
    with pytest.raises(SettingsChangedError):
        check_settings(out, {}, [TarShard("a", path)])


def test_folders_that_changed_in_place_are_noticed(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded())
    (tmp_path / "b.png").symlink_to("nowhere")
    (shard,) = find_shards([tmp_path])
    before = shard.fingerprint()
    os.utime(tmp_path / "a.png", ns=(1, 1))
    assert shard.fingerprint() != before
    assert shard.fingerprint().partition(",")[0] == before.partition(",")[0]
