"""Renders pictures of words as a camera would find them on signs, walls and packages."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np

from . import appearance, degradation
from ._optional import require
from .fonts import Font, find_fonts
from .layout import GlyphAtlas, Setting, place, set_word, surround
from .words import WordSampler


__all__ = ["WordRenderer"]

cv2 = require("cv2")


class WordRenderer:
    """Renders word crops.

    A picture depends on the seed and its index only, so that any process can render any part of an endless data set.

    Args:
        sampler: draws the texts.
        fonts: the faces to use; by default all of this machine that can draw the sampler's characters.
        difficulty: from 0 (clean, straight, high contrast, plain fonts) to 1 (as bad as real street photos). It may be
            set anew between words, for a curriculum.
        mode: "RGB" or "L" (grey: a quarter faster).
        height: lowest and highest picture height, pixels; low ones are drawn more often.
        backgrounds: a folder of photos, or a list of uint8 arrays; without any, backgrounds are painted.
        seed: a different one gives a different endless data set.
        max_aspect: widest picture, in picture heights; longer words come out lower.

    Raises:
        ValueError: an argument is out of range, or no font can spell anything.

    Example:
        >>> renderer = WordRenderer(WordSampler("0123456789"), difficulty=0.5)  # doctest: +SKIP
        >>> image, text = renderer.render(0)  # doctest: +SKIP
    """

    def __init__(
        self,
        sampler: WordSampler,
        fonts: list[Font] | None = None,
        difficulty: float = 1.0,
        mode: str = "RGB",
        height: tuple[int, int] = (28, 64),
        backgrounds: str | os.PathLike | Iterable[np.ndarray] | None = None,
        seed: int = 0,
        max_aspect: float = 12.0,
    ):
        if not 0 <= difficulty <= 1:
            raise ValueError(f"difficulty is {difficulty}, but must lie between 0 and 1.")
        if mode not in ("RGB", "L"):
            raise ValueError(f"mode is {mode!r}, but must be 'RGB' or 'L'.")
        if not 8 <= height[0] <= height[1] <= 128:
            raise ValueError(f"height is {height}, but must be (lowest, highest) within 8 to 128 pixels.")
        cv2.setNumThreads(1)  # one small picture at a time: threads cost more than they bring
        self.sampler = sampler
        self.fonts = find_fonts(sampler.characters) if fonts is None else list(fonts)
        if not self.fonts:
            raise ValueError("WordRenderer needs at least one font.")
        self.difficulty = difficulty
        self.mode = mode
        self.height = height
        self.seed = seed
        self.max_aspect = min(max_aspect, appearance.Noise.WIDTH / height[1])
        self.atlas = GlyphAtlas()
        self._channels = 1 if mode == "L" else 3
        self._backgrounds = appearance.Backgrounds(backgrounds, self._channels)
        self._noise = appearance.Noise()
        self._faces, self._face_bounds = _weigh(self.fonts)

    def render(self, index: int) -> tuple[np.ndarray, str]:
        """Renders word number `index`.

        Returns:
            (uint8 picture, (height, width) in mode "L" and (height, width, 3) in mode "RGB"; its text).
        """
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((self.seed, index))))
        for _ in range(20):
            text = self.sampler.sample(rng)
            picture = self._attempt(text, rng)
            if picture is not None:
                return picture, text
        raise ValueError(f"No font at hand can draw {text!r} and what else was tried; pass other fonts or characters.")

    def render_text(self, text: str, rng: np.random.Generator) -> np.ndarray:
        """Renders `text`; the picture is like that of [`render`].

        Raises:
            ValueError: no font can spell `text`.
        """
        for _ in range(5):
            picture = self._attempt(text, rng)
            if picture is not None:
                return picture
        missing = sorted(set(text) - frozenset().union(*(font.characters for font in self.fonts)))
        raise ValueError(f"No font at hand can spell {text!r}" + (f": none has {missing}." if missing else "."))

    # -----------------------------------------------------------------------------------------------------------------

    def _attempt(self, text: str, rng: np.random.Generator) -> np.ndarray | None:
        """One picture of `text`; `None` when no font was found that spells it, or the result had no ink."""
        font = self._choose_font(text, rng)
        if font is None:
            return None
        strength = self.difficulty
        lowest, highest = self.height
        height = int(lowest * (highest / lowest) ** (rng.random() ** 1.3) + 0.5)
        setting = self._set(text, font, height, rng)
        if setting is None:
            return None
        placement = place(
            setting,
            height,
            _projection(rng, strength, setting.half_length),
            _bend(rng, strength, len(text)),
            _margins(rng, strength),
            int(self.max_aspect * height),
        )
        coverage = placement.warp(self._decorate(setting, rng))
        ink, ground = appearance.choose_colours(rng, _contrast(rng, strength) * (1.2 - min(0.4, font.stroke)))
        ink, ground = self._in_mode(ink), self._in_mode(ground)
        room = abs(appearance.luminance(ink) - appearance.luminance(ground))
        height, width = coverage.shape
        picture = appearance.paint_background(
            rng, self._noise, self._backgrounds, ground, room, height, width, strength
        )
        fill = self._fill(rng, setting, placement.warp, ink, room, height, width)
        appearance.draw_text(rng, picture, coverage, fill, ground, strength)
        return self._degrade(rng, picture, room)

    def _choose_font(self, text: str, rng: np.random.Generator) -> Font | None:
        """A face that spells `text`, plain where the difficulty is low; `None` when there is none."""
        for _ in range(25):
            font = self._faces[int(np.searchsorted(self._face_bounds, rng.random(), side="right"))]
            if font.plainness >= 0.7 * (1 - self.difficulty) and font.can_spell(text):
                return font
        able = [font for font in self.fonts if font.can_spell(text)]
        return able[int(rng.random() * len(able))] if able else None

    def _set(self, text: str, font: Font, height: int, rng: np.random.Generator) -> Setting | None:
        """The flat word, with pieces of other words around it where chance has it."""
        strength = self.difficulty
        em = self.atlas.em_for(height)
        spacing = 0.0
        draw = rng.random()
        if draw < 0.25 * strength:
            spacing = 0.25 * rng.random() ** 2
        elif draw < 0.45 * strength:
            spacing = -0.04 * rng.random()
        jitter = None
        if rng.random() < 0.05 * strength:
            jitter = rng.standard_normal((len(text), 2)) * (0.05, 0.06)
        big_first = 1.0
        if len(text) > 1 and text.isupper() and rng.random() < 0.08 * strength:
            big_first = 1.15 + 0.25 * rng.random()
        setting = set_word(self.atlas, font, em, text, spacing, jitter, big_first)
        if setting is None or rng.random() >= 0.35 * strength:
            return setting
        return self._with_neighbours(setting, text, font, spacing, rng)

    def _with_neighbours(
        self, setting: Setting, text: str, font: Font, spacing: float, rng: np.random.Generator
    ) -> Setting:
        """Words of the same print beside, above or below; the crop shows what of them lies in its margins."""
        em = setting.em
        height, width = setting.mask.shape
        neighbours = []
        sides = rng.random(4) < (0.4, 0.4, 0.3, 0.3)
        for side in np.flatnonzero(sides):
            other = self.sampler.sample(rng)
            if not font.can_spell(other):
                other = text[::-1]
            word = set_word(self.atlas, font, em, other[:5], spacing)
            if word is None:
                continue
            rows, columns = word.mask.shape
            gap = int(em * (0.24 + 0.2 * rng.random() + max(0.0, spacing)))
            line = int(em * (0.12 + 0.5 * rng.random()))
            shift = int((width - columns) * rng.random())
            x, y = ((-columns - gap, height - rows), (width + gap, height - rows), (shift, -rows - line),
                    (shift, height + line))[side]  # fmt: skip
            neighbours.append((word, x, y))
        return surround(setting, neighbours) if neighbours else setting

    def _decorate(self, setting: Setting, rng: np.random.Generator) -> np.ndarray:
        """The flat mask, as outlines or lamps where chance has it."""
        draw = rng.random()
        mask = setting.mask
        if draw < 0.02 * self.difficulty:
            reach = max(1, round(0.03 * setting.em))
            return mask - cv2.erode(mask, np.ones((2 * reach + 1,) * 2, np.uint8))
        if draw < 0.035 * self.difficulty:
            return appearance.dot_matrix(mask, setting.box, rows=10 + int(5 * rng.random()))
        return mask

    def _fill(
        self,
        rng: np.random.Generator,
        setting: Setting,
        warp: Callable[[np.ndarray], np.ndarray],
        ink: np.ndarray,
        room: float,
        height: int,
        width: int,
    ) -> np.ndarray:
        """The letters' colour: one, or a gradient, a texture, or one for each letter; (channels,) or a picture."""
        strength = self.difficulty
        draw = rng.random()
        if draw < 0.1 * strength:
            ramp = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None, None]
            tint = (rng.random(self._channels) - 0.5).astype(np.float32)
            return ink + ramp * tint * np.float32(0.8 * room)
        if draw < 0.18 * strength:
            if len(self._backgrounds):
                piece = self._backgrounds.crop(rng, height, width)
                amount = min(1.0, 0.2 * room / (float(piece.std()) + 1.0))
                return ink + (piece - piece.mean(axis=(0, 1))) * np.float32(amount)
            texture = self._noise.smooth(rng, height, width, 6 + 20 * rng.random())
            return ink + (texture * np.float32(0.2 * room * rng.random()))[..., None]
        if draw < 0.2 * strength:
            colours = np.zeros((*setting.mask.shape, self._channels), np.float32)
            colours[:] = ink
            for left, right in setting.letters:
                change = (rng.random(self._channels) - 0.5).astype(np.float32)
                colours[:, max(0, left) : right] = ink + change * np.float32(0.9 * room)
            return warp(colours).reshape(height, width, self._channels)
        return ink

    def _degrade(self, rng: np.random.Generator, picture: np.ndarray, room: float) -> np.ndarray:
        """Light, lens, sensor and file; returns the uint8 picture."""
        strength = self.difficulty
        degradation.occlude(rng, picture, strength)
        picture = degradation.light(rng, self._noise, picture, strength)
        if rng.random() < 0.45 * strength:  # dim or hazy, but never so much that the letters drown
            contrast = 1 - 0.75 * rng.random()
            contrast = max(contrast, min(1.0, (40 + 40 * rng.random()) / max(room, 1.0)))
            haze = 255 * rng.random() * (1 - contrast)
            picture = picture * np.float32(contrast) + np.float32(haze)
            room *= contrast
        coarse = rng.random() < 0.3 * strength
        if coarse:
            picture = degradation.reduce_resolution(rng, picture, lowest=13)
        picture = degradation.photograph(rng, self._noise, picture, room, strength * (0.5 if coarse else 1.0))
        picture = np.clip(picture, 0, 255).astype(np.uint8)
        if rng.random() < 0.6 * strength:
            picture = degradation.compress(rng, picture, quality=(30, 92))
        return picture[..., 0] if self._channels == 1 else picture

    def _in_mode(self, colour: np.ndarray) -> np.ndarray:
        """An RGB colour, as (channels,)."""
        return colour if self._channels == 3 else np.array([appearance.luminance(colour)], np.float32)


