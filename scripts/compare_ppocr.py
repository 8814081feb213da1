# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train,onnx]"]
# ///
"""Compares converted recognizers of PP-OCR with the ONNX files that they come from, as a Markdown table.

    pip download --no-deps rapidocr==3.10.0 && unzip -q rapidocr-3.10.0-*.whl
    python scripts/compare_ppocr.py --files rapidocr/models/PP-OCRv6_rec_small.onnx --data iiit5k/ cute80/
    python scripts/compare_ppocr.py --random

Each file is converted whole, and both networks are given the same pixels, padded to 320 as PaddleOCR does. The table
has the largest difference of a probability on the words of the first data set, how far either network is from the
converted one in double precision, which says how much of that is rounding, and the share of words that best path reads
alike. Then the file is converted to the 94 printable characters: word accuracy under 36 characters at natural width,
by the network alone and with --language_model, and CPU milliseconds of the network for a word on one thread, in
batches of one width. With --random, transformers' own classes with random weights are compared with what they are
converted to.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import transformers
from tqdm import tqdm
from transformers.utils import logging

from hf_str import CharacterLanguageModel, CRNNForCTC, CRNNProcessor, load_word_image
from hf_str.conversion import convert_checkpoint
from hf_str.conversion.families.ppocr import family_of
from hf_str.conversion.ppocr_weights import from_transformers
from hf_str.data import read_word_folder
from hf_str.evaluation import PROTOCOLS
from hf_str.models.crnn.batching_crnn import make_batches, read_batches
from hf_str.models.crnn.configuration_crnn import CRNNConfig
from hf_str.optional import require


#: Blocks of PP-OCRv5 mobile and of PP-OCRv6 tiny as their config.json has them; those of small are the default.
V5_BLOCKS = [
    [[3, 16, 32, 1, False]],
    [[3, 32, 64, 1, False], [3, 64, 64, 1, False]],
    [[3, 64, 128, [2, 1], False], [3, 128, 128, 1, False]],
    [[3, 128, 256, [1, 2], False], *([[5, 256, 256, 1, False]] * 4)],
    [[5, 256, 512, [2, 1], True], [5, 512, 512, 1, True], [5, 512, 512, [2, 1], False], [5, 512, 512, 1, False]],
]
TINY_BLOCKS = [
    [[3, 48, 48, 1, True]],
    [[3, 48, 48, 1, False]],
    [[3, 48, 96, [2, 1], False], [3, 96, 96, 1, True], [3, 96, 96, 1, False]],
    [[3, 96, 160, [2, 1], False], [3, 160, 160, 1, True], [3, 160, 160, 1, False], [3, 160, 160, 1, False]],
]
V5 = {"model_type": "pp_lcnet_v3", "scale": 0.95, "divisor": 16, "block_configs": V5_BLOCKS, "out_indices": [5]}
TINY = {"model_type": "pp_lcnet_v4", "stem_type": "small", "stem_channels": [3, 24, 48], "block_configs": TINY_BLOCKS}
CLASSES = {
    "pp-ocrv5-mobile": ("PPOCRV5MobileRec", {"backbone_config": V5}),
    "pp-ocrv6-small": ("PPOCRV6SmallRec", {}),
    "pp-ocrv6-tiny": ("PPOCRV6TinyRec", {"backbone_config": TINY, "hidden_size": 80}),
}


def main():
    args = parse_args()
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if args.random:
        print(f"transformers {transformers.__version__}\n")
        print("| classes of transformers, random weights | largest probability difference |\n|---|---|")
        for name in CLASSES:
            print(f"| {name} | {compare_random(name):.1e} |", flush=True)
        return
    sets = {folder.name: read_word_folder(folder)[: args.num_words] for folder in args.data}
    accuracies = [f"{name}{suffix}" for name in sets for suffix in ("", ", language model")]
    differences = ["largest difference", "ours to exact", "onnxruntime's to exact"]
    columns = ["file", "parameters", *differences, "equal texts", *accuracies, "ms a word"]
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for file in args.files:
        print(f"| {' | '.join(compare_file(file, sets, args.language_model))} |", flush=True)


@torch.inference_mode()
def compare_file(file: Path, sets: dict, language_model: Path | None) -> list[str]:
    """A row of the table."""
    runtime = require("onnxruntime", "onnx")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(str(file), options)
    with tempfile.TemporaryDirectory() as folder:
        model = convert_checkpoint(None, file, f"{folder}/whole", preprocessing="paddle")
        processor = CRNNProcessor.from_pretrained(f"{folder}/whole")
        exact = CRNNForCTC.from_pretrained(f"{folder}/whole", dtype=torch.float64).eval()
        largest, equal, words = np.zeros(3), 0, next(iter(sets.values()))
        for box in tqdm(words, f"{family_of(file)}: against onnxruntime"):
            pixels = processor.image_processor(load_word_image(box.path), return_tensors="pt")["pixel_values"]
            (theirs,) = session.run(None, {session.get_inputs()[0].name: pixels.flip(1).numpy()})
            ours = model(pixels).logits.softmax(-1)
            true = exact(pixels.double()).logits.softmax(-1).numpy()
            pairs = (ours.numpy(), theirs), (ours.numpy(), true), (theirs, true)
            largest = np.maximum(largest, [np.abs(one - other).max() for one, other in pairs])
            texts = [processor.tokenizer.decode(one.argmax(-1)) for one in (ours[0], torch.from_numpy(theirs[0]))]
            equal += texts[0] == texts[1]
        row = [f"{family_of(file)}, {file.name}", f"{model.num_parameters():,}"]
        row += [*(f"{value:.1e}" for value in largest), f"{100 * equal / len(words):.2f}"]

        convert_checkpoint(None, file, f"{folder}/cut", charset="94")
        model, processor = (
            CRNNForCTC.from_pretrained(f"{folder}/cut").eval(),
            CRNNProcessor.from_pretrained(f"{folder}/cut"),
        )
        seconds, count = 0.0, 0
        for name, boxes in sets.items():
            right = np.zeros(2)
            for start in tqdm(range(0, len(boxes), 256), f"{family_of(file)}: {name}"):
                part = boxes[start : start + 256]
                batches = make_batches([load_word_image(box.path) for box in part], processor.image_processor, 64)
                before = time.process_time()
                for batch in batches:
                    model(**batch.inputs)
                seconds, count = seconds + time.process_time() - before, count + len(part)
                for column, path in enumerate((None, language_model)):
                    processor.tokenizer.language_model = path and CharacterLanguageModel(path, processor.tokenizer)
                    readings = read_batches(batches, model, processor)
                    same = PROTOCOLS["36"].same
                    right[column] += sum(same(readings[place]["text"], box.text) for place, box in enumerate(part))
            shares = 100 * right / len(boxes)
            row += [f"{shares[0]:.2f}", f"{shares[1]:.2f}" if language_model else ""]
    return [*row, f"{1000 * seconds / count:.1f}"]


@torch.inference_mode()
def compare_random(name: str) -> float:
    """The largest difference between transformers' class with random weights and its conversion, on noise."""
    torch.manual_seed(0)
    prefix, options = CLASSES[name]
    config = getattr(transformers, f"{prefix}Config")(head_out_channels=100, **options)
    theirs = getattr(transformers, f"{prefix}ForTextRecognition")(config).eval()
    for key, value in [*theirs.named_buffers(), *theirs.named_parameters()]:
        if key.endswith("running_mean"):
            value.normal_(std=0.1)
        elif value.ndim == 1 and value.is_floating_point():
            value.uniform_(0.5, 1.0)
        elif key.startswith("head") and value.shape[:1] == (100,):
            value.normal_(std=0.5)
    weights, fields = from_transformers(theirs.state_dict(), CRNNConfig.from_preset(name))
    fields["layer_norm_eps"] = getattr(config, "layer_norm_eps", 1e-6)  # PaddleOCR has 1e-5, transformers 1e-6
    ours = CRNNForCTC(CRNNConfig.from_preset(name, vocab_size=100, **fields)).eval()
    ours.load_state_dict(weights, strict=False)  # counters of batches are not converted
    images = torch.rand(8, 3, 48, 320) * 2 - 1
    difference = theirs(images.flip(1)).last_hidden_state - ours(images).logits.softmax(-1)
    return float(difference.abs().max())


def parse_args() -> argparse.Namespace:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    add = parser.add_argument
    add("--files", type=Path, nargs="+", default=[], help="ONNX files of PP-OCR's recognizers")
    add("--data", type=Path, nargs="+", default=[], help="folders of words with a labels.tsv")
    add("--language_model", type=Path, help="of characters, such as that of the embedded checkpoint")
    add("--num_words", type=int, help="of each data set, the first (all)")
    add("--random", action="store_true", help="compare transformers' classes with random weights instead")
    args = parser.parse_args()
    if not args.random and not (args.files and args.data):
        parser.error("give --files and --data, or --random")
    for path in [*args.files, *args.data]:
        if not path.exists():
            parser.error(f"there is no {path}")
    return args


if __name__ == "__main__":
    main()
