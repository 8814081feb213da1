# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Looks at word boxes before anybody trains on them: what is in them, and what is wrong with them."""

import json
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

import hf_str

from ..models.crnn.configuration_crnn import CRNNConfig
from ..models.crnn.image_loading_crnn import UnreadableImageError, load_word_image
from ..models.crnn.image_processing_pil_crnn import CRNNImageProcessorPil
from ..models.crnn.tokenization_crnn import CRNNTokenizer
from ..utils.atomic_writes import finite_or_null
from .frames import frames_needed, seen_size
from .loading import load_word_boxes
from .near_duplicates import likeness, near_pairs, perceptual_hash, thumbnail
from .read_report import ReadReport


if TYPE_CHECKING:
    import datasets


__all__ = [
    "Network",
    "ReportSettings",
    "WordSet",
    "describe",
    "find_duplicates",
    "find_leaks",
    "open_network",
    "report_word_boxes",
]

MAX_LISTED = 60
#: Correlation from which two pictures are the same: less where they have the same text.
LIKE_ENOUGH, LIKE_ENOUGH_WITH_SAME_TEXT = 0.93, 0.86
#: Levels of 255, by which the mean of a colour may differ.
MOST_TONE_DIFFERENCE = 24
MAX_CHECKED_PAIRS = 200_000
_CHUNK = 2000


@dataclass(frozen=True)
class ReportSettings:
    """What to report on, and for which model.

    Args:
        sources: the training set: what [`load_word_boxes`] takes, all together.
        against: test sets, whose words should not be in the sources.
        format: the layout of all of them; found out for each if unset.
        split: of the sources.
        test_split: of the test sets.
        model: the checkpoint that training starts from, a folder or a repository on the Hub; by default the one that
            comes with hf_str.
        config_overrides: fields of [`CRNNConfig`], for a new network where no `model` is given.
        charset: what it is to read, see `resolve_charset`; by default what the model reads.
        image_width: pixels, as the run scripts take it; by default the model's.
        keep_aspect_ratio: keep the shape of words, or stretch them to `image_width`; by default as the model does.
        image_height: pixels; by default, and in training, the model's.
        sample: look at so many words of the sources only, drawn at random.
        num_proc: processes that measure images.
    """

    sources: tuple[str, ...]
    against: tuple[str, ...] = ()
    format: str | None = None
    split: str | None = None
    test_split: str | None = None
    charset: str | None = None
    image_height: int | None = None
    image_width: int | None = None
    sample: int | None = None
    num_proc: int = 1
    model: str | None = None
    config_overrides: Mapping[str, Any] | None = None
    keep_aspect_ratio: bool | None = None


@dataclass(frozen=True)
class Network:
    """What decides which labels can be learned: the charset, how large images are seen, and the frames they give."""

    name: str
    tokenizer: CRNNTokenizer
    image_processor: CRNNImageProcessorPil
    config: CRNNConfig

    def needs(self, text: str) -> int:
        """Frames that CTC needs for a label, without the characters outside the charset."""
        return frames_needed(self.tokenizer(text).input_ids)

    def frames(self, width: int, height: int) -> int:
        """Frames that an image of this size gives, as the image processor resizes it."""
        return int(self.config.num_frames(seen_size(self.image_processor, height, width)[1]))

    def to_dict(self) -> dict[str, Any]:
        processor = self.image_processor
        height, width = processor.size["height"], processor.size["width"]
        widths = [processor.min_width or 1, processor.max_width or width] if processor.keep_aspect_ratio else [width]
        return {"name": self.name, "characters": len(self.tokenizer.characters), "height": height, "widths": widths}


