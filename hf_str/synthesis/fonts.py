# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds the fonts of this machine that can spell words, and says what each of them is good for.

A folder full of fonts is no list of usable fonts: many lack letters, draw boxes or pictures in their place, or show
capitals where lower case is asked for, which would teach a reader wrong labels. Each face is therefore looked at,
glyph by glyph, once; the verdicts are kept in the user's cache folder, so that the second call is instant.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import logging
import os
import string
import struct
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageFont
from tqdm.auto import tqdm

from ..utils.optional import require


__all__ = ["Font", "draw_glyph", "find_fonts", "font_folders"]

_SUFFIXES = (".ttf", ".otf", ".ttc", ".woff")  # what FreeType reads by itself; WOFF 2 it does not
_LOOK_SIZE = 40  # pixels per em at which glyphs are looked at
_CELL = 12  # glyphs are compared as _CELL x _CELL pictures of their ink
_CACHE_VERSION = 4
# Letters whose two cases differ in shape, not only in size ("c" and "C" do not tell small caps from lower case).
_CASE_LETTERS = "abdefghimnqrt"
_SLANTS = (0.0, 0.2, 0.4)  # by how much of their height letters lean that are still letters
_ENOUGH = 0.9  # share of a large script that a face must draw
# Scripts of thousands of signs are not drawn sign by sign: where these few are drawn, what the font's table of
# characters lists is believed.
_EAST_ASIAN_SAMPLE = 24
# What parsers of damaged font files raise, fontTools' own error aside.
_DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, AssertionError, ArithmeticError, struct.error)
_NEVER_ASSIGNED = "\U0010fffe"  # a noncharacter: drawing it shows the font's .notdef box


@dataclass(frozen=True)
class Font:
    """One usable face.

    Args:
        path: the font file.
        index: which face of a collection (.ttc); 0 for the others.
        family: the family's name: faces of one family are weights and slopes of one design.
        style: the face's name inside its family, for example "Bold Italic".
        characters: the wanted characters that this face really draws.
        case: "upper" where both cases look like capitals (small caps), "lower" where both look like small letters:
            safe for labels in that case only. "both" for all others.
        plainness: how much its letters look like plain print, from 0 (ornaments) to 1 (a grotesque like Helvetica).
        stroke: share of the letters' boxes that is ink: 0.2 is light, 0.4 regular, 0.6 bold.
        monospaced: all letters are equally wide, as on a typewriter.
        connected: small letters run into each other, as in joined handwriting.
    """

    path: str
    index: int
    family: str
    style: str
    characters: frozenset[str]
    case: str
    plainness: float
    stroke: float = 0.4
    monospaced: bool = False
    connected: bool = False

    def can_spell(self, text: str) -> bool:
        """Whether `text` drawn in this face reads as `text`."""
        if self.case != "both" and text != (text.upper() if self.case == "upper" else text.lower()):
            return False
        return self.characters.issuperset(text)


