"""How good a recogniser is, by rules that are written down."""

from .protocols import PROTOCOLS, Protocol


__all__ = ["PROTOCOLS", "Protocol"]
