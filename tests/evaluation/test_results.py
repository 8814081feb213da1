# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Predictions to figures, and how they are written."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import yaml
from huggingface_hub import ModelCardData
from huggingface_hub.repocard_data import model_index_to_eval_results

from hf_str.evaluation import PROTOCOLS, confidence_intervals, expected_calibration_error, metric_terms
from hf_str.evaluation.predictions import Prediction
from hf_str.evaluation.protocols import LOOKED_AT
from hf_str.evaluation.results import evaluate_parts, make_parts, model_index, results_table
from hf_str.models.crnn.charsets_crnn import CHARSETS


pytest.importorskip("rapidfuzz")


def predictions(pairs: list[tuple[str, str]], **more) -> list[Prediction]:
    return [
        Prediction(row, f"{row}.png", label, text, 0.9, 80, 20, 0.01, **more)
        for row, (text, label) in enumerate(pairs)
    ]


GOOD = predictions([("Open", "open"), ("24", "24"), ("it's", "its"), ("Bar", "Bat")] * 5)
BAD = predictions([("a", "b"), ("xx", "xx"), ("", "no"), ("on", "no")])


@pytest.fixture(scope="module")
def results() -> dict:
    parts = make_parts("good", "data/good", GOOD) + make_parts("bad", "data/bad", BAD)
    return evaluate_parts(parts, {"36": PROTOCOLS["36"], "94": PROTOCOLS["94"]}) | {
        "model": {"name": "my-model", "family": "CRNN", "parameters": 5},
        "protocols": {
            "36": {"characters": "abc", "ignore_case": True},
            "94": {"characters": "ABC", "ignore_case": False},
        },
    }


def test_figures_of_each_set(results):
    good, bad, *_ = results["figures"]
    assert (good["name"], good["source"], good["words"], good["broken"]) == ("good", "data/good", 20, 0)
    assert good["images_per_second"] == 100
    assert good["protocols"]["36"]["word_accuracy"]["value"] == 0.75
    assert good["protocols"]["94"]["word_accuracy"]["value"] == 0.25
    assert bad["protocols"]["36"]["cer"]["value"] == pytest.approx((1 + 0 + 2 + 2) / 7)
    interval = good["protocols"]["36"]["word_accuracy"]
    assert 0.5 < interval["low"] < 0.75 < interval["high"] < 1
    calibration = good["protocols"]["36"]["expected_calibration_error"]
    assert calibration == pytest.approx(expected_calibration_error([0.9] * 4, [True, True, True, False]))


def test_mean_and_pool(results):
    _, _, mean, pooled = results["figures"]
    assert (mean["name"], pooled["name"]) == ("mean of sets", "all words")
    assert mean["words"] == pooled["words"] == 24
    assert mean["protocols"]["36"]["word_accuracy"]["value"] == pytest.approx((0.75 + 0.25) / 2)
    assert pooled["protocols"]["36"]["word_accuracy"]["value"] == pytest.approx((15 + 1) / 24)
    both = metric_terms([p.text for p in GOOD + BAD], [p.label for p in GOOD + BAD], PROTOCOLS["36"])
    assert pooled["protocols"]["36"]["cer"]["value"] == pytest.approx(confidence_intervals(both, 10)["cer"].value)
    for row in (mean, pooled):
        interval = row["protocols"]["36"]["word_accuracy"]
        assert interval["low"] < interval["value"] < interval["high"]


def test_an_interval_does_not_depend_on_the_other_sets(results):
    alone = evaluate_parts(make_parts("bad", "data/bad", BAD), {"36": PROTOCOLS["36"]})
    assert alone["figures"][0]["protocols"]["36"] == results["figures"][1]["protocols"]["36"]
    assert len(alone["figures"]) == 1  # nothing to take a mean of
    other = evaluate_parts(make_parts("good", "data/good", GOOD), {"36": PROTOCOLS["36"]}, seed=1)["figures"][0]
    assert other["protocols"]["36"]["word_accuracy"] != results["figures"][0]["protocols"]["36"]["word_accuracy"]


def test_subsets():
    words = predictions([("it's", "it's"), ("no", "no"), ("exit", "Exit"), ("bat", "bar")])
    parts = make_parts("ic13", "x", words, ["IC13-857", "IC13-1015"]) + make_parts("bad", "y", BAD)
    rows = {row["name"]: row for row in evaluate_parts(parts, {"36": PROTOCOLS["36"]})["figures"]}
    assert {name: row["words"] for name, row in rows.items()} == {
        "ic13": 4,
        "ic13 (IC13-857)": 2,
        "ic13 (IC13-1015)": 3,
        "bad": 4,
        "mean of sets": 6,
        "all words": 6,
    }
    assert rows["ic13 (IC13-857)"]["words_in_papers"] == 857
    mean = rows["mean of sets"]["protocols"]["36"]["word_accuracy"]["value"]
    assert mean == pytest.approx((0.5 + 0.25) / 2)  # the first rule's words
    with pytest.raises(ValueError, match="the rule IC03-867 leaves no word of short"):
        make_parts("short", "x", predictions([("a", "a")]), ["IC03-867"])


