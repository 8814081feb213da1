# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The configuration: defaults, what is refused and how, frames for a width, what a saved folder carries."""

import json
import re
from pathlib import Path

import pytest
import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import AutoConfig

from hf_str import CRNNConfig, CRNNForCTC
from hf_str.models.crnn import configuration_crnn
from hf_str.models.crnn.featurizer_vgg_crnn import VGGStage


PADDED_POOLS = {
    "pool_kernel_sizes": [[2, 2], [2, 2], None, [2, 2], None, [2, 2], None],
    "pool_strides": [[2, 2], [2, 2], None, [2, 1], None, [2, 1], None],
    "pool_paddings": [[0, 0], [0, 0], None, [0, 1], None, [0, 1], None],
}


def pools(first: object) -> list:
    """The paper's pools with another one after the first convolution."""
    return [first, [2, 2], None, [2, 1], None, [2, 1], None]


def test_the_defaults_are_the_papers():
    config = CRNNConfig()
    assert config.model_type == "crnn"
    assert (config.vocab_size, config.num_channels, config.image_height) == (37, 1, 32)
    assert config.conv_channels == [64, 128, 256, 256, 512, 512, 512]
    assert config.conv_kernel_sizes == [3, 3, 3, 3, 3, 3, 2]
    assert config.conv_paddings == [1, 1, 1, 1, 1, 1, 0]
    assert config.batch_norms == [False, False, False, False, True, True, False]
    assert config.pool_kernel_sizes == config.pool_strides == pools([2, 2])
    assert config.pool_paddings == [[0, 0], [0, 0], None, [0, 0], None, [0, 0], None]
    assert (config.hidden_size, config.num_hidden_layers, config.lstm_projection) == (256, 2, "between")
    assert (config.pad_token_id, config.dropout, config.ctc_loss_reduction) == (0, 0.0, "mean")
    assert config.unalignable_labels == "error"


