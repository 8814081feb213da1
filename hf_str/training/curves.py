# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The log of a training run as JSON lines, and its curves as one HTML page."""

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..utils.atomic_writes import atomic_write, finite_or_null
from ..utils.html_page import chart, page, polyline, table


__all__ = ["RunLog", "write_curves"]


class RunLog:
    """`log.jsonl` and `curves.html` of a run: what was logged at each step, over all of its pieces.

    Besides what it is given, an entry has `minutes`: how long the run trained so far, without evaluations and breaks.
    On a CPU these are minutes of CPU time of a thread, so that other work on the machine does not count.

    Args:
        folder: of the run.
        first_step: steps done before this piece; entries of later steps, of a piece that was killed, are removed.
        num_threads: threads that train on a CPU, or 0 for the time on the clock.
        is_main_process: other processes write nothing.
    """

    def __init__(
        self, folder: str | os.PathLike, first_step: int = 0, num_threads: int = 0, is_main_process: bool = True
    ):
        self.path, self.num_threads, self.is_main_process = Path(folder) / "log.jsonl", num_threads, is_main_process
        lines = self.path.read_bytes().splitlines(keepends=True) if self.path.exists() else []
        self.entries = [entry for entry in _entries(lines) if entry["step"] <= first_step]
        if is_main_process:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if [_line(entry) for entry in self.entries] != lines:
                with atomic_write(self.path) as file:
                    file.writelines(map(_line, self.entries))
        self._seconds = 60 * max((entry["minutes"] for entry in self.entries), default=0.0)
        self._since = self._clock()

    @property
    def evaluated_steps(self) -> list[int]:
        """The steps at which the model was evaluated, each once: a piece may begin with an evaluation."""
        return list(dict.fromkeys(int(entry["step"]) for entry in self.entries if "word_accuracy" in entry))

    def add(self, step: int, values: Mapping[str, float]):
        """Adds an entry; where it is of an evaluation, draws the curves anew."""
        minutes = round((self._seconds + self._clock() - self._since) / 60, 4)
        entry = {"step": step, "minutes": minutes} | {name: _rounded(value) for name, value in values.items()}
        self.entries.append(entry)
        if self.is_main_process:
            with open(self.path, "ab") as file:
                file.write(_line(entry))
            if "word_accuracy" in entry:
                self.draw()

    def draw(self):
        """Draws `curves.html`."""
        if self.is_main_process and self.entries:
            write_curves(self.path, self.path.with_name("curves.html"))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Context whose time does not count as training, such as an evaluation."""
        self._seconds += self._clock() - self._since
        try:
            yield
        finally:
            self._since = self._clock()

    def _clock(self) -> float:
        return time.process_time() / self.num_threads if self.num_threads else time.monotonic()


def _entries(lines: Iterable[bytes]) -> list[dict[str, float]]:
    """What was logged; a line that was cut when the run was killed, or is no entry, is left out."""
    found = []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and _is_whole(entry):
            found.append(entry)
    return found


def _is_whole(entry: Mapping[str, object]) -> bool:
    has_place = all(isinstance(entry.get(name), (int, float)) for name in ("step", "minutes"))
    return has_place and all(value is None or isinstance(value, (int, float)) for value in entry.values())


def _line(entry: Mapping[str, float]) -> bytes:
    return (json.dumps(finite_or_null(entry), allow_nan=False) + "\n").encode()


def _rounded(value: float) -> float:
    return value if isinstance(value, int) else float(f"{value:.6g}")


def write_curves(log: str | os.PathLike, path: str | os.PathLike, over: str = "step"):
    """Draws each number of a log as a line.

    Args:
        log: JSON lines, one object of numbers each.
        path: the page to write.
        over: the name of the number that is the x axis.
    """
    records = [json.loads(line) for line in Path(log).read_text(encoding="utf-8").splitlines()]
    known = [{name: value for name, value in record.items() if value is not None} for record in records]
    names = dict.fromkeys(name for record in known for name in record if name != over)
    charts = [_curve(records, name, over) for name in names]
    last = ((name, f"{value:,.4g}") for name, value in known[-1].items()) if records else ()
    body = [f"<h1>{Path(log).parent.name}</h1>", f"<div class='grid'>{''.join(charts)}</div>", "<h2>Now</h2>"]
    Path(path).write_text(page("Training", [*body, table(("", ""), last)]), encoding="utf-8")


def _curve(records: Sequence[Mapping[str, float]], name: str, over: str) -> str:
    points = [(record[over], record[name]) for record in records if record.get(name) is not None]
    furthest = max(records[-1][over], 1)
    low, high = min(y for _, y in points), max(y for _, y in points)
    span = (high - low) or 1.0
    line = polyline((x / furthest, (y - low) / span) for x, y in points)
    x_ticks = [(0, "0"), (1, f"{furthest:,} {over}")]
    return chart(name, [line], x_ticks, [(0, f"{low:.4g}"), (1, f"{high:.4g}")], f"now {points[-1][1]:.4g}")
