# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The report on word boxes as text and as one HTML page that needs nothing else."""

import unicodedata
from collections.abc import Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from ..utils.html_page import bar, chart, page, picture, shown, table, tile, tiles
from .read_report import KEPT, KINDS


if TYPE_CHECKING:
    from .statistics import WordSet


__all__ = ["report_page", "report_text"]

PICTURE_HEIGHT = 40
SAMPLES = 60


# ---------------------------------------------------------------------------------------------------------------------
# Text


def report_text(report: Mapping[str, Any]) -> str:
    """The report as lines of text, for a terminal."""
    lines = _set_lines("training words", report["train"], report)
    if "test" in report:
        lines += ["", *_set_lines("test words", report["test"], report)]
    duplicates = report["duplicates"]
    lines += ["", f"{duplicates['words']:,} training words look like an earlier one"]
    lines += [f"  {_pair_line(pair)}" for pair in duplicates["pairs"][:5]]
    lines += [f"{duplicates['conflicts']:,} of these pairs have different texts"]
    lines += [f"  {_pair_line(pair)}" for pair in duplicates["conflict_pairs"][:10]]
    if leaks := report.get("leaks"):
        lines += [f"{leaks['words']:,} test words are in the training set, {leaks['same_text']:,} with the same text"]
        lines += [f"  {count:,} of them in {source}" for source, count in leaks["by_source"].items()]
        lines += [f"  {_pair_line(pair)}" for pair in leaks["pairs"][:10]]
    return "\n".join(lines)


def _charset(report: Mapping[str, Any]) -> str:
    charset = report["settings"]["charset"]
    return f"of {report['network']['name']}" if charset is None else repr(charset)


def _images(network: Mapping[str, Any]) -> str:
    """How the network sees images, in words."""
    widths = network["widths"]
    wide = f"{widths[0]} to {widths[1]} px wide" if len(widths) > 1 else f"stretched to {widths[0]} px"
    return f"{network['name']}, whose images are {network['height']} px high and {wide}"


def _set_lines(title: str, words: Mapping[str, Any], report: Mapping[str, Any]) -> list[str]:
    lines = [f"{title}: {words['words']:,}, {words['different_texts']:,} different texts"]
    lines += [f"  {count:,} from {source}" for source, count in words["sources"].items()]
    for kind, tally in words["read"]["kinds"].items():
        lines.append(f"  {tally['count']:,} {KINDS[kind]}: {', '.join(tally['examples'][:3])}")
    for name in ("width", "height", "aspect_ratio", "label_length"):
        quantiles = words[name]["quantiles"]
        if quantiles:
            shown = ", ".join(f"{point}%: {quantiles[point]:g}" for point in ("0", "5", "50", "95", "100"))
            lines.append(f"  {name.replace('_', ' ')}: {shown}")
    characters = words["characters"]
    lines.append(f"  {len(characters)} characters, by frequency: {''.join(characters)[:150]}")
    outside = words["outside_charset"]
    lines.append(f"  {outside['count']:,} words with characters outside the charset {_charset(report)}")
    if outside["count"]:
        lines.append("    " + ", ".join(f"{_named(c)} {n:,}" for c, n in list(outside["characters"].items())[:20]))
        lines += [f"    {word['name']}: {word['text']!r}" for word in outside["examples"][:5]]
    lines.append(f"  {words['suspicious']['count']:,} suspicious labels")
    lines += [
        f"    {word['name']}: {word['text']!r}: {word['reason']}" for word in words["suspicious"]["examples"][:5]
    ]
    lines.append(
        f"  {words['too_long']['count']:,} words too long for their picture with {_images(report['network'])}"
    )
    lines += [
        f"    {word['name']}: {word['text']!r} needs {word['needs']} frames and has {word['frames']}"
        for word in words["too_long"]["examples"][:5]
    ]
    lines.append(f"  {words['unreadable']['count']:,} images that cannot be read")
    lines += [f"    {word['name']}: {word['reason']}" for word in words["unreadable"]["examples"][:5]]
    return lines


def _pair_line(pair: Mapping[str, Any]) -> str:
    (one, other), (text, other_text) = pair["names"], pair["texts"]
    return f"{one} {text!r} = {other} {other_text!r} (likeness {pair['likeness']:.2f})"


def _named(character: str) -> str:
    printable = character.isprintable() and not character.isspace()
    return repr(character) if printable else f"U+{ord(character):04X} {unicodedata.name(character, '')}".strip()


