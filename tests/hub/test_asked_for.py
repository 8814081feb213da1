# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Only what a repository is made of is published by itself; anything else is asked for by its name."""

import runpy
import socket
import sys
from pathlib import Path

import pytest
from huggingface_hub import constants

import hf_str
from hf_str.publishing import PublishError, prepare
from hf_str.publishing.contents import folder_contents, unasked


REPO = "org/crnn-str"
STRANGE = (
    "customers.csv",
    "notes.md",
    "dump.sql",
    "letters/to_me.txt",
    ".vscode/settings.json",
    "weights.bin",
    "run.py",
)


@pytest.mark.parametrize("repo_type", ["model", "dataset", "space"])
def test_what_nobody_asked_for(repo_type):
    assert unasked(STRANGE, repo_type) == list(STRANGE)
    assert unasked(STRANGE, repo_type, ["*"]) == []
    assert unasked(STRANGE, repo_type, ["notes.md", "letters/*"]) == [
        name for name in STRANGE if name not in ("notes.md", "letters/to_me.txt")
    ]


def test_what_repositories_are_made_of():
    both = ["README.md", "LICENSE", "NOTICE", "images/word.PNG", "reliability.svg", "curve.webp"]
    model = [
        "config.json",
        "model-00001-of-00002.safetensors",
        "model.safetensors.index.json",
        "tokenizer_config.json",
    ]
    model += ["results.json", "log.jsonl", "curves.html", "training_args.json", "onnx/model.onnx", "modeling_crnn.py"]
    assert unasked([*both, *model, "openvino/crnn.xml", "openvino/crnn.bin"], "model") == []
    assert (
        unasked([*both, "words-00000-of-00002.parquet", "train/0.tar", "metadata.jsonl", "metadata.csv"], "dataset")
        == []
    )
    assert unasked([*both, "app.py", "requirements.txt", "hf_str/cli.py", "models/a/config.json"], "space") == []
    assert unasked(["private.py", "hf_str/notes.txt"], "space") == ["private.py", "hf_str/notes.txt"]


def test_the_package_and_its_checkpoints_pass():
    package = Path(hf_str.__file__).parent
    names = [p.relative_to(package.parent).as_posix() for p in package.rglob("*") if "__pycache__" not in p.parts]
    names = [name for name in names if (package.parent / name).is_file()]
    assert unasked(names, "space") == []
    for checkpoint in (package / "checkpoints").iterdir():
        assert unasked(folder_contents(checkpoint)[0], "model") == []


def test_the_refusal_names_them(folder):
    (folder / "customers.csv").write_text("name,address")
    (folder / "drafts").mkdir()
    (folder / "drafts" / "letter.md").write_text("Dear")
    with pytest.raises(PublishError) as caught, prepare(folder, REPO):
        pass
    assert "2 of" in str(caught.value)
    assert "customers.csv: not among the files that are published by themselves: --include 'customers.csv'" in str(
        caught.value
    )
    with prepare(folder, REPO, include=["customers.csv"], ignore=["drafts/*"]) as publication:
        assert "customers.csv" in publication.files
        assert "drafts/letter.md" not in publication.files
    with prepare(folder, REPO, include=["*.csv", "drafts/*"]) as publication:
        assert {"customers.csv", "drafts/letter.md"} <= publication.files.keys()
    with (
        pytest.raises(PublishError, match=r"has no file costumers\.csv"),
        prepare(folder, REPO, include=["costumers.csv"]),
    ):
        pass


def test_what_is_left_out_can_be_asked_for_and_secrets_cannot(folder):
    (folder / "report.html").write_text("<p>")
    (folder / "prod.env").write_text("A=b")
    with (
        pytest.raises(PublishError, match=r"prod\.env: files of this name"),
        prepare(folder, REPO, include=["prod.env"]),
    ):
        pass
    with prepare(folder, REPO, include=["report.html"], ignore=["*.env"]) as publication:
        assert "report.html" in publication.files


def test_a_dry_run_opens_no_connection(folder, monkeypatch, capsys):
    def refuse(*arguments):
        raise AssertionError(f"a dry run connects to {arguments[1:]}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    script = Path(__file__).parents[2] / "scripts" / "push_to_hub.py"
    monkeypatch.setattr(sys, "argv", [str(script), str(folder), REPO, "--dry_run"])
    runpy.run_path(str(script), run_name="__main__")
    said = capsys.readouterr().out
    assert "model.safetensors" in said
    assert "Nothing was sent." in said
