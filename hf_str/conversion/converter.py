# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""A foreign checkpoint in, a complete checkpoint of our own out."""

import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers.utils import logging

from ..models.crnn.configuration_crnn import CRNNConfig
from ..models.crnn.image_processing_pil_crnn import CRNNImageProcessorPil
from ..models.crnn.modeling_crnn import CRNNForCTC
from ..models.crnn.processing_crnn import CRNNProcessor
from ..models.crnn.text_crnn import normalize_symbols
from ..models.crnn.tokenization_crnn import CHARSETS, CRNNTokenizer, resolve_charset
from .checkpoint_files import CheckpointFile, open_checkpoint
from .families import FAMILIES, ppocr
from .family import CheckpointFamily, ConversionError, Weights
from .file_kinds import kind_of
from .model_card import model_card, notice


__all__ = ["convert_checkpoint"]

logger = logging.get_logger(__name__)

_LARGEST_SIDE = 10_000
#: Classes whose leaky ReLU is on unless a configuration says otherwise (MMOCR 1 and 0).
_LEAKY_BY_DEFAULT = ("MiniVGG", "VeryDeepVgg")


def convert_checkpoint(
    family: str | CheckpointFamily | None,
    path: str | Path,
    output_dir: str | Path,
    charset: str | Path | Iterable[str] | None = None,
    preprocessing: str | None = None,
    image_size: tuple[int, int] | None = None,
    dictionary: str | Path | None = None,
    half: bool = False,
    activation: str | None = None,
    weights_key: str | None = None,
) -> CRNNForCTC:
    """Converts a checkpoint of another project.

    `output_dir` gets config, weights (safetensors), tokenizer, image processor, code and a model card, and loads with
    `AutoModelForCTC` and `AutoProcessor`. Logits and pixels are those of the other project, with the blank as class 0.

    Args:
        family: which project and network, a key of [`FAMILIES`]; or the description of one that is not among them.
            `None` where the file says what it is, as those of PP-OCR do.
        path: its file of weights; of PP-OCR also a folder or a repository on the Hub with transformers' safetensors.
        output_dir: where the checkpoint goes.
        charset: name of one of the family's charsets, or what [`resolve_charset`] takes: one character for each class
            but the blank, in order. By default the one of the family's charsets that has as many as the network. Of a
            checkpoint with a dictionary of its own (PP-OCR) the classes of these characters are kept, and those that
            it lacks start fresh; by default the whole dictionary.
        preprocessing: name of one of the family's ways to prepare images; the first by default.
        image_size: `(height, width)` of the images, where the network was trained on others than the family's.
        dictionary: text file with a character a line, or inference.yml, for a network of PP-OCR whose file does not
            bring its own.
        half: save weights in half precision; they are loaded in float32 all the same.
        activation: "relu" or "leaky_relu", or with another slope than the project's "leaky_relu:0.01", where a file
            does not say which of them its convolutions have. By default ReLU is assumed where nothing is said, and
            the card says so.
        weights_key: under which of its keys a file has the weights, where it has several sets of them ("ema"), or
            before which of their names ("Student").

    Returns:
        The converted model, in evaluation mode.

    Raises:
        ConversionError: the file is none of weights, damaged, or asks for code; it holds another network than that of
            `family`, all differences are listed; weights are no numbers; the charset has another number of characters
            than the network; or the project's own code refuses images of this size.
        FileNotFoundError: there is no such file.
    """
    file = Path(path).name  # what was named: a repository of the Hub is downloaded to a folder named by its commit
    path = ppocr.local_folder(path) if family is None or str(family) in ppocr.MODEL_TYPES.values() else Path(path)
    if family is None:
        family = ppocr.family_of(path)
        if family is None:
            try:
                kind_of(path)  # it may be no file of weights at all
            except ConversionError as error:
                if path.is_file():
                    raise ConversionError(f"{path} does not say what it is: {error}") from error
            raise ConversionError(f"{path} does not say what it is: name its family, one of {', '.join(FAMILIES)}")
    if isinstance(family, str):
        family = _one_of(FAMILIES, family, "family")
    preprocessing = preprocessing or next(iter(family.preprocessing))
    options = dict(_one_of(family.preprocessing, preprocessing, f"way of {family.name} to prepare images"))
    if image_size is not None:
        if len(image_size) != 2 or not all(1 <= side <= _LARGEST_SIDE for side in image_size):
            raise ConversionError(
                f"images of {' x '.join(map(str, image_size))} pixels cannot be: give a height and a width from 1 to "
                f"{_LARGEST_SIDE:,}"
            )
        options["size"] = dict(zip(("height", "width"), image_size, strict=True))

    if family.read is not None:
        if not path.exists():
            raise FileNotFoundError(f"there is no file {path}")
        read = family.read(path, None if dictionary is None else Path(dictionary))
        _check_image_size(read.config, family, options)
        needed = _shapes(CRNNConfig(**read.config | {"vocab_size": len(read.symbols) + 1}))
        missing = [name for name in needed if name not in read.weights and not name.endswith("num_batches_tracked")]
        _refuse(family, {"are missing": missing, "are not part of it": sorted(read.weights.keys() - needed.keys())})
        _check_shapes(read.weights, family, needed)
        weights, symbols, fresh = _keep_classes(read.weights, read.symbols, charset)
        config = CRNNConfig(**read.config | {"vocab_size": len(symbols) + 1})
        return _save(config, weights, symbols, family, preprocessing, options, file, output_dir, fresh, half)

    file_content = open_checkpoint(path)
    weights = _without_prefix(file_content.weights(weights_key), family)
    try:
        weights = family.adapt(weights)
    except (IndexError, RuntimeError) as error:
        raise ConversionError(f"this is not the network of family {family.name!r}: {error}") from error
    if image_size is None and (told := _told_size(file_content)):
        options["size"] = told
    fields = dict(family.config) | {"image_height": options["size"]["height"]}
    _check_image_size(fields, family, options)
    activations, assumption = _activation(family, file_content, activation)
    fields |= activations
    weights = _renamed(weights, family, _shapes(_config(fields)))
    try:
        fields |= _sizes(weights, is_vgg=fields.get("featurizer", "vgg") == "vgg")
    except (IndexError, TypeError) as error:
        raise ConversionError(
            f"this is not the network of family {family.name!r}: its convolutions, LSTM or head are no such weights"
        ) from error
    _check_shapes(weights, family, _shapes(_config(fields)))

    if charset is None:
        told = file_content.said("charset_train")  # of strhub
        charset = tuple(told) if isinstance(told, str) and len(told) == fields["vocab_size"] - 1 else None
    order, symbols = _class_order(_symbols(charset, family, fields["vocab_size"] - 1), family.blank)
    for name in ("ctc_head.weight", "ctc_head.bias"):
        weights[name] = weights[name][order]
    config = _config(fields | {"vocab_size": len(order)})
    return _save(config, weights, symbols, family, preprocessing, options, file, output_dir, [], half, assumption)


