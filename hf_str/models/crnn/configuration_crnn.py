# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""CRNN configuration: the paper's network by default, every CRNN of the field by its fields or by a preset's name."""

import copy
import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, PreTrainedConfig

from .featurizer_crnn import CRNNFeaturizerStage
from .files_crnn import naming_files
from .presets_crnn import PRESETS
from .saving_crnn import copy_code
from .sequentializer_crnn import CRNNSequentializerStage
from .stages_crnn import KINDS, check_that_fields_belong, complete_stages, values_elsewhere


__all__ = ["CRNNConfig"]

#: How `trust_remote_code=True` finds the classes in the code that a saved folder carries.
_AUTO_MAP = {
    "AutoConfig": "configuration_crnn.CRNNConfig",
    "AutoModel": "modeling_crnn.CRNNForCTC",
    "AutoModelForCTC": "modeling_crnn.CRNNForCTC",
    "AutoModelForTextRecognition": "modeling_crnn.CRNNForCTC",
}
#: The lowest that can be, and the highest, far above what any recognizer has: a damaged or hostile file is refused
#: before memory or minutes go.
_LIMITS = {
    "vocab_size": (1, 200_001),
    "num_channels": (1, 1_024),
    "image_height": (1, 4_096),
    "hidden_size": (1, 16_384),
    "num_hidden_layers": (0, 512),
    "num_attention_heads": (1, 1_024),
    "guidance_size": (1, 16_384),
}
_PIPELINE = {"impl": "pipeline_crnn.ImageToTextPipeline", "pt": ["AutoModelForCTC"], "type": "multimodal"}
#: The task, and the name that transformers 4 had for it, by which code on the Hub still asks for it.
_CUSTOM_PIPELINES = {"scene-text-recognition": _PIPELINE, "image-to-text": _PIPELINE}


