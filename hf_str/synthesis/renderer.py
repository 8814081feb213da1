# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Renders pictures of words as a camera would find them on signs, walls and packages."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..utils.optional import require
from ..utils.renaming import renamed_arguments
from . import degradation
from ._chance import one_of
from .backgrounds import Backgrounds, paint_background, paint_ring
from .colors import choose_colors, luminance
from .font_choice import FontChooser
from .fonts import Font, find_fonts
from .geometry import choose_bend, choose_margins, choose_pose, choose_sector, tilted
from .hangul import has_hangul
from .layout import GlyphAtlas, Setting, set_word, stack_word, surround
from .noise import Noise
from .placement import Placement, height_of, place
from .shaping import needs_shaping, require_shaping
from .text_effects import dot_matrix, draw_text
from .words import WordSampler


__all__ = ["WordRenderer", "make_renderer"]

cv2 = require("cv2", "synthesis")

# How often each happens at full difficulty.
_SPACINGS = ((0.17, (0.0, 0.25)), (0.035, (0.25, 1.0)), (0.2, (0.0, -0.04)))  # between letters, ems
_FILLS = ((0.09, "gradient"), (0.03, "metal"), (0.04, "photo"), (0.04, "texture"), (0.02, "letters"))
_EXPOSURES = ((0.35, degradation.dim), (0.07, degradation.dusk), (0.07, degradation.harsh))

_START = 0.1  # the difficulty at which a curriculum starts


