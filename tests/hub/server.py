# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""A Hub for the tests: what the client of huggingface.co asks for, answered from memory by a server on this machine.

Requests are those of huggingface_hub 1.x and 2.x without Xet (`HF_HUB_DISABLE_XET=1`): creating repositories, the
check of a card's metadata, uploads of large files (Git LFS), commits, branches and pull requests, listings, downloads
with ETags and ranges. Large files are downloaded from another host name, as they are from the real one.
"""

import base64
import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import yaml


#: Files that the Hub keeps as Git LFS objects; the real one has a longer list in each .gitattributes.
LARGE = (".safetensors", ".parquet", ".bin", ".onnx", ".pt", ".pkl")
#: Made up: `hf_` and 34 letters, the form of real ones.
WRITER, READER, STRANGER = ("hf_" + letter * 34 for letter in "wrs")


class Refusal(Exception):
    """An answer that is not 2xx: status, the Hub's own code of the error, and its message."""

    def __init__(self, status: int, message: str, code: str | None = None):
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


@dataclass(frozen=True)
class User:
    name: str
    organizations: tuple[str, ...] = ()
    can_write: bool = True


@dataclass(frozen=True)
class Blob:
    content: bytes
    is_large: bool

    @property
    def pointer(self) -> bytes:
        return b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n" % (
            hashlib.sha256(self.content).hexdigest().encode(),
            len(self.content),
        )

    @property
    def git_oid(self) -> str:
        content = self.pointer if self.is_large else self.content
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    @property
    def etag(self) -> str:
        return hashlib.sha256(self.content).hexdigest() if self.is_large else self.git_oid


@dataclass(frozen=True)
class Commit:
    files: Mapping[str, Blob]
    message: str
    parent: str | None


@dataclass
class Repo:
    """A repository: commits by their ids, and references (`main`, branches, `refs/pr/1`) to them."""

    visibility: str = "public"
    settings: dict[str, Any] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)

    def add(self, ref: str, files: Mapping[str, Blob], message: str, parent: str | None) -> str:
        oid = hashlib.sha1(repr((sorted(files), message, parent, len(self.commits))).encode()).hexdigest()
        self.commits[oid] = Commit(dict(files), message, parent)
        self.refs[ref] = oid
        return oid

    def at(self, revision: str) -> tuple[str, Commit]:
        oid = self.refs.get(revision, revision)
        if oid not in self.commits:
            raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return oid, self.commits[oid]

    def history(self, revision: str = "main") -> list[str]:
        """The messages of the commits, newest first, without the one that made the repository."""
        oid, messages = self.refs[revision], []
        while (commit := self.commits[oid]).parent is not None:
            messages.append(commit.message)
            oid = commit.parent
        return messages


@dataclass
class _Failure:
    """The `nth` request that matches `pattern` ("PUT /lfs/.*"), and what becomes of it."""

    pattern: str
    nth: int
    action: int | str
    seen: int = 0


