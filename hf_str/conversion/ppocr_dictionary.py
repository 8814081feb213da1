# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The dictionary of a PP-OCR recognizer: in its file, beside it, or in a file that is named."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from ..models.crnn.text_files_crnn import read_text_file, split_lines


__all__ = ["find_ppocr_dictionary"]


def find_ppocr_dictionary(
    file: str | Path, metadata: Mapping[str, str], num_classes: int, dictionary: str | Path | None = None
) -> list[str]:
    """The characters of the classes from 1 on; class 0 is the blank.

    Looks for `character` in the metadata, then for `inference.yml` and text files named `*dict*.txt` in the folder of
    the file. PP-OCR's networks have a class for the space after those of the dictionary, which has no line for it.

    Args:
        file: of the network.
        metadata: of its graph, if it is an ONNX file.
        num_classes: of the graph's output, the blank's among them.
        dictionary: a text file with a character a line, or an `inference.yml`; nothing else is looked at then.

    Raises:
        ValueError: there is no dictionary, or it has another number of characters than the graph has classes.
        FileNotFoundError: there is no file `dictionary`.
    """
    folder, found = Path(file).parent, {}
    if dictionary is not None:
        found[Path(dictionary).name] = _read_dictionary(Path(dictionary))
    else:
        if metadata.get("character"):
            found["its metadata"] = metadata["character"].split("\n")
        for path in [*folder.glob("inference.yml"), *sorted(folder.glob("*dict*.txt"))]:
            found[path.name] = _read_dictionary(path)
    for characters in found.values():
        for charset in (characters, [*characters, " "]):
            if len(charset) == num_classes - 1:
                return charset
    if not found:
        raise ValueError(
            f"{file} has no dictionary: put the inference.yml that was released with it, or its *_dict.txt with a "
            f"character a line, into {folder}"
        )
    sizes = ", ".join(f"{name} has {len(characters):,} characters" for name, characters in found.items())
    raise ValueError(
        f"{file} has {num_classes:,} classes, which should be a blank, a dictionary and a space, but {sizes}"
    )


def _read_dictionary(path: Path) -> list[str]:
    text = read_text_file(path)
    if path.suffix not in (".yml", ".yaml"):
        lines = split_lines(text)  # not splitlines, nor strip: a symbol may be such a character
        if "" in lines:
            raise ValueError(f"line {lines.index('') + 1} of {path} is empty: a dictionary has a character a line")
        return lines
    try:
        # BaseLoader: each entry is text, whatever it looks like. In C where there is one: 18,708 lines take a second.
        settings = yaml.load(text, getattr(yaml, "CBaseLoader", yaml.BaseLoader))
        characters = settings["PostProcess"]["character_dict"]
    except (yaml.YAMLError, KeyError, TypeError):
        characters = None
    if isinstance(characters, list):
        return characters
    raise ValueError(f"{path} has no list PostProcess.character_dict, where PP-OCR's inference.yml has its dictionary")
