# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Run by `accelerate launch`: saves the gradient of the first step. Arguments: data, batch size, file."""

import sys

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed

from hf_str.training import WordCollator
from hf_str.training.arguments import DataArguments, ModelArguments, SynthesisArguments
from hf_str.training.data_setup import load_training_samples, make_loader
from hf_str.training.setup import load_recognizer


def gradient(accelerator: Accelerator, data: str, batch_size: int, keep_aspect_ratio: bool) -> dict:
    set_seed(0)
    # Batch normalization looks at the images of its own process: with it, two halves are not a whole.
    overrides = '{"conv_channels": [4, 4, 8, 8, 16, 16, 16], "hidden_size": 16, "batch_norms": false}'
    args = ModelArguments(config_overrides=overrides, keep_aspect_ratio=keep_aspect_ratio)
    model, processor = load_recognizer(args)
    collator = WordCollator(processor, model.config)
    words = load_training_samples(DataArguments(dataset=[data]), SynthesisArguments(), collator)
    rank, world_size = accelerator.process_index, accelerator.num_processes
    loader = make_loader(words, batch_size, 1, rank=rank, world_size=world_size, window=3)
    prepared = accelerator.prepare(model)
    accelerator.backward(prepared(**next(iter(loader))).loss)
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def main():
    data, batch_size, file = sys.argv[1:]
    accelerator = Accelerator(cpu=True)
    gradients = {keep: gradient(accelerator, data, int(batch_size), keep) for keep in (False, True)}
    if accelerator.is_main_process:
        torch.save({"gradients": gradients, "world_size": accelerator.num_processes}, file)
    accelerator.end_training()


if __name__ == "__main__":
    main()
