# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The benchmarks of speed at the smallest size: each row is there, with figures that can be."""

import math
import re
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers.utils import logging

from hf_str import CRNNConfig, CRNNForCTC, CRNNProcessor, ImageToTextPipeline
from hf_str.evaluation import engine_recognizers
from hf_str.evaluation.baselines import (
    BASELINES,
    RandomMGPSTR,
    RandomPPOCR,
    RandomTrOCR,
    random_crnn,
)
from hf_str.evaluation.speed import count_multiply_accumulates, make_clock, matmul_peak, stopwatch, take_turns
from scripts import benchmark_network, benchmark_speed
from tests.conftest import draw_word
from tests.training.drawing import as_dataset


@pytest.fixture(autouse=True)
def quiet_again():
    """The scripts hide progress bars and change the number of threads, for good."""
    threads = torch.get_num_threads()
    yield
    logging.enable_progress_bar()
    torch.set_num_threads(threads)


def tables(output: str) -> dict[str, list[str]]:
    """The rows of Markdown tables by their first cell."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in output.splitlines() if line[:1] == "|"]
    return {row[0]: row[1:] for row in rows}


@pytest.fixture(scope="module")
def graph(tiny_checkpoint, tmp_path_factory) -> Path:
    """The tiny checkpoint as a graph."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    from hf_str.onnx import export_onnx

    return export_onnx(tiny_checkpoint, tmp_path_factory.mktemp("onnx") / "graph").parent


@pytest.fixture(scope="module")
def words(tiny_checkpoint, tmp_path_factory) -> Path:
    """Six words of which the network reads three."""
    pytest.importorskip("datasets")
    folder = tmp_path_factory.mktemp("words")
    reader = ImageToTextPipeline(
        model=CRNNForCTC.from_pretrained(tiny_checkpoint),
        processor=CRNNProcessor.from_pretrained(tiny_checkpoint),
        device="cpu",
    )
    lines = []
    for index, text in enumerate(["cat", "Dog", "EXIT", "tea", "shop", "Inn"]):
        draw_word(text).save(folder / f"{index}.png")
        reading = reader(str(folder / f"{index}.png"))[0]["generated_text"]
        lines.append(f"{index}.png\t{reading if index % 2 else reading + 'x'}\n")
    (folder / "labels.tsv").write_text("".join(lines), encoding="utf-8")
    return folder


# ---------------------------------------------------------------------------------------------------------------------
# The scripts


FEW = ["--batch_size", "2", "--num_threads", "1", "--seconds", "0", "--rounds", "2"]