# ---------------------------------------------------------------------------------------------------------------------
# Chance
# ---------------------------------------------------------------------------------------------------------------------


def _weigh(fonts: list[Font]) -> tuple[list[Font], np.ndarray]:
    """The faces, family by family, and the upper bounds in [0, 1] with which each is drawn.

    A family counts once, however many weights it comes in. Signs are mostly set in plain, rather bold print, seldom in
    typewriter faces. Families whose makers gave us many count less: a hundred fancy ones, all called "Something BRK",
    count as ten.
    """
    families: dict[str, list[Font]] = {}
    for font in fonts:
        families.setdefault(font.family, []).append(font)
    makers = Counter(maker for family in families for maker in _makers(family))
    faces, weights = [], []
    for family, members in families.items():
        boldness = [min(1.5, max(0.15, 2.5 * font.stroke)) for font in members]
        plainness = sum(font.plainness for font in members) / len(members)
        share = (0.05 + plainness**3) / math.sqrt(max(makers[maker] for maker in _makers(family)))
        share *= (sum(boldness) / len(members)) * (0.4 if members[0].monospaced else 1.0)
        faces.extend(members)
        weights.extend(share * bold / sum(boldness) for bold in boldness)
    return faces, np.cumsum(weights) / sum(weights)


def _makers(family: str) -> tuple[str, str]:
    """Makers put their mark first ("Noto Sans") or last ("Gyrose BRK")."""
    words = family.split()
    return "^" + words[0], words[-1] + "$"


