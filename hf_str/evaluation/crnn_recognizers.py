# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Recognizers whose outputs the CTC decoders of hf_str decode: CRNN, and graphs of CRNN and PP-OCR in ONNX."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import AutoModelForCTC
from transformers.modeling_outputs import CausalLMOutput

from ..conversion.families.ppocr import PREPROCESSING
from ..conversion.ppocr_dictionary import find_ppocr_dictionary
from ..models.crnn.ctc_decoders_crnn import make_decoder
from ..models.crnn.ctc_decoding_crnn import CTCDecoder
from ..models.crnn.ctc_language_model_crnn import CharacterLanguageModel
from ..models.crnn.image_batching_crnn import make_batches, recognize_batches, sorts_by_width
from ..models.crnn.image_processing_pil_crnn import CRNNImageProcessorPil
from ..models.crnn.processing_crnn import CRNNProcessor
from ..models.crnn.tokenization_crnn import CRNNTokenizer
from ..onnx import ORTCRNNForCTC
from .recognizer import Recognizer


__all__ = ["CRNNRecognizer", "OnnxRecognizer", "PPOCROnnxRecognizer"]


class CRNNRecognizer(Recognizer):
    """CRNN of this package: every decoder, word probabilities; with a lexicon the most probable word under CTC."""

    family = "CRNN"
    auto_class = AutoModelForCTC
    takes_decoding = True

    def load(self, checkpoint: Any) -> None:
        """Loads the network and its processor."""
        super().load(checkpoint)
        self.use_processor(CRNNProcessor.from_pretrained(checkpoint))

    def use_processor(self, processor: CRNNProcessor) -> None:
        """Sets `processor`, and loads what decoders need of it."""
        self.processor = processor
        if "language_model" in self.decoding:  # once, however many lexicons come
            file = self.decoding["language_model"]
            self.decoding["language_model"] = CharacterLanguageModel(file, self.processor.tokenizer)
        #: By the id of its lexicon, which is kept so that the id stays its own.
        self._decoders: dict[int, tuple[Sequence[str] | None, CTCDecoder]] = {}

    def _decoders_with(self, lexicons: Sequence[Sequence[str] | None]) -> list[CTCDecoder]:
        """A decoder for each lexicon; those of the last time are used again."""
        made: dict[int, tuple[Sequence[str] | None, CTCDecoder]] = {}
        for lexicon in lexicons:
            if id(lexicon) not in made:
                options = {"decoder": None, **self.decoding, "lexicon": lexicon}
                known = self._decoders.get(id(lexicon))
                made[id(lexicon)] = known or (lexicon, make_decoder(tokenizer=self.processor.tokenizer, **options))
        self._decoders = made
        return [made[id(lexicon)][1] for lexicon in lexicons]

    @property
    def language_model(self) -> CharacterLanguageModel | None:
        """The language model of the tokenizer, or `None`."""
        return self.processor.tokenizer.language_model

    @property
    def characters(self) -> Sequence[str]:
        """The characters of the tokenizer."""
        return self.processor.tokenizer.characters

    @property
    def sorts_by_width(self) -> bool:
        """Whether padding is masked; see [`sorts_by_width`]."""
        return sorts_by_width(self.processor.image_processor)

    @torch.inference_mode()
    def recognize(
        self, images: Sequence[Image.Image], lexicons: Sequence[Sequence[str]] | None = None
    ) -> list[tuple[str, float]]:
        """Recognizes some images, each with the words of its lexicon alone if it has one."""
        batches = make_batches(list(images), self.processor.image_processor, max(1, len(images)))
        decoders = self._decoders_with(lexicons or [None] * len(images))
        found = recognize_batches(batches, self.model, self.processor, decoder=decoders)
        return [(found[index]["text"], found[index]["score"]) for index in range(len(images))]


class OnnxRecognizer(CRNNRecognizer):
    """A CRNN that was exported to ONNX, run by onnxruntime; its processor lies in the same folder.

    The graph takes `pixel_values`, and `pixel_mask` where images keep their aspect ratio; its first output is the
    logits.
    """

    family = "CRNN, ONNX"

    def load(self, checkpoint: Any) -> None:
        """Opens the graph, and loads the processor beside it."""
        self.model = ORTCRNNForCTC(checkpoint, device=self.device)
        self.use_processor(CRNNProcessor.from_pretrained(Path(checkpoint).parent))

    @property
    def num_parameters(self) -> None:
        """Not known of a graph."""
        return None


class PPOCROnnxRecognizer(OnnxRecognizer):
    """A recognizer of PP-OCR as it is released in ONNX, v2 to v6, prepared as Paddle prepares it."""

    family = "PP-OCR, ONNX"

    def load(self, checkpoint: Any) -> None:
        """Opens the graph, and finds its dictionary."""
        self.model = _PPOCRGraph(ORTCRNNForCTC(checkpoint, device=self.device))
        session = self.model.session
        inputs, output = session.get_inputs(), session.get_outputs()[0]
        num_classes = output.shape[-1]
        if len(inputs) != 1 or len(inputs[0].shape) != 4 or len(output.shape) != 3 or not isinstance(num_classes, int):
            raise ValueError(f"{checkpoint} is neither a CRNN of hf_str nor a recognizer of PP-OCR")
        metadata = session.get_modelmeta().custom_metadata_map
        tokenizer = CRNNTokenizer(find_ppocr_dictionary(checkpoint, metadata, num_classes))
        image_processor = CRNNImageProcessorPil(do_grayscale=False, **PREPROCESSING["paddle"])
        self.use_processor(CRNNProcessor(image_processor, tokenizer))


class _PPOCRGraph:
    """A graph of PP-OCR, called as a [`CRNNForCTC`] is.

    It takes images in BGR, and gives probabilities of a blank, its dictionary and a space. Their logarithms are
    logits, so that decoders, lexicons and scores are those of a CRNN.
    """

    def __init__(self, graph: ORTCRNNForCTC):
        self.session, self.device = graph.session, graph.device

    def __call__(self, pixel_values: torch.Tensor) -> CausalLMOutput:
        session, bgr = self.session, pixel_values.flip(1).cpu().numpy()
        probabilities = torch.from_numpy(session.run(None, {session.get_inputs()[0].name: bgr})[0])
        return CausalLMOutput(logits=probabilities.to(self.device).clamp_(min=torch.finfo(torch.float32).tiny).log_())
