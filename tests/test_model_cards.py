"""Model cards are what the Hub takes, and say what the README says."""

from pathlib import Path

import pytest
from huggingface_hub import ModelCard


ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("path", sorted((ROOT / "model_cards").glob("*.md")), ids=lambda path: path.stem)
def test_a_card_is_valid_and_agrees_with_the_readme(path):
    card = ModelCard.load(path)
    assert card.data.license == "apache-2.0"
    assert card.data.pipeline_tag == "image-to-text"
    assert len(card.data.eval_results) == 2
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for result in card.data.eval_results:
        assert f"{result.metric_value:.2f}" in card.text
        assert f"{result.metric_value:.2f}" in readme
