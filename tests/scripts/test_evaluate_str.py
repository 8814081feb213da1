# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""`scripts/evaluate_str.py` end to end: what it writes, goes on with, refuses, and shares among processes."""

import io
import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from hf_str import CRNNConfig, CRNNForCTC, CRNNImageProcessorPil, CRNNProcessor, CRNNTokenizer
from tests.conftest import draw_word


pytest.importorskip("datasets")
pytest.importorskip("rapidfuzz")
SCRIPT = Path(__file__).parents[2] / "scripts" / "evaluate_str.py"
FILES = [
    "model-index.yaml",
    "predictions",
    "reliability.svg",
    "report.html",
    "results.json",
    "results.md",
    "settings.json",
]
#: Without MPI, `accelerate launch --cpu` starts one process, whatever --num_processes says.
LAUNCH_TWO = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", 2, "--num_machines", 1]
LAUNCH_TWO += ["--main_process_port", 0, "--mixed_precision", "no", "--dynamo_backend", "no"]


@pytest.fixture
def data(tmp_path) -> list[Path]:
    """Two sets by the same name: nine drawn words, one of them broken, and four."""
    folders = []
    for name, texts in (("a", ["cat", "Dog", "EXIT", "24", "it's", "tea", "shop", "no", "broken"]), ("b", ["x"] * 4)):
        folder = tmp_path / name / "words"
        (folder / "images").mkdir(parents=True)
        for number, text in enumerate(texts):
            draw_word(text, 14 + 3 * number).save(folder / "images" / f"{number}.png")
        lines = [f"images/{number}.png\t{text}\n" for number, text in enumerate(texts)]
        (folder / "labels.tsv").write_text("".join(lines))
        folders.append(folder)
    (folders[0] / "images" / "8.png").write_bytes(b"no picture")
    return folders


@pytest.fixture
def evaluate(monkeypatch, tiny_checkpoint, capsys):
    """Runs the script in this process; returns what it printed."""

    def run(*arguments) -> str:
        command = [SCRIPT, "--model", tiny_checkpoint, "--device", "cpu", "--batch_size", 4, *arguments]
        monkeypatch.setattr("sys.argv", list(map(str, command)))
        runpy.run_path(str(SCRIPT), run_name="__main__")
        return capsys.readouterr().out

    return run


def figures(folder: Path) -> dict:
    """The results without what a clock or the number of processes says."""
    results = json.loads((folder / "results.json").read_text())
    for row in results["figures"]:
        row.pop("images_per_second", None)
    results["settings"].pop("processes")
    return results


def test_what_is_written(evaluate, data, tmp_path):
    out = tmp_path / "out"
    arguments = ["--dataset", *data, "--output_dir", out, "--subset", "a-words=IC13-857"]
    output = evaluate(*arguments, "--num_errors", 2)
    assert sorted(path.name for path in out.iterdir()) == FILES
    assert sorted(path.name for path in (out / "predictions").iterdir()) == ["a-words.jsonl", "b-words.jsonl"]
    results = figures(out)
    rows = {row["name"]: row["words"] for row in results["figures"]}
    assert rows == {"a-words": 9, "a-words (IC13-857)": 6, "b-words": 4, "mean of sets": 10, "all words": 10}
    assert results["figures"][0]["broken"] == 1
    assert results["broken"][0]["name"] == "8.png"
    assert list(results["protocols"]) == ["36", "94"]
    assert results["versions"]["transformers"]
    assert results["settings"]["seed"] == 0
    assert [line.split()[0] for line in output.splitlines()[1:3]] == ["a-words", "a-words"]
    assert "a-words 0.png: 'cat' was read as" in output
    assert "Broken images: 1" in (out / "report.html").read_text(encoding="utf-8")
    assert yaml.safe_load((out / "model-index.yaml").read_text())["model-index"][0]["name"] == "tiny"
    assert (out / "results.md").read_text().startswith("**36 characters**")


def drawn(folder: Path, texts: list[str]) -> Path:
    """A test set with these labels; what its pictures show does not matter."""
    (folder / "images").mkdir(parents=True)
    for number in range(len(texts)):
        draw_word("word", 14 + 3 * number).save(folder / "images" / f"{number}.png")
    lines = "".join(f"images/{number}.png\t{text}\n" for number, text in enumerate(texts))
    (folder / "labels.tsv").write_text(lines, encoding="utf-8")
    return folder


