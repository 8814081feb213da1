# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Greedy evaluation of a recogniser on word boxes: the figures, and the words that it gets most wrong."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import gather_object
from torch.utils.data import DataLoader, Dataset
from transformers.utils import logging

from ..evaluation.metrics import edit_distance, recognition_metrics
from ..evaluation.protocols import PROTOCOLS, find_missing, missing_characters
from ..models.crnn.ctc_decoding_crnn import CTCHypothesis, NonFiniteLogitsError, best_path
from ..models.crnn.image_batching_crnn import Batch, bound_logits
from ..models.crnn.modeling_crnn import CRNNForCTC
from ..models.crnn.text_crnn import normalize_text
from ..models.crnn.tokenization_crnn import CRNNTokenizer
from .collator import InvalidSampleError, WordCollator


__all__ = ["EvaluationReport", "Reading", "check_validation", "evaluate", "evaluate_all"]

logger = logging.get_logger(__name__)

_NO_PROBABILITIES = "the model gives NaN or infinity"


@dataclass(frozen=True)
class Reading:
    """What was read of one word.

    Attributes:
        row: of the data set.
        text: what was read; empty where the image could not be opened, or the model gives no probabilities for it.
        label: what stands there.
        score: the model's probability of the word, in [0, 1].
        problem: why nothing was read, or empty.
    """

    row: int
    text: str
    label: str
    score: float
    problem: str = ""

    @property
    def wrongness(self) -> float:
        """Edits divided by the length of the longer text, in [0, 1]."""
        return edit_distance(self.text, self.label) / max(len(self.text), len(self.label), 1)


