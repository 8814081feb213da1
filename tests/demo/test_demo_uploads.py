# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""How much visitors may send."""

import asyncio

import pytest


pytest.importorskip("gradio")

from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse

from hf_str.demo import uploads
from hf_str.demo.uploads import UploadLimits


async def count(scope, receive, send):
    """An app that answers with the size of what it was sent."""
    try:
        size = sum([len(part) async for part in Request(scope, receive).stream()])
        response = PlainTextResponse(str(size))
    except MultiPartException as error:
        response = PlainTextResponse(error.message, status_code=400)
    except ClientDisconnect:
        response = PlainTextResponse("left", status_code=400)
    await response(scope, receive, send)


def post(app, *parts: int, path: str = "/gradio_api/upload", declared: int | None = None, leaves: bool = False):
    """Status and text of the answer to a body in parts of those sizes."""
    messages = [{"type": "http.request", "body": bytes(size), "more_body": True} for size in parts]
    messages.append({"type": "http.disconnect"} if leaves else {"type": "http.request", "more_body": False})
    answer = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        answer.append(message)

    headers = [] if declared is None else [(b"content-length", str(declared).encode())]
    asyncio.run(app({"type": "http", "method": "POST", "path": path, "headers": headers}, receive, send))
    return answer[0]["status"], b"".join(one.get("body", b"") for one in answer).decode()


@pytest.fixture
def app(monkeypatch):
    monkeypatch.setattr(uploads, "MAX_UPLOAD_SIZE", 100)
    monkeypatch.setattr(uploads, "MAX_KEPT_SIZE", 250)
    monkeypatch.setattr(uploads, "MAX_MESSAGE_SIZE", 10)
    return UploadLimits(count, seconds=60)


def test_what_fits_is_taken(app):
    assert post(app, 60, 40, declared=100) == (200, "100")
    assert post(app, 10, path="/gradio_api/queue/join") == (200, "10")


def test_a_body_that_is_too_large_is_refused_by_its_header_and_by_what_comes(app):
    assert post(app, 101, declared=101) == (413, "This exceeds the maximum allowed size: 0.0001 MB at once.")
    status, reason = post(app, 60, 41)
    assert (status, "maximum allowed size" in reason) == (400, True)  # Gradio makes it 413
    assert post(app, 60, 41, declared=5)[0] == 400
    assert post(app, 11, declared=11, path="/gradio_api/queue/join")[0] == 413
    assert post(app, 11, path="/gradio_api/queue/join")[0] == 400


def test_all_uploads_together_have_a_limit_until_they_are_deleted(app, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(uploads.time, "monotonic", lambda: now[0])
    assert [post(app, 100)[0] for _ in range(3)] == [200, 200, 400]
    status, reason = post(app, 100, declared=100)
    assert (status, "too much lately" in reason) == (503, True)
    now[0] += 61
    assert post(app, 100, declared=100) == (200, "100")


def test_an_upload_that_is_broken_off_is_one_that_gradio_deletes(app):
    assert post(app, 50, leaves=True) == (400, "The upload ended too early.")


@pytest.mark.parametrize("path", ["/gradio_api/process_recording", "/gradio_api/component_server", "/login"])
def test_gradio_takes_nothing_where_the_page_sends_nothing(app, path):
    assert post(app, 5, path=path)[0] == 404