def _save(
    config: CRNNConfig,
    weights: Weights,
    symbols: Sequence[str],
    family: CheckpointFamily,
    preprocessing: str,
    options: Mapping[str, Any],
    file: str,
    output_dir: str | Path,
    fresh: Sequence[str],
    half: bool,
    assumption: str = "",
) -> CRNNForCTC:
    """Writes the checkpoint: weights, config, code, tokenizer, image processor, card and notice."""
    # Whatever is refused is refused before anything is written.
    broken = [
        family.their_name(name)
        for name, weight in weights.items()
        if weight.is_floating_point() and not weight.isfinite().all()
    ]
    _refuse_list(broken, "of its weights are not finite (NaN or infinite), so that it reads nothing")
    image_processor = CRNNImageProcessorPil(do_grayscale=config.num_channels == 1, **options)
    processor = CRNNProcessor(image_processor, CRNNTokenizer(charset=symbols))
    model = CRNNForCTC(config)
    real = {name for name, parameter in model.state_dict().items() if parameter.is_floating_point()}
    whole = [family.their_name(name) for name in weights if name in real and not weights[name].is_floating_point()]
    _refuse_list(whole, "of its weights are no floating-point numbers (quantized, or of another network)")
    model.load_state_dict(weights, strict=False)  # old versions of PyTorch did not save num_batches_tracked
    model.eval()
    state = model.state_dict()
    if half and any(weight.is_floating_point() and weight.half().isinf().any() for weight in state.values()):
        raise ConversionError("some weights are too large for half precision: save them in full")
    if half:  # the config still says float32, which is how the weights are loaded
        state = {name: weight.half() if weight.is_floating_point() else weight for name, weight in state.items()}
    model.save_pretrained(output_dir, state_dict=state)
    processor.save_pretrained(output_dir)
    card = model_card(family, preprocessing, file, model, symbols, fresh, assumption)
    Path(output_dir, "README.md").write_text(card, encoding="utf-8")
    if family.authors:
        Path(output_dir, "NOTICE").write_text(notice(family, file), encoding="utf-8")
    return model


