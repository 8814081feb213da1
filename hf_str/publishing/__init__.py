# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""From a folder to the Hub: what goes up, what must not, the card, and one commit."""

from .contents import PublishError
from .publication import Publication, check_before_run, prepare, push_to_hub, upload


__all__ = ["Publication", "PublishError", "check_before_run", "prepare", "push_to_hub", "upload"]
