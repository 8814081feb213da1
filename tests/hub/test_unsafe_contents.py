# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What must never be published is found in any folder, in any case, and inside archives."""

import base64
import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile

import pytest

from hf_str.publishing import contents, prepare, scanning
from hf_str.publishing.contents import PublishError, refuse_unsafe


TOKEN = b"hf_" + b"a1B2" * 9


def zipped(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def tarred(name: str, content: bytes, mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "name",
    [
        *("sub/.git/config", ".ssh/config", "a/.aws/credentials", ".docker/config.json", "prod.env", ".env.local"),
        *("kubeconfig", ".kube/config", "_netrc", ".pgpass", ".bash_history", ".zsh_history", "ID_RSA", "id_rsa.bak"),
        *("id_ed25519~", "server.PEM", "server.key.old", "cert.P12", "my.kdbx.bak"),
    ],
)
def test_names_that_hold_secrets(name):
    with pytest.raises(PublishError, match="hold secrets"):
        refuse_unsafe({name: b"anything"})


@pytest.mark.parametrize("name", ["keys.txt", "README.md", "tokenizer.json", "environment.yml", "monkey.png"])
def test_names_that_hold_none(name):
    refuse_unsafe({name: b"anything"})


@pytest.mark.parametrize(
    "secret",
    [
        TOKEN,
        b"AKIA" + b"ABCD" * 4,
        b"AIza" + b"a" * 35,
        b"glpat-" + b"a1" * 10,
        b"npm_" + b"a1B2" * 9,
        b"sk_live_" + b"a1B2" * 6,
        b"eyJ" + b"a" * 20 + b".eyJ" + b"b" * 20 + b"." + b"c" * 20,
        b"postgres://me:hunter22@db.example.org/words",
        (b"token = " + TOKEN).decode().encode("utf-16"),
        zipped("notes.txt", TOKEN),
        zipped("inner.zip", zipped("notes.txt", TOKEN)),
        (b"the token is " + TOKEN).decode().encode("utf-16-le"),
        (b"the token is " + TOKEN).decode().encode("utf-16-be"),
        b"key: " + base64.b64encode(b"my token is " + TOKEN),
        b"x/y" + base64.urlsafe_b64encode(TOKEN),
        base64.encodebytes(b"a long text before the token, so that lines are wrapped: " + TOKEN),
        base64.b64encode(base64.b64encode(TOKEN)),
        gzip.compress(TOKEN),
        lzma.compress(TOKEN),
        bz2.compress(TOKEN),
        tarred("notes.txt", TOKEN),
        tarred("notes.txt", TOKEN, "w:gz"),
        zipped("a/.ssh/id_rsa", b"x"),
    ],
    ids=lambda secret: f"{len(secret)} bytes",  # archives hold the time of day: processes would name tests differently
)
def test_secrets_are_found_and_not_repeated(secret):
    with pytest.raises(PublishError, match="notes") as caught:
        refuse_unsafe({"notes.bin": secret})
    assert TOKEN.decode() not in str(caught.value)
    assert "hunter22" not in str(caught.value)


def test_archives_that_cannot_be_looked_into(monkeypatch):
    content = zipped("words.txt", b"word " * 1000)
    refuse_unsafe({"words.zip": content})
    with pytest.raises(PublishError, match=r"words\.zip: an archive that cannot be looked into"):
        refuse_unsafe({"words.zip": content[: len(content) // 2]})
    monkeypatch.setattr(contents, "_LARGEST_UNPACKED", 1000)
    with pytest.raises(PublishError, match=r"words\.zip: unpacks to more than"):
        refuse_unsafe({"words.zip": content})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("training_args.json", '{"hub": {"hub_token": "abc"}}'),
        ("log.jsonl", '{"step": 1}\n{"db_password": "hunter2"}'),
        ("log.jsonl", '{"step": 1}\n{"clientSecret": ["hunter2"]}'),
        ("model-index.yaml", "name: x\nhub_token: abcdef\n"),
        ("settings.toml", 'api_key = "abcdef"'),
        ("run.ipynb", json.dumps({"cells": [{"source": ['password = "hunter2hunter2"\n'], "outputs": []}]})),
        ("run.ipynb", json.dumps({"cells": [{"outputs": [{"text": ["HF_TOKEN=", TOKEN.decode()]}]}]})),
        ("app.py", 'login(token="correcthorsebattery")'),
        ("notes.txt", "export HF_TOKEN=correcthorsebattery"),
        ("README.md", "---\nlicense: mit\nhub_token: correcthorsebattery\n---\nA model."),
        ("README.md", "curl 'https://example.org/a?b=1&access_token=correcthorsebattery'"),
        ("run.sh", "python train.py --hub_token correcthorsebattery"),
        ("log.jsonl", '{"argv": ["train.py", "--hub_token", "correcthorsebattery"]}'),
        ("README.md", "wandb login " + "0a1b2c3d" * 5),
        ("notes.txt", "aws_secret_access_key = " + "wJalrXUtnF" * 4),
        ("notes.txt", "https://discord.com/api/webhooks/123456/" + "a1B2" * 17),
        ("notes.txt", "PuTTY-User-Key-File-3: ssh-ed25519"),
    ],
)
def test_settings_that_are_called_secrets(name, content):
    with pytest.raises(PublishError, match="holds") as caught:
        refuse_unsafe({name: content.encode()})
    assert "hunter2" not in str(caught.value)
    assert "correcthorse" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "training_args.json",
            '{"hub_token": "<HUB_TOKEN>", "push_to_hub_token": null, "use_token": true, "token": ""}',
        ),
        ("tokenizer_config.json", '{"pad_token": "<blank>", "mask_token": "m", "tokenizer_class": "CRNNTokenizer"}'),
        ("app.py", 'login(token=os.environ["HF_TOKEN"]); tokenizer.pad_token = "wordboundary"'),
        ("README.md", "export HF_TOKEN=<your token>\nexport HF_TOKEN=$MY_TOKEN_OF_THE_HUB"),
        ("settings.yaml", "hub_token: null\npassword: ${PASSWORD}\ntokens: 12\n"),
        ("words.txt", "pneumonoultramicroscopicsilicovolcanoconiosis\nAPotherwisenothing\n"),
        ("vocab.json", '{"password": 5, "token": 6}'),
        ("README.md", 'login(token="hf_' + "x" * 34 + '")\nHF_TOKEN=hf_' + "X" * 34),
        ("README.md", "git clone https://user:password@example.org/x or https://USER:TOKEN@example.org"),
        ("README.md", "train.py --hub_token $HF_TOKEN --token <your token> --hub_token hf_... --max_steps 10000000"),
        ("README.md", "---\nlicense: mit\ntags:\n- token-classification\n---\ntoken: a symbol of the network"),
        ("notes.txt", "AKIAIOSFODNN7EXAMPLE is what the guide of AWS writes"),
        ("special_tokens_map.json", '{"boi_token": "beginning", "fill_token": "somewhere"}'),
    ],
)
def test_settings_without_a_secret(name, content):
    refuse_unsafe({name: content.encode()})


