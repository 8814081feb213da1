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

from hf_str import DEFAULT_CHECKPOINT, CRNNConfig, CRNNForCTC, CRNNProcessor, CRNNTokenizer, ImageToTextPipeline
from hf_str.training import extra_crops, split_real_samples
from tests.conftest import draw_word
from tests.training.drawing import font_folder


SCRIPTS = Path(__file__).parents[2] / "scripts"


def run(script: str, *arguments) -> str:
    command = [sys.executable, SCRIPTS / script, *arguments]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, timeout=300)
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


def assert_reads_as(checkpoint: Path, weights: dict):
    """A run's checkpoint loads, and has what `final` has in half precision."""
    own = weights_of(checkpoint).items()
    assert all(torch.equal(tensor.half().to(tensor.dtype), weights[name]) for name, tensor in own)
    assert len(CRNNProcessor.from_pretrained(checkpoint).tokenizer.characters) == 94


def test_train_reference_on_a_cpu(words, tmp_path):
    """A run whose last checkpoint was lost goes on from the one before, and ends with the same weights."""
    pytest.importorskip("cv2")
    pytest.importorskip("fontTools")
    arguments = ["--output_dir", tmp_path / "run", "--fonts", font_folder(), "--real", words, "--real_share", 0.5]
    arguments += ["--config_overrides", json.dumps(TINY), "--batch_size", 16, "--eval_words", 64, "--max_words", 128]
    final = tmp_path / "run" / "final"

    first = run("train_reference.py", *arguments)
    assert "left out: 1 with characters outside the charset, 1 of vertical text" in first
    assert "from word 0, 0.0% of the run" in first
    assert [record["words"] for record in log_of(tmp_path / "run")] == [64, 128]
    assert all(torch.tensor(record["loss"]).isfinite() for record in log_of(tmp_path / "run"))
    assert "<svg" in (tmp_path / "run" / "curves.html").read_text()
    weights = weights_of(final)

    assert_reads_as(tmp_path / "run" / "checkpoint-8", weights)
    (tmp_path / "run" / "checkpoint-8" / "complete.json").unlink()
    second = run("train_reference.py", *arguments)
    assert "from word 64, 50.0% of the run" in second
    assert all(torch.equal(tensor, weights[name]) for name, tensor in weights_of(final).items())

    assert json.loads((final / "config.json").read_text())["dtype"] == "float32"
    model, processor = CRNNForCTC.from_pretrained(final), CRNNProcessor.from_pretrained(final)
    assert (final / "model.safetensors").stat().st_size < 3 * model.num_parameters() + 20_000
    assert model.dtype == torch.float32
    reader = ImageToTextPipeline(model=model, processor=processor, device="cpu")
    assert set(reader(str(words / "images" / "0.png"))[0]) == {"generated_text", "score"}


def test_train_reference_with_frozen_layers(words, tmp_path):
    """Weights and statistics of the first layers stay, those after them change; second views are trained on."""
    pytest.importorskip("cv2")
    pytest.importorskip("fontTools")
    arguments = ["--fonts", font_folder(), "--real", words, "--real_share", 0.5, "--batch_size", 16]
    arguments += ["--eval_words", 32, "--max_words", 64, "--extra_crops", words]
    tiny = ["--config_overrides", json.dumps(TINY)]
    run("train_reference.py", *arguments, *tiny, "--output_dir", tmp_path / "first")
    start = tmp_path / "first" / "final"
    again = ["--output_dir", tmp_path / "run", "--init_from", start, "--learning_rate", 2e-3]
    run("train_reference.py", *arguments, *again, "--frozen_layers", 2)
    before, after = weights_of(start), weights_of(tmp_path / "run" / "final")
    frozen = [name for name in before if name.startswith(("crnn.featurizer.layers.0.", "crnn.featurizer.layers.1."))]
    assert sum("running_mean" in name for name in frozen) == 2
    assert all(torch.equal(before[name], after[name]) for name in frozen)
    others = [name for name in before if name not in frozen and before[name].is_floating_point()]
    assert not any(torch.equal(before[name], after[name]) for name in others if "height_attention" not in name)


