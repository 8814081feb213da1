# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""One commit on the Hub: prepared and checked before anything is sent, and then sent."""

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, RepoCard, constants, get_token
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    HTTPError,  # pyright: ignore[reportPrivateImportUsage]  # of httpx or httpx2, by the version of huggingface_hub
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import validate_repo_id

from .cards import check_space_card, read_card
from .contents import Files, PublishError, folder_contents, refuse_unsafe, size_of, unasked
from .model_folder import model_files
from .scanning import has_more_patterns
from .word_boxes import word_box_files


__all__ = ["Publication", "check_before_run", "prepare", "push_to_hub", "upload"]

#: Of these, what the folder lacks is deleted from the top of a repository: an old shard or `model.safetensors` beside
#: the new ones would be read instead of them, or with them.
_REPLACED = {
    "model": ("*.safetensors", "*.safetensors.index.json", "*_crnn.py"),
    "dataset": ("words-*.parquet",),
    "space": (),
}


@dataclass(frozen=True)
class Publication:
    """Files that are ready to be published.

    Attributes:
        repo_type: "model", "dataset" or "space".
        files: path in the repository -> the file, or its bytes.
        left_out: paths in the folder that are not published.
        card: the README.md.
    """

    repo_type: str
    files: Files
    left_out: list[str]
    card: RepoCard = field(repr=False)

    @property
    def size(self) -> int:
        """The size of all files, in bytes."""
        return sum(map(size_of, self.files.values()))

    def listing(self) -> str:
        """A table of all files with their sizes."""
        lines = [f"{size_of(content):>15,}  {name}" for name, content in sorted(self.files.items())]
        lines.append(f"{self.size:>15,}  bytes in {len(self.files)} files")
        if self.left_out:
            lines.append(f"Left out: {', '.join(self.left_out[:20])}{' ...' if len(self.left_out) > 20 else ''}")
        if not has_more_patterns():
            lines.append(
                "Secrets were looked for with hf_str's own patterns alone; `pip install detect-secrets` adds kinds"
            )
        return "\n".join(lines)


@contextmanager
def prepare(
    folder: str | os.PathLike,
    repo_id: str,
    repo_type: str = "model",
    *,
    card: Path | None = None,
    results: Path | None = None,
    license: str | None = None,
    max_shard_size: str = "5GB",
    ignore: Sequence[str] = (),
    include: Sequence[str] = (),
) -> Iterator[Publication]:
    """Prepares and checks what is to be published; sends nothing.

    Args:
        folder: folder of a recognizer, of word boxes in Parquet, or of a Space.
        repo_id: name of the repository, for the card.
        repo_type: "model", "dataset" or "space".
        card: a README.md instead of the folder's.
        results: a results.json instead of the folder's.
        license: license for a card that is made here, as the Hub writes it ("apache-2.0").
        max_shard_size: larger weights are published in several files.
        ignore: patterns of files that are not published.
        include: paths and patterns of files that are published besides those of such a repository.

    Raises:
        PublishError: the folder cannot or must not be published. The message says why and what to do.
    """
    folder = Path(folder)
    _check_name(repo_id)
    files, left_out = folder_contents(folder, ignore, include)
    files |= {name: Path(path) for name, path in (("README.md", card), ("results.json", results)) if path is not None}
    asked = [*include, f"{repo_id.rpartition('/')[2]}.py"] if repo_type == "space" else include  # a metric's module
    refuse_unsafe(files, unasked(files, repo_type, asked))
    with TemporaryDirectory(prefix="hf_str_push_") as scratch:
        if repo_type == "model":
            files = model_files(folder, files, repo_id, license or "apache-2.0", max_shard_size, Path(scratch))
        elif repo_type == "dataset":
            files = word_box_files(folder, files, repo_id, license)
        else:
            check_space_card(read_card(files, "space"), files)
        yield Publication(repo_type, files, left_out, read_card(files, repo_type))


def upload(
    publication: Publication,
    repo_id: str,
    *,
    private: bool | None = None,
    revision: str | None = None,
    create_pr: bool = False,
    token: str | None = None,
    message: str | None = None,
) -> str:
    """Publishes in one commit: the repository has all of it afterwards, or what it had before.

    Large files are sent first. Those that the Hub has already, also from an upload that was interrupted, are not sent
    again.

    Args:
        publication: the result of [`prepare`].
        repo_id: "name" or "organization/name"; created if it is not there.
        private: whether a new repository is private.
        revision: the branch; created from main if it is not there. By default main.
        create_pr: open a pull request instead of changing the repository.
        token: token of the Hub; by default the one that is logged in.
        message: message of the commit.

    Returns:
        The address of the commit or the pull request.

    Raises:
        PublishError: the upload failed. The message says why and what to do.
    """
    _check_name_and_token(repo_id, token)
    try:
        return _commit(HfApi(token=token), publication, repo_id, private, revision, create_pr, message)
    except (HTTPError, OSError, RuntimeError, ValueError) as error:
        if isinstance(error, PublishError):
            raise
        raise PublishError(_explain(error, repo_id, revision)) from error


