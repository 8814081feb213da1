# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""From predictions to figures: what `results.json`, `results.md` and `model-index.yaml` hold."""

import platform
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from huggingface_hub import EvalResult, ModelCardData

from .bootstrap import estimate, estimates, ratio, resampled_sums, total_sums
from .breakdowns import accuracy_by_aspect_ratio, accuracy_by_length, character_confusions
from .calibration import area_under_risk_coverage, expected_calibration_error, reliability_bins, risk_coverage
from .metrics import METRICS, Terms, metric_terms
from .predictions import Prediction
from .protocols import SUBSETS, Protocol, find_missing, looked_at, protocol_title, remark


__all__ = [
    "Part",
    "evaluate_parts",
    "make_parts",
    "model_index",
    "percentage",
    "remarks",
    "results_table",
    "software_versions",
]

RESAMPLES, LEVEL = 1000, 0.95
MEAN, POOLED = "mean of sets", "all words"


@dataclass(frozen=True)
class Part:
    """A test set, or the words of it that a rule keeps.

    Attributes:
        name: how tables call it.
        set_name: of the test set.
        source: where the test set lies.
        predictions: by row.
        counts: whether means and charts over all sets take it.
        rule: a key of `SUBSETS`, or `None`.
    """

    name: str
    set_name: str
    source: str
    predictions: list[Prediction]
    counts: bool = True
    rule: str | None = None


def make_parts(set_name: str, source: str, predictions: list[Prediction], rules: Sequence[str] = ()) -> list[Part]:
    """A test set as it is and by each rule. Of a set with rules, the first rule's words are those that count.

    Raises:
        ValueError: a rule leaves no word.
    """
    parts = [Part(set_name, set_name, source, predictions, counts=not rules)]
    for number, rule in enumerate(rules):
        kept = [prediction for prediction in predictions if SUBSETS[rule].keeps(prediction.label)]
        if not kept:
            raise ValueError(f"the rule {rule} leaves no word of {set_name}")
        parts.append(Part(f"{set_name} ({rule})", set_name, source, kept, number == 0, rule))
    return parts


def evaluate_parts(
    parts: Sequence[Part],
    protocols: Mapping[str, Protocol],
    seed: int = 0,
    characters: Sequence[str] | None = None,
) -> dict[str, Any]:
    """All figures of an evaluation, as plain data.

    Args:
        parts: test sets and subsets of them.
        protocols: by name; the first is the one of the breakdowns.
        seed: of the bootstrap.
        characters: the symbols that the model can write, where that is known.

    Returns:
        `figures`: a list of `{"name", "words", ..., "protocols"}`, of each part and, where several count, of their
        mean and of all their words together; `outside_charset` counts the labels with characters that the model
        cannot write, and each of these; `protocols` has of each metric `value`, `low` and `high`, the bounds of
        the 95 % percentile bootstrap interval, and ECE and AURC; `characters_seen`, the share of the labels'
        characters that it looks at; `left_out`, the words whose label has none of them, which do not count, `words`,
        those that do; and `unwritable`, how many of those the model cannot get right, as their labels have characters
        that it lacks. `breakdowns`: of all words that count together, under the first protocol. `broken`: images that
        could not be read.

    Raises:
        ValueError: a protocol sees no character of a part's labels.
    """
    figures, sums = [], {}
    for part in parts:
        by_protocol = {}
        own_seed = [seed, zlib.crc32(part.name.encode())]  # an interval does not depend on the other sets
        for name, protocol in protocols.items():
            compared = _compared([part], protocol)
            terms = _terms(compared, protocol)
            sums[part.name, name] = total_sums(terms), resampled_sums(terms, RESAMPLES, own_seed)
            by_protocol[name] = _estimates(*sums[part.name, name]) | _confidence(compared, protocol)
            by_protocol[name] |= _looked_at([part], protocol, characters)
        figures.append(_described(part) | _outside_charset(part, characters) | {"protocols": by_protocol})
    counted = [part for part in parts if part.counts]
    if len(counted) > 1:
        figures += _over_all(counted, protocols, sums, characters)
    first, protocol = next(iter(protocols.items()))
    return {
        "bootstrap": {"resamples": RESAMPLES, "level": LEVEL, "seed": seed},
        "figures": figures,
        "breakdowns": {"protocol": first} | breakdowns(_compared(counted, protocol), protocol),
        "broken": [
            {"set": part.name, "name": prediction.name, "problem": prediction.problem}
            for part in parts
            if part.rule is None
            for prediction in part.predictions
            if prediction.problem
        ],
    }


