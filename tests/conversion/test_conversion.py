# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What is refused and what is forgiven: other networks, charsets that do not fit, files with more than weights."""

import pickle
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from hf_str import CRNNProcessor, CRNNTokenizer
from hf_str.conversion import FAMILIES, ConversionError, convert_checkpoint
from hf_str.conversion.checkpoint_files import read_weights
from hf_str.conversion.classes import class_order, symbols_of_classes
from hf_str.conversion.families.crnn_pytorch import names_of
from tests.conversion import reference_graphs as graphs
from tests.conversion.peers import PEERS, Peer


SCRIPT = Path(__file__).parents[2] / "scripts" / "convert_crnn_checkpoint.py"


def peer_of(family: str) -> Peer:
    return next(peer for peer in PEERS if peer.family == family)


@pytest.fixture(scope="module")
def meijieru() -> dict[str, torch.Tensor]:
    """Weights of a small network of crnn.pytorch."""
    return peer_of("crnn-pytorch").graph(0.125).state_dict()


def saved(weights: dict, folder: Path) -> Path:
    torch.save(weights, folder / "checkpoint.pth")
    return folder / "checkpoint.pth"


# ---------------------------------------------------------------------------------------------------------------------
# Files


@pytest.mark.parametrize(
    "wrap",
    [
        lambda weights: weights,
        lambda weights: {f"module.{name}": weight for name, weight in weights.items()},
        lambda weights: {f"_orig_mod.module.{name}": weight for name, weight in weights.items()},
        lambda weights: {"state_dict": weights, "epoch": 1},
        lambda weights: {"model": {"state_dict": weights}},
        lambda weights: {name: weight.half() for name, weight in weights.items()},
        lambda weights: {name: weight for name, weight in weights.items() if "num_batches" not in name},
    ],
    ids=["bare", "DataParallel", "compiled", "container", "container in container", "half", "without counters"],
)
def test_weights_in_any_wrapping(wrap, meijieru, tmp_path):
    model = convert_checkpoint("crnn-pytorch", saved(wrap(meijieru), tmp_path), tmp_path / "out")
    assert model.dtype == torch.float32
    expected = meijieru["rnn.0.embedding.weight"]
    torch.testing.assert_close(model.crnn.layers[0].projection.weight, expected, rtol=0, atol=1e-3)


def test_safetensors(meijieru, tmp_path):
    save_file({name: weight.contiguous() for name, weight in meijieru.items()}, tmp_path / "model.safetensors")
    model = convert_checkpoint("crnn-pytorch", tmp_path / "model.safetensors", tmp_path / "out")
    torch.testing.assert_close(model.ctc_head.bias, meijieru["rnn.1.embedding.bias"])


class Malicious:
    def __reduce__(self):
        return print, ("code of the file has run",)


@pytest.mark.parametrize("suffix", [".pth", ".pdparams"])
def test_files_that_could_run_code_are_refused(suffix, tmp_path, capsys):
    path = tmp_path / f"checkpoint{suffix}"
    content = {"weight": np.zeros(3), "more": Malicious()}
    if suffix == ".pth":
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(ConversionError, match=r"asks for builtins\.print, .* could run code"):
        read_weights(path)
    assert "has run" not in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".pth", ".pdparams", ".t7"])
def test_what_is_no_file_of_weights_is_refused(suffix, tmp_path):
    path = tmp_path / f"checkpoint{suffix}"
    path.write_bytes(b"\x09\x00\x00\x00no weights")
    with pytest.raises(ConversionError):
        read_weights(path)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_weights(tmp_path / "missing.pth")


def test_a_file_without_tensors_is_refused(tmp_path):
    with pytest.raises(ConversionError, match="holds no tensors"):
        read_weights(saved({"epoch": 3}, tmp_path))


