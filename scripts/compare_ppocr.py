# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train,onnx]"]
# ///
"""Compares converted recognizers of PP-OCR with the originals, as Markdown tables.

    pip download --no-deps rapidocr==3.10.0 && unzip -q rapidocr-3.10.0-*.whl
    python scripts/compare_ppocr.py --files rapidocr/models/PP-OCRv6_rec_small.onnx --dataset iiit5k/ cute80/
    python scripts/compare_ppocr.py --files small.onnx tiny.onnx --dataset iiit5k/ --max_samples 100
    python scripts/compare_ppocr.py --random

Each file is converted with its whole dictionary, and both networks get the same pixels, padded to 320 as PaddleOCR
does. The table has the largest difference of a probability on the words of the first dataset; how far each network is
from the converted one in double precision, which shows how much of the difference is rounding; and the percentages of
words with a difference above 1e-4 and of words with the same text by best path. Then the file is converted with the 94
printable characters. The table has its word accuracy under protocol 36 at natural width, alone and with
--language_model (with the decoder that a tokenizer with a language model has by default), and the CPU milliseconds of
the network per word on one thread, in batches of at most 64 words of the same width.

With --random, the classes of transformers with random weights are compared with their conversions, on noise and in
double precision. The table also has the difference of probabilities between two images: networks that ignore their
input would always agree.
"""

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
import transformers
from tqdm import tqdm
from transformers.utils import logging

from hf_str import CharacterLanguageModel, CRNNForCTC, CRNNProcessor, load_word_image
from hf_str.conversion import ConversionError, convert_checkpoint
from hf_str.conversion.families.ppocr import family_of
from hf_str.conversion.ppocr_weights import from_transformers
from hf_str.data import WordBox, read_word_folder
from hf_str.evaluation import PROTOCOLS
from hf_str.evaluation.baselines import PP_LCNET_V3, PP_LCNET_V4_TINY
from hf_str.models.crnn.configuration_crnn import CRNNConfig
from hf_str.models.crnn.ctc_language_model_crnn import CharacterNGrams
from hf_str.models.crnn.image_batching_crnn import keep_most_confident, make_batches
from hf_str.utils.optional import require
from hf_str.utils.options import OptionParser, positive


V5 = {"model_type": "pp_lcnet_v3", "scale": 0.95, "divisor": 16, "block_configs": PP_LCNET_V3, "out_indices": [5]}
TINY = {
    "model_type": "pp_lcnet_v4",
    "stem_type": "small",
    "stem_channels": [3, 24, 48],
    "block_configs": PP_LCNET_V4_TINY,
}
#: Classes of transformers: the prefix of their names, and the fields in which their configs differ from the default.
CLASSES = {
    "pp-ocrv5-mobile": ("PPOCRV5MobileRec", {"backbone_config": V5}),
    "pp-ocrv6-small": ("PPOCRV6SmallRec", {}),
    "pp-ocrv6-tiny": ("PPOCRV6TinyRec", {"backbone_config": TINY, "hidden_size": 80}),
}
#: Classes of the random networks.
NUM_CLASSES = 100
#: The difference that equal networks may have in single precision.
TOLERANCE = 1e-4


def main():
    args = parse_args()
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if args.random:
        print_random()
    if args.random and args.files:
        print()
    if args.files:
        print_files(args)


def print_random():
    print(f"transformers {transformers.__version__}\n")
    print("| classes of transformers, random weights | largest probability difference | for other images |")
    print("|---|---|---|")
    for name, (prefix, options) in CLASSES.items():
        if hasattr(transformers, f"{prefix}Config"):
            difference, control = compare_random(name, prefix, options)
            print(f"| {name} | {difference:.1e} | {control:.2f} |", flush=True)
        else:
            print(f"| {name} | not in this version | |", flush=True)


