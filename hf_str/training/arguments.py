# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What both run scripts ask of their user; each group is a dataclass for `HfArgumentParser`."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transformers import HfArgumentParser

from ..models.crnn.presets_crnn import PRESETS
from ..utils.options import rename_keys, rename_options


__all__ = [
    "DataArguments",
    "ModelArguments",
    "RecipeArguments",
    "SynthesisArguments",
    "name_validation_sets",
    "option",
    "parse_arguments",
    "parse_overrides",
    "settings_by_new_names",
]

#: New names of options by old ones, which work for one version more.
RENAMED = {
    "schedule": "lr_scheduler_type",
    "warmup_share": "warmup_ratio",
    "decay_share": "decay_ratio",
    "best_metric": "metric_for_best_model",
    "validation_dataset": "eval_dataset",
    "validation_format": "eval_dataset_format",
    "validation_split": "eval_dataset_split",
    "max_validation_words": "max_eval_samples",
    "easy_words": "curriculum_samples",
}
RENAMED_SCHEDULES = {"constant_with_decay": "warmup_stable_decay"}
#: Options that runs of the version before recorded, with defaults that meant nothing.
_MEANT_NOTHING = ("lr_scheduler_type", "warmup_steps", "metric_for_best_model", "greater_is_better")
_MEANT_NOTHING += ("load_best_model_at_end", "hub_strategy")


def option(default: Any, help_text: str, **metadata: Any) -> Any:
    """A field of a dataclass for `HfArgumentParser`."""
    return field(default=default, metadata={"help": help_text, **metadata})


@dataclass
class ModelArguments:
    """Which network, and what its images look like."""

    model_name_or_path: str | None = option(
        None,
        "Checkpoint to fine-tune: a folder or a Hub repository, of hf_str or of PP-OCR "
        "(PaddlePaddle/PP-OCRv6_small_rec_safetensors), or an ONNX file of PP-OCR. By default the one that comes with "
        "hf_str, or none at all where --config_overrides is given.",
    )
    config_overrides: str | None = option(
        None,
        "Fields of CRNNConfig as JSON. Without --model_name_or_path: a new network, '{}' for the paper's, "
        '\'{"conv_channels": [32, 64, 160, 160, 320, 320, 320], "batch_norms": true, "hidden_size": 192}\' for one '
        "made for CPUs. With it: changes of its config, such as '{\"dropout\": 0.1}'.",
    )
    preset: str | None = option(
        None,
        "A new network by name, such as resnet45-bilstm (scripts/list_presets.py shows them); --config_overrides then "
        "change it.",
        choices=sorted(PRESETS),
    )
    charset: str | None = option(
        None,
        "The characters to read: digits, 36, 62, 94, 94+space, latin, german, korean, chinese ..., a .txt file, or "
        "the characters themselves. By default the checkpoint's, or 94 for a new network. A checkpoint keeps what it "
        "knows of the characters that both have.",
    )
    image_width: int | None = option(
        None,
        "Width in pixels to which words are stretched, or the widest with --keep_aspect_ratio. (128, or the "
        "checkpoint's)",
    )
    keep_aspect_ratio: bool | None = option(
        None, "Keep the shape of words and pad them, instead of stretching. Better for long words. (the checkpoint's)"
    )
    image_processor_overrides: str | None = option(
        None, """Options of the image processor as JSON, such as '{"width_factor": 1.5, "min_width": 96}'."""
    )


@dataclass
class DataArguments:
    """What to train and evaluate on."""

    dataset: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Sources of words, each a Hub data set, a folder or a file that hf_str.data.load_word_boxes "
            "reads, or `synth` for words rendered on the fly. With shares: --dataset synth=0.75 photos/=0.25. "
            "Sources without a share have what is left, each by its size."
        },
    )
    pseudo_labeled_dataset: list[str] = field(
        default_factory=list,
        metadata={
            "help": "The same, labeled by a recognizer (scripts/pseudo_label.py): trained on, never held out to "
            "validate on."
        },
    )
    extra_crops_dataset: list[str] = field(
        default_factory=list,
        metadata={
            "help": "The same, other crops of words of --dataset: trained on, but for those whose text is that of a "
            "sample to validate on."
        },
    )
    dataset_format: str | None = option(
        None, "Format of the sources, where it is not told by itself; prepare_word_boxes.py --help lists all."
    )
    dataset_split: str | None = option(None, "Split of the sources to train on, such as train.")
    streaming: bool = option(False, "Read the sources as streams: what does not fit on the disk. Needs --max_steps.")
    shuffle_block: int = option(4096, "Words of a stream that are shuffled together.")
    eval_dataset: list[str] = field(
        default_factory=list, metadata={"help": "What to evaluate on, every --eval_steps."}
    )
    eval_dataset_format: str | None = option(None, "Format of the validation sets, as --dataset_format.")
    eval_dataset_split: str | None = option(None, "Split of the validation sets, such as test.")
    validation_split_percentage: int = option(
        0,
        "Hold out so many percent of the stored samples of --dataset, chosen by their paths or contents, to validate "
        "on: always the same, whatever else is trained on.",
    )
    max_eval_samples: int | None = option(None, "Evaluate on so many samples of each set, spread over it.")
    bad_labels: str = option(
        "error",
        "What to do with words that cannot be trained on (characters outside the charset, labels too long for their "
        "image, unreadable images): stop and name them, or leave them out, name some and count all.",
        choices=["error", "drop"],
    )
    augmentation: float = option(1.0, "How much real words are changed at random. 0: not at all.")
    bucket_steps: int = option(
        50, "With --keep_aspect_ratio: steps whose words are sorted by width, for batches of like width. 0: none."
    )


