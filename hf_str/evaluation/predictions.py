# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Predictions for a test set, written as they come: a killed run goes on, and many processes share one file."""

import hashlib
import io
import json
import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from PIL import Image
from torch.utils.data import DataLoader, Dataset

from ..data.preparation import SettingsChangedError
from ..models.crnn.ctc_decoding_crnn import NonFiniteLogitsError
from ..models.crnn.image_loading_crnn import UnreadableImageError, load_word_image
from ..utils.atomic_writes import write_json
from ..utils.processes import from_main, gather_items
from ..utils.renaming import renamed_arguments
from .recognizer import Recognizer


__all__ = ["Prediction", "PredictionFile", "TestSet", "check_settings", "predict"]


@dataclass(frozen=True)
class Prediction:
    """The prediction for one sample.

    Attributes:
        row: of the test set.
        name: of the image's file, or its row.
        label: the true text.
        text: the predicted text; empty where the image is broken.
        score: the model's probability of the text, in [0, 1].
        width: of the image in pixels; 0 where it is broken.
        height: of the image in pixels; 0 where it is broken.
        seconds: from file to text, an equal share of the batch.
        problem: why the image could not be opened, or empty.
    """

    row: int
    name: str
    label: str
    text: str
    score: float
    width: int
    height: int
    seconds: float
    problem: str = ""

    @property
    def aspect_ratio(self) -> float:
        """Width / height of the image; 0 where it is broken."""
        return self.width / max(self.height, 1)


@dataclass(frozen=True)
class TestSet:
    """Samples to evaluate on.

    Attributes:
        name: its name in reports.
        source: where it lies.
        table: a `datasets.Dataset` with the columns `image`, encoded, and `text`.
        lexicons: for each sample the words that it may be, or `None`.
    """

    name: str
    source: str
    table: Any
    lexicons: Sequence[Sequence[str]] | None = None

    #: Not a test, whatever pytest thinks of the name.
    __test__ = False

    def __len__(self) -> int:
        return len(self.table)

    @property
    def labels(self) -> list[str]:
        """The texts of the samples."""
        return self.table.select_columns("text")[:]["text"]

    @property
    def paths(self) -> list[str]:
        """The names of the images; an image without one has its row."""
        images = self.table.select_columns("image")
        names = (row["image"].get("path") for row in images)
        return [name or f"{self.name}[{row}]" for row, name in enumerate(names)]

    def fingerprint(self) -> str:
        """A text that changes when the labels or their order do."""
        return hashlib.sha256(json.dumps([self.source, self.labels]).encode()).hexdigest()[:24]


class Fingerprinted(Protocol):
    """A named set of images that can tell whether it has changed."""

    @property
    def name(self) -> str:
        """How settings and reports call it."""
        ...

    def fingerprint(self) -> str:
        """Changes when the set does."""
        ...


@dataclass
class PredictionFile:
    """The predictions of one test set as JSON lines.

    Args:
        path: the file; `None` keeps them in memory.
    """

    path: Path | None
    found: dict[int, Prediction] = field(default_factory=dict)

    def __post_init__(self):
        if self.path is None or not self.path.exists():
            return
        whole = 0  # bytes: of a run that was killed while it wrote, the last line may be torn
        for line in self.path.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            prediction = Prediction(**json.loads(line))
            self.found[prediction.row] = prediction
            whole += len(line)
        with open(self.path, "r+b") as file:
            file.truncate(whole)

    def add(self, predictions: Sequence[Prediction]):
        """Writes those whose rows are not there yet.

        Raises:
            ValueError: a score is NaN or infinite; nothing is written.
        """
        new = [prediction for prediction in predictions if prediction.row not in self.found]
        for one in new:
            if not math.isfinite(one.score):
                raise ValueError(f"row {one.row}, {one.name}: the score of its prediction {one.text!r} is {one.score}")
        self.found |= {prediction.row: prediction for prediction in new}
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lines = (json.dumps(asdict(prediction), ensure_ascii=False, allow_nan=False) + "\n" for prediction in new)
            with open(self.path, "a", encoding="utf-8") as file:
                file.write("".join(lines))

    def ordered(self) -> list[Prediction]:
        """All of them, by row."""
        return [self.found[row] for row in sorted(self.found)]


@renamed_arguments(unread="pending")
def check_settings(
    folder: Path, settings: Mapping[str, Any], sets: Sequence[Fingerprinted], pending: Collection[str] = ()
) -> None:
    """Keeps in `settings.json` what the predictions of a folder depend on, and refuses to mix them with others.

    A fingerprint may say more than one of an earlier version did, after a comma.

    Args:
        folder: of the predictions.
        settings: what they depend on besides the samples.
        sets: the test sets or shards.
        pending: names of sets of which the folder holds nothing yet: their samples may be others than before.

    Raises:
        SettingsChangedError: the folder holds those of other settings, or of other samples by the same name.
    """
    file = folder / "settings.json"
    now = json.loads(json.dumps(settings))
    data = {one.name: one.fingerprint() for one in sets}
    if file.exists():
        before = json.loads(file.read_text(encoding="utf-8"))
        known = before.pop("data")
        changed = [f"{name} {before.get(name)!r}, now {now[name]!r}" for name in now if before.get(name) != now[name]]
        done = (data.keys() & known) - set(pending)
        changed += [
            f"{name}: other samples" for name in sorted(done) if not f"{data[name]}, ".startswith(f"{known[name]}, ")
        ]
        if changed:
            raise SettingsChangedError(
                f"{folder} holds predictions of other settings: {'; '.join(changed)}. Use another folder, or empty it"
            )
        data = known | data
    write_json(file, {**now, "data": data})