def test_readers(words, graph, tiny_checkpoint, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tesserocr", None)
    arguments = ["--dataset", words, "--model", tiny_checkpoint, "--onnx", graph, "--cpu_time", *FEW]
    nowhere = str(words / "nowhere")
    peers = ["docTR mobilenet-v3-small", "Tess", nowhere, tiny_checkpoint]
    benchmark_speed.main(["recognizers", *map(str, arguments), "--baselines", *peers])
    output = capsys.readouterr().out
    assert "6 words, batches of 2, 1 threads, 2 rounds; rates by CPU time" in output
    assert f"{nowhere} is left out: " in output
    assert "Tesseract is left out: `tesserocr` is not installed. Install it with: pip install tesserocr" in output
    rows = tables(output)
    names = ["hf_str, float32", "hf_str, optimized", f"hf_str, ONNX {graph.name}"]
    names += ["docTR mobilenet-v3-small", tiny_checkpoint]
    assert list(rows)[2:] == names
    assert [rows[name][0] for name in names if name != "hf_str, optimized"] == ["50.00%", "50.00%", "-", "50.00%"]
    best = re.search("how many times faster (.*) is", output)[1]
    assert best.startswith("hf_str, ") and rows[best][3] == "1.0"
    for _, whole, spread, ratio, network, _, _ in (rows[name] for name in names):
        low, high = (float(rate.replace(",", "")) for rate in spread.split(" to "))
        assert 0 < low <= float(whole.replace(",", "")) <= high
        assert float(network.replace(",", "")) >= low  # a part takes no longer
        assert float(ratio) > 0


def test_readers_of_images_without_labels(word_files, tiny_checkpoint, capsys):
    folder = str(Path(word_files[0]).parent)
    benchmark_speed.main(
        ["recognizers", "--images", folder, "--model", tiny_checkpoint, "--max_samples", "4", *FEW, "--baselines"]
    )
    output = capsys.readouterr().out
    assert "4 words, batches of 2" in output
    rows = tables(output)
    assert [rows[name][0] for name in ("hf_str, float32", "hf_str, optimized")] == ["-", "-"]


def test_words_that_are_not_files_are_refused(tmp_path, tiny_checkpoint):
    as_dataset(["cat"]).to_parquet(str(tmp_path / "words.parquet"))
    with pytest.raises(SystemExit, match="does not have one image file per word"):
        benchmark_speed.main(["recognizers", "--dataset", str(tmp_path / "words.parquet"), "--model", tiny_checkpoint])


def test_the_old_name_of_a_command_warns(tmp_path):
    with pytest.warns(FutureWarning, match="`readers` is now `recognizers`"), pytest.raises(FileNotFoundError):
        benchmark_speed.main(["readers", "--images", str(tmp_path / "nowhere")])


def test_import(monkeypatch, capsys):
    ran = []
    monkeypatch.setattr(benchmark_speed.subprocess, "run", lambda command, check: ran.append(command[-1]))
    benchmark_speed.main(["import", "--rounds", "1"])
    assert list(tables(capsys.readouterr().out))[2:] == [f"`{code}`" for code in ran[:2]]
    assert ran[0] == "import hf_str" and ran[2:] == ran[:2]


def test_share_of_the_peak(tiny_checkpoint, monkeypatch, capsys):
    def missing(*_):
        raise ImportError("no onnxscript")

    monkeypatch.setattr(benchmark_network, "export_onnx", missing)
    sizes = ["--width", "32", "--matmul_sizes", "64", "128"]
    benchmark_network.main(["peak", "--model", tiny_checkpoint, *FEW, *sizes, "--profile"])
    output = capsys.readouterr().out
    assert "ONNX is left out: no onnxscript\nOpenVINO is left out: no onnxscript" in output
    rows = [line.strip("| ").split(" | ") for line in output.splitlines() if "%" in line and line[:1] == "|"]
    assert {name for name, *_ in rows} == {
        f"{network}, {mode}" for network in ("tiny", "the paper's") for mode in ("float32", "optimized")
    }
    for (_, part, less, *_, share), (_, other, more, *_) in zip(rows[::2], rows[1::2], strict=True):
        assert (part, other) == ("convolutions", "whole")
        assert 0 <= float(less) <= float(more)
        assert float(share.rstrip("%")) >= 0
    assert "aten::" in output


def test_cost_and_its_curves(tiny_checkpoint, tmp_path, monkeypatch, capsys):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    monkeypatch.setitem(sys.modules, "openvino", None)
    page = tmp_path / "cost.html"
    sizes = ["--batch_sizes", "1", "3", "--widths", "32", "64"]
    benchmark_network.main(["cost", "--model", tiny_checkpoint, *FEW, *sizes, "--output", str(page)])
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("| ms per image")] == [
        "| ms per image, by batch size | 1 | 3 |",
        "| ms per image, by width | 32 | 64 |",
        "| ms per image, by threads | 1 |",
    ]
    for mode in ("float32", "optimized", "ONNX"):
        assert sum(line.startswith(f"| {mode} |") for line in lines) == 3
    assert page.read_text(encoding="utf-8").count("<polyline") == 9


# ---------------------------------------------------------------------------------------------------------------------
# What they are made of


def test_sides_take_turns():
    calls = []
    figures = take_turns({"a": lambda: calls.append("a") or len(calls), "b": lambda: calls.append("b") or 0}, rounds=2)
    assert calls == ["a", "b"] * 3
    assert figures == {"a": [3, 5], "b": [0, 0]}


def test_a_stopwatch_tells_the_clocks_difference():
    ticks = iter([3.0, 7.5])
    assert stopwatch(lambda: None, lambda: next(ticks))() == 4.5


def test_cpu_time_leaves_waiting_out():
    assert stopwatch(lambda: time.sleep(0.2), make_clock(cpu_time=True))() < 0.1
    assert stopwatch(lambda: time.sleep(0.2), make_clock())() >= 0.2


