# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The results of an evaluation as one HTML page: figures, errors with their images, confusions, confidence."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from ..models.crnn.text_crnn import normalize_text
from ..utils.html_page import bar, chart, page, picture, polyline, shown, table, tile, tiles
from ..utils.optional import require
from .metrics import METRICS, normalized_edit_distance
from .predictions import Prediction
from .protocols import Protocol, protocol_title
from .results import Part, percentage, remarks


__all__ = ["evaluation_page", "reliability_chart"]

PICTURE_HEIGHT = 48
SHOWN_ERRORS, SHOWN_CONFUSIONS, MATRIX_SIZE = 30, 40, 24
NOTHING = "∅"

STYLE = """
.errors { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: .9rem; padding: 0;
  list-style: none; }
.errors li { background: var(--tile); border-radius: .6rem; padding: .7rem; min-width: 0; }
.errors img { max-width: 100%; object-fit: contain; border-radius: 3px; display: block; margin-bottom: .4rem; }
.errors dl { display: grid; grid-template-columns: auto 1fr; gap: 0 .6rem; margin: 0; font-size: .88rem; }
.errors dt { color: var(--soft); }
.errors dd { margin: 0; overflow-wrap: anywhere; font-family: ui-monospace, monospace; }
mark { color: inherit; background: color-mix(in srgb, var(--bad) 30%, transparent); border-radius: 2px; }
.figures td { white-space: nowrap; font-variant-numeric: tabular-nums; } .figures small { color: var(--soft); }
.matrix .scroll { max-height: none; } .matrix table { width: auto; font-variant-numeric: tabular-nums; }
.matrix th, .matrix td { padding: .15rem; width: 1.9rem; min-width: 1.9rem; text-align: center; font-size: .78rem;
  border: 1px solid var(--line); }
.matrix td:first-child { position: sticky; left: 0; background: var(--paper); color: var(--soft); }
.chars { margin-bottom: 1rem; }
"""


def evaluation_page(
    results: Mapping[str, Any],
    parts: Sequence[Part],
    protocol: Protocol,
    image_of: Callable[[str, int], Any],
) -> str:
    """The page.

    Args:
        results: what [`evaluate_parts`] gave, and `model`, `settings`, `versions`, `protocols`.
        parts: whose errors are shown.
        protocol: the first of the evaluation: what counts as an error.
        image_of: gives the image of a row of a test set, as anything that `load_word_image` takes.
    """
    model, breakdowns = results["model"], results["breakdowns"]
    words = [(part.set_name, prediction) for part in parts if part.counts for prediction in part.predictions]
    words = [(name, word) for name, word in words if protocol.normalize(word.label)]
    errors = [(name, word) for name, word in words if word.problem or not protocol.same(word.text, word.label)]
    size = f", {model['parameters'] / 1e6:.1f}M parameters" if model["parameters"] else ""
    return page(
        f"{model['name']}: evaluation",
        [
            f"<h1>{escape(model['name'])}</h1>",
            f"<p class='soft'>{escape(model['family'])}{size} &middot; {len(words):,} words &middot; protocol "
            f"{escape(breakdowns['protocol'])}</p>",
            _tiles(results, len(errors)),
            *_figures(results),
            *_errors(errors, protocol, image_of),
            *_confusions(breakdowns["confusions"]),
            *_groups(breakdowns),
            *_confidence(results),
            *_broken(results["broken"]),
            *_method(results),
        ],
        STYLE,
    )


def _tiles(results: Mapping[str, Any], errors: int) -> str:
    name = results["breakdowns"]["protocol"]
    found = [
        tile(f"{100 * row['protocols'][name]['word_accuracy']['value']:.2f} %", row["name"], "figures")
        for row in results["figures"]
    ]
    found.append(tile(f"{errors:,}", "words misread", "errors"))
    if broken := results["broken"]:
        found.append(tile(f"{len(broken):,}", "broken images", "broken", good=False))
    return tiles(found)


