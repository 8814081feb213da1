# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The tokenizer: charsets, what is done to text, CTC decoding against slow references, saving."""

import copy
import itertools
import json
import os
import pickle
import random
import re
import string
import time
import unicodedata
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from transformers import AutoTokenizer

from hf_str import CRNNTokenizer
from hf_str.models.crnn.tokenization_crnn import CHARSETS, CRNNTokenizerOutput, resolve_charset


SIZES = {
    "digits": 10,
    "36": 36,
    "62": 62,
    "94": 94,
    "94+space": 95,
    "latin": 359,
    "hangul": 94 + 2350,
    "chinese": 95 + 6763 + 56,
}
#: Letters beside a to z in the alphabets of European languages, lower case.
ALPHABETS = {
    "Albanian": "çë",
    "Basque": "ñç",
    "Bosnian, Croatian": "čćđšž",
    "Catalan": "àçèéíïòóúü·ŀ",
    "Czech": "áčďéěíňóřšťúůýž",
    "Danish, Norwegian": "æøåéóêàòâôü",
    "Dutch": "éëïóöüĳèêáíú",
    "English": "éïôæœ",
    "Estonian": "äõöüšž",
    "Faroese": "áðíóúýæø",
    "Finnish, Swedish": "åäöéšž",
    "French": "àâæçéèêëîïôœùûüÿ",
    "Gaelic, Irish": "áéíóúàèìòù",
    "German": "äöüß",
    "Hungarian": "áéíóöőúüű",
    "Icelandic": "áðéíóúýþæö",
    "Italian": "àèéìíîòóùú",
    "Latvian": "āčēģīķļņšūž",
    "Lithuanian": "ąčęėįšųūž",
    "Luxembourgish": "äéë",
    "Maltese": "ċġħżàèìòù",
    "Polish": "ąćęłńóśźż",
    "Portuguese": "áâãàçéêíóôõúü",
    "Romanian": "ăâîșțşţ",
    "Sami": "áčđŋšŧžåäöńæøâõʒǥǧǩǯ",
    "Slovak": "áäčďéíĺľňóôŕšťúýž",
    "Slovene": "čšž",
    "Spanish": "áéíñóúü",
    "Turkish": "çğıöşüâîû",
    "Welsh": "âêîôûŵŷäëïöüẅÿáéíóúẃýàèìòùẁỳ",
}
NASTY = "]^\\-[&&a-z.*+?(){}|$#~/ "


def slow_decode(tokenizer, ids, group_tokens=True) -> tuple[str, list[dict]]:
    """CTC's rule, step by step."""
    runs = [(key, len(list(run))) for key, run in itertools.groupby(ids)] if group_tokens else [(i, 1) for i in ids]
    text, offsets, start = "", [], 0
    for class_id, length in runs:
        if 0 < class_id <= len(tokenizer.characters):
            symbol = tokenizer.characters[class_id - 1]
            text += symbol
            offsets.append({"char": symbol, "start_offset": start, "end_offset": start + length})
        start += length
    return text, offsets


def random_paths(tokenizer, count=50, seed=0, longest=40) -> list[list[int]]:
    """Ragged paths with blanks, repeats, padding, and now and then no frame at all."""
    choose = random.Random(seed)
    paths = []
    for _ in range(count):
        few = [choose.randrange(1, len(tokenizer)) for _ in range(3)]
        paths.append([choose.choice([0, 0, -100, *few]) for _ in range(choose.randrange(longest))])
    return paths


# ---------------------------------------------------------------------------------------------------------------------
# Charsets


@pytest.mark.parametrize("name, size", SIZES.items())
def test_named_charsets(name, size):
    tokenizer = CRNNTokenizer(name)
    assert len(tokenizer) == tokenizer.vocab_size == size + 1
    assert len(tokenizer.characters) == len(set(tokenizer.characters)) == size
    assert tokenizer.pad_token_id == tokenizer.convert_tokens_to_ids("<blank>") == 0
    assert tokenizer.convert_ids_to_tokens([1, size]) == [tokenizer.characters[0], tokenizer.characters[-1]]
    assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.unk_token) == (None, None, None)