@dataclass
class SynthesisArguments:
    """How the source `synth` renders."""

    lexicon: list[str] = field(
        default_factory=list,
        metadata={"help": "Text files of words to render, one a line, or wordfreq:LANGUAGE. (invented words)"},
    )
    fonts: list[str] = field(default_factory=list, metadata={"help": "Folders of fonts. (those of this system)"})
    backgrounds: str | None = option(None, "Folder of photographs to render on. (painted ones)")
    difficulty: float = option(1.0, "0: clean print, 1: as bad as street photos.")
    curriculum_samples: int = option(0, "Rendered samples over which the difficulty rises to --difficulty.")
    max_word_length: int = option(20, "Longest rendered text, in characters.")


@dataclass
class RecipeArguments:
    """How to train, as far as transformers has no option for it."""

    ema_decay: float = option(
        0.0, "Average the weights of all steps, such as 0.999; the average is evaluated and saved. 0: do not."
    )
    max_nonfinite_steps: int = option(10, "Stop after so many steps in a row whose loss is not finite.")
    freeze: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Parts that stay as they are: featurizer, featurizer:4 (its first 4 layers), sequentializer, "
            "sequentializer:1, rectification, head."
        },
    )
    teacher_model: str | None = option(
        None,
        "A checkpoint whose distributions are learned besides the labels (distillation): the same characters, image "
        "size and frames. self: what the run starts from, so that it forgets less.",
    )
    teacher_weight: float = option(0.5, "Share of the teacher in the loss.")
    teacher_temperature: float = option(2.0, "Both distributions are softened by it.")
    data_echo_factor: float = option(
        1.0,
        "Train on each sample so many times: once as it was made, then changed at random, out of a buffer on the "
        "device. For devices that are faster than the processes that render.",
    )
    echo_buffer_size: int = option(200_000, "Samples that are kept on the device, of each width of images.")
    echo_augmentation: float = option(0.5, "How much samples from the buffer are changed at random.")
    max_minutes: float | None = option(
        None, "Stop after so many minutes, with a checkpoint: the same command goes on from there."
    )
    early_stopping_patience: int | None = option(
        None, "Stop after so many evaluations in a row without a better model."
    )
    channels_last: bool = option(
        False,
        "Memory layout of convolutions that is faster on GPUs, and on CPUs in bfloat16; results differ a little.",
    )
    saved_dtype: str = option(
        "float32",
        "Type of the weights in the finished model's files. float16 takes half the space and is loaded as float32.",
        choices=["float32", "float16"],
    )


def parse_arguments(
    dataclasses: Sequence[Any], description: str | None, arguments: Sequence[str] | None = None
) -> tuple:
    """The arguments of a script from its command line, which may begin with a JSON file of options.

    Options behind the file take the place of those in it, as in `run_ctc_str.py recipe.json --max_minutes 9`. A list
    of options replaces the file's list.

    Old names of options are taken too, with a warning.

    Raises:
        ValueError: the JSON file has an unknown name, or no object in it; or an option is refused.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    parser = HfArgumentParser(dataclasses, description=description)
    if arguments and arguments[0].endswith(".json"):
        _set_defaults(parser, Path(arguments.pop(0)))
    *parsed, unknown = parser.parse_args_into_dataclasses(
        rename_options(arguments, RENAMED), return_remaining_strings=True
    )
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    return tuple(parsed)


def settings_by_new_names(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a run recorded (`run.json`, `training_args.json`), those of the version before renamed."""
    is_old = "schedule" in settings
    current = {name: value for name, value in settings.items() if not (is_old and name in _MEANT_NOTHING)}
    current = {RENAMED.get(name, name): value for name, value in current.items()}
    if is_old:
        current["lr_scheduler_type"] = RENAMED_SCHEDULES.get(settings["schedule"], settings["schedule"])
    return current


def name_validation_sets(data: DataArguments) -> dict[str, str | None]:
    """Where the validation sets are, by name: the last part of each path, numbered where that is not unique.

    What `--validation_split_percentage` holds out is `held_out`, which has no place of its own.
    """
    names: dict[str, str | None] = {}
    for source in data.eval_dataset:
        name = Path(source.rstrip("/")).stem or "validation"
        names[name if name not in names else f"{name}_{len(names)}"] = source
    if data.validation_split_percentage:
        names["held_out"] = None
    return names


def _set_defaults(parser: HfArgumentParser, path: Path):
    try:
        options = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(options, dict):
        raise ValueError(f"{path} must hold a JSON object of options, not {type(options).__name__}")  # noqa: TRY004
    options = rename_keys(options, RENAMED)
    actions = {action.dest: action for action in parser._actions}
    if unknown := sorted(options.keys() - actions.keys()):
        raise ValueError(f"{path} has options that this script does not know: {', '.join(unknown)}")
    for name, value in options.items():
        action = actions[name]
        if action.choices is not None and value is not None and value not in action.choices:
            raise ValueError(f"{path}: {name} is {value!r}, but must be one of {', '.join(map(str, action.choices))}")
        action.required = False
    parser.set_defaults(**options)


def parse_overrides(text: str | Mapping[str, Any] | None, option: str = "--config_overrides") -> dict[str, Any]:
    """The JSON of an option, which in a JSON file of options may be an object itself.

    Raises:
        ValueError: it is no JSON object.
    """
    if isinstance(text, Mapping):
        return dict(text)
    try:
        overrides = json.loads(text or "{}")
    except ValueError as error:
        raise ValueError(f"{option} is not JSON: {error}") from None
    if not isinstance(overrides, dict):
        raise ValueError(f"{option} must be a JSON object, not {text!r}")  # noqa: TRY004 (of a file or an option)
    return overrides
