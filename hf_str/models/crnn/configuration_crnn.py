# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""CRNN configuration: the paper's network by default, every CRNN of the field by its fields or by a preset's name."""

import copy
import os
import shutil
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, PreTrainedConfig
from transformers.activations import ACT2FN

from .files_crnn import naming_files
from .presets_crnn import PRESETS


__all__ = ["CRNNConfig"]

_CODE = Path(__file__).parent
#: How `trust_remote_code=True` finds the classes in the code that a saved folder carries.
_AUTO_MAP = {
    "AutoConfig": "configuration_crnn.CRNNConfig",
    "AutoModel": "modeling_crnn.CRNNForCTC",
    "AutoModelForCTC": "modeling_crnn.CRNNForCTC",
    "AutoModelForTextRecognition": "modeling_crnn.CRNNForCTC",
}
#: What each featurizer looks like where its fields are left out, and with it the fields that it has.
_STAGES = {
    "resnet": {
        "stem_channels": [32],
        "stem_stride": [1, 1],
        "stem_pool_stride": None,
        "stage_depths": [3, 4, 6, 6, 3],
        "stage_channels": [32, 64, 128, 256, 512],
        "stage_strides": [[2, 2], [2, 2], [2, 1], [2, 1], [2, 1]],
        "block_kernel_sizes": [1, 3],
        "block_stride_at": "first",
        "block_shortcut": "convolution",
        "head_pool_kernel_size": None,
    },
    "efficientnet": {
        "stem_channels": [32],
        "stem_stride": [2, 2],
        "stage_depths": [1, 2, 2, 3, 3, 4, 1],
        "stage_channels": [16, 24, 40, 80, 112, 192, 320],
        "stage_strides": [[1, 1], [2, 2], [2, 1], [2, 1], [1, 1], [2, 1], [1, 1]],
        "stage_kernel_sizes": [3, 3, 5, 3, 5, 5, 3],
        "stage_expansions": [1, 6, 6, 6, 6, 6, 6],
        "stage_squeezes": True,
        "stage_activations": "silu",
        "head_channels": None,
        "head_pool_kernel_size": None,
    },
    "mobilenet_v3": {
        "stem_channels": [16],
        "stem_stride": [2, 2],
        "stage_depths": [1] * 11,
        "stage_channels": [16, 24, 24, 40, 40, 40, 48, 48, 96, 96, 96],
        "stage_strides": [[2, 2], [2, 1], [1, 1], [2, 1], [1, 1], [1, 1], [1, 1], [1, 1], [2, 1], [1, 1], [1, 1]],
        "stage_kernel_sizes": [3, 3, 3, 5, 5, 5, 5, 5, 5, 5, 5],
        "stage_expansions": [1, 72 / 16, 88 / 24, 96 / 24, 6, 6, 3, 3, 6, 6, 6],
        "stage_squeezes": [True, False, False, True, True, True, True, True, True, True, True],
        "stage_activations": ["relu"] * 3 + ["hardswish"] * 8,
        "squeeze_divisor": 8,
        "always_expand": False,
        "head_channels": None,
        "head_pool_kernel_size": None,
    },
    "pp_lcnet_v3": {
        "stem_channels": [16],
        "stem_stride": [2, 2],
        "stage_depths": [1] * 14,
        "stage_channels": [32, 64, 64, 128, 128] + [240] * 5 + [480] * 4,
        "stage_strides": [[1, 1]] * 3 + [[2, 1], [1, 1], [1, 2]] + [[1, 1]] * 4 + [[2, 1], [1, 1], [2, 1], [1, 1]],
        "stage_kernel_sizes": [3] * 6 + [5] * 8,
        "stage_squeezes": [False] * 10 + [True, True, False, False],
        "stage_activations": "hardswish",
        "head_pool_kernel_size": [3, 2],
    },
    "pp_lcnet_v4": {
        "stem_type": "large",
        "stem_channels": [48, 96],
        "stem_stride": [2, 2],
        "stage_depths": [1] * 13,
        "stage_channels": [96] * 3 + [192] * 7 + [384] * 3,
        "stage_strides": [[1, 1]] * 3 + [[2, 1]] + [[1, 1]] * 6 + [[2, 1]] + [[1, 1]] * 2,
        "stage_kernel_sizes": 3,
        "stage_squeezes": [True, False, False, False, True, False, True, False, True, False, False, True, False],
        "stage_activations": "gelu",
        "head_pool_kernel_size": [3, 2],
    },
    "backbone": {"backbone_config": None, "backbone_width_stride": None},
}
_VGG_FIELDS = (
    *("conv_channels", "conv_kernel_sizes", "conv_strides", "conv_paddings", "conv_biases", "batch_norms"),
    *("pool_kernel_sizes", "pool_strides", "pool_paddings", "residual_blocks"),
)
#: Those that are one for all convolutions.
_VGG_CHOICES = ("conv_activation", "leaky_relu_slope")
#: Far above what any recognizer has. A damaged or hostile file is refused before memory or minutes go.
_HIGHEST = {
    name: highest
    for highest, names in (
        (255, "stage_kernel_sizes block_kernel_sizes conv_kernel_sizes"),
        (256, "stage_expansions"),
        (512, "num_hidden_layers stage_depths residual_blocks"),
        (1_000, "num_fiducials"),
        (1_023, "mixing_kernel_size"),
        (1_024, "num_channels num_attention_heads"),
        (4_096, "image_height localization_size backbone_width_stride head_pool_kernel_size"),
        (4_096, "stem_pool_stride stem_stride stage_strides conv_strides"),
        (4_096, "conv_paddings pool_kernel_sizes pool_strides pool_paddings"),
        (16_384, "hidden_size guidance_size localization_channels localization_hidden_size"),
        (16_384, "head_channels stem_channels stage_channels squeeze_divisor"),
        (16_384, "conv_channels"),
        (131_072, "intermediate_size"),
        (200_001, "vocab_size"),
    )
    for name in names.split()
}
_MOST_ENTRIES = 1024
_CUSTOM_PIPELINES = {
    "image-to-text": {"impl": "pipeline_crnn.ImageToTextPipeline", "pt": ["AutoModelForCTC"], "type": "multimodal"}
}