def test_what_the_named_charsets_hold():
    assert list(SIZES) == list(CHARSETS)[: len(SIZES)]
    assert set(CHARSETS["94"]) == set(map(chr, range(0x21, 0x7F)))
    assert set(CHARSETS["94+space"]) == set(map(chr, range(0x20, 0x7F)))
    syllables = CHARSETS["hangul"].removeprefix(CHARSETS["94"])
    assert len(syllables) == 2350
    assert all("\uac00" <= syllable <= "\ud7a3" for syllable in syllables)
    chinese = CHARSETS["chinese"].removeprefix(CHARSETS["94+space"])
    assert chinese.startswith("啊阿埃") and chinese.index("亍") == 3755  # level 2 begins
    assert sum("\u4e00" <= character <= "\u9fff" for character in chinese) == 6763
    assert set("，。！？：；（）【】《》“”、￥〇") < set(chinese)


@pytest.mark.parametrize("name", SIZES)
def test_named_charsets_are_composed_and_keep_the_order_of_94(name):
    charset = CHARSETS[name]
    assert unicodedata.normalize("NFC", charset) == charset
    assert charset in CHARSETS["94"] or charset.startswith(CHARSETS["94"])
    assert resolve_charset(name) == resolve_charset(name.upper()) == tuple(charset)


#: Words that are written with the characters of a language only if its charset is whole.
WORDS = {
    "arabic": "مدرسة", "bengali": "বাংলাদেশ", "bulgarian": "Изход", "catalan": "col·legi", "croatian": "Džep",
    "czech": "Příliš", "danish": "Smørrebrød", "dutch": "coördinatie", "english": "Exit!", "filipino": "Piñas",
    "finnish": "Työpäivä", "french": "Œuvre", "german": "STRAẞE", "greek": "ΰποδοχής", "hebrew": "יציאה",
    "hindi": "निकास", "hungarian": "tűzoltó", "icelandic": "Þjóðvegur", "indonesian": "Keluar", "italian": "Perché",
    "japanese": "出口ラーメン", "korean": "출구", "latvian": "Ķīna", "lithuanian": "Išėjimas", "macedonian": "Ѓорче",
    "malay": "Keluar", "norwegian": "Ålesund", "persian": "خروجی", "polish": "Wyjście", "portuguese": "Saídas",
    "romanian": "Ieșire", "russian": "Ёлка", "serbian": "Љубав", "slovak": "Východ", "slovenian": "Izhodišče",
    "spanish": "¿Señal?", "swedish": "Utgång", "tamil": "வெளியேறு", "thai": "ทางออก", "turkish": "ÇIKIŞ İçin ılık",
    "ukrainian": "Вихід Ґанок", "urdu": "خروج", "vietnamese": "LỐI RA đường", "cyrillic": "Қазақ Ђорђе Її",
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in CHARSETS if name not in SIZES])
def test_charsets_of_languages_write_them(name):
    assert set(unicodedata.normalize("NFC", WORDS[name])) <= set(CHARSETS[name])
    assert len(set(CHARSETS[name])) == len(CHARSETS[name])
    assert all(unicodedata.category(character)[0] != "C" for character in CHARSETS[name])


@pytest.mark.parametrize(
    "name",
    [
        "latin-1",
        "Englich",
        "germn",
        "ascii",
        "de",
        "numbers",
        "georgian",
        "94+spaces",
        "36+space",
        "latin, greek",
        "ch_sim",
        "zh-CN",
        "deu",
        "español",
        "हिन्दी",
        "a-z",
        "dict.json",
        "german ",
    ],
)
def test_a_name_that_is_none_is_no_charset_of_its_letters(name):
    with pytest.raises(ValueError, match=rf"no charset called '{re.escape(name)}'\. There are digits, 36, .*german"):
        resolve_charset(name)
    with pytest.raises(ValueError, match="If a name was meant, there are digits"):
        resolve_charset("klingon")


def test_characters_that_are_no_name_are_a_charset():
    for text in (
        "abc",
        "0123456789abcdef",
        "hgfedcba",
        "aeiou",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "0123456789.,-",
        "привет",
    ):
        assert resolve_charset(text) == tuple(text)


