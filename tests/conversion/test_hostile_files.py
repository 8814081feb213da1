# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Files that are damaged, hostile or no weights at all are refused in a line that says what they are; nothing runs."""

import argparse
import collections
import io
import os
import pickle
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from hf_str.conversion import ConversionError
from hf_str.conversion.checkpoint_files import read_weights


WEIGHTS = {f"layer{index}.weight": torch.arange(6.0).view(2, 3) + index for index in range(3)}


class Calls:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def torch_file(content, old: bool = False) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=not old)
    return file.getvalue()


def zipped(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/"), data)
    return file.getvalue()


def longer_than_it_is(content: bytes) -> bytes:
    """A file of torch.save whose tensors say that they have a thousand times as many numbers."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    for name in files:
        if name.endswith("data.pkl"):
            files[name] = files[name].replace(b"K\x06", b"M\xff\xff")
    return zipped(**files)


def badly_compressed(content: bytes, member: str) -> bytes:
    """A file of torch.save that was packed again, with nonsense in what was compressed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        packed = bytearray(zipped(**{name: archive.read(name) for name in archive.namelist()}))
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        entry = next(entry for entry in archive.infolist() if entry.filename.endswith(member))
    start = entry.header_offset + 30 + len(entry.filename)
    packed[start : start + 4] = b"\xff" * 4
    return bytes(packed)


def table(*entries: bytes, count: int | None = None, index: int = 1) -> bytes:
    return struct.pack("<iii", 3, index, len(entries) // 2 if count is None else count) + b"".join(entries)


def number(value: float) -> bytes:
    return struct.pack("<id", 1, value)


def tensor(dimensions: int, *sizes: int, count: int = 4, index: int = 5) -> bytes:
    kind, name = struct.pack("<i", 3) + b"V 1", b"torch.FloatTensor"
    text = kind + struct.pack("<i", len(name)) + name
    storage = kind + struct.pack("<i", 18) + b"torch.FloatStorage"
    return (
        struct.pack("<ii", 4, index) + text + struct.pack("<i", dimensions) + struct.pack(f"<{len(sizes)}q", *sizes)
        + struct.pack("<qii", 1, 4, index + 1) + storage + struct.pack("<q", count) + bytes(16)
    )  # fmt: skip


def cyclic() -> bytes:
    content: dict = {}
    content["self"] = [content]
    return pickle.dumps(content, protocol=4)


def nested(levels: int) -> list:
    content: list = []
    for _ in range(levels):
        content = [content] * 10
    return content


GOOD, OLD, SAFE = torch_file(WEIGHTS), torch_file(WEIGHTS, old=True), save(WEIGHTS)
ARRAYS = {name: weight.numpy() for name, weight in WEIGHTS.items()}
HOSTILE = {
    # What is no file of weights
    "empty.pth": (b"", "is empty"),
    "empty.pdparams": (b"", "is empty"),
    "empty.t7": (b"", "is empty"),
    "empty.safetensors": (b"", "is empty"),
    "pointer.pth": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 33\n", "Git LFS"),
    "pointer.safetensors": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 33\n", "Git LFS"),
    "page.pth": (b"<!DOCTYPE html><html>Sign in</html>", "web page"),
    "page2.t7": (b"\n  <html>Sign in</html>", "web page"),
    "image.pth": (b"\x89PNG\r\n\x1a\n" + bytes(50), "PNG image"),
    "photo.pdparams": (b"\xff\xd8\xff\xe0" + bytes(50), "JPEG image"),
    "graph.pth": (b"\x08\x07\x12\x07pytorch\x1a\x051.13:" + bytes(90), "ONNX"),
    "notes.pth": ("Gewichte für später\n".encode(), "is text"),
    "config.pth": (b'{"model": 3}', "is text"),
    "archive.pth": (zipped(a__txt=b"a", b__txt=b"b"), "zip archive of 2 files"),
    "script.pth": (zipped(m__data_pkl=b"", **{"m/data.pkl": b"", "m/constants.pkl": b""}), "TorchScript"),
    "packed.pth": (b"\x1f\x8b\x08" + bytes(50), "gzip"),
    "keras.pth": (b"\x89HDF\r\n\x1a\n" + bytes(50), "HDF5"),
    "noise.pth": (bytes(range(255, 155, -1)), "no file of torch.save"),
    # What is cut off or damaged
    "cut.pth": (GOOD[: len(GOOD) // 2], "is damaged"),
    "cut_old.pth": (OLD[: len(OLD) - 30], "ends before|damaged"),
    "cut_early.pth": (OLD[:40], "damaged"),
    "cut.safetensors": (SAFE[:-10], "damaged safetensors"),
    "cut_header.safetensors": (SAFE[:40], "damaged safetensors"),
    "cut.pdparams": (pickle.dumps(ARRAYS, protocol=4)[:-60], "damaged"),
    "badly_compressed.pth": (badly_compressed(GOOD, "/data.pkl"), "is damaged"),
    "badly_compressed_numbers.pth": (badly_compressed(GOOD, "/data/0"), "is damaged"),
    "longer.pth": (longer_than_it_is(GOOD), "damaged|numbers"),
    "bomb.pth": (zipped(**{"m/data.pkl": bytes(5_000_000)}), "many times its size"),
    # What holds something else
    "list.pdparams": (pickle.dumps([1, 2, 3]), "holds no tensors"),
    "number.pth": (torch_file(3), "holds no tensors"),
    "text.pdparams": (pickle.dumps("weights"), "holds no tensors"),
    "objects.pdparams": (pickle.dumps({"a": np.array([{}, None])}), "holds no tensors"),
    "cyclic.pdparams": (cyclic(), "holds no tensors"),
    "laughs.pdparams": (pickle.dumps(nested(12), protocol=4), "holds no tensors"),
    "memory.pdparams": (b"\x80\x02}r\xff\xff\xff\x7f.", "more memory"),
    # What asks for code
    "system.pth": (torch_file({"a": Calls(os.system, "touch ran")}), r"asks for (posix|nt)\.system"),
    "system_old.pth": (torch_file({"a": Calls(os.system, "touch ran")}, old=True), r"asks for (posix|nt)\.system"),
    "system.pdparams": (pickle.dumps(Calls(os.system, "touch ran")), r"asks for (posix|nt)\.system"),
    "eval.pdparams": (pickle.dumps(Calls(eval, "open('ran', 'w')")), r"asks for builtins\.eval"),
    "getattr.pth": (torch_file(Calls(getattr, "a", "upper")), r"asks for builtins\.getattr"),
    "popen.pdparams": (b"csubprocess\nPopen\n(S'ls'\ntR.", r"asks for subprocess\.Popen"),
    "popen2.pdparams": (b"\x80\x02csubprocess\nPopen\n(U\x02lstR.", r"asks for subprocess\.Popen"),
    "hub.pth": (torch_file(Calls(torch.hub.load, "a", "b")), r"asks for torch\.hub\.load"),
    "attribute.pdparams": (b"\x80\x04\x8c\x08mmengine\x8c\x09os.system\x93(tR.", r"asks for mmengine\.os\.system"),
    "bytes.pdparams": (b"\x80\x02cbuiltins\nbytearray\n(J\xff\xff\xff\x7ftR.", r"asks for builtins\.bytearray"),
    # Torch7
    "count.t7": (table(count=2**31 - 1), "announces"),
    "negative.t7": (table(count=-5), "announces"),
    "text.t7": (struct.pack("<ii", 2, 2**31 - 1), "announces"),
    "deep.t7": (b"".join(number(1)[:0] + struct.pack("<iii", 3, i, 1) for i in range(1, 5000)), "deeply|damaged"),
    "dimensions.t7": (table(number(1), tensor(10**6)), "dimensions"),
    "large.t7": (table(number(1), tensor(1, 10**9, 0)), r"shape \(1000000000,\) in 4"),
    "past.t7": (table(number(1), tensor(1, 3, 9)), "damaged|numbers"),
    "storage.t7": (table(number(1), tensor(1, 4, 1, count=2**62)), "announces"),
    "kind.t7": (struct.pack("<i", 6) + bytes(20), "type 6|no file"),
    "key.t7": (table(table(index=2), number(1)), "neither a number nor text"),
    "cut.t7": (table(number(1), tensor(1, 4, 1))[:-10], "damaged"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_in_a_line(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content, message = HOSTILE[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConversionError, match=message) as error:
        read_weights(path)
    assert len(str(error.value)) < 600 and "\n" not in str(error.value)
    assert str(path) in str(error.value)
    assert not Path("ran").exists()


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "model.pth").mkdir()
    with pytest.raises(ConversionError, match="is a folder"):
        read_weights(tmp_path / "model.pth")


@pytest.mark.parametrize("suffix", [".pth", ".pdparams", ".t7", ".bin"])
@pytest.mark.parametrize(
    "content", [GOOD, OLD, SAFE, pickle.dumps(ARRAYS)], ids=["zip", "old", "safetensors", "paddle"]
)
def test_a_file_is_read_by_what_it_is(content, suffix, tmp_path):
    (tmp_path / f"model{suffix}").write_bytes(content)
    weights = read_weights(tmp_path / f"model{suffix}")
    assert list(weights) == list(WEIGHTS)
    for name, weight in WEIGHTS.items():
        torch.testing.assert_close(weights[name], weight)


class HistoryBuffer:
    """As MMEngine keeps it: a class of a project that is not installed, with arrays inside."""

    def __init__(self):
        self._log_history = np.arange(3.0)
        self._statistics_methods = collections.OrderedDict(mean=HistoryBuffer.mean)

    def mean(self):
        return self._log_history.mean()


@pytest.fixture
def foreign(monkeypatch):
    """The history pickled as a class of MMEngine, which is gone when it is read."""
    module = type(sys)("mmengine_of_test")
    HistoryBuffer.__module__ = HistoryBuffer.mean.__module__ = module.__name__
    module.HistoryBuffer = HistoryBuffer
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return {"log_scalars": {"train/loss": HistoryBuffer()}, "last": np.float64(0.5), "count": np.int64(3),
            "device": torch.device("cpu"), "options": argparse.Namespace(type=int, path=Path("a")),
            "counts": collections.defaultdict(int, a=1), "kind": np.float32,
            "state": np.random.get_state()}  # fmt: skip


@pytest.mark.parametrize("old", [False, True], ids=["zip", "old"])
def test_histories_and_numpy_scalars_beside_the_weights(foreign, old, tmp_path):
    content = {"meta": {"epoch": 1}, "message_hub": foreign, "state_dict": WEIGHTS, "best": np.float32(0.9)}
    (tmp_path / "epoch_1.pth").write_bytes(torch_file(content, old))
    sys.modules.pop("mmengine_of_test")
    assert list(read_weights(tmp_path / "epoch_1.pth")) == list(WEIGHTS)


@pytest.mark.parametrize("key", ["net", "model_state", "weights", "params", "ema", "student", "anything"])
def test_weights_under_any_key(key, tmp_path):
    momentum = {index: {"exp_avg": torch.zeros(2, 3), "step": torch.tensor(1.0)} for index in range(3)}
    torch.save({"epoch": 1, key: WEIGHTS, "optimizer": {"state": momentum}}, tmp_path / "model.pth")
    assert list(read_weights(tmp_path / "model.pth")) == list(WEIGHTS)


def test_two_sets_of_weights_are_asked_for(tmp_path):
    other = {name: weight + 1 for name, weight in WEIGHTS.items()}
    torch.save({"model": WEIGHTS, "ema": {"shadow": other}}, tmp_path / "model.pth")
    with pytest.raises(ConversionError, match=r"several sets.*model \(3 tensors\), ema\.shadow \(3 tensors\)"):
        read_weights(tmp_path / "model.pth")
    for key, expected in (("model", WEIGHTS), ("ema.shadow", other), ("shadow", other)):
        torch.testing.assert_close(read_weights(tmp_path / "model.pth", key), expected)
    with pytest.raises(ConversionError, match="no weights under 'teacher'"):
        read_weights(tmp_path / "model.pth", "teacher")
    torch.save({"model": WEIGHTS, "ema": dict(WEIGHTS)}, tmp_path / "same.pth")
    assert list(read_weights(tmp_path / "same.pth")) == list(WEIGHTS)


def test_a_whole_pickled_module_gives_its_weights(tmp_path):
    module = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.LSTM(2, 3))
    torch.save({"model": module, "epoch": 3}, tmp_path / "model.pth")
    torch.testing.assert_close(read_weights(tmp_path / "model.pth"), dict(module.state_dict()))


def test_shared_and_transposed_tensors(tmp_path):
    base = torch.arange(24.0).view(4, 6)
    content = {"a": base, "b": base.T, "c": base[1:3, 2:4], "d": torch.tensor(3), "e": base.bfloat16()}
    torch.save(content, tmp_path / "model.pth")
    torch.testing.assert_close(read_weights(tmp_path / "model.pth"), content)
