# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Word `n` is word `n`, wherever it comes from and whoever asks."""

import itertools
import pickle
from collections import Counter

import numpy as np
import pytest
from torch.utils.data import DataLoader

from hf_str.training import RenderedSamples, StoredSamples, StreamedSamples, TrainingSamples, parse_weights
from tests.training.drawing import as_dataset, drawn_words, font_folder


class Letters:
    """A source of known letters."""

    def __init__(self, name, length=None):
        self.name, self.length = name, length


def stream(dataset):
    return dataset.to_iterable_dataset(num_shards=2)


def texts(source, positions):
    return [word.text for word in source.words(list(positions))]


def test_stored_words_come_once_a_pass_in_changing_order(dataset):
    source = StoredSamples(dataset, seed=1)
    first, second = texts(source, range(50)), texts(source, range(50, 100))
    assert Counter(first) == Counter(second) == Counter(dataset["text"])
    assert first != second != list(dataset["text"])
    assert texts(StoredSamples(dataset, seed=1), range(90, 100)) == second[40:]
    assert texts(StoredSamples(dataset, seed=2), range(50)) != first


def test_stored_words_know_their_rows_and_shapes(dataset):
    source = StoredSamples(dataset, "mine", rows=[3, 5])
    names = {word.name for word in source.words([0, 1, 2, 3])}
    assert names == {"row 3 of 'mine'", "row 5 of 'mine'"}
    known = StoredSamples(dataset, aspect_ratios=np.arange(50))
    unknown = StoredSamples(dataset)
    assert sorted(known.aspect_ratios(range(50))) == list(range(50))
    assert all(ratio > 0.5 for ratio in unknown.aspect_ratios(range(50)))
    with pytest.raises(ValueError, match="no samples"):
        StoredSamples(dataset, rows=[])


def test_streamed_words_are_the_same_from_any_start(dataset):
    everything = texts(StreamedSamples(stream(dataset), seed=1, block=16), range(120))
    assert Counter(everything[:48]) <= Counter(list(dataset["text"]))  # 50 words: three blocks of the first pass
    assert everything[:48] != list(dataset["text"])[:48]
    late = StreamedSamples(stream(dataset), seed=1, block=16)
    assert texts(late, range(100, 120)) == everything[100:120]
    assert texts(late, range(10)) == everything[:10]  # backwards: starts again
    assert texts(late, [5, 40, 3, 22]) == [everything[i] for i in (5, 40, 3, 22)]
    assert StreamedSamples(stream(dataset), block=16).aspect_ratios([0])[0] > 0.5


def test_streamed_words_in_workers(dataset, collator):
    def batches(num_workers):
        source = StreamedSamples(stream(dataset), seed=1, block=16)
        source.words([20])  # in this process; the workers must read for themselves
        words = TrainingSamples([source], collator)
        sampler = [list(range(i, i + 8)) for i in range(0, 80, 8)]
        loader = DataLoader(words, batch_sampler=sampler, collate_fn=collator, num_workers=num_workers)
        return [batch["labels"].tolist() for batch in loader]

    assert batches(0) == batches(2)


def test_an_empty_stream_is_an_error(dataset):
    with pytest.raises(ValueError, match="no samples"):
        StreamedSamples(stream(dataset).filter(lambda row: False)).words([0])


def test_rendered_words_of_the_real_renderer(collator):
    from functools import partial

    from hf_str.synthesis import find_fonts, make_renderer

    characters = collator.tokenizer.characters
    fonts = find_fonts(characters, folders=[font_folder()])
    source = RenderedSamples(partial(make_renderer, characters, fonts, mode="L", curriculum_samples=10, seed=3))
    first = source.words([5])[0]
    again = pickle.loads(pickle.dumps(source)).words([4, 5])[1]
    assert first.text == again.text
    assert (first.image == again.image).all()
    assert not first.augment
    lengths = [len(text) for text in texts(source, range(40))]
    assert source.aspect_ratios(range(40)) == pytest.approx([0.4 + 0.5 * length for length in lengths])


