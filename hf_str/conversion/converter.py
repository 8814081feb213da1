# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""A checkpoint of another project in, a complete checkpoint of our own out."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..models.crnn.modeling_crnn import CRNNForCTC
from .activation import choose_activation
from .checkpoint_files import CheckpointFile, open_checkpoint
from .classes import Charset, class_order, keep_classes, reorder_classes, symbols_of_classes
from .families import FAMILIES, ppocr
from .family import CheckpointFamily, ConversionError, ReadCheckpoint
from .file_kinds import kind_of
from .matching import (
    check_image_size,
    check_names,
    check_shapes,
    make_config,
    rename_weights,
    shapes_of,
    sizes_of,
    strip_prefix,
)
from .saving import ConvertedNetwork, save_converted


__all__ = ["convert_checkpoint"]

_LARGEST_SIDE = 10_000

T = TypeVar("T")


def convert_checkpoint(
    family: str | CheckpointFamily | None,
    path: str | Path,
    output_dir: str | Path,
    charset: Charset | None = None,
    preprocessing: str | None = None,
    image_size: Sequence[int] | None = None,
    dictionary: str | Path | None = None,
    half: bool = False,
    activation: str | None = None,
    weights_key: str | None = None,
) -> CRNNForCTC:
    """Converts a checkpoint of another project to one that loads with `AutoModelForCTC` and `AutoProcessor`.

    `output_dir` gets config, weights (safetensors), tokenizer, image processor, code and a model card. Logits and
    pixels are those of the other project, with the blank as class 0.

    Args:
        family: key of [`FAMILIES`], or the description of a family that is not among them. `None` where the file says
            what it is, as those of PP-OCR do.
        path: file of weights; for PP-OCR also a folder or a repository on the Hub with transformers' safetensors.
        output_dir: folder of the converted checkpoint.
        charset: name of one of the family's charsets, or what [`resolve_charset`] takes: one character for each class
            but the blank, in order; by default the family's charset of that size. Of a checkpoint with a dictionary of
            its own (PP-OCR) the classes of these characters are kept, and those that it lacks start fresh; by default
            the whole dictionary.
        preprocessing: name of one of the family's ways to prepare images; the first by default.
        image_size: `(height, width)` in pixels, where the network was trained on other images than the family's.
        dictionary: text file with a character a line, or inference.yml, for a PP-OCR file without a dictionary.
        half: save weights in half precision; they are loaded in float32 all the same.
        activation: "relu", "leaky_relu" or "leaky_relu:SLOPE", where the file does not say what follows its
            convolutions. By default ReLU is assumed then, and the card says so.
        weights_key: key of the weights in a file with several sets of them ("ema"), or prefix of their names
            ("Student").

    Returns:
        The converted model, in evaluation mode.

    Raises:
        ConversionError: the file holds no weights, is damaged, or asks for code; it holds another network than that of
            `family`, all differences are listed; the charset has another size; or the project refuses such images.
        FileNotFoundError: there is no such file.
    """
    file = Path(path).name  # what was named: a repository of the Hub is downloaded to a folder named by its commit
    path = ppocr.local_folder(path) if family is None or str(family) in ppocr.MODEL_TYPES.values() else Path(path)
    family = _find_family(family, path)
    preprocessing = preprocessing or next(iter(family.preprocessing))
    images = _image_options(family, preprocessing, image_size)
    if family.read is not None:
        network = _described_network(family, family.read, path, dictionary, charset, images["size"])
    else:
        checkpoint = open_checkpoint(path)
        images |= {} if image_size is not None else _noted_size(checkpoint)
        network = _named_network(family, checkpoint, charset, images["size"], activation, weights_key)
    return save_converted(network, family, file, preprocessing, images, output_dir, half)