@pytest.mark.parametrize("text", ["coffee\t3\nexit\t12\n", "0123456789\nabcdef\n"])
def test_files_of_something_else_are_no_charset(text, tmp_path):
    (tmp_path / "lines.txt").write_text(text)
    with pytest.raises(ValueError, match=r"lines\.txt: '.*', number 1 of its lines, is no symbol"):
        resolve_charset(tmp_path / "lines.txt")


@pytest.mark.parametrize("language", ALPHABETS)
def test_latin_writes_every_european_language(language):
    letters = ALPHABETS[language]
    capitals = (letters + ("iIİ" if language == "Turkish" else "")).upper()
    assert set(letters + capitals + ("ẞ" if language == "German" else "")) <= set(CHARSETS["latin"])


def test_latin_has_whole_blocks_and_the_signs_of_print():
    latin = set(CHARSETS["latin"])
    blocks = (chr(code) for code in range(0xA1, 0x180))
    assert {letter for letter in blocks if letter.isalpha()} <= latin
    assert set("€£¥¢§©®™°±×÷½¼¾¹²³«»„“”‘’‚…–—•·¿¡ªº№µ†‡‰") <= latin
    assert not latin & set("\xa0\xad")


def test_a_charset_from_a_string_a_list_and_files(tmp_path):
    (tmp_path / "lines.txt").write_bytes("\ufeffx\r\né \r\n \r\nsch\r\n".encode())
    (tmp_path / "line.txt").write_text("xé #\n", encoding="utf-8")
    assert resolve_charset("xé #") == ("x", "é", " ", "#")
    assert resolve_charset(tmp_path / "lines.txt") == ("x", "é", " ", "sch")
    assert resolve_charset(str(tmp_path / "line.txt")) == ("x", "é", " ", "#")
    assert resolve_charset(character for character in ["q", "u", "qu"]) == ("q", "u", "qu")
    assert resolve_charset(["e\u0301"]) == ("é",)


def test_symbols_of_several_characters_are_matched_longest_first():
    tokenizer = CRNNTokenizer(["s", "c", "h", "sch", "sc"])
    assert tokenizer("schscshhsch").input_ids == [4, 5, 1, 3, 3, 4]
    assert tokenizer.decode([4, 4, 0, 4, 1]) == "schschs"


@pytest.mark.parametrize("charset", ["", [], ["a", ""]], ids=repr)
def test_an_empty_charset_is_refused(charset):
    with pytest.raises(ValueError, match="at least one character"):
        CRNNTokenizer(charset)


@pytest.mark.parametrize("charset, named", [("abca", "'a'"), (["é", "x", "é"], "'é'")])
def test_a_character_that_stands_twice_is_named(charset, named):
    with pytest.raises(ValueError, match=f"more than once: {named}\\. "):
        CRNNTokenizer(charset)


def test_characters_that_mean_something_in_regular_expressions():
    charset = "".join(dict.fromkeys(NASTY))
    tokenizer = CRNNTokenizer(charset)
    for symbol_id, character in enumerate(charset, start=1):
        assert tokenizer(character).input_ids == [symbol_id]
    assert tokenizer.decode(tokenizer(NASTY).input_ids, group_tokens=False) == NASTY
    assert tokenizer.unknown_in("b" + NASTY + "_") == ["b", "_"]
    assert CRNNTokenizer(charset, unknown_characters="remove")("b_cd,").input_ids == []


# ---------------------------------------------------------------------------------------------------------------------
# Whole dictionaries of other projects

#: Symbols that NFC changes or makes equal to others, and symbols of several code points, some within others.
ODDITIES = [
    *("\u212b", "Å", "\u2329", "〈", "\uf92c", "郎", "e\u0301", "n\u0303", "ñ", "\u0958", "q\u0323\u0307"),
    *(
        "👩",
        "👩\u200d👩",
        "👩\u200d👩\u200d👧",
        "❤",
        "❤\ufe0f",
        "🇩🇪",
        "🇩",
        "1\ufe0f\u20e3",
        "𠮷",
        "𪚥",
        "\u3000",
        "\u2028",
    ),
]