def test_train_reference_in_pieces_from_packed_files(words, tmp_path):
    """The GPU's way at toy size: packed files, two workers, a pool, a piece cut short, the rest, another start."""
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
    said = run("pack_training_files.py", "--output_dir", packed, "--num_faces", 3, *arguments)
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

    arguments = ["--profile", "gpu", "--files", packed, "--device", "cpu", "--config_overrides", json.dumps(TINY)]
    arguments += ["--preset", "vgg-bilstm", "--batch_size", 16, "--num_workers", 2, "--pool_words", 64]
    arguments += ["--eval_words", 96, "--max_words", 192, "--easy_words", 64]
    piece = run("train_reference.py", *arguments, "--output_dir", tmp_path / "run", "--max_minutes", 0.001)
    assert "8.3% of the run is done" in piece
    views = len(extra_crops([words], split_real_samples([words], CRNNTokenizer(charset="94")).validation))
    assert f"labelled by a model, or seen in a second view: {2 + views}\n" in piece
    assert "The same command goes on." in piece
    rest = run("train_reference.py", *arguments, "--output_dir", tmp_path / "run")
    assert "from word 16, 8.3% of the run" in rest
    assert "This run goes on with another max_minutes: 0.001 -> inf" in rest
    log = log_of(tmp_path / "run")
    assert [record["words"] for record in log] == [16, 96, 192]
    assert all(record["words"] == 2 * record["new_words"] for record in log)
    assert all(0 < record["busy"] <= 1 for record in log)
    final = tmp_path / "run" / "final"
    reader = ImageToTextPipeline(
        model=CRNNForCTC.from_pretrained(final), processor=CRNNProcessor.from_pretrained(final), device="cpu"
    )
    assert set(reader(str(words / "images" / "0.png"))[0]) == {"generated_text", "score"}

    deeper = ["--init_from", final, "--config_overrides", json.dumps({"residual_blocks": [0, 0, 0, 1, 0, 0, 0]})]
    run("train_reference.py", *arguments, *deeper, "--output_dir", tmp_path / "deeper", "--max_minutes", 0.001)
    before, after = weights_of(final), weights_of(tmp_path / "deeper" / "final")
    assert before.keys() < after.keys()
    # One step in, at a rate that has only begun to rise.
    assert torch.allclose(after["ctc_head.weight"], before["ctc_head.weight"], atol=1e-3)


def test_train_reference_on_words_that_keep_their_shape(words, tiny_checkpoint, tmp_path):
    """Each batch has a width of its own; a resumed run goes on with the same batches."""
    pytest.importorskip("cv2")
    pytest.importorskip("fontTools")
    images = {"keep_aspect_ratio": True, "width_factor": 1.5, "min_width": 64, "max_width": 256}
    images["resize_to_multiple_of"] = 32
    arguments = ["--output_dir", tmp_path / "run", "--fonts", font_folder(), "--real", words, "--real_share", 0.5]
    arguments += ["--init_from", tiny_checkpoint, "--image_processor_overrides", json.dumps(images), "--window", 4]
    arguments += ["--batch_size", 8, "--eval_words", 32, "--max_words", 64, "--easy_words", 0]
    run("train_reference.py", *arguments)
    final = tmp_path / "run" / "final"
    weights = weights_of(final)
    processor = CRNNProcessor.from_pretrained(final)
    assert processor.image_processor.to_dict().items() >= images.items()
    assert_reads_as(tmp_path / "run" / "checkpoint-8", weights)
    (tmp_path / "run" / "checkpoint-8" / "complete.json").unlink()
    assert "from word 32, 50.0% of the run" in run("train_reference.py", *arguments)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in weights_of(final).items())


def test_compare_stages(words, tmp_path):
    """Two of the networks on one short budget; a second call trains nothing and shows the same table."""
    pytest.importorskip("cv2")
    pytest.importorskip("fontTools")
    arguments = ["--output_dir", tmp_path / "stages", "--featurizers", "vgg"]
    arguments += ["--sequentializers", "transformer", "none"]
    arguments += ["--fonts", font_folder(), "--real", words, "--batch_size", 4, "--eval_words", 4, "--max_words", 8]
    first = run("compare_stages.py", *arguments)
    assert "1 of 2: vgg-transformer" in first
    lines = [line for line in first.splitlines() if line.startswith("| vgg")]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert [row[:3] + row[5:6] for row in rows] == [["vgg", "transformer", "4.00", "8"], ["vgg", "none", "2.17", "8"]]
    assert float(rows[0][3]) > float(rows[1][3]) > 0.1  # multiply-accumulates
    assert all(0 <= float(accuracy) <= 100 for row in rows for accuracy in row[7:] if accuracy)
    weights = (tmp_path / "stages" / "vgg-none" / "final" / "model.safetensors").stat().st_mtime_ns
    second = run("compare_stages.py", *arguments)
    assert "1 of 2" not in second
    again = [line for line in second.splitlines() if line.startswith("| vgg")]
    assert [line.split("|")[7:] for line in again] == [line.split("|")[7:] for line in lines]
    assert (tmp_path / "stages" / "vgg-none" / "final" / "model.safetensors").stat().st_mtime_ns == weights

    command = [
        sys.executable,
        SCRIPTS / "compare_stages.py",
        "--output_dir",
        tmp_path / "bad",
        "--no_such_option",
        "1",
    ]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "unrecognized arguments: --no_such_option" in done.stderr