def _keep_classes(weights: Weights, known: Sequence[str], charset: Any) -> tuple[Weights, list[str], list[str]]:
    """The head for the characters of a charset, and those of them that the dictionary lacks.

    Their rows are the mean of all others: a character that does not fire, so that it is read by nobody before it is
    trained.

    Raises:
        ConversionError: the dictionary has none of them.
    """
    if charset is None:
        return weights, list(known), []
    symbols, classes = list(resolve_charset(charset)), {}
    for index, symbol in reversed(list(enumerate(known, start=1))):
        classes[normalize_symbols(symbol)] = index
    classes |= {symbol: index for index, symbol in reversed(list(enumerate(known, start=1)))}  # as they stand, first
    found = [classes.get(symbol) for symbol in symbols]
    rows = [0, *(index for index in found if index is not None)]
    if len(rows) == 1:
        raise ConversionError("the dictionary has none of the characters of the charset")
    kept = dict(weights)
    for name in ("ctc_head.weight", "ctc_head.bias"):
        typical = weights[name][rows[1:]].mean(0)
        picked = [weights[name][0], *(typical if index is None else weights[name][index] for index in found)]
        kept[name] = torch.stack(picked)
    fresh = [symbol for symbol, index in zip(symbols, found, strict=True) if index is None]
    if fresh:
        named = " ".join(fresh[:50]) + (" and others, all in README.md" if len(fresh) > 50 else "")
        logger.warning(f"{len(fresh):,} characters are not in the dictionary and start fresh: {named}")
    return kept, symbols, fresh


def _one_of(table: Mapping[str, Any], name: str, what: str) -> Any:
    if name not in table:
        raise ValueError(f"there is no {what} {name!r}; there are {', '.join(table)}")
    return table[name]


def _without_prefix(weights: Weights, family: CheckpointFamily) -> Weights:
    """Takes away what stands before the family's names: "module." of DataParallel, "model." of a trainer's class.

    It is found by what remains: names of the family.
    """
    while prefix := next((p for p in family.prefixes if all(name.startswith(p) for name in weights)), None):
        weights = {name.removeprefix(prefix): weight for name, weight in weights.items()}
    hits: Counter[str] = Counter()
    for name in weights:
        parts = name.split(".")
        for depth in range(min(len(parts), 10)):
            if family.our_name(".".join(parts[depth:])) is not None:
                hits["".join(f"{part}." for part in parts[:depth])] += 1
    if not hits:
        return weights
    (prefix, most), *others = hits.most_common()
    rivals = [other for other, number in others if number >= 0.9 * most]
    if rivals:
        raise ConversionError(
            "it holds several networks of this kind, which begin with "
            + ", ".join(repr(name) for name in (prefix, *rivals))
            + ": say which one (--weights_key, the name before the last point)"
        )
    return {name.removeprefix(prefix): weight for name, weight in weights.items()}


