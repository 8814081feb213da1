# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Helpers that are not about words: atomic writes, image files, options, processes, optional packages, HTML pages."""
