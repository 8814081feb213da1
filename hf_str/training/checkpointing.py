# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that are whole or not there: a run that is killed, or runs out of disk, keeps its last good one.

A checkpoint is a folder `checkpoint-STEP`. It counts only with `complete.json` in it, which is written last and holds
the size and the checksum of each other file. So half a checkpoint is told from a whole one, and so is one that was
damaged later.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transformers.utils import logging

from ..utils.atomic_writes import write_json
from .arguments import settings_by_new_names


__all__ = [
    "BestCheckpoint",
    "CheckpointError",
    "changed_settings",
    "completed",
    "find_checkpoint",
    "going_on_from",
    "is_error_rate",
    "keep_newest",
    "label_fingerprints",
    "last_complete_checkpoint",
    "mark_complete",
    "replace_folder",
    "set_aside_newer",
    "why_incomplete",
]

logger = logging.get_logger(__name__)

MANIFEST = "complete.json"


class CheckpointError(RuntimeError):
    """A checkpoint could not be written, or not be found. The message says why, and which one is whole."""


class BestCheckpoint:
    """The folder of the model that evaluated best so far; remembers across restarts how good that was.

    Args:
        folder: written whole or not at all.
        metric: by which models are compared.
        greater_is_better: whether more of it is better; by default not of error rates.
    """

    def __init__(
        self, folder: str | os.PathLike, metric: str = "word_accuracy", greater_is_better: bool | None = None
    ):
        self.folder, self.metric = Path(folder), metric
        self.greater_is_better = not is_error_rate(metric) if greater_is_better is None else greater_is_better

    @property
    def evaluation(self) -> dict[str, Any] | None:
        """Step and figures of the best model, or `None` where there is none yet, or none with this metric."""
        try:
            found = json.loads((self.folder / "evaluation.json").read_text(encoding="utf-8"))
            return found if self.metric in found["metrics"] and "step" in found else None
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def set_aside(self):
        """Renames the folder, if there is one: a run that begins anew does not compete with another one's model."""
        if self.folder.exists():
            aside = _set_aside(self.folder)
            logger.warning(f"{self.folder} is of a run without a checkpoint to go on from: it is now {aside.name}")

    def offer(self, step: int, metrics: Mapping[str, float], save: Callable[[Path], Any]) -> bool:
        """Calls `save` with an empty folder if `metrics` are better than all before; says whether they are.

        Raises:
            KeyError: `metrics` lack the one that decides.
            CheckpointError: it could not be written; the best one so far is left as it was.
        """
        if self.metric not in metrics:
            raise KeyError(f"there is no metric {self.metric!r} to choose the best model by: {', '.join(metrics)}")
        best = self.evaluation
        if best is not None and self._rank(metrics) <= self._rank(best["metrics"]):
            return False
        try:
            with replace_folder(self.folder) as new:
                save(new)
                write_json(new / "evaluation.json", {"step": step, "metrics": dict(metrics)})
        except Exception as error:
            reason = _reason(error, self.folder.parent)
            raise CheckpointError(f"cannot write the best model so far to {self.folder}: {reason}") from error
        return True

    def _rank(self, metrics: Mapping[str, float]) -> tuple[float, float]:
        # Models that read no word yet are told apart by how near they come.
        value = metrics[self.metric]
        return value if self.greater_is_better else -value, metrics.get("one_minus_ned", 0.0)


def is_error_rate(metric: str) -> bool:
    """Whether less of a metric is better; `metric` may be that of one of several validation sets, `NAME_cer`."""
    return metric.endswith(("cer", "label_error_rate"))


def last_complete_checkpoint(output_dir: str | os.PathLike) -> Path | None:
    """The newest whole checkpoint of a run, or `None`; each newer one that is not whole is named in a warning."""
    for folder in reversed(_checkpoints(output_dir)):
        reason = why_incomplete(folder)
        if reason is None:
            return folder
        logger.warning(f"Skipped the checkpoint {folder}: {reason}.")
    return None