def large_dictionary() -> list[str]:
    """18,709 symbols: ASCII, oddities, emoji, every second Chinese character (many ranges), a space at the end."""
    every_second = map(chr, [*range(0x4E00, 0x9FA0, 2), *range(0xAC01, 0xD7A0, 2), *range(0x20000, 0x22000, 2)])
    symbols = dict.fromkeys([*CHARSETS["94"], *ODDITIES, *(chr(code) + "\ufe0f" for code in range(0x1F600, 0x1F650))])
    return [*itertools.islice(symbols | dict.fromkeys(every_second), 18_708), " "]


@pytest.fixture(scope="module")
def dictionary() -> list[str]:
    return large_dictionary()


def test_a_dictionary_keeps_every_symbol_at_its_place(dictionary, tmp_path):
    assert len(dictionary) == len(set(dictionary)) == 18_709
    tokenizer = CRNNTokenizer(dictionary)
    assert len(tokenizer) == 18_710
    texts = [tokenizer.decode([symbol_id]) for symbol_id in range(1, 18_710)]
    assert [unicodedata.normalize("NFC", symbol) for symbol in dictionary] == [
        unicodedata.normalize("NFC", text) for text in texts
    ]
    others = dict(zip(dictionary, texts, strict=True))
    assert [others[symbol] for symbol in ("\u212b", "Å", "\uf92c", "郎", "n\u0303")] == [*"\u212bÅ\uf92c郎", "n\u0303"]
    assert others["e\u0301"] == "é"  # alone in its dictionary, so composed
    assert tokenizer.decode(list(range(1, 300))) == "".join(texts[:299])

    tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again.characters == tokenizer.characters == tuple(texts)
    (tmp_path / "dictionary.txt").write_text("\n".join(dictionary), encoding="utf-8")
    assert CRNNTokenizer(tmp_path / "dictionary.txt").characters == tokenizer.characters


def test_text_becomes_the_composed_one_of_equal_symbols(dictionary):
    tokenizer = CRNNTokenizer(dictionary)
    canonical = {}  # of each composed form the class that is composed itself, or the first
    for symbol_id, symbol in enumerate(dictionary, start=1):
        form = unicodedata.normalize("NFC", symbol)
        if form not in canonical or symbol == form:
            canonical[form] = symbol_id
    encoded = tokenizer(dictionary).input_ids
    assert encoded == [[canonical[unicodedata.normalize("NFC", symbol)]] for symbol in dictionary]
    assert tokenizer("\u212bA\u030a").input_ids == [dictionary.index("Å") + 1] * 2
    family = "👩\u200d👩\u200d👧"
    assert tokenizer(f"👩{family}❤❤\ufe0f").input_ids == [
        dictionary.index(x) + 1 for x in ("👩", family, "❤", "❤\ufe0f")
    ]
    assert tokenizer.unknown_in("a丁\u200d一") == ["丁", "\u200d"]


def test_of_equal_symbols_without_a_composed_one_the_first_is_composed():
    assert resolve_charset(["\u212b", "x", "A\u030a"]) == ("Å", "x", "A\u030a")
    assert resolve_charset(("Å", "x", "A\u030a")) == ("Å", "x", "A\u030a")
    assert CRNNTokenizer(["\u212b", "x", "A\u030a"])("A\u030a").input_ids == [1]


def test_a_dictionary_costs_about_what_94_characters_cost(dictionary):
    def seconds(call) -> float:
        timed = []
        for _ in range(7):
            start = time.perf_counter()
            call()
            timed.append(time.perf_counter() - start)
        return min(timed)

    assert seconds(lambda: CRNNTokenizer(dictionary)) < 1  # 0.1 where nothing else runs
    large, small = CRNNTokenizer(dictionary), CRNNTokenizer("94")
    texts = ["".join(small.characters[(7 * row + column) % 94] for column in range(12)) for row in range(300)]
    paths = np.tile(np.arange(40) % 90, (256, 1))
    decode_time, encode_time = (
        [seconds(partial(call, inputs)) for call in calls]
        for inputs, calls in ((paths, (large.batch_decode, small.batch_decode)), (texts, (large, small)))
    )
    assert decode_time[0] < 2 * decode_time[1]
    assert (
        encode_time[0] < 10 * encode_time[1]
    )  # 3, with a hundred emoji of two code points; alternatives of all: 1,000