def test_more_kinds_where_detect_secrets_is_installed(monkeypatch):
    pytest.importorskip("detect_secrets")
    with pytest.raises(PublishError, match="Mailchimp"):
        refuse_unsafe({"notes.md": b"a line\nthe list: " + b"0a1b2c3d" * 4 + b"-us12"})


def test_without_detect_secrets_it_is_said(folder, monkeypatch):
    monkeypatch.setattr(scanning, "_plugins", tuple)
    with prepare(folder, "org/crnn-str") as publication:
        assert "hf_str's own patterns alone" in publication.listing()


def test_large_shards_of_words_pass(monkeypatch):
    monkeypatch.setattr(contents, "_LARGEST_UNPACKED", 1000)
    refuse_unsafe({"words.tar": tarred("0.txt", b"word " * 1000)})
    with pytest.raises(PublishError, match="hold secrets"):
        refuse_unsafe({"words.tar": tarred(".ssh/id_rsa", b"word " * 1000)})
    with pytest.raises(PublishError, match="Hugging Face token"):
        refuse_unsafe({"words.tar": tarred("0.txt", b"word " * 1000 + TOKEN)})


@pytest.mark.parametrize("start", [b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07\0", b"\x28\xb5\x2f\xfd"])
def test_archives_that_nobody_can_look_into(start):
    with pytest.raises(PublishError, match="not looked into"):
        refuse_unsafe({"words.bin": start + b"0" * 50})


def test_texts_of_a_parquet_file(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    path = tmp_path / "words.parquet"
    texts = ["a", *(f"word{index}" for index in range(1000))]  # the first and last in order stand there in the clear
    parquet.write_table(pyarrow.table({"text": texts}), path, compression="zstd")
    refuse_unsafe({path.name: path})
    parquet.write_table(pyarrow.table({"text": [*texts, TOKEN.decode()]}), path, compression="zstd")
    assert TOKEN not in path.read_bytes()
    with pytest.raises(PublishError, match=r"words\.parquet: holds what looks like .* in its column 'text'"):
        refuse_unsafe({path.name: path})
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(PublishError, match=r"words\.parquet: a Parquet file that cannot be read"):
        refuse_unsafe({path.name: path})


def test_text_that_begins_as_an_archive_does():
    refuse_unsafe({"README.md": b"BZh is how a file of bzip2 begins"})
