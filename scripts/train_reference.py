# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train,synthesis]"]
# ///
"""Trains the reference checkpoint on rendered words, mixed with real ones where there are any.

    python scripts/train_reference.py --output_dir runs/small --lexicon words.txt --backgrounds photos/ \
        --real iiit5k/ svt/ --max_words 1200000

Every training word depends only on the seed and its number, so a run that was killed goes on where its last complete
checkpoint stands, with the words that would have come next: run the same command again. Easy words come first, real
ones join after `--real_after`; the learning rate warms up, stays, and falls to zero over the last `--decay_words`, so
a run can be prolonged or brought to its end by changing `--max_words`. Writes `log.jsonl`, a resumable `state.pt`, and
the finished checkpoint folder `final/`.
"""

import argparse
import itertools
import json
import os
import time
import zlib
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from hf_str import CRNNConfig, CRNNForCTC, CRNNImageProcessorPil, CRNNProcessor, CRNNTokenizer
from hf_str.data import read_word_folder
from hf_str.data.augmentation import augment_word
from hf_str.evaluation import PROTOCOLS
from hf_str.synthesis import WordRenderer, WordSampler, find_fonts


HEIGHT, WIDTH = 32, 128
#: Half to five eighths of the paper's channels, batch normalisation everywhere: 3.6M parameters, made for CPUs.
SMALL = {"conv_channels": [32, 64, 160, 160, 320, 320, 320], "batch_norms": True, "hidden_size": 192}


class TrainingWords(Dataset):
    """Word number `index` of the endless stream of training words, as (pixels (32, 128) uint8, class ids)."""

    def __init__(self, args: argparse.Namespace, tokenizer: CRNNTokenizer, real: list):
        self.args, self.tokenizer, self.real = args, tokenizer, real
        self.renderer = None  # made in the worker that uses it

    def __getitem__(self, index: int) -> tuple[np.ndarray, list[int]]:
        args = self.args
        rng = np.random.default_rng([args.seed, 1, index])
        if self.real and index >= args.real_after and rng.random() < args.real_share:
            box = self.real[rng.integers(len(self.real))]
            image = augment_word(np.asarray(Image.open(box.path).convert("L")), rng)
            return resize(image), self.tokenizer(box.text).input_ids
        if self.renderer is None:
            sampler = WordSampler(self.tokenizer.characters, lexicons=args.lexicon, max_length=20)
            fonts = find_fonts(self.tokenizer.characters)
            self.renderer = WordRenderer(sampler, fonts, mode="L", backgrounds=args.backgrounds, seed=args.seed)
        self.renderer.difficulty = min(1.0, 0.1 + index / args.easy_words)
        image, text = self.renderer.render(index)
        return resize(image), self.tokenizer(text).input_ids


def resize(image: np.ndarray) -> np.ndarray:
    """What the image processor does, short of the normalisation."""
    return np.asarray(Image.fromarray(image).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))


def normalize(pixels: torch.Tensor) -> torch.Tensor:
    """uint8 (batch, height, width) to float32 (batch, 1, height, width) in [-1, 1]."""
    return pixels[:, None].float() / 127.5 - 1


def collate(words: list) -> tuple[torch.Tensor, torch.Tensor]:
    pixels, labels = zip(*words, strict=True)
    padded = torch.full((len(labels), max(map(len, labels))), -100)
    for row, ids in zip(padded, labels, strict=True):
        row[: len(ids)] = torch.tensor(ids)
    return torch.from_numpy(np.stack(pixels)), padded


def real_words(folders: list[Path], tokenizer: CRNNTokenizer) -> tuple[list, list]:
    """The readable real words, and every tenth of them apart for validation; says how many are left out and why."""
    training, validation, unknown, upright = [], [], 0, 0
    for box in itertools.chain.from_iterable(map(read_word_folder, folders)):
        width, height = Image.open(box.path).size
        if tokenizer.unknown_in(box.text):
            unknown += 1
        elif height > 1.5 * width and len(box.text) > 1:
            upright += 1
        else:
            held_out = zlib.crc32(f"{box.path.parts[-3:]}".encode()) % 10 == 0
            (validation if held_out else training).append(box)
    print(
        f"real words: {len(training)} for training, {len(validation)} for validation; left out: {unknown} with "
        f"characters outside the charset, {upright} that stand upright"
    )
    return training, validation


@torch.no_grad()
def evaluate(model: CRNNForCTC, tokenizer: CRNNTokenizer, boxes: list) -> dict:
    """Word accuracy over `boxes`: exact, and of letters and digits without case."""
    model.eval()
    exact = alphanumeric = 0
    for start in range(0, len(boxes), 256):
        chunk = boxes[start : start + 256]
        pixels = np.stack([resize(np.asarray(Image.open(box.path).convert("L"))) for box in chunk])
        with torch.autocast("cpu", torch.bfloat16):
            paths = model(normalize(torch.from_numpy(pixels))).logits.argmax(-1)
        for box, text in zip(chunk, tokenizer.batch_decode(paths), strict=True):
            exact += text == box.text
            alphanumeric += PROTOCOLS["36"].same(text, box.text)
    model.train()
    return {"accuracy_94": round(exact / len(boxes), 4), "accuracy_36": round(alphanumeric / len(boxes), 4)}