def test_the_dictionary_of_pp_ocr():
    path = os.environ.get("PPOCR_DICTIONARY")
    if not path:
        pytest.skip("PPOCR_DICTIONARY names no inference.yml of PP-OCR, nor a .txt file")
    text = Path(path).read_text(encoding="utf-8")
    symbols = text.split("\n") if path.endswith(".txt") else yaml.safe_load(text)["PostProcess"]["character_dict"]
    symbols = [*(str(symbol) for symbol in symbols if symbol != ""), " "]
    tokenizer = CRNNTokenizer(dict.fromkeys(symbols))
    for symbol_id, symbol in enumerate(tokenizer.characters, start=1):
        assert tokenizer.decode([symbol_id]) == symbol
    encoded = [ids for (ids,) in tokenizer(symbols).input_ids]
    assert sum(own != symbol_id for symbol_id, own in enumerate(encoded, start=1)) <= 10  # compatibility characters
    assert set(CHARSETS["94+space"]) <= set(tokenizer.characters)


# ---------------------------------------------------------------------------------------------------------------------
# Text to classes


def test_text_is_composed():
    tokenizer = CRNNTokenizer("aé각")
    assert tokenizer("e\u0301").input_ids == tokenizer("é").input_ids == [2]
    decomposed = unicodedata.normalize("NFD", "각")
    assert len(decomposed) == 3
    assert tokenizer(decomposed).input_ids == tokenizer("각").input_ids == [3]


def test_compatibility_characters_stay_what_they_are():
    tokenizer = CRNNTokenizer("½ﬁＡ12fiA", lowercase=False)
    assert tokenizer("½ﬁＡ").input_ids == [1, 2, 3]


@pytest.mark.parametrize(
    "charset, lowercase, text, expected",
    [
        ("36", None, "HeLLo", "hello"),
        ("62", None, "HeLLo", "HeLLo"),
        ("36", None, "\u212a", "k"),  # the kelvin sign
        ("abé", None, "E\u0301B", "éb"),
        ("ABC", None, "ABC", "ABC"),
        ("ABCabc", True, "ABC", "abc"),
        ("digits", None, "42", "42"),
        ("각가", None, "각", "각"),
    ],
)
def test_lower_case_where_the_charset_has_no_other(charset, lowercase, text, expected):
    tokenizer = CRNNTokenizer(charset, lowercase=lowercase)
    assert tokenizer.decode(tokenizer(text).input_ids, group_tokens=False) == expected


def test_lower_case_can_be_refused():
    with pytest.raises(ValueError, match=r"'H' \(U\+0048\)"):
        CRNNTokenizer("36", lowercase=False)("Hello")


def test_unknown_characters_are_named():
    tokenizer = CRNNTokenizer("36")
    with pytest.raises(
        ValueError, match=r"'straße, \U0001f600ß' has .*: 'ß' \(U\+00DF\) ',' \(U\+002C\) ' ' \(U\+0020\)"
    ):
        tokenizer("straße, \U0001f600ß")
    with pytest.raises(ValueError, match=r"'\U0001f600' \(U\+1F600\)\. Add them to the charset"):
        tokenizer(["fine", "\U0001f600"])
    assert tokenizer.unknown_in("Straße, ß") == ["ß", ",", " "]


def test_unknown_characters_are_removed_where_asked():
    tokenizer = CRNNTokenizer("36", unknown_characters="remove")
    assert tokenizer("it's 5!").input_ids == tokenizer("its5").input_ids
    assert tokenizer("ß").input_ids == []


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match='must be "error" or "remove", not \'ignore\''):
        CRNNTokenizer("36", unknown_characters="ignore")


def test_a_label_that_spells_the_blank_is_its_characters():
    tokenizer = CRNNTokenizer("94")
    for label in ("<blank>", "a<blank>b"):
        ids = tokenizer(label).input_ids
        assert len(ids) == len(label)
        assert 0 not in ids
        assert tokenizer.decode(ids, group_tokens=False) == label
    with pytest.raises(ValueError, match=r"'<' \(U\+003C\) '>' \(U\+003E\)"):
        CRNNTokenizer("36")("<blank>")


