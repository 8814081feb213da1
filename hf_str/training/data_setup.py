# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""From arguments to the samples of a run: sources, what is held out to validate on, batches."""

import os
import zlib
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader
from transformers.utils import logging

from ..models.crnn.text_crnn import normalize_text
from .arguments import DataArguments, SynthesisArguments, name_validation_sets
from .checkpointing import changed_settings, label_fingerprints
from .collator import WordCollator
from .invalid_samples import InvalidSamples, check_samples
from .sampling import WordBatchSampler
from .sources import RenderedSamples, SampleSource, StoredSamples, StreamedSamples, TrainingSamples, parse_weights


__all__ = [
    "describe_data",
    "held_out_rows",
    "labels_by_source",
    "load_training_samples",
    "load_validation_sets",
    "make_loader",
    "record_settings",
    "summarize_source",
]

logger = logging.get_logger(__name__)

#: Options of training data.
_OPTIONS = ("dataset", "pseudo_labeled_dataset", "extra_crops_dataset")
_NOT_OF_STREAMS = (
    "--streaming cannot hold out samples: leave out --extra_crops_dataset and --validation_split_percentage, and name "
    "an --eval_dataset"
)


def load_training_samples(
    data: DataArguments,
    synthesis: SynthesisArguments,
    collator: WordCollator,
    seed: int = 0,
    validation: Mapping[str, Any] | None = None,
) -> TrainingSamples:
    """The mixture of all sources; samples that cannot be trained on are named, where that can be known before.

    Args:
        data: which sources, and what is held out.
        synthesis: how the source `synth` renders.
        collator: prepares the samples.
        seed: of all chance.
        validation: the validation sets: extra crops that have a text of theirs are left out.

    Raises:
        ValueError: nothing to train on, wrong weights, or samples that cannot be trained on with `--bad_labels error`.
    """
    named = [(option, *source) for option in _OPTIONS for source in parse_weights(getattr(data, option))]
    validation_texts = _texts_of(validation or {}) if data.extra_crops_dataset else set()
    sources = []
    for number, (option, name, _) in enumerate(named):
        source_seed = seed * 1000 + number
        if name == "synth" and option != "dataset":
            raise ValueError(f"--{option} takes stored samples, not synth")
        if name == "synth":
            sources.append(_rendered_samples(synthesis, collator, source_seed))
        elif data.streaming:
            if option == "extra_crops_dataset" or data.validation_split_percentage:
                raise ValueError(_NOT_OF_STREAMS)
            sources.append(_streamed_samples(name, data, source_seed))
        else:
            texts = validation_texts if option == "extra_crops_dataset" else ()
            percentage = data.validation_split_percentage if option == "dataset" else 0
            sources.append(_stored_samples(name, data, collator, source_seed, percentage, texts))
    weights = [weight for _, _, weight in named]
    samples = TrainingSamples(sources, collator, weights, seed, data.augmentation, InvalidSamples(data.bad_labels))
    for source, share in zip(sources, samples.shares, strict=True):
        logger.info(f"Training samples: {share:.1%} from {summarize_source(source)}")
    return samples


