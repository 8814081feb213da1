# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests of word boxes."""

import pytest


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Keeps what the tests read out of the user's cache."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
