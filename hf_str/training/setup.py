# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""From arguments to what a training loop needs: model, processor, words, loader."""

import dataclasses
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers.utils import logging

import hf_str

from ..models.crnn.configuration_crnn import CRNNConfig
from ..models.crnn.image_processing_pil_crnn import CRNNImageProcessorPil
from ..models.crnn.modeling_crnn import CRNNForCTC
from ..models.crnn.processing_crnn import CRNNProcessor
from ..models.crnn.tokenization_crnn import CRNNTokenizer
from ..utils.atomic_writes import write_json
from .arguments import DataArguments, ModelArguments, SynthesisArguments, name_validation_sets, parse_overrides
from .collator import WordCollator
from .invalid_samples import InvalidSamples, check_samples
from .sampling import WordBatchSampler
from .sources import RenderedSamples, SampleSource, StoredSamples, StreamedSamples, TrainingSamples, parse_weights
from .starting_point import as_our_checkpoint, notice_of
from .vocabulary import resize_vocabulary


__all__ = [
    "count_steps",
    "default_learning_rate",
    "describe_data",
    "labels_by_source",
    "load_recognizer",
    "load_training_samples",
    "load_validation_sets",
    "make_loader",
    "refuse_sharding",
    "save_recognizer",
    "summarize_source",
]

logger = logging.get_logger(__name__)


def refuse_sharding():
    """Stops a run that was launched to share out one model over several processes.

    Averaged weights, evaluation and saving need the whole model in each process, and a recogniser fits into any.

    Raises:
        ValueError: `accelerate launch` was told to use FSDP or DeepSpeed.
    """
    for name in ("FSDP", "DEEPSPEED"):
        if os.environ.get(f"ACCELERATE_USE_{name}", "false").lower() in ("true", "1"):
            raise ValueError(
                f"{name} shares out a model that does not fit into one GPU; a recogniser of 20M parameters takes "
                "80 MB. Launch without it: each process then holds the whole model (DDP)"
            )


def default_learning_rate(args: ModelArguments) -> float:
    """1e-3 for a new network, 1e-4 for a checkpoint, which knows more than a first data set can teach it again."""
    return 1e-3 if args.model_name_or_path is None and args.config_overrides is not None else 1e-4


def load_recognizer(args: ModelArguments) -> tuple[CRNNForCTC, CRNNProcessor]:
    """A new network or a checkpoint, with the charset and the images that were asked for.

    Raises:
        ValueError: unknown names in overrides, or values that do not fit each other.
    """
    overrides = parse_overrides(args.config_overrides)
    unknown = sorted(overrides.keys() - {field.name for field in dataclasses.fields(CRNNConfig)})
    if unknown:
        raise ValueError(f"--config_overrides has names that CRNNConfig does not know: {', '.join(unknown)}")
    if args.model_name_or_path is None and args.config_overrides is not None:
        tokenizer = CRNNTokenizer(charset=args.charset or "94")
        model = CRNNForCTC(CRNNConfig(**{**overrides, "vocab_size": len(tokenizer)}))
        is_grey, height = model.config.num_channels == 1, model.config.image_height
        image_processor = CRNNImageProcessorPil(do_grayscale=is_grey, size={"height": height, "width": 128})
    else:
        start = str(args.model_name_or_path or hf_str.DEFAULT_CHECKPOINT)
        notice_of(start)  # remembers it for what is saved: after days of training the folder may be gone
        with as_our_checkpoint(start) as path:
            tokenizer = CRNNTokenizer.from_pretrained(path)
            image_processor = CRNNImageProcessorPil.from_pretrained(path)
            model = CRNNForCTC.from_pretrained(path, dtype=torch.float32, **overrides)
        if tokenizer.language_model is not None:
            logger.warning(
                f"The language model of {path} is not taken over: your words may be others. "
                "scripts/train_character_lm.py makes one of them"
            )
            tokenizer.language_model = None
        if args.charset is not None:
            old_tokenizer, tokenizer = tokenizer, CRNNTokenizer(charset=args.charset)
            if tokenizer.characters != old_tokenizer.characters:
                resize_vocabulary(model, old_tokenizer, tokenizer)
    if args.image_width is not None:
        image_processor.size = {"height": model.config.image_height, "width": args.image_width}
    if args.keep_aspect_ratio is not None:
        image_processor.keep_aspect_ratio = args.keep_aspect_ratio
    for name, value in parse_overrides(args.image_processor_overrides, "--image_processor_overrides").items():
        if name not in CRNNImageProcessorPil.valid_kwargs.__annotations__:
            raise ValueError(f"--image_processor_overrides has a name that the image processor does not know: {name}")
        setattr(image_processor, name, value)
    # Rebuilt from its settings, so that what was set above is checked and typed as anything that is loaded.
    image_processor = CRNNImageProcessorPil.from_dict(image_processor.to_dict())
    return model, CRNNProcessor(image_processor, tokenizer)