@pytest.fixture
def reads_cyrillic(tmp_path) -> Path:
    """A network of random weights with a Cyrillic charset."""
    torch.manual_seed(0)
    tokenizer = CRNNTokenizer("абвгдежзийклмнопрстуфхцчшщъыьэюяПВКРУ")
    config = CRNNConfig(vocab_size=len(tokenizer), conv_channels=[4, 4, 8, 8, 16, 16, 16], hidden_size=16)
    CRNNForCTC(config).save_pretrained(tmp_path / "cyrillic")
    CRNNProcessor(CRNNImageProcessorPil(), tokenizer).save_pretrained(tmp_path / "cyrillic")
    return tmp_path / "cyrillic"


def test_a_random_network_reads_no_cyrillic(evaluate, reads_cyrillic, tmp_path, capsys):
    """Under 36 and 94 characters nothing is left of its labels, and once that was 100 %."""
    words, out = drawn(tmp_path / "words", ["Привет", "Выход", "Кофе", "Рынок"]), tmp_path / "out"
    output = evaluate("--dataset", words, "--model", reads_cyrillic, "--output_dir", out)
    results = figures(out)
    assert list(results["protocols"]) == ["unicode", "exact"]
    for found in results["figures"][0]["protocols"].values():
        assert (found["word_accuracy"]["value"], found["characters_seen"], found["unwritable"]) == (0, 1, 0)
    assert output.split()[:4] == ["data", "images", "acc", "unicode"]
    index = (out / "model-index.yaml").read_text(encoding="utf-8")
    assert "word accuracy, letters and digits of every script" in index
    for protocol in ("36", "62", "94"):
        with pytest.raises(SystemExit, match=f"error: words: the protocol {protocol} sees no character of the labels"):
            evaluate("--dataset", words, "--model", reads_cyrillic, "--protocol", "exact", protocol)


def test_what_the_model_cannot_write_is_said(evaluate, tmp_path, monkeypatch):
    words, out = drawn(tmp_path / "words", ["cafe\u0301", "two words", "€", "no"]), tmp_path / "out"
    said = io.StringIO()
    monkeypatch.setattr("sys.stderr", said)
    output = evaluate("--dataset", words, "--output_dir", out)
    assert "words: 3 of 4 labels cannot be read right: the model cannot write ' ' (U+0020) in 1" in said.getvalue()
    assert "'é' (U+00E9) in 1" in said.getvalue()
    figure = figures(out)["figures"][0]["protocols"]
    assert (figure["36"]["left_out"], figure["36"]["words"], figure["36"]["unwritable"]) == (1, 3, 0)
    assert figure["94"]["unwritable"] == 1  # the space: it has no é and no € either, but 94 does not look at them
    assert figure["94"]["characters_seen"] == pytest.approx(14 / 16)
    assert "words, 36 characters: sees 81.2 % of the labels' characters; leaves out 1 words" in output
    assert "sees 81.2 %" in (out / "report.html").read_text(encoding="utf-8")


def test_labels_in_nfd_and_a_missing_space(evaluate, reads_cyrillic, tmp_path):
    """What was read of a word is its label, typed otherwise; or without its space."""
    words, out = drawn(tmp_path / "words", ["и\u0306", "и"]), tmp_path / "out"
    evaluate("--dataset", words, "--model", reads_cyrillic, "--output_dir", out)
    reading = out / "predictions" / "words.jsonl"
    rows = [json.loads(line) for line in reading.read_text(encoding="utf-8").splitlines()]
    assert sorted(row["label"] for row in rows) == ["и", "й"]
    reading.write_text("".join(json.dumps(row | {"text": row["label"]}) + "\n" for row in rows))
    evaluate("--dataset", words, "--model", reads_cyrillic, "--output_dir", out)
    accuracy = {name: f["word_accuracy"]["value"] for name, f in figures(out)["figures"][0]["protocols"].items()}
    assert accuracy == {"unicode": 1, "exact": 1}
    spaced, out = drawn(tmp_path / "spaced", ["Hello World"]), tmp_path / "out_spaced"
    evaluate("--dataset", spaced, "--output_dir", out)
    reading = out / "predictions" / "spaced.jsonl"
    row = json.loads(reading.read_text())
    reading.write_text(json.dumps(row | {"text": "HelloWorld"}) + "\n")
    evaluate("--dataset", spaced, "--output_dir", out)
    accuracy = {name: f["word_accuracy"]["value"] for name, f in figures(out)["figures"][0]["protocols"].items()}
    assert accuracy == {"36": 1, "94": 0}


