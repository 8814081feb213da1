# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Model cards: made from measurements, and checked against them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import DatasetCard, EvalResult, ModelCard, ModelCardData, RepoCard, SpaceCard

from ..evaluation.metrics import METRICS
from ..evaluation.protocols import looked_at, protocol_title, remark
from ..models.crnn.modeling_crnn import CRNNForCTC
from ..models.crnn.processing_crnn import CRNNProcessor
from .contents import Files, PublishError, content_of


__all__ = ["check_model_card", "check_space_card", "model_card", "read_card", "read_results"]

_CARD_CLASSES = {"model": ModelCard, "dataset": DatasetCard, "space": SpaceCard}
#: Settings of a run that the card shows; paths by their last part.
_SHOWN_SETTINGS = (
    *("model_name_or_path", "dataset", "charset", "lexicon", "augmentation", "max_steps", "num_train_epochs"),
    *("per_device_train_batch_size", "gradient_accumulation_steps", "learning_rate", "lr_scheduler_type"),
    *("weight_decay", "ema_decay", "seed"),
)
#: Settings of `scripts/evaluate_str.py` that help to recognize words; figures are shown with them.
_HELPS = ("decoder", "beam_width", "lexicon", "distractors", "language_model")
_TEMPLATE = """\
# {name}

Recognizes cropped word images: a CRNN with CTC (Shi, Bai, Yao 2015) with {parameters:,} parameters and {characters:,}
characters. Images are {color}, {height} pixels high and {width}. Made with hf_str.

## Read words

```python
import hf_str  # makes transformers know the model
from transformers import pipeline

recognizer = pipeline("scene-text-recognition", model="{repo_id}")
recognizer("word.png")
```

Without hf_str, the code in this repository does the same: leave out the first line and add `trust_remote_code=True`.

## How well it reads

{results}

In percent, {decoding}. `results.json` has all measurements and their settings.

## How it was trained

{training}

The characters it can read:

```
{charset}
```
"""


def read_results(content: Path | bytes, parameters: int | None = None) -> list[EvalResult]:
    """The measurements in a results.json, as `scripts/evaluate_str.py` and the run scripts write it.

    Args:
        content: the file, or its bytes.
        parameters: number of parameters of the published model.

    Returns:
        A result for each test set, protocol and metric, in the unit of the file: [0, 1] for all metrics with an upper
        bound. `dataset_args` has the number of words and what the figure ignores; `metric_args` has what helped to
        recognize them, such as a lexicon.

    Raises:
        PublishError: the file has another structure or no measurement, or measures a model with another number of
            parameters.
    """
    try:
        measured = json.loads(content_of(content))
        sets = [row for row in measured["figures"] if "source" in row]  # the others are means over these
        settings = measured.get("settings", {})
        helped = {name: _without_folder(settings[name]) for name in _HELPS if settings.get(name)}
        results = [result for row in sets for result in _eval_results(row, helped)]
        measured_parameters = measured.get("model", {}).get("parameters")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PublishError(f"results.json is not as scripts/evaluate_str.py writes it: {error!r}") from error
    if not results:
        raise PublishError("results.json holds no measurement: run scripts/evaluate_str.py")
    if None not in (parameters, measured_parameters) and parameters != measured_parameters:
        raise PublishError(
            f"results.json is of a model with {measured_parameters:,} parameters, but this one has {parameters:,}"
        )
    return results


def _eval_results(row: Mapping[str, Any], helped: Mapping[str, Any]) -> list[EvalResult]:
    return [
        EvalResult(
            task_type="image-to-text",
            task_name="Scene text recognition",
            dataset_type=row["set"].lower(),
            dataset_name=row["name"],
            dataset_args={**looked_at(figures), "words": row["words"]},
            metric_type={"word_accuracy": "accuracy"}.get(metric, metric),
            metric_name=f"{title}, {protocol_title(protocol)}",
            metric_value=round(figures[metric]["value"], 5),
            metric_args=dict(helped) or None,
        )
        for protocol, figures in row["protocols"].items()
        for metric, title in METRICS.items()
        if metric in figures
    ]


