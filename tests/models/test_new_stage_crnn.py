# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""A stage that the package does not have: one file and one line, and it trains, is saved and loads without hf_str."""

import shutil
from pathlib import Path

import pytest

import hf_str
from tests.hub.fresh import WITHOUT_HF_STR, run_fresh


FILE = '''
"""Bidirectional GRUs as a sequentializer."""

from dataclasses import dataclass

from huggingface_hub.dataclasses import strict
from torch import nn

from .sequentializer_crnn import CRNNSequentializerLayer, CRNNSequentializerStage
from .stage_crnn import own_field


@strict
@dataclass(kw_only=True)
class GRUStage(CRNNSequentializerStage, name="gru"):
    """`sequentializer="gru"`."""

    no_split_modules = ("GRULayer",)

    gru_widening: int = own_field(2, form="number", highest=64)

    def check(self):
        if self.gru_widening == 13:
            raise ValueError("gru_widening must not be 13")

    @property
    def hidden_sizes(self):
        return [self.feature_size] + [2 * self.gru_widening * self.hidden_size] * self.num_hidden_layers

    def layer(self, index, config):
        return GRULayer(self.hidden_sizes[index], self.gru_widening * self.hidden_size)


class GRULayer(CRNNSequentializerLayer):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.gru = nn.GRU(input_size, hidden_size, batch_first=True, bidirectional=True)

    def forward(self, frames, num_frames=None):
        return self.gru(frames)[0]
'''
LINE = "from .sequentializer_gru_crnn import GRUStage as GRUStage\n"

TRAIN = """
import sys, torch
from hf_str import CRNNConfig, CRNNForCTC

def refused(**fields):
    try:
        CRNNConfig(**fields)
    except Exception as error:
        return str(error).splitlines()[-1]

torch.manual_seed(0)
fields = {"conv_channels": [8, 8, 8, 8, 16, 16, 16], "hidden_size": 8}
model = CRNNForCTC(CRNNConfig(sequentializer="gru", **fields))
images, labels = torch.randn(2, 1, 32, 100), torch.tensor([[1, 2, 3], [4, 5, -100]])
optimizer, losses = torch.optim.Adam(model.parameters(), lr=0.01), []
for _ in range(3):
    loss = model.train()(images, labels=labels).loss
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(float(loss))
model.save_pretrained(sys.argv[1])
torch.save(images, sys.argv[1] + "/images.pt")
result = {
    "losses": losses,
    "sizes": model.config.hidden_sizes,
    "indivisible": "GRULayer" in model._no_split_modules,
    "without": CRNNConfig(**fields).gru_widening,
    "elsewhere": refused(gru_widening=3),
    "wrong": [refused(sequentializer="gru", gru_widening=value) for value in (0, 65, 13)],
    "logits": model.eval()(images).logits.tolist(),
}
"""
LOAD = """
import sys, torch
from transformers import AutoModelForCTC

model = AutoModelForCTC.from_pretrained(sys.argv[1], trust_remote_code=True).eval()
config = model.config
result = {
    "fields": [config.sequentializer, config.gru_widening, config.hidden_sizes],
    "layers": [type(layer).__name__ for layer in model.crnn.layers],
    "logits": model(torch.load(sys.argv[1] + "/images.pt")).logits.tolist(),
}
"""


def test_a_sequentializer_is_one_file_and_one_line(tmp_path):
    package = tmp_path / "with the stage" / "hf_str"
    shutil.copytree(Path(hf_str.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__", "checkpoints"))
    (package / "models" / "crnn" / "sequentializer_gru_crnn.py").write_text(FILE, encoding="utf-8")
    with open(package / "models" / "crnn" / "stages_crnn.py", "a", encoding="utf-8") as file:
        file.write(LINE)

    environment = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    folder = str(tmp_path / "saved")
    trained = run_fresh(TRAIN, environment | {"PYTHONPATH": str(package.parent)}, folder)
    assert trained["losses"][2] < trained["losses"][0]
    assert trained["sizes"] == [16, 32, 32]
    assert trained["indivisible"]
    assert trained["without"] is None
    assert "gru_widening belongs to sequentializer gru, and sequentializer is bilstm" in trained["elsewhere"]
    lowest, highest, unlucky = trained["wrong"]
    assert "gru_widening must be at least 1, not 0" in lowest
    assert "gru_widening must be at most 64, not 65" in highest
    assert "gru_widening must not be 13" in unlucky

    loaded = run_fresh(WITHOUT_HF_STR + LOAD, environment | {"PYTHONPATH": ""}, folder)
    assert loaded["fields"] == ["gru", 2, [16, 32, 32]]
    assert loaded["layers"] == ["GRULayer", "GRULayer"]
    for ours, theirs in zip(trained["logits"], loaded["logits"], strict=True):
        for frame, other in zip(ours, theirs, strict=True):
            assert other == pytest.approx(frame, abs=1e-5)