def test_precision(evaluate, data, tmp_path):
    """The optimized network reads in float32 what the trained one reads, and says so in the settings."""
    texts = []
    for number, arguments in enumerate(([], ["--precision", "float32"])):
        evaluate("--dataset", data[0], "--output_dir", tmp_path / str(number), *arguments)
        lines = (tmp_path / str(number) / "predictions" / "words.jsonl").read_text().splitlines()
        texts.append([json.loads(line)["text"] for line in lines])
        settings = json.loads((tmp_path / str(number) / "results.json").read_text())["settings"]
        assert settings.get("precision") == (arguments[1] if arguments else None)
    assert texts[0] == texts[1]


def test_the_language_model_of_a_checkpoint_is_told(evaluate, data, checkpoint_with_language_model, tmp_path):
    texts, told = [], []
    for number, arguments in enumerate(([], ["--decoder", "best_path"], ["--lexicon", "full"])):
        arguments = ["--dataset", data[0], "--output_dir", tmp_path / str(number), *arguments]
        evaluate(*arguments, "--model", checkpoint_with_language_model)
        lines = (tmp_path / str(number) / "predictions" / "words.jsonl").read_text().splitlines()
        texts.append([json.loads(line)["text"] for line in lines])
        told.append(json.loads((tmp_path / str(number) / "results.json").read_text())["settings"]["language_model"])
    assert told == ["the checkpoint's own", None, None]
    assert texts[0] != texts[1]


def test_it_goes_on_and_refuses_what_is_not_the_same(evaluate, data, tmp_path, tiny_checkpoint):
    out = tmp_path / "out"
    evaluate("--dataset", data[0], "--output_dir", out)
    whole, readings = figures(out), out / "predictions" / "words.jsonl"
    lines = readings.read_text().splitlines(keepends=True)
    readings.write_text("".join(lines[:5]) + lines[5][:20])
    evaluate("--dataset", data[0], "--output_dir", out)
    assert figures(out) == whole
    assert readings.read_text().splitlines(keepends=True)[:5] == lines[:5]
    with pytest.raises(SystemExit, match=r"error: .* predictions of other settings: protocol \['36', '94'\], now"):
        evaluate("--dataset", data[0], "--output_dir", out, "--protocol", "62")
    shutil.copytree(tiny_checkpoint, tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    (tmp_path / "model" / "config.json").write_text(json.dumps(config | {"dropout": 0.5}))
    with pytest.raises(SystemExit, match=r"model .*; weights "):
        evaluate("--dataset", data[0], "--output_dir", out, "--model", tmp_path / "model")


def test_decoders_and_lexicons(evaluate, data):
    assert "words" in evaluate("--dataset", data[0], "--decoder", "beam_search", "--beam_width", 4)
    full = evaluate("--dataset", data[1], "--lexicon", "full")  # its only word is x
    assert full.splitlines()[1].split()[2:4] == ["100.00", "100.00"]
    with pytest.raises(SystemExit, match=r"error: .* does not take beam_width"):
        evaluate("--dataset", data[0], "--decoder", "best_path", "--beam_width", 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "nowhere"], "nowhere"),
        (["--dataset", "{data}", "--model", "nothing-here.onnx"], "there is no file nothing-here.onnx"),
        (["--dataset", "{data}", "--lexicon", "big"], "'big' is no lexicon"),
    ],
)
def test_errors_are_a_line(evaluate, data, arguments, message, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(SystemExit) as refusal:
        evaluate(*[str(argument).format(data=data[0]) for argument in arguments])
    assert str(refusal.value).startswith("error: ")
    assert message in str(refusal.value)


def test_a_subset_of_a_set_that_is_not_there(evaluate, data, capsys):
    for subset, message in (("other=IC13-857", "the sets are words"), ("words=IC13", "must be NAME=RULE")):
        with pytest.raises(SystemExit):
            evaluate("--dataset", data[0], "--subset", subset)
        assert message in capsys.readouterr().err


def test_two_processes_give_the_figures_of_one(evaluate, data, tiny_checkpoint, tmp_path):
    pytest.importorskip("accelerate")
    evaluate("--dataset", *data, "--output_dir", tmp_path / "one", "--protocol", "36")
    command = [sys.executable, *LAUNCH_TWO, SCRIPT, "--model", tiny_checkpoint, "--device", "cpu", "--batch_size", 4]
    command += ["--dataset", *data, "--output_dir", tmp_path / "two", "--protocol", "36"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(SCRIPT.parents[1]), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads((tmp_path / "two" / "results.json").read_text())["settings"]["processes"] == 2
    assert figures(tmp_path / "two") == figures(tmp_path / "one")
    assert done.stdout.count("Written: ") == 1
