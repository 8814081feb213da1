"""Word boxes: images of single words with their text."""

from .word_boxes import WordBox, read_word_folder


__all__ = ["WordBox", "read_word_folder"]