def find_fonts(
    characters: Iterable[str],
    folders: Iterable[str | os.PathLike] | None = None,
    cache: bool = True,
    progress: bool = False,
) -> list[Font]:
    """Finds the fonts that can draw `characters`.

    A face must draw every letter and digit among `characters`; one that lacks rarer signs is kept, its
    [`Font.characters`] says which words it can spell. Where Hangul, kana or Chinese characters are among them, a face
    that draws nine tenths of these is kept too, and so is one that draws all the other letters and digits: Korean
    signs hold Latin words in Latin faces. The same holds for the scripts from Hebrew to Khmer, whose faces have
    seldom letters of another script.

    Args:
        characters: the characters that words will be made of.
        folders: where to look, recursively; by default the font folders of this system.
        cache: keep what was found out about each file in the user's cache folder.
        progress: show a progress bar while new files are looked at.

    Returns:
        The usable faces, one for each distinct look, ordered by family, style and path.

    Raises:
        ValueError: `characters` is empty.
        FileNotFoundError: no usable font was found; the message says what to install.
        ImportError: Pillow or fontTools is missing.

    Example:
        >>> from hf_str.synthesis import find_fonts
        >>> fonts = find_fonts("ABCabc123")  # doctest: +SKIP
    """
    wanted = sorted({character for character in characters if not character.isspace()})
    if not wanted:
        raise ValueError("find_fonts needs at least one character that is not a space.")
    logging.getLogger("fontTools").setLevel(logging.ERROR)  # it warns of every oddity in every file
    searched = [Path(folder).expanduser() for folder in (font_folders() if folders is None else folders)]
    records = _Records(_cache_file() if cache else None)
    files = _font_files(searched)
    if progress and any(records.is_new(path, wanted) for path in files):
        files = tqdm(files, desc="looking at fonts", unit="file")
    core = {character for character in wanted if character.isalnum()} or set(wanted)
    east_asian = {character for character in core if _is_east_asian(character)}
    southern = {character for character in core if _is_southern(character)}
    western = core - east_asian - southern
    fonts, seen = [], set()
    for path in files:
        for face in records.faces(path, wanted):
            supported = frozenset(wanted).intersection(face["supported"])
            draws_western = bool(western) and western <= supported
            draws_another = any(
                script and len(script & supported) >= _ENOUGH * len(script) for script in (east_asian, southern)
            )
            if not face["readable"] or not (draws_western or draws_another) or face["look"] in seen:
                continue
            seen.add(face["look"])
            fonts.append(
                Font(
                    path=str(path),
                    index=face["index"],
                    family=face["family"],
                    style=face["style"],
                    characters=supported,
                    case=face["case"],
                    plainness=face["plainness"],
                    stroke=face["stroke"],
                    monospaced=face["monospaced"],
                    connected=face["connected"],
                )
            )
    records.save()
    if not fonts:
        raise FileNotFoundError(_nothing_found(searched, core))
    return sorted(fonts, key=lambda font: (font.family.lower(), font.style, font.path, font.index))


