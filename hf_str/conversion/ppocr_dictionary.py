"""The dictionary of a PP-OCR recognizer that was exported to ONNX: in the file, or beside it."""

from collections.abc import Mapping
from pathlib import Path

import yaml


__all__ = ["find_ppocr_dictionary"]


def find_ppocr_dictionary(file: str | Path, metadata: Mapping[str, str], num_classes: int) -> list[str]:
    """The characters of the classes from 1 on; class 0 is the blank.

    Looks for `character` in the metadata, then for `inference.yml` and text files named `*dict*.txt` in the folder of
    the file. PP-OCR's networks have a class for the space after those of the dictionary, which has no line for it.

    Args:
        file: the ONNX file.
        metadata: of its graph.
        num_classes: of the graph's output, the blank's among them.

    Raises:
        ValueError: there is no dictionary, or it has another number of characters than the graph has classes.
    """
    folder, found = Path(file).parent, {}
    if metadata.get("character"):
        found["its metadata"] = metadata["character"].split("\n")
    for path in folder.glob("inference.yml"):
        # BaseLoader: each entry is text, whatever it looks like. In C where there is one: 18,708 lines take a second.
        settings = yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CBaseLoader", yaml.BaseLoader))
        found[path.name] = settings.get("PostProcess", {}).get("character_dict", [])
    for path in sorted(folder.glob("*dict*.txt")):
        found[path.name] = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
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