@pytest.mark.parametrize("name", SIZES)
def test_encoded_and_decoded_text_is_the_same(name):
    tokenizer = CRNNTokenizer(name)
    choose = random.Random(0)
    texts = ["".join(choose.choices(tokenizer.characters, k=choose.randrange(25))) for _ in range(100)]
    encoded = tokenizer(texts).input_ids
    assert [len(ids) for ids in encoded] == list(map(len, texts))
    assert tokenizer.batch_decode(encoded, group_tokens=False) == texts
    padded = tokenizer(texts, padding=True, return_tensors="np").input_ids
    assert tokenizer.batch_decode(padded, group_tokens=False) == texts
    with_blanks = np.stack([padded, np.zeros_like(padded)], -1).reshape(len(texts), -1)
    assert tokenizer.batch_decode(with_blanks) == texts


# ---------------------------------------------------------------------------------------------------------------------
# Classes to text


@pytest.mark.parametrize("skip_special_tokens", [True, False])
def test_hello_stays_hello(skip_special_tokens):
    tokenizer = CRNNTokenizer("36")
    h, e, l, o = tokenizer("helo").input_ids  # noqa: E741
    path = [0, h, h, 0, e, e, l, l, 0, l, o, o, 0]
    assert tokenizer.decode(path, skip_special_tokens=skip_special_tokens) == "hello"
    assert tokenizer.batch_decode([path], skip_special_tokens=skip_special_tokens) == ["hello"]


def test_padding_is_blank():
    tokenizer = CRNNTokenizer("36")
    assert tokenizer.decode([-100, 11, -100, 11, 12, 12, 0, -100, -1]) == "aab"
    labels = torch.tensor([[11, 11, -100], [12, 0, 0]])
    assert tokenizer.batch_decode(labels, group_tokens=False) == ["aa", "b"]


@pytest.mark.parametrize(
    "ids, text",
    [
        (11, "a"),
        (np.int64(11), "a"),
        (np.array(11), "a"),
        (torch.tensor(11), "a"),
        ([11, 12], "ab"),
        ((11, 12), "ab"),
        ([np.int64(11), np.int64(12)], "ab"),
        ([torch.tensor(11), torch.tensor(12)], "ab"),
        (np.array([11, 12], dtype=np.uint8), "ab"),
        (torch.tensor([11, 12]), "ab"),
        ([], ""),
        (np.array([], dtype=np.int64), ""),
        (torch.tensor([], dtype=torch.long), ""),
        ([[11, 12], [13, 0]], ["ab", "c"]),
        ([[11, 12, 13], [], [14]], ["abc", "", "d"]),
        ([[]], [""]),
        ([np.array([11, 12]), np.array([13])], ["ab", "c"]),
        ([torch.tensor([11, 12]), torch.tensor([13])], ["ab", "c"]),
        (np.array([[11, 12], [13, 13]], dtype=np.int32), ["ab", "c"]),
        (torch.tensor([[11, 12], [13, 13]]), ["ab", "c"]),
        (torch.zeros(0, 33, dtype=torch.long), []),
        (np.zeros((0, 33), dtype=np.int64), []),
        (np.zeros((2, 0), dtype=np.int64), ["", ""]),
        ({"input_ids": [11, 12]}, "ab"),
    ],
    ids=repr,
)
def test_whatever_holds_classes_is_decoded(ids, text):
    tokenizer = CRNNTokenizer("36")
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode(ids, output_char_offsets=True).text == text
    if not isinstance(text, str):
        assert tokenizer.batch_decode(ids) == text
        assert tokenizer.batch_decode(ids, output_char_offsets=True).text == text


def test_an_empty_batch():
    tokenizer = CRNNTokenizer("36")
    assert tokenizer.batch_decode([]) == []
    assert tokenizer.batch_decode([], output_char_offsets=True) == CRNNTokenizerOutput([], [])


def test_one_sequence_makes_a_batch_of_one():
    tokenizer = CRNNTokenizer("36")
    assert tokenizer.batch_decode([11, 12]) == ["ab"]
    output = tokenizer.batch_decode([11], output_char_offsets=True)
    assert output.text == ["a"]
    assert output.char_offsets == [[{"char": "a", "start_offset": 0, "end_offset": 1}]]


