"""Charsets: the symbols that a recognizer tells apart, by name and from what a user says."""

import string
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from .text_crnn import normalize_symbols
from .text_files_crnn import read_lines


__all__ = ["CHARSETS", "resolve_charset"]

_ALPHANUMERIC_36 = string.digits + string.ascii_lowercase
_ALPHANUMERIC_62 = string.digits + string.ascii_letters
#: The order in which the field writes them: digits, lower case, upper case, punctuation.
_PRINTABLE_94 = _ALPHANUMERIC_62 + string.punctuation


def _code_table(rows: range, encoding: str) -> str:
    """The characters of whole rows of a 94 x 94 code table, such as those of GB 2312 and KS X 1001."""
    pairs = bytes(byte for row in rows for cell in range(0xA1, 0xFF) for byte in (row, cell))
    return pairs.decode(encoding, errors="ignore")


#: The 2,350 syllables of KS X 1001, rows 16 to 40.
_HANGUL_2350 = _code_table(range(0xB0, 0xC9), "euc_kr")

#: À to ÿ, and Latin Extended-A from Ā to ſ: most European languages need no other letter.
_LATIN_LETTERS = "".join(chr(code) for code in (*range(0xC0, 0x180),) if chr(code) not in "×÷")
#: Romanian (comma below, where Ş and Ţ have a cedilla), the capital of the German ß, Welsh, and Skolt Sami.
_MORE_LATIN_LETTERS = "ȘșȚțẞẀẁẂẃẄẅỲỳǤǥǦǧǨǩƷʒǮǯ"
#: Quotation marks and dashes; prices, measures and fractions; footnotes, rights and directions.
_LATIN_SIGNS = "¡¿«»‘’‚“”„–—…·•€£¥¢₺°±×÷µ¹²³₂ªº¼½¾‰′″≈≤≥§†‡©®™№←↑→↓"

#: The 6,763 Chinese characters of GB 2312: level 1 (3,755 by sound), then level 2 (3,008 by radical).
_CHINESE_6763 = _code_table(range(0xB0, 0xF8), "gb2312")
#: The zero of years, the mark of repetition; CJK punctuation; the full-width forms that stand beside Chinese
#: characters. Digits and Latin letters are those of ASCII, however wide they are printed.
_CHINESE_SIGNS = "〇々、。〃〈〉《》「」『』【】〔〕〖〗！＃％＆（）＋，－．／：；＝？＠｜～￥“”‘’—…·•°±×÷℃¥←↑→↓"

CHARSETS = {
    "digits": string.digits,
    "36": _ALPHANUMERIC_36,
    "62": _ALPHANUMERIC_62,
    "94": _PRINTABLE_94,
    "94+space": _PRINTABLE_94 + " ",
    "latin": _PRINTABLE_94 + " " + _LATIN_LETTERS + _MORE_LATIN_LETTERS + _LATIN_SIGNS,
    "hangul": _PRINTABLE_94 + _HANGUL_2350,
    "chinese": _PRINTABLE_94 + " " + _CHINESE_6763 + _CHINESE_SIGNS,
}


def resolve_charset(charset: str | Path | Iterable[str]) -> tuple[str, ...]:
    """Turns what a user says of a charset into its symbols.

    Args:
        charset: the name of a charset, a string of characters, a `.txt` file in UTF-8 with one symbol a line (or all
            characters on one line), or any iterable of symbols, which may have several characters each. The names:

            - `"digits"`, `"36"` (and lower-case letters), `"62"` (and upper-case letters), `"94"` (and punctuation:
              printable ASCII), `"94+space"`;
            - `"latin"`: `"94+space"`, the letters of the European languages in Latin script, and the signs that
              print has beside them: „ “ € § ½ ° ® and the like, 359 in all;
            - `"hangul"`: `"94"` and the 2,350 syllables of KS X 1001;
            - `"chinese"`: `"94+space"`, the 6,763 Chinese characters of GB 2312, CJK punctuation, and the full-width
              forms that stand beside them, 6,914 in all.

    Returns:
        The symbols in the composed Unicode form (NFC), in order: a base and its accent in a string are one symbol.
        Characters that NFC takes apart stay what they are (see `normalize_symbols`). Where several symbols would be
        equal, as those of other projects' dictionaries may be (the angstrom sign and "Å", compatibility ideographs
        and their unified ones), one of them has it: that which is composed already, or the first. The others stay as
        they are, so that each class keeps its place and its text.

    Raises:
        ValueError: no symbol, or one symbol twice.
    """
    if isinstance(charset, Path) or (isinstance(charset, str) and charset.endswith(".txt")):
        # not splitlines: what it also takes for the end of a line may be a symbol
        lines = [line for line in read_lines(charset) if line]
        charset = lines if len(lines) > 1 else "".join(lines)
    elif isinstance(charset, str):
        charset = CHARSETS.get(charset, charset)
    symbols = tuple(normalize_symbols(charset) if isinstance(charset, str) else charset)
    if not symbols or "" in symbols:
        raise ValueError("a charset needs at least one character, and no empty one")
    repeated = [symbol for symbol, count in Counter(symbols).items() if count > 1]
    if repeated:
        raise ValueError(f"these characters stand in the charset more than once: {' '.join(map(repr, repeated))}")
    composed = [normalize_symbols(symbol) for symbol in symbols]
    taken, resolved = set(symbols).intersection(composed), []
    for symbol, form in zip(symbols, composed, strict=True):
        resolved.append(symbol if form in taken else form)
        taken.add(form)
    return tuple(resolved)
