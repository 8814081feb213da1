"""A foreign checkpoint in, a complete checkpoint of our own out."""

import unicodedata
from collections.abc import Container, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import torch

from ..models.crnn.configuration_crnn import CRNNConfig
from ..models.crnn.image_processing_pil_crnn import CRNNImageProcessorPil
from ..models.crnn.modeling_crnn import CRNNForCTC
from ..models.crnn.processing_crnn import CRNNProcessor
from ..models.crnn.tokenization_crnn import CRNNTokenizer, resolve_charset
from .checkpoint_files import read_weights
from .families import FAMILIES
from .family import CheckpointFamily, ConversionError, Weights
from .model_card import model_card


__all__ = ["convert_checkpoint"]


def convert_checkpoint(
    family: str | CheckpointFamily,
    path: str | Path,
    output_dir: str | Path,
    charset: str | Path | Iterable[str] | None = None,
    preprocessing: str | None = None,
    image_size: tuple[int, int] | None = None,
) -> CRNNForCTC:
    """Converts a checkpoint of another project.

    `output_dir` gets config, weights (safetensors), tokenizer, image processor, code and a model card, and loads with
    `AutoModelForCTC` and `AutoProcessor`. Logits and pixels are those of the other project, with the blank as class 0.

    Args:
        family: which project and network, a key of [`FAMILIES`]; or the description of one that is not among them.
        path: its file of weights.
        output_dir: where the checkpoint goes.
        charset: name of one of the family's charsets, or what [`resolve_charset`] takes: one character for each class
            but the blank, in order. By default the one of the family's charsets that has as many as the network.
        preprocessing: name of one of the family's ways to prepare images; the first by default.
        image_size: `(height, width)` of the images, where the network was trained on others than the family's.

    Returns:
        The converted model, in evaluation mode.

    Raises:
        ConversionError: the file holds another network than that of `family`, all differences are listed; or the
            charset has another number of characters than the network.
        FileNotFoundError: there is no such file.
    """
    if isinstance(family, str):
        family = _one_of(FAMILIES, family, "family")
    preprocessing = preprocessing or next(iter(family.preprocessing))
    options = dict(_one_of(family.preprocessing, preprocessing, f"way of {family.name} to prepare images"))
    if image_size is not None:
        options["size"] = dict(zip(("height", "width"), image_size, strict=True))

    weights = read_weights(path, family.containers)
    weights = family.adapt(_without_prefixes(weights, family.prefixes))
    fields = dict(family.config) | {"image_height": options["size"]["height"]}
    weights = _renamed(weights, family, _shapes(CRNNConfig(**fields)))
    fields |= _sizes(weights, is_vgg=fields.get("featurizer", "vgg") == "vgg")
    _check_shapes(weights, family, _shapes(CRNNConfig(**fields)))

    order, symbols = _class_order(_symbols(charset, family, fields["vocab_size"] - 1), family.blank)
    for name in ("ctc_head.weight", "ctc_head.bias"):
        weights[name] = weights[name][order]
    config = CRNNConfig(**fields | {"vocab_size": len(order)})
    model = CRNNForCTC(config)
    model.load_state_dict(weights, strict=False)  # old versions of PyTorch did not save num_batches_tracked
    model.eval()

    image_processor = CRNNImageProcessorPil(do_grayscale=config.num_channels == 1, **options)
    tokenizer = CRNNTokenizer(charset=symbols)
    model.save_pretrained(output_dir)
    CRNNProcessor(image_processor, tokenizer).save_pretrained(output_dir)
    card = model_card(family, preprocessing, Path(path).name, model, symbols)
    Path(output_dir, "README.md").write_text(card, encoding="utf-8")
    return model


def _one_of(table: Mapping[str, Any], name: str, what: str) -> Any:
    if name not in table:
        raise ValueError(f"there is no {what} {name!r}; there are {', '.join(table)}")
    return table[name]


def _without_prefixes(weights: Weights, prefixes: Sequence[str]) -> Weights:
    """Takes away what all names begin with: "module." of DataParallel, "_orig_mod." of torch.compile."""
    while prefix := next((p for p in prefixes if all(name.startswith(p) for name in weights)), None):
        weights = {name.removeprefix(prefix): weight for name, weight in weights.items()}
    return weights


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
    symbols = list(own_charset or resolve_charset(charset))
    if len(symbols) != number:
        raise ConversionError(
            f"the charset has {len(symbols)} characters, but the network has {number + 1} classes: {number} "
            f"characters and the blank. The charsets of family {family.name!r} are {own}"
        )
    return [unicodedata.normalize("NFC", symbol) for symbol in symbols]


def _class_order(symbols: Sequence[str], blank: str) -> tuple[torch.Tensor, list[str]]:
    """Which of the foreign classes each of ours is, and our symbols.

    The blank comes first. Some charsets of EasyOCR have a character twice: labels were made with the last of its
    classes, so that the others were never taught anything and are left out.
    """
    first = 1 if blank == "first" else 0
    class_of = {symbol: index for index, symbol in enumerate(symbols, start=first)}
    blank_class = 0 if blank == "first" else len(symbols)
    return torch.tensor([blank_class, *class_of.values()]), list(class_of)
