# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Another charset: what both have is carried over."""

import pytest
import torch

from hf_str import CRNNConfig, CRNNForCTC, CRNNTokenizer
from hf_str.models.crnn.charsets_crnn import CHARSETS
from hf_str.training import resize_vocabulary
from tests.training.drawing import TINY


@pytest.fixture
def abc():
    torch.manual_seed(1)
    return CRNNForCTC(CRNNConfig(vocab_size=4, **TINY)), CRNNTokenizer(charset="abc")


def test_shared_rows_are_carried_over(abc, caplog):
    caplog.set_level("INFO", "hf_str")
    model, old = abc
    weight, bias = model.ctc_head.weight.clone(), model.ctc_head.bias.clone()
    new = CRNNTokenizer(charset="cdaé")
    change = resize_vocabulary(model, old, new)
    assert (change.kept, change.added, change.removed) == (("c", "a"), ("d", "é"), ("b",))
    head = model.ctc_head
    assert head.out_features == model.config.vocab_size == 5
    for new_row, old_row in ((0, 0), (1, 3), (3, 1)):  # blank, c, a
        assert torch.equal(head.weight[new_row], weight[old_row])
        assert torch.equal(head.bias[new_row], bias[old_row])
    assert (head.weight[[2, 4]].abs().sum(-1) > 0).all()
    assert not any(torch.equal(head.weight[2], row) for row in weight)
    message = caplog.records[-1].getMessage()
    assert "from 3 to 4 characters" in message
    assert "kept: c a" in message and "new, to be learned: d é" in message and "removed: b" in message


def test_the_same_readings_of_the_same_characters(abc):
    model, old = abc
    model.eval()
    images = torch.randn(4, 1, 32, 64)
    before = old.batch_decode(model(images).logits.argmax(-1))
    new = CRNNTokenizer(charset="cba")
    resize_vocabulary(model, old, new)
    assert new.batch_decode(model(images).logits.argmax(-1)) == before


def test_new_model_is_saved_and_loaded(abc, tmp_path):
    model, old = abc
    resize_vocabulary(model, old, CRNNTokenizer(charset="94"))
    model.save_pretrained(tmp_path)
    loaded = CRNNForCTC.from_pretrained(tmp_path)
    assert torch.equal(loaded.ctc_head.weight, model.ctc_head.weight)
    assert loaded.config.vocab_size == 95


def test_a_tokenizer_of_another_model(abc):
    model, _ = abc
    with pytest.raises(ValueError, match="95 classes, but the model's head has 4"):
        resize_vocabulary(model, CRNNTokenizer(charset="94"), CRNNTokenizer(charset="abc"))


def test_long_lists_are_cut(abc):
    model, old = abc
    text = str(resize_vocabulary(model, old, CRNNTokenizer(charset="hangul")))
    assert "3 characters kept: a b c" in text
    assert "... and 2241 more" in text
    assert "0 characters removed: none" in text


def test_the_guidance_decoder_changes_with_the_head():
    torch.manual_seed(1)
    model = CRNNForCTC(CRNNConfig(vocab_size=4, guidance_decoder=True, guidance_size=16, **TINY))
    head, embedding = model.guidance.head.weight.clone(), model.guidance.embedding.weight.clone()
    resize_vocabulary(model, CRNNTokenizer(charset="abc"), CRNNTokenizer(charset="cdaé"))
    for new_row, old_row in ((0, 0), (1, 3), (3, 1)):  # blank, c, a
        assert torch.equal(model.guidance.head.weight[new_row], head[old_row])
        assert torch.equal(model.guidance.embedding.weight[new_row], embedding[old_row])
    loss = model.train()(torch.zeros(1, 1, 32, 64), labels=torch.tensor([[4, 1]])).loss
    assert torch.isfinite(loss)


def test_a_character_that_is_spelled_in_two_ways_is_kept(model):
    """A Hebrew letter with its point, as one code point or as two: earlier conversions wrote the second."""
    old, new = CRNNTokenizer([*CHARSETS["94"][:93], "\u05d9\u05b4"]), CRNNTokenizer(["\ufb1d", "0"])
    before = model.ctc_head.weight.clone()
    change = resize_vocabulary(model, old, new)
    assert (change.kept, change.added) == (("\ufb1d", "0"), ())
    assert "\u05d9\u05b4" not in change.removed
    assert torch.equal(model.ctc_head.weight, before[[0, 94, 1]])
