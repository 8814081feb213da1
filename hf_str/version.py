# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The version of hf_str."""

__version__ = "0.1.0"
