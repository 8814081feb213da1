# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The report on word boxes as one HTML page that needs nothing else."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import numpy as np

from ..utils.html_page import bar, chart, page, picture, shown, table, tile, tiles
from .read_report import KEPT, KINDS
from .report_text import charset_in_words, images_in_words
from .word_set import WordSet


__all__ = ["report_page"]

PICTURE_HEIGHT = 40
SAMPLES = 60


def report_page(report: Mapping[str, Any], train: WordSet, test: WordSet | None = None) -> str:
    """One HTML page with tiles, histograms, tables and pictures of words; pictures are part of it."""
    settings = report["settings"]
    parts = [
        "<h1>Word boxes before training</h1>",
        f"<p class='soft'>{escape(', '.join(settings['sources']))}"
        + (f" &middot; against {escape(', '.join(settings['against']))}" if settings["against"] else "")
        + f" &middot; for {escape(images_in_words(report['network']))} &middot; charset "
        f"<code>{escape(charset_in_words(report))}</code></p>",
        _tiles(report),
        *_set_sections("Training words", "train", report["train"], train, report["network"]),
        _duplicates(report["duplicates"], train),
    ]
    if test is not None:
        parts.append(_leaks(report["leaks"], train, test))
        parts += _set_sections("Test words", "test", report["test"], test, report["network"])
    return page("Word boxes", parts)


def _tiles(report: Mapping[str, Any]) -> str:
    train, leaks = report["train"], report.get("leaks")
    found = [
        _tile(train["words"], "training words", "train", None),
        _tile(train["read"]["left_out"], "left out when loading", "train-left", not train["read"]["left_out"]),
        _tile(train["unreadable"]["count"], "unreadable images", "train-unreadable", not train["unreadable"]["count"]),
        _tile(
            train["outside_charset"]["count"],
            "outside the charset",
            "train-outside",
            not train["outside_charset"]["count"],
        ),
        _tile(train["suspicious"]["count"], "suspicious labels", "train-odd", not train["suspicious"]["count"]),
        _tile(train["too_long"]["count"], "too long for CTC", "train-long", not train["too_long"]["count"]),
        _tile(report["duplicates"]["words"], "repeated pictures", "duplicates", not report["duplicates"]["words"]),
        _tile(
            report["duplicates"]["conflicts"],
            "repeated with another text",
            "duplicates",
            not report["duplicates"]["conflicts"],
        ),
    ]
    if leaks is not None:
        found.append(_tile(leaks["words"], "test words in training", "leaks", not leaks["words"]))
    return tiles(found)


def _tile(number: int, title: str, target: str, good: bool | None) -> str:
    return tile(f"{number:,}", title, target, good)


def _set_sections(
    title: str, anchor: str, data: Mapping[str, Any], words: WordSet, network: Mapping[str, Any]
) -> list[str]:
    outside, too_long = data["outside_charset"], data["too_long"]
    return [
        f"<h2 id='{anchor}'>{title}</h2>",
        f"<p>{data['words']:,} words, {data['different_texts']:,} different texts.</p>",
        table(("source", "words"), ((escape(name), f"{count:,}") for name, count in data["sources"].items())),
        _samples(words),
        "<h3>Sizes and lengths</h3><div class='grid'>",
        _histogram(data["width"], "width, pixels"),
        _histogram(data["height"], "height, pixels"),
        _histogram(data["aspect_ratio"], "width / height"),
        _histogram(data["label_length"], "label length, characters"),
        "</div>",
        _characters(data["characters"], outside["characters"]),
        _left_out(data["read"], anchor),
        f"<h3 id='{anchor}-unreadable'>Unreadable images: {data['unreadable']['count']:,}</h3>",
        _word_table(data["unreadable"], words, (("why", "reason"),)),
        f"<h3 id='{anchor}-outside'>Labels outside the charset: {outside['count']:,}</h3>",
        _word_table(outside, words, (("characters", "characters"),)),
        f"<h3 id='{anchor}-odd'>Suspicious labels: {data['suspicious']['count']:,}</h3>",
        _word_table(data["suspicious"], words, (("why", "reason"),)),
        f"<h3 id='{anchor}-long'>Labels too long for CTC: {too_long['count']:,}</h3>"
        "<p class='soft'>A label needs a frame for each character and one more between equal neighbors. The frames "
        f"are those of {escape(images_in_words(network))}.</p>",
        _word_table(too_long, words, (("needs", "needs"), ("frames", "frames"))),
    ]


def _samples(words: WordSet) -> str:
    readable = np.flatnonzero(words.sizes[:, 0] > 0)
    indices = np.sort(np.random.default_rng(0).permutation(readable)[:SAMPLES])
    shown = (
        f"<div class='word'>{_picture(words, n)}<div>{escape(words.texts[n])}</div></div>" for n in indices.tolist()
    )
    return f"<h3>Drawn at random</h3><div class='words'>{''.join(shown)}</div>"


