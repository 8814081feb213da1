# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Model cards are what the Hub takes, and say what the README says."""

from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from hf_str.publishing.cards import check_model_card, read_results


ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("path", sorted((ROOT / "model_cards").glob("*.md")), ids=lambda path: path.stem)
def test_a_card_is_valid_and_agrees_with_the_readme(path):
    card = ModelCard.load(path)
    assert card.data.license == "apache-2.0"
    assert card.data.pipeline_tag == "image-to-text"
    measured = read_results(path.with_suffix(".json"))
    check_model_card(card, measured)  # the figures in the metadata
    assert {result.dataset_name for result in card.data.eval_results} == {"iiit5k", "cute80"}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for result in card.data.eval_results:
        assert f"{result.metric_value:.2f}" in card.text
        assert f"{result.metric_value:.2f}" in readme
    accuracies = {
        f"{100 * result.metric_value:.2f}" for result in measured if result.metric_name.startswith("word accuracy, 94")
    }
    assert all(f"| {value} |" in card.text and f"| {value} |" in readme for value in accuracies)
