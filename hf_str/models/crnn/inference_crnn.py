# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Inference: a trained network turned into its fastest form for reading, on the device where it is."""

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from .configuration_crnn import CRNNConfig
from .featurizer_backbone_crnn import CRNNBackbone
from .sequentializer_bilstm_crnn import CRNNBiLSTMLayer


__all__ = [
    "PRECISIONS",
    "CRNNInferenceMixin",
    "activate_in_place",
    "fold_batch_norms",
    "inference_dtype",
    "pad_to_bucket",
]

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
#: What [`CRNNInferenceMixin.optimize_for_inference`] takes as `dtype`, by name.
PRECISIONS = ("auto", *_DTYPES)
#: Widths are rounded up to a multiple of this where each width of a batch costs a CUDA graph of its own.
_BUCKET = 32


if TYPE_CHECKING:  # what it is mixed into
    from transformers import PreTrainedModel as _Model
else:
    _Model = object


class CRNNInferenceMixin(_Model):
    """Gives a recognizer its fastest form for reading."""

    config: CRNNConfig
    crnn: Any
    guidance: nn.Module | None

    #: Whether [`CRNNInferenceMixin.optimize_for_inference`] was called.
    is_optimized_for_inference = False
    #: Batches with a mask are padded to a width that is a multiple of this.
    _width_multiple = 1

    def optimize_for_inference(self, dtype: torch.dtype | str = "auto", compile: bool = False):  # noqa: A002 - as torch
        r"""Turns this model, in place, into its fastest form for reading on the device where it is.

        Batch normalization is folded into the convolutions before it, weights of convolutions are laid out
        channels-last, those of LSTMs in one piece for cuDNN, and what only training needs is dropped. Then all but
        rectification (coordinates need it) and the CTC head (logits need it) computes in `dtype`. The model is called
        as before and gives logits in float32; it can no longer be trained or saved. To keep it as it is, optimize a
        second one that was loaded.

        Args:
            dtype (`torch.dtype` or `str`, defaults to `"auto"`):
                `"float32"`, `"bfloat16"`, `"float16"`, or what [`inference_dtype`] finds for the device. Other than
                float32 changes scores a little, and in rare close cases a character.
            compile (`bool`, defaults to `False`):
                Compile featurizer and transformer layers with `torch.compile`, for long runs: it takes a minute or
                more at the first batch, and needs a C++ compiler on CPUs. On CUDA their kernels are then replayed as
                CUDA graphs, one for each size of a batch; images that come with a mask are padded to a multiple of 32
                pixels, so that there are few.

        Returns:
            The model itself.

        Raises:
            ValueError: another dtype, or the model is optimized already.

        Example:

        ```python
        >>> recognizer = pipeline("scene-text-recognition", model=hf_str.DEFAULT_CHECKPOINT)
        >>> _ = recognizer.model.optimize_for_inference()
        >>> recognizer(["word.png", "sign.png"], batch_size=64)  # doctest: +SKIP
        ```
        """
        if self.is_optimized_for_inference:
            raise ValueError("this model is optimized for inference already; for another dtype load it again")
        computing = _named_dtype(dtype, self.device)
        self.eval().requires_grad_(False)
        self.guidance = None
        self.float()  # what comes in half precision is folded in float32 too
        fold_batch_norms(self)
        crnn = self.crnn
        activate_in_place(crnn.featurizer)
        for part in (crnn.featurizer, crnn.entrance, crnn.embedding, crnn.layers, crnn.norm, crnn.exit):
            if part is not None:
                part.to(computing)
        if self.device.type != "mps":
            module: Any = self  # torch's declaration of `to` leaves the memory format out
            module.to(memory_format=torch.channels_last)
        for layer in crnn.layers:
            if isinstance(layer, CRNNBiLSTMLayer):
                layer.lstm.flatten_parameters()  # weights that were loaded lie apart: cuDNN would copy them each time
                if self.device.type == "cuda":
                    layer.separate_directions()
        if compile:
            self._compile()
        self.is_optimized_for_inference = True
        return self

    def _compile(self):
        options: dict[str, Any] = {"dynamic": True}
        if self.device.type == "cuda":
            options["mode"] = "reduce-overhead"
            self._width_multiple = _BUCKET
        self.crnn.featurizer.compile(**options)
        if self.crnn.embedding is not None:  # LSTMs are one call of a library already
            for layer in self.crnn.layers:
                layer.compile(**options)

    def train(self, mode: bool = True):
        if mode and self.is_optimized_for_inference:
            raise RuntimeError(
                "a model that is optimized for inference cannot be trained: its batch normalization is gone. "
                "Train one that was loaded with from_pretrained"
            )
        return super().train(mode)

    def save_pretrained(self, *args, **kwargs):
        if self.is_optimized_for_inference:
            raise RuntimeError(
                "a model that is optimized for inference cannot be saved: its weights are no longer those of its "
                "config. Save or copy the checkpoint that it was loaded from, and optimize after loading"
            )
        return super().save_pretrained(*args, **kwargs)


