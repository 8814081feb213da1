# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Reading with a lexicon: of its words, the most probable one under CTC."""

import copy
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from .ctc_alignment_crnn import align
from .ctc_decoding_crnn import BestPath, CTCHypothesis, frame_log_probs
from .ctc_lexicon_crnn import Lexicon
from .ctc_prefix_probabilities_crnn import PrefixProbabilities


__all__ = ["LexiconDecoder"]

#: Numbers of a batch that are worked on at once where there are many classes: 64 MB in double precision.
_NUMBERS_AT_ONCE = 1 << 23
#: Probabilities, frames times prefixes, that one step down the tree may compute: where noise or thousands of frames
#: leave more open, the least probable prefixes are given up, and time and memory stay within bounds.
_MOST_VALUES = 40_000_000


class LexiconDecoder:
    """Reads the most probable word of a lexicon (Shi et al. 2015, section 2.3.2), exactly.

    Goes down the lexicon's tree a letter at a time, for all images together, and leaves out every prefix whose mass,
    which no word below it exceeds, is less than the probability of a word already found; a first, narrow descent finds
    that word. Of 90,000 words that leaves about a hundredth of the prefixes, so there is no need to look at the
    neighbors of the best path only, as the paper does for large lexicons. Where too little can be left out, as in
    noise of thousands of frames, only the most probable prefixes are followed, and `is_complete` of the hypotheses is
    `False`.

    Args:
        lexicon: the words.
        max_distance (`int`, *optional*): the paper's neighborhood: read only words within this edit distance of the
            best path (the paper takes 3), and keep the best path where there is none. Without it the reading is always
            a word of the lexicon; an image with too few frames for any of them is read as the empty word with score 0.

    Example:

    ```python
    >>> from hf_str import DEFAULT_CHECKPOINT, CRNNTokenizer, Lexicon, LexiconDecoder

    >>> tokenizer = CRNNTokenizer.from_pretrained(DEFAULT_CHECKPOINT)
    >>> decoder = LexiconDecoder(Lexicon(["coffee", "tea"], tokenizer))
    ```
    """

    #: Images searched together: large enough to share the work of each step, small enough for the memory.
    images_at_once = 16
    #: Prefixes of each length that the first descent follows.
    first_width = 4

    def __init__(self, lexicon: Lexicon, max_distance: int | None = None):
        if max_distance is not None and max_distance < 0:
            raise ValueError(f"max_distance must be at least 0, not {max_distance}")
        self.lexicon, self.max_distance = lexicon, max_distance

    def __call__(
        self, logits: torch.Tensor, num_frames: torch.Tensor | None = None, n_best: int = 1
    ) -> list[list[CTCHypothesis]]:
        # Part by part, since the log-probabilities of a batch over a whole dictionary take gigabytes.
        step = max(1, _NUMBERS_AT_ONCE // max(1, math.prod(logits.shape[1:])))
        readings = []
        for start in range(0, len(logits), step):
            part = slice(start, start + step)
            readings += self._read(logits[part], None if num_frames is None else num_frames[part], n_best)
        return readings

    def _read(self, logits: torch.Tensor, num_frames: torch.Tensor | None, n_best: int) -> list[list[CTCHypothesis]]:
        log_probs = self.lexicon.merge(frame_log_probs(logits, num_frames))
        nothing = [[CTCHypothesis([], [], [], 0.0, -math.inf)] for _ in log_probs]
        neighborhood = None
        if self.max_distance is not None:
            nothing = BestPath()(logits, num_frames)
            neighborhood = _Neighborhood([self.lexicon.merge_ids(one.ids) for (one,) in nothing], self.max_distance)
        images, words, cut = [], [], set()
        count, step = len(log_probs), self.images_at_once
        parts = [slice(start, min(start + step, count)) for start in range(0, count, step)]
        while parts:
            rows = parts.pop(0)
            found_images, found_words, was_cut = self._search(
                log_probs[rows], n_best, neighborhood and neighborhood.of_images(rows)
            )
            if len(was_cut) and rows.stop - rows.start > 1:  # each alone has all the room
                parts = [slice(row, row + 1) for row in range(rows.start, rows.stop)] + parts
                continue
            images += (found_images + rows.start).tolist()
            words += found_words.tolist()
            cut.update((was_cut + rows.start).tolist())
        letters = [self.lexicon.letters(word) for word in words]
        found = align(log_probs, images, letters, [self.lexicon.words[word] for word in words])
        readings = [[] for _ in log_probs]
        for image, hypothesis in zip(images, found, strict=True):
            readings[image].append(replace(hypothesis, is_complete=False) if image in cut else hypothesis)
        return [reading or other for reading, other in zip(readings, nothing, strict=True)]

    def _search(
        self, log_probs: torch.Tensor, n_best: int, neighborhood: "_Neighborhood | None"
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The words of each image of (images, time, letters): image and word of each, an image's best first.

        The third are the images of which prefixes were given up.
        """
        first, _ = self._descend(log_probs, neighborhood, width=max(self.first_width, n_best))
        bound = _nth_best(first.images, first.log_probs, len(log_probs), n_best)
        (images, words, scores), cut = self._descend(log_probs, neighborhood, bound)
        order = np.lexsort([-scores.numpy(), images.numpy()])
        images, words = images[order], words[order]
        rank = torch.arange(len(images)) - torch.searchsorted(images, images)
        return images[rank < n_best], words[rank < n_best], cut

    def _descend(
        self,
        log_probs: torch.Tensor,
        neighborhood: "_Neighborhood | None",
        bound: torch.Tensor | None = None,
        width: int | None = None,
    ) -> "tuple[_Words, torch.Tensor]":
        """Walks down the tree, level by level.

        Args:
            log_probs: (images, time, letters).
            neighborhood: drop prefixes of which no word is near the best path.
            bound: (images,), drop prefixes with less mass than this.
            width: keep so many prefixes of each length and image.

        Returns:
            The words met that have an alignment, and the images with so many prefixes that some were given up.
        """
        tree, by_frame = self.lexicon, log_probs.transpose(0, 1).contiguous()  # (time, images, letters)
        blank = by_frame[..., 0].contiguous()
        images = torch.arange(len(log_probs))
        nodes = torch.zeros_like(images)
        prefixes = PrefixProbabilities.empty(blank)
        distances = images if neighborhood is None else neighborhood.start(images)  # unused where all is near
        words, cut, mass = [], [images[:0]], torch.zeros(len(images), dtype=log_probs.dtype)
        most = max(1, _MOST_VALUES // max(1, len(by_frame)))
        while len(nodes):
            if int(tree.num_children[nodes].sum()) > most:
                order = mass.argsort(descending=True)
                kept = (tree.num_children[nodes][order].cumsum(0) <= most).sum().clamp(min=1)
                cut.append(images[order[kept:]])
                order = order[:kept].sort().values
                images, nodes, prefixes = images[order], nodes[order], prefixes.select(order)
                distances = distances if neighborhood is None else distances[order]
            parents = torch.repeat_interleave(tree.num_children[nodes])
            first = tree.num_children[nodes].cumsum(0) - tree.num_children[nodes]
            children = tree.first_children[nodes][parents] + torch.arange(len(parents)) - first[parents]
            if neighborhood is not None:
                distances = neighborhood.extend(distances[parents], images[parents], tree.node_letters[children])
                near = distances.amin(1) <= neighborhood.max_distance
                parents, children, distances = parents[near], children[near], distances[near]
            letters = tree.node_letters[children]
            images = images[parents]
            emissions = by_frame[:, images, letters]
            entries = prefixes.entries(parents, emissions, letters == tree.node_letters[nodes][parents])
            mass = entries.logsumexp(0)
            keep = mass > -math.inf
            if bound is not None:
                keep &= mass >= bound[images] - 1e-9  # of rounding
            if width is not None:
                keep &= mass >= _nth_best(images, mass, len(log_probs), width)[images]
            images, nodes, mass = images[keep], children[keep], mass[keep]
            prefixes = PrefixProbabilities.entered(entries[:, keep], emissions[:, keep], blank[:, images])
            ends = tree.node_words[nodes] >= 0
            if neighborhood is not None:
                distances = distances[keep]
                ends &= neighborhood.finish(distances, images) <= neighborhood.max_distance
            scores = prefixes.label_log_probs[ends]
            words.append(_Words(images[ends], tree.node_words[nodes[ends]], scores))
        return _Words(*map(torch.cat, zip(*words, strict=True))), torch.cat(cut).unique()


class _Neighborhood:
    """Edit distances (Levenshtein 1966) of prefixes to the best path of their image, a letter at a time.

    A prefix has a row of distances to the first 0, 1, 2, ... letters of the best path.
    """

    def __init__(self, readings: Sequence[Sequence[int]], max_distance: int):
        self.max_distance = max_distance
        self.lengths = torch.tensor([len(reading) for reading in readings], dtype=torch.long)
        longest = int(self.lengths.max()) if len(readings) else 0
        self.letters = torch.full((len(readings), longest), -1)  # which is no letter
        for row, reading in enumerate(readings):
            self.letters[row, : len(reading)] = torch.tensor(reading, dtype=torch.long)

    def of_images(self, part: slice) -> "_Neighborhood":
        chosen = copy.copy(self)
        chosen.lengths, chosen.letters = self.lengths[part], self.letters[part]
        return chosen

    def start(self, images: torch.Tensor) -> torch.Tensor:
        """The rows of the empty prefix (images, longest + 1)."""
        return torch.arange(self.letters.shape[1] + 1).repeat(len(images), 1)

    def extend(self, rows: torch.Tensor, images: torch.Tensor, letters: torch.Tensor) -> torch.Tensor:
        """The rows of prefixes with one of `letters` more, from those of the prefixes."""
        replaced = rows[:, :-1] + (self.letters[images] != letters[:, None])
        longer = rows + 1
        longer[:, 1:] = torch.minimum(longer[:, 1:], replaced)
        # Leaving out letters of the best path: row[j] = min over k <= j of longer[k] + j - k.
        steps = torch.arange(rows.shape[1])
        return (longer - steps).cummin(1).values + steps

    def finish(self, rows: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        """The distance of each prefix to the whole best path."""
        return rows.gather(1, self.lengths[images, None])[:, 0]


class _Words(NamedTuple):
    """Words found, one of an image each."""

    images: torch.Tensor
    words: torch.Tensor
    log_probs: torch.Tensor


def _nth_best(images: torch.Tensor, values: torch.Tensor, num_images: int, n: int) -> torch.Tensor:
    """The n-th largest of each image's values (num_images,); -inf where there are fewer."""
    order = np.lexsort([-values.numpy(), images.numpy()])
    ordered = images[order]
    starts = torch.searchsorted(ordered, torch.arange(num_images + 1))
    position = starts[:-1] + n - 1
    result = values.new_full((num_images,), -math.inf)
    there = position < starts[1:]
    result[there] = values[order][position[there]]
    return result
