# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Publishes a folder on the Hub: choice and checks of its files, the card, and one commit."""

from .contents import PublishError
from .publication import Publication, check_before_run, prepare, push_to_hub, upload


__all__ = ["Publication", "PublishError", "check_before_run", "prepare", "push_to_hub", "upload"]
