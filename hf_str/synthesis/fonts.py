# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds the fonts of this machine that can spell words, and says what each of them is good for.

A folder full of fonts is no list of usable fonts: many lack letters, draw boxes or pictures in their place, or show
capitals where lower case is asked for, which would teach a model wrong labels. Each font is therefore looked at, glyph
by glyph, once; the verdicts are kept in the user's cache folder, so that the second call is instant.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tqdm.auto import tqdm

from .font_inspection import ENOUGH, FontRecord, inspect_font_file, is_east_asian, is_southern


__all__ = ["Font", "find_fonts", "font_folders"]

_SUFFIXES = (".ttf", ".otf", ".ttc", ".woff")  # what FreeType reads by itself; WOFF 2 it does not
_CACHE_VERSION = 4


@dataclass(frozen=True)
class Font:
    """One usable font.

    Args:
        path: the font file.
        index: which font of a collection (.ttc); 0 for the others.
        family: the family's name: fonts of one family are weights and slopes of one design.
        style: the font's name inside its family, for example "Bold Italic".
        characters: the wanted characters that this font really draws.
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
        """Whether `text` drawn in this font reads as `text`."""
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

    A font must draw every letter and digit among `characters`; one that lacks rarer signs is kept, its
    [`Font.characters`] says which words it can spell. Where Hangul, kana or Chinese characters are among them, a font
    that draws nine tenths of these is kept too, and so is one that draws all the other letters and digits: Korean
    signs hold Latin words in Latin fonts. The same holds for the scripts from Hebrew to Khmer, whose fonts have
    seldom letters of another script.

    Args:
        characters: the characters that words will be made of.
        folders: where to look, recursively; by default the font folders of this system.
        cache: keep what was found out about each file in the user's cache folder.
        progress: show a progress bar while new files are looked at.

    Returns:
        The usable fonts, one for each distinct look, ordered by family, style and path.

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
    scripts = _Scripts.of(wanted)
    fonts, seen = [], set()
    for path in files:
        for record in records.of_file(path, wanted):
            supported = frozenset(wanted).intersection(record["supported"])
            if record["readable"] and record["look"] not in seen and scripts.are_drawn_by(supported):
                seen.add(record["look"])
                fonts.append(_font(path, record, supported))
    records.save()
    if not fonts:
        raise FileNotFoundError(_nothing_found(searched, scripts.core))
    return sorted(fonts, key=lambda font: (font.family.lower(), font.style, font.path, font.index))


class _Scripts(NamedTuple):
    """The letters and digits that are wanted (the signs, where there are none), all and by groups of scripts."""

    core: frozenset[str]
    western: frozenset[str]
    east_asian: frozenset[str]
    southern: frozenset[str]

    @classmethod
    def of(cls, wanted: Iterable[str]) -> _Scripts:
        core = frozenset(character for character in wanted if character.isalnum()) or frozenset(wanted)
        east_asian, southern = frozenset(filter(is_east_asian, core)), frozenset(filter(is_southern, core))
        return cls(core, core - east_asian - southern, east_asian, southern)

    def are_drawn_by(self, supported: frozenset[str]) -> bool:
        """Whether a font that draws these characters is of use: for all of a script, or most of a large one."""
        if self.western and self.western <= supported:
            return True
        large = (self.east_asian, self.southern)
        return any(script and len(script & supported) >= ENOUGH * len(script) for script in large)


def _font(path: Path, record: FontRecord, supported: frozenset[str]) -> Font:
    return Font(
        path=str(path),
        index=record["index"],
        family=record["family"],
        style=record["style"],
        characters=supported,
        case=record["case"],
        plainness=record["plainness"],
        stroke=record["stroke"],
        monospaced=record["monospaced"],
        connected=record["connected"],
    )


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


def _nothing_found(folders: list[Path], core: Iterable[str]) -> str:
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


class _Entry(NamedTuple):
    """A file: the characters looked for in it, and what was seen of its fonts."""

    tested: frozenset[str]
    fonts: list[FontRecord]


class _Records:
    """What is known about each font file, read from and written to a JSON file (`None`: kept in memory only).

    The file holds `{"tested": [characters, ...], "files": {key: {"tested": number, "faces": [record, ...]}}}`: the
    characters looked for are the same for most files, and may be thousands.
    """

    def __init__(self, file: Path | None):
        self.file = file
        self.changed = False
        self.entries = {} if file is None else _read_cache(file)

    def of_file(self, path: Path, wanted: list[str]) -> list[FontRecord]:
        """The records of the fonts in one file; looks at the file if it, or a character, is new."""
        key = self._key(path)
        entry = self.entries.get(key)
        if entry is None or not entry.tested.issuperset(wanted):
            tested = frozenset(wanted) if entry is None else entry.tested.union(wanted)
            entry = self.entries[key] = _Entry(tested, list(inspect_font_file(path, sorted(tested))))
            self.changed = True
        return entry.fonts

    def is_new(self, path: Path, wanted: list[str]) -> bool:
        """Whether the file, or some wanted character in it, was never looked at."""
        entry = self.entries.get(self._key(path))
        return entry is None or not entry.tested.issuperset(wanted)

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
            key: {"tested": numbers.setdefault(entry.tested, len(numbers)), "faces": entry.fonts}
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


def _read_cache(file: Path) -> dict[str, _Entry]:
    """The entries of a cache; none where it is not there, damaged or of another form, as it is made again then."""
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    sets, files = known.get("tested"), known.get("files")
    if not isinstance(sets, list) or not isinstance(files, dict) or not all(isinstance(each, str) for each in sets):
        return {}
    tested = [frozenset(characters) for characters in sets]
    whole = {key: entry for key, entry in files.items() if _is_whole(entry, len(tested))}
    return {key: _Entry(tested[entry["tested"]], entry["faces"]) for key, entry in whole.items()}


def _is_whole(entry: Any, sets: int) -> bool:
    """Whether the entry of a file has the form that is written: a number below `sets`, and records."""
    if not isinstance(entry, dict) or not isinstance(entry.get("faces"), list):
        return False
    number = entry.get("tested")
    if not isinstance(number, int) or not 0 <= number < sets:
        return False
    return all(isinstance(each, dict) and FontRecord.__required_keys__ <= each.keys() for each in entry["faces"])