@pytest.mark.parametrize(
    "field, value", [("conv_kernel_sizes", 3), ("conv_paddings", 1), ("conv_biases", False), ("batch_norms", True)]
)
def test_one_value_is_for_all_convolutions(field, value):
    fields = {"conv_channels": [8, 16, 32], "pool_kernel_sizes": [[2, 2], None, [2, 1]], "conv_paddings": 1}
    fields |= {"conv_kernel_sizes": 3, "batch_norms": False} | {field: value}
    config = CRNNConfig(**fields)
    assert getattr(config, field) == [value] * 3
    assert config == CRNNConfig(**fields | {field: (value,) * 3})


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"vocab_size": "37"}, "vocab_size.*expected int, got str"),
        ({"conv_channels": "abc"}, "conv_channels.*expected a list"),
        ({"conv_channels": ["64"] * 7}, r"conv_channels\[0\] must be an integer of at least 1, not '64'"),
        ({"conv_biases": [1] * 7}, r"Field 'conv_biases\[0\]' expected bool, got int"),
        (
            {"conv_kernel_sizes": 3.0},
            r"conv_kernel_sizes\[0\] must be an integer of at least 1, or a .* pair, not 3.0",
        ),
        ({"batch_norms": 1}, "batch_norms.*expected bool, got int"),
        ({"pool_kernel_sizes": None}, "pool_kernel_sizes.*expected a? ?list"),
        ({"dropout": "0.1"}, "dropout.*expected float, got str"),
        ({"pad_token_id": None}, "pad_token_id.*expected int"),
        ({"height_pooling": "mean"}, r"height_pooling.*one of \('average', 'max', 'learned'\), got mean"),
        ({"lstm_projection": "some"}, r"lstm_projection.*one of \('between', 'all', 'none'\), got some"),
        ({"ctc_loss_reduction": "none"}, r"ctc_loss_reduction.*one of \('mean', 'sum'\), got none"),
        ({"unalignable_labels": "skip"}, r"unalignable_labels.*one of \('error', 'drop'\), got skip"),
        ({"conv_channels": []}, "conv_channels is empty: at least one"),
        (
            {"conv_channels": [8, 16]},
            r"conv_kernel_sizes has 7 entries for 2 convolutions \(conv_channels\): give one",
        ),
        ({"batch_norms": [True]}, "batch_norms has 1 entries for 7 convolutions"),
        ({"pool_kernel_sizes": [[2, 2]]}, "pool_kernel_sizes has 1 entries for 7 convolutions"),
        ({"pool_strides": [[2, 2]] * 7}, r"pool_strides\[2\] is \[2, 2\] where pool_kernel_sizes\[2\] is None: give"),
        ({"pool_strides": pools([0, 1])}, r"pool_strides\[0\] must be a \[height, width\] pair of integers from 1 on"),
        ({"pool_kernel_sizes": pools(2)}, r"pool_kernel_sizes\[0\] must be a \[height, width\] pair.*not 2"),
        ({"pool_kernel_sizes": pools([2])}, r"pool_kernel_sizes\[0\] must be a \[height, width\] pair.*not \[2\]"),
        ({"pool_kernel_sizes": pools([2.5, 2])}, r"pool_kernel_sizes\[0\] must be a \[height, width\] pair"),
        ({"pool_paddings": pools([-1, 0])}, r"pool_paddings\[0\] must be a \[height, width\] pair.*from 0 on"),
        ({"pool_paddings": pools([2, 2])}, r"pool_paddings\[0\] is \[2, 2\] for a window of \[2, 2\]: at most half"),
        ({"conv_channels": [-8] * 7}, r"conv_channels\[0\] must be at least 1, not -8"),
        ({"conv_kernel_sizes": 0}, r"conv_kernel_sizes\[0\] must be at least 1, or a .* pair, not 0"),
        ({"conv_paddings": -1}, r"conv_paddings\[0\] must be at least 0, or a .* pair, not -1"),
        ({"vocab_size": 0}, "vocab_size must be at least 1, not 0"),
        ({"num_channels": 0}, "num_channels must be at least 1, not 0"),
        ({"hidden_size": -4}, "hidden_size must be at least 1, not -4"),
        ({"num_hidden_layers": -1}, "num_hidden_layers must be 0 or more, not -1"),
        ({"image_height": 15}, "image_height 15 is pooled away.*use a larger image_height or fewer pools"),
        ({"image_height": -32}, "image_height must be at least 1, not -32"),
        ({"pad_token_id": 1}, "pad_token_id is the CTC blank and must be 0, not 1"),
        ({"dropout": 1.5}, r"dropout is a probability in \[0, 1\), not 1.5"),
        ({"batch_norm_eps": -1.0}, "batch_norm_eps must be above 0, not -1.0"),
        ({"conv_strides": [1, 1, 1, 1, 1, [2], 1]}, r"conv_strides\[5\] must be at least 1, or a .* pair, not \[2\]"),
        (
            {"stage_depths": [1]},
            "stage_depths belongs to featurizer .*efficientnet or .*resnet, and .* is vgg: leave",
        ),
        (
            {"featurizer": "resnet", "batch_norms": True},
            "batch_norms belongs to featurizer vgg, and featurizer is res",
        ),
        ({"featurizer": "resnet", "stage_kernel_sizes": 3}, "stage_kernel_sizes belongs to featurizer efficientnet"),
        ({"backbone_width_stride": 4}, "backbone_width_stride belongs to featurizer backbone"),
        ({"featurizer": "squeezenet"}, "featurizer must be one of .*resnet, vgg, not 'squeezenet'"),
        ({"featurizer": "resnet", "stage_depths": []}, "stage_depths is empty"),
        ({"featurizer": "resnet", "stage_depths": [1]}, r"stage_channels has 5 entries for 1 stages \(stage_depths\)"),
        ({"featurizer": "resnet", "stage_strides": [[2, 2]] * 4 + [2]}, r"stage_strides\[4\] must be a \[height, wid"),
        ({"featurizer": "resnet", "block_kernel_sizes": [2, 3]}, r"block_kernel_sizes\[0\] must be odd, not 2"),
        ({"featurizer": "resnet", "stem_stride": [2]}, r"stem_stride must be a \[height, width\] pair"),
        (
            {"featurizer": "efficientnet", "stage_activations": "swoosh"},
            r"stage_activations\[0\] is 'swoosh'.*take one",
        ),
        ({"featurizer": "efficientnet", "stage_expansions": 0}, r"stage_expansions\[0\] must be above 0"),
        ({"featurizer": "mobilenet_v3", "head_channels": 0}, "head_channels must be at least 1, not 0"),
        ({"height_pooling": "learned"}, "has nothing to choose: one row is left of image_height 32; use a larger"),
        ({"sequentializer": "gru"}, "sequentializer must be one of .*bilstm, .*, not 'gru'"),
        ({"sequentializer": "transformer", "num_attention_heads": 7}, "hidden_size 256 must be a multiple of .* 7"),
        (
            {"sequentializer": "transformer", "hidden_size": 24, "position_embeddings": "rotary"},
            "hidden_size / num_attention_heads must be even, not 3",
        ),
        ({"sequentializer": "transformer", "hidden_act": "swoosh"}, "hidden_act is 'swoosh', which is no activation"),
        (
            {"mixers": ["local"]},
            "mixers belongs to sequentializer mixing, and .* is bilstm: leave mixers out or",
        ),
        ({"sequentializer": "mixing", "mixers": ["local"]}, r"mixers has 1 entries for 2 layers \(num_hidden_layers"),
        ({"sequentializer": "mixing", "mixers": ["local", "both"]}, r'mixers\[1\] must be "local" or "global"'),
        (
            {"sequentializer": "mixing", "mixing_kernel_size": 4},
            "mixing_kernel_size must be odd, not 4",
        ),
        ({"rectification": "tps", "num_fiducials": 7}, "num_fiducials must be even and at least 4.*not 7"),
        ({"rectification": "tps", "localization_size": [4, 100]}, r"localization_size \[4, 100\] is pooled away by 4"),
        ({"guidance_decoder": True, "guidance_size": 100}, "guidance_size 100 must be even and a multiple of"),
        ({"guidance_weight": -1.0}, "guidance_weight must be 0 or more"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_with_what_is_allowed(fields, message):
    with pytest.raises((StrictDataclassError, ValueError), match=f"(?s){message}"):
        CRNNConfig(**fields)


def test_assignment_is_checked_too():
    config = CRNNConfig()
    with pytest.raises((StrictDataclassError, TypeError), match="Field 'hidden_size' expected int, got str"):
        config.hidden_size = "large"


@pytest.mark.parametrize("fields", [{}, PADDED_POOLS, {"dropout": 0, "batch_norms": True, "vocab_size": 95}], ids=str)
def test_saved_and_loaded_it_is_equal(fields, tmp_path):
    config = CRNNConfig(**fields)
    config.save_pretrained(tmp_path)
    for loaded in (AutoConfig.from_pretrained(tmp_path), CRNNConfig.from_pretrained(tmp_path)):
        assert type(loaded) is CRNNConfig
        assert loaded.to_dict() | {"_name_or_path": ""} == config.to_dict()
        loaded.transformers_version = None  # transformers writes it into the file, and a new configuration has none
        assert loaded == config


@pytest.mark.parametrize(
    "fields, frames",
    [
        ({}, {100: 24, 128: 31, 61: 14, 8: 1, 7: 0, 1: 0}),
        (PADDED_POOLS, {100: 26, 128: 33, 61: 16, 4: 2, 3: 0, 1: 0}),
    ],
    ids=["paper", "padded pools"],
)
def test_frames_of_a_width(fields, frames):
    config = CRNNConfig(**fields)
    assert {width: config.num_frames(width) for width in frames} == frames
    widths = torch.tensor(list(frames))
    assert config.num_frames(widths).tolist() == list(frames.values())
    assert config.num_frames(widths.numpy()).tolist() == list(frames.values())
    assert config.num_frames(widths.numpy()[0]) == frames[100]


@pytest.mark.parametrize(
    "fields, sizes",
    [
        ({}, [512, 256, 512]),
        ({"lstm_projection": "all"}, [512, 256, 256]),
        ({"lstm_projection": "none"}, [512, 512, 512]),
        ({"num_hidden_layers": 0}, [512]),
        ({"num_hidden_layers": 1, "hidden_size": 64}, [512, 128]),
    ],
    ids=str,
)
def test_features_after_each_layer(fields, sizes):
    assert CRNNConfig(**fields).hidden_sizes == sizes


def test_a_saved_folder_says_how_it_loads_without_hf_str(tmp_path):
    config = CRNNConfig()
    config.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text())
    assert saved["auto_map"] == {
        "AutoConfig": "configuration_crnn.CRNNConfig",
        "AutoModel": "modeling_crnn.CRNNForCTC",
        "AutoModelForCTC": "modeling_crnn.CRNNForCTC",
        "AutoModelForTextRecognition": "modeling_crnn.CRNNForCTC",
    }
    pipelines = saved["custom_pipelines"]
    assert sorted(pipelines) == ["image-to-text", "scene-text-recognition"]
    assert all(task["impl"] == "pipeline_crnn.ImageToTextPipeline" for task in pipelines.values())
    assert not hasattr(config, "custom_pipelines")
    assert not hasattr(AutoConfig.from_pretrained(tmp_path), "custom_pipelines")
    room = Path(configuration_crnn.__file__).parent
    found = {path.name for path in tmp_path.iterdir()}
    assert found == code_of("configuration_crnn", "modeling_crnn", "pipeline_crnn") | {"config.json"}
    assert all((tmp_path / name).read_bytes() == (room / name).read_bytes() for name in found - {"config.json"})


