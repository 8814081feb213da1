# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Pushed here, read by strangers: fresh processes with and without hf_str, online and offline, old and new."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from hf_str import CRNNConfig, CRNNForCTC, CRNNProcessor, ImageToTextPipeline
from hf_str.publishing import prepare, upload
from tests.hub.fresh import ROOT, WITHOUT_HF_STR, run_fresh
from tests.hub.server import WRITER


REPO = "org/crnn-str"
#: An interpreter with another transformers and huggingface_hub, and hf_str: the lowest supported beside the newest.
OTHER_PYTHON = os.environ.get("HF_STR_OTHER_PYTHON")

READ = """
import sys
from transformers import AutoModel, AutoProcessor, pipeline

repo, image, *revisions = sys.argv[1:]
trust = {"trust_remote_code": True} if sys.modules.get("hf_str", 0) is None else {}

def read(**options):
    model = AutoModel.from_pretrained(repo, **options, **trust)
    processor = AutoProcessor.from_pretrained(repo, **options, **trust)
    outputs = model(**processor(images=image, return_tensors="pt"))
    reading = processor.post_process_text_recognition(outputs)[0]
    return [reading["text"], reading["score"]]

def read_by_pipeline(**options):
    (reading,) = pipeline("scene-text-recognition", model=repo, device="cpu", **options, **trust)(image)
    return [reading["generated_text"], reading["score"]]

result = {"main": read(), "pipeline": read_by_pipeline()}
for revision in revisions:
    result[revision] = read_by_pipeline(revision=revision)
"""


@pytest.fixture(scope="module")
def expected(measured_checkpoint, word_files) -> list:
    """Text and score of the first word."""
    model = CRNNForCTC.from_pretrained(measured_checkpoint)
    reader = ImageToTextPipeline(
        model=model, processor=CRNNProcessor.from_pretrained(measured_checkpoint), device="cpu"
    )
    (reading,) = reader(word_files[0])
    return [reading["generated_text"], pytest.approx(reading["score"], abs=1e-5)]


def push(folder, max_shard_size="5GB", **options) -> str:
    with prepare(folder, REPO, max_shard_size=max_shard_size) as publication:
        return upload(publication, REPO, **options)


def push_three(folder: Path, hub):
    """`main` reads, with its weights in pieces; a branch and a pull request hold a model that sees only blanks."""
    push(folder, max_shard_size="100KB")
    blank = Path(shutil.copytree(folder, folder.parent / "blank"))
    weights = load_file(blank / "model.safetensors")
    weights["ctc_head.bias"] = torch.zeros_like(weights["ctc_head.bias"])
    weights["ctc_head.bias"][0] = 1e4
    save_file(weights, blank / "model.safetensors", metadata={"format": "pt"})
    push(blank, revision="blank")
    push(blank, create_pr=True)


def test_strangers_with_hf_str_read_it(hub, folder, word_files, expected, tmp_path):
    push_three(folder, hub)
    code = "import hf_str\n" + READ
    readings = run_fresh(code, hub.environment(tmp_path / "home"), REPO, word_files[0], "blank", "refs/pr/1")
    assert readings["main"] == expected
    assert readings["pipeline"] == expected
    assert readings["blank"] == readings["refs/pr/1"] == ["", pytest.approx(1.0)]
    assert hub.count("GET .*_crnn.py") == 0  # the installed code reads


def test_strangers_without_hf_str_read_it_and_then_offline(hub, folder, word_files, expected, tmp_path):
    push_three(folder, hub)
    environment = hub.environment(tmp_path / "home")
    readings = run_fresh(WITHOUT_HF_STR + READ, environment, REPO, word_files[0], "blank", "refs/pr/1")
    assert readings["main"] == expected
    assert readings["pipeline"] == expected
    assert readings["blank"] == readings["refs/pr/1"] == ["", pytest.approx(1.0)]
    asked = len(hub.requests)
    again = run_fresh(WITHOUT_HF_STR + READ, environment | {"HF_HUB_OFFLINE": "1"}, REPO, word_files[0], "blank")
    assert again == {name: readings[name] for name in ("main", "pipeline", "blank")}
    assert len(hub.requests) == asked


def test_downloaded_by_the_command_line(hub, folder, tmp_path):
    push(folder, private=True)
    command = [str(Path(sys.executable).parent / "hf"), "download", REPO, "--local-dir", str(tmp_path / "downloaded")]

    def download(token):
        environment = {k: v for k, v in os.environ.items() if k != "HF_TOKEN"}
        environment |= hub.environment(tmp_path / "home", token)
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    assert download(None).returncode != 0
    done = download(WRITER)
    assert done.returncode == 0, done.stderr[-3000:]
    files = hub.files(REPO)
    downloaded = {p.relative_to(tmp_path / "downloaded").as_posix(): p for p in (tmp_path / "downloaded").rglob("*")}
    assert all(downloaded[name].read_bytes() == content for name, content in files.items())
    CRNNForCTC.from_pretrained(tmp_path / "downloaded")


@pytest.mark.skipif(OTHER_PYTHON is None, reason="HF_STR_OTHER_PYTHON names no interpreter with other versions")
@pytest.mark.parametrize("pusher", ["this one", "the other one"])
def test_other_versions_read_what_these_pushed_and_the_reverse(
    pusher, hub, measured_checkpoint, word_files, expected, tmp_path
):
    python, other = (sys.executable, OTHER_PYTHON) if pusher == "this one" else (OTHER_PYTHON, sys.executable)
    # Saved anew by the one that pushes, as after its training.
    code = """
        import sys, hf_str, huggingface_hub, runpy, shutil, transformers
        folder, copy, repo, script = sys.argv[1:]
        shutil.copytree(folder, copy)
        hf_str.CRNNForCTC.from_pretrained(folder).save_pretrained(copy)
        hf_str.CRNNProcessor.from_pretrained(folder).save_pretrained(copy)
        sys.argv = [script, copy, repo]
        runpy.run_path(script, run_name="__main__")
        result = [transformers.__version__, huggingface_hub.__version__]
    """
    arguments = [measured_checkpoint, tmp_path / "crnn-str", REPO, ROOT / "scripts" / "push_to_hub.py"]
    by = run_fresh(code, hub.environment(tmp_path / "home", WRITER), *map(str, arguments), python=python)
    code = WITHOUT_HF_STR + READ
    code += "import huggingface_hub, transformers\n"
    code += "result['versions'] = [transformers.__version__, huggingface_hub.__version__]\n"
    readings = run_fresh(code, hub.environment(tmp_path / "other home"), REPO, word_files[0], python=other)
    print(f"{pusher} pushed with {by}, with {readings['versions']}")
    assert readings["main"] == expected
    assert readings["pipeline"] == expected
    assert readings["versions"] != by
    assert json.loads(hub.files(REPO)["config.json"])["transformers_version"] == by[0]


def test_a_configuration_alone_is_pushed_with_the_code_that_it_names(hub, tmp_path):
    CRNNConfig().save_pretrained(tmp_path / "saved", push_to_hub=True, repo_id="org/config")
    files = hub.files("org/config")
    code = {path.name: path.read_bytes() for path in (tmp_path / "saved").glob("*.py")}
    assert {"configuration_crnn.py", "modeling_crnn.py", "pipeline_crnn.py"} <= code.keys()
    assert {name: files[name] for name in code} == code
    assert files["config.json"] == (tmp_path / "saved" / "config.json").read_bytes()
