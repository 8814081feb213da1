# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Text files as people bring them: UTF-8 or UTF-16 with a byte order mark, lines that end in LF, CRLF or CR."""

import codecs
import re
from os import PathLike
from pathlib import Path


__all__ = ["TextFileError", "read_lines", "read_text_file", "split_lines"]

#: Longest first: the mark of UTF-16 begins that of UTF-32.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class TextFileError(ValueError):
    """A text file in an encoding that cannot be told. The message names the file, the line and what to do."""


def read_text_file(path: str | PathLike) -> str:
    """A text file's content, without its byte order mark.

    Args:
        path (`str` or `PathLike`): a file in UTF-8, or in UTF-16 or UTF-32 with a byte order mark.

    Raises:
        TextFileError: it has bytes that are no text in its encoding.
    """
    data = Path(path).read_bytes()
    mark, encoding = next(((m, e) for m, e in BYTE_ORDER_MARKS if data.startswith(m)), (b"", "utf-8"))
    data = data[len(mark) :]
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise undecodable(path, encoding, data, error.start) from error
    if not mark and "\0" in text:
        raise TextFileError(
            f"{path} has zero bytes, as UTF-16 without a byte order mark has: save it as UTF-8, or convert it with "
            f"iconv -f UTF-16LE -t UTF-8"
        )
    return text


def read_lines(path: str | PathLike) -> list[str]:
    """The lines of a text file, see [`read_text_file`], and [`split_lines`] for where they end."""
    return split_lines(read_text_file(path))


def split_lines(text: str) -> list[str]:
    """Splits at LF, CRLF and CR alone: what `str.splitlines` takes for line ends besides may stand in a label.

    Example:
        >>> split_lines("Hello\\u2028World\\r\\nExit\\n")
        ['Hello\\u2028World', 'Exit']
    """
    lines = re.split(r"\r\n|\n|\r", text)
    return lines[:-1] if not lines[-1] else lines


def undecodable(path: str | PathLike, encoding: str, data: bytes, start: int) -> TextFileError:
    """The error for bytes that are no text: where they are, how they would read, and what to do.

    Args:
        path: the file.
        encoding: what it was taken for.
        data: its content, or a part from the beginning, without byte order mark.
        start: the first byte that is no text.
    """
    before = data[:start].decode(encoding, "replace")
    number = len(re.findall(r"\r\n|\n|\r", before)) + 1
    if encoding != "utf-8":
        return TextFileError(f"{path}, line {number}: this is not text in {encoding}. Save the file as UTF-8")
    begin = max(data.rfind(b"\n", 0, start), data.rfind(b"\r", 0, start)) + 1
    line = re.split(rb"[\r\n]", data[begin : begin + 200], maxsplit=1)[0]
    readings = []
    for name in ("cp1252", "cp1251", "gb18030", "shift_jis", "big5", "euc_kr"):
        try:
            readings.append(f"{name}: {line.decode(name)!r}")
        except UnicodeDecodeError:
            continue
    guesses = f" In other encodings it is {'; '.join(readings)}." if readings else ""
    return TextFileError(
        f"{path}, line {number} is not UTF-8.{guesses} Save the file as UTF-8, or convert it, here from cp1252: "
        f"iconv -f cp1252 -t UTF-8 {Path(path).name}"
    )
