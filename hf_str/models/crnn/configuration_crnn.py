"""CRNN configuration: the paper's network by default, every plain CRNN of the field by its fields."""

import copy
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig


__all__ = ["CRNNConfig"]

_CODE = Path(__file__).parent
#: How `trust_remote_code=True` finds the classes in the code that a saved folder carries.
_AUTO_MAP = {
    "AutoConfig": "configuration_crnn.CRNNConfig",
    "AutoModel": "modeling_crnn.CRNNForCTC",
    "AutoModelForCTC": "modeling_crnn.CRNNForCTC",
    "AutoModelForTextRecognition": "modeling_crnn.CRNNForCTC",
}
_CUSTOM_PIPELINES = {
    "image-to-text": {"impl": "pipeline_crnn.ImageToTextPipeline", "pt": ["AutoModelForCTC"], "type": "multimodal"}
}


@strict
class CRNNConfig(PreTrainedConfig):
    r"""
    Configuration of a [`CRNNModel`] or [`CRNNForCTC`].

    The defaults are the network of Shi, Bai and Yao, "An End-to-End Trainable Neural Network for Image-based Sequence
    Recognition and Its Application to Scene Text Recognition" (2015), table 1: 8.3M parameters with the 36
    alphanumeric characters. A field that says "for each convolution" takes one value for all or a list of one each.

    Args:
        vocab_size (`int`, defaults to 37):
            Number of classes: the characters and the blank, which is always class 0.
        num_channels (`int`, defaults to 1):
            Channels of the image: 1 is grey, 3 is RGB.
        image_height (`int`, defaults to 32):
            Height of the image in pixels. The width is free.
        conv_channels (`list[int]`, defaults to `[64, 128, 256, 256, 512, 512, 512]`):
            Output channels of each convolution; its length is the number of convolutions.
        conv_kernel_sizes (`int` or `list[int]`, defaults to `[3, 3, 3, 3, 3, 3, 2]`):
            Side of the square kernel, for each convolution.
        conv_paddings (`int` or `list[int]`, defaults to `[1, 1, 1, 1, 1, 1, 0]`):
            Zero padding in pixels on each side, for each convolution.
        conv_biases (`bool` or `list[bool]`, defaults to `True`):
            Whether there is a bias, for each convolution.
        batch_norms (`bool` or `list[bool]`, defaults to `[False, False, False, False, True, True, False]`):
            Whether batch normalisation follows, for each convolution. The paper has it after the fifth and the sixth.
        batch_norm_eps (`float`, defaults to 1e-5):
            Added to the variance in batch normalisation.
        pool_kernel_sizes (`list[list[int] | None]`, defaults to `[[2, 2], [2, 2], None, [2, 1], None, [2, 1], None]`):
            `[height, width]` of the max-pooling window after each convolution, `None` where there is no pooling. The
            paper's rectangular windows halve the height and keep the width, so narrow letters keep their frames.
        pool_strides (`list[list[int] | None]`, *optional*):
            `[height, width]` of the pooling stride; the window by default.
        pool_paddings (`list[list[int] | None]`, *optional*):
            `[height, width]` of the pooling padding; none by default.
        height_pooling (`"average"` or `"max"`, defaults to `"average"`):
            How the rows that are left become one. The paper's network has one row left, so either changes nothing.
        hidden_size (`int`, defaults to 256):
            LSTM units in each direction.
        num_hidden_layers (`int`, defaults to 2):
            Number of bidirectional LSTM layers.
        lstm_projection (`"between"`, `"all"` or `"none"`, defaults to `"between"`):
            Where a linear layer brings the two directions (2 x `hidden_size`) back to `hidden_size`: after all but
            the last LSTM, after each, or nowhere.
        dropout (`float`, defaults to 0.0):
            Probability of dropping an output of an LSTM layer in training.
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
    _auto_class = "AutoConfig"

    vocab_size: int = 37
    num_channels: int = 1
    image_height: int = 32
    conv_channels: list[int] | tuple[int, ...] = (64, 128, 256, 256, 512, 512, 512)
    conv_kernel_sizes: int | list[int] | tuple[int, ...] = (3, 3, 3, 3, 3, 3, 2)
    conv_paddings: int | list[int] | tuple[int, ...] = (1, 1, 1, 1, 1, 1, 0)
    conv_biases: bool | list[bool] | tuple[bool, ...] = True
    batch_norms: bool | list[bool] | tuple[bool, ...] = (False, False, False, False, True, True, False)
    batch_norm_eps: float = 1e-5
    pool_kernel_sizes: list | tuple = ((2, 2), (2, 2), None, (2, 1), None, (2, 1), None)
    pool_strides: list | tuple | None = None
    pool_paddings: list | tuple | None = None
    height_pooling: Literal["average", "max"] = "average"
    hidden_size: int = 256
    num_hidden_layers: int = 2
    lstm_projection: Literal["between", "all", "none"] = "between"
    dropout: float | int = 0.0
    pad_token_id: int = 0
    ctc_loss_reduction: Literal["mean", "sum"] = "mean"
    unalignable_labels: Literal["error", "drop"] = "error"

    def __post_init__(self, **kwargs):
        if not __name__.startswith("transformers_modules"):
            # The installed package has registered its pipeline. With this field left in, transformers would ask to
            # trust the repository's copy of it instead.
            kwargs.pop("custom_pipelines", None)
        count = len(self.conv_channels)
        self.conv_channels = list(self.conv_channels)
        self.conv_kernel_sizes = _each(self.conv_kernel_sizes, count)
        self.conv_paddings = _each(self.conv_paddings, count)
        self.conv_biases = _each(self.conv_biases, count)
        self.batch_norms = _each(self.batch_norms, count)
        self.pool_kernel_sizes = [_pair(window) for window in self.pool_kernel_sizes]
        if self.pool_strides is None:
            self.pool_strides = self.pool_kernel_sizes
        self.pool_strides = [_pair(stride) for stride in self.pool_strides]
        if self.pool_paddings is None:
            self.pool_paddings = [window and [0, 0] for window in self.pool_kernel_sizes]
        self.pool_paddings = [_pair(padding) for padding in self.pool_paddings]
        super().__post_init__(**kwargs)

    def validate_architecture(self):
        """Checks the fields against each other; `@strict` calls it after the types have been checked."""
        count = len(self.conv_channels)
        if count == 0:
            raise ValueError("conv_channels is empty: at least one convolution is needed")
        for name in ("conv_kernel_sizes", "conv_paddings", "conv_biases", "batch_norms"):
            self._check_length(name, count)
        for name in ("pool_kernel_sizes", "pool_strides", "pool_paddings"):
            self._check_length(name, count)
            for index, (window, value) in enumerate(zip(self.pool_kernel_sizes, getattr(self, name), strict=True)):
                if (window is None) != (value is None):
                    raise ValueError(
                        f"{name}[{index}] is {value} where pool_kernel_sizes[{index}] is {window}: "
                        "give a [height, width] pair where there is pooling and None where there is none"
                    )
        for name in ("conv_channels", "conv_kernel_sizes", "pool_kernel_sizes", "pool_strides"):
            self._check_numbers(name, lowest=1)
        for name in ("conv_paddings", "pool_paddings"):
            self._check_numbers(name, lowest=0)
        for index, (window, padding) in enumerate(zip(self.pool_kernel_sizes, self.pool_paddings, strict=True)):
            if window is not None and any(2 * pad > side for pad, side in zip(padding, window, strict=True)):
                raise ValueError(
                    f"pool_paddings[{index}] is {padding} for a window of {window}: at most half of it is allowed"
                )
        for name in ("vocab_size", "num_channels", "image_height", "hidden_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.num_hidden_layers < 0:
            raise ValueError(f"num_hidden_layers must be 0 or more, not {self.num_hidden_layers}")
        if self.pad_token_id != 0:
            raise ValueError(f"pad_token_id is the CTC blank and must be 0, not {self.pad_token_id}")
        if not self.batch_norm_eps > 0:
            raise ValueError(f"batch_norm_eps must be above 0, not {self.batch_norm_eps}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is a probability in [0, 1), not {self.dropout}")
        if self._output_length(self.image_height, axis=0) < 1:
            raise ValueError(
                f"image_height {self.image_height} is pooled away before the last convolution: "
                "use a larger image_height or fewer pools"
            )

    def num_frames(self, width: Any) -> Any:
        """Frames that an image gives the recurrent stage.

        Args:
            width (`int` or integer tensor):
                Width in pixels.

        Returns:
            As `width`: the number of frames, 0 where the image is too narrow for one.
        """
        return self._output_length(width, axis=1)

    @property
    def hidden_sizes(self) -> list[int]:
        """Features a frame after the featurizer and after each LSTM layer: `num_hidden_layers + 1` numbers."""
        sizes = [self.conv_channels[-1]]
        for index in range(self.num_hidden_layers):
            sizes.append(self.hidden_size if self.has_projection(index) else 2 * self.hidden_size)
        return sizes

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

    def _output_length(self, length: Any, axis: int) -> Any:
        """`length` pixels along `axis` (0 height, 1 width) after all convolutions and pools, 0 if none is left."""
        is_left = True  # padding makes something of nothing, so it is not enough to look at the end
        for index, (kernel, padding) in enumerate(zip(self.conv_kernel_sizes, self.conv_paddings, strict=True)):
            length = length + 2 * padding - kernel + 1
            is_left = is_left & (length > 0)
            window = self.pool_kernel_sizes[index]
            if window is not None:
                overhang = length + 2 * self.pool_paddings[index][axis] - window[axis]
                length = overhang // self.pool_strides[index][axis] + 1
                is_left = is_left & (length > 0)
        return length * is_left

    def _check_length(self, name: str, count: int):
        if len(getattr(self, name)) != count:
            raise ValueError(
                f"{name} has {len(getattr(self, name))} entries for {count} convolutions (conv_channels): "
                "give one for each convolution"
            )

    def _check_numbers(self, name: str, lowest: int):
        """Every entry is a number, or for pools a pair of numbers, none of them too low."""
        is_pool = name.startswith("pool")
        for index, value in enumerate(getattr(self, name)):
            if is_pool and value is None:
                continue
            numbers = value if isinstance(value, list) else [value]
            if len(numbers) != 1 + is_pool or not all(isinstance(n, int) and n >= lowest for n in numbers):
                wanted = f"a [height, width] pair of integers from {lowest} on" if is_pool else f"at least {lowest}"
                raise ValueError(f"{name}[{index}] must be {wanted}, not {value!r}")


def _each(value: Any, count: int) -> list:
    """One value for each convolution: `_each(3, 2)` is `[3, 3]`."""
    return list(value) if isinstance(value, Sequence) else [value] * count


def _pair(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else value
