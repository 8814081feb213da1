# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The course of a training run as one HTML page, made from its log."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..utils.html_page import chart, page, polyline, table


__all__ = ["write_curves"]


def write_curves(log: str | os.PathLike, path: str | os.PathLike, over: str = "words"):
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
