"""Prefix beam search over all images at once, free, within a lexicon, or with a language model."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from .alignment_crnn import align
from .decoding_crnn import BestPath, CTCHypothesis, frame_log_probs, joined_ranges
from .lexicon_crnn import Lexicon


__all__ = ["PrefixBeamSearch"]

#: An odd number without a pattern; prefixes are hashed as polynomials in it, modulo 2^64.
_HASH_BASE = np.uint64(0x9E3779B97F4A7C15)


class PrefixBeamSearch:
    """Frame by frame, keeps the prefixes that are most probable so far, each with all its alignments.

    Hannun et al. 2014, "First-Pass Large Vocabulary Continuous Speech Recognition using Bi-Directional Recurrent
    DNNs", algorithm 1; Graves and Jaitly 2014, section 3. With a beam as wide as there are prefixes it is exact.

    Args:
        beam_width (`int`, defaults to 10): prefixes kept in each frame.
        lexicon (`Lexicon`, *optional*): read only its words. [`LexiconDecoder`] finds the best of them exactly; the
            beam is for a lexicon together with a language model. An image of which no word is left at its last frame
            is read as the empty word with score 0.
        language_model (`CharacterLanguageModel`, *optional*): what it says of a reading counts too; hypotheses are in
            the order of `log P(label | image) + alpha * log P(label) + beta * characters`, all in natural logarithms.
        alpha (`float`, defaults to 0.3): weight of the language model.
        beta (`float`, defaults to 0.5): what each character earns, since a language model finds long texts unlikely.
        sure_score (`float`, defaults to 0.9): with a language model and without a lexicon, where one hypothesis an
            image is wanted, best path's readings of at least this score are kept without a search, which would change
            hardly any. More than 1 searches always.

    `log_prob` of a hypothesis is that of its label under CTC alone, over all alignments, also those the beam lost.
    With a language model and without a lexicon, `score` is the hypothesis's share of the beam at its end, by the sums
    above: what the language model corrected is no less sure for it. `probabilities` stay those under CTC.
    """

    #: Images searched together: large enough to share the work of each step, small enough for the memory.
    images_at_once = 128

    def __init__(
        self,
        beam_width: int = 10,
        lexicon: Lexicon | None = None,
        language_model: Any = None,
        alpha: float = 0.3,
        beta: float = 0.5,
        sure_score: float = 0.9,
    ):
        if beam_width < 1:
            raise ValueError(f"beam_width must be at least 1, not {beam_width}")
        self.beam_width, self.lexicon, self.language_model = beam_width, lexicon, language_model
        self.alpha, self.beta, self.sure_score = alpha, beta, sure_score

    def __call__(
        self, logits: torch.Tensor, num_frames: torch.Tensor | None = None, n_best: int = 1
    ) -> list[list[CTCHypothesis]]:
        log_probs = frame_log_probs(logits, num_frames)
        if self.language_model is None or self.lexicon is not None or n_best > 1:
            return self._search(log_probs, n_best)
        readings = BestPath()(logits, num_frames)
        unsure = [place for place, (one,) in enumerate(readings) if one.score < self.sure_score]
        for place, reading in zip(unsure, self._search(log_probs[unsure], n_best), strict=True):
            readings[place] = reading
        return readings

    def _search(self, log_probs: torch.Tensor, n_best: int) -> list[list[CTCHypothesis]]:
        guides = []
        if self.lexicon is not None:
            log_probs = self.lexicon.merge(log_probs)
            guides.append(_WithinLexicon(self.lexicon))
        if self.language_model is not None:
            classes = None if self.lexicon is None else self.lexicon.representatives
            guides.append(_Fusion(self.language_model, self.alpha, self.beta, classes))
        images, labels, bonuses, shares = [], [], [], []
        for start in range(0, len(log_probs), self.images_at_once):
            part = log_probs[start : start + self.images_at_once].numpy()
            found = _search(part, max(self.beam_width, n_best), n_best, guides)
            images += (found[0] + start).tolist()
            labels += found[1]
            bonuses += found[2].tolist()
            shares += found[3].tolist()
        ids = labels if self.lexicon is None else [self.lexicon.spell(label) for label in labels]
        hypotheses = align(log_probs, images, labels, ids)
        if self.language_model is not None and self.lexicon is None:
            hypotheses = [replace(one, score=share) for one, share in zip(hypotheses, shares, strict=True)]
        readings = [[] for _ in log_probs]
        for image, bonus, hypothesis in zip(images, bonuses, hypotheses, strict=True):
            readings[image].append((hypothesis.log_prob + bonus, hypothesis))
        for reading in readings:
            reading.sort(key=lambda scored: -scored[0])
        nothing = CTCHypothesis([], [], [], 0.0, -math.inf)
        return [[hypothesis for _, hypothesis in reading] or [nothing] for reading in readings]


@dataclass
class _Beam:
    """Prefixes of each image; all arrays are (images, width), `labels` (images, width, time).

    `blank` and `character` are log-probabilities over all alignments so far that end in a blank, or in the prefix's
    last character; `bonus` is what the guides give. A place without a prefix has -inf in both.
    """

    blank: np.ndarray
    character: np.ndarray
    bonus: np.ndarray
    last: np.ndarray
    length: np.ndarray
    key: np.ndarray
    labels: np.ndarray
    states: list[np.ndarray]

    @classmethod
    def empty(cls, num_images: int, time: int, guides: list) -> "_Beam":
        zeros = np.zeros((num_images, 1))
        integers = zeros.astype(np.int64)
        return cls(
            blank=zeros,
            character=np.full_like(zeros, -np.inf),
            bonus=zeros,
            last=integers,
            length=integers,
            key=integers.astype(np.uint64),
            labels=np.zeros((num_images, 1, time), dtype=np.int32),
            states=[np.full_like(integers, guide.start) for guide in guides],
        )


def _search(
    log_probs: np.ndarray, width: int, n_best: int, guides: list
) -> tuple[np.ndarray, list[list[int]], np.ndarray, np.ndarray]:
    """The best labels of (images, time, classes): the image, the label, the guides' bonus and the share of each."""
    num_images, time, _ = log_probs.shape
    beam = _Beam.empty(num_images, time, guides)
    for frame in range(time):
        beam = _step(beam, log_probs[:, frame], width, guides)
    bonus = beam.bonus
    for guide, states in zip(guides, beam.states, strict=True):
        bonus = bonus + guide.finish(states)
    scores = np.logaddexp(beam.blank, beam.character) + bonus
    best = np.argsort(-scores, axis=1, kind="stable")[:, :n_best]
    images, places = np.nonzero(np.take_along_axis(scores, best, 1) > -np.inf)
    rows = best[images, places]
    lengths = beam.length[images, rows].tolist()
    labels = [label[:length].tolist() for label, length in zip(beam.labels[images, rows], lengths, strict=True)]
    shares = np.exp(scores[images, rows] - np.logaddexp.reduce(scores, axis=1)[images])
    return images, labels, bonus[images, rows], shares


