# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""A stage of the network as the configuration describes it: its fields, their defaults, what they may be.

[`CRNNConfig`] names the stages and has the fields that they share. The rest is declared in the file of a stage, as a
dataclass that is typed by what a field is in the end, whatever form it was given in. A field without a default is
shared; one declared by [`own_field`] is the stage's own. The configuration has both under their names, as config.json
has them.

A new stage is a file with such a class, and a line in stages_crnn.py that imports it.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any, ClassVar, Literal, TypeVar

from huggingface_hub.dataclasses import strict
from huggingface_hub.errors import StrictDataclassFieldValidationError
from transformers import PreTrainedConfig
from transformers.activations import ACT2FN


__all__ = ["CRNNStage", "Each", "as_pair", "own_field"]

#: More convolutions, stages or layers than any recognizer has.
_MOST_ENTRIES = 1024

AnyStage = TypeVar("AnyStage", bound="CRNNStage")


@dataclass(frozen=True)
class Each:
    """How many entries a list has: as many as another field, or as another field says.

    Attributes:
        counted (`str`): the name of the other field, such as "conv_channels".
        noun (`str`): what is counted, such as "convolution".
    """

    counted: str
    noun: str

    def count(self, values: Mapping[str, Any]) -> int:
        """The number of entries, from the values of all fields; 0 where it cannot be known.

        It is never far above what is supported: lists are made that long before it is checked.
        """
        counted = values.get(self.counted, 0)
        count = len(counted) if isinstance(counted, (list, tuple)) else counted
        return min(count, _MOST_ENTRIES + 1) if isinstance(count, int) else 0


@dataclass(frozen=True)
class _Rule:
    """What [`own_field`] was told of a field."""

    default: Any
    each: Each | None
    form: str | None
    lowest: int
    highest: float | None
    elsewhere: str


def own_field(
    default: Any,
    *,
    each: Each | None = None,
    form: Literal["number", "numbers", "pair", "pairs", "numbers or pairs"] | None = None,
    lowest: int = 1,
    highest: float | None = None,
    elsewhere: Literal["refused", "default", "ignored"] = "refused",
) -> Any:
    """Declares a field that not every stage has.

    Args:
        default:
            Its value where it was left out, in any form that may be given.
        each:
            Of what the field has one entry each. One value stands for all of them then.
        form:
            Of integers: whether the field is one, a `[height, width]` pair, or a list of either.
        lowest:
            The lowest of these integers that is allowed.
        highest:
            The highest number that is allowed, far above what any recognizer has: a damaged or hostile file is refused
            before memory or minutes go.
        elsewhere:
            What the configuration has in this field where none of its stages has it, and what else may be there.
            `"refused"`: `None`, and anything else is an error, as it would be without effect. `"default"`: the
            default, and anything else is an error. `"ignored"`: the default, and anything else has no effect.
    """
    rule = _Rule(default, each, form, lowest, highest, elsewhere)
    return field(default_factory=lambda: copy.deepcopy(default), metadata={"rule": rule})