@dataclass(frozen=True)
class EvaluationReport:
    """Readings of a data set, in its order, and their figures.

    These are those of [`recognition_metrics`], and `unwritable`, the share of the words whose label has characters
    outside the charset, upper and lower case told apart: what `word_accuracy` lacks of 1 at best.
    """

    readings: list[Reading]
    metrics: dict[str, float]

    def worst(self, count: int) -> list[Reading]:
        """The words that are furthest from their labels; of equally wrong ones the model's surest first."""
        wrong = [reading for reading in self.readings if reading.text != reading.label]
        return sorted(wrong, key=lambda reading: (-reading.wrongness, -reading.score, reading.row))[:count]

    def table(self, count: int = 10) -> str:
        """The worst errors as text."""
        lines = [f"{'row':>8}  {'edits':>6}  {'score':>6}  {'label':<24}  reading"]
        for reading in self.worst(count):
            said = f"({reading.problem})" if reading.problem else reading.text
            lines.append(
                f"{reading.row:>8}  {reading.wrongness:>6.2f}  {reading.score:>6.3f}  {reading.label:<24}  {said}"
            )
        return "\n".join(lines)

    def write(self, path: str | os.PathLike, count: int = 200):
        """The worst errors as JSON lines."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        rows = (
            {"row": r.row, "label": r.label, "reading": r.text, "score": round(r.score, 4), "problem": r.problem}
            for r in self.worst(count)
        )
        lines = (json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)
        Path(path).write_text("".join(lines), encoding="utf-8")


def evaluate(
    model: CRNNForCTC,
    collator: WordCollator,
    dataset: Any,
    batch_size: int = 64,
    num_workers: int = 0,
    rank: int = 0,
    world_size: int = 1,
    autocast: Callable[[], AbstractContextManager] = nullcontext,
) -> EvaluationReport:
    """Reads a data set and compares.

    Labels are compared in NFC, also where the model lacks a character: what it cannot read counts as an error.
    Images that cannot be opened, or for which the model gives NaN or infinity, count as read wrong, and the report
    says which they are: a run that diverged goes on to its end or its own guard, with figures that are numbers.

    Args:
        model: on its device, not wrapped; its mode is left as it was.
        collator: prepares the images.
        dataset: a `datasets.Dataset` with `image` and `text`.
        batch_size: images a forward pass.
        num_workers: processes that open images.
        rank: number of this process. Each reads its share; all get the whole report.
        world_size: number of processes.
        autocast: makes the context of each forward pass, for half precision.

    Raises:
        ValueError: the data set is empty.
    """
    if len(dataset) == 0:
        raise ValueError("there are no words to evaluate on")
    batches = [range(first, min(first + batch_size, len(dataset))) for first in range(0, len(dataset), batch_size)]
    loader = DataLoader(
        _Images(dataset, collator),
        batch_sampler=batches[rank::world_size],
        collate_fn=list,
        num_workers=num_workers,
        generator=torch.Generator(),  # without its own, a loader would draw from the one that training uses
    )
    was_training = model.training
    model.eval()
    readings = []
    try:
        with torch.no_grad():
            for words in loader:
                readings += _read(model, collator, words, autocast)
    finally:
        model.train(was_training)
    if world_size > 1:
        readings = gather_object(readings)
    readings.sort(key=lambda reading: reading.row)
    if count := sum(reading.problem == _NO_PROBABILITIES for reading in readings):
        logger.warning(f"{count:,} of {len(readings):,} words count as read wrong: {_NO_PROBABILITIES}")
    labels = [reading.label for reading in readings]
    metrics = recognition_metrics([reading.text for reading in readings], labels)
    metrics["unwritable"] = PROTOCOLS["exact"].unwritable(labels, collator.tokenizer.characters) / len(labels)
    return EvaluationReport(readings, metrics)


def evaluate_all(
    model: CRNNForCTC, collator: WordCollator, datasets: Mapping[str, Any], report_dir: str | os.PathLike, **options
) -> tuple[dict[str, float], str]:
    """[`evaluate`] on several sets: the mean of their figures, and of several sets also those of each as `NAME_...`.

    Args:
        model, collator, options: as for [`evaluate`].
        datasets: by name.
        report_dir: where `NAME_errors.jsonl` goes; written by rank 0.

    Returns:
        The figures, and the tables of the worst errors as text.
    """
    metrics: dict[str, float] = {}
    reports = {name: evaluate(model, collator, dataset, **options) for name, dataset in datasets.items()}
    for key in dict.fromkeys(key for report in reports.values() for key in report.metrics):
        values = {name: report.metrics[key] for name, report in reports.items() if key in report.metrics}
        metrics[key] = sum(values.values()) / len(values)
        if len(reports) > 1:
            metrics |= {f"{name}_{key}": value for name, value in values.items()}
    if options.get("rank", 0) == 0:
        for name, report in reports.items():
            report.write(Path(report_dir) / f"{name}_errors.jsonl")
    tables = [f"{name}, the worst errors:\n{report.table()}" for name, report in reports.items()]
    return metrics, "\n".join(tables)


def check_validation(datasets: Mapping[str, Any], tokenizer: CRNNTokenizer, best_metric: str = "word_accuracy"):
    """Says before training which labels of validation sets the charset cannot write: they count as errors, always.

    Args:
        datasets: by name, with `text`.
        tokenizer: of the model.
        best_metric: what the best model is chosen by.

    Raises:
        ValueError: `best_metric` looks at no character of any label.
    """
    labels = {name: dataset.select_columns("text")[:]["text"] for name, dataset in datasets.items()}
    for name, texts in labels.items():
        if missing := missing_characters(texts, tokenizer.characters):
            logger.warning(f"Validation set {name!r}: {missing}. Add them to the charset, or correct the labels")
        count = sum(map(bool, find_missing(texts, tokenizer.characters)))
        if (
            best_metric == "word_accuracy"
            and (exact := PROTOCOLS["exact"].unwritable(texts, tokenizer.characters)) > count
        ):
            logger.warning(
                f"Validation set {name!r}: {exact - count:,} of {len(texts):,} labels have letters in a case that the "
                "charset lacks: word_accuracy counts them as errors, whatever is read. --metric_for_best_model "
                "word_accuracy_36 or word_accuracy_unicode does not look at case"
            )
    protocol = PROTOCOLS.get(best_metric.removeprefix("word_accuracy_"))
    if protocol and labels and not any(protocol.normalize(text) for texts in labels.values() for text in texts):
        message = protocol.nothing_left([text for texts in labels.values() for text in texts])
        raise ValueError(
            f"--metric_for_best_model {best_metric}: {message}, by word_accuracy_unicode or word_accuracy"
        )


class _Images(Dataset):
    """Rows of a data set as (row, resized image or `None`, label, problem)."""

    def __init__(self, dataset: Any, collator: WordCollator):
        self.dataset, self.collator = dataset, collator

    def __getitems__(self, rows: Sequence[int]) -> list[tuple]:
        columns = self.dataset[list(rows)]
        return [self._prepared(*word) for word in zip(rows, columns["image"], columns["text"], strict=True)]

    def _prepared(self, row: int, image: Any, label: str) -> tuple:
        label = normalize_text(label)
        try:
            return row, self.collator.resize(self.collator.load(image)), label, ""
        except InvalidSampleError as error:
            return row, None, label, str(error)


def _read(model: CRNNForCTC, collator: WordCollator, words: list[tuple], autocast: Any) -> list[Reading]:
    unreadable = [Reading(row, "", label, 0.0, problem) for row, image, label, problem in words if image is None]
    words = [word for word in words if word[1] is not None]
    if not words:
        return unreadable
    images, places = [image for _, image, _, _ in words], list(range(len(words)))
    sizes = [(image.height, image.width) for image in images]
    batch = Batch(places, [0] * len(words), sizes, collator.stack(images))
    hypotheses: list[CTCHypothesis | None] = []
    for part in bound_logits([batch], model, len(collator.tokenizer)):
        inputs = {name: tensor.to(model.device) for name, tensor in part.inputs.items()}
        with autocast():
            logits = model(**inputs).logits
        hypotheses += _best_paths(logits)
    readings = []
    for (row, _, label, _), hypothesis in zip(words, hypotheses, strict=True):
        if hypothesis is None:
            readings.append(Reading(row, "", label, 0.0, _NO_PROBABILITIES))
            continue
        text = "".join(collator.tokenizer.convert_ids_to_tokens(hypothesis.ids))
        readings.append(Reading(row, normalize_text(text), label, hypothesis.score))
    return readings + unreadable


def _best_paths(logits: torch.Tensor) -> list[CTCHypothesis | None]:
    """Best path of each image; `None` where there is none."""
    try:
        return list(best_path(logits))
    except NonFiniteLogitsError as error:
        rows = [row for row in range(len(logits)) if row not in set(error.images)]
        found = dict(zip(rows, best_path(logits[rows]), strict=True))
        return [found.get(row) for row in range(len(logits))]