def test_paddle_files_of_old_numpy_load(tmp_path):
    content = pickle.dumps({"weight": np.arange(6.0).reshape(2, 3)}, protocol=2)
    (tmp_path / "old.pdparams").write_bytes(content.replace(b"numpy._core.", b"numpy.core."))
    torch.testing.assert_close(
        read_weights(tmp_path / "old.pdparams")["weight"], torch.arange(6.0).view(2, 3).double()
    )


# ---------------------------------------------------------------------------------------------------------------------
# Networks


def test_missing_and_foreign_weights_are_listed(meijieru, tmp_path):
    weights = dict(meijieru)
    del weights["cnn.conv3.bias"], weights["rnn.1.rnn.weight_hh_l0_reverse"]
    weights |= {"cnn.conv7.weight": torch.zeros(3), "attention.score.weight": torch.zeros(3)}
    with pytest.raises(ConversionError) as error:
        convert_checkpoint("crnn-pytorch", saved(weights, tmp_path), tmp_path / "out")
    message = str(error.value)
    assert "2 are missing:\n  cnn.conv3.bias\n  rnn.1.rnn.weight_hh_l0_reverse\n" in message
    assert "2 are not part of it:\n  cnn.conv7.weight\n  attention.score.weight" in message
    assert not (tmp_path / "out").exists()


def test_the_network_of_another_family_is_refused(meijieru, tmp_path):
    with pytest.raises(ConversionError) as error:
        convert_checkpoint("strhub", saved(meijieru, tmp_path), tmp_path / "out")
    assert "rnn.0.linear.weight" in str(error.value)  # missing
    assert "cnn.conv2.bias" in str(error.value)  # strhub has no bias before normalization


def test_wrong_shapes_are_listed(meijieru, tmp_path):
    weights = meijieru | {"cnn.conv3.weight": torch.zeros(32, 16, 3, 3), "rnn.0.embedding.bias": torch.zeros(5)}
    with pytest.raises(ConversionError) as error:
        convert_checkpoint("crnn-pytorch", saved(weights, tmp_path), tmp_path / "out")
    assert "cnn.conv3.weight: (32, 16, 3, 3) instead of (32, 32, 3, 3)" in str(error.value)
    assert "rnn.0.embedding.bias: (5,) instead of (32,)" in str(error.value)


def test_a_torch7_snapshot_of_another_network_is_refused(tmp_path):
    peer = peer_of("crnn-torch7")
    graph = peer.graph(0.125)
    graph.layers.pop()
    peer.save(graph, tmp_path / "snapshot.t7")
    with pytest.raises(ConversionError, match="44 parameters and 6 bnVars, this file has 32 and 6"):
        convert_checkpoint("crnn-torch7", tmp_path / "snapshot.t7", tmp_path / "out")


def test_a_family_of_ones_own(meijieru, tmp_path):
    family = replace(
        FAMILIES["crnn-pytorch"],
        name="mine",
        names=names_of("backbone", "head", "fc"),
        charsets={},
        prefixes=("net.",),
    )
    layout = (("cnn.", "net.backbone."), ("rnn.", "net.head.", 1), ("embedding", "fc"))
    weights = {}
    for name, weight in meijieru.items():
        for change in layout:
            name = name.replace(*change)
        weights[name] = weight
    model = convert_checkpoint(family, saved(weights, tmp_path), tmp_path / "out", "36")
    torch.testing.assert_close(model.crnn.layers[1].lstm.bias_hh_l0, meijieru["rnn.1.rnn.bias_hh_l0"])


def test_sizes_are_read_from_the_weights(tmp_path):
    """A wider network for RGB, with other images and a charset of its own."""
    peer = peer_of("clovaai-vgg")
    graph = graphs.ClovaCRNN("vgg", 11, out_channels=96, hidden=24, num_channels=3)
    peer.save(graph, tmp_path / "best_accuracy.pth")
    model = convert_checkpoint(
        "clovaai-vgg", tmp_path / "best_accuracy.pth", tmp_path / "out", "digits", image_size=(64, 200)
    )
    config = model.config
    assert (config.num_channels, config.hidden_size, config.vocab_size, config.image_height) == (3, 24, 11, 64)
    assert config.conv_channels == [12, 24, 48, 48, 96, 96, 96]
    images = torch.rand(1, 3, 64, 200)
    with torch.no_grad():
        torch.testing.assert_close(model(images).logits, graph.eval()(images), rtol=0, atol=1e-4)
    options = (tmp_path / "out" / "processor_config.json").read_text()
    assert '"do_grayscale": false' in options


