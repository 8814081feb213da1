# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The report as a browser shows it."""

import html
import json
import re
import shutil
import subprocess
from dataclasses import asdict
from xml.etree import ElementTree

import pytest

from hf_str.evaluation import PROTOCOLS
from hf_str.evaluation.html_report import evaluation_page, reliability_chart
from hf_str.evaluation.predictions import Prediction
from hf_str.evaluation.results import evaluate_parts, make_parts, software_versions
from hf_str.utils.html_page import as_svg_file
from tests.conftest import draw_word


pytest.importorskip("rapidfuzz")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

#: What a browser knows of a page once it is laid out, as JSON in an attribute.
PROBE = """<script>addEventListener("load", () => {
  const all = selector => [...document.querySelectorAll(selector)];
  const seen = {
    width: document.documentElement.scrollWidth, window: innerWidth,
    pictures: all("img").filter(i => i.complete && i.naturalWidth > 0).length, images: all("img").length,
    bars: all("svg rect").filter(r => r.getBoundingClientRect().height > 0).length,
    links: all("a").filter(a => document.getElementById(a.getAttribute("href").slice(1))).length,
    anchors: all("a").length, headings: all("h2").map(h => h.textContent), marks: all("mark").length,
    dark: getComputedStyle(document.body).backgroundColor, requests: performance.getEntriesByType("resource")
      .filter(r => !r.name.startsWith("data:")).length,
    focusable: all("[tabindex], a, summary").filter(e => e.checkVisibility())
      .every(e => { e.focus(); return document.activeElement === e; }),
  };
  document.documentElement.dataset.seen = JSON.stringify(seen);
})</script>"""


def evaluated() -> str:
    """The page of two small sets with wrong, right, hostile and broken words."""
    texts = [
        ("Open", "open"),
        ("C0ffee", "Coffee"),
        ("", "Bar"),
        ("<b>x</b>", "<script>alert(1)</script>"),
        ("24", "24"),
    ]
    words = [
        Prediction(row, f"{row}.png", label, text, 0.99 - row / 50, 90, 30, 0.01)
        for row, (text, label) in enumerate(texts * 8)
    ]
    broken = [Prediction(0, "<i>gone</i>.png", "x", "", 0.0, 0, 0, 0.01, "<i>gone</i>.png is not there")]
    parts = make_parts("first <set>", "data/first", words) + make_parts("second", "data/second", [*words[1:], *broken])
    results = evaluate_parts(parts, PROTOCOLS) | {
        "model": {"name": "my <model>", "family": "CRNN", "parameters": 3_600_000},
        "settings": {"model": "my <model>", "seed": 0},
        "versions": software_versions(),
        "protocols": {name: asdict(protocol) for name, protocol in PROTOCOLS.items()},
    }
    return evaluation_page(results, parts, PROTOCOLS["36"], lambda name, row: draw_word("word"))


@pytest.fixture(scope="module")
def page() -> str:
    return evaluated()


def test_the_page_needs_nothing_else(page):
    assert "<script" not in page
    assert not re.findall(r"(?:src|href)=['\"](?!data:|#)", page)
    assert "url(" not in page
    assert "<b>x</b>" not in page
    assert "<i>gone" not in page
    assert "labeled &lt;script&gt;alert(1)" in page


def test_what_is_on_the_page(page):
    for text in ("first &lt;set&gt;", "mean of sets", "all words", "Confusion matrix", "Broken images: 1", "3.6M"):
        assert text in page
    assert "o &rarr; 0" in page
    assert "truth</dt><dd>C<mark>o</mark>ffee</dd>" in page
    assert "read</dt><dd>C<mark>0</mark>ffee</dd>" in page
    first = page.index("The most confident")
    assert page.index("0.970", first) < page.index("0.950", first)


def test_the_reliability_diagram_is_a_picture_of_its_own():
    """An XML file, as viewers of SVG ask for: a bar as high as the share of right words for each bin that has any."""
    bins = [
        {"low": 0.0, "high": 0.1, "count": 4, "score": 0.05, "accuracy": 0.25},
        {"low": 0.1, "high": 0.2, "count": 0, "score": 0.0, "accuracy": 0.0},
        {"low": 0.9, "high": 1.0, "count": 9, "score": 0.97, "accuracy": 1.0},
    ]
    figures = [{"protocols": {"36": {"expected_calibration_error": 0.1}}}]
    chart = reliability_chart({"breakdowns": {"protocol": "36", "reliability": bins}, "figures": figures})
    assert "ECE 10.00 %" in chart
    drawing = ElementTree.fromstring(as_svg_file(chart))
    namespace = "{http://www.w3.org/2000/svg}"
    assert drawing.tag == f"{namespace}svg"
    low, high = (float(shape.get("height")) for shape in drawing.iter(f"{namespace}rect"))
    assert low == pytest.approx(high / 4, abs=0.1)
    assert drawing.find(f"{namespace}polyline").get("class") == "ideal"


def test_a_page_without_errors():
    words = [Prediction(0, "0.png", "a", "a", 1.0, 10, 10, 0.01)]
    parts = make_parts("set", "x", words)
    results = evaluate_parts(parts, {"36": PROTOCOLS["36"]}) | {
        "model": {"name": "m", "family": "CRNN", "parameters": None},
        "settings": {},
        "versions": {},
        "protocols": {"36": {"characters": "abc", "ignore_case": True}},
    }
    page = evaluation_page(results, parts, PROTOCOLS["36"], lambda name, row: None)
    assert "Errors: 0" in page
    assert "0 mistaken" in page


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_in_a_browser(page, tmp_path, width, dark):
    """In a frame of its own, for a browser's window cannot be as narrow as a phone."""
    framed = html.escape(page.replace("</html>", PROBE + "</html>"), quote=True)
    listener = """<script>addEventListener("load", () => setTimeout(() => {
      const framed = document.querySelector("iframe").contentDocument.documentElement;
      document.body.dataset.seen = framed.dataset.seen; }, 300))</script>"""
    framed = framed.replace("loading=&#x27;lazy&#x27; ", "")  # those below the window count, too
    frame = f"<iframe width='{width}' height='3000' srcdoc=\"{framed}\"></iframe>"
    (tmp_path / "frame.html").write_text(f"<!doctype html><meta charset='utf-8'>{frame}{listener}", encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'browser'}"]
    options += ["--force-dark-mode", "--blink-settings=preferredColorScheme=0"] if dark else []
    command = [CHROMIUM, *options, "--virtual-time-budget=5000", "--window-size=1300,900", "--dump-dom"]
    done = subprocess.run(
        [*command, f"file://{tmp_path / 'frame.html'}"], capture_output=True, text=True, encoding="utf-8", timeout=240
    )
    seen = json.loads(html.unescape(re.search(r"<body data-seen=\"([^\"]*)\"", done.stdout)[1]))
    assert seen["window"] == width
    assert seen["width"] <= width  # nothing but tables scrolls sideways
    assert seen["pictures"] == seen["images"] > 20
    assert seen["bars"] >= 4
    assert seen["links"] == seen["anchors"] > 4
    assert seen["requests"] == 0
    assert seen["focusable"]
    assert seen["marks"] > 10
    assert any(heading.startswith("Errors: ") for heading in seen["headings"])
    assert (seen["dark"] == "rgb(20, 24, 32)") == dark