def font_folders() -> list[Path]:
    """The folders in which this system keeps fonts, those that exist."""
    home = Path.home()
    if sys.platform == "darwin":
        folders = [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    elif sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA", home / "AppData/Local"))
        folders = [Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts", local / "Microsoft/Windows/Fonts"]
    else:
        folders = [
            Path("/usr/share/fonts"),
            Path("/usr/local/share/fonts"),
            home / ".fonts",
            home / ".local/share/fonts",
        ]
    return [folder for folder in folders if folder.is_dir()]


def _font_files(folders: Iterable[Path]) -> list[Path]:
    """Every font file below `folders`, each real file once, sorted."""
    files = {}
    for folder in folders:
        for path in folder.rglob("*"):
            if path.suffix.lower() in _SUFFIXES and path.is_file():
                files.setdefault(path.resolve(), path)
    return sorted(files)


def _nothing_found(folders: list[Path], core: set[str]) -> str:
    where = ", ".join(map(str, folders)) or "no font folder exists on this machine"
    return (
        f"No usable font was found (looked in: {where}). A font is usable when it draws all of "
        f"{''.join(sorted(core))!r}. On Debian or Ubuntu: apt-get install fonts-dejavu fonts-liberation "
        "fonts-roboto fonts-open-sans fonts-lato fonts-ubuntu-title fonts-cabin fonts-play fonts-lobster "
        "fonts-dancingscript fonts-ebgaramond fonts-linuxlibertine. Or pass folders with .ttf, .otf, .ttc or .woff "
        "files."
    )


# ---------------------------------------------------------------------------------------------------------------------
# What is remembered about each file
# ---------------------------------------------------------------------------------------------------------------------


def _cache_file() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "hf_str" / f"fonts-v{_CACHE_VERSION}.json"


class _Records:
    """What is known about each font file, read from and written to a JSON file (`None`: kept in memory only).

    The file holds `{"tested": [characters, ...], "files": {key: {"tested": number, "faces": [record, ...]}}}`: the
    characters looked for are the same for most files, and may be thousands.
    """

    def __init__(self, file: Path | None):
        self.file = file
        self.changed = False
        self.entries: dict[str, dict] = {}
        if file is not None and file.is_file():
            # Unreadable or of another form: it is only a cache, so it is made again.
            with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
                known = json.loads(file.read_text(encoding="utf-8"))
                sets = [frozenset(characters) for characters in known["tested"]]
                self.entries = {
                    key: {"tested": sets[entry["tested"]], "faces": entry["faces"]}
                    for key, entry in known["files"].items()
                }

    def faces(self, path: Path, wanted: list[str]) -> list[dict]:
        """The records of the faces in one file; looks at the file if it, or a character, is new."""
        key = self._key(path)
        if self.is_new(path, wanted):
            tested = frozenset(wanted).union(self.entries.get(key, {}).get("tested", ()))
            self.entries[key] = {"tested": tested, "faces": list(_look_at_file(path, sorted(tested)))}
            self.changed = True
        return self.entries[key]["faces"]

    def is_new(self, path: Path, wanted: list[str]) -> bool:
        """Whether the file, or some wanted character in it, was never looked at."""
        entry = self.entries.get(self._key(path))
        return entry is None or not entry["tested"].issuperset(wanted)

    @staticmethod
    def _key(path: Path) -> str:
        status = path.stat()
        return f"{path}|{status.st_mtime_ns}|{status.st_size}"

    def save(self) -> None:
        """Writes the cache, replacing the old file at once so that parallel runs never read half of it."""
        if self.file is None or not self.changed:
            return
        numbers: dict[frozenset[str], int] = {}
        files = {
            key: {"tested": numbers.setdefault(entry["tested"], len(numbers)), "faces": entry["faces"]}
            for key, entry in self.entries.items()
        }
        known = {"tested": ["".join(sorted(characters)) for characters in numbers], "files": files}
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                "w", dir=self.file.parent, suffix=".tmp", delete=False, encoding="utf-8"
            ) as out:
                json.dump(known, out, ensure_ascii=False)
            os.replace(out.name, self.file)
        except OSError:
            return  # a read-only home folder costs time on the next call, nothing else


# ---------------------------------------------------------------------------------------------------------------------
# Looking at one file
# ---------------------------------------------------------------------------------------------------------------------


def _look_at_file(path: Path, characters: list[str]) -> Iterator[dict]:
    """Yields a record for each face of a file; nothing for a file that is no font."""
    font_tools = require("fontTools.ttLib", "synthesis")
    damage = (font_tools.TTLibError, *_DAMAGE)
    try:
        if path.suffix.lower() == ".ttc":
            faces = font_tools.TTCollection(str(path), lazy=True).fonts
        else:
            faces = [font_tools.TTFont(str(path), lazy=True)]
    except damage:
        return
    for index, face in enumerate(faces):
        with contextlib.suppress(*damage):
            record = _look_at_face(path, index, face, characters)
            if record is not None:
                yield record


def _look_at_face(path: Path, index: int, face, characters: list[str]) -> dict | None:
    """Draws every character of one face and judges what is seen; `None` when it has no character map."""
    cmap = face.getBestCmap()
    if not cmap:
        return None
    family, style = _names(face, path)
    font = ImageFont.truetype(str(path), _LOOK_SIZE, index=index, layout_engine=ImageFont.Layout.BASIC)
    box = _ink(font, _NEVER_ASSIGNED)
    listed = {character for character in characters if ord(character) in cmap}
    large = sorted(filter(_is_east_asian, listed))
    sample = large[:: max(1, len(large) // _EAST_ASIAN_SAMPLE)]
    probes = (listed - set(large)).union(sample, (c for c in string.ascii_letters + string.digits if ord(c) in cmap))
    glyphs = {}
    for character in sorted(probes):
        ink = _ink(font, character)
        if ink is not None and not _same(ink, box):
            glyphs[character] = ink
    drawn_sample = {glyphs[character].tobytes() for character in sample if character in glyphs}
    believed = set(large) if len(drawn_sample) > _ENOUGH * len(sample) else set()
    supported = believed.union(character for character in glyphs if not _is_east_asian(character))
    shown = [c for c in string.ascii_letters + string.digits if c in glyphs] or sorted(glyphs)[:60]
    cells = {character: _cell(glyphs[character]) for character in shown}
    return {
        "index": index,
        "family": family,
        "style": style,
        "supported": "".join(character for character in characters if character in supported),
        "case": _case(cells),
        "readable": _readable(glyphs, cells) and not _seven_segments(font, glyphs),
        "plainness": round(_plainness(cells), 3),
        "stroke": round(float(np.mean([ink.mean() / 255 for ink in glyphs.values()] or [0])), 3),
        "monospaced": abs(font.getlength("i") - font.getlength("W")) < 0.01 * _LOOK_SIZE,
        "connected": _connected(font, glyphs),
        "look": _look(cells | {character: _cell(glyphs[character]) for character in sample if character in glyphs}),
    }


def _is_east_asian(character: str) -> bool:
    """Whether a character is of a script with hundreds or thousands of signs: Hangul, kana, Chinese."""
    return "\u2e80" <= character <= "\ud7ff" or "\uf900" <= character <= "\ufaff" or character >= "\U00020000"


def _is_southern(character: str) -> bool:
    """Whether a character is of a script from Hebrew and Arabic over those of India to Thai, Burmese and Khmer."""
    return "\u0590" <= character <= "\u109f" or "\u1780" <= character <= "\u17ff" or "\ufb1d" <= character <= "\ufefc"


def _names(face, path: Path) -> tuple[str, str]:
    """The typographic family and style (name ids 16 and 17), else the plain ones (1 and 2), else the file's name."""
    table = face["name"]
    family = table.getDebugName(16) or table.getDebugName(1) or path.stem
    style = table.getDebugName(17) or table.getDebugName(2) or ""
    return family.strip(), style.strip()


def draw_glyph(font, character: str) -> tuple[np.ndarray, int, int]:
    """Draws one character with a Pillow font.

    Returns:
        (coverage, uint8 (height, width), maybe empty; x of its left edge from the pen; y of its top edge from the
        baseline, negative upwards), pixels.
    """
    mask, (left, top) = font.getmask2(character, mode="L", anchor="ls")
    width, height = mask.size
    if width == 0 or height == 0:
        return np.zeros((0, 0), np.uint8), left, top
    image = Image.new("L", (width, height))
    image.im.paste(mask, (0, 0, width, height))  # np.asarray(mask) goes pixel by pixel: ten times as slow
    return np.frombuffer(image.tobytes(), np.uint8).reshape(height, width), left, top


def _ink(font, character: str) -> np.ndarray | None:
    """The glyph's picture cut to its ink, uint8 (height, width); `None` when there is no ink."""
    picture, _, _ = draw_glyph(font, character)
    if picture.size == 0:
        return None
    rows, columns = np.flatnonzero(picture.max(axis=1) > 63), np.flatnonzero(picture.max(axis=0) > 63)
    if rows.size == 0 or columns.size == 0:
        return None
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _same(first: np.ndarray, second: np.ndarray | None) -> bool:
    return second is not None and first.shape == second.shape and np.array_equal(first, second)


def _cell(ink: np.ndarray) -> np.ndarray:
    """A unit vector of _CELL * _CELL numbers that describes a glyph's shape whatever its size."""
    cv2 = require("cv2", "synthesis")
    height, width = ink.shape
    side = max(height, width)
    # Narrow glyphs keep their narrowness ("l" must not be stretched to a full square), in a mild way.
    shown_width = max(2, round(_CELL * (width / side) ** 0.7))
    shown_height = max(2, round(_CELL * (height / side) ** 0.7))
    cell = np.zeros((_CELL, _CELL), np.float32)
    left, top = (_CELL - shown_width) // 2, (_CELL - shown_height) // 2
    cell[top : top + shown_height, left : left + shown_width] = cv2.resize(
        ink.astype(np.float32), (shown_width, shown_height), interpolation=cv2.INTER_AREA
    )
    cell = cv2.GaussianBlur(cell, (3, 3), 0).ravel()
    cell -= cell.mean()
    return cell / max(float(np.linalg.norm(cell)), 1e-6)


@lru_cache(maxsize=4)
def _plain_print(slant: float = 0.0) -> tuple[str, np.ndarray]:
    """The letters of Pillow's own font, a plain grotesque: (characters, cells of shape (characters, _CELL ** 2)).

    Args:
        slant: by how much of their height the letters lean to the right.
    """
    font = ImageFont.load_default(_LOOK_SIZE)
    characters = string.ascii_letters + string.digits
    return characters, np.stack([_cell(_lean(_ink(font, character), slant)) for character in characters])


def _lean(ink: np.ndarray, slant: float) -> np.ndarray:
    height, width = ink.shape
    wider = round(height * slant)
    matrix = np.float32([[1, -slant, wider], [0, 1, 0]])
    return require("cv2", "synthesis").warpAffine(ink, matrix, (width + wider, height)) if wider else ink


def _plainness(cells: dict[str, np.ndarray]) -> float:
    """Mean likeness of a face's letters and digits to plain print, 0 to 1."""
    characters, plain = _plain_print()
    likeness = [float(cells[c] @ plain[i]) for i, c in enumerate(characters) if c in cells]
    return max(0.0, float(np.mean(likeness))) if likeness else 0.0


def _readable(glyphs: dict[str, np.ndarray], cells: dict[str, np.ndarray]) -> bool:
    """Whether the letters are letters: distinct from each other, and mostly nearest to what they should be.

    Pictures of flowers hit their own letter once in thirty times; the wildest handwriting does so far more often.
    """
    characters, _ = _plain_print()
    probes = [character for character in characters if character in cells]
    if not probes:
        return bool(glyphs)  # another script: there is no plain print to compare it with
    if len({glyphs[c].tobytes() for c in probes}) < 0.4 * len(probes):
        return False
    capitals = np.stack([cells[c] for c in probes])[[c.isupper() for c in probes]]
    if np.sum(np.triu(_products(capitals, capitals), 1) > 0.98) > 6:  # blocks with a nick here and there
        return False
    # Italics and handwriting lean: against upright print alone, the best script faces would all fall through.
    shown = np.stack([cells[c] for c in probes])
    likeness = np.max([_products(shown, _plain_print(slant)[1]) for slant in _SLANTS], axis=0)
    nearest = np.argsort(-likeness, axis=1)[:, :3]
    hits = [c.lower() in {characters[i].lower() for i in row} for c, row in zip(probes, nearest, strict=True)]
    return float(np.mean(hits)) >= 0.5


def _products(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """first @ second.T in one thread: for matrices this small, a thread pool costs far more than it saves."""
    return np.einsum("ik,jk->ij", first, second)


def _connected(font, glyphs: dict[str, np.ndarray]) -> bool:
    """Whether "anum" is drawn in one stroke."""
    if not glyphs.keys() >= set("anum"):
        return False
    ink, _, _ = draw_glyph(font, "anum")
    _, _, statistics, _ = require("cv2", "synthesis").connectedComponentsWithStats((ink > 60).astype(np.uint8))
    areas = statistics[1:, 4]  # the first is the background
    return areas.size > 0 and bool(areas.max() > 0.8 * areas.sum())


def _seven_segments(font, glyphs: dict[str, np.ndarray]) -> bool:
    """Whether the letters are those of a pocket calculator, which has no way to show K, M, V, W or X.

    They are found by their ink: whatever such a display shows lies within its 8, where all segments are lit.
    """
    if not glyphs.keys() >= set("8KMVWX"):
        return False

    def drawn(character: str) -> np.ndarray:
        canvas = np.zeros((3 * _LOOK_SIZE, 3 * _LOOK_SIZE), bool)
        picture, left, top = draw_glyph(font, character)
        height, width = picture.shape
        y, x = 2 * _LOOK_SIZE + top, _LOOK_SIZE // 2 + left
        if y >= 0 and x >= 0 and y + height <= canvas.shape[0] and x + width <= canvas.shape[1]:
            canvas[y : y + height, x : x + width] = picture > 127
        return canvas

    eight = drawn("8")
    return all(np.sum(drawn(c) & ~eight) < 0.2 * np.sum(eight) for c in "KMVWX")


def _case(cells: dict[str, np.ndarray]) -> str:
    """Which case the letters show: "upper", "lower" or "both"."""
    pairs = [(c, c.upper()) for c in _CASE_LETTERS if c in cells and c.upper() in cells]
    if len(pairs) < len(_CASE_LETTERS) // 2:
        return "both"
    characters, plain = _plain_print()
    shape = dict(zip(characters, plain, strict=True))
    small_as_capital = [float(cells[low] @ (shape[up] - shape[low])) for low, up in pairs]
    likeness = [float(cells[low] @ cells[up]) for low, up in pairs]
    if np.median(likeness) > 0.8:
        capital_as_small = [float(cells[up] @ (shape[low] - shape[up])) for low, up in pairs]
        return "lower" if np.mean(capital_as_small) > 0.15 else "upper"
    # Capitals written by hand twice, as in comics, differ from each other but from small letters even more.
    return "upper" if np.mean([better > 0.03 for better in small_as_capital]) > 0.65 else "both"


def _look(cells: dict[str, np.ndarray]) -> str:
    """A key that is equal for faces that draw letters alike (the same Latin is shipped under many names)."""
    probes = [cells[character] for character in "RQGSagkey2478" if character in cells]
    probes += [cell for character, cell in cells.items() if _is_east_asian(character)]
    probes = probes or list(cells.values())
    if not probes:
        return ""
    coarse = np.round(np.stack(probes) * 30).astype(np.int8)
    return base64.b64encode(hashlib.blake2b(coarse.tobytes(), digest_size=12).digest()).decode("ascii")