def learning_rate(args: argparse.Namespace, seen: int) -> float:
    """Warm-up, constant, linear decay to zero, by the number of words seen."""
    warm_up = min(1.0, seen / args.warmup_words)
    decay = min(1.0, max(0, args.max_words - seen) / args.decay_words)
    return args.learning_rate * warm_up * decay


def save_state(path: Path, **state):
    """Whole or not at all: a run that is killed while saving keeps its previous state."""
    torch.save(state, path.with_suffix(".part"))
    os.replace(path.with_suffix(".part"), path)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--output_dir", type=Path, required=True, help="where log, state and checkpoint go; resumed if it exists")
    add("--lexicon", type=Path, nargs="*", default=None, help="files of words, one a line")
    add("--backgrounds", type=Path, default=None, help="a folder of photographs to render on")
    add("--real", type=Path, nargs="*", default=[], help="folders of real words, each with a labels.tsv")
    add("--charset", default="94", help="a charset's name, its characters, or a .txt file")
    add("--config_overrides", type=json.loads, default=SMALL, help="fields of CRNNConfig as JSON")
    add("--max_words", type=int, default=1_200_000, help="training words to see in all")
    add("--warmup_words", type=int, default=30_000)
    add("--decay_words", type=int, default=350_000, help="the learning rate falls to zero over the last so many words")
    add("--easy_words", type=int, default=250_000, help="words until rendering has reached full difficulty")
    add("--real_after", type=int, default=150_000, help="words before the first real one")
    add("--real_share", type=float, default=0.25, help="share of real words after that")
    add("--batch_size", type=int, default=64)
    add("--learning_rate", type=float, default=2e-3)
    add("--eval_words", type=int, default=50_000, help="validate and save the state every so many words")
    add("--num_workers", type=int, default=1, help="processes that render")
    add("--num_threads", type=int, default=1, help="threads that train")
    add("--seed", type=int, default=0)
    return parser.parse_args()


def main():
    args = parse_args()
    torch.set_num_threads(args.num_threads)
    cv2.setNumThreads(1)  # the renderer's processes are forked, which OpenCV's threads do not survive
    torch.manual_seed(args.seed)
    args.output_dir.mkdir(parents=True, exist_ok=True)
    tokenizer = CRNNTokenizer(charset=args.charset)
    config = CRNNConfig(vocab_size=len(tokenizer), unalignable_labels="drop", **args.config_overrides)
    model = CRNNForCTC(config).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.learning_rate, weight_decay=0.01)
    training, validation = real_words(args.real, tokenizer)

    state_path, seen = args.output_dir / "state.pt", 0
    if state_path.exists():
        state = torch.load(state_path, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        seen = state["seen"]
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, from word {seen:,} to {args.max_words:,}")

    words = TrainingWords(args, tokenizer, training)
    batches = [range(i, i + args.batch_size) for i in range(seen, args.max_words, args.batch_size)]
    loader = DataLoader(words, batch_sampler=batches, collate_fn=collate, num_workers=args.num_workers)
    losses, started = [], time.time()
    progress = tqdm(total=args.max_words, initial=seen, unit="word", smoothing=0.05, mininterval=5)
    for pixels, labels in loader:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(args, seen)
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(normalize(pixels), labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0, error_if_nonfinite=True)
        optimizer.step()
        optimizer.zero_grad()
        before, seen = seen, seen + len(pixels)
        losses.append(loss.item())
        progress.update(len(pixels))
        progress.set_postfix(loss=f"{losses[-1]:.3f}", refresh=False)
        if seen // args.eval_words > before // args.eval_words or seen >= args.max_words:
            record = {
                "words": seen,
                "loss": round(float(np.mean(losses)), 4),
                "learning_rate": learning_rate(args, seen),
                "dropped_labels": model.num_dropped_labels,
                "seconds": round(time.time() - started, 1),
            }
            if validation:
                record |= evaluate(model, tokenizer, validation)
            with open(args.output_dir / "log.jsonl", "a", encoding="utf-8") as log:
                log.write(json.dumps(record) + "\n")
            tqdm.write(json.dumps(record))
            save_state(state_path, model=model.state_dict(), optimizer=optimizer.state_dict(), seen=seen)
            losses = []

    config.unalignable_labels = "error"
    image_processor = CRNNImageProcessorPil(size={"height": HEIGHT, "width": WIDTH})
    # Half precision on disk is exact enough; the config still says float32, which is how the weights are loaded.
    weights = {name: w.half() if w.is_floating_point() else w for name, w in model.state_dict().items()}
    model.save_pretrained(args.output_dir / "final", state_dict=weights)
    CRNNProcessor(image_processor, tokenizer).save_pretrained(args.output_dir / "final")
    print(f"checkpoint: {args.output_dir / 'final'}")


if __name__ == "__main__":
    main()
