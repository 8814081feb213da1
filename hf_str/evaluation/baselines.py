# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Randomly initialized models of other families, to measure their speed without a download.

Layers and sizes are those of published checkpoints, but their predictions mean nothing. All but TrOCR predict blanks,
or the end, everywhere, so that decoding costs them next to nothing.
"""

from collections.abc import Mapping
from typing import Any

import torch
import transformers
from PIL import Image
from torch import nn
from transformers import (
    DeiTConfig,
    MgpstrConfig,
    MgpstrForSceneTextRecognition,
    TrOCRConfig,
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
    ViTImageProcessorPil,
)

from ..conversion import FAMILIES
from ..models.crnn.configuration_crnn import CRNNConfig
from ..models.crnn.image_processing_pil_crnn import CRNNImageProcessorPil
from ..models.crnn.modeling_crnn import CRNNForCTC
from ..models.crnn.processing_crnn import CRNNProcessor
from ..models.crnn.tokenization_crnn import CRNNTokenizer
from ..utils.optional import require
from .recognizer import Recognizer
from .transformers_recognizers import MGPSTRRecognizer, PPOCRRecognizer, TrOCRRecognizer


__all__ = [
    "BASELINES",
    "PP_LCNET_V3",
    "PP_LCNET_V4_TINY",
    "RandomMGPSTR",
    "RandomPPOCR",
    "RandomTrOCR",
    "random_crnn",
]

#: PaddleOCR, ppocr/modeling/backbones/rec_lcnetv3.py and configs/rec/PP-OCRv5/PP-OCRv5_mobile_rec.yml: kernel size,
#: channels in and out, stride, squeeze and excitation.
PP_LCNET_V3 = [
    [[3, 16, 32, 1, False]],
    [[3, 32, 64, 1, False], [3, 64, 64, 1, False]],
    [[3, 64, 128, [2, 1], False], [3, 128, 128, 1, False]],
    [[3, 128, 256, [1, 2], False], *([[5, 256, 256, 1, False]] * 4)],
    [[5, 256, 512, [2, 1], True], [5, 512, 512, 1, True], [5, 512, 512, [2, 1], False], [5, 512, 512, 1, False]],
]
#: PaddleOCR, rec_lcnetv4.py and PP-OCRv6_tiny_rec.yml. The small one is what transformers builds by default.
PP_LCNET_V4_TINY = [
    [[3, 48, 48, 1, True]],
    [[3, 48, 48, 1, False]],
    [[3, 48, 96, [2, 1], False], [3, 96, 96, 1, True], [3, 96, 96, 1, False]],
    [[3, 96, 160, [2, 1], False], [3, 160, 160, 1, True], [3, 160, 160, 1, False], [3, 160, 160, 1, False]],
]


class RandomPPOCR(PPOCRRecognizer):
    """A recognizer of PP-OCR.

    Args:
        checkpoint: the class of its model in transformers, and fields of its config.
    """

    def load(self, checkpoint: tuple[str, str, Mapping[str, Any]]) -> None:
        """Makes a network with random weights."""
        name, image_processor, fields = checkpoint
        if not hasattr(transformers, f"{name}Config"):
            raise ImportError(f"transformers {transformers.__version__} has no {name}. Install a later one")
        require("torchvision", "evaluation")  # its image processor has no other backend
        config = getattr(transformers, f"{name}Config")(**fields)
        self.model = self.place(getattr(transformers, f"{name}ForTextRecognition")(config))
        *_, head = (part for part in self.model.modules() if isinstance(part, nn.Linear))
        _predict_blanks(head)
        characters = ["blank", *map(chr, range(1, config.head_out_channels))]
        self.image_processor = getattr(transformers, image_processor)(character_list=characters)


class RandomTrOCR(TrOCRRecognizer):
    """A TrOCR. Four tokens are generated for each word: three of text, about what a word has, and the end.

    Args:
        checkpoint: fields of the configs of its encoder, a DeiT, and of its decoder.
    """

    def load(self, checkpoint: tuple[Mapping[str, Any], Mapping[str, Any]]) -> None:
        """Makes a network with random weights."""
        encoder, decoder = DeiTConfig(**checkpoint[0]), TrOCRConfig(**checkpoint[1])
        config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
        self.model = self.place(VisionEncoderDecoderModel(config=config))
        self.model.generation_config.update(
            decoder_start_token_id=2, pad_token_id=1, eos_token_id=2, min_new_tokens=4, max_new_tokens=4
        )
        size = checkpoint[0]["image_size"]
        self.image_processor = ViTImageProcessorPil(size={"height": size, "width": size})
        self.tokenizer = _NoText()


class RandomMGPSTR(MGPSTRRecognizer):
    """An MGP-STR. Its three heads are computed; the tokenizers of GPT-2 and BERT that would decode them are left out.

    Args:
        checkpoint: fields of its config.
    """

    def load(self, checkpoint: Mapping[str, Any]) -> None:
        """Makes a network with random weights."""
        config = MgpstrConfig(**checkpoint)
        self.model = self.place(MgpstrForSceneTextRecognition(config))
        height, width = config.image_size
        self.image_processor = ViTImageProcessorPil(size={"height": height, "width": width}, do_normalize=False)

    def _recognize(self, images: list[Image.Image]) -> list[tuple[str, float]]:
        pixel_values = self.image_processor(images, return_tensors="pt").pixel_values.to(self.device)
        scores = self.model(pixel_values).logits[0].softmax(-1).amax(-1).prod(-1)
        return [("", score) for score in scores.tolist()]


def random_crnn(family: str) -> tuple[CRNNForCTC, CRNNProcessor]:
    """A CRNN of another project: network and preprocessing of a family of `hf_str.conversion`."""
    description = FAMILIES[family]
    preprocessing, charset = (
        next(iter(table.values())) for table in (description.preprocessing, description.charsets)
    )
    tokenizer = CRNNTokenizer(charset=charset)
    config = CRNNConfig(**description.config, vocab_size=len(tokenizer))
    image_processor = CRNNImageProcessorPil(do_grayscale=config.num_channels == 1, **preprocessing)
    model = CRNNForCTC(config).eval()
    _predict_blanks(model.ctc_head)
    return model, CRNNProcessor(image_processor, tokenizer)


class _NoText:
    """A tokenizer whose texts are empty."""

    def batch_decode(self, sequences: torch.Tensor, skip_special_tokens: bool = True) -> list[str]:
        return [""] * len(sequences)


@torch.no_grad()
def _predict_blanks(head: nn.Linear) -> None:
    head.bias[0] = 1e3


#: By the name of the released network: the class of the baseline, and what it takes for a checkpoint.
BASELINES: dict[str, tuple[type[Recognizer], Any]] = {
    "PP-OCRv5 mobile": (
        RandomPPOCR,
        (
            "PPOCRV5MobileRec",
            "PPOCRV5ServerRecImageProcessor",
            {
                "backbone_config": {
                    "model_type": "pp_lcnet_v3",
                    "scale": 0.95,
                    "divisor": 16,
                    "block_configs": PP_LCNET_V3,
                    "out_features": ["stage2", "stage3", "stage4", "stage5"],
                    "out_indices": [2, 3, 4, 5],
                }
            },
        ),
    ),
    "PP-OCRv6 tiny": (
        RandomPPOCR,
        (
            "PPOCRV6TinyRec",
            "PPOCRV6SmallRecImageProcessor",
            {
                "backbone_config": {
                    "model_type": "pp_lcnet_v4",
                    "block_configs": PP_LCNET_V4_TINY,
                    "out_features": ["stage4"],
                    "stem_type": "small",
                    "stem_channels": [3, 24, 48],
                },
                "hidden_size": 80,
            },
        ),
    ),
    "PP-OCRv6 small": (
        RandomPPOCR,
        ("PPOCRV6SmallRec", "PPOCRV6SmallRecImageProcessor", {"backbone_config": {"model_type": "pp_lcnet_v4"}}),
    ),
    "TrOCR small": (
        RandomTrOCR,
        (
            {"hidden_size": 384, "num_attention_heads": 6, "intermediate_size": 1536, "image_size": 384},
            {
                "vocab_size": 64044,
                "d_model": 256,
                "decoder_layers": 6,
                "decoder_attention_heads": 8,
                "decoder_ffn_dim": 1024,
                "activation_function": "relu",
                "scale_embedding": True,
                "cross_attention_hidden_size": 384,
                "tie_word_embeddings": False,
            },
        ),
    ),
    "MGP-STR base": (RandomMGPSTR, {}),
}