def test_logits_are_no_classes():
    with pytest.raises(ValueError, match=r"\(batch, time\), not \(2, 5, 37\): take logits.argmax"):
        CRNNTokenizer("36").decode(torch.zeros(2, 5, 37))


@pytest.mark.parametrize("group_tokens", [True, False])
@pytest.mark.parametrize("charset", ["36", "hangul", ("s", "c", "h", "sch")], ids=str)
def test_decoding_is_ctcs_rule(charset, group_tokens):
    tokenizer = CRNNTokenizer(charset)
    paths = random_paths(tokenizer)
    expected = [slow_decode(tokenizer, path, group_tokens) for path in paths]
    texts, offsets = [text for text, _ in expected], [rows for _, rows in expected]
    together = tokenizer.batch_decode(paths, group_tokens=group_tokens, output_char_offsets=True)
    assert together.text == texts
    assert together.char_offsets == offsets
    assert tokenizer.batch_decode(paths, group_tokens=group_tokens) == texts
    for path, text, rows in zip(paths, texts, offsets, strict=True):
        assert tokenizer.decode(path, group_tokens=group_tokens) == text
        alone = tokenizer.decode(path, group_tokens=group_tokens, output_char_offsets=True)
        assert (alone.text, alone.char_offsets) == (text, rows)
    padded = np.full((len(paths), 40), -100)
    for row, path in zip(padded, paths, strict=True):
        row[: len(path)] = path
    for batch in (padded, torch.from_numpy(padded)):
        output = tokenizer.batch_decode(batch, group_tokens=group_tokens, output_char_offsets=True)
        assert (output.text, output.char_offsets) == (texts, offsets)


def test_paths_of_a_batch_do_not_run_into_each_other():
    assert CRNNTokenizer("36").batch_decode([[0, 11], [11, 11], [11, 0]]) == ["a", "a", "a"]


def test_ids_beyond_the_vocabulary_have_no_text():
    tokenizer = CRNNTokenizer("36")
    output = tokenizer.decode([11, 37, 11, 10**12], output_char_offsets=True)
    assert output.text == "aa"
    assert [row["start_offset"] for row in output.char_offsets] == [0, 2]


# ---------------------------------------------------------------------------------------------------------------------
# Added tokens, saving, copies


def test_added_tokens():
    tokenizer = CRNNTokenizer("36")
    tokenizer.decode([37, 38])  # looked up while there is nothing
    assert tokenizer.add_tokens(["<star>"]) == 1
    assert tokenizer("a<star>b").input_ids == [11, 37, 12]
    assert tokenizer.decode([11, 37, 37, 0, 12]) == "a<star>b"
    with pytest.raises(ValueError, match=r"characters outside the charset: '<' \(U\+003C\)"):
        tokenizer("a<star><")
    tokenizer.add_special_tokens({"extra_special_tokens": ["[end]"]})
    assert tokenizer("ab[end]").input_ids == [11, 12, 38]
    assert tokenizer.decode([11, 38]) == "a[end]"
    assert tokenizer.decode([11, 38, 11], skip_special_tokens=True) == "aa"


@pytest.mark.parametrize(
    "options",
    [
        {"charset": "36"},
        {"charset": "94", "unknown_characters": "remove"},
        {"charset": "hangul"},
        {"charset": list(dict.fromkeys(NASTY)), "lowercase": True},
        {"charset": ["s", "c", "h", "sch"]},
        {"charset": ["3", "6"]},  # not the charset that is called "36"
    ],
    ids=str,
)
def test_saved_and_loaded_it_does_the_same(options, tmp_path):
    tokenizer = CRNNTokenizer(**options)
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert type(loaded) is CRNNTokenizer
    for other in (loaded, pickle.loads(pickle.dumps(tokenizer)), copy.deepcopy(tokenizer)):
        assert other.characters == tokenizer.characters
        assert other.unknown_characters == tokenizer.unknown_characters
        assert other.get_vocab() == tokenizer.get_vocab()
        text = "".join(random.Random(0).choices(tokenizer.characters, k=50))
        assert other(text).input_ids == tokenizer(text).input_ids
        paths = random_paths(tokenizer, 10)
        assert other.batch_decode(paths) == tokenizer.batch_decode(paths)
        assert other.backend_tokenizer.to_str() == tokenizer.backend_tokenizer.to_str()


