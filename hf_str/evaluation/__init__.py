"""How good a recogniser is, by rules that are written down."""

from .metrics import character_error_rate, edit_distance, normalized_edit_similarity, recognition_metrics
from .protocols import PROTOCOLS, Protocol


__all__ = [
    "PROTOCOLS",
    "Protocol",
    "character_error_rate",
    "edit_distance",
    "normalized_edit_similarity",
    "recognition_metrics",
]
