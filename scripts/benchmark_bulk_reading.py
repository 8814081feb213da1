# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train]"]
# ///
"""Shows that `read_words.py` reads every image exactly once even when it is killed, and measures speed and memory.

    python scripts/synthesize_words.py --num_samples 20000 --output_dir words/
    python scripts/benchmark_bulk_reading.py --dataset words/ --num_crops 1000000 --num_processes 2 --work_dir bulk/
    python scripts/benchmark_bulk_reading.py --dataset words/ --num_crops 20000 --kills 0 --work_dir small/ \\
        --model hf_str/checkpoints/crnn-str-small

The script writes shards of --num_crops rows, alternately Parquet and tar files. Each row has a unique key and a random
image of --dataset, so that images repeat; one image in a thousand is truncated. Then it starts `read_words.py`, kills
all of its processes (SIGKILL) at --kills random moments in the first half of the rows, and starts it again each time.
At the end it compares the output with what is expected: the files, the keys and their order, the bad images, and that
repeated images have the same text.

Without --model, it uses a small network with random weights: the proof needs no accuracy, only many images.
"""

import argparse
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from tqdm import tqdm

from hf_str import CRNNConfig, CRNNForCTC, CRNNImageProcessorPil, CRNNProcessor, CRNNTokenizer
from hf_str.inference.shards import find_shards
from hf_str.utils.options import OptionParser, positive


READ_WORDS = Path(__file__).with_name("read_words.py")
BAD_SHARE = 0.001


