"""What must never be published is found in any folder, in any case, and inside archives."""

import gzip
import io
import tarfile
import zipfile

import pytest

from hf_str.publishing import contents
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
        gzip.compress(TOKEN),
        tarred("notes.txt", TOKEN),
        tarred("notes.txt", TOKEN, "w:gz"),
        zipped("a/.ssh/id_rsa", b"x"),
    ],
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
