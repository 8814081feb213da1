# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Which real words are trained on, which are kept apart, which are left out."""

import pytest

from hf_str import CRNNTokenizer
from hf_str.data import WordBox
from hf_str.training import StoredSamples
from hf_str.training.real_samples import SampleTable, extra_crops, split_real_samples
from tests.conftest import draw_word


def word_folder(folder, texts):
    (folder / "images").mkdir(parents=True)
    for number, text in enumerate(texts):
        draw_word(text, 12).save(folder / "images" / f"{number}.png")
    lines = [f"images/{number}.png\t{text}\n" for number, text in enumerate(texts)]
    (folder / "labels.tsv").write_text("".join(lines), encoding="utf-8")
    return folder


def names(table):
    return [box.path.name for box in table.boxes]


def test_every_tenth_word_is_kept_apart_wherever_the_folder_lies(tmp_path):
    texts = [f"word{number}" for number in range(60)]
    tokenizer = CRNNTokenizer(charset="94")
    here = split_real_samples([word_folder(tmp_path / "here" / "set", texts)], tokenizer)
    there = split_real_samples([word_folder(tmp_path / "there" / "set", texts)], tokenizer)
    # These very words, by the checksum of "('set', 'images', '6.png')": so the released models were validated.
    assert names(here.validation) == ["6.png", "12.png", "20.png", "30.png", "43.png", "44.png", "45.png"]
    assert names(here.validation) == names(there.validation)
    assert len(here.training) + len(here.validation) == 60
    assert not set(names(here.training)) & set(names(here.validation))


def test_words_that_cannot_be_learned_are_counted(tmp_path):
    folder = word_folder(tmp_path / "set", ["one", "café", "down", "I"])
    for number in (2, 3):
        path = folder / "images" / f"{number}.png"
        draw_word("two").rotate(90, expand=True).save(path)
    real = split_real_samples([folder], CRNNTokenizer(charset="94"))
    assert (real.unknown, len(real.vertical)) == (1, 1)  # a single letter may be tall
    assert sorted(names(real.training) + names(real.validation)) == ["0.png", "3.png"]
    assert str(real).endswith("1 with characters outside the charset, 1 of vertical text")
    with pytest.raises(FileNotFoundError):
        split_real_samples([tmp_path / "nowhere"], CRNNTokenizer(charset="94"))


def test_second_views_leave_out_what_may_be_validated_on(tmp_path):
    first = word_folder(tmp_path / "first" / "set", [f"word{number}" for number in range(7)])
    validation = split_real_samples([first], CRNNTokenizer(charset="94")).validation
    assert names(validation) == ["6.png"]
    second = word_folder(tmp_path / "second" / "set", ["word1", "WORD6", "word3", "down"])
    draw_word("two").rotate(90, expand=True).save(second / "images" / "3.png")
    assert [box.text for box in extra_crops([second], validation)] == ["word1", "word3"]
    with pytest.raises(FileNotFoundError):
        extra_crops([tmp_path / "nowhere"], validation)


def test_a_table_serves_as_a_data_set(tmp_path, collator):
    folder = word_folder(tmp_path / "set", ["one", "two"])
    table = SampleTable([WordBox(folder / "images" / "0.png", "one"), WordBox(folder / "images" / "1.png", "two")])
    source = StoredSamples(table, seed=1)
    assert sorted(word.text for word in source.words([0, 1])) == ["one", "two"]
    assert all(ratio > 1 for ratio in source.aspect_ratios([0, 1]))
    assert collator.prepare(source.words([0])[0].image, "one").image.size == (128, 32)
