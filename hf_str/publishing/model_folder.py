# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The published files of a recognizer: all parts, checked to fit each other, with the code that runs them."""

import importlib.metadata
import json
from pathlib import Path

from huggingface_hub import save_torch_state_dict, split_torch_state_dict_into_shards
from safetensors import SafetensorError
from safetensors.torch import load, load_file

from ..models.crnn import configuration_crnn
from ..models.crnn.modeling_crnn import CRNNForCTC
from ..models.crnn.processing_crnn import CRNNProcessor
from .cards import check_model_card, model_card, read_card, read_results
from .contents import Files, PublishError, content_of


__all__ = ["model_files"]

_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"
_PARTS = ("config.json", "processor_config.json", "tokenizer.json", "tokenizer_config.json")


def model_files(folder: Path, files: Files, repo_id: str, license: str, max_shard_size: str, scratch: Path) -> Files:
    """Completes the files of a recognizer: code, license, card; large weights in several files.

    Args:
        folder: folder of the recognizer.
        files: its files that are published.
        repo_id: name of the repository.
        license: license of the weights, for a card that is made here.
        max_shard_size: largest size of a file of weights, such as `"5GB"`.
        scratch: an empty folder for weights that are split.

    Raises:
        PublishError: a part is missing, the parts do not fit each other, or nothing was measured.
    """
    model, processor = _load(folder, files)
    # Of this version, with which the parts were just loaded, whatever the folder has.
    files |= {path.name: path for path in Path(configuration_crnn.__file__).parent.glob("*_crnn.py")}
    files = _split_weights(files, max_shard_size, scratch)
    if "results.json" not in files:
        raise PublishError(
            f"{folder} has no results.json, and a card without measured results is not published: measure it with "
            f"python scripts/evaluate_str.py --dataset WORDS --model {folder} --output_dir MEASURED, and push it with "
            "--results MEASURED/results.json"
        )
    results = read_results(files["results.json"], model.num_parameters())
    settings = {}
    if "training_args.json" in files:
        settings = json.loads(content_of(files["training_args.json"]))
    if "README.md" not in files:
        card = model_card(repo_id, license, model, processor, results, settings)
        files["README.md"] = str(card).encode()
    card = read_card(files, "model")
    check_model_card(card, results)
    if "LICENSE" not in files and card.data.get("license") == "apache-2.0" and (text := _license_text()):
        files["LICENSE"] = text
    return files


def _load(folder: Path, files: Files) -> tuple[CRNNForCTC, CRNNProcessor]:
    """The recognizer, as whoever downloads it will load it."""
    missing = [name for name in _PARTS if name not in files]
    if _WEIGHTS not in files and _INDEX not in files:
        missing.append(_WEIGHTS)
    if missing:
        raise PublishError(
            f"{folder} is not a recognizer: it lacks {', '.join(missing)}. Save one with "
            "model.save_pretrained(FOLDER) and processor.save_pretrained(FOLDER)"
        )
    if _WEIGHTS not in files:
        index = json.loads(content_of(files[_INDEX]))
        if strange := sorted(set(index["weight_map"].values()) - files.keys()):
            raise PublishError(f"{_INDEX} names weights that the folder does not have: {', '.join(strange)}")
    try:
        model, info = CRNNForCTC.from_pretrained(folder, output_loading_info=True, use_safetensors=True)
        processor = CRNNProcessor.from_pretrained(folder)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        raise PublishError(f"{folder} does not load, so nobody could use it: {error}") from error
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if names := sorted(map(str, info[problem])):
            raise PublishError(f"the weights do not fit config.json; {problem.replace('_', ' ')}: {', '.join(names)}")
    if len(processor.tokenizer) != model.config.vocab_size:
        raise PublishError(
            f"the tokenizer has {len(processor.tokenizer)} classes (its characters and the blank), but config.json "
            f"says vocab_size {model.config.vocab_size}: they are not of the same recognizer"
        )
    config = json.loads(content_of(files["config.json"]))
    if "auto_map" not in config or "custom_pipelines" not in config:
        raise PublishError(
            "config.json has no auto_map or no custom_pipelines, without which it needs hf_str to load: save "
            f"it again with hf_str.CRNNForCTC.from_pretrained({str(folder)!r}).save_pretrained({str(folder)!r})"
        )
    return model, processor


def _split_weights(files: Files, max_shard_size: str, scratch: Path) -> Files:
    """Weights in one file become several where that file is larger than `max_shard_size`."""
    if _WEIGHTS not in files:
        return files
    content = files[_WEIGHTS]
    weights = load(content) if isinstance(content, bytes) else load_file(content)
    if not split_torch_state_dict_into_shards(weights, max_shard_size=max_shard_size).is_sharded:
        return files
    save_torch_state_dict(weights, scratch, max_shard_size=max_shard_size)
    files = {name: content for name, content in files.items() if name != _WEIGHTS}
    return files | {path.name: path for path in scratch.iterdir()}


def _license_text() -> bytes | None:
    """The license of hf_str, whose code is published along, as it was installed."""
    for file in importlib.metadata.files("hf_str") or ():
        if file.name == "LICENSE" and (path := Path(file.locate())).is_file():
            return path.read_bytes()
    return None
