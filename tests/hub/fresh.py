# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Code in a process of its own, which has its own cache and its own client of the Hub."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any


ROOT = Path(__file__).parents[2]

#: Any import of hf_str fails, as where it is not installed.
WITHOUT_HF_STR = "import sys; sys.modules['hf_str'] = None\n"


def run_fresh(code: str, environment: Mapping[str, str], *arguments: str, python: str = sys.executable) -> Any:
    """Runs code that sets `result`, and gives that back; `arguments` are in `sys.argv[1:]`.

    Nobody is there to answer a question on the terminal: one would fail the test.
    """
    script = textwrap.dedent(code) + "\nimport json\nprint('RESULT', json.dumps(result))"
    run = subprocess.run(
        [python, "-c", script, *arguments],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)} | dict(environment),
        cwd=Path(environment["HF_HOME"]).parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    assert "[y/N]" not in run.stdout + run.stderr, "somebody was asked whether to trust the code"
    (result,) = [line for line in run.stdout.splitlines() if line.startswith("RESULT ")]
    return json.loads(result.removeprefix("RESULT "))
