"""CTC decoding: tensors in, hypotheses out.

A decoder is a function from raw logits (batch, time, vocab), blank = class 0, to one list of hypotheses an image, best
first. Best path (Graves et al. 2006, section 3.2) is here; every other decoder has the same shape.
"""

from dataclasses import dataclass

import numpy as np
import torch


__all__ = ["CTCHypothesis", "best_path", "collapse_paths"]


@dataclass(frozen=True, slots=True)
class CTCHypothesis:
    """One reading of one image.

    Attributes:
        ids: the class of each character, without blanks.
        spans: the frames of each character, `(start, end)` with `end` exclusive.
        probabilities: the probability of each character in [0, 1]: its class at the surest frame of its span.
        score: the probability of the word in [0, 1]: the product of `probabilities`; for an empty reading, the
            probability that every frame is blank.
    """

    ids: list[int]
    spans: list[tuple[int, int]]
    probabilities: list[float]
    score: float


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


def best_path(logits: torch.Tensor) -> list[CTCHypothesis]:
    """Reads the most probable class of each frame, then collapses repeats and blanks (Graves et al. 2006, eq. 4).

    Args:
        logits: raw, (batch, time, vocab), floating point, on any device.

    Returns:
        One hypothesis an image.
    """
    if logits.ndim != 3:
        raise ValueError(f"logits must have shape (batch, time, vocab), not {tuple(logits.shape)}")
    batch, time, _ = logits.shape
    if batch == 0 or time == 0:
        return [CTCHypothesis([], [], [], 1.0) for _ in range(batch)]
    logits = logits.detach().float()
    peaks, path = logits.max(-1)
    log_probs = (peaks - logits.logsumexp(-1)).cpu().numpy().astype(np.float64).ravel()
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
    word_scores = np.exp(np.where(counts > 0, word_scores, log_probs.reshape(batch, time).sum(-1)))

    edges = np.concatenate([[0], np.cumsum(counts)]).tolist()
    ids = run_ids[is_character].tolist()
    spans = list(zip((starts % time).tolist(), ((ends - 1) % time + 1).tolist(), strict=True))
    probabilities = np.exp(run_peaks[is_character]).tolist()
    return [
        CTCHypothesis(ids[start:end], spans[start:end], probabilities[start:end], score)
        for start, end, score in zip(edges, edges[1:], word_scores.tolist(), strict=False)
    ]
