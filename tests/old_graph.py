# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""A graph that version 0.1.0 exported: it takes a mask and gives logits alone, without `num_frames`."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import hf_str
from hf_str import CRNNProcessor, ImageToTextPipeline


OLD_GRAPH = Path(__file__).parent / "fixtures" / "saved" / "onnx-padded"


def assert_it_reads_as_then(model: Any):
    """Words of eight widths in padded batches give the texts, scores and positions that version 0.1.0 gave."""
    files = sorted((Path(hf_str.__file__).parent / "samples").glob("*.png")) * 2
    widths = (40, 64, 100, 131, 180, 256, 77, 90)
    images = [Image.open(file).convert("RGB").resize((width, 32)) for file, width in zip(files, widths, strict=False)]
    reader = ImageToTextPipeline(model=model, processor=CRNNProcessor.from_pretrained(OLD_GRAPH), device="cpu")
    found = [reading for (reading,) in reader(images, batch_size=4, return_characters=True)]
    for reading, expected in zip(found, json.loads((OLD_GRAPH / "readings.json").read_text()), strict=True):
        assert reading["generated_text"] == expected["generated_text"]
        assert reading["score"] == pytest.approx(expected["score"], abs=1e-3)
        for own, wanted in zip(reading["characters"], expected["characters"], strict=True):
            assert own["span"] == pytest.approx(wanted["span"])
