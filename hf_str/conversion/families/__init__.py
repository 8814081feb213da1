# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The families of checkpoints that can be converted: one file for each project, one table of all."""

from . import clovaai, crnn_pytorch, crnn_torch7, doctr, easyocr, mmocr, openocr, paddleocr, ppocr, strhub


__all__ = ["FAMILIES"]

_PROJECTS = (crnn_pytorch, crnn_torch7, clovaai, strhub, doctr, easyocr, mmocr, openocr, paddleocr, ppocr)

#: All families by name.
FAMILIES = {family.name: family for project in _PROJECTS for family in project.FAMILIES}
