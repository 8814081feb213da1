# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
