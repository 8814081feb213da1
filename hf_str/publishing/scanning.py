# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Tokens, keys and passwords in the content of a file, plain or encoded."""

import base64
import json
import mmap
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

from huggingface_hub import get_token


__all__ = ["has_more_patterns", "secret_in"]

#: Kind -> pattern, and what it begins with or has in it: to look for that first is ten times as fast.
_SECRETS = {
    "a Hugging Face token": (rb"\b(hf|api_org)_[A-Za-z0-9]{30,}\b", b"hf_", b"api_org_"),
    "a private key": (
        rb"-----BEGIN [A-Z ]*PRIVATE KEY|\bPuTTY-User-Key-File-\d",
        b"-----BEGIN ",
        b"PuTTY-User-Key-File-",
    ),
    "a GitHub token": (
        rb"\b(gh[opsur]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{50})",
        b"ghp_",
        b"gho_",
        b"ghs_",
        b"ghu_",
        b"ghr_",
        b"github_pat_",
    ),
    "a GitLab token": (rb"\bgl(pat|ptt|dt|rt)-[A-Za-z0-9_-]{20,}", b"glpat-", b"glptt-", b"gldt-", b"glrt-"),
    "an npm token": (rb"\bnpm_[A-Za-z0-9]{36}\b", b"npm_"),
    "a PyPI token": (rb"\bpypi-AgE[A-Za-z0-9_-]{50,}", b"pypi-AgE"),
    "an AWS key": (
        rb"\b(AKIA|ASIA)[0-9A-Z]{16}\b|\b(?i:aws_secret_access_key)[^A-Za-z0-9/+\n]{1,5}[A-Za-z0-9/+]{40}\b",
        b"AKIA",
        b"ASIA",
        b"aws_secret_access_key",
        b"AWS_SECRET_ACCESS_KEY",
    ),
    "a key of Weights & Biases": (rb"\bwandb login (--\S+ )*[0-9a-f]{40}\b", b"wandb login "),
    "a token of Replicate": (rb"\br8_[A-Za-z0-9]{37,40}\b", b"r8_"),
    "a webhook of Discord": (rb"\bdiscord(app)?\.com/api/webhooks/\d+/[A-Za-z0-9_-]{30,}", b"/api/webhooks/"),
    "a Google key": (
        rb"\b(AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{20,}|ya29\.[A-Za-z0-9_-]{30,})",
        b"AIza",
        b"GOCSPX-",
        b"ya29.",
    ),
    "a Stripe key": (rb"\b[sr]k_(live|test)_[A-Za-z0-9]{16,}", b"k_live_", b"k_test_"),
    "a key of OpenAI or Anthropic": (rb"\bsk-(ant-|proj-)?[A-Za-z0-9_-]{32,}", b"sk-"),
    "a Slack token": (rb"\bxox[abeprs]-[A-Za-z0-9-]{20,}", b"xox"),
    "a JSON web token": (rb"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}", b"eyJ"),
    "a password in an address": (
        rb"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"'<>]{1,100}:[^\s/:@\"'<>{}$]{3,100}@[a-zA-Z0-9]",
        b"://",
    ),
}
#: What base64 gives is looked into as well, and what that gives.
_DEEPEST_ENCODING = 2
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{24,}(?:\r?\n[A-Za-z0-9+/_-]{4,})*")
#: Text with a zero beside each letter, as Windows writes it, with or without a mark at its start.
_UTF16 = re.compile(
    rb"[\t\r\n\x20-\x7e]\0[\t\r\n\x20-\x7e]\0(?:[\t\r\n\x20-\x7e]\0){10,}[\t\r\n\x20-\x7e]?"  # twice the first: faster
)
#: Larger ones are looked through with the patterns alone.
_LARGEST_PARSED = 50_000_000
_LARGEST_TEXT = 5_000_000
_SECRET_KEY = re.compile(
    r".*(password|passwd|passphrase|secret|api[_-]?key|access[_-]?key|private[_-]?key|credential).*|(.*[_-])?token|"
    r".*[a-z]Token",
    re.IGNORECASE,
)
#: Tokens of a vocabulary, in the files of a tokenizer.
_VOCABULARY_KEY = re.compile(
    r"(.*_)?(pad|[be]o[a-z]|unk|cls|sep|mask|blank|image|video|audio|special|start|end|delimiter|boundary|prefix|suffix|"
    r"newline|language|task|added|content|next|previous|first|last|fill|middle|text|word|char(acter)?)_token",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"\s*|<.*>|\[.*\]|\{.*\}|\$.*|%.*%|\*+|x+|\.+|-+|none|null|true|false|auto|your[ _-].*|my[ _-].*|"
    r"change[_-]?me|placeholder|redacted|example|secret|passw(or)?d|pass|pwd?|(access[_-]?)?token|api[_-]?key|hf_x+|hf_\.+|os\.environ.*|\d{1,3}",
    re.IGNORECASE | re.DOTALL,
)
_SETTING = re.compile(
    r"""^[ \t]*(?:-[ \t]+|export[ \t]+)?["']?(?P<key>[A-Za-z][\w.-]*)["']?[ \t]*[:=][ \t]*(?P<value>[^#\r\n]*)""",
    re.MULTILINE,
)
_ASSIGNED = re.compile(r"""(?P<key>\w+)\\?["']?[ \t]*(?:=|:)[ \t]*\\?["'](?P<value>[^"'\\\s]{8,})\\?["']""")
_EXPORTED = re.compile(r"^[ \t]*(?:export[ \t]+)?(?P<key>[A-Z][A-Z0-9_]+)=(?P<value>\S{8,})", re.MULTILINE)
#: In a command and in an address.
_OPTION = re.compile(r"(?:(?<!\S)--|[?&])(?P<key>[A-Za-z][\w-]*)[ =](?P<value>(?!--)[^\s&\"'`)]{8,})")
_IN_TEXT = (_ASSIGNED, _EXPORTED, _OPTION)
#: The settings at the start of a card.
_FRONT_MATTER = re.compile(r"---\r?\n(.*?)\r?\n---", re.DOTALL)
_SETTINGS = (".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".properties")


def secret_in(name: str, data: bytes | mmap.mmap) -> str:
    """What looks like a secret in a file, and where, without repeating it; an empty string where nothing does."""
    return _token_in(data) or _named_in(name, data) or _known_to_detect_secrets(data)


def _token_in(data: bytes | mmap.mmap, depth: int = 0) -> str:
    token = get_token()
    if token and data.find(token.encode()) >= 0:
        return "holds the Hugging Face token that you are logged in with: remove it there"
    for kind, (pattern, *marks) in _SECRETS.items():
        if any(data.find(mark) >= 0 for mark in marks):
            matches = (match for match in re.finditer(pattern, data) if not _stands_for_one(match.group()))
            if match := next(matches, None):
                return _found(kind, data, match.start())
    text = b"\n".join(match.group().replace(b"\0", b"") for match in _UTF16.finditer(data))
    if text and (problem := _token_in(text, depth)):
        return problem
    if depth == _DEEPEST_ENCODING:
        return ""
    for match in _BASE64.finditer(data):
        if any(_token_in(decoded, depth + 1) for decoded in _decoded(match.group())):
            return _found("a secret in base64", data, match.start())
    return ""


def _stands_for_one(found: bytes) -> bool:
    """Whether this is what guides write where a secret belongs, such as "hf_xxxxxx" or "https://user:password@"."""
    if b"://" in found and b"@" in found:
        found = found[: found.rindex(b"@")].rpartition(b":")[2]
        return _PLACEHOLDER.fullmatch(found.decode("latin-1")) is not None
    return found.endswith((b"EXAMPLE", b"EXAMPLEKEY")) or found[-16:].lower() == b"x" * 16


def _decoded(run: bytes) -> Iterator[bytes]:
    """What a run of letters says in base64, wherever in it that begins."""
    run = re.sub(rb"\s", b"", run).replace(b"-", b"+").replace(b"_", b"/")
    for start in range(4):
        whole = run[start : start + (len(run) - start) // 4 * 4]
        decoded = base64.b64decode(whole)
        rest = run[start + len(whole) :]
        yield decoded + (base64.b64decode(rest + b"=" * (4 - len(rest))) if len(rest) > 1 else b"")


def _found(kind: str, data: bytes | mmap.mmap, position: int) -> str:
    line = data[:position].count(b"\n") + 1
    return f"holds what looks like {kind}, in line {line}: remove it, and make a new one if it was ever shared"


def _named_in(name: str, data: bytes | mmap.mmap) -> str:
    """A setting that is called a token, a password or the like, and has a value."""
    suffix = PurePosixPath(name.lower()).suffix
    is_json = suffix in (".json", ".jsonl", ".ipynb")
    if len(data) > _LARGEST_PARSED or not (is_json or suffix in (*_SETTINGS, ".py", ".md", ".sh", ".txt")):
        return ""
    text = data[:].decode("utf-8", errors="replace")
    if is_json:
        for part in text.splitlines() if suffix == ".jsonl" else [text]:
            try:
                key = _secret_setting(json.loads(part))
            except (ValueError, RecursionError):
                continue
            if key:
                return f"holds a value for {key!r}: remove it, and make a new one if it was ever shared"
    if len(text) > _LARGEST_TEXT or suffix in (".json", ".jsonl"):
        return ""
    patterns = [(_SETTING, len(text))] if suffix in _SETTINGS else [(p, len(text)) for p in _IN_TEXT]
    if suffix == ".md" and (front := _FRONT_MATTER.match(text)):
        patterns.append((_SETTING, front.end()))
    for pattern, end in patterns:
        for match in pattern.finditer(text, 0, end):
            if _is_secret(match["key"], match["value"].strip().strip("\"',")):
                return _found(f"a value for {match['key']!r}", text.encode(), len(text[: match.start("key")].encode()))
    return ""


def _secret_setting(value: Any, key: str = "") -> str:
    """The first key whose value is a secret, in what JSON holds."""
    if isinstance(value, dict):
        return next((found for name, inner in value.items() if (found := _secret_setting(inner, name))), "")
    if isinstance(value, list):
        for option, inner in pairwise(value):  # of a command
            is_pair = isinstance(option, str) and option.startswith("--") and isinstance(inner, str)
            if is_pair and _is_secret(option.lstrip("-"), inner):
                return option
        return next((found for inner in value if (found := _secret_setting(inner, key))), "")
    return key if isinstance(value, str) and _is_secret(key, value) else ""


def _is_secret(key: str, value: str) -> bool:
    if not _SECRET_KEY.fullmatch(key) or _VOCABULARY_KEY.fullmatch(key):
        return False
    return not _PLACEHOLDER.fullmatch(value)


def has_more_patterns() -> bool:
    """Whether detect-secrets is there, which knows more kinds of secrets."""
    return bool(_plugins())


@lru_cache(maxsize=1)
def _plugins() -> tuple:
    try:
        from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
        from detect_secrets.plugins.base import RegexBasedDetector
    except ImportError:
        return ()
    # Not what finds letters that seem random, of which a network's files are full, nor
    # addresses, which are no secret, nor what begins with AP or AKC, as words do.
    kinds = [
        kind
        for kind in get_mapping_from_secret_type_to_class().values()
        if issubclass(kind, RegexBasedDetector) and kind.__name__ not in ("IPPublicDetector", "ArtifactoryDetector")
    ]
    return tuple(kind() for kind in kinds)


def _known_to_detect_secrets(data: bytes | mmap.mmap) -> str:
    """Only in text: its patterns are short enough to occur in weights."""
    if len(data) > _LARGEST_TEXT or b"\0" in data[:8192]:
        return ""
    try:
        text = data[:].decode("utf-8")
    except UnicodeDecodeError:
        return ""
    for plugin in _plugins():
        for pattern in plugin.denylist:
            for match in pattern.finditer(text):
                value = match.group(match.lastindex or 0) or ""
                if not (_PLACEHOLDER.fullmatch(value) or _stands_for_one(match.group().encode())):
                    return _found(
                        f"a secret ({plugin.secret_type})", text.encode(), len(text[: match.start()].encode())
                    )
    return ""
