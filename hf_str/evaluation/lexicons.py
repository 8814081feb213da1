# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Lexicons of test sets: the words that an image may show, a list for each image or one for all.

Papers use those of Wang et al. 2011: 50 words an image (SVT, ICDAR 2003), 50 and 1,000 an image (IIIT5K), all words of
the test set ("Full"), and the 50,000 of a spelling dictionary ("50k").
"""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data.formats.matlab_files import load_mat
from ..models.crnn.text_crnn import normalize_text
from ..models.crnn.text_files_crnn import read_lines


__all__ = ["draw_lexicons", "find_lexicons", "read_words"]

#: Names of IIIT5K's lexicons in its testdata.mat.
IIIT5K_LEXICONS = {"50": "smallLexi", "1k": "mediumLexi"}


def find_lexicons(
    lexicon: str,
    labels: Sequence[str],
    paths: Sequence[str],
    distractors: Sequence[str] = (),
    seed: int = 0,
) -> list[Sequence[str]]:
    """The lexicon of each image of a test set.

    Args:
        lexicon: one of

            - `full`: all words of the set;
            - a number: so many words, drawn by [`draw_lexicons`];
            - `FILE.txt`: a word a line, the same for all images;
            - `FILE.tsv`: a line an image, its path, then its words, with tabs between;
            - `testdata.mat:50`, `testdata.mat:1k`: those of IIIT5K;
            - `FILE.xml`: those of SVT.
        labels: what stands in each image.
        paths: of the images, by which they are found in a file.
        distractors: further words to draw from.
        seed: of the draw.

    Returns:
        A list an image; images with the same lexicon share one object.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no lexicon, or lacks an image; the message names it.
    """
    labels = list(map(normalize_text, labels))
    if lexicon == "full":
        return [sorted(set(labels))] * len(labels)
    if lexicon.isdecimal():
        return draw_lexicons(labels, int(lexicon), distractors, seed)
    name, _, size = lexicon.partition(".mat:")
    file = Path(f"{name}.mat" if size else lexicon).expanduser()
    if file.suffix == ".txt":
        return [read_words(file)] * len(labels)
    if file.suffix == ".tsv":
        by_image = {name: words.split("\t") for name, _, words in (line.partition("\t") for line in _lines(file))}
    elif file.suffix == ".mat" and size in IIIT5K_LEXICONS:
        by_image = _iiit5k_lexicons(file, IIIT5K_LEXICONS[size])
    elif file.suffix == ".xml":
        by_image = {
            (image.findtext("imageName") or "").strip(): (image.findtext("lex") or "").split(",")
            for image in ElementTree.parse(file).getroot().iter("image")
        }
    else:
        raise ValueError(
            f"{lexicon!r} is no lexicon: give full, a number of words, a .txt file with a word a line, a .tsv file "
            "with an image and its words a line, IIIT5K's testdata.mat:50 or testdata.mat:1k, or SVT's test.xml"
        )
    by_image = {name: list(map(normalize_text, words)) for name, words in by_image.items()}
    return [_lexicon_of(path, by_image, file) for path in paths]


def read_words(file: Path) -> list[str]:
    """The words of a text file in UTF-8, one a line, in NFC; empty lines and repetitions are left out."""
    return list(dict.fromkeys(filter(None, (normalize_text(line).strip() for line in _lines(file)))))


def draw_lexicons(
    labels: Sequence[str], size: int, distractors: Sequence[str] = (), seed: int = 0
) -> list[Sequence[str]]:
    """Draws a lexicon for each image, where the ones that papers use are not at hand.

    The rule: the image's word, and `size - 1` others, drawn without replacement from the other words of the test set;
    where it has too few different ones, all of them and the rest from the distractors. Words that differ only in case
    are one. The lexicon of image `i` is drawn with the seed `[seed, i]`, and sorted, so that nothing tells which word
    is the image's.

    Raises:
        ValueError: there are not enough different words.
    """
    own = {label.lower(): label for label in labels}
    words = list(own.values())
    indices = {key: index for index, key in enumerate(own)}
    further = [word for key, word in {word.lower(): word for word in distractors}.items() if key not in own]
    if len(words) + len(further) < size:
        raise ValueError(
            f"a lexicon of {size} words cannot be drawn from {len(words)} different labels and {len(further)} "
            "distractors: give more distractors"
        )
    return [_draw(words, indices[label.lower()], label, further, size, [seed, i]) for i, label in enumerate(labels)]


def _draw(words: list[str], own: int, label: str, further: list[str], size: int, seed: list[int]) -> list[str]:
    rng = np.random.default_rng(seed)
    count = min(size - 1, len(words) - 1)
    drawn = rng.choice(len(words) - 1, count, replace=False)
    chosen = [words[index + (index >= own)] for index in drawn.tolist()]  # all indices but the image's own
    chosen += [further[index] for index in rng.choice(len(further), size - 1 - count, replace=False).tolist()]
    return sorted([label, *chosen])


def _lines(file: Path) -> Iterator[str]:
    yield from (line for line in read_lines(file) if line.strip())


def _iiit5k_lexicons(file: Path, name: str) -> dict[str, list[str]]:
    records = load_mat(file).get("testdata")
    if records is None or name not in (records.dtype.names or ()):
        raise ValueError(f"{file} has no lexicons {name!r}")
    images = [_strings(cell)[0] for cell in records["ImgName"].ravel()]
    return dict(zip(images, map(_strings, records[name].ravel()), strict=True))


def _strings(cell: Any) -> list[str]:
    """The strings in arrays of arrays, as MATLAB's cells come."""
    if isinstance(cell, np.ndarray) and cell.dtype == object:
        return [text for part in cell.ravel() for text in _strings(part)]
    return [str(text) for text in np.ravel(cell)]


def _lexicon_of(path: str, by_image: Mapping[str, Sequence[str]], file: Path) -> Sequence[str]:
    """By the longest end of the path that the file knows; a word in a scene, `scene.jpg#3.jpg`, by its scene."""
    parts = Path(path.partition("#")[0]).parts
    for start in range(len(parts)):
        if words := by_image.get("/".join(parts[start:])):
            return words
    raise ValueError(f"{file} has no lexicon for the image {path}")
