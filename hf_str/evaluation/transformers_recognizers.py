# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Recognizers of other families in transformers: PP-OCR, TrOCR, MGP-STR."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from transformers import (
    AutoImageProcessor,
    AutoModel,
    AutoModelForTextRecognition,
    AutoProcessor,
    AutoTokenizer,
    VisionEncoderDecoderModel,
)

from ..utils.optional import require
from .recognizer import Recognizer


__all__ = ["MGPSTRRecognizer", "PPOCRRecognizer", "TrOCRRecognizer"]


class PPOCRRecognizer(Recognizer):
    """PP-OCRv5 and v6, and whatever else `AutoModelForTextRecognition` brings with an image processor that decodes.

    Each image is prepared alone: together, the processor of PP-OCR stretches all of them to the widest, and the
    prediction for a word would depend on its neighbors. The score is the mean probability of the characters.
    """

    family = "text recognition"
    auto_class = AutoModelForTextRecognition

    def load(self, checkpoint: Any) -> None:
        """Loads the network and its image processor."""
        super().load(checkpoint)
        require("torchvision", "evaluation")  # its image processor has no other backend
        self.image_processor = AutoImageProcessor.from_pretrained(checkpoint)

    @property
    def sorts_by_width(self) -> bool:
        """True: images of one width can be stacked."""
        return True

    @property
    def characters(self) -> Sequence[str] | None:
        """The characters of the image processor, without the blank."""
        known = getattr(self.image_processor, "character_list", None)
        return None if known is None else list(known)[1:]  # the first is the blank

    def _recognize(self, images: list[Image.Image]) -> list[tuple[str, float]]:
        prepared = [self.image_processor(image, return_tensors="pt").pixel_values for image in images]
        found: list[tuple[str, float]] = [("", 0.0)] * len(images)
        for indices in _indices_by_shape(prepared):
            outputs = self.model(torch.cat([prepared[index] for index in indices]).to(self.device))
            results = self.image_processor.post_process_text_recognition(outputs)
            for index, result in zip(indices, results, strict=True):
                # an empty text has no mean probability: it is not a number
                found[index] = result["text"], result["score"] if result["text"] else 0.0
        return found


class TrOCRRecognizer(Recognizer):
    """TrOCR (Li et al. 2023) and other pairs of an image encoder and a text decoder.

    The image processor and the tokenizer are loaded apart: older repositories have no processor that transformers 5
    can join. The score is the product of the probabilities of the tokens, the end's among them.
    """

    family = "encoder-decoder"
    auto_class = VisionEncoderDecoderModel

    def load(self, checkpoint: Any) -> None:
        """Loads the network, its image processor and its tokenizer."""
        super().load(checkpoint)
        self.image_processor = AutoImageProcessor.from_pretrained(checkpoint)
        self.tokenizer = AutoTokenizer.from_pretrained(checkpoint)

    def _recognize(self, images: list[Image.Image]) -> list[tuple[str, float]]:
        pixel_values = self.image_processor(images, return_tensors="pt").pixel_values.to(self.device)
        generated = self.model.generate(pixel_values, return_dict_in_generate=True, output_scores=True)
        beams = {"beam_indices": generated.beam_indices} if "beam_indices" in generated else {}
        log_probs = self.model.compute_transition_scores(
            generated.sequences, generated.scores, normalize_logits=True, **beams
        )
        tokens = generated.sequences[:, -log_probs.shape[1] :]
        ends = torch.isin(tokens, torch.tensor(self.model.generation_config.eos_token_id, device=tokens.device))
        is_own = ends.cumsum(-1) - ends.long() == 0  # what follows the end is padding
        scores = log_probs.where(is_own, 0.0).sum(-1).exp().tolist()
        texts = self.tokenizer.batch_decode(generated.sequences, skip_special_tokens=True)
        return list(zip(map(str.strip, texts), scores, strict=True))


class MGPSTRRecognizer(Recognizer):
    """MGP-STR (Wang et al. 2022): the most confident of its character, BPE and WordPiece heads.

    Its processor also loads the tokenizers of `openai-community/gpt2` and `google-bert/bert-base-uncased`.
    """

    family = "MGP-STR"
    auto_class = AutoModel

    def load(self, checkpoint: Any) -> None:
        """Loads the network and its processor."""
        super().load(checkpoint)
        require("sentencepiece", "evaluation")  # transformers asks for it
        self.processor = AutoProcessor.from_pretrained(checkpoint)

    def _recognize(self, images: list[Image.Image]) -> list[tuple[str, float]]:
        pixel_values = self.processor(images=images, return_tensors="pt").pixel_values.to(self.device)
        decoded = self.processor.batch_decode(self.model(pixel_values).logits)
        return list(zip(decoded["generated_text"], map(float, decoded["scores"]), strict=True))


def _indices_by_shape(tensors: Sequence[torch.Tensor]) -> list[list[int]]:
    """Which tensors can be stacked, by their indices."""
    indices = defaultdict(list)
    for index, tensor in enumerate(tensors):
        indices[tensor.shape].append(index)
    return list(indices.values())
