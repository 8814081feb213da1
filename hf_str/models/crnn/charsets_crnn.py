# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Charsets: the symbols that a recognizer tells apart, by name and from what a user says."""

import difflib
import re
import string
import unicodedata
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
    pairs = (bytes((row, cell)) for row in rows for cell in range(0xA1, 0xFF))
    characters = (pair.decode(encoding, errors="ignore") for pair in pairs)  # a cell may be empty
    return "".join(character for character in characters if len(character) == 1)


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


def _span(*ranges: tuple[int, int]) -> str:
    """The assigned characters from each first to each last code point."""
    codes = (code for first, last in ranges for code in range(first, last + 1))
    return "".join(chr(code) for code in codes if unicodedata.category(chr(code)) != "Cn")


_ASCII = _PRINTABLE_94 + " "
#: Beside the letters of ASCII, what the languages of wordfreq in Latin script write (Unicode CLDR, exemplar
#: characters), in lower case, and their own signs.
_LATIN_LANGUAGES = {
    "catalan": "àçéèíïóòúü·",
    "croatian": "čćđšž",
    "czech": "áčďéěíňóřšťúůýž„“",
    "danish": "åæøé",
    "dutch": "áäéëíïóöúü",
    "english": "",
    "filipino": "ñ",
    "finnish": "åäöšž",
    "french": "àâæçéèêëîïôœùûüÿ«»",
    "german": "äöüßẞ„“",
    "hungarian": "áéíóöőúüű„”",
    "icelandic": "áæðéíóöþúý„“",
    "indonesian": "",
    "italian": "àèéìîòóù«»",
    "latvian": "āčēģīķļņšūž",
    "lithuanian": "ąčęėįšųūž„“",
    "malay": "",
    "norwegian": "àåæøéêóòô",
    "polish": "ąćęłńóśźż„”",
    "portuguese": "àáâãçéêíóôõúªº",
    "romanian": "ăâîșț„”",
    "slovak": "áäčďéíĺľňóôŕšťúýž„“",
    "slovenian": "čšž",
    "spanish": "áéíñóúü¡¿ªº",
    "swedish": "àåäéö",
    "turkish": "âçğıiîöşüû",
    "vietnamese": "àảãáạăằẳẵắặâầẩẫấậđèẻẽéẹêềểễếệìỉĩíịòỏõóọôồổỗốộơờởỡớợùủũúụưừửữứựỳỷỹýỵ₫",
}
#: The letters of languages in other scripts that have cases, in lower case.
_OTHER_ALPHABETS = {
    "bulgarian": "абвгдежзийклмнопрстуфхцчшщъьюя",
    "cyrillic": _span((0x430, 0x45F)) + "ґғҗқҙңҡүұҳһәөӏӑӗӣӯ",
    "greek": "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",
    "macedonian": "абвгдѓежзѕијклљмнњопрстќуфхцчџш",
    "russian": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "serbian": "абвгдђежзијклљмнњопрстћуфхцчџш",
    "ukrainian": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюяʼ₴",
}
_ARABIC = _span((0x621, 0x63A), (0x641, 0x652), (0x660, 0x669)) + "،؛؟٪"
_KANA = _span((0x3041, 0x3096), (0x30A1, 0x30FA)) + "ーゝゞヽヾ"
_JAPANESE_SIGNS = "々〆〇、。・「」『』【】〒～¥※"


def _both_cases(letters: str) -> str:
    """Letters and signs, each once, and after them the letters' capitals where they are one character each."""
    capitals = (letter.upper() for letter in (letters.replace("i", "İ") if "ı" in letters else letters))
    capitals = "".join(capital for capital in capitals if len(capital) == 1)
    return "".join(dict.fromkeys(character for character in letters + capitals if character not in _ASCII))