@strict
@dataclass(kw_only=True)
class CRNNStage:
    """One stage with the values of its fields, and what can be said of it without its weights.

    Class attributes:
        kind (`str`): the field of the configuration that chooses a stage, such as "featurizer".
        table (`dict`): the stages of this kind by name. A class with a name enters itself.
        name (`str`): the name of this stage: `class VGGStage(CRNNFeaturizerStage, name="vgg")`.
        defaults (`dict[str, Any]`): defaults of own fields that it has inherited, where they are others.
        no_split_modules (`tuple[str, ...]`): names of the classes of modules that must stay on one device.
    """

    kind: ClassVar[str]
    table: ClassVar[dict[str, Any]]
    name: ClassVar[str]
    defaults: ClassVar[Mapping[str, Any]] = {}
    no_split_modules: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, name: str | None = None, **kwargs):
        super().__init_subclass__(**kwargs)
        if name is not None:
            cls.name = name
            cls.table[name] = cls

    @classmethod
    def named(cls: type[AnyStage], name: str) -> type[AnyStage]:
        """The stage of this kind with that name.

        Raises:
            ValueError: there is none.
        """
        if name not in cls.table:
            raise ValueError(f"{cls.kind} must be one of {', '.join(cls.table)}, not {name!r}")
        return cls.table[name]

    @classmethod
    def of(cls: type[AnyStage], config: PreTrainedConfig) -> AnyStage:
        """The stage of this kind that a configuration chooses, with all fields filled in and each of them checked.

        Raises:
            TypeError, ValueError: a field cannot be what it is.
        """
        stage = cls.named(getattr(config, cls.kind))
        values = stage.complete(vars(config))
        stage._check_rules(values)
        # The rest is worked out from other stages, such as the size of the features that come in.
        values |= {name: getattr(config, name) for name in _names(stage) if name not in values}
        try:
            return stage(**values)
        except StrictDataclassFieldValidationError as error:
            raise TypeError(str(_innermost(error))) from error

    @classmethod
    def unchecked(cls: type[AnyStage], config: PreTrainedConfig) -> AnyStage:
        """The same in little time, of a configuration that has been checked."""
        stage = cls.named(getattr(config, cls.kind))
        view = object.__new__(stage)
        vars(view).update({name: getattr(config, name) for name in _names(stage)})
        return view

    @classmethod
    def complete(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """The values of the fields in the form of their annotations, from those that were given."""
        values = {name: given[name] for name in _names(cls) if name in given}
        rules = cls.rules()
        for name, rule in rules.items():
            if name not in values or (values[name] is None and rule.elsewhere == "refused"):
                values[name] = copy.deepcopy(rule.default)
        cls.fill(values)
        for name, rule in rules.items():
            is_one = isinstance(values[name], str) or not isinstance(values[name], Sequence)
            if rule.each is not None and is_one and values[name] is not None:
                values[name] = [values[name]] * rule.each.count(values)
            values[name] = _as_lists(values[name])
        return values

    @classmethod
    def fill(cls, values: dict[str, Any]):
        """Changes `values`, in any form that may be given, where a default depends on other fields."""

    def check(self):
        """Checks the fields against each other.

        Raises:
            ValueError: they do not fit.
        """

    @classmethod
    @cache
    def rules(cls) -> dict[str, _Rule]:
        """The stage's own fields and what was said of them."""
        rules = {each.name: each.metadata["rule"] for each in fields(cls) if each.metadata}
        return rules | {name: replace(rules[name], default=default) for name, default in cls.defaults.items()}

    @classmethod
    @cache
    def values_elsewhere(cls) -> dict[str, Any]:
        """What the stage's own fields are where no stage has them."""
        defaults = cls.complete({})
        return {name: None if rule.elsewhere == "refused" else defaults[name] for name, rule in cls.rules().items()}

    @classmethod
    def is_set_elsewhere(cls, name: str, values: Mapping[str, Any]) -> bool:
        """Whether an own field of this stage has a value that it must not have where no stage has the field."""
        if cls.rules()[name].elsewhere == "refused":
            return values[name] is not None
        return cls.rules()[name].elsewhere == "default" and cls.complete(values)[name] != cls.values_elsewhere()[name]

    @classmethod
    def _check_rules(cls, values: Mapping[str, Any]):
        """What each field must be by itself. Wrong types that are not spoken of here are found when values are set."""
        for name, rule in cls.rules().items():
            value = values[name]
            if rule.highest is not None:
                _check_highest(name, value, rule.highest)
            if rule.each is not None and isinstance(value, list):
                _check_length(name, len(value), rule.each, values)
            if rule.form in ("number", "pair") and value is not None:
                _check_integers(name, value, rule)
            elif rule.form is not None and isinstance(value, list):
                for index, entry in enumerate(value):
                    if entry is not None or not rule.form.startswith("pair"):
                        _check_integers(f"{name}[{index}]", entry, rule)

    def _check_odd(self, name: str, kernel_size: int):
        if kernel_size % 2 == 0:
            raise ValueError(f"{name} must be odd, not {kernel_size}: even kernels would shift the image")

    def _check_activation(self, name: str, value: str):
        if value not in ACT2FN:
            raise ValueError(f"{name} is {value!r}, which is no activation: take one of {', '.join(ACT2FN)}")


def as_pair(value: int | Sequence[int]) -> tuple[int, int]:
    """A `(height, width)` pair, from one number for both or from two."""
    height, width = (value, value) if isinstance(value, int) else value
    return height, width


def _check_highest(name: str, value: Any, highest: float):
    """Refuses a number above `highest`, in whatever lists it is, and lists that are too long."""
    entries = value if isinstance(value, (list, tuple)) else [value]
    if len(entries) > _MOST_ENTRIES:
        raise ValueError(f"{name} has {len(entries)} entries: at most {_MOST_ENTRIES} are supported")
    for entry in entries:
        for number in entry if isinstance(entry, (list, tuple)) else [entry]:
            if isinstance(number, (int, float)) and number > highest:
                raise ValueError(f"{name} must be at most {highest}, not {number}")


def _check_length(name: str, length: int, each: Each, values: Mapping[str, Any]):
    count, noun = each.count(values), each.noun
    if count == 0 and isinstance(values[each.counted], list):
        raise ValueError(f"{each.counted} is empty: at least one {noun} is needed")
    if length != count and isinstance(values[each.counted], (int, list)):
        raise ValueError(f"{name} has {length} entries for {count} {noun}s ({each.counted}): give one for each {noun}")


def _check_integers(name: str, value: Any, rule: _Rule):
    """One number, or a pair of numbers, of the form that the rule asks for."""
    numbers = value if isinstance(value, list) else [value]
    may_be_number, may_be_pair = "number" in str(rule.form), "pair" in str(rule.form)
    is_shaped = may_be_pair and len(numbers) == 2 if isinstance(value, list) else may_be_number
    if is_shaped and all(isinstance(number, int) and number >= rule.lowest for number in numbers):
        return
    is_integer = all(isinstance(number, int) for number in numbers)
    wanted = f"{'' if is_integer else 'an integer of '}at least {rule.lowest}"
    if not may_be_number:
        wanted = f"a [height, width] pair of integers from {rule.lowest} on"
    elif may_be_pair:
        wanted += ", or a [height, width] pair"
    raise ValueError(f"{name} must be {wanted}, not {value!r}")


@cache
def _names(stage: type[CRNNStage]) -> tuple[str, ...]:
    return tuple(each.name for each in fields(stage))


def _innermost(error: BaseException) -> BaseException:
    """What an error of @strict comes from: it names the entry of a list, and its value."""
    return error if error.__cause__ is None else _innermost(error.__cause__)


def _as_lists(value: Any) -> Any:
    """Tuples as lists, as they come out of a JSON file."""
    return [_as_lists(entry) for entry in value] if isinstance(value, (list, tuple)) else value
