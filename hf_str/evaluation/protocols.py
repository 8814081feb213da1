# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Evaluation protocols: what counts as the same word, and which words of a test set count."""

import string
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..models.crnn.text_crnn import normalize_text
from ..utils.renaming import renamed_arguments


__all__ = [
    "LOOKED_AT",
    "PROTOCOLS",
    "SUBSETS",
    "Protocol",
    "Subset",
    "default_protocols",
    "find_missing",
    "looked_at",
    "missing_characters",
    "protocol_title",
    "remark",
]

_ALPHANUMERIC_36 = string.digits + string.ascii_lowercase
_ALPHANUMERIC_62 = string.digits + string.ascii_letters
_ALPHANUMERIC = frozenset(_ALPHANUMERIC_62)
_PRINTABLE = frozenset(_ALPHANUMERIC_62 + string.punctuation + " ")
#: How Unicode's names of Latin letters begin, and of the three that Latin-1 has beside them: ª, º and µ.
_LATIN_NAMES = ("LATIN ", "FEMININE ORDINAL", "MASCULINE ORDINAL", "MICRO SIGN")


@dataclass(frozen=True)
class Protocol:
    """Brings a prediction and a label to the characters that are compared, in the composed Unicode form (NFC).

    Args:
        characters: what is kept; everything else is left out of both texts. `None` keeps everything, as it is.
        ignore_case: compare in lower case; letters of every script are case folded ("Straße" is "STRASSE").
        spaces: keep white space between words, as one space: a missing space is an error.
        every_script: keep letters, digits and the marks that belong to letters (Unicode's categories L, N and M) of
            every script, too.

    Example:
        >>> PROTOCOLS["36"].same("STARBUCKS", "Starbucks'")
        True
        >>> PROTOCOLS["94"].same("HelloWorld", "Hello World"), PROTOCOLS["unicode"].same("ПРИВЕТ!", "Привет")
        (False, True)
    """

    characters: str | None
    ignore_case: bool = False
    spaces: bool = False
    every_script: bool = False

    def normalize(self, text: str) -> str:
        """`text` as this protocol sees it."""
        text = normalize_text(text)
        if self.characters is None:
            return text
        if self.ignore_case:
            text = normalize_text(text.casefold()) if self.every_script else text.lower()
        text = "".join(character for character in text if self._keeps(character))
        return " ".join(text.split()) if self.spaces else text

    def _keeps(self, character: str) -> bool:
        if character in (self.characters or "") or (self.spaces and character.isspace()):
            return True
        if not self.every_script or unicodedata.category(character)[0] not in "LMN":
            return False
        # marks that choose between pictures of the same character are nothing to recognize
        return not ("\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef")

    def sees(self, character: str) -> bool:
        """Whether a character is compared, white space between words included."""
        return bool(self.normalize(character)) or (self.spaces and character.isspace())

    @renamed_arguments(reading="prediction")
    def same(self, prediction: str, label: str) -> bool:
        """Whether a prediction counts as right."""
        return self.normalize(prediction) == self.normalize(label)

    @renamed_arguments(readings="predictions")
    def word_accuracy(self, predictions: Sequence[str], labels: Sequence[str]) -> float:
        """Share of the words that are predicted without a mistake, in [0, 1]; labels without a character do not count.

        Raises:
            ValueError: no words, or none with a character that is compared.
        """
        if not labels:
            raise ValueError("no words to compare")
        pairs = (
            (self.normalize(text), self.normalize(label)) for text, label in zip(predictions, labels, strict=True)
        )
        same = [text == label for text, label in pairs if label]
        if not same:
            raise ValueError(self.nothing_left(labels))
        return sum(same) / len(same)

    def characters_seen(self, labels: Iterable[str]) -> float:
        """Share of the characters of labels that are compared, in [0, 1]; 0 where there are none.

        Example:
            >>> PROTOCOLS["36"].characters_seen(["CIN\u00c9MA"])
            0.8333333333333334
        """
        counts = Counter(character for label in labels for character in normalize_text(label))
        seen = sum(count for character, count in counts.items() if self.sees(character))
        return seen / max(counts.total(), 1)

    def unwritable(self, labels: Sequence[str], characters: Iterable[str]) -> int:
        """How many labels no recognizer of a charset can get right: they have a character that it lacks.

        Args:
            labels: of a test set.
            characters: the symbols of the charset.
        """
        symbols = list(characters)
        known = set("".join(map(self.normalize, symbols))) | {" " for symbol in symbols if symbol.isspace()}
        return sum(not known.issuperset(self.normalize(label)) for label in labels)

    def nothing_left(self, labels: Sequence[str]) -> str:
        """The message for labels of which this protocol sees no character."""
        name = next((name for name, protocol in PROTOCOLS.items() if protocol == self), "given")
        return (
            f"the protocol {name} sees no character of the labels ({', '.join(map(repr, labels[:3]))}): nothing could "
            "be misread. Compare letters of every script (unicode) or everything (exact)"
        )


