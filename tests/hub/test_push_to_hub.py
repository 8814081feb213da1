# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""scripts/push_to_hub.py against a Hub on this machine, with the real client: what goes up, what is refused."""

import json
import os
import pickle
import runpy
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from huggingface_hub import HfApi, ModelCard, constants
from safetensors.torch import load_file

from hf_str import CRNNForCTC, CRNNTokenizer
from tests.conftest import draw_word
from tests.hub.conftest import RESULTS
from tests.hub.fresh import run_fresh
from tests.hub.server import READER, STRANGER, WRITER, Hub


ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "push_to_hub.py"
REPO = "org/crnn-str"


@pytest.fixture
def push(monkeypatch, capsys):
    """Runs the script in this process; gives what it printed, and raises what it ends with."""

    def run(*arguments) -> str:
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), *map(str, arguments)])
        capsys.readouterr()
        runpy.run_path(str(SCRIPT), run_name="__main__")
        return capsys.readouterr().out

    return run


def refused(push, *arguments) -> str:
    """The one line with which the script ends."""
    with pytest.raises(SystemExit) as ended:
        push(*arguments)
    assert str(ended.value.code).startswith("error: ")
    return str(ended.value.code)


# ---------------------------------------------------------------------------------------------------------------------
# What goes up


def test_one_commit_holds_all_of_it(push, hub, folder):
    (folder / "checkpoint-5").mkdir()
    (folder / "checkpoint-5" / "optimizer.pt").write_bytes(pickle.dumps({}))
    (folder / "run.json").write_text("{}")
    (folder / ".gitignore").write_text("*.safetensors")
    code = {path.name: path.read_bytes() for path in (ROOT / "hf_str" / "models" / "crnn").glob("*_crnn.py")}
    (folder / "pipeline_crnn.py").write_text("raise SystemExit('changed by somebody')")
    said = push(folder, REPO)
    assert hub.repos["model", REPO].history() == ["Push model with hf_str"]
    files = hub.files(REPO)
    parts = {"config.json", "model.safetensors", "processor_config.json", "tokenizer.json", "tokenizer_config.json"}
    more = {"README.md", "LICENSE", "results.json", "training_args.json", ".gitattributes"}
    assert files.keys() == parts | more | code.keys()
    assert {name: files[name] for name in code} == code
    assert files["model.safetensors"] == (folder / "model.safetensors").read_bytes()
    config = json.loads(files["config.json"])
    assert config["auto_map"]["AutoModel"] == "modeling_crnn.CRNNForCTC"
    assert config["custom_pipelines"]["image-to-text"]["impl"] == "pipeline_crnn.ImageToTextPipeline"
    assert b"Apache License" in files["LICENSE"]
    assert f"{hub.url}/{REPO}/commit/" in said
    assert "Left out: .gitignore, checkpoint-5/optimizer.pt, run.json" in said

    card = ModelCard(files["README.md"].decode())
    assert (card.data.license, card.data.pipeline_tag, card.data.library_name) == (
        "apache-2.0",
        "image-to-text",
        "transformers",
    )
    figures = {(r.dataset_name, r.metric_name): r.metric_value for r in card.data.eval_results}
    assert figures["words", "word accuracy, 36 characters"] == 0.81234
    assert len(figures) == 4  # the mean over the sets is none of its own
    assert "| words | 1,000 | 81.23 | 7.12 | 50.00 | 21.00 |" in card.text
    assert "without a lexicon" in card.text
    assert f'model="{REPO}"' in card.text
    assert "- dataset: `words`" in card.text
    assert "/home/me" not in card.text


def test_pushed_again_nothing_changes(push, hub, folder):
    push(folder, REPO)
    push(folder, REPO)
    assert len(hub.repos["model", REPO].history()) == 1
    assert hub.count("PUT .*") == 1


