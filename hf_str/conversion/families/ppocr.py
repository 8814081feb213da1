# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""PaddlePaddle/PaddleOCR: the recognizers PP-OCRv4, v5 and v6 that it released for Chinese and a hundred languages."""

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from PIL import Image
from transformers import AutoConfig, PreTrainedConfig

from ...models.crnn.configuration_crnn import CRNNConfig
from ...models.crnn.presets_crnn import PRESETS, nearest_multiple
from ..checkpoint_files import read_weights
from ..family import CheckpointFamily, ConversionError, ReadCheckpoint, Weights
from ..ppocr_dictionary import find_ppocr_dictionary
from ..ppocr_onnx import read_ppocr_onnx
from ..ppocr_weights import from_paddle, from_transformers


__all__ = ["FAMILIES", "MODEL_TYPES", "PREPROCESSING", "family_of", "local_folder"]

#: Files of weights: what ends so is no name of a repository.
_SUFFIXES = (".onnx", ".pdparams", ".safetensors", ".pth", ".pt", ".t7")
#: What transformers calls them.
MODEL_TYPES = {
    "pp_ocrv5_mobile_rec": "pp-ocrv5-mobile",
    "pp_ocrv6_small_rec": "pp-ocrv6-small",
    "pp_ocrv6_tiny_rec": "pp-ocrv6-tiny",
}
_IMAGES = {
    "size": {"height": 48, "width": 320},
    "resample": Image.Resampling.BILINEAR,
    "keep_aspect_ratio": True,
    "max_width": 3200,
}
PREPROCESSING = {
    # As wide as a word is, and averaged where it is made smaller: reads as well as PaddleOCR's way, in a third to half
    # of the time. Words narrower than 96 pixels run out of frames, each of which is eight pixels wide.
    "natural": _IMAGES | {"min_width": 96, "resize_to_multiple_of": 32, "vertical_aspect_ratio": 1.5},
    # With OpenCV's interpolation, and padded with zeros to 320 pixels at least.
    "paddle": _IMAGES
    | {"antialias": False, "min_width": 1, "width_rounding": "up"}
    | {"padding": "max_length", "return_pixel_mask": False},
}