def test_added_tokens_are_saved(tmp_path):
    tokenizer = CRNNTokenizer("36")
    tokenizer.add_tokens(["<star>"])
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert len(loaded) == 38
    assert loaded("a<star>").input_ids == [11, 37]
    assert loaded.decode([37]) == "<star>"


def test_a_charset_of_the_users_own_order_is_kept():
    charset = string.ascii_lowercase[::-1]
    assert CRNNTokenizer(charset)("zya").input_ids == [1, 2, 26]


# ---------------------------------------------------------------------------------------------------------------------
# Logits


def test_a_decoder_reads_logits():
    tokenizer = CRNNTokenizer("ab")
    frames = torch.tensor([[[0.6, 0.4, 0.0], [0.6, 0.4, 0.0]], [[0.1, 0.1, 0.8], [0.1, 0.8, 0.1]]]).log()
    assert tokenizer.batch_decode(frames.argmax(-1)) == ["", "ba"]
    assert tokenizer.batch_decode(frames, decoder="best_path") == ["", "ba"]
    assert tokenizer.batch_decode(frames, decoder="beam_search") == ["a", "ba"]
    decoded = tokenizer.batch_decode(frames, decoder="prefix_search", output_char_offsets=True)
    assert decoded.text == ["a", "ba"]
    assert decoded.char_offsets[1] == [
        {"char": "b", "start_offset": 0, "end_offset": 1},
        {"char": "a", "start_offset": 1, "end_offset": 2},
    ]


def test_a_language_model_is_saved_and_loaded(checkpoint_with_language_model, tmp_path):
    tokenizer = CRNNTokenizer.from_pretrained(checkpoint_with_language_model)
    ids = tokenizer("fee").input_ids
    expected = tokenizer.language_model.log_prob(ids)
    written = tokenizer.save_pretrained(tmp_path)
    assert str(tmp_path / "language_model.safetensors") in map(str, written)
    assert "language_model" not in (tmp_path / "tokenizer_config.json").read_text()
    for again in (
        AutoTokenizer.from_pretrained(tmp_path),
        copy.deepcopy(tokenizer),
        pickle.loads(pickle.dumps(tokenizer)),
    ):
        assert again.language_model.log_prob(ids) == pytest.approx(expected, abs=1e-6)
    tokenizer.language_model = None
    tokenizer.save_pretrained(tmp_path / "without")
    assert not (tmp_path / "without" / "language_model.safetensors").exists()
    assert CRNNTokenizer.from_pretrained(tmp_path / "without").language_model is None


def test_a_language_model_of_a_file(checkpoint_with_language_model, tmp_path):
    path = f"{checkpoint_with_language_model}/language_model.safetensors"
    tokenizer = CRNNTokenizer("36", language_model_file=path)
    assert tokenizer.language_model.num_classes == 37
    tokenizer.add_tokens(["é"])
    assert tokenizer.language_model.num_classes == 38  # the new one is unknown to it
    with pytest.raises(FileNotFoundError, match="there is no language model at"):
        CRNNTokenizer("36", language_model_file=tmp_path / "nothing.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"broken\.safetensors is no language model"):
        CRNNTokenizer("36", language_model_file=tmp_path / "broken.safetensors")


def test_a_checkpoint_names_no_file_of_this_machine(tmp_path):
    secret = tmp_path / "private.txt"
    secret.write_text("xyz")
    folder = tmp_path / "stranger"
    CRNNTokenizer(charset="abc").save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"charset": str(secret)}))
    with pytest.raises(ValueError, match=r"tokenizer_config\.json of .* names a file as its charset"):
        CRNNTokenizer.from_pretrained(folder)
    given = CRNNTokenizer.from_pretrained(folder, charset=str(secret))
    assert given.characters == CRNNTokenizer(charset=secret).characters == ("x", "y", "z")
    given.save_pretrained(folder)
    assert "_charset_of" not in path.read_text()
    assert CRNNTokenizer.from_pretrained(folder).characters == ("x", "y", "z")
