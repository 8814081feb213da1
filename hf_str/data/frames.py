# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Whether a label can be learned from its image: the frames that it needs, and those that the network gives."""

from typing import Any

from ..models.crnn.ctc_alignment_crnn import frames_needed
from ..models.crnn.image_geometry_crnn import word_size


__all__ = ["frames_needed", "seen_size"]


def seen_size(image_processor: Any, height: float, width: float) -> tuple[int, int]:
    """`(height, width)` in pixels at which a network sees an image of this shape.

    Args:
        image_processor: of the network.
        height: of the image, in any unit.
        width: of the image, in the same unit.
    """
    options = image_processor
    size = options.size["height"], options.size["width"]
    if not options.keep_aspect_ratio:
        return size
    bounds = options.min_width or 1, options.max_width or size[1]
    rounding, multiple_of = options.width_rounding or "nearest", options.resize_to_multiple_of or 1
    shrinks, factor = options.wide_words == "shrink", options.width_factor or 1.0
    return word_size(height, width, size[0], *bounds, rounding, multiple_of, shrinks, factor)
