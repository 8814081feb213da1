# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""One HTML page that needs nothing else: style, tables, charts as SVG, pictures as data URIs.

Readable in light and dark and on a phone. Everything here returns HTML as text; what it is given as HTML is named so.
"""

import base64
import io
import unicodedata
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from PIL import Image

from ..models.crnn.image_loading_crnn import UnreadableImageError, load_word_image


__all__ = ["as_svg_file", "bar", "chart", "page", "picture", "polyline", "shown", "table", "tile", "tiles"]

_CHART_STYLE = """
:root { --ink: #1c2330; --soft: #5d6879; --line: #e3e7ee; --paper: #fff; --bar: #4a7fd6; --ok: #2e8b57; --bad: #c2452d;
  --tile: #f6f8fb; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #2d3543; --paper: #141820;
  --bar: #6b9bea; --ok: #5dc08a; --bad: #ee7c64; --tile: #1b212c; color-scheme: dark; } }
svg rect { fill: var(--bar); } svg text { fill: var(--soft);
  font: 9px system-ui, sans-serif; } svg line { stroke: var(--line); }
svg polyline { fill: none; stroke: var(--bar); stroke-width: 1.6; } svg .ideal { stroke: var(--soft); stroke-width: 1;
  stroke-dasharray: 3 3; } svg .range { stroke: var(--ink); opacity: .55; stroke-width: 1; }
"""
STYLE = (
    _CHART_STYLE
    + """
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.5rem 5rem; max-width: 75rem; color: var(--ink); background: var(--paper);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; } h2 { margin: 3rem 0 .8rem; font-size: 1.25rem; }
h3 { margin: 1.6rem 0 .5rem; font-size: 1rem; } p { margin: .3rem 0 .8rem; } .soft { color: var(--soft); }
a { color: var(--bar); } :focus-visible { outline: 2px solid var(--bar); outline-offset: 2px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .7rem; margin: 1.2rem 0; }
.tile { background: var(--tile); border-radius: .6rem; padding: .8rem 1rem; border-left: 4px solid var(--line); }
.tile.ok { border-color: var(--ok); } .tile.bad { border-color: var(--bad); }
.tile b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.tile a { color: inherit; text-decoration: none; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: 1.2rem; }
figure { margin: 0; } figcaption { font-weight: 600; margin-bottom: .2rem; }
svg { width: 100%; height: auto; display: block; }
.words { display: flex; flex-wrap: wrap; gap: .8rem; align-items: end; }
.word { text-align: center; max-width: 15rem; }
.word img, td img { background: repeating-conic-gradient(#8884 0 25%, #0000 0 50%) 0 0/12px 12px; border-radius: 3px;
  max-width: 15rem; vertical-align: middle; }
.word div { font-size: .8rem; overflow-wrap: anywhere; }
.scroll { overflow: auto; max-height: 32rem; } table { border-collapse: collapse; width: 100%; font-size: .88rem; }
th { text-align: left; color: var(--soft); font-weight: 500; }
th, td { padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: middle; }
code { font-size: .85em; overflow-wrap: anywhere; } .chars { display: flex; flex-wrap: wrap; gap: .3rem; }
.char { background: var(--tile); border-radius: .4rem; padding: .15rem .5rem; font-size: .85rem; }
.char.bad { outline: 1.5px solid var(--bad); } .char small { color: var(--soft); }
details summary { cursor: pointer; color: var(--soft); margin: .5rem 0; }
"""
)

# Of a chart, in units of its SVG.
_WIDTH, _HEIGHT, _TOP, _FOOT, _SIDE = 300, 98, 6, 16, 28


def page(title: str, body_html: Iterable[str], style: str = "") -> str:
    """The page.

    Args:
        title: of the browser's tab.
        body_html: parts of the body.
        style: further CSS.
    """
    head = (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{escape(title)}</title>"
        f"<meta name='viewport' content='width=device-width, initial-scale=1'><style>{STYLE}{style}</style>"
    )
    return "\n".join([head, *body_html]) + "</html>\n"


def tiles(tiles_html: Iterable[str]) -> str:
    """Figures beside each other, see [`tile`]."""
    return f"<div class='tiles'>{''.join(tiles_html)}</div>"


def tile(value: str, title: str, target: str, good: bool | None = None) -> str:
    """A figure that leads to its section, `target`; with a mark where it is good or bad."""
    state = "" if good is None else "ok" if good else "bad"
    return f"<div class='tile {state}'><a href='#{target}'><b>{escape(value)}</b>{escape(title)}</a></div>"


def table(headings_html: Iterable[str], rows_html: Iterable[Iterable[str]]) -> str:
    """A table that scrolls in its own frame, also by the keyboard."""
    head = "".join(f"<th>{heading}</th>" for heading in headings_html)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows_html)
    return f"<div class='scroll' tabindex='0'><table><tr>{head}</tr>{body}</table></div>"


def chart(
    caption: str,
    shapes_html: Iterable[str],
    x_ticks: Sequence[tuple[float, str]],
    y_ticks: Sequence[tuple[float, str]] = (),
    note: str = "",
) -> str:
    """Shapes over two axes, from 0 to 1 each.

    Args:
        caption: stands above.
        shapes_html: what [`bar`] and [`polyline`] give.
        x_ticks: (position, text) of each tick.
        y_ticks: (position, text) of each tick.
        note: stands below.
    """
    marks = "".join(
        f"<text x='{_x(position):.1f}' y='{_HEIGHT + _TOP + 12}' text-anchor='{_anchor(position)}'>"
        f"{escape(text)}</text>"
        for position, text in x_ticks
    )
    marks += "".join(
        f"<line x1='0' x2='{_WIDTH}' y1='{_y(position):.1f}' y2='{_y(position):.1f}'/>"
        f"<text x='{_WIDTH + 3}' y='{_y(position) + 3:.1f}'>{escape(text)}</text>"
        for position, text in y_ticks
    )
    return (
        f"<figure><figcaption>{escape(caption)}</figcaption>"
        f"<svg viewBox='0 0 {_WIDTH + _SIDE} {_HEIGHT + _TOP + _FOOT}' role='img' aria-label='{escape(caption)}'>"
        f"<line x1='0' x2='{_WIDTH}' y1='{_y(0)}' y2='{_y(0)}'/>{marks}{''.join(shapes_html)}</svg>"
        f"<div class='soft'>{escape(note)}</div></figure>"
    )


def as_svg_file(chart_html: str) -> str:
    """What [`chart`] gave as a file of its own, which can stand in a model card; without caption and note."""
    drawing = chart_html[chart_html.index("<svg") : chart_html.index("</svg>")]
    start, shapes = drawing.split(">", 1)
    return f"{start} xmlns='http://www.w3.org/2000/svg'><style>{_CHART_STYLE}</style>{shapes}</svg>\n"


def bar(left: float, right: float, height: float, title: str, low_high: tuple[float, float] | None = None) -> str:
    """A bar of a [`chart`], its text on hovering, and the interval of its height, if it has one."""
    x, width = _x(left), _x(right) - _x(left)
    rect = (
        f"<rect x='{x:.1f}' y='{_y(height):.1f}' width='{width:.1f}' height='{_y(0) - _y(height):.1f}'>"
        f"<title>{escape(title)}</title></rect>"
    )
    if low_high is None:
        return rect
    middle, (low, high) = x + width / 2, low_high
    return f"{rect}<line class='range' x1='{middle:.1f}' x2='{middle:.1f}' y1='{_y(low):.1f}' y2='{_y(high):.1f}'/>"


def polyline(points: Iterable[tuple[float, float]], is_ideal: bool = False) -> str:
    """A line of a [`chart`]; `is_ideal` for what the best would be."""
    path = " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in points)
    kind = " class='ideal'" if is_ideal else ""
    return f"<polyline{kind} points='{path}'/>"


def picture(image: Any, height: int = 40, max_width: int = 600, alt: str = "") -> str:
    """A small picture of a word as a data URI.

    Args:
        image: anything that `load_word_image` takes.
        height: in pixels; smaller images are scaled up by the browser.
        max_width: in pixels, beyond which it is squeezed.
        alt: what it shows, for those who do not see it.
    """
    try:
        image = load_word_image(image)
    except (UnreadableImageError, TypeError):
        return "<span class='soft'>unreadable</span>"
    width = min(max_width, max(1, round(image.width * height / image.height)))
    small = image.resize((width, height), Image.Resampling.BICUBIC) if image.height > height else image
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f"<img loading='lazy' height='{height}' alt='{escape(alt)}' src='data:image/jpeg;base64,{data}'>"


def shown(character: str) -> str:
    """A character as it can be seen: spaces by name, what has no shape of its own by its code point."""
    if character == " ":
        return "space"
    printable = character.isprintable() and not character.isspace() and not unicodedata.combining(character)
    return character if printable else f"U+{ord(character):04X}"


def _x(position: float) -> float:
    return position * _WIDTH


def _y(position: float) -> float:
    return _TOP + (1 - position) * _HEIGHT


def _anchor(position: float) -> str:
    return "start" if position == 0 else "end" if position == 1 else "middle"
