# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What was left out when word boxes were loaded, and why: nothing is dropped silently."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


__all__ = ["KINDS", "ReadReport", "Tally"]

#: What can happen to a word on its way in. Words of a kind in [`KEPT`] are read all the same.
KINDS = {
    "dont_care": "regions marked as illegible or don't care",
    "empty_label": "words without a text",
    "missing_image": "words whose image file is not there",
    "unreadable_image": "words whose image cannot be read",
    "missing_text": "images that no text is given for",
    "degenerate_box": "boxes without an area inside their image",
    "malformed_annotation": "annotations that do not follow the format",
    "irregular_box": "boxes that cross themselves: cut out as the smallest rectangle around them (kept)",
    "other_name": "images found under a name spelled otherwise: other slashes, case, accents, or no suffix (kept)",
    "unseen_characters": "labels with white space around them, or with zero-width or no-break spaces or soft hyphens, "
    "which no image shows (kept as they are)",
    "other_spelling": "labels, of the first thousand, that differ from the lexicon's word: the label was taken (kept)",
}
KEPT = {"irregular_box", "other_name", "unseen_characters", "other_spelling"}
MAX_EXAMPLES = 20


@dataclass
class Tally:
    """How often something happened, and the names of the first cases."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, examples: list[str], count: int):
        """Counts further cases; their names are kept up to the `MAX_EXAMPLES` first."""
        self.count += count
        self.examples += examples[: MAX_EXAMPLES - len(self.examples)]


@dataclass
class ReadReport:
    """Counts of what was read and of what was left out.

    Attributes:
        words: words that were read.
        rows: what the annotations have: lines of a label file, entries of a database, photographs.
        tallies: by kind (a key of `KINDS`) how many, and the first of them by name.

    Example:
        >>> report = ReadReport()
        >>> report.count("empty_label", "word_7.png")
        >>> report.left_out
        1
    """

    words: int = 0
    tallies: dict[str, Tally] = field(default_factory=dict)
    rows: int = 0

    def count(self, kind: str, name: str, times: int = 1):
        """Notes that `kind`, a key of `KINDS`, happened to what is called `name`."""
        if kind not in KINDS:
            raise KeyError(f"{kind!r} is none of {', '.join(KINDS)}")
        self.tallies.setdefault(kind, Tally()).add([name], times)

    def merge(self, other: "ReadReport"):
        """Adds the counts of another report."""
        self.words += other.words
        self.rows += other.rows
        for kind, tally in other.tallies.items():
            self.tallies.setdefault(kind, Tally()).add(tally.examples, tally.count)

    @property
    def left_out(self) -> int:
        """Words and regions that were not read, of all kinds."""
        return sum(tally.count for kind, tally in self.tallies.items() if kind not in KEPT)

    def summary(self) -> str:
        """The report as lines of text: the words, then each kind with its first examples."""
        rows = f"{self.rows:,} rows in the annotations: " if self.rows else ""
        lines = [f"{rows}{self.words:,} words read, {self.left_out:,} left out"]
        for kind in KINDS:
            if tally := self.tallies.get(kind):
                more = ", ..." if tally.count > len(tally.examples[:5]) else ""
                lines.append(f"  {tally.count:,} {KINDS[kind]}: {', '.join(tally.examples[:5])}{more}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; [`from_dict`] reads it back."""
        kinds = {kind: {"count": t.count, "examples": t.examples} for kind, t in self.tallies.items()}
        return {"rows": self.rows, "words": self.words, "left_out": self.left_out, "kinds": kinds}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ReadReport":
        """What [`to_dict`] gave."""
        tallies = {kind: Tally(t["count"], list(t["examples"])) for kind, t in data["kinds"].items()}
        return cls(data["words"], tallies, data.get("rows", 0))