def test_a_broken_image_is_an_error_whatever_its_label():
    words = [*predictions([("!", "!")]), *predictions([("", "!")], problem="it is gone")]
    result = evaluate_parts(make_parts("set", "x", words), {"94": PROTOCOLS["94"]})
    assert result["figures"][0]["protocols"]["94"]["word_accuracy"]["value"] == 0.5
    assert result["figures"][0]["broken"] == 1
    assert result["broken"] == [{"set": "set", "name": "0.png", "problem": "it is gone"}]


def test_what_a_protocol_does_not_look_at_is_said():
    words = predictions([("", "Привет"), ("", "мир"), ("caf", "café"), ("24", "25")])
    protocols = {name: PROTOCOLS[name] for name in ("36", "exact")}
    results = evaluate_parts(make_parts("signs", "x", words), protocols, characters=CHARSETS["36"])
    results |= {"model": {"name": "m"}, "protocols": {name: asdict(rule) for name, rule in protocols.items()}}
    figures = results["figures"][0]["protocols"]
    kept = {"words": 2, "left_out": 2, "characters_seen": pytest.approx(5 / 15), "unwritable": 0}
    assert {name: figures["36"][name] for name in kept} == kept
    assert figures["exact"]["unwritable"] == 3
    assert figures["36"]["word_accuracy"]["value"] == 0.5  # not three of four: of two labels nothing is compared
    assert (figures["exact"]["words"], figures["exact"]["left_out"], figures["exact"]["characters_seen"]) == (4, 0, 1)
    assert sum(group["words"] for group in results["breakdowns"]["by_length"]) == 2
    outside = results["figures"][0]["outside_charset"]
    assert (outside["words"], outside["characters"]["é"], outside["characters"]["и"]) == (3, 1, 2)
    table = results_table(results)
    assert "| signs | 2 | 50.00 [" in table
    assert "| signs | 4 | 0.00 [" in table
    assert "signs, 36 characters: sees 33.3 % of the labels' characters; leaves out 2 words, of whose labels" in table
    card = ModelCardData(**yaml.safe_load(model_index(results)), ignore_metadata_errors=False)
    assert card.eval_results[0].metric_args["characters_seen"] == pytest.approx(1 / 3, abs=1e-5)
    assert card.eval_results[-1].metric_name == "1-NED, all characters"


def test_an_evaluation_of_nothing_is_refused():
    words = predictions([("", "Привет"), ("", "мир")])
    with pytest.raises(ValueError, match=r"cyrillic: the protocol 36 sees no character of the labels"):
        evaluate_parts(make_parts("cyrillic", "x", words), {"exact": PROTOCOLS["exact"], "36": PROTOCOLS["36"]})


def test_results_of_earlier_versions_have_a_table(results):
    old = json.loads(json.dumps(results))
    for row in old["figures"]:
        for figures in row["protocols"].values():
            for name in LOOKED_AT:
                figures.pop(name, None)
    assert "| good | 20 | 75.00 [" in results_table(old)
    assert model_index(old)


def test_breakdowns(results):
    breakdowns = results["breakdowns"]
    assert breakdowns["protocol"] == "36"
    assert sum(group["words"] for group in breakdowns["by_length"]) == 24
    assert breakdowns["by_aspect_ratio"] == [{"name": "4-5", "words": 24, "accuracy": pytest.approx(16 / 24)}]
    assert ["t", "r", 5] in breakdowns["confusions"]
    assert breakdowns["risk_coverage"] == [[1, pytest.approx(8 / 24)]]


def test_table(results):
    table = results_table(results)
    assert "**36 characters**" in table
    row = next(line for line in table.splitlines() if line.startswith("| good"))
    assert row.startswith("| good | 20 | 75.00 [")
    assert row.endswith("| 100 |")
    assert len({line.count("|") for line in table.splitlines() if line.startswith("|")}) == 1


def test_model_index_is_what_the_hub_reads(results):
    card = ModelCardData(**yaml.safe_load(model_index(results)), ignore_metadata_errors=False)
    assert card.model_name == "my-model"
    assert len(card.eval_results) == 2 * 2 * 4  # sets, protocols, metrics
    first = card.eval_results[0]
    assert (first.task_type, first.dataset_name, first.metric_type) == ("image-to-text", "good", "accuracy")
    assert first.metric_value == 0.75
    name, found = model_index_to_eval_results(yaml.safe_load(model_index(results))["model-index"])
    assert (name, found) == (card.model_name, card.eval_results)


def test_many_words_take_little_time_and_memory():
    """A hundred thousand words, a thousand resamples: indices of all at once would be 800 MB."""
    terms = metric_terms(["a"] * 100_000, ["a", "b"] * 50_000)
    interval = confidence_intervals(terms, 20)["word_accuracy"]
    assert interval.value == 0.5
    assert np.isclose(interval.high - interval.low, 2 * 1.96 * 0.5 / np.sqrt(100_000), rtol=0.5)
