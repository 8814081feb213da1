# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The lines of large text files, of which only the positions are kept in memory."""

import codecs
import mmap
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..models.crnn.text_files_crnn import BYTE_ORDER_MARKS, read_text_file
from .items import Indexed


__all__ = ["TextLines"]

#: Bytes that are checked at a time for being text.
_PIECE = 1 << 24


class TextLines(Indexed[tuple[int, str]]):
    """The lines of a text file as `(number, line)`, without the empty ones. Only their positions are kept in memory.

    Args:
        path: a file in UTF-8, or in UTF-16 or UTF-32 with a byte order mark, its lines ended by LF, CRLF or CR.

    Bytes that are no text become U+FFFD, which is enough to tell what a file is; who reads labels calls [`check`].
    """

    def __init__(self, path: str | Path):
        self.path = str(path)
        self._open()
        data = np.frombuffer(self._bytes, np.uint8) if self._bytes else np.zeros(0, np.uint8)
        # LF, and CR where none follows: the CR of CRLF is taken off with its line's white space
        is_end = data == ord("\n")
        is_end[:-1] |= (data[:-1] == ord("\r")) & (data[1:] != ord("\n"))
        ends = np.append(np.flatnonzero(is_end), len(data))
        starts = np.append(0, ends[:-1] + 1)
        if self._bytes[:3] == b"\xef\xbb\xbf":
            starts[0] = 3
        # a line of white space only is no line: the first byte tells for nearly all, the rest is looked at
        filled = [i for i in np.flatnonzero(ends > starts) if self._bytes[starts[i] : ends[i]].strip()]
        self.numbers, self.starts, self.ends = np.array(filled, np.int64) + 1, starts[filled], ends[filled]

    def _open(self):
        with open(self.path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
        start = self._bytes[:4]
        encoding = next((encoding for mark, encoding in BYTE_ORDER_MARKS if start.startswith(mark)), "utf-8")
        if encoding != "utf-8":  # rare, and small
            self._bytes = self._bytes[:].decode(encoding, "replace").removeprefix("\ufeff").encode()

    def check(self) -> "TextLines":
        """Itself, if all of it is text.

        Raises:
            TextFileError: by file and line number, it is not.
        """
        if len(self._bytes) and isinstance(self._bytes, bytes):
            read_text_file(self.path)  # UTF-16, in memory already
        decoder = codecs.getincrementaldecoder("utf-8")()
        for begin in range(0, len(self._bytes), _PIECE):
            piece = self._bytes[begin : begin + _PIECE]
            try:
                decoder.decode(piece, final=begin + _PIECE >= len(self._bytes))
            except UnicodeDecodeError:
                read_text_file(self.path)  # says where
            if b"\0" in piece:
                read_text_file(self.path)
        return self

    def drop_first(self):
        """Leaves out the first line, a header."""
        self.numbers, self.starts, self.ends = self.numbers[1:], self.starts[1:], self.ends[1:]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_bytes"}

    def __setstate__(self, state: dict[str, Any]):
        self.__dict__.update(state)
        self._open()

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int, /) -> tuple[int, str]:
        line = self._bytes[self.starts[index] : self.ends[index]]
        return int(self.numbers[index]), line.decode("utf-8", "replace").rstrip("\r\n")