def _named_dtype(dtype: torch.dtype | str, device: torch.device) -> torch.dtype:
    if isinstance(dtype, str):
        dtype = inference_dtype(device) if dtype == "auto" else _DTYPES.get(dtype, dtype)
    if not isinstance(dtype, torch.dtype) or dtype not in _DTYPES.values():
        raise ValueError(f'dtype must be "auto" or one of {", ".join(map(repr, _DTYPES))}, not {dtype!r}')
    return dtype


def inference_dtype(device: torch.device) -> torch.dtype:
    """The type in which a network reads fastest on a device, without a loss of accuracy that can be measured.

    CPUs with AMX or AVX512-BF16, asked of torch, multiply bfloat16 several times as fast as float32; others have to
    emulate it. Of the two half types that CUDA devices since Volta (compute capability 7.0) multiply in tensor cores,
    float16 has three more bits for what lies between the layers, and cuDNN has LSTMs in it everywhere. Activations
    above 65,504 would overflow it; ask for bfloat16 where a network has them.
    """
    if device.type == "cpu":
        # Not public, and so not in every torch; what cannot be asked is not there.
        questions = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
        is_fast = any(getattr(torch.cpu, question, bool)() for question in questions)
        return torch.bfloat16 if is_fast else torch.float32
    if device.type == "cuda" and torch.cuda.get_device_capability(device) >= (7, 0):
        return torch.float16
    return torch.float32


def fold_batch_norms(model: nn.Module):
    """Folds each batch normalization, in place, into the convolution that is declared right before it.

    In the networks of this package, as in transformers' backbones, a normalization that follows its convolution in
    the class also follows it in the forward pass.
    """
    for module in model.modules():
        children = list(module.named_children())
        for (_, convolution), (name, norm) in zip(children, children[1:], strict=False):
            if not isinstance(convolution, nn.Conv2d) or not isinstance(norm, nn.BatchNorm2d):
                continue
            if norm.running_mean is not None and norm.running_var is not None:
                convolution.weight, convolution.bias = fuse_conv_bn_weights(
                    convolution.weight,
                    convolution.bias,
                    *(norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias),
                )
                setattr(module, name, nn.Identity())


def activate_in_place(featurizer: nn.Module):
    """Lets activations overwrite what convolutions gave, which nothing else looks at in the layers of this package.

    Backbones have been written by others and are left alone.
    """
    for layer in featurizer.get_submodule("layers").children():
        for module in () if isinstance(layer, CRNNBackbone) else layer.modules():
            if isinstance(module, (nn.ReLU, nn.LeakyReLU, nn.SiLU, nn.Hardswish)):
                module.inplace = True


def pad_to_bucket(
    pixel_values: torch.Tensor, pixel_mask: torch.Tensor, multiple_of: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pads images (batch, channels, height, width) and their mask on the right, to the next multiple of a width."""
    missing = -pixel_values.shape[-1] % multiple_of
    return nn.functional.pad(pixel_values, (0, missing)), nn.functional.pad(pixel_mask, (0, missing))
