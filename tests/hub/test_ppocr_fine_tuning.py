# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Fine-tuning straight from a repository in PaddlePaddle's layout, and from what was converted of it."""

import json
import runpy
import shutil
import sys
from dataclasses import asdict

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file
from transformers import (
    PPOCRV6SmallRecConfig,
    PPOCRV6SmallRecForTextRecognition,
    PPOCRV6TinyRecConfig,
    PPOCRV6TinyRecForTextRecognition,
)

from hf_str import CRNNForCTC, CRNNProcessor
from hf_str.conversion import convert_checkpoint
from hf_str.publishing import push_to_hub
from tests.conftest import draw_word
from tests.hub.fresh import ROOT
from tests.hub.server import Blob, Repo
from tests.training.drawing import as_dataset, as_row, drawn_words


pytest.importorskip("accelerate")
pytest.importorskip("datasets")
# hf_str.training itself asks for OpenCV.
ModelArguments = pytest.importorskip("hf_str.training.arguments", exc_type=ImportError).ModelArguments
setup = pytest.importorskip("hf_str.training.setup", exc_type=ImportError)
notice_of = pytest.importorskip("hf_str.training.starting_point", exc_type=ImportError).notice_of

REPO = "org/PP-OCRv6_tiny_rec_safetensors"
BLOCKS = [
    [[3, 48, 48, 1, True]],
    [[3, 48, 48, 1, False]],
    [[3, 48, 96, [2, 1], False], [3, 96, 96, 1, True], [3, 96, 96, 1, False]],
    [[3, 96, 160, [2, 1], False], [3, 160, 160, 1, True], [3, 160, 160, 1, False], [3, 160, 160, 1, False]],
]
CHARACTERS = ["blank", *"0123456789abcdefgh中", " "]
#: As many classes as PP-OCRv6 has; those of the drawn words are far apart, and in another order than in a charset.
WHOLE_DICTIONARY = ["blank", *"hgfedcba", *map(chr, range(0x4E00, 0x4E00 + 18_696)), *"0123", " "]
HANGUL = "가나다라마바사아자차카타"

both_scripts = pytest.mark.parametrize("script", ["run_ctc_str", "run_ctc_str_no_trainer"])


@pytest.fixture(autouse=True)
def nothing_is_remembered():
    """One process reads repositories of one name with other networks in them, which no run does."""
    notice_of.cache_clear()


@pytest.fixture(scope="module")
def paddle_folder(tmp_path_factory):
    """PP-OCRv6 tiny with random weights, as PaddlePaddle's repositories are."""
    torch.manual_seed(0)
    backbone = {"model_type": "pp_lcnet_v4", "stem_type": "small", "stem_channels": [3, 24, 48]}
    backbone["block_configs"] = BLOCKS
    config = PPOCRV6TinyRecConfig(backbone_config=backbone, hidden_size=80, head_out_channels=len(CHARACTERS))
    return _saved(PPOCRV6TinyRecForTextRecognition(config), CHARACTERS, tmp_path_factory.mktemp("paddle") / "rec")


@pytest.fixture(scope="module")
def whole_folder(tmp_path_factory):
    """PP-OCRv6 small with 18,710 classes and random weights."""
    torch.manual_seed(0)
    backbone = {"model_type": "pp_lcnet_v4"}
    config = PPOCRV6SmallRecConfig(backbone_config=backbone, head_out_channels=len(WHOLE_DICTIONARY))
    model = PPOCRV6SmallRecForTextRecognition(config)
    return _saved(model, WHOLE_DICTIONARY, tmp_path_factory.mktemp("whole") / "rec")


def _saved(model, characters, folder):
    model.save_pretrained(folder)
    listed = json.dumps({"character_list": characters}, ensure_ascii=False)
    (folder / "preprocessor_config.json").write_text(listed, encoding="utf-8")
    return folder