def _figures(results: Mapping[str, Any]) -> Iterator[str]:
    bootstrap = results["bootstrap"]
    yield "<h2 id='figures'>Figures</h2>"
    yield (
        f"<p class='soft'>Percent, with the {bootstrap['level']:.0%} interval of {bootstrap['resamples']:,} bootstrap "
        "resamples of the words.</p>"
    )
    for name in results["figures"][0]["protocols"]:
        protocol = results["protocols"][name]
        case = "without regard to case" if protocol["ignore_case"] else "with case"
        yield f"<h3>{escape(protocol_title(name))}, {case}</h3><div class='figures'>"
        rows = [_figure_row(row, name) for row in results["figures"]]
        yield table(["data", "words", *METRICS.values(), "ECE", "AURC", "images/s"], rows) + "</div>"
        for note in (note for row in results["figures"] for note in remarks(row, name)):
            yield f"<p class='soft'>{escape(note)}</p>"


def _figure_row(row: Mapping[str, Any], protocol: str) -> list[str]:
    figures = row["protocols"][protocol]
    cells = [escape(row["name"]), f"{figures.get('words', row['words']):,}"]
    for metric in METRICS:
        value, interval = percentage(figures[metric]).split(" ", 1)
        cells.append(f"{value} <small>{interval}</small>")
    cells += [f"{100 * figures[key]:.2f}" for key in ("expected_calibration_error", "area_under_risk_coverage")]
    return [*cells, f"{row['images_per_second']:,.0f}" if "images_per_second" in row else ""]


def _errors(
    errors: Sequence[tuple[str, Prediction]], protocol: Protocol, image_of: Callable[[str, int], Any]
) -> Iterator[str]:
    def edits(word: Prediction) -> float:
        return normalized_edit_distance(protocol.normalize(word.text), protocol.normalize(word.label))

    yield f"<h2 id='errors'>Errors: {len(errors):,}</h2>"
    if not errors:
        return
    read = [error for error in errors if not error[1].problem]
    confident = sorted(read, key=lambda error: -error[1].score)[:SHOWN_ERRORS]
    yield "<h3>The most confident</h3><p class='soft'>Wrong labels show here, too.</p>"
    yield _gallery(confident, protocol, image_of)
    worst = sorted(
        (error for error in read if error not in confident), key=lambda error: (-edits(error[1]), -error[1].score)
    )
    if worst:
        yield "<h3>The worst</h3>"
        yield "<p class='soft'>Furthest from the label; of equally wrong ones the most confident.</p>"
        yield _gallery(worst[:SHOWN_ERRORS], protocol, image_of)


def _gallery(errors: Iterable[tuple[str, Prediction]], protocol: Protocol, image_of: Callable[[str, int], Any]) -> str:
    cards = []
    for name, word in errors:
        label, prediction = _marked(word.label, word.text, protocol)
        cards.append(
            f"<li>{picture(image_of(name, word.row), PICTURE_HEIGHT, alt=f'a word labeled {word.label}')}"
            f"<dl><dt>truth</dt><dd>{label}</dd><dt>read</dt><dd>{prediction or NOTHING}</dd>"
            f"<dt>score</dt><dd>{word.score:.3f}</dd>"
            f"<dt>from</dt><dd>{escape(name)}, {escape(word.name)}</dd></dl></li>"
        )
    return f"<ul class='errors'>{''.join(cards)}</ul>"


