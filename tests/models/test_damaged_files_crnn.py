# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints whose files are damaged, or say what cannot be: one error that names the file and the fault."""

import json
import re
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import pipeline

from hf_str import CRNNConfig, CRNNForCTC, CRNNImageProcessorPil, CRNNProcessor, CRNNTokenizer
from hf_str.cli import main


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 12345\n"
JSON_FILES = ["config.json", "tokenizer.json", "tokenizer_config.json", "processor_config.json"]
DAMAGES = {
    "empty": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "zeros": lambda content: b"\0" * len(content),
    "list": lambda content: b"[]",
    "null": lambda content: b"null",
    "latin-1": lambda content: b'{"a": "\xe9\xff"}',
    "page": lambda content: b"<!DOCTYPE html><html><body>404</body></html>",
    "pointer": lambda content: POINTER,
}
FILES = [*JSON_FILES, "model.safetensors", "language_model.safetensors"]


@pytest.fixture
def folder(checkpoint_with_language_model, tmp_path):
    return shutil.copytree(checkpoint_with_language_model, tmp_path / "copy")


def loader(name):
    return CRNNForCTC if name in ("config.json", "model.safetensors") else CRNNProcessor


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named(folder, name, damage, word_files, capsys):
    file = folder / name
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    with pytest.raises((OSError, ValueError), match=name):
        loader(name).from_pretrained(folder)
    capsys.readouterr()
    assert main(["read", word_files[0], "--model", str(folder)]) == 2
    said = capsys.readouterr().err.strip()
    assert name in said
    assert "\n" not in said


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer_config.json", "processor_config.json", "model.safetensors"]
)
def test_a_missing_file_is_named(folder, name, word_files, capsys):
    (folder / name).unlink()
    with pytest.raises((OSError, ValueError), match=name):
        loader(name).from_pretrained(folder)
    assert main(["read", word_files[0], "--model", str(folder)]) == 2
    assert name in capsys.readouterr().err


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", "processor_config.json"])
def test_the_pipeline_says_why_its_processor_does_not_load(folder, name):
    (folder / name).write_bytes(POINTER)
    with pytest.raises(ValueError, match=f"{name} is a Git LFS pointer"):
        pipeline("image-to-text", model=str(folder), device="cpu")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("hidden_size", "many"), ("hidden_size", -1), ("hidden_size", 10**9), ("num_hidden_layers", 10**9)),
        *(("vocab_size", 10**6), ("conv_kernel_sizes", 10**6), ("conv_channels", [10**9] * 7)),
        *(("image_height", 10**7), ("residual_blocks", 10**9), ("model_type", "bert")),
    ],
)
def test_an_absurd_configuration_is_refused(folder, field, value):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | {field: value}), encoding="utf-8")
    for loaded in (CRNNConfig, CRNNForCTC):
        with pytest.raises(ValueError, match=f"config.json.*{field}"):
            loaded.from_pretrained(folder)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("size", {"height": 10**7, "width": 100}), ("size", {"height": -1, "width": 100}), ("image_mean", "x")),
        *(("size", None), ("size", {"shortest_edge": 32}), ("resample", 999), ("resample", "bilinear")),
        *(("resample", None), ("image_mean", [0.5] * 5), ("image_std", float("nan")), ("rescale_factor", 0)),
        *(("do_resize", "no"), ("do_normalize", [])),
    ],
)
def test_absurd_images_are_refused(folder, field, value):
    file = folder / "processor_config.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["image_processor"][field] = value
    file.write_text(json.dumps(content), encoding="utf-8")
    for loaded in (CRNNImageProcessorPil, CRNNProcessor):
        with pytest.raises(ValueError, match=rf"(?i)processor_config\.json.*{field[:6]}"):
            loaded.from_pretrained(folder)


def test_images_of_another_height_are_refused(folder, word_files, capsys):
    file = folder / "processor_config.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["image_processor"]["size"] = [1, 2]
    file.write_text(json.dumps(content), encoding="utf-8")
    assert main(["read", word_files[0], "--model", str(folder)]) == 2
    assert re.fullmatch(r".*1 pixels high \(size in processor_config\.json\).*\n", capsys.readouterr().err)
    with pytest.raises(ValueError, match=r"processor_config\.json"):
        pipeline("image-to-text", model=str(folder), device="cpu")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        *(("tokenizer.json", {"model": None}), ("tokenizer.json", {"added_tokens": 5})),
        *(("tokenizer.json", {"version": "9.9"}), ("tokenizer.json", {"decoder": {"type": "Nope"}})),
        ("config.json", {"num_labels": 10**9}),
    ],
)
def test_the_file_at_fault_is_named_and_no_other(folder, name, change):
    file = folder / name
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"^[^ ]*{re.escape(name)}"):
        loader(name).from_pretrained(folder)


def test_brackets_without_end_are_named(folder):
    (folder / "config.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(ValueError, match=r"config\.json is no valid JSON"):
        CRNNForCTC.from_pretrained(folder)


def test_a_language_model_of_other_numbers_is_named(folder):
    file = folder / "language_model.safetensors"
    save_file({name: tensor.bfloat16() for name, tensor in load_file(file).items()}, file)
    with pytest.raises(ValueError, match=r"^[^ ]*language_model\.safetensors"):
        CRNNProcessor.from_pretrained(folder)


def test_weights_that_do_not_fit_are_refused(folder):
    file = folder / "model.safetensors"
    weights = load_file(file)
    bias = weights["ctc_head.bias"]
    without = {name: tensor for name, tensor in weights.items() if name != "ctc_head.bias"}
    for changed, problem in (
        (without, "missing: ctc_head.bias"),
        (weights | {"other": bias.clone()}, "unexpected: other"),
        (weights | {"ctc_head.bias": bias[:5].clone()}, "mismatched"),
    ):
        save_file(changed, file, metadata={"format": "pt"})
        with pytest.raises(ValueError, match=f"model.safetensors.*{problem}"):
            CRNNForCTC.from_pretrained(folder)
        CRNNForCTC.from_pretrained(folder, ignore_mismatched_sizes=True)  # a new head for other characters
    with pytest.raises(TypeError, match="unexpected keyword argument 'hiden_size'"):  # no file is to blame
        CRNNForCTC.from_pretrained(folder, hiden_size=3)


def test_a_tokenizer_of_other_classes_is_refused(folder):
    CRNNTokenizer(charset="36").save_pretrained(folder)
    with pytest.raises(ValueError, match=r"37 classes.*95.*tokenizer_config.json"):
        pipeline("image-to-text", model=str(folder), device="cpu")


def test_large_charsets_are_fine():
    assert CRNNConfig(vocab_size=200_001).vocab_size == 200_001


def test_the_pipeline_refuses_weights_that_do_not_fit(folder):
    file = folder / "model.safetensors"
    weights = load_file(file)
    del weights["ctc_head.bias"]
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(ValueError, match="missing: ctc_head"):
        pipeline("image-to-text", model=str(folder), device="cpu")


def test_what_the_caller_caused_is_not_the_files_fault(tiny_checkpoint):
    with torch.device("meta"), pytest.raises(RuntimeError, match="meta device"):
        CRNNForCTC.from_pretrained(tiny_checkpoint)
    with pytest.raises(AttributeError, match="conflicts with the method"):
        CRNNTokenizer.from_pretrained(tiny_checkpoint, get_added_vocab=True)