def test_dry_run_lists_and_checks_and_sends_nothing(push, hub, folder):
    said = push(folder, REPO, "--dry_run")
    size = (folder / "model.safetensors").stat().st_size
    assert f"{size:>15,}  model.safetensors" in said
    assert all(f"  {name}\n" in said for name in ("modeling_crnn.py", "README.md", "LICENSE", "results.json"))
    assert "| words | 1,000 | 81.23" in said
    assert "Nothing was sent." in said
    assert hub.repos == {}
    assert hub.requests == []


def test_dry_run_without_a_connection(push, hub, folder, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert "Nothing was sent." in push(folder, REPO, "--dry_run")


def test_large_weights_are_split_and_old_files_go(push, hub, folder):
    push(folder, REPO)
    push(folder, REPO, "--max_shard_size", "100KB", "--message", "in pieces")
    files = hub.files(REPO)
    shards = [name for name in files if name.startswith("model-")]
    assert len(shards) >= 3
    assert all(len(files[name]) < 110_000 for name in shards)
    assert "model.safetensors" not in files  # transformers would read it instead of the pieces
    assert set(json.loads(files["model.safetensors.index.json"])["weight_map"].values()) == set(shards)
    (downloaded := folder.parent / "downloaded").mkdir()
    for name, content in files.items():
        (downloaded / name).write_bytes(content)
    weights = load_file(folder / "model.safetensors")
    loaded = CRNNForCTC.from_pretrained(downloaded).state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in weights.items())
    assert hub.repos["model", REPO].history()[0] == "in pieces"
    push(folder, REPO)
    assert not any(name.startswith("model-") or name.endswith("index.json") for name in hub.files(REPO))


def test_private_branch_and_pull_request(push, hub, folder):
    push(folder, REPO, "--private")
    repo = hub.repos["model", REPO]
    assert repo.visibility == "private"
    (folder / "results.json").write_text(json.dumps(RESULTS | {"settings": {"seed": 1}}))
    push(folder, REPO, "--revision", "tuned")
    assert "pr/1" not in str(repo.refs)
    said = push(folder, REPO, "--create_pr")
    assert f"{hub.url}/{REPO}/discussions/1" in said
    assert hub.files(REPO, revision="main")["results.json"] != hub.files(REPO, revision="tuned")["results.json"]
    assert hub.files(REPO, revision="refs/pr/1") == hub.files(REPO, revision="tuned")
    assert len(repo.history("main")) == 1


def test_private_is_not_promised_of_a_public_repository(push, hub, folder):
    push(folder, REPO)
    assert "everybody can see it" in refused(push, folder, REPO, "--private")


def test_a_name_alone_is_mine(push, hub, folder):
    push(folder, "words")
    assert ("model", "me/words") in hub.repos


def test_own_card_and_results_from_elsewhere(push, hub, folder, tmp_path):
    push(folder, REPO)
    text = hub.files(REPO)["README.md"].decode()
    (tmp_path / "card.md").write_text(text.replace("0.81234", "81.23").replace("Made with", "I made it with"))
    (folder / "results.json").rename(tmp_path / "results.json")
    push(folder, REPO, "--card", tmp_path / "card.md", "--results", tmp_path / "results.json")
    assert b"I made it with" in hub.files(REPO)["README.md"]
    assert b"81.23" in hub.files(REPO)["README.md"]


def test_embedded_checkpoint_with_its_card(push, hub):
    import hf_str

    card = ROOT / "model_cards" / f"{Path(hf_str.DEFAULT_CHECKPOINT).name}.md"
    push(hf_str.DEFAULT_CHECKPOINT, "org/crnn-str", "--card", card, "--results", card.with_suffix(".json"))
    assert "modeling_crnn.py" in hub.files("org/crnn-str")


