# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""A process that is forked after a reading reads what its parent read, and says in how many threads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import hf_str


CODE = """
import multiprocessing, sys
import hf_str
from transformers import pipeline

reader = pipeline("image-to-text", model=hf_str.DEFAULT_CHECKPOINT, device="cpu")
image = sys.argv[1]

def read(queue):
    queue.put([reader(image)[0]["generated_text"] for _ in range(2)])

text = reader(image)[0]["generated_text"]
context = multiprocessing.get_context("fork")
queue = context.SimpleQueue()
child = context.Process(target=read, args=(queue,), daemon=True)
child.start()
child.join(30)
assert child.exitcode == 0, child.exitcode
assert queue.get() == [text, text] and text
print("same text")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")
def test_a_process_forked_after_a_reading_reads_in_one_thread():
    image = sorted((Path(hf_str.__file__).parent / "samples").glob("*.png"))[0]
    environment = os.environ | {"OMP_NUM_THREADS": "2", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(image)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "same text" in done.stdout
    assert done.stderr.count("forked after its parent") == 1
