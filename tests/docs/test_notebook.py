# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The notebook runs from top to bottom, and what is kept of its outputs is fit to be shown."""

import re
from pathlib import Path

import pytest


nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
for needed in ("ipykernel", "cv2", "fontTools"):
    pytest.importorskip(needed)

from hf_str.synthesis import find_fonts  # noqa: E402


NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "quickstart.ipynb"


def printed(notebook) -> str:
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")


@pytest.fixture(scope="module")
def kept():
    return nbformat.read(NOTEBOOK, as_version=4)


def test_it_runs_and_learns(kept, tmp_path, monkeypatch):
    if not find_fonts("0123456789.₩"):
        pytest.skip("this machine has no font with a won sign")
    for name, value in {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}.items():
        monkeypatch.setenv(name, value)
    notebook = nbclient.NotebookClient(
        nbformat.from_dict(kept), timeout=500, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    text = printed(notebook)
    assert "coffee.png   Coffee" in text
    before, after = (int(re.search(rf"{moment}: (\d+)%", text)[1]) for moment in ("before", "after"))
    assert before == 0
    assert after >= 50
    assert len(re.findall(r"₩\d+\.\d\d +read as ", text)) == 5


def test_it_is_kept_with_its_outputs_and_without_traces_of_a_machine(kept):
    assert "after: " in printed(kept)
    for cell in kept.cells:
        for output in cell.get("outputs", ()):
            assert output.output_type != "error"
            assert output.get("name") != "stderr"
            assert not re.search(r"/(home|root|tmp|work|usr)/|site-packages", str(output.get("text", "")))
    assert NOTEBOOK.stat().st_size < 400_000