def _marked(label: str, prediction: str, protocol: Protocol) -> tuple[str, str]:
    """Label and prediction as HTML, with a mark on the characters that differ under the protocol."""
    texts = normalize_text(label), normalize_text(prediction)
    # with the index of each compared character, so that "It's" and "its" have nothing to mark under 36
    seen = [
        [(index, part) for index, c in enumerate(text) for part in protocol.normalize(c) or " " * protocol.sees(c)]
        for text in texts
    ]
    kept = [[index for index, _ in pairs] for pairs in seen]
    editops = require("rapidfuzz.distance").Levenshtein.editops
    marks: tuple[set[int], set[int]] = set(), set()
    for operation, source, target in editops(*([part for _, part in pairs] for pairs in seen)):
        if operation != "insert":
            marks[0].add(kept[0][source])
        if operation != "delete":
            marks[1].add(kept[1][target])
    html = [
        "".join(f"<mark>{escape(c)}</mark>" if index in marked else escape(c) for index, c in enumerate(text))
        for text, marked in zip(texts, marks, strict=True)
    ]
    return html[0], html[1]


def _confusions(confusions: Sequence[tuple[str, str, int]]) -> Iterator[str]:
    wrong = [(label, read, count) for label, read, count in confusions if label != read]
    yield f"<h2 id='confusions'>Characters: {sum(count for *_, count in wrong):,} mistaken</h2>"
    if not wrong:
        return
    chips = (
        f"<span class='char'>{_named(label)} &rarr; {_named(read)} <small>{count:,}</small></span>"
        for label, read, count in wrong[:SHOWN_CONFUSIONS]
    )
    yield f"<p class='soft'>What stands there, and what was read; {NOTHING} for nothing.</p>"
    yield f"<div class='chars'>{''.join(chips)}</div>"
    yield "<h3>Confusion matrix</h3>"
    yield (
        "<p class='soft'>Of the characters mistaken most. Rows: what stands there; columns: what was read. On "
        "the diagonal the percentage of a character that is read right; elsewhere how often, the redder the larger "
        "the share of the row.</p>"
    )
    yield _matrix(confusions, wrong)


def _matrix(confusions: Sequence[tuple[str, str, int]], wrong: Sequence[tuple[str, str, int]]) -> str:
    mistakes: Counter[str] = Counter()
    for label, read, count in wrong:
        mistakes[label] += count
        mistakes[read] += count
    often = sorted(character for character, _ in mistakes.most_common(MATRIX_SIZE + 1) if character)[:MATRIX_SIZE]
    counts = {(label, read): count for label, read, count in confusions}
    totals: Counter[str] = Counter()
    for label, _, count in confusions:
        totals[label] += count
    characters = [*often, ""]

    def cell(label: str, read: str) -> str:
        count = counts.get((label, read), 0)
        if label == read:
            return f"<span class='soft'>{100 * count / max(totals[label], 1):.0f}</span>" if label else ""
        strength = min(100, round(400 * count / max(totals[label], 1)))
        color = f"color-mix(in srgb, var(--bad) {strength}%, transparent)"
        return f"<div style='background:{color}'>{count}</div>" if count else ""

    rows = [[_named(label), *(cell(label, read) for read in characters)] for label in characters]
    return f"<div class='matrix'>{table(['', *map(_named, characters)], rows)}</div>"


def _groups(breakdowns: Mapping[str, Any]) -> Iterator[str]:
    yield "<h2 id='groups'>Accuracy by length and shape</h2><div class='grid'>"
    yield _group_chart("by length of the label, characters", breakdowns["by_length"])
    yield _group_chart("by width / height of the image", breakdowns["by_aspect_ratio"])
    yield "</div>"


def _group_chart(caption: str, groups: Sequence[Mapping[str, Any]]) -> str:
    count = max(len(groups), 1)
    bars = [
        bar(
            (number + 0.06) / count,
            (number + 0.94) / count,
            group["accuracy"],
            f"{group['name']}: {100 * group['accuracy']:.1f} % of {group['words']:,} words",
        )
        for number, group in enumerate(groups)
    ]
    ticks = [((number + 0.5) / count, group["name"]) for number, group in enumerate(groups)]
    figure = chart(caption, bars, ticks, [(0.5, "50 %"), (1, "100 %")])
    rows = [[escape(g["name"]), f"{g['words']:,}", f"{100 * g['accuracy']:.2f}"] for g in groups]
    return f"<div>{figure}{_as_table(['', 'words', 'accuracy, %'], rows)}</div>"


