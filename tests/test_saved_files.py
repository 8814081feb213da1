# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What earlier versions wrote loads unchanged: fixtures/saved holds files as version 0.1.0 wrote them."""

import json
from pathlib import Path

import pytest
from PIL import Image
from transformers import AutoModelForCTC, pipeline

import hf_str
from hf_str import CRNNConfig, CRNNForCTC, CRNNImageProcessorPil, CRNNProcessor


SAVED = Path(__file__).parent / "fixtures" / "saved"
CONFIGS = json.loads((SAVED / "configs.json").read_text(encoding="utf-8"))
FAMILIES = ("vgg-bilstm", "resnet-transformer", "pp-ocrv6-small")


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_configs_keep_every_field(name, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIGS[name]), encoding="utf-8")
    config = CRNNConfig.from_pretrained(tmp_path)
    again = json.loads(config.to_json_string(use_diff=False))
    backbone = CONFIGS[name]["backbone_config"]
    for field, value in CONFIGS[name].items():
        if field == "backbone_config" and backbone is not None:  # its other fields are transformers' own
            assert backbone.items() <= {key: again[field].get(key) for key in backbone}.items() or again[field]
        elif field not in ("auto_map", "custom_pipelines", "dtype"):
            assert again[field] == value, field


@pytest.mark.parametrize("family", FAMILIES)
def test_checkpoints_read_the_same(family):
    folder = SAVED / family
    processor = CRNNProcessor.from_pretrained(folder)
    model = AutoModelForCTC.from_pretrained(folder, dtype="float32")
    assert isinstance(model, CRNNForCTC)
    images = [Image.open(path).convert("RGB") for path in sorted((Path(hf_str.__file__).parent / "samples").glob("*"))]
    images.append(images[0].rotate(90, expand=True))
    parts = {"image_processor": processor.image_processor, "tokenizer": processor.tokenizer, "processor": processor}
    read = pipeline("image-to-text", model=model, **parts)
    found = [one if isinstance(one, dict) else one[0] for one in read(images)]
    expected = json.loads((folder / "readings.json").read_text(encoding="utf-8"))
    for own, wanted in zip(found, expected, strict=True):
        assert own["score"] == pytest.approx(wanted["score"], rel=2e-2, abs=1e-6)
        assert {k: v for k, v in own.items() if k != "score"} == {k: v for k, v in wanted.items() if k != "score"}


def test_the_old_name_of_vertical_aspect_ratio(tmp_path):
    saved = CRNNProcessor.from_pretrained(SAVED / "resnet-transformer").image_processor
    assert saved.vertical_aspect_ratio == 1.5
    with pytest.warns(FutureWarning, match="vertical_aspect_ratio"):
        assert saved.upright_ratio == 1.5
    with pytest.warns(FutureWarning, match="vertical_aspect_ratio"):
        assert CRNNImageProcessorPil(upright_ratio=2.0).vertical_aspect_ratio == 2.0
    saved.save_pretrained(tmp_path)
    written = (tmp_path / "preprocessor_config.json").read_text(encoding="utf-8")
    assert "vertical_aspect_ratio" in written and "upright_ratio" not in written