def load_training_samples(
    data: DataArguments, synthesis: SynthesisArguments, collator: WordCollator, seed: int = 0
) -> TrainingSamples:
    """The mixture of all sources; words that cannot be trained on are named, where that can be known before.

    Raises:
        ValueError: nothing to train on, wrong weights, or words that cannot be trained on with `--bad_labels error`.
    """
    sources, weights = [], []
    for number, (name, weight) in enumerate(parse_weights(data.dataset)):
        sources.append(_open_source(name, data, synthesis, collator, seed * 1000 + number))
        weights.append(weight)
    words = TrainingSamples(sources, collator, weights, seed, data.augmentation, InvalidSamples(data.bad_labels))
    for source, share in zip(sources, words.shares, strict=True):
        logger.warning(f"Training words: {share:.1%} from {summarize_source(source)}")
    return words


def describe_data(words: TrainingSamples, synthesis: SynthesisArguments) -> list[dict[str, Any]]:
    """What a run is trained on, for its records and its model's card: each source, and what was left out of it.

    Returns:
        Of each source `name` (of a data set on the Hub whole, of others the last part of their path), `on_hub`,
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


def load_validation_sets(data: DataArguments) -> dict[str, Any]:
    """The validation sets by name, see [`name_validation_sets`]."""
    from ..data import load_word_boxes

    sets: dict[str, Any] = {}
    for name, source in name_validation_sets(data).items():
        words = load_word_boxes(source, format=data.validation_format, split=data.validation_split)
        limit = data.max_validation_words
        if limit is not None and limit < len(words):
            words = words.select(range(0, len(words) // limit * limit, len(words) // limit))
        sets[name] = words
    return sets


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


def count_steps(words: TrainingSamples, samples_per_step: int, max_steps: int, num_epochs: float) -> int:
    """Optimizer steps of the run: `max_steps`, or those of `num_epochs` passes where it is not above 0.

    Raises:
        ValueError: passes over something that has no end.
    """
    if max_steps > 0:
        return max_steps
    if words.samples_per_epoch is None:
        endless = ", ".join(source.name for source in words.sources if source.length is None)
        raise ValueError(f"{endless} has no end that is known: say how long to train with --max_steps")
    return max(1, round(num_epochs * words.samples_per_epoch / samples_per_step))


def save_recognizer(
    folder: str | os.PathLike, model: CRNNForCTC, processor: CRNNProcessor, settings: dict[str, Any] | None = None
):
    """Writes a folder that has all of it: weights, config, tokenizer, image processor, code, `training_args.json`.

    Where `settings` name the checkpoint that the run started from, its NOTICE goes along.
    """
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    if settings is None:
        return
    write_json(Path(folder) / "training_args.json", settings)
    start = settings.get("model_name_or_path")
    if start is None and "model_name_or_path" in settings and settings["config_overrides"] is None:
        start = hf_str.DEFAULT_CHECKPOINT
    if start is not None and (text := notice_of(str(start))):
        (Path(folder) / "NOTICE").write_text(text, encoding="utf-8")


def summarize_source(source: SampleSource) -> str:
    return f"{source.name!r} ({'endless or of unknown size' if source.length is None else f'{source.length:,} words'})"


def _open_source(
    name: str, data: DataArguments, synthesis: SynthesisArguments, collator: WordCollator, seed: int
) -> SampleSource:
    if name == "synth":
        return _rendered_words(synthesis, collator, seed)
    from ..data import ReadReport, load_word_boxes
    from ..data.read_report import KEPT, KINDS

    options, read = {"format": data.dataset_format, "split": data.dataset_split}, ReadReport()
    dataset = load_word_boxes(name, **options, streaming=data.streaming, report=read)
    left_out = {KINDS[kind]: tally.count for kind, tally in read.tallies.items() if kind not in KEPT}
    if data.streaming:
        return StreamedSamples(dataset, name, seed, data.shuffle_block, left_out)
    rows, aspect_ratios, report = check_samples(dataset, name, collator, data.bad_labels)
    return StoredSamples(dataset, name, seed, rows, aspect_ratios, left_out | report.counts)


def _rendered_words(synthesis: SynthesisArguments, collator: WordCollator, seed: int) -> RenderedSamples:
    from ..synthesis import find_fonts, make_renderer

    characters = collator.tokenizer.characters
    fonts = find_fonts(characters, folders=synthesis.fonts or None)
    mode = "L" if collator.image_processor.do_grayscale else "RGB"
    renderer = partial(
        make_renderer,
        characters,
        fonts,
        lexicons=synthesis.lexicon,
        max_length=synthesis.max_word_length,
        difficulty=synthesis.difficulty,
        mode=mode,
        backgrounds=synthesis.backgrounds,
        seed=seed,
        curriculum_samples=synthesis.easy_words,
    )
    return RenderedSamples(renderer)


def _use_one_thread(worker: int = 0):
    """Keeps OpenCV from starting threads: workers are the parallelism.

    Also called before workers are forked: one that inherits a pool without its threads would wait for them for ever.
    """
    import cv2

    cv2.setNumThreads(1)
