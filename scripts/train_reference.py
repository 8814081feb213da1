# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train,synthesis]"]
# ///
"""Trains the reference checkpoints on rendered words, mixed with real ones where there are any.

On a CPU, over night:

    python scripts/train_reference.py --output_dir runs/small --lexicon words.txt --backgrounds photos/ \\
        --real iiit5k/ svt/ --max_words 1200000

On a GPU, in pieces of nine minutes that need no network, with the files that `pack_training_files.py` packed. A look
at the full shape first (does the loss fall, is the device busy?), then the main run, the same command until it says
that it is at its end, then real words at a higher share and a low rate:

    python scripts/train_reference.py --profile gpu --files packed/ --output_dir runs/look \\
        --max_minutes 2 --eval_words 100000
    python scripts/train_reference.py --profile gpu --files packed/ --output_dir runs/crnn-str \\
        --budget_minutes 20 --max_minutes 9
    python scripts/train_reference.py --profile gpu --files packed/ --output_dir runs/crnn-str-real \\
        --init_from runs/crnn-str/final --budget_minutes 5 --max_minutes 9 --real_share 0.5 --learning_rate 2e-4 \\
        --decay_share 1.0 --easy_words 0 --seed 1

A run is as long as --max_words or --budget_minutes says; of both, the first to be reached ends it. On a CPU the
minutes are CPU time, so that other work on the machine does not count. The learning rate rises, stays, and falls to
zero over the last --decay_share; a run that has not begun to fall can be prolonged. Every training word depends on the
seed and its number alone: a run that was killed or stopped goes on from its last complete checkpoint with the words
that would have come next when the same command is given again. With --echo 2 each word is trained on twice: once as it
was made, once more, changed at random, out of a pool on the device (data echoing, Choi et al. 2019); only what is
drawn from the pool is not repeated exactly by a resumed run.

The output folder gets `log.jsonl`, its curves as `curves.html`, the worst errors on every tenth real word, which is
not trained on, `checkpoint-N/` with the state of the run beside a model that reads, and at the end of each piece
`final/`: the averaged weights in half precision, in files of at most 15 MB, with all that reading needs.
"""

import argparse
import json
import math
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from tqdm import tqdm

from hf_str.data import read_word_folder
from hf_str.models.crnn.presets_crnn import PRESETS
from hf_str.synthesis import find_fonts, make_renderer
from hf_str.training import (
    ByteCollator,
    DeviceUtilization,
    EchoBuffer,
    InvalidSamples,
    NonFiniteLossError,
    RenderedSamples,
    SampleTable,
    StoredSamples,
    Teacher,
    TrainingSamples,
    WeightAverage,
    augment_batch,
    extra_crops,
    last_complete_checkpoint,
    learning_rate_factor,
    split_real_samples,
    write_curves,
)
from hf_str.training.arguments import ModelArguments
from hf_str.training.checkpointing import changed_settings, completed, keep_newest, label_fingerprints, replace_folder
from hf_str.training.setup import load_recognizer, make_loader
from hf_str.training.validation import evaluate_all
from hf_str.utils.atomic_writes import finite_or_null


STARTED = time.monotonic()
PROFILES = {
    "cpu": {  # 4.5M parameters, on any machine over night
        "preset": "vgg-small-residual-bilstm",
        "max_words": 1_200_000,
        "batch_size": 64,
        "eval_words": 50_000,
        "easy_words": 250_000,
        "num_workers": 1,
    },
    "gpu": {  # 16M parameters, 20 million words in half an hour
        "preset": "resnet45-bilstm",
        "budget_minutes": 24.0,
        "batch_size": 1024,
        "echo": 2.0,
        "eval_words": 2_000_000,
        "easy_words": 1_000_000,
        "num_workers": 15,
    },
}


# A new network sees words in grey, 48 pixels high and as wide as their shape asks for, in steps of 32 pixels.
NETWORK = {"num_channels": 1, "image_height": 48, "height_pooling": "learned"}
SHAPE = {
    "keep_aspect_ratio": True,
    "min_width": 128,
    "max_width": 512,
    "resize_to_multiple_of": 32,
    "vertical_aspect_ratio": 1.5,
}


@dataclass
class Progress:
    """How far a run has come."""

    steps: int = 0
    words: int = 0  # trained on, echoes included
    new_words: int = 0  # that came out of the data loader
    seconds: float = 0.0  # of training: without starts, evaluations and breaks; on a CPU, of CPU time a thread

    def share(self, args: argparse.Namespace) -> float:
        """Of the whole run, from 0 to 1."""
        of_words = self.words / args.max_words if args.max_words else 0.0
        of_time = self.seconds / 60 / args.budget_minutes if args.budget_minutes else 0.0
        return min(1.0, max(of_words, of_time))