def print_files(args: argparse.Namespace):
    try:
        runtime = require("onnxruntime", "onnx")
        normalize = PROTOCOLS["36"].normalize  # labels of which nothing is left would all be right
        sets = {f.name: [box for box in read_word_folder(f) if normalize(box.text)] for f in args.dataset}
        sets = {name: boxes[: args.max_samples] for name, boxes in sets.items()}
    except (ImportError, ValueError) as error:
        raise SystemExit(f"error: {error}") from error
    ngrams = CharacterNGrams.from_file(args.language_model) if args.language_model else None
    accuracies = [f"{name}{suffix}" for name in sets for suffix in ("", *([", language model"] if ngrams else []))]
    differences = ["largest difference", "ours to exact", "onnxruntime's to exact"]
    differences += [f"% above {TOLERANCE:.0e}", "% equal texts"]
    columns = ["file", "parameters", *differences, *accuracies, "ms per word"]
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for file in args.files:
        try:
            with tempfile.TemporaryDirectory() as folder:
                row = compare_probabilities(file, next(iter(sets.values())), folder, runtime)
                row += compare_words(file, sets, folder, ngrams)
        except ConversionError as error:
            raise SystemExit(f"error: {file}: {error}") from error
        print(f"| {' | '.join(row)} |", flush=True)


@torch.inference_mode()
def compare_probabilities(file: Path, words: Sequence[WordBox], folder: str, runtime: ModuleType) -> list[str]:
    """The first columns of a row: the whole network and the file on the same tensors."""
    model = convert_checkpoint(None, file, folder, preprocessing="paddle")
    processor = CRNNProcessor.from_pretrained(folder)
    exact = CRNNForCTC.from_pretrained(folder, dtype=torch.float64).eval()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    differences, equal = [], 0
    for box in tqdm(words, f"{family_of(file)}: against onnxruntime"):
        pixels = processor.image_processor(load_word_image(box.path), return_tensors="pt")["pixel_values"]
        (theirs,) = session.run(None, {session.get_inputs()[0].name: pixels.flip(1).numpy()})  # theirs are BGR
        ours, true = (network(pixels.to(network.dtype)).logits.softmax(-1).numpy() for network in (model, exact))
        pairs = (ours, theirs), (ours, true), (theirs, true)
        differences.append([float(np.abs(one - other).max()) for one, other in pairs])
        texts = [processor.tokenizer.decode(one[0].argmax(-1)) for one in (ours, theirs)]
        equal += texts[0] == texts[1]
    largest, above = np.max(differences, axis=0), np.mean(np.array(differences)[:, 0] > TOLERANCE)
    row = [f"{family_of(file)}, {file.name}", f"{model.num_parameters():,}", *(f"{value:.1e}" for value in largest)]
    return [*row, f"{100 * above:.2f}", f"{100 * equal / len(words):.2f}"]


@torch.inference_mode()
def compare_words(
    file: Path, sets: Mapping[str, Sequence[WordBox]], folder: str, ngrams: CharacterNGrams | None
) -> list[str]:
    """The last columns of a row: word accuracy in percent of the network with 94 characters, and its time."""
    convert_checkpoint(None, file, folder, charset="94", preprocessing="natural")
    model, processor = CRNNForCTC.from_pretrained(folder).eval(), CRNNProcessor.from_pretrained(folder)
    language_models = [None, *([CharacterLanguageModel(ngrams, processor.tokenizer)] if ngrams else [])]
    row, seconds, count = [], 0.0, 0
    for name, boxes in sets.items():
        right = [0] * len(language_models)
        for start in tqdm(range(0, len(boxes), 256), f"{family_of(file)}: {name}"):
            part = boxes[start : start + 256]
            read: list[list] = [[] for _ in language_models]
            for batch in make_batches([load_word_image(box.path) for box in part], processor.image_processor, 64):
                before = time.process_time()
                outputs = model(**batch.inputs)
                seconds += time.process_time() - before
                mask = batch.inputs.get("pixel_mask")
                for predictions, language_model in zip(read, language_models, strict=True):
                    processor.tokenizer.language_model = language_model
                    predictions.append((batch, processor.post_process_text_recognition(outputs, mask)))
            count += len(part)
            for column, predictions in enumerate(map(keep_most_confident, read)):
                same = PROTOCOLS["36"].same
                right[column] += sum(same(predictions[index]["text"], box.text) for index, box in enumerate(part))
        row += [f"{100 * one / len(boxes):.2f}" for one in right]
    return [*row, f"{1000 * seconds / count:.1f}"]