def model_card(
    repo_id: str,
    license: str,
    model: CRNNForCTC,
    processor: CRNNProcessor,
    results: Sequence[EvalResult],
    settings: Mapping[str, Any],
) -> ModelCard:
    """A card that says how to use a recognizer, how well it reads, and how it was trained.

    Args:
        repo_id: name of the repository.
        license: license of the weights, as the Hub writes it.
        model: the published model.
        processor: its processor.
        results: the measurements.
        settings: settings of the run that trained the model; may be empty.
    """
    name, config, size = repo_id.rpartition("/")[2], model.config, processor.image_processor.size
    data = ModelCardData(
        license=license,
        library_name="transformers",
        pipeline_tag="image-to-text",
        tags=["ocr", "scene-text-recognition", "crnn", "ctc", "hf_str"],
        metrics=["accuracy", "cer"],
        datasets=_hub_datasets(settings) or None,
        model_name=name,
        eval_results=[result for result in results if result.metric_type in ("accuracy", "cer")],
    )
    helped = ", ".join(f"{option} `{value}`" for option, value in (results[0].metric_args or {}).items())
    keeps_shape = processor.image_processor.keep_aspect_ratio
    charset = processor.tokenizer.characters
    text = _TEMPLATE.format(
        name=name,
        repo_id=repo_id,
        parameters=model.num_parameters(),
        characters=len(charset),
        color="gray" if config.num_channels == 1 else "in color",
        height=config.image_height,
        width=f"up to {size['width']} wide" if keeps_shape else f"stretched to {size['width']}",
        results=_results_table(results),
        decoding=f"with {helped}" if helped else "without a lexicon",
        training="\n\n".join(filter(None, (_training_data(settings), _training_settings(settings))))
        or "Not recorded.",
        charset="".join(charset) if all(len(symbol) == 1 for symbol in charset) else " ".join(charset),
    )
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n{text}")


def check_model_card(card: RepoCard, results: Sequence[EvalResult]):
    """Compares the figures in a card's `model-index` with the measurements.

    Raises:
        PublishError: the card has no license or no figures, or others than `results`.
    """
    if not card.data.get("license"):
        raise PublishError('README.md has no "license:" in its metadata: say under which the model is published')
    claims = card.data.get("eval_results")
    if not claims:
        raise PublishError(
            "README.md has no figures (model-index) in its metadata: take it out of the folder to have it made from "
            "results.json, or add them"
        )
    measured = {_what(result): result.metric_value for result in results}
    for claim in claims:
        said = f"README.md says {claim.metric_value} for {_what(claim)}"
        if _what(claim) not in measured:
            raise PublishError(f"{said}, but results.json has only: {'; '.join(measured)}")
        if not _is_same(claim.metric_value, measured[_what(claim)]):
            raise PublishError(f"{said}, but results.json measured {measured[_what(claim)]}: correct the card")


def check_space_card(card: RepoCard, files: Files):
    """Checks that a folder is a Space.

    Raises:
        PublishError: its README.md names no `sdk`, or a file that is not there.
    """
    sdk = card.data.get("sdk")
    if not sdk:
        raise PublishError('README.md of a Space needs "sdk:" in its metadata, such as "sdk: gradio"')
    app = card.data.get("app_file") or {"docker": "Dockerfile", "static": "index.html"}.get(sdk, "app.py")
    if app not in files:
        raise PublishError(f"the Space starts {app}, which the folder does not have")