def main():
    args = parse_args()
    torch.set_num_threads(args.num_threads)
    torch.manual_seed(args.seed)
    torch.backends.cudnn.benchmark = True  # batches have few shapes
    device = torch.device(args.device)

    # The network: new, or a checkpoint. What a checkpoint lacks starts anew; residual blocks then change nothing yet.
    fields = ({} if args.init_from else PRESETS[args.preset]) | args.config_overrides
    model, processor = load_recognizer(
        ModelArguments(
            args.init_from,
            json.dumps(fields),
            args.charset,
            args.image_width,
            image_processor_overrides=json.dumps(args.image_processor_overrides),
        )
    )
    model.to(device, memory_format=torch.channels_last).train()
    frozen = model.crnn.featurizer.layers[: args.frozen_layers].requires_grad_(False)
    if args.compile:
        model.crnn.compile()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, args.learning_rate, weight_decay=args.weight_decay, fused=True)
    # bfloat16 needs no scaling. The scaler is here because it leaves out steps whose gradients are not finite without
    # asking the device, and so without waiting for it; each of them halves the scale.
    scaler = torch.amp.GradScaler(device.type, init_scale=1.0, growth_interval=1 << 30)
    average = WeightAverage(model, args.ema_decay)
    teacher = Teacher(args.teacher, model, processor) if args.teacher else None

    # The words.
    collator = ByteCollator(processor, model.config)
    real = split_real_samples(args.real, processor.tokenizer)
    print(real)
    more = [box for folder in args.pseudo_labeled for box in read_word_folder(folder)]
    more += extra_crops(args.extra_crops, real.validation)
    print(f"labelled by a model, or seen in a second view: {len(more):,}")
    words = training_samples(args, collator, SampleTable(real.training.boxes + more))
    pools: dict[int, EchoBuffer] = {}  # by width; all images of a batch have one
    num_new = round(args.batch_size / args.echo)  # of each batch; the others are drawn from the pool

    # Where an earlier piece of this run stopped.
    progress = Progress()
    if checkpoint := last_complete_checkpoint(args.output_dir):
        state = torch.load(checkpoint / "state.pt", map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        scaler.load_state_dict(state["scaler"])
        torch.set_rng_state(state["rng"].cpu())
        average.load(checkpoint / "model.safetensors")
        progress = Progress(**state["progress"])
    boxes = {"the training words": real.training.boxes + more, "the validation words": real.validation.boxes}
    fingerprints = label_fingerprints({name: [box.text for box in found] for name, found in boxes.items()})
    for change in changed_settings(args.output_dir / "run.json", vars(args) | fingerprints):
        print(f"This run goes on with another {change}")
    start = progress.new_words // num_new
    loader = make_loader(words, num_new, 1 << 40, start, window=args.window, num_workers=args.num_workers)
    print(
        f"{sum(p.numel() for p in model.parameters()):,} parameters on {device}, from word {progress.words:,}, "
        f"{progress.share(args):.1%} of the run"
    )

    autocast = partial(torch.autocast, device.type, torch.bfloat16, enabled=args.bf16)
    log_file = args.output_dir / "log.jsonl"

    def record(losses: torch.Tensor, busy: float, speed: float):
        """Writes how the run goes: the log, the errors, the curves."""
        loss = losses[losses.isfinite()].mean().item()
        if math.isnan(loss):
            raise NonFiniteLossError(f"no step of the last {len(losses)} had a finite loss: try a lower learning rate")
        values = {"words": progress.words, "new_words": progress.new_words, "minutes": progress.seconds / 60}
        values |= {"loss": loss, "learning_rate": optimizer.param_groups[0]["lr"], "busy": busy}
        values |= {"words_per_second": speed, "invalid_samples": words.invalid_samples.count}
        values["skipped_steps"] = round(-math.log2(scaler.get_scale()))
        if len(real.validation):
            # Compiled code would be compiled anew for each size of batch.
            with average.applied_to(model), torch.compiler.set_stance("force_eager"):
                sets = {"validation": real.validation}
                metrics, _ = evaluate_all(model, collator, sets, args.output_dir, batch_size=256, autocast=autocast)
            values |= metrics
        line = json.dumps(finite_or_null({name: round(value, 6) for name, value in values.items()}), allow_nan=False)
        tqdm.write(line)
        with open(log_file, "a", encoding="utf-8") as log:
            log.write(line + "\n")
        write_curves(log_file, args.output_dir / "curves.html")

    def save():
        with completed(args.output_dir / f"checkpoint-{progress.steps}") as folder:
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "scaler": scaler.state_dict()}
            state |= {"rng": torch.get_rng_state(), "progress": asdict(progress)}
            torch.save(state, folder / "state.pt")
            with average.applied_to(model):
                model.save_pretrained(folder)
            processor.save_pretrained(folder)
        keep_newest(args.output_dir, args.save_total_limit)

    is_over = progress.share(args) >= 1
    batches = iter(loader)
    meter, losses, words_before = DeviceUtilization(device), [], progress.words
    progress_bar = tqdm(initial=progress.words, total=args.max_words, unit="word", smoothing=0.05, mininterval=5)
    clock = time.monotonic if device.type != "cpu" else lambda: time.process_time() / args.num_threads
    before = clock()
    while not is_over:
        batch = next(batches)
        with meter.step():
            pixels, labels = (batch[name].to(device, non_blocking=True) for name in ("pixels", "labels"))
            if args.echo > 1:
                if (width := pixels.shape[-1]) not in pools:
                    pools[width] = EchoBuffer(args.pool_words, device, args.seed)
                pool = pools[width]
                pool.add(pixels, labels)
                echoes, echo_labels = pool.draw(args.batch_size - num_new)
                echoes = augment_batch(echoes, pool.generator, args.augmentation)
                pixels, labels = torch.cat([pixels, echoes]), torch.cat([labels, echo_labels])
            pixel_values = collator.normalize(pixels).contiguous(memory_format=torch.channels_last)
            share = progress.share(args) * 1_000_000
            factor = learning_rate_factor(share, "warmup_stable_decay", 1_000_000, args.warmup_share, args.decay_share)
            for group in optimizer.param_groups:
                group["lr"] = args.learning_rate * factor
            frozen.eval()  # which also keeps the statistics of their normalisation
            with autocast():
                outputs = model(pixel_values, labels=labels)
            loss = outputs.loss
            if teacher is not None:
                lesson = teacher.loss(outputs.logits, pixel_values, labels)
                loss = torch.lerp(loss, lesson, args.teacher_weight)
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(trained, args.max_grad_norm)
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
            progress.steps += 1
            average.update(model, progress.steps)
        losses.append(loss.detach())  # read when it is logged: reading waits for the device
        progress.words += len(pixels)
        progress.new_words += num_new
        progress.seconds += clock() - before
        before = clock()
        progress_bar.update(len(pixels))

        is_over = progress.share(args) >= 1 or time.monotonic() - STARTED > 60 * args.max_minutes
        if is_over or progress.words // args.eval_words > (progress.words - len(pixels)) // args.eval_words:
            busy, speed = meter.read(), (progress.words - words_before) / meter.seconds
            record(torch.stack(losses), busy, speed)
            save()
            losses, words_before = [], progress.words
            meter.restart()
            before = clock()
    progress_bar.close()

    final = args.output_dir / "final"
    with average.applied_to(model), replace_folder(final) as folder:
        # Half precision on disk is exact enough; the config still says float32, which is how the weights are loaded.
        weights = {name: w.half() if w.is_floating_point() else w for name, w in model.state_dict().items()}
        model.save_pretrained(folder, state_dict=weights, max_shard_size="15MB")
        processor.save_pretrained(folder)
    print(f"{progress.share(args):.1%} of the run is done; checkpoint: {final}")
    if progress.share(args) < 1:
        print("The same command goes on.")