def test_compare_levers(words, tiny_checkpoint, tmp_path):
    """Each run differs from the plain one in its lever, and goes on from the same checkpoint."""
    pytest.importorskip("cv2")
    pytest.importorskip("fontTools")
    arguments = ["--output_dir", tmp_path, "--init_from", tiny_checkpoint, "--pseudo_labeled", words]
    arguments += ["--teacher", tiny_checkpoint, "--levers"]
    arguments += ["plain", "teacher", "self-labelled-words", "guidance-decoder", "--fonts", font_folder()]
    arguments += ["--real", words, "--batch_size", 4, "--eval_words", 4, "--max_words", 8]
    output = run("compare_ablations.py", *arguments)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in output.splitlines() if line[:2] == "| "]
    assert [row[:2] for row in rows[1:]] == [
        ["plain", "8"],
        ["teacher", "8"],
        ["self labelled words", "8"],
        ["guidance decoder", "8"],
    ]
    losses = {name: log_of(tmp_path / name)[0]["loss"] for name in ("plain", "teacher", "guidance-decoder")}
    assert len(set(losses.values())) == 3
    settings = json.loads((tmp_path / "self-labelled-words" / "run.json").read_text())
    assert settings["pseudo_labeled"] == [str(words)]
    assert not CRNNForCTC.from_pretrained(tmp_path / "plain" / "final").config.guidance_decoder
    assert CRNNForCTC.from_pretrained(tmp_path / "guidance-decoder" / "final").config.guidance_decoder


def test_average_checkpoints(tiny_checkpoint, words, tmp_path):
    model = CRNNForCTC.from_pretrained(tiny_checkpoint)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    model.save_pretrained(tmp_path / "other")
    run("average_checkpoints.py", tiny_checkpoint, tmp_path / "other", "--output_dir", tmp_path / "both")
    parameters = dict(model.named_parameters())
    for name, tensor in weights_of(tmp_path / "both").items():
        expected = (2 * before[name] if name in parameters else before[name]).half().to(tensor.dtype)
        assert torch.equal(tensor, expected)
    assert CRNNProcessor.from_pretrained(tmp_path / "both").tokenizer.characters

    reader = DEFAULT_CHECKPOINT
    out = run("average_checkpoints.py", reader, reader, "--output_dir", tmp_path / "same", "--eval_dataset", words)
    of_one, again, of_average = [line.split("|")[2:] for line in out.splitlines()[-3:]]
    assert of_one == again == of_average
    assert float(of_one[0].strip(" %")) > 50

    # One that was made deeper since, with the one from which it was: the further block is half as strong.
    deeper = CRNNForCTC.from_pretrained(tiny_checkpoint, residual_blocks=[0, 0, 0, 0, 0, 0, 1])
    block = deeper.crnn.featurizer.layers[6].residual_blocks[0]
    torch.nn.init.ones_(block.normalization2.weight)
    for part in (deeper, CRNNProcessor.from_pretrained(tiny_checkpoint)):
        part.save_pretrained(tmp_path / "deeper")
    run("average_checkpoints.py", tmp_path / "deeper", tiny_checkpoint, "--output_dir", tmp_path / "opened")
    of_deeper, of_average = deeper.state_dict(), weights_of(tmp_path / "opened")
    assert of_average.keys() == of_deeper.keys() > before.keys()
    for name, tensor in of_average.items():
        expected = of_deeper[name] / (2 if name.endswith("residual_blocks.0.normalization2.weight") else 1)
        assert torch.equal(tensor, expected.half().to(tensor.dtype))

    narrow = CRNNForCTC(CRNNConfig.from_pretrained(tiny_checkpoint, hidden_size=16))
    narrow.save_pretrained(tmp_path / "narrow")
    command = [sys.executable, SCRIPTS / "average_checkpoints.py", tiny_checkpoint, tmp_path / "narrow"]
    done = subprocess.run(
        list(map(str, [*command, "--output_dir", tmp_path / "none"])), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 1
    assert "have different networks" in done.stderr


def test_packed_files_have_a_limit(words, tmp_path):
    pytest.importorskip("fontTools")
    command = [sys.executable, SCRIPTS / "pack_training_files.py", "--output_dir", tmp_path / "packed"]
    command += ["--fonts", font_folder(), "--num_faces", "1", "--real", words, "--limit_mb", "0.001"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "That is too much: lower --num_faces" in done.stderr


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
