# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Words that no camera saw: texts, fonts, layout, appearance and degradation."""

from .fonts import Font, find_fonts
from .renderer import WordRenderer, make_renderer
from .words import WordSampler


__all__ = ["Font", "WordRenderer", "WordSampler", "find_fonts", "make_renderer"]
