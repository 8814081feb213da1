# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Recognition in bulk: shards of millions of images, and their way to the network."""