def family_of(path: str | Path) -> str | None:
    """The family of a file or a folder, by what it says of itself.

    That is `model_type` in config.json, `model_name` in inference.yml, or the network: 57 convolutions of an ONNX file
    are PP-OCRv6 small, 37 tiny, and 38 PP-OCRv5 mobile or, with a dictionary of 6,623 characters, PP-OCRv4 mobile.

    Returns:
        A name, or `None` where it is none of them, or says nothing.
    """
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    if path.suffix not in (".onnx", ".pdparams") and (folder / "config.json").is_file():
        return MODEL_TYPES.get(json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type"))
    if not path.is_file() or path.suffix not in (".onnx", ".pdparams", ".safetensors"):
        return None
    if (folder / "inference.yml").is_file():
        text = (folder / "inference.yml").read_text(encoding="utf-8")
        if found := re.search(r"model_name: .*PP-OCRv(4_mobile|5_mobile|6_small|6_tiny)_rec\b", text):
            return f"pp-ocrv{found[1].replace('_', '-')}"
    return _family_of_graph(path) if path.suffix == ".onnx" else _family_of_names(_named_weights(path))


def _family_of_graph(path: Path) -> str | None:
    for name in ("pp-ocrv6-small", "pp-ocrv6-tiny", "pp-ocrv5-mobile"):
        try:
            weights, _ = read_ppocr_onnx(path, CRNNConfig.from_preset(name, folded_batch_norms=True))
        except ConversionError:
            continue
        return _v4_or_v5(weights["ctc_head.bias"]) if name == "pp-ocrv5-mobile" else name
    return None


def _family_of_names(weights: Weights) -> str | None:
    """By the names of transformers."""
    if any(".token_conv." in name or ".token_mixer." in name for name in weights):
        return "pp-ocrv6-small" if "head.head.bias" in weights else "pp-ocrv6-tiny"
    is_v3 = any(".depthwise_convolution.conv_symmetric." in name for name in weights) and "head.head.bias" in weights
    return _v4_or_v5(weights["head.head.bias"]) if is_v3 else None


def _v4_or_v5(head: torch.Tensor) -> str:
    """They are one network; the dictionary of v4 has 6,623 characters."""
    return "pp-ocrv4-mobile" if len(head) == 6625 else "pp-ocrv5-mobile"


def _read(name: str, path: Path, dictionary: Path | None) -> ReadCheckpoint:
    fields, metadata = dict(PRESETS[name]), {}
    if path.suffix == ".onnx":
        fields["folded_batch_norms"] = True
        weights, characters = read_ppocr_onnx(path, CRNNConfig(**fields))
        metadata = {"character": "\n".join(characters)} if characters else {}
    else:
        if path.suffix == ".pdparams" and fields["sequentializer"] == "convolution":
            raise ConversionError("the training file of PP-OCRv6 tiny is not known here: convert its ONNX file")
        folder = path if path.is_dir() else path.parent
        if path.suffix != ".pdparams" and (folder / "config.json").is_file():
            fields |= _described_fields(AutoConfig.from_pretrained(folder))
        weights, decided = from_transformers(_named_weights(path), CRNNConfig(**fields))
        fields |= decided
    return ReadCheckpoint(weights, fields, _symbols(path, dictionary, metadata, len(weights["ctc_head.bias"])))


def _named_weights(path: Path) -> Weights:
    """The weights of a file or folder under transformers' names."""
    if path.suffix == ".pdparams":
        return from_paddle(read_weights(path))
    files = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(f"there are no .safetensors in {path}")
    return {name: weight for file in files for name, weight in read_weights(file).items()}


def _described_fields(config: PreTrainedConfig) -> dict[str, Any]:
    """Fields of `CRNNConfig` for a network that transformers' config describes.

    Raises:
        ConversionError: a part of it cannot be converted.
    """
    if config.model_type not in MODEL_TYPES:
        raise ConversionError(f"its config.json is of {config.model_type!r}, not of {', '.join(MODEL_TYPES)}")
    backbone = config.backbone_config
    blocks = [block for stage in backbone.block_configs for block in stage]
    is_v3 = backbone.model_type == "pp_lcnet_v3"
    if is_v3:
        expected = {"reduction": 4, "hidden_act": "hardswish", "stem_stride": 2}
        stem = [backbone.stem_channels]
    else:
        expected = {"reduction": 4, "hidden_act": "relu", "use_learnable_affine_block": False}
        expected["stem_strides"] = [2, 1, 1, 2, 1]
        stem = backbone.stem_channels[1:]

    for name, value in expected.items():
        found = getattr(backbone, name)
        if (list(found) if isinstance(found, (list, tuple)) else found) != value:
            raise ConversionError(f"the {name} of its backbone is {found}, and only {value} can be converted")
    if is_v3 and any(stride == 2 for _, _, _, stride, _ in blocks):
        raise ConversionError("a stride of 2 in both directions is that of a detector: this is no recognizer")

    def channels(count: int) -> int:
        return nearest_multiple(count * backbone.scale, backbone.divisor) if is_v3 else count

    fields = {
        "stem_channels": [channels(count) for count in stem],
        "stage_depths": [1] * len(blocks),
        "stage_kernel_sizes": [kernel_size for kernel_size, *_ in blocks],
        "stage_channels": [channels(count) for _, _, count, _, _ in blocks],
        "stage_strides": [[stride] * 2 if isinstance(stride, int) else list(stride) for *_, stride, _ in blocks],
        "stage_squeezes": [squeeze for *_, squeeze in blocks],
        "hidden_size": config.hidden_size,
    }
    if not is_v3:
        fields["stem_type"] = backbone.stem_type
    if config.model_type != "pp_ocrv6_tiny_rec":
        fields |= {
            "intermediate_size": int(config.hidden_size * config.mlp_ratio),
            "num_hidden_layers": config.depth,
            "num_attention_heads": config.num_attention_heads,
            "mixing_kernel_size": config.conv_kernel_size[1],
            "hidden_act": config.hidden_act,
            "layer_norm_eps": config.layer_norm_eps,
        }
    return fields


def _symbols(path: Path, dictionary: Path | None, metadata: dict[str, str], num_classes: int) -> list[str]:
    """The text of each class but the blank."""
    folder = path if path.is_dir() else path.parent
    for file in ("preprocessor_config.json", "processor_config.json"):
        settings = json.loads((folder / file).read_text(encoding="utf-8")) if (folder / file).is_file() else {}
        listed = settings.get("character_list") or settings.get("image_processor", {}).get("character_list")
        if listed and dictionary is None and len(listed) == num_classes:  # the blank is one of them
            return listed[1:]
    try:
        return find_ppocr_dictionary(folder / "file" if path.is_dir() else path, metadata, num_classes, dictionary)
    except ValueError as error:
        raise ConversionError(str(error)) from error


def local_folder(path: str | Path) -> Path:
    """A path as it is, or the folder to which a repository of the Hub was downloaded.

    Raises:
        FileNotFoundError: there is no such file or folder, and it is no name of a repository.
        OSError: there is no such repository, or it cannot be reached.
    """
    if Path(path).exists():
        return Path(path)
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", str(path)) or Path(path).suffix in _SUFFIXES:
        raise FileNotFoundError(f"there is no file {path}")
    return Path(snapshot_download(str(path), allow_patterns=["*.json", "*.safetensors", "*.yml", "*.txt"]))


FAMILIES = tuple(
    CheckpointFamily(
        name=name,
        title=f"{title} of PaddlePaddle/PaddleOCR",
        source="https://github.com/PaddlePaddle/PaddleOCR",
        files=f"{files}; dictionary in its metadata, in inference.yml or *_dict.txt beside it, or by --dictionary",
        config=PRESETS[name],
        names={},
        preprocessing=PREPROCESSING,
        charsets={},
        read=partial(_read, name),
        authors="PaddlePaddle Authors",
        license="apache-2.0",
    )
    for name, title, files in (
        ("pp-ocrv4-mobile", "PP-OCRv4 mobile", "ONNX file or best_accuracy.pdparams"),
        ("pp-ocrv5-mobile", "PP-OCRv5 mobile", "ONNX file, PP-OCRv5_mobile_rec_safetensors or best_accuracy.pdparams"),
        ("pp-ocrv6-small", "PP-OCRv6 small", "ONNX file, PP-OCRv6_small_rec_safetensors or best_accuracy.pdparams"),
        ("pp-ocrv6-tiny", "PP-OCRv6 tiny", "ONNX file or PP-OCRv6_tiny_rec_safetensors"),
    )
)
