"""CRNN: convolutions make features of an image, LSTMs give them context, CTC turns them into text.

Shi, Bai, Yao: "An End-to-End Trainable Neural Network for Image-based Sequence Recognition and Its Application to
Scene Text Recognition", 2015. Graves et al.: "Connectionist Temporal Classification", 2006.
"""

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers import initialization as init
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutputWithNoAttention, CausalLMOutput
from transformers.utils import can_return_tuple, logging
from transformers.utils.generic import merge_with_config_defaults
from transformers.utils.output_capturing import capture_outputs

from .configuration_crnn import CRNNConfig


__all__ = ["CRNNForCTC", "CRNNModel", "CRNNPreTrainedModel"]

logger = logging.get_logger(__name__)


def mask_columns(features: torch.Tensor, widths: torch.Tensor | None) -> torch.Tensor:
    """Zeroes what lies right of each image's own width: `features` is (batch, ..., width), `widths` (batch,)."""
    if widths is None:
        return features
    columns = torch.arange(features.shape[-1], device=features.device)
    inside = columns < widths.view(-1, *[1] * (features.ndim - 1))
    return torch.where(inside, features, features.new_zeros(()))


class CRNNConvLayer(nn.Module):
    """Convolution, batch normalisation where the config has it, ReLU, max-pooling where the config has it."""

    def __init__(self, config: CRNNConfig, index: int):
        super().__init__()
        in_channels = config.conv_channels[index - 1] if index else config.num_channels
        out_channels = config.conv_channels[index]
        self.convolution = nn.Conv2d(
            in_channels,
            out_channels,
            config.conv_kernel_sizes[index],
            padding=config.conv_paddings[index],
            bias=config.conv_biases[index],
        )
        norm = config.batch_norms[index]
        self.normalization = nn.BatchNorm2d(out_channels, eps=config.batch_norm_eps) if norm else nn.Identity()
        self.activation = nn.ReLU()
        window = config.pool_kernel_sizes[index]
        self.pooling = nn.Identity()
        if window is not None:
            stride, padding = tuple(config.pool_strides[index]), tuple(config.pool_paddings[index])
            self.pooling = nn.MaxPool2d(tuple(window), stride=stride, padding=padding)

    def forward(self, features: torch.Tensor, widths: torch.Tensor | None = None):
        """(batch, channels, height, width) and each image's own width, or `None` where all columns are real."""
        features = self.activation(self.normalization(self.convolution(features)))
        if widths is None:
            return self.pooling(features), None
        # An image alone ends in the zeros of the convolution's padding. In a batch its neighbours' width goes on, with
        # the bias and the normalisation's shift in it, so the columns past its end are zeroed before each step. The
        # pools see those zeros where an image alone has nothing at all; after ReLU the maximum is the same.
        convolution, pool = self.convolution, self.pooling
        widths = widths + 2 * convolution.padding[1] - convolution.kernel_size[1] + 1
        features = pool(mask_columns(features, widths))
        if isinstance(pool, nn.MaxPool2d):
            widths = (widths + 2 * pool.padding[1] - pool.kernel_size[1]) // pool.stride[1] + 1
            features = mask_columns(features, widths)
        return features, widths


class CRNNFeaturizer(nn.Module):
    """The convolutional stage: height is pooled away, width becomes time."""

    def __init__(self, config: CRNNConfig):
        super().__init__()
        self.layers = nn.ModuleList([CRNNConvLayer(config, index) for index in range(len(config.conv_channels))])
        self.height_pooling = config.height_pooling

    def forward(self, pixel_values: torch.Tensor, widths: torch.Tensor | None = None):
        """Makes frames of images.

        Args:
            pixel_values: (batch, channels, height, width).
            widths: (batch,), each image's own width in pixels, or `None` where nothing is padding.

        Returns:
            The frames (batch, time, features), zero where they are padding, and each image's own number of frames
            (batch,), or `None`.
        """
        features = mask_columns(pixel_values, widths)
        for layer in self.layers:
            features, widths = layer(features, widths)
        features = features.mean(2) if self.height_pooling == "average" else features.amax(2)
        return features.transpose(1, 2), widths