@dataclass
class WordSet:
    """Words and what was measured of them.

    Attributes:
        tables: `datasets.Dataset`s, counted through.
        read: what their readers left out.
        chosen: int64, (words,), the indices that are looked at.
        texts: their labels.
        sizes: int32, (words, 2), width and height in pixels; 0 where the image cannot be read.
        hashes: uint64, (words,).
        unreadable: index in this set -> why its image cannot be read.
    """

    tables: list["datasets.Dataset"]
    read: ReadReport
    chosen: np.ndarray
    texts: list[str] = field(default_factory=list)
    sizes: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.int32))
    hashes: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint64))
    unreadable: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.chosen)

    def rows(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """Rows of the tables at some places of this set, in their order."""
        ends = np.cumsum([len(table) for table in self.tables])
        indices = self.chosen[np.asarray(places, np.int64)]
        owners = np.searchsorted(ends, indices, side="right")
        rows: list[dict[str, Any]] = [{}] * len(indices)
        for owner in np.unique(owners):
            where = np.flatnonzero(owners == owner)
            table = self.tables[owner]
            found = table[(indices[where] - (ends[owner] - len(table))).tolist()]
            for position, values in zip(where.tolist(), zip(*found.values(), strict=True), strict=True):
                rows[position] = dict(zip(found, values, strict=True))
        return rows

    def name(self, place: int) -> str:
        """How the report calls a word: its source and its file."""
        row = self.rows([place])[0]
        path = (row["image"] or {}).get("path") or f"[{self.chosen[place]}]"
        return f"{row['source']}/{Path(path).name}"


def open_network(settings: ReportSettings, checkpoint: str | None = None) -> Network:
    """The network that will be trained, as the run scripts make it of the same options; without its weights.

    Args:
        settings: of the report.
        checkpoint: where `settings.model` lies, if that is elsewhere: converted, for example.

    Raises:
        OSError: there is no such checkpoint.
        ValueError: there is no such charset.
    """
    if settings.model is None and settings.config_overrides is not None:
        tokenizer = CRNNTokenizer(settings.charset or "94")
        config = CRNNConfig(**{**settings.config_overrides, "vocab_size": len(tokenizer)})
        image_processor = CRNNImageProcessorPil(size={"height": config.image_height, "width": 128})
        name = "a new network"
    else:
        name = settings.model or hf_str.DEFAULT_CHECKPOINT
        path = checkpoint or name
        config, image_processor = CRNNConfig.from_pretrained(path), CRNNImageProcessorPil.from_pretrained(path)
        own = CRNNTokenizer.from_pretrained(path)
        tokenizer = own if settings.charset is None else CRNNTokenizer(settings.charset)
        name = name if settings.model else Path(name).name
    tokenizer.unknown_characters = "remove"
    height, width = image_processor.size["height"], image_processor.size["width"]
    image_processor.size = {"height": settings.image_height or height, "width": settings.image_width or width}
    if settings.keep_aspect_ratio is not None:
        image_processor.keep_aspect_ratio = settings.keep_aspect_ratio
    # rebuilt, so that what was set is checked and typed as anything that is loaded
    return Network(name, tokenizer, CRNNImageProcessorPil.from_dict(image_processor.to_dict()), config)


def report_word_boxes(settings: ReportSettings, folder: Path, checkpoint: str | None = None) -> str:
    """Measures word boxes and writes `report.txt`, `report.json` and `report.html`.

    Args:
        settings: what to report on.
        folder: where the three files go; it is made.
        checkpoint: where `settings.model` lies, if that is elsewhere: see [`open_network`].

    Returns:
        The report as text.
    """
    from .report_page import report_page, report_text

    network = open_network(settings, checkpoint)
    train = _measured(settings.sources, settings, settings.split, settings.sample, "training words")
    test = _measured(settings.against, settings, settings.test_split, None, "test words") if settings.against else None
    report: dict[str, Any] = {"settings": asdict(settings), "network": network.to_dict()}
    report["train"] = describe(train, network)
    report["duplicates"] = find_duplicates(train)
    if test is not None:
        report["test"] = describe(test, network)
        report["leaks"] = find_leaks(train, test)
    folder.mkdir(parents=True, exist_ok=True)
    text = report_text(report)
    (folder / "report.txt").write_text(text + "\n", encoding="utf-8")
    text_of_report = json.dumps(finite_or_null(report), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "report.json").write_text(text_of_report + "\n", encoding="utf-8")
    (folder / "report.html").write_text(report_page(report, train, test), encoding="utf-8")
    return f"{text}\n\nWritten: {folder}/report.html, report.json, report.txt"


# ---------------------------------------------------------------------------------------------------------------------
# Measuring


def _measured(
    sources: Sequence[str], settings: ReportSettings, split: str | None, sample: int | None, title: str
) -> WordSet:
    read = ReadReport()
    tables = [
        _with_source(load_word_boxes(source, format=settings.format, split=split, report=read), Path(source).name)
        for source in sources
    ]
    total = sum(len(table) for table in tables)
    chosen = np.arange(total)
    if sample is not None and sample < total:
        chosen = np.sort(np.random.default_rng(0).choice(total, sample, replace=False))
    words = WordSet(tables, read, chosen)
    words.sizes, words.hashes = np.zeros((len(chosen), 2), np.int32), np.zeros(len(chosen), np.uint64)
    chunks = [range(start, min(start + _CHUNK, len(chosen))) for start in range(0, len(chosen), _CHUNK)]
    with tqdm(total=len(chosen), unit="image", desc=title) as progress:
        for places, texts, sizes, hashes, unreadable in _measure_all(words, chunks, settings.num_proc):
            words.texts += texts
            words.sizes[places], words.hashes[places] = sizes, hashes
            words.unreadable |= unreadable
            progress.update(len(places))
    return words


def _with_source(table: "datasets.Dataset", name: str) -> "datasets.Dataset":
    return table if "source" in table.column_names else table.add_column("source", [name] * len(table))


def _measure_all(words: WordSet, chunks: list[range], num_proc: int) -> Iterator[tuple]:
    if num_proc == 1:
        yield from (_measure(words, places) for places in chunks)
        return
    with get_context("spawn").Pool(num_proc, _start_worker, (words,)) as pool:
        yield from pool.imap(_measure_in_worker, chunks)


def _start_worker(words: WordSet):
    global WORDS  # a pool has no other place for what its processes keep
    WORDS = words


def _measure_in_worker(places: range) -> tuple:
    return _measure(WORDS, places)


def _measure(words: WordSet, places: range) -> tuple:
    rows = words.rows(places)
    sizes, hashes = np.zeros((len(rows), 2), np.int32), np.zeros(len(rows), np.uint64)
    unreadable = {}
    for index, row in enumerate(rows):
        try:
            image = load_word_image(row["image"])
        except (UnreadableImageError, TypeError) as error:
            unreadable[places[index]] = str(error)
            continue
        sizes[index] = image.size
        hashes[index] = perceptual_hash(thumbnail(image))
    return places, [row["text"] for row in rows], sizes, hashes, unreadable


# ---------------------------------------------------------------------------------------------------------------------
# Describing


def describe(words: WordSet, network: Network) -> dict[str, Any]:
    """Everything that can be said of one set, as plain data."""
    readable = words.sizes[:, 0] > 0
    widths, heights = words.sizes[readable].T if len(words) else np.zeros((2, 0), np.int32)
    lengths = np.array([len(text) for text in words.texts], np.int64)
    return {
        "words": len(words),
        "read": words.read.to_dict(),
        "sources": dict(_sources(words)),
        "different_texts": len(set(words.texts)),
        "unreadable": _listed(words, list(words.unreadable), lambda place: {"reason": words.unreadable[place]}),
        "width": _distribution(widths),
        "height": _distribution(heights),
        "aspect_ratio": _distribution(widths / np.maximum(heights, 1)),
        "label_length": _distribution(lengths, whole=True),
        "characters": dict(Counter("".join(words.texts)).most_common()),
        "suspicious": _suspicious(words),
        **_learnable(words, network),
    }


def _sources(words: WordSet) -> list[tuple[str, int]]:
    names = np.concatenate([table.select_columns("source")[:]["source"] for table in words.tables])
    return Counter(names[words.chosen].tolist()).most_common()


def _distribution(values: np.ndarray, whole: bool = False) -> dict[str, Any]:
    """Quantiles and a histogram, whose last bin takes all that is beyond the 99th percentile."""
    if len(values) == 0:
        return {"quantiles": {}, "bins": []}
    points = (0, 1, 5, 25, 50, 75, 95, 99, 100)
    quantiles = {str(point): round(float(np.percentile(values, point)), 3) for point in points}
    low, high = float(values.min()), float(np.percentile(values, 99))
    if whole or (values.dtype.kind == "i" and high - low < 30):
        edges = np.arange(math.floor(low), min(math.ceil(high), math.floor(low) + 60) + 2)
    else:
        edges = np.linspace(low, max(high, low + 1e-6), 31)
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    bins = [[round(float(edge), 3), int(count)] for edge, count in zip(edges[:-1], counts, strict=True)]
    return {"quantiles": quantiles, "mean": round(float(values.mean()), 3), "bins": bins, "end": float(edges[-1])}


def _suspicious(words: WordSet) -> dict[str, Any]:
    """Labels that were damaged on their way here, or have characters that nobody sees."""
    reasons = {text: reason for text in set(words.texts) if (reason := _what_is_odd(text))}
    places = [place for place, text in enumerate(words.texts) if text in reasons]
    return _listed(words, places, lambda place: {"reason": reasons[words.texts[place]]})


def _what_is_odd(text: str) -> str:
    """Why a label is suspicious, or an empty string.

    Example:
        >>> _what_is_odd(" word"), _what_is_odd("word")
        ('white space around it', '')
    """
    if "\ufffd" in text or "ï¿½" in text:
        return "a character was lost: the label file is not UTF-8, or was not"
    with suppress(UnicodeError):
        if not text.isascii() and (was := text.encode("latin-1").decode("utf-8")) != text:
            return f"UTF-8 that was read as Latin-1: it may have been {was!r}"
    if text != text.strip():
        return "white space around it"
    hidden = [character for character in text if unicodedata.category(character) in ("Cc", "Cf", "Co", "Cn")]
    return f"it has U+{ord(hidden[0]):04X}, which nobody sees" if hidden else ""


def _learnable(words: WordSet, network: Network) -> dict[str, Any]:
    """Labels with characters outside the charset, and others that are too long for CTC: each needs a frame a
    character, and one more between neighbours that are equal ("book" needs 5)."""
    unknown = {text: network.tokenizer.unknown_in(text) for text in set(words.texts)}
    needed = {text: network.needs(text) for text, found in unknown.items() if not found}
    known_frames = {size: network.frames(*size) for size in set(map(tuple, words.sizes.tolist())) if size[0]}
    frames = [known_frames.get(tuple(size), math.inf) for size in words.sizes.tolist()]
    outside = [place for place, text in enumerate(words.texts) if unknown[text]]
    too_long = [place for place, text in enumerate(words.texts) if needed.get(text, 0) > frames[place]]
    characters = Counter(character for place in outside for character in unknown[words.texts[place]])
    return {
        "outside_charset": {
            **_listed(words, outside, lambda place: {"characters": "".join(unknown[words.texts[place]])}),
            "characters": dict(characters.most_common()),
        },
        "too_long": _listed(
            words, too_long, lambda place: {"needs": needed[words.texts[place]], "frames": int(frames[place])}
        ),
    }


def _listed(words: WordSet, places: list[int], more: Any) -> dict[str, Any]:
    """How many, and the first of them by name."""
    examples = [
        {"place": place, "name": words.name(place), "text": words.texts[place], **more(place)}
        for place in places[:MAX_LISTED]
    ]
    return {"count": len(places), "examples": examples}


# ---------------------------------------------------------------------------------------------------------------------
# Duplicates


def find_duplicates(words: WordSet) -> dict[str, Any]:
    """Pictures that are in a set more than once, and those of them that are labelled differently.

    Returns:
        `words`: how many words look like an earlier one; `pairs`: the first of them; `conflicts`: the pairs whose
        texts differ in more than case. A conflict is a wrong label, or two words that look alike.
    """
    pairs = _alike(words, words, near_pairs(_distinct(words)))
    conflicts = [pair for pair in pairs if not _same_text(words.texts[pair[0]], words.texts[pair[1]])]
    return {
        "words": len({second for _, second, _ in pairs}),
        "pairs": [_pair(words, words, pair) for pair in pairs[:MAX_LISTED]],
        "conflicts": len(conflicts),
        "conflict_pairs": [_pair(words, words, pair) for pair in conflicts[:MAX_LISTED]],
    }


def find_leaks(train: WordSet, test: WordSet) -> dict[str, Any]:
    """Test words whose picture is in the training set.

    Returns:
        `words`: how many test words; `same_text`: how many of those are labelled alike; `by_source`: training source
        -> test words; `pairs`: the first of them.
    """
    pairs = _alike(train, test, near_pairs(_distinct(train), _distinct(test)))
    by_test = {second: (first, second, alike) for first, second, alike in sorted(pairs, key=lambda pair: pair[2])}
    best = sorted(by_test.values(), key=lambda pair: -pair[2])
    same = sum(_same_text(train.texts[first], test.texts[second]) for first, second, _ in best)
    sources = Counter(train.name(first).partition("/")[0] for first, _, _ in best)
    listed = [_pair(train, test, pair) for pair in best[:MAX_LISTED]]
    return {"words": len(best), "same_text": same, "by_source": dict(sources.most_common()), "pairs": listed}


def _distinct(words: WordSet) -> np.ndarray:
    """The hashes; pictures that cannot be read get random ones, so that they are like nothing."""
    hashes = words.hashes.copy()
    blank = words.sizes[:, 0] == 0
    hashes[blank] = np.random.default_rng(len(words)).integers(0, 2**64, int(blank.sum()), np.uint64)
    return hashes


def _alike(one: WordSet, other: WordSet, pairs: np.ndarray) -> list[tuple[int, int, float]]:
    """The pairs whose pictures are really alike: a hash of 64 bits is near that of other words, too."""
    found = []
    looks: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}
    for first, second in pairs[:MAX_CHECKED_PAIRS].tolist():
        (small, tone), (other_small, other_tone) = _look(one, first, looks), _look(other, second, looks)
        is_same = _same_text(one.texts[first], other.texts[second])
        alike = likeness(small, other_small)
        # a logo's word in another colour is another picture, though it has the same shapes
        if alike >= (LIKE_ENOUGH_WITH_SAME_TEXT if is_same else LIKE_ENOUGH) and _tones_agree(tone, other_tone):
            found.append((first, second, round(alike, 3)))
    return found


def _look(words: WordSet, place: int, looks: dict) -> tuple[np.ndarray, np.ndarray]:
    """Thumbnail and mean colour, (3,) or of a grey picture (1,)."""
    key = id(words), place
    if key not in looks:
        if len(looks) > 20_000:
            looks.clear()
        image = load_word_image(words.rows([place])[0]["image"])
        looks[key] = thumbnail(image), np.asarray(image, np.float32).reshape(-1, len(image.getbands())).mean(0)
    return looks[key]


def _tones_agree(tone: np.ndarray, other: np.ndarray) -> bool:
    if len(tone) != len(other):  # one is grey
        tone, other = (t if len(t) == 1 else t @ np.float32([[0.299], [0.587], [0.114]]) for t in (tone, other))
    return float(np.abs(tone - other).max()) <= MOST_TONE_DIFFERENCE


def _same_text(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _pair(one: WordSet, other: WordSet, pair: tuple[int, int, float]) -> dict[str, Any]:
    first, second, alike = pair
    return {
        "places": [first, second],
        "names": [one.name(first), other.name(second)],
        "texts": [one.texts[first], other.texts[second]],
        "likeness": alike,
    }
