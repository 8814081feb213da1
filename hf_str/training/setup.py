# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""From arguments to the model of a run, and back to its folder."""

import os
from pathlib import Path
from typing import Any

import torch
from transformers.utils import logging

import hf_str

from ..models.crnn.configuration_crnn import CRNNConfig
from ..models.crnn.image_processing_pil_crnn import CRNNImageProcessorPil
from ..models.crnn.modeling_crnn import CRNNForCTC
from ..models.crnn.presets_crnn import PRESETS
from ..models.crnn.processing_crnn import CRNNProcessor
from ..models.crnn.tokenization_crnn import CRNNTokenizer
from ..utils.atomic_writes import write_json
from .arguments import ModelArguments, RecipeArguments, parse_overrides
from .byte_collator import ByteCollator
from .collator import WordCollator
from .sources import TrainingSamples
from .starting_point import as_our_checkpoint, notice_of
from .vocabulary import resize_vocabulary


__all__ = [
    "count_steps",
    "default_learning_rate",
    "load_recognizer",
    "make_collator",
    "refuse_sharding",
    "save_recognizer",
]

logger = logging.get_logger(__name__)


def refuse_sharding():
    """Stops a run that was launched to share out one model over several processes.

    Averaged weights, evaluation and saving need the whole model in each process, and a recognizer fits into any.

    Raises:
        ValueError: `accelerate launch` was told to use FSDP or DeepSpeed.
    """
    for name in ("FSDP", "DEEPSPEED"):
        if os.environ.get(f"ACCELERATE_USE_{name}", "false").lower() in ("true", "1"):
            raise ValueError(
                f"{name} shares out a model that does not fit into one GPU; a recognizer of 20M parameters takes "
                "80 MB. Launch without it: each process then holds the whole model (DDP)"
            )


def default_learning_rate(args: ModelArguments) -> float:
    """1e-3 for a new network, 1e-4 for a checkpoint, which knows more than a first dataset can teach it again."""
    return 1e-3 if _is_new(args) else 1e-4


def load_recognizer(args: ModelArguments) -> tuple[CRNNForCTC, CRNNProcessor]:
    """A new network or a checkpoint, with the charset and the images that were asked for.

    Raises:
        ValueError: unknown names in overrides, or values that do not fit each other.
    """
    overrides = parse_overrides(args.config_overrides)
    unknown = sorted(overrides.keys() - CRNNConfig.field_names())
    if unknown:
        raise ValueError(f"--config_overrides has names that CRNNConfig does not know: {', '.join(unknown)}")
    if args.model_name_or_path is not None and args.preset is not None:
        raise ValueError("--preset is for a new network, and --model_name_or_path names one: leave one of them out")
    if _is_new(args):
        tokenizer = CRNNTokenizer(charset=args.charset or "94")
        fields = PRESETS[args.preset] if args.preset else {}
        model = CRNNForCTC(CRNNConfig(**{**fields, **overrides, "vocab_size": len(tokenizer)}))
        is_gray, height = model.config.num_channels == 1, model.config.image_height
        image_processor = CRNNImageProcessorPil(do_grayscale=is_gray, size={"height": height, "width": 128})
    else:
        start = str(args.model_name_or_path or hf_str.DEFAULT_CHECKPOINT)
        notice_of(start)  # remembers it for what is saved: after days of training the folder may be gone
        with as_our_checkpoint(start) as path:
            tokenizer = CRNNTokenizer.from_pretrained(path)
            image_processor = CRNNImageProcessorPil.from_pretrained(path)
            model = CRNNForCTC.from_pretrained(path, dtype=torch.float32, **overrides)
        if tokenizer.language_model is not None:
            logger.warning(
                f"The language model of {path} is not copied, since your texts may be of another kind. To train one "
                "on them, use scripts/train_character_lm.py"
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


def save_recognizer(
    folder: str | os.PathLike,
    model: CRNNForCTC,
    processor: CRNNProcessor,
    settings: dict[str, Any] | None = None,
    dtype: str = "float32",
):
    """Writes a folder that has all of it: weights, config, tokenizer, image processor, code, `training_args.json`.

    Where `settings` name the checkpoint that the run started from, its NOTICE goes along. With the `dtype`
    `"float16"` the file of weights takes half the space.
    """
    if dtype == "float16":
        # Half precision on disk is exact enough; the config still says float32, which is how the weights are loaded.
        weights = {name: w.half() if w.is_floating_point() else w for name, w in model.state_dict().items()}
        model.save_pretrained(folder, state_dict=weights)
    else:
        model.save_pretrained(folder)
    processor.save_pretrained(folder)
    if settings is None:
        return
    write_json(Path(folder) / "training_args.json", settings)
    start = settings.get("model_name_or_path")
    is_new = settings.get("config_overrides") is not None or settings.get("preset") is not None
    if start is None and "model_name_or_path" in settings and not is_new:
        start = hf_str.DEFAULT_CHECKPOINT
    if start is not None and (text := notice_of(str(start))):
        (Path(folder) / "NOTICE").write_text(text, encoding="utf-8")


def make_collator(processor: CRNNProcessor, model: CRNNForCTC, recipe: RecipeArguments) -> WordCollator:
    """Makes batches of images; with data echoing batches of bytes, which are normalized on the device.

    Raises:
        ValueError: data echoing of images that are padded: those of the buffer and new ones must have one width.
    """
    if recipe.data_echo_factor == 1:
        return WordCollator(processor, model.config, one_width=True)
    images = processor.image_processor
    if images.keep_aspect_ratio and (images.resize_to_multiple_of or 1) == 1:
        raise ValueError(
            "--data_echo_factor needs batches of one width: give images widths that are multiples, with "
            "--image_processor_overrides '{\"resize_to_multiple_of\": 32}', or stretch all to one width"
        )
    return ByteCollator(processor, model.config)


def count_steps(samples: TrainingSamples, samples_per_step: int, max_steps: int, num_epochs: float) -> int:
    """Optimizer steps of the run: `max_steps`, or those of `num_epochs` epochs where it is not above 0.

    Raises:
        ValueError: epochs of something that has no end.
    """
    if max_steps > 0:
        return max_steps
    if samples.samples_per_epoch is None:
        endless = ", ".join(source.name for source in samples.sources if source.length is None)
        raise ValueError(f"{endless} has no known size: set the length of the training with --max_steps")
    return max(1, round(num_epochs * samples.samples_per_epoch / samples_per_step))


def _is_new(args: ModelArguments) -> bool:
    return args.model_name_or_path is None and (args.config_overrides is not None or args.preset is not None)