def find_checkpoint(
    output_dir: str | os.PathLike, asked: str | os.PathLike | bool | None = None, state_file: str | None = None
) -> Path | None:
    """The checkpoint that a run is to go on from, or `None` for a new run.

    Args:
        output_dir: of the run.
        asked: a folder; `True` for the newest checkpoint in `output_dir`; `False` for a new run; `None` for the newest
            checkpoint if there is one. Command lines say `True` and `False` as text.
        state_file: a file that checkpoints of this kind of run have.

    Raises:
        CheckpointError: there is no such checkpoint, or it is not whole; or a new run was asked for in a folder that
            has checkpoints of another.
    """
    checkpoint = _find_checkpoint(output_dir, asked)
    if checkpoint is not None and state_file is not None and not (checkpoint / state_file).exists():
        raise CheckpointError(f"cannot resume from {checkpoint}: it is from the other run script; use that one")
    return checkpoint


def _find_checkpoint(output_dir: str | os.PathLike, asked: str | os.PathLike | bool | None) -> Path | None:
    asked = {"true": True, "false": False}.get(str(asked).lower(), asked)
    if asked is False:
        if checkpoints := _checkpoints(output_dir):
            raise CheckpointError(
                f"a new run was asked for, but {output_dir} has checkpoints up to {checkpoints[-1].name}: give it "
                "another --output_dir"
            )
        return None
    if asked is None or asked is True:
        newest = last_complete_checkpoint(output_dir)
        if newest is None and asked:
            raise CheckpointError(f"cannot resume: {output_dir} has no complete checkpoint")
        return newest
    if not Path(asked).is_dir():
        raise CheckpointError(f"cannot resume: there is no checkpoint {asked}")
    if reason := why_incomplete(asked):
        raise CheckpointError(f"cannot resume from the checkpoint {asked}: {reason}")
    return Path(asked)


@contextmanager
def going_on_from(checkpoint: str | os.PathLike | None) -> Iterator[None]:
    """Says what is wrong where a checkpoint does not fit the run that loads it inside a `with` block.

    Raises:
        CheckpointError: its weights are of another network, or its optimizer trained other parts of it.
    """
    try:
        yield
    except (RuntimeError, ValueError) as error:
        raise CheckpointError(
            f"cannot go on from {checkpoint}: it was written with another network, charset, optimizer or --freeze "
            f"than this run has ({error}). Give the options of the run that wrote it, or another --output_dir"
        ) from error


def set_aside_newer(output_dir: str | os.PathLike, step: int):
    """Renames the checkpoints of later steps than that at which a run goes on: its own will be others.

    Left where they are, they would outlive those that the run writes, and the next start would go on from them.
    """
    for folder in _checkpoints(output_dir):
        if _step(folder) > step and why_incomplete(folder) is None:
            aside = _set_aside(folder)
            logger.warning(f"{folder} is later than the step from which this run resumes: renamed to {aside.name}")


def why_incomplete(folder: str | os.PathLike) -> str | None:
    """Why a checkpoint cannot be used, or `None` where it is whole: all its files are read and summed."""
    manifest = Path(folder) / MANIFEST
    try:
        files = json.loads(manifest.read_text(encoding="utf-8"))["files"]
        expected = {name: (entry["bytes"], entry["crc32"]) for name, entry in files.items()}
    except FileNotFoundError:
        return "it was not written to its end"
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"its {MANIFEST} is damaged"
    for name, wanted in expected.items():
        path = Path(folder) / name
        if not path.is_file():
            return f"{name} is missing"
        if (path.stat().st_size, _checksum(path)) != wanted:
            return f"{name} is damaged"
    return None


def mark_complete(folder: str | os.PathLike):
    """Declares a checkpoint whole, once every process has written its part and the disk has it."""
    folder = Path(folder)
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    files = {}
    for path in paths:
        name = path.relative_to(folder).as_posix()
        files[name] = {"bytes": path.stat().st_size, "crc32": _checksum(path, flush=True)}
    write_json(folder / MANIFEST, {"files": files})