class WordRenderer:
    """Renders word crops.

    A picture depends on the seed and its index only, so that any process can render any part of an endless data set.

    Args:
        sampler: draws the texts.
        fonts: the fonts to use; by default all of this machine that can draw the sampler's characters.
        difficulty: from 0 (clean, straight, high contrast, plain fonts) to 1 (as bad as real street photos). It may be
            set anew between words, for a curriculum.
        mode: "RGB" or "L" (gray: a quarter faster).
        height: lowest and highest picture height, pixels; low ones are drawn more often. Arcs may have twice as much.
        backgrounds: a folder of photos, or a list of uint8 arrays; without any, backgrounds are painted.
        seed: a different one gives a different endless data set.
        max_aspect: widest picture, in picture heights; longer words come out lower.
        curriculum_samples: number of first samples over which the difficulty rises evenly from 0.1 to `difficulty`.
        vertical_share: share of words whose letters stand one below the other, in pictures as much higher; models
            of horizontal lines need none.

    Raises:
        ValueError: an argument is out of range, or no font can spell anything.

    Example:
        >>> renderer = WordRenderer(WordSampler("0123456789"), difficulty=0.5)  # doctest: +SKIP
        >>> image, text = renderer.render(0)  # doctest: +SKIP
    """

    @renamed_arguments(easy_words="curriculum_samples")
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
        curriculum_samples: int = 0,
        vertical_share: float = 0.0,
    ):
        if not 0 <= difficulty <= 1:
            raise ValueError(f"difficulty is {difficulty}, but must lie between 0 and 1.")
        if mode not in ("RGB", "L"):
            raise ValueError(f"mode is {mode!r}, but must be 'RGB' or 'L'.")
        if not 8 <= height[0] <= height[1] <= 128:
            raise ValueError(f"height is {height}, but must be (lowest, highest) within 8 to 128 pixels.")
        if curriculum_samples < 0:
            raise ValueError(f"curriculum_samples is {curriculum_samples}, but must be 0 or more.")
        if not 0 <= vertical_share <= 1:
            raise ValueError(f"vertical_share is {vertical_share}, but must lie between 0 and 1.")
        cv2.setNumThreads(1)  # one small picture at a time: threads cost more than they bring
        self.sampler = sampler
        self.fonts = find_fonts(sampler.characters) if fonts is None else list(fonts)
        if not self.fonts:
            raise ValueError("WordRenderer needs at least one font.")
        self.difficulty = difficulty
        self.mode = mode
        self.height = height
        self.seed = seed
        self.curriculum_samples = curriculum_samples
        self.vertical_share = vertical_share
        self.max_aspect = max_aspect
        if needs_shaping("".join(sampler.characters)):
            require_shaping()
        self.atlas = GlyphAtlas()
        self._channels = 1 if mode == "L" else 3
        self._backgrounds = Backgrounds(backgrounds, self._channels)
        self._noise = Noise()
        self._strength = difficulty
        self._chooser = FontChooser(self.fonts)

    def render(self, index: int) -> tuple[np.ndarray, str]:
        """Renders word number `index`.

        Returns:
            (uint8 picture, (height, width) in mode "L" and (height, width, 3) in mode "RGB"; its text).
        """
        rng = self._chance(index)
        self._strength = self.difficulty_at(index)
        tried = []
        for _ in range(20):
            text = self.sampler.sample(rng)
            picture = self._attempt(text, rng)
            if picture is not None:
                return picture, text
            tried.append(text)
        raise ValueError(
            f"No font at hand can draw {tried[-1]!r} and what else was tried; pass other fonts or characters."
        )

    def text(self, index: int) -> str:
        """The text of word number `index`, not rendered; of the few that no font can draw, the first try."""
        return self.sampler.sample(self._chance(index))

    def difficulty_at(self, index: int) -> float:
        """How hard word number `index` is: `difficulty`, or less among the first `curriculum_samples`."""
        if index >= self.curriculum_samples or self.difficulty <= _START:
            return self.difficulty
        return _START + (self.difficulty - _START) * index / self.curriculum_samples

    def render_text(self, text: str, rng: np.random.Generator) -> np.ndarray:
        """Renders `text`; the picture is like that of [`render`].

        Raises:
            ValueError: no font can spell `text`.
        """
        self._strength = self.difficulty
        for _ in range(5):
            picture = self._attempt(text, rng)
            if picture is not None:
                return picture
        missing = sorted(set(text) - frozenset().union(*(font.characters for font in self.fonts)))
        raise ValueError(f"No font at hand can spell {text!r}" + (f": none has {missing}." if missing else "."))

    # -----------------------------------------------------------------------------------------------------------------

    def _chance(self, index: int) -> np.random.Generator:
        """All chance of word number `index`; its text is drawn first."""
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence((self.seed, index))))

    def _attempt(self, text: str, rng: np.random.Generator) -> np.ndarray | None:
        """One picture of `text`; `None` when no font was found that spells it, or the result had no ink."""
        strength = self._strength
        font = self._chooser.choose(rng, text, strength)
        if font is None:
            return None
        layout = self._lay_out(text, font, rng)
        if layout is None:
            return None
        setting, placement, fineness = layout
        coverage = placement.warp(self._decorate(setting, fineness, rng))
        ink, ground = choose_colors(rng, _contrast(rng, strength) * (1.2 - min(0.4, font.stroke)))
        ink, ground = self._in_mode(ink), self._in_mode(ground)
        room = abs(luminance(ink) - luminance(ground))
        height, width = coverage.shape
        picture = paint_background(rng, self._noise, self._backgrounds, ground, room, height, width, strength)
        if placement.off_line is not None and rng.random() < 0.5 * strength:
            paint_ring(rng, self._backgrounds, picture, placement.off_line, ink)
        fill = self._fill(rng, setting, placement.warp, ink, room, height, width)
        room *= draw_text(rng, picture, coverage, fill, ground, strength)
        return self._degrade(rng, picture, room, fineness)

    def _lay_out(self, text: str, font: Font, rng: np.random.Generator) -> tuple[Setting, Placement, float] | None:
        """The flat word, where it lies in the picture, and how fine its strokes are for their height, 1 for Latin."""
        strength = self._strength
        lowest, highest = self.height
        height = int(lowest * (highest / lowest) ** (rng.random() ** 1.3) + 0.5)
        # Syllables of Hangul have twice the strokes of a letter in the same height: they bear half the blur.
        fineness = 1.8 if has_hangul(text) else 1.0
        if 2 <= len(text) <= 12 and rng.random() < self.vertical_share and not needs_shaping(text):
            return self._lay_out_downwards(text, font, height, fineness, rng)
        pose = choose_pose(rng, strength)
        setting = self._set(text, font, height, 0.7 if pose is tilted else 0.33, rng)
        if setting is None:
            return None
        matrix = pose(rng, strength, setting.half_length)
        bend, margins = choose_bend(rng, strength, len(text)), choose_margins(rng, strength, setting)
        if bend[0] == "arc":
            matrix = choose_sector(rng, strength, bend[1]) @ matrix
        # A tilted or bent word needs a higher picture than a level one of the same letters.
        factor = height_of(matrix, bend, setting.half_length)
        share, highest = (0.4, highest) if bend[0] == "none" else (0.6, 2 * highest)
        height = min(highest, int(height * (1 - share + share * factor)))
        return setting, place(setting, height, matrix, bend, margins, self._widest(height)), fineness

    def _widest(self, height: int) -> int:
        """Pixels that a picture may be wide."""
        return min(int(self.max_aspect * height), Noise.WIDTH)

    def _lay_out_downwards(
        self, text: str, font: Font, height: int, fineness: float, rng: np.random.Generator
    ) -> tuple[Setting, Placement, float] | None:
        """The same with the letters one below the other; `height` is that of a picture of one line."""
        setting = stack_word(self.atlas, font, self.atlas.em_for(height), text, spacing=0.3 * rng.random() ** 2)
        if setting is None:
            return None
        # What is measured in heights is meant in heights of a letter, not of a pile of them.
        left, top, right, bottom = (
            1.3 * margin / len(text) for margin in choose_margins(rng, self._strength, setting)
        )
        height = min(Noise.HEIGHT, int(0.7 * height * len(text)))
        placement = place(setting, height, np.eye(3), ("none", 0.0), (left, top, right, bottom), self._widest(height))
        return setting, placement, fineness * max(1.0, 0.7 * len(text))

    def _set(self, text: str, font: Font, height: int, crowding: float, rng: np.random.Generator) -> Setting | None:
        """The flat word, in a share of `crowding` with pieces of other words around it."""
        strength = self._strength
        em = self.atlas.em_for(height)
        spread = None if font.connected else one_of(rng, _SPACINGS, strength)
        spacing = 0.0 if spread is None else spread[0] + (spread[1] - spread[0]) * rng.random() ** 2
        if spacing > 0.3 and text.islower():
            spacing = 0.2  # only capitals and digits are set far apart
        jitter = None
        if rng.random() < 0.05 * strength:
            jitter = rng.standard_normal((len(text), 2)) * (0.05, 0.06)
        big_first = 1.0
        if len(text) > 1 and text.isupper() and rng.random() < 0.08 * strength:
            big_first = 1.15 + 0.25 * rng.random()
        setting = set_word(self.atlas, font, em, text, spacing, jitter, big_first)
        if setting is None or rng.random() >= crowding * strength:
            return setting
        return self._with_neighbors(setting, text, font, spacing, rng)

    def _with_neighbors(
        self, setting: Setting, text: str, font: Font, spacing: float, rng: np.random.Generator
    ) -> Setting:
        """Words of the same print beside, above or below; the crop shows what of them lies in its margins."""
        em = setting.em
        height, width = setting.mask.shape
        neighbors = []
        for side, draw in enumerate(rng.random(4).tolist()):
            if draw > (0.4, 0.4, 0.35, 0.35)[side]:
                continue
            other = self.sampler.sample(rng)
            if not font.can_spell(other):
                other = text[::-1]
            word = set_word(self.atlas, font, em, other[:7], spacing)
            if word is None:
                continue
            rows, columns = word.mask.shape
            gap = int(em * (0.24 + 0.2 * rng.random() + max(0.0, spacing)))
            line = int(em * (0.12 + 0.5 * rng.random()))
            shift = int((width - columns) * rng.random())
            x, y = ((-columns - gap, height - rows), (width + gap, height - rows), (shift, -rows - line),
                    (shift, height + line))[side]  # fmt: skip
            neighbors.append((word, x, y))
        return surround(setting, neighbors) if neighbors else setting

    def _decorate(self, setting: Setting, fineness: float, rng: np.random.Generator) -> np.ndarray:
        """The flat mask, as outlines or lamps where chance has it."""
        draw = rng.random()
        mask = setting.mask
        if draw < 0.02 * self._strength:
            reach = max(1, round(0.03 * setting.em))
            return mask - cv2.erode(mask, np.ones((2 * reach + 1,) * 2, np.uint8))
        if draw < 0.035 * self._strength:
            return dot_matrix(mask, setting.box, rows=int(fineness * (10 + 6 * rng.random())))
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
        """The letters' color: one, or a gradient, a texture, or one for each letter; (channels,) or a picture."""
        kind = one_of(rng, _FILLS, self._strength)
        if kind == "gradient":
            ramp = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None, None]
            tint = (rng.random(self._channels) - 0.5).astype(np.float32)
            return np.broadcast_to(ink + ramp * tint * np.float32(0.8 * room), (height, width, self._channels))
        if kind == "metal":  # bright and dark bands: sky and street in polished letters
            waves = np.linspace(0, 2 * np.pi * (0.7 + 1.3 * rng.random()), height, dtype=np.float32)
            bands = np.sin(waves + np.float32(2 * np.pi * rng.random()))[:, None, None]
            return np.broadcast_to(ink + bands * np.float32(0.3 * room), (height, width, self._channels))
        if kind == "photo" and len(self._backgrounds):
            piece = self._backgrounds.crop(rng, height, width)
            amount = min(1.0, 0.2 * room / (float(piece.std()) + 1.0))
            return ink + (piece - piece.mean(axis=(0, 1))) * np.float32(amount)
        if kind in ("photo", "texture"):
            texture = self._noise.smooth(rng, height, width, 6 + 20 * rng.random())
            return ink + (texture * np.float32(0.2 * room * rng.random()))[..., None]
        if kind == "letters":
            colors = np.zeros((*setting.mask.shape, self._channels), np.float32)
            colors[:] = ink
            for left, right in setting.letters:
                change = (rng.random(self._channels) - 0.5).astype(np.float32)
                colors[:, max(0, left) : right] = ink + change * np.float32(0.9 * room)
            return warp(colors).reshape(height, width, self._channels)
        return ink

    def _degrade(self, rng: np.random.Generator, picture: np.ndarray, room: float, fineness: float) -> np.ndarray:
        """Light, lens, sensor and file; returns the uint8 picture. `fineness`: of strokes, 1 for Latin letters."""
        strength = self._strength
        degradation.occlude(rng, picture, strength)
        picture = degradation.light(rng, self._noise, picture, strength)
        exposure = one_of(rng, _EXPOSURES, strength)
        if exposure is not None:
            picture, room = exposure(rng, picture, room)
        coarse = rng.random() < 0.3 * strength
        if coarse:
            picture = degradation.reduce_resolution(rng, picture, lowest=round(13 * fineness))
        strength_left = strength * (0.5 if coarse else 1.0)
        picture = degradation.photograph(rng, self._noise, picture, room, strength_left, fineness)
        if rng.random() < 0.15 * strength:
            picture = degradation.sharpen(rng, picture)
        picture = np.clip(picture, 0, 255).astype(np.uint8)
        if rng.random() < 0.6 * strength:
            picture = degradation.compress(rng, picture, quality=(30, 92))
        return picture[..., 0] if self._channels == 1 else picture

    def _in_mode(self, color: np.ndarray) -> np.ndarray:
        """An RGB color, as (channels,)."""
        return color if self._channels == 3 else np.array([luminance(color)], np.float32)


