# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Repositories that somebody damaged or made to do harm: an error that says why, no code run, nothing written outside
the cache."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from hf_str import CRNNForCTC, CRNNProcessor, CRNNTokenizer, ImageToTextPipeline
from hf_str.publishing import prepare
from tests.hub.fresh import WITHOUT_HF_STR, run_fresh


#: Loads each repository as strangers do; the error of each, or what it read.
LOAD = """
import os, sys
from transformers import AutoModel, pipeline

image, mark, *repos = sys.argv[1:]
os.environ["MARK"] = mark
trust = {"trust_remote_code": True} if sys.modules.get("hf_str", 0) is None else {}
result = {}
for repo in repos:
    result[repo] = []
    for load in (
        lambda: AutoModel.from_pretrained(repo, **trust) and None,
        lambda: pipeline("image-to-text", model=repo, device="cpu", **trust)(image),
    ):
        try:
            result[repo].append(["read", str(load())])
        except Exception as error:
            result[repo].append([type(error).__name__, str(error)])
"""
#: Leaves a mark, when it is run by whatever means.
EVIL = "import os\nopen(os.environ['MARK'], 'a').write('code was run')\n"


class Trap:
    """Leaves the mark where a pickle of it is loaded."""

    def __reduce__(self):
        return exec, (EVIL,)


@pytest.fixture(scope="module")
def whole(measured_checkpoint) -> dict[str, bytes]:
    """The files of a repository that is as it should be."""
    with prepare(measured_checkpoint, "org/whole") as publication:
        return {n: c if isinstance(c, bytes) else c.read_bytes() for n, c in publication.files.items()}


def flipped(content: bytes, place: int) -> bytes:
    """A copy in which one bit is another."""
    copy = bytearray(content)
    copy[place] ^= 0x10
    return bytes(copy)


def configured(whole, **changes) -> dict[str, bytes]:
    return whole | {"config.json": json.dumps(json.loads(whole["config.json"]) | changes).encode()}


def index_to(path: str) -> bytes:
    return json.dumps({"metadata": {"total_size": 1}, "weight_map": {"ctc_head.bias": path}}).encode()


def files_outside(folder: Path) -> set[str]:
    """Everything in a folder but the client's own home."""
    return {str(path) for path in folder.rglob("*") if (folder / "home") not in (path, *path.parents)}