def breakdowns(predictions: Sequence[Prediction], protocol: Protocol) -> dict[str, Any]:
    """Accuracy by length and shape, confusions, reliability and risk-coverage of some words."""
    correct, scores = _correct(predictions, protocol), [prediction.score for prediction in predictions]
    labels = [protocol.normalize(prediction.label) for prediction in predictions]
    texts = [protocol.normalize(prediction.text) for prediction in predictions]
    ratios = [prediction.aspect_ratio for prediction in predictions]
    coverage, risk = risk_coverage(scores, correct)
    shown = np.unique(np.linspace(0, len(coverage) - 1, 200).round().astype(int))
    return {
        "by_length": [group._asdict() for group in accuracy_by_length(labels, correct)],
        "by_aspect_ratio": [group._asdict() for group in accuracy_by_aspect_ratio(ratios, correct)],
        "confusions": [[*pair, count] for pair, count in character_confusions(texts, labels).most_common()],
        "reliability": [asdict(found) for found in reliability_bins(scores, correct)],
        "risk_coverage": [[float(coverage[index]), float(risk[index])] for index in shown],
    }


def results_table(results: Mapping[str, Any]) -> str:
    """The figures as Markdown, a table for each protocol; percentages with their intervals."""
    names = list(results["figures"][0]["protocols"])
    heads = [*METRICS.values(), "ECE", "AURC"]
    lines = []
    for name in names:
        lines += ["", f"**{protocol_title(name)}**", "", f"| data | words | {' | '.join(heads)} | images/s |"]
        lines += ["|---|---" + "|---" * len(heads) + "|---|"]
        for row in results["figures"]:
            figures = row["protocols"][name]
            cells = [percentage(figures[metric]) for metric in METRICS]
            cells += [_percent(figures[key]) for key in ("expected_calibration_error", "area_under_risk_coverage")]
            speed = row.get("images_per_second")
            cells.append("" if speed is None else f"{speed:,.0f}")
            lines.append(f"| {row['name']} | {figures.get('words', row['words']):,} | {' | '.join(cells)} |")
        lines += [f"\n{note}" for row in results["figures"] for note in remarks(row, name)]
    level, resamples = results["bootstrap"]["level"], results["bootstrap"]["resamples"]
    lines += ["", f"Percent, with the {level:.0%} interval of {resamples:,} bootstrap resamples of the words."]
    return "\n".join(lines).strip() + "\n"


def remarks(row: Mapping[str, Any], protocol: str) -> list[str]:
    """What must be said beside a row of figures under a protocol, as a sentence; or nothing."""
    said = remark(row["protocols"][protocol])
    return [f"{row['name']}, {protocol_title(protocol)}: {said}."] if said else []


def percentage(figure: Mapping[str, float]) -> str:
    """A figure in percent with its interval.

    Example:
        >>> percentage({"value": 0.812, "low": 0.798, "high": 0.8257})
        '81.20 [79.80, 82.57]'
    """
    return f"{_percent(figure['value'])} [{_percent(figure['low'])}, {_percent(figure['high'])}]"


def model_index(results: Mapping[str, Any]) -> str:
    """The figures as metadata of a model card: YAML that goes between the `---` of its README.md."""
    found = [
        EvalResult(
            task_type="image-to-text",
            task_name="Scene text recognition",
            dataset_type=row["source"] if _is_hub_name(row["source"]) else row["set"],
            dataset_name=row["name"],
            dataset_split=None,
            metric_type={"word_accuracy": "accuracy", "cer": "cer"}.get(metric, metric),
            metric_name=f"{title}, {protocol_title(name)}",
            metric_value=round(row["protocols"][name][metric]["value"], 5),
            metric_args=protocol | looked_at(row["protocols"][name]),
        )
        for row in results["figures"]
        if "source" in row
        for name, protocol in results["protocols"].items()
        for metric, title in METRICS.items()
    ]
    return ModelCardData(model_name=results["model"]["name"], eval_results=found).to_yaml() + "\n"


def software_versions() -> dict[str, str | None]:
    """What computed the figures."""
    names = ("hf_str", "torch", "transformers", "numpy", "pillow", "rapidfuzz", "onnxruntime")
    return {"python": platform.python_version()} | {name: _version(name) for name in names}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _described(part: Part) -> dict[str, Any]:
    seconds = sum(prediction.seconds for prediction in part.predictions)
    description = {"name": part.name, "set": part.set_name, "source": part.source, "words": len(part.predictions)}
    description["broken"] = sum(bool(prediction.problem) for prediction in part.predictions)
    if part.rule is None:
        return description | {"images_per_second": round(len(part.predictions) / max(seconds, 1e-9), 1)}
    return description | {"rule": part.rule, "words_in_papers": SUBSETS[part.rule].words}


