# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Prefix beam search over all images at once, free, within a lexicon, or with a language model."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from .ctc_alignment_crnn import align
from .ctc_decoding_crnn import BestPath, CTCHypothesis, NonFiniteLogitsError, frame_log_probs
from .ctc_guides_crnn import Guide, LanguageModelGuide, LexiconGuide
from .ctc_lexicon_crnn import Lexicon


__all__ = ["PrefixBeamSearch"]

#: An odd number without a pattern; prefixes are hashed as polynomials in it, modulo 2^64.
_HASH_BASE = np.uint64(0x9E3779B97F4A7C15)

#: The probability of a whole beam counts for three characters in the score of a reading; see [`PrefixBeamSearch`].
_MASS_CHARACTERS = 3

#: Numbers of a batch that are worked on at once where there are many classes: 64 MB in double precision.
_NUMBERS_AT_ONCE = 1 << 23


class PrefixBeamSearch:
    """Frame by frame, keeps the prefixes that are most probable so far, each with all its alignments.

    Hannun et al. 2014, "First-Pass Large Vocabulary Continuous Speech Recognition using Bi-Directional Recurrent
    DNNs", algorithm 1; Graves and Jaitly 2014, section 3. With a beam as wide as there are prefixes it is exact.

    Args:
        beam_width (`int`, defaults to 10): prefixes kept in each frame.
        lexicon (`Lexicon`, *optional*): read only its words. [`LexiconDecoder`] finds the best of them exactly; the
            beam is for a lexicon together with a language model. An image of which no word is left at its last frame
            is read as the empty word with score 0.
        language_model (`CharacterLanguageModel`, *optional*): what it says of a reading counts too, see below.
        alpha (`float`, defaults to 0.4): weight of the language model.
        beta (`float`, defaults to 1.2): what each character earns, since a language model finds long texts unlikely.
        code_log_odds (`float`, defaults to -4): natural logarithm of the odds that a text is none that the language
            model knows: a code, a plate, a serial number, a name of another language. `-math.inf`: there are none.
        sure_score (`float`, defaults to 0.9): with a language model and without a lexicon, where one hypothesis an
            image is wanted, best path's readings of at least this score are kept without a search, which would change
            hardly any. More than 1 searches always. An image that best path reads as empty stays empty: no word is
            put where the network sees no text.

    With a language model, hypotheses are in the order of

        log P(label | image) + alpha * log(exp(words(label)) + exp(code_log_odds)),

    where `words(label) = log P(label) + characters * beta / alpha`, all in natural logarithms. So a text comes from
    one of two sources. The first writes words as the language model knows them; the second writes anything, each
    character at the price of `beta / alpha` (the defaults: one of twenty). Between "cofee" and "coffee" the first
    decides, since it knows the one far better than the second does; between "B0X-17" and "8OX-17" the second, which
    likes both alike, and leaves the choice to the network. Characters that the language model does not know count
    nothing in either.

    `log_prob` of a hypothesis is that of its label under CTC alone, over all alignments, also those the beam lost.
    With a language model and without a lexicon, `score` is `share * mass ** (3 / characters)`: the hypothesis's share
    of the beam at its end, by the sums above, and the mass, which is the probability under CTC of all labels in that
    beam. So what the language model corrected is no less sure for it, but in a picture without text, where the
    network holds many labels possible and none likely, nothing becomes sure. Long labels have more variants that no
    beam holds; hence the root. `probabilities` stay those under CTC.

    In each frame only its `2 * beam_width + 1` likeliest characters are looked at, unless there is a lexicon. Without
    a language model that changes nothing; with one, a character left out has less than 1/20 of the frame at the
    default width. So a search over 18,710 classes costs little more than one over 100.
    """

    #: Images searched together: large enough to share the work of each step, small enough for the memory.
    images_at_once = 128

    def __init__(
        self,
        beam_width: int = 10,
        lexicon: Lexicon | None = None,
        language_model: Any = None,
        alpha: float = 0.4,
        beta: float = 1.2,
        sure_score: float = 0.9,
        code_log_odds: float = -4.0,
    ):
        if beam_width < 1:
            raise ValueError(f"beam_width must be at least 1, not {beam_width}")
        for name, value in {"alpha": alpha, "beta": beta}.items():
            if not math.isfinite(value):
                raise ValueError(f"{name} must be a finite number, not {value}")
        if math.isnan(sure_score):
            raise ValueError("sure_score must be a number, not NaN")
        if not code_log_odds < math.inf:  # NaN neither
            raise ValueError(f"code_log_odds must be a finite number, or -inf for no codes, not {code_log_odds}")
        self.beam_width, self.lexicon, self.language_model = beam_width, lexicon, language_model
        self.alpha, self.beta, self.sure_score, self.code_log_odds = alpha, beta, sure_score, code_log_odds

    def __call__(
        self, logits: torch.Tensor, num_frames: torch.Tensor | None = None, n_best: int = 1
    ) -> list[list[CTCHypothesis]]:
        if self.language_model is None or self.lexicon is not None or n_best > 1:
            return self._search(logits, num_frames, n_best)
        readings = BestPath()(logits, num_frames)
        unsure = [place for place, (one,) in enumerate(readings) if one.ids and one.score < self.sure_score]
        if num_frames is not None:
            num_frames = torch.as_tensor(num_frames)[unsure]
        for place, reading in zip(unsure, self._search(logits[unsure], num_frames, n_best), strict=True):
            readings[place] = reading
        return readings

    def _search(self, logits: torch.Tensor, num_frames: torch.Tensor | None, n_best: int) -> list[list[CTCHypothesis]]:
        width = max(self.beam_width, n_best)
        num_likely = None if self.lexicon is not None else 2 * width + 1
        # Images by images, since the log-probabilities of a batch over a whole dictionary take gigabytes.
        size = math.prod(logits.shape[1:]) * (1 if self.lexicon is None else width)
        step = max(1, min(self.images_at_once, _NUMBERS_AT_ONCE // max(1, size)))
        readings, waiting = [], []
        for start in range(0, len(logits), step):
            part = slice(start, start + step)
            try:
                log_probs = frame_log_probs(logits[part], None if num_frames is None else num_frames[part])
            except NonFiniteLogitsError as error:
                raise NonFiniteLogitsError([start + image for image in error.images]) from None
            if self.lexicon is not None:
                log_probs = self.lexicon.merge(log_probs)
            waiting.append(_likely_classes(log_probs, num_likely))
            last = start + step >= len(logits)
            if last or (len(waiting) + 1) * step > self.images_at_once:
                readings += self._search_together(*_join(waiting), width, n_best, num_likely)
                waiting = []
        return readings

    def _search_together(
        self,
        log_probs: torch.Tensor,
        classes: torch.Tensor | None,
        width: int,
        n_best: int,
        num_likely: int | None,
    ) -> list[list[CTCHypothesis]]:
        """Reads (images, time, classes), of which column c of image i is class `classes[i, c]`, or c."""
        guides, spell = [], list
        if self.lexicon is not None:
            guides.append(LexiconGuide(self.lexicon))
            names, spell = self.lexicon.representatives, self.lexicon.spell
        else:
            names = None if classes is None else classes.numpy()
        if self.language_model is not None:
            guides.append(LanguageModelGuide(self.language_model, self.alpha, self.beta, self.code_log_odds, names))
        images, labels, bonuses, shares = _search(log_probs.numpy(), width, n_best, guides, num_likely)
        if classes is None:
            ids = [spell(label) for label in labels]
        else:
            ids = [classes[image, label].tolist() for image, label in zip(images.tolist(), labels, strict=True)]
        hypotheses = align(log_probs, images.tolist(), labels, ids)
        if self.language_model is not None and self.lexicon is None:
            hypotheses = [replace(one, score=share) for one, share in zip(hypotheses, shares.tolist(), strict=True)]
        readings = [[] for _ in log_probs]
        for image, bonus, hypothesis in zip(images.tolist(), bonuses.tolist(), hypotheses, strict=True):
            readings[image].append((hypothesis.log_prob + bonus, hypothesis))
        for reading in readings:
            reading.sort(key=lambda scored: -scored[0])
        nothing = CTCHypothesis([], [], [], 0.0, -math.inf)
        return [[hypothesis for _, hypothesis in reading] or [nothing] for reading in readings]


def _likely_classes(log_probs: torch.Tensor, num_likely: int | None) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Keeps of each image the classes that are among the `num_likely` likeliest characters of one of its frames.

    Args:
        log_probs: (images, time, classes).

    Returns:
        Log-probabilities (images, time, kept) and the class of each column (images, kept), in order, the blank first;
        columns that an image does not need are impossible. Where little would be left out, `log_probs` and `None`.
    """
    num_images, time, num_classes = log_probs.shape
    if num_likely is None or 2 * max(time, 1) * num_likely >= num_classes:
        return log_probs, None
    likely = log_probs[..., 1:].topk(num_likely, sorted=False).indices + 1
    kept = torch.zeros(num_images, num_classes, dtype=torch.bool).scatter_(1, likely.flatten(1), True)
    kept[:, 0] = True
    images, chosen = kept.nonzero(as_tuple=True)
    counts = kept.sum(1)
    columns = torch.arange(len(images)) - (counts.cumsum(0) - counts)[images]
    classes = torch.zeros(num_images, 1 + time * num_likely, dtype=torch.long)
    classes[images, columns] = chosen
    needed = torch.arange(classes.shape[1]) < counts[:, None]
    found = log_probs.gather(2, classes[:, None].expand(-1, time, -1))
    return found.masked_fill_(~needed[:, None], -math.inf), classes


def _join(parts: list[tuple[torch.Tensor, torch.Tensor | None]]) -> tuple[torch.Tensor, torch.Tensor | None]:
    log_probs, classes = zip(*parts, strict=True)
    return torch.cat(log_probs), None if classes[0] is None else torch.cat(classes)


@dataclass
class _Beam:
    """Prefixes of each image; all arrays are (images, width), `labels` (images, width, time).

    `blank` and `character` are log-probabilities over all alignments so far that end in a blank, or in the prefix's
    last character; `sums` is what each guide gives, before it is weighed. A place without a prefix has -inf in both.
    """

    blank: np.ndarray
    character: np.ndarray
    last: np.ndarray
    length: np.ndarray
    key: np.ndarray
    labels: np.ndarray
    states: list[np.ndarray]
    sums: list[np.ndarray]

    @classmethod
    def empty(cls, num_images: int, time: int, guides: list[Guide]) -> "_Beam":
        zeros = np.zeros((num_images, 1))
        integers = zeros.astype(np.int64)
        return cls(
            blank=zeros,
            character=np.full_like(zeros, -np.inf),
            last=integers,
            length=integers,
            key=integers.astype(np.uint64),
            labels=np.zeros((num_images, 1, time), dtype=np.int32),
            states=[np.full_like(integers, guide.start) for guide in guides],
            sums=[zeros for _ in guides],
        )


def _search(
    log_probs: np.ndarray, width: int, n_best: int, guides: list[Guide], num_likely: int | None
) -> tuple[np.ndarray, list[list[int]], np.ndarray, np.ndarray]:
    """The best labels of (images, time, classes): the image, the label, the guides' bonus and the score of each."""
    num_images, time, num_classes = log_probs.shape
    # The 2 * width + 1 most probable characters are enough. A prefix gets them in the order of their probability, but
    # for its last character, which needs a blank between, and for those that make a prefix of the beam, less than
    # `width`: at least `width` others come before any character left out. A language model has an order of its own,
    # but no reason to prefer what the network finds less likely than twenty others.
    if num_likely is None or num_likely >= num_classes - 1:
        likely = np.broadcast_to(np.arange(1, num_classes), (num_images, time, num_classes - 1))
    else:
        likely = torch.from_numpy(log_probs[..., 1:]).topk(num_likely, sorted=False).indices.numpy() + 1
    beam = _Beam.empty(num_images, time, guides)
    for frame in range(time):
        beam = _step(beam, log_probs[:, frame], likely[:, frame], width, guides)
    total = np.logaddexp(beam.blank, beam.character)
    sums = [given + guide.finish(states) for guide, states, given in zip(guides, beam.states, beam.sums, strict=True)]
    bonus = _weighed(sums, guides, total.shape)
    scores = total + bonus
    best = np.argsort(-scores, axis=1, kind="stable")[:, :n_best]
    images, places = np.nonzero(np.take_along_axis(scores, best, 1) > -np.inf)
    rows = best[images, places]
    lengths = beam.length[images, rows].tolist()
    labels = [label[:length].tolist() for label, length in zip(beam.labels[images, rows], lengths, strict=True)]
    log_shares = scores[images, rows] - np.logaddexp.reduce(scores, axis=1)[images]
    log_mass = np.minimum(np.logaddexp.reduce(total, axis=1), 0.0)[images]  # less than 0 but for rounding
    shares = np.exp(log_shares + log_mass * _MASS_CHARACTERS / np.maximum(beam.length[images, rows], 1))
    return images, labels, bonus[images, rows], shares


def _weighed(sums: list[np.ndarray], guides: list[Guide], shape: tuple[int, ...]) -> np.ndarray:
    """What the guides give together."""
    weighed = [guide.weigh(given) for guide, given in zip(guides, sums, strict=True)]
    return sum(weighed[1:], weighed[0]) if weighed else np.zeros(shape)


def _step(beam: _Beam, log_probs: np.ndarray, characters: np.ndarray, width: int, guides: list[Guide]) -> _Beam:
    """One frame: each prefix stays as it is or gets a character; the best `width` of all go on.

    Args:
        log_probs: of the frame, (images, classes).
        characters: the classes that may be added, (images, characters).
    """
    num_images = len(log_probs)
    old_width = beam.last.shape[1]
    total = np.logaddexp(beam.blank, beam.character)
    stay_blank = total + log_probs[:, :1]
    stay_character = beam.character + np.take_along_axis(log_probs, beam.last, 1)

    repeats = characters[:, None] == beam.last[..., None]
    grown = np.where(repeats, beam.blank[..., None], total[..., None])
    grown = grown + np.take_along_axis(log_probs, characters, 1)[:, None]
    _merge_known(beam, total, log_probs, characters, stay_character, grown)

    next_states, next_sums = [], []
    for guide, states, given in zip(guides, beam.states, beam.sums, strict=True):
        gain, following = guide.extend(states, characters)  # (images, width, characters)
        next_states.append(following)
        next_sums.append(given[..., None] + gain)

    scores = [
        np.logaddexp(stay_blank, stay_character) + _weighed(beam.sums, guides, total.shape),
        (grown + _weighed(next_sums, guides, grown.shape)).reshape(num_images, -1),
    ]
    scores = np.concatenate(scores, axis=1)
    best = np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
    if width < scores.shape[1]:
        best = np.argpartition(-scores, width - 1, axis=1)[:, :width]

    # Where each of them comes from: the prefix, and the column of `characters` where it got one.
    stays = best < old_width
    flat = np.maximum(best - old_width, 0)
    parent, column = np.where(stays, best, flat // characters.shape[1]), flat % characters.shape[1]

    def choose(stay: np.ndarray, grow: np.ndarray | float) -> np.ndarray:
        return np.where(stays, np.take_along_axis(stay, parent, 1), grow)

    def grown_value(values: np.ndarray) -> np.ndarray:
        return np.take_along_axis(values.reshape(num_images, -1), flat, 1)

    character = np.take_along_axis(characters, column, 1)
    length = np.take_along_axis(beam.length, parent, 1)
    labels = beam.labels[np.arange(num_images)[:, None], parent]
    images, places = np.nonzero(~stays)
    labels[images, places, length[images, places]] = character[images, places]
    key = np.take_along_axis(beam.key, parent, 1)
    return _Beam(
        blank=choose(stay_blank, -np.inf),
        character=choose(stay_character, grown_value(grown)),
        last=choose(beam.last, character),
        length=length + ~stays,
        key=np.where(stays, key, key * _HASH_BASE + character.astype(np.uint64)),
        labels=labels,
        states=[choose(old, grown_value(new)) for old, new in zip(beam.states, next_states, strict=True)],
        sums=[choose(old, grown_value(new)) for old, new in zip(beam.sums, next_sums, strict=True)],
    )


def _merge_known(
    beam: _Beam,
    total: np.ndarray,
    log_probs: np.ndarray,
    characters: np.ndarray,
    stay_character: np.ndarray,
    grown: np.ndarray,
):
    """Where prefix i with a character more is prefix j of the beam, adds it there and takes it from `grown`.

    Equal hashes name the pairs, the prefixes themselves decide.
    """
    alive = total > -np.inf
    keys = beam.key[:, :, None] * _HASH_BASE + beam.last.astype(np.uint64)[:, None]
    same = (keys == beam.key[:, None]) & (beam.length[:, :, None] + 1 == beam.length[:, None])
    image, i, j = np.nonzero(same & alive[:, :, None] & alive[:, None])
    labels, longer = beam.labels[image, i], beam.labels[image, j]
    before = np.arange(labels.shape[1]) < beam.length[image, i][:, None]
    equal = np.where(before, labels == longer, True).all(1)
    image, i, j = image[equal], i[equal], j[equal]
    last = beam.last[image, j]
    gain = np.where(last == beam.last[image, i], beam.blank[image, i], total[image, i]) + log_probs[image, last]
    stay_character[image, j] = np.logaddexp(stay_character[image, j], gain)
    pair, column = np.nonzero(characters[image] == last[:, None])
    grown[image[pair], i[pair], column] = -np.inf
