# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Draws texts like those that stand on signs, shop fronts, plates and packages."""

from __future__ import annotations

import os
import string
import unicodedata
from bisect import bisect
from collections.abc import Callable, Iterable

import numpy as np

from ._chance import below, one_of, pick
from .hangul import HangulTexts, has_hangul
from .lexicons import Lexicon


__all__ = ["WordSampler"]


def _list(words: str) -> list[str]:
    """The words of a text: long lists read better as text than as one quoted word a line."""
    return words.split()


_CONSONANTS = _list("b c d f g h j k l m n p r s t v w br ch cl cr dr fl fr gr pl pr sh sl sp st str th tr qu z")
_VOWELS = _list("a e i o u a e i o ai ea ee io oo ou y")
_ENDINGS = _list("n r s t l m ck nd ng nt rd rk rt ss st th x y es er ing")
_TITLES = _list("St. Dr. Mr. Mrs. No. Co. Inc. Ltd. Ave. Rd. Blvd. Est. Tel. Fax: Sq. Bros. Jr. vs. A.M. P.M. Ph.D.")
_SHORT = _list("TV ATM USA UK EU BBQ CD DVD WC VIP PC HD IT AM PM 3D 24h 1st 2nd 3rd 4th No1 Wi-Fi B&B P&O R&B H&M")
_DOMAINS = _list(".com .co.uk .org .net .de .fr .eu .it")
_MONTHS = _list("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC Jan Mar Apr Jun Aug Sept Oct Dec")
_CURRENCIES = "$$$£€"

# What stands on signs, whatever the dictionary says.
_SIGN_WORDS = _list("""
the of and to in for a is on at by with from or no not all new you your we our it this free open closed exit entrance
street road avenue lane park place square house hotel motel inn bar pub cafe coffee tea pizza food restaurant kitchen
grill shop store market mall sale off buy one get save only today best big super city town centre center north south
east west up down left right stop slow go way push pull please do danger warning caution private parking bus taxi train
station airport gate platform ticket tickets office information toilet toilets ladies men women water fire police bank
school college university library museum theatre cinema club gallery book books news post mail phone call service
services repair car cars auto tyres oil wash rent hire garage motor bike cycle express fast food fresh hot cold ice
cream beer wine spirits fashion style hair beauty nails spa health care pharmacy dental doctor hospital baby kids toys
sport sports gym fitness travel tours trip holiday world home living garden flowers furniture design studio art music
video photo print digital computer mobile media radio live show film star king queen royal golden red blue green black
white old great little first second floor level room staff area zone limit speed height max min mon tue wed thu fri sat
sun monday tuesday friday saturday sunday daily week hours am pm since est company group limited ltd co sons brothers
international national american british london york paris street view point bridge river lake beach island hill church
""")

_NAME_TAILS = _list(
    "ify ly co mart tech land soft net max pro plus lab hub box Works House Point Line Way One Zone Bank"
)
_PLATES = _list("AA00AAA AAA000 AAA0000 AAA-0000 AA000AA 000AAA 0AAA000 A00 A0 AA0 A000AA AA-000 00-A AA00 A0A")
_CODES = _list("00-00 #00-00 0/0 00/0 A/A 0-0 000-0 A0-00 0A.000 #0 00:00 A-0 0x0 00x00 A.A. A.A.A. A/00 00A 0-00-0")

# How often each kind of text is drawn. Of real word crops, two thirds are plain words; a tenth hold digits, a twelfth
# punctuation.
_KINDS = {
    "word": 0.53,
    "sign_word": 0.2,
    "pseudo_word": 0.045,
    "brand": 0.03,
    "number": 0.058,
    "price": 0.013,
    "date_or_time": 0.012,
    "phone": 0.004,
    "percentage": 0.005,
    "plate": 0.01,
    "code": 0.005,
    "abbreviation": 0.008,
    "initials": 0.01,
    "address": 0.004,
    "possessive": 0.007,
    "punctuated": 0.03,
    "joined": 0.008,
    "single": 0.018,
    "random": 0.011,
    # Only where the characters hold Hangul; then three texts in five are Korean.
    "korean_word": 0.7,
    "korean_sign": 0.55,
    "korean_mixed": 0.25,
}

