# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What both run scripts share: words in numbered order, batches, schedules, averages, checkpoints, evaluation."""

from .batch_augmentation import augment_batch
from .byte_collator import ByteCollator
from .checkpointing import BestCheckpoint, CheckpointError, last_complete_checkpoint
from .collator import InvalidSampleError, PreparedSample, WordCollator, frames_needed
from .curves import RunLog, write_curves
from .device_utilization import DeviceUtilization
from .distillation import Teacher
from .echo_buffer import DataEchoing, EchoBuffer
from .ema import WeightAverage
from .freezing import freeze, keep_frozen
from .guard import NonFiniteGuard, NonFiniteLossError
from .invalid_samples import InvalidSamples, SampleReport, check_samples
from .sampling import WordBatchSampler
from .schedule import SCHEDULES, learning_rate_factor, learning_rate_schedule
from .sources import RenderedSamples, StoredSamples, StreamedSamples, TrainingSamples, parse_weights
from .stopping import StopRules
from .validation import ValidationPrediction, ValidationReport, evaluate
from .vocabulary import VocabularyChange, resize_vocabulary


__all__ = [
    "SCHEDULES",
    "BestCheckpoint",
    "ByteCollator",
    "CheckpointError",
    "DataEchoing",
    "DeviceUtilization",
    "EchoBuffer",
    "InvalidSampleError",
    "InvalidSamples",
    "NonFiniteGuard",
    "NonFiniteLossError",
    "PreparedSample",
    "RenderedSamples",
    "RunLog",
    "SampleReport",
    "StopRules",
    "StoredSamples",
    "StreamedSamples",
    "Teacher",
    "TrainingSamples",
    "ValidationPrediction",
    "ValidationReport",
    "VocabularyChange",
    "WeightAverage",
    "WordBatchSampler",
    "WordCollator",
    "augment_batch",
    "check_samples",
    "evaluate",
    "frames_needed",
    "freeze",
    "keep_frozen",
    "last_complete_checkpoint",
    "learning_rate_factor",
    "learning_rate_schedule",
    "parse_weights",
    "resize_vocabulary",
    "write_curves",
]