def _over_all(
    parts: Sequence[Part], protocols: Mapping[str, Protocol], sums: Mapping, characters: Sequence[str] | None
) -> list[dict[str, Any]]:
    """The mean of the sets' figures, each set counting alike, and the figures of all words together."""
    count = sum(len(part.predictions) for part in parts)
    mean, pooled = {}, {}
    for name, protocol in protocols.items():
        own = [sums[part.name, name] for part in parts]
        mean[name] = {
            metric: estimate(
                float(np.mean([ratio(*totals[metric]) for totals, _ in own])),
                np.mean([ratio(*resampled[metric]) for _, resampled in own], axis=0),
                LEVEL,
            )._asdict()
            for metric in METRICS
        }
        confidence = [_confidence(_compared([part], protocol), protocol) for part in parts]
        mean[name] |= {key: float(np.mean([figures[key] for figures in confidence])) for key in confidence[0]}
        pooled[name] = _estimates(_added([totals for totals, _ in own]), _added([drawn for _, drawn in own]))
        pooled[name] |= _confidence(_compared(parts, protocol), protocol)
        for figures in (mean, pooled):
            figures[name] |= _looked_at(parts, protocol, characters)
    return [{"name": MEAN, "words": count, "protocols": mean}, {"name": POOLED, "words": count, "protocols": pooled}]


def _compared(parts: Sequence[Part], protocol: Protocol) -> list[Prediction]:
    """The words whose label has a character of the protocol: the others have nothing that could be wrong."""
    words = [prediction for part in parts for prediction in part.predictions if protocol.normalize(prediction.label)]
    if not words:
        labels = [prediction.label for part in parts for prediction in part.predictions]
        raise ValueError(f"{', '.join(part.name for part in parts)}: {protocol.nothing_left(labels)}")
    return words


def _outside_charset(part: Part, characters: Sequence[str] | None) -> dict[str, Any]:
    """The labels with characters that the model cannot write, and in how many of them each character is."""
    if characters is None:
        return {}
    found = find_missing([prediction.label for prediction in part.predictions], characters)
    counts = Counter(character for missing in found for character in missing)
    return {"outside_charset": {"words": sum(map(bool, found)), "characters": dict(sorted(counts.items()))}}


def _looked_at(parts: Sequence[Part], protocol: Protocol, characters: Sequence[str] | None) -> dict[str, Any]:
    labels = [prediction.label for part in parts for prediction in part.predictions]
    compared = [label for label in labels if protocol.normalize(label)]
    counts: dict[str, Any] = {"words": len(compared), "left_out": len(labels) - len(compared)}
    counts["characters_seen"] = protocol.characters_seen(labels)
    return counts if characters is None else counts | {"unwritable": protocol.unwritable(compared, characters)}


def _terms(predictions: Sequence[Prediction], protocol: Protocol) -> dict[str, Terms]:
    terms = metric_terms([p.text for p in predictions], [p.label for p in predictions], protocol)
    # a broken image is an error, also where what is left of its label is nothing
    terms["word_accuracy"][0][[bool(p.problem) for p in predictions]] = 0
    return terms


def _added(sums: Sequence[Mapping[str, Terms]]) -> dict[str, Terms]:
    return {
        name: (np.sum([found[name][0] for found in sums], axis=0), np.sum([found[name][1] for found in sums], axis=0))
        for name in sums[0]
    }


def _estimates(totals: Mapping[str, Terms], resampled: Mapping[str, Terms]) -> dict[str, dict[str, float]]:
    return {name: figure._asdict() for name, figure in estimates(totals, resampled, LEVEL).items()}


def _correct(predictions: Sequence[Prediction], protocol: Protocol) -> np.ndarray:
    return _terms(predictions, protocol)["word_accuracy"][0].astype(bool)


def _confidence(predictions: Sequence[Prediction], protocol: Protocol) -> dict[str, float]:
    scores, correct = [prediction.score for prediction in predictions], _correct(predictions, protocol)
    return {
        "expected_calibration_error": expected_calibration_error(scores, correct),
        "area_under_risk_coverage": area_under_risk_coverage(scores, correct),
    }


def _is_hub_name(source: str) -> bool:
    return source.count("/") == 1 and not Path(source).exists()


def _percent(value: float) -> str:
    return f"{100 * value:.2f}"
