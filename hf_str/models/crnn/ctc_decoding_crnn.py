# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""CTC decoding: tensors in, hypotheses out.

What every decoder has in common, and best path (Graves et al. 2006, section 3.2). The others: `ctc_beam_search_crnn`,
`ctc_prefix_search_crnn`, `ctc_lexicon_search_crnn`; all of them by name in `ctc_decoders_crnn`.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch


__all__ = [
    "WORD_SCORES",
    "BestPath",
    "CTCDecoder",
    "CTCHypothesis",
    "NonFiniteLogitsError",
    "best_path",
    "collapse_paths",
    "frame_log_probs",
    "joined_ranges",
]

#: How the probabilities of the characters become that of the word; see [`CTCHypothesis.word_score`].
WORD_SCORES = ("product", "geometric_mean", "minimum")
#: Logits to compute with at once: thousands of frames of a hundred classes, two hundred of 18,710.
_VALUES_AT_ONCE = 2**22


class NonFiniteLogitsError(ValueError):
    """Images whose logits are no probabilities: they have +inf, NaN, or a frame that is -inf throughout.

    Attributes:
        images: the rows of the batch, from 0.
    """

    def __init__(self, images: list[int], names: list[str] | None = None):
        """Names the first images, by `names` where they have some, or else by their rows."""
        self.images = images
        shown = ", ".join(list(map(str, images if names is None else names))[:5]) + ", ..." * (len(images) > 5)
        super().__init__(
            "the logits have +inf, NaN, or a frame that is -inf throughout "
            f"({'images of the batch, from 0: ' if names is None else ''}{shown}): "
            "there is nothing to decode. Are the weights, and the pixel values, finite?"
        )


@dataclass(frozen=True, slots=True)
class CTCHypothesis:
    """One reading of one image.

    Attributes:
        ids: the class of each character, without blanks.
        spans: the frames of each character, `(start, end)` with `end` exclusive.
        probabilities: the probability of each character in [0, 1]: its class at the most confident frame of its span.
        score: the probability of the word in [0, 1]: the product of `probabilities`; for an empty reading, the
            probability that every frame is blank. [`PrefixBeamSearch`] with a language model has a score of its own.
        log_prob: the natural logarithm of the label's probability under CTC, the sum over all its alignments (Graves
            et al. 2006, eq. 3). Best path knows one alignment only and gives that one's, which is never more.
        is_complete: whether the search came to its end; `False` where it was cut at a bound: then this is the best so
            far.
    """

    ids: list[int]
    spans: list[tuple[int, int]]
    probabilities: list[float]
    score: float
    log_prob: float
    is_complete: bool = True

    def word_score(self, definition: str = "product") -> float:
        """The probability of the word in [0, 1], by one of three definitions.

        `"product"`: `score`; all characters are right, were they independent; falls with the length of the word.
        `"geometric_mean"`: the product's root by the number of characters, comparable over lengths.
        `"minimum"`: the least sure character. An empty reading has no characters; each definition gives its `score`.

        Raises:
            ValueError: another definition.
        """
        if definition not in WORD_SCORES:
            raise ValueError(f"word_score must be one of {', '.join(map(repr, WORD_SCORES))}, not {definition!r}")
        if definition == "product" or not self.ids:
            return self.score
        return min(self.probabilities) if definition == "minimum" else self.score ** (1 / len(self.ids))


class CTCDecoder(Protocol):
    """Reads logits. A decoder of your own is any callable with these arguments."""

    def __call__(
        self, logits: torch.Tensor, num_frames: torch.Tensor | None = None, n_best: int = 1
    ) -> list[list[CTCHypothesis]]:
        """Decodes a batch.

        Args:
            logits: raw, (batch, time, vocab), floating point, on any device; class 0 is the blank.
            num_frames: (batch,), each image's own frames, as [`CRNNForCTC`] gives them; those after them are padding
                and read as blank. Without it, all frames are an image's own.
            n_best: hypotheses wanted of each image.

        Returns:
            For each image at most `n_best` different hypotheses, the best first, and at least one.
        """
        ...