CHARSETS = {
    "digits": string.digits,
    "36": _ALPHANUMERIC_36,
    "62": _ALPHANUMERIC_62,
    "94": _PRINTABLE_94,
    "94+space": _ASCII,
    "latin": _ASCII + _LATIN_LETTERS + _MORE_LATIN_LETTERS + _LATIN_SIGNS,
    "hangul": _PRINTABLE_94 + _HANGUL_2350,
    "chinese": _ASCII + _CHINESE_6763 + _CHINESE_SIGNS,
    **{name: _ASCII + _both_cases(letters) + "€" for name, letters in _LATIN_LANGUAGES.items()},
    **{name: _ASCII + _both_cases(letters) + "«»„“№€" for name, letters in _OTHER_ALPHABETS.items()},
    "arabic": _ASCII + _ARABIC,
    "persian": _ASCII + _ARABIC + "پچژکگیۀ۰۱۲۳۴۵۶۷۸۹«»",
    "urdu": _ASCII + _ARABIC + "ٹپچڈڑژکگںھہۂۃیےۓ۔۰۱۲۳۴۵۶۷۸۹",
    "hebrew": _ASCII + _span((0x5D0, 0x5EA)) + "־׳״₪",
    "hindi": _ASCII
    + _span((0x900, 0x903), (0x905, 0x90D), (0x90F, 0x911), (0x913, 0x94D), (0x950, 0x950))
    + _span((0x960, 0x970))
    + "₹",
    "bengali": _ASCII + _span((0x980, 0x9CE), (0x9D7, 0x9D7), (0x9E0, 0x9F3)) + "।",
    "tamil": _ASCII + _span((0xB82, 0xBD7), (0xBE6, 0xBFA)) + "₹",
    "thai": _ASCII + _span((0xE01, 0xE3A), (0xE3F, 0xE5B)),
    "korean": _ASCII + _HANGUL_2350 + "₩·",
    "japanese": _ASCII + _KANA + _code_table(range(0xB0, 0xF5), "euc_jp") + _JAPANESE_SIGNS,
}
# fmt: off
#: Names that people try, of which each would else be taken for the letters that it is written with.
_NO_CHARSETS = {
    "alphabet", "alphanumeric", "amharic", "armenian", "ascii", "azerbaijani", "basque", "belarusian", "bosnian",
    "burmese", "capitals", "default", "devanagari", "digit", "en", "de", "fr", "es", "it", "pt", "nl", "pl", "ru",
    "ja", "ko", "zh", "ar", "hi", "th", "vi", "estonian", "european", "georgian", "gujarati", "hanzi", "irish",
    "kannada", "kanji", "kazakh", "khmer", "lao", "letters", "lowercase", "malayalam", "maltese", "marathi",
    "mongolian", "multilingual", "nepali", "none", "number", "numbers", "numeric", "punctuation", "sinhala",
    "español", "français", "italiano", "português", "polski", "türkçe", "русский", "українська", "ελληνικά", "日本語",
    "中文", "简体中文", "繁體中文", "한국어", "العربية", "فارسی", "עברית", "हिन्दी", "ไทย", "farsi", "punjabi", "dict",
    "eng", "deu", "ger", "fra", "fre", "spa", "ita", "por", "nld", "pol", "rus", "tur", "ara", "hin", "tha", "vie",
    "jpn", "kor", "chi", "ces", "ukr", "ell", "heb", "swahili", "symbols",
    "telugu", "tibetan", "unicode", "uppercase", "uyghur", "uzbek", "welsh",
}
# fmt: on


#: Names of several charsets, "36+space"; of locales, "zh_CN", and EasyOCR's and Tesseract's "ch_sim"; ranges, "a-z";
#: files, "charset.json".
_NO_CHARACTERS = re.compile(
    r"(\w+\s*[+,&]\s*)+(space|latin|digits|english|greek|cyrillic|korean|arabic|36|62|94)|[a-z]{2,3}[-_](sim|tra|[a-z]{2})"
    r"|\[?(a-z|0-9|а-я)+\]?|\S*\w\.(txt|json|ya?ml|dict|csv|tsv)",
    re.IGNORECASE,
)