def _histogram(distribution: Mapping[str, Any], title: str) -> str:
    bins = distribution["bins"]
    if not bins:
        return ""
    highest, step = max(count for _, count in bins) or 1, 1 / len(bins)
    ends = [edge for edge, _ in bins[1:]] + [distribution["end"]]
    bars = [
        bar(step * number, step * (number + 0.9), count / highest, f"{edge:g} to {end:g}: {count:,}")
        for number, ((edge, count), end) in enumerate(zip(bins, ends, strict=True))
    ]
    ticks = [(0, f"{bins[0][0]:.3g}"), (0.5, f"{bins[len(bins) // 2][0]:.3g}"), (1, f"{ends[-1]:.3g}")]
    quantiles = distribution["quantiles"]
    note = f"least {quantiles['0']:g}, median {quantiles['50']:g}, 95% {quantiles['95']:g}, most {quantiles['100']:g}"
    return chart(title, bars, ticks, [(1, f"{highest:,}")], note)


def _characters(counts: Mapping[str, int], outside: Mapping[str, int]) -> str:
    def chip(character: str, count: int) -> str:
        bad = " bad" if character in outside else ""
        return f"<span class='char{bad}'>{escape(shown(character))} <small>{count:,}</small></span>"

    chips = [chip(character, count) for character, count in counts.items()]
    rest = (
        f"<details><summary>{len(chips) - 120} more</summary><div class='chars'>{''.join(chips[120:])}</div></details>"
    )
    return (
        f"<h3>{len(counts)} characters</h3><p class='soft'>By frequency; framed: outside the charset.</p>"
        f"<div class='chars'>{''.join(chips[:120])}</div>{rest if len(chips) > 120 else ''}"
    )


def _left_out(read: Mapping[str, Any], anchor: str) -> str:
    rows = [
        (escape(KINDS[kind]), f"{tally['count']:,}", f"<code>{escape(', '.join(tally['examples'][:6]))}</code>")
        for kind, tally in read["kinds"].items()
    ]
    kept = " (some of these are kept)" if KEPT & set(read["kinds"]) else ""
    title = f"<h3 id='{anchor}-left'>Left out when loading: {read['left_out']:,}{kept}</h3>"
    return title + (table(("what", "count", "first of them"), rows) if rows else "")


def _word_table(listed: Mapping[str, Any], words: WordSet, columns: tuple[tuple[str, str], ...]) -> str:
    rows = (
        (
            _picture(words, word["index"]),
            f"<code>{escape(word['text'])}</code>",
            *(escape(str(word[key])) for _, key in columns),
            f"<code>{escape(word['name'])}</code>",
        )
        for word in listed["examples"]
    )
    headings = ("picture", "text", *(title for title, _ in columns), "name")
    return table(headings, rows) + _rest(listed["count"], len(listed["examples"])) if listed["count"] else ""


def _duplicates(duplicates: Mapping[str, Any], words: WordSet) -> str:
    parts = [
        f"<h2 id='duplicates'>Repeated pictures: {duplicates['words']:,}</h2>",
        "<p class='soft'>Pictures that are alike but for scale, compression and brightness.</p>",
        f"<h3>Labeled differently: {duplicates['conflicts']:,}</h3>",
        _pair_table(duplicates["conflict_pairs"], words, words),
        _rest(duplicates["conflicts"], len(duplicates["conflict_pairs"])),
        "<h3>All</h3>",
        _pair_table(duplicates["pairs"], words, words),
        _rest(duplicates["words"], len(duplicates["pairs"])),
    ]
    return "".join(parts)


def _leaks(leaks: Mapping[str, Any], train: WordSet, test: WordSet) -> str:
    sources = table(("training source", "test words"), ((escape(s), f"{n:,}") for s, n in leaks["by_source"].items()))
    return (
        f"<h2 id='leaks'>Test words in the training set: {leaks['words']:,}</h2>"
        f"<p>{leaks['same_text']:,} of them have the same text there.</p>{sources if leaks['by_source'] else ''}"
        + _pair_table(leaks["pairs"], train, test)
        + _rest(leaks["words"], len(leaks["pairs"]))
    )


def _pair_table(pairs: Iterable[Mapping[str, Any]], one: WordSet, other: WordSet) -> str:
    rows = [
        (
            _picture(one, pair["indices"][0]),
            f"<code>{escape(pair['texts'][0])}</code><br><span class='soft'>{escape(pair['names'][0])}</span>",
            _picture(other, pair["indices"][1]),
            f"<code>{escape(pair['texts'][1])}</code><br><span class='soft'>{escape(pair['names'][1])}</span>",
            f"{pair['similarity']:.2f}",
        )
        for pair in pairs
    ]
    return table(("one", "", "other", "", "similarity"), rows) if rows else ""


def _rest(count: int, shown: int) -> str:
    return f"<p class='soft'>and {count - shown:,} more</p>" if count > shown else ""


def _picture(words: WordSet, index: int) -> str:
    """A small picture of a word."""
    return picture(words.rows([index])[0]["image"], PICTURE_HEIGHT)