# ---------------------------------------------------------------------------------------------------------------------
# What weights do not say: activations, sizes, numbers


def with_leaky_relu(graph: torch.nn.Module, slope: float = 0.2) -> torch.nn.Module:
    for module in list(graph.modules()):
        for name, child in module.named_children():
            if isinstance(child, torch.nn.ReLU):
                setattr(module, name, torch.nn.LeakyReLU(slope))
    return graph


def leaky_graph(family: str, slope: float = 0.2) -> torch.nn.Module:
    peer = peer_of(family)
    return graphs.randomize(with_leaky_relu(peer.make(0.125), slope), peer.images(4))


@pytest.mark.parametrize(
    "family, beside, options",
    [
        ("crnn-pytorch", {}, {"activation": "leaky_relu"}),
        ("crnn-pytorch", {"opt": {"leakyRelu": True}}, {}),
        ("strhub", {}, {"activation": "leaky_relu"}),
        ("strhub", {"hyper_parameters": {"img_size": [32, 128], "leaky_relu": True}}, {}),
        ("mmocr", {"meta": {"cfg": "model = dict(\n    backbone=dict(type='MiniVGG', leaky_relu=True))"}}, {}),
        ("mmocr", {"meta": {"cfg": "model = dict(\n    backbone=dict(input_channels=1, type='MiniVGG'))"}}, {}),
        ("mmocr", {}, {"activation": "leaky_relu"}),
        ("clovaai-vgg", {}, {"activation": "leaky_relu:0.01"}),
    ],
)
def test_leaky_relu_converts_where_it_is_told_or_asked_for(family, beside, options, tmp_path):
    slope = 0.01 if "0.01" in options.get("activation", "") else 0.2
    peer, graph = peer_of(family), leaky_graph(family, slope)
    path = saved({"state_dict": graph.state_dict(), **beside}, tmp_path)
    model = convert_checkpoint(family, path, tmp_path / "out", **options)
    assert (model.config.conv_activation, model.config.leaky_relu_slope) == ("leaky_relu", slope)
    images = peer.images()
    with torch.no_grad():
        expected = peer.logits(graph, images)
        loaded = type(model).from_pretrained(tmp_path / "out").eval()
        torch.testing.assert_close(loaded(images).logits, expected, rtol=0, atol=1e-5)
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    said = "as was asked for" if options else "as the file says"
    assert f"leaky ReLU with a slope of {slope}, {said}" in card


def test_relu_is_told_or_assumed_with_a_warning(tmp_path, monkeypatch):
    warnings = []
    monkeypatch.setattr(
        "hf_str.conversion.activation.logger.warning", lambda text, *values: warnings.append(text % values)
    )
    graph = peer_of("mmocr").graph(0.125)
    told = {"meta": {"cfg": "backbone=dict(type='MiniVGG', leaky_relu=False, input_channels=1)"}}
    path = saved({"state_dict": graph.state_dict(), **told}, tmp_path)
    assert convert_checkpoint("mmocr", path, tmp_path / "out").config.conv_activation == "relu"
    assert not warnings and "ReLU, as the file says" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    with pytest.raises(ConversionError, match="the file says that its network has ReLU, and leaky_relu was asked for"):
        convert_checkpoint("mmocr", path, tmp_path / "out", activation="leaky_relu")

    path = saved(graph.state_dict(), tmp_path)
    convert_checkpoint("mmocr", path, tmp_path / "out")
    assert len(warnings) == 1 and "--activation leaky_relu" in warnings[0]
    assert "ReLU, **assumed**" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    convert_checkpoint("mmocr", path, tmp_path / "out", activation="relu")
    assert len(warnings) == 1
    with pytest.raises(ConversionError, match="not 'gelu'"):
        convert_checkpoint("mmocr", path, tmp_path / "out", activation="gelu")


