# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The report on word boxes before training: what is in them, and what is wrong with them."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..utils.atomic_writes import finite_or_null
from .duplicates import find_duplicates, find_leaks
from .report_page import report_page
from .report_settings import ReportSettings, open_network
from .report_text import report_text
from .statistics import describe
from .word_set import measure_words


__all__ = ["report_word_boxes"]


def report_word_boxes(settings: ReportSettings, folder: Path, checkpoint: str | None = None) -> str:
    """Measures word boxes and writes `report.txt`, `report.json` and `report.html`.

    Args:
        settings: what to report on.
        folder: where the three files go; it is made.
        checkpoint: where `settings.model` lies, if that is elsewhere: see [`open_network`].

    Returns:
        The report as text.
    """
    network = open_network(settings, checkpoint)
    train = measure_words(
        settings.sources, settings.format, settings.split, settings.sample, settings.num_proc, title="training words"
    )
    test = None
    if settings.against:
        test = measure_words(
            settings.against, settings.format, settings.test_split, num_proc=settings.num_proc, title="test words"
        )
    report: dict[str, Any] = {"settings": asdict(settings), "network": network.to_dict()}
    report["train"] = describe(train, network)
    report["duplicates"] = find_duplicates(train)
    if test is not None:
        report["test"] = describe(test, network)
        report["leaks"] = find_leaks(train, test)
    folder.mkdir(parents=True, exist_ok=True)
    text = report_text(report)
    (folder / "report.txt").write_text(text + "\n", encoding="utf-8")
    text_of_report = json.dumps(finite_or_null(report), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "report.json").write_text(text_of_report + "\n", encoding="utf-8")
    (folder / "report.html").write_text(report_page(report, train, test), encoding="utf-8")
    return f"{text}\n\nWritten: {folder}/report.html, report.json, report.txt"