def _activation(family: CheckpointFamily, file: CheckpointFile, asked: str | None) -> tuple[dict[str, Any], str]:
    """Fields of the config for what the convolutions are followed by, and what the card says of it."""
    told = file.said("leaky_relu") if family.activation_varies else None
    told = bool(told) if isinstance(told, int) else None  # True and False are integers as well
    if told is None and family.activation_varies and file.mentions(*_LEAKY_BY_DEFAULT):
        told = True
    if asked is not None:
        match = re.fullmatch(r"relu|leaky_relu(?::(0?\.\d+))?", asked)
        if match is None:
            raise ConversionError(f"activation is 'relu', 'leaky_relu' or such as 'leaky_relu:0.01', not {asked!r}")
        is_leaky, slope = asked != "relu", float(match[1] or family.leaky_slope)
        if is_leaky and family.config.get("featurizer", "vgg") != "vgg":
            raise ConversionError(f"the network of {family.name} has no leaky ReLU: leave activation out")
        if told is not None and bool(told) != is_leaky:
            raise ConversionError(
                f"the file says that its network has {'leaky ReLU' if told else 'ReLU'}, and {asked} was asked for: "
                "leave activation out"
            )
        why = "as was asked for"
    else:
        is_leaky, slope, why = bool(told), family.leaky_slope, "as the file says"
        if told is None and family.activation_varies:
            why = "**assumed**, as the file does not say; `--activation leaky_relu` converts it with leaky ReLU"
            logger.warning(
                f"{file.path} does not say whether its convolutions have ReLU or leaky ReLU, for which {family.title} "
                "has an option: ReLU is assumed. If it reads nothing right, convert it with --activation leaky_relu"
            )
        elif told is None:
            return {}, ""
    if not is_leaky:
        return {}, f"Activation of the convolutions: ReLU, {why}."
    fields = {"conv_activation": "leaky_relu", "leaky_relu_slope": slope}
    return fields, f"Activation of the convolutions: leaky ReLU with a slope of {slope}, {why}."


def _told_size(file: CheckpointFile) -> dict[str, int] | None:
    """The size of images that a file of strhub says it was trained on."""
    told = file.said("img_size")
    if isinstance(told, (list, tuple)) and len(told) == 2 and all(isinstance(side, int) and side > 0 for side in told):
        return {"height": told[0], "width": told[1]}
    return None


def _config(fields: Mapping[str, Any]) -> CRNNConfig:
    """Of a network that the file's weights have the sizes of, which may be none."""
    try:
        return CRNNConfig(**fields)
    except StrictDataclassError as error:
        raise ConversionError(f"there is no such network: {error.__cause__ or error}") from error


def _check_image_size(fields: Mapping[str, Any], family: CheckpointFamily, options: Mapping[str, Any]):
    """Refuses images that the project's own network refuses, or that leave no frame."""
    height, width = options["size"]["height"], options["size"]["width"]
    config = _config(dict(fields) | {"image_height": height})
    if height % family.height_multiple_of:
        raise ConversionError(
            f"{family.title} takes images whose height is a multiple of {family.height_multiple_of}, not "
            f"{height} pixels"
        )
    if family.has_one_row and (rows := config.num_rows) > 1:
        raise ConversionError(
            f"{family.title} takes images of which one row is left, and of {height} pixels {rows} are: its own code "
            "refuses them"
        )
    if config.num_frames(width) < 1:
        raise ConversionError(f"images {width} pixels wide leave no frame in this network: take a larger width")


def _shapes(config: CRNNConfig) -> dict[str, torch.Size]:
    """Names and shapes of the weights that a model of `config` has, without making it."""
    with torch.device("meta"):
        model = CRNNForCTC(config)
    return {name: weight.shape for name, weight in model.state_dict().items()}


def _renamed(weights: Weights, family: CheckpointFamily, needed: Container[str]) -> Weights:
    """The weights under our names: all that are `needed` and no others, but for counters of batches."""
    renamed, foreign = {}, []
    for name, weight in weights.items():
        ours = family.our_name(name)
        if ours in needed:
            renamed[ours] = weight
        elif not any(fnmatchcase(name, pattern) for pattern in family.not_needed):
            foreign.append(name)
    missing = [
        family.their_name(name) for name in needed if name not in renamed and not name.endswith("num_batches_tracked")
    ]
    _refuse(family, {"are missing": missing, "are not part of it": foreign})
    return renamed


