# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Options of scripts: names, help, values."""

import argparse
import json
from dataclasses import dataclass

import pytest
from transformers import HfArgumentParser

from hf_str.utils.options import OptionParser, positive, rename_keys, rename_options


RENAMED = {"data": "dataset", "num_proc": "num_workers", "second_views": "extra_crops"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(["--data", "words/"], ["--dataset", "words/"], id="value apart"),
        pytest.param(["--data=a=b"], ["--dataset=a=b"], id="value attached"),
        pytest.param(["--num-proc", "2"], ["--num_workers", "2"], id="hyphen"),
        pytest.param(["--no_second_views"], ["--no_extra_crops"], id="negated"),
        pytest.param(["--no-second-views"], ["--no-extra_crops"], id="negated with hyphens"),
    ],
)
def test_old_names_are_replaced_with_a_warning(old, new):
    with pytest.warns(
        FutureWarning, match=rf"{old[0].partition('=')[0]} is deprecated .* use {new[0].partition('=')[0]}"
    ):
        assert rename_options(old, RENAMED) == new


@pytest.mark.parametrize(
    "arguments",
    [
        ["--dataset", "data"],
        ["data"],
        ["--data_dir", "x"],
        ["--message", "-data"],
        ["--", "--data"],
        ["-d", "--", "--data"],
    ],
    ids=" ".join,
)
@pytest.mark.filterwarnings("error")
def test_other_arguments_stay(arguments):
    assert rename_options(arguments, RENAMED) == arguments


def test_dataclasses_of_options():
    @dataclass
    class Arguments:
        dataset: str = ""
        extra_crops: bool = True

    parser = HfArgumentParser(Arguments)
    with pytest.warns(FutureWarning):
        (parsed,) = parser.parse_args_into_dataclasses(rename_options(["--data", "x", "--no_second_views"], RENAMED))
    assert parsed == Arguments("x", False)
    with pytest.warns(FutureWarning, match="data is deprecated"):
        (parsed,) = parser.parse_dict(rename_keys(json.loads('{"data": "x"}'), RENAMED))
    assert parsed == Arguments("x")


def test_old_keys_are_replaced_in_their_order():
    with pytest.warns(FutureWarning, match="num_proc is deprecated .* use num_workers"):
        assert list(rename_keys({"a": 1, "num_proc": 2, "b": 3}, RENAMED).items()) == [
            ("a", 1),
            ("num_workers", 2),
            ("b", 3),
        ]


@pytest.mark.parametrize("names", [("data", "dataset"), ("dataset", "data")], ids="-".join)
@pytest.mark.filterwarnings("ignore")
def test_an_option_under_both_names_is_refused(names):
    with pytest.raises(ValueError, match="dataset is given twice"):
        rename_keys(dict.fromkeys(names, 1), RENAMED)


def test_parser_takes_old_names_also_in_its_commands():
    parser = OptionParser(renamed=RENAMED)
    command = parser.add_subparsers().add_parser("run")
    command.add_argument("--dataset", nargs="+")
    with pytest.warns(FutureWarning) as warned:
        assert parser.parse_args(["run", "--data", "a", "b"]).dataset == ["a", "b"]
    assert len(warned) == 1


def test_parser_reads_the_command_line_of_the_process(monkeypatch):
    monkeypatch.setattr("sys.argv", ["script.py", "--data", "a"])
    parser = OptionParser(renamed=RENAMED)
    parser.add_argument("--dataset")
    with pytest.warns(FutureWarning):
        assert parser.parse_args().dataset == "a"


def test_help_shows_the_lines_of_the_description_and_defaults_that_say_something():
    parser = OptionParser("Does it.\n\n    python it.py\n    python it.py --a 1")
    parser.add_argument("--size", default=5, help="of it")
    parser.add_argument("--name", help="of it")
    parser.add_argument("--flag", action="store_true", help="do it")
    parser.add_argument("--zero", default=0, help="of it")
    parser.add_argument("--given", default=3, help="it (by default all)")
    lines = [" ".join(line.split()) for line in parser.format_help().splitlines()]
    assert "    python it.py\n    python it.py --a 1" in parser.format_help()
    expected = [
        "--size SIZE of it (default: 5)",
        "--name NAME of it",
        "--flag do it",
        "--zero ZERO of it (default: 0)",
        "--given GIVEN it (by default all)",
    ]
    assert lines[-5:] == expected


def test_positive():
    assert positive("3") == 3
    for text in ("0", "-1", "1.5", "x", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="at least 1"):
            positive(text)