def check_before_run(validation: Collection, repo_id: str, token: str | None = None):
    """Stops a run that could not be published at its end before it starts.

    Args:
        validation: the sets on which the model is measured.
        repo_id: as for [`push_to_hub`].
        token: as for [`push_to_hub`].

    Raises:
        PublishError: nothing will be measured, nobody is logged in, or `repo_id` is no name of a repository.
    """
    if not validation:
        raise PublishError(
            "--push_to_hub needs --eval_dataset: a card without measured results is not published. Or measure "
            "afterwards with scripts/evaluate_str.py and push with scripts/push_to_hub.py"
        )
    _check_name_and_token(repo_id, token)


def push_to_hub(
    folder: str | os.PathLike,
    repo_id: str,
    token: str | None = None,
    private: bool | None = None,
    include: Sequence[str] = (),
) -> str:
    """[`prepare`] and [`upload`] in one, for the finished model of a run."""
    with prepare(folder, repo_id, include=include) as publication:
        return upload(publication, repo_id, token=token, private=private)


def _commit(
    api: HfApi,
    publication: Publication,
    repo_id: str,
    private: bool | None,
    revision: str | None,
    create_pr: bool,
    message: str | None,
) -> str:
    repo_type = publication.repo_type
    if not create_pr:  # whoever opens a pull request need not have the right to make the repository
        repo_id = api.create_repo(
            repo_id,
            repo_type=repo_type,
            private=private,
            exist_ok=True,
            space_sdk=publication.card.data.get("sdk") if repo_type == "space" else None,
        ).repo_id
        if private and not api.repo_info(repo_id, repo_type=repo_type).private:
            raise PublishError(
                f"{repo_id} is there already and everybody can see it: make it private on its settings page, or push "
                "without --private"
            )
        if revision is not None:
            api.create_branch(repo_id, branch=revision, repo_type=repo_type, exist_ok=True)
    there = api.list_repo_files(repo_id, repo_type=repo_type, revision=revision)
    gone = [name for name in there if name not in publication.files and "/" not in name]
    stale = [name for name in gone if any(fnmatch(name, pattern) for pattern in _REPLACED[repo_type])]
    # `upload_folder` would do, but since huggingface_hub 1.31 it makes several commits of what it thinks is much.
    commit = api.create_commit(
        repo_id,
        [CommitOperationAdd(name, content) for name, content in publication.files.items()]
        + [CommitOperationDelete(name) for name in stale],
        commit_message=message or f"Push {repo_type} with hf_str",
        repo_type=repo_type,
        revision=revision,
        create_pr=create_pr,
    )
    return commit.pr_url or commit.commit_url


def _check_name_and_token(repo_id: str, token: str | None):
    _check_name(repo_id)
    if token is None and get_token() is None:
        raise PublishError(
            "nobody is logged in to the Hub: run `hf auth login`, or set HF_TOKEN, with a token that may write "
            f"({constants.ENDPOINT}/settings/tokens)"
        )


def _check_name(repo_id: str):
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise PublishError(f"a repository is called NAME or ORGANIZATION/NAME: {error}") from error


def _explain(error: BaseException, repo_id: str, revision: str | None) -> str:
    """What an error of the client means for who pushes."""
    if isinstance(error, RuntimeError) and error.__cause__ is not None:  # an upload, with what went wrong behind it
        return f"{error} {_explain(error.__cause__, repo_id, revision)}"
    again = f"{repo_id} has all of it or nothing: run the same command again; what was sent already is not sent twice"
    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set, so the Hub is not asked for anything: unset it to push"
    if isinstance(error, RevisionNotFoundError):
        return f"{repo_id} has no revision {revision!r}"
    if isinstance(error, HfHubHTTPError):
        return _explain_answer(error, repo_id) or (
            f"the Hub answered {error.response.status_code} ({error.server_message or error}). {again}."
        )
    if isinstance(error, (HTTPError, ConnectionError, TimeoutError)):
        return f"the connection to {constants.ENDPOINT} failed ({error or type(error).__name__}). {again}."
    return str(error)


def _explain_answer(error: HfHubHTTPError, repo_id: str) -> str:
    """What an answer of the Hub that is the user's to mend means; empty for any other."""
    status = error.response.status_code
    if status == 401 and not isinstance(error, RepositoryNotFoundError):
        return "the Hub does not take your token: log in again with `hf auth login`, or set another HF_TOKEN"
    if status == 403:
        return (
            f"your token may not write to {repo_id} ({error.server_message or 'forbidden'}): use one with write "
            "access to it, or open a pull request with --create_pr"
        )
    if isinstance(error, RepositoryNotFoundError):
        return f"there is no repository {repo_id}, or your token may not see it"
    return ""
