# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The options of both run scripts; each group is a dataclass for `HfArgumentParser`."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transformers import HfArgumentParser

from ..models.crnn.presets_crnn import PRESETS
from ..utils.options import HelpFormatter, rename_options
from .option_files import set_defaults


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
    """The network and the size of its images."""

    model_name_or_path: str | None = option(
        None,
        "Checkpoint to fine-tune: a folder or a Hub repository, of hf_str or of PP-OCR "
        "(PaddlePaddle/PP-OCRv6_small_rec_safetensors), or an ONNX file of PP-OCR (default: the checkpoint that comes "
        "with hf_str, or a new network if --config_overrides or --preset is given).",
    )
    config_overrides: str | None = option(
        None,
        "Fields of CRNNConfig as JSON. Without --model_name_or_path, they define a new network: '{}' is that of the "
        'paper, \'{"conv_channels": [32, 64, 160, 160, 320, 320, 320], "batch_norms": true, "hidden_size": 192}\' a '
        "faster one for CPUs. With --model_name_or_path, they change its config, such as '{\"dropout\": 0.1}'.",
    )
    preset: str | None = option(
        None,
        "Train a new network with this name, such as resnet45-bilstm (scripts/list_presets.py lists all). "
        "--config_overrides changes its fields.",
        choices=sorted(PRESETS),
    )
    charset: str | None = option(
        None,
        "Characters to recognize: digits, 36, 62, 94, 94+space, latin, german, korean, chinese ..., a .txt file, or "
        "the characters themselves (default: those of the checkpoint, or 94 for a new network). A checkpoint keeps "
        "the weights of the characters that are in both charsets.",
    )
    image_width: int | None = option(
        None,
        "Width in pixels to which images are stretched; with --keep_aspect_ratio, their largest width (default: that "
        "of the checkpoint, or 128 for a new network).",
    )
    keep_aspect_ratio: bool | None = option(
        None,
        "Keep the aspect ratio of images and pad them instead of stretching them, which is better for long words "
        "(default: as the checkpoint does).",
    )
    image_processor_overrides: str | None = option(
        None, """Options of the image processor as JSON, such as '{"width_factor": 1.5, "min_width": 96}'."""
    )


@dataclass
class DataArguments:
    """The samples to train and to evaluate on."""

    dataset: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Training data: datasets on the Hub, folders or files in any format that prepare_word_boxes.py "
            "--help lists, or `synth` for words rendered during training. A share of the samples may follow each: "
            "--dataset synth=0.75 photos/=0.25. The others divide the rest in proportion to their sizes."
        },
    )
    pseudo_labeled_dataset: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Training data with pseudo-labels (scripts/pseudo_label.py). They are never held out for "
            "validation."
        },
    )
    extra_crops_dataset: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Training data with other crops of the words in --dataset. Crops with the same text as a held-out "
            "sample are left out."
        },
    )
    dataset_format: str | None = option(
        None, "Format of the training data; prepare_word_boxes.py --help lists all (default: detected)."
    )
    dataset_split: str | None = option(None, "Split of the training data (default: the only one, or else train).")
    streaming: bool = option(
        False, "Stream the training data, for datasets larger than the disk. Requires --max_steps."
    )
    shuffle_block: int = option(4096, "Number of samples of a stream that are shuffled together.")
    eval_dataset: list[str] = field(
        default_factory=list, metadata={"help": "Validation sets, evaluated every --eval_steps."}
    )
    eval_dataset_format: str | None = option(None, "Format of the validation sets (default: detected).")
    eval_dataset_split: str | None = option(
        None, "Split of the validation sets (default: the only one, or else train)."
    )
    validation_split_percentage: int = option(
        0,
        "Percentage of the stored samples of --dataset to hold out for validation. They are chosen by their paths or "
        "contents, so they are the same in every run.",
    )
    max_eval_samples: int | None = option(
        None, "Number of samples to evaluate from each validation set, spread evenly over it (default: all)."
    )
    bad_labels: str = option(
        "error",
        "What to do with invalid samples (characters outside the charset, labels too long for their image, damaged "
        "images): stop and name them, or leave them out and count them.",
        choices=["error", "drop"],
    )
    augmentation: float = option(1.0, "Strength of the random augmentation of real images; 0 turns it off.")
    bucket_steps: int = option(
        50,
        "With --keep_aspect_ratio, sort the samples of this many steps by width, so that batches need less padding; 0 "
        "turns it off.",
    )


