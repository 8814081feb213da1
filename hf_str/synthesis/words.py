"""Draws texts like those that stand on signs, shop fronts, plates and packages."""

from __future__ import annotations

import os
import string
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np


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

# How often each kind of text is drawn. Real word crops: most are words, one in ten holds digits.
_KINDS = {
    "word": 0.535,
    "sign_word": 0.2,
    "pseudo_word": 0.05,
    "number": 0.055,
    "price": 0.012,
    "date_or_time": 0.012,
    "phone": 0.006,
    "percentage": 0.004,
    "plate": 0.012,
    "abbreviation": 0.016,
    "initials": 0.012,
    "address": 0.006,
    "possessive": 0.012,
    "punctuated": 0.02,
    "joined": 0.012,
    "single": 0.012,
    "random": 0.024,
}

_OPENERS = {'"': '"', "(": ")", "'": "'", "[": "]", "“": "”", "‘": "’", "«": "»"}


class WordSampler:
    """Draws texts made of `characters` only.

    Without any lexicon the words are pronounceable inventions, so that nothing but this package is needed.

    Args:
        characters: every character that a text may hold. Texts in lower case are drawn in upper case where only
            capitals are among the characters, and the other way round.
        lexicons: text files with one word per line; a file in capitals only is used in every case.
        max_length: the longest text, in characters.
        random_share: share of texts that are random strings of `characters` (beside the few drawn anyway): teaches
            each character equally, whatever the language.

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
    ):
        self.characters = "".join(dict.fromkeys(characters))
        if not self.characters:
            raise ValueError("WordSampler needs at least one character.")
        self.max_length = max_length
        self.random_share = random_share
        self._allowed = frozenset(self.characters)
        self._drawable = [character for character in self.characters if not character.isspace()] or [" "]
        self._digits = [character for character in self.characters if character.isdigit()]
        self._capitals = [character for character in self.characters if character.isupper()]
        self._words: list[str] = []
        for lexicon in lexicons or ():
            self._words.extend(self._usable(_read_lexicon(lexicon)))
        self._words = list(dict.fromkeys(self._words))
        self._kinds, self._bounds = self._possible_kinds()

    def sample(self, rng: np.random.Generator) -> str:
        """Draws one text: 1 to `max_length` of the characters."""
        if rng.random() < self.random_share:
            return self._random(rng)
        for _ in range(20):
            kind = self._kinds[int(np.searchsorted(self._bounds, rng.random(), side="right"))]
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

    def _possible_kinds(self) -> tuple[list[Callable[[np.random.Generator], str]], np.ndarray]:
        """The kinds that the characters allow (no prices without digits), and the bounds in [0, 1] of their shares."""
        rng = np.random.default_rng(0)
        kinds, shares = [], []
        for name, share in _KINDS.items():
            kind = getattr(self, f"_{name}")
            if any(self._fitted(kind(rng)) for _ in range(30)):
                kinds.append(kind)
                shares.append(share)
        # Invented words are Latin: letters of other scripts come up in the lexicons and in random strings only.
        foreign = sum(not character.isascii() for character in self._drawable) / len(self._drawable)
        shares[-1] += sum(shares) * foreign / (1.001 - foreign) * (0.1 if self._words else 0.6)
        return kinds, np.cumsum(shares) / sum(shares)

    # -----------------------------------------------------------------------------------------------------------------
    # The kinds. Each returns a text that may still hold characters outside the set; `sample` then draws again.
    # -----------------------------------------------------------------------------------------------------------------

    def _word(self, rng: np.random.Generator) -> str:
        if not self._words:
            return self._pseudo_word(rng)
        # Signs favour short words (median 5 letters), dictionaries long ones (median 8): long ones are drawn less.
        for _ in range(8):
            word = self._words[_below(rng, len(self._words))]
            if rng.random() < min(1.0, (4.5 / len(word)) ** 3):
                break
        return _in_natural_case(word, rng)

    def _sign_word(self, rng: np.random.Generator) -> str:
        return _in_natural_case(_pick(rng, _SIGN_WORDS), rng)

    def _pseudo_word(self, rng: np.random.Generator) -> str:
        syllables = 1 + int(rng.random() < 0.65) + int(rng.random() < 0.25)
        word = "".join(_pick(rng, _CONSONANTS) + _pick(rng, _VOWELS) for _ in range(syllables))
        if rng.random() < 0.7:
            word += _pick(rng, _ENDINGS)
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
        amount = self._some_digits(rng, 1 + _below(rng, 3))
        if rng.random() < 0.6:
            amount += _pick(rng, ".,.") + _pick(rng, ("99", "50", "95", "00", self._some_digits(rng, 2)))
        currency = _pick(rng, _CURRENCIES)
        return amount + currency if currency == "€" and rng.random() < 0.5 else currency + amount

    def _date_or_time(self, rng: np.random.Generator) -> str:
        day, month, year = 1 + _below(rng, 31), 1 + _below(rng, 12), 1900 + _below(rng, 130)
        hour, minute = _below(rng, 24), 5 * _below(rng, 12)
        forms = (
            f"{day:02d}/{month:02d}/{year}", f"{day}.{month}.{year % 100:02d}", f"{year}-{month:02d}-{day:02d}",
            f"{year}", f"{year}", f"'{year % 100:02d}", f"{hour}:{minute:02d}", f"{hour:02d}:{minute:02d}",
            f"{1 + hour % 12}am", f"{1 + hour % 12}PM", f"{1 + hour % 12}:{minute:02d}pm", f"{year}-{year + 7}",
        )  # fmt: skip
        return _pick(rng, forms)

    def _phone(self, rng: np.random.Generator) -> str:
        area, exchange, line = (self._some_digits(rng, length) for length in (3, 3, 4))
        forms = (
            f"{area}-{exchange}-{line}", f"{area}.{exchange}.{line}", f"({area}){exchange}-{line}",
            f"{exchange}-{line}", f"{area}{exchange}{line}", f"+{area[:2]}{exchange}{line}", f"1-800-{exchange}",
        )  # fmt: skip
        return _pick(rng, forms)

    def _percentage(self, rng: np.random.Generator) -> str:
        return _pick(rng, ("", "", "-")) + self._some_digits(rng, 1 + _below(rng, 2)) + "%"

    def _plate(self, rng: np.random.Generator) -> str:
        pattern = _pick(
            rng, ("AA00AAA", "AAA000", "AA000AA", "000AAA", "A00", "A0", "AA0", "A000AA", "AA-000", "00-A")
        )
        letters = self._capitals or self._drawable
        drawn = {"A": letters, "0": self._digits or letters}
        return "".join(_pick(rng, drawn[sign]) if sign in drawn else sign for sign in pattern)

    def _abbreviation(self, rng: np.random.Generator) -> str:
        if rng.random() < 0.5:
            return _pick(rng, _TITLES)
        return _pick(rng, _SHORT)

    def _initials(self, rng: np.random.Generator) -> str:
        letters = [_pick(rng, string.ascii_uppercase) for _ in range(1 + _below(rng, 4))]
        return _pick(rng, ("", "", ".", "&" if len(letters) == 2 else "")).join(letters) + _pick(rng, ("", "", "."))

    def _address(self, rng: np.random.Generator) -> str:
        name, domain = self._word(rng).lower(), _pick(rng, _DOMAINS)
        if rng.random() < 0.3:
            return f"{_pick(rng, ('info', 'mail', 'sales', 'contact'))}@{name}{domain}"
        return _pick(rng, ("www.", "www.", "", "http://")) + name + domain

    def _possessive(self, rng: np.random.Generator) -> str:
        word = self._word(rng)
        tail = _pick(rng, ("'s", "'s", "'s", "'s", "’s", "'"))
        return word + (tail.upper() if word.isupper() else tail)

    def _punctuated(self, rng: np.random.Generator) -> str:
        word = self._word(rng)
        if rng.random() < 0.25:
            opener = _pick(rng, list(_OPENERS))
            closer = _OPENERS[opener]
            return _pick(rng, (opener + word + closer, opener + word, word + closer))
        if rng.random() < 0.1:
            return _pick(rng, "#@*-&+~<$_/=") + word
        return word + _pick(rng, ("!", "!", ".", ".", ",", ",", ":", ";", "?", "...", "*", "-", "+", "!!", '."', '?"'))

    def _joined(self, rng: np.random.Generator) -> str:
        first, second = self._word(rng), self._word(rng)
        if rng.random() < 0.25:
            return first + self._some_digits(rng, 1 + _below(rng, 3))
        if first.isupper() or second.isupper():
            first, second = first.upper(), second.upper()
        return first + _pick(rng, ("-", "-", "-", "&", "/", "+", "")) + second

    def _single(self, rng: np.random.Generator) -> str:
        return _pick(rng, self._drawable)

    def _random(self, rng: np.random.Generator) -> str:
        length = min(self.max_length, 1 + int(rng.gamma(3.0, 1.6)))
        return "".join(_pick(rng, self._drawable) for _ in range(length))

    # -----------------------------------------------------------------------------------------------------------------

    def _some_digits(self, rng: np.random.Generator, length: int) -> str:
        return "".join(_pick(rng, self._digits or string.digits) for _ in range(length))

    def _usable(self, words: Iterable[str]) -> Iterable[str]:
        """The words that can be spelled in some case with the characters and are not too long.

        Possessives, a third of some dictionaries, are left out: `_possessive` makes them as often as signs show them.
        """
        either_case = self._allowed | {c.upper() for c in self._allowed} | {c.lower() for c in self._allowed}
        return (
            word
            for word in words
            if 0 < len(word) <= self.max_length and "'" not in word and either_case.issuperset(word)
        )


def _read_lexicon(path: str | os.PathLike) -> list[str]:
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"The lexicon {str(path)!r} does not exist; a lexicon is a text file, one word a line."
        )
    return [line.strip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]


def _in_natural_case(word: str, rng: np.random.Generator) -> str:
    """Half in capitals, a third Capitalised, the rest in lower case; a few as on logos (iHop, GameStop)."""
    draw = rng.random()
    if draw < 0.53:
        return word.upper()
    if draw < 0.81:
        return word[:1].upper() + word[1:].lower()
    if draw < 0.98:
        return word.lower()
    if len(word) < 3:
        return word
    cut = 1 + _below(rng, len(word) - 1)
    head = word[:cut].lower() if draw < 0.985 else word[:cut].capitalize()
    return head + word[cut:].capitalize()


def _below(rng: np.random.Generator, count: int) -> int:
    """A whole number from 0 to `count` - 1; several times as fast as `rng.integers` for one number."""
    return int(rng.random() * count)


def _pick(rng: np.random.Generator, choices):
    return choices[int(rng.random() * len(choices))]