def test_what_evaluation_writes_is_what_is_published(push, hub, folder):
    """results.json and model-index.yaml of `scripts/evaluate_str.py`, as they are."""
    pytest.importorskip("rapidfuzz")
    from hf_str.evaluation import PROTOCOLS
    from hf_str.evaluation.predictions import Prediction
    from hf_str.evaluation.results import evaluate_parts, make_parts, model_index

    seen = {"text": "abc", "score": 0.9, "width": 100, "height": 32, "seconds": 0.001}
    words = [Prediction(row=row, name="", label="abc" if row % 3 else "abd", **seen) for row in range(30)]
    protocols = {"36": PROTOCOLS["36"]}
    results = evaluate_parts(make_parts("IIIT5K", "data/iiit5k", words), protocols)
    results |= {"model": {"name": "crnn-str"}, "protocols": {"36": {"ignore_case": True}}}
    results["settings"] = {"decoder": None, "lexicon": "/data/words.txt"}
    (folder / "results.json").write_text(json.dumps(results))
    push(folder, REPO)
    assert b"| IIIT5K | 30 | 66.67 |" in hub.files(REPO)["README.md"]
    assert b"In percent, with lexicon `words.txt`." in hub.files(REPO)["README.md"]
    (folder / "README.md").write_text(f"---\nlicense: mit\n{model_index(results)}---\n# Mine\n")
    push(folder, REPO)
    assert b"# Mine" in hub.files(REPO)["README.md"]


# ---------------------------------------------------------------------------------------------------------------------
# What is refused


class Trap:
    """Leaves a mark where a pickle of it is loaded."""

    def __reduce__(self):
        return open, ("loaded", "w")


@pytest.mark.parametrize("name", ["optimizer.pt", "weights.bin", "old.bin", "notes.txt", "words.npy"])
def test_pickles_by_any_name(push, hub, folder, name):
    path = folder / name
    if name.endswith(("weights.bin", ".pt")):
        torch.save({"a": torch.zeros(2)}, path)
    elif name.endswith(".npy"):
        import numpy as np

        np.save(path, np.array([Trap()], dtype=object), allow_pickle=True)
    else:
        path.write_bytes(pickle.dumps(Trap(), protocol=0 if name == "notes.txt" else 4))
    message = refused(push, folder, REPO)
    assert f"{name}: a pickle, which runs code" in message
    assert hub.requests == []
    push(folder, REPO, "--ignore", name)
    assert name not in hub.files(REPO)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (
            "training_args.json",
            '{"hub_token": "hf_%s"}' % ("a" * 34),
            "training_args.json: holds what looks like a Hug",
        ),
        ("notes/log.txt", "first\nAKIA%s" % ("A" * 16), "notes/log.txt: holds what looks like an AWS key, in line 2"),
        ("id.txt", "-----BEGIN OPENSSH PRIVATE KEY-----", "a private key"),
        ("README.md", f"---\nlicense: mit\n---\n{WRITER}", "README.md: holds the Hugging Face token that you are"),
        ("sub/.env", "X=1", "sub/.env: files of this name hold secrets"),
        ("server.pem", "x", "server.pem: files of this name hold secrets"),
    ],
)
def test_secrets(push, hub, folder, name, content, reason):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(content)
    message = refused(push, folder, REPO)
    assert reason in message
    assert "a" * 34 not in message
    assert WRITER not in message
    assert hub.requests == []


def test_links_and_what_is_no_file(push, hub, folder, tmp_path):
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "diary.txt").write_text("dear diary")
    (folder / "diary.txt").symlink_to(tmp_path / "private" / "diary.txt")
    (folder / "private").symlink_to(tmp_path / "private")
    os.mkfifo(folder / "pipe")
    message = refused(push, folder, REPO)
    assert "3 of" in message
    assert f"diary.txt: a link to {tmp_path}/private/diary.txt" in message
    assert f"private: a link to {tmp_path}/private" in message
    assert "pipe: neither a file nor a folder" in message
    assert hub.requests == []