def test_rendered_words_become_harder(collator):
    from hf_str.training.arguments import DataArguments, SynthesisArguments
    from hf_str.training.data_setup import load_training_samples

    synthesis = SynthesisArguments(fonts=[str(font_folder())], curriculum_samples=100)
    words = load_training_samples(DataArguments(dataset=["synth"]), synthesis, collator)
    assert words.sources[0]._renderer.difficulty_at(50) == pytest.approx(0.55)


def test_sources_take_their_shares(collator):
    words = TrainingSamples([Letters("a"), Letters("b"), Letters("c")], collator, weights=[2, 1, 1], seed=5)
    assert words.shares == [0.5, 0.25, 0.25]
    places = [words.place(index) for index in range(2 * words.BLOCK)]
    assert Counter(source for source, _ in places) == {0: 4096, 1: 2048, 2: 2048}
    for source in range(3):  # each source in order, without a gap
        positions = [position for number, position in places if number == source]
        assert positions == list(range(len(positions)))
    first = [source for source, _ in places[: words.BLOCK]]
    assert first != sorted(first)
    assert TrainingSamples([Letters("a"), Letters("b")], collator, [1, 1], seed=6).place(100) is not None


def test_shares_follow_sizes_by_default(collator):
    words = TrainingSamples([Letters("a", 300), Letters("b", 100)], collator)
    assert words.shares == [0.75, 0.25]
    assert words.samples_per_epoch == 400
    assert TrainingSamples([Letters("a")], collator).samples_per_epoch is None


@pytest.mark.parametrize(
    ("sources", "weights", "message"),
    [
        ([], None, "nothing to train on"),
        ([Letters("a", 5), Letters("b")], None, "'b' has no known size"),
        ([Letters("a"), Letters("b")], [1, 1e-9], "'b' is so small"),
    ],
)
def test_shares_that_are_none(collator, sources, weights, message):
    with pytest.raises(ValueError, match=message):
        TrainingSamples(sources, collator, weights)


def test_training_words_depend_on_number_and_seed_only(collator):
    sets = [as_dataset(drawn_words(20, seed)) for seed in (1, 2)]

    def words(seed, order):
        sources = [StoredSamples(dataset, seed=seed) for dataset in sets]
        mixture = TrainingSamples(sources, collator, [1, 3], seed, augmentation=1.0)
        return {index: mixture[index] for index in order}

    forward, backward = words(7, range(30)), words(7, reversed(range(30)))
    for index in range(30):
        assert forward[index].ids == backward[index].ids
        assert forward[index].image.tobytes() == backward[index].image.tobytes()
    assert [word.ids for word in words(8, range(30)).values()] != [forward[i].ids for i in range(30)]
    mixture = TrainingSamples([StoredSamples(sets[0])], collator)
    batch = mixture.__getitems__([3, 9, 4])
    assert [word.ids for word in batch] == [mixture[3].ids, mixture[9].ids, mixture[4].ids]
    assert len(mixture.aspect_ratios([0, 1, 2])) == 3


def test_no_word_is_augmented_twice_alike(collator):
    mixture = TrainingSamples([StoredSamples(as_dataset(["same"]))], collator, augmentation=1.0)
    images = [mixture[index].image.tobytes() for index in range(5)]
    assert len(set(images)) == 5


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["synth=0.75", "words/=0.25"], [("synth", 0.75), ("words/", 0.25)]),
        (["words", "other"], [("words", None), ("other", None)]),
        (["a=b/words"], [("a=b/words", None)]),
        (["a=b/words=2"], [("a=b/words", 2.0)]),
    ],
)
def test_parse_weights(arguments, expected):
    assert parse_weights(arguments) == expected


def test_parse_weights_refuses():
    for weight in ("0", "-1", "inf", "nan"):
        with pytest.raises(ValueError, match="above 0"):
            parse_weights([f"words={weight}"])


def test_apportioning_adds_up():
    from hf_str.training.sources import _apportioned

    for shares in itertools.product([0.1, 0.333, 0.5, 0.07], repeat=3):
        total = sum(shares)
        counts = _apportioned([share / total for share in shares], 4096)
        assert sum(counts) == 4096
        assert max(abs(c - 4096 * s / total) for c, s in zip(counts, shares, strict=True)) < 1