def test_work_of_an_lstm_counts_each_frame():
    lstm = nn.LSTM(3, 5, batch_first=True, bidirectional=True)
    assert count_multiply_accumulates(lstm, torch.zeros(2, 7, 3)) == 2 * 7 * 2 * 4 * 5 * (3 + 5)
    assert not lstm._forward_hooks


def test_work_of_a_network_is_that_of_its_stages():
    model = CRNNForCTC(CRNNConfig(vocab_size=5, conv_channels=[2, 2, 2, 2, 2, 2, 2], hidden_size=4)).eval()
    image = torch.zeros(1, 1, 32, 64)
    frames = model.config.num_frames(64)
    layers = sum(
        count_multiply_accumulates(layer.lstm, torch.zeros(1, frames, layer.lstm.input_size))
        for layer in model.crnn.layers
    )
    projections = sum(frames * m.weight.numel() for m in model.modules() if isinstance(m, nn.Linear))
    convolutions = count_multiply_accumulates(model.crnn.featurizer, image)
    assert count_multiply_accumulates(model, image) == convolutions + layers + projections


def test_the_peak_is_that_of_the_fastest_size():
    assert math.isfinite(peak := matmul_peak(torch.float32, sizes=(16, 64), repeats=2)) and peak > 0


# ---------------------------------------------------------------------------------------------------------------------
# Peers


def test_untrained_trocr_generates_four_tokens(word_images):
    encoder = {"hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 16}
    decoder = {"vocab_size": 20, "d_model": 16, "decoder_layers": 1, "decoder_attention_heads": 2}
    decoder |= {"decoder_ffn_dim": 16, "cross_attention_hidden_size": 16}
    recognizer = RandomTrOCR((encoder | {"image_size": 32}, decoder))
    found = recognizer.recognize(word_images[:3])
    assert [text for text, _ in found] == [""] * 3
    pixel_values = recognizer.image_processor(word_images[:3], return_tensors="pt").pixel_values
    assert recognizer.model.generate(pixel_values).shape == (3, 5)  # after the start


def test_untrained_mgp_str(word_images):
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "num_bpe_labels": 40}
    found = RandomMGPSTR(sizes | {"num_wordpiece_labels": 50}).recognize(word_images[:2])
    assert [text for text, _ in found] == ["", ""]
    assert all(0 <= score <= 1 for _, score in found)


@pytest.mark.parametrize("name", [name for name in BASELINES if name.startswith("PP-OCR")])
def test_untrained_pp_ocr_has_the_released_size(name, word_images):
    recognizer_class, checkpoint = BASELINES[name]
    try:
        recognizer = recognizer_class(checkpoint)
    except ImportError as error:
        pytest.skip(str(error))
    assert recognizer_class is RandomPPOCR
    released = {"PP-OCRv6 tiny": 1.1e6, "PP-OCRv6 small": 5.27e6}  # the second: RapidOCR's file, four classes fewer
    if name in released:
        assert recognizer.num_parameters == pytest.approx(released[name], rel=0.02)
    assert recognizer.recognize(word_images[:2]) == [("", 0.0)] * 2


def test_untrained_crnn_of_doctr(word_images):
    model, processor = random_crnn("doctr-mobilenet-v3-small")
    pipe = ImageToTextPipeline(model=model, processor=processor, device="cpu")
    assert [result["generated_text"] for (result,) in pipe(word_images[:2])] == ["", ""]


@pytest.mark.parametrize("name", engine_recognizers.ENGINES)
def test_engines_read_words(name):
    try:
        recognizer = engine_recognizers.ENGINES[name](name)
    except ImportError as error:
        assert "install it with: " in str(error).lower()
        pytest.skip(str(error))
    images = [draw_word("coffee", 32), draw_word("Street", 40).convert("L")]
    (first, score), (second, _) = recognizer.recognize(images)
    assert (first.lower(), second.lower()) == ("coffee", "street")
    assert 0.5 < score <= 1
    assert recognizer.recognize(images, lexicons=[["tea", "coffee!"]] * 2)[0][0] == "coffee!"


def test_a_missing_engine_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "tesserocr", None)
    with pytest.raises(ImportError, match="pip install tesserocr"):
        engine_recognizers.TesseractRecognizer("tesserocr")