def _named_charset(name: str) -> str:
    """The characters of a charset's name; a text that is no name is the characters themselves.

    Raises:
        ValueError: it looks like a name and is none: "englich" are seven letters, too.
    """
    lowered = name.casefold()
    if lowered in CHARSETS:
        return CHARSETS[lowered]
    words = [word for word in (*CHARSETS, *_NO_CHARSETS) if len(word) > 3]
    meant = (
        lowered.strip() in _NO_CHARSETS
        or _NO_CHARACTERS.fullmatch(name.strip())
        or (len(name) > 3 and any(c.isalpha() for c in name) and difflib.get_close_matches(lowered, words, 1, 0.8))
    )
    if meant:
        raise ValueError(
            f"there is no charset called {name!r}. There are {', '.join(CHARSETS)}; others are given as their "
            "characters, at least the ten digits or an alphabet, or as a .txt file with a symbol on each line"
        )
    return name


def resolve_charset(charset: str | Path | Iterable[str]) -> tuple[str, ...]:
    """Turns what a user says of a charset into its symbols.

    Args:
        charset: the name of a charset, in upper or lower case, a string of characters, a `.txt` file with one symbol
            on each line (or all characters on one line), or any iterable of symbols, which may have several
            characters each. The names:

            - `"digits"`, `"36"` (and lower-case letters), `"62"` (and upper-case letters), `"94"` (and punctuation:
              printable ASCII), `"94+space"`;
            - `"latin"`: `"94+space"`, the letters of the European languages in Latin script, and the signs that
              print has beside them: „ “ € § ½ ° ® and the like, 359 in all;
            - `"hangul"`: `"94"` and the 2,350 syllables of KS X 1001;
            - `"chinese"`: `"94+space"`, the 6,763 Chinese characters of GB 2312, CJK punctuation, and the full-width
              forms that stand beside them, 6,914 in all;
            - the languages of wordfreq, such as `"german"`, `"polish"`, `"russian"`, `"greek"`, `"korean"`, `"thai"`:
              `"94+space"`, the letters that Unicode's CLDR lists for them in both cases, and signs that are printed
              with them. `"cyrillic"` has the letters of all languages around Russian, `"japanese"` kana and the 6,355
              kanji of JIS X 0208.

    Returns:
        The symbols in the composed Unicode form (NFC), in order: a base and its accent in a string are one symbol.
        Characters that NFC takes apart stay what they are (see `normalize_symbols`). Where several symbols would be
        equal, as those of other projects' dictionaries may be (the angstrom sign and "Å", compatibility ideographs
        and their unified ones), one of them has it: that which is composed already, or the first. The others stay as
        they are, so that each class keeps its place and its text.

    Raises:
        ValueError: no symbol, one symbol twice, a name that is none ("englisch"), or a line of a file that is no
            symbol. The message lists the names.
    """
    if isinstance(charset, Path) or (isinstance(charset, str) and charset.endswith(".txt")):
        # not splitlines: what it also takes for the end of a line may be a symbol
        lines = [line for line in read_lines(charset) if line]
        charset = _symbols_of_lines(lines, charset) if len(lines) > 1 else "".join(lines)
    elif isinstance(charset, str):
        charset = _named_charset(charset)
    symbols = tuple(normalize_symbols(charset) if isinstance(charset, str) else charset)
    if not symbols or "" in symbols:
        raise ValueError("a charset needs at least one character, and no empty one")
    repeated = [symbol for symbol, count in Counter(symbols).items() if count > 1]
    if repeated:
        raise ValueError(
            f"these characters stand in the charset more than once: {' '.join(map(repr, repeated[:20]))}. "
            f"If a name was meant, there are {', '.join(CHARSETS)}"
        )
    composed = [normalize_symbols(symbol) for symbol in symbols]
    taken, resolved = set(symbols).intersection(composed), []
    for symbol, form in zip(symbols, composed, strict=True):
        resolved.append(symbol if form in taken else form)
        taken.add(form)
    return tuple(resolved)


def _symbols_of_lines(lines: list[str], path: str | Path) -> list[str]:
    """A symbol on each line: white space behind one is not part of it, and it has at most four letters ("sch")."""
    symbols = [line.strip() or line for line in lines]
    for number, symbol in enumerate(symbols, start=1):
        if "\t" in symbol or sum(map(str.isalnum, symbol)) > 4:
            raise ValueError(
                f"{path}: {symbol[:40]!r}, number {number} of its lines, is no symbol of a charset. Put one symbol on "
                "each line, or all characters on a single line"
            )
    return symbols