def test_cards_without_measured_results(push, hub, folder):
    push(folder, REPO)
    text = hub.files(REPO)["README.md"].decode()
    (folder / "README.md").write_text(text.replace("0.81234", "0.91234"))
    message = "README.md says 0.91234 for words, word accuracy, 36 characters, but results.json measured 0.81234"
    assert message in refused(push, folder, REPO)
    (folder / "README.md").write_text(text.replace("name: words", "name: IIIT5K"))
    assert "results.json has only: words, word accuracy" in refused(push, folder, REPO)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Reads well")
    assert "has no figures (model-index)" in refused(push, folder, REPO)
    (folder / "README.md").write_text("---\nlicense: [mit\n---\n")
    assert "the metadata at the top of README.md is wrong" in refused(push, folder, REPO)
    (folder / "README.md").write_text("# Reads well")
    assert "README.md has no metadata" in refused(push, folder, REPO)
    (folder / "README.md").unlink()
    (folder / "results.json").write_text("{}")
    assert "results.json is not as scripts/evaluate_str.py writes it" in refused(push, folder, REPO)
    (folder / "results.json").write_text('{"figures": []}')
    assert "holds no measurement" in refused(push, folder, REPO)
    (folder / "results.json").write_text(json.dumps(RESULTS | {"model": {"parameters": 8_330_789}}))
    assert "is of a model with 8,330,789 parameters, but this one has" in refused(push, folder, REPO)
    (folder / "results.json").unlink()
    message = refused(push, folder, REPO)
    assert "python scripts/evaluate_str.py --dataset WORDS --model" in message
    assert len(hub.repos["model", REPO].history()) == 1


def test_a_model_that_does_not_load(push, hub, folder, tmp_path):
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:-100])
    assert "does not load, so nobody could use it" in refused(push, folder, REPO)
    (folder / "model.safetensors").write_bytes(weights)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"hidden_size": 48}))
    assert "do" in refused(push, folder, REPO)
    (folder / "config.json").write_text(json.dumps({k: v for k, v in config.items() if k != "auto_map"}))
    assert "config.json has no auto_map" in refused(push, folder, REPO)
    (folder / "config.json").write_text(json.dumps(config))
    CRNNTokenizer(charset="36").save_pretrained(folder)
    assert "the tokenizer has 37 classes" in refused(push, folder, REPO)
    (folder / "tokenizer.json").unlink()
    assert "is not a recognizer: it lacks tokenizer.json" in refused(push, folder, REPO)
    assert "there is no folder" in refused(push, tmp_path / "nowhere", REPO)
    assert hub.requests == []


# ---------------------------------------------------------------------------------------------------------------------
# What goes wrong on the way


def test_who_may_not(push, hub, folder, monkeypatch):
    for token in (READER, STRANGER):
        monkeypatch.setenv("HF_TOKEN", token)
        message = refused(push, folder, REPO)
        assert f"your token may not write to {REPO}" in message
        assert "You don't have the rights" in message
    monkeypatch.setenv("HF_TOKEN", "hf_unknown")
    assert "the Hub does not take your token" in refused(push, folder, REPO)
    monkeypatch.delenv("HF_TOKEN")
    assert "nobody is logged in to the Hub: run `hf auth login`" in refused(push, folder, REPO)
    monkeypatch.setenv("HF_TOKEN", WRITER)
    assert f"there is no repository {REPO}" in refused(push, folder, REPO, "--create_pr")
    for name in ("a/b/c", "a--b", "a..b"):
        assert "a repository is called NAME or ORGANIZATION/NAME" in refused(push, folder, name)
    assert hub.repos == {}