def _sizes(weights: Weights, is_vgg: bool) -> dict[str, Any]:
    """The fields of the config that say how large the network is; only "vgg" has its channels in one row of layers."""
    convolutions = (f"crnn.featurizer.layers.{index}.convolution.weight" for index in count())
    convolutions = [weights[name] for name in takewhile(weights.__contains__, convolutions)]
    sizes = {
        "num_channels": convolutions[0].shape[1],
        "hidden_size": weights["crnn.layers.0.lstm.weight_hh_l0"].shape[1],
        "vocab_size": len(weights["ctc_head.weight"]),
    }
    if is_vgg:
        sizes["conv_channels"] = [len(convolution) for convolution in convolutions]
    if "crnn.rectification.fiducials.weight" in weights:
        sizes["num_fiducials"] = len(weights["crnn.rectification.fiducials.weight"]) // 2
    return sizes


def _check_shapes(weights: Weights, family: CheckpointFamily, needed: Mapping[str, torch.Size]):
    wrong = [
        f"{family.their_name(name)}: {tuple(weight.shape)} instead of {tuple(needed[name])}"
        for name, weight in weights.items()
        if weight.shape != needed[name]
    ]
    _refuse(family, {"have another shape": wrong})


def _refuse(family: CheckpointFamily, problems: Mapping[str, list[str]]):
    """Raises an error that lists all weights with problems, if there are any."""
    if any(problems.values()):
        listed = "".join(
            f"\n{len(names)} {problem}:" + "".join(f"\n  {name}" for name in names)
            for problem, names in problems.items()
            if names
        )
        raise ConversionError(
            f"this is not the network of family {family.name!r}, {family.title}; is it one of another family? "
            f"Of its weights{listed}"
        )


def _refuse_list(names: Sequence[str], problem: str):
    if names:
        shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        raise ConversionError(f"{len(names)} {problem}: {shown}")


def _symbols(charset: Any, family: CheckpointFamily, number: int) -> list[str]:
    """The symbol of each class but the blank."""
    own = ", ".join(f"{name!r} ({len(characters)})" for name, characters in family.charsets.items())
    if charset is None:
        fitting = [name for name, characters in family.charsets.items() if len(characters) == number]
        if len(fitting) != 1:
            raise ConversionError(
                f"the network has {number + 1} classes, {number} characters and the blank, and "
                f"{len(fitting) or 'none'} of the charsets of family {family.name!r} has so many: {own}. Give "
                "charset: the name of one, or a .txt file with one character a line in the order of the classes"
            )
        charset = fitting[0]
    own_charset = family.charsets.get(charset) if isinstance(charset, str) else None
    is_text = isinstance(charset, str) and charset not in CHARSETS and not charset.endswith(".txt")
    if own_charset is None and is_text and len(charset) == number:
        charset = tuple(charset)  # a class each, also where a base and an accent stand together
    symbols = list(own_charset or resolve_charset(charset))
    if len(symbols) != number:
        raise ConversionError(
            f"the charset has {len(symbols)} characters, but the network has {number + 1} classes: {number} "
            f"characters and the blank. The charsets of family {family.name!r} are {own}"
        )
    # Two symbols that NFC would make one keep their classes apart, as `resolve_charset` has it.
    taken = set(symbols)
    return [symbol if (form := normalize_symbols(symbol)) in taken else form for symbol in symbols]


def _class_order(symbols: Sequence[str], blank: str) -> tuple[torch.Tensor, list[str]]:
    """Which of the foreign classes each of ours is, and our symbols.

    The blank comes first. Some charsets of EasyOCR have a character twice: labels were made with the last of its
    classes, so that the others were never taught anything and are left out.
    """
    first = 1 if blank == "first" else 0
    class_of = {symbol: index for index, symbol in enumerate(symbols, start=first)}
    blank_class = 0 if blank == "first" else len(symbols)
    return torch.tensor([blank_class, *class_of.values()]), list(class_of)
