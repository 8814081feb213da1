# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""From arguments to model, words and loader."""

import json

import pytest
import torch

import hf_str
from hf_str import CRNNForCTC
from hf_str.evaluation import PROTOCOLS
from hf_str.publishing.cards import read_results
from hf_str.training import BestCheckpoint
from hf_str.training.arguments import (
    DataArguments,
    ModelArguments,
    RecipeArguments,
    SynthesisArguments,
    name_validation_sets,
    parse_arguments,
    parse_overrides,
)
from hf_str.training.data_setup import (
    describe_data,
    load_training_samples,
    load_validation_sets,
    make_loader,
    summarize_source,
)
from hf_str.training.finishing import finish
from hf_str.training.options import OptionError
from hf_str.training.run_arguments import RunArguments
from hf_str.training.setup import count_steps, default_learning_rate, load_recognizer, save_recognizer
from tests.conftest import draw_word
from tests.training.drawing import as_dataset, as_row, drawn_words, font_folder


@pytest.fixture(scope="module")
def parquet(tmp_path_factory):
    path = tmp_path_factory.mktemp("parquet") / "words.parquet"
    as_dataset(drawn_words(30)).to_parquet(path)
    return str(path)


def words_of(collator, *dataset, **options):
    return load_training_samples(DataArguments(dataset=list(dataset), **options), SynthesisArguments(), collator)


def test_a_new_network():
    args = ModelArguments(config_overrides='{"hidden_size": 16, "num_channels": 3}', charset="digits", image_width=96)
    model, processor = load_recognizer(args)
    assert (model.config.hidden_size, model.config.vocab_size) == (16, 11)
    assert processor([torch.zeros(3, 20, 50)], return_tensors="pt").pixel_values.shape == (1, 3, 32, 96)
    assert len(load_recognizer(ModelArguments(config_overrides="{}"))[1].tokenizer) == 95


def test_a_checkpoint_as_it_is(tiny_checkpoint):
    model, processor = load_recognizer(ModelArguments(tiny_checkpoint))
    before = CRNNForCTC.from_pretrained(tiny_checkpoint)
    assert torch.equal(model.ctc_head.weight, before.ctc_head.weight)
    assert model.dtype == torch.float32
    assert not processor.image_processor.keep_aspect_ratio


def test_a_checkpoint_with_changes(tiny_checkpoint):
    args = ModelArguments(tiny_checkpoint, '{"dropout": 0.25}', charset="aé", keep_aspect_ratio=True, image_width=200)
    model, processor = load_recognizer(args)
    assert (model.config.dropout, model.config.vocab_size) == (0.25, 3)
    assert processor.tokenizer.characters == ("a", "é")
    assert processor.image_processor.keep_aspect_ratio
    assert processor.image_processor.size["width"] == 200
    overrides = '{"width_factor": 1.5, "min_width": 96}'
    _, processor = load_recognizer(ModelArguments(tiny_checkpoint, image_processor_overrides=overrides))
    assert (processor.image_processor.width_factor, processor.image_processor.min_width) == (1.5, 96)
    same, _ = load_recognizer(ModelArguments(tiny_checkpoint, charset="94"))
    assert torch.equal(same.ctc_head.weight, CRNNForCTC.from_pretrained(tiny_checkpoint).ctc_head.weight)


def test_the_language_model_of_a_checkpoint_is_not_taken_over(checkpoint_with_language_model, tmp_path, caplog):
    model, processor = load_recognizer(ModelArguments(checkpoint_with_language_model))
    assert processor.tokenizer.language_model is None
    assert "The language model of" in caplog.text and "is not copied" in caplog.text
    save_recognizer(tmp_path, model, processor)
    assert not (tmp_path / "language_model.safetensors").exists()


def test_the_default_is_the_checkpoint_of_the_package(tiny_checkpoint, monkeypatch):
    monkeypatch.setattr(hf_str, "DEFAULT_CHECKPOINT", tiny_checkpoint)
    assert load_recognizer(ModelArguments())[0].config.hidden_size == 32


def test_overrides_that_are_none():
    with pytest.raises(ValueError, match="does not know: hiden_size"):
        load_recognizer(ModelArguments(config_overrides='{"hiden_size": 16}'))
    with pytest.raises(ValueError, match="does not know: width_faktor"):
        load_recognizer(ModelArguments(image_processor_overrides='{"width_faktor": 1.5}'))
    with pytest.raises(ValueError, match="--image_processor_overrides is not JSON"):
        load_recognizer(ModelArguments(image_processor_overrides="width_factor=1.5"))
    with pytest.raises(ValueError, match="is not JSON"):
        parse_overrides("{hidden")
    with pytest.raises(ValueError, match="must be a JSON object"):
        parse_overrides("[1]")
    assert parse_overrides(None) == {}


def test_stored_and_streamed_sources(parquet, collator):
    words = words_of(collator, parquet)
    assert words.samples_per_epoch == 30
    assert "30 words" in summarize_source(words.sources[0])
    streamed = words_of(collator, parquet, streaming=True, shuffle_block=8)
    assert streamed.samples_per_epoch is None
    assert "unknown size" in summarize_source(streamed.sources[0])
    assert len(streamed[100].ids) > 0