@dataclass(frozen=True)
class Shard:
    """The contents of a shard: the index of the crop in each row, and whether the crop is truncated."""

    number: int
    first_row: int
    crops: np.ndarray
    is_bad: np.ndarray

    @property
    def name(self) -> str:
        return f"{self.number:05d}"

    @property
    def keys(self) -> list[str]:
        return [f"{self.first_row + row:08d}" for row in range(len(self.crops))]

    @property
    def bad_rows(self) -> list[int]:
        return np.flatnonzero(self.is_bad).tolist()

    def write(self, folder: Path, crops: Sequence[bytes]):
        images = [crops[number] for number in self.crops]
        for row in self.bad_rows:
            images[row] = images[row][: len(images[row]) // 2]
        if self.number % 2 == 0:
            table = pa.table({"image": images, "key": self.keys})
            pq.write_table(table, folder / f"{self.name}.parquet", compression="none", use_dictionary=False)
            return
        with tarfile.open(folder / f"{self.name}.tar", "w") as tar:
            for key, image in zip(self.keys, images, strict=True):
                member = tarfile.TarInfo(f"{key}.jpg")
                member.size = len(image)
                tar.addfile(member, io.BytesIO(image))


class KilledRuns:
    """Runs a command again and again, and kills it at given moments, until it ends by itself.

    Args:
        command: `read_words.py` with its options.
        output_dir: its output folder.
        args: options of this script.
        moments: numbers of rows after which it is killed, in order.

    Attributes:
        kills: rows of finished shards at each kill.
        seconds: duration of all runs together.
        memory: for each process, every second, (rows read by all processes, bytes of its resident set).
        output: what the last run printed.
    """

    def __init__(self, command: list, output_dir: Path, args: argparse.Namespace, moments: list[int]):
        self.command, self.output_dir, self.args = list(map(str, command)), output_dir, args
        self.moments, self.rng = moments, np.random.default_rng(args.seed)
        self.kills: list[int] = []
        self.seconds, self.output = 0.0, ""
        self.memory: dict[int, list[tuple[int, int]]] = defaultdict(list)

    @property
    def peak(self) -> float:
        """Memory of the largest process in MB."""
        return max((size for samples in self.memory.values() for _, size in samples), default=0) / 1e6

    @property
    def growth(self) -> float:
        """Growth of a process in MB per million rows: the common slope of all processes.

        The first shard of each process is left out: meanwhile it loads its code and allocates its buffers.
        """
        rows, sizes, warm_up = [], [], self.args.num_processes * self.args.rows_per_shard
        for samples in self.memory.values():
            warm = np.array([one for one in samples if one[0] > samples[0][0] + warm_up], float).reshape(-1, 2)
            if len(warm):
                row, size = (warm - warm.mean(0)).T
                rows, sizes = [*rows, *row], [*sizes, *size]
        spread = np.dot(rows, rows)
        return float(np.dot(rows, sizes) / spread) if spread else float("nan")

    def run(self):
        """Raises `SystemExit` if the last run fails."""
        environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        started, code = time.perf_counter(), None
        with tqdm(total=self.args.num_crops, unit="image", desc="reading", mininterval=1) as bar:
            while code is None:
                with open(self.args.work_dir / "read_words.log", "w+") as log:
                    process = psutil.Popen(self.command, env=environment, stdout=log, stderr=subprocess.STDOUT)
                    code = self._watch(process, bar)
                    log.seek(0)
                    self.output = log.read()
        self.seconds = time.perf_counter() - started
        if code:
            raise SystemExit(f"error: exit code {code} of read_words.py:\n{self.output[-3000:]}")

    def _watch(self, process: psutil.Popen, bar: tqdm) -> int | None:
        """Samples a run until it ends and returns its exit code, or kills it soon after the next of the moments."""
        sampled, finished = 0.0, []  # times of the last memory sample and of finished shards
        while process.poll() is None:
            time.sleep(0.02)
            now, count = time.time(), sum(1 for _ in self.output_dir.glob("*.parquet"))
            rows = min(count * self.args.rows_per_shard, self.args.num_crops)
            if rows > bar.n:
                finished.append(now)
                bar.update(rows - bar.n)
            if now - sampled > 1:
                sampled = now
                self._sample_memory(process, rows)
            if self.moments and rows >= self.moments[0]:
                if len(finished) > 1:  # somewhere within the next shard
                    time.sleep(self.rng.uniform(0, finished[-1] - finished[-2]))
                for member in [*process.children(recursive=True), process]:
                    member.kill()
                process.wait()
                self.moments = [moment for moment in self.moments if moment > rows]
                self.kills.append(rows)
                return None
        return process.returncode

    def _sample_memory(self, process: psutil.Popen, rows: int):
        readers = process.children() if self.args.num_processes > 1 else [process]  # under their launcher
        with suppress(psutil.NoSuchProcess):
            for reader in readers:
                self.memory[reader.pid].append((rows, reader.memory_info().rss))


def main():
    args = parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    images = [image for shard in find_shards(args.dataset) for _, image in shard]
    crops = [i.read_bytes() if isinstance(i, Path) else i for i in images if isinstance(i, bytes | Path)]
    shards = list(draw_shards(args, len(crops), rng))
    data, output_dir = args.work_dir / "shards", args.work_dir / "readings"
    if args.work_dir.exists():
        raise SystemExit(f"error: {args.work_dir} exists already: give a new --work_dir")
    data.mkdir(parents=True)
    for shard in tqdm(shards, desc="writing shards"):
        shard.write(data, crops)
    model = args.model or write_random_network(args.work_dir / "network")

    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", args.num_processes]
    command = [sys.executable, *(launcher if args.num_processes > 1 else []), READ_WORDS, "--dataset", data]
    command += ["--output_dir", output_dir, "--model", model, "--key_column", "key", "--device", args.device]
    command += ["--batch_size", args.batch_size, "--precision", args.precision]
    command += ["--decoder", args.decoder] if args.decoder else []
    moments = sorted(rng.integers(args.num_crops // 2, size=args.kills).tolist())
    runs = KilledRuns(command, output_dir, args, moments)
    runs.run()
    problems, texts = check(shards, output_dir)
    report(args, shards, len(crops), runs, problems, texts)
    raise SystemExit(1 if problems else 0)


def draw_shards(args: argparse.Namespace, num_distinct: int, rng: np.random.Generator) -> Iterator[Shard]:
    for number, first_row in enumerate(range(0, args.num_crops, args.rows_per_shard)):
        rows = min(args.rows_per_shard, args.num_crops - first_row)
        yield Shard(number, first_row, rng.integers(num_distinct, size=rows), rng.random(rows) < BAD_SHARE)


def write_random_network(folder: Path) -> Path:
    """A fast network that predicts different texts for different images."""
    tokenizer = CRNNTokenizer(charset="94")
    config = CRNNConfig(
        vocab_size=len(tokenizer), conv_channels=[4, 4, 8, 8, 8, 8, 8], hidden_size=16, num_hidden_layers=1
    )
    model = CRNNForCTC(config)
    with torch.no_grad():
        for parameter in model.crnn.layers.parameters():
            parameter.mul_(3)  # the output of a new network hardly depends on the image
        model.ctc_head.weight.normal_(std=3)
        model.ctc_head.bias.zero_()[0] = 4  # some frames are blank
    model.save_pretrained(folder)
    CRNNProcessor(CRNNImageProcessorPil(), tokenizer).save_pretrained(folder)
    return folder


def check(shards: list[Shard], output_dir: Path) -> tuple[list[str], dict[int, set[str]]]:
    """Compares the output with what is expected.

    Returns:
        The problems, and the texts that were predicted for each crop.
    """
    wanted = {"settings.json", *(f"{shard.name}.parquet" for shard in shards)}
    wanted |= {f"{shard.name}.bad_images.jsonl" for shard in shards if shard.bad_rows}
    found = {path.relative_to(output_dir).as_posix() for path in output_dir.rglob("*")}
    problems = [f"{name} is missing" for name in sorted(wanted - found)]
    problems += [f"{name} is left over" for name in sorted(found - wanted)]
    texts: dict[int, set[str]] = defaultdict(set)
    for shard in tqdm(shards, desc="checking"):
        if f"{shard.name}.parquet" not in found:
            continue
        table = pq.read_table(output_dir / f"{shard.name}.parquet")
        columns = {name: table[name].to_pylist() for name in ("row", "key", "text", "score")}
        if columns["key"] != shard.keys or columns["row"] != list(range(len(shard.crops))):
            problems.append(f"{shard.name}: the keys are not those of the shard, each once and in order")
            continue
        bad_path = output_dir / f"{shard.name}.bad_images.jsonl"
        lines = bad_path.read_text(encoding="utf-8").splitlines() if bad_path.exists() else []
        listed = [json.loads(line)["row"] for line in lines]
        without_score = [row for row, score in enumerate(columns["score"]) if score is None]
        if not listed == without_score == shard.bad_rows:
            problems.append(f"{shard.name}: bad images are {shard.bad_rows}, but {listed} are listed")
        for row in np.flatnonzero(~shard.is_bad).tolist():
            texts[int(shard.crops[row])].add(columns["text"][row])
    changing = sum(len(own) > 1 for own in texts.values())
    if changing:
        problems.append(f"{changing} crops do not have the same text each time")
    return problems, texts


def report(
    args: argparse.Namespace,
    shards: list[Shard],
    num_distinct: int,
    runs: KilledRuns,
    problems: list[str],
    texts: dict[int, set[str]],
):
    num_bad = sum(len(shard.bad_rows) for shard in shards)
    num_texts = len(set().union(*texts.values()))
    speed = re.findall(r"^(.* images/s), (.*) per process, (.*) per second of CPU time", runs.output, re.MULTILINE)
    rows = {
        "rows": f"{args.num_crops:,} in {len(shards):,} shards, of {num_distinct:,} different crops",
        "bad images": f"{num_bad:,}",
        "different texts": f"{num_texts:,}",
        "killed after rows": ", ".join(f"{rows:,}" for rows in runs.kills) or "never",
        "lost, duplicate, left over, read differently": f"{len(problems):,} problems" if problems else "nothing",
        "time of all runs": f"{runs.seconds:,.0f} s, {args.num_processes} processes",
        "last run": f"{speed[0][0]}; {speed[0][2]} per second of CPU time" if speed else "read nothing",
        "peak of a process": f"{runs.peak:,.0f} MB",
        "growth of a process": f"{runs.growth:,.1f} MB per million rows",
    }
    print("| | |\n|---|---|")
    for name, value in rows.items():
        print(f"| {name} | {value} |")
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)


def parse_args() -> argparse.Namespace:
    parser = OptionParser(__doc__, {"crops": "dataset"})
    add = parser.add_argument
    add("--dataset", nargs="+", type=Path, required=True, help="word images: what read_words.py takes as --dataset")
    add("--work_dir", type=Path, required=True, help="new folder for shards and predictions, about 3 kB per row")
    add("--num_crops", type=positive, default=1_000_000, help="number of rows")
    add("--rows_per_shard", type=positive, default=10_000, help="number of rows in a shard")
    add("--kills", type=int, default=5, help="how often the run is killed")
    add("--model", help="checkpoint folder or Hub repository (default: a small network with random weights)")
    add("--num_processes", type=positive, default=1, help="processes of read_words.py, each with one thread")
    add("--batch_size", type=positive, default=64, help="of read_words.py")
    add("--precision", default="auto", help="of read_words.py")
    add("--decoder", help="of read_words.py (default: the decoder of the checkpoint)")
    add("--device", default="cpu", help="of read_words.py")
    add("--seed", type=int, default=0, help="seed of the shards, the moments of the kills and the random network")
    return parser.parse_args()


if __name__ == "__main__":
    main()