def make_renderer(
    characters: Iterable[str],
    fonts: list[Font] | None = None,
    *,
    lexicons: Iterable[str | os.PathLike] | None = None,
    max_length: int = 25,
    random_share: float = 0.0,
    ranked: bool = False,
    **options: Any,
) -> WordRenderer:
    """Makes a renderer together with the sampler of its texts.

    Args:
        characters: every character that a text may hold.
        fonts: see [`WordRenderer`].
        lexicons: see [`WordSampler`], as are the next three.
        max_length: the longest text, in characters.
        random_share: share of texts that are random strings.
        ranked: lexicons without counts have the most frequent word first.
        options: the other arguments of [`WordRenderer`], such as `difficulty` or `seed`.

    Raises:
        ValueError: an argument is out of range, or no font can spell anything.
        FileNotFoundError: a lexicon, the folder of backgrounds or a usable font does not exist.

    Example:
        >>> renderer = make_renderer("0123456789", max_length=6, difficulty=0.5)  # doctest: +SKIP
        >>> image, text = renderer.render(0)  # doctest: +SKIP
    """
    sampler = WordSampler(characters, lexicons, max_length, random_share, ranked)
    return WordRenderer(sampler, fonts, **options)


def _contrast(rng: np.random.Generator, strength: float) -> float:
    """Least difference in luminance between letters and background."""
    return 160 - 110 * strength * rng.random() ** 1.5
