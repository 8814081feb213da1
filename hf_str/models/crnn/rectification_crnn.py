# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Rectification: a spatial transformer that straightens bent and tilted text before it is read.

Shi et al., "Robust Scene Text Recognition with Automatic Rectification" (2016), section 3.1, and "ASTER" (2018),
section 3.1; the network that finds the points is that of Baek et al. (2019), supplement, table 3.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from huggingface_hub.dataclasses import strict
from torch import nn
from transformers import initialization as init
from transformers.utils.generic import maybe_autocast

from .convolution_crnn import CRNNConvNormActivation, mask_columns
from .stage_crnn import CRNNStage, as_pair, own_field


__all__ = ["CRNNRectification", "CRNNRectificationStage", "TPSStage", "spline_inverse", "straight_fiducials"]

#: Any configuration may have these fields.
_field = partial(own_field, elsewhere="ignored")


@strict
@dataclass(kw_only=True)
class CRNNRectificationStage(CRNNStage, name="none"):
    """What a rectification is: a module from images to images. `rectification="none"` has none."""

    kind: ClassVar[str] = "rectification"
    table: ClassVar[dict[str, type["CRNNRectificationStage"]]] = {}

    num_channels: int
    batch_norm_eps: float

    def module(self) -> nn.Module | None:
        """The module, which takes what [`CRNNRectification`] takes; `None` for no rectification."""
        return None


@strict
@dataclass(kw_only=True)
class TPSStage(CRNNRectificationStage, name="tps"):
    """`rectification="tps"`: a spatial transformer with a thin-plate spline."""

    num_fiducials: int = _field(20, form="number", highest=1_000)
    localization_size: list[int] = _field([32, 100], form="pair", highest=4_096)
    localization_channels: list[int] = _field([64, 128, 256, 512], form="numbers", highest=16_384)
    localization_hidden_size: int = _field(256, form="number", highest=16_384)

    def check(self):
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

    def module(self) -> nn.Module | None:
        return CRNNRectification(self)


class CRNNRectification(nn.Module):
    """Finds points along the text's upper and lower edge, and bends the image so that they come to lie straight.

    Image coordinates go from -1 to 1 over each image's own width and over the height. Each image is looked at and
    bent by itself: padding on its right changes nothing.
    """

    inverse: torch.Tensor

    def __init__(self, stage: TPSStage):
        super().__init__()
        self.size = as_pair(stage.localization_size)
        self.num_fiducials = stage.num_fiducials
        channels = [stage.num_channels, *stage.localization_channels]
        self.localization = nn.ModuleList(
            CRNNConvNormActivation(before, after, 3, eps=stage.batch_norm_eps)
            for before, after in zip(channels, channels[1:], strict=False)
        )
        self.hidden = nn.Linear(channels[-1], stage.localization_hidden_size)
        self.fiducials = nn.Linear(stage.localization_hidden_size, 2 * stage.num_fiducials)
        self.register_buffer("inverse", spline_inverse(stage.num_fiducials), persistent=False)

    def init_own_weights(self):
        """Weights at the start, as [`CRNNPreTrainedModel`] asks modules for them after those of their parts."""
        init.zeros_(self.fiducials.weight)
        init.copy_(self.fiducials.bias, straight_fiducials(self.num_fiducials).flatten())
        init.copy_(self.inverse, spline_inverse(self.num_fiducials))

    def forward(self, pixel_values: torch.Tensor, widths: torch.Tensor | None = None) -> torch.Tensor:
        """Images (batch, channels, height, width) to straightened images of the same sizes.

        `widths` (batch,) are the images' own widths, or `None` where no column is padding.
        """
        # Coordinates in half precision would be off by pixels.
        with maybe_autocast(pixel_values.device.type, enabled=False):
            fiducials = self.find_fiducials(pixel_values, widths).float()
            height, width = pixel_values.shape[2:]
            grid = self._grid(fiducials, height, width, widths)
            pixel_values = _sample(pixel_values, grid, widths)
        return mask_columns(pixel_values, widths)

    def find_fiducials(self, pixel_values: torch.Tensor, widths: torch.Tensor | None = None) -> torch.Tensor:
        """Points (batch, num_fiducials, 2) as (x, y) along the upper edge, then along the lower, left to right."""
        features = self._resize(pixel_values, widths).to(self.hidden.weight.dtype)
        for index, layer in enumerate(self.localization):
            if index > 0:
                features = nn.functional.max_pool2d(features, 2)
            features, _ = layer(features)
        points = self.fiducials(self.hidden(features.mean((2, 3))).relu())
        return points.view(points.shape[0], self.num_fiducials, 2)

    def _resize(self, pixel_values: torch.Tensor, widths: torch.Tensor | None) -> torch.Tensor:
        """Each image's own width to the size that the localization sees, by bilinear interpolation."""
        height, width = self.size
        y, x = _centers(height, pixel_values.device), _centers(width, pixel_values.device)
        grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)
        # Here the edges of an image are at -1 and 1, so a resize to its own size changes nothing.
        return _sample(pixel_values, grid.expand(pixel_values.shape[0], -1, -1, -1), widths, edges=True)

    def _grid(self, fiducials: torch.Tensor, height: int, width: int, widths: torch.Tensor | None) -> torch.Tensor:
        """Where each pixel comes from: (batch, height, width, 2) as (x, y)."""
        count = fiducials.new_full((1,), width) if widths is None else widths.clamp(min=1).to(fiducials.dtype)
        columns = torch.arange(width, device=fiducials.device, dtype=fiducials.dtype)
        x = (2 * columns + 1) / count[:, None] - 1
        y = _centers(height, fiducials.device)
        x, y = x[:, None, :].expand(-1, height, -1), y[None, :, None].expand(x.shape[0], -1, width)
        points = torch.stack([x, y], -1).flatten(1, 2)
        straight = straight_fiducials(self.num_fiducials, points.device)
        # How far the points are moved, not where to: exact where nothing is bent, and less rounding elsewhere.
        moves = torch.cat([fiducials - straight, fiducials.new_zeros(fiducials.shape[0], 3, 2)], 1)
        grid = points + spline_terms(points, straight) @ (self.inverse.float() @ moves)
        return grid.unflatten(1, (height, width))


