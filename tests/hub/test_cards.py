# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The card made for a recognizer: its figures with what they do not look at, its words with what was left out."""

import json

import pytest

from hf_str import CRNNConfig, CRNNForCTC, CRNNImageProcessorPil, CRNNProcessor, CRNNTokenizer
from hf_str.publishing.cards import check_model_card, model_card, read_results


def figure(value: float, **more) -> dict:
    return {"word_accuracy": {"value": value}, **more}


@pytest.fixture(scope="module")
def recognizer() -> tuple[CRNNForCTC, CRNNProcessor]:
    tokenizer = CRNNTokenizer("Приветй")
    config = CRNNConfig(vocab_size=len(tokenizer), conv_channels=[4, 4, 8, 8, 16, 16, 16], hidden_size=16)
    return CRNNForCTC(config), CRNNProcessor(CRNNImageProcessorPil(), tokenizer)


def card_of(recognizer, rows: list[dict], settings: dict):
    results = read_results(json.dumps({"figures": rows}).encode())
    card = model_card("me/signs", "apache-2.0", *recognizer, results, settings)
    check_model_card(card, results)
    return card


def test_figures_say_what_they_are_of(recognizer):
    seen = {"words": 7, "left_out": 3, "characters_seen": 0.25, "unwritable": 2}
    protocols = {"36": figure(1.0, **seen), "unicode": figure(0.5, characters_seen=1.0), "all": figure(0.25)}
    card = card_of(
        recognizer, [{"name": "signs", "set": "signs", "source": "signs", "words": 10, "protocols": protocols}], {}
    )
    assert "| signs | 10 | 100.00 | 50.00 | 25.00 |" in card.text
    assert (
        "signs, 36 characters: sees 25.0 % of the labels' characters; leaves out 3 words, of whose labels it sees "
        "none; 2 labels have characters that the model cannot write."
    ) in card.text
    names = [result.metric_name for result in card.data.eval_results]
    assert names == [
        f"word accuracy, {of}" for of in ("36 characters", "letters and digits of every script", "all characters")
    ]
    assert card.data.eval_results[0].dataset_args["characters_seen"] == 0.25
    assert "Not recorded." in card.text


def test_the_words_that_it_was_trained_on(recognizer):
    rows = [{"name": "signs", "set": "signs", "source": "x", "words": 10, "protocols": {"36": figure(1.0)}}]
    own = {"name": "photos", "on_hub": False, "rendered": False, "share": 0.2, "words": 1234, "left_out": {}}
    hub = own | {"name": "me/words:v2", "on_hub": True, "words": None, "left_out": {"too long": 5}}
    synth = own | {"name": "synth", "rendered": True, "share": 0.6, "words": None, "lexicon": ["words.txt"]}
    card = card_of(recognizer, rows, {"training_data": [own, hub, synth], "seed": 1})
    for line in (
        "The words:",
        "- `photos`: 1,234 words, 20.0 % of the words seen; left out: none",
        "- [me/words:v2](https://huggingface.co/datasets/me/words): a stream, 20.0 % of the words seen; "
        "left out: 5 too long; what cannot be trained on, uncounted",
        "- rendered words (`synth`), 60.0 % of the words seen, words of `words.txt`",
        "- seed: `1`",
    ):
        assert f"\n{line}\n" in card.text
    assert card.data.datasets == ["me/words"]
    alone = card_of(recognizer, rows, {"training_data": [own]})
    assert "The words, none of them rendered on the fly:" in alone.text
    assert alone.data.datasets is None
