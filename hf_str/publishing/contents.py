# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The files of a folder that are published, and those that must never be."""

import bz2
import gzip
import io
import lzma
import mmap
import os
import pickletools
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO

from huggingface_hub.utils import filter_repo_objects

from .scanning import secret_in


__all__ = ["Files", "PublishError", "content_of", "folder_contents", "refuse_unsafe", "size_of", "unasked"]

#: Path in the repository -> the file, or what is in it.
Files = dict[str, Path | bytes]

#: What training, measuring, preparing data, editors and git leave in a folder, which is not what is published. Files
#: that a .gitignore names would be left out by the Hub without a word.
_LEFT_OUT = [
    *("checkpoint-*/*", "best/*", "best.*/*", "errors/*", "runs/*", "run.json", "evaluation.json"),
    *("settings.json", "report.html", "report.json", "report.txt", "*.part", "*.tmp"),
    *("predictions/*", "results.md", "model-index.yaml", ".gitignore"),
    *(".git/*", ".cache/*", "__pycache__/*", "*/__pycache__/*", ".DS_Store", "*/.DS_Store"),
]
_IN_ANY = (
    *("README.md", ".gitattributes", "LICENSE", "LICENSE[.-]*", "LICENCE", "LICENCE[.-]*", "COPYING", "NOTICE"),
    *("NOTICE.*", "CITATION.cff", "*.png", "*.jpg", "*.jpeg", "*.svg", "*.webp", "*.gif"),
)
_IN_MODELS = (
    *("config.json", "*.safetensors", "*.safetensors.index.json", "tokenizer*.json", "processor_config.json"),
    *("preprocessor_config.json", "generation_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.json", "vocab.txt", "merges.txt", "*.onnx", "*.onnx.data", "*.onnx_data", "*_crnn.py"),
    *("results.json", "log.jsonl", "curves.html", "trainer_state.json", "training_args.json"),
    *("all_results.json", "train_results.json", "eval_results.json"),
)
#: By file name, in any folder and any case: what repositories are made of. Anything else is asked for by its name.
_ALLOWED = {
    "model": _IN_ANY + _IN_MODELS,
    "dataset": (
        *(*_IN_ANY, "*.parquet", "*.tar", "*.tif", "*.tiff", "*.bmp", "dataset_infos.json", "dataset_dict.json"),
        *("metadata.csv", "metadata.jsonl", "*_metadata.jsonl", "labels.csv", "labels.jsonl", "labels.tsv"),
    ),
    "space": (*_IN_ANY, "app.py", "requirements.txt", "packages.txt", "pre-requirements.txt", "*_crnn.py"),
}
_PICKLE_SUFFIXES = (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib", ".dill")
#: Of any folder or file on the way, in any case; a copy is as telling as the original.
_SECRET_NAMES = re.compile(
    r"(\.env(rc)?(\..*)?|.*\.env|[._]netrc|\.git|\.git-credentials|\.ssh|\.aws|\.azure|\.gnupg|\.docker|\.kube|"
    r"kubeconfig|\.npmrc|\.pypirc|\.pgpass|\.my\.cnf|\.htpasswd|\.(ba|z|k)?sh_history|\.(python|psql|mysql)_history|"
    r"id_(rsa|dsa|ecdsa|ed25519)(_sk)?|.*\.(pem|key|p12|pfx|p8|jks|ppk|kdbx|keystore))(\.(bak|old|orig|save|swp|\d+)|~)*",
    re.IGNORECASE,
)
#: What is unpacked of one file to look into it, and how deep: more is refused rather than passed unseen.
_LARGEST_UNPACKED = 500_000_000
_LARGEST_SMALL = 1_000_000
_DEEPEST_ARCHIVE = 3
_COMPRESSED = {b"\x1f\x8b\x08": gzip.open, b"\xfd7zXZ\0": lzma.open}
_COMPRESSED |= {b"BZh%d1AY&SY" % size: bz2.open for size in range(1, 10)}
_CLOSED_ARCHIVES = {
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\x28\xb5\x2f\xfd": "compressed by Zstandard",
}
#: Pickles of protocols 0 and 1 have no mark at their start; larger files are not tried.
_LARGEST_MARKLESS_PICKLE = 50_000_000


class PublishError(ValueError):
    """Something cannot or must not be published. The message says what, why and what to do."""


def folder_contents(folder: Path, ignore: Sequence[str] = (), include: Sequence[str] = ()) -> tuple[Files, list[str]]:
    """The files of a folder by their paths in it, and the paths of those that stay behind.

    Args:
        folder: the folder with all folders in it; links to other folders are not followed.
        ignore: patterns of files that stay behind, such as `"*.onnx"` or `"drafts/*"`.
        include: paths that are published although they would stay behind otherwise, and patterns of paths.

    Raises:
        PublishError: there is no such folder, or nothing in it that an `include` names.
    """
    if not folder.is_dir():
        raise PublishError(f"there is no folder {folder}")
    names = []
    for parent, folders, files in os.walk(folder):
        links = [name for name in folders if Path(parent, name).is_symlink()]
        names += [Path(parent, name).relative_to(folder).as_posix() for name in files + links]
    if nowhere := [pattern for pattern in include if not any(fnmatchcase(name, pattern) for name in names)]:
        raise PublishError(f"{folder} has no file {', '.join(nowhere)}, which --include names: see how it is written")
    kept = set(filter_repo_objects(names, ignore_patterns=[*_LEFT_OUT, *ignore]))
    kept |= set(filter_repo_objects(set(names) & set(include), ignore_patterns=list(ignore)))
    return {name: folder / name for name in sorted(kept)}, sorted(set(names) - kept)


def unasked(files: Collection[str], repo_type: str, include: Sequence[str] = ()) -> list[str]:
    """The files that do not belong to a repository of this type and that nobody asked for.

    Args:
        files: paths in the repository.
        repo_type: "model", "dataset" or "space".
        include: paths, or patterns of paths, that were asked for.
    """
    return [
        name
        for name in files
        if not _belongs(name, repo_type, files) and not any(fnmatchcase(name, pattern) for pattern in include)
    ]


def _belongs(name: str, repo_type: str, files: Collection[str]) -> bool:
    path = PurePosixPath(name)
    if any(part.startswith(".") and part != ".gitattributes" for part in path.parts):
        return False
    if repo_type == "space" and path.parts[0] in ("hf_str", "models"):  # as `hf-str demo --write_space` copies them
        is_package = path.parts[0] == "hf_str" and (path.suffix in (".py", ".json") or path.name == "py.typed")
        return is_package or _belongs(name, "model", files)
    if repo_type == "model" and path.suffix in (".xml", ".bin"):  # a graph of OpenVINO is both
        return {str(path.with_suffix(".xml")), str(path.with_suffix(".bin"))} <= set(files)
    lowered = path.name.lower()
    return any(fnmatchcase(lowered, pattern.lower()) for pattern in _ALLOWED[repo_type])


def refuse_unsafe(files: Mapping[str, Path | bytes], strange: Collection[str] = ()):
    """Checks every file for what must not be published: links, pickles, secrets.

    Args:
        files: path in the repository -> the file, or its bytes.
        strange: paths of files that nobody asked for; see [`unasked`].

    Raises:
        PublishError: there are such files. The message names all of them, and why they are refused.
    """
    problems = {name: problem for name, content in files.items() if (problem := _why_unsafe(name, content))}
    for name in strange:
        problems.setdefault(
            name, f"not among the files that are published by themselves: --include {name!r} if wanted"
        )
    if problems:
        named = "\n".join(f"  {name}: {problem}" for name, problem in sorted(problems.items()))
        raise PublishError(
            f"{len(problems)} of {len(files)} files must not be published:\n{named}\n"
            "Correct them or take them out of the folder, or leave them here with --ignore."
        )


def content_of(content: Path | bytes) -> bytes:
    """The bytes of a file that is published."""
    return content if isinstance(content, bytes) else content.read_bytes()


def size_of(content: Path | bytes) -> int:
    """The size of a file that is published, in bytes."""
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _why_unsafe(name: str, content: Path | bytes) -> str:
    """Why a file must not be published, or an empty string."""
    if any(map(_SECRET_NAMES.fullmatch, PurePosixPath(name).parts)):
        return "files of this name hold secrets"
    if isinstance(content, bytes):
        return secret_in(name, content) or _why_unsafe_inside(content)
    if content.is_symlink():
        return f"a link to {os.readlink(content)}: put the file itself here if it belongs here"
    if not content.is_file():
        return "neither a file nor a folder"
    if content.stat().st_size == 0:
        return ""
    with open(content, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if name.lower().endswith(_PICKLE_SUFFIXES) or _is_pickle(content, data):
            return "a pickle, which runs code on the machine of whoever loads it: publish safetensors instead"
        problem = secret_in(name, data) or _why_unsafe_inside(data)
        return problem or (_why_unsafe_table(content) if data[:4] == b"PAR1" else "")


def _why_unsafe_table(path: Path) -> str:
    """Why a Parquet file is unsafe, whose texts are compressed; an empty string if it is not."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:  # only who publishes word boxes has such files, and needs it for the card
        return ""
    try:
        with parquet.ParquetFile(path) as table:
            is_text = (pyarrow.types.is_string, pyarrow.types.is_large_string)
            names = [field.name for field in table.schema_arrow if any(test(field.type) for test in is_text)]
            for name in names:
                for batch in table.iter_batches(columns=[name]):
                    texts = "\n".join(text for text in batch.column(0).to_pylist() if text)
                    if secret_in(name, texts.encode()):
                        return f"holds what looks like a token or a key in its column {name!r}: remove it there"
    except (pyarrow.ArrowException, OSError) as error:
        return f"a Parquet file that cannot be read ({error}): make it again"
    return ""


def _why_unsafe_inside(data: bytes | mmap.mmap, depth: int = 0, left: list[int] | None = None) -> str:
    """Why the content of an archive is unsafe; an empty string if it is not, or if this is no archive."""
    left = [_LARGEST_UNPACKED] if left is None else left
    start = data[:10]
    if closed := next((kind for mark, kind in _CLOSED_ARCHIVES.items() if start.startswith(mark)), None):
        return f"{closed}, which is not looked into: publish its files unpacked"
    is_zip = start.startswith(b"PK\x03\x04")
    unpack = next((unpack for mark, unpack in _COMPRESSED.items() if start.startswith(mark)), None)
    if not is_zip and unpack is None and data[257:262] != b"ustar":
        return ""
    if depth == _DEEPEST_ARCHIVE:
        return "archives in archives in archives, which are not looked into: unpack them"
    try:
        for name, member in _members(data, is_zip, unpack, left):
            if any(map(_SECRET_NAMES.fullmatch, PurePosixPath(name).parts)):
                return f"holds {name}: files of this name hold secrets"
            if name.lower().endswith(_PICKLE_SUFFIXES):
                return f"holds {name}: a pickle, which runs code on the machine of whoever loads it"
            if problem := secret_in(name, member) or _why_unsafe_inside(member, depth + 1, left):
                return f"{name or 'its content'} in it {problem}"
    except _TooLargeError:
        return f"unpacks to more than {_LARGEST_UNPACKED:,} bytes, which are not looked into: publish it unpacked"
    except (
        *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, OSError, EOFError),
        *(RuntimeError, ValueError),
    ) as error:
        return f"an archive that cannot be looked into ({error}): pack it again, or publish its files unpacked"
    return ""


class _TooLargeError(Exception):
    pass


def _members(
    data: bytes | mmap.mmap, is_zip: bool, unpack: Callable[..., IO[bytes]] | None, left: list[int]
) -> Iterator[tuple[str, bytes]]:
    """Names and contents of what an archive holds; of `left` bytes, what was read is taken away."""

    def read(file: IO[bytes]) -> bytes:
        content = file.read(left[0] + 1)  # never what a header says: a small archive may hold terabytes
        left[0] -= len(content)
        if left[0] < 0:
            raise _TooLargeError
        return content

    if is_zip:
        with zipfile.ZipFile(io.BytesIO(data[:])) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as file:
                    yield entry.filename, read(file)
    elif unpack is not None:
        with unpack(io.BytesIO(data[:])) as file:
            yield "", read(file)
    else:
        # A shard of words may have any size. It is not compressed, so that its bytes were seen already.
        is_large = len(data) > _LARGEST_UNPACKED
        with tarfile.open(fileobj=_as_file(data), mode="r:") as archive:
            for entry in archive:
                is_read = entry.isfile() and not (is_large and entry.size > _LARGEST_SMALL)
                file = archive.extractfile(entry) if is_read else None
                content = b"" if file is None else file.read() if is_large else read(file)
                yield entry.name, content


def _as_file(data: bytes | mmap.mmap) -> io.BytesIO | mmap.mmap:
    if isinstance(data, bytes):
        return io.BytesIO(data)
    data.seek(0)
    return data


def _is_pickle(path: Path, data: mmap.mmap) -> bool:
    """Whether the content is a pickle, alone or in an archive as torch and joblib write them."""
    if data[:4] == b"PK\x03\x04" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return any(name.lower().endswith((".pkl", ".pickle")) for name in archive.namelist())
    if re.match(rb"\x80[\x02-\x05]", data[:2]):
        return True
    if data[:6] == b"\x93NUMPY":
        return b"'O'" in data[:512] or b"|O" in data[:512]
    if data[-1:] != b"." or len(data) > _LARGEST_MARKLESS_PICKLE:
        return False
    try:
        *_, (last, _, position) = pickletools.genops(data[:])
    except ValueError:  # anything else than a pickle
        return False
    return last.name == "STOP" and position == len(data) - 1