class Hub:
    """The server and what it holds; a context manager.

    Attributes:
        url: of the server, what `HF_ENDPOINT` is set to.
        repos: by (type, id).
        objects: large files by their SHA-256, also those that no commit has.
        requests: "METHOD path" of each, in order.
        page_size: entries in one page of a listing.
        interrupted: set when a request that was told to "hang" has arrived.
    """

    def __init__(self, page_size: int = 5):
        self.repos: dict[tuple[str, str], Repo] = {}
        self.objects: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.page_size = page_size
        self.users = {
            WRITER: User("me", ("org",)),
            READER: User("me", ("org",), can_write=False),
            STRANGER: User("stranger"),
        }
        self.interrupted, self.released = threading.Event(), threading.Event()
        self.lock = threading.RLock()
        self._failures: list[_Failure] = []

    def __enter__(self) -> "Hub":
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *error: Any):
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def environment(self, home: Path, token: str | None = None) -> dict[str, str]:
        """Variables for a process that is to use this Hub, with a cache of its own."""
        variables = {"HF_ENDPOINT": self.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
        variables |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1", "NO_PROXY": "*"}
        return variables | ({} if token is None else {"HF_TOKEN": token})

    def put(self, repo_id: str, files: Mapping[str, bytes], repo_type: str = "model", ref: str = "main") -> str:
        """Commits files without a client, whatever their names: for repositories that no client would make."""
        repo = self.repos.setdefault((repo_type, repo_id), Repo())
        blobs = {path: Blob(content, path.endswith(LARGE)) for path, content in files.items()}
        self.objects |= {blob.etag: blob.content for blob in blobs.values() if blob.is_large}
        return repo.add(ref, blobs, "put there by a test", repo.refs.get(ref))

    def files(self, repo_id: str, repo_type: str = "model", revision: str = "main") -> dict[str, bytes]:
        """What a revision holds."""
        _, commit = self.repos[repo_type, repo_id].at(revision)
        return {path: blob.content for path, blob in commit.files.items()}

    def fail(self, pattern: str, action: int | str, nth: int = 1):
        """Lets the `nth` request from now that matches fail.

        Args:
            pattern: a regular expression for "METHOD path".
            action: a status; "drop" to end the connection in the middle of the request or, where that has no body,
                of the answer; "hang" to set `interrupted` and be silent until the test is over.
            nth: counted from 1.
        """
        self._failures.append(_Failure(pattern, nth, action))

    def what_fails(self, request: str) -> int | str | None:
        with self.lock:
            self.requests.append(request)
            for failure in self._failures:
                if re.fullmatch(failure.pattern, request):
                    failure.seen += 1
                    if failure.seen == failure.nth:
                        return failure.action
        return None

    def count(self, pattern: str) -> int:
        """How many requests matched."""
        return sum(re.fullmatch(pattern, request) is not None for request in self.requests)


_ROUTES: list[tuple[str, re.Pattern, Callable]] = []
_REPO = r"/api/(?P<type>model|dataset|space)s/(?P<id>[^/]+/[^/]+)"
_GIT = r"/(?:(?P<type>dataset|space)s/)?(?P<id>[^/]+/[^/]+)"


def _route(methods: str, pattern: str):
    def add(function: Callable) -> Callable:
        _ROUTES.append((methods, re.compile(pattern), function))
        return function

    return add


class _Handler(BaseHTTPRequestHandler):
    """One request: finds its route, and turns what that returns into an answer."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any):
        pass  # `Hub.requests` is the log

    def do_GET(self):
        url = urlsplit(self.path)
        self.query = parse_qs(url.query)
        self.is_cut = False
        failure = self.hub.what_fails(f"{self.command} {url.path}")
        length = int(self.headers.get("Content-Length") or 0)
        if failure == "hang":
            self.hub.interrupted.set()
            self.hub.released.wait(60)
        if failure == "drop" and length:
            self.rfile.read(length // 2)
        if failure == "hang" or (failure == "drop" and length):
            self.close_connection = True
            return
        self.body = self.rfile.read(length)
        self.is_cut = failure == "drop"
        try:
            if isinstance(failure, int):
                raise Refusal(failure, "made to fail")
            self.user = self.find_user()
            self.find_route(url.path)
        except Refusal as refusal:
            headers = {"X-Error-Message": refusal.message}
            if refusal.code:
                headers["X-Error-Code"] = refusal.code
            self.answer({"error": refusal.message}, refusal.status, headers)

    do_HEAD = do_POST = do_PUT = do_GET

    def find_route(self, path: str):
        for methods, pattern, function in _ROUTES:
            match = pattern.fullmatch(path)
            if match and self.command in methods.split():
                arguments = {name: None if text is None else unquote(text) for name, text in match.groupdict().items()}
                if "type" in arguments:
                    arguments["repo"] = self.find_repo(arguments["type"] or "model", arguments["id"])
                function(self, **arguments)
                return
        raise Refusal(404, f"no such page: {path}")

    def find_user(self) -> User | None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and token not in self.hub.users:
            raise Refusal(401, "Invalid credentials in Authorization header")
        return self.hub.users.get(token)

    def find_repo(self, repo_type: str, repo_id: str) -> Repo:
        repo = self.hub.repos.get((repo_type, repo_id))
        if repo is None or (repo.visibility == "private" and not self.is_member(repo_id)):
            raise Refusal(404 if self.user else 401, "Repository not found", "RepoNotFound")
        return repo

    def is_member(self, repo_id: str) -> bool:
        return self.user is not None and repo_id.split("/")[0] in (self.user.name, *self.user.organizations)

    def want_writer(self, repo_id: str):
        if self.user is None:
            raise Refusal(401, "Invalid username or password.")
        if not self.is_member(repo_id) or not self.user.can_write:
            raise Refusal(403, f"You don't have the rights to write to {repo_id}")

    def answer(self, content: Any = b"", status: int = 200, headers: Mapping[str, Any] | None = None):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        kind = "application/octet-stream" if isinstance(content, bytes) else "application/json"
        for name, value in {"Content-Type": kind, "Content-Length": len(body), **(headers or {})}.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if self.is_cut else body)
        if self.is_cut:
            self.close_connection = True

    # -----------------------------------------------------------------------------------------------------------------
    # Accounts, repositories, references

    @_route("GET", "/api/whoami-v2")
    def who_am_i(self):
        if self.user is None:
            raise Refusal(401, "Invalid username or password.")
        role = "write" if self.user.can_write else "read"
        organizations = [{"name": name, "type": "org"} for name in self.user.organizations]
        token = {"accessToken": {"displayName": "test", "role": role}}
        self.answer({"type": "user", "name": self.user.name, "orgs": organizations, "auth": token})

    @_route("POST", "/api/repos/create")
    def create_repo(self):
        wanted = json.loads(self.body)
        if self.user is None:
            raise Refusal(401, "Invalid username or password.")
        repo_id = f"{wanted.get('organization') or self.user.name}/{wanted['name']}"
        repo_type = wanted.get("type") or "model"
        key, url = (repo_type, repo_id), f"{self.hub.url}/{'' if repo_type == 'model' else repo_type + 's/'}{repo_id}"
        if key in self.hub.repos and self.is_member(repo_id):
            self.answer({"error": "You already created this repo", "url": url}, 409)
            return
        self.want_writer(repo_id)
        if repo_type == "space" and not wanted.get("sdk"):
            raise Refusal(400, "a Space needs an sdk")
        # huggingface_hub 1.x sends `private`, 2.x sends `visibility`
        visibility = wanted.get("visibility") or ("private" if wanted.get("private") else "public")
        repo = self.hub.repos[key] = Repo(visibility, wanted)
        repo.add("main", {".gitattributes": Blob(b"*.safetensors filter=lfs\n", False)}, "initial commit", None)
        self.answer({"url": url, "name": repo_id, "id": "1"})

    @_route("GET", _REPO + "(?:/revision/(?P<revision>[^/]+))?")
    def repo_info(self, type: str, id: str, repo: Repo, revision: str | None):
        oid, commit = repo.at(revision or "main")
        siblings = [{"rfilename": path} for path in commit.files]
        self.answer(
            {"_id": "1", "id": id, "modelId": id, "sha": oid, "siblings": siblings, "tags": [], "gated": False}
            | {"private": repo.visibility == "private", "disabled": False, "downloads": 0, "likes": 0}
        )

    @_route("GET", _REPO + "/refs")
    def list_refs(self, type: str, id: str, repo: Repo):
        branches = [ref for ref in repo.refs if not ref.startswith("refs/")]
        requests = [ref for ref in repo.refs if ref.startswith("refs/pr/")]
        self.answer(
            {
                "branches": [{"name": r, "ref": f"refs/heads/{r}", "targetCommit": repo.refs[r]} for r in branches],
                "pullRequests": [{"name": r, "ref": r, "targetCommit": repo.refs[r]} for r in requests],
                "converts": [],
                "tags": [],
            }
        )

    @_route("POST", _REPO + "/branch/(?P<branch>[^/]+)")
    def create_branch(self, type: str, id: str, repo: Repo, branch: str):
        self.want_writer(id)
        if branch in repo.refs:
            raise Refusal(409, f"Reference already exists: {branch}")
        repo.refs[branch] = repo.at((json.loads(self.body or b"{}") or {}).get("startingPoint") or "main")[0]
        self.answer({})

    # -----------------------------------------------------------------------------------------------------------------
    # Uploads

    @_route("POST", "/api/validate-yaml")
    def validate_yaml(self):
        sent = json.loads(self.body)
        match = re.match(r"---\r?\n(.*?)\r?\n---", sent["content"], re.DOTALL)
        errors = []
        try:
            metadata = yaml.safe_load(match.group(1)) if match else {}
            if sent["repoType"] == "space" and "sdk" not in metadata:
                errors.append("sdk is required")
            for model in metadata.get("model-index") or []:
                for result in model["results"]:
                    if not all(metric.get("value") is not None for metric in result["metrics"]):
                        errors.append('"model-index[0].results[0].metrics[0].value" is required')
        except (yaml.YAMLError, AttributeError, KeyError) as error:
            errors.append(str(error))
        self.answer({"errors": [{"message": error} for error in errors], "warnings": []}, 400 if errors else 200)

    @_route("POST", _REPO + "/preupload/(?P<revision>[^/]+)")
    def preupload(self, type: str, id: str, repo: Repo, revision: str):
        if "create_pr" not in self.query:
            self.want_writer(id)
        there = repo.at(revision)[1].files
        files = []
        for file in json.loads(self.body)["files"]:
            is_large = file["path"].endswith(LARGE)
            oid = there[file["path"]].etag if file["path"] in there else None
            mode = "lfs" if is_large else "regular"
            files.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        self.answer({"files": files})

    @_route("POST", _GIT + r"\.git/info/lfs/objects/batch")
    def batch(self, type: str | None, id: str, repo: Repo):
        objects = []
        for wanted in json.loads(self.body)["objects"]:
            if wanted["oid"] not in self.hub.objects:
                upload = {"href": f"{self.hub.url}/lfs/{wanted['oid']}"}
                wanted |= {"actions": {"upload": upload, "verify": {"href": f"{self.hub.url}/lfs-verify"}}}
            objects.append(wanted)
        self.answer({"transfer": "basic", "objects": objects})

    @_route("PUT", "/lfs/(?P<oid>[0-9a-f]{64})")
    def put_object(self, oid: str):
        if hashlib.sha256(self.body).hexdigest() != oid:
            raise Refusal(400, "the content is not that of the object id")
        self.hub.objects[oid] = self.body
        self.answer()

    @_route("POST", "/lfs-verify")
    def verify_object(self):
        wanted = json.loads(self.body)
        if len(self.hub.objects.get(wanted["oid"], b"")) != wanted["size"]:
            raise Refusal(400, "the object is not there, or not whole")
        self.answer({})

    @_route("POST", _REPO + "/commit/(?P<revision>[^/]+)")
    def commit(self, type: str, id: str, repo: Repo, revision: str):
        is_request = "create_pr" in self.query
        if not is_request:
            self.want_writer(id)
        elif self.user is None:
            raise Refusal(401, "Invalid username or password.")
        operations = [json.loads(line) for line in self.body.splitlines()]
        with self.hub.lock:
            parent, before = repo.at(revision)
            files = dict(before.files)
            message = ""
            for operation in operations:
                value = operation["value"]
                match operation["key"]:
                    case "header":
                        message = value["summary"]
                    case "file":
                        files[value["path"]] = Blob(base64.b64decode(value["content"]), False)
                    case "lfsFile":
                        if value["oid"] not in self.hub.objects:
                            raise Refusal(400, f"the object of {value['path']} was not uploaded")
                        files[value["path"]] = Blob(self.hub.objects[value["oid"]], True)
                    case "deletedFile":
                        if files.pop(value["path"], None) is None:
                            raise Refusal(404, "A file with this name doesn't exist", "EntryNotFound")
            ref = revision
            if is_request:
                ref = f"refs/pr/{sum(name.startswith('refs/pr/') for name in repo.refs) + 1}"
            oid = repo.add(ref, files, message, parent)
        answer = {"success": True, "commitOid": oid, "commitUrl": f"{self.hub.url}/{id}/commit/{oid}"}
        if is_request:
            answer["pullRequestUrl"] = f"{self.hub.url}/{id}/discussions/{ref.rpartition('/')[2]}"
        self.answer(answer)

    # -----------------------------------------------------------------------------------------------------------------
    # Listings and downloads

    @_route("GET", _REPO + "/tree/(?P<revision>[^/]+)(?:/(?P<folder>.*))?")
    def tree(self, type: str, id: str, repo: Repo, revision: str, folder: str | None):
        prefix = f"{folder}/" if folder else ""
        inside = {path: blob for path, blob in repo.at(revision)[1].files.items() if path.startswith(prefix)}
        if folder and not inside:
            raise Refusal(404, f"{folder} does not exist on {revision}", "EntryNotFound")
        is_recursive = self.query.get("recursive", ["false"])[0].lower() in ("true", "1")
        entries = list(_entries(inside, prefix, is_recursive))
        start = int(self.query.get("cursor", ["0"])[0])
        end, headers = start + self.hub.page_size, {}
        if end < len(entries):
            path = quote(urlsplit(self.path).path, safe="/%")
            more = f"?recursive={str(is_recursive).lower()}&cursor={end}"
            headers["Link"] = f'<{self.hub.url}{path}{more}>; rel="next"'
        self.answer(entries[start:end], headers=headers)

    @_route("POST", _REPO + "/paths-info/(?P<revision>[^/]+)")
    def paths_info(self, type: str, id: str, repo: Repo, revision: str):
        wanted = parse_qs(self.body.decode())["paths"]
        files = repo.at(revision)[1].files
        entries = {entry["path"]: entry for entry in _entries(files, "", True)}
        self.answer([entries[path] for path in wanted if path in entries])

    @_route("GET HEAD", _GIT + "/resolve/(?P<revision>[^/]+)/(?P<path>.+)")
    def resolve(self, type: str | None, id: str, repo: Repo, revision: str, path: str):
        oid, commit = repo.at(revision)
        headers = {"X-Repo-Commit": oid, "Accept-Ranges": "bytes"}
        if path not in commit.files:
            raise Refusal(404, f"{path} does not exist", "EntryNotFound")
        blob = commit.files[path]
        if blob.is_large:
            headers |= {"Location": f"http://localhost:{self.hub.port}/large/{blob.etag}"}
            headers |= {"X-Linked-Etag": f'"{blob.etag}"', "X-Linked-Size": len(blob.content)}
            self.answer(b"", 302, headers)
            return
        self.answer_range(blob.content, headers | {"ETag": f'"{blob.etag}"'})

    @_route("GET HEAD", "/large/(?P<oid>[0-9a-f]{64})")
    def download_object(self, oid: str):
        self.answer_range(self.hub.objects[oid], {"ETag": f'"{oid}"', "Accept-Ranges": "bytes"})

    def answer_range(self, content: bytes, headers: dict[str, Any]):
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if match is None:
            self.answer(content, 200, headers)
            return
        first, last = match.groups()
        start = int(first) if first else max(len(content) - int(last), 0)
        stop = min(int(last) + 1, len(content)) if first and last else len(content)
        if start >= max(len(content), 1):
            raise Refusal(416, "the range is outside the file")
        self.answer(content[start:stop], 206, headers | {"Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"})


def _entries(files: Mapping[str, Blob], prefix: str, is_recursive: bool):
    """Files and folders as listings have them."""
    folders = Counter[str]()
    for path, blob in files.items():
        parts = path.removeprefix(prefix).split("/")
        for depth in range(1, len(parts) if is_recursive else min(len(parts), 2)):
            folder = prefix + "/".join(parts[:depth])
            if folder not in folders:
                yield {
                    "type": "directory",
                    "path": folder,
                    "size": 0,
                    "oid": hashlib.sha1(folder.encode()).hexdigest(),
                }
            folders[folder] += 1
        if is_recursive or len(parts) == 1:
            entry: dict[str, Any] = {"type": "file", "path": path, "size": len(blob.content), "oid": blob.git_oid}
            if blob.is_large:
                entry["lfs"] = {"oid": blob.etag, "size": len(blob.content), "pointerSize": len(blob.pointer)}
            yield entry
