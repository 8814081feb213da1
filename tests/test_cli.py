# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""`hf-str read`: what it prints, where, and with which exit code."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import pipeline

import hf_str
from hf_str.cli import main


ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def offline(monkeypatch, tiny_checkpoint):
    monkeypatch.setattr("hf_str.DEFAULT_CHECKPOINT", tiny_checkpoint)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture(scope="module")
def expected(tiny_checkpoint, word_files) -> list[dict]:
    reader = pipeline("image-to-text", model=tiny_checkpoint, device="cpu")
    return [result for (result,) in reader(word_files, return_characters=True)]


@pytest.fixture
def read(capsys):
    """Runs `hf-str read ...`; returns exit code, lines on stdout, what stands on stderr."""

    def run(*arguments: object):
        code = main(["read", "--device", "cpu", *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out.splitlines(), err

    return run


@pytest.fixture
def broken(tmp_path) -> list[str]:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG and no more")
    (tmp_path / "text.jpg").write_text("not an image")
    return [str(tmp_path / "broken.png"), str(tmp_path / "text.jpg")]


@pytest.mark.parametrize("options", [[], ["--batch-size", 1], ["--batch_size", 2], ["--batch_size=3"]], ids=str)
def test_a_line_each_image(read, word_files, expected, options):
    code, lines, err = read(*word_files, *options)
    assert (code, err) == (0, "")
    fields = [line.split("\t") for line in lines]
    assert [path for path, _, _ in fields] == word_files
    assert [text for _, text, _ in fields] == [result["generated_text"] for result in expected]
    for (_, _, score), result in zip(fields, expected, strict=True):
        assert re.fullmatch(r"[01]\.\d{4}", score)
        assert float(score) == pytest.approx(result["score"], abs=1e-4)


def test_fast_reads_the_same_words(read, monkeypatch):
    package = Path(hf_str.__file__).parent
    samples = [str(package / "samples" / f"{word}.png") for word in ("coffee", "market")]
    optimized, optimize = [], hf_str.CRNNForCTC.optimize_for_inference
    monkeypatch.setattr(hf_str.CRNNForCTC, "optimize_for_inference", lambda m: optimized.append(optimize(m)))
    model = ["--model", package / "checkpoints" / "crnn-str"]
    slow, fast = read(*samples, *model), read(*samples, *model, "--fast")
    assert len(optimized) == 1
    assert slow[0] == fast[0] == 0
    assert [line.split("\t")[:2] for line in fast[1]] == [line.split("\t")[:2] for line in slow[1]]
    code, lines, err = read(*samples, *model, "--fast", "--backend", "onnx")
    assert (code, lines) == (2, [])
    assert "--fast is for --backend torch" in err


def test_json(read, word_files, expected):
    code, lines, err = read("--json", *word_files)
    assert (code, err) == (0, "")
    for line, path, result in zip(map(json.loads, lines), word_files, expected, strict=True):
        assert list(line) == ["path", "generated_text", "score", "characters"]
        assert (line["path"], line["generated_text"]) == (path, result["generated_text"])
        assert line["score"] == pytest.approx(result["score"], abs=1e-5)
        for character, other in zip(line["characters"], result["characters"], strict=True):
            assert character["text"] == other["text"]
            assert character["span"] == pytest.approx(other["span"])


def test_folders_are_walked(read, word_files, tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    copies = [tmp_path / "b.PNG", tmp_path / "a.png", tmp_path / "deep" / "er" / "c.png"]
    for path, copy in zip(word_files, copies, strict=False):
        shutil.copy(path, copy)
    for name in ("labels.tsv", "report.pdf"):  # Pillow writes PDF, and reads none
        (tmp_path / name).write_text("no picture")
    code, lines, err = read(tmp_path, word_files[3])
    assert (code, err) == (0, "")
    assert [line.split("\t")[0] for line in lines] == [*sorted(map(str, copies)), word_files[3]]


def test_an_image_at_a_path_or_a_folder_with_any_name(read, word_files, tmp_path):
    folder = tmp_path / "Wörter 단어"
    folder.mkdir()
    shutil.copy(word_files[0], folder / "it's #1.png")
    code, lines, _ = read(folder)
    assert code == 0
    assert lines[0].startswith(f"{folder}/it's #1.png\t")


@pytest.mark.parametrize("batch_size", [1, 2, 32])
def test_what_cannot_be_read_does_not_stop_the_rest(read, word_files, broken, tmp_path, batch_size):
    missing = str(tmp_path / "missing.png")
    code, lines, err = read(*broken, word_files[0], missing, word_files[1], "--batch-size", batch_size)
    assert code == 1
    assert [line.split("\t")[0] for line in lines] == word_files[:2]
    for path, line in zip([*broken, missing], err.splitlines(), strict=True):
        assert path in line


def test_nothing_can_be_read(read, broken):
    code, lines, err = read(*broken)
    assert (code, lines, len(err.splitlines())) == (1, [], 2)


def test_a_folder_without_images(read, word_files, tmp_path):
    code, lines, err = read(tmp_path, word_files[0])
    assert code == 1
    assert len(lines) == 1
    assert err == f"{tmp_path}: no image in this folder\n"


def test_another_model(read, word_files, tiny_checkpoint, tmp_path):
    shutil.copytree(tiny_checkpoint, tmp_path / "model")
    assert read("--model", tmp_path / "model", word_files[0])[1] == read(word_files[0])[1]


@pytest.mark.parametrize("is_there", [False, True], ids=["missing", "empty"])
def test_a_missing_model(read, word_files, tmp_path, is_there):
    model = tmp_path / "nothing"
    if is_there:
        model.mkdir()
    code, lines, err = read("--model", model, word_files[0])
    assert (code, lines) == (2, [])
    assert err.startswith(f"cannot load the model '{model}': ")
    assert "Traceback" not in err


def test_a_model_of_another_kind(read, word_files, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    code, lines, err = read("--model", tmp_path, word_files[0])
    assert (code, lines) == (2, [])
    assert err.startswith(f"cannot load the model '{tmp_path}': ")


def test_a_device_that_is_not_there(capsys, word_files):
    assert main(["read", "--device", "cuda:99", word_files[0]]) == 2
    assert capsys.readouterr().err.startswith("cannot load the model ")


@pytest.mark.parametrize("number", ["0", "-3", "many", "1.5"])
def test_a_batch_size_that_cannot_be(capsys, number):
    with pytest.raises(SystemExit) as refusal:
        main(["read", "word.png", "--batch-size", number])
    assert refusal.value.code == 2
    message = f"argument --batch-size: must be an integer of at least 1, not '{number}'"
    assert message in capsys.readouterr().err


def test_help_and_version(capsys):
    for arguments in (["--help"], ["read", "--help"], ["--version"]):
        with pytest.raises(SystemExit) as done:
            main(arguments)
        assert done.value.code == 0
    out = capsys.readouterr().out
    assert "hf-str read word.png" in out
    for option in ("IMAGE", "--model M", "--json", "--batch-size N", "--device"):
        assert option in out
    assert out.endswith(f"hf_str {hf_str.__version__}\n")


@pytest.mark.parametrize("arguments", [[], ["read"], ["write", "word.png"]], ids=str)
def test_what_is_no_command_is_refused(capsys, arguments):
    with pytest.raises(SystemExit) as refusal:
        main(arguments)
    assert refusal.value.code == 2
    assert "usage: hf-str" in capsys.readouterr().err


def test_the_command_in_a_process_of_its_own(tiny_checkpoint, word_files, expected, broken):
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)}
    run = subprocess.run(
        [sys.executable, "-m", "hf_str.cli", "read", "--model", tiny_checkpoint, *word_files[:2], broken[0]],
        env=environment | {"PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
    )
    assert run.returncode == 1
    assert [line.split("\t")[:2] for line in run.stdout.splitlines()] == [
        [path, result["generated_text"]] for path, result in zip(word_files[:2], expected, strict=False)
    ]
    assert broken[0] in run.stderr
    assert "Traceback" not in run.stderr


def test_a_closed_pipe_ends_quietly(word_files, tiny_checkpoint):
    """`hf-str read photos/ | head -n 1`, with more lines than a pipe holds."""
    command = [sys.executable, "-m", "hf_str.cli", "read", "--model", tiny_checkpoint, *word_files * 400]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert run.stdout.readline().count("\t") == 2
    run.stdout.close()
    assert "Traceback" not in run.stderr.read()
    assert run.wait(timeout=120) == 1


# ---------------------------------------------------------------------------------------------------------------------
# Decoders


def test_a_lexicon_file(read, word_files, tmp_path):
    lexicon = tmp_path / "words.txt"
    lexicon.write_text("hello\nWonderful\n", encoding="utf-8")
    code, lines, err = read(*word_files, "--lexicon", lexicon)
    assert (code, err) == (0, "")
    assert {line.split("\t")[1] for line in lines} <= {"hello", "Wonderful"}
    beam = read(*word_files, "--lexicon", lexicon, "--decoder", "beam_search", "--beam-width", 50)
    assert beam == (code, lines, err)


@pytest.mark.parametrize("decoder", ["best_path", "beam_search", "prefix_search"])
def test_a_decoder_by_its_name(read, word_files, tiny_checkpoint, decoder):
    files = word_files[:1] if decoder == "prefix_search" else word_files  # slow on a network that knows nothing
    code, lines, err = read(*files, "--decoder", decoder)
    reader = pipeline("image-to-text", model=tiny_checkpoint, device="cpu", decoder=decoder)
    assert (code, err) == (0, "")
    assert [line.split("\t")[1] for line in lines] == [r["generated_text"] for (r,) in reader(files)]


def test_a_line_each_candidate(read, word_files):
    code, lines, err = read(*word_files[:2], "--decoder", "beam_search", "--n-best", 3)
    assert (code, err) == (0, "")
    assert [line.split("\t")[0] for line in lines] == [word_files[0]] * 3 + [word_files[1]] * 3
    _, rows, _ = read(word_files[0], "--decoder", "beam_search", "--n-best", 3, "--json")
    (result,) = map(json.loads, rows)
    texts = [candidate["generated_text"] for candidate in result["candidates"]]
    assert texts == [line.split("\t")[1] for line in lines[:3]]


def test_a_language_model_file(read, word_files, tmp_path):
    arpa = tmp_path / "letters.arpa"
    unigrams = "-99\t<s>\t0\n-1\t</s>\n-9\t<unk>\n-1\te\t0\n"
    arpa.write_text(f"\\data\\\nngram 1=4\nngram 2=1\n\n\\1-grams:\n{unigrams}\n\\2-grams:\n-1\te e\n\n\\end\\\n")
    code, lines, err = read(word_files[0], "--language-model", arpa)
    assert (code, err, len(lines)) == (0, "", 1)


def test_the_language_model_of_a_checkpoint(checkpoint_with_language_model, read, word_files):
    path = f"{checkpoint_with_language_model}/language_model.safetensors"
    _, expected, _ = read(*word_files, "--language-model", path)
    _, plain, _ = read(*word_files)
    code, lines, err = read(*word_files, "--model", checkpoint_with_language_model)
    assert (code, err, lines) == (0, "", expected)
    assert lines != plain
    assert read(*word_files, "--model", checkpoint_with_language_model, "--decoder", "best_path")[1] == plain


@pytest.mark.parametrize(
    "options, message",
    [
        (["--lexicon", "nothing.txt"], "No such file or directory: 'nothing.txt'"),
        (["--decoder", "lexicon"], "the decoder 'lexicon' needs a lexicon"),
        (["--decoder", "best_path", "--beam-width", 3], "the decoder 'best_path' does not take beam_width"),
    ],
    ids=str,
)
def test_decoding_that_cannot_be(read, word_files, options, message):
    code, lines, err = read(word_files[0], *options)
    assert (code, lines) == (2, [])
    assert err.startswith("cannot decode like this: ")
    assert message in err


# ---------------------------------------------------------------------------------------------------------------------
# NaN and infinity


def test_what_a_lexicon_does_not_allow_is_null(read, word_files, tmp_path):
    """JSON has no infinity: the logarithm of a probability of 0, of a word that is longer than the image."""
    lexicon = tmp_path / "words.txt"
    lexicon.write_text("hello" * 100 + "\n", encoding="utf-8")

    def refuse(name: str):
        raise AssertionError(name)

    code, (line,), _ = read(word_files[0], "--lexicon", lexicon, "--json", "--n-best", 2)
    (candidate,) = json.loads(line, parse_constant=refuse)["candidates"]
    assert (code, candidate["score"], candidate["log_prob"]) == (0, 0.0, None)


def test_a_model_that_gives_nan_reads_nothing(read, word_files, monkeypatch):
    forward = hf_str.CRNNForCTC.forward

    def diverged(*args, **inputs):
        outputs = forward(*args, **inputs)
        outputs.logits[:] = float("nan")
        return outputs

    monkeypatch.setattr(hf_str.CRNNForCTC, "forward", diverged)
    for options in ([], ["--json"]):
        code, lines, err = read(*word_files[:2], *options)
        assert (code, lines) == (2, [])
        assert "NaN" in err and word_files[0] in err