def code_of(*modules: str) -> set[str]:
    """Files of the modules, and of all that they import."""
    room, found, left = Path(configuration_crnn.__file__).parent, set(), list(modules)
    while left:
        if (name := f"{left.pop()}.py") not in found:
            found.add(name)
            left += re.findall(r"^\s*from \.(\w+) import", (room / name).read_text(encoding="utf-8"), re.MULTILINE)
    return found


def test_a_checkpoint_has_the_code_that_it_names_and_no_more(tiny_checkpoint):
    """That is all there is but for the image processor of torchvision, which nothing names."""
    found = {path.name for path in Path(tiny_checkpoint).glob("*.py")}
    classes = ("configuration_crnn", "modeling_crnn", "pipeline_crnn", "processing_crnn", "tokenization_crnn")
    assert found == code_of(*classes, "image_processing_pil_crnn")
    room = Path(configuration_crnn.__file__).parent
    assert {path.name for path in room.glob("*.py")} - found == {"__init__.py", "image_processing_crnn.py"}


@pytest.mark.parametrize(
    "name", ["resnet45-transformer", "efficientnet-b0-none", "pplcnet-mixing", "tps-resnet-bilstm"]
)
def test_a_preset_saved_and_loaded_is_equal(name, tmp_path):
    config = CRNNConfig.from_preset(name, vocab_size=95)
    config.save_pretrained(tmp_path)
    loaded = AutoConfig.from_pretrained(tmp_path)
    assert loaded.vocab_size == 95
    fields = [each.to_dict() for each in (loaded, config)]
    for each in fields:
        for part in (each, each["backbone_config"] or {}):
            part.pop("transformers_version", None)
            part.pop("_name_or_path", None)
    assert fields[0] == fields[1]
    assert loaded.num_frames(100) == config.num_frames(100)