_OPENERS = {'"': '"', "(": ")", "'": "'", "[": "]", "“": "”", "‘": "’", "«": "»"}


class WordSampler:
    """Draws texts made of `characters` only.

    Without any lexicon the words are pronounceable inventions, so that nothing but this package is needed.

    Args:
        characters: every character that a text may hold. Texts in lower case are drawn in upper case where only
            capitals are among the characters, and the other way round.
        lexicons: text files with one word per line, maybe followed by how often it occurs (`word<TAB or space>count`);
            or languages, such as `wordfreq:en` (`pip install hf_str[lm]`).
            The case of a word does not matter: it is drawn in capitals, in lower case and with a first capital.
        max_length: the longest text, in characters.
        random_share: share of texts that are random strings of `characters` (beside the few drawn anyway): teaches
            each character equally, whatever the language.
        ranked: lexicons without counts have the most frequent word first, and words are drawn accordingly.

    Raises:
        ValueError: `characters` is empty.
        FileNotFoundError: a lexicon does not exist.

    Example:
        >>> sampler = WordSampler("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        >>> sampler.sample(np.random.default_rng(0)).isupper()
        True
    """

    def __init__(
        self,
        characters: Iterable[str],
        lexicons: Iterable[str | os.PathLike] | None = None,
        max_length: int = 25,
        random_share: float = 0.0,
        ranked: bool = False,
    ):
        self.characters = "".join(dict.fromkeys(characters))
        if not self.characters:
            raise ValueError("WordSampler needs at least one character.")
        self.max_length = max_length
        self.random_share = random_share
        self._allowed = frozenset(self.characters)
        self._drawable = [character for character in self.characters if not character.isspace()] or [" "]
        # a mark stands on a letter: where none is before it, fonts draw a dotted circle, which no sign has
        self._single_ones = [c for c in self._drawable if unicodedata.category(c)[0] != "M"] or self._drawable
        self._alphanumeric = [character for character in self._drawable if character.isalnum()]
        self._digits = [character for character in self.characters if character.isdigit()]
        self._capitals = [character for character in self.characters if character.isupper()]
        lexicons = list(lexicons or ())
        self._either_case = self._allowed.union(*((c.upper(), c.lower()) for c in self._allowed))
        self._words = Lexicon(lexicons, lambda word: self._usable(word) and not has_hangul(word), ranked)
        self._hangul = HangulTexts(filter(has_hangul, self.characters)) if has_hangul(self.characters) else None
        self._korean_words = Lexicon(lexicons if self._hangul else (), self._is_korean, ranked)
        self._kinds, self._bounds = self._possible_kinds()

    @property
    def uninvented(self) -> str:
        """Letters of scripts of which no words are invented: without a lexicon they come up in random strings only."""
        if self._words:
            return ""
        letters = (c for c in self._alphanumeric if c.isalpha() and not has_hangul(c))
        return "".join(c for c in letters if not unicodedata.name(c, "").startswith("LATIN "))

    def sample(self, rng: np.random.Generator) -> str:
        """Draws one text: 1 to `max_length` of the characters."""
        if rng.random() < self.random_share:
            return self._random(rng)
        for _ in range(20):
            kind = self._kinds[bisect(self._bounds, rng.random())]
            text = self._fitted(kind(rng))
            if text:
                return text
        return self._random(rng)

    def _fitted(self, text: str) -> str:
        """`text`, or its other case where only that can be spelled ("Hotel" as "HOTEL"); empty where nothing can."""
        for cased in (text, text.upper(), text.lower()):
            if len(cased) <= self.max_length and self._allowed.issuperset(cased):
                return cased
        return ""

    def _possible_kinds(self) -> tuple[list[Callable[[np.random.Generator], str]], list[float]]:
        """The kinds that the characters allow (no prices without digits), and the bounds in [0, 1] of their shares."""
        rng = np.random.default_rng(0)
        shares = {}
        for name, share in _KINDS.items():
            if name.startswith("korean") and self._hangul is None:
                continue
            if any(self._fitted(getattr(self, f"_{name}")(rng)) for _ in range(30)):
                shares[name] = share
        # Invented words are Latin or Korean: letters of other scripts come up in lexicons and in random strings only.
        foreign = [not character.isascii() and not has_hangul(character) for character in self._drawable]
        share = sum(foreign) / len(foreign)
        shares["random"] += sum(shares.values()) * share / (1.001 - share) * (0.1 if self._words else 0.6)
        bounds = np.cumsum(list(shares.values())) / sum(shares.values())
        return [getattr(self, f"_{name}") for name in shares], [*bounds[:-1].tolist(), 1.0]

    # -----------------------------------------------------------------------------------------------------------------
    # The kinds. Each returns a text that may still hold characters outside the set; `sample` then draws again.
    # -----------------------------------------------------------------------------------------------------------------

    def _word(self, rng: np.random.Generator) -> str:
        if not self._words:
            return self._pseudo_word(rng)
        return _in_natural_case(self._words.sample(rng), rng)

    @property
    def _korean(self) -> HangulTexts:
        if self._hangul is None:
            raise ValueError("There are no Korean texts: no Hangul is among the characters.")
        return self._hangul

    def _korean_word(self, rng: np.random.Generator) -> str:
        if self._korean_words and rng.random() < 0.75:
            return self._korean_words.sample(rng)
        return self._korean.word(rng)

    def _korean_sign(self, rng: np.random.Generator) -> str:
        return self._korean.sign(rng)

    def _korean_mixed(self, rng: np.random.Generator) -> str:
        return self._korean.mixed(rng)

    def _brand(self, rng: np.random.Generator) -> str:
        """Names that no dictionary has: SunMart, Zappoo, eLine, McDrell's, Finch&Cole."""
        first, second = self._word(rng).capitalize(), self._pseudo_word(rng).capitalize()
        doubled = below(rng, len(second))
        forms = (
            lambda: first + second,
            lambda: first + pick(rng, _NAME_TAILS).capitalize(),
            lambda: second.upper() + pick(rng, _NAME_TAILS).upper(),
            lambda: second[:doubled] + 2 * second[doubled : doubled + 1].lower() + second[doubled + 1 :],
            lambda: pick(rng, "eeixX") + second,
            lambda: f"{first}&{second}",
            lambda: pick(rng, ("Mc", "Mac", "O'", "D'", "L'", "De", "La", "Le")) + second,
            lambda: second + pick(rng, ("'s", "'s", "s'", "'n")),
            lambda: pick(rng, ("The", "My", "Go", "Pro", "Super", "Euro", "Auto", "Inter", "Uni")) + second,
        )
        name = pick(rng, forms)()
        return name.upper() if rng.random() < 0.3 else name

    def _code(self, rng: np.random.Generator) -> str:
        """Room, shop and part numbers, sizes, scores."""
        return self._spelled_out(pick(rng, _CODES), rng)

    def _spelled_out(self, pattern: str, rng: np.random.Generator) -> str:
        """A capital for each "A" of a pattern, a digit for each "0"."""
        letters = self._capitals or self._drawable
        drawn = {"A": letters, "0": self._digits or letters}
        return "".join(pick(rng, drawn[sign]) if sign in drawn else sign for sign in pattern)

    def _sign_word(self, rng: np.random.Generator) -> str:
        return _in_natural_case(pick(rng, _SIGN_WORDS), rng)

    def _pseudo_word(self, rng: np.random.Generator) -> str:
        syllables = 1 + int(rng.random() < 0.65) + int(rng.random() < 0.25)
        word = "".join(pick(rng, _CONSONANTS) + pick(rng, _VOWELS) for _ in range(syllables))
        if rng.random() < 0.7:
            word += pick(rng, _ENDINGS)
        return _in_natural_case(word, rng)

    def _number(self, rng: np.random.Generator) -> str:
        length = 1 + min(9, int(rng.exponential(2.2)))
        number = self._some_digits(rng, length)
        if length in (4, 5, 6) and rng.random() < 0.15:
            number = f"{number[:-3]},{number[-3:]}"
        elif length >= 2 and rng.random() < 0.1:
            number = f"{number[:-1]}.{number[-1]}"
        return number

    def _price(self, rng: np.random.Generator) -> str:
        amount = self._some_digits(rng, 1 + below(rng, 3)).lstrip("0") or "1"
        if rng.random() < 0.1:
            amount += "," + pick(rng, ("000", "500", self._some_digits(rng, 3)))
        if rng.random() < 0.6:
            amount += pick(rng, ".,.") + pick(rng, ("99", "50", "95", "90", "00", self._some_digits(rng, 2)))
        form = one_of(
            rng, ((0.06, "{}"), (0.05, "{},-"), (0.04, "{}p"), (0.03, "{}/kg"), (0.03, "US${}"), (0.03, "{}EUR"))
        )
        if form is not None:
            return form.format(amount)
        currency = pick(rng, _CURRENCIES)
        return amount + currency if currency == "€" and rng.random() < 0.5 else currency + amount

    def _date_or_time(self, rng: np.random.Generator) -> str:
        day, month, year = 1 + below(rng, 31), 1 + below(rng, 12), 1900 + below(rng, 130)
        hour, minute = below(rng, 24), 5 * below(rng, 12)
        forms = (
            f"{day:02d}/{month:02d}/{year}", f"{day}.{month}.{year % 100:02d}", f"{year}-{month:02d}-{day:02d}",
            f"{year}", f"{year}", f"'{year % 100:02d}", f"{hour}:{minute:02d}", f"{hour:02d}:{minute:02d}",
            f"{1 + hour % 12}am", f"{1 + hour % 12}PM", f"{1 + hour % 12}:{minute:02d}pm", f"{year}-{year + 7}",
            f"{1 + hour % 12}-{1 + month % 12}pm", f"{day}{pick(rng, _MONTHS)}", f"{pick(rng, _MONTHS)}{day}",
            f"{day}/{month}", f"{hour}h{minute:02d}", f"{year % 100:02d}-{(year + 1) % 100:02d}",
        )  # fmt: skip
        return pick(rng, forms)

    def _phone(self, rng: np.random.Generator) -> str:
        area, exchange, line = (self._some_digits(rng, length) for length in (3, 3, 4))
        forms = (
            f"{area}-{exchange}-{line}", f"{area}.{exchange}.{line}", f"({area}){exchange}-{line}",
            f"{exchange}-{line}", f"{area}{exchange}{line}", f"+{area[:2]}{exchange}{line}", f"1-800-{exchange}",
        )  # fmt: skip
        return pick(rng, forms)

    def _percentage(self, rng: np.random.Generator) -> str:
        return pick(rng, ("", "", "-")) + self._some_digits(rng, 1 + below(rng, 2)) + "%"

    def _plate(self, rng: np.random.Generator) -> str:
        return self._spelled_out(pick(rng, _PLATES), rng)

    def _abbreviation(self, rng: np.random.Generator) -> str:
        if rng.random() < 0.5:
            return pick(rng, _TITLES)
        return pick(rng, _SHORT)

    def _initials(self, rng: np.random.Generator) -> str:
        letters = [pick(rng, string.ascii_uppercase) for _ in range(1 + below(rng, 4))]
        return pick(rng, ("", "", ".", "&" if len(letters) == 2 else "")).join(letters) + pick(rng, ("", "", "."))

    def _address(self, rng: np.random.Generator) -> str:
        name, domain = self._latin_word(rng).lower(), pick(rng, _DOMAINS)
        if rng.random() < 0.25:
            name += pick(rng, "-.") + self._latin_word(rng).lower()
        kind = one_of(rng, ((0.28, "mail"), (0.08, "handle"), (0.06, "page")))
        if kind == "mail":
            user = pick(rng, ("info", "mail", "sales", "contact", "hello", self._pseudo_word(rng).lower()))
            return f"{user}@{name}{domain}"
        if kind == "handle":
            return pick(rng, "@#") + name
        if kind == "page":
            return f"{name}{domain}/{self._pseudo_word(rng).lower()}"
        address = pick(rng, ("www.", "www.", "", "http://", "https://")) + name + domain
        return address.upper() if rng.random() < 0.12 else address

    def _latin_word(self, rng: np.random.Generator) -> str:
        word = self._word(rng)
        return word if word.isascii() else self._pseudo_word(rng)

    def _possessive(self, rng: np.random.Generator) -> str:
        word = self._word(rng)
        tail = pick(rng, ("'s", "'s", "'s", "'s", "’s", "'"))
        return word + (tail.upper() if word.isupper() else tail)

    def _punctuated(self, rng: np.random.Generator) -> str:
        word = self._word(rng)
        if rng.random() < 0.25:
            opener = pick(rng, list(_OPENERS))
            closer = _OPENERS[opener]
            return pick(rng, (opener + word + closer, opener + word, word + closer))
        if rng.random() < 0.1:
            return pick(rng, "#@*-&+~<$_/=") + word
        return word + pick(rng, ("!", "!", ".", ".", ",", ",", ":", ";", "?", "...", "*", "-", "+", "!!", '."', '?"'))

    def _joined(self, rng: np.random.Generator) -> str:
        first, second = self._word(rng), self._word(rng)
        if rng.random() < 0.25:
            return first + self._some_digits(rng, 1 + below(rng, 3))
        if first.isupper() or second.isupper():
            first, second = first.upper(), second.upper()
        return first + pick(rng, ("-", "-", "-", "&", "/", "+", "")) + second

    def _single(self, rng: np.random.Generator) -> str:
        alphanumeric = self._alphanumeric and rng.random() < 0.85
        return pick(rng, self._alphanumeric if alphanumeric else self._single_ones)

    def _random(self, rng: np.random.Generator) -> str:
        length = min(self.max_length, 1 + int(rng.gamma(3.0, 1.6)))
        text = "".join(pick(rng, self._drawable) for _ in range(length))
        start = next((index for index, c in enumerate(text) if unicodedata.category(c)[0] != "M"), None)
        return pick(rng, self._single_ones) if start is None else text[start:]

    # -----------------------------------------------------------------------------------------------------------------

    def _some_digits(self, rng: np.random.Generator, length: int) -> str:
        return "".join(pick(rng, self._digits or string.digits) for _ in range(length))

    def _usable(self, word: str) -> bool:
        """Whether a word can be spelled in some case with the characters and is not too long.

        Possessives, a third of some dictionaries, are left out: `_possessive` makes them as often as signs show them.
        """
        is_possessive = word.lower().endswith(("'s", "'"))
        return len(word) <= self.max_length and not is_possessive and self._either_case.issuperset(word)

    def _is_korean(self, word: str) -> bool:
        return has_hangul(word) and self._usable(word)


def _in_natural_case(word: str, rng: np.random.Generator) -> str:
    """Half in capitals, a third Capitalized, the rest in lower case; a few as on logos (iHop, GameStop)."""
    draw = rng.random()
    if draw < 0.53:
        return word.upper()
    if draw < 0.81:
        return word[:1].upper() + word[1:].lower()
    if draw < 0.98:
        return word.lower()
    if len(word) < 3:
        return word
    cut = 1 + below(rng, len(word) - 1)
    head = word[:cut].lower() if draw < 0.985 else word[:cut].capitalize()
    return head + word[cut:].capitalize()
