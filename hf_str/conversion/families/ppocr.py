"""PaddlePaddle/PaddleOCR: the recognizers PP-OCRv4, v5 and v6 that it released for Chinese and a hundred languages."""

import json
from functools import partial
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from PIL import Image
from safetensors.torch import load_file

from ...models.crnn.configuration_crnn import CRNNConfig
from ...models.crnn.presets_crnn import PRESETS
from ..family import CheckpointFamily, ConversionError, ReadCheckpoint, Weights
from ..ppocr_dictionary import find_ppocr_dictionary
from ..ppocr_onnx import read_ppocr_onnx
from ..ppocr_weights import from_paddle, from_transformers


__all__ = ["FAMILIES", "MODEL_TYPES", "family_of"]

#: What transformers calls them.
MODEL_TYPES = {
    "pp_ocrv5_mobile_rec": "pp-ocrv5-mobile",
    "pp_ocrv6_small_rec": "pp-ocrv6-small",
    "pp_ocrv6_tiny_rec": "pp-ocrv6-tiny",
}
_IMAGES = {
    "size": {"height": 48, "width": 320},
    "resample": Image.BILINEAR,
    "keep_aspect_ratio": True,
    "max_width": 3200,
}
_PREPROCESSING = {
    # As wide as a word is, and averaged where it is made smaller: reads as well as PaddleOCR's way, in a third to half
    # of the time. Words narrower than 96 pixels run out of frames, each of which is eight pixels wide.
    "natural": _IMAGES | {"min_width": 96, "resize_to_multiple_of": 32, "upright_ratio": 1.5},
    # With OpenCV's interpolation, and padded with zeros to 320 pixels at least.
    "paddle": _IMAGES
    | {"antialias": False, "min_width": 1, "width_rounding": "up"}
    | {"padding": "max_length", "return_pixel_mask": False},
}


def family_of(path: str | Path) -> str | None:
    """Which of the families a file, a folder or a repository on the Hub is, by what it says of itself.

    An ONNX file says it by its convolutions: 57 are PP-OCRv6 small, 37 tiny, and 38 PP-OCRv5 mobile or, with a
    dictionary of 6,623 characters, PP-OCRv4 mobile.

    Returns:
        A name, or `None` where it is none of them, or says nothing.
    """
    path = Path(path)
    if path.suffix == ".onnx" and path.is_file():
        for name in ("pp-ocrv6-small", "pp-ocrv6-tiny", "pp-ocrv5-mobile"):
            try:
                weights, _ = read_ppocr_onnx(path, CRNNConfig.from_preset(name, folded_batch_norms=True))
            except ConversionError:
                continue
            is_v4 = name == "pp-ocrv5-mobile" and len(weights["ctc_head.bias"]) == 6625
            return "pp-ocrv4-mobile" if is_v4 else name
        return None
    settings = (path if path.is_dir() else path.parent) / "config.json"
    if settings.is_file():
        return MODEL_TYPES.get(json.loads(settings.read_text(encoding="utf-8")).get("model_type"))
    return None


def _read(name: str, path: Path, dictionary: Path | None) -> ReadCheckpoint:
    config = CRNNConfig.from_preset(name, folded_batch_norms=True)
    metadata: dict[str, Any] = {}
    if path.suffix == ".onnx":
        weights, characters = read_ppocr_onnx(path, config)
        fields = {"folded_batch_norms": True}
        metadata = {"character": "\n".join(characters)} if characters else {}
    elif path.suffix == ".pdparams":
        from ..checkpoint_files import read_weights

        if config.sequentializer == "convolution":
            raise ConversionError("the training file of PP-OCRv6 tiny is not known here: convert its ONNX file")
        weights, fields = from_transformers(from_paddle(read_weights(path)), config)
    else:
        weights, fields = from_transformers(_safetensors(path), config)
    symbols = _symbols(path, dictionary, metadata, len(weights["ctc_head.bias"]))
    return ReadCheckpoint(weights, PRESETS[name] | fields, symbols)


def _safetensors(path: Path) -> Weights:
    files = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(f"there are no .safetensors in {path}")
    return {name: weight for file in files for name, weight in load_file(file).items()}


def _symbols(path: Path, dictionary: Path | None, metadata: dict[str, Any], num_classes: int) -> list[str]:
    """The text of each class but the blank."""
    if dictionary is not None:
        metadata = {"character": dictionary.read_text(encoding="utf-8").removesuffix("\n")}
    folder = path if path.is_dir() else path.parent
    for file in ("preprocessor_config.json", "processor_config.json"):
        settings = json.loads((folder / file).read_text(encoding="utf-8")) if (folder / file).is_file() else {}
        listed = settings.get("character_list") or settings.get("image_processor", {}).get("character_list")
        if listed and dictionary is None and len(listed) == num_classes:  # the blank is one of them
            return listed[1:]
    try:
        return find_ppocr_dictionary(folder / "file" if path.is_dir() else path, metadata, num_classes)
    except ValueError as error:
        raise ConversionError(str(error)) from error


def local_folder(path: str | Path) -> Path:
    """A path as it is, or the folder to which a repository of the Hub was downloaded."""
    if Path(path).exists():
        return Path(path)
    wanted = ["*.json", "*.safetensors", "*.yml", "*.txt"]
    return Path(snapshot_download(str(path), allow_patterns=wanted))


FAMILIES = tuple(
    CheckpointFamily(
        name=name,
        title=f"{title} of PaddlePaddle/PaddleOCR",
        source="https://github.com/PaddlePaddle/PaddleOCR",
        files=f"{files}; dictionary in its metadata, in inference.yml or *_dict.txt beside it, or by --dictionary",
        config=PRESETS[name],
        names={},
        preprocessing=_PREPROCESSING,
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