@dataclass
class SynthesisArguments:
    """Options of rendered words (`synth`)."""

    lexicon: list[str] = field(
        default_factory=list,
        metadata={"help": "Text files with one word per line, or wordfreq:LANGUAGE (default: invented words)."},
    )
    fonts: list[str] = field(
        default_factory=list, metadata={"help": "Folders of fonts (default: those of this system)."}
    )
    backgrounds: str | None = option(None, "Folder of photos to render on (default: painted backgrounds).")
    difficulty: float = option(1.0, "From 0, clean print, to 1, as hard as street photos.")
    curriculum_samples: int = option(
        0, "Number of first rendered samples over which the difficulty rises to --difficulty."
    )
    max_word_length: int = option(20, "Longest rendered text, in characters.")


@dataclass
class RecipeArguments:
    """Options of the training that transformers does not have."""

    ema_decay: float = option(
        0.0,
        "Decay of an exponential moving average of the weights, such as 0.999. The average is evaluated and saved; 0 "
        "turns it off.",
    )
    max_nonfinite_steps: int = option(10, "Stop after this many steps in a row with a loss that is not finite.")
    freeze: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Parts of the network to freeze: featurizer, featurizer:4 (its first 4 layers), sequentializer, "
            "sequentializer:1, rectification, head."
        },
    )
    teacher_model: str | None = option(
        None,
        "Checkpoint for knowledge distillation, with the same charset, image size and number of frames. self is the "
        "checkpoint that the run starts from, which reduces forgetting.",
    )
    teacher_weight: float = option(0.5, "Weight of the distillation loss, from 0 to 1.")
    teacher_temperature: float = option(2.0, "Temperature of the distillation loss.")
    data_echo_factor: float = option(
        1.0,
        "Number of times that each sample is trained on (data echoing): first as it is loaded, then with random "
        "augmentation from a buffer on the device. Useful if loading samples is slower than training on them.",
    )
    echo_buffer_size: int = option(200_000, "Number of samples in the echo buffer, for each image width.")
    echo_augmentation: float = option(0.5, "Strength of the random augmentation of samples from the echo buffer.")
    max_minutes: float | None = option(
        None, "Save a checkpoint and stop after this many minutes; give the same command again to resume."
    )
    early_stopping_patience: int | None = option(
        None, "Stop after this many evaluations in a row without improvement."
    )
    channels_last: bool = option(
        False,
        "Use the channels-last memory layout, which is faster on GPUs, and on CPUs in bfloat16. Results differ a "
        "little.",
    )
    saved_dtype: str = option(
        "float32",
        "Data type of the weights in the saved model; float16 halves the size and is loaded as float32.",
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
        ValueError: the JSON file has an unknown name, a value that its option does not take, or no object in it; or an
            option is refused.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    parser = HfArgumentParser(dataclasses, description=description, formatter_class=HelpFormatter)
    for action in parser._actions:  # a switch that is on by default has a second one, with the same help
        if action.dest.isidentifier() and f"--no_{action.dest}" in action.option_strings:
            action.help = f"Turn off --{action.dest}."
    if arguments and arguments[0].endswith(".json"):
        set_defaults(parser, dataclasses, Path(arguments.pop(0)), RENAMED)
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
        is_taken = name in names or (name == "held_out" and data.validation_split_percentage)
        names[f"{name}_{len(names)}" if is_taken else name] = source
    if data.validation_split_percentage:
        names["held_out"] = None
    return names


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