def collapse_paths(ids: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Says which steps of CTC paths start a character: those that are not blank and differ from the step before.

    With `_` for the blank, the path `hh_e_ll_l_o` starts a character at `h`, `e`, `l`, `l` and `o`.

    Args:
        ids: classes (..., time); 0 is the blank, and so is everything below 0, which pads labels.
        first: boolean (..., time), true where a path begins.

    Returns:
        Boolean, of the shape of `ids`.
    """
    change = np.ones_like(ids, dtype=bool)
    change[..., 1:] = ids[..., 1:] != ids[..., :-1]
    return (ids > 0) & (change | first)


def joined_ranges(starts: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`counts` whole numbers from each of `starts` on, one range after the other, and of which range each is.

    Example:
        >>> joined_ranges(np.array([5, 9]), np.array([2, 1]))
        (array([0, 0, 1]), array([5, 6, 9]))
    """
    ranges = np.repeat(np.arange(len(starts)), counts)
    return ranges, starts[ranges] + np.arange(len(ranges)) - (np.cumsum(counts) - counts)[ranges]


def frame_log_probs(logits: torch.Tensor, num_frames: torch.Tensor | None = None) -> torch.Tensor:
    """Log-probabilities of the classes in each frame, float64 on the CPU: where decoders other than best path begin.

    Args: those of [`CTCDecoder`].

    Raises:
        ValueError: a wrong rank, or `num_frames` of other images.
        NonFiniteLogitsError: +inf, NaN, or a frame in which no class is possible, among an image's own frames.
    """
    _check_rank(logits)
    log_probs = torch.empty(logits.shape, dtype=torch.float64)
    for rows in _parts(logits):
        torch.log_softmax(logits[rows].detach().cpu().double(), -1, out=log_probs[rows])
    if num_frames is not None:
        padding = _padding(log_probs, num_frames)
        log_probs[padding] = -math.inf
        log_probs[..., 0].masked_fill_(padding, 0.0)
    for rows in _parts(logits):
        _check_readable(log_probs[rows].isnan().flatten(1).any(-1).numpy(), rows.start)
    return log_probs


def _check_rank(logits: torch.Tensor):
    if logits.ndim != 3:
        raise ValueError(f"logits must have shape (batch, time, vocab), not {tuple(logits.shape)}")


def _check_readable(unreadable: np.ndarray, first: int = 0):
    """Refuses a batch in which images have no probabilities: boolean (images,), beginning with image `first`."""
    if unreadable.any():
        raise NonFiniteLogitsError([first + image for image in np.flatnonzero(unreadable).tolist()])


def _parts(logits: torch.Tensor) -> list[slice]:
    """Rows of logits (batch, time, vocab) to compute with at once, so that copies of them stay small."""
    at_once = max(_VALUES_AT_ONCE // max(logits[:1].numel(), 1), 1)
    return [slice(start, start + at_once) for start in range(0, len(logits), at_once)]


def _padding(logits: torch.Tensor, num_frames: torch.Tensor) -> torch.Tensor:
    """Boolean (batch, time): the frames of logits (batch, time, vocab) that are after each image's own."""
    num_frames = torch.as_tensor(num_frames, device=logits.device)
    if num_frames.shape != logits.shape[:1]:
        raise ValueError(
            f"num_frames must have shape ({len(logits)},), one for each image, not {(*num_frames.shape,)}"
        )
    return torch.arange(logits.shape[1], device=logits.device) >= num_frames[:, None]


class BestPath:
    """[`best_path`] as a [`CTCDecoder`]; it has one hypothesis an image, however many are wanted."""

    def __call__(
        self, logits: torch.Tensor, num_frames: torch.Tensor | None = None, n_best: int = 1
    ) -> list[list[CTCHypothesis]]:
        return [[one] for one in best_path(logits, num_frames)]


def best_path(logits: torch.Tensor, num_frames: torch.Tensor | None = None) -> list[CTCHypothesis]:
    """Reads the most probable class of each frame, then collapses repeats and blanks (Graves et al. 2006, eq. 4).

    Args:
        logits: raw, (batch, time, vocab), floating point, on any device.
        num_frames: (batch,), each image's own frames; those after them are read as blank.

    Returns:
        One hypothesis an image.

    Raises:
        ValueError: a wrong rank, or `num_frames` of other images.
        NonFiniteLogitsError: +inf, NaN, or a frame in which no class is possible, among an image's own frames.
    """
    _check_rank(logits)
    batch, time, _ = logits.shape
    if batch == 0 or time == 0:
        return [CTCHypothesis([], [], [], 1.0, 0.0) for _ in range(batch)]
    path = torch.empty((batch, time), dtype=torch.long, device=logits.device)
    peaks = torch.empty((batch, time), dtype=torch.float32, device=logits.device)
    for rows in _parts(logits):
        part = logits[rows].detach().float()
        peak, path[rows] = part.max(-1)
        peaks[rows] = peak - part.logsumexp(-1)
    if num_frames is not None:
        padding = _padding(logits, num_frames)
        path.masked_fill_(padding, 0)
        peaks.masked_fill_(padding, 0.0)
    log_probs = peaks.cpu().numpy().astype(np.float64).ravel()
    _check_readable(np.isnan(log_probs).reshape(batch, time).max(-1))
    path = path.cpu().numpy()

    # Runs of one class, over all images at once: a run begins where the class changes or an image begins.
    begins = np.ones_like(path, dtype=bool)
    begins[:, 1:] = path[:, 1:] != path[:, :-1]
    run_starts = np.flatnonzero(begins)
    run_ends = np.append(run_starts[1:], path.size)
    run_ids = path.ravel()[run_starts]
    run_peaks = np.maximum.reduceat(log_probs, run_starts)

    is_character = run_ids > 0
    starts, ends = run_starts[is_character], run_ends[is_character]
    images = starts // time
    counts = np.bincount(images, minlength=batch)
    word_scores = np.bincount(images, weights=run_peaks[is_character], minlength=batch)
    path_log_probs = log_probs.reshape(batch, time).sum(-1)
    word_scores = np.exp(np.where(counts > 0, word_scores, path_log_probs))

    edges = np.concatenate([[0], np.cumsum(counts)]).tolist()
    ids = run_ids[is_character].tolist()
    spans = list(zip((starts % time).tolist(), ((ends - 1) % time + 1).tolist(), strict=True))
    probabilities = np.exp(run_peaks[is_character]).tolist()
    return [
        CTCHypothesis(ids[start:end], spans[start:end], probabilities[start:end], score, log_prob)
        for start, end, score, log_prob in zip(
            edges, edges[1:], word_scores.tolist(), path_log_probs.tolist(), strict=False
        )
    ]
