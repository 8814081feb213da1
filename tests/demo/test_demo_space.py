# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The demo page as a folder that the Hub runs."""

import ast
import importlib.metadata
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import SpaceCard
from packaging.requirements import Requirement


pytest.importorskip("gradio")

import hf_str
from hf_str.cli import main
from hf_str.demo import load_recognizers, serve, write_space
from hf_str.demo.page import build_page
from hf_str.publishing import prepare


@pytest.fixture(scope="module")
def recognizers(tiny_checkpoint):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        return load_recognizers([tiny_checkpoint], device="cpu")


@pytest.fixture(scope="module")
def space(recognizers, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("space") / "demo"
    write_space(folder, recognizers)
    return folder


def test_what_is_in_it(space, recognizers, tmp_path):
    files = write_space(tmp_path, recognizers)
    assert files == sorted(str(path.relative_to(space)) for path in space.rglob("*") if path.is_file())
    assert {"README.md", "app.py", "requirements.txt", "models/tiny/model.safetensors"} <= set(files)
    package = Path(hf_str.__file__).parent
    assert {name for name in files if name.startswith("hf_str/")} == {
        f"hf_str/{path.relative_to(package)}"
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_card_is_one_that_the_hub_takes(space):
    card = SpaceCard.load(space / "README.md")
    assert (card.data.sdk, card.data.app_file, card.data.license) == ("gradio", "app.py", "apache-2.0")
    assert card.data.sdk_version == importlib.metadata.version("gradio")
    assert len(card.data.short_description) <= 60


def test_publishing_takes_it(space):
    with prepare(space, "org/demo", "space") as publication:
        assert {"app.py", "hf_str/cli.py", "models/tiny/model.safetensors"} <= publication.files.keys()
        assert publication.left_out == []


def test_requirements_are_those_of_the_package_without_extras(space):
    lines = (space / "requirements.txt").read_text().splitlines()
    names = {Requirement(line).name for line in lines if not line.startswith("--")}
    assert {"torch", "transformers", "pillow", "numpy"} <= names
    assert not names & {"gradio", "datasets", "pytest", "ruff"}


def test_it_starts_with_its_own_code_and_models(space, tmp_path):
    """What app.py does, up to serving, from another folder and with the copied package."""
    code = (
        "import runpy, sys; from pathlib import Path; sys.path.insert(0, {space!r});"
        "app = runpy.run_path({space!r} + '/app.py', run_name='app'); import hf_str;"
        "print('RECOGNIZERS', hf_str.__file__, list(app['load_recognizers'](app['MODELS'], 'cpu')))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code.format(space=str(space))],
        cwd=tmp_path,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == f"RECOGNIZERS {space}/hf_str/__init__.py ['tiny', 'crnn-str']\n"


def test_a_model_of_the_hub_is_named(recognizers, tmp_path, monkeypatch):
    recognizer = recognizers["tiny"]
    monkeypatch.setattr(recognizer.model.config, "_name_or_path", "org/crnn-mine")
    monkeypatch.setattr(recognizer.model, "name_or_path", "org/crnn-mine")
    write_space(tmp_path, {"org/crnn-mine": recognizer})
    assert not (tmp_path / "models").exists()
    tree = ast.parse((tmp_path / "app.py").read_text())
    (models,) = [node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "MODELS"]
    assert ast.literal_eval(models) == ["org/crnn-mine"]
    assert SpaceCard.load(tmp_path / "README.md").data.models == ["org/crnn-mine"]


def test_nothing_is_overwritten(recognizers, tmp_path):
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(FileExistsError, match="is not empty"):
        write_space(tmp_path, recognizers)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_the_command(tiny_checkpoint, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("hf_str.DEFAULT_CHECKPOINT", tiny_checkpoint)
    assert main(["demo", "--write_space", str(tmp_path / "space")]) == 0
    assert "app.py" in capsys.readouterr().out.splitlines()
    assert main(["demo", "--write_space", str(tmp_path / "space")]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert main(["demo", "--model", str(tmp_path / "nothing")]) == 2
    assert capsys.readouterr().err.startswith("cannot show the demo: ")


def test_without_gradio(monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith("hf_str.demo")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert main(["demo"]) == 2
    assert "pip install hf_str[demo]" in capsys.readouterr().err


def test_a_port_that_is_taken(recognizers, monkeypatch):
    for name in ("TEMP_DIR", "EXAMPLES_CACHE", "ALLOWED_PATHS", "ANALYTICS_ENABLED", "RUN_HISTORY"):
        monkeypatch.setenv(f"GRADIO_{name}", "")  # and is set back at the end
    before = signal.getsignal(signal.SIGTERM)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="port"):
            serve(recognizers, port=taken.getsockname()[1])
    signal.signal(signal.SIGTERM, before)


def test_samples_stay_when_the_cache_is_emptied(recognizers):
    from gradio.route_utils import delete_files_created_by_app

    page = build_page(recognizers)
    gallery = next(one for one in page.blocks.values() if getattr(one, "elem_id", None) == "samples")
    paths = [Path(item["image"]["path"]) for item in gallery.value]
    delete_files_created_by_app(page, age=None)
    assert len(paths) == 6
    assert all(path.is_file() for path in paths)
