# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The report on word boxes as lines of text."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from .read_report import KINDS


__all__ = ["charset_in_words", "images_in_words", "report_text"]


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


def charset_in_words(report: Mapping[str, Any]) -> str:
    """Which charset labels are measured against, in words."""
    charset = report["settings"]["charset"]
    return f"of {report['network']['name']}" if charset is None else repr(charset)


def images_in_words(network: Mapping[str, Any]) -> str:
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
    lines.append(f"  {outside['count']:,} words with characters outside the charset {charset_in_words(report)}")
    if outside["count"]:
        lines.append("    " + ", ".join(f"{_named(c)} {n:,}" for c, n in list(outside["characters"].items())[:20]))
        lines += [f"    {word['name']}: {word['text']!r}" for word in outside["examples"][:5]]
    lines.append(f"  {words['suspicious']['count']:,} suspicious labels")
    lines += [
        f"    {word['name']}: {word['text']!r}: {word['reason']}" for word in words["suspicious"]["examples"][:5]
    ]
    lines.append(
        f"  {words['too_long']['count']:,} words too long for their picture with {images_in_words(report['network'])}"
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
    return f"{one} {text!r} = {other} {other_text!r} (similarity {pair['similarity']:.2f})"


def _named(character: str) -> str:
    printable = character.isprintable() and not character.isspace()
    return repr(character) if printable else f"U+{ord(character):04X} {unicodedata.name(character, '')}".strip()
