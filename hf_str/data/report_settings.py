# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What to report on before training, and the network that is going to be trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hf_str

from ..models.crnn.configuration_crnn import CRNNConfig
from ..models.crnn.image_processing_pil_crnn import CRNNImageProcessorPil
from ..models.crnn.tokenization_crnn import CRNNTokenizer
from .frames import frames_needed, seen_size


__all__ = ["Network", "ReportSettings", "open_network"]


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
        """What a report says of the network, as plain data."""
        processor = self.image_processor
        height, width = processor.size["height"], processor.size["width"]
        widths = [processor.min_width or 1, processor.max_width or width] if processor.keep_aspect_ratio else [width]
        return {"name": self.name, "characters": len(self.tokenizer.characters), "height": height, "widths": widths}


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
        options = CRNNImageProcessorPil(size={"height": config.image_height, "width": 128}).to_dict()
        name = "a new network"
    else:
        name = settings.model or hf_str.DEFAULT_CHECKPOINT
        path = checkpoint or name
        config = CRNNConfig.from_pretrained(path)
        options = CRNNImageProcessorPil.from_pretrained(path).to_dict()
        own = CRNNTokenizer.from_pretrained(path)
        tokenizer = own if settings.charset is None else CRNNTokenizer(settings.charset)
        name = name if settings.model else Path(name).name
    tokenizer.unknown_characters = "remove"
    height, width = options["size"]["height"], options["size"]["width"]
    options["size"] = {"height": settings.image_height or height, "width": settings.image_width or width}
    if settings.keep_aspect_ratio is not None:
        options["keep_aspect_ratio"] = settings.keep_aspect_ratio
    return Network(name, tokenizer, CRNNImageProcessorPil.from_dict(options), config)
