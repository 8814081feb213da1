# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Docstrings are rendered by a documentation builder without warnings; its references lead somewhere."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


pytest.importorskip("pdoc")
for extra in ("cv2", "datasets", "fontTools", "gradio", "lmdb", "rapidfuzz"):
    pytest.importorskip(extra)

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def builder():
    specification = importlib.util.spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_every_docstring_is_rendered_without_warnings(tmp_path):
    run = subprocess.run(
        [sys.executable, "docs/build.py", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=550,
    )
    assert (run.returncode, run.stderr) == (0, "")
    pages = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.html")}
    for source in (ROOT / "hf_str").rglob("[!_]*.py"):
        if not any(part.startswith("_") for part in source.relative_to(ROOT).parts):
            assert source.relative_to(ROOT).with_suffix(".html").as_posix() in pages
    for page in pages:
        html = (tmp_path / page).read_text(encoding="utf-8")
        assert "[<code>" not in html
        for target in re.findall(r"<a href=\"([^\"#:]+\.html)", html):
            assert (tmp_path / page).parent.joinpath(target).is_file(), f"{page} leads to {target}"


def test_a_reference_to_nothing_and_a_broken_module_are_faults(builder, tmp_path, monkeypatch):
    package = tmp_path / "shoddy"
    package.mkdir()
    (package / "__init__.py").write_text(
        '"""See [`right`], [`wrong`] and [`Thing.method`]."""\nfrom .part import right\n__all__ = ["right"]\n'
    )
    (package / "part.py").write_text(
        'def right():\n    """Is here."""\n\n\nclass Thing:\n    """Has [`method`]."""\n\n'
        '    def method(self):\n        """Does [`nothing_at_all`]."""\n'
    )
    (package / "broken.py").write_text("import not_installed_anywhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    faults = builder.build("shoddy", tmp_path / "out")
    assert sorted(faults) == [
        "shoddy.broken cannot be imported: No module named 'not_installed_anywhere'",
        "shoddy.part.Thing.method: [`nothing_at_all`] is nowhere in the package",
        "shoddy: [`wrong`] is nowhere in the package",
    ]
    html = (tmp_path / "out" / "shoddy.html").read_text()
    assert '<a href="shoddy/part.html#right"><code>right</code></a>' in html
    assert '<a href="shoddy/part.html#Thing.method"><code>Thing.method</code></a>' in html


def test_pictures_in_the_docs_are_small():
    pictures = [path for path in (ROOT / "docs").rglob("*") if path.suffix in (".png", ".webp", ".jpg")]
    assert len(pictures) == 2
    assert all(path.stat().st_size < 120_000 for path in pictures)
