"""Fine-tuning straight from a repository in PaddlePaddle's layout, and from what was converted of it."""

import json
import runpy
import sys

import pytest
import torch
from huggingface_hub import constants
from transformers import PPOCRV6TinyRecConfig, PPOCRV6TinyRecForTextRecognition

from hf_str import CRNNForCTC, CRNNProcessor
from hf_str.conversion import convert_checkpoint
from hf_str.publishing import push_to_hub
from tests.hub.fresh import ROOT
from tests.hub.server import Blob, Repo
from tests.training.drawing import as_dataset, drawn_words


pytest.importorskip("accelerate")
pytest.importorskip("datasets")

REPO = "org/PP-OCRv6_tiny_rec_safetensors"
BLOCKS = [
    [[3, 48, 48, 1, True]],
    [[3, 48, 48, 1, False]],
    [[3, 48, 96, [2, 1], False], [3, 96, 96, 1, True], [3, 96, 96, 1, False]],
    [[3, 96, 160, [2, 1], False], [3, 160, 160, 1, True], [3, 160, 160, 1, False], [3, 160, 160, 1, False]],
]
CHARACTERS = ["blank", *"0123456789abcdefgh中", " "]


@pytest.fixture(scope="module")
def paddle_folder(tmp_path_factory):
    """PP-OCRv6 tiny with random weights, as PaddlePaddle's repositories are."""
    torch.manual_seed(0)
    backbone = {"model_type": "pp_lcnet_v4", "stem_type": "small", "stem_channels": [3, 24, 48]}
    backbone["block_configs"] = BLOCKS
    config = PPOCRV6TinyRecConfig(backbone_config=backbone, hidden_size=80, head_out_channels=len(CHARACTERS))
    folder = tmp_path_factory.mktemp("paddle") / "rec"
    PPOCRV6TinyRecForTextRecognition(config).save_pretrained(folder)
    listed = json.dumps({"character_list": CHARACTERS}, ensure_ascii=False)
    (folder / "preprocessor_config.json").write_text(listed, encoding="utf-8")
    return folder


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Trains for two steps in this process, on drawn words of "abcdefgh0123"; gives the output folder."""
    as_dataset(drawn_words(8)).to_parquet(str(tmp_path / "train.parquet"))

    def run(script, *arguments):
        from accelerate.state import AcceleratorState, GradientState

        AcceleratorState._reset_state(reset_partial_state=True)
        GradientState._reset_state()
        path, output_dir = ROOT / "scripts" / f"{script}.py", tmp_path / "out"
        small = ["--max_steps", 2, "--per_device_train_batch_size", 4, "--dataloader_num_workers", 0, "--use_cpu"]
        small += ["--dataset", tmp_path / "train.parquet", "--output_dir", output_dir, "--learning_rate", 1e-3]
        monkeypatch.setattr(sys, "argv", [str(path), *map(str, [*small, *arguments])])
        runpy.run_path(str(path), run_name="__main__")
        return output_dir

    return run


@pytest.mark.parametrize("script", ["run_ctc_str", "run_ctc_str_no_trainer"])
def test_from_a_repository_of_paddlepaddle(script, train, hub, paddle_folder, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}")
    files = {file.name: Blob(file.read_bytes(), is_large=False) for file in paddle_folder.iterdir()}
    hub.repos["model", REPO] = Repo()
    hub.repos["model", REPO].add("main", files, "as PaddlePaddle has it", None)
    out = train(script, "--model_name_or_path", REPO, "--charset", "hgfedcba0123ß")
    assert f"{REPO} is PP-OCRv6 tiny of PaddlePaddle/PaddleOCR: it is converted" in caplog.text
    assert CRNNProcessor.from_pretrained(out).tokenizer.characters == tuple("hgfedcba0123ß")
    trained = CRNNForCTC.from_pretrained(out)
    assert trained.config.featurizer == "pp_lcnet_v4"
    before = PPOCRV6TinyRecForTextRecognition.from_pretrained(paddle_folder).head.fc2.weight
    kept = before[[CHARACTERS.index(character) for character in ("blank", *"hgfedcba0123")]]
    torch.testing.assert_close(trained.ctc_head.weight[:-1], kept, rtol=0, atol=0.01)  # two steps change little
    assert not torch.equal(trained.ctc_head.weight[:-1], kept)
    notice = (out / "NOTICE").read_text(encoding="utf-8")
    assert "PP-OCRv6 tiny" in notice and "Apache License" in notice


def test_from_a_converted_folder(train, paddle_folder, tmp_path):
    convert_checkpoint(None, paddle_folder, tmp_path / "converted", charset="0123456789abcdefgh")
    out = train("run_ctc_str", "--model_name_or_path", tmp_path / "converted", "--charset", "chinese")
    assert CRNNForCTC.from_pretrained(out).config.vocab_size == 6915
    assert (out / "NOTICE").read_text("utf-8") == (tmp_path / "converted" / "NOTICE").read_text("utf-8")


def test_the_notice_is_published(hub, paddle_folder, tmp_path):
    """It goes up beside the license, without being asked for."""
    folder = tmp_path / "converted"
    convert_checkpoint(None, paddle_folder, folder, charset="0123456789abcdefgh")
    results = {"settings": {}, "figures": [{"name": "w", "set": "w", "source": "w", "words": 9, "protocols": {}}]}
    figure = results["figures"][0]
    figure["protocols"] = {"all": {"word_accuracy": {"value": 0.5}, "cer": {"value": 0.2}}}
    (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")
    (folder / "README.md").unlink()  # a card with measured figures is made
    push_to_hub(folder, "org/converted")
    files = hub.files("org/converted")
    assert {"NOTICE", "LICENSE", "README.md"} <= files.keys()
    assert b"PaddlePaddle Authors" in files["NOTICE"]
