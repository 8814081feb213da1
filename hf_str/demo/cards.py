# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Predictions as HTML: a card each, for eyes, for screen readers, and for a phone."""

import base64
import io
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from PIL import Image

from ..utils.html_page import picture, shown
from .recognizers import Prediction


__all__ = ["STYLE", "card", "failure", "note", "welcome"]

#: Classes of confidence in a character: the least probability of each, and its CSS class.
CONFIDENCE = ((0.9, "high"), (0.6, "medium"), (0.0, "low"))

# The colors of Gradio's theme, so that light and dark follow it. A frame differs in its line as well as its color.
STYLE = """
.cards { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; }
.cards, .cards p { color: var(--body-text-color); }
.cards p { margin: 0; }
.card, .welcome, .note { border: 1px solid var(--border-color-primary); border-radius: .75rem; padding: 1rem;
  background: var(--block-background-fill); }
.card.failed, .note { border-left: .4rem solid #c2452d; }
.card header { display: flex; flex-wrap: wrap; gap: .5rem 1.25rem; align-items: center; }
.card header img { max-width: 100%; border-radius: .35rem; object-fit: contain; }
.card .text { font-size: 1.9rem; font-weight: 650; line-height: 1.2; overflow-wrap: anywhere; margin: 0; }
.cards .soft, .cards .soft * { color: var(--body-text-color-subdued); font-size: .9rem; overflow-wrap: anywhere; }
.letters { display: flex; flex-wrap: wrap; gap: .4rem; list-style: none; margin: .9rem 0 .4rem; padding: 0; }
.letters li { position: relative; overflow: hidden; min-width: 3.1rem; padding: .25rem .4rem .3rem; margin: 0;
  text-align: center; border-radius: .45rem; border: 2px solid; color: var(--body-text-color); }
.letters b { display: block; font-size: 1.3rem; line-height: 1.5; }
.letters li::before { content: ""; position: absolute; inset: auto 0 0 0; height: var(--share); opacity: .22;
  background: var(--frame); z-index: 0; }
.letters li > * { position: relative; }
.letters small { font-variant-numeric: tabular-nums; font-size: .8rem; }
.letters .high { --frame: #1a8f5a; border: 2px solid var(--frame); }
.letters .medium { --frame: #b7791f; border: 2px dashed var(--frame); }
.letters .low { --frame: #c2452d; border: 3px dotted var(--frame); }
.card summary { cursor: pointer; padding: .35rem 0; min-height: 1.5rem; }
.card .picture { overflow-x: auto; border-radius: .35rem; background: #fff; }
.card .picture img { min-width: 36rem; width: 100%; max-width: none; }
.cards :focus-visible { outline: 3px solid #4a7fd6; outline-offset: 2px; }
"""

_WELCOME = """\
<div class='welcome'><p>No predictions yet. Add images of one word each, or choose a sample.</p></div>"""


def card(prediction: Prediction) -> str:
    """A word, the confidence in each of its characters, and how it was recognized."""
    text = escape(prediction.text) or "<span class='soft'>(no text)</span>"
    letters = "".join(map(_letter, prediction.characters))
    spans = ", ".join(
        f"{shown(one['text'])} at {one['span'][0]:.0f} to {one['span'][1]:.0f}" for one in prediction.characters
    )
    alt = f"How CTC came to this text. Pixels from the left: {spans or 'none'}"
    return (
        f"<article class='card'><header>{picture(prediction.image, height=64, max_width=260, alt='the image')}"
        f"<div><p class='text'><bdi>{text}</bdi></p>"
        f"<p class='soft'>score {_percent(prediction.score)}, <bdi>{escape(prediction.name)}</bdi></p></div></header>"
        f"<ol class='letters' aria-label='characters and their probabilities'>{letters}</ol>"
        f"<details><summary>How it was recognized</summary><div class='picture' tabindex='0'>"
        f"<img alt='{escape(alt)}' src='{_data_uri(prediction.explanation)}'></div></details></article>"
    )


def failure(message: str) -> str:
    """An image that could not be read; the message names it."""
    return f"<article class='card failed'><p><b>Not read.</b> <bdi>{escape(message)}</bdi></p></article>"


def note(message: str) -> str:
    """Something to know about all the predictions."""
    return f"<p class='note'>{escape(message)}</p>"


def welcome() -> str:
    """The page before anything was recognized."""
    return cards([_WELCOME])


def cards(parts_html: Iterable[str]) -> str:
    """Cards and notes, one below the other."""
    return f"<div class='cards'>{''.join(parts_html)}</div>"


def _letter(character: Mapping[str, Any]) -> str:
    probability = character["probability"]
    confidence = next(name for least, name in CONFIDENCE if probability >= least)
    return (
        f"<li class='{confidence}' style='--share: {probability:.0%}'>"
        f"<b>{escape(shown(character['text']))}</b><small>{_percent(probability)}</small></li>"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _data_uri(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=80, method=2)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