def test_leaky_relu_reads_an_image_in_a_batch_as_it_does_alone(tmp_path):
    graph = leaky_graph("crnn-pytorch")
    model = convert_checkpoint(
        "crnn-pytorch", saved(graph.state_dict(), tmp_path), tmp_path / "out", activation="leaky_relu"
    )
    narrow = peer_of("crnn-pytorch").images(1)[..., :53]
    batch = torch.cat([narrow, torch.full((1, 1, 32, 60), 0.7)], dim=-1)
    mask = (torch.arange(113) < 53).long().expand(1, 32, 113)
    with torch.no_grad():
        alone = model(narrow).logits
        together = model(batch, pixel_mask=mask).logits[:, : alone.shape[1]]
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("prefix", ["model.", "net.", "module.net.", "student."])
def test_prefixes_are_found_by_what_remains(prefix, meijieru, tmp_path):
    weights = {f"{prefix}{name}": weight for name, weight in meijieru.items()}
    convert_checkpoint("crnn-pytorch", saved(weights, tmp_path), tmp_path / "out")


def test_two_networks_in_one_set_of_names_are_asked_for(meijieru, tmp_path):
    changed = {name: weight + 1 for name, weight in meijieru.items()}
    weights = {f"{who}.{name}": weight for who, each in (("student", meijieru), ("teacher", changed))
               for name, weight in each.items()}  # fmt: skip
    path = saved(weights, tmp_path)
    with pytest.raises(ConversionError, match=r"several networks.*'student\.', 'teacher\.'"):
        convert_checkpoint("crnn-pytorch", path, tmp_path / "out")
    model = convert_checkpoint("crnn-pytorch", path, tmp_path / "out", weights_key="teacher")
    torch.testing.assert_close(model.ctc_head.bias, changed["rnn.1.embedding.bias"])


