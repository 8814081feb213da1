# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The help of every script: an example, a text for every option, and the options that old names stand for."""

import argparse
import re
import runpy
import sys
from pathlib import Path

import pytest

from hf_str.utils.options import OptionParser


for module in ("datasets", "cv2", "fontTools", "onnxruntime", "rapidfuzz"):
    pytest.importorskip(module)

SCRIPTS = Path(__file__).parents[2] / "scripts"
PATHS = {path.stem: path for path in SCRIPTS.rglob("*.py") if "OptionParser(" in path.read_text(encoding="utf-8")}
NAMES = sorted(PATHS)
#: Old and new names are part of what a script promises for one version.
RENAMED = {
    "average_checkpoints": {"real": "eval_dataset"},
    "benchmark_bulk_reading": {"crops": "dataset"},
    "benchmark_decoding": {"peer_images": "baseline_images"},
    "benchmark_network": {"threads": "num_threads"},
    "benchmark_speed": {
        "data": "dataset",
        "num_images": "max_samples",
        "peers": "baselines",
        "threads": "num_threads",
    },
    "benchmark_synthesis": {
        "num_words": "num_samples",
        "peer_python": "baseline_python",
        "peer_words": "baseline_samples",
    },
    "compare_ablations": {
        "init_from": "model_name_or_path",
        "levers": "ablations",
        "real": "dataset",
        "self_labelled": "pseudo_labeled_dataset",
        "teacher": "teacher_model",
    },
    "compare_decoders": {"data": "dataset"},
    "compare_ppocr": {"data": "dataset", "num_words": "max_samples"},
    "draw_errors": {"num_words": "num_samples"},
    "evaluate_str": {"data": "dataset", "errors": "num_errors", "format": "dataset_format", "split": "dataset_split"},
    "list_presets": {"repeats": "rounds"},
    "prepare_word_boxes": {
        "against": "eval_dataset",
        "format": "dataset_format",
        "num_proc": "num_workers",
        "sample": "max_samples",
        "split": "dataset_split",
        "test_split": "eval_split",
    },
    "pseudo_label": {"max_height": "vertical_aspect_ratio", "strength": "augmentation"},
    "read_words": {"data": "dataset"},
    "synthesize_words": {
        "easy_words": "curriculum_samples",
        "format": "image_format",
        "max_length": "max_word_length",
        "num_proc": "num_workers",
        "num_words": "num_samples",
        "words_per_shard": "samples_per_shard",
    },
    "train_character_lm": {"words": "lexicon"},
}


@pytest.fixture
def parser_of(monkeypatch):
    """The parser that a script makes."""

    def parser_of(name: str) -> OptionParser:
        parsers = []

        def parse_args(parser, *_):
            parsers.append(parser)
            raise SystemExit

        monkeypatch.setattr(sys, "argv", [f"{name}.py"])
        monkeypatch.setattr(OptionParser, "parse_args", parse_args)
        monkeypatch.setattr(OptionParser, "parse_known_args", parse_args)
        monkeypatch.syspath_prepend(SCRIPTS)
        with pytest.raises(SystemExit):
            runpy.run_path(str(PATHS[name]))["main"]()
        return parsers[0]

    return parser_of


def commands_of(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """The parser of a script and those of its commands."""
    choices = [action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return [parser, *(command for names in choices for command in names.values())]


@pytest.mark.parametrize("name", NAMES)
def test_help_has_an_example_and_explains_each_option(name, parser_of):
    parser = parser_of(name)
    assert re.search(rf"^    .*scripts/(reference/)?{name}\.py", parser.format_help(), re.MULTILINE)
    for command in commands_of(parser):
        command.format_help()  # with every default in it
        for action in command._actions:
            is_explained = action.help or isinstance(action, argparse._SubParsersAction)
            assert is_explained, f"{action.dest} has no help"


@pytest.mark.parametrize("name", NAMES)
def test_old_names_stand_for_options_that_exist(name, parser_of):
    parser = parser_of(name)
    assert {old: new for old, new in parser.renamed.items() if old in RENAMED.get(name, {})} == RENAMED.get(name, {})
    options = {option for command in commands_of(parser) for option in command._option_string_actions}
    for old, new in parser.renamed.items():
        assert f"--{new}" in options
        assert f"--{old}" not in options
