# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train]"]
# ///
"""Shows that `read_words.py` reads every image exactly once, whatever kills it, and measures its speed and memory.

    python scripts/synthesize_words.py --num_words 20000 --output_dir words/
    python scripts/benchmark_bulk_reading.py --crops words/ --num_crops 1000000 --num_processes 2 --work_dir bulk/
    python scripts/benchmark_bulk_reading.py --crops words/ --num_crops 20000 --kills 0 --work_dir small/ \\
        --model hf_str/checkpoints/crnn-str-small

Writes shards of --num_crops rows, Parquet and tar files in turn. A row has a key of its own; its image is drawn from
those of --crops, which so come back many times, and one in a thousand is cut off in its middle. Then it starts
`read_words.py`, ends all its processes with SIGKILL at --kills moments drawn from the first half of the rows, and
gives the same command again. In the end it compares what was written with what had to be: the files, the keys in
their order, the bad images, and the texts of images that came back.

Without --model, a small network with random weights reads: for the proof any network will do, and much is to be read.
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
from collections.abc import Iterator
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


READ_WORDS = Path(__file__).with_name("read_words.py")
BAD_SHARE = 0.001


@dataclass(frozen=True)
class Shard:
    """What is in a shard: of each row the number of its crop, and whether it is cut off."""

    number: int
    first_row: int
    crops: np.ndarray
    is_bad: np.ndarray

    @property
    def name(self) -> str:
        return f"{self.number:05d}"

    @property
    def keys(self) -> list[str]:
        return [f"{self.first_row + place:08d}" for place in range(len(self.crops))]

    @property
    def bad_rows(self) -> list[int]:
        return np.flatnonzero(self.is_bad).tolist()

    def write(self, folder: Path, crops: list[bytes]):
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
    """Gives a command again and again, and kills it at moments, until it ends by itself.

    Args:
        command: runs `read_words.py`.
        output_dir: its own.
        args: of this script.
        moments: rows after whose reading it is killed, in order.

    Attributes:
        kills: rows of finished shards when the processes were killed.
        seconds: of all runs together.
        memory: of each process (rows that all have read, bytes in its resident set), every second.
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
        """Of the largest process, in MB."""
        return max((size for samples in self.memory.values() for _, size in samples), default=0) / 1e6

    @property
    def growth(self) -> float:
        """MB of one process in a million rows: the slope of all processes, each with a base of its own.

        While a process reads its first shard, it still gets its code and its buffers: that is not counted.
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
        started, ended = time.perf_counter(), False
        with tqdm(total=self.args.num_crops, unit="image", desc="reading", mininterval=1) as bar:
            while not ended:
                with open(self.args.work_dir / "read_words.log", "w+") as log:
                    process = psutil.Popen(self.command, env=environment, stdout=log, stderr=subprocess.STDOUT)
                    ended = self._watch(process, bar)
                    log.seek(0)
                    self.output = log.read()
        self.seconds = time.perf_counter() - started
        if process.returncode:
            raise SystemExit(f"error: exit code {process.returncode} of read_words.py:\n{self.output[-3000:]}")

    def _watch(self, process: psutil.Popen, bar: tqdm) -> bool:
        """Samples a run until it ends, or kills it soon after the next of the moments; says whether it ended."""
        sampled, finished = 0.0, []  # when memory was looked at last, and when shards were finished
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
                return False
        return True

    def _sample_memory(self, process: psutil.Popen, rows: int):
        readers = process.children() if self.args.num_processes > 1 else [process]  # under their launcher
        with suppress(psutil.NoSuchProcess):
            for reader in readers:
                self.memory[reader.pid].append((rows, reader.memory_info().rss))


def main():
    args = parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    crops = [image for shard in find_shards(args.crops) for _, image in shard]
    shards = list(draw_shards(args, len(crops), rng))
    data, output_dir = args.work_dir / "shards", args.work_dir / "readings"
    if args.work_dir.exists():
        raise SystemExit(f"error: {args.work_dir} is there already: give a --work_dir that is not")
    data.mkdir(parents=True)
    for shard in tqdm(shards, desc="writing shards"):
        shard.write(data, crops)
    model = args.model or write_random_network(args.work_dir / "network")

    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", args.num_processes]
    command = [sys.executable, *(launcher if args.num_processes > 1 else []), READ_WORDS, "--data", data]
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
    """A network that costs little and reads different things in different images."""
    tokenizer = CRNNTokenizer(charset="94")
    config = CRNNConfig(
        vocab_size=len(tokenizer), conv_channels=[4, 4, 8, 8, 8, 8, 8], hidden_size=16, num_hidden_layers=1
    )
    model = CRNNForCTC(config)
    with torch.no_grad():
        for parameter in model.crnn.layers.parameters():
            parameter.mul_(3)  # a fresh network hardly looks at its image
        model.ctc_head.weight.normal_(std=3)
        model.ctc_head.bias.zero_()[0] = 4  # some frames are blank
    model.save_pretrained(folder)
    CRNNProcessor(CRNNImageProcessorPil(), tokenizer).save_pretrained(folder)
    return folder


def check(shards: list[Shard], output_dir: Path) -> tuple[list[str], dict[int, set[str]]]:
    """Compares what was written with what had to be.

    Returns:
        What is wrong, and the texts that were read in each crop.
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
        problems.append(f"{changing} crops were not read the same each time")
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
    speed = re.findall(r"^(.* images/s), (.*) a process, (.*) a second of one core", runs.output, re.MULTILINE)
    rows = {
        "rows": f"{args.num_crops:,} in {len(shards):,} shards, of {num_distinct:,} different crops",
        "bad images": f"{num_bad:,}",
        "different texts": f"{num_texts:,}",
        "killed after rows": ", ".join(f"{rows:,}" for rows in runs.kills) or "never",
        "lost, doubled, left over, read differently": f"{len(problems):,} problems" if problems else "nothing",
        "time of all runs": f"{runs.seconds:,.0f} s, {args.num_processes} processes",
        "last run": f"{speed[0][0]}; {speed[0][2]} a second of one core's time" if speed else "read nothing",
        "peak of a process": f"{runs.peak:,.0f} MB",
        "growth of a process": f"{runs.growth:,.1f} MB a million rows",
    }
    print("| | |\n|---|---|")
    for name, value in rows.items():
        print(f"| {name} | {value} |")
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--crops", nargs="+", type=Path, required=True, help="word images: what read_words.py takes as --data")
    add("--work_dir", type=Path, required=True, help="a new folder: shards (3 kB a row, as the crops are), readings")
    add("--num_crops", type=int, default=1_000_000, help="rows to read (default: 1,000,000)")
    add("--rows_per_shard", type=int, default=10_000, help="default: 10,000")
    add("--kills", type=int, default=5, help="how often the run is killed (default: 5)")
    add("--model", help="checkpoint folder or Hub repository (default: a small network with random weights)")
    add("--num_processes", type=int, default=1, help="of read_words.py, each with one thread (default: 1)")
    add("--batch_size", type=int, default=64, help="of read_words.py (default: 64)")
    add("--precision", default="auto", help="of read_words.py (default: auto)")
    add("--decoder", help="of read_words.py (default: what the checkpoint reads with)")
    add("--device", default="cpu", help="of read_words.py (default: cpu)")
    add("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