def read_card(files: Files, repo_type: str) -> RepoCard:
    """The card in README.md, by the class that huggingface_hub has for it.

    Raises:
        PublishError: there is no card, or its metadata is not what the Hub takes.
    """
    if "README.md" not in files:
        raise PublishError(f"there is no README.md, the card of a {repo_type}: write one, with metadata at its top")
    text = content_of(files["README.md"]).decode("utf-8")
    card_class = _CARD_CLASSES[repo_type]
    try:
        card = card_class(text)
    except (ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        raise PublishError(f"the metadata at the top of README.md is wrong: {error}") from error
    if not card.data.to_dict():
        raise PublishError("README.md has no metadata: it must begin with a block of YAML between two lines of ---")
    return card


def _what(result: EvalResult) -> str:
    return f"{result.dataset_name}, {result.metric_name}"


def _is_same(claimed: Any, measured: float) -> bool:
    """Whether a card's figure is the measured one, as a share with 5 decimals or in percent with 2."""
    if not isinstance(claimed, (int, float)):
        return False
    return abs(claimed - measured) < 1e-5 or abs(claimed - 100 * measured) <= 0.005 + 1e-9


def _results_table(results: Sequence[EvalResult]) -> str:
    """One row per data set and one column per metric, in percent."""
    columns = list(dict.fromkeys(result.metric_name or "" for result in results))
    rows: dict[str, list[EvalResult]] = {}
    for result in results:
        rows.setdefault(result.dataset_name, []).append(result)
    lines = [f"| data | words | {' | '.join(columns)} |", "|---" * (len(columns) + 2) + "|"]
    for name, row in rows.items():
        cells = {result.metric_name: f"{100 * result.metric_value:.2f}" for result in row}
        words = f"{(row[0].dataset_args or {})['words']:,}"
        lines.append(f"| {name} | {words} | {' | '.join(cells.get(column, '') for column in columns)} |")
    notes = dict.fromkeys(
        f"{result.dataset_name}, {(result.metric_name or '').partition(', ')[2]}: {said}."
        for result in results
        if (said := remark(result.dataset_args or {}))
    )
    return "\n".join([*lines, *(f"\n{note}" for note in notes)])


def _training_data(settings: Mapping[str, Any]) -> str:
    """The words that a run was trained on; empty if the run did not record them."""
    lines = []
    for row in settings.get("training_data") or ():
        share = f"{100 * row['share']:.1f} % of the words seen"
        if row["rendered"]:
            lists = f", words of {', '.join(f'`{name}`' for name in row['lexicon'])}" if row.get("lexicon") else ""
            lines.append(f"- rendered words (`{row['name']}`), {share}{lists}")
            continue
        name = f"[{row['name']}](https://huggingface.co/datasets/{row['name'].partition(':')[0]})"
        count = "a stream" if row["words"] is None else f"{row['words']:,} words"
        left_out = "; ".join(f"{number:,} {reason}" for reason, number in row["left_out"].items())
        if row["words"] is None:  # a stream: nobody looked through it before
            left_out = f"{left_out}; what cannot be trained on, uncounted".removeprefix("; ")
        lines.append(
            f"- {name if row['on_hub'] else '`' + row['name'] + '`'}: {count}, {share}; left out: {left_out or 'none'}"
        )
    if not lines:
        return ""
    mixed = any(row["rendered"] for row in settings["training_data"])
    title = "The words" if mixed else "The words, none of them rendered on the fly"
    return "\n".join([f"{title}:", "", *lines, "", "The settings:"])


def _hub_datasets(settings: Mapping[str, Any]) -> list[str]:
    return [row["name"].partition(":")[0] for row in settings.get("training_data") or () if row["on_hub"]]


def _training_settings(settings: Mapping[str, Any]) -> str:
    if "schedule" in settings:  # by earlier versions, whose lr_scheduler_type had no effect
        settings = {**settings, "lr_scheduler_type": settings["schedule"]}
    lines = []
    for name in _SHOWN_SETTINGS:
        value = settings.get(name)
        if value not in (None, [], ""):
            values = value if isinstance(value, list) else [value]
            lines.append(f"- {name}: {', '.join(f'`{_without_folder(value)}`' for value in values)}")
    return "\n".join(lines)


def _without_folder(value: Any) -> Any:
    """The last part of a path; names of Hub repositories ("org/name") stay whole."""
    if not isinstance(value, str) or (value.count("/") == 1 and value[0] not in "./~"):
        return value
    return Path(value.rstrip("/")).name
