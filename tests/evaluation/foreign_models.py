# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Checkpoint folders of other families of recognizers: tiny networks with random weights."""

import json
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    MgpstrConfig,
    MgpstrForSceneTextRecognition,
    PPOCRV5MobileRecConfig,
    PPOCRV5MobileRecForTextRecognition,
    PreTrainedTokenizerFast,
    TrOCRConfig,
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
    ViTConfig,
)


CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
SMALL_VIT = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}


def save_trocr(folder: Path):
    """A ViT and a decoder of characters; generates a few characters, and ends or goes on to the greatest length."""
    torch.manual_seed(0)
    encoder = ViTConfig(**SMALL_VIT, intermediate_size=16, image_size=32, patch_size=16)
    decoder = TrOCRConfig(
        vocab_size=len(CHARACTERS) + 3,
        d_model=16,
        decoder_layers=1,
        decoder_attention_heads=2,
        decoder_ffn_dim=16,
        init_std=1.0,
        cross_attention_hidden_size=16,
        use_cache=False,
    )
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    config.decoder_start_token_id, config.pad_token_id, config.eos_token_id = 0, 1, 2
    model = VisionEncoderDecoderModel(config=config)
    model.generation_config.update(decoder_start_token_id=0, pad_token_id=1, eos_token_id=2, max_new_tokens=6)
    model.save_pretrained(folder)
    _characters_tokenizer(["<s>", "<pad>", "</s>", *CHARACTERS]).save_pretrained(folder)
    _save_image_processor(folder, {"height": 32, "width": 32})


def save_mgpstr(folder: Path):
    """Its other two tokenizers are [`bpe_tokenizer`] and [`wordpiece_tokenizer`]."""
    torch.manual_seed(0)
    config = MgpstrConfig(**SMALL_VIT, max_token_length=6, num_bpe_labels=40, num_wordpiece_labels=104)
    model = MgpstrForSceneTextRecognition(config)
    with torch.no_grad():
        for parameter in model.parameters():  # a fresh network hardly looks at its image
            parameter.normal_(std=0.3 if parameter.ndim == 1 else 3)
        # some words end: class 1 is the characters' end, 2 the BPE's, 102 the WordPiece's
        model.char_head.bias[1] = model.bpe_head.bias[2] = model.wp_head.bias[102] = 4
    model.save_pretrained(folder)
    vocabulary = {symbol: index for index, symbol in enumerate(["[GO]", "[s]", *CHARACTERS])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "MgpstrTokenizer"}))
    _save_image_processor(folder, {"height": 32, "width": 128}, processor_class="MgpstrProcessor")


def other_tokenizers(name: str) -> PreTrainedTokenizerFast:
    """Stands in for `AutoTokenizer.from_pretrained` of GPT-2 and BERT: tokens of one character, and their ends."""
    if "gpt2" in name:
        return _characters_tokenizer(["!", '"', "#", *CHARACTERS, "$"])
    return _characters_tokenizer([f"[unused{index}]" for index in range(66)] + [*CHARACTERS] + ["[SEP]", "[PAD]"])


def save_ppocr(folder: Path):
    """PP-OCRv5's mobile recognizer with few channels."""
    torch.manual_seed(0)
    backbone = {"model_type": "pp_lcnet_v3", "scale": 0.125, "divisor": 4, "conv_symmetric_num": 1}
    backbone |= {"out_features": ["stage2", "stage3", "stage4", "stage5"], "out_indices": [2, 3, 4, 5]}
    # kernel, channels in and out, stride, squeeze and excitation: 48 pixels become 3, as the pooling behind wants it
    blocks = [(3, 16, 32, 1), (3, 32, 64, (2, 1)), (3, 64, 128, (1, 2)), (3, 128, 256, (2, 1)), (5, 256, 512, (2, 1))]
    backbone["block_configs"] = [[[*block, False]] for block in blocks]
    config = PPOCRV5MobileRecConfig(
        backbone_config=backbone, hidden_size=16, num_attention_heads=2, depth=1, head_out_channels=len(CHARACTERS) + 1
    )
    model = PPOCRV5MobileRecForTextRecognition(config)
    model.train()
    with torch.no_grad():
        model.head.head.weight.normal_(std=30)
        for _ in range(20):  # batch statistics
            model(torch.randn(8, 3, 48, 64))
    model.save_pretrained(folder)
    settings = {"image_processor_type": "PPOCRV5ServerRecImageProcessor", "character_list": ["blank", *CHARACTERS]}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))


def save_ppocr_onnx(file: Path, metadata: dict[str, str] | None = None):
    """A graph with the inputs and outputs of PP-OCR's: sees blue, green, red and white in the channels of BGR.

    A frame is 8 pixels; what is gray, as padding is, gives the blank. The classes are blank, b, g, r, space.
    """
    from onnx import TensorProto, checker, helper, numpy_helper, save

    weights = np.array([[0, 0, 0], [1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, 1]], np.float32)[..., None, None]
    constants = {"weight": 10 * weights, "bias": np.array([15, 0, 0, 0, 0], np.float32), "axes": np.array([2])}
    nodes = [
        helper.make_node("AveragePool", ["x"], ["pooled"], kernel_shape=[48, 8], strides=[48, 8]),
        helper.make_node("Conv", ["pooled", "weight", "bias"], ["classes"]),
        helper.make_node("Squeeze", ["classes", "axes"], ["columns"]),
        helper.make_node("Transpose", ["columns"], ["frames"], perm=[0, 2, 1]),
        helper.make_node("Softmax", ["frames"], ["probabilities"], axis=-1),
    ]
    shapes = {"x": ["batch", 3, 48, "width"], "probabilities": ["batch", "time", 5]}
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    tensors = [numpy_helper.from_array(values, name) for name, values in constants.items()]
    graph = helper.make_graph(nodes, "recognizer", ends[:1], ends[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    checker.check_model(model)
    save(model, file)


def _characters_tokenizer(symbols: list[str]) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(
        models.WordLevel({symbol: index for index, symbol in enumerate(symbols)}, unk_token=symbols[0])
    )
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Split("", "isolated"), decoders.Fuse()
    special = {"pad_token": "<pad>", "eos_token": "</s>", "bos_token": "<s>"} if "<s>" in symbols else {}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)


def _save_image_processor(folder: Path, size: dict, **more: str):
    settings = {"image_processor_type": "ViTImageProcessor", "size": size, "do_normalize": True} | more
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
