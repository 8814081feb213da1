# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Recognisers of every family behind one method: images in, texts with scores out.

A family is a class with `read`. Which one a model needs is told by its `config.json`, or by the file's end `.onnx`.
"""

import hashlib
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    AutoModelForCTC,
    AutoModelForTextRecognition,
    AutoProcessor,
    AutoTokenizer,
    VisionEncoderDecoderModel,
)
from transformers.modeling_outputs import CausalLMOutput

from ..conversion.families.ppocr import PREPROCESSING
from ..conversion.ppocr_dictionary import find_ppocr_dictionary
from ..models.crnn.ctc_decoders_crnn import make_decoder
from ..models.crnn.ctc_decoding_crnn import CTCDecoder
from ..models.crnn.ctc_language_model_crnn import CharacterLanguageModel
from ..models.crnn.image_batching_crnn import make_batches, recognize_batches, sorts_by_width
from ..models.crnn.image_processing_pil_crnn import CRNNImageProcessorPil
from ..models.crnn.processing_crnn import CRNNProcessor
from ..models.crnn.text_crnn import normalize_text
from ..models.crnn.tokenization_crnn import CRNNTokenizer
from ..onnx import ORTCRNNForCTC
from ..utils.optional import require


__all__ = ["Recognizer", "fingerprint", "nearest_word", "open_recognizer"]


class Recognizer:
    """Reads word images with a model of transformers.

    Args:
        checkpoint: a folder, or a repository on the Hub.
        device: where to compute.
        decoding: what `make_decoder` takes besides the tokenizer and a lexicon; only for CTC recognisers of hf_str.
        precision: `dtype` of [`CRNNInferenceMixin.optimize_for_inference`], such as "auto"; only for CRNN. `None`
            leaves the model as it was trained.

    Attributes:
        family: how reports call the kind of model.
        num_parameters: of the model, or `None` where nobody knows.
        sorts_by_width: whether wide and narrow images are better read apart.
        language_model: what the checkpoint brings along to read with, or `None`.
        characters: the symbols that it can write, or `None` where that is not known.

    Raises:
        ValueError: `decoding` for a model that decodes by itself, `precision` for one that cannot be optimised.
    """

    family: str
    auto_class: Any
    sorts_by_width = False
    language_model: CharacterLanguageModel | None = None
    characters: Sequence[str] | None = None

    def __init__(
        self,
        checkpoint: str,
        device: torch.device | str = "cpu",
        decoding: Mapping[str, Any] | None = None,
        precision: str | None = None,
    ):
        self.device, self.decoding = torch.device(device), dict(decoding or {})
        if self.decoding and not isinstance(self, CRNNRecognizer):
            raise ValueError(f"{checkpoint} is a {self.family} model: it decodes by itself, without {self.decoding}")
        self.load(checkpoint)
        if precision is not None:
            if not hasattr(self.model, "optimize_for_inference"):
                raise ValueError(f"{checkpoint} ({self.family}) runs as it is: only CRNN takes a precision")
            self.model.optimize_for_inference(precision)

    def load(self, checkpoint: str):
        """Sets `model`, and whatever prepares images and turns outputs into text."""
        self.model = self.auto_class.from_pretrained(checkpoint).to(self.device).eval()

    @property
    def num_parameters(self) -> int | None:
        return self.model.num_parameters()

    def recognize(
        self, images: Sequence[Image.Image], lexicons: Sequence[Sequence[str]] | None = None
    ) -> list[tuple[str, float]]:
        """Recognizes some images.

        Args:
            images: as they are to be seen, mode L or RGB.
            lexicons: for each image the words that it may show; images that share one share the object. Recognizers
                that cannot search a lexicon take its word with the fewest edits from their own text.

        Returns:
            `(text, score)` for each image; the score is the model's own probability of the text, in [0, 1].
        """
        with torch.inference_mode():
            found = self._recognize([image.convert("RGB") for image in images])
        texts = [text for text, _ in found]
        if lexicons is not None:
            texts = list(map(nearest_word, texts, lexicons))
        return [(text, min(max(score, 0.0), 1.0)) for text, (_, score) in zip(texts, found, strict=True)]

    def _recognize(self, images: list[Image.Image]) -> list[tuple[str, float]]:
        """`recognize` without a lexicon, for RGB images."""
        raise NotImplementedError

    def read(
        self, images: Sequence[Image.Image], lexicons: Sequence[Sequence[str]] | None = None
    ) -> list[tuple[str, float]]:
        """The name of [`Recognizer.recognize`] in version 0.1."""
        warnings.warn("Recognizer.read is called recognize now", FutureWarning, stacklevel=2)
        return self.recognize(images, lexicons)


class CRNNRecognizer(Recognizer):
    """CRNN of this package: every decoder, word probabilities; with a lexicon the most probable word under CTC."""

    family = "CRNN"
    auto_class = AutoModelForCTC

    def load(self, checkpoint: str) -> None:
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
        return self.processor.tokenizer.language_model

    @property
    def characters(self) -> Sequence[str]:
        return self.processor.tokenizer.characters

    @property
    def sorts_by_width(self) -> bool:
        return sorts_by_width(self.processor.image_processor)

    @torch.inference_mode()
    def recognize(
        self, images: Sequence[Image.Image], lexicons: Sequence[Sequence[str]] | None = None
    ) -> list[tuple[str, float]]:
        batches = make_batches(list(images), self.processor.image_processor, max(1, len(images)))
        decoders = self._decoders_with(lexicons or [None] * len(images))
        found = recognize_batches(batches, self.model, self.processor, decoder=decoders)
        return [(found[index]["text"], found[index]["score"]) for index in range(len(images))]


class PPOCRRecognizer(Recognizer):
    """PP-OCRv5 and v6, and whatever else `AutoModelForTextRecognition` brings with an image processor that decodes.

    Each image is prepared alone: together, the processor of PP-OCR stretches all of them to the widest, and what is
    read of a word would depend on its neighbours. The score is the mean probability of the characters.
    """

    family = "text recognition"
    auto_class = AutoModelForTextRecognition
    sorts_by_width = True

    def load(self, checkpoint: str):
        super().load(checkpoint)
        require("torchvision", "evaluation")  # its image processor has no other backend
        self.image_processor = AutoImageProcessor.from_pretrained(checkpoint)

    @property
    def characters(self) -> Sequence[str] | None:
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

    def load(self, checkpoint: str):
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
    """MGP-STR (Wang et al. 2022): the surest of its character, BPE and WordPiece heads.

    Its processor also loads the tokenizers of `openai-community/gpt2` and `google-bert/bert-base-uncased`.
    """

    family = "MGP-STR"
    auto_class = AutoModel

    def load(self, checkpoint: str):
        super().load(checkpoint)
        require("sentencepiece", "evaluation")  # transformers asks for it
        self.processor = AutoProcessor.from_pretrained(checkpoint)

    def _recognize(self, images: list[Image.Image]) -> list[tuple[str, float]]:
        pixel_values = self.processor(images=images, return_tensors="pt").pixel_values.to(self.device)
        decoded = self.processor.batch_decode(self.model(pixel_values).logits)
        return list(zip(decoded["generated_text"], map(float, decoded["scores"]), strict=True))


class OnnxRecognizer(CRNNRecognizer):
    """A CRNN that was exported to ONNX, run by onnxruntime; its processor lies in the same folder.

    The graph takes `pixel_values`, and `pixel_mask` where images keep their aspect ratio; its first output is the
    logits.
    """

    family = "CRNN, ONNX"

    def load(self, checkpoint: str):
        self.model = ORTCRNNForCTC(checkpoint, device=self.device)
        self.use_processor(CRNNProcessor.from_pretrained(Path(checkpoint).parent))

    @property
    def num_parameters(self) -> None:
        return None


class PPOCROnnxRecognizer(OnnxRecognizer):
    """A recognizer of PP-OCR as it is released in ONNX, v2 to v6, prepared as Paddle prepares it."""

    family = "PP-OCR, ONNX"

    def load(self, checkpoint: str) -> None:
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


def open_recognizer(
    model: str,
    device: torch.device | str = "cpu",
    decoding: Mapping[str, Any] | None = None,
    precision: str | None = None,
) -> Recognizer:
    """Loads a recogniser of any family.

    Args:
        model: a checkpoint folder, a repository on the Hub, or an ONNX file: of a CRNN, with its processor beside it,
            or of PP-OCR, with its dictionary in it or beside it.
        device: where to compute.
        decoding: for CTC recognisers of hf_str, what `make_decoder` takes: `decoder`, `beam_width`, `language_model`.
        precision: for CRNN, `dtype` of [`CRNNInferenceMixin.optimize_for_inference`]; `None` leaves it as trained.

    Raises:
        ValueError: a model of a family that is not known here, that decodes by itself, or cannot be optimised.
        OSError: there is no such model.
        ImportError: the family needs a package that is not installed; the message says which.
    """
    if str(model).endswith(".onnx"):
        if not Path(model).is_file():
            raise FileNotFoundError(f"there is no file {model}")
        inputs = [node.name for node in ORTCRNNForCTC(model).session.get_inputs()]
        recognizer_class = OnnxRecognizer if "pixel_values" in inputs else PPOCROnnxRecognizer
        return recognizer_class(str(model), device, decoding, precision)
    config = AutoConfig.from_pretrained(model)
    if config.model_type == "crnn":
        return CRNNRecognizer(model, device, decoding, precision)
    if config.model_type == "vision-encoder-decoder":
        return TrOCRRecognizer(model, device, decoding, precision)
    if config.model_type == "mgp-str":
        return MGPSTRRecognizer(model, device, decoding, precision)
    if type(config) in AutoModelForTextRecognition._model_mapping:
        return PPOCRRecognizer(model, device, decoding, precision)
    raise ValueError(
        f"{model} is of the type {config.model_type!r}; there are readers for crnn, vision-encoder-decoder (TrOCR), "
        "mgp-str, what AutoModelForTextRecognition knows (PP-OCRv5, PP-OCRv6), and ONNX files of a CRNN or PP-OCR"
    )


def fingerprint(model: str) -> str | None:
    """Changes when the model does: a digest of its files, or the commit of a repository on the Hub."""
    path = Path(model)
    if not path.exists():
        return getattr(AutoConfig.from_pretrained(model), "_commit_hash", None)
    files = path.iterdir()
    if path.is_file():
        beside = ("*.json", "language_model.safetensors", "inference.yml", "*dict*.txt")
        files = [path, *(file for pattern in beside for file in path.parent.glob(pattern))]
    digest = hashlib.sha256()
    kinds = {".bin", ".json", ".onnx", ".safetensors"} | ({".txt", ".yml"} if path.is_file() else set())
    for file in sorted(file for file in files if file.suffix in kinds):
        digest.update(file.name.encode())
        with open(file, "rb") as content:
            while piece := content.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()[:24]


def nearest_word(text: str, lexicon: Sequence[str]) -> str:
    """The lexicon's word with the fewest edits from `text`, without regard to case; of several the first."""
    if not lexicon:
        return text
    process, distance = require("rapidfuzz.process"), require("rapidfuzz.distance").Levenshtein.distance
    return process.extractOne(text, lexicon, scorer=distance, processor=_lower)[0]


def _lower(text: str) -> str:
    return normalize_text(text).lower()


def _indices_by_shape(tensors: Sequence[torch.Tensor]) -> list[list[int]]:
    """Which tensors can be stacked, by their indices."""
    indices = defaultdict(list)
    for index, tensor in enumerate(tensors):
        indices[tensor.shape].append(index)
    return list(indices.values())