@pytest.mark.parametrize("dtype", [torch.int8, torch.int64, torch.complex64])
def test_weights_of_other_types_are_refused_by_name(dtype, meijieru, tmp_path):
    weights = meijieru | {"cnn.conv3.weight": meijieru["cnn.conv3.weight"].to(dtype)}
    with pytest.raises(ConversionError, match=r"1 of its weights are not floating-point.*: cnn\.conv3\.weight"):
        convert_checkpoint("crnn-pytorch", saved(weights, tmp_path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_network_without_classes_is_refused(meijieru, tmp_path):
    head = {name: weight[:0].clone() for name, weight in meijieru.items() if name.startswith("rnn.1.embedding")}
    with pytest.raises(ConversionError, match="vocab_size must be at least 1"):
        convert_checkpoint("crnn-pytorch", saved(meijieru | head, tmp_path), tmp_path / "out")


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_numbers_are_refused_by_name(broken, meijieru, tmp_path):
    weights = {name: weight.clone() for name, weight in meijieru.items()}
    weights["cnn.conv3.weight"][0, 0, 0, 0] = broken
    with pytest.raises(ConversionError, match=r"1 of its weights are not finite .*: cnn\.conv3\.weight"):
        convert_checkpoint("crnn-pytorch", saved(weights, tmp_path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "family, size, message",
    [
        ("crnn-pytorch", (0, 100), "cannot be"),
        ("crnn-pytorch", (32, -5), "cannot be"),
        ("crnn-pytorch", (32, 10**9), "cannot be"),
        ("crnn-pytorch", (32,), "cannot be"),
        ("crnn-pytorch", (48, 100), "one row is left, and of 48 pixels 2 are"),
        ("crnn-pytorch", (40, 100), "a multiple of 16, not 40"),
        ("strhub", (64, 128), "one row is left"),
        ("mmocr", (64, 100), "one row is left"),
        ("openocr", (64, 128), "one row is left"),
        ("crnn-pytorch", (16, 100), "pooled away"),
        ("clovaai-vgg", (32, 3), "no frame"),
    ],
)
def test_image_sizes_that_a_project_refuses_are_refused(family, size, message, tmp_path):
    path = saved(peer_of(family).make(0.125).state_dict(), tmp_path)
    with pytest.raises(ValueError, match=message):
        convert_checkpoint(family, path, tmp_path / "out", image_size=size)
    assert not (tmp_path / "out").exists()


def test_what_lightning_keeps_beside_the_weights_is_used(tmp_path):
    graph = graphs.StrhubCRNN(5, 0.125)
    told = {"charset_train": "dcba", "img_size": [32, 256], "leaky_relu": False}
    path = saved({"state_dict": graph.state_dict(), "hyper_parameters": told}, tmp_path)
    convert_checkpoint("strhub", path, tmp_path / "out")
    processor = CRNNProcessor.from_pretrained(tmp_path / "out")
    assert processor.tokenizer.characters == tuple("dcba")
    assert dict(processor.image_processor.size) == {"height": 32, "width": 256}


# ---------------------------------------------------------------------------------------------------------------------
# Charsets


def test_the_charset_is_found_by_the_number_of_classes(tmp_path):
    graph = graphs.StrhubCRNN(37, 0.125)
    model = convert_checkpoint("strhub", saved(graph.state_dict(), tmp_path), tmp_path / "out")
    assert model.config.vocab_size == 37


def test_a_charset_that_does_not_fit_names_both_numbers(meijieru, tmp_path):
    with pytest.raises(ConversionError, match=r"has 62 characters.* has 37 classes: 36 characters and the blank"):
        convert_checkpoint("crnn-pytorch", saved(meijieru, tmp_path), tmp_path / "out", "62")


def test_a_network_with_a_charset_of_its_own_needs_it(tmp_path):
    path = saved(graphs.MeijieruCRNN(5, 0.125).state_dict(), tmp_path)
    with pytest.raises(ConversionError, match=r"5 classes, 4 characters and the blank, and none of the charsets"):
        convert_checkpoint("crnn-pytorch", path, tmp_path / "out")
    (tmp_path / "letters.txt").write_text("ß\né\n €\n\U0001f600\n".replace(" ", ""), encoding="utf-8")
    assert convert_checkpoint("crnn-pytorch", path, tmp_path / "out", tmp_path / "letters.txt").config.vocab_size == 5


def test_a_character_with_two_classes_has_that_of_its_labels(tmp_path):
    """EasyOCR's Devanagari charset has five classes too many; the last of each character is the one it was taught."""
    charset = FAMILIES["easyocr-generation1"].charsets["devanagari_g1"]
    graph = graphs.ClovaCRNN("resnet", len(charset) + 1, out_channels=64, hidden=8)
    path = saved(graph.state_dict(), tmp_path)
    model = convert_checkpoint("easyocr-generation1", path, tmp_path / "out")
    assert model.config.vocab_size == len(charset) + 1 - 5
    tokenizer = CRNNProcessor.from_pretrained(tmp_path / "out").tokenizer
    for character in (".", "अ", "ं", "क", "A"):
        ours = tokenizer(character).input_ids[0]
        torch.testing.assert_close(model.ctc_head.weight[ours], graph.Prediction.weight[charset.rindex(character) + 1])


def test_presentation_forms_and_lone_accents_stay_classes_of_their_own(tmp_path):
    """NFC takes the first apart and puts the second together with what stands before it."""
    charset = "a\ufb1d\ufb4e\u0958e\u0301\u05d9\u05b4"
    graph = graphs.DoctrCRNN(graphs.vgg16_bn_features(0.125), 64, len(charset) + 1, hidden=16)
    path = saved(graph.state_dict(), tmp_path)
    model = convert_checkpoint("doctr-vgg16-bn", path, tmp_path / "out", charset)
    tokenizer = CRNNProcessor.from_pretrained(tmp_path / "out").tokenizer
    assert tokenizer.characters == tuple(charset)
    torch.testing.assert_close(model.ctc_head.weight[1:], graph.linear.weight[:-1])
    assert [tokenizer.decode([index]) for index in range(1, len(charset) + 1)] == list(charset)


def test_weights_of_impossible_shapes_are_refused(tmp_path):
    for peer in PEERS:
        graph = peer.make(0.125)
        if isinstance(graph, torch.nn.Module):
            path = saved({name: torch.zeros(()) for name in graph.state_dict()}, tmp_path)
            with pytest.raises(ConversionError, match="not the network"):
                convert_checkpoint(peer.family, path, tmp_path / "out")


def test_without_a_family_a_stranger_is_called_what_it_is(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"<!doctype html>")
    with pytest.raises(ConversionError, match="is a web page"):
        convert_checkpoint(None, tmp_path / "model.onnx", tmp_path / "out")


@pytest.mark.parametrize("family", [name for name in FAMILIES if name.startswith("easyocr")])
def test_every_charset_of_easyocr_makes_a_tokenizer(family):
    for name, characters in FAMILIES[family].charsets.items():
        order, symbols = class_order(symbols_of_classes(name, FAMILIES[family], len(characters)), "first")
        tokenizer = CRNNTokenizer(charset=symbols)
        assert len(tokenizer) == len(order) == len(symbols) + 1
        assert tokenizer.decode([len(symbols)]) == symbols[-1]


# ---------------------------------------------------------------------------------------------------------------------
# Names


def test_unknown_names_are_listed(meijieru, tmp_path):
    path = saved(meijieru, tmp_path)
    with pytest.raises(ValueError, match=r"there is no family 'crnn'; there are crnn-pytorch, "):
        convert_checkpoint("crnn", path, tmp_path / "out")
    with pytest.raises(ValueError, match=r"no way of crnn-pytorch to prepare images 'pad'; there are stretch"):
        convert_checkpoint("crnn-pytorch", path, tmp_path / "out", preprocessing="pad")


def test_every_weight_of_a_family_has_one_name():
    for family in FAMILIES.values():
        assert len(set(family.names.values())) == len(family.names), family.name


# ---------------------------------------------------------------------------------------------------------------------
# Script


def run_script(monkeypatch, *arguments) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *map(str, arguments)])
    runpy.run_path(str(SCRIPT), run_name="__main__")


def test_the_script_lists_the_families(monkeypatch, capsys):
    run_script(monkeypatch, "--family", "list")
    printed = capsys.readouterr().out
    for family in FAMILIES.values():
        assert f"{family.name}: {family.title}" in printed
        assert all(charset in printed for charset in family.charsets)


def test_the_script_converts(meijieru, monkeypatch, capsys, tmp_path):
    path = saved(meijieru, tmp_path)
    run_script(monkeypatch, "--family", "crnn-pytorch", "--checkpoint", path, "--output_dir", tmp_path / "out")
    assert "133,797 parameters, 37 classes" in capsys.readouterr().out
    assert (tmp_path / "out" / "model.safetensors").exists()


def test_the_script_says_what_is_wrong(meijieru, monkeypatch, capsys, tmp_path):
    path = saved(meijieru, tmp_path)
    arguments = ("--checkpoint", path, "--output_dir", tmp_path / "out")
    with pytest.raises(SystemExit, match="not the network of family 'openocr'"):
        run_script(monkeypatch, "--family", "openocr", *arguments)
    with pytest.raises(
        SystemExit, match="was not converted: these characters stand in the charset more than once: 'a'"
    ):
        run_script(monkeypatch, "--family", "crnn-pytorch", "--charset", "aa", *arguments)
    with pytest.raises(SystemExit):
        run_script(monkeypatch, "--family", "crnn-pytorch", "--preprocessing", "pad", *arguments)
    assert "--preprocessing of crnn-pytorch must be one of stretch" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run_script(monkeypatch, "--family", "crnn-pytorch")
    assert "--checkpoint and --output_dir are required" in capsys.readouterr().err