@pytest.fixture
def release(hub, tmp_path, monkeypatch):
    """Puts a folder on the Hub as PaddlePaddle's repository `REPO`, with an empty cache to download it to."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}")

    def put(folder):
        files = {file.name: Blob(file.read_bytes(), is_large=False) for file in folder.iterdir()}
        hub.repos["model", REPO] = Repo()
        hub.repos["model", REPO].add("main", files, "as PaddlePaddle has it", None)

    return put


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


@both_scripts
def test_from_a_repository_of_paddlepaddle(script, train, release, paddle_folder, caplog):
    release(paddle_folder)
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


@both_scripts
def test_18710_classes_become_12_and_the_run_goes_on(script, train, release, whole_folder, caplog):
    release(whole_folder)
    command = script, "--model_name_or_path", REPO, "--charset", "abcdefgh0123", "--save_steps", 1
    out = train(*command)
    assert "12 characters kept: a b c d e f g h 0 1 2 3; 0 characters new" in caplog.text
    assert CRNNProcessor.from_pretrained(out).tokenizer.characters == tuple("abcdefgh0123")
    before = PPOCRV6SmallRecForTextRecognition.from_pretrained(whole_folder).head.head
    rows = [WHOLE_DICTIONARY.index(character) for character in ("blank", *"abcdefgh0123")]
    head = CRNNForCTC.from_pretrained(out).ctc_head
    torch.testing.assert_close(head.weight, before.weight[rows], rtol=0, atol=0.01)  # two steps change little
    torch.testing.assert_close(head.bias, before.bias[rows], rtol=0, atol=0.01)

    # Killed after its first step: the same command converts again and goes on to the same weights.
    uninterrupted, first_step = load_file(out / "model.safetensors"), (out / "checkpoint-1").stat().st_mtime_ns
    for name in ("checkpoint-2", "model.safetensors"):
        shutil.rmtree(out / name) if (out / name).is_dir() else (out / name).unlink()
    caplog.clear()
    train(*command)
    assert "it is converted" in caplog.text and "resumes with another" not in caplog.text
    assert (out / "checkpoint-1").stat().st_mtime_ns == first_step, "it began anew"
    resumed = load_file(out / "model.safetensors")
    assert resumed.keys() == uninterrupted.keys()
    for name, weight in uninterrupted.items():
        torch.testing.assert_close(resumed[name], weight, rtol=0, atol=0, msg=name)


@both_scripts
def test_94_become_hangul_and_are_published(script, train, hub, paddle_folder, tmp_path):
    """What both charsets have, the digits, is kept; the NOTICE goes up with what was trained."""
    convert_checkpoint(None, paddle_folder, tmp_path / "converted", charset="94")
    texts = [f"{HANGUL[index]}{HANGUL[-1 - index]}{index}" for index in range(8)]
    words = as_dataset(texts, images=[as_row(draw_word(text, 20)) for text in drawn_words(8)])
    words.to_parquet(str(tmp_path / "hangul.parquet"))
    options = "--dataset", "--eval_dataset"
    options = [argument for option in options for argument in (option, tmp_path / "hangul.parquet")]
    options += ["--charset", f"{HANGUL}0123456789", "--push_to_hub", "--hub_model_id", "org/hangul"]
    out = train(script, "--model_name_or_path", tmp_path / "converted", *options)

    assert CRNNProcessor.from_pretrained(out).tokenizer.characters == (*HANGUL, *"0123456789")
    before, after = (CRNNForCTC.from_pretrained(folder).ctc_head for folder in (tmp_path / "converted", out))
    old = CRNNProcessor.from_pretrained(tmp_path / "converted").tokenizer.characters
    rows = [0, *(1 + old.index(digit) for digit in "0123456789")]
    digits = [0, *range(1 + len(HANGUL), 1 + len(HANGUL) + 10)]
    torch.testing.assert_close(after.weight[digits], before.weight[rows], rtol=0, atol=0.01)
    assert after.weight[1 : 1 + len(HANGUL)].unique(dim=0).shape[0] == len(HANGUL), "syllables start apart"
    assert hub.files("org/hangul")["NOTICE"] == (tmp_path / "converted" / "NOTICE").read_bytes()


def test_what_is_converted_names_its_repository(release, paddle_folder, tmp_path):
    """Not the commit, by which the folder is named that it was downloaded to."""
    release(paddle_folder)
    convert_checkpoint(None, REPO, tmp_path / "converted", charset="0123456789abcdefgh")
    for name in ("NOTICE", "README.md"):
        assert "PP-OCRv6_tiny_rec_safetensors" in (tmp_path / "converted" / name).read_text(encoding="utf-8")
    assert notice_of(REPO) == (tmp_path / "converted" / "NOTICE").read_text(encoding="utf-8")


def test_other_networks_of_ppocr_are_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "pp_ocrv5_server_rec"}', encoding="utf-8")
    with pytest.raises(ValueError, match="is pp_ocrv5_server_rec: of PP-OCR there are pp_ocrv5_mobile_rec"):
        setup.load_recognizer(ModelArguments(model_name_or_path=str(tmp_path)))


def test_the_start_may_be_gone_when_the_run_ends(paddle_folder, tmp_path):
    start = tmp_path / "converted"
    convert_checkpoint(None, paddle_folder, start, charset="0123456789abcdefgh")
    notice = (start / "NOTICE").read_text(encoding="utf-8")
    args = ModelArguments(model_name_or_path=str(start))
    model, processor = setup.load_recognizer(args)
    shutil.rmtree(start)
    setup.save_recognizer(tmp_path / "out", model, processor, asdict(args))
    assert (tmp_path / "out" / "NOTICE").read_text(encoding="utf-8") == notice


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