def test_repositories_that_do_not_load(hub, whole, word_files, tmp_path):
    weights = whole["model.safetensors"]
    without_weights = {name: content for name, content in whole.items() if name != "model.safetensors"}
    outside = index_to("../../../../../../outside.safetensors")
    why_not = {  # files, and what the error says
        "truncated": (whole | {"model.safetensors": weights[:-5000]}, "file not fully covered"),
        "header-only": (whole | {"model.safetensors": weights[:50]}, "invalid header length"),
        "empty": (whole | {"model.safetensors": b""}, "model.safetensors is empty"),
        "flipped-length": (whole | {"model.safetensors": flipped(weights, 6)}, "header too large"),
        "flipped-header": (
            whole | {"model.safetensors": flipped(weights, weights.index(b"data_offsets") + 15)},
            "invalid JSON in header",
        ),
        "too-wide": (configured(whole, hidden_size=48), "mismatched"),
        "gigantic": (configured(whole, hidden_size=10**7), "hidden_size must be at most 16384, not 10000000"),
        "more-classes": (configured(whole, vocab_size=200), "mismatched"),
        "no-number": (configured(whole, hidden_size="many"), "Field 'hidden_size' expected int, got str"),
        "negative": (configured(whole, conv_channels=[-1] * 7), "conv_channels[0] must be at least 1, not -1"),
        "pickled": (without_weights | {"pytorch_model.bin": pickle.dumps(Trap())}, "Weights only load failed"),
        "index-outside": (without_weights | {"model.safetensors.index.json": outside}, "outside.safetensors"),
        "no-weights": (without_weights, "does not appear to have a file named"),
    }
    for name, (files, _) in why_not.items():
        hub.put(f"org/{name}", files)
    pickles = {name: pickle.dumps(Trap()) for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt")}
    hub.put("org/pickles-too", whole | pickles)
    (tmp_path / "outside.safetensors").write_bytes(weights)
    before = files_outside(tmp_path)
    arguments = word_files[0], str(tmp_path / "mark"), *(f"org/{name}" for name in [*why_not, "pickles-too"])
    result = run_fresh(WITHOUT_HF_STR + LOAD, hub.environment(tmp_path / "home"), *arguments)
    assert files_outside(tmp_path) == before, "a pickle was run, or something was written outside the cache"
    for name, (_, reason) in why_not.items():
        by_model, by_pipeline = result[f"org/{name}"]
        assert by_model[0] != "read", name
        assert by_pipeline[0] != "read", name
        assert reason in by_model[1], (name, by_model)
    assert [kind for kind, _ in result["org/pickles-too"]] == ["read", "read"]
    assert hub.count("GET .*pickles-too/resolve/.*[.](bin|pt)") == 0


def test_code_of_others_is_left_alone(hub, whole, word_files, tmp_path):
    """With hf_str and without `trust_remote_code`, the installed code reads whatever the repository brings."""
    hub.put("org/evil-code", whole | {name: EVIL.encode() for name in whole if name.endswith("_crnn.py")})
    before = files_outside(tmp_path)
    arguments = word_files[0], str(tmp_path / "mark"), "org/evil-code"
    result = run_fresh("import hf_str\n" + LOAD, hub.environment(tmp_path / "home"), *arguments)
    assert [kind for kind, _ in result["org/evil-code"]] == ["read", "read"]
    assert files_outside(tmp_path) == before, "code was run"
    assert hub.count("GET .*_crnn.py") == 0


def test_a_tokenizer_of_another_charset(measured_checkpoint, word_files):
    tokenizer = CRNNTokenizer(charset="36")
    model, processor = (
        CRNNForCTC.from_pretrained(measured_checkpoint),
        CRNNProcessor.from_pretrained(measured_checkpoint),
    )
    processor = CRNNProcessor(processor.image_processor, tokenizer)
    with pytest.raises(ValueError, match=r"37 classes.*95"):
        ImageToTextPipeline(model=model, processor=processor)(word_files[0])
    with pytest.raises(ValueError, match=r"37 classes.*95"):
        processor.post_process_text_recognition(model(**processor(images=word_files[0], return_tensors="pt")))


def test_file_names_that_lead_outside(hub, tmp_path):
    """The client's own guard, whichever way a repository is downloaded."""
    up = "../" * 6
    names = ["../evil.txt", f"{up}evil.txt", f"a/../{up}evil.txt", "/evil.txt", "..\\..\\evil.txt"]
    for number, name in enumerate(names):
        hub.put(f"org/outside-{number}", {"config.json": b"{}", name: b"evil"})
    code = """
        import sys
        from huggingface_hub import hf_hub_download, snapshot_download

        result = []
        for number, name in enumerate(sys.argv[1:]):
            repo = f"org/outside-{number}"
            for download in (
                lambda: snapshot_download(repo),
                lambda: snapshot_download(repo, local_dir=f"local-{number}"),
                lambda: hf_hub_download(repo, name),
            ):
                try:
                    result.append(download())
                except ValueError as error:
                    result.append("refused")
    """
    home = tmp_path / "a" / "b" / "c" / "home"  # whatever leads out of the cache stays in `tmp_path`
    home.parent.mkdir(parents=True)
    assert run_fresh(code, hub.environment(home), *names) == ["refused"] * 3 * len(names)
    assert list(tmp_path.rglob("*evil*")) == []


def test_a_bit_that_was_lost_on_the_way_is_found(hub, whole, tmp_path):
    """safetensors has no checksum: a flipped bit in a tensor loads. `hf cache verify` compares with the Hub's."""
    hub.put("org/whole", whole)
    oid = next(iter(hub.objects))
    environment = os.environ | hub.environment(tmp_path / "home")

    def hf(*arguments):
        command = [str(Path(sys.executable).parent / "hf"), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    hub.objects[oid] = flipped(hub.objects[oid], -1000)
    assert hf("download", "org/whole").returncode == 0
    verified = hf("cache", "verify", "org/whole")
    assert verified.returncode != 0
    assert "model.safetensors" in verified.stdout + verified.stderr
