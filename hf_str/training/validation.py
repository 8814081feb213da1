# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Greedy evaluation of a recognizer on validation sets: the figures, and the samples that it gets most wrong."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from transformers.utils import logging

from ..evaluation.metrics import normalized_edit_distance, recognition_metrics
from ..evaluation.protocols import PROTOCOLS, find_missing, missing_characters
from ..models.crnn.ctc_decoding_crnn import BestPath
from ..models.crnn.image_batching_crnn import Batch, recognize_batches
from ..models.crnn.modeling_crnn import CRNNForCTC
from ..models.crnn.text_crnn import normalize_text
from ..models.crnn.tokenization_crnn import CRNNTokenizer
from ..utils.processes import gather_items
from .collator import InvalidSampleError, WordCollator


__all__ = ["ValidationPrediction", "ValidationReport", "check_validation", "evaluate", "evaluate_all"]

logger = logging.get_logger(__name__)

_NO_PROBABILITIES = "the model gives NaN or infinity"


@dataclass(frozen=True)
class ValidationPrediction:
    """The prediction of one sample.

    Attributes:
        row: of the dataset.
        text: what was recognized; empty where the image could not be opened, or the model gives no probabilities.
        label: the text of the sample, in NFC.
        score: the model's probability of the text, in [0, 1].
        problem: why nothing was recognized, or empty.
    """

    row: int
    text: str
    label: str
    score: float
    problem: str = ""

    @property
    def normalized_edit_distance(self) -> float:
        """Edits divided by the length of the longer text, in [0, 1]."""
        return normalized_edit_distance(self.text, self.label)


@dataclass(frozen=True)
class ValidationReport:
    """Predictions of a dataset, in its order, and their figures.

    Attributes:
        predictions: one for each row.
        metrics: those of [`recognition_metrics`], and `unwritable`, the share of the samples whose label has
            characters outside the charset, upper and lower case told apart: what `word_accuracy` lacks of 1 at best.
    """

    predictions: list[ValidationPrediction]
    metrics: dict[str, float]

    def worst(self, count: int) -> list[ValidationPrediction]:
        """The predictions furthest from their labels; of equally wrong ones the most confident first."""
        wrong = [one for one in self.predictions if one.text != one.label]
        return sorted(wrong, key=lambda one: (-one.normalized_edit_distance, -one.score, one.row))[:count]

    def table(self, count: int = 10) -> str:
        """The worst errors as text."""
        if not (worst := self.worst(count)):
            return "  none"
        lines = [f"{'row':>8}  {'edits':>6}  {'score':>6}  {'label':<24}  prediction"]
        for one in worst:
            shown = f"({one.problem})" if one.problem else one.text
            lines.append(
                f"{one.row:>8}  {one.normalized_edit_distance:>6.2f}  {one.score:>6.3f}  {one.label:<24}  {shown}"
            )
        return "\n".join(lines)

    def write(self, path: str | os.PathLike, count: int = 200) -> None:
        """Writes the worst errors as JSON lines."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        rows = (
            {"row": p.row, "label": p.label, "prediction": p.text, "score": round(p.score, 4), "problem": p.problem}
            for p in self.worst(count)
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
) -> ValidationReport:
    """Recognizes the images of a dataset by best path, and compares the texts with the labels.

    Labels are compared in NFC, also where the model lacks a character: what it cannot write counts as an error.
    Images that cannot be opened, or for which the model gives NaN or infinity, count as errors, and the report names
    them: a run that diverged goes on to its end or its own guard, with figures that are numbers.

    Args:
        model: on its device, not wrapped; its mode is left as it was.
        collator: prepares the images.
        dataset: a `datasets.Dataset` with `image` and `text`.
        batch_size: images a forward pass.
        num_workers: processes that open images.
        rank: number of this process. Each recognizes its share; all get the whole report.
        world_size: number of processes.
        autocast: makes the context of each forward pass, for half precision.

    Raises:
        ValueError: the dataset is empty.
    """
    if len(dataset) == 0:
        raise ValueError("there are no samples to evaluate on")
    batches = [list(range(len(dataset))[first : first + batch_size]) for first in range(0, len(dataset), batch_size)]
    loader = DataLoader(
        _Samples(dataset, collator),
        batch_sampler=batches[rank::world_size],
        collate_fn=list,
        num_workers=num_workers,
        generator=torch.Generator(),  # without its own, a loader would draw from the one that training uses
    )
    was_training = model.training
    model.eval()
    predictions = []
    try:
        with torch.no_grad():
            for samples in loader:
                with autocast():
                    predictions += _predict(model, collator, samples)
    finally:
        model.train(was_training)
    predictions = sorted(gather_items(predictions, world_size), key=lambda one: one.row)
    if count := sum(one.problem == _NO_PROBABILITIES for one in predictions):
        logger.warning(f"{count:,} of {len(predictions):,} samples count as errors: {_NO_PROBABILITIES}")
    labels = [one.label for one in predictions]
    metrics = recognition_metrics([one.text for one in predictions], labels)
    metrics["unwritable"] = PROTOCOLS["exact"].unwritable(labels, collator.tokenizer.characters) / len(labels)
    return ValidationReport(predictions, metrics)


def evaluate_all(
    model: CRNNForCTC,
    collator: WordCollator,
    datasets: Mapping[str, Any],
    report_dir: str | os.PathLike,
    **options: Any,
) -> tuple[dict[str, float], str]:
    """Evaluates on several sets: the mean of their figures, and of several sets also those of each as `NAME_...`.

    Args:
        model: as for `evaluate`.
        collator: as for `evaluate`.
        datasets: by name.
        report_dir: folder of `NAME_errors.jsonl`, which rank 0 writes.
        **options: further arguments of `evaluate`.

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


class _Samples(Dataset):
    """Rows of a dataset as (row, label, resized image or `None`, problem)."""

    def __init__(self, dataset: Any, collator: WordCollator):
        self.dataset, self.collator = dataset, collator

    def __getitems__(self, rows: Sequence[int]) -> list[tuple[int, str, Image.Image | None, str]]:
        columns = self.dataset[list(rows)]
        samples = zip(rows, columns["image"], columns["text"], strict=True)
        return [(row, normalize_text(label), *self._open(image)) for row, image, label in samples]

    def _open(self, image: Any) -> tuple[Image.Image | None, str]:
        try:
            return self.collator.resize(self.collator.load(image)), ""
        except InvalidSampleError as error:
            return None, str(error)


def _predict(
    model: CRNNForCTC, collator: WordCollator, samples: list[tuple[int, str, Image.Image | None, str]]
) -> list[ValidationPrediction]:
    problems = {index: problem for index, (*_, problem) in enumerate(samples) if problem}
    images = {index: image for index, (_, _, image, _) in enumerate(samples) if image is not None}
    texts: dict[int, tuple[str, float]] = {}
    if images:
        sizes = [(image.height, image.width) for image in images.values()]
        batch = Batch(list(images), [0] * len(images), sizes, collator.stack(list(images.values())))
        failed: dict[int, str] = {}
        found = recognize_batches([batch], model, collator.processor, decoder=BestPath(), invalid=failed)
        texts = {index: (normalize_text(one["text"]), one["score"]) for index, one in found.items()}
        problems |= dict.fromkeys(failed, _NO_PROBABILITIES)
    return [
        ValidationPrediction(row, text, label, score, problems.get(index, ""))
        for index, (row, label, *_) in enumerate(samples)
        for text, score in [texts.get(index, ("", 0.0))]
    ]