@strict
class CRNNConfig(PreTrainedConfig):
    r"""Configuration of a [`CRNNModel`] or [`CRNNForCTC`].

    The defaults are the network of Shi, Bai and Yao, "An End-to-End Trainable Neural Network for Image-based Sequence
    Recognition and Its Application to Scene Text Recognition" (2015), table 1: 8.3M parameters with the 36
    alphanumeric characters. Its three stages, the featurizer, the sequentializer and the prediction, are chosen by
    name; [`CRNNConfig.from_preset`] has the usual choices. A field that says "for each convolution" or "for each
    stage" takes one value for all or a list of one each.

    Args:
        vocab_size (`int`, defaults to 37):
            Number of classes: the characters and the blank, which is always class 0.
        num_channels (`int`, defaults to 1):
            Channels of the image: 1 is gray, 3 is RGB.
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
            Whether batch normalization follows, for each convolution. The paper has it after the fifth and the sixth.
        conv_activation (`"relu"` or `"leaky_relu"`, defaults to `"relu"`):
            What follows each convolution of `"vgg"` (and its normalization). Residual blocks have ReLU.
        leaky_relu_slope (`float`, defaults to 0.2):
            By what `"leaky_relu"` multiplies what is below zero; 0.2 in crnn.pytorch, strhub and MMOCR.
        batch_norm_eps (`float`, defaults to 1e-5):
            Added to the variance in batch normalization.
        pool_kernel_sizes (`list[list[int] | None]`, defaults to `[[2, 2], [2, 2], None, [2, 1], None, [2, 1], None]`):
            `[height, width]` of the max-pooling window after each convolution, `None` where there is no pooling. The
            paper's rectangular windows halve the height and keep the width, so narrow letters keep their frames.
        pool_strides (`list[list[int] | None]`, *optional*):
            `[height, width]` of the pooling stride; the window by default.
        pool_paddings (`list[list[int] | None]`, *optional*):
            `[height, width]` of the pooling padding; none by default.
        residual_blocks (`int` or `list[int]`, defaults to 0):
            Residual blocks (two 3x3 convolutions with batch normalization beside a shortcut; He et al. 2016) before
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
            Added to the variance in layer normalization.
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
    sub_configs: ClassVar[dict[str, Any]] = {"backbone_config": AutoConfig}
    _auto_class = "AutoConfig"
    #: What `compute_metrics` of a plain `Trainer` does not get: it wants logits alone.
    keys_to_ignore_at_inference = ["num_frames"]

    vocab_size: int = 37
    num_channels: int = 1
    image_height: int = 32
    rectification: str = "none"
    featurizer: str = "vgg"
    batch_norm_eps: float = 1e-5
    height_pooling: Literal["average", "max", "learned"] = "average"
    sequentializer: str = "bilstm"
    hidden_size: int = 256
    num_hidden_layers: int = 2
    dropout: float | int = 0.0
    num_attention_heads: int = 8
    guidance_decoder: bool = False
    guidance_weight: float | int = 1.0
    guidance_size: int = 256
    pad_token_id: int = 0
    ctc_loss_reduction: Literal["mean", "sum"] = "mean"
    unalignable_labels: Literal["error", "drop"] = "error"

    if TYPE_CHECKING:
        # The fields of stages are attributes too. They are declared, and typed by what they are, in the stages' files.
        def __init__(self, **fields: Any): ...
        def __getattr__(self, name: str) -> Any: ...

    def __post_init__(self, **kwargs):
        if not __name__.startswith("transformers_modules"):
            # The installed package has registered its pipeline. With this field left in, transformers would ask to
            # trust the repository's copy of it instead.
            kwargs.pop("custom_pipelines", None)
        labels = kwargs.get("num_labels")  # of a classifier, for each of which transformers would make a name
        if isinstance(labels, int) and labels > _LIMITS["vocab_size"][1]:
            raise ValueError(f"num_labels must be at most {_LIMITS['vocab_size'][1]}, not {labels}")
        vars(self).update({name: kwargs.pop(name) for name in values_elsewhere() if name in kwargs})
        complete_stages(self)
        if not isinstance(self.backbone_config, (PreTrainedConfig, type(None))):  # transformers would stumble over it
            check_that_fields_belong(self)
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
        # What the caller changes is checked, and filled in, as what the file says.
        names = cls.field_names() - PreTrainedConfig.__dataclass_fields__.keys()
        names -= {name for name in cls.sub_configs if config_dict.get(name)}  # transformers merges those
        config_dict = config_dict | {name: kwargs.pop(name) for name in names & kwargs.keys()}
        with naming_files(path, ["config.json"]) if path else nullcontext():
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

    @classmethod
    def field_names(cls) -> set[str]:
        """Names of all fields: those that the stages share and those of each stage."""
        return set(cls.__dataclass_fields__) | set(values_elsewhere())

    def validate_architecture(self):
        """Checks the fields against each other; `@strict` calls it after the types have been checked."""
        self._check_sizes()
        complete_stages(self)  # of a stage that was chosen since
        check_that_fields_belong(self)
        if self.pad_token_id != 0:
            raise ValueError(f"pad_token_id is the CTC blank and must be 0, not {self.pad_token_id}")
        if not self.batch_norm_eps > 0:
            raise ValueError(f"batch_norm_eps must be above 0, not {self.batch_norm_eps}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is a probability in [0, 1), not {self.dropout}")
        if self.guidance_weight < 0:
            raise ValueError(f"guidance_weight must be 0 or more, not {self.guidance_weight}")
        if self.guidance_decoder and (self.guidance_size % self.num_attention_heads or self.guidance_size % 2):
            raise ValueError(
                f"guidance_size {self.guidance_size} must be even and a multiple of num_attention_heads "
                f"{self.num_attention_heads}"
            )
        for kind in KINDS:
            kind.of(self).check()

    @property
    def featurizer_stage(self) -> CRNNFeaturizerStage:
        """What `featurizer` has chosen, with its fields and its geometry."""
        return CRNNFeaturizerStage.of(self)

    @property
    def sequentializer_stage(self) -> CRNNSequentializerStage:
        """What `sequentializer` has chosen, with its fields."""
        return CRNNSequentializerStage.of(self)

    def num_frames(self, width: Any) -> Any:
        """Frames of an image `width` pixels wide (`int` or integer tensor), 0 where it is too narrow for one."""
        return CRNNFeaturizerStage.unchecked(self).num_frames(width)

    @property
    def num_rows(self) -> int:
        """Rows of an image that the featurizer leaves."""
        return CRNNFeaturizerStage.unchecked(self).num_rows

    @property
    def feature_size(self) -> int:
        """Features of a frame after the featurizer."""
        return CRNNFeaturizerStage.unchecked(self).feature_size

    @property
    def hidden_sizes(self) -> list[int]:
        """Features of a frame before the sequentializer and after each layer: `num_hidden_layers + 1` numbers."""
        return CRNNSequentializerStage.unchecked(self).hidden_sizes

    def to_dict(self) -> dict[str, Any]:
        output = super().to_dict()
        output["auto_map"] = dict(_AUTO_MAP)
        output["custom_pipelines"] = copy.deepcopy(_CUSTOM_PIPELINES)
        return output

    def save_pretrained(self, save_directory: str | os.PathLike, push_to_hub: bool = False, **kwargs):
        """Writes config.json, and the code that it names, so that the folder loads where hf_str is missing.

        Args:
            save_directory: made where it is missing.
            push_to_hub: also publish it; `kwargs` are those of `push_to_hub`, and `repo_id` (by default the folder's
                name).
        """
        super().save_pretrained(save_directory)
        classes = [*_AUTO_MAP.values(), *(task["impl"] for task in _CUSTOM_PIPELINES.values())]
        copy_code(classes, save_directory, getattr(self, "name_or_path", None))
        if push_to_hub:  # now that all of it is there
            self.push_to_hub(kwargs.pop("repo_id", Path(save_directory).name), **kwargs)

    def _check_sizes(self):
        for name, (lowest, highest) in _LIMITS.items():
            value = getattr(self, name)
            if value < lowest:
                raise ValueError(f"{name} must be {f'at least {lowest}' if lowest else '0 or more'}, not {value}")
            if value > highest:
                raise ValueError(f"{name} must be at most {highest}, not {value}")