# ---------------------------------------------------------------------------------------------------------------------
# HTML


def report_page(report: Mapping[str, Any], train: "WordSet", test: "WordSet | None" = None) -> str:
    """One HTML page with tiles, histograms, tables and pictures of words; pictures are part of it."""
    settings = report["settings"]
    parts = [
        "<h1>Word boxes before training</h1>",
        f"<p class='soft'>{escape(', '.join(settings['sources']))}"
        + (f" &middot; against {escape(', '.join(settings['against']))}" if settings["against"] else "")
        + f" &middot; for {escape(_images(report['network']))} &middot; charset "
        f"<code>{escape(_charset(report))}</code></p>",
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
        _tile(train["read"]["left_out"], "left out by the reader", "train-left", not train["read"]["left_out"]),
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
    title: str, anchor: str, data: Mapping[str, Any], words: "WordSet", network: Mapping[str, Any]
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
        "<p class='soft'>A label needs a frame for each character and one more between equal neighbours. The frames "
        f"are those of {escape(_images(network))}.</p>",
        _word_table(too_long, words, (("needs", "needs"), ("frames", "frames"))),
    ]


def _samples(words: "WordSet") -> str:
    readable = np.flatnonzero(words.sizes[:, 0] > 0)
    places = np.sort(np.random.default_rng(0).permutation(readable)[:SAMPLES])
    shown = (
        f"<div class='word'>{_picture(words, p)}<div>{escape(words.texts[p])}</div></div>" for p in places.tolist()
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
    title = f"<h3 id='{anchor}-left'>Left out by the reader: {read['left_out']:,}{kept}</h3>"
    return title + (table(("what", "count", "first of them"), rows) if rows else "")


def _word_table(listed: Mapping[str, Any], words: "WordSet", columns: tuple[tuple[str, str], ...]) -> str:
    rows = (
        (
            _picture(words, word["place"]),
            f"<code>{escape(word['text'])}</code>",
            *(escape(str(word[key])) for _, key in columns),
            f"<code>{escape(word['name'])}</code>",
        )
        for word in listed["examples"]
    )
    headings = ("picture", "text", *(title for title, _ in columns), "name")
    return table(headings, rows) + _rest(listed["count"], len(listed["examples"])) if listed["count"] else ""


def _duplicates(duplicates: Mapping[str, Any], words: "WordSet") -> str:
    parts = [
        f"<h2 id='duplicates'>Repeated pictures: {duplicates['words']:,}</h2>",
        "<p class='soft'>Pictures that are alike but for scale, compression and brightness.</p>",
        f"<h3>Labelled differently: {duplicates['conflicts']:,}</h3>",
        _pair_table(duplicates["conflict_pairs"], words, words),
        _rest(duplicates["conflicts"], len(duplicates["conflict_pairs"])),
        "<h3>All</h3>",
        _pair_table(duplicates["pairs"], words, words),
        _rest(duplicates["words"], len(duplicates["pairs"])),
    ]
    return "".join(parts)


def _leaks(leaks: Mapping[str, Any], train: "WordSet", test: "WordSet") -> str:
    sources = table(("training source", "test words"), ((escape(s), f"{n:,}") for s, n in leaks["by_source"].items()))
    return (
        f"<h2 id='leaks'>Test words in the training set: {leaks['words']:,}</h2>"
        f"<p>{leaks['same_text']:,} of them have the same text there.</p>{sources if leaks['by_source'] else ''}"
        + _pair_table(leaks["pairs"], train, test)
        + _rest(leaks["words"], len(leaks["pairs"]))
    )


def _pair_table(pairs: Iterable[Mapping[str, Any]], one: "WordSet", other: "WordSet") -> str:
    rows = [
        (
            _picture(one, pair["places"][0]),
            f"<code>{escape(pair['texts'][0])}</code><br><span class='soft'>{escape(pair['names'][0])}</span>",
            _picture(other, pair["places"][1]),
            f"<code>{escape(pair['texts'][1])}</code><br><span class='soft'>{escape(pair['names'][1])}</span>",
            f"{pair['likeness']:.2f}",
        )
        for pair in pairs
    ]
    return table(("one", "", "other", "", "likeness"), rows) if rows else ""


def _rest(count: int, shown: int) -> str:
    return f"<p class='soft'>and {count - shown:,} more</p>" if count > shown else ""


def _picture(words: "WordSet", place: int) -> str:
    """A small picture of a word."""
    return picture(words.rows([place])[0]["image"], PICTURE_HEIGHT)
