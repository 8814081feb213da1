# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What a file is by its first bytes, whatever it is called."""

import re
import zipfile
from pathlib import Path

from .family import ConversionError


__all__ = ["kind_of"]

#: How files begin that are often taken for weights, and what to tell their owner.
_STRANGERS = (
    (b"version https://git-lfs", "a pointer of Git LFS: the weights were never downloaded, `git lfs pull` does"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "packed with gzip: unpack it first"),
    (b"BZh", "packed with bzip2: unpack it first"),
    (b"\xfd7zXZ", "packed with xz: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd: unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it first"),
    (b"Rar!", "a RAR archive: unpack it first"),
    (b"\x89HDF", "an HDF5 file, such as those of Keras"),
    (b"\x93NUMPY", "an array of numpy"),
    (b"GGUF", "a GGUF file"),
    (b"SQLite", "a database of SQLite"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"RIFF", "a RIFF file, such as a WebP image"),
    (b"BM", "a BMP image"),
)
_ASK = "give the file of weights itself"


def kind_of(path: Path) -> str:
    """ "torch zip", "pickle", "safetensors" or "torch7": what can be read.

    Raises:
        ConversionError: it is none of these; the message says what it is.
        FileNotFoundError: there is no such file.
    """
    if path.is_dir():
        raise ConversionError(f"{path} is a folder: {_ASK}")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(1024)
    if not head:
        raise ConversionError(f"{path} is empty: it was not written or downloaded to its end")
    if head.startswith(b"PK\x03\x04"):
        return _kind_of_zip(path)
    for start, what in _STRANGERS:
        if head.startswith(start):
            raise ConversionError(f"{path} is {what}; {_ASK}" if ":" not in what else f"{path} is {what}")
    if head[257:262] == b"ustar":
        raise ConversionError(f"{path} is a tar archive: unpack it first")
    if head[4:8] == b"TFL3":
        raise ConversionError(f"{path} is a network of TensorFlow Lite; {_ASK}")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise ConversionError(
            f"{path} is a web page, not weights: open its address in a browser, it may ask for a login"
        )
    if head[8:9] == b"{" and 1 < int.from_bytes(head[:8], "little") < max(size, 2**32):
        return "safetensors"
    if head[0] == 0x80 and len(head) > 1 and head[1] <= 5:
        return "pickle"
    if re.match(rb"c[\w.]+\n[\w.]+\n|\([dli]p\d+\n", head):  # of protocol 0, which is text
        return "pickle"
    if (
        head[0] == 8
        and head[1:2] < b"\x20"
        and head[2:3] in (b"\x12", b"\x1a", b"\x22", b"\x2a", b"\x32", b"\x3a", b"\x42")
    ):
        raise ConversionError(
            f"{path} is an ONNX graph: of those only the ones of PP-OCR convert, and are named .onnx"
        )
    if len(head) >= 4 and head[0] in range(6) and head[1:4] == b"\0\0\0":
        return "torch7"
    try:
        start = head[:-3].decode() if len(head) == 1024 else head.decode()
    except UnicodeDecodeError:
        start = "\0"
    if start.isprintable() or all(character.isprintable() or character in "\r\n\t" for character in start):
        raise ConversionError(f"{path} is text, which begins with {start.strip()[:30]!r}; {_ASK}")
    if path.suffix == ".t7":
        return "torch7"
    raise ConversionError(
        f"{path} is no file of torch.save, safetensors, Paddle or Torch7 (it begins with {head[:8].hex(' ')}), or its "
        "beginning is damaged"
    )


def _kind_of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise ConversionError(
            f"{path} is damaged: it begins as a file of torch.save (or another zip archive) and has no end; download "
            "or copy it again"
        ) from error
    names = [entry.filename for entry in entries]
    if any(name.endswith("/constants.pkl") or "/code/" in name for name in names):
        raise ConversionError(
            f"{path} is a TorchScript archive, a program with its weights, and no program is run here: save the "
            "weights alone, torch.save(module.state_dict(), ...)"
        )
    if not any(name == "data.pkl" or name.endswith("/data.pkl") for name in names):
        shown = ", ".join(names[:3]) or "nothing"
        raise ConversionError(
            f"{path} is a zip archive of {len(names)} files ({shown} ...), not weights: unpack it first"
        )
    if sum(entry.file_size for entry in entries) > 2 * path.stat().st_size + 2**20:
        raise ConversionError(f"{path} is damaged or hostile: it unpacks to many times its size, which weights do not")
    return "torch zip"
