# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""CSV as people write it: by RFC 4180, or with commas and quotation marks in labels as they are, as EasyOCR has it."""

import re
from pathlib import Path

from ...models.crnn.text_files_crnn import read_text_file, split_lines
from ..image_paths import IMAGE_SUFFIXES
from .annotations import AnnotationError


__all__ = ["NAME_COLUMNS", "TEXT_COLUMNS", "CsvFile", "find_columns", "read_csv"]

NAME_COLUMNS = (
    *("file_name", "filename", "image", "image_path", "img_path", "image_name", "path", "file", "filepath", "images"),
    "file_path",
)
TEXT_COLUMNS = (
    *("text", "words", "label", "transcription", "ground_truth", "plate_text", "plate", "word", "labels", "gt"),
    *("caption", "sentence", "texts"),
)

Record = tuple[int, list[str]]


class CsvFile:
    """What stands in a CSV file.

    Attributes:
        columns: the header's names, or `["file_name", "text"]` where the first line is a word already.
        records: the number of the line and its fields, without the header and empty lines.
    """

    def __init__(self, columns: list[str], records: list[Record]):
        self.columns, self.records = columns, records


class _NotRfc4180Error(Exception):
    """Line number and what is wrong there."""


def find_columns(header: list[str]) -> tuple[int, int] | None:
    """The indices of the image's and the text's column, by their names; `None` if one is not there."""
    header = [column.strip().lower() for column in header]
    name = next((header.index(column) for column in NAME_COLUMNS if column in header), None)
    text = next((header.index(column) for column in TEXT_COLUMNS if column in header), None)
    return None if name is None or text is None else (name, text)


def read_csv(file: Path) -> CsvFile:
    """Reads a file whose separator is a comma, a semicolon or a tab.

    A first line "sep=;", as Excel reads it, says the separator. Spaces after separators belong to no text if the first
    line has one after each. By RFC 4180, if each record has as many fields as the header; else, with two columns, each
    line up to the first separator (or the last, if the text comes first), with nothing unquoted.

    Raises:
        AnnotationError: neither is possible, by line number.
    """
    text = read_text_file(file)
    said = re.match(r'"?sep=([,;\t])"?(?=[\r\n])', text)
    text = text[said.end() :] if said else text  # its end stays: lines keep their numbers
    first = next((line for line in split_lines(text) if line.strip()), "")
    separator = said[1] if said else next((s for s in ",;\t" if find_columns(_unquoted(first, s))), ",")
    fields = first.split(separator)[1:]
    space = " *" if fields and all(field.startswith(" ") for field in fields) else ""
    try:
        records = _records(text, separator, space)
        columns, records = _header(records)
        return CsvFile(columns, _checked(records, len(columns)))
    except _NotRfc4180Error as error:
        columns, records = _header([(1, _unquoted(first, separator))])
        number, reason = error.args
        if len(columns) != 2:
            raise AnnotationError(
                f"{file}, line {number}: {reason}. The header has {len(columns)} columns: {', '.join(columns)}. "
                'Put texts with commas between quotation marks, and write a quotation mark in them twice: "a ""b"", c"'
            ) from None
        return CsvFile(columns, _as_they_are(file, text, separator + space, columns, bool(records), error))


def _unquoted(line: str, separator: str) -> list[str]:
    return [field.strip().strip('"') for field in line.split(separator)]


def _header(records: list[Record]) -> tuple[list[str], list[Record]]:
    if not records:
        return [], []
    fields = records[0][1]
    if len(fields) >= 2 and find_columns(fields) is None and fields[0].lower().endswith(IMAGE_SUFFIXES):
        return ["file_name", "text"], records
    return [field.strip() for field in fields], records[1:]


def _checked(records: list[Record], count: int) -> list[Record]:
    longer = [record for record in records if len(record[1]) > count]
    if longer and len(longer) == len(records) and not any(any(fields[count:]) for _, fields in longer):
        return [(number, fields[:count]) for number, fields in records]  # a comma ends each line
    if longer:
        number, fields = longer[0]
        raise _NotRfc4180Error(number, f"{len(fields)} fields instead of {count}")
    return records


def _records(text: str, separator: str, space: str) -> list[Record]:
    """Records of a text; `space` is a pattern of what belongs to no text after a separator."""
    if '"' not in text:
        return [
            (n, re.split(separator + space, line)) for n, line in enumerate(split_lines(text), start=1) if line.strip()
        ]
    quoted = re.compile(r'"((?:[^"]|"")*)"')
    bare = re.compile(rf"[^{separator}\r\n]*")  # fits everywhere, if only nothing
    end = re.compile(rf"{separator}{space}|\r\n|\n|\r|\Z")
    a_row = re.compile(
        rf"[^{separator}\r\n]*({'|'.join(map(re.escape, IMAGE_SUFFIXES))})\"?{separator}", re.IGNORECASE
    )
    records, fields, position, number, start = [], [], 0, 1, 1
    while position < len(text) or fields:
        is_quoted = text.startswith('"', position)
        match = (quoted if is_quoted else bare).match(text, position)
        if match is None:
            raise _NotRfc4180Error(number, "a quotation mark that is not closed")
        field = match[0]
        if is_quoted:
            field = match[1].replace('""', '"')
            inner = split_lines(match[1] + "\n")
            if any(a_row.match(line) for line in inner[1:]):
                raise _NotRfc4180Error(number, "a quotation mark that would make one label of this line and the next")
            number += len(inner) - 1
        fields.append(field)
        after = end.match(text, match.end())
        if after is None:
            raise _NotRfc4180Error(number, "text after a closing quotation mark")
        position = after.end()
        if not after[0].startswith(separator):
            if fields != [""]:
                records.append((start, fields))
            fields, number = [], number + 1
            start = number
            if position >= len(text):
                break
    return records


def _as_they_are(
    file: Path, text: str, separator: str, columns: list[str], has_no_header: bool, error: _NotRfc4180Error
) -> list[Record]:
    number_of_error, reason = error.args
    name_index = (find_columns(columns) or (0, 1))[0]
    lines = [(number, line) for number, line in enumerate(split_lines(text), start=1) if line.strip()]
    records = []
    for number, line in lines if has_no_header else lines[1:]:
        # a pattern, in which white space after the separator may belong to it
        found = list(re.finditer(separator, line))
        cut = found[0 if name_index == 0 else -1] if found else None
        fields = [line[: cut.start()], line[cut.end() :]] if cut else [line, ""]
        name, label = fields[name_index], fields[1 - name_index]
        is_quoted = len(label) > 1 and label[0] == label[-1] == '"'
        if is_quoted or name.startswith('"') or cut is None or not name.lower().endswith(IMAGE_SUFFIXES):
            what = "is quoted as CSV has it" if is_quoted or name.startswith('"') else "has no image and text"
            raise AnnotationError(
                f"{file}, line {number_of_error}: {reason}; yet line {number} {what}, so it cannot be told which "
                "quotation marks and commas are part of a label. Put texts with commas or quotation marks between "
                'quotation marks, and write a quotation mark in them twice: "a ""b"", c"'
            )
        records.append((number, fields))
    return records