@strict
class CRNNConfig(PreTrainedConfig):
    r"""
    Configuration of a [`CRNNModel`] or [`CRNNForCTC`].

    The defaults are the network of Shi, Bai and Yao, "An End-to-End Trainable Neural Network for Image-based Sequence
    Recognition and Its Application to Scene Text Recognition" (2015), table 1: 8.3M parameters with the 36
    alphanumeric characters. Its three stages, the featurizer, the sequentializer and the prediction, are chosen by
    name; [`CRNNConfig.from_preset`] has the usual choices. A field that says "for each convolution" or "for each
    stage" takes one value for all or a list of one each.

    Args:
        vocab_size (`int`, defaults to 37):
            Number of classes: the characters and the blank, which is always class 0.
        num_channels (`int`, defaults to 1):
            Channels of the image: 1 is grey, 3 is RGB.
        image_height (`int`, defaults to 32):
            Height of the image in pixels. The width is free.
        rectification (`"none"` or `"tps"`, defaults to `"none"`):
            What straightens the image first: nothing, or a spatial transformer with a thin-plate spline (Shi et al.
            2016, RARE). It asks for images 2 pixels wide or more.
        num_fiducials (`int`, defaults to 20):
            Points of the spline: one half along the upper edge of the text, the other along the lower.
        localization_size (`list[int]`, defaults to `[32, 100]`):
            `[height, width]` to which images are resized for the network that finds the points.
        localization_channels (`list[int]`, defaults to `[64, 128, 256, 512]`):
            Channels of its convolutions, with a 2x2 pool between two.
        localization_hidden_size (`int`, defaults to 256):
            Units of its fully connected layer.
        featurizer (`str`, defaults to `"vgg"`):
            The convolutional stage. `"vgg"`, plain convolutions and pools with residual blocks between them where
            asked, has the fields `conv_*`, `leaky_relu_slope`, `pool_*`, `batch_norms` and `residual_blocks`.
            `"resnet"`, residual blocks with strides (ASTER), has `stem_*`, `stage_depths`, `stage_channels`,
            `stage_strides`, `block_*` and `head_pool_kernel_size`. `"efficientnet"` and `"mobilenet_v3"`, inverted
            residual blocks, have `stem_channels`, `stem_stride`, `stage_*` and `head_*`, `"mobilenet_v3"` also
            `squeeze_divisor` and `always_expand`. `"pp_lcnet_v3"` and `"pp_lcnet_v4"`, the depthwise networks of
            PP-OCRv4 and v5 and of v6, have `stem_channels`, `stem_stride`, `stage_*` and `head_pool_kernel_size`,
            `"pp_lcnet_v4"` also `stem_type`. `"backbone"`, any convolutional backbone of transformers, has
            `backbone_*`.
        conv_channels (`list[int]`, defaults to `[64, 128, 256, 256, 512, 512, 512]`):
            Output channels of each convolution; its length is the number of convolutions.
        conv_kernel_sizes (`int` or `list[int | list[int]]`, defaults to `[3, 3, 3, 3, 3, 3, 2]`):
            Side of the square kernel or `[height, width]` of the kernel, for each convolution.
        conv_strides (`int` or `list[int | list[int]]`, defaults to 1):
            Stride or `[height, width]` of the stride, for each convolution.
        conv_paddings (`int` or `list[int | list[int]]`, defaults to `[1, 1, 1, 1, 1, 1, 0]`):
            Zero padding in pixels on each side or `[height, width]` of it, for each convolution.
        conv_biases (`bool` or `list[bool]`, defaults to `True`):
            Whether there is a bias, for each convolution.
        batch_norms (`bool` or `list[bool]`, defaults to `[False, False, False, False, True, True, False]`):
            Whether batch normalisation follows, for each convolution. The paper has it after the fifth and the sixth.
        conv_activation (`"relu"` or `"leaky_relu"`, defaults to `"relu"`):
            What follows each convolution of `"vgg"` (and its normalisation). Residual blocks have ReLU.
        leaky_relu_slope (`float`, defaults to 0.2):
            By what `"leaky_relu"` multiplies what is below zero; 0.2 in crnn.pytorch, strhub and MMOCR.
        batch_norm_eps (`float`, defaults to 1e-5):
            Added to the variance in batch normalisation.
        pool_kernel_sizes (`list[list[int] | None]`, defaults to `[[2, 2], [2, 2], None, [2, 1], None, [2, 1], None]`):
            `[height, width]` of the max-pooling window after each convolution, `None` where there is no pooling. The
            paper's rectangular windows halve the height and keep the width, so narrow letters keep their frames.
        pool_strides (`list[list[int] | None]`, *optional*):
            `[height, width]` of the pooling stride; the window by default.
        pool_paddings (`list[list[int] | None]`, *optional*):
            `[height, width]` of the pooling padding; none by default.
        residual_blocks (`int` or `list[int]`, defaults to 0):
            Residual blocks (two 3x3 convolutions with batch normalisation beside a shortcut; He et al. 2016) before
            each convolution, with that convolution's output channels. Baek et al. (2019) make their ResNet of the
            paper's network in this way.
        stem_channels (`int` or `list[int]`, *optional*):
            Channels of the first, 3x3 convolution, or of several one after the other; 32, and 16 for
            `"mobilenet_v3"`.
        stem_stride (`list[int]`, *optional*):
            `[height, width]` of the stride of the first of them; `[1, 1]` for `"resnet"`, else `[2, 2]`.
        stem_pool_stride (`list[int]`, *optional*):
            `[height, width]` of the stride of a 3x3 max pool after them; without it there is no pool.
        stage_depths (`list[int]`, *optional*):
            Blocks of each stage; its length is the number of stages. By default the stages are those of ASTER's
            ResNet (45 layers), EfficientNet-B0 or the small MobileNetV3, with strides that keep the width.
        stage_channels (`list[int]`, *optional*):
            Output channels of each stage.
        stage_strides (`list[list[int]]`, *optional*):
            `[height, width]` of the stride of the first block of each stage.
        stage_kernel_sizes (`int` or `list[int]`, *optional*):
            Side of the depthwise kernel, odd, for each stage.
        stage_expansions (`float` or `list[float]`, *optional*):
            Channels inside a block divided by the channels that go in, for each stage.
        stage_squeezes (`bool` or `list[bool]`, *optional*):
            Whether there is squeeze-and-excitation, for each stage.
        stage_activations (`str` or `list[str]`, *optional*):
            Name of the activation, for each stage.
        squeeze_divisor (`int`, *optional*):
            The channels inside squeeze-and-excitation, a quarter of the block's, are rounded to a multiple of it; 8.
        always_expand (`bool`, *optional*):
            Whether a block has its first 1x1 convolution even where it widens nothing; `False`.
        head_channels (`int`, *optional*):
            Channels of a last 1x1 convolution; without a number there is none.
        head_pool_kernel_size (`list[int]`, *optional*):
            `[height, width]` of the windows of a last max pool, which lie side by side; without it there is no pool.
            The PP-LCNets have an average pool there.
        block_kernel_sizes (`list[int]`, *optional*):
            Sides of the two kernels of a residual block of `"resnet"`, odd; `[1, 3]`.
        block_stride_at (`"first"` or `"second"`, *optional*):
            Which of the two has the stride: `"first"` in ASTER, `"second"` in ABINet.
        block_shortcut (`"convolution"` or `"pooled"`, *optional*):
            How a shortcut changes the shape: by a 1x1 convolution with the block's stride, or by an average over the
            pixels of a stride and then a 1x1 convolution, which the first block of each stage has (ResNet-D; He et
            al. 2019, "Bag of Tricks", and PaddlePaddle's ResNet-vd).
        stem_type (`"large"` or `"small"`, *optional*):
            Of `"pp_lcnet_v4"`: two 2x2 convolutions beside a pool (PP-OCRv6 small), or two 3x3 convolutions (tiny).
        folded_batch_norms (`bool`, defaults to `False`):
            Of the PP-LCNets and of the sequentializers `"svtr"` and `"convolution"`: convolutions have a bias in the
            place of batch normalization. Released inference models come like this, their normalization folded in.
            They train on all the same, all weights and biases, without the statistics of batches: an image's
            gradient does not depend on its neighbors. With `False` there is batch normalization, and training uses
            and gathers batch statistics.
        backbone_config (`PreTrainedConfig` or `dict`, *optional*):
            Configuration of a backbone of transformers; its last feature map is taken.
        backbone_width_stride (`int`, *optional*):
            Pixels that a column of the backbone may be wide: strides that would make it wider become 1 along the
            width. By default they stay.
        height_pooling (`"average"`, `"max"` or `"learned"`, defaults to `"average"`):
            How the rows that are left become one; with `"learned"` each column weighs its rows. The paper's network
            has one row left, so there is nothing to choose.
        sequentializer (`str`, defaults to `"bilstm"`):
            What gives the frames context: `"bilstm"`, bidirectional LSTMs; `"transformer"`, a transformer encoder with
            normalization first; `"mixing"`, the same with convolutions along the width in its first layers (`mixers`);
            `"svtr"`, a transformer encoder between convolutions, with the features led around it (PP-OCRv3 to v6);
            `"convolution"`, a depthwise convolution along the width (PP-OCRv6 tiny); or `"none"`.
        hidden_size (`int`, defaults to 256):
            LSTM units in each direction, or features of a frame in the transformer.
        num_hidden_layers (`int`, defaults to 2):
            Number of layers of the sequentializer; 0 with `"none"`.
        lstm_projection (`"between"`, `"all"` or `"none"`, defaults to `"between"`):
            Where a linear layer brings the two directions (2 x `hidden_size`) back to `hidden_size`: after all but
            the last LSTM, after each, or nowhere.
        dropout (`float`, defaults to 0.0):
            Probability of dropping an output of a layer of the sequentializer in training.
        num_attention_heads (`int`, defaults to 8):
            Attention heads of the transformer and of the guidance decoder.
        attention_dropout (`float`, defaults to 0.0):
            Probability of dropping an attention weight in training.
        intermediate_size (`int`, *optional*):
            Units inside the transformer's feed-forward layers; four times `hidden_size` by default.
        hidden_act (`str`, defaults to `"gelu"`):
            Their activation.
        layer_norm_eps (`float`, defaults to 1e-6):
            Added to the variance in layer normalisation.
        position_embeddings (`"sinusoidal"`, `"rotary"` or `"none"`, defaults to `"sinusoidal"`):
            How the transformer knows where a frame is: sines added to the frames (Vaswani et al. 2017), or by turning
            queries and keys, so that only distances count (Su et al. 2021).
        mixers (`list[str]`, *optional*):
            `"local"` (a convolution along the width) or `"global"` (attention) for each layer of `"mixing"`; the
            first half, rounded up, is local by default, as in SVTR (Du et al. 2022).
        mixing_kernel_size (`int`, defaults to 11):
            Frames that a local layer, or a convolution of `"svtr"` or `"convolution"`, sees, odd.
        neck_fusion (`"concatenate"` or `"add"`, *optional*):
            How `"svtr"` joins what the transformer makes of the features and the features themselves:
            `"concatenate"` (default; PP-OCRv3 to v5), or `"add"` (PP-OCRv6).
        guidance_decoder (`bool`, defaults to `False`):
            Whether an attention decoder reads the frames as well in training. It is saved with the model and does not
            run at inference (Hu et al. 2020, "GTC: Guided Training of CTC").
        guidance_weight (`float`, defaults to 1.0):
            Weight of its loss beside the CTC loss.
        guidance_size (`int`, defaults to 256):
            Features of a character in it.
        pad_token_id (`int`, defaults to 0):
            Id of the CTC blank, which also pads; 0 is the only one allowed.
        ctc_loss_reduction (`"mean"` or `"sum"`, defaults to `"mean"`):
            `"mean"` divides each label's loss by its length and averages over the batch, as `torch.nn.CTCLoss` does.
        unalignable_labels (`"error"` or `"drop"`, defaults to `"error"`):
            What to do with a label that needs more frames than its image has: raise an error that names it, or leave
            it out of the loss and count it in `CRNNForCTC.num_dropped_labels`.

    Example:

    ```python
    >>> from hf_str import CRNNConfig, CRNNForCTC

    >>> model = CRNNForCTC(CRNNConfig(vocab_size=95))
    >>> model.config.num_frames(100)
    24
    ```
    """

    model_type = "crnn"
    sub_configs = {"backbone_config": AutoConfig}
    _auto_class = "AutoConfig"
    #: What `compute_metrics` of a plain `Trainer` does not get: it wants logits alone.
    keys_to_ignore_at_inference = ["num_frames"]

    vocab_size: int = 37
    num_channels: int = 1
    image_height: int = 32
    rectification: Literal["none", "tps"] = "none"
    num_fiducials: int = 20
    localization_size: list[int] | tuple[int, ...] = (32, 100)
    localization_channels: list[int] | tuple[int, ...] = (64, 128, 256, 512)
    localization_hidden_size: int = 256
    featurizer: Literal["vgg", "resnet", "efficientnet", "mobilenet_v3", "pp_lcnet_v3", "pp_lcnet_v4", "backbone"] = (
        "vgg"
    )
    conv_channels: list[int] | tuple[int, ...] = (64, 128, 256, 256, 512, 512, 512)
    conv_kernel_sizes: int | list[int | list[int]] | tuple[int | list[int] | tuple[int, ...], ...] = (
        3,
        3,
        3,
        3,
        3,
        3,
        2,
    )
    conv_strides: int | list[int | list[int]] | tuple[int | list[int] | tuple[int, ...], ...] = 1
    conv_paddings: int | list[int | list[int]] | tuple[int | list[int] | tuple[int, ...], ...] = (1, 1, 1, 1, 1, 1, 0)
    conv_biases: bool | list[bool] | tuple[bool, ...] = True
    batch_norms: bool | list[bool] | tuple[bool, ...] = (False, False, False, False, True, True, False)
    conv_activation: Literal["relu", "leaky_relu"] = "relu"
    leaky_relu_slope: float = 0.2
    batch_norm_eps: float = 1e-5
    pool_kernel_sizes: list | tuple = ((2, 2), (2, 2), None, (2, 1), None, (2, 1), None)
    pool_strides: list | tuple | None = None
    pool_paddings: list | tuple | None = None
    residual_blocks: int | list[int] | tuple[int, ...] = 0
    stem_channels: int | list[int] | tuple[int, ...] | None = None
    stem_stride: list[int] | tuple[int, ...] | None = None
    stem_pool_stride: list[int] | tuple[int, ...] | None = None
    stage_depths: list[int] | tuple[int, ...] | None = None
    stage_channels: list[int] | tuple[int, ...] | None = None
    stage_strides: list | tuple | None = None
    stage_kernel_sizes: int | list[int] | tuple[int, ...] | None = None
    stage_expansions: float | int | list[float | int] | tuple[float | int, ...] | None = None
    stage_squeezes: bool | list[bool] | tuple[bool, ...] | None = None
    stage_activations: str | list[str] | tuple[str, ...] | None = None
    squeeze_divisor: int | None = None
    always_expand: bool | None = None
    head_channels: int | None = None
    head_pool_kernel_size: list[int] | tuple[int, ...] | None = None
    block_kernel_sizes: list[int] | tuple[int, ...] | None = None
    block_stride_at: Literal["first", "second"] | None = None
    block_shortcut: Literal["convolution", "pooled"] | None = None
    stem_type: Literal["large", "small"] | None = None
    folded_batch_norms: bool = False
    backbone_config: dict | PreTrainedConfig | None = None
    backbone_width_stride: int | None = None
    height_pooling: Literal["average", "max", "learned"] = "average"
    sequentializer: Literal["bilstm", "transformer", "mixing", "svtr", "convolution", "none"] = "bilstm"
    hidden_size: int = 256
    num_hidden_layers: int = 2
    lstm_projection: Literal["between", "all", "none"] = "between"
    dropout: float | int = 0.0
    num_attention_heads: int = 8
    attention_dropout: float | int = 0.0
    intermediate_size: int | None = None
    hidden_act: str = "gelu"
    layer_norm_eps: float = 1e-6
    position_embeddings: Literal["sinusoidal", "rotary", "none"] = "sinusoidal"
    mixers: list[str] | tuple[str, ...] | None = None
    mixing_kernel_size: int = 11
    neck_fusion: Literal["concatenate", "add"] | None = None
    guidance_decoder: bool = False
    guidance_weight: float | int = 1.0
    guidance_size: int = 256
    pad_token_id: int = 0
    ctc_loss_reduction: Literal["mean", "sum"] = "mean"
    unalignable_labels: Literal["error", "drop"] = "error"

    def __post_init__(self, **kwargs):
        if not __name__.startswith("transformers_modules"):
            # The installed package has registered its pipeline. With this field left in, transformers would ask to
            # trust the repository's copy of it instead.
            kwargs.pop("custom_pipelines", None)
        labels = kwargs.get("num_labels")  # of a classifier, for each of which transformers would make a name
        if isinstance(labels, int) and labels > _HIGHEST["vocab_size"]:
            raise ValueError(f"num_labels must be at most {_HIGHEST['vocab_size']}, not {labels}")
        count = len(self.conv_channels)
        self.conv_channels = list(self.conv_channels)
        for name in ("conv_kernel_sizes", "conv_strides", "conv_paddings", "conv_biases", "batch_norms"):
            setattr(self, name, _each(getattr(self, name), count))
        self.residual_blocks = _each(self.residual_blocks, count)
        self.pool_kernel_sizes = _as_lists(self.pool_kernel_sizes)
        if self.pool_strides is None:
            self.pool_strides = self.pool_kernel_sizes
        self.pool_strides = _as_lists(self.pool_strides)
        if self.pool_paddings is None:
            self.pool_paddings = [window and [0, 0] for window in self.pool_kernel_sizes]
        self.pool_paddings = _as_lists(self.pool_paddings)
        for name, value in _STAGES.get(self.featurizer, {}).items():
            if getattr(self, name) is None:
                setattr(self, name, copy.deepcopy(value))
        if self.stage_depths is not None:
            count = len(self.stage_depths)
            for name in ("stage_kernel_sizes", "stage_expansions", "stage_squeezes", "stage_activations"):
                if getattr(self, name) is not None:
                    setattr(self, name, _each(getattr(self, name), count))
        if self.stem_channels is not None:
            self.stem_channels = _each(self.stem_channels, 1)
        for name in (
            *("stem_stride", "stem_pool_stride", "stage_depths", "stage_channels", "stage_strides"),
            *("block_kernel_sizes", "head_pool_kernel_size"),
        ):
            setattr(self, name, _as_lists(getattr(self, name)))
        self.localization_size = list(self.localization_size)
        self.localization_channels = list(self.localization_channels)
        if isinstance(self.backbone_config, dict):
            if "model_type" not in self.backbone_config:
                raise ValueError(
                    'backbone_config has no "model_type": give the name of the backbone, such as "resnet"'
                )
            fields = dict(self.backbone_config)
            self.backbone_config = AutoConfig.for_model(fields.pop("model_type"), **fields)
        if self.sequentializer == "none":
            self.num_hidden_layers = 0
        if self.sequentializer == "mixing" and self.mixers is None:
            local = (self.num_hidden_layers + 1) // 2
            self.mixers = ["local"] * local + ["global"] * (self.num_hidden_layers - local)
        self.mixers = _as_lists(self.mixers)
        if self.sequentializer == "svtr" and self.neck_fusion is None:
            self.neck_fusion = "concatenate"
        super().__post_init__(**kwargs)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike, *args, **kwargs) -> "CRNNConfig":
        """As any configuration of transformers; what is wrong in `config.json` is a `ValueError` that names it."""
        path = pretrained_model_name_or_path
        if os.path.isdir(path) and not (Path(path) / kwargs.get("subfolder", "") / "config.json").is_file():
            raise OSError(f"{path} has no file config.json: it is no checkpoint, or not all of it was copied")
        with naming_files(path, ["config.json"], **kwargs):
            return super().from_pretrained(path, *args, **kwargs)

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs) -> "CRNNConfig":
        """As any configuration of transformers; a value that cannot be is a `ValueError` that names config.json."""
        # The Auto classes come this way with what they read themselves.
        if config_dict.get("model_type", cls.model_type) != cls.model_type:
            raise ValueError(f"model_type is {config_dict['model_type']!r}, not {cls.model_type!r}: another network")
        path = kwargs.get("name_or_path") or config_dict.get("_name_or_path")
        if not path:
            return super().from_dict(config_dict, **kwargs)
        with naming_files(path, ["config.json"]):
            return super().from_dict(config_dict, **kwargs)

    @classmethod
    def from_preset(cls, name: str, **fields) -> "CRNNConfig":
        """A well-known network by its name.

        Args:
            name (`str`):
                One of `CRNNConfig.presets()`, such as "vgg-bilstm", the paper's.
            fields:
                Fields that differ from the preset's.

        Raises:
            ValueError: there is no preset of that name.
        """
        if name not in PRESETS:
            raise ValueError(f"there is no preset {name!r}; there are {', '.join(PRESETS)}")
        return cls(**copy.deepcopy(PRESETS[name]) | fields)

    @staticmethod
    def presets() -> list[str]:
        """Names for [`CRNNConfig.from_preset`]."""
        return list(PRESETS)

    def validate_architecture(self):
        """Checks the fields against each other; `@strict` calls it after the types have been checked."""
        self._check_sizes()
        self._check_that_fields_belong()
        for name in ("vocab_size", "num_channels", "image_height", "hidden_size", "num_attention_heads"):
            self._check_number(name, lowest=1)
        self._check_number("num_hidden_layers", lowest=0)
        if self.pad_token_id != 0:
            raise ValueError(f"pad_token_id is the CTC blank and must be 0, not {self.pad_token_id}")
        for name in ("batch_norm_eps", "layer_norm_eps"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}")
        for name in ("dropout", "attention_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is a probability in [0, 1), not {getattr(self, name)}")
        if self.guidance_weight < 0:
            raise ValueError(f"guidance_weight must be 0 or more, not {self.guidance_weight}")
        if self.featurizer == "vgg":
            self._check_convolutions()
        elif self.featurizer == "backbone":
            self._check_backbone()
        else:
            self._check_stages()
        if self.rectification == "tps":
            self._check_rectification()
        if self.sequentializer in ("transformer", "mixing", "svtr"):
            self._check_transformer()
        if self.sequentializer in ("mixing", "svtr", "convolution"):
            self._check_neck()
        if self.guidance_decoder and (self.guidance_size % self.num_attention_heads or self.guidance_size % 2):
            raise ValueError(
                f"guidance_size {self.guidance_size} must be even and a multiple of num_attention_heads "
                f"{self.num_attention_heads}"
            )
        rows = self.num_rows
        if rows < 1:
            raise ValueError(
                f"image_height {self.image_height} is pooled away before the last convolution: "
                "use a larger image_height or fewer pools"
            )
        if self.height_pooling == "learned" and rows == 1:
            raise ValueError(
                'height_pooling "learned" has nothing to choose: one row is left of image_height '
                f"{self.image_height}; "
                'use a larger image_height or fewer pools along the height, or height_pooling "average"'
            )

    def num_frames(self, width: Any) -> Any:
        """Frames that an image gives the recurrent stage.

        Args:
            width (`int` or integer tensor):
                Width in pixels.

        Returns:
            As `width`: the number of frames, 0 where the image is too narrow for one.
        """
        if self.featurizer == "backbone":
            return self.backbone_geometry.columns(width)
        return self._output_length(width, axis=1)

    @property
    def feature_size(self) -> int:
        """Features of a frame after the featurizer."""
        if self.featurizer == "vgg":
            return self.conv_channels[-1]
        if self.featurizer == "backbone":
            return self.backbone_geometry.num_features
        return self.head_channels or self.stage_channels[-1]

    @property
    def hidden_sizes(self) -> list[int]:
        """Features of a frame before the sequentializer and after each layer: `num_hidden_layers + 1` numbers."""
        if self.sequentializer in ("transformer", "mixing", "svtr"):
            return [self.hidden_size] * (self.num_hidden_layers + 1)
        if self.sequentializer == "convolution":
            return [self.feature_size] * self.num_hidden_layers + [self.hidden_size]
        sizes = [self.feature_size]
        for index in range(self.num_hidden_layers):
            sizes.append(self.hidden_size if self.has_projection(index) else 2 * self.hidden_size)
        return sizes

    @property
    def backbone_geometry(self):
        """A `CRNNBackboneGeometry`: what the backbone makes of an image of `image_height`."""
        from .backbone_crnn import measure_backbone  # it needs torch, which a configuration otherwise does not

        return measure_backbone(self.backbone_config, self.backbone_width_stride, self.num_channels, self.image_height)

    def has_projection(self, layer_index: int) -> bool:
        """Whether LSTM layer `layer_index` ends in a linear layer from 2 x `hidden_size` to `hidden_size`."""
        last = layer_index == self.num_hidden_layers - 1
        return self.lstm_projection == "all" or (self.lstm_projection == "between" and not last)

    def to_dict(self) -> dict[str, Any]:
        output = super().to_dict()
        output["auto_map"] = dict(_AUTO_MAP)
        if (_CODE / "pipeline_crnn.py").exists():
            output["custom_pipelines"] = copy.deepcopy(_CUSTOM_PIPELINES)
        return output

    def save_pretrained(self, save_directory: str | os.PathLike, push_to_hub: bool = False, **kwargs):
        """Writes config.json and the code of the recogniser, so that the folder loads where hf_str is missing."""
        os.makedirs(save_directory, exist_ok=True)
        for file in sorted(_CODE.glob("*_crnn.py")):
            shutil.copyfile(file, Path(save_directory) / file.name)
        super().save_pretrained(save_directory, push_to_hub=push_to_hub, **kwargs)

    @property
    def num_rows(self) -> int:
        """Rows of an image that the featurizer leaves."""
        if self.featurizer == "backbone":
            return self.backbone_geometry.num_rows
        return self._output_length(self.image_height, axis=0)

    def _output_length(self, length: Any, axis: int) -> Any:
        """`length` pixels along `axis` (0 height, 1 width) after all convolutions and pools, 0 if none is left."""
        is_left = True  # padding makes something of nothing, so it is not enough to look at the end
        for kernel, stride, padding in self._windows():
            length = (length + 2 * padding[axis] - kernel[axis]) // stride[axis] + 1
            is_left = is_left & (length > 0)
        return length * is_left

    def _windows(self) -> list[tuple[list[int], list[int], list[int]]]:
        """Kernel, stride and padding, each `[height, width]`, of what changes the size of an image, in order."""
        windows = []
        if self.featurizer == "vgg":
            for index in range(len(self.conv_channels)):
                sizes = (self.conv_kernel_sizes, self.conv_strides, self.conv_paddings)
                windows.append(tuple(_pair(each[index]) for each in sizes))
                if self.pool_kernel_sizes[index] is not None:
                    sizes = (self.pool_kernel_sizes, self.pool_strides, self.pool_paddings)
                    windows.append(tuple(each[index] for each in sizes))
        else:
            # All kernels but the last are odd and padded by half of themselves, so only strides count.
            stem_strides = [self.stem_stride] * (2 if self.featurizer == "pp_lcnet_v4" else 1)
            strides = [*stem_strides, self.stem_pool_stride, *self.stage_strides]
            windows += [([1, 1], stride, [0, 0]) for stride in strides if stride is not None]
            if self.head_pool_kernel_size is not None:
                windows.append((self.head_pool_kernel_size, self.head_pool_kernel_size, [0, 0]))
        return windows

    def _check_sizes(self):
        for name, highest in _HIGHEST.items():
            value = getattr(self, name)
            entries = value if isinstance(value, (list, tuple)) else [value]
            if len(entries) > _MOST_ENTRIES:
                raise ValueError(f"{name} has {len(entries)} entries: at most {_MOST_ENTRIES} are supported")
            for entry in entries:
                for number in entry if isinstance(entry, (list, tuple)) else [entry]:
                    if isinstance(number, (int, float)) and number > highest:
                        raise ValueError(f"{name} must be at most {highest}, not {number}")

    def _check_that_fields_belong(self):
        """A field of a featurizer or sequentializer that was not chosen would be ignored: it is refused."""
        owners = {"vgg": _VGG_FIELDS + _VGG_CHOICES} | _STAGES
        for name in dict.fromkeys(field for fields in owners.values() for field in fields):
            featurizers = [featurizer for featurizer, fields in owners.items() if name in fields]
            if self.featurizer in featurizers:
                continue
            if getattr(self, name) != (getattr(_paper(), name) if name in owners["vgg"] else None):
                raise ValueError(
                    f"{name} belongs to featurizer {' or '.join(featurizers)}, and featurizer is {self.featurizer}: "
                    f"leave {name} out or choose that featurizer"
                )
        if self.neck_fusion is not None and self.sequentializer != "svtr":
            raise ValueError(
                f'neck_fusion belongs to sequentializer "svtr", and sequentializer is "{self.sequentializer}": '
                "leave neck_fusion out or choose that sequentializer"
            )
        has_folded = self.featurizer.startswith("pp_lcnet") or self.sequentializer in ("svtr", "convolution")
        if self.folded_batch_norms and not has_folded:
            raise ValueError(
                'folded_batch_norms belongs to the featurizers "pp_lcnet_v3" and "pp_lcnet_v4" and to the '
                f'sequentializers "svtr" and "convolution", not to {self.featurizer} with {self.sequentializer}'
            )
        if self.mixers is not None and self.sequentializer != "mixing":
            raise ValueError(
                f'mixers belongs to sequentializer "mixing", and sequentializer is "{self.sequentializer}": '
                "leave mixers out or choose that sequentializer"
            )

    def _check_convolutions(self):
        count = len(self.conv_channels)
        if count == 0:
            raise ValueError("conv_channels is empty: at least one convolution is needed")
        for name in _VGG_FIELDS:
            self._check_length(name, count, "convolution", "conv_channels")
        if not 0 < self.leaky_relu_slope < 1:
            raise ValueError(f"leaky_relu_slope must lie between 0 and 1, not {self.leaky_relu_slope}")
        for name in ("pool_strides", "pool_paddings"):
            for index, (window, value) in enumerate(zip(self.pool_kernel_sizes, getattr(self, name), strict=True)):
                if (window is None) != (value is None):
                    raise ValueError(
                        f"{name}[{index}] is {value} where pool_kernel_sizes[{index}] is {window}: "
                        "give a [height, width] pair where there is pooling and None where there is none"
                    )
        for name in ("conv_channels", "conv_kernel_sizes", "conv_strides", "pool_kernel_sizes", "pool_strides"):
            self._check_numbers(name, lowest=1)
        for name in ("conv_paddings", "pool_paddings", "residual_blocks"):
            self._check_numbers(name, lowest=0)
        for index, (window, padding) in enumerate(zip(self.pool_kernel_sizes, self.pool_paddings, strict=True)):
            if window is not None and any(2 * pad > side for pad, side in zip(padding, window, strict=True)):
                raise ValueError(
                    f"pool_paddings[{index}] is {padding} for a window of {window}: at most half of it is allowed"
                )

    def _check_stages(self):
        count = len(self.stage_depths)
        if count == 0:
            raise ValueError("stage_depths is empty: at least one stage is needed")
        names = [name for name in _STAGES[self.featurizer] if name.startswith("stage_")]
        for name in names:
            self._check_length(name, count, "stage", "stage_depths")
        if not self.stem_channels:
            raise ValueError("stem_channels is empty: at least one convolution is needed")
        numbers = {"stem_channels", "stage_depths", "stage_channels", "stage_strides"}
        numbers |= {"stage_kernel_sizes", "block_kernel_sizes"}
        for name in sorted(numbers & set(_STAGES[self.featurizer])):
            self._check_numbers(name, lowest=1)
            for index, value in enumerate(getattr(self, name)):
                if name.endswith("kernel_sizes") and value % 2 == 0:
                    raise ValueError(f"{name}[{index}] must be odd, not {value}: even kernels would shift the image")
        self._check_pair("stem_stride")
        for name in ("stem_pool_stride", "head_pool_kernel_size"):
            if getattr(self, name) is not None:
                self._check_pair(name)
        if self.featurizer == "resnet":
            self._check_pair("block_kernel_sizes", "two numbers")
            return
        if self.featurizer == "pp_lcnet_v4" and len(self.stem_channels) != 2:
            raise ValueError(f"stem_channels of pp_lcnet_v4 are two numbers, not {self.stem_channels}")
        if self.featurizer == "pp_lcnet_v3" and len(self.stem_channels) != 1:
            raise ValueError(f"stem_channels of pp_lcnet_v3 is one number, not {self.stem_channels}")
        for index, expansion in enumerate(self.stage_expansions or []):
            if expansion <= 0:
                raise ValueError(f"stage_expansions[{index}] must be above 0, not {expansion}")
        for index, activation in enumerate(self.stage_activations):
            if activation not in ACT2FN:
                raise ValueError(f"stage_activations[{index}] is {activation!r}, {_no_activation()}")
        for name in ("squeeze_divisor", "head_channels"):
            if getattr(self, name) is not None:
                self._check_number(name, lowest=1)

    def _check_backbone(self):
        if self.backbone_config is None:
            raise ValueError(
                'featurizer is "backbone" and backbone_config is missing: give the configuration of a backbone of '
                "transformers, such as ResNetConfig()"
            )
        if self.backbone_width_stride is not None:
            self._check_number("backbone_width_stride", lowest=1)
        self.backbone_geometry  # noqa: B018 (what it cannot do is said here)

    def _check_rectification(self):
        self._check_pair("localization_size")
        self._check_numbers("localization_channels", lowest=1)
        self._check_number("localization_hidden_size", lowest=1)
        if self.num_fiducials < 4 or self.num_fiducials % 2:
            raise ValueError(
                f"num_fiducials must be even and at least 4, half for each edge of the text, not {self.num_fiducials}"
            )
        smallest = 2 ** (len(self.localization_channels) - 1)
        if min(self.localization_size) < smallest:
            raise ValueError(
                f"localization_size {self.localization_size} is pooled away by {len(self.localization_channels)} "
                f"convolutions (localization_channels): take at least {smallest} pixels"
            )

    def _check_transformer(self):
        heads, size = self.num_attention_heads, self.hidden_size
        if size % heads:
            raise ValueError(f"hidden_size {size} must be a multiple of num_attention_heads {heads}")
        if self.position_embeddings == "rotary" and size // heads % 2:
            raise ValueError(
                f'position_embeddings "rotary" turns pairs of features: hidden_size / num_attention_heads must be '
                f"even, not {size // heads}"
            )
        if self.position_embeddings == "sinusoidal" and size % 2:
            raise ValueError(f'position_embeddings "sinusoidal" needs an even hidden_size, not {size}')
        if self.intermediate_size is not None:
            self._check_number("intermediate_size", lowest=1)
        if self.hidden_act not in ACT2FN:
            raise ValueError(f"hidden_act is {self.hidden_act!r}, {_no_activation()}")
        if self.sequentializer == "mixing":
            self._check_length("mixers", self.num_hidden_layers, "layer", "num_hidden_layers")
            for index, mixer in enumerate(self.mixers):
                if mixer not in ("local", "global"):
                    raise ValueError(f'mixers[{index}] must be "local" or "global", not {mixer!r}')

    def _check_neck(self):
        if self.mixing_kernel_size < 1 or self.mixing_kernel_size % 2 == 0:
            raise ValueError(f"mixing_kernel_size must be odd and at least 1, not {self.mixing_kernel_size}")
        if self.sequentializer == "svtr" and self.neck_fusion == "concatenate" and self.feature_size < 8:
            raise ValueError(
                f'neck_fusion "concatenate" goes through an eighth of the features, which are {self.feature_size}: '
                'take a wider featurizer or neck_fusion "add"'
            )

    def _check_length(self, name: str, count: int, each: str, counted: str):
        if len(getattr(self, name)) != count:
            raise ValueError(
                f"{name} has {len(getattr(self, name))} entries for {count} {each}s ({counted}): "
                f"give one for each {each}"
            )

    def _check_number(self, name: str, lowest: int):
        value = getattr(self, name)
        if value < lowest:
            raise ValueError(f"{name} must be {'0 or more' if lowest == 0 else f'at least {lowest}'}, not {value}")

    def _check_pair(self, name: str, wanted: str = "a [height, width] pair"):
        value = getattr(self, name)
        if len(value) != 2 or not all(isinstance(number, int) and number >= 1 for number in value):
            raise ValueError(f"{name} must be {wanted} of integers from 1 on, not {value!r}")

    def _check_numbers(self, name: str, lowest: int):
        """Every entry is a number or a pair of numbers as the field has it, none of them too low."""
        may_be_number = not name.startswith(("pool", "stage_strides"))
        may_be_pair = name.startswith(("pool", "stage_strides", "conv")) and name != "conv_channels"
        for index, value in enumerate(getattr(self, name)):
            if name.startswith("pool") and value is None:
                continue
            numbers = value if isinstance(value, list) else [value]
            is_shaped = may_be_pair and len(numbers) == 2 if isinstance(value, list) else may_be_number
            if not is_shaped or not all(isinstance(number, int) and number >= lowest for number in numbers):
                wanted = f"at least {lowest}"
                if not may_be_number:
                    wanted = f"a [height, width] pair of integers from {lowest} on"
                elif may_be_pair:
                    wanted += ", or a [height, width] pair"
                raise ValueError(f"{name}[{index}] must be {wanted}, not {value!r}")


@lru_cache(maxsize=1)
def _paper() -> CRNNConfig:
    return CRNNConfig()


def _no_activation() -> str:
    return f"which is no activation: take one of {', '.join(ACT2FN)}"


def _each(value: Any, count: int) -> list:
    """One value for each convolution or stage: `_each(3, 2)` is `[3, 3]`."""
    is_one = isinstance(value, str) or not isinstance(value, Sequence)
    return [value] * count if is_one else _as_lists(value)


def _as_lists(value: Any) -> Any:
    """Tuples as lists, as they come out of a JSON file."""
    return [_as_lists(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def _pair(value: int | list[int]) -> list[int]:
    return [value, value] if isinstance(value, int) else value