@renamed_arguments(words="test_set")
def predict(
    recognizer: Recognizer,
    test_set: TestSet,
    file: PredictionFile,
    batch_size: int = 64,
    num_workers: int = 0,
    rank: int = 0,
    world_size: int = 1,
    progress: Callable[[int], Any] = lambda count: None,
) -> list[Prediction]:
    """Recognizes the samples that are not in the file yet; broken images get an empty text and their problem.

    Which samples share a batch depends on the test set and `batch_size` only, and batch `n` goes to process `n` modulo
    `world_size`: so any number of processes, and a run that went on, give the same predictions.

    Args:
        recognizer: of each process.
        test_set: the same in each process.
        file: of the main process; in others it is not touched.
        batch_size: images a forward pass.
        num_workers: further processes that open images.
        rank: number of this process.
        world_size: number of processes.
        progress: is told how many samples are done, those of other processes included.

    Returns:
        All predictions by row, in the main process (rank 0); nothing in others.
    """
    done = from_main(set(file.found), world_size)
    order = _by_width(test_set) if recognizer.sorts_by_width else range(len(test_set))
    batches = [list(order[start : start + batch_size]) for start in range(0, len(test_set), batch_size)]
    pending = [batch for batch in batches if not done.issuperset(batch)]
    own = pending[rank::world_size]
    loader = iter(DataLoader(_Samples(test_set), batch_sampler=own, collate_fn=list, num_workers=num_workers))
    progress(len(done))
    for step in range(0, len(pending), world_size):
        found = gather_items(_predict(recognizer, loader) if step + rank < len(pending) else [], world_size)
        progress(len({prediction.row for prediction in found} - done))
        if rank == 0:
            file.add(found)
    return file.ordered() if rank == 0 else []


class _Sample(NamedTuple):
    """A row of a test set with its opened image, or why that cannot be opened."""

    row: int
    name: str
    label: str
    lexicon: Sequence[str] | None
    image: Image.Image | None
    problem: str

    def prediction(self, text: str, score: float, seconds: float) -> Prediction:
        width, height = (0, 0) if self.image is None else self.image.size
        return Prediction(self.row, self.name, self.label, text, score, width, height, seconds, self.problem)


class _Samples(Dataset):
    """The rows of a test set, opened."""

    def __init__(self, test_set: TestSet):
        self.test_set = test_set

    def __getitems__(self, rows: list[int]) -> list[_Sample]:
        columns, lexicons = self.test_set.table[rows], self.test_set.lexicons
        return [
            _Sample(row, _name(image, row), label, None if lexicons is None else lexicons[row], *_open(image))
            for row, label, image in zip(rows, columns["text"], columns["image"], strict=True)
        ]


def _name(image: Any, row: int) -> str:
    return Path((image or {}).get("path") or f"row {row}").name


def _open(image: Any) -> tuple[Image.Image | None, str]:
    try:
        return load_word_image(image), ""
    except (UnreadableImageError, TypeError) as error:  # TypeError: a row without an image
        return None, str(error)


def _predict(recognizer: Recognizer, loader: Iterator[list[_Sample]]) -> list[Prediction]:
    """The predictions of the loader's next batch, those of broken images last."""
    started = time.perf_counter()
    batch = next(loader)
    opened = [sample for sample in batch if sample.image is not None]
    found: list[tuple[str, float]] = []
    if opened:
        images = [sample.image for sample in opened if sample.image is not None]
        lexicons = [sample.lexicon for sample in opened if sample.lexicon is not None]
        try:
            found = recognizer.recognize(images, lexicons or None)
        except NonFiniteLogitsError as error:
            failed = [opened[index] for index in error.images]
            names = [f"{sample.name}, row {sample.row}" for sample in failed]
            raise NonFiniteLogitsError([sample.row for sample in failed], names) from None
    seconds = round((time.perf_counter() - started) / len(batch), 6)
    broken = [sample.prediction("", 0.0, seconds) for sample in batch if sample.image is None]
    return [s.prediction(text, score, seconds) for s, (text, score) in zip(opened, found, strict=True)] + broken


def _by_width(test_set: TestSet) -> list[int]:
    """Rows by width / height, the widest first: what does not fit into memory shows at once."""
    images = test_set.table.select_columns("image")
    ratios = [_aspect_ratio(row["image"]) for row in images]
    return sorted(range(len(ratios)), key=lambda row: -ratios[row])


def _aspect_ratio(image: Mapping[str, Any]) -> float:
    """From the image's header; 0 where it has none."""
    try:
        with Image.open(io.BytesIO(image["bytes"]) if image["bytes"] else image["path"]) as opened:
            return opened.width / opened.height
    except (OSError, TypeError, ValueError, ZeroDivisionError, Image.DecompressionBombError):
        return 0.0
