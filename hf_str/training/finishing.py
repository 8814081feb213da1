# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The end of a run: the output folder gets the finished model and what was measured of it."""

import os
import shutil
from collections.abc import Callable, Mapping, Sized
from pathlib import Path
from typing import Any

from ..evaluation.metrics import METRICS
from ..evaluation.protocols import PROTOCOLS
from ..utils.atomic_writes import write_json
from .checkpointing import BestCheckpoint


__all__ = ["finish"]


def finish(
    output_dir: str | os.PathLike,
    best: BestCheckpoint,
    validation: Mapping[str, Sized],
    save_last: Callable[[Path], Any],
) -> str:
    """Puts the finished model into the output folder: the best one where there was an evaluation, else the last one.

    The best one's figures go into results.json, as `scripts/evaluate_str.py` would write them.

    Args:
        output_dir: of the run.
        best: the best model by evaluation, if there was one.
        validation: the sets on which it was evaluated, by name; may be empty.
        save_last: saves the last model to a folder.

    Returns:
        A sentence that says which model it is.
    """
    output_dir = Path(output_dir)
    evaluation = best.evaluation if validation else None
    if evaluation is None:
        save_last(output_dir)
        (output_dir / "results.json").unlink(missing_ok=True)  # of an earlier model
        return f"{output_dir} holds the model of the last step"
    shutil.copytree(best.folder, output_dir, dirs_exist_ok=True)
    write_json(output_dir / "results.json", _results(evaluation, validation))
    value = evaluation["metrics"][best.metric]
    return f"{output_dir} holds the model of step {evaluation['step']}, {best.metric} {value:.4f}"


def _results(evaluation: Mapping[str, Any], validation: Mapping[str, Sized]) -> dict[str, Any]:
    """The figures in the form of `hf_str.evaluation.results`; `all` compares labels as they are, in NFC."""
    figures = []
    for name, words in validation.items():
        prefix = f"{name}_" if len(validation) > 1 else ""
        metrics = evaluation["metrics"].items()
        own = {key.removeprefix(prefix): {"value": value} for key, value in metrics if key.startswith(prefix)}
        protocols = {
            rule: {"word_accuracy": own[f"word_accuracy_{rule}"]}
            | ({"characters_seen": seen["value"]} if (seen := own.get(f"characters_seen_{rule}")) else {})
            for rule in PROTOCOLS
            if f"word_accuracy_{rule}" in own  # not where it sees no character of the labels
        }
        protocols["all"] = {metric: own[metric] for metric in METRICS if metric in own}
        if "unwritable" in own:
            protocols["all"]["unwritable"] = round(own["unwritable"]["value"] * len(words))
        figures.append({"name": name, "set": name, "source": name, "words": len(words), "protocols": protocols})
    return {"step": evaluation["step"], "figures": figures}
