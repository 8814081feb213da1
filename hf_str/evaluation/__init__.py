# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""How good a recognizer is, by rules that are written down."""

from ..utils.renaming import renamed_function
from .bootstrap import Estimate, confidence_intervals
from .breakdowns import accuracy_by_aspect_ratio, accuracy_by_length, character_confusions
from .calibration import area_under_risk_coverage, expected_calibration_error, reliability_bins, risk_coverage
from .metrics import (
    METRICS,
    character_error_rate,
    edit_distance,
    label_error_rate,
    metric_terms,
    normalized_edit_distance,
    normalized_edit_similarity,
    recognition_metrics,
)
from .protocols import PROTOCOLS, SUBSETS, Protocol, Subset, default_protocols, missing_characters


__all__ = [
    "METRICS",
    "PROTOCOLS",
    "SUBSETS",
    "Estimate",
    "Protocol",
    "Subset",
    "accuracy_by_aspect_ratio",
    "accuracy_by_length",
    "area_under_risk_coverage",
    "character_confusions",
    "character_error_rate",
    "confidence_intervals",
    "default_protocols",
    "edit_distance",
    "expected_calibration_error",
    "label_error_rate",
    "metric_terms",
    "missing_characters",
    "normalized_edit_distance",
    "normalized_edit_similarity",
    "recognition_metrics",
    "reliability_bins",
    "risk_coverage",
]

#: The name of [`normalized_edit_distance`] in version 0.1.
wrongness = renamed_function("wrongness", normalized_edit_distance)