@dataclass(frozen=True)
class Subset:
    """Leaves words of a test set out by their labels, as papers do without saying so.

    Args:
        alphanumeric: leave out labels with a character that is neither a letter of English nor a digit.
        min_length: leave out labels with fewer characters.
        words: how many words of the set papers count; what the rule gives may differ, see `SUBSETS`.

    Example:
        >>> [SUBSETS["IC13-857"].keeps(label) for label in ("Exit", "no", "it's")]
        [True, False, False]
    """

    alphanumeric: bool
    min_length: int
    words: int

    def keeps(self, label: str) -> bool:
        """Whether the subset has a word of this label."""
        is_alphanumeric = all(character in _ALPHANUMERIC for character in label)
        return len(label) >= self.min_length and (is_alphanumeric or not self.alphanumeric)


#: By the number of characters: "36" (letters and digits of English without case) is what papers report. "94" is
#: printable ASCII, "unicode" letters and digits of every script without case, "exact" everything.
PROTOCOLS = {
    "36": Protocol(_ALPHANUMERIC_36, ignore_case=True),
    "62": Protocol(_ALPHANUMERIC_62),
    "94": Protocol(_ALPHANUMERIC_62 + string.punctuation, spaces=True),
    "unicode": Protocol("", ignore_case=True, every_script=True),
    "exact": Protocol(None),
}
#: What a figure says of the words it is of; results of earlier versions lack it.
LOOKED_AT = ("words", "left_out", "characters_seen", "unwritable")
_TITLES = {"unicode": "letters and digits of every script", "exact": "all characters"}

#: The two sizes in which papers use the tests of ICDAR 2013 (1,095 words) and ICDAR 2015 (2,077), and the usual one of
#: ICDAR 2003 (1,110), as Baek et al. 2019 (section 2.2) tell them apart. "IC15-1811" also leaves out what Cheng et al.
#: 2017 found extremely rotated, curved or seen at an angle: their list is of images, no label tells it. The rule
#: here gives more than 1,811 words on the whole test; on the copy that has 1,811 it leaves out nothing.
SUBSETS = {
    "IC03-867": Subset(alphanumeric=True, min_length=3, words=867),
    "IC13-1015": Subset(alphanumeric=True, min_length=1, words=1015),
    "IC13-857": Subset(alphanumeric=True, min_length=3, words=857),
    "IC15-2077": Subset(alphanumeric=False, min_length=0, words=2077),
    "IC15-1811": Subset(alphanumeric=True, min_length=1, words=1811),
}


def protocol_title(name: str) -> str:
    """How tables call a protocol.

    Example:
        >>> protocol_title("36"), protocol_title("exact")
        ('36 characters', 'all characters')
    """
    return _TITLES.get(name, f"{name} characters")