class CRNNBiLSTMLayer(GradientCheckpointingLayer):
    """Bidirectional LSTM, then dropout, then the linear layer that joins the directions where the config has it."""

    def __init__(self, config: CRNNConfig, index: int):
        super().__init__()
        input_size = config.hidden_sizes[index]
        self.lstm = nn.LSTM(input_size, config.hidden_size, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(config.dropout)
        self.projection = nn.Identity()
        if config.has_projection(index):
            self.projection = nn.Linear(2 * config.hidden_size, config.hidden_size)

    def forward(self, frames: torch.Tensor, num_frames: torch.Tensor | None = None) -> torch.Tensor:
        """(batch, time, features) to (batch, time, hidden); `num_frames` (batch,) says how many frames are real."""
        context = self.lstm(frames)[0] if num_frames is None else self._masked_lstm(frames, num_frames)
        return self.projection(self.dropout(context))

    def _masked_lstm(self, frames: torch.Tensor, num_frames: torch.Tensor) -> torch.Tensor:
        """Runs each direction from its own end of the image.

        Padding comes after an image, so the forward direction meets it last, when it does no harm. The backward
        direction reads the image mirrored, for three frames of five: [a b c - -] is read as [c b a - -]. Packed
        sequences would do the same, but neither compile nor export.
        """
        lstm = self.lstm
        time = torch.arange(frames.shape[1], device=frames.device)
        count = num_frames[:, None]
        mirror = torch.where(time < count, count - 1 - time, time)[..., None]
        forward = self._one_direction(frames, lstm.all_weights[0])
        backward = self._one_direction(frames.gather(1, mirror.expand_as(frames)), lstm.all_weights[1])
        return torch.cat([forward, backward.gather(1, mirror.expand_as(backward))], dim=-1)

    def _one_direction(self, frames: torch.Tensor, weights: list[nn.Parameter]) -> torch.Tensor:
        start = frames.new_zeros(1, frames.shape[0], self.lstm.hidden_size)
        return torch.lstm(frames, (start, start), weights, True, 1, 0.0, self.training, False, True)[0]


class CRNNPreTrainedModel(PreTrainedModel):
    """Weight initialisation, and how checkpoints are loaded."""

    config: CRNNConfig
    base_model_prefix = "crnn"
    main_input_name = "pixel_values"
    input_modalities = ("image",)
    supports_gradient_checkpointing = True
    # The loss is a mean over the batch: the Trainer must divide by the accumulation steps itself.
    accepts_loss_kwargs = False
    _no_split_modules = ["CRNNConvLayer", "CRNNBiLSTMLayer"]
    _can_record_outputs = {"hidden_states": CRNNBiLSTMLayer}

    @torch.no_grad()
    def _init_weights(self, module: nn.Module):
        super()._init_weights(module)
        if isinstance(module, nn.Conv2d):
            # Seven convolutions with a deviation of 0.02 and no normalisation would let the signal die out.
            init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            init.xavier_uniform_(module.weight)


class CRNNModel(CRNNPreTrainedModel):
    """Featurization and sequentialization: an image becomes a sequence of frames with context, without a head."""

    def __init__(self, config: CRNNConfig):
        super().__init__(config)
        self.featurizer = CRNNFeaturizer(config)
        self.layers = nn.ModuleList([CRNNBiLSTMLayer(config, index) for index in range(config.num_hidden_layers)])
        self.post_init()

    @merge_with_config_defaults
    @capture_outputs
    def forward(
        self, pixel_values: torch.FloatTensor, pixel_mask: torch.Tensor | None = None, **kwargs
    ) -> BaseModelOutputWithNoAttention:
        r"""Makes frames with context of word images.

        Args:
            pixel_values (`torch.FloatTensor` of shape `(batch, num_channels, image_height, width)`):
                Images as the image processor makes them.
            pixel_mask (`torch.Tensor` of shape `(batch, image_height, width)`, *optional*):
                1 where a pixel is of the image and 0 where it is padding on its right. What an image gives does not
                depend on its padding or its neighbours (in evaluation mode; in training mode batch normalisation
                looks at the whole batch).

        Returns:
            `last_hidden_state` of shape `(batch, time, hidden)` with `time = config.num_frames(width)`.
        """
        self._check_images(pixel_values)
        widths = None if pixel_mask is None else image_widths(pixel_mask)
        frames, num_frames = self.featurizer(pixel_values.to(self.dtype), widths)
        for layer in self.layers:
            frames = layer(frames, num_frames)
        return BaseModelOutputWithNoAttention(last_hidden_state=frames)

    def _check_images(self, pixel_values: torch.Tensor):
        expected = f"(batch, {self.config.num_channels}, {self.config.image_height}, width)"
        if pixel_values.ndim != 4 or pixel_values.shape[1] != self.config.num_channels:
            raise ValueError(f"pixel_values must have shape {expected}, not {tuple(pixel_values.shape)}")
        if pixel_values.shape[2] != self.config.image_height:
            raise ValueError(
                f"images must be {self.config.image_height} pixels high, not {pixel_values.shape[2]}: "
                f"pixel_values must have shape {expected}"
            )


class CRNNForCTC(CRNNPreTrainedModel):
    """CRNN with a linear layer over the frames, trained with the CTC loss: the recogniser."""

    _auto_class = "AutoModelForCTC"

    def __init__(self, config: CRNNConfig):
        super().__init__(config)
        self.crnn = CRNNModel(config)
        self.ctc_head = nn.Linear(config.hidden_sizes[-1], config.vocab_size)
        #: Labels left out of the loss so far, where `config.unalignable_labels` is "drop".
        self.num_dropped_labels = 0
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        pixel_values: torch.FloatTensor,
        pixel_mask: torch.Tensor | None = None,
        labels: torch.LongTensor | None = None,
        **kwargs,
    ) -> CausalLMOutput:
        r"""Reads word images.

        Args:
            pixel_values (`torch.FloatTensor` of shape `(batch, num_channels, image_height, width)`):
                Images as the image processor makes them.
            pixel_mask (`torch.Tensor` of shape `(batch, image_height, width)`, *optional*):
                1 where a pixel is of the image and 0 where it is padding on its right.
            labels (`torch.LongTensor` of shape `(batch, length)`, *optional*):
                Ids of the characters, padded with -100.

        Returns:
            `logits` of shape `(batch, time, vocab_size)`, raw; a frame that is padding is certainly blank in them, so
            any decoder reads nothing there. With `labels`, `loss` is the CTC loss in float32 on each image's own
            frames.

        Raises:
            ValueError: a label cannot be aligned to its image's frames, or has an id outside the vocabulary.
        """
        outputs = self.crnn(pixel_values, pixel_mask=pixel_mask, **kwargs)
        logits = self.ctc_head(outputs.last_hidden_state)
        num_frames = logits.new_full(logits.shape[:1], logits.shape[1], dtype=torch.long)
        if pixel_mask is not None:
            num_frames = self.config.num_frames(image_widths(pixel_mask))
            logits = blank_padding(logits, num_frames)
        loss = None if labels is None else self._ctc_loss(logits, labels.to(logits.device), num_frames)
        return CausalLMOutput(loss=loss, logits=logits, hidden_states=outputs.hidden_states)

    def _ctc_loss(self, logits: torch.Tensor, labels: torch.Tensor, num_frames: torch.Tensor) -> torch.Tensor:
        """CTC loss (Graves et al. 2006, section 4.1) of `labels` (batch, length), in float32."""
        is_character = labels > 0  # neither -100 nor the blank
        if (labels >= self.config.vocab_size).any():
            raise ValueError(f"a label has id {labels.max()}, but vocab_size is {self.config.vocab_size}")
        lengths = is_character.sum(-1)
        # Two equal neighbours need a blank between them: "book" takes five frames.
        repeats = ((labels[:, 1:] == labels[:, :-1]) & is_character[:, 1:]).sum(-1)
        alignable = lengths + repeats <= num_frames
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