def _find_family(family: str | CheckpointFamily | None, path: Path) -> CheckpointFamily:
    """The family that is named, or else the one that the file says it is."""
    if isinstance(family, CheckpointFamily):
        return family
    name = ppocr.family_of(path) if family is None else family
    if name is None:
        try:
            kind_of(path)  # it may be no file of weights at all
        except ConversionError as error:
            if path.is_file():
                raise ConversionError(f"{path} does not say what it is: {error}") from error
        raise ConversionError(f"{path} does not say what it is: name its family, one of {', '.join(FAMILIES)}")
    return _one_of(FAMILIES, name, "family")


def _image_options(family: CheckpointFamily, preprocessing: str, image_size: Sequence[int] | None) -> dict[str, Any]:
    """Options of the image processor for one of the family's ways to prepare images."""
    options = dict(_one_of(family.preprocessing, preprocessing, f"way of {family.name} to prepare images"))
    if image_size is not None:
        if len(image_size) != 2 or not all(1 <= side <= _LARGEST_SIDE for side in image_size):
            raise ConversionError(
                f"images of {' x '.join(map(str, image_size))} pixels cannot be: give a height and a width from 1 to "
                f"{_LARGEST_SIDE:,}"
            )
        options["size"] = dict(zip(("height", "width"), image_size, strict=True))
    return options


def _described_network(
    family: CheckpointFamily,
    read: Callable[[Path, Path | None], ReadCheckpoint],
    path: Path,
    dictionary: str | Path | None,
    charset: Charset | None,
    size: Mapping[str, int],
) -> ConvertedNetwork:
    """The network of a checkpoint that says itself what it is, and brings its dictionary along."""
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    found = read(path, None if dictionary is None else Path(dictionary))
    check_image_size(make_config({**found.config, "image_height": size["height"]}), family, size["width"])
    needed = shapes_of(make_config({**found.config, "vocab_size": len(found.symbols) + 1}))
    check_names(found.weights, family, needed)
    check_shapes(found.weights, family, needed)
    weights, symbols, fresh = keep_classes(found.weights, found.symbols, charset)
    config = make_config({**found.config, "vocab_size": len(symbols) + 1})
    return ConvertedNetwork(config, weights, symbols, fresh)


def _named_network(
    family: CheckpointFamily,
    file: CheckpointFile,
    charset: Charset | None,
    size: Mapping[str, int],
    activation: str | None,
    weights_key: str | None,
) -> ConvertedNetwork:
    """The network of a file whose weights are found by the family's names, and its classes by a charset."""
    weights = strip_prefix(file.weights(weights_key), family)
    try:
        weights = family.adapt(weights)
    except (IndexError, RuntimeError) as error:
        raise ConversionError(f"this is not the network of family {family.name!r}: {error}") from error
    fields = {**family.config, "image_height": size["height"]}
    check_image_size(make_config(fields), family, size["width"])
    activation_fields, assumption = choose_activation(family, file, activation)
    fields |= activation_fields
    weights = rename_weights(weights, family, shapes_of(make_config(fields)))
    fields |= sizes_of(weights, family)
    check_shapes(weights, family, shapes_of(make_config(fields)))

    num_symbols = fields["vocab_size"] - 1
    noted = file.noted("charset_train") if charset is None else None  # of strhub
    if isinstance(noted, str) and len(noted) == num_symbols:
        charset = tuple(noted)
    order, symbols = class_order(symbols_of_classes(charset, family, num_symbols), family.blank)
    config = make_config({**fields, "vocab_size": len(order)})
    return ConvertedNetwork(config, reorder_classes(weights, order), symbols, assumption=assumption)


def _noted_size(file: CheckpointFile) -> dict[str, Any]:
    """The size of images that a file of strhub says it was trained on, as an option of the image processor."""
    noted = file.noted("img_size")
    if (
        isinstance(noted, (list, tuple))
        and len(noted) == 2
        and all(isinstance(side, int) and side > 0 for side in noted)
    ):
        return {"size": {"height": noted[0], "width": noted[1]}}
    return {}


def _one_of(table: Mapping[str, T], name: str, what: str) -> T:
    if name not in table:
        raise ValueError(f"there is no {what} {name!r}; there are {', '.join(table)}")
    return table[name]