def reliability_chart(results: Mapping[str, Any]) -> str:
    """The reliability diagram as HTML: of the words of each score, how many are right (Guo et al. 2017, section 2)."""
    breakdowns = results["breakdowns"]
    figures = results["figures"][-1]["protocols"][breakdowns["protocol"]]
    bars = [
        bar(
            b["low"] + 0.005,
            b["high"] - 0.005,
            b["accuracy"],
            f"score {b['low']:.1f} to {b['high']:.1f}: {100 * b['accuracy']:.1f} % of {b['count']:,} words are right",
        )
        for b in breakdowns["reliability"]
        if b["count"]
    ]
    return chart(
        "Reliability: accuracy by score",
        [*bars, polyline([(0, 0), (1, 1)], is_ideal=True)],
        [(tick / 10, f"{tick / 10:g}") for tick in range(0, 11, 2)],
        [(0.5, "50 %"), (1, "100 %")],
        f"ECE {100 * figures['expected_calibration_error']:.2f} %. Bars below the dashed line: overconfident.",
    )


def _confidence(results: Mapping[str, Any]) -> Iterator[str]:
    breakdowns = results["breakdowns"]
    figures = results["figures"][-1]["protocols"][breakdowns["protocol"]]
    rows = [
        [f"{b['low']:.1f}-{b['high']:.1f}", f"{b['count']:,}", f"{b['score']:.3f}", f"{b['accuracy']:.3f}"]
        for b in breakdowns["reliability"]
        if b["count"]
    ]
    yield "<h2 id='confidence'>Confidence</h2><div class='grid'><div>"
    yield reliability_chart(results)
    yield _as_table(["score", "words", "mean score", "accuracy"], rows) + "</div><div>"
    curve = breakdowns["risk_coverage"]
    top = max(0.05, *(risk for _, risk in curve))
    yield chart(
        "Risk and coverage: errors among the most confident words",
        [polyline([(coverage, risk / top) for coverage, risk in curve])],
        [(tick / 100, f"{tick} %") for tick in range(0, 101, 20)],
        [(0.5, f"{50 * top:.0f} %"), (1, f"{100 * top:.0f} %")],
        f"AURC {100 * figures['area_under_risk_coverage']:.2f} %. To the left: fewer words are kept, the most "
        "confident ones.",
    )
    rows = [
        [f"{100 * coverage:.0f} %", f"{100 * risk:.2f} %"] for coverage, risk in curve[:: max(1, len(curve) // 20)]
    ]
    yield _as_table(["kept", "wrong among them"], rows) + "</div></div>"


def _broken(broken: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if broken:
        yield f"<h2 id='broken'>Broken images: {len(broken):,}</h2><p class='soft'>They count as errors.</p>"
        rows = [[escape(b["set"]), escape(b["name"]), f"<code>{escape(b['problem'])}</code>"] for b in broken[:200]]
        yield table(["data", "image", "problem"], rows)


def _method(results: Mapping[str, Any]) -> Iterator[str]:
    yield "<h2 id='method'>How this was measured</h2>"
    rows = [
        [escape(key), f"<code>{escape(_plain(value))}</code>"] for key, value in results["settings"].items() if value
    ]
    rows += [
        [f"protocol {escape(n)}", f"<code>{escape(p['characters'] or protocol_title(n))}</code>"]
        for n, p in results["protocols"].items()
    ]
    rows += [[escape(name), escape(version)] for name, version in results["versions"].items() if version]
    yield table(["", ""], rows)


def _as_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The numbers of a chart, for those who do not see it."""
    return f"<details><summary>as a table</summary>{table(headings, rows)}</details>"


def _named(character: str) -> str:
    return escape(shown(character)) if character else NOTHING


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