def image_widths(pixel_mask: torch.Tensor) -> torch.Tensor:
    """Each image's own width in pixels (batch,), from a mask of shape (batch, height, width)."""
    return pixel_mask.to(torch.bool).any(1).sum(-1)


def blank_padding(logits: torch.Tensor, num_frames: torch.Tensor) -> torch.Tensor:
    """Makes the frames of `logits` (batch, time, vocab) past each image's `num_frames` (batch,) certainly blank."""
    blank = torch.full_like(logits[0, 0], torch.finfo(logits.dtype).min)
    blank[0] = 0
    time = torch.arange(logits.shape[1], device=logits.device)
    return torch.where((time < num_frames[:, None])[..., None], logits, blank)


def _describe_unalignable(labels: torch.Tensor, num_frames: torch.Tensor, alignable: torch.Tensor) -> str:
    row = int((~alignable).nonzero()[0])
    label = labels[row][labels[row] > 0].tolist()
    repeats = sum(first == second for first, second in zip(label, label[1:], strict=False))
    return (
        f"labels[{row}] with ids {label} needs {len(label) + repeats} frames ({len(label)} characters and {repeats} "
        f"repeated neighbours), but its image gives {int(num_frames[row])}; {int((~alignable).sum())} of "
        f"{len(labels)} labels of this batch do not fit. Use wider images, leave such labels out of the data, or set "
        'config.unalignable_labels = "drop" to skip and count them'
    )