def straight_fiducials(count: int, device: torch.device | None = None) -> torch.Tensor:
    """The points (count, 2) of text that is straight: half along the upper edge of the image, half along the lower."""
    x = torch.linspace(-1, 1, count // 2, device=device)
    edge = torch.ones_like(x)
    return torch.cat([torch.stack([x, -edge], 1), torch.stack([x, edge], 1)])


def spline_terms(points: torch.Tensor, fiducials: torch.Tensor) -> torch.Tensor:
    """1, x, y and r^2 log r^2 to each fiducial of points (..., 2): (..., 3 + fiducials)."""
    squared = (points[..., None, :] - fiducials).square().sum(-1)
    radial = torch.where(squared > 0, squared * squared.clamp(min=1e-12).log(), squared)
    return torch.cat([torch.ones_like(points[..., :1]), points, radial], -1)


def spline_inverse(count: int) -> torch.Tensor:
    """Matrix (count + 3, count + 3) from where the fiducials are, with three zeros after, to the spline's weights."""
    fiducials = straight_fiducials(count).double()
    terms = spline_terms(fiducials, fiducials)
    system = torch.zeros(count + 3, count + 3, dtype=torch.double)
    system[:count] = terms
    system[count:, 3:] = terms[:, :3].T  # the bending has no part that is linear
    return torch.linalg.inv(system).float()


def _centers(count: int, device: torch.device) -> torch.Tensor:
    """Centers of `count` pixels between -1 and 1."""
    return (2 * torch.arange(count, device=device, dtype=torch.float32) + 1) / count - 1


def _sample(
    pixel_values: torch.Tensor, grid: torch.Tensor, widths: torch.Tensor | None, edges: bool = False
) -> torch.Tensor:
    """Bilinear samples at `grid` (batch, height, width, 2), in coordinates of each image's own width.

    -1 and 1 are the centers of the outermost pixels, or with `edges` their outer edges. Past an image its outermost
    pixel goes on.
    """
    height, width = pixel_values.shape[2:]
    own = grid.new_full((1,), width) if widths is None else widths.clamp(min=1).to(grid.dtype)
    size = torch.stack([own, torch.full_like(own, height)], -1)[:, None, None]
    pixels = ((grid + 1) * size - 1) / 2 if edges else (grid + 1) / 2 * (size - 1)
    pixels = torch.minimum(pixels.clamp(min=0), size - 1)
    # grid_sample's own convention for edges, over the width of the batch.
    whole = torch.stack([pixels.new_full((), width), pixels.new_full((), height)])
    return nn.functional.grid_sample(
        pixel_values.float(), (2 * pixels + 1) / whole - 1, padding_mode="border", align_corners=False
    ).to(pixel_values.dtype)
