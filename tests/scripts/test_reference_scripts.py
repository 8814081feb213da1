# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The scripts around the reference checkpoint, end to end on a handful of words."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from hf_str import DEFAULT_CHECKPOINT, CRNNConfig, CRNNForCTC, CRNNProcessor, ImageToTextPipeline
from hf_str.training.arguments import (
    DataArguments,
    ModelArguments,
    RecipeArguments,
    SynthesisArguments,
    parse_arguments,
)
from hf_str.training.run_arguments import RunArguments
from tests.conftest import draw_word
from tests.training.drawing import font_folder


SCRIPTS = Path(__file__).parents[2] / "scripts"


ENVIRONMENT = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(SCRIPTS.parent)}


def run(script: str, *arguments, cwd: Path | None = None) -> str:
    command = [sys.executable, SCRIPTS / script, *arguments]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(SCRIPTS.parent)}
    done = subprocess.run(
        list(map(str, command)), env=environment, cwd=cwd, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture
def words(tmp_path) -> Path:
    """A folder of real words: twelve drawn ones, one with a character outside the charset, one of vertical text."""
    folder = tmp_path / "words"
    (folder / "images").mkdir(parents=True)
    texts = ["cat", "Dog", "EXIT", "24", "Bar", "tea", "shop", "Inn", "10p", "Zoo", "map", "Key", "café", "vertical"]
    for index, text in enumerate(texts):
        image = draw_word(text)
        image = image.rotate(90, expand=True) if text == "vertical" else image
        image.save(folder / "images" / f"{index}.png")
    lines = [f"images/{index}.png\t{text}\n" for index, text in enumerate(texts)]
    (folder / "labels.tsv").write_text("".join(lines), encoding="utf-8")
    return folder


TINY = {"conv_channels": [4, 4, 8, 8, 8, 8, 8], "hidden_size": 8, "batch_norms": True, "residual_blocks": 0}


def log_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def weights_of(folder: Path) -> dict:
    return CRNNForCTC.from_pretrained(folder).state_dict()


def test_recipes_are_options_of_both_scripts():
    """Every recipe is understood whole, and those of one folder of packed files."""
    pytest.importorskip("accelerate")
    groups = (ModelArguments, DataArguments, SynthesisArguments, RecipeArguments, RunArguments)
    recipes = sorted((SCRIPTS / "reference" / "recipes").glob("*.json"))
    assert len(recipes) >= 4
    for recipe in recipes:
        options = json.loads(recipe.read_text(encoding="utf-8"))
        parsed = parse_arguments(groups, "", [str(recipe), "--seed", "9"])
        values = {name: value for group in parsed for name, value in vars(group).items()}
        assert options.keys() <= values.keys() and values["seed"] == 9
        assert all(
            values[name] == value for name, value in options.items() if name not in ("seed", "lr_scheduler_type")
        )
        CRNNConfig.from_preset(options.get("preset", "vgg-bilstm"), **options.get("config_overrides", {}))


def test_a_recipe_in_pieces_from_packed_files(words, tmp_path):
    """The GPU's recipe at toy size: packed files, two workers, echoes, a piece cut short, the rest, real words."""
    pytest.importorskip("cv2")
    pytest.importorskip("fontTools")
    packed, photos, lexicon = tmp_path / "packed", tmp_path / "photos", tmp_path / "some_words.txt"
    photos.mkdir()
    draw_word("photo", 300).save(photos / "0.png")
    lexicon.write_text("house\nstreet\n")
    lexicons = [lexicon, "wordfreq:fil"] if importlib.util.find_spec("wordfreq") else [lexicon]
    arguments = ["--real", words, "--lexicon", *lexicons, "--backgrounds", photos, "--fonts", font_folder()]
    street = tmp_path / "street"
    street.mkdir()
    (street / "labels.tsv").write_text("../words/images/0.png\tcat\n../words/images/1.png\tDog\n")
    arguments += ["--pseudo_labeled", street, "--extra_crops", words]
    said = run("reference/pack_training_files.py", "--output_dir", packed, "--num_fonts", 3, *arguments)
    assert "families: " in said
    folders = {"fonts", "lexicons", "backgrounds", "real", "pseudo_labeled", "extra_crops"}
    assert folders == {path.name for path in packed.iterdir()}
    assert len(list((packed / "fonts").iterdir())) == 3
    assert len(list((packed / "lexicons").iterdir())) == len(lexicons)
    for path in (packed / "lexicons").glob("wordfreq*"):  # the GPU machine has no wordfreq
        assert path.name == "wordfreq-fil.txt" and path.read_text(encoding="utf-8").startswith("sa\t")
    names = [path.name for path in (words / "images").iterdir()]
    assert sorted(names) == sorted(path.name for path in (packed / "real" / "words" / "images").iterdir())
    # Images outside their folder get names of their own.
    labels = (packed / "pseudo_labeled" / "street" / "labels.tsv").read_text()
    assert labels == "images/00000.jpg\tcat\nimages/00001.jpg\tDog\n"

    recipe = SCRIPTS / "reference" / "recipes" / "resnet45-gpu.json"
    small = ["--preset", "vgg-bilstm", "--config_overrides", json.dumps(TINY), "--use_cpu", "--echo_buffer_size", 64]
    small += ["--per_device_train_batch_size", 16, "--dataloader_num_workers", 2, "--curriculum_samples", 64]
    small += ["--lexicon", "lexicons/some_words.txt", "--validation_split_percentage", 40]
    sources = ["--dataset", "synth=0.75", "real/words", "--pseudo_labeled_dataset", "pseudo_labeled/street"]
    sources += ["--extra_crops_dataset", "extra_crops/words"]
    length = ["--max_steps", 8, "--eval_steps", 4, "--save_steps", 4, "--logging_steps", 4]
    piece = run("run_ctc_str.py", recipe, *small, *sources, *length, "--max_minutes", 0.001, cwd=packed)
    assert "1 of 8 steps are done: give the same command again to resume" in piece
    rest = run("run_ctc_str.py", recipe, *small, *sources, *length, cwd=packed)
    assert "the same command again" not in rest
    folder = packed / "runs" / "resnet45"
    log = log_of(folder)
    assert [entry["step"] for entry in log if "loss" in entry] == [1, 4, 8]
    assert [entry["step"] for entry in log if "word_accuracy" in entry] == [1, 4, 8]
    assert all(entry["samples"] == 16 * entry["step"] for entry in log)
    assert all(0 < entry["device_utilization"] <= 1 for entry in log if "loss" in entry)
    assert "<svg" in (folder / "curves.html").read_text()
    model, processor = CRNNForCTC.from_pretrained(folder), CRNNProcessor.from_pretrained(folder)
    assert (folder / "model.safetensors").stat().st_size < 3 * model.num_parameters() + 20_000
    assert json.loads((folder / "config.json").read_text())["dtype"] == "float32" and model.dtype == torch.float32
    reader = ImageToTextPipeline(model=model, processor=processor, device="cpu")
    assert set(reader(str(words / "images" / "0.png"))[0]) == {"generated_text", "score"}
    described = json.loads((folder / "run.json").read_text())["training_data"]
    assert [source["name"] for source in described] == ["synth", "words", "street", "words"]
    assert described[1]["left_out"] | {"vertical text": 1} == described[1]["left_out"]

    real = SCRIPTS / "reference" / "recipes" / "resnet45-gpu-real.json"
    small = small[4:8] + small[8:]
    run("run_ctc_str.py", real, "--use_cpu", *small, *sources, *length, "--max_steps", 1, cwd=packed)
    before, after = weights_of(folder), weights_of(packed / "runs" / "resnet45-real")
    assert before.keys() == after.keys()


def test_compare_stages(words, tmp_path):
    """Two of the networks on one short budget; a second call trains nothing and shows the same table."""
    pytest.importorskip("cv2")
    pytest.importorskip("fontTools")
    arguments = ["--output_dir", tmp_path / "stages", "--featurizers", "vgg"]
    arguments += ["--sequentializers", "transformer", "none"]
    arguments += ["--fonts", font_folder(), "--dataset", "synth=0.7", words, "--per_device_train_batch_size", 4]
    arguments += ["--max_steps", 2, "--eval_steps", 1, "--validation_split_percentage", 40, "--use_cpu"]
    first = run("compare_stages.py", *arguments)
    assert "1 of 2: vgg-transformer" in first
    lines = [line for line in first.splitlines() if line.startswith("| vgg")]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert [row[:3] + row[5:6] for row in rows] == [["vgg", "transformer", "4.00", "8"], ["vgg", "none", "2.17", "8"]]
    assert float(rows[0][3]) > float(rows[1][3]) > 0.1  # multiply-accumulates
    assert all(0 <= float(accuracy) <= 100 for row in rows for accuracy in row[7:] if accuracy)
    weights = (tmp_path / "stages" / "vgg-none" / "model.safetensors").stat().st_mtime_ns
    second = run("compare_stages.py", *arguments)
    assert "1 of 2" not in second
    again = [line for line in second.splitlines() if line.startswith("| vgg")]
    assert [line.split("|")[7:] for line in again] == [line.split("|")[7:] for line in lines]
    assert (tmp_path / "stages" / "vgg-none" / "model.safetensors").stat().st_mtime_ns == weights

    command = [
        sys.executable,
        SCRIPTS / "compare_stages.py",
        "--output_dir",
        tmp_path / "bad",
        "--no_such_option",
        "1",
    ]
    done = subprocess.run(list(map(str, command)), env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "unrecognized arguments: --no_such_option" in done.stderr


def test_compare_ablations(words, tiny_checkpoint, tmp_path):
    """Each run differs from the plain one in one thing, and continues from the same checkpoint."""
    pytest.importorskip("cv2")
    pytest.importorskip("fontTools")
    arguments = ["--output_dir", tmp_path, "--model_name_or_path", tiny_checkpoint, "--pseudo_labeled_dataset", words]
    arguments += ["--teacher_model", tiny_checkpoint, "--ablations"]
    arguments += [
        "plain",
        "teacher",
        "pseudo-labels",
        "guidance-decoder",
        "--fonts",
        font_folder(),
        "--dataset",
        words,
    ]
    arguments += ["--per_device_train_batch_size", 4, "--max_steps", 2, "--logging_steps", 1, "--use_cpu"]
    arguments += ["--validation_split_percentage", 40]
    output = run("compare_ablations.py", *arguments)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in output.splitlines() if line[:2] == "| "]
    names = ["plain", "teacher", "pseudo labels", "guidance decoder"]
    assert [row[:2] for row in rows[1:]] == [[name, "8"] for name in names]
    losses = {name: log_of(tmp_path / name)[0]["loss"] for name in ("plain", "teacher", "guidance-decoder")}
    assert len(set(losses.values())) == 3
    settings = json.loads((tmp_path / "pseudo-labels" / "run.json").read_text())
    assert settings["pseudo_labeled_dataset"] == [str(words)]
    assert not CRNNForCTC.from_pretrained(tmp_path / "plain").config.guidance_decoder
    assert CRNNForCTC.from_pretrained(tmp_path / "guidance-decoder").config.guidance_decoder


def test_average_checkpoints(tiny_checkpoint, words, tmp_path):
    model = CRNNForCTC.from_pretrained(tiny_checkpoint)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    model.save_pretrained(tmp_path / "other")
    run("reference/average_checkpoints.py", tiny_checkpoint, tmp_path / "other", "--output_dir", tmp_path / "both")
    parameters = dict(model.named_parameters())
    for name, tensor in weights_of(tmp_path / "both").items():
        expected = (2 * before[name] if name in parameters else before[name]).half().to(tensor.dtype)
        assert torch.equal(tensor, expected)
    assert CRNNProcessor.from_pretrained(tmp_path / "both").tokenizer.characters

    reader = DEFAULT_CHECKPOINT
    out = run(
        "reference/average_checkpoints.py", reader, reader, "--output_dir", tmp_path / "same", "--eval_dataset", words
    )
    of_one, again, of_average = [line.split("|")[2:] for line in out.splitlines()[-3:]]
    assert of_one == again == of_average
    assert float(of_one[0].strip(" %")) > 50

    # One that was made deeper since, with the one from which it was: the further block is half as strong.
    deeper = CRNNForCTC.from_pretrained(tiny_checkpoint, residual_blocks=[0, 0, 0, 0, 0, 0, 1])
    block = deeper.crnn.featurizer.layers[6].residual_blocks[0]
    torch.nn.init.ones_(block.normalization2.weight)
    for part in (deeper, CRNNProcessor.from_pretrained(tiny_checkpoint)):
        part.save_pretrained(tmp_path / "deeper")
    run("reference/average_checkpoints.py", tmp_path / "deeper", tiny_checkpoint, "--output_dir", tmp_path / "opened")
    of_deeper, of_average = deeper.state_dict(), weights_of(tmp_path / "opened")
    assert of_average.keys() == of_deeper.keys() > before.keys()
    for name, tensor in of_average.items():
        expected = of_deeper[name] / (2 if name.endswith("residual_blocks.0.normalization2.weight") else 1)
        assert torch.equal(tensor, expected.half().to(tensor.dtype))

    narrow = CRNNForCTC(CRNNConfig.from_pretrained(tiny_checkpoint, hidden_size=16))
    narrow.save_pretrained(tmp_path / "narrow")
    command = [sys.executable, SCRIPTS / "reference/average_checkpoints.py", tiny_checkpoint, tmp_path / "narrow"]
    command = list(map(str, [*command, "--output_dir", tmp_path / "none"]))
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "have different networks" in done.stderr


def test_packed_files_have_a_limit(words, tmp_path):
    pytest.importorskip("fontTools")
    command = [sys.executable, SCRIPTS / "reference/pack_training_files.py", "--output_dir", tmp_path / "packed"]
    command += ["--fonts", font_folder(), "--num_fonts", "1", "--real", words, "--limit_mb", "0.001"]
    done = subprocess.run(list(map(str, command)), env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "That is too much: lower --num_fonts" in done.stderr


def test_evaluate_str_counts_what_is_read(words, tiny_checkpoint):
    """Two of three labels are set to what the model reads: one exactly, one with a mark behind it."""
    processor, model = CRNNProcessor.from_pretrained(tiny_checkpoint), CRNNForCTC.from_pretrained(tiny_checkpoint)
    reader = ImageToTextPipeline(model=model, processor=processor, device="cpu")
    readings = [reader(str(words / "images" / f"{index}.png"))[0]["generated_text"] for index in range(3)]
    labels = [readings[0], readings[1] + "!", "never"]
    lines = [f"images/{index}.png\t{label}\n" for index, label in enumerate(labels)]
    (words / "labels.tsv").write_text("".join(lines), encoding="utf-8")
    output = run(
        "evaluate_str.py", "--dataset", words, "--model", tiny_checkpoint, "--device", "cpu", "--num_errors", 5
    )
    row = next(line.split() for line in output.splitlines() if line.startswith("words "))
    assert row[:4] == ["words", "3", "66.67", "33.33"]
    assert "2.png: 'never' was read as" in output


def test_draw_errors(tiny_checkpoint, tmp_path):
    """An untrained model reads nothing right: all is shown; words of the protocol without characters are right."""
    pytest.importorskip("cv2")
    pytest.importorskip("fontTools")
    picture = tmp_path / "errors.png"
    arguments = ["--model", tiny_checkpoint, "--output", picture, "--num_samples", 5, "--difficulty", 1, 0.25]
    arguments += ["--fonts", font_folder(), "--num_errors", 4, "--columns", 2, "--charset", "digits"]
    output = run("draw_errors.py", *arguments)
    assert "| 0.25 | 5 | 0.00 |\n| 1 | 5 | 0.00 |" in output
    assert f"{picture} shows 4 of 5 errors." in output
    with Image.open(picture) as sheet:
        assert sheet.size == (2 * 184 + 4, 2 * 59 + 4)