def _contrast(rng: np.random.Generator, strength: float) -> float:
    """Least difference in luminance between letters and background."""
    return 160 - 110 * strength * rng.random() ** 1.5


def _projection(rng: np.random.Generator, strength: float, half_length: float) -> np.ndarray:
    """Rotation, shear, stretch and perspective, 3 x 3, for points in half text heights around the word's centre.

    The word reaches `half_length` such units to either side.
    """
    if strength <= 0:
        return np.eye(3)
    angle = shear = 0.0
    if rng.random() < 0.6:
        spread = 3.5 if rng.random() < 0.72 else 10
        angle = math.radians(spread * strength) * float(rng.standard_normal())
    if rng.random() < 0.25:
        shear = 0.22 * strength * float(rng.standard_normal())
    # Signs are seen from the side, which narrows them, more often than they are stretched.
    stretch = math.exp(strength * (0.2 * float(rng.standard_normal()) - 0.16)) if rng.random() < 0.7 else 1.0
    cos, sin = math.cos(angle), math.sin(angle)
    matrix = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]) @ np.array(
        [[stretch, shear, 0], [0, 1, 0], [0, 0, 1]]
    )
    if rng.random() < 0.35 * strength:
        # 0.04 makes one end of a word that reaches 5 units half as high again as the other. Nowhere may the divisor
        # come near 0, or the end of a long word would lie at infinity.
        steepest = min(0.04, 0.4 / half_length)
        matrix[2, 0] = min(steepest, max(-steepest, 0.018 * float(rng.standard_normal())))
        matrix[2, 1] = min(0.08, max(-0.08, 0.03 * float(rng.standard_normal())))
    return matrix


def _bend(rng: np.random.Generator, strength: float, length: int) -> tuple[str, float]:
    """How the baseline of a word of `length` characters is bent, as [`place`] takes it: mostly not at all."""
    draw = rng.random()
    if length >= 3 and draw < 0.09 * strength:
        sign = 1 if rng.random() < 0.7 else -1
        return "arc", sign * (0.25 + 1.3 * rng.random() ** 1.5) * min(1.0, length / 6)
    if length >= 4 and draw < 0.11 * strength:
        return "wave", 0.4 * (rng.random() - 0.5)
    return "none", 0.0


def _margins(rng: np.random.Generator, strength: float) -> tuple[float, float, float, float]:
    """Left, top, right, bottom in text heights: boxes of real sets are rarely even, and sometimes clip a little."""
    if strength <= 0:
        return (0.12,) * 4
    loose = 0.03 + 0.22 * rng.random() ** 1.6
    draws = rng.standard_normal(4)
    # At the sides a whole "i" is lost sooner than above or below the letters' upper or lower edge.
    least = (-0.02, -0.05, -0.02, -0.05)
    return tuple(max(low, loose + 0.07 * strength * float(draw)) for low, draw in zip(least, draws, strict=True))
