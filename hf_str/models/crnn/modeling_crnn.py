# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""CRNN: convolutions make features of an image, a sequence model gives them context, CTC turns them into text.

Shi, Bai, Yao: "An End-to-End Trainable Neural Network for Image-based Sequence Recognition and Its Application to
Scene Text Recognition", 2015. Graves et al.: "Connectionist Temporal Classification", 2006.
"""

import math
import os
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers import initialization as init
from transformers.utils import logging
from transformers.utils.generic import can_return_tuple, merge_with_config_defaults
from transformers.utils.output_capturing import capture_outputs

from .configuration_crnn import CRNNConfig
from .ctc_alignment_crnn import batch_frames_needed, frames_needed
from .featurizer_crnn import CRNNFeaturizer
from .files_crnn import naming_files
from .forking_crnn import before_computing
from .guidance_crnn import CRNNGuidanceDecoder
from .inference_crnn import CRNNInferenceMixin, pad_to_bucket
from .outputs_crnn import CRNNForCTCOutput, CRNNModelOutput, blank_padding, image_widths
from .rectification_crnn import CRNNRectificationStage
from .sequentializer_crnn import CRNNSequentializerLayer
from .stages_crnn import KINDS


__all__ = ["CRNNForCTC", "CRNNModel", "CRNNPreTrainedModel"]

logger = logging.get_logger(__name__)

_Model = TypeVar("_Model", bound="CRNNPreTrainedModel")


class CRNNPreTrainedModel(PreTrainedModel):
    """Weight initialization, and how checkpoints are loaded."""

    config: CRNNConfig
    if TYPE_CHECKING:  # transformers wraps it in a way that hides its type

        def to(self: _Model, *args: Any, **kwargs: Any) -> _Model: ...

    base_model_prefix = "crnn"
    main_input_name = "pixel_values"
    input_modalities = ["image"]
    supports_gradient_checkpointing = True
    # The loss is a mean over the batch: the Trainer must divide by the accumulation steps itself.
    accepts_loss_kwargs = False
    _no_split_modules = sorted(
        {name for kind in KINDS for stage in kind.table.values() for name in stage.no_split_modules}
    )
    _can_record_outputs = {"hidden_states": CRNNSequentializerLayer}
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike | None, *args, **kwargs) -> Any:
        """As any model of transformers, but weights that do not fit the configuration are refused.

        transformers would leave what the file lacks at random values, which reads random texts. Where that is wanted,
        as for new parts in fine-tuning, give `ignore_mismatched_sizes=True`, a `config` of your own, or the fields of
        the configuration that are to differ, such as `rectification="tps"`. With `output_loading_info=True` the caller
        looks itself.

        Raises:
            ValueError: a file is damaged, or weights are missing, left over, of other shapes, NaN or infinite; it
                names the file.
            OSError: there is no such checkpoint.
        """
        path, wants_info = pretrained_model_name_or_path, kwargs.pop("output_loading_info", False)
        if path is None:
            return super().from_pretrained(path, *args, output_loading_info=wants_info, **kwargs)
        fields = CRNNConfig.field_names() - {"dtype", "torch_dtype", "attn_implementation"}
        config = kwargs.get("config")  # the Auto classes give that of the checkpoint itself
        is_changed = kwargs.get("ignore_mismatched_sizes") or bool(kwargs.keys() & fields)
        is_changed = is_changed or (config is not None and getattr(config, "name_or_path", None) != str(path))
        names = ["model.safetensors", "model.safetensors.index.json", "config.json"]
        with naming_files(path, names, **kwargs):
            try:
                loaded: Any = super().from_pretrained(path, *args, output_loading_info=True, **kwargs)
            except RuntimeError as error:
                if "ignore_mismatched_sizes" not in str(error):
                    raise
                raise ValueError(
                    "model.safetensors does not fit config.json: shapes are mismatched (run with the messages of "
                    "transformers on to see which). Take both files from the same checkpoint, or give "
                    "ignore_mismatched_sizes=True to train those weights anew"
                ) from error
            model, info = loaded
            if not (wants_info or is_changed):
                _refuse_other_weights(cls, info)
            _refuse_non_finite_weights(model)
        return (model, info) if wants_info else model

    @torch.no_grad()
    def _init_weights(self, module: nn.Module):
        super()._init_weights(module)
        init_own_weights = getattr(module, "init_own_weights", None)
        if callable(init_own_weights):  # it comes after its parts, so it has the last word on them
            init_own_weights()
        elif isinstance(module, (nn.Conv1d, nn.Conv2d)):
            # Seven convolutions with a deviation of 0.02 and no normalization would let the signal die out. This is
            # the deviation of He et al. (2015) over the outputs of each group.
            fan_out = module.out_channels * math.prod(module.kernel_size) / module.groups
            init.normal_(module.weight, std=math.sqrt(2 / fan_out))
        elif isinstance(module, nn.Linear):
            init.xavier_uniform_(module.weight)


class CRNNModel(CRNNPreTrainedModel):
    """Featurization and sequentialization: an image becomes a sequence of frames with context, without a head.

    It is loaded by its own name: `AutoModel` gives [`CRNNForCTC`].
    """

    def __init__(self, config: CRNNConfig):
        """A network with random weights."""
        config.validate_architecture()  # fields may have been changed since the configuration was made
        super().__init__(config)
        self.rectification = CRNNRectificationStage.of(config).module()
        self.featurizer = CRNNFeaturizer(config.featurizer_stage)
        stage = config.sequentializer_stage
        # In the order in which checkpoints of optimizers have the weights, which is not that of the forward pass.
        self.norm = stage.norm()
        self.embedding = stage.embedding(config)
        self.entrance, self.exit = stage.entrance(), stage.exit()
        self.layers = nn.ModuleList(stage.layer(index, config) for index in range(config.num_hidden_layers))
        self.post_init()

    @merge_with_config_defaults
    @capture_outputs
    def forward(self, pixel_values: torch.Tensor, pixel_mask: torch.Tensor | None = None, **kwargs) -> CRNNModelOutput:
        r"""Makes frames with context of word images.

        Args:
            pixel_values (`torch.FloatTensor` of shape `(batch, num_channels, image_height, width)`):
                Images as the image processor makes them.
            pixel_mask (`torch.Tensor` of shape `(batch, image_height, width)`, *optional*):
                1 where a pixel is of the image and 0 where it is padding on its right. What an image gives does not
                depend on its padding or its neighbors (in evaluation mode; in training mode batch normalization
                looks at the whole batch).

        Returns:
            `last_hidden_state` of shape `(batch, time, hidden)` with `time = config.num_frames(width)`, and
            `num_frames` of shape `(batch,)`, each image's own frames.
        """
        before_computing(pixel_values.device)
        self._check_images(pixel_values)
        widths = None if pixel_mask is None else image_widths(pixel_mask)
        pixel_values = pixel_values.to(self.dtype)
        if self.rectification is not None:
            pixel_values = self.rectification(pixel_values, widths).to(self.featurizer.dtype)
        frames, num_frames = self.featurizer(pixel_values, widths)
        context, shortcut = {}, None
        if self.entrance is not None:
            frames, shortcut = self.entrance(frames, num_frames)
        if self.embedding is not None:
            frames, context = self.embedding(frames, num_frames)
        for layer in self.layers:
            frames = layer(frames, num_frames, **context)
        frames = self.norm(frames)
        if self.exit is not None:
            frames = self.exit(frames, shortcut, num_frames)
        return CRNNModelOutput(last_hidden_state=frames, num_frames=self._own_frames(frames, widths))

    def _own_frames(self, frames: torch.Tensor, widths: torch.Tensor | None) -> torch.Tensor:
        """Each image's own frames (batch,) of `frames` (batch, time, hidden).

        The featurizer counts them too, but what it returns may lie in a CUDA graph, which the next batch overwrites.
        """
        if widths is None:
            return frames.new_full(frames.shape[:1], frames.shape[1], dtype=torch.long)
        return self.featurizer.num_frames(widths)

    def _check_images(self, pixel_values: torch.Tensor):
        expected = f"(batch, {self.config.num_channels}, {self.config.image_height}, width)"
        if pixel_values.ndim != 4 or pixel_values.shape[1] != self.config.num_channels:
            raise ValueError(f"pixel_values must have shape {expected}, not {tuple(pixel_values.shape)}")
        if pixel_values.shape[2] != self.config.image_height:
            raise ValueError(
                f"images must be {self.config.image_height} pixels high, not {pixel_values.shape[2]}: "
                f"pixel_values must have shape {expected}"
            )


class CRNNForCTC(CRNNInferenceMixin, CRNNPreTrainedModel):
    """CRNN with a linear layer over the frames, trained with the CTC loss: the recognizer.

    `AutoModelForCTC`, `AutoModelForTextRecognition` and also `AutoModel` give this class. A network without its head
    reads nothing, so `AutoModel` gives all of it, as it does for MGP-STR; [`CRNNModel`] has the frames alone.
    """

    _auto_class = "AutoModelForCTC"

    def __init__(self, config: CRNNConfig):
        super().__init__(config)
        self.crnn = CRNNModel(config)
        self.ctc_head = nn.Linear(config.hidden_sizes[-1], config.vocab_size)
        self.guidance = CRNNGuidanceDecoder(config) if config.guidance_decoder else None
        #: Labels left out of the loss so far, where `config.unalignable_labels` is "drop".
        self.num_dropped_labels = 0
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        pixel_values: torch.Tensor,
        pixel_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        **kwargs,
    ) -> CRNNForCTCOutput:
        r"""Reads word images.

        Args:
            pixel_values (`torch.FloatTensor` of shape `(batch, num_channels, image_height, width)`):
                Images as the image processor makes them.
            pixel_mask (`torch.Tensor` of shape `(batch, image_height, width)`, *optional*):
                1 where a pixel is of the image and 0 where it is padding on its right.
            labels (`torch.LongTensor` of shape `(batch, length)`, *optional*):
                Ids of the characters, padded with -100.

        Returns:
            `logits` of shape `(batch, time, vocab_size)`, raw, and `num_frames` of shape `(batch,)`, each image's own
            frames; those after them are padding, and blank. With `labels`, `loss` is the CTC loss in float32 on each
            image's own frames; in training mode, with `config.guidance_decoder`, the decoder's loss times
            `config.guidance_weight` is added.

        Raises:
            ValueError: a label cannot be aligned to its image's frames, or has an id outside the vocabulary.
        """
        width = pixel_values.shape[-1]
        if pixel_mask is not None and self._width_multiple > 1:
            pixel_values, pixel_mask = pad_to_bucket(pixel_values, pixel_mask, self._width_multiple)
        outputs = self.crnn(pixel_values, pixel_mask=pixel_mask, **(kwargs | {"return_dict": True}))
        frames, num_frames = outputs.last_hidden_state, outputs.num_frames
        if self.is_optimized_for_inference:  # whatever the layers before compute in, the head computes in float32
            frames = frames[:, : self.crnn.featurizer.num_frames(width)].float()
        logits = self.ctc_head(frames)
        if pixel_mask is not None:
            logits = blank_padding(logits, num_frames)
        loss = None
        if labels is not None:
            labels = labels.to(logits.device)
            loss = self._ctc_loss(logits, labels, num_frames)
            if self.guidance is not None and self.training:
                guidance_loss = self.guidance(outputs.last_hidden_state, num_frames, labels)
                loss = loss + self.config.guidance_weight * guidance_loss
        return CRNNForCTCOutput(loss=loss, logits=logits, hidden_states=outputs.hidden_states, num_frames=num_frames)

    def _ctc_loss(self, logits: torch.Tensor, labels: torch.Tensor, num_frames: torch.Tensor) -> torch.Tensor:
        """CTC loss (Graves et al. 2006, section 4.1) of `labels` (batch, length), in float32."""
        is_character = labels > 0  # neither -100 nor the blank
        if (labels >= self.config.vocab_size).any():
            raise ValueError(f"a label has id {labels.max()}, but vocab_size is {self.config.vocab_size}")
        lengths = is_character.sum(-1)
        alignable = batch_frames_needed(labels) <= num_frames
        if not alignable.all():
            if self.config.unalignable_labels == "error":
                raise ValueError(_describe_unalignable(labels, num_frames, alignable))
            self.num_dropped_labels += int((~alignable).sum())
            logits, labels = logits[alignable], labels[alignable]
            num_frames, lengths = num_frames[alignable], lengths[alignable]
        if len(logits) == 0:
            return logits.sum()  # zero, with a gradient of zero
        log_probs = logits.float().log_softmax(-1).transpose(0, 1)
        return nn.functional.ctc_loss(
            log_probs, labels.clamp(min=0), num_frames, lengths, blank=0, reduction=self.config.ctc_loss_reduction
        )


def _refuse_other_weights(model_class: type, info: dict[str, Any]):
    for problem in ("missing", "unexpected", "mismatched"):
        # The decoder that guides training is not there for reading; a body is taken from a recognizer without its head
        unread = ("guidance.",) if issubclass(model_class, CRNNForCTC) else ("guidance.", "ctc_head.")
        names = sorted(str(name) for name in info[f"{problem}_keys"] if not str(name).startswith(unread))
        if names:
            shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
            raise ValueError(f"model.safetensors does not fit config.json; {problem}: {shown}")


def _refuse_non_finite_weights(model: nn.Module):
    tensors = {name: t for name, t in model.state_dict().items() if t.is_floating_point() and not t.is_meta}
    # One sum finds NaN and infinity; the sum of huge numbers may overflow, so that it is only a reason to look closer
    names = [name for name, t in tensors.items() if not t.sum(dtype=torch.float32).isfinite()]
    names = [name for name in names if not tensors[name].isfinite().all()]
    if names:
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        raise ValueError(
            f"weights are NaN or infinite: {shown}. The training diverged, or the file is damaged: take another one"
        )


def _describe_unalignable(labels: torch.Tensor, num_frames: torch.Tensor, alignable: torch.Tensor) -> str:
    row = int((~alignable).nonzero()[0])
    label = labels[row][labels[row] > 0].tolist()
    needed = frames_needed(label)
    return (
        f"labels[{row}] with ids {label} needs {needed} frames ({len(label)} characters and {needed - len(label)} "
        f"repeated neighbors), but its image gives {int(num_frames[row])}; {int((~alignable).sum())} of "
        f"{len(labels)} labels of this batch do not fit. Use wider images, leave such labels out of the data, or set "
        'config.unalignable_labels = "drop" to skip and count them'
    )
