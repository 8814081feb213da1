"""What both run scripts share: words in numbered order, batches, schedules, averages, checkpoints, evaluation."""

from .bad_words import BadWords, WordReport, check_words
from .batch_augmentation import augment_batch
from .busy_meter import BusyMeter
from .byte_collator import ByteCollator
from .checkpointing import BestCheckpoint, CheckpointError, last_complete_checkpoint
from .collator import BadWordError, PreparedWord, WordCollator, frames_needed
from .curves import write_curves
from .distillation import Teacher
from .ema import WeightAverage
from .evaluation import EvaluationReport, Reading, evaluate
from .guard import NonFiniteGuard, NonFiniteLossError
from .real_words import WordTable, second_views, split_real_words
from .sampling import WordBatchSampler
from .schedule import SCHEDULES, learning_rate_factor, learning_rate_schedule
from .sources import RenderedWords, StoredWords, StreamedWords, TrainingWords, parse_weights
from .vocabulary import VocabularyChange, resize_vocabulary
from .word_pool import WordPool


__all__ = [
    "SCHEDULES",
    "BadWordError",
    "BadWords",
    "BestCheckpoint",
    "BusyMeter",
    "ByteCollator",
    "CheckpointError",
    "EvaluationReport",
    "NonFiniteGuard",
    "NonFiniteLossError",
    "PreparedWord",
    "Reading",
    "RenderedWords",
    "StoredWords",
    "StreamedWords",
    "Teacher",
    "TrainingWords",
    "VocabularyChange",
    "WeightAverage",
    "WordBatchSampler",
    "WordCollator",
    "WordPool",
    "WordReport",
    "WordTable",
    "augment_batch",
    "check_words",
    "evaluate",
    "frames_needed",
    "last_complete_checkpoint",
    "learning_rate_factor",
    "learning_rate_schedule",
    "parse_weights",
    "resize_vocabulary",
    "second_views",
    "split_real_words",
    "write_curves",
]
