# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Helpers that know nothing of word images: atomic writes, options, processes, optional packages, pages of HTML."""