def test_rendered_and_stored_words_together(parquet, collator):
    synthesis = SynthesisArguments(fonts=[font_folder()], curriculum_samples=100)
    words = load_training_samples(DataArguments(dataset=["synth=3", f"{parquet}=1"]), synthesis, collator)
    assert words.shares == [0.75, 0.25]
    loader = make_loader(words, batch_size=8, num_batches=2, num_workers=1)
    batches = list(loader)
    assert [batch["pixel_values"].shape for batch in batches] == [(8, 1, 32, 128)] * 2
    assert torch.equal(next(iter(make_loader(words, 8, 2, start=1)))["labels"], batches[1]["labels"])


def test_batches_of_like_width(parquet, wide_collator):
    words = words_of(wide_collator, parquet)
    plain = [batch["pixel_mask"].float().mean() for batch in make_loader(words, 6, 10)]
    sorted_ = [batch["pixel_mask"].float().mean() for batch in make_loader(words, 6, 10, window=10)]
    assert sum(sorted_) > sum(plain)  # less padding


def test_bad_labels_are_found_at_the_start(tmp_path, collator):
    path = str(tmp_path / "words.parquet")
    as_dataset(["good", "naïve"]).to_parquet(path)
    with pytest.raises(ValueError, match="naïve"):
        words_of(collator, path)
    assert words_of(collator, path, bad_labels="drop").samples_per_epoch == 1
    with pytest.raises(ValueError, match="name at least one source"):
        words_of(collator)


def test_validation_sets(parquet):
    args = DataArguments(eval_dataset=[parquet, parquet], max_eval_samples=7)
    sets = load_validation_sets(args)
    assert list(sets) == ["words", "words_1"]
    assert [len(words) for words in sets.values()] == [7, 7]
    assert len(load_validation_sets(DataArguments(eval_dataset=[parquet]))["words"]) == 30


def test_steps(parquet, collator):
    words = words_of(collator, parquet)
    assert count_steps(words, 10, -1, 4) == 12
    assert count_steps(words, 10, 5, 4) == 5
    assert count_steps(words, 1000, -1, 1) == 1
    with pytest.raises(ValueError, match="no known size: set the length of the training with --max_steps"):
        count_steps(words_of(collator, parquet, streaming=True), 10, -1, 1)


def test_arguments_from_command_line_and_json(tmp_path):
    groups = (ModelArguments, DataArguments, RecipeArguments, RunArguments)
    line = ["--dataset", "a=1", "b=2", "--keep_aspect_ratio", "true", "--lr_scheduler_type", "cosine"]
    model, data, _, run = parse_arguments(groups, "", [*line, "--output_dir", "o"])
    assert (data.dataset, model.keep_aspect_ratio, run.lr_scheduler_type, run.output_dir) == (
        ["a=1", "b=2"],
        True,
        "cosine",
        "o",
    )
    (tmp_path / "options.json").write_text('{"dataset": ["c"], "output_dir": "p"}')
    _, data, _, run = parse_arguments(groups, "", [str(tmp_path / "options.json")])
    assert (data.dataset, run.output_dir) == (["c"], "p")
    (tmp_path / "wrong.json").write_text('{"datset": ["c"], "output_dir": "p"}')
    with pytest.raises(ValueError, match="datset"):
        parse_arguments(groups, "", [str(tmp_path / "wrong.json")])
    with pytest.raises(SystemExit):
        parse_arguments(groups, "", ["--bad_labels", "keep"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dataset": 5}, "dataset is 5, but must be a list of texts"),
        ({"dataset": [5]}, r"dataset is \[5\], but must be a list"),
        ({"freeze": None}, "freeze is null, but must be a list"),
        ({"max_steps": 1.5}, "max_steps is 1.5, but must be a whole number"),
        ({"max_steps": True}, "max_steps is true, but must be a whole number"),
        ({"seed": None}, "seed is null, but must be a whole number"),
        ({"use_cpu": 2}, "use_cpu is 2, but must be true or false"),
        ({"max_minutes": [5]}, r"max_minutes is \[5\], but must be a number"),
        ({"charset": ["a", "b"]}, "but must be text"),
        ({"config_overrides": [1]}, r"config_overrides is \[1\], but must be an object or text"),
        ({"lr_scheduler_kwargs": [1]}, r"lr_scheduler_kwargs is \[1\], but must be an object or text"),
        ({"help": True}, "does not know: help"),
    ],
)
def test_json_values_of_the_wrong_kind_are_refused_by_name(options, message, tmp_path):
    (tmp_path / "options.json").write_text(json.dumps(options))
    with pytest.raises(ValueError, match=message):
        parse_arguments(
            (ModelArguments, DataArguments, RecipeArguments, RunArguments), "", [f"{tmp_path}/options.json"]
        )


