# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Downloads of images that end at their deadline."""

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from .image_errors_crnn import UnreadableImageError, naming_image, quoted


__all__ = ["MAX_DOWNLOAD_BYTES", "download"]

MAX_DOWNLOAD_BYTES = 128 * 1024 * 1024


def download(url: str, seconds: float) -> bytes:
    """
    The body of a URL, redirects followed, `seconds` after the call at the latest.

    The client's own timeout is per address, per read and per redirect: a server that sends a byte now and then
    outlasts it by any factor. And nothing interrupts the look-up of a name. So a thread downloads; at the deadline its
    connections are shut down, which ends it, and it is not waited for.
    """
    from transformers import image_utils

    httpx: Any = vars(image_utils)["httpx"]  # whichever library its HTTP client is in the installed version
    name, line = quoted(url), _Line()
    results: list[bytes | Exception] = []
    thread = threading.Thread(target=_receive, args=(httpx, url, seconds, line, results), daemon=True)
    with naming_image(name):
        try:
            thread.start()
            thread.join(min(max(seconds, 0), threading.TIMEOUT_MAX))
            result = results[0] if results else TimeoutError()
        finally:
            line.hang_up()
        if isinstance(result, bytes):
            return result
        if isinstance(result, (TimeoutError, httpx.TimeoutException)):
            raise UnreadableImageError(f"cannot read {name}: not downloaded within {seconds:g} s") from result
        raise result


def _receive(httpx: Any, url: str, seconds: float, line: "_Line", results: list[bytes | Exception]) -> None:
    data = bytearray()
    try:
        with (
            httpx.Client(timeout=seconds, follow_redirects=True) as client,
            client.stream("GET", url, extensions={"trace": line.trace}) as response,
        ):
            response.raise_for_status()
            for chunk in response.iter_bytes():
                data += chunk
                if len(data) > MAX_DOWNLOAD_BYTES:
                    name = quoted(url)
                    raise UnreadableImageError(f"cannot read {name}: the download exceeds {MAX_DOWNLOAD_BYTES} bytes")
        results.append(bytes(data))
    except Exception as error:  # noqa: BLE001 - raised again in the thread that waits
        results.append(error)


class _Line:
    """The connections of a download, so that another thread can end it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._is_down = False

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by the HTTP client at each of its steps."""
        with self._lock:
            if self._is_down:
                raise TimeoutError
            if event == "connection.connect_tcp.complete":
                # a duplicate: TLS takes the original over before it shakes hands
                self._sockets.append(info["return_value"].get_extra_info("socket").dup())

    def hang_up(self) -> None:
        with self._lock:
            self._is_down = True
            for connection in self._sockets:
                with suppress(OSError):  # the server was faster
                    connection.shutdown(socket.SHUT_RDWR)
                connection.close()
            self._sockets.clear()
