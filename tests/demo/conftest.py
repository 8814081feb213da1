# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The demo page, served as anyone would serve it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest


pytest.importorskip("gradio")

ROOT = Path(__file__).parents[2]


class Demo(NamedTuple):
    """A demo that runs: its address, and the folder in which it may make temporary ones."""

    url: str
    temporary: Path


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Iterator[Demo]:
    """`hf-str demo` with the embedded checkpoint, offline."""
    temporary = tmp_path_factory.mktemp("temporary")
    environment = os.environ | {
        "GRADIO_ALLOWED_PATHS": "/etc",  # of another app; ours serves nothing of it
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "TMPDIR": str(temporary),
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "hf_str.cli", "demo", "--port", str(port), "--device", "cpu"]
    log = temporary / "log.txt"
    with log.open("w") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait(process, port, log)
        yield Demo(f"http://127.0.0.1:{port}", temporary)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=120)
        left = [path.name for path in temporary.glob("hf_str_demo_*")]
        assert left == [], "what visitors sent is still there"
    finally:
        process.kill()


def _wait(process: subprocess.Popen, port: int, log: Path, seconds: float = 500):
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"the demo did not start:\n{log.read_text()}")