def default_protocols(characters: Iterable[str] | None) -> tuple[str, ...]:
    """The protocols that say how well a recognizer predicts what it can write; the first is that of charts.

    - a charset of digits and letters of English in one case: "36";
    - any other within ASCII: "36" and "94";
    - with more letters of Latin script, or signs: "36" and "94", in which papers report, and "exact";
    - with letters of other scripts: "unicode" and "exact"; with signs alone "exact".

    Args:
        characters: the symbols of its charset; `None` where nobody knows: "36" and "94".
    """
    if characters is None:
        return "36", "94"
    symbols = set("".join(characters))
    if symbols <= set(_ALPHANUMERIC_36) or symbols <= set(_ALPHANUMERIC_36.upper()):
        return ("36",)
    if not any(map(PROTOCOLS["unicode"].sees, symbols)):
        return ("exact",)
    if symbols <= _PRINTABLE:
        return "36", "94"
    return ("36", "94", "exact") if symbols & _ALPHANUMERIC and all(map(_is_latin, symbols)) else ("unicode", "exact")


def _is_latin(symbol: str) -> bool:
    """Whether it is of Latin script, or of none."""
    is_letter = unicodedata.category(symbol)[0] == "L" or unicodedata.category(symbol) == "Nd"
    return not is_letter or unicodedata.name(symbol, "").startswith(_LATIN_NAMES) or symbol in _PRINTABLE


def find_missing(labels: Sequence[str], characters: Iterable[str] | None) -> list[set[str]]:
    """Of each label the characters that a charset lacks: with one of them, it cannot be read right.

    Case counts only where the charset has both: a recognizer of lower-case letters is not asked for others.

    Args:
        labels: what stands in the images.
        characters: the symbols of the charset; `None` where nobody knows.
    """
    symbols = "".join(() if characters is None else characters)
    if not symbols:
        return [set() for _ in labels]
    known = set(normalize_text(symbols)) | set(symbols)
    if symbols in (symbols.lower(), symbols.upper()):
        known |= set(symbols.lower()) | set(symbols.upper())
    return [set(normalize_text(label)) - known for label in labels]


def missing_characters(labels: Sequence[str], characters: Iterable[str] | None) -> str:
    """What [`find_missing`] finds as a sentence, with the number of labels that have each; nothing where it has all.

    Example:
        >>> missing_characters(["caf\u00e9", "no"], "acfno")
        "1 of 2 labels cannot be read right: the model cannot write 'é' (U+00E9) in 1 of them"
    """
    lacking = find_missing(labels, characters)
    counts = Counter(character for found in lacking for character in found)
    if not counts:
        return ""
    named = [
        f"{c!r} (U+{ord(c):04X}) in {count:,}" for c, count in sorted(counts.items(), key=lambda i: (-i[1], i[0]))
    ]
    rest = f" and {len(named) - 30:,} further characters" if len(named) > 30 else ""
    return (
        f"{sum(map(bool, lacking)):,} of {len(labels):,} labels cannot be read right: the model cannot write "
        f"{', '.join(named[:30])}{rest} of them"
    )


def looked_at(figures: Mapping[str, Any]) -> dict[str, Any]:
    """What figures under a protocol say of the words they are of, where they say so (see `LOOKED_AT`)."""
    return {name: round(figures[name], 5) for name in LOOKED_AT if name in figures}


def remark(figures: Mapping[str, Any]) -> str:
    """What figures do not look at, and which of them cannot be right (see `LOOKED_AT`)."""
    said = []
    if figures.get("characters_seen", 1) < 1:
        said.append(f"sees {100 * figures['characters_seen']:.1f} % of the labels' characters")
    if figures.get("left_out"):
        said.append(f"leaves out {figures['left_out']:,} words, of whose labels it sees none")
    if figures.get("unwritable"):
        said.append(f"{figures['unwritable']:,} labels have characters that the model cannot write")
    return "; ".join(said)
