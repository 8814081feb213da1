# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The kind of a file by its first bytes, whatever its suffix."""

import re
import zipfile
from pathlib import Path

from .family import ConversionError


__all__ = ["kind_of"]

#: First bytes of files that are often taken for weights, and what to tell their owner.
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
_HEAD_SIZE = 1024
_ASK = "give the file of weights itself"
#: Of ONNX: the number of its version, and which field may follow.
_ONNX = re.compile(rb"\x08[\0-\x1f][\x12\x1a\x22\x2a\x32\x3a\x42]", re.DOTALL)
#: Of protocols 2 to 5, and of protocol 0, which is text.
_PICKLE = re.compile(rb"\x80[\0-\x05]|c[\w.]+\n[\w.]+\n|\([dli]p\d+\n", re.DOTALL)
_TORCH7 = re.compile(rb"[\0-\x05]\0\0\0", re.DOTALL)


def kind_of(path: Path) -> str:
    """The kind of a file of weights: "torch zip", "pickle", "safetensors" or "torch7".

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
        head = file.read(_HEAD_SIZE)
    if not head:
        raise ConversionError(f"{path} is empty: it was not written or downloaded to its end")
    if head.startswith(b"PK\x03\x04"):
        return _kind_of_zip(path)
    if stranger := _stranger(head):
        raise ConversionError(f"{path} is {stranger}")
    if head[8:9] == b"{" and 1 < int.from_bytes(head[:8], "little") < max(size, 2**32):
        return "safetensors"
    if _PICKLE.match(head):
        return "pickle"
    if _ONNX.match(head):
        raise ConversionError(
            f"{path} is an ONNX graph: of those only the ones of PP-OCR convert, and are named .onnx"
        )
    if _TORCH7.match(head):
        return "torch7"
    if (text := _text(head)) is not None:
        raise ConversionError(f"{path} is text, which begins with {text[:30]!r}; {_ASK}")
    if path.suffix == ".t7":
        return "torch7"
    raise ConversionError(
        f"{path} is no file of torch.save, safetensors, Paddle or Torch7 (it begins with {head[:8].hex(' ')}), or its "
        "beginning is damaged"
    )


def _stranger(head: bytes) -> str:
    """What a file is that is often taken for weights, and what to do with it; empty if it is none of these."""
    for start, what in _STRANGERS:
        if head.startswith(start):
            return what if ":" in what else f"{what}; {_ASK}"
    if head[257:262] == b"ustar":
        return "a tar archive: unpack it first"
    if head[4:8] == b"TFL3":
        return f"a network of TensorFlow Lite; {_ASK}"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "a web page, not weights: open its address in a browser, it may ask for a login"
    return ""


def _text(head: bytes) -> str | None:
    """How the file begins where it is text, or `None`."""
    try:
        text = head[:-3].decode() if len(head) == _HEAD_SIZE else head.decode()  # the cut may go through a character
    except UnicodeDecodeError:
        return None
    is_text = all(character.isprintable() or character in "\r\n\t" for character in text)
    return text.strip() if is_text else None


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