def test_an_unknown_preset_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="there is no preset 'vgg-lstm'; there are vgg-bilstm, vgg-transformer"):
        CRNNConfig.from_preset("vgg-lstm")


def test_the_first_preset_is_the_papers_network():
    assert CRNNConfig.from_preset("vgg-bilstm") == CRNNConfig()


def test_attributes_that_transformers_expects():
    config = CRNNConfig(vocab_size=95, num_channels=3, hidden_size=64, num_hidden_layers=1)
    assert (config.vocab_size, config.num_channels, config.hidden_size, config.num_hidden_layers) == (95, 3, 64, 1)


def test_fields_of_stages_are_told_from_others():
    names = CRNNConfig.field_names()
    assert {"vocab_size", "conv_channels", "stage_depths", "neck_fusion", "num_fiducials", "dtype"} <= names
    assert "conv_chanels" not in names


def test_what_the_caller_changes_of_a_checkpoint_is_filled_in_and_checked(tmp_path):
    CRNNConfig().save_pretrained(tmp_path)
    config = CRNNConfig.from_pretrained(tmp_path, featurizer="resnet", sequentializer="mixing", num_hidden_layers=3)
    assert (config.stage_depths, config.mixers) == ([3, 4, 6, 6, 3], ["local", "local", "global"])
    assert config.num_frames(100) == 25
    with pytest.raises(ValueError, match="mixers belongs to sequentializer mixing"):
        CRNNConfig.from_pretrained(tmp_path, mixers=["local"])