def test_json_values_that_mean_what_an_option_takes(tmp_path):
    options = {"dataset": "words", "freeze": "featurizer", "charset": 36, "max_steps": 1e3, "use_cpu": "yes"}
    options |= {"learning_rate": "1e-3", "channels_last": 1, "resume_from_checkpoint": True, "save_total_limit": None}
    options |= {"config_overrides": {"dropout": 0.1}}
    (tmp_path / "options.json").write_text(json.dumps(options))
    groups = (ModelArguments, DataArguments, RecipeArguments, RunArguments)
    model, data, recipe, run = parse_arguments(groups, "", [f"{tmp_path}/options.json"])
    assert (data.dataset, recipe.freeze, model.charset, model.config_overrides) == (
        ["words"],
        ["featurizer"],
        "36",
        {"dropout": 0.1},
    )
    assert (run.max_steps, run.use_cpu, recipe.channels_last, run.learning_rate) == (1000, True, True, 1e-3)
    assert isinstance(run.max_steps, int)
    assert (run.resume_from_checkpoint, run.save_total_limit) == ("True", None)


def test_numbers_that_no_run_can_have():
    for name in ("per_device_train_batch_size", "gradient_accumulation_steps", "num_train_epochs", "logging_steps"):
        with pytest.raises(OptionError, match=f"--{name} 0 is refused: it must be above 0"):
            RunArguments(**{name: 0})
    assert RunArguments(eval_steps=None, logging_steps=7).eval_steps == 7


def test_validation_sets_that_cannot_be(parquet, tmp_path):
    with pytest.raises(ValueError, match="max_eval_samples must be at least 1"):
        load_validation_sets(DataArguments(eval_dataset=[parquet], max_eval_samples=0))
    with pytest.raises(ValueError, match="--streaming cannot hold out samples"):
        load_validation_sets(DataArguments(dataset=["nowhere"], streaming=True, validation_split_percentage=10))
    data = DataArguments(eval_dataset=["a/held_out", "b/x"], validation_split_percentage=10)
    assert name_validation_sets(data) == {"held_out_0": "a/held_out", "x": "b/x", "held_out": None}


def test_finished_folder_without_evaluation(model, processor, tmp_path):
    (tmp_path / "results.json").write_text("{}")
    best = BestCheckpoint(tmp_path / "best")
    said = finish(tmp_path, best, {}, lambda folder: save_recognizer(folder, model, processor, {"seed": 1}))
    assert "the last step" in said
    assert CRNNForCTC.from_pretrained(tmp_path).config.vocab_size == 95
    assert not (tmp_path / "results.json").exists()  # it was of another model


def test_finished_folder_with_the_best_model_and_its_results(model, processor, tmp_path):
    best = BestCheckpoint(tmp_path / "best")
    metrics = {"word_accuracy": 0.5, "cer": 0.2, "one_minus_ned": 0.8} | {f"word_accuracy_{n}": 0.6 for n in PROTOCOLS}
    both = {f"{name}_{key}": value / (1 + place) for place, name in enumerate("ab") for key, value in metrics.items()}
    best.offer(7, metrics | both, lambda folder: save_recognizer(folder, model, processor))
    assert "step 7, word_accuracy 0.5000" in finish(tmp_path, best, {"a": range(3), "b": range(5)}, None)
    results = read_results(tmp_path / "results.json")
    values = {(result.dataset_name, result.metric_name): result.metric_value for result in results}
    assert values["b", "word accuracy, all characters"] == 0.25
    assert values["a", "word accuracy, 36 characters"] == 0.6
    assert values["b", "CER, all characters"] == 0.1
    assert {result.dataset_args["words"] for result in results} == {3, 5}


def test_checkpoints_are_trained_on_at_a_lower_rate():
    assert default_learning_rate(ModelArguments()) == 1e-4
    assert default_learning_rate(ModelArguments("runs/mine", config_overrides='{"dropout": 0.1}')) == 1e-4
    assert default_learning_rate(ModelArguments(config_overrides="{}")) == 1e-3


def test_a_run_records_what_it_is_trained_on(collator, tmp_path):
    images = [as_row(draw_word("ab"))] * 4
    as_dataset(["ab", "é", " ", "cd"], images).to_parquet(str(tmp_path / "words.parquet"))
    data = DataArguments([f"{tmp_path / 'words.parquet'}=0.25", "synth=0.75"], bad_labels="drop")
    synthesis = SynthesisArguments(fonts=[font_folder()], lexicon=[str(tmp_path / "lexicon.txt")])
    (tmp_path / "lexicon.txt").write_text("word\nother\n")
    words = load_training_samples(data, synthesis, collator)
    stored, rendered = describe_data(words, synthesis)
    assert stored == {
        "name": "words.parquet",
        "on_hub": False,
        "rendered": False,
        "share": 0.25,
        "words": 2,
        "left_out": {"words without a text": 1, "outside charset": 1},
    }
    assert (rendered["rendered"], rendered["share"], rendered["words"]) == (True, 0.75, None)
    assert rendered["lexicon"] == ["lexicon.txt"]
    assert str(tmp_path) not in json.dumps([stored, rendered])
