# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Prints the table of converters: python -m tests.conversion.converter_table

Each family's graph of full size gets random weights, is saved as its project saves it, converted, and compared: the
largest difference of a logit, and of a pixel in gray levels (1/255).
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCTC

from hf_str import CRNNImageProcessorPil
from hf_str.conversion import convert_checkpoint
from tests.conversion.peers import PEERS, Peer, narrow_pictures, pictures


def largest_logit_difference(peer: Peer, graph, model) -> float:
    images = peer.images()
    with torch.no_grad():
        expected, logits = peer.logits(graph, images), model(images).logits
    assert logits.shape == expected.shape == (2, peer.num_frames, model.config.vocab_size)
    return float((logits - expected).abs().max())


def largest_pixel_difference(peer: Peer, image_processor) -> float:
    """In units of 1/255. EasyOCR resizes words that are higher than wide twice, which is not done here."""
    images = pictures() + ([] if peer.family.startswith("easyocr") else narrow_pictures())
    largest = 0.0
    for image in images:
        expected = peer.prepared(image)
        pixels = image_processor(image, return_tensors="np").pixel_values[0]
        assert pixels.shape == expected.shape, f"{image.size}: {pixels.shape} instead of {expected.shape}"
        largest = max(largest, float(np.abs(pixels - expected).max()) * peer.std * 255)
    return largest


def convert(peer: Peer, graph, folder: Path):
    """Saves the graph as its project does and converts the file: the new checkpoint's folder and the model."""
    checkpoint, output = folder / f"checkpoint{peer.suffix}", folder / "converted"
    peer.save(graph, checkpoint)
    return output, convert_checkpoint(peer.family, checkpoint, output, peer.charset, peer.preprocessing)


def main() -> None:
    print("| family | parameters | largest logit difference | largest pixel difference, 1/255 |")
    print("|---|---|---|---|")
    for peer in PEERS:
        with tempfile.TemporaryDirectory() as folder:
            graph = peer.graph(1.0)
            output, _ = convert(peer, graph, Path(folder))
            model = AutoModelForCTC.from_pretrained(output).eval()
            image_processor = CRNNImageProcessorPil.from_pretrained(output)
            logit = largest_logit_difference(peer, graph, model)
            pixel = largest_pixel_difference(peer, image_processor)
        print(f"| {peer.name} | {model.num_parameters():,} | {logit:.1e} | {pixel:.2f} |", flush=True)


if __name__ == "__main__":
    main()