def training_samples(args: argparse.Namespace, collator: ByteCollator, real: SampleTable) -> TrainingSamples:
    """The endless sequence of rendered words, with a share of real ones."""
    characters = collator.tokenizer.characters
    fonts = find_fonts(characters, folders=args.fonts, progress=True)
    mode = "L" if collator.image_processor.do_grayscale else "RGB"
    # Heights of photographs in pixels: some are lower, some higher than the image that the network sees.
    height = (28, max(64, round(1.7 * collator.image_processor.size["height"])))
    renderer = partial(
        make_renderer,
        characters,
        fonts,
        lexicons=args.lexicon,
        max_length=20,
        mode=mode,
        height=height,
        backgrounds=args.backgrounds,
        seed=args.seed,
        curriculum_samples=args.easy_words,
    )
    rendered = RenderedSamples(renderer)
    sources, shares = [rendered], [1 - args.real_share]
    if len(real) and args.real_share:
        sources, shares = [*sources, StoredSamples(real, "real", args.seed)], [*shares, args.real_share]
    return TrainingSamples(
        sources, collator, shares, args.seed, augmentation=1.0, invalid_samples=InvalidSamples("drop")
    )


def parse_args() -> argparse.Namespace:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    add = parser.add_argument
    add("--profile", choices=PROFILES, default="cpu", help="defaults for a CPU or for a GPU")
    add("--output_dir", type=Path, required=True, help="where log, checkpoints and model go; a run there goes on")
    add("--files", type=Path, help="a folder of pack_training_files.py, for the six options below")
    add("--fonts", type=Path, nargs="*", help="folders of fonts (those of this system)")
    add("--lexicon", type=Path, nargs="*", help="files of words, or wordfreq:LANGUAGE (invented words)")
    add("--backgrounds", type=Path, help="a folder of photographs to render on (painted ones)")
    add("--real", type=Path, nargs="*", default=[], help="folders of real words, each with a labels.tsv (none)")
    add(
        "--pseudo_labeled",
        type=Path,
        nargs="*",
        default=[],
        help="the same, labelled by a model (pseudo_label.py): trained on, never validated on",
    )
    add(
        "--extra_crops",
        type=Path,
        nargs="*",
        default=[],
        help="folders of other pictures of real words: trained on, but for those that read like a word validated on",
    )
    add("--real_share", type=float, default=0.25, help="share of real words")
    add("--easy_words", type=int, help="rendered words until rendering has reached full difficulty")
    add("--preset", choices=PRESETS, help="the network")
    add("--config_overrides", type=json.loads, help=f"fields of CRNNConfig (for a new network {json.dumps(NETWORK)})")
    add("--init_from", help="a checkpoint to start from, with --config_overrides applied to its own network")
    add("--frozen_layers", type=int, default=0, help="first layers of the featurizer that stay as they are: cheaper")
    add("--charset", help="a charset's name, its characters, or a .txt file (94, or the checkpoint's)")
    add("--image_width", type=int, help="pixels to which all words are stretched")
    add("--teacher", help="a checkpoint whose logits are learnt too: the same characters, image size and frames")
    add("--teacher_weight", type=float, default=0.5, help="share of the teacher in the loss")
    add(
        "--image_processor_overrides",
        type=json.loads,
        help="options of the image processor as JSON (the checkpoint's; for a new network words keep their shape)",
    )
    add("--window", type=int, default=8, help="steps whose words are sorted by width, where they keep their shape")
    add("--max_words", type=int, help="length of the run in words trained on")
    add("--budget_minutes", type=float, help="length of the run in minutes of training, over all pieces")
    add("--max_minutes", type=float, default=math.inf, help="stop this piece so long after its start")
    add("--batch_size", type=int, help="words a step")
    add("--echo", type=float, default=1.0, help="how often each word is trained on")
    add("--pool_words", type=int, default=200_000, help="words of each width that are kept on the device for echoes")
    add("--augmentation", type=float, default=0.5, help="how much words out of the pool are changed")
    add("--learning_rate", type=float, help="the highest, of AdamW (2e-3, and 1e-4 with --init_from)")
    add("--weight_decay", type=float, default=0.01)
    add("--max_grad_norm", type=float, default=5.0, help="longer gradients are shortened to this")
    add("--warmup_share", type=float, default=0.025, help="share of the run in which the learning rate rises")
    add("--decay_share", type=float, default=0.3, help="share of the run, its last, in which it falls to zero")
    add("--ema_decay", type=float, default=0.999, help="of the average of the weights, which is what is released")
    add("--eval_words", type=int, help="log, validate and save every so many words")
    add("--save_total_limit", type=int, default=2, help="checkpoints that are kept, the newest")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--bf16", action=argparse.BooleanOptionalAction, default=True, help="bfloat16 where it is exact enough")
    add("--compile", action="store_true", help="compile the network, which takes a minute")
    add("--num_workers", type=int, help="processes that render")
    add("--num_threads", type=int, default=1, help="threads that train, on a CPU")
    add("--seed", type=int, default=0)
    given = parser.parse_known_args()[0]
    defaults = dict(PROFILES[given.profile])
    if given.max_words or given.budget_minutes:  # the run is as long as was asked for
        defaults |= {"max_words": None, "budget_minutes": None}
    parser.set_defaults(**defaults)
    args = parser.parse_args()
    if args.files:
        args.fonts = args.fonts or [args.files / "fonts"]
        args.lexicon = args.lexicon or sorted(args.files.glob("lexicons/*"))
        args.backgrounds = args.backgrounds or next(args.files.glob("backgrounds"), None)
        for words in ("real", "pseudo_labeled", "extra_crops"):
            setattr(args, words, getattr(args, words) or sorted(args.files.glob(f"{words}/*")))
    if args.learning_rate is None:
        args.learning_rate = 1e-4 if args.init_from else 2e-3
    if not 1 <= args.echo <= args.batch_size:
        parser.error("--echo must be at least 1 and leave room for a new word in each batch")
    if args.config_overrides is None:
        args.config_overrides = {} if args.init_from else NETWORK
    if args.image_processor_overrides is None:
        args.image_processor_overrides = {} if args.init_from or args.image_width else SHAPE
    return args


if __name__ == "__main__":
    main()