def test_no_connection(push, hub, folder, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set" in refused(push, folder, REPO)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert "the connection to http://127.0.0.1:9 failed" in refused(push, folder, REPO)


@pytest.mark.parametrize("action", [500, "drop"])
def test_a_failed_commit_changes_nothing_and_is_made_again(push, hub, folder, action):
    hub.fail("POST .*/commit/main", action)
    message = refused(push, folder, REPO)
    assert f"{REPO} has all of it or nothing: run the same command again" in message
    assert hub.files(REPO).keys() == {".gitattributes"}
    sent = hub.count("PUT .*")
    push(folder, REPO)
    assert hub.count("PUT .*") == sent == 1  # the weights were there already
    assert len(hub.repos["model", REPO].history()) == 1


def test_one_broken_request_is_repeated(push, hub, folder):
    hub.fail("PUT .*", 503)
    push(folder, REPO)
    assert hub.count("PUT .*") == 2
    assert len(hub.repos["model", REPO].history()) == 1


def test_forbidden_storage(push, hub, folder):
    hub.fail("PUT .*", 403)
    assert "Error while uploading 'model.safetensors' to the Hub" in refused(push, folder, REPO)


def test_killed_in_the_middle_and_run_again(push, hub, folder, tmp_path):
    """SIGKILL while the second of some pieces is sent: the repository is as before; the first is not sent again."""
    hub.fail("PUT .*", "hang", nth=2)
    environment = os.environ | hub.environment(tmp_path / "home", WRITER)
    environment |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    arguments = [str(folder), REPO, "--max_shard_size", "100KB"]
    command = [sys.executable, str(SCRIPT), *arguments]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert hub.interrupted.wait(120), process.stderr.read()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    hub.released.set()
    assert hub.files(REPO).keys() == {".gitattributes"}
    there, sent = set(hub.objects), len(hub.requests)
    push(*arguments)
    assert not any(f"PUT /lfs/{oid}" in hub.requests[sent:] for oid in there)
    assert len(hub.repos["model", REPO].history()) == 1
    assert "model.safetensors.index.json" in hub.files(REPO)


# ---------------------------------------------------------------------------------------------------------------------
# Data sets and Spaces


@pytest.fixture(scope="module")
def word_boxes(tmp_path_factory) -> Path:
    """Prepared word boxes with their report."""
    pytest.importorskip("datasets")
    pytest.importorskip("cv2")
    from hf_str.data.preparation import Preparation, prepare_word_boxes
    from hf_str.data.report import report_word_boxes
    from hf_str.data.report_settings import ReportSettings

    source = tmp_path_factory.mktemp("source")
    for index, text in enumerate(["coffee", "EXIT", "24h", "EXIT", "Straße", "a|b"]):
        draw_word(text, 18 + index).save(source / f"{index}.png")
    lines = ["0.png\tcoffee", "1.png\tEXIT", "2.png\t24h", "3.png\tEXIT", "4.png\tStraße", "5.png\ta|b"]
    (source / "labels.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    folder = tmp_path_factory.mktemp("boxes") / "words"
    list(prepare_word_boxes(Preparation((str(source),), folder, num_shards=2)))
    report_word_boxes(ReportSettings((str(folder),)), folder)
    return folder


def test_word_boxes_with_their_card(push, hub, word_boxes):
    more = ["--repo_type", "dataset", "--license", "cc-by-4.0"]
    push(word_boxes, "org/words", *more)
    files = hub.files("org/words", "dataset")
    shards = {path.name for path in word_boxes.glob("*.parquet")}
    assert files.keys() == shards | {"README.md", ".gitattributes"}
    text = files["README.md"].decode()
    assert "6 cropped word images with their texts, 5 of them different" in text
    assert "license: cc-by-4.0" in text
    assert "n<1K" in text
    assert "| words | 6 |" in text
    assert "ß" in text


def test_word_boxes_that_are_refused(push, hub, word_boxes, tmp_path):
    copy = Path(shutil.copytree(word_boxes, tmp_path / "words"))
    more = ["--repo_type", "dataset", "--license", "cc-by-4.0"]
    assert "say under which license" in refused(push, copy, "org/words", *more[:2])
    report = json.loads((copy / "report.json").read_text())
    report["train"]["words"] = 7
    (copy / "report.json").write_text(json.dumps(report))
    assert "report.json counts 7 words, but the Parquet files hold 6" in refused(push, copy, "org/words", *more)
    (copy / "report.json").unlink()
    assert "--report" in refused(push, copy, "org/words", *more)
    (copy / "README.md").write_text("---\npretty_name: words\n---\n# Words")
    assert 'has no "license:"' in refused(push, copy, "org/words", *more)
    assert (
        "has no Parquet files" in refused(push, tmp_path / "empty", "org/words", *more)
        if (tmp_path / "empty").mkdir() is None
        else None
    )
    assert hub.repos == {}


METRIC = """
import datasets
import evaluate


class AlwaysOne(evaluate.Metric):
    def _info(self):
        features = datasets.Features({"predictions": datasets.Value("string"), "references": datasets.Value("string")})
        return evaluate.MetricInfo(description="one", citation="", inputs_description="", features=features)

    def _compute(self, predictions, references):
        return {"one": 1}
"""


@pytest.fixture
def metric(tmp_path) -> Path:
    folder = tmp_path / "always_one"
    folder.mkdir()
    (folder / "always_one.py").write_text(METRIC)
    (folder / "app.py").write_text("import evaluate\n")
    (folder / "README.md").write_text("---\ntitle: one\nsdk: gradio\n---\n# One\n")
    return folder


def test_a_metric_as_a_space(push, hub, metric):
    arguments = [metric, "org/always_one", "--repo_type", "space"]
    push(*arguments)
    assert hub.repos["space", "org/always_one"].settings["sdk"] == "gradio"
    assert hub.files("org/always_one", "space").keys() == {"README.md", "app.py", "always_one.py", ".gitattributes"}
    for card, reason in (
        ("---\ntitle: one\n---\n", 'needs "sdk:"'),
        ("---\nsdk: gradio\napp_file: run.py\n---\n", "starts run.py, which the folder does not have"),
    ):
        (metric / "README.md").write_text(card)
        assert reason in refused(push, *arguments)
    (metric / "README.md").unlink()
    assert "there is no README.md" in refused(push, *arguments)


def test_datasets_and_evaluate_load_what_was_pushed(push, hub, word_boxes, metric, tmp_path):
    pytest.importorskip("evaluate")
    push(word_boxes, "org/words", "--repo_type", "dataset", "--license", "cc-by-4.0")
    push(metric, "org/always_one", "--repo_type", "space")
    script = """
        import datasets, evaluate
        words = datasets.load_dataset("org/words", split="train")
        stream = datasets.load_dataset("org/words", split="train", streaming=True)
        texts = [words[:]["text"], [row["text"] for row in stream]]
        one = evaluate.load("org/always_one").compute(predictions=["a"], references=["b"])
        result = [texts, words[0]["image"].size[1], list(words.features), one]
    """
    texts, height, columns, one = run_fresh(script, hub.environment(tmp_path / "home"))
    assert texts == [["coffee", "EXIT", "24h", "EXIT", "Straße", "a|b"]] * 2
    assert height > 5
    assert columns[:2] == ["image", "text"]
    assert one == {"one": 1}


def test_help_teaches(push, capsys):
    with pytest.raises(SystemExit, match="0"):
        push("--help")
    text = " ".join(capsys.readouterr().out.split())
    for words in ("--dry_run", "one commit", "hf auth login", "--repo_type"):
        assert words in text


def test_the_hub_of_the_tests_is_asked_by_the_real_client():
    """A listing longer than a page, a range, and a pull request from the client's own methods."""
    with Hub(page_size=2) as own:
        oid = own.put("org/many", {f"folder/{index}.txt": b"x" for index in range(7)} | {"a.txt": b"0123456789"})
        api = HfApi(endpoint=own.url, token=WRITER)
        assert len(api.list_repo_files("org/many")) == 8
        assert api.model_info("org/many").sha == oid
        assert api.whoami()["name"] == "me"
        assert api.list_repo_refs("org/many").branches[0].name == "main"
