"""What both run scripts share: words in numbered order, batches, schedules, averages, checkpoints, evaluation."""

from .bad_words import BadWords, WordReport, check_words
from .checkpointing import BestCheckpoint, CheckpointError, last_complete_checkpoint
from .collator import BadWordError, PreparedWord, WordCollator, frames_needed
from .ema import WeightAverage
from .evaluation import EvaluationReport, Reading, evaluate
from .guard import NonFiniteGuard, NonFiniteLossError
from .sampling import WordBatchSampler
from .schedule import SCHEDULES, learning_rate_factor, learning_rate_schedule
from .sources import RenderedWords, StoredWords, StreamedWords, TrainingWords, parse_weights
from .vocabulary import VocabularyChange, resize_vocabulary


__all__ = [
    "SCHEDULES",
    "BadWordError",
    "BadWords",
    "BestCheckpoint",
    "CheckpointError",
    "EvaluationReport",
    "NonFiniteGuard",
    "NonFiniteLossError",
    "PreparedWord",
    "Reading",
    "RenderedWords",
    "StoredWords",
    "StreamedWords",
    "TrainingWords",
    "VocabularyChange",
    "WeightAverage",
    "WordBatchSampler",
    "WordCollator",
    "WordReport",
    "check_words",
    "evaluate",
    "frames_needed",
    "last_complete_checkpoint",
    "learning_rate_factor",
    "learning_rate_schedule",
    "parse_weights",
    "resize_vocabulary",
]