@pytest.mark.parametrize(
    "fields", [{"featurizer": "resnet"}, {"sequentializer": "mixing"}, {"sequentializer": "none"}], ids=str
)
def test_a_stage_that_is_chosen_later_is_filled_in(fields, tmp_path):
    config = CRNNConfig()
    config.update(fields)
    model = CRNNForCTC(config)
    assert model(torch.zeros(1, 1, 32, 100)).num_frames.tolist() == [config.num_frames(100)]
    config = CRNNConfig()
    config.update(fields)
    config.save_pretrained(tmp_path)
    assert CRNNConfig.from_pretrained(tmp_path).to_dict() | {"_name_or_path": ""} == config.to_dict()


def test_fields_that_became_wrong_are_found_when_the_network_is_made():
    config = CRNNConfig()
    config.image_height = 8
    with pytest.raises(ValueError, match="image_height 8 is pooled away"):
        CRNNForCTC(config)


@pytest.mark.parametrize(
    "fields, error, message",
    [
        ({"backbone_config": {"model_type": "resnet"}}, ValueError, "belongs to featurizer backbone"),
        ({"backbone_config": "resnet"}, ValueError, "belongs to featurizer backbone"),
        ({"backbone_config": "resnet", "featurizer": "backbone"}, TypeError, "or its dictionary, not 'resnet'"),
    ],
    ids=str,
)
def test_what_is_no_configuration_of_a_backbone_is_refused(fields, error, message, tmp_path):
    with pytest.raises(error, match=message):
        CRNNConfig(**fields)
    CRNNConfig().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=message):
        CRNNConfig.from_pretrained(tmp_path, **fields)


def test_stages_are_typed_by_what_their_fields_are():
    """One value for all, tuples and missing values are gone: a stage has lists, as its annotations say."""
    config = CRNNConfig(conv_kernel_sizes=(3, 3, 3, 3, 3, 3, (2, 1)), batch_norms=True, image_height=33)
    stage = config.featurizer_stage
    assert type(stage) is VGGStage
    assert stage.conv_kernel_sizes == config.conv_kernel_sizes == [3, 3, 3, 3, 3, 3, [2, 1]]
    assert stage.batch_norms == config.batch_norms == [True] * 7
    config.conv_strides = 1  # what is assigned later may have any form too
    assert config.featurizer_stage.conv_strides == [1] * 7
    config.conv_strides = [1]
    with pytest.raises(ValueError, match="conv_strides has 1 entries for 7 convolutions"):
        config.featurizer_stage  # noqa: B018