@torch.no_grad()
def compare_random(name: str, prefix: str, options: Mapping[str, Any]) -> tuple[float, float]:
    """Largest differences of probabilities on noise: from the converted network, and from those of other noise."""
    torch.manual_seed(0)
    config = getattr(transformers, f"{prefix}Config")(head_out_channels=NUM_CLASSES, **options)
    theirs = getattr(transformers, f"{prefix}ForTextRecognition")(config)
    images, others = torch.rand(2, 4, 3, 48, 160) * 2 - 1
    randomize(theirs, others)
    weights, fields = from_transformers(theirs.state_dict(), CRNNConfig.from_preset(name))
    fields["layer_norm_eps"] = getattr(config, "layer_norm_eps", 1e-6)  # PaddleOCR has 1e-5, transformers 1e-6
    ours = CRNNForCTC(CRNNConfig.from_preset(name, vocab_size=NUM_CLASSES, **fields)).eval()
    ours.load_state_dict(weights, strict=False)  # counters of batches are not converted
    theirs, ours, images, others = theirs.double(), ours.double(), images.double(), others.double()
    expected, control = (theirs(one.flip(1)).last_hidden_state for one in (images, others))
    found = ours(images).logits.softmax(-1)
    return float((found - expected).abs().max()), float((control - expected).abs().max())


def randomize(model: torch.nn.Module, images: torch.Tensor):
    """Sets random weights with which the probabilities depend on the image.

    The statistics of batch normalization become those of `images`: with others, the signal would vanish. The last
    layer is scaled to the features that reach it.
    """
    for name, value in model.named_parameters():
        if value.ndim == 1:
            value.uniform_(0.5, 1.0)
        elif name.startswith("head") and value.ndim == 2:
            value.normal_(std=2 * value.shape[1] ** -0.5)
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 1.0
    model.train()(images.flip(1))
    model.eval()
    *_, last = (layer for layer in model.modules() if isinstance(layer, torch.nn.Linear))
    inputs: list[torch.Tensor] = []
    hook = last.register_forward_pre_hook(lambda _, arguments: inputs.append(arguments[0].flatten(0, -2)))
    model(images.flip(1))
    hook.remove()
    last.weight.div_(inputs[0].std(0).clamp(min=1e-6))
    last.bias.copy_(-last.weight @ inputs[0].mean(0))


def parse_args() -> argparse.Namespace:
    parser = OptionParser(__doc__, {"data": "dataset", "num_words": "max_samples"})
    add = parser.add_argument
    add("--files", type=Path, nargs="+", default=[], help="ONNX files of PP-OCR's recognizers")
    add("--dataset", type=Path, nargs="+", default=[], help="folders of words with a labels.tsv")
    add("--language_model", type=Path, metavar="FILE", help="of train_character_lm.py, or ARPA (default: none)")
    add("--max_samples", type=positive, help="use the first samples of each dataset (default: all)")
    add("--random", action="store_true", help="compare the classes of transformers with random weights")
    args = parser.parse_args()
    if bool(args.files) != bool(args.dataset) or not (args.random or args.files):
        parser.error("give --files and --dataset, or --random")
    if len({folder.name for folder in args.dataset}) < len(args.dataset):
        parser.error("the folders of --dataset must have different names, which become columns")
    needed = [*args.files, *(folder / "labels.tsv" for folder in args.dataset)]
    for path in [*needed, *([args.language_model] if args.language_model else [])]:
        if not path.is_file():
            parser.error(f"there is no file {path}")
    return args


if __name__ == "__main__":
    main()
