"""The text ResNets: residual blocks whose strides lower the height and keep the width."""

import torch
from torch import nn

from .configuration_crnn import CRNNConfig
from .convolution_crnn import CRNNConvNormActivation, mask_columns, output_widths


__all__ = ["CRNNResidualBlock", "CRNNZeroBatchNorm2d", "resnet_layers"]


class CRNNZeroBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation whose scale starts at zero (Goyal et al. 2017, section 5.1)."""


class CRNNResidualBlock(nn.Module):
    """Two convolutions with batch normalisation beside a shortcut (He et al. 2016, figure 2).

    The scale of the last normalisation starts at zero, so a new block passes on what it is given: a trained network
    that gets more blocks reads as it did before.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        eps: float,
        kernel_sizes: tuple[int, int] = (3, 3),
        stride: tuple[int, int] = (1, 1),
        stride_at: str = "first",
    ):
        super().__init__()
        strides = (stride, (1, 1)) if stride_at == "first" else ((1, 1), stride)
        paddings = [kernel_size // 2 for kernel_size in kernel_sizes]
        self.convolution1 = nn.Conv2d(
            in_channels, out_channels, kernel_sizes[0], strides[0], padding=paddings[0], bias=False
        )
        self.normalization1 = nn.BatchNorm2d(out_channels, eps=eps)
        self.convolution2 = nn.Conv2d(
            out_channels, out_channels, kernel_sizes[1], strides[1], padding=paddings[1], bias=False
        )
        self.normalization2 = CRNNZeroBatchNorm2d(out_channels, eps=eps)
        self.shortcut = nn.Identity()
        if in_channels != out_channels or stride != (1, 1):
            projection = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(out_channels, eps=eps))
        self.activation = nn.ReLU()

    def forward(self, features: torch.Tensor, widths: torch.Tensor | None = None):
        """Features (batch, channels, height, width), zero past `widths` (batch,), to the same of the next layer."""
        shortcut = self.shortcut(features)
        widths = output_widths(self.convolution1, widths)
        residual = mask_columns(self.activation(self.normalization1(self.convolution1(features))), widths)
        widths = output_widths(self.convolution2, widths)
        residual = self.normalization2(self.convolution2(residual))
        return mask_columns(self.activation(residual + shortcut), widths), widths


def resnet_layers(config: CRNNConfig) -> list[nn.Module]:
    """A 3x3 convolution, then stages of blocks, the first block of each with the stage's stride.

    Shi et al., "ASTER: An Attentional Scene Text Recognizer with Flexible Rectification" (2018), table 1.
    """
    eps = config.batch_norm_eps
    stem = CRNNConvNormActivation(config.num_channels, config.stem_channels, 3, eps=eps, stride=config.stem_stride)
    layers, channels = [stem], config.stem_channels
    for index, depth in enumerate(config.stage_depths):
        for block in range(depth):
            stride = (1, 1) if block else tuple(config.stage_strides[index])
            layers.append(
                CRNNResidualBlock(
                    channels,
                    config.stage_channels[index],
                    eps=eps,
                    kernel_sizes=tuple(config.block_kernel_sizes),
                    stride=stride,
                    stride_at=config.block_stride_at,
                )
            )
            channels = config.stage_channels[index]
    return layers