def load_validation_sets(data: DataArguments) -> dict[str, Any]:
    """The validation sets by name, see [`name_validation_sets`].

    Raises:
        ValueError: nothing can be held out, or a number is out of range.
    """
    from ..data import load_word_boxes

    limit = data.max_eval_samples
    if limit is not None and limit < 1:
        raise ValueError(f"max_eval_samples must be at least 1, not {limit}")
    if data.streaming and data.validation_split_percentage:
        raise ValueError(_NOT_OF_STREAMS)
    sets: dict[str, Any] = {}
    for name, source in name_validation_sets(data).items():
        if source is None:
            sets[name] = _held_out(data)
        else:
            sets[name] = load_word_boxes(source, format=data.eval_dataset_format, split=data.eval_dataset_split)
    for name, samples in sets.items():
        if limit is not None and limit < len(samples):
            sets[name] = samples.select(range(0, len(samples) // limit * limit, len(samples) // limit))
    return sets


def held_out_rows(dataset: Any, percentage: int) -> np.ndarray:
    """Which rows are held out: (rows,) of bool.

    That depends on the last three parts of an image's path (`iiit5k/images/1.png`), or on its bytes where it has no
    file of its own, so it is the same whatever else is trained on and wherever the folders lie.

    Args:
        dataset: with the column `image`, not decoded: `{"bytes", "path"}`.
        percentage: from 0 to 99.

    Raises:
        ValueError: a percentage out of range.
    """
    if not 0 <= percentage < 100:
        raise ValueError(f"validation_split_percentage must lie between 0 and 99, not {percentage}")
    found = np.zeros(len(dataset), bool)
    row = 0
    for batch in dataset.select_columns("image").iter(batch_size=1000) if percentage else ():
        for image in batch["image"]:
            key = f"{Path(image['path']).parts[-3:]}".encode() if image["bytes"] is None else image["bytes"]
            hashed = zlib.crc32(key)
            found[row] = hashed % 10 * 10 + hashed // 10 % 10 < percentage
            row += 1
    return found


def describe_data(words: TrainingSamples, synthesis: SynthesisArguments) -> list[dict[str, Any]]:
    """What a run is trained on, for its records and its model's card: each source, and what was left out of it.

    Returns:
        Of each source `name` (of a dataset on the Hub whole, of others the last part of their path), `on_hub`,
        `rendered`, `share` of the words that are seen, `words` (`None` where a source has no end that is known), and
        `left_out`, how many for which reason; of rendered words also `lexicon`, their word lists.
    """
    described = []
    for source, share in zip(words.sources, words.shares, strict=True):
        is_rendered = isinstance(source, RenderedSamples)
        on_hub = not is_rendered and not Path(source.name).expanduser().exists()
        name = source.name if on_hub or is_rendered else Path(source.name).resolve().name
        row = {
            "name": name,
            "on_hub": on_hub,
            "rendered": is_rendered,
            "share": round(share, 4),
            "words": source.length,
        }
        row["left_out"] = dict(getattr(source, "left_out", {}))
        if is_rendered:
            row["lexicon"] = [Path(lexicon).name for lexicon in synthesis.lexicon]
        described.append(row)
    return described


def labels_by_source(words: TrainingSamples, validation: Mapping[str, Any]) -> dict[str, list[str]]:
    """The labels of what a run is trained on and validated with; of streams and rendered words none are known."""
    tables = {source.name: source.dataset for source in words.sources if isinstance(source, StoredSamples)}
    tables |= {f"the validation set {name}": table for name, table in validation.items()}
    return {name: table.select_columns("text")[:]["text"] for name, table in tables.items()}


def record_settings(
    output_dir: str | os.PathLike, settings: Mapping[str, Any], samples: TrainingSamples, validation: Mapping[str, Any]
):
    """Writes `run.json`, and warns of what is another than when the run was started: options, or labels."""
    fingerprints = label_fingerprints(labels_by_source(samples, validation))
    for change in changed_settings(Path(output_dir) / "run.json", {**settings, **fingerprints}):
        logger.warning(f"This run resumes with another {change}")


def make_loader(
    words: TrainingSamples,
    batch_size: int,
    num_batches: int,
    start: int = 0,
    rank: int = 0,
    world_size: int = 1,
    window: int = 0,
    num_workers: int = 0,
    **options: Any,
) -> DataLoader:
    """The batches of this process, from batch `start` on; see [`WordBatchSampler`] for the numbers.

    `window` counts only where words keep their aspect ratio: others are all of one width. `options` are of torch's
    `DataLoader`.
    """
    _use_one_thread()
    window = window if words.collator.image_processor.keep_aspect_ratio else 0
    sampler = WordBatchSampler(
        batch_size, num_batches, rank, world_size, start, window, widths=words.aspect_ratios, seed=words.seed
    )
    options = {"pin_memory": True} | options
    options["pin_memory"] &= torch.cuda.is_available()
    return DataLoader(
        words,
        batch_sampler=sampler,
        collate_fn=words.collator,
        num_workers=num_workers,
        worker_init_fn=_use_one_thread,
        # Its own: a loader draws a number when it starts, and a resumed run starts more loaders than an uninterrupted
        # one. Drawn from the global generator, that would change every dropout mask from there on.
        generator=torch.Generator().manual_seed(words.seed),
        **options,
    )


def summarize_source(source: SampleSource) -> str:
    """A source and its size in a few words."""
    return f"{source.name!r} ({'endless or of unknown size' if source.length is None else f'{source.length:,} words'})"


def _held_out(data: DataArguments) -> Any:
    """What is held out of all stored sources, as one dataset."""
    from datasets import concatenate_datasets

    from ..data import load_word_boxes

    parts = []
    for name, _ in parse_weights(data.dataset):
        if name != "synth":
            dataset = load_word_boxes(name, format=data.dataset_format, split=data.dataset_split)
            rows = np.flatnonzero(held_out_rows(dataset, data.validation_split_percentage))
            parts.append(dataset.select_columns(["image", "text"]).select(rows))
    if not sum(map(len, parts)):
        raise ValueError(
            f"--validation_split_percentage {data.validation_split_percentage} holds out nothing: there are too few "
            "stored samples"
        )
    return concatenate_datasets(parts)


def _texts_of(validation: Mapping[str, Any]) -> set[str]:
    columns = (dataset.select_columns("text")[:]["text"] for dataset in validation.values())
    return {normalize_text(text).casefold() for texts in columns for text in texts}


def _streamed_samples(name: str, data: DataArguments, seed: int) -> StreamedSamples:
    dataset, left_out = _load(name, data)
    return StreamedSamples(dataset, name, seed, data.shuffle_block, left_out)


def _stored_samples(
    name: str, data: DataArguments, collator: WordCollator, seed: int, percentage: int, texts: Collection[str]
) -> StoredSamples:
    """The samples of a stored source but those that are held out, or have one of `texts`, or are vertical text."""
    dataset, left_out = _load(name, data)
    rows, aspect_ratios, report = check_samples(dataset, name, collator, data.bad_labels)
    left_out |= report.counts
    kept = ~held_out_rows(dataset, percentage)
    if texts:
        column = dataset.select_columns("text")[:]["text"]
        same_text = np.array([normalize_text(text).casefold() in texts for text in column])
        left_out["text of a validation sample"] = int(same_text[rows].sum())
        kept &= ~same_text
    tallest = collator.image_processor.vertical_aspect_ratio
    if tallest is not None and aspect_ratios is not None:
        # They are read after turning them, so what they look like as they are is nothing to learn.
        tall = aspect_ratios * tallest < 1
        column = dataset.select_columns("text")
        for row in np.flatnonzero(tall):
            tall[row] = len(column[int(row)]["text"]) > 1
        if count := int(tall[rows].sum()):
            left_out["vertical text"] = count
        kept &= ~tall
    return StoredSamples(dataset, name, seed, rows[kept[rows]], aspect_ratios, left_out)


def _load(name: str, data: DataArguments) -> tuple[Any, dict[str, int]]:
    """A source, and how many of its rows were left out for which reason."""
    from ..data import ReadReport, load_word_boxes
    from ..data.read_report import KEPT, KINDS

    options, read = {"format": data.dataset_format, "split": data.dataset_split}, ReadReport()
    dataset = load_word_boxes(name, **options, streaming=data.streaming, report=read)
    return dataset, {KINDS[kind]: tally.count for kind, tally in read.tallies.items() if kind not in KEPT}


def _rendered_samples(synthesis: SynthesisArguments, collator: WordCollator, seed: int) -> RenderedSamples:
    from ..synthesis import find_fonts, make_renderer

    characters = collator.tokenizer.characters
    fonts = find_fonts(characters, folders=synthesis.fonts or None)
    mode = "L" if collator.image_processor.do_grayscale else "RGB"
    # Heights of photographs in pixels: some are lower, some higher than the image that the network sees.
    height = (28, min(128, max(64, round(1.7 * collator.image_processor.size["height"]))))
    renderer = partial(
        make_renderer,
        characters,
        fonts,
        lexicons=synthesis.lexicon,
        max_length=synthesis.max_word_length,
        difficulty=synthesis.difficulty,
        mode=mode,
        height=height,
        backgrounds=synthesis.backgrounds,
        seed=seed,
        curriculum_samples=synthesis.curriculum_samples,
    )
    return RenderedSamples(renderer)


def _use_one_thread(worker: int = 0):
    """Keeps OpenCV from starting threads: workers are the parallelism.

    Also called before workers are forked: one that inherits a pool without its threads would wait for them for ever.
    """
    import cv2

    cv2.setNumThreads(1)
