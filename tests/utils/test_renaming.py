# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Old names work, and warn."""

import warnings

import pytest

from hf_str.utils.renaming import renamed_arguments, renamed_function


@renamed_arguments(tint="color")
def paint(shape: str, color: str = "red") -> str:
    return f"{color} {shape}"


def test_an_argument_under_its_old_name_warns_and_works():
    with pytest.warns(FutureWarning, match="tint is called color now"):
        assert paint("square", tint="blue") == "blue square"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert paint("square", color="blue") == "blue square"
        assert paint("square") == "red square"


def test_an_argument_under_both_names_is_refused():
    with pytest.raises(TypeError, match="tint and color"):
        paint("square", tint="blue", color="green")


def test_a_function_under_its_old_name_warns_and_works():
    fill = renamed_function("fill", paint)
    assert fill.__name__ == "fill"
    with pytest.warns(FutureWarning, match="fill is called paint now"):
        assert fill("circle", color="green") == "green circle"