@contextmanager
def completed(folder: str | os.PathLike, is_main_process: bool = True, wait=lambda: None) -> Iterator[Path]:
    """Writes a checkpoint inside a `with` block: begins with an empty folder and ends with a whole one.

    Args:
        folder: `.../checkpoint-STEP`.
        is_main_process: whether this process makes the folder and declares it whole.
        wait: returns when all processes have called it.

    Raises:
        CheckpointError: something inside failed, such as a full disk. What was written is removed, which makes room;
            the message names the newest complete checkpoint.
    """
    folder = Path(folder)
    try:
        if is_main_process:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        wait()
        yield folder
        wait()
        if is_main_process:
            mark_complete(folder)
    except Exception as error:
        reason = _reason(error, folder.parent)  # before there is room again
        shutil.rmtree(folder, ignore_errors=True)
        previous = next((c for c in reversed(_checkpoints(folder.parent)) if why_incomplete(c) is None), None)
        rest = f"give the same command again to resume from {previous}" if previous else "there is no earlier one"
        raise CheckpointError(f"cannot write the checkpoint {folder}: {reason}; {rest}") from error


def keep_newest(output_dir: str | os.PathLike, count: int | None):
    """Removes all but the newest `count` checkpoints; `None` keeps all. Call it when the newest is whole."""
    for folder in _checkpoints(output_dir)[: -max(count, 1)] if count else []:
        shutil.rmtree(folder)


@contextmanager
def replace_folder(folder: str | os.PathLike) -> Iterator[Path]:
    """Gives an empty folder to fill inside a `with` block, which then takes the place of `folder`."""
    folder = Path(folder)
    new, old = folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")
    if old.exists() and not folder.exists():
        os.replace(old, folder)  # killed between the two renames below
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        yield new
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    if folder.exists():
        os.replace(folder, old)
    os.replace(new, folder)
    shutil.rmtree(old, ignore_errors=True)


def label_fingerprints(labels: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """What [`changed_settings`] keeps of the labels of each source, to notice a file that was edited meanwhile.

    Args:
        labels: of each source by its name, in order.
    """
    found = {}
    for name, texts in labels.items():
        digest = hashlib.sha256()
        for text in texts:
            digest.update(json.dumps(text).encode() + b"\n")
        found[f"labels of {name}"] = digest.hexdigest()[:16]
    return found


def changed_settings(path: str | os.PathLike, settings: Mapping[str, Any]) -> list[str]:
    """Keeps the settings of a run in a JSON file; on resumption, says which ones are others than before.

    Returns:
        `name: before -> now` for each; nothing at the first start.
    """
    settings = json.loads(json.dumps(settings, default=str))
    path = Path(path)
    before = {}
    if path.exists():
        try:
            before = settings_by_new_names(json.loads(path.read_text(encoding="utf-8")))
        except ValueError:
            logger.warning(f"{path} is damaged and was written anew.")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, settings)
    names = [name for name in settings if name in before and before[name] != settings[name]]
    return [f"{name}: {before[name]!r} -> {settings[name]!r}" for name in names]


def _set_aside(folder: Path) -> Path:
    """Renames a folder, in place of one that was set aside before; returns its new path."""
    aside = folder.with_name(f"{folder.name}.set_aside")
    shutil.rmtree(aside, ignore_errors=True)
    os.replace(folder, aside)
    return aside


def _checkpoints(output_dir: str | os.PathLike) -> list[Path]:
    """All folders `checkpoint-STEP`, by step."""
    folders = [path for path in Path(output_dir).glob("checkpoint-*") if re.fullmatch(r"checkpoint-\d+", path.name)]
    return sorted((path for path in folders if path.is_dir()), key=_step)


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.split("-")[1])


def _checksum(path: Path, flush: bool = False) -> int:
    checksum = 0
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            checksum = zlib.crc32(piece, checksum)
        if flush:
            os.fsync(file.fileno())
    return checksum


def _reason(error: BaseException, folder: Path) -> str:
    """What stands behind torch's and safetensors' own words for a failed write into `folder`."""
    text = f"{error} ({type(error).__name__})"
    if not folder.exists():
        return text
    free = shutil.disk_usage(folder).free / 1e6
    is_full = getattr(error, "errno", None) == errno.ENOSPC or "No space left" in text or free < 16
    return f"the disk is full ({free:.1f} MB free): {text}" if is_full else text