def _step(beam: _Beam, log_probs: np.ndarray, width: int, guides: list) -> _Beam:
    """One frame: each prefix stays as it is or gets a character; the best `width` of all go on.

    Args:
        log_probs: of the frame, (images, classes).
    """
    num_images, num_classes = log_probs.shape
    old_width = beam.last.shape[1]
    total = np.logaddexp(beam.blank, beam.character)
    stay_blank = total + log_probs[:, :1]
    stay_character = beam.character + np.take_along_axis(log_probs, beam.last, 1)

    # The 2 * width + 1 most probable characters are enough. A prefix gets them in the order of their probability, but
    # for its last character, which needs a blank between, and for those that make a prefix of the beam, less than
    # `width`: at least `width` others come before any character left out. Guides have an order of their own.
    characters = np.broadcast_to(np.arange(1, num_classes), (num_images, num_classes - 1))
    if 2 * width + 1 < num_classes - 1 and not guides:
        characters = np.argpartition(-log_probs[:, 1:], 2 * width, axis=1)[:, : 2 * width + 1] + 1
    repeats = characters[:, None] == beam.last[..., None]
    grown = np.where(repeats, beam.blank[..., None], total[..., None])
    grown = grown + np.take_along_axis(log_probs, characters, 1)[:, None]
    _merge_known(beam, total, log_probs, characters, stay_character, grown)

    bonus = np.broadcast_to(beam.bonus[..., None], grown.shape)
    next_states = []
    for guide, states in zip(guides, beam.states, strict=True):
        gain, following = guide.extend(states)  # (images, width, classes)
        bonus = bonus + gain[..., 1:]
        next_states.append(following[..., 1:])

    scores = [np.logaddexp(stay_blank, stay_character) + beam.bonus, (grown + bonus).reshape(num_images, -1)]
    scores = np.concatenate(scores, axis=1)
    best = np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
    if width < scores.shape[1]:
        best = np.argpartition(-scores, width - 1, axis=1)[:, :width]

    # Where each of them comes from: the prefix, and the column of `characters` where it got one.
    stays = best < old_width
    flat = np.maximum(best - old_width, 0)
    parent, column = np.where(stays, best, flat // characters.shape[1]), flat % characters.shape[1]

    def choose(stay: np.ndarray, grow: np.ndarray) -> np.ndarray:
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
        bonus=choose(beam.bonus, grown_value(bonus)) if guides else np.zeros_like(scores[:, : best.shape[1]]),
        last=choose(beam.last, character),
        length=length + ~stays,
        key=np.where(stays, key, key * _HASH_BASE + character.astype(np.uint64)),
        labels=labels,
        states=[choose(old, grown_value(new)) for old, new in zip(beam.states, next_states, strict=True)],
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


class _WithinLexicon:
    """Guide that allows the words of a lexicon only; its state is the node of the lexicon's tree."""

    start = 0

    def __init__(self, lexicon: Lexicon):
        self.lexicon = lexicon
        self.first_children, self.num_children = lexicon.first_children.numpy(), lexicon.num_children.numpy()
        self.letters, self.words = lexicon.node_letters.numpy(), lexicon.node_words.numpy()

    def extend(self, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        nodes = states.ravel()
        rows, children = joined_ranges(self.first_children[nodes], self.num_children[nodes])
        gain = np.full((len(nodes), self.lexicon.num_letters), -np.inf)
        following = np.zeros(gain.shape, dtype=np.int64)
        gain[rows, self.letters[children]] = 0
        following[rows, self.letters[children]] = children
        shape = (*states.shape, -1)
        return gain.reshape(shape), following.reshape(shape)

    def finish(self, states: np.ndarray) -> np.ndarray:
        return np.where(self.words[states] >= 0, 0.0, -np.inf)


class _Fusion:
    """Guide that adds what a language model says; its state is the model's context."""

    def __init__(self, language_model: Any, alpha: float, beta: float, classes: np.ndarray | None):
        self.model, self.alpha, self.beta, self.classes = language_model, alpha, beta, classes
        self.start = language_model.start

    def extend(self, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        log_probs, following = self.model.extend(states)
        if self.classes is not None:
            log_probs, following = log_probs[..., self.classes], following[..., self.classes]
        return self.alpha * log_probs + self.beta, following

    def finish(self, states: np.ndarray) -> np.ndarray:
        return self.alpha * self.model.finish(states)
