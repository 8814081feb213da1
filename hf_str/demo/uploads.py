# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Limits of uploads: how much at once, and how much of all visitors together."""

import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException
from starlette.responses import PlainTextResponse


__all__ = ["MAX_KEPT_SIZE", "MAX_MESSAGE_SIZE", "MAX_UPLOAD_SIZE", "UploadLimits"]

#: Bytes of one upload, of all its files together. What is read of it is less: see `page.MAX_BYTES`.
MAX_UPLOAD_SIZE = 50_000_000
#: Bytes of all uploads of the time that they are kept, as the disk of a small host has room for.
MAX_KEPT_SIZE = 1_000_000_000
#: Bytes of any other request. The longest lexicon, escaped, has a quarter of it.
MAX_MESSAGE_SIZE = 1_000_000

#: What the page posts to. Gradio takes files at other addresses too, for components that are not here.
_ADDRESSES = ("/upload", "/queue/join", "/reset", "/cancel")

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]


class UploadLimits:
    """ASGI middleware that refuses too large requests before they are stored.

    Args:
        app: the application behind it.
        seconds: how long the application keeps uploads.
    """

    def __init__(self, app: Callable[[_Message, _Receive, _Send], Awaitable[None]], seconds: float) -> None:
        self._app, self._seconds = app, seconds
        self._received: deque[tuple[float, int]] = deque()
        self._num_kept = 0

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Hands a request on, or refuses it."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        path = scope["path"].rstrip("/")
        if not path.endswith(_ADDRESSES):
            await PlainTextResponse("The page does not use this.", status_code=404)(scope, receive, send)
            return
        is_upload = path.endswith("/upload")
        declared = Headers(scope=scope).get("content-length", "")
        status, reason = self._check(int(declared) if declared.isdecimal() else 0, is_upload=is_upload)
        if reason:
            await PlainTextResponse(reason, status_code=status)(scope, receive, send)
            return

        size, is_whole = 0, False

        async def receive_some() -> _Message:
            nonlocal size, is_whole
            message = await receive()
            if message["type"] == "http.request":
                more = len(message.get("body", b""))
                size, is_whole = size + more, not message.get("more_body", False)
                if is_upload:
                    self._received.append((time.monotonic(), more))
                    self._num_kept += more
                _, reason = self._check(size, size, is_upload)
            else:
                reason = "" if is_whole else "The upload ended too early."
            if reason:
                # Of all that can go wrong with an upload, it is this after which Gradio deletes what it has of it.
                raise MultiPartException(reason)
            return message

        await self._app(scope, receive_some, send)

    def _check(self, size: int, num_counted: int = 0, is_upload: bool = True) -> tuple[int, str]:
        """The status and the reason with which a request of `size` bytes is refused; the reason is empty if it is not.

        `num_counted` of the bytes are among what is kept already.
        """
        most = MAX_UPLOAD_SIZE if is_upload else MAX_MESSAGE_SIZE
        if size > most:
            return 413, f"This exceeds the maximum allowed size: {most / 1e6:g} MB at once."
        while self._received and self._received[0][0] < time.monotonic() - self._seconds:
            self._num_kept -= self._received.popleft()[1]
        if is_upload and self._num_kept + size - num_counted > MAX_KEPT_SIZE:
            return 503, "The visitors of this page have sent too much lately: try again later."
        return 200, ""
